//! What can be done to a case?
//!
//! Each deed is one entry of the log. The [`Dossier`](crate::Dossier) is what they make of the case.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::appeal::{Answer, Received};
use crate::case::Event;
use crate::entry::Action;
use crate::filing::{FileToSend, Step};
use crate::paid::Paid;
use crate::quality::Second;
use crate::referral::Source;
use crate::report::{Checked, Destination};
use crate::role::Compartment;
use crate::view::View;
use crate::{Evidence, Hold, Person, Referral, Verdict};

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
    /// A decision was drawn for a second look, by the sample of a day.
    Drawn {
        /// The day, UTC.
        day: Date,
        /// Which decision, from 1.
        decision: usize,
        /// What it found.
        first: Verdict,
    },
    /// Somebody who had no hand in the case looks at it as the second, and is not told what was decided.
    SecondTaken {
        /// Who.
        by: Person,
    },
    /// They handed it back.
    SecondHandedBack {
        /// Who.
        by: Person,
    },
    /// They found something; the decision stays as it is.
    SecondFound(Second),
    /// Somebody put what was paid into the case.
    Paid(Paid),
    /// Somebody asked that what was paid and seen leave the house for a claim.
    ClaimAsked {
        /// Its number in the case, from 1.
        claim: usize,
        /// Who.
        by: Person,
        /// The claim: before whom, of whom, under which number, `1..=200` characters.
        name: String,
    },
    /// A second person allowed it.
    ClaimAllowed {
        /// Which.
        claim: usize,
        /// Who.
        by: Person,
    },
    /// Somebody whom a decision touched appeals against the one that counts.
    AppealReceived(Received),
    /// Somebody who had no hand in the case heard an appeal; appeals are counted from 1.
    AppealAnswered {
        /// Which.
        appeal: usize,
        /// What they found.
        answer: Answer,
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
            Deed::Drawn { .. } | Deed::SecondTaken { .. } | Deed::SecondHandedBack { .. } | Deed::SecondFound(_) => {
                Action::Quality
            }
            Deed::Paid(_) => Action::Paid,
            Deed::ExportAsked { .. }
            | Deed::ExportAllowed { .. }
            | Deed::ClaimAsked { .. }
            | Deed::ClaimAllowed { .. } => Action::Exported,
            Deed::AppealReceived(_) | Deed::AppealAnswered { .. } => Action::Appeal,
        }
    }

    /// Who may read it beside those who may read the case: what was paid is a compartment of its own.
    pub fn compartment(&self) -> Compartment {
        match self {
            Deed::Referred(referral) => compartment(referral),
            // That there is a claim for compensation tells of payments.
            Deed::Paid(_) | Deed::ClaimAsked { .. } | Deed::ClaimAllowed { .. } => Compartment::Payments,
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
            | Deed::ExportAllowed { .. }
            | Deed::AppealReceived(_)
            | Deed::AppealAnswered { .. }
            | Deed::Drawn { .. }
            | Deed::SecondTaken { .. }
            | Deed::SecondHandedBack { .. }
            | Deed::SecondFound(_) => Compartment::Video,
        }
    }
}

/// What belongs to payments has readers of its own.
pub(crate) fn compartment(referral: &Referral) -> Compartment {
    match referral.intake().source {
        Source::Payment => Compartment::Payments,
        Source::Guard | Source::Match | Source::UserReport | Source::Api => Compartment::Video,
    }
}
