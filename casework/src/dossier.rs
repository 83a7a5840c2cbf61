//! What is known about one case, all in all?
//!
//! A dossier is what its deeds make of it: each [`Deed`] is one entry of the log, and the same deeds in the same order
//! give the same dossier. So whoever has the log can say whether what is stored beside it was altered.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::appeal::Appeals;
use crate::case::{Event, State};
use crate::claim::Claim;
use crate::deed::compartment;
use crate::evidence::{Kept, Sealing};
use crate::filing::{FileToSend, Filing, Status, Step};
use crate::paid::Paid;
use crate::referral::Source;
use crate::report::Destination;
use crate::role::Compartment;
use crate::view::{Mode, View};
use crate::{Case, Deed, Error, Evidence, Hold, Person, Referral, Report, ViewLog};

mod appeals;
mod claims;
mod seconds;
#[cfg(test)]
mod tests;

pub use seconds::SecondLook;

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
    #[serde(default, skip_serializing_if = "Appeals::is_empty")]
    appeals: Appeals,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paid: Vec<Paid>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    claims: Vec<Claim>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seconds: Vec<SecondLook>,
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
            Deed::Drawn { day, decision, first } => self.drawn(*day, *decision, *first),
            Deed::SecondTaken { by } => self.second_taken(by),
            Deed::SecondHandedBack { by } => self.second_handed_back(by),
            Deed::SecondFound(second) => self.second_found(second),
            Deed::Paid(paid) => self.pay(paid),
            Deed::ClaimAsked { claim, by, name } => self.ask_claim(*claim, by, name),
            Deed::ClaimAllowed { claim, by } => self.allow_claim(*claim, by),
            Deed::AppealReceived(received) => self.receive(received),
            Deed::AppealAnswered { appeal, answer } => self.answer(*appeal, answer),
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

    /// Every compartment that something referred belongs to: who reads none of them, the case is not there for. What was
    /// put in as paid opens the case to nobody.
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

    /// Whether its files may be erased at `at`: no hold lasts, no appeal is open, and nothing can still be needed of them. A case that was
    /// reported and has no known time of keeping is never over.
    pub fn is_erasable(&self, at: Timestamp) -> bool {
        let is_over = match self.case.state() {
            State::Closed => true,
            State::OnHold { until } => *until <= at,
            State::Decided => self.case.decision().is_some_and(|last| last.verdict == crate::Verdict::NoViolation),
            State::New | State::Triaged | State::InReview { .. } | State::Reporting | State::Reported => false,
        };
        is_over && !self.is_held(at) && self.appeals.open().next().is_none()
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

/// When somebody decided that there is something to report: from then on the law's clock runs.
pub fn known_since(dossier: &Dossier) -> Option<Timestamp> {
    let violation = |decision: &&crate::Decision| decision.verdict == crate::Verdict::Violation;
    dossier.case().decisions().iter().find(violation).map(|decision| decision.at)
}
