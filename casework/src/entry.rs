//! What stands in the log about a case?
//!
//! Each entry becomes one leaf of a [`record::Tree`]: it names what happened by identifiers and digests, so that the log
//! can be shown to an auditor without showing what the case is about.

use jiff::Timestamp;
use record::Hash;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Person;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, UTC.
    pub at: Timestamp,
    /// Which case; `people`, `vault` or `quality` for what belongs to none.
    pub case: String,
    /// Who did it; none when a program did.
    pub who: Option<Person>,
    /// What happened.
    pub action: Action,
    /// SHA-256 of what it happened to, as it is stored: a referral, an event, a document, a step.
    #[serde(with = "digits")]
    pub body_sha256: [u8; 32],
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Something was referred.
    Referred,
    /// A file, or what is known of one, was added.
    Evidence,
    /// The case moved.
    Moved,
    /// A person looked at a file.
    Viewed,
    /// A report was drafted.
    Drafted,
    /// A document was found valid.
    Validated,
    /// A second person approved a report.
    Approved,
    /// A report was taken back before it was sent.
    Withdrawn,
    /// A step of a filing was journaled.
    Filing,
    /// A person asked for an export, allowed one, or took it away.
    Exported,
    /// Decisions were drawn for a second look, or one was looked at.
    Quality,
    /// What was paid was put into a case.
    Paid,
    /// An appeal came, or was answered.
    Appeal,
    /// A hold was placed or ended.
    Hold,
    /// A file was erased.
    Erased,
    /// The vault was opened, shut, given a key, or asked to erase.
    Vault,
    /// Somebody was let in, or what they may do was changed.
    People,
}

impl Action {
    /// A few words for pages.
    pub fn name(self) -> &'static str {
        match self {
            Action::Referred => "referred",
            Action::Evidence => "evidence added",
            Action::Moved => "case moved",
            Action::Viewed => "file viewed",
            Action::Drafted => "report drafted",
            Action::Validated => "report validated",
            Action::Approved => "report approved",
            Action::Withdrawn => "report withdrawn",
            Action::Filing => "filing step",
            Action::Exported => "export",
            Action::Quality => "second look",
            Action::Paid => "payment added",
            Action::Appeal => "appeal",
            Action::Hold => "hold",
            Action::Erased => "file erased",
            Action::Vault => "vault",
            Action::People => "people changed",
        }
    }
}

impl Entry {
    /// The entry about an action whose body is stored as `body`.
    pub fn about(case: &str, who: Option<Person>, action: Action, body: &str, at: Timestamp) -> Entry {
        Entry { at, case: case.to_owned(), who, action, body_sha256: Sha256::digest(body).into() }
    }

    /// The bytes of the leaf: one line of JSON with its fields in this order.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("names, moments and digits can be written as JSON")
    }

    /// The leaf.
    pub fn hash(&self) -> Hash {
        Hash::of_entry(&self.to_bytes())
    }
}

/// 32 bytes as 64 lower-case hexadecimal digits.
pub mod digits {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the digits.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    /// Reads the digits.
    ///
    /// # Errors
    /// The deserializer's own, and when it is anything but 64 such digits.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Error::custom("not 64 hexadecimal digits"));
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..][..2], 16).map_err(Error::custom)?;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives_the_way_there_and_back_and_each_field_is_in_its_hash() {
        let entry = Entry {
            at: Timestamp::UNIX_EPOCH,
            case: "case 1".into(),
            who: Some(Person::new("ada").unwrap()),
            action: Action::Moved,
            body_sha256: [0xab; 32],
        };
        assert_eq!(serde_json::from_slice::<Entry>(&entry.to_bytes()).unwrap(), entry);
        for other in [
            Entry { at: Timestamp::MAX, ..entry.clone() },
            Entry { case: "case 2".into(), ..entry.clone() },
            Entry { who: None, ..entry.clone() },
            Entry { action: Action::Viewed, ..entry.clone() },
            Entry { body_sha256: [0xaa; 32], ..entry.clone() },
        ] {
            assert_ne!(other.hash(), entry.hash());
        }
    }
}
