//! Who has had a hand in a case?
//!
//! Whoever has neither hears an appeal about it nor looks at it as the second: somebody else must. Every name under an
//! entry of the case counts, and every name that its deed tells of, so the log alone says who is free to judge.

use std::collections::BTreeSet;

use crate::appeal::Answer;
use crate::case::Event;
use crate::quality::Second;
use crate::{Deed, Error, Person};

/// Everybody who has had a hand in one case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hands(BTreeSet<Person>);

impl Hands {
    /// Those of what was done, each deed with whose entry it is.
    pub fn of<'d>(done: impl IntoIterator<Item = (Option<&'d Person>, &'d Deed)>) -> Hands {
        let mut hands = Hands::default();
        for (who, deed) in done {
            hands.add(who, deed);
        }
        hands
    }

    /// Whether this person has had a hand in it.
    pub fn has(&self, person: &Person) -> bool {
        self.0.contains(person)
    }

    /// Whether a deed asks for somebody who has had no hand in the case.
    pub fn are_asked_by(deed: &Deed) -> bool {
        judge(deed).is_some()
    }

    /// Takes the next deed, the entry of `who`.
    ///
    /// # Errors
    /// [`Error::TookPart`] when it asks for somebody who has had no hand in the case, and is done by one who has.
    pub fn take(&mut self, who: Option<&Person>, deed: &Deed) -> Result<(), Error> {
        if judge(deed).is_some_and(|judge| self.has(judge)) {
            return Err(Error::TookPart);
        }
        self.add(who, deed);
        Ok(())
    }

    fn add(&mut self, who: Option<&Person>, deed: &Deed) {
        // Who writes down what somebody says, or begins to look as the second, has no hand in what was decided.
        let is_clerk = matches!(
            deed,
            Deed::AppealReceived(_) | Deed::Drawn { .. } | Deed::SecondTaken { .. } | Deed::SecondHandedBack { .. }
        );
        self.0.extend(who.filter(|_| !is_clerk).into_iter().chain(named(deed)).cloned());
    }
}

/// Who judges what others did, where the deed is such a judgement.
fn judge(deed: &Deed) -> Option<&Person> {
    if let Deed::AppealAnswered { answer: Answer { who, .. }, .. }
    | Deed::SecondTaken { by: who }
    | Deed::SecondFound(Second { who, .. }) = deed
    {
        Some(who)
    } else {
        None
    }
}

/// Everybody whom a deed names as having done it.
fn named(deed: &Deed) -> Vec<&Person> {
    match deed {
        Deed::Moved(Event::Taken { by } | Event::TakenUpAgain { by }) => vec![by],
        Deed::Moved(Event::Decided(decision)) => vec![&decision.who],
        Deed::Viewed(view) => vec![&view.who],
        Deed::HoldPlaced(hold) => vec![&hold.by],
        Deed::Erased { asked_by, allowed_by, .. } => vec![asked_by, allowed_by],
        Deed::HoldReleased { by, .. }
        | Deed::Approved { by, .. }
        | Deed::Withdrawn { by, .. }
        | Deed::ExportAsked { by, .. }
        | Deed::ExportAllowed { by, .. }
        | Deed::ClaimAsked { by, .. }
        | Deed::ClaimAllowed { by, .. } => vec![by],
        Deed::AppealAnswered { answer, .. } => vec![&answer.who],
        Deed::SecondFound(second) => vec![&second.who],
        Deed::Moved(
            Event::Triaged
            | Event::GivenBack
            | Event::ReportBegun
            | Event::ReportFiled
            | Event::Held { .. }
            | Event::Closed { .. },
        )
        | Deed::Referred(_)
        | Deed::Evidence(_)
        | Deed::Covered { .. }
        | Deed::Drafted { .. }
        | Deed::Validated { .. }
        | Deed::Filing { .. }
        | Deed::Drawn { .. }
        | Deed::SecondTaken { .. }
        | Deed::SecondHandedBack { .. }
        | Deed::Paid(_)
        | Deed::AppealReceived(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::appeal::Ruling;
    use crate::report::Destination;

    #[test]
    fn who_took_a_case_and_gave_it_back_or_drafted_its_report_does_not_hear_the_appeal() {
        let person = |name: &str| Person::new(name).unwrap();
        let (ada, bo, cy, di) = (person("ada"), person("bo"), person("cy"), person("di"));
        let drafted = Deed::Drafted { destination: Destination::Test, xml: "<report/>".into(), files: vec![] };
        let taken = Deed::Moved(Event::Taken { by: ada.clone() });
        let mut hands = Hands::of([(None, &taken), (Some(&bo), &drafted)]);
        let heard = |who: &Person| Deed::AppealAnswered {
            appeal: 1,
            answer: Answer {
                who: who.clone(),
                ruling: Ruling::Upheld,
                reason: "as before".into(),
                policy_version: "1".into(),
                at: jiff::Timestamp::UNIX_EPOCH,
            },
        };
        for taker in [&ada, &bo] {
            assert_eq!(hands.take(Some(&di), &heard(taker)), Err(Error::TookPart), "whoever's entry it is");
        }
        hands.take(Some(&cy), &heard(&cy)).unwrap();
        assert_eq!(hands.take(Some(&cy), &heard(&cy)), Err(Error::TookPart), "cy has heard one");
        assert!(hands.has(&cy) && !hands.has(&di));
        let taken = |who: &Person| Deed::SecondTaken { by: who.clone() };
        let found = |who: &Person| {
            let (verdict, at) = (crate::Verdict::Violation, jiff::Timestamp::UNIX_EPOCH);
            Deed::SecondFound(Second { who: who.clone(), verdict, reason: "a look".into(), at })
        };
        assert_eq!(hands.take(Some(&cy), &taken(&cy)), Err(Error::TookPart), "cy heard an appeal");
        hands.take(Some(&di), &taken(&di)).unwrap();
        hands.take(Some(&di), &found(&di)).unwrap();
        assert_eq!(hands.take(Some(&di), &heard(&di)), Err(Error::TookPart), "di has looked as the second");
    }
}
