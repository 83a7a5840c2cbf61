//! What is known about one case, all in all?
//!
//! A dossier is what its deeds make of it: each [`Deed`] is one entry of the log, and the same deeds in the same order
//! give the same dossier. So whoever has the log can say whether what is stored beside it was altered.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::case::{Event, State};
use crate::entry::Action;
use crate::evidence::{Kept, Sealing};
use crate::filing::{FileToSend, Filing, Status, Step};
use crate::referral::Source;
use crate::report::{Checked, Destination};
use crate::role::Compartment;
use crate::view::{Mode, View};
use crate::{Case, Error, Evidence, Hold, Person, Referral, Report, ViewLog};

/// Everything about one case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dossier {
    case: Case,
    referrals: Vec<Referral>,
    evidence: Vec<Evidence>,
    views: ViewLog,
    reports: Vec<Filed>,
    exports: Vec<Export>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holds: Vec<Hold>,
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
    /// A look that was begun ended; looks are counted from 1.
    Covered {
        /// Which.
        look: usize,
        /// For how long the file was shown, milliseconds.
        shown_ms: u64,
    },
    /// Nothing is to be erased until further notice.
    HoldPlaced(Hold),
    /// A hold was ended by somebody else than who placed it; holds are counted from 1.
    HoldReleased {
        /// Which.
        hold: usize,
        /// By whom.
        by: Person,
    },
    /// A file in the vault was erased.
    Erased {
        /// Its name there.
        item: String,
        /// Who asked.
        asked_by: Person,
        /// Who allowed it.
        allowed_by: Person,
        /// When, UTC.
        at: Timestamp,
        /// The day on which no backup holds it either; none where that is not known.
        complete_on: Option<Date>,
    },
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
            Deed::Viewed(_) | Deed::Covered { .. } => Action::Viewed,
            Deed::HoldPlaced(_) | Deed::HoldReleased { .. } => Action::Hold,
            Deed::Erased { .. } => Action::Erased,
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
            | Deed::Covered { .. }
            | Deed::HoldPlaced(_)
            | Deed::HoldReleased { .. }
            | Deed::Erased { .. }
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
                self.check_look(view)?;
                self.views.append(view.clone());
                Ok(())
            }
            Deed::Covered { look, shown_ms } => self.views.cover(*look, *shown_ms),
            Deed::HoldPlaced(hold) => {
                crate::referral::text("the hold's basis", &hold.basis, Referral::TOLD_CHARS_MAX)?;
                self.holds.push(Hold { released_by: None, ..hold.clone() });
                Ok(())
            }
            Deed::HoldReleased { hold, by } => {
                let hold = hold.checked_sub(1).and_then(|index| self.holds.get_mut(index));
                let absent = Error::Transition { what: "the hold", state: "not there", event: "released" };
                hold.ok_or(absent)?.release(by)
            }
            Deed::Erased { item, asked_by, allowed_by, at, complete_on } => {
                if asked_by == allowed_by {
                    return Err(Error::SamePerson);
                }
                self.erase(item, *at, *complete_on)
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

    /// Every hold; hold 1 is the first.
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// Whether nothing of this case may be erased at `at`, whatever else is so.
    pub fn is_held(&self, at: Timestamp) -> bool {
        let is_kept_for_authority = matches!(self.case.state(), State::OnHold { until } if *until > at);
        is_kept_for_authority || self.holds.iter().any(|hold| hold.is_open(at))
    }

    /// Whether its files may be erased at `at`: no hold lasts, and nothing can still be needed of them. A case that was
    /// reported and has no known time of keeping is never over.
    pub fn is_erasable(&self, at: Timestamp) -> bool {
        let is_over = match self.case.state() {
            State::Closed => true,
            State::OnHold { until } => *until <= at,
            State::Decided => self.case.decision().is_some_and(|last| last.verdict == crate::Verdict::NoViolation),
            State::New | State::Triaged | State::InReview { .. } | State::Reporting | State::Reported => false,
        };
        is_over && !self.is_held(at)
    }

    /// Every file that lies in the vault.
    pub fn in_vault(&self) -> impl Iterator<Item = (&Evidence, &Sealing)> {
        self.evidence.iter().filter_map(|file| Some((file, file.kept.sealing()?)))
    }

    /// Whether this person may look at files of the case: only who has taken it.
    ///
    /// # Errors
    /// [`Error::NotTaken`].
    pub fn may_look(&self, who: &Person) -> Result<(), Error> {
        match self.case.state() {
            State::InReview { by } if by == who => Ok(()),
            State::New
            | State::Triaged
            | State::InReview { .. }
            | State::Decided
            | State::Reporting
            | State::Reported
            | State::OnHold { .. }
            | State::Closed => Err(Error::NotTaken),
        }
    }

    /// Whether a look may begin.
    ///
    /// # Errors
    /// [`Error::NotTaken`]; [`Error::TileFirst`]; [`Error::Transition`] when the file is not in the vault.
    pub fn check_look(&self, view: &View) -> Result<(), Error> {
        self.may_look(&view.who)?;
        let is_kept = self.in_vault().any(|(file, _)| file.sha256 == view.evidence);
        if !is_kept {
            return Err(Error::Transition { what: "the file", state: "not in the vault", event: "shown" });
        }
        match view.mode {
            Mode::Tile => Ok(()),
            Mode::Full | Mode::Exif if self.views.has_looked(&view.who, &view.evidence, Mode::Tile) => Ok(()),
            Mode::Full | Mode::Exif => Err(Error::TileFirst),
        }
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
            // What lies in the vault leaves it by being erased and in no other way.
            Some(known) if known.kept.sealing().is_some() => {}
            Some(known) => *known = evidence.clone(),
            None if is_full => {
                return Err(Error::Number { field: "files", value: "10001".into(), range: "0..=10000" });
            }
            None => self.evidence.push(evidence.clone()),
        }
        Ok(())
    }

    fn erase(&mut self, item: &str, at: Timestamp, complete_on: Option<Date>) -> Result<(), Error> {
        if !self.is_erasable(at) {
            return Err(Error::Held);
        }
        let is_it = |file: &&mut Evidence| file.kept.sealing().is_some_and(|sealing| sealing.item == item);
        let absent = Error::Transition { what: "the file", state: "not in the vault", event: "erased" };
        self.evidence.iter_mut().find(is_it).ok_or(absent)?.kept = Kept::Erased { complete_on };
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

    #[test]
    fn nothing_under_a_hold_is_erased_and_one_person_does_not_erase() {
        let at = |days: i64| Timestamp::from_second(days * 86_400).unwrap();
        let innocent = Decision { verdict: Verdict::NoViolation, ..decision("ada") };
        let (mut dossier, _) = decided(Referral::new(incident()).unwrap(), innocent);
        dossier.apply(&Deed::Evidence(sealed())).unwrap();
        let facts = Evidence { kept: Kept::Facts, ..sealed() };
        dossier.apply(&Deed::Evidence(facts)).unwrap();
        assert_eq!(dossier.in_vault().count(), 1, "it does not leave the vault by being described again");
        let erased = |allowed_by: &str, days| Deed::Erased {
            item: "item".into(),
            asked_by: person("ada"),
            allowed_by: person(allowed_by),
            at: at(days),
            complete_on: None,
        };
        let hold = |until| Hold { by: person("ada"), basis: "an order".into(), until, released_by: Some(person("bo")) };
        dossier.apply(&Deed::HoldPlaced(hold(Some(at(9))))).unwrap();
        dossier.apply(&Deed::HoldPlaced(hold(None))).unwrap();
        for days in [1, 10, 10_000] {
            assert!(dossier.is_held(at(days)));
            assert_eq!(dossier.apply(&erased("bo", days)), Err(Error::Held), "a hold cannot be placed released");
        }
        assert_eq!(dossier.apply(&Deed::HoldReleased { hold: 2, by: person("ada") }), Err(Error::SamePerson));
        assert!(dossier.apply(&Deed::HoldReleased { hold: 3, by: person("bo") }).is_err());
        dossier.apply(&Deed::HoldReleased { hold: 2, by: person("bo") }).unwrap();
        assert_eq!(dossier.apply(&erased("bo", 8)), Err(Error::Held));
        assert_eq!(dossier.apply(&erased("ada", 9)), Err(Error::SamePerson));
        dossier.apply(&erased("bo", 9)).unwrap();
        assert!(dossier.apply(&erased("bo", 9)).is_err(), "once");
        assert_eq!(dossier.evidence()[0].kept, Kept::Erased { complete_on: None });
    }

    #[test]
    fn a_case_that_is_not_over_keeps_its_files() {
        let far = Timestamp::from_second(253_000_000_000).unwrap();
        let (violation, _) = decided(Referral::new(incident()).unwrap(), decision("ada"));
        assert!(!violation.is_erasable(far));
        let (mut filed, _) = filed();
        assert!(!filed.is_erasable(far), "how long it must be kept is not known");
        filed.apply(&Deed::Moved(Event::Held { until: Timestamp::from_second(86_400).unwrap() })).unwrap();
        assert!(!filed.is_erasable(Timestamp::UNIX_EPOCH) && filed.is_erasable(far));
    }

    #[test]
    fn only_who_has_the_case_looks_and_at_the_small_picture_first() {
        let mut dossier = Dossier::default();
        dossier.apply(&Deed::Referred(Referral::new(incident()).unwrap())).unwrap();
        dossier.apply(&Deed::Evidence(sealed())).unwrap();
        let view = |who: &str, evidence: u8, mode| {
            let (evidence, who) = ([evidence; 32], person(who));
            Deed::Viewed(View { evidence, who, mode, shown_ms: 0, at: Timestamp::UNIX_EPOCH })
        };
        assert_eq!(dossier.apply(&view("ada", 1, Mode::Tile)), Err(Error::NotTaken));
        dossier.apply(&Deed::Moved(Event::Taken { by: person("ada") })).unwrap();
        assert_eq!(dossier.apply(&view("bo", 1, Mode::Tile)), Err(Error::NotTaken));
        assert!(dossier.apply(&view("ada", 2, Mode::Tile)).is_err(), "not in the vault");
        assert_eq!(dossier.apply(&view("ada", 1, Mode::Full)), Err(Error::TileFirst));
        dossier.apply(&view("ada", 1, Mode::Tile)).unwrap();
        dossier.apply(&view("ada", 1, Mode::Full)).unwrap();
        assert!(!dossier.views().is_file_viewed(&[1; 32]), "nothing was shown yet");
        dossier.apply(&Deed::Covered { look: 2, shown_ms: 700 }).unwrap();
        assert!(dossier.views().is_file_viewed(&[1; 32]));
        assert!(dossier.apply(&Deed::Covered { look: 3, shown_ms: 1 }).is_err());
    }

    fn sealed() -> Evidence {
        let digits = crate::vault::Digits([7; 32]);
        Evidence {
            sha256: [1; 32],
            md5: "0".repeat(32),
            len: 9,
            media_type: "image/png".into(),
            name: crate::Sealed::new("card.png".into()),
            kept: Kept::InVault(Sealing { item: "item".into(), key: "key".into(), file: digits, wrapped: digits }),
        }
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
