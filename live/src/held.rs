//! How long were frames held?

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use gst::prelude::*;
use serde::{Deserialize, Serialize};

use crate::detectors::lock;
use crate::element::GuardElement;

/// Upper ends of the bins, milliseconds: the holds of calls and of broadcasts, and what is far over them.
pub(crate) const ENDS_MS: [u64; 10] = [50, 100, 150, 200, 300, 500, 1000, 2000, 3000, 10_000];
/// Frames whose coming is remembered.
const WAITING_MAX: usize = 1000;

/// How many frames were held how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HoldTimes {
    /// By bin, the last for everything above.
    pub(crate) bins: [u64; ENDS_MS.len() + 1],
    pub(crate) sum_ms: u64,
}

impl HoldTimes {
    pub(crate) fn note(&mut self, held_ms: u64) {
        let bin = ENDS_MS.iter().position(|end| held_ms <= *end).unwrap_or(ENDS_MS.len());
        self.bins[bin] += 1;
        self.sum_ms += held_ms;
    }

    pub(crate) fn add(&mut self, others: &HoldTimes) {
        self.bins.iter_mut().zip(others.bins).for_each(|(bin, n)| *bin += n);
        self.sum_ms += others.sum_ms;
    }
}

/// Tells for each frame how many milliseconds after its coming something goes out in its place.
pub(crate) fn watch(guard: &GuardElement, note: impl Fn(u64) + Send + Sync + 'static) {
    let came: Arc<Mutex<VecDeque<(gst::ClockTime, Instant)>>> = Arc::default();
    let coming = Arc::clone(&came);
    probe(guard, "sink", move |pts| {
        let mut came = lock(&coming);
        came.push_back((pts, Instant::now()));
        if came.len() > WAITING_MAX {
            came.pop_front();
        }
    });
    probe(guard, "src", move |pts| {
        let mut came = lock(&came);
        while let Some((at, since)) = came.front().copied().filter(|(at, _)| *at <= pts) {
            came.pop_front();
            if at == pts {
                note(since.elapsed().as_millis() as u64);
            }
        }
    });
}

fn probe(guard: &GuardElement, pad: &str, note: impl Fn(gst::ClockTime) + Send + Sync + 'static) {
    let Some(pad) = guard.static_pad(pad) else { return };
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(pts) = info.buffer().and_then(|buffer| buffer.pts()) {
            note(pts);
        }
        gst::PadProbeReturn::Ok
    });
}
