//! What is known about one case, all in all?
//!
//! A dossier is what its deeds make of it: each [`Deed`] is one entry of the log, and the same deeds in the same order
//! give the same dossier. So whoever has the log can say whether what is stored beside it was altered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::case::{Event, State};
use crate::entry::Action;
use crate::filing::{FileToSend, Filing, Status, Step};
use crate::referral::Source;
use crate::report::{Checked, Destination};
use crate::role::Compartment;
use crate::view::View;
use crate::{Case, Error, Evidence, Person, Referral, Report, ViewLog};

/// Everything about one case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dossier {
    case: Case,
    referrals: Vec<Referral>,
    evidence: Vec<Evidence>,
    views: ViewLog,
    reports: Vec<Filed>,
    exports: Vec<Export>,
}

/// One report and the journal of its filing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    report: Report,
    journal: Vec<Step>,
}

/// A request to take a case out of the house, which a second person allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Who asked.
    pub asked_by: Person,
    /// For whom and what for, in their words.
    pub reason: String,
    /// Who allowed it.
    pub allowed_by: Option<Person>,
}

/// One thing that was done to a case. Reports and exports are counted from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "deeds are made one at a time")]
pub enum Deed {
    /// Something was referred; what was referred before is replaced when only its end has become known.
    Referred(Referral),
    /// A file, or what is known of one, was added; the same file replaces what was known of it.
    Evidence(Evidence),
    /// The case moved.
    Moved(Event),
    /// A person looked at a file.
    Viewed(View),
    /// A report was drafted on the decision that counts.
    Drafted {
        /// Where it goes.
        destination: Destination,
        /// Its document.
        xml: String,
        /// The files that go with it.
        files: Vec<FileToSend>,
    },
    /// A schema found the document of a report valid.
    Validated {
        /// Which report.
        report: usize,
        /// What was checked against what.
        checked: Checked,
    },
    /// A second person approved a report.
    Approved {
        /// Which report.
        report: usize,
        /// Who.
        by: Person,
    },
    /// A report was taken back.
    Withdrawn {
        /// Which report.
        report: usize,
        /// By whom.
        by: Person,
    },
    /// A step of a filing.
    Filing {
        /// Which report.
        report: usize,
        /// How many steps its journal had when this one was made; with another number it does not count.
        after: usize,
        /// The step.
        step: Step,
    },
    /// Somebody asked to take the case out of the house.
    ExportAsked {
        /// Who.
        by: Person,
        /// For whom and what for, `1..=4000` characters.
        reason: String,
    },
    /// A second person allowed it.
    ExportAllowed {
        /// Which request.
        export: usize,
        /// Who.
        by: Person,
    },
}

impl Deed {
    /// What the log calls it.
    pub fn action(&self) -> Action {
        match self {
            Deed::Referred(_) => Action::Referred,
            Deed::Evidence(_) => Action::Evidence,
            Deed::Moved(_) => Action::Moved,
            Deed::Viewed(_) => Action::Viewed,
            Deed::Drafted { .. } => Action::Drafted,
            Deed::Validated { .. } => Action::Validated,
            Deed::Approved { .. } => Action::Approved,
            Deed::Withdrawn { .. } => Action::Withdrawn,
            Deed::Filing { .. } => Action::Filing,
            Deed::ExportAsked { .. } | Deed::ExportAllowed { .. } => Action::Exported,
        }
    }

    /// Who may read it beside those who may read the case: what was paid is a compartment of its own.
    pub fn compartment(&self) -> Compartment {
        match self {
            Deed::Referred(referral) => compartment(referral),
            Deed::Evidence(_)
            | Deed::Moved(_)
            | Deed::Viewed(_)
            | Deed::Drafted { .. }
            | Deed::Validated { .. }
            | Deed::Approved { .. }
            | Deed::Withdrawn { .. }
            | Deed::Filing { .. }
            | Deed::ExportAsked { .. }
            | Deed::ExportAllowed { .. } => Compartment::Video,
        }
    }
}

impl Dossier {
    /// The most files a case holds.
    pub const N_EVIDENCE_MAX: usize = 10_000;
    /// The most referrals a case holds; what comes later begins another case.
    pub const N_REFERRALS_MAX: usize = 1_000;

    /// Lets something be done to the case.
    ///
    /// # Errors
    /// Those of [`Case::input`] and of [`Report`]; [`Error::NoSuchReport`]; [`Error::JournaledMeanwhile`] and
    /// [`Error::Journal`] for a step that does not follow. The dossier is then as it was.
    pub fn apply(&mut self, deed: &Deed) -> Result<(), Error> {
        match deed {
            Deed::Referred(referral) => self.refer(referral),
            Deed::Evidence(evidence) => self.add(evidence),
            Deed::Moved(event) => self.case.input(event.clone()),
            Deed::Viewed(view) => {
                self.views.append(view.clone());
                Ok(())
            }
            Deed::Drafted { destination, xml, files } => self.draft(*destination, xml, files),
            Deed::Validated { report, checked } => self.report_mut(*report)?.report.validated(checked.clone()),
            Deed::Approved { report, by } => self.report_mut(*report)?.report.approved(by.clone()),
            Deed::Withdrawn { report, by } => self.withdraw(*report, by),
            Deed::Filing { report, after, step } => self.journal(*report, *after, step),
            Deed::ExportAsked { by, reason } => {
                crate::referral::text("the reason", reason, Referral::TOLD_CHARS_MAX)?;
                self.exports.push(Export { asked_by: by.clone(), reason: reason.clone(), allowed_by: None });
                Ok(())
            }
            Deed::ExportAllowed { export, by } => {
                let asked = export.checked_sub(1).and_then(|index| self.exports.get_mut(index));
                match asked {
                    None => Err(Error::Transition { what: "the export", state: "not asked for", event: "allowed" }),
                    Some(export) if export.asked_by == *by => Err(Error::SamePerson),
                    Some(Export { allowed_by: Some(_), .. }) => {
                        Err(Error::Transition { what: "the export", state: "allowed", event: "allowed again" })
                    }
                    Some(export) => {
                        export.allowed_by = Some(by.clone());
                        Ok(())
                    }
                }
            }
        }
    }

    /// The case itself.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// Everything that was referred, the earliest first.
    pub fn referrals(&self) -> &[Referral] {
        &self.referrals
    }

    /// What was referred and may be read by whom these compartments are open.
    pub fn referrals_in(&self, open: &[Compartment]) -> impl Iterator<Item = &Referral> {
        self.referrals.iter().filter(move |referral| open.contains(&compartment(referral)))
    }

    /// Every compartment that something in this dossier belongs to.
    pub fn compartments(&self) -> Vec<Compartment> {
        let mut all: Vec<Compartment> = self.referrals.iter().map(compartment).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Every file.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Who has looked at what.
    pub fn views(&self) -> &ViewLog {
        &self.views
    }

    /// Every report; report 1 is the first.
    pub fn reports(&self) -> &[Filed] {
        &self.reports
    }

    /// Report `number`, from 1.
    ///
    /// # Errors
    /// [`Error::NoSuchReport`].
    pub fn report(&self, number: usize) -> Result<&Filed, Error> {
        number.checked_sub(1).and_then(|index| self.reports.get(index)).ok_or(Error::NoSuchReport { number })
    }

    /// Every request to take the case out of the house; request 1 is the first.
    pub fn exports(&self) -> &[Export] {
        &self.exports
    }

    /// Whether a stream that this case is about still runs, as far as is known.
    pub fn is_live(&self) -> bool {
        self.referrals.iter().any(|referral| {
            let intake = referral.intake();
            intake.source == Source::Guard && intake.ended_at.is_none()
        })
    }

    /// Whether something referred later still belongs here: nobody has decided yet.
    pub fn is_open(&self) -> bool {
        let is_undecided = matches!(self.case.state(), State::New | State::Triaged | State::InReview { .. });
        is_undecided && self.referrals.len() < Self::N_REFERRALS_MAX
    }

    fn refer(&mut self, referral: &Referral) -> Result<(), Error> {
        let key = referral.key();
        match self.referrals.iter_mut().find(|known| known.key() == key) {
            Some(known) => *known = referral.clone(),
            None => self.referrals.push(referral.clone()),
        }
        match self.case.state() {
            State::New => self.case.input(Event::Triaged),
            State::Triaged
            | State::InReview { .. }
            | State::Decided
            | State::Reporting
            | State::Reported
            | State::OnHold { .. }
            | State::Closed => Ok(()),
        }
    }

    fn add(&mut self, evidence: &Evidence) -> Result<(), Error> {
        evidence.check()?;
        let is_full = self.evidence.len() == Self::N_EVIDENCE_MAX;
        match self.evidence.iter_mut().find(|known| known.sha256 == evidence.sha256) {
            Some(known) => *known = evidence.clone(),
            None if is_full => {
                return Err(Error::Number { field: "files", value: "10001".into(), range: "0..=10000" });
            }
            None => self.evidence.push(evidence.clone()),
        }
        Ok(())
    }

    fn draft(&mut self, destination: Destination, xml: &str, files: &[FileToSend]) -> Result<(), Error> {
        let undecided = Error::Transition { what: "the case", state: self.case.state().name(), event: "reported" };
        let decision = self.case.decision().ok_or(undecided.clone())?;
        let report = Report::draft(destination, xml.to_owned(), files.to_vec(), decision)?;
        match self.case.state() {
            State::Decided => self.case.input(Event::ReportBegun)?,
            // The report before was withdrawn or refused, and nothing of the case has been filed.
            State::Reporting if self.reports.last().is_none_or(Filed::is_over) => {}
            State::New
            | State::Triaged
            | State::InReview { .. }
            | State::Reporting
            | State::Reported
            | State::OnHold { .. }
            | State::Closed => return Err(undecided),
        }
        self.reports.push(Filed { report, journal: Vec::new() });
        Ok(())
    }

    fn withdraw(&mut self, number: usize, by: &Person) -> Result<(), Error> {
        let filed = self.report_mut(number)?;
        // What was opened at the authority goes on until it is filed or refused.
        if !filed.journal.is_empty() && !filed.is_over() {
            return Err(Error::Transition { what: "the report", state: "being filed", event: "withdrawn" });
        }
        filed.report.withdrawn(by.clone())
    }

    fn journal(&mut self, number: usize, after: usize, step: &Step) -> Result<(), Error> {
        let filed = self.report_mut(number)?;
        if filed.journal.len() != after {
            return Err(Error::JournaledMeanwhile);
        }
        filed.journal.push(step.clone());
        let status = filed.filing().map(|filing| filing.status().clone());
        match status {
            Err(error) => {
                filed.journal.pop();
                Err(error)
            }
            Ok(Status::Filed { .. }) if *self.case.state() == State::Reporting => self.case.input(Event::ReportFiled),
            Ok(Status::Filed { .. } | Status::Underway | Status::Refused { .. } | Status::Stopped { .. }) => Ok(()),
        }
    }

    fn report_mut(&mut self, number: usize) -> Result<&mut Filed, Error> {
        let filed = number.checked_sub(1).and_then(|index| self.reports.get_mut(index));
        filed.ok_or(Error::NoSuchReport { number })
    }
}

impl Filed {
    /// The report.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The journal of its filing.
    pub fn journal(&self) -> &[Step] {
        &self.journal
    }

    /// The filing where its journal ends.
    ///
    /// # Errors
    /// As [`Report::file`].
    pub fn filing(&self) -> Result<Filing, Error> {
        self.report.file(&self.journal)
    }

    /// How far the filing is; none while nobody has approved the report.
    pub fn status(&self) -> Option<Status> {
        self.filing().ok().map(|filing| filing.status().clone())
    }

    /// Whether nothing of it is under way: it was withdrawn, or the authority refuses it.
    pub fn is_over(&self) -> bool {
        self.report.is_withdrawn() || matches!(self.status(), Some(Status::Refused { .. }))
    }

    /// A few words for pages and messages.
    pub fn state_name(&self) -> &'static str {
        match self.status() {
            None => self.report.state_name(),
            Some(Status::Underway) if self.journal.is_empty() => "approved",
            Some(Status::Underway) => "being filed",
            Some(Status::Filed { .. }) => "filed",
            Some(Status::Refused { .. }) => "refused by the authority",
            Some(Status::Stopped { .. }) => "stopped for a person",
        }
    }
}

fn compartment(referral: &Referral) -> Compartment {
    match referral.intake().source {
        Source::Payment => Compartment::Payments,
        Source::Guard | Source::Match | Source::UserReport | Source::Api => Compartment::Video,
    }
}

/// When somebody decided that there is something to report: from then on the law's clock runs.
pub fn known_since(dossier: &Dossier) -> Option<Timestamp> {
    let violation = |decision: &&crate::Decision| decision.verdict == crate::Verdict::Violation;
    dossier.case().decisions().iter().find(violation).map(|decision| decision.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cybertip::{Answer, Code};
    use crate::filing::Output;
    use crate::referral::Intake;
    use crate::referral::tests::incident;
    use crate::{Decision, Verdict};

    #[test]
    fn the_same_deeds_give_the_same_dossier_and_it_survives_the_store() {
        let (dossier, deeds) = filed();
        let mut again = Dossier::default();
        for deed in &deeds {
            let stored: Deed = serde_json::from_str(&serde_json::to_string(deed).unwrap()).unwrap();
            again.apply(&stored).unwrap();
        }
        assert_eq!(again, dossier);
        let text = serde_json::to_string(&dossier).unwrap();
        let stored: Dossier = serde_json::from_str(&text).unwrap();
        assert_eq!(stored, dossier);
        assert_eq!(serde_json::to_string(&stored).unwrap(), text);
        assert_eq!(dossier.case().state(), &State::Reported);
        assert_eq!(dossier.report(1).unwrap().state_name(), "filed");
    }

    #[test]
    fn a_step_after_another_journal_does_not_count() {
        let (mut dossier, deeds) = filed();
        let before = dossier.clone();
        assert_eq!(dossier.apply(deeds.last().unwrap()), Err(Error::JournaledMeanwhile));
        assert_eq!(dossier, before);
    }

    #[test]
    fn a_report_is_withdrawn_before_anything_was_sent_and_drafted_again() {
        let (mut dossier, _) = decided(Referral::new(incident()).unwrap(), decision("ada"));
        let draft = Deed::Drafted { destination: Destination::Test, xml: "<report/>".into(), files: vec![] };
        dossier.apply(&draft).unwrap();
        assert!(dossier.apply(&draft).is_err(), "one report at a time");
        dossier.apply(&Deed::Withdrawn { report: 1, by: person("ada") }).unwrap();
        assert!(dossier.apply(&Deed::Withdrawn { report: 1, by: person("ada") }).is_err());
        dossier.apply(&draft).unwrap();
        let (mut filed, _) = filed();
        assert!(filed.apply(&Deed::Withdrawn { report: 1, by: person("ada") }).is_err());
    }

    #[test]
    fn an_export_needs_a_second_person() {
        let (mut dossier, _) = decided(Referral::new(incident()).unwrap(), decision("ada"));
        dossier.apply(&Deed::ExportAsked { by: person("ada"), reason: "a court's order".into() }).unwrap();
        let allow = |by| Deed::ExportAllowed { export: 1, by: person(by) };
        assert_eq!(dossier.apply(&allow("ada")), Err(Error::SamePerson));
        dossier.apply(&allow("bo")).unwrap();
        assert!(dossier.apply(&allow("cy")).is_err());
    }

    #[test]
    fn what_was_paid_is_seen_only_where_its_compartment_is_open() {
        let mut dossier = Dossier::default();
        dossier.apply(&Deed::Referred(Referral::new(incident()).unwrap())).unwrap();
        let paid = Intake { source: Source::Payment, ..incident() };
        dossier.apply(&Deed::Referred(Referral::new(paid).unwrap())).unwrap();
        assert_eq!(dossier.referrals_in(&[Compartment::Video]).count(), 1);
        assert_eq!(dossier.referrals_in(&[Compartment::Video, Compartment::Payments]).count(), 2);
        assert_eq!(dossier.compartments(), [Compartment::Video, Compartment::Payments]);
    }

    fn decided(referral: Referral, decision: Decision) -> (Dossier, Vec<Deed>) {
        let by = decision.who.clone();
        let deeds =
            vec![Deed::Referred(referral), Deed::Moved(Event::Taken { by }), Deed::Moved(Event::Decided(decision))];
        let mut dossier = Dossier::default();
        deeds.iter().for_each(|deed| dossier.apply(deed).unwrap());
        (dossier, deeds)
    }

    fn filed() -> (Dossier, Vec<Deed>) {
        let (mut dossier, mut deeds) = decided(Referral::new(incident()).unwrap(), decision("ada"));
        let mut apply = |dossier: &mut Dossier, deed: Deed| {
            dossier.apply(&deed).unwrap();
            deeds.push(deed);
        };
        apply(&mut dossier, Deed::Drafted { destination: Destination::Test, xml: "<report/>".into(), files: vec![] });
        let document_sha256 = dossier.report(1).unwrap().report().document().sha256();
        let checked = Checked { document_sha256, schema_sha256: [0; 32] };
        apply(&mut dossier, Deed::Validated { report: 1, checked });
        apply(&mut dossier, Deed::Approved { report: 1, by: person("bo") });
        let at = Timestamp::UNIX_EPOCH;
        let mut filing = dossier.report(1).unwrap().filing().unwrap();
        while let Some(output) = filing.poll(at) {
            match output {
                Output::Journal(step) => {
                    let after = dossier.report(1).unwrap().journal().len();
                    apply(&mut dossier, Deed::Filing { report: 1, after, step });
                }
                Output::Send(_) => {
                    let answer = Answer { report_id: Some(7), code: Code(0), ..Answer::not_let_in() };
                    filing.input(Some(answer), at).unwrap();
                }
            }
        }
        (dossier, deeds)
    }

    fn decision(who: &str) -> Decision {
        Decision {
            who: person(who),
            verdict: Verdict::Violation,
            reason: "entry 17 of list partner, distance 4".into(),
            policy_version: "1".into(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn person(name: &str) -> Person {
        Person::new(name).unwrap()
    }
}
