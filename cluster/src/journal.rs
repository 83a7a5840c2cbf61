//! What did a gate hear and decide, and when?
//!
//! One JSON object a line, in the order in which the machine was told: who held the lease, which answers came, what was
//! shown in each frame's place. It holds no picture. An auditor can reckon from it alone whether each frame that left
//! was judged under the lease that held; the fault test does.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Error;

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Begins a new one.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn create(path: &Path) -> Result<Journal, Error> {
        let file = File::create(path);
        let file = file.map_err(|source| Error::File { what: "write", path: path.to_owned(), source })?;
        Ok(Journal { path: path.to_owned(), file })
    }

    /// Adds what happened `at` since the stream began, as `at_us` beside it. A line is written at once, so that a
    /// process that is killed leaves what it did.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&mut self, at: Duration, mut what: serde_json::Value) -> Result<(), Error> {
        what["at_us"] = (at.as_micros() as u64).into();
        let line = format!("{what}\n");
        let failed = |source| Error::File { what: "write", path: self.path.clone(), source };
        self.file.write_all(line.as_bytes()).map_err(failed)
    }
}
