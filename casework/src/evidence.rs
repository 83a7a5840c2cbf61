//! What is known of a file, and who keeps it?
//!
//! By default nobody here keeps the file itself: its digests and its size are facts, which every country lets one keep.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::vault::Digits;
use crate::{Error, Sealed};

/// A file that belongs to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Its SHA-256, by which everything else speaks of it.
    #[serde(with = "crate::entry::digits")]
    pub sha256: [u8; 32],
    /// Its MD5 in lower-case hexadecimal digits, which the authority answers an upload with.
    pub md5: String,
    /// Its length in bytes.
    pub len: u64,
    /// What kind of file its first bytes say it is, such as `image/png`.
    pub media_type: String,
    /// The name it came with, at most 255 characters.
    #[serde(with = "crate::sealed::text")]
    pub name: Sealed<String>,
    /// Who keeps it.
    pub kept: Kept,
}

/// Who keeps a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Nobody here: only these facts are kept.
    Facts,
    /// The service where it was found; it is read from there, and checked, when it is sent.
    ByTheService {
        /// The path of the file on that service's own storage.
        #[serde(with = "crate::sealed::text")]
        path: Sealed<String>,
    },
    /// The vault here.
    InVault(Sealing),
    /// Nobody here any more.
    Erased {
        /// The day on which no backup holds it either; none where that is not known.
        complete_on: Option<Date>,
    },
}

/// How a file lies in the vault: encrypted to a key of its own, which is encrypted to its month's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealing {
    /// Its name there.
    pub item: String,
    /// The name of the month's key.
    pub key: String,
    /// SHA-256 of the encrypted file.
    pub file: Digits,
    /// SHA-256 of its encrypted key.
    pub wrapped: Digits,
}

impl Kept {
    /// Whether the file itself can be sent.
    pub fn can_be_sent(&self) -> bool {
        match self {
            Kept::Facts | Kept::Erased { .. } => false,
            Kept::ByTheService { .. } | Kept::InVault(_) => true,
        }
    }
}

impl Kept {
    /// How it lies in the vault, where it does.
    pub fn sealing(&self) -> Option<&Sealing> {
        match self {
            Kept::InVault(sealing) => Some(sealing),
            Kept::Facts | Kept::ByTheService { .. } | Kept::Erased { .. } => None,
        }
    }
}

impl Evidence {
    /// The longest name that is kept, in characters.
    pub const NAME_CHARS_MAX: usize = 255;

    /// Checks what is said of a file.
    ///
    /// # Errors
    /// [`Error::Text`] names the field.
    pub fn check(&self) -> Result<(), Error> {
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if self.md5.len() != 32 || !is_hex(&self.md5) {
            return Err(Error::Text { field: "md5", n_chars: self.md5.chars().count(), n_chars_max: 32 });
        }
        crate::referral::text("the file's name", self.name.open(), Self::NAME_CHARS_MAX)?;
        crate::referral::text("the file's kind", &self.media_type, Self::NAME_CHARS_MAX)
    }

    /// The SHA-256 as 64 hexadecimal digits.
    pub fn digits(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
