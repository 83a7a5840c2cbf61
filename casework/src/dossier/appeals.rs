//! How is an appeal written down, and heard?

use super::Dossier;
use crate::appeal::{Answer, Appeals, Received, Ruling};
use crate::case::State;
use crate::deed::compartment;
use crate::dossier::Filed;
use crate::role::Compartment;
use crate::{Decision, Error};

impl Dossier {
    /// Every appeal about the case.
    pub fn appeals(&self) -> &Appeals {
        &self.appeals
    }

    pub(super) fn receive(&mut self, received: &Received) -> Result<(), Error> {
        if !self.compartments().contains(&Compartment::Video) {
            return Err(Error::NothingToAppeal);
        }
        let state = self.case.state().name();
        let undecided = Error::Transition { what: "the case", state, event: "appealed against" };
        let decision = self.case.decision().ok_or(undecided)?;
        self.appeals.receive(received, decision.verdict)
    }

    pub(super) fn answer(&mut self, number: usize, answer: &Answer) -> Result<(), Error> {
        answer.check()?;
        if self.case.decisions().iter().any(|decision| decision.who == answer.who) {
            return Err(Error::TookPart);
        }
        let refused = |what, state, event| Err(Error::Transition { what, state, event });
        if let State::InReview { .. } = self.case.state() {
            return refused("the case", "in review again", "appealed against till somebody has decided");
        }
        self.says_nothing_paid(&answer.reason)?;
        let is_under_way =
            self.reports.last().is_some_and(|filed| !filed.is_over()) && *self.case.state() == State::Reporting;
        let appeal = self.appeals.find_open(number)?;
        let Some(last) = self.case.decision() else {
            return refused("the case", "undecided", "appealed against");
        };
        // Another appeal, or whoever took the case up again, may have come to the other finding meanwhile.
        let stands = last.verdict == appeal.against();
        match answer.ruling {
            Ruling::Upheld if !stands => return refused("the decision", "superseded", "upheld"),
            Ruling::Reversed if stands && is_under_way => {
                return refused("the report", "on its way", "overtaken: withdraw it, or wait till it is filed");
            }
            Ruling::Reversed if stands => {
                let verdict = last.verdict.opposite();
                let Answer { who, reason, policy_version, at, .. } = answer.clone();
                self.case.supersede(Decision { who, verdict, reason, policy_version, at })?;
            }
            Ruling::Upheld | Ruling::Reversed => {}
        }
        appeal.close(answer);
        Ok(())
    }

    /// Whether the case was reported on a decision that an appeal has reversed since: then the authority must be told.
    pub fn is_reported_wrongly(&self) -> bool {
        let is_filed = |filed: &Filed| matches!(filed.status(), Some(crate::filing::Status::Filed { .. }));
        let is_cleared = self.case.decision().is_some_and(|last| last.verdict == crate::Verdict::NoViolation);
        is_cleared && self.reports.iter().any(is_filed)
    }

    /// No account of payments and no alert about them may stand in what goes to whoever appealed: to tell a customer is an
    /// offence in many countries.
    fn says_nothing_paid(&self, said: &str) -> Result<(), Error> {
        let paid = self.referrals.iter().filter(|referral| compartment(referral) == Compartment::Payments);
        let names = paid.flat_map(|referral| {
            let intake = referral.intake();
            [Some(intake.channel.as_str()), intake.account.as_ref().map(|account| account.open().as_str())]
        });
        let paid = self.paid.iter().flat_map(|paid| {
            [Some(paid.reference.as_str()), Some(paid.payer.open().as_str()), Some(paid.beneficiary.open().as_str())]
        });
        let names = names.chain(paid);
        let said = said.to_lowercase();
        // What is shorter could stand anywhere.
        let mut names = names.flatten().filter(|name| name.chars().count() >= 4);
        match names.any(|name| said.contains(&name.to_lowercase())) {
            true => Err(Error::SaysWhatWasPaid),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::case::Event;
    use crate::dossier::tests::{decided, decision, filed, person};
    use crate::referral::tests::incident;
    use crate::referral::{Intake, Source};
    use crate::report::Destination;
    use crate::{Deed, Referral, Sealed, Verdict};

    #[test]
    fn a_reversal_supersedes_the_decision_and_edits_nothing() {
        let mut dossier = appealed();
        let before = dossier.case().decisions().to_vec();
        assert_eq!(dossier.apply(&heard(1, "ada", Ruling::Reversed)), Err(Error::TookPart), "ada decided");
        assert!(!dossier.is_erasable(Timestamp::MAX), "what it is about is kept till it is answered");
        dossier.apply(&heard(1, "bo", Ruling::Reversed)).unwrap();
        assert_eq!(dossier.case().decisions()[..1], before);
        let last = dossier.case().decision().unwrap();
        assert_eq!((last.verdict, last.who.name()), (Verdict::NoViolation, "bo"));
        assert_eq!(dossier.case().state(), &State::Decided);
        assert!(dossier.apply(&heard(1, "cy", Ruling::Upheld)).is_err(), "it is answered");
        assert!(dossier.is_erasable(Timestamp::MAX));
        let letter = dossier.appeals().all()[0].letter().unwrap();
        assert!(letter.contains("A-17") && letter.contains("does not stand") && !letter.contains("bo "), "{letter}");
        let stored = serde_json::to_string(&dossier).unwrap();
        assert_eq!(serde_json::from_str::<Dossier>(&stored).unwrap(), dossier);
        assert!(!format!("{dossier:?}").contains("it was my own"), "what they say is sealed");
    }

    #[test]
    fn what_is_upheld_stays_and_of_two_appeals_the_second_finds_the_first_ones_end() {
        let mut dossier = appealed();
        dossier.apply(&received("A-18")).unwrap();
        assert!(dossier.apply(&received("A-18")).is_err(), "one appeal by one reference");
        dossier.apply(&heard(1, "bo", Ruling::Upheld)).unwrap();
        assert_eq!(dossier.case().decisions().len(), 1);
        dossier.apply(&received("A-19")).unwrap();
        dossier.apply(&heard(2, "cy", Ruling::Reversed)).unwrap();
        assert!(dossier.apply(&heard(3, "di", Ruling::Upheld)).is_err(), "the decision is superseded");
        dossier.apply(&heard(3, "di", Ruling::Reversed)).unwrap();
        assert_eq!(dossier.case().decisions().len(), 2, "it was reversed once");
        assert_eq!(dossier.appeals().open().count(), 0);
    }

    #[test]
    fn a_report_on_its_way_is_withdrawn_first_and_a_filed_one_stays_filed() {
        let mut dossier = appealed();
        let draft = Deed::Drafted { destination: Destination::Test, xml: "<report/>".into(), files: vec![] };
        dossier.apply(&draft).unwrap();
        assert!(dossier.apply(&heard(1, "bo", Ruling::Reversed)).is_err());
        dossier.apply(&Deed::Withdrawn { report: 1, by: person("ada") }).unwrap();
        dossier.apply(&heard(1, "bo", Ruling::Reversed)).unwrap();
        assert!(dossier.apply(&draft).is_err(), "nothing is left to report");

        let (mut reported, _) = filed();
        reported.apply(&received("A-17")).unwrap();
        assert!(!reported.is_reported_wrongly());
        reported.apply(&heard(1, "cy", Ruling::Reversed)).unwrap();
        assert_eq!(reported.case().state(), &State::Reported, "the authority has it");
        assert!(reported.is_reported_wrongly());
    }

    #[test]
    fn nothing_of_what_was_paid_can_be_appealed_against_or_said() {
        let paid = Intake {
            source: Source::Payment,
            channel: "alert-0042".into(),
            account: Some(Sealed::new("payer-Q7".into())),
            ..incident()
        };
        let (mut only_paid, _) = decided(Referral::new(paid.clone()).unwrap(), decision("ada"));
        assert_eq!(only_paid.apply(&received("A-17")), Err(Error::NothingToAppeal));
        let mut both = appealed();
        both.apply(&Deed::Referred(Referral::new(paid).unwrap())).unwrap();
        let before = both.clone();
        for said in ["see Alert-0042", "because PAYER-q7 paid"] {
            let mut deed = heard(1, "bo", Ruling::Upheld);
            if let Deed::AppealAnswered { answer, .. } = &mut deed {
                answer.reason = said.into();
            }
            assert_eq!(both.apply(&deed), Err(Error::SaysWhatWasPaid), "{said}");
        }
        assert_eq!(both, before);
        assert_eq!(received("A-17").compartment(), Compartment::Video);
    }

    #[test]
    fn what_nobody_has_decided_is_not_appealed_against() {
        let mut dossier = Dossier::default();
        dossier.apply(&Deed::Referred(Referral::new(incident()).unwrap())).unwrap();
        assert!(dossier.apply(&received("A-17")).is_err());
        let mut again = appealed();
        again.apply(&Deed::Moved(Event::TakenUpAgain { by: person("ada") })).unwrap();
        assert!(again.apply(&heard(1, "bo", Ruling::Reversed)).is_err(), "somebody has it again");
        for (reference, said) in [("", "a"), ("a\nb", "a"), ("a", ""), ("a", "\u{7}")] {
            let wrong = Received { reference: reference.into(), said: Sealed::new(said.into()), ..of("x") };
            assert!(again.apply(&Deed::AppealReceived(wrong)).is_err(), "{reference:?} {said:?}");
        }
        let early = Received { due_at: Some(Timestamp::MIN), ..of("x") };
        assert!(again.apply(&Deed::AppealReceived(early)).is_err());
    }

    fn appealed() -> Dossier {
        let (mut dossier, _) = decided(Referral::new(incident()).unwrap(), decision("ada"));
        dossier.apply(&received("A-17")).unwrap();
        dossier
    }

    fn of(reference: &str) -> Received {
        let said = Sealed::new("it was my own test card".into());
        Received { reference: reference.into(), said, received_at: Timestamp::UNIX_EPOCH, due_at: None }
    }

    fn received(reference: &str) -> Deed {
        Deed::AppealReceived(of(reference))
    }

    fn heard(appeal: usize, who: &str, ruling: Ruling) -> Deed {
        let reason = "the entry in the list is the test card".into();
        let answer = Answer { who: person(who), ruling, reason, policy_version: "1".into(), at: Timestamp::UNIX_EPOCH };
        Deed::AppealAnswered { appeal, answer }
    }
}
