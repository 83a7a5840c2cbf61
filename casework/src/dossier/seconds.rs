//! How does a second person look at a case without being told what was decided?

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Dossier;
use crate::quality::Second;
use crate::referral::{Referral, text};
use crate::{Error, Person, Verdict};

/// One decision that was drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondLook {
    /// When it was drawn.
    pub day: Date,
    /// Which decision, from 1.
    pub decision: usize,
    /// What it found.
    pub first: Verdict,
    /// Who is looking, or has looked.
    pub by: Option<Person>,
    /// Who had it and handed it back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handed_back: Vec<Person>,
    /// What the second person found.
    pub found: Option<Second>,
}

impl Dossier {
    /// Every decision of the case that was drawn, the earliest first.
    pub fn seconds(&self) -> &[SecondLook] {
        &self.seconds
    }

    /// The first that nobody has looked at to the end.
    pub fn second(&self) -> Option<&SecondLook> {
        self.seconds.iter().find(|look| look.found.is_none())
    }

    /// Whether this person is looking at the case as the second now: till they have said what they find, they are told
    /// nothing of what others found.
    pub fn is_blind(&self, who: &Person) -> bool {
        self.second().is_some_and(|look| look.by.as_ref() == Some(who))
    }

    pub(super) fn drawn(&mut self, day: Date, decision: usize, first: Verdict) -> Result<(), Error> {
        let refused = |state| Err(Error::Transition { what: "the decision", state, event: "drawn" });
        let found = decision.checked_sub(1).and_then(|index| self.case.decisions().get(index));
        match found {
            Some(found) if found.verdict == first => {}
            Some(_) | None => return refused("not there"),
        }
        if self.seconds.iter().any(|look| look.decision == decision) {
            return refused("drawn");
        }
        self.seconds.push(SecondLook { day, decision, first, by: None, handed_back: Vec::new(), found: None });
        Ok(())
    }

    pub(super) fn second_taken(&mut self, by: &Person) -> Result<(), Error> {
        let look = self.second_mut(None, "taken")?;
        if look.handed_back.contains(by) {
            return Err(Error::TookPart);
        }
        look.by = Some(by.clone());
        Ok(())
    }

    pub(super) fn second_handed_back(&mut self, by: &Person) -> Result<(), Error> {
        let look = self.second_mut(Some(by), "handed back")?;
        look.by = None;
        look.handed_back.push(by.clone());
        Ok(())
    }

    pub(super) fn second_found(&mut self, second: &Second) -> Result<(), Error> {
        text("the reason", &second.reason, Referral::TOLD_CHARS_MAX)?;
        self.second_mut(Some(&second.who), "found")?.found = Some(second.clone());
        Ok(())
    }

    fn second_mut(&mut self, by: Option<&Person>, event: &'static str) -> Result<&mut SecondLook, Error> {
        let refused = Error::Transition { what: "the second look", state: "not yours to do so", event };
        let look = self.seconds.iter_mut().find(|look| look.found.is_none());
        look.filter(|look| look.by.as_ref() == by).ok_or(refused)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::Deed;
    use crate::dossier::tests::{decided, decision, person};
    use crate::referral::tests::incident;

    #[test]
    fn a_decision_is_drawn_once_taken_by_one_and_found_by_whoever_took_it() {
        let (mut dossier, _) = decided(Referral::new(incident()).unwrap(), decision("ada"));
        assert!(!serde_json::to_string(&dossier).unwrap().contains("seconds"), "a case without is written as it was");
        let day: Date = "2026-11-30".parse().unwrap();
        let drawn = |decision, first| Deed::Drawn { day, decision, first };
        let taken = |who: &str| Deed::SecondTaken { by: person(who) };
        let found = |who: &str| {
            let (reason, verdict) = ("a reason".into(), Verdict::NoViolation);
            Deed::SecondFound(Second { who: person(who), verdict, reason, at: Timestamp::UNIX_EPOCH })
        };
        for wrong in [drawn(2, Verdict::Violation), drawn(1, Verdict::NoViolation), taken("bo"), found("bo")] {
            assert!(dossier.apply(&wrong).is_err(), "{wrong:?}");
        }
        dossier.apply(&drawn(1, Verdict::Violation)).unwrap();
        assert!(dossier.apply(&drawn(1, Verdict::Violation)).is_err());
        dossier.apply(&taken("bo")).unwrap();
        assert!(dossier.is_blind(&person("bo")) && !dossier.is_blind(&person("ada")));
        for wrong in [taken("cy"), found("cy"), Deed::SecondHandedBack { by: person("cy") }] {
            assert!(dossier.apply(&wrong).is_err(), "bo has it: {wrong:?}");
        }
        dossier.apply(&Deed::SecondHandedBack { by: person("bo") }).unwrap();
        assert!(!dossier.is_blind(&person("bo")));
        assert_eq!(dossier.apply(&taken("bo")), Err(Error::TookPart), "bo may have seen more meanwhile");
        dossier.apply(&taken("cy")).unwrap();
        dossier.apply(&found("cy")).unwrap();
        assert!(!dossier.is_blind(&person("cy")) && dossier.second().is_none());
        assert_eq!(dossier.case().decision().unwrap().verdict, Verdict::Violation, "the decision is as it was");
        let stored = serde_json::to_string(&dossier).unwrap();
        assert_eq!(serde_json::from_str::<Dossier>(&stored).unwrap(), dossier);
    }
}
