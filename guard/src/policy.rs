//! What does this guard cover, how soon, and for how long?
//!
//! A policy is one TOML file that a person can read. Every field has a meaning and a unit here, an unknown key is an
//! error, and a value out of range is named with its key. Four policies are shipped: see [`Policy::SHIPPED`].

use serde::{Deserialize, Serialize};

use crate::Error;

/// Everything the guard is told.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What people call it.
    pub name: String,
    /// Only grows.
    pub version: u32,
    /// One sentence for the person who is guarded.
    pub description: String,
    /// How long frames wait, and how long a cover stays.
    pub timing: Timing,
    /// When a verdict may serve for the next frames.
    #[serde(default)]
    pub reuse: Reuse,
    /// Who looks at every frame. All must have reported before a frame is shown.
    pub judges: Judges,
    /// What a model's scores lead to.
    #[serde(default, rename = "score")]
    pub scores: Vec<ScoreRule>,
    /// When a frame is the same as an entry of a list.
    #[serde(default, rename = "match")]
    pub matching: Matching,
    /// What is shown instead.
    #[serde(default)]
    pub cover: Cover,
    /// What happens to the sound.
    #[serde(default)]
    pub audio: Audio,
}

/// How long frames wait, and how long a cover stays.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Every frame leaves this long after it came, milliseconds, `0..=10_000`. Calls 150, broadcast 2000.
    pub hold_ms: u32,
    /// How long the last released frame may stay up while judging is late, milliseconds, `0..=1000`.
    #[serde(default = "default_freeze_ms")]
    pub freeze_ms: u32,
    /// A cover stays at least this long, milliseconds, at least 1000: WCAG 2.2 §2.3.1 allows 3 flashes a second.
    #[serde(default = "default_cover_min_ms")]
    pub cover_min_ms: u32,
    /// Nothing may have been found for this long before a cover goes, milliseconds, at least 1000.
    #[serde(default = "default_clear_ms")]
    pub clear_ms: u32,
    /// A cover stays until a person resets the guard.
    #[serde(default)]
    pub latch: bool,
    /// A judge that needs longer than this for one frame has failed, milliseconds; matters where nothing else
    /// sets the pace (files).
    #[serde(default = "default_judge_timeout_ms")]
    pub judge_timeout_ms: u32,
    /// Shows frames before they are judged and covers afterwards. Needs `hold_ms = 0`. Every such frame is counted.
    #[serde(default)]
    pub optimistic_shows_unjudged_frames: bool,
}

/// When a verdict may serve for the next frames.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reuse {
    /// How old the verdict may be, milliseconds, `0..=2000`; 0 judges every frame.
    pub max_ms: u32,
    /// How much any tile may differ, levels of 255.
    #[serde(default = "default_tile_change_max")]
    pub tile_change_max: u8,
}

/// Who looks at every frame.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Judges {
    /// Lists of known material: file paths, or `test-card` for the built-in one.
    #[serde(default)]
    pub lists: Vec<String>,
    /// Public keys, `name+id+base64`, of those who may sign lists. With any, a list that too few of them have signed,
    /// that was altered or is older than one seen before is refused, and with it the whole policy.
    #[serde(default)]
    pub list_keys: Vec<String>,
    /// How many of them must have signed, at least 1.
    #[serde(default = "default_list_keys_needed")]
    pub list_keys_needed: u32,
    /// Models by name, or `auto`: MobileNetV2Mid where onnxruntime is there, else MobileNetV2.
    #[serde(default)]
    pub models: Vec<String>,
    /// How several models judge together.
    #[serde(default)]
    pub ensemble: Ensemble,
    /// With `cascade`: the second model looks where any class of a [`ScoreRule`] passes this score, `0.0..=1.0`.
    #[serde(default = "default_cascade_from")]
    pub cascade_from: f32,
    /// Which parts of the picture each list looks at.
    #[serde(default = "default_regions")]
    pub regions: Vec<RegionKind>,
    /// Which of them each model looks at; all of `regions` where it is not set. A model costs more than a list.
    pub model_regions: Option<Vec<RegionKind>>,
}

impl Judges {
    /// The regions that models look at.
    pub fn regions_of_models(&self) -> &[RegionKind] {
        self.model_regions.as_ref().unwrap_or(&self.regions)
    }
}

/// How several models judge together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ensemble {
    /// Each is a judge of its own.
    #[default]
    Any,
    /// The mean of classes of the same name.
    Mean,
    /// The first looks at every frame, the next where the first is in doubt.
    Cascade,
}

/// Which parts of the picture are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum RegionKind {
    /// The picture as it is.
    #[serde(rename = "whole")]
    Whole,
    /// Without the flat bars of a letterbox.
    #[serde(rename = "trimmed")]
    Trimmed,
    /// Four quarters.
    #[serde(rename = "2x2")]
    Quarters,
    /// Nine ninths.
    #[serde(rename = "3x3")]
    Ninths,
    /// Pictures within the picture, found by their straight edges: see [`crate::inset`].
    #[serde(rename = "insets")]
    Insets,
    /// Windows and participants that the source knows of.
    #[serde(rename = "given")]
    Given,
}

/// What the score of one or more classes leads to.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreRule {
    /// What the cover and the incident call it.
    pub name: String,
    /// The classes whose scores are added.
    pub classes: Vec<String>,
    /// One frame at or above this covers at once, `0.0..=1.0`.
    pub block: f32,
    /// An average over half a second, or three frames of five, at or above this cover too.
    pub review: f32,
    /// A cover goes only below this; `review` where it is not set.
    pub clear: Option<f32>,
    /// In place of `block` where a single still is judged.
    pub still: Option<f32>,
}

impl ScoreRule {
    /// Below this a cover may go.
    pub fn clear_below(&self) -> f32 {
        self.clear.unwrap_or(self.review)
    }
}

/// When a frame is the same as an entry of a list.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    /// Bits that may differ, `0..=64`. Source: `pdq/README.md` in facebook/ThreatExchange, 31.
    pub distance_bits_max: u32,
    /// Hashes of lower quality match nothing, `0..=100`. Source: the same, 50.
    pub quality_min: u32,
}

/// What is shown instead of a frame.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    /// How the picture is covered; the words stand on it in each style.
    pub style: CoverStyle,
    /// Pixels that become one, for `pixelate` and `blur`, at least 16.
    #[serde(default = "default_radius_px")]
    pub radius_px: u32,
    /// Whom the words speak to.
    #[serde(default)]
    pub reader: Reader,
    /// Language of the words; one that no speaker has reviewed falls back to English.
    #[serde(default = "default_language")]
    pub language: String,
}

/// How the picture is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CoverStyle {
    /// One dark shade.
    Solid,
    /// Large squares, from the frame's tiles.
    Pixelate,
    /// The same, with soft edges.
    Blur,
}

/// Whom the words on the cover speak to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// An adult in a call or a stream.
    #[default]
    Adult,
    /// A child on their own device.
    Child,
}

/// What happens to the sound.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// Silence under the cover.
    pub mute: bool,
    /// Silence from this long before the cover, milliseconds, `0..=1000`.
    #[serde(default = "default_lead_ms")]
    pub lead_ms: u32,
    /// Silence until this long after the cover, milliseconds, `0..=1000`.
    #[serde(default = "default_tail_ms")]
    pub tail_ms: u32,
}

fn default_freeze_ms() -> u32 {
    200
}
fn default_cover_min_ms() -> u32 {
    1000
}
fn default_clear_ms() -> u32 {
    1000
}
fn default_judge_timeout_ms() -> u32 {
    10_000
}
fn default_tile_change_max() -> u8 {
    4
}
fn default_list_keys_needed() -> u32 {
    1
}

fn default_cascade_from() -> f32 {
    0.1
}
fn default_regions() -> Vec<RegionKind> {
    vec![RegionKind::Whole, RegionKind::Trimmed]
}
fn default_radius_px() -> u32 {
    48
}
fn default_language() -> String {
    "en".into()
}
fn default_lead_ms() -> u32 {
    100
}
fn default_tail_ms() -> u32 {
    250
}

impl Default for Reuse {
    fn default() -> Reuse {
        Reuse { max_ms: 500, tile_change_max: default_tile_change_max() }
    }
}

impl Default for Matching {
    fn default() -> Matching {
        Matching { distance_bits_max: 31, quality_min: 50 }
    }
}

impl Default for Cover {
    fn default() -> Cover {
        Cover {
            style: CoverStyle::Solid,
            radius_px: default_radius_px(),
            reader: Reader::Adult,
            language: default_language(),
        }
    }
}

impl Default for Audio {
    fn default() -> Audio {
        Audio { mute: true, lead_ms: default_lead_ms(), tail_ms: default_tail_ms() }
    }
}

impl Policy {
    /// The policies that come with the guard: name and text.
    pub const SHIPPED: [(&'static str, &'static str); 4] = [
        ("child-device", include_str!("../policies/child-device.toml")),
        ("messenger", include_str!("../policies/messenger.toml")),
        ("livestream", include_str!("../policies/livestream.toml")),
        ("test", include_str!("../policies/test.toml")),
    ];

    /// The shipped policy of this name.
    pub fn shipped(name: &str) -> Option<Policy> {
        let (_, text) = Policy::SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        Some(Policy::parse(text).expect("shipped policies are parsed in a test"))
    }

    /// Reads a policy from its text.
    ///
    /// # Errors
    /// [`Error::PolicyText`] for bad TOML or an unknown key; [`Error::PolicyValue`] for a value out of range.
    pub fn parse(text: &str) -> Result<Policy, Error> {
        let policy: Policy = toml::from_str(text).map_err(|source| Error::PolicyText(Box::new(source)))?;
        policy.check()?;
        Ok(policy)
    }

    /// The policy as a file that says everything, also what its own file left to defaults.
    ///
    /// [`Policy::parse`] makes the same policy of it.
    pub fn to_text(&self) -> String {
        toml::to_string(self).expect("a policy is tables of plain values")
    }

    /// How many judges must report on every region: each list, and each model or the ensemble of them.
    pub fn n_judges(&self) -> usize {
        let n_models = match self.judges.ensemble {
            Ensemble::Any => self.judges.models.len(),
            Ensemble::Mean | Ensemble::Cascade => self.judges.models.len().min(1),
        };
        self.judges.lists.len() + n_models
    }

    /// Whether anything asks for the tiles of a frame: reuse compares them, some covers are drawn from them.
    pub fn needs_tiles(&self) -> bool {
        self.reuse.max_ms > 0 || self.cover.style != CoverStyle::Solid
    }

    fn check(&self) -> Result<(), Error> {
        let timing = &self.timing;
        within("timing.hold_ms", timing.hold_ms, 0..=10_000)?;
        within("timing.freeze_ms", timing.freeze_ms, 0..=1000)?;
        within("timing.cover_min_ms", timing.cover_min_ms, 1000..=3_600_000)?;
        within("timing.clear_ms", timing.clear_ms, 1000..=3_600_000)?;
        within("timing.judge_timeout_ms", timing.judge_timeout_ms, 100..=600_000)?;
        within("reuse.max_ms", self.reuse.max_ms, 0..=2000)?;
        within("match.distance_bits_max", self.matching.distance_bits_max, 0..=64)?;
        within("match.quality_min", self.matching.quality_min, 0..=100)?;
        within("cover.radius_px", self.cover.radius_px, 16..=4096)?;
        within("audio.lead_ms", self.audio.lead_ms, 0..=1000)?;
        within("audio.tail_ms", self.audio.tail_ms, 0..=1000)?;
        share("judges.cascade_from", self.judges.cascade_from)?;
        self.scores.iter().try_for_each(ScoreRule::check)?;
        self.check_judges()
    }

    fn check_judges(&self) -> Result<(), Error> {
        let wrong = |key, rule| Err(Error::PolicyValue { key, value: "this".into(), rule });
        if self.n_judges() == 0 {
            return wrong("judges", "must name at least one list or model, or nothing could ever be shown");
        }
        let n_keys = self.judges.list_keys.len().max(1) as u32;
        if !(1..=n_keys).contains(&self.judges.list_keys_needed) {
            return wrong("judges.list_keys_needed", "must be from 1 to the number of list_keys");
        }
        if self.judges.regions.is_empty() || self.judges.regions_of_models().is_empty() {
            return wrong("judges.regions", "must name at least one region");
        }
        if !self.judges.regions_of_models().iter().all(|kind| self.judges.regions.contains(kind)) {
            return wrong("judges.model_regions", "must name only regions that stand in judges.regions");
        }
        if !self.judges.models.is_empty() && self.scores.is_empty() {
            return wrong("score", "must say what the scores of the models lead to");
        }
        if self.timing.optimistic_shows_unjudged_frames != (self.timing.hold_ms == 0) {
            return wrong("timing.hold_ms", "must be 0 with optimistic_shows_unjudged_frames, and only then");
        }
        Ok(())
    }
}

impl ScoreRule {
    fn check(&self) -> Result<(), Error> {
        share("score.block", self.block)?;
        share("score.review", self.review)?;
        share("score.clear", self.clear_below())?;
        share("score.still", self.still.unwrap_or(self.block))?;
        let wrong = |rule| Err(Error::PolicyValue { key: "score", value: self.name.clone(), rule });
        if self.classes.is_empty() {
            return wrong("must name at least one class");
        }
        if self.review > self.block || self.clear_below() > self.review {
            return wrong("must have clear ≤ review ≤ block");
        }
        Ok(())
    }
}

fn within(key: &'static str, value: u32, range: std::ops::RangeInclusive<u32>) -> Result<(), Error> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Error::PolicyRange { key, value: f64::from(value), low: (*range.start()).into(), high: (*range.end()).into() })
}

fn share(key: &'static str, value: f32) -> Result<(), Error> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::PolicyRange { key, value: f64::from(value), low: 0.0, high: 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(from: &str, to: &str) -> Result<Policy, Error> {
        let (_, text) = Policy::SHIPPED[1];
        assert!(text.contains(from), "the shipped policy has no {from:?}");
        Policy::parse(&text.replacen(from, to, 1))
    }

    #[test]
    fn shipped_policies_are_valid_and_bear_their_names() {
        for (name, text) in Policy::SHIPPED {
            assert_eq!(Policy::parse(text).unwrap().name, name);
        }
        assert!(Policy::shipped("child-device").unwrap().timing.latch);
        assert!(Policy::shipped("no-such-policy").is_none());
    }

    #[test]
    fn a_policy_written_out_is_the_same_policy_and_leaves_nothing_out() {
        for (name, text) in Policy::SHIPPED {
            let policy = Policy::parse(text).unwrap();
            let written = policy.to_text();
            assert_eq!(Policy::parse(&written).unwrap(), policy, "{name}: {written}");
            assert!(written.contains("judge_timeout_ms = 10000"), "{written}");
        }
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = edited("hold_ms", "hold_msec = 3\nhold_ms").unwrap_err();
        assert!(error.to_string().contains("hold_msec"), "{error}");
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_range() {
        let error = edited("block = 0.7", "block = 1.5").unwrap_err();
        assert_eq!(error.to_string(), "score.block is 1.5 and must be from 0 to 1");
        assert!(edited("block = 0.7", "block = nan").is_err());
        assert!(edited("block = 0.7", "block = 0.1").is_err(), "review above block");
        assert!(edited("hold_ms = 150", "hold_ms = 0").is_err(), "nothing is shown unjudged without saying so");
    }

    #[test]
    fn a_policy_without_judges_is_refused() {
        let none = edited("lists = [\"test-card\"]", "lists = []").unwrap();
        assert_eq!(none.n_judges(), 1);
        assert!(edited("lists = [\"test-card\"]\nmodels = [\"auto\"]", "").is_err());
    }
}
