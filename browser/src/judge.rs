//! Who looks at a frame in a browser, and what do they say?
//!
//! The lists and the model that the policy names, all of them or none: a judge that cannot be had is an error at the
//! start, and without it no frame is ever shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use classifier::{Classifier, RuntimeChoice};
use guard::finding::{Finding, Found, FrameId, JudgeId, Match, RegionId, Score};
use guard::policy::{Ensemble, RegionKind, ScoreRule};
use guard::region::{Region, Sight};
use guard::{Format, Frame, Policy, Rect, Size, region};
use known::pdq::{self, Hasher, Luma, Pdq, Rgb};
use known::{List, list};
use serde::Serialize;

use crate::picture::Picture;
use crate::word::{self, Findings, Job, Looked};

/// The one model that a browser has; what `auto` stands for here.
pub const MODEL: &str = "MobileNetV2";

/// All judges of a policy.
pub struct Judge {
    policy: Policy,
    lists: Vec<(Arc<str>, List)>,
    model: Option<Seat>,
    hasher: FrameHasher,
}

struct Seat {
    classifier: Classifier,
    classes: Vec<Arc<str>>,
}

/// What becomes of a single still.
#[derive(Debug, Serialize)]
pub struct Still {
    /// `clear`, `covered`, or `stalled` where it could not be judged.
    pub state: &'static str,
    /// Why, in words.
    pub reason: String,
}

impl Judge {
    /// Takes the policy and the texts of the lists that it names, by name; the list `test-card` is built in.
    ///
    /// # Errors
    /// A sentence: which list is missing or broken, or which model a browser does not have.
    pub fn new(policy: Policy, texts: &BTreeMap<String, String>) -> Result<Judge, String> {
        let needs_signatures = !policy.judges.list_keys.is_empty();
        if let Some(name) = policy.judges.lists.iter().find(|name| needs_signatures && *name != list::TEST_CARD) {
            return Err(format!(
                "the policy asks who signed the list {name}, and in a browser that is not checked yet"
            ));
        }
        let lists = policy.judges.lists.iter().map(|name| open(name, texts)).collect::<Result<_, _>>()?;
        let judge = Judge { policy, lists, model: None, hasher: FrameHasher::default() };
        match judge.policy.judges.models.as_slice() {
            [] => Ok(judge),
            [name] if name == "auto" || name == MODEL => Ok(judge),
            [name] => Err(format!("the policy names the model {name}; in a browser there is {MODEL}")),
            _ if judge.policy.judges.ensemble == Ensemble::Any => {
                Err(format!("in a browser one model judges, {MODEL}"))
            }
            _ => Err(format!("in a browser no ensemble judges, only {MODEL}")),
        }
    }

    /// Whether [`Judge::seat`] must be called before anything can be judged.
    pub fn needs_model(&self) -> bool {
        !self.policy.judges.models.is_empty() && self.model.is_none()
    }

    /// Loads the model from the two parts of the npm package of nsfwjs: its topology and its weights, one byte each.
    ///
    /// # Errors
    /// A sentence: they are not the pinned ones, or the policy's rules and the model's classes do not fit each other.
    pub fn seat(&mut self, topology: &str, weights: &[u8]) -> Result<(), String> {
        let told = |error: classifier::Error| format!("{error}; {}", error.to_do());
        let imported = classifier::import::nsfwjs_model(MODEL, topology, weights).map_err(told)?;
        let classifier = Classifier::load(imported.manifest, &imported.onnx, &RuntimeChoice::Own).map_err(told)?;
        let classes: Vec<Arc<str>> = classifier.card().classes.iter().map(|class| class.as_str().into()).collect();
        let mut named = self.policy.scores.iter().flat_map(|rule| rule.classes.iter().map(move |class| (rule, class)));
        if let Some((rule, class)) = named.find(|(_, class)| classes.iter().all(|known| **known != ***class)) {
            return Err(format!("the rule “{}” names the class {class}, which {MODEL} does not have", rule.name));
        }
        self.model = Some(Seat { classifier, classes });
        Ok(())
    }

    /// Looks at a frame: a finding for each look of the job.
    pub fn look(&mut self, job: &Job, picture: &Picture) -> Findings {
        let frame = picture.frame();
        let looks = job.looks.iter().map(|&[judge, region]| (judge, region, job.rect(region, frame.size())));
        let findings = self.findings(&frame, looks);
        let looked = findings.into_iter().map(|(judge, region, found)| Looked { judge, region, found: found.into() });
        Findings { id: job.id, findings: looked.collect() }
    }

    /// Judges a still by the thresholds that the policy has for stills.
    pub fn still(&mut self, picture: &Picture) -> Still {
        let frame = picture.frame();
        let regions = regions(&frame, &self.policy);
        let looks = region::looks(&self.policy, &regions);
        let looks = looks.into_iter().map(|(judge, region)| (judge.0, region.0, regions[region.0].rect));
        let findings = self.findings(&frame, looks);
        let mut reason = None;
        for (_, _, found) in &findings {
            match found {
                Found::Clear => (),
                Found::Failed => return Still { state: "stalled", reason: "it could not be judged".into() },
                Found::Match(near) => {
                    reason.get_or_insert(word::seen(&guard::incident::Seen::Known(near.clone())));
                }
                Found::Scores(scores) => {
                    reason = reason.or_else(|| self.policy.scores.iter().find_map(|rule| over(rule, scores)));
                }
            }
        }
        match reason {
            _ if findings.is_empty() => Still { state: "stalled", reason: "nobody looked at it".into() },
            Some(reason) => Still { state: "covered", reason },
            None => Still { state: "clear", reason: "nothing was found in it".into() },
        }
    }

    fn findings(
        &mut self,
        frame: &Frame,
        looks: impl Iterator<Item = (usize, usize, Rect)>,
    ) -> Vec<(usize, usize, Found)> {
        let mut hashes = BTreeMap::new();
        let mut findings = Vec::new();
        for (judge, region, rect) in looks {
            let part = frame.crop(rect);
            let found = match self.lists.get(judge) {
                Some((name, list)) => {
                    let pdq = hashes.entry(region).or_insert_with(|| self.hasher.pdq(&part));
                    compare(pdq, name, list, &self.policy)
                }
                None => self.model.as_mut().map_or(Found::Failed, |seat| seat.look(&part)),
            };
            findings.push((judge, region, found));
        }
        findings
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

fn open(name: &str, texts: &BTreeMap<String, String>) -> Result<(Arc<str>, List), String> {
    let list = match texts.get(name) {
        Some(text) => List::parse(text).map_err(|error| format!("the list {name} cannot be read: {error}"))?,
        None if name == list::TEST_CARD => List::test_card(),
        None => return Err(format!("the policy names the list {name}, and nobody handed it over")),
    };
    Ok((list.name().into(), list))
}

fn compare(pdq: &Pdq, name: &Arc<str>, list: &List, policy: &Policy) -> Found {
    if u32::from(pdq.quality) < policy.matching.quality_min {
        return Found::Clear;
    }
    list.nearest(&pdq.hash, policy.matching.distance_bits_max).map_or(Found::Clear, |near| {
        let entry = near.entry.id.as_ref().into();
        Found::Match(Match { list: Arc::clone(name), entry, distance_bits: near.distance_bits })
    })
}

/// What a still's scores lead to under one rule.
fn over(rule: &ScoreRule, scores: &[Score]) -> Option<String> {
    let named = scores.iter().filter(|score| rule.classes.iter().any(|class| **class == *score.class));
    let value = named.map(|score| score.value).sum::<f32>();
    // Written so that a value that is no number covers too.
    let is_below = value < rule.still.unwrap_or(rule.block);
    (!is_below).then(|| word::seen(&guard::incident::Seen::Score { rule: rule.name.clone(), value }))
}

impl Seat {
    /// An error is never a score: the frame counts as not judged.
    fn look(&mut self, part: &Frame) -> Found {
        let Ok(scores) = self.classifier.classify(part) else { return Found::Failed };
        let named = self.classes.iter().zip(scores.values());
        Found::Scores(named.map(|(class, value)| Score { class: Arc::clone(class), value: *value }).collect())
    }
}

/// Where judges must look: what the policy asks for, with the bars and the pictures within it that this frame has.
pub(crate) fn regions(frame: &Frame, policy: &Policy) -> Vec<Region> {
    let kinds = &policy.judges.regions;
    let trimmed = kinds.contains(&RegionKind::Trimmed).then(|| trimmed(frame)).flatten();
    let insets = if kinds.contains(&RegionKind::Insets) { guard::inset::find(frame) } else { Vec::new() };
    region::plan(kinds, frame.size(), Sight { trimmed, insets: &insets, given: &[] })
}

/// The picture without its flat bars, where the first plane is luma.
fn trimmed(frame: &Frame) -> Option<Rect> {
    let rect = pdq::trim(luma_of(frame)?);
    Some(Rect { x: rect.x, y: rect.y, size: Size { width: rect.width, height: rect.height } })
}

fn luma_of<'a>(frame: &Frame<'a>) -> Option<Luma<'a, u8>> {
    if !frame.format().is_yuv() && frame.format() != Format::Gray8 {
        return None;
    }
    let (plane, size) = (frame.planes()[0], frame.size());
    Luma::new(plane.data, size.width, size.height, plane.stride).ok()
}

/// Hashes frames in buffers that are kept, as Meta's tool hashes files: a long side is shrunk to 512 first.
#[derive(Default)]
struct FrameHasher {
    hasher: Hasher,
    pixels: Vec<u8>,
}

impl FrameHasher {
    fn pdq(&mut self, frame: &Frame) -> Pdq {
        let Size { width, height } = frame.size();
        let is_large = width.max(height) > pdq::SHRINK_SIDE;
        if let Some(luma) = luma_of(frame) {
            return if is_large {
                self.hasher.hash_luma(pdq::shrink_luma(luma).as_luma())
            } else {
                self.hasher.hash_luma(luma)
            };
        }
        self.pixels.clear();
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        self.pixels.extend(places.flat_map(|(x, y)| frame.rgb(x, y)).map(|colour| colour as u8));
        match Rgb::new(&self.pixels, width, height, width * 3) {
            Ok(rgb) if is_large => self.hasher.hash_rgb(pdq::shrink_rgb(rgb).as_rgb()),
            Ok(rgb) => self.hasher.hash_rgb(rgb),
            Err(_) => Pdq::default(),
        }
    }
}

/// The findings of a judge who could not look at a frame.
pub(crate) fn failed(frame: FrameId, looks: &[(JudgeId, RegionId)]) -> Vec<Finding> {
    looks.iter().map(|&(judge, region)| Finding { frame, judge, region, found: Found::Failed }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(edit: impl FnOnce(&mut Policy)) -> Result<Judge, String> {
        let mut policy = Policy::shipped("test").unwrap();
        edit(&mut policy);
        Judge::new(policy, &BTreeMap::new())
    }

    #[test]
    fn what_cannot_be_had_is_an_error_at_the_start() {
        assert!(judge(|_| ()).is_ok());
        let partner = |policy: &mut Policy| policy.judges.lists.push("partner".into());
        assert!(judge(partner).err().unwrap().contains("nobody handed it over"));
        let signed = |policy: &mut Policy| {
            partner(policy);
            policy.judges.list_keys.push("a key".into());
        };
        assert!(judge(signed).err().unwrap().contains("who signed"));
        assert!(judge(|policy| policy.judges.models = vec!["open_nsfw".into()]).is_err());
    }

    #[test]
    fn a_still_without_its_model_is_never_clear() {
        let size = Size { width: 160, height: 120 };
        let data = (0..size.width * size.height * 4).map(|i| (i * 7) as u8).collect();
        let picture = Picture::new(Format::Rgba, guard::Colour::Bt601, size, data).unwrap();
        assert_eq!(judge(|_| ()).unwrap().still(&picture).state, "clear");
        let mut waiting = judge(|policy| policy.judges.models = vec![MODEL.into()]).unwrap();
        assert!(waiting.needs_model());
        assert_eq!(waiting.still(&picture).state, "stalled");
        let card = guard::test_card::draw_in(Format::Rgba, guard::Colour::Bt601, size);
        let card = Picture::new(Format::Rgba, guard::Colour::Bt601, size, card).unwrap();
        assert_eq!(judge(|_| ()).unwrap().still(&card).state, "covered");
    }
}
