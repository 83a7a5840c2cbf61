//! How do the parts of a file lie here that is not all here yet?
//!
//! `uploads/NUMBER` holds each part as an age file, sealed to the month's key the moment it came: an age file cannot be
//! gone on with where a program was killed, so each part is one of its own. What is finished is sealed anew as one item.

use std::collections::BTreeSet;
use std::io::{self, Cursor, Read};

use age::x25519::{Identity, Recipient};
use casework::vault::MonthKey;

use super::{Error, Files};

/// The longest part that is read, in bytes.
const PART_LEN_MAX: u64 = 64 << 20;

/// The parts of one file, read one after another.
pub(crate) struct Parts {
    files: Files,
    folder: String,
    month: Identity,
    n_parts: u32,
    next: u32,
    piece: Cursor<Vec<u8>>,
}

impl Files {
    /// Seals one part; it is on the disk when this returns. One that nobody took note of is written over.
    pub(crate) fn put_part(&self, upload: &str, part: u32, key: &MonthKey, bytes: &[u8]) -> Result<(), Error> {
        let month: Recipient = key.recipient.parse().map_err(|_| Error::BadKey { what: key.name.clone() })?;
        let sealed = age::encrypt(&month, bytes).map_err(|_| Error::BadKey { what: key.name.clone() })?;
        let (folder, name) = (format!("uploads/{upload}"), part_name(part));
        match std::fs::remove_file(self.folder.join(&folder).join(&name)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Io { what: format!("{folder}/{name}"), source });
            }
            Ok(()) | Err(_) => {}
        }
        self.put(&folder, &name, &sealed)?;
        self.sync("uploads")
    }

    /// Everything that is here of a file, from its beginning.
    ///
    /// # Errors
    /// [`Error::NoKey`] when the month's key is not on this machine. Reading fails when a part was altered.
    pub(crate) fn parts(&self, upload: &str, n_parts: u32, key: &str) -> Result<Parts, Error> {
        let (folder, month) = (format!("uploads/{upload}"), self.month_key(key)?);
        Ok(Parts { files: self.clone(), folder, month, n_parts, next: 0, piece: Cursor::default() })
    }

    /// Removes what is here of a file. Again is no error.
    pub(crate) fn erase_parts(&self, upload: &str) -> Result<(), Error> {
        match std::fs::remove_dir_all(self.folder.join("uploads").join(upload)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::Io { what: format!("uploads/{upload}"), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The numbers of all files of which a part is here.
    pub(crate) fn with_parts(&self) -> Result<BTreeSet<String>, Error> {
        let io = |source| Error::Io { what: "uploads".to_owned(), source };
        let entries = match std::fs::read_dir(self.folder.join("uploads")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(source) => return Err(io(source)),
        };
        entries.map(|entry| Ok(entry.map_err(io)?.file_name().to_string_lossy().into_owned())).collect()
    }
}

impl Read for Parts {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            let n_bytes = self.piece.read(to)?;
            if n_bytes > 0 || to.is_empty() || self.next == self.n_parts {
                return Ok(n_bytes);
            }
            let path = self.files.folder.join(&self.folder).join(part_name(self.next));
            let sealed = crate::file::read(&path, PART_LEN_MAX)?;
            self.piece = Cursor::new(age::decrypt(&self.month, &sealed).map_err(io::Error::other)?);
            self.next += 1;
        }
    }
}

fn part_name(part: u32) -> String {
    format!("{part:08}.age")
}
