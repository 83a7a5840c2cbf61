//! Is there an onnxruntime that may be loaded?
//!
//! A shared library is code that runs with all the rights of the program. It is used only when its SHA-256 is one that
//! is pinned here or that somebody named. Where none is found, the reason is a sentence that `doctor` shows.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Sha256, Store};

/// A libonnxruntime whose hash was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// Where it lies.
    pub path: PathBuf,
    /// Its hash.
    pub sha256: Sha256,
    /// Its version, where the hash is one of the pinned ones.
    pub version: Option<&'static str>,
}

/// Where to look for the library, and which hashes to accept besides the pinned ones.
#[derive(Clone, Debug, Default)]
pub struct LibrarySearch {
    /// Look here and nowhere else.
    pub path: Option<PathBuf>,
    /// Hashes that somebody named on purpose, as for a build of their own.
    pub named: Vec<Sha256>,
    /// Look in this store instead of the user's.
    pub store: Option<Store>,
}

/// The largest library that is read; 1.31.1 has 29 MB.
const SIZE_MAX: u64 = 256 << 20;

impl Library {
    /// The name under which [`Store`] keeps it.
    pub const FILE_NAME: &str = "libonnxruntime.so.1.31.1";

    /// Version and hash of each library that was tried.
    ///
    /// Source: `onnxruntime/capi/libonnxruntime.so.1.31.1` in the PyPI wheel
    /// `onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl`.
    pub const PINNED: [(&str, &str); 1] =
        [("1.31.1", "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3")];

    /// Looks in the path that was given or else, in this order: `$STREAMWARD_ONNXRUNTIME`, `$ORT_DYLIB_PATH`, the
    /// model store, and the program's own folder; takes the first whose hash is pinned or named.
    ///
    /// # Errors
    /// A sentence for a person that says what was found and why it is not used.
    pub fn search(search: &LibrarySearch) -> Result<Library, String> {
        let mut reasons = Vec::new();
        for path in candidates(search) {
            match check(&path, &search.named) {
                Ok(Some(library)) => return Ok(library),
                Ok(None) => {}
                Err(reason) => reasons.push(reason),
            }
        }
        match (&search.path, reasons.is_empty()) {
            (_, false) => Err(reasons.join("; ")),
            (Some(path), true) => Err(format!("there is no library at {}", path.display())),
            (None, true) => Err("no libonnxruntime was found; `streamward model fetch onnxruntime` fetches it".into()),
        }
    }

    /// The hash under which the library is pinned.
    pub fn pinned_sha256() -> Sha256 {
        Self::PINNED[0].1.parse().expect("a test reads every pinned hash")
    }
}

fn candidates(search: &LibrarySearch) -> Vec<PathBuf> {
    if let Some(path) = &search.path {
        return vec![path.clone()];
    }
    let named = ["STREAMWARD_ONNXRUNTIME", "ORT_DYLIB_PATH"].into_iter().filter_map(env::var_os).map(PathBuf::from);
    let stored = search.store.clone().or_else(Store::of_user).map(|store| store.onnxruntime());
    let beside = env::current_exe().ok().and_then(|program| Some(program.parent()?.join(Library::FILE_NAME)));
    named.chain(stored).chain(beside).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// The library at `path`, `None` when nothing is there.
fn check(path: &Path, named: &[Sha256]) -> Result<Option<Library>, String> {
    let size = match fs::metadata(path) {
        Ok(facts) if facts.is_file() => facts.len(),
        Ok(_) => return Err(format!("{} is no file", path.display())),
        Err(_) => return Ok(None),
    };
    if size > SIZE_MAX {
        return Err(format!("{} has {size} bytes, which no libonnxruntime has", path.display()));
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let sha256 = Sha256::of(&bytes);
    let version = Library::PINNED.iter().find(|(_, pin)| *pin == sha256.to_string()).map(|(version, _)| *version);
    if version.is_none() && !named.contains(&sha256) {
        return Err(format!("{} is not used: its SHA-256 {sha256} is neither pinned nor named", path.display()));
    }
    // A path without a slash would be looked up in the system's folders, where another file may lie.
    let path = fs::canonicalize(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(Some(Library { path, sha256, version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_a_hash() {
        for (_, pin) in Library::PINNED {
            assert!(pin.parse::<Sha256>().is_ok());
        }
        assert_eq!(Library::pinned_sha256().to_string(), Library::PINNED[0].1);
    }

    #[test]
    fn an_unknown_library_is_refused_unless_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        fs::write(&path, b"some code").unwrap();
        let mut search = LibrarySearch { path: Some(path), ..LibrarySearch::default() };
        let reason = Library::search(&search).unwrap_err();
        assert!(reason.contains("neither pinned nor named"), "{reason}");
        search.named = vec![Sha256::of(b"some code")];
        let library = Library::search(&search).unwrap();
        assert_eq!((library.sha256, library.version), (search.named[0], None));
    }

    #[test]
    fn an_absent_library_has_a_plain_reason() {
        let search = LibrarySearch { path: Some("nowhere/libonnxruntime.so".into()), ..LibrarySearch::default() };
        assert_eq!(Library::search(&search).unwrap_err(), "there is no library at nowhere/libonnxruntime.so");
    }
}
