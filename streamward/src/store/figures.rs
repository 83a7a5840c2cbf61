//! How many of what were there, for the public?

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use casework::appeal::Ruling;
use casework::case::Event;
use casework::cybertip::Class;
use casework::filing::{Request, Step};
use casework::quality::Agreement;
use casework::role::Compartment;
use casework::transparency::{Period, Tally};
use casework::{Deed, Entry, Verdict};
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

/// Everything that was counted.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    /// Each figure.
    pub(crate) figures: Vec<Figure>,
    /// How far second people agreed with what was decided.
    pub(crate) agreement: Agreement,
    /// Cases about which a second person found otherwise, the earliest first.
    pub(crate) differ: Vec<String>,
}

/// Each figure and what it counts.
const FIGURES: [(&str, &str); 13] = [
    ("incidents_referred", "things referred by a guard, a match, a user or a program, each counted once"),
    ("cases_decided", "decisions by a person who had taken the case, a later one about the same case counted again"),
    ("cases_to_report", "decisions that something must be reported"),
    ("cases_nothing_to_report", "decisions that there is nothing to report"),
    ("cases_taken_up_again", "cases that a person took up again after a decision"),
    ("appeals_received", "appeals against a decision that were written down"),
    ("appeals_upheld", "appeals after which the decision stands, heard by somebody who had taken no part in the case"),
    ("appeals_reversed", "appeals after which the decision does not stand, heard by such a person"),
    ("second_looks_drawn", "decisions drawn at random for a second person, who is not told what was decided"),
    ("second_looks_made", "decisions about which that person has said what they find"),
    ("reports_drafted", "reports drafted, withdrawn ones included"),
    ("reports_approved", "reports that a second person approved"),
    ("reports_filed", "reports that the authority has, by its own receipt"),
];

/// Each figure's name and definition.
#[cfg(test)]
pub(crate) fn figure_definitions() -> Vec<(&'static str, &'static str)> {
    FIGURES.to_vec()
}

/// What counting must remember.
#[derive(Default)]
struct Counting {
    counts: BTreeMap<&'static str, i64>,
    /// Cases in which something was seen.
    seen: HashSet<String>,
    /// What was referred: each thing counts once.
    keys: HashSet<String>,
    /// Decisions that were drawn and that no second person has looked at, by case.
    drawn: HashMap<String, VecDeque<Verdict>>,
    /// What was decided, and what the second person found.
    pairs: Vec<(Verdict, Verdict)>,
    /// Cases about which these differ.
    differ: Vec<String>,
    /// Reports of which the last step was about to finish them.
    finishing: HashSet<(String, usize)>,
}

impl Store {
    /// Every figure. What was paid is not counted.
    pub(crate) async fn figures(&self) -> Result<Counts, Error> {
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
        let agreement = Agreement::of(&counting.pairs);
        Ok(Counts { figures: FIGURES.into_iter().map(figure).collect(), agreement, differ: counting.differ })
    }
}

impl Store {
    /// What happened in a period, for the authorities' forms.
    pub(crate) async fn tally(&self, period: Period) -> Result<Tally, Error> {
        let mut tally = Tally::new(period);
        let mut after = -1i64;
        loop {
            let rows = sqlx::query(
                "SELECT position, subject, entry, body FROM log WHERE position > $1 ORDER BY position LIMIT 5000",
            )
            .bind(after)
            .fetch_all(&self.pool)
            .await?;
            let Some(last) = rows.last() else { return Ok(tally) };
            after = last.get(0);
            for row in &rows {
                let position: i64 = row.get(0);
                // What is said of people, the vault and samples is no deed.
                let Ok(deed) = serde_json::from_str::<Deed>(&row.get::<String, _>(3)) else { continue };
                let damaged = |_| Error::Damaged { what: format!("record {position} of the log") };
                let entry: Entry = serde_json::from_str(&row.get::<String, _>(2)).map_err(damaged)?;
                tally.take(&row.get::<String, _>(1), entry.at, &deed);
            }
        }
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
            Deed::Drawn { first, .. } => {
                self.drawn.entry(case.to_owned()).or_default().push_back(*first);
                &["second_looks_drawn"]
            }
            Deed::SecondFound(second) => {
                let first = self.drawn.get_mut(case).and_then(VecDeque::pop_front);
                self.pairs.extend(first.map(|first| (first, second.verdict)));
                if first.is_some_and(|first| first != second.verdict) {
                    self.differ.push(case.to_owned());
                }
                &["second_looks_made"]
            }
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
            | Deed::SecondTaken { .. }
            | Deed::SecondHandedBack { .. }
            | Deed::ClaimAsked { .. }
            | Deed::ClaimAllowed { .. } => &[],
        };
        for name in names {
            *self.counts.entry(name).or_default() += 1;
        }
    }
}
