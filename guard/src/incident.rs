//! What happened while the picture was covered?
//!
//! An incident is a record of a finding: when, which entry or which class, how near or how high. It holds no picture
//! and accuses nobody; what follows from it, a person decides elsewhere.

use std::time::Duration;

use crate::finding::Match;
use crate::policy::ScoreRule;

/// A finding that covered the picture, from the first frame it was seen in to the end of the cover.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Counted from 0 in each stream.
    pub number: u64,
    /// Time of the first frame, since the stream began.
    pub from: Duration,
    /// Time of the first frame shown again; `None` while the cover lasts.
    pub to: Option<Duration>,
    /// What was found; of several alike, the nearest or the highest.
    pub seen: Seen,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// An entry of a list.
    Known(Match),
    /// A score rule of the policy passed its threshold.
    Score {
        /// Name of the rule.
        rule: String,
        /// The value or average that passed, `0.0..=1.0`.
        value: f32,
    },
}

impl Seen {
    pub(crate) fn score(rule: &ScoreRule, value: f32) -> Seen {
        Seen::Score { rule: rule.name.clone(), value }
    }

    /// Whether both are the same entry or the same rule.
    fn is_like(&self, other: &Seen) -> bool {
        match (self, other) {
            (Seen::Known(a), Seen::Known(b)) => a.list == b.list && a.entry == b.entry,
            (Seen::Score { rule: a, .. }, Seen::Score { rule: b, .. }) => a == b,
            (Seen::Known(_), Seen::Score { .. }) | (Seen::Score { .. }, Seen::Known(_)) => false,
        }
    }

    fn is_stronger(&self, other: &Seen) -> bool {
        match (self, other) {
            (Seen::Known(a), Seen::Known(b)) => a.distance_bits < b.distance_bits,
            (Seen::Score { value: a, .. }, Seen::Score { value: b, .. }) => a > b,
            (Seen::Known(_), Seen::Score { .. }) | (Seen::Score { .. }, Seen::Known(_)) => false,
        }
    }
}

/// The incidents of the cover that lasts now.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    open: Vec<Incident>,
    n_opened: u64,
}

/// One cover names at most this many findings apart; a long list of near duplicates says no more than its first ones.
const OPEN_MAX: usize = 64;

impl Incidents {
    /// Notes a finding in the frame of time `at`; the incident, if it is a new one.
    pub(crate) fn note(&mut self, seen: Seen, at: Duration) -> Option<Incident> {
        if let Some(open) = self.open.iter_mut().find(|open| open.seen.is_like(&seen)) {
            if seen.is_stronger(&open.seen) {
                open.seen = seen;
            }
            return None;
        }
        if self.open.len() == OPEN_MAX {
            return None;
        }
        let incident = Incident { number: self.n_opened, from: at, to: None, seen };
        self.n_opened += 1;
        self.open.push(incident.clone());
        Some(incident)
    }

    /// The cover ended with the frame of time `at`.
    pub(crate) fn close(&mut self, at: Duration) -> impl Iterator<Item = Incident> {
        std::mem::take(&mut self.open).into_iter().map(move |incident| Incident { to: Some(at), ..incident })
    }
}
