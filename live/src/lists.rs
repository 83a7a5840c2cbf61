//! Which lists of known material does the guard compare with?

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use known::list::{Memory, SIGNATURES_BYTES_MAX, Signatures};
use known::{Hash256, List};
use record::{Key, Quorum};

use crate::Error;

pub use known::list::TEST_CARD;

/// A list of known material larger than this is not read into memory by the guard, bytes.
pub const BYTES_MAX: u64 = 2 << 30;

/// A list, loaded whole or not at all.
pub struct KnownList {
    name: Arc<str>,
    list: List,
}

/// Who must have signed a list before the guard uses it.
pub struct Trust {
    /// Nobody's signature is asked for where the policy names no keys.
    quorum: Option<Quorum>,
    memory: PathBuf,
}

impl Trust {
    /// What the policy asks of its lists.
    ///
    /// Which versions were seen is remembered in the file `lists-seen`, in the folder `$STREAMWARD_STATE`, else in
    /// `streamward` in `$XDG_STATE_HOME`, else in `~/.local/state/streamward`.
    ///
    /// # Errors
    /// [`Error::Trust`] when a key is not one, or there is no place to remember anything in.
    pub fn of(policy: &guard::Policy) -> Result<Trust, Error> {
        if policy.judges.list_keys.is_empty() {
            return Ok(Trust { quorum: None, memory: PathBuf::new() });
        }
        let keys = policy.judges.list_keys.iter().map(|text| Key::parse(text)).collect::<Result<Vec<Key>, _>>();
        let quorum = keys.and_then(|keys| Quorum::new(policy.judges.list_keys_needed as usize, keys));
        let quorum = quorum.map_err(|error| Error::Trust {
            what: error.to_string(),
            todo: "mend judges.list_keys in the policy: one public key each, as `streamward list key` prints it",
        })?;
        let memory = memory_file().ok_or(Error::Trust {
            what: "there is no place to remember which versions were seen".into(),
            todo: "set STREAMWARD_STATE to a folder that the guard may write to",
        })?;
        Ok(Trust { quorum: Some(quorum), memory })
    }

    /// Loads the list at the path `name`, or the built-in one if it is [`TEST_CARD`].
    ///
    /// # Errors
    /// [`Error::Read`] when the file cannot be read, [`Error::List`] when any line of it is wrong,
    /// [`Error::Untrusted`] when it breaks a rule about signatures, [`Error::Trust`] when that cannot be told.
    pub fn load(&self, name: &str) -> Result<KnownList, Error> {
        if name == TEST_CARD {
            let list = List::test_card();
            return Ok(KnownList { name: list.name().into(), list });
        }
        let path = Path::new(name);
        let text = crate::read::text(path, BYTES_MAX)?;
        let read = List::read_with_digest(text.as_bytes());
        let (list, sha256) = read.map_err(|source| Error::List { path: name.into(), source })?;
        if let Some(quorum) = &self.quorum {
            self.verify(path, &list, &sha256, quorum)?;
        }
        Ok(KnownList { name: list.name().into(), list })
    }

    fn verify(&self, path: &Path, list: &List, sha256: &[u8; 32], quorum: &Quorum) -> Result<(), Error> {
        let untrusted = |error| match error {
            known::Error::Trust(rule) => Error::Untrusted { path: path.to_owned(), rule },
            source => Error::List { path: path.to_owned(), source },
        };
        let beside = PathBuf::from(format!("{}.sig", path.display()));
        let signatures = match beside.exists() {
            true => crate::read::text(&beside, SIGNATURES_BYTES_MAX as u64)?,
            false => return Err(untrusted(known::Error::Trust(known::TrustError::Unsigned))),
        };
        let mut memory = self.memory()?;
        let seen = Signatures::parse(signatures.as_bytes())
            .and_then(|signatures| signatures.verify(&list.header(), sha256, quorum, memory.seen(list.name())))
            .map_err(untrusted)?;
        match memory.remember(list.name(), seen) {
            true => self.write(&memory),
            false => Ok(()),
        }
    }

    fn memory(&self) -> Result<Memory, Error> {
        if !self.memory.exists() {
            return Ok(Memory::default());
        }
        Memory::parse(&crate::read::text(&self.memory, SIGNATURES_BYTES_MAX as u64)?).map_err(|error| Error::Trust {
            what: format!("{}: {error}", self.memory.display()),
            todo: "restore that file; to take an older list for new would let known material through",
        })
    }

    fn write(&self, memory: &Memory) -> Result<(), Error> {
        let folder = self.memory.parent().unwrap_or(Path::new("."));
        let written = std::fs::create_dir_all(folder).and_then(|()| {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(memory.to_string().as_bytes())?;
            file.as_file().sync_all()?;
            Ok(file.persist(&self.memory)?)
        });
        written.map(|_| ()).map_err(|error| Error::Trust {
            what: format!("cannot remember in {} which versions were seen: {error}", self.memory.display()),
            todo: "set STREAMWARD_STATE to a folder that the guard may write to",
        })
    }
}

/// Where the versions that were seen are remembered.
pub(crate) fn memory_file() -> Option<PathBuf> {
    state_folder().map(|folder| folder.join("lists-seen"))
}

/// Where the guard remembers: `$STREAMWARD_STATE`, else `streamward` in `$XDG_STATE_HOME`, else in `~/.local/state`.
pub(crate) fn state_folder() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of_user = || folder("HOME").map(|home| home.join(".local/state"));
    folder("STREAMWARD_STATE").or_else(|| Some(folder("XDG_STATE_HOME").or_else(of_user)?.join("streamward")))
}

impl KnownList {
    /// What the list is called.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The list itself.
    pub fn list(&self) -> &List {
        &self.list
    }

    /// The nearest entry within the radius: its id and distance.
    pub fn nearest(&self, hash: &Hash256, distance_bits_max: u32) -> Option<(Arc<str>, u32)> {
        let found = self.list.nearest(hash, distance_bits_max)?;
        Some((found.entry.id.as_ref().into(), found.distance_bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guard::{Colour, Format, Frame, Size, test_card};

    fn distance(width: usize, height: usize, edit: impl Fn(u8) -> u8) -> (u32, u8) {
        let size = Size { width, height };
        let data: Vec<u8> = test_card::draw_in(Format::I420, Colour::Bt601, size).into_iter().map(edit).collect();
        let frame = Frame::packed(Format::I420, Colour::Bt601, size, &data).unwrap();
        let pdq = crate::hash::pdq(&frame);
        let known = Trust { quorum: None, memory: PathBuf::new() }.load(TEST_CARD).unwrap();
        (known.nearest(&pdq.hash, 256).unwrap().1, pdq.quality)
    }

    #[test]
    fn the_test_card_is_known_at_every_size() {
        for (width, height) in
            [(160, 90), (320, 180), (426, 240), (641, 359), (640, 480), (1280, 720), (1920, 1080), (720, 1280)]
        {
            let (distance_bits, quality) = distance(width, height, |v| v);
            assert!(distance_bits <= 20 && quality >= 80, "{width}×{height}: {distance_bits} bits, quality {quality}");
        }
    }

    #[test]
    fn the_test_card_is_known_darker_and_brighter() {
        for edit in [|v: u8| v / 2, |v: u8| v.saturating_add(40), |v: u8| v / 4 * 3 + 20] {
            let (distance_bits, quality) = distance(640, 360, edit);
            assert!(distance_bits <= 20 && quality >= 80, "{distance_bits} bits, quality {quality}");
        }
    }
}
