//! How many of what were there, for the public?

use std::collections::{BTreeMap, HashSet};

use casework::appeal::Ruling;
use casework::case::Event;
use casework::cybertip::Class;
use casework::filing::{Request, Step};
use casework::role::Compartment;
use casework::{Deed, Verdict};
use sqlx::Row;

use super::{Error, Store};

/// One figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it counts.
    pub(crate) definition: &'static str,
    /// How many.
    pub(crate) value: i64,
}

/// Each figure and what it counts.
const FIGURES: [(&str, &str); 11] = [
    ("incidents_referred", "things referred by a guard, a match, a user or a program, each counted once"),
    ("cases_decided", "decisions by a person who had taken the case, a later one about the same case counted again"),
    ("cases_to_report", "decisions that something must be reported"),
    ("cases_nothing_to_report", "decisions that there is nothing to report"),
    ("cases_taken_up_again", "cases that a person took up again after a decision"),
    ("appeals_received", "appeals against a decision that were written down"),
    ("appeals_upheld", "appeals after which the decision stands, heard by somebody who had taken no part in the case"),
    ("appeals_reversed", "appeals after which the decision does not stand, heard by such a person"),
    ("reports_drafted", "reports drafted, withdrawn ones included"),
    ("reports_approved", "reports that a second person approved"),
    ("reports_filed", "reports that the authority has, by its own receipt"),
];

/// What counting must remember.
#[derive(Default)]
struct Counting {
    counts: BTreeMap<&'static str, i64>,
    /// Cases in which something was seen.
    seen: HashSet<String>,
    /// What was referred: each thing counts once.
    keys: HashSet<String>,
    /// Reports of which the last step was about to finish them.
    finishing: HashSet<(String, usize)>,
}

impl Store {
    /// Every figure. What was paid is not counted.
    pub(crate) async fn figures(&self) -> Result<Vec<Figure>, Error> {
        let mut counting = Counting::default();
        let mut after = -1i64;
        loop {
            let rows =
                sqlx::query("SELECT position, subject, body FROM log WHERE position > $1 ORDER BY position LIMIT 5000")
                    .bind(after)
                    .fetch_all(&self.pool)
                    .await?;
            let Some(last) = rows.last() else { break };
            after = last.get(0);
            for row in &rows {
                // What is said of people is no deed.
                let Ok(deed) = serde_json::from_str::<Deed>(&row.get::<String, _>(2)) else { continue };
                counting.count(&row.get::<String, _>(1), &deed);
            }
        }
        let figure = |(name, definition): (&'static str, &'static str)| Figure {
            name,
            definition,
            value: counting.counts.get(name).copied().unwrap_or_default(),
        };
        Ok(FIGURES.into_iter().map(figure).collect())
    }
}

impl Counting {
    fn count(&mut self, case: &str, deed: &Deed) {
        if matches!(deed, Deed::Referred(_)) && deed.compartment() == Compartment::Video {
            self.seen.insert(case.to_owned());
        }
        // Of what was only paid nothing is told in public: not even that somebody decided.
        if !self.seen.contains(case) {
            return;
        }
        let names: &[&'static str] = match deed {
            Deed::Referred(referral) => {
                let is_new = deed.compartment() == Compartment::Video && self.keys.insert(referral.key());
                if is_new { &["incidents_referred"] } else { &[] }
            }
            Deed::Moved(Event::Decided(decision)) => match decision.verdict {
                Verdict::Violation => &["cases_decided", "cases_to_report"],
                Verdict::NoViolation => &["cases_decided", "cases_nothing_to_report"],
            },
            Deed::Moved(Event::TakenUpAgain { .. }) => &["cases_taken_up_again"],
            Deed::AppealReceived(_) => &["appeals_received"],
            Deed::AppealAnswered { answer, .. } => match answer.ruling {
                Ruling::Upheld => &["appeals_upheld"],
                Ruling::Reversed => &["appeals_reversed"],
            },
            Deed::Drafted { .. } => &["reports_drafted"],
            Deed::Approved { .. } => &["reports_approved"],
            Deed::Filing { report, step, .. } => match step {
                Step::Intended { request: Request::Finish { .. }, .. } => {
                    self.finishing.insert((case.to_owned(), *report));
                    &[]
                }
                Step::Answered { answer: Some(answer), .. } => {
                    let was_finishing = self.finishing.remove(&(case.to_owned(), *report));
                    let is_filed = matches!(answer.code.class(), Class::Success | Class::Finished);
                    if was_finishing && is_filed { &["reports_filed"] } else { &[] }
                }
                Step::Intended { .. } | Step::Answered { answer: None, .. } | Step::Resumed { .. } => &[],
            },
            Deed::Evidence(_)
            | Deed::Moved(_)
            | Deed::Viewed(_)
            | Deed::Covered { .. }
            | Deed::HoldPlaced(_)
            | Deed::HoldReleased { .. }
            | Deed::Erased { .. }
            | Deed::Validated { .. }
            | Deed::Withdrawn { .. }
            | Deed::ExportAsked { .. }
            | Deed::ExportAllowed { .. }
            | Deed::Paid(_)
            | Deed::ClaimAsked { .. }
            | Deed::ClaimAllowed { .. } => &[],
        };
        for name in names {
            *self.counts.entry(name).or_default() += 1;
        }
    }
}
