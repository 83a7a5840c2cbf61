//! How does a version of a list get onto the bus?

use std::path::Path;

use known::list::{Signatures, delta};
use record::Quorum;

use super::{believed, beside, hex, signatures_in};
use crate::Error;
use crate::bus::jetstream::Lists;

/// What was put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The list's name.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// How many bytes a node needs that has the version before; none where it needs the whole.
    pub delta_bytes: Option<usize>,
}

/// Puts a list there, with LIST.sig: its text, what changed, and last its signatures, so that whoever sees those finds
/// the rest.
///
/// # Errors
/// [`Error::List`] when nobody would take it: too few have signed, or a later version is there.
pub async fn publish(lists: &Lists, file: &Path, quorum: &Quorum) -> Result<Published, Error> {
    let signatures = signatures_in(&beside(file))?;
    let (list, _) = believed(file, &signatures, quorum, None)?;
    let (name, version, sha256) = (list.name().to_owned(), list.version(), *signatures.sha256());
    let refused = |why: String| Error::List { what: format!("the list {}", file.display()), why };
    // What is there is believed no more than by anybody else.
    let there = lists.signatures(&name).await?;
    let there = there.and_then(|bytes| Signatures::parse(&bytes).ok());
    let there = there.filter(|there| there.name() == name && there.verify_unread(quorum, None).is_ok());
    if let Some(there) = &there
        && (there.version() > version || there.version() == version && *there.sha256() != sha256)
    {
        return Err(refused(format!("version {} of it is on the bus, and this is {version}", there.version())));
    }
    lists.put_text(&name, &sha256, file).await?;
    let delta_bytes = match there.filter(|there| *there.sha256() != sha256) {
        None => None,
        Some(there) => changed(lists, file, &name, there.sha256(), &sha256).await?,
    };
    lists.put_signatures(&name, signatures.to_string().as_bytes()).await?;
    Ok(Published { name, version, delta_bytes })
}

/// Puts there what changed since the version before; how long that is.
async fn changed(
    lists: &Lists,
    file: &Path,
    name: &str,
    before: &[u8; 32],
    sha256: &[u8; 32],
) -> Result<Option<usize>, Error> {
    let mut old = file.as_os_str().to_owned();
    old.push(format!(".{}", hex(before)));
    let old = Path::new(&old);
    let is_there = lists.fetch_text(name, before, old).await;
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|source| Error::File { what: "read", path: path.into(), source })
    };
    let texts = match is_there {
        Ok(true) => read(old).and_then(|old| Ok(Some((old, read(file)?)))),
        Ok(false) => Ok(None),
        Err(why) => Err(why),
    };
    let _ = std::fs::remove_file(old);
    let Some((old, new)) = texts? else { return Ok(None) };
    match delta(&old, &new).filter(|delta| delta.len() < new.len()) {
        None => Ok(None),
        Some(delta) => {
            lists.put_delta(name, before, sha256, delta.as_bytes()).await?;
            Ok(Some(delta.len()))
        }
    }
}
