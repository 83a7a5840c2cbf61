//! What does a node know about how far behind it is?
//!
//! A file beside the lists, written anew every few seconds, which whoever serves the lists reads: `streamward serve
//! --followed FILE` answers `/readyz` and `/metrics` from it. A file that is old says that nobody looks.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// How far behind the copies of a node are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// When the bus was last heard, seconds since 1970; 0 for never.
    pub heard_s: u64,
    /// Each list that is followed.
    pub lists: Vec<OfList>,
}

/// How far behind one is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfList {
    /// Its name.
    pub name: String,
    /// The version that lies here; none where there is none.
    pub version: Option<u64>,
    /// The newest version that enough people have signed.
    pub newest: Option<u64>,
    /// Since when it is not the one that lies here, seconds since 1970.
    pub behind_since_s: Option<u64>,
    /// Why what is on the bus was refused.
    pub refused: Option<String>,
}

impl Status {
    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self).expect("names and numbers can be written as JSON");
        super::follow::replace(path, &text)
    }
}
