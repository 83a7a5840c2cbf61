//! What do the line and the judge say to each other, and to the page?
//!
//! All of it is JSON: it passes between two instances of this module by way of JavaScript. What the judge says is
//! read as outside bytes are: a word that cannot be read is no word, and the frame counts as not judged.

use guard::finding::{Finding, Found, FrameId, JudgeId, Match, RegionId, Score};
use guard::region::Region;
use guard::{Incident, Rect, Size, State, incident};
use serde::{Deserialize, Serialize};

/// Where and by whom a frame is to be looked at.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Which frame.
    pub id: u64,
    /// `[x, y, width, height]` of each region.
    pub regions: Vec<[usize; 4]>,
    /// Judge and region of each look.
    pub looks: Vec<[usize; 2]>,
}

impl Job {
    pub(crate) fn new(id: FrameId, regions: &[Region], looks: &[(JudgeId, RegionId)]) -> Job {
        let rect = |region: &Region| {
            let Rect { x, y, size } = region.rect;
            [x, y, size.width, size.height]
        };
        let looks = looks.iter().map(|(judge, region)| [judge.0, region.0]).collect();
        Job { id: id.0, regions: regions.iter().map(rect).collect(), looks }
    }

    /// Region `index`, or the whole of a picture of `size` where there is none such.
    pub(crate) fn rect(&self, index: usize, size: Size) -> Rect {
        let &[x, y, width, height] = self.regions.get(index).unwrap_or(&[0, 0, size.width, size.height]);
        Rect { x, y, size: Size { width, height } }
    }
}

/// What the judge found in one frame.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    /// Which frame.
    pub id: u64,
    /// One for each look.
    pub findings: Vec<Looked>,
}

/// What one judge found in one region.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    /// Who looked.
    pub judge: usize,
    /// Where.
    pub region: usize,
    /// What was found.
    pub found: Word,
}

/// What was found.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Nothing near any entry of the list.
    Clear,
    /// The nearest entry: list, entry, distance in bits.
    Match(String, String, u32),
    /// Classes with their values.
    Scores(Vec<(String, f32)>),
    /// The judge could not look.
    Failed,
}

impl From<Found> for Word {
    fn from(found: Found) -> Word {
        match found {
            Found::Clear => Word::Clear,
            Found::Failed => Word::Failed,
            Found::Match(near) => Word::Match(near.list.to_string(), near.entry.to_string(), near.distance_bits),
            Found::Scores(scores) => {
                Word::Scores(scores.into_iter().map(|score| (score.class.to_string(), score.value)).collect())
            }
        }
    }
}

impl Looked {
    pub(crate) fn into_finding(self, frame: FrameId) -> Finding {
        let found = match self.found {
            Word::Clear => Found::Clear,
            Word::Failed => Found::Failed,
            Word::Match(list, entry, distance_bits) => {
                Found::Match(Match { list: list.into(), entry: entry.into(), distance_bits })
            }
            Word::Scores(scores) => {
                Found::Scores(scores.into_iter().map(|(class, value)| Score { class: class.into(), value }).collect())
            }
        };
        Finding { frame, judge: JudgeId(self.judge), region: RegionId(self.region), found }
    }
}

/// What the page is told.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Told {
    /// Another state, with its reason in words.
    State {
        /// `clear`, `covered` or `stalled`.
        state: &'static str,
        /// Why, as a sentence without a full stop.
        reason: String,
    },
    /// A finding covered the picture, or its cover ended.
    Incident {
        /// Counted from 0 in each stream.
        number: u64,
        /// Milliseconds since the stream began.
        from_ms: u64,
        /// The first frame shown again; `null` while the cover lasts.
        to_ms: Option<u64>,
        /// What was found, in words.
        seen: String,
    },
}

impl Told {
    pub(crate) fn incident(incident: &Incident) -> Told {
        let ms = |at: std::time::Duration| at.as_millis() as u64;
        Told::Incident {
            number: incident.number,
            from_ms: ms(incident.from),
            to_ms: incident.to.map(ms),
            seen: seen(&incident.seen),
        }
    }
}

/// What was found, in words.
pub(crate) fn seen(seen: &incident::Seen) -> String {
    match seen {
        incident::Seen::Known(near) => {
            format!("it is near {} of the list {} ({} bits differ)", near.entry, near.list, near.distance_bits)
        }
        incident::Seen::Score { rule, value } => format!("the model's score for “{rule}” is {value:.2}"),
    }
}

/// The state's name.
pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::Clear => "clear",
        State::Covered => "covered",
        State::Stalled => "stalled",
    }
}
