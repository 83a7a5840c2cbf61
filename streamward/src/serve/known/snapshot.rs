//! Where is the index of a large list kept between two starts?
//!
//! In a file that is mapped into memory, named after the list's own digest: it is shared by every program that serves
//! the list, and what is not asked for need not be in memory. It is written under another name first; whatever ends the
//! program meanwhile, the next start finds a whole file or none, and builds the index itself.

#![allow(unsafe_code, reason = "a file can be mapped into memory in no other way")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use known::{Hash256, Index};
use memmap2::Mmap;

/// How the names of files end that were never finished.
const UNFINISHED: &str = ".unfinished";

/// The index of these hashes, from its file where that is whole and of these hashes.
pub(super) fn open_or_build(folder: &Path, sha256: &[u8; 32], hashes: &[Hash256]) -> Result<Index> {
    let path = path(folder, sha256);
    if let Some(index) = open(&path, hashes) {
        return Ok(index);
    }
    let index = Index::build(hashes.iter().copied())?;
    write(&path, &index).with_context(|| {
        format!(
            "cannot keep the index {}\n  to do: make room there, or name another folder with --data",
            path.display()
        )
    })?;
    // From here on the file's memory is used, and what it was built in can go.
    Ok(open(&path, hashes).unwrap_or(index))
}

pub(super) fn path(folder: &Path, sha256: &[u8; 32]) -> PathBuf {
    folder.join(format!("{}.index", Hash256(*sha256)))
}

fn open(path: &Path, hashes: &[Hash256]) -> Option<Index> {
    let file = File::open(path).ok()?;
    // SAFETY: nobody changes the file while it is mapped. This program writes such files under another name and renames
    // them, never in place, in a folder of its own.
    let map = unsafe { Mmap::map(&file) }.ok()?;
    let index = match Index::open(map) {
        Ok(index) => index,
        Err(error) => {
            eprintln!("the index {} is made anew: {error}", path.display());
            return None;
        }
    };
    // Its checksum tells damage, not whose it is; only the hashes of the list itself are believed.
    let is_same =
        index.len() == hashes.len() && (0..).zip(hashes).all(|(number, hash)| index.hash(number) == Some(*hash));
    is_same.then_some(index)
}

/// Writes the file, whole or not at all, and takes away what was left half-written before.
fn write(path: &Path, index: &Index) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for entry in std::fs::read_dir(folder)?.flatten() {
        let other = entry.file_name().to_string_lossy().into_owned();
        if other.starts_with(&name) && other.ends_with(UNFINISHED) {
            // What cannot be taken away takes room and does no harm.
            let _ = std::fs::remove_file(entry.path());
        }
    }
    let snapshot = index.snapshot().context("an index that was just built has nothing pending")?;
    let mut file = tempfile::Builder::new().prefix(&name).suffix(UNFINISHED).tempfile_in(folder)?;
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    out.write_all(&snapshot.header)?;
    out.write_all(snapshot.body)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_is_used_and_any_other_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let hashes: Vec<Hash256> = (0..5000_u32)
            .map(|i| Hash256(std::array::from_fn(|k| (i.wrapping_mul(2_654_435_761) >> (k % 25)) as u8)))
            .collect();
        let (sha256, path) = ([7; 32], path(folder.path(), &[7; 32]));
        let asked = |hashes: &[Hash256]| open_or_build(folder.path(), &sha256, hashes).unwrap().query(&hashes[7], 0);
        assert_eq!(asked(&hashes)[0].number, 7);
        let whole = std::fs::read(&path).unwrap();
        assert!(open(&path, &hashes).is_some());
        assert!(open(&path, &hashes[1..]).is_none(), "of another list");
        let mut changed = whole.clone();
        changed[9000] ^= 1;
        for bytes in [&whole[..whole.len() / 2], &[], &changed, b"swknown1"] {
            std::fs::write(&path, bytes).unwrap();
            std::fs::write(
                folder.path().join(format!("{}.x{UNFINISHED}", path.file_name().unwrap().to_string_lossy())),
                bytes,
            )
            .unwrap();
            assert!(open(&path, &hashes).is_none());
            assert_eq!(asked(&hashes)[0].number, 7);
            assert_eq!(std::fs::read(&path).unwrap(), whole);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written stays");
        }
    }
}
