//! Who sent or received, without saying who?
//!
//! A [`PartyId`] is an HMAC-SHA-256 of the account under the institution's own key. Scores never depend on its value,
//! only on whether two are equal, so a change of key changes no score. Names are not read at all.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::Error;

/// A party's pseudonym: 128 bits of a keyed hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(pub [u8; 16]);

impl PartyId {
    /// Reads what [`fmt::Display`] prints: `p:` and 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<PartyId> {
        let digits = text.strip_prefix("p:")?;
        let is_hexadecimal = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_hexadecimal.then(|| u128::from_str_radix(digits, 16).ok()).flatten().map(|n| PartyId(n.to_be_bytes()))
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p:{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The key that turns accounts into pseudonyms.
///
/// Whoever has it can test whether an account is in a file; institutions that share a key can see that two of them
/// pay one beneficiary, and no more.
#[derive(Clone)]
pub struct PartyKey(Hmac<Sha256>);

impl PartyKey {
    /// Takes the key's bytes, 16 or more.
    ///
    /// # Errors
    /// [`Error::ShortKey`].
    pub fn new(bytes: &[u8]) -> Result<PartyKey, Error> {
        if bytes.len() < 16 {
            return Err(Error::ShortKey { n_bytes: bytes.len() });
        }
        Ok(PartyKey(Hmac::new_from_slice(bytes).expect("HMAC takes a key of any length")))
    }

    /// Hides one account, wallet or customer number. Spaces and case are not part of it.
    pub fn hide(&self, account: &str) -> PartyId {
        let mut mac = self.0.clone();
        for part in account.split_ascii_whitespace() {
            if part.bytes().any(|b| b.is_ascii_lowercase()) {
                mac.update(part.to_ascii_uppercase().as_bytes());
            } else {
                mac.update(part.as_bytes());
            }
        }
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        PartyId(digest.first_chunk().copied().expect("32 bytes begin with 16"))
    }
}

impl fmt::Debug for PartyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealed]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_case_do_not_make_a_new_party() {
        let key = PartyKey::new(&[7; 32]).unwrap();
        assert_eq!(key.hide("gb29 nwbk 6016 1331"), key.hide("GB29NWBK60161331"));
        assert_ne!(key.hide("GB29NWBK60161331"), key.hide("GB29NWBK60161332"));
        assert_ne!(key.hide("A"), PartyKey::new(&[8; 32]).unwrap().hide("A"));
    }

    #[test]
    fn a_pseudonym_reads_back_and_a_key_never_prints() {
        let key = PartyKey::new(&[7; 32]).unwrap();
        let id = key.hide("A");
        assert_eq!(PartyId::parse(&id.to_string()), Some(id));
        assert_eq!(PartyId::parse("p:+000000000000000000000000000000f"), None);
        assert_eq!(format!("{key:?}"), "[sealed]");
        assert!(matches!(PartyKey::new(&[0; 15]), Err(Error::ShortKey { n_bytes: 15 })));
    }
}
