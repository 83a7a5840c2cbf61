//! When must the sound be silent, so that it falls silent with the picture?
//!
//! Sound is held as long as the picture. A stretch of it is silent when any place near it is covered: from `lead`
//! before the cover to `tail` after it. What is not decided yet is not heard.

use std::collections::VecDeque;
use std::time::Duration;

/// Covered spans of one stream, by the time at which frames came.
#[derive(Debug)]
pub(crate) struct Silence {
    lead: Duration,
    tail: Duration,
    /// Oldest first; only the last may still grow.
    spans: VecDeque<(Duration, Duration)>,
    last: Option<(Duration, bool)>,
}

/// Spans this long past are forgotten; sound is never held as long.
const REMEMBERED: Duration = Duration::from_secs(30);

impl Silence {
    pub(crate) fn new(lead: Duration, tail: Duration) -> Silence {
        Silence { lead, tail, spans: VecDeque::new(), last: None }
    }

    /// The place of the frame that came at `at` is decided.
    pub(crate) fn decide(&mut self, at: Duration, is_covered: bool) {
        let from = self.last.filter(|(_, was_covered)| *was_covered).map_or(at, |(last, _)| last);
        if is_covered {
            match self.spans.back_mut() {
                Some(span) if span.1 >= from => span.1 = at,
                _ => self.spans.push_back((at, at)),
            }
        } else if let Some(span) = self.spans.back_mut().filter(|span| span.1 >= from) {
            // The cover stood until this frame.
            span.1 = at;
        }
        self.last = Some((at, is_covered));
        while self.spans.front().is_some_and(|span| span.1 + REMEMBERED < at) {
            self.spans.pop_front();
        }
    }

    /// Whether what was heard at `at` must be silent. To be asked once the places up to `at + lead` are decided.
    pub(crate) fn holds(&self, at: Duration) -> bool {
        let Some((_, is_covered)) = self.last else { return true };
        let near = |(from, to): &(Duration, Duration)| at + self.lead >= *from && at <= *to + self.tail;
        let still_open = is_covered && self.spans.back().is_some_and(|(from, _)| at + self.lead >= *from);
        still_open || self.spans.iter().any(near)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn decided(covered: std::ops::Range<u64>, n: u64) -> Silence {
        let mut silence = Silence::new(MS(100), MS(250));
        (0..n).for_each(|i| silence.decide(MS(i * 40), covered.contains(&i)));
        silence
    }

    #[test]
    fn silence_begins_before_the_cover_and_ends_after_it() {
        let silence = decided(25..50, 100);
        let heard: Vec<u64> = (0..4000).step_by(10).filter(|ms| !silence.holds(MS(*ms))).collect();
        assert_eq!(heard.iter().find(|ms| **ms >= 890), Some(&890));
        assert!(heard.iter().all(|ms| *ms < 900 || *ms > 2250), "{heard:?}");
    }

    #[test]
    fn nothing_is_heard_before_the_first_place_and_while_the_cover_lasts() {
        assert!(Silence::new(MS(0), MS(0)).holds(MS(5)));
        assert!(decided(2..100, 10).holds(MS(60_000)));
        assert!(!decided(0..2, 100).holds(MS(60_000)));
    }
}
