//! Who signs the log?
//!
//! A key that lies beside the store and not in it: whoever edits the database cannot sign what they made of it.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use record::Signer;

use super::Error;

/// The signer whose key is in the folder; made anew where the log has no entries yet.
pub(super) fn of(data: &Path, n_entries: i64) -> Result<Signer, Error> {
    let file = data.join("log.key");
    match std::fs::read_to_string(&file) {
        Ok(text) => parse(&text).ok_or_else(|| {
            Error::Key(format!("{} is not a key of a log\n  to do: restore it from a backup", file.display()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && n_entries == 0 => make(data, &file),
        Err(error) => Err(Error::Key(format!(
            "cannot read the log's key {}: {error}\n  to do: restore it from a backup; without it nobody can sign what \
             the log says",
            file.display()
        ))),
    }
}

fn make(data: &Path, file: &Path) -> Result<Signer, Error> {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = format!("streamward-{} {}\n", digits(&crate::chance::bytes::<4>()), crate::chance::token());
    let signer = parse(&text).expect("it was just written");
    // Another process may make it at the same moment: the one whose file is there first counts.
    let written = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    match written {
        Ok(mut to) => {
            let done = to.write_all(text.as_bytes()).and_then(|()| to.sync_all());
            let done = done.and_then(|()| std::fs::write(data.join("log.pub"), format!("{}\n", signer.key())));
            done.map_err(|error| Error::Database(sqlx::Error::Io(error)))?;
            Ok(signer)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => of(data, 1),
        Err(error) => Err(Error::Database(sqlx::Error::Io(error))),
    }
}

fn parse(text: &str) -> Option<Signer> {
    let (name, digits) = text.trim_end().split_once(' ')?;
    let mut secret = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (index, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[index * 2..][..2], 16).ok()?;
    }
    Signer::new(name, &secret).ok()
}
