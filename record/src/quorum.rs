//! Have enough of the people whose word counts signed?

use std::collections::BTreeSet;

use crate::{Error, Key, Note};

/// A rule: `n_needed` of these keys must have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    n_needed: usize,
    keys: Vec<Key>,
}

impl Quorum {
    /// The rule that `n_needed` of `keys` must have signed.
    ///
    /// # Errors
    /// [`Error::QuorumShape`] when none need sign, when more need sign than there are keys, when there are more keys
    /// than a note can carry signatures, or when a name or a key stands there twice: one person would count as two.
    pub fn new(n_needed: usize, keys: Vec<Key>) -> Result<Quorum, Error> {
        let names: BTreeSet<&str> = keys.iter().map(Key::name).collect();
        let public: BTreeSet<[u8; 32]> = keys.iter().map(Key::public_bytes).collect();
        let n_keys = names.len().min(public.len());
        let is_rule = (1..=n_keys).contains(&n_needed) && n_keys == keys.len() && n_keys <= Note::N_SIGNATURES_MAX;
        match is_rule {
            true => Ok(Quorum { n_needed, keys }),
            false => Err(Error::QuorumShape { n_needed, n_keys }),
        }
    }

    /// Checks the note and returns the names of those who signed.
    ///
    /// # Errors
    /// [`Error::TooFewSignatures`] when too few have; [`Error::Signature`] when a signature under one of the keys is false.
    pub fn verify(&self, note: &Note) -> Result<BTreeSet<&str>, Error> {
        let names = note.signed_by(&self.keys)?;
        match names.len() >= self.n_needed {
            true => Ok(names),
            false => Err(Error::TooFewSignatures { n_valid: names.len(), n_needed: self.n_needed }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signer;

    #[test]
    fn two_of_three_must_sign_and_one_who_signs_twice_counts_once() {
        let [ada, bo, cy] = signers();
        let quorum = Quorum::new(2, vec![ada.key(), bo.key(), cy.key()]).unwrap();
        let mut note = Note::new("a text\n".into()).unwrap();
        note.sign(&ada);
        note.sign(&ada);
        assert_eq!(quorum.verify(&note), Err(Error::TooFewSignatures { n_valid: 1, n_needed: 2 }));
        note.sign(&cy);
        assert_eq!(quorum.verify(&note), Ok(BTreeSet::from(["ada", "cy"])));
    }

    #[test]
    fn a_rule_that_counts_one_person_twice_is_refused() {
        let [ada, bo, _] = signers();
        let ada_again = Signer::new("ada2", &[1; 32]).unwrap();
        for (n_needed, keys) in [
            (0, vec![ada.key()]),
            (2, vec![ada.key()]),
            (1, vec![]),
            (1, vec![ada.key(), ada_again.key()]),
            (1, vec![bo.key(), bo.key()]),
        ] {
            assert!(matches!(Quorum::new(n_needed, keys), Err(Error::QuorumShape { .. })));
        }
    }

    fn signers() -> [Signer; 3] {
        [("ada", 1), ("bo", 2), ("cy", 3)].map(|(name, byte)| Signer::new(name, &[byte; 32]).unwrap())
    }
}
