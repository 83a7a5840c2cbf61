//! Which policy does this name or path mean?

use std::path::Path;

use guard::Policy;

use crate::{Error, read};

/// A policy file larger than this is not one, bytes.
const BYTES_MAX: u64 = 1 << 20;

/// The shipped policy of this name, or the one in the file at this path.
///
/// # Errors
/// [`Error::Read`] when there is neither, [`Error::Policy`] when the text is not a valid policy.
pub fn load(name: &str) -> Result<Policy, Error> {
    if let Some(policy) = Policy::shipped(name) {
        return Ok(policy);
    }
    let text = read::text(Path::new(name), BYTES_MAX)?;
    Policy::parse(&text).map_err(|source| Error::Policy { name: name.to_owned(), source })
}
