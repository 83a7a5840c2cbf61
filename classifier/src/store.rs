//! Where do models lie on this machine, and which of them are trusted?
//!
//! A folder with `NAME/model.onnx` and `NAME/manifest.toml` for each model, and `onnxruntime/` for that library.
//! A model whose manifest comes with this crate must have the hash that is pinned here, whatever the manifest on the
//! disk says, unless somebody names another hash on purpose. Any other model has the hash that it was added with.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::manifest::is_name;
use crate::{Error, Library, Manifest, Model, RuntimeChoice, Sha256, shipped};

/// A folder of models.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// The largest model that is read.
const MODEL_SIZE_MAX: u64 = 2 << 30;

/// The largest manifest that is read.
const MANIFEST_SIZE_MAX: u64 = 1 << 20;

impl Store {
    /// The store in `folder`, which need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> Store {
        Store { folder: folder.into() }
    }

    /// The user's store: `$STREAMWARD_MODELS`, else `$XDG_DATA_HOME/streamward/models`, else
    /// `~/.local/share/streamward/models`; `None` when none of these variables is set.
    pub fn of_user() -> Option<Store> {
        let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = folder("STREAMWARD_MODELS")
            .or_else(|| folder("XDG_DATA_HOME").map(|home| home.join("streamward/models")))
            .or_else(|| folder("HOME").map(|home| home.join(".local/share/streamward/models")))?;
        Some(Store { folder })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the onnxruntime library of this store lies, if it was fetched.
    pub fn onnxruntime(&self) -> PathBuf {
        self.folder.join("onnxruntime").join(Library::FILE_NAME)
    }

    /// The names of the models that are here, in order.
    ///
    /// # Errors
    /// [`Error::File`] when the folder exists and cannot be read.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| file_error("read", &self.folder, source))?,
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.path().join("manifest.toml").is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| is_name(name))
            .collect();
        names.sort();
        Ok(names)
    }

    /// The manifest of the model `name`: the shipped one where its hash is wanted, else the one beside the model.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::File`], or what [`Manifest::parse`] says.
    pub fn manifest(&self, name: &str) -> Result<Manifest, Error> {
        let missing = || Error::NoModel { name: name.to_owned(), folder: self.folder.clone() };
        if !is_name(name) {
            return Err(missing());
        }
        let path = self.folder.join(name).join("manifest.toml");
        if !path.is_file() {
            return Err(missing());
        }
        let bytes = read(&path, MANIFEST_SIZE_MAX)?;
        let manifest = Manifest::parse(&String::from_utf8_lossy(&bytes))?;
        if manifest.name != name {
            let reason = format!("is {} and the folder is called {name}", manifest.name);
            return Err(Error::ManifestValue { model: name.to_owned(), key: "name", reason });
        }
        Ok(manifest)
    }

    /// The manifest and the bytes of the model `name`, whose hash was checked.
    ///
    /// `named` holds hashes that somebody accepts on purpose for a model that is pinned otherwise.
    ///
    /// # Errors
    /// [`Error::OtherHash`], and as [`Store::manifest`].
    pub fn read(&self, name: &str, named: &[Sha256]) -> Result<(Manifest, Vec<u8>), Error> {
        let on_disk = self.manifest(name)?;
        let bytes = read(&self.folder.join(name).join("model.onnx"), MODEL_SIZE_MAX)?;
        let found = Sha256::of(&bytes);
        let manifest = match shipped(name) {
            Some(pinned) if !named.contains(&found) => pinned,
            _ => on_disk,
        };
        if manifest.sha256 != found {
            let what = format!("the model {name} in {}", self.folder.display());
            return Err(Error::OtherHash { what, expected: manifest.sha256, found });
        }
        Ok((manifest, bytes))
    }

    /// Loads the model `name`.
    ///
    /// # Errors
    /// As [`Store::read`] and [`Model::load`].
    pub fn load(&self, name: &str, named: &[Sha256], runtime: &RuntimeChoice) -> Result<Model, Error> {
        let (manifest, bytes) = self.read(name, named)?;
        Model::load(manifest, bytes, runtime)
    }

    /// Adds a model, or replaces the one of that name.
    ///
    /// # Errors
    /// [`Error::OtherHash`] when the bytes are not the manifest's, [`Error::File`].
    pub fn add(&self, manifest: &Manifest, bytes: &[u8]) -> Result<(), Error> {
        let found = Sha256::of(bytes);
        if found != manifest.sha256 {
            let what = format!("the file for the model {}", manifest.name);
            return Err(Error::OtherHash { what, expected: manifest.sha256, found });
        }
        let folder = self.folder.join(&manifest.name);
        // The manifest comes last: a model without one is not there yet.
        write(&folder.join("model.onnx"), bytes)?;
        write(&folder.join("manifest.toml"), manifest.to_toml().as_bytes())
    }

    /// Adds the onnxruntime library.
    ///
    /// # Errors
    /// [`Error::OtherHash`] when it is not the pinned one, [`Error::File`].
    pub fn add_onnxruntime(&self, bytes: &[u8]) -> Result<(), Error> {
        let (found, expected) = (Sha256::of(bytes), Library::pinned_sha256());
        if found != expected {
            return Err(Error::OtherHash { what: Library::FILE_NAME.to_owned(), expected, found });
        }
        write(&self.onnxruntime(), bytes)
    }
}

fn read(path: &Path, size_max: u64) -> Result<Vec<u8>, Error> {
    let size = fs::metadata(path).map_err(|source| file_error("read", path, source))?.len();
    if size > size_max {
        let source = io::Error::other(format!("it has {size} bytes and may have {size_max}"));
        return Err(file_error("read", path, source));
    }
    fs::read(path).map_err(|source| file_error("read", path, source))
}

/// Writes beside the place and moves: a file is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |source| file_error("write", path, source);
    let folder = path.parent().expect("every path here has a folder");
    fs::create_dir_all(folder).map_err(failed)?;
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written.map_err(failed)
}

fn file_error(doing: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, bytes: &[u8]) -> Manifest {
        let mut manifest = shipped("open_nsfw").unwrap();
        (manifest.name, manifest.sha256) = (name.to_owned(), Sha256::of(bytes));
        manifest
    }

    #[test]
    fn what_was_added_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("models"));
        assert_eq!(store.names().unwrap(), [""; 0]);
        store.add(&manifest("mine", b"model"), b"model").unwrap();
        assert_eq!(store.names().unwrap(), ["mine"]);
        assert_eq!(store.read("mine", &[]).unwrap(), (manifest("mine", b"model"), b"model".to_vec()));
    }

    #[test]
    fn a_changed_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path());
        store.add(&manifest("mine", b"model"), b"model").unwrap();
        fs::write(folder.path().join("mine/model.onnx"), b"other").unwrap();
        assert!(matches!(store.read("mine", &[]), Err(Error::OtherHash { .. })));
        assert!(matches!(store.add(&manifest("mine", b"model"), b"other"), Err(Error::OtherHash { .. })));
    }

    #[test]
    fn a_shipped_name_needs_the_shipped_hash_unless_another_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path());
        store.add(&manifest("open_nsfw", b"own build"), b"own build").unwrap();
        assert!(matches!(store.read("open_nsfw", &[]), Err(Error::OtherHash { .. })));
        assert!(store.read("open_nsfw", &[Sha256::of(b"own build")]).is_ok());
    }

    #[test]
    fn a_name_never_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("models"));
        for name in ["../models", "", "/etc", ".", "nothing"] {
            assert!(matches!(store.read(name, &[]), Err(Error::NoModel { .. })), "{name}");
        }
        assert!(matches!(store.add_onnxruntime(b"other"), Err(Error::OtherHash { .. })));
    }
}
