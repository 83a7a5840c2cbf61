//! Which files does an npm package hold?
//!
//! A package is a tar archive behind gzip. Only regular files in the folders asked for are kept; everything is bounded,
//! because the archive comes from outside.
//!
//! Source: POSIX.1-2017, pax, "ustar Interchange Format", for the header fields.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;

/// Paths with their contents.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// What an archive may unpack to; nsfwjs 4.4.0 has 41 MB.
const UNPACKED_MAX: u64 = 256 << 20;

/// What one kept file may have; the largest shard has 5.6 MB.
const FILE_MAX: u64 = 16 << 20;

/// How many entries an archive may have.
const ENTRIES_MAX: usize = 20_000;

const BLOCK: usize = 512;

/// Unpacks the files that lie directly in one of `folders` (each with its last slash).
pub(super) fn unpack(tgz: &[u8], folders: &[&str]) -> Result<Files, String> {
    let mut archive = GzDecoder::new(tgz).take(UNPACKED_MAX);
    let mut files = Files::new();
    for _ in 0..ENTRIES_MAX {
        let mut header = [0; BLOCK];
        archive.read_exact(&mut header).map_err(|error| format!("the archive is cut off or damaged: {error}"))?;
        if header.iter().all(|&byte| byte == 0) {
            // Read to the end, so that gzip's own checksum is compared.
            let rest = std::io::copy(&mut archive, &mut std::io::sink());
            return rest.map(|_| files).map_err(|error| format!("the archive is cut off or damaged: {error}"));
        }
        let entry = Entry::read(&header)?;
        let padded = entry.n_bytes.div_ceil(BLOCK as u64) * BLOCK as u64;
        if !entry.is_wanted(folders) {
            skip(&mut archive, padded)?;
            continue;
        }
        if entry.n_bytes > FILE_MAX {
            return Err(format!("{} has {} bytes and may have {FILE_MAX}", entry.path, entry.n_bytes));
        }
        let mut bytes = vec![0; padded as usize];
        archive.read_exact(&mut bytes).map_err(|error| format!("the archive ends inside {}: {error}", entry.path))?;
        bytes.truncate(entry.n_bytes as usize);
        files.insert(entry.path, bytes);
    }
    Err(format!("the archive has more than {ENTRIES_MAX} entries"))
}

/// The text of one file.
pub(super) fn file<'a>(files: &'a Files, folder: &str, name: &str) -> Result<&'a str, String> {
    let path = format!("{folder}{name}");
    let bytes = files.get(&path).ok_or_else(|| format!("{path} is missing"))?;
    std::str::from_utf8(bytes).map_err(|_| format!("{path} is not text"))
}

struct Entry {
    path: String,
    n_bytes: u64,
    is_file: bool,
}

impl Entry {
    fn read(header: &[u8; BLOCK]) -> Result<Entry, String> {
        let sum = |from: usize, to: usize| header[from..to].iter().map(|&byte| u64::from(byte)).sum::<u64>();
        // The checksum counts its own eight bytes as spaces.
        if octal(&header[148..156])? != sum(0, 148) + 8 * 32 + sum(156, BLOCK) {
            return Err("the archive is damaged: a header does not have its checksum".to_owned());
        }
        let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
        let is_ustar = &header[257..262] == b"ustar";
        let path = if is_ustar && !prefix.is_empty() { format!("{prefix}/{name}") } else { name };
        Ok(Entry { path, n_bytes: octal(&header[124..136])?, is_file: matches!(header[156], b'0' | 0) })
    }

    fn is_wanted(&self, folders: &[&str]) -> bool {
        let inside = |folder: &&str| self.path.strip_prefix(*folder).is_some_and(|rest| !rest.contains('/'));
        self.is_file && folders.iter().any(inside)
    }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn octal(field: &[u8]) -> Result<u64, String> {
    let digits = text(field);
    u64::from_str_radix(digits.trim_matches(' '), 8)
        .map_err(|_| format!("the archive is damaged: “{}” is no octal number", digits.escape_default()))
}

fn skip(archive: &mut impl Read, n_bytes: u64) -> Result<(), String> {
    let copied = std::io::copy(&mut archive.take(n_bytes), &mut std::io::sink());
    match copied {
        Ok(copied) if copied == n_bytes => Ok(()),
        Ok(_) => Err("the archive is cut off, or larger than it may be".to_owned()),
        Err(error) => Err(format!("the archive is cut off or damaged: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = Vec::new();
        for (path, bytes) in entries {
            let mut header = [0u8; BLOCK];
            header[..path.len()].copy_from_slice(path.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
            header[156] = b'0';
            header[148..156].fill(b' ');
            let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum();
            header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            tar.extend_from_slice(&header);
            tar.extend_from_slice(bytes);
            tar.resize(tar.len().div_ceil(BLOCK) * BLOCK, 0);
        }
        tar.resize(tar.len() + 2 * BLOCK, 0);
        tar
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn only_the_folders_asked_for_are_kept() {
        let tgz = gzip(&tar(&[("a/x", b"1"), ("a/b/y", b"2"), ("c/z", &[3; 700]), ("d/w", b"")]));
        let files = unpack(&tgz, &["a/", "c/"]).unwrap();
        assert_eq!(files.keys().collect::<Vec<_>>(), ["a/x", "c/z"]);
        assert_eq!(files["c/z"], [3; 700]);
        assert_eq!(file(&files, "a/", "x"), Ok("1"));
        assert_eq!(file(&files, "a/", "q"), Err("a/q is missing".to_owned()));
    }

    #[test]
    fn every_cut_is_noticed() {
        let tgz = gzip(&tar(&[("a/x", &[7; 2000])]));
        for cut in 0..tgz.len() {
            assert!(unpack(&tgz[..cut], &["a/"]).is_err(), "{cut} of {}", tgz.len());
        }
    }

    #[test]
    fn a_file_larger_than_it_may_be_is_refused() {
        let mut whole = tar(&[("a/x", b"1")]);
        whole[124..135].copy_from_slice(b"77777777777");
        assert!(unpack(&gzip(&whole), &["a/"]).unwrap_err().contains("checksum"));
        let bomb = gzip(&tar(&[("a/x", &vec![0; FILE_MAX as usize + 1])]));
        assert!(unpack(&bomb, &["a/"]).unwrap_err().contains("may have"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..1500), at in 0usize..1024, byte: u8) {
            let _ = unpack(&bytes, &["a/"]);
            let _ = unpack(&gzip(&bytes), &["a/"]);
            let mut damaged = tar(&[("a/x", b"1")]);
            damaged[at] = byte;
            let _ = unpack(&gzip(&damaged), &["a/"]);
        }
    }
}
