//! What does a finished run tell, to people and to programs?

use guard::Counts;
use guard::incident::Seen;
use serde::{Deserialize, Serialize};

/// The one object that `guard file --json` ends with.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Frames that came in.
    pub frames: u64,
    /// Frames that every judge looked at in time.
    pub judged: u64,
    /// Frames that a judged frame's verdict served for.
    pub reused: u64,
    /// Frames shown.
    pub released: u64,
    /// Places where the last released frame was shown again.
    pub repeated: u64,
    /// Places where the cover was shown.
    pub covered: u64,
    /// Frames shown without a verdict; above 0 only under an optimistic policy.
    pub released_unjudged: u64,
    /// Places covered because judging was late or failed.
    pub stalled: u64,
    /// Findings that covered the picture.
    pub incidents: Vec<Incident>,
    /// The model that judged, where one did.
    pub model: Option<Model>,
    /// Name and version of the policy.
    pub policy: String,
    /// Wall clock, seconds.
    pub elapsed_s: f64,
    /// Whether an interrupt ended the run before the video did.
    pub interrupted: bool,
    /// How much of the file's length could not be read as video, milliseconds; 0 for a whole file.
    pub unread_ms: u64,
    /// How long frames were held, where the video was played at its own speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<Held>,
}

/// From a frame's coming until something goes out in its place, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Half of the frames were held no longer.
    pub p50: u64,
    /// Of a hundred frames one was held longer.
    pub p99: u64,
}

impl Held {
    /// Of these times; none of none.
    pub fn of(mut times_ms: Vec<u64>) -> Option<Held> {
        times_ms.sort_unstable();
        let at = |percent: usize| times_ms.get((times_ms.len() * percent).div_ceil(100).checked_sub(1)?).copied();
        Some(Held { p50: at(50)?, p99: at(99)? })
    }
}

/// A finding that covered the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Time of the first frame, milliseconds since the start.
    pub from_ms: u64,
    /// Time of the first frame shown again; none while the cover lasts.
    pub to_ms: Option<u64>,
    /// `known` or `score`.
    pub reason: String,
    /// Which list.
    pub list: Option<String>,
    /// Which entry of it.
    pub entry: Option<String>,
    /// How far from that entry, `0..=256`.
    pub distance_bits: Option<u32>,
    /// Which score rule of the policy.
    pub class: Option<String>,
    /// Its value, `0.0..=1.0`.
    pub score: Option<f32>,
}

/// A model and what ran it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// `rten` or `onnxruntime`.
    pub runtime: String,
}

impl From<&guard::Incident> for Incident {
    fn from(incident: &guard::Incident) -> Incident {
        let ms = |at: std::time::Duration| at.as_millis() as u64;
        let empty = Incident {
            from_ms: ms(incident.from),
            to_ms: incident.to.map(ms),
            reason: "known".into(),
            list: None,
            entry: None,
            distance_bits: None,
            class: None,
            score: None,
        };
        match &incident.seen {
            Seen::Known(found) => Incident {
                list: Some(found.list.to_string()),
                entry: Some(found.entry.to_string()),
                distance_bits: Some(found.distance_bits),
                ..empty
            },
            Seen::Score { rule, value } => {
                Incident { reason: "score".into(), class: Some(rule.clone()), score: Some(*value), ..empty }
            }
        }
    }
}

impl Report {
    /// A report from the machine's own counts.
    pub fn new(counts: Counts, policy: &guard::Policy) -> Report {
        Report {
            frames: counts.frames,
            judged: counts.judged,
            reused: counts.reused,
            released: counts.released,
            repeated: counts.repeated,
            covered: counts.covered,
            released_unjudged: counts.released_unjudged,
            stalled: counts.stalled,
            incidents: Vec::new(),
            model: None,
            policy: format!("{} {}", policy.name, policy.version),
            elapsed_s: 0.0,
            interrupted: false,
            unread_ms: 0,
            held_ms: None,
        }
    }

    /// 3 when judging was late or failed, a part of the file could not be read, or an interrupt ended the run; else 1
    /// when anything was covered, else 0.
    pub fn exit_code(&self) -> u8 {
        match (self.stalled + self.repeated + self.unread_ms + u64::from(self.interrupted), self.covered) {
            (1.., _) => 3,
            (0, 1..) => 1,
            (0, 0) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_were_held_no_longer_and_one_of_a_hundred_longer() {
        assert_eq!(Held::of(vec![]), None);
        assert_eq!(Held::of(vec![7]), Some(Held { p50: 7, p99: 7 }));
        assert_eq!(Held::of((1..=200).rev().collect()), Some(Held { p50: 100, p99: 198 }));
    }
}
