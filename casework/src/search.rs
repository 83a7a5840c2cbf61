//! By what is a case found again?
//!
//! By what stands in other people's letters: a call, an account, a file's digest, the authority's number for a report.
//! Each becomes a [`Term`], a digest of it and of its compartment. So whoever may not read what was paid finds nothing by
//! it, and an index of terms shows nobody what they are of.

use sha2::{Digest, Sha256};

use crate::filing::Step;
use crate::role::Compartment;
use crate::{Deed, Evidence};

/// What a case is found by: 32 hexadecimal digits, half of a SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(String);

impl Term {
    /// The term of a text in a compartment, upper and lower case and spaces around it aside; none of no text.
    pub fn of(compartment: Compartment, text: &str) -> Option<Term> {
        let text = text.trim().to_lowercase();
        let digest = Sha256::digest(format!("{compartment:?} {text}"));
        (!text.is_empty()).then(|| Term(digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The terms that a deed adds to its case.
pub fn terms(deed: &Deed) -> Vec<Term> {
    let texts: Vec<String> = match deed {
        Deed::Referred(referral) => {
            let intake = referral.intake();
            let account = intake.account.as_ref().map(|account| account.open().clone());
            std::iter::once(intake.channel.clone()).chain(account).collect()
        }
        Deed::Evidence(Evidence { sha256, md5, .. }) => {
            vec![sha256.iter().map(|byte| format!("{byte:02x}")).collect(), md5.clone()]
        }
        Deed::Filing { step: Step::Answered { answer: Some(answer), .. }, .. } => {
            answer.report_id.iter().map(i64::to_string).collect()
        }
        _ => Vec::new(),
    };
    texts.iter().filter_map(|text| Term::of(deed.compartment(), text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_spaces_aside_a_text_is_one_term_in_each_compartment() {
        let term = |text| Term::of(Compartment::Video, text);
        assert_eq!(term(" Call-4711\n"), term("call-4711"));
        assert_ne!(term("call-4711"), term("call-4712"));
        assert_ne!(term("call-4711"), Term::of(Compartment::Payments, "call-4711"));
        assert_eq!(term(" \t"), None);
        assert_eq!(term("a").unwrap().as_str().len(), 32);
    }
}
