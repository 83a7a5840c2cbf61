//! What is in this file, and what kind of file is it?

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use casework::Sealed;
use casework::evidence::{Evidence, Kept};
use md5::Md5;
use sha2::{Digest, Sha256};

/// All bytes of a regular file of at most `len_max` bytes.
pub(crate) fn read(path: &Path, len_max: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > len_max {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    file.take(len_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What is known of a file, read in pieces: its digests, its length, and what its first bytes say it is.
pub(crate) fn facts(path: &Path, kept: Kept) -> io::Result<Evidence> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    facts_of(file, &name, kept)
}

/// As [`facts`], of what can be read, under this name.
pub(crate) fn facts_of(mut file: impl Read, name: &str, kept: Kept) -> io::Result<Evidence> {
    let (mut sha256, mut md5, mut len) = (Sha256::new(), Md5::new(), 0u64);
    let (mut piece, mut first) = (vec![0; 1 << 20], Vec::new());
    loop {
        let n_bytes = file.read(&mut piece)?;
        if n_bytes == 0 {
            break;
        }
        let piece = &piece[..n_bytes];
        if first.len() < 16 {
            first.extend_from_slice(&piece[..n_bytes.min(16)]);
        }
        sha256.update(piece);
        md5.update(piece);
        len += n_bytes as u64;
    }
    Ok(Evidence {
        sha256: sha256.finalize().into(),
        md5: md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
        len,
        media_type: media_type(&first).to_owned(),
        name: Sealed::new(plain(name)),
        kept,
    })
}

/// A file's name without what could lead out of a folder or break a line, at most 255 characters.
pub(crate) fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !c.is_control()).take(Evidence::NAME_CHARS_MAX).collect();
    match kept.trim_matches(['.', ' ']).is_empty() {
        true => "unnamed".to_owned(),
        false => kept,
    }
}

/// Source: the WHATWG MIME Sniffing Standard, §6, its tables of pictures and videos.
fn media_type(first: &[u8]) -> &'static str {
    match first {
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "video/mp4",
        [0x1A, 0x45, 0xDF, 0xA3, ..] => "video/webm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere() {
        for (name, kept) in [
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("..", "unnamed"),
            ("", "unnamed"),
            ("a\u{0}b\nc", "abc"),
            ("card.png", "card.png"),
        ] {
            assert_eq!(plain(name), kept);
        }
        assert_eq!(plain(&"x".repeat(9000)).len(), 255);
    }

    #[test]
    fn a_file_is_known_by_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        std::fs::write(&file, "\u{89}PNG").unwrap();
        std::fs::write(&file, b"\x89PNG\r\n").unwrap();
        let facts = facts(&file, Kept::Facts).unwrap();
        assert_eq!((facts.len, facts.media_type.as_str()), (6, "image/png"));
        assert!(facts.check().is_ok());
        assert!(super::facts(folder.path(), Kept::Facts).is_err(), "a folder is no file");
        assert!(read(&file, 5).is_err(), "too long");
    }
}
