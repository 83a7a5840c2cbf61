//! What does a checker say of itself, and how is that put to the person who is guarded?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::held::HoldTimes;

/// How a stream stands; of several, the greatest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Standing {
    /// No picture has come yet.
    #[default]
    Starting,
    /// The source brings nothing; the cover goes out.
    Silent,
    /// What is judged benign goes out.
    Shown,
    /// Something was found.
    Covered,
    /// Judging is late or failed, or nobody judges.
    Stalled,
}

impl Standing {
    /// One word, for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Standing::Starting => "starting",
            Standing::Silent => "silent",
            Standing::Shown => "shown",
            Standing::Covered => "covered",
            Standing::Stalled => "stalled",
        }
    }

    /// One sentence, for a person.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Standing::Starting => "waiting for the source",
            Standing::Silent => "the source is silent: the cover is sent",
            Standing::Shown => "every frame is checked: video is shown",
            Standing::Covered => "something was found: video is covered",
            Standing::Stalled => "checking is stalled: video is covered",
        }
    }
}

/// What became of frames, by the names that a report gives them.
pub(crate) type Sums = BTreeMap<String, u64>;

/// What a checker says of itself, several times a second.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pulse {
    pub(crate) standing: Standing,
    pub(crate) counts: Sums,
    pub(crate) n_incidents: u64,
    /// The last finding that covered the picture: a report's incident.
    pub(crate) last_incident: Option<String>,
    #[serde(default)]
    pub(crate) hold_times: HoldTimes,
    /// Size and pace of what goes out.
    pub(crate) geometry: Option<String>,
}

impl Pulse {
    /// Adds what another checker says.
    pub(crate) fn join(&mut self, other: &Pulse) {
        self.standing = self.standing.max(other.standing);
        for (name, n) in &other.counts {
            *self.counts.entry(name.clone()).or_default() += n;
        }
        self.n_incidents += other.n_incidents;
        self.hold_times.add(&other.hold_times);
    }
}
