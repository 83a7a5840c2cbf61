//! What became of a stream, over all its checkers?

use serde::Serialize;

use crate::held::HoldTimes;
use crate::network::pulse::{Pulse, Standing, Sums};

/// What became of a stream, over all its checkers.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tally {
    #[serde(flatten)]
    pub(crate) counts: Sums,
    /// Findings that covered the picture.
    pub(crate) incidents: u64,
    /// How often a checker had to be replaced.
    pub(crate) checkers_lost: u64,
    #[serde(skip)]
    pub(crate) geometry: Option<String>,
    #[serde(skip)]
    now: Pulse,
    #[serde(skip)]
    past: (Sums, u64, HoldTimes),
    /// Goes before what is said of one of several streams.
    #[serde(skip)]
    name: String,
    /// How often checking stalled.
    #[serde(skip)]
    pub(crate) n_stalls: u64,
    #[serde(skip)]
    standing: Option<Standing>,
}

impl Tally {
    /// Of one of several streams: `name` goes before what is said of it.
    pub(crate) fn named(name: String) -> Tally {
        Tally { name, ..Tally::default() }
    }

    pub(crate) fn hear(&mut self, pulse: Pulse) {
        self.stand(pulse.standing);
        if pulse.n_incidents > self.now.n_incidents
            && let Some(incident) = &pulse.last_incident
        {
            eprintln!("{}found: {incident}", self.name);
        }
        self.geometry = pulse.geometry.clone().or(self.geometry.take());
        self.counts = self.past.0.clone();
        for (name, n) in &pulse.counts {
            *self.counts.entry(name.clone()).or_default() += n;
        }
        self.incidents = self.past.1 + pulse.n_incidents;
        self.now = pulse;
    }

    /// Says how things stand, when they have changed.
    pub(crate) fn stand(&mut self, standing: Standing) {
        if self.standing.replace(standing) != Some(standing) {
            self.n_stalls += u64::from(standing == Standing::Stalled);
            eprintln!("{}{}", self.name, standing.words());
        }
    }

    pub(crate) fn checker_is_gone(&mut self) {
        self.checkers_lost += 1;
        self.past = (self.counts.clone(), self.incidents, self.hold_times());
        self.now = Pulse::default();
    }

    /// How the stream stands.
    pub(crate) fn standing(&self) -> Standing {
        self.standing.unwrap_or_default()
    }

    /// How long frames were held, over all checkers.
    pub(crate) fn hold_times(&self) -> HoldTimes {
        let mut times = self.past.2.clone();
        times.add(&self.now.hold_times);
        times
    }

    /// How many frames met this fate.
    pub(crate) fn n(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// 3 when judging was late or failed, 1 when anything was covered, else 0.
    pub(crate) fn exit_code(&self) -> u8 {
        match (self.n("stalled") + self.n("repeated") + self.checkers_lost, self.n("covered")) {
            (1.., _) => 3,
            (0, 1..) => 1,
            (0, 0) => 0,
        }
    }
}
