//! Lists of known material on many machines: every node holds the whole of each, and none takes an older one for new.
//!
//! A publisher puts a version of a list on the bus's object store: its text, what changed since the version before, and
//! last its signatures, which say which version is the newest. A node [`follow`]s: it asks the signatures first, by the
//! keys and the memory that it has itself, and only then fetches anything. The bus is believed in nothing: what comes
//! out of a delta, or whole, must have the digest that was signed.
//!
//! `known::list` says what a signature means, and what is older, altered or rewritten. Here is what moves the bytes.

pub mod publish;
pub mod follow;
pub mod status;

use std::io::BufReader;
use std::path::{Path, PathBuf};

use known::List;
use known::list::{SIGNATURES_BYTES_MAX, Seen, Signatures};
use record::{Key, Quorum};

use crate::Error;

/// LIST.sig
pub fn beside(list: &Path) -> PathBuf {
    let mut name = list.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// The rule that `n_needed` of the keys in a file must have signed, one key a line.
///
/// # Errors
/// [`Error::File`], or [`Error::List`] when a line is no key or the rule cannot be one.
pub fn quorum(keys: &Path, n_needed: usize) -> Result<Quorum, Error> {
    let text =
        std::fs::read_to_string(keys).map_err(|source| Error::File { what: "read", path: keys.into(), source })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let all = lines.map(Key::parse).collect::<Result<Vec<_>, _>>();
    let rule = all.and_then(|all| Quorum::new(n_needed, all));
    rule.map_err(|why| Error::List { what: format!("the keys in {}", keys.display()), why: why.to_string() })
}

/// The signatures in a file.
pub(crate) fn signatures_in(path: &Path) -> Result<Signatures, Error> {
    let failed = |source| Error::File { what: "read", path: path.into(), source };
    let n_bytes = std::fs::metadata(path).map_err(failed)?.len();
    let unusable = |why: String| Error::List { what: format!("the signatures {}", path.display()), why };
    if n_bytes > SIGNATURES_BYTES_MAX as u64 {
        return Err(unusable(format!("they have {n_bytes} bytes, more than any such file")));
    }
    Signatures::parse(&std::fs::read(path).map_err(failed)?).map_err(|why| unusable(why.to_string()))
}

/// A list that its publishers signed, read from a file, whole or not at all; with what to remember of it.
pub(crate) fn believed(
    text: &Path,
    signatures: &Signatures,
    quorum: &Quorum,
    seen: Option<&Seen>,
) -> Result<(List, Seen), Error> {
    let file = std::fs::File::open(text).map_err(|source| Error::File { what: "read", path: text.into(), source })?;
    let read = List::read_with_digest(BufReader::with_capacity(1 << 20, file));
    let checked = read.and_then(|(list, sha256)| {
        let seen = signatures.verify(&list.header(), &sha256, quorum, seen)?;
        Ok((list, seen))
    });
    checked.map_err(|why| Error::List { what: format!("the list {}", signatures.name()), why: why.to_string() })
}

pub(crate) fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
