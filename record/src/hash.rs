//! How does an entry become a hash?
//!
//! Source: RFC 6962 §2.1 and RFC 9162 §2.1.1: SHA-256, with the byte 0 before an entry and the byte 1 before a pair,
//! so that no entry can pass as a pair.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::error::{Error, shortened};

/// The SHA-256 of an entry, of a pair of hashes, or of nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Hashes one entry.
    pub fn of_entry(entry: &[u8]) -> Hash {
        Hash(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
    }

    /// Hashes the pair of `left` and `right`.
    pub fn of_pair(left: Hash, right: Hash) -> Hash {
        Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// The root of a record without entries: the SHA-256 of nothing.
    pub fn of_nothing() -> Hash {
        Hash(Sha256::digest([]).into())
    }

    /// Reads the base64 that [`Display`](std::fmt::Display) writes: 44 characters with padding.
    ///
    /// # Errors
    /// [`Error::HashText`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Hash, Error> {
        let wrong = || Error::HashText { text: shortened(text) };
        let bytes = Some(text).filter(|text| text.len() == 44).and_then(|text| STANDARD.decode(text).ok());
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Hash).ok_or_else(wrong)
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_record_has_the_root_of_rfc_6962() {
        assert_eq!(Hash::of_nothing().to_string(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn an_entry_made_of_two_hashes_is_not_their_pair() {
        let (a, b) = (Hash::of_entry(b"a"), Hash::of_entry(b"b"));
        assert_ne!(Hash::of_entry(&[a.0, b.0].concat()), Hash::of_pair(a, b));
    }

    #[test]
    fn text_survives_the_way_there_and_back_and_nothing_else_is_read() {
        let hash = Hash::of_entry(b"entry");
        assert_eq!(Hash::parse(&hash.to_string()), Ok(hash));
        for wrong in ["", "47DE", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", &"=".repeat(44), &"é".repeat(22)] {
            assert!(matches!(Hash::parse(wrong), Err(Error::HashText { .. })), "{wrong}");
        }
    }
}
