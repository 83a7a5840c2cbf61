//! What does a case go through?
//!
//! new → triaged → in review → decided → (reporting → reported → on hold) → closed. What has been decided is superseded,
//! never edited: a case that is taken up again gets another decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Decision, Error, Person, Verdict};

/// One case: where it is, and every decision about it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Case {
    state: State,
    decisions: Vec<Decision>,
}

/// Where a case is.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has looked at it.
    #[default]
    New,
    /// It has its place in a queue.
    Triaged,
    /// Somebody has taken it.
    InReview {
        /// Who.
        by: Person,
    },
    /// Somebody has decided; the last decision says what.
    Decided,
    /// A report is being prepared or filed.
    Reporting,
    /// The authority has it.
    Reported,
    /// What belongs to it is kept for the authority.
    OnHold {
        /// Until when at least.
        until: Timestamp,
    },
    /// Nothing is left to do.
    Closed,
}

/// What happens to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It is put in a queue.
    Triaged,
    /// Somebody takes it.
    Taken {
        /// Who.
        by: Person,
    },
    /// Whoever has it gives it back.
    GivenBack,
    /// Whoever has it decides.
    Decided(Decision),
    /// A report is begun.
    ReportBegun,
    /// The authority has the report.
    ReportFiled,
    /// What belongs to it is to be kept.
    Held {
        /// Until when at least.
        until: Timestamp,
    },
    /// It is closed.
    Closed {
        /// When.
        at: Timestamp,
    },
    /// Somebody takes it up again, after an appeal or because something new is known.
    TakenUpAgain {
        /// Who.
        by: Person,
    },
}

impl Case {
    /// A case that nobody has looked at.
    pub fn new() -> Case {
        Case::default()
    }

    /// Where it is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Every decision, the earliest first.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// The decision that counts.
    pub fn decision(&self) -> Option<&Decision> {
        self.decisions.last()
    }

    /// Lets something happen to the case.
    ///
    /// # Errors
    /// [`Error::Transition`] when that cannot happen here: without a person's decision nothing is reported, before the
    /// end of a hold nothing is closed. [`Error::TakenByAnother`] when somebody decides who has not taken the case.
    pub fn input(&mut self, event: Event) -> Result<(), Error> {
        let refused = Error::Transition { what: "the case", state: self.state.name(), event: event.name() };
        self.state = match (&self.state, event) {
            (State::New, Event::Triaged) => State::Triaged,
            (State::Triaged, Event::Taken { by }) => State::InReview { by },
            (State::InReview { .. }, Event::GivenBack) => State::Triaged,
            (State::InReview { by }, Event::Decided(decision)) => {
                if *by != decision.who {
                    return Err(Error::TakenByAnother);
                }
                self.decisions.push(decision);
                State::Decided
            }
            (State::Decided, Event::ReportBegun) if self.verdict() == Some(Verdict::Violation) => State::Reporting,
            (State::Decided, Event::Closed { .. }) if self.verdict() == Some(Verdict::NoViolation) => State::Closed,
            (State::Reporting, Event::ReportFiled) => State::Reported,
            (State::Reported, Event::Held { until }) => State::OnHold { until },
            (State::OnHold { until: before }, Event::Held { until }) if until >= *before => State::OnHold { until },
            (State::OnHold { until }, Event::Closed { at }) if at >= *until => State::Closed,
            (State::Decided | State::Closed, Event::TakenUpAgain { by }) => State::InReview { by },
            _ => return Err(refused),
        };
        Ok(())
    }

    /// Lets a decision on an appeal take the place of the one that counts. What was filed stays filed, and is kept.
    pub(crate) fn supersede(&mut self, decision: Decision) -> Result<(), Error> {
        self.state = match self.state {
            State::Decided | State::Reporting | State::Closed => State::Decided,
            State::Reported => State::Reported,
            State::OnHold { until } => State::OnHold { until },
            State::New | State::Triaged | State::InReview { .. } => {
                return Err(Error::Transition {
                    what: "the case",
                    state: self.state.name(),
                    event: "decided on appeal",
                });
            }
        };
        self.decisions.push(decision);
        Ok(())
    }

    fn verdict(&self) -> Option<Verdict> {
        self.decision().map(|decision| decision.verdict)
    }
}

impl State {
    /// One or two words for pages and messages.
    pub fn name(&self) -> &'static str {
        match self {
            State::New => "new",
            State::Triaged => "triaged",
            State::InReview { .. } => "in review",
            State::Decided => "decided",
            State::Reporting => "being reported",
            State::Reported => "reported",
            State::OnHold { .. } => "on hold",
            State::Closed => "closed",
        }
    }
}

impl Event {
    fn name(&self) -> &'static str {
        match self {
            Event::Triaged => "triaged",
            Event::Taken { .. } => "taken",
            Event::GivenBack => "given back",
            Event::Decided(_) => "decided",
            Event::ReportBegun => "reported",
            Event::ReportFiled => "marked as reported",
            Event::Held { .. } => "held",
            Event::Closed { .. } => "closed",
            Event::TakenUpAgain { .. } => "taken up again",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_goes_all_the_way_and_is_not_closed_before_its_hold_ends() {
        let mut case = decided(Verdict::Violation);
        let until = at("2027-11-24T00:00:00Z");
        for event in [Event::ReportBegun, Event::ReportFiled, Event::Held { until }] {
            case.input(event).unwrap();
        }
        assert!(case.input(Event::Held { until: at("2027-01-01T00:00:00Z") }).is_err());
        assert!(case.input(Event::Closed { at: at("2027-11-23T23:59:59Z") }).is_err());
        case.input(Event::Closed { at: until }).unwrap();
        assert_eq!(*case.state(), State::Closed);
    }

    #[test]
    fn nothing_is_reported_without_a_persons_decision() {
        let events = [Event::Triaged, Event::Taken { by: person("ada") }];
        let mut case = Case::new();
        for event in events {
            assert!(case.input(Event::ReportBegun).is_err(), "{case:?}");
            case.input(event).unwrap();
        }
        assert!(case.input(Event::ReportBegun).is_err());
        assert!(decided(Verdict::NoViolation).input(Event::ReportBegun).is_err());
        assert!(decided(Verdict::Violation).input(Event::Closed { at: at("2027-01-01T00:00:00Z") }).is_err());
    }

    #[test]
    fn only_who_has_taken_a_case_decides_it() {
        let mut case = Case::new();
        case.input(Event::Triaged).unwrap();
        case.input(Event::Taken { by: person("ada") }).unwrap();
        assert_eq!(case.input(Event::Decided(decision("bo", Verdict::Violation))), Err(Error::TakenByAnother));
        assert_eq!(case.decision(), None);
        assert!(case.input(Event::Taken { by: person("bo") }).is_err());
    }

    #[test]
    fn a_case_taken_up_again_keeps_its_earlier_decision() {
        let mut case = decided(Verdict::NoViolation);
        case.input(Event::TakenUpAgain { by: person("bo") }).unwrap();
        case.input(Event::Decided(decision("bo", Verdict::Violation))).unwrap();
        assert_eq!(case.decisions().len(), 2);
        assert_eq!(case.decision().unwrap().verdict, Verdict::Violation);
        let stored = serde_json::to_string(&case).unwrap();
        assert_eq!(serde_json::from_str::<Case>(&stored).unwrap(), case);
    }

    fn decided(verdict: Verdict) -> Case {
        let mut case = Case::new();
        let by = person("ada");
        for event in [Event::Triaged, Event::Taken { by }, Event::Decided(decision("ada", verdict))] {
            case.input(event).unwrap();
        }
        case
    }

    fn decision(who: &str, verdict: Verdict) -> Decision {
        Decision {
            who: person(who),
            verdict,
            reason: "entry 17 of list partner, distance 4".into(),
            policy_version: "1".into(),
            at: at("2026-11-24T10:00:00Z"),
        }
    }

    fn person(name: &str) -> Person {
        Person::new(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }
}
