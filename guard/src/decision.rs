//! Given what was seen so far, is the picture covered?
//!
//! Frames come in their order, each with its sighting or with none. One bad frame covers at once; a cover goes only
//! after steady looking has found nothing for long enough. Late or failed looking repeats the last released frame
//! for a moment, then covers.

use std::collections::VecDeque;
use std::time::Duration;

use crate::incident::Seen;
use crate::policy::{Policy, ScoreRule};
use crate::sighting::Sighting;

/// Time constant of the running average of a score. Source: our choice, half a second as in the design of Apple's
/// and others' video checks; see `docs/decisions/`.
const AVERAGE_OVER: Duration = Duration::from_millis(500);
/// A score at or above `review` in this many …
const N_OVER_REVIEW: usize = 3;
/// … of this many judged frames covers.
const N_RECENT: usize = 5;

/// What one frame's place in the stream shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The frame itself.
    Show,
    /// The last released frame again.
    Repeat,
    /// The cover.
    Cover,
}

/// Why the picture is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Something was found.
    Found,
    /// Judging is late, has failed or has not begun.
    Stalled,
}

/// The state between frames: a cover or none, how the scores have gone, and how steadily frames were judged.
#[derive(Debug)]
pub(crate) struct Decision {
    cover: Option<Cover>,
    tracks: Vec<Track>,
    last_judged: Option<Duration>,
    steady_since: Option<Duration>,
    last_shown: Option<Duration>,
}

#[derive(Debug)]
struct Cover {
    cause: Cause,
    since: Duration,
    last_bad: Duration,
}

/// How one score rule has gone lately.
#[derive(Clone, Debug, Default)]
struct Track {
    average: f32,
    recent: VecDeque<f32>,
}

impl Decision {
    pub(crate) fn new(policy: &Policy) -> Decision {
        Decision {
            cover: None,
            tracks: vec![Track::default(); policy.scores.len()],
            last_judged: None,
            steady_since: None,
            last_shown: None,
        }
    }

    /// Keeps a cover and forgets the scores, whose rules may be others now.
    pub(crate) fn change_policy(&mut self, policy: &Policy) {
        self.tracks = vec![Track::default(); policy.scores.len()];
        self.steady_since = None;
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        self.cover.as_ref().map(|cover| cover.cause)
    }

    /// A person takes the cover away. What is looked at next may bring it back.
    pub(crate) fn reset(&mut self) {
        self.cover = None;
        self.tracks.iter_mut().for_each(|track| *track = Track::default());
    }

    /// Decides the frame of time `at` that every judge has looked at. What was found goes to `seen`.
    pub(crate) fn judged(
        &mut self,
        sighting: &Sighting,
        is_flat: bool,
        at: Duration,
        policy: &Policy,
        seen: &mut Vec<Seen>,
    ) -> Verdict {
        let gap = self.last_judged.map_or(Duration::ZERO, |last| at.saturating_sub(last));
        self.last_judged = Some(at);
        self.steady_since.get_or_insert(at);
        let n_seen = seen.len();
        seen.extend(sighting.nearest.clone().map(Seen::Known));
        if !is_flat {
            let values = sighting.values.iter().zip(&policy.scores);
            seen.extend(
                self.tracks.iter_mut().zip(values).filter_map(|(track, (value, rule))| track.add(*value, gap, rule)),
            );
        }
        if seen.len() > n_seen {
            self.cover_from(at, Cause::Found);
            return Verdict::Cover;
        }
        if is_flat {
            self.hold_still(gap, at);
        } else if !is_clear(sighting, &policy.scores) {
            self.cover.iter_mut().for_each(|cover| cover.last_bad = at);
        }
        if self.cover.is_some() && (is_flat || !self.may_uncover(at, policy)) {
            return Verdict::Cover;
        }
        self.cover = None;
        self.last_shown = Some(at);
        Verdict::Show
    }

    /// Decides the frame of time `at` that was not judged in time.
    pub(crate) fn unjudged(&mut self, at: Duration, policy: &Policy) -> Verdict {
        let freeze = Duration::from_millis(policy.timing.freeze_ms.into());
        if self.last_judged.is_none_or(|judged| at.saturating_sub(judged) > freeze) {
            self.steady_since = None;
        }
        if self.cover.is_some() {
            return Verdict::Cover;
        }
        if policy.timing.optimistic_shows_unjudged_frames {
            return Verdict::Show;
        }
        if self.last_shown.is_some_and(|shown| at.saturating_sub(shown) <= freeze) {
            return Verdict::Repeat;
        }
        self.cover_from(at, Cause::Stalled);
        Verdict::Cover
    }

    /// A judge's word came after its frame was decided: it opens nothing, and what it saw covers what follows.
    pub(crate) fn late(&mut self, sighting: &Sighting, at: Duration, policy: &Policy, seen: &mut Vec<Seen>) {
        let n_seen = seen.len();
        seen.extend(sighting.nearest.clone().map(Seen::Known));
        let over = sighting.values.iter().zip(&policy.scores).filter(|(value, rule)| **value >= rule.block);
        seen.extend(over.map(|(value, rule)| Seen::score(rule, *value)));
        if seen.len() > n_seen {
            self.cover_from(at, Cause::Found);
        }
    }

    /// A cover for a finding outlives one for a stall, and begins where the first of them began.
    fn cover_from(&mut self, at: Duration, cause: Cause) {
        let cover = self.cover.get_or_insert(Cover { cause, since: at, last_bad: at });
        cover.last_bad = at;
        if cause == Cause::Found {
            cover.cause = Cause::Found;
        }
    }

    /// A frame without content says nothing for a cover or against it: the time it lasted does not count as quiet.
    fn hold_still(&mut self, gap: Duration, at: Duration) {
        let Some(cover) = &mut self.cover else { return };
        let quiet_since = self.steady_since.iter_mut().chain([&mut cover.last_bad]);
        quiet_since.for_each(|since| *since = (*since + gap).min(at));
    }

    fn may_uncover(&self, at: Duration, policy: &Policy) -> bool {
        let Some(cover) = &self.cover else { return true };
        if policy.timing.latch && cover.cause == Cause::Found {
            return false;
        }
        let shortest = Duration::from_millis(policy.timing.cover_min_ms.into());
        let quiet_needed = match cover.cause {
            Cause::Found => Duration::from_millis(policy.timing.clear_ms.into()),
            Cause::Stalled => shortest,
        };
        let quiet_since = self.steady_since.map_or(at, |steady| steady.max(cover.last_bad));
        at.saturating_sub(cover.since) >= shortest && at.saturating_sub(quiet_since) >= quiet_needed
    }
}

fn is_clear(sighting: &Sighting, rules: &[ScoreRule]) -> bool {
    sighting.values.iter().zip(rules).all(|(value, rule)| *value < rule.clear_below())
}

impl Track {
    /// Adds one judged frame's value, `gap` after the one before; what it leads to, if anything.
    fn add(&mut self, value: f32, gap: Duration, rule: &ScoreRule) -> Option<Seen> {
        let share = 1.0 - (-gap.as_secs_f32() / AVERAGE_OVER.as_secs_f32()).exp();
        self.average += share * (value - self.average);
        if self.recent.len() == N_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(value);
        let n_over = self.recent.iter().filter(|value| **value >= rule.review).count();
        if value >= rule.block {
            return Some(Seen::score(rule, value));
        }
        (self.average >= rule.review || n_over >= N_OVER_REVIEW).then(|| Seen::score(rule, self.average.max(value)))
    }
}
