//! How does what was paid come into a case, and leave it for a claim?

use super::Dossier;
use crate::claim::Claim;
use crate::paid::Paid;
use crate::referral::name;
use crate::{Error, Person};

impl Dossier {
    /// The most movements of money a case holds.
    pub const N_PAID_MAX: usize = 10_000;

    /// What was paid, as far as somebody put it into the case.
    pub fn paid(&self) -> &[Paid] {
        &self.paid
    }

    /// Every claim that something was to leave the house for; claim 1 is the first.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    pub(super) fn pay(&mut self, paid: &Paid) -> Result<(), Error> {
        paid.check()?;
        if self.paid.iter().any(|known| known.reference == paid.reference) {
            return Err(Error::Transition { what: "the transfer", state: "in the case", event: "put in again" });
        }
        if self.paid.len() == Self::N_PAID_MAX {
            return Err(Error::Number { field: "transfers", value: "10001".into(), range: "0..=10000" });
        }
        self.paid.push(paid.clone());
        Ok(())
    }

    pub(super) fn ask_claim(&mut self, number: usize, by: &Person, claim: &str) -> Result<(), Error> {
        name("the claim", claim)?;
        if number != self.claims.len() + 1 {
            return Err(Error::Transition { what: "the claim", state: "not the next", event: "asked for" });
        }
        self.claims.push(Claim { asked_by: by.clone(), name: claim.to_owned(), allowed_by: None });
        Ok(())
    }

    pub(super) fn allow_claim(&mut self, number: usize, by: &Person) -> Result<(), Error> {
        let refused = |state| Error::Transition { what: "the claim", state, event: "allowed" };
        let claim = number.checked_sub(1).and_then(|index| self.claims.get_mut(index));
        let claim = claim.ok_or(refused("not asked for"))?;
        if claim.asked_by == *by {
            return Err(Error::SamePerson);
        }
        match claim.allowed_by {
            Some(_) => Err(refused("allowed")),
            None => {
                claim.allowed_by = Some(by.clone());
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Deed;
    use crate::dossier::tests::{decided, decision, person};
    use crate::paid::tests::paid;
    use crate::referral::tests::incident;
    use crate::role::Compartment;

    #[test]
    fn a_claim_needs_a_second_person_and_what_was_paid_is_a_compartment_of_its_own() {
        let (mut dossier, _) = decided(crate::Referral::new(incident()).unwrap(), decision("ada"));
        let before = serde_json::to_string(&dossier).unwrap();
        assert!(!before.contains("claims") && !before.contains("paid"), "a case without is written as it was");
        assert_eq!(dossier.compartments(), [Compartment::Video]);
        let put_in = Deed::Paid(paid("t-1", "payer 7", "account 1"));
        dossier.apply(&put_in).unwrap();
        assert!(dossier.apply(&put_in).is_err(), "one reference once");
        assert_eq!(dossier.compartments(), [Compartment::Video], "it opens the case to nobody");
        let asked = |claim| Deed::ClaimAsked { claim, by: person("ada"), name: "claim 17".into() };
        let allowed = |by: &str| Deed::ClaimAllowed { claim: 1, by: person(by) };
        assert!(dossier.apply(&allowed("bo")).is_err(), "nobody asked");
        assert!(dossier.apply(&asked(2)).is_err());
        dossier.apply(&asked(1)).unwrap();
        assert_eq!(dossier.apply(&allowed("ada")), Err(Error::SamePerson));
        dossier.apply(&allowed("bo")).unwrap();
        assert!(dossier.apply(&allowed("cy")).is_err());
        for deed in [put_in, asked(1), allowed("bo")] {
            assert_eq!(deed.compartment(), Compartment::Payments, "that there is a claim tells of payments");
        }
        let stored = serde_json::to_string(&dossier).unwrap();
        assert_eq!(serde_json::from_str::<Dossier>(&stored).unwrap(), dossier);
    }
}
