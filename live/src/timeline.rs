//! When is the picture covered, so that the sound can fall silent with it?
//!
//! The video element writes, the audio element of the same channel reads. Times are running times of the pipeline.
//! What is not decided yet is not heard.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::detectors::lock;

/// Covered spans of one stream.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Covered spans, oldest first; only the last may still grow.
    spans: VecDeque<(Duration, Duration)>,
    decided_until: Duration,
    is_over: bool,
}

/// Spans this long past are forgotten; audio never lags behind video by as much.
const REMEMBERED: Duration = Duration::from_secs(60);

impl Timeline {
    /// The timeline that all elements of `channel` share.
    pub(crate) fn of_channel(channel: &str) -> Arc<Timeline> {
        static CHANNELS: Mutex<BTreeMap<String, Weak<Timeline>>> = Mutex::new(BTreeMap::new());
        let mut channels = lock(&CHANNELS);
        channels.retain(|_, timeline| timeline.strong_count() > 0);
        if let Some(timeline) = channels.get(channel).and_then(Weak::upgrade) {
            return timeline;
        }
        let timeline = Arc::default();
        channels.insert(channel.to_owned(), Arc::downgrade(&timeline));
        timeline
    }

    /// Forgets everything: a new stream begins.
    pub(crate) fn restart(&self) {
        *lock(&self.state) = State::default();
        self.changed.notify_all();
    }

    /// The place from `from` to `to` is decided.
    pub(crate) fn decide(&self, from: Duration, to: Duration, is_covered: bool) {
        let mut state = lock(&self.state);
        state.decided_until = state.decided_until.max(to);
        if is_covered {
            match state.spans.back_mut() {
                Some(last) if last.1 >= from => last.1 = last.1.max(to),
                _ => state.spans.push_back((from, to)),
            }
        }
        while state.spans.front().is_some_and(|span| span.1 + REMEMBERED < from) {
            state.spans.pop_front();
        }
        self.changed.notify_all();
    }

    /// No video will come; what follows is not covered.
    pub(crate) fn finish(&self) {
        lock(&self.state).is_over = true;
        self.changed.notify_all();
    }

    /// Waits until the video is decided up to `until` or has ended, at most for `patience`.
    pub(crate) fn wait(&self, until: Duration, patience: Duration, is_stopping: impl Fn() -> bool) {
        let give_up = Instant::now() + patience;
        let mut state = lock(&self.state);
        while state.decided_until < until && !state.is_over && !is_stopping() && Instant::now() < give_up {
            let waited = self.changed.wait_timeout(state, Duration::from_millis(20));
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Which parts of `from..to` must be silent: covered ones with `lead` before and `tail` after, and whatever is
    /// not decided.
    pub(crate) fn silent(
        &self,
        from: Duration,
        to: Duration,
        lead: Duration,
        tail: Duration,
    ) -> Vec<(Duration, Duration)> {
        let state = lock(&self.state);
        let widened = state.spans.iter().map(|(start, end)| (start.saturating_sub(lead), *end + tail));
        let undecided = (!state.is_over && state.decided_until < to).then_some((state.decided_until, to));
        let all = widened.chain(undecided).map(|(start, end)| (start.max(from), end.min(to)));
        all.filter(|(start, end)| start < end).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn silence_begins_before_the_cover_and_ends_after_it() {
        let timeline = Timeline::default();
        for n in 0..100 {
            timeline.decide(MS(n * 40), MS(n * 40 + 40), (25..50).contains(&n));
        }
        assert_eq!(timeline.silent(MS(0), MS(4000), MS(100), MS(250)), [(MS(900), MS(2250))]);
        assert_eq!(timeline.silent(MS(950), MS(960), MS(100), MS(250)), [(MS(950), MS(960))]);
        assert!(timeline.silent(MS(2250), MS(3000), MS(100), MS(250)).is_empty());
    }

    #[test]
    fn what_is_not_decided_is_silent_until_the_video_is_over() {
        let timeline = Timeline::default();
        timeline.decide(MS(0), MS(40), false);
        assert_eq!(timeline.silent(MS(0), MS(100), MS(0), MS(0)), [(MS(40), MS(100))]);
        timeline.finish();
        assert!(timeline.silent(MS(0), MS(100), MS(0), MS(0)).is_empty());
    }

    #[test]
    fn a_channel_is_shared_by_name() {
        let a = Timeline::of_channel("one");
        assert!(Arc::ptr_eq(&a, &Timeline::of_channel("one")));
        assert!(!Arc::ptr_eq(&a, &Timeline::of_channel("two")));
    }
}
