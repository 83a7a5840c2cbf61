//! How is a file of limited size read, with an error that names it, and how a part of one that others read too?

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::io::Errno;

use crate::Error;

/// Reads a text file of at most `bytes_max`.
///
/// # Errors
/// [`Error::Read`] when it cannot be opened or read, is too large, is a folder, or is not UTF-8.
pub(crate) fn text(path: &Path, bytes_max: u64) -> Result<String, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    let n_bytes = file.take(bytes_max + 1).read_to_string(&mut text).map_err(failed)?;
    if n_bytes as u64 > bytes_max {
        return Err(Error::TooLarge { path: path.to_owned(), bytes_max });
    }
    Ok(text)
}

/// Reads a part of the file, wherever others read it.
pub(crate) fn at(file: &OwnedFd, bytes: &mut [u8], at: u64) -> Result<usize, Errno> {
    let mut n_read = 0;
    while n_read < bytes.len() {
        match rustix::io::pread(file, &mut bytes[n_read..], at + n_read as u64) {
            Ok(0) => break,
            Ok(n_bytes) => n_read += n_bytes,
            Err(Errno::INTR) => (),
            Err(error) => return Err(error),
        }
    }
    Ok(n_read)
}
