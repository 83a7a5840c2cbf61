//! What did a judge see in a frame?
//!
//! A judge is one list or one model that the policy names. It reports once on every region of a frame; until all
//! have, the frame is not judged. `guard` does not know how findings are made.

use std::sync::Arc;

/// Which frame, counted from the start of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId(pub u64);

/// Which judge, as an index into [`crate::policy::Policy::judges`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JudgeId(pub usize);

/// Which region of a frame, as an index into the plan made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionId(pub usize);

/// One judge's word on one region of one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The frame that was looked at.
    pub frame: FrameId,
    /// Who looked.
    pub judge: JudgeId,
    /// Where.
    pub region: RegionId,
    /// What was found.
    pub found: Found,
}

/// What one judge found in one region.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Nothing near any entry of the list.
    Clear,
    /// An entry of the list is near enough.
    Match(Match),
    /// What a model sees; the policy says what follows.
    Scores(Vec<Score>),
    /// The judge could not look. The frame counts as not judged.
    Failed,
}

/// The nearest entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Name of the list.
    pub list: Arc<str>,
    /// The entry's id in the list.
    pub entry: Arc<str>,
    /// Bits that differ, `0..=256`.
    pub distance_bits: u32,
}

/// How much of one class a model sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The class, as the model names it.
    pub class: Arc<str>,
    /// `0.0..=1.0`; anything else makes the finding a failed one.
    pub value: f32,
}

/// Scores are usable only if each is a number from 0 to 1.
pub(crate) fn are_sound(scores: &[Score]) -> bool {
    !scores.is_empty() && scores.iter().all(|score| (0.0..=1.0).contains(&score.value))
}
