//! How is a file guarded, where every frame can wait for its verdict?
//!
//! Frames are judged side by side and handed to the machine in their order, each together with its findings. Time is
//! the video's own, so the result does not depend on the speed of the machine it runs on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use guard::finding::{Finding, FrameId, JudgeId, RegionId};
use guard::region::{self, Region};
use guard::{Arrival, Counts, Guard, Held, Input, Output, Policy, Rect, Signature};

use crate::Error;
use crate::detectors::{Detectors, First, Job, OnFound, failed, lock};
use crate::panel::PanelMaker;
use crate::picture::{Glance, Picture};
use crate::stream::Event;

/// The machine needs one step of time between a frame and its decision.
const STEP: Duration = Duration::from_nanos(1_000_000);

/// A stream that waits for its judges.
pub struct Exact<F, S> {
    shared: Arc<Shared<F, S>>,
    detectors: Detectors<F>,
    policy: Policy,
    in_flight_max: usize,
}

struct Shared<F, S> {
    line: Mutex<Line<F, S>>,
    changed: Condvar,
}

struct Line<F, S> {
    guard: Guard<F>,
    next_id: u64,
    waiting: VecDeque<Waiting<F, S>>,
    found: BTreeMap<FrameId, Vec<Finding>>,
    events: VecDeque<Event<F, S>>,
    last_at: Duration,
    ending: Ending,
}

#[derive(PartialEq)]
enum Ending {
    No,
    Asked,
    Told,
    Aborted,
}

struct Waiting<F, S> {
    id: FrameId,
    at: Duration,
    slot: S,
    frame: Held<F>,
    signature: Signature,
    regions: Vec<Region>,
    looks: Vec<(JudgeId, RegionId)>,
    since: Instant,
}

impl<F: Picture, S: Send + 'static> Exact<F, S> {
    pub(crate) fn start(mut policy: Policy, maker: &PanelMaker, n_threads: usize) -> Result<Exact<F, S>, Error> {
        policy.reuse.max_ms = 0;
        policy.timing.optimistic_shows_unjudged_frames = false;
        policy.timing.hold_ms = STEP.as_millis() as u32;
        let line = Line {
            guard: Guard::new(policy.clone()),
            next_id: 0,
            waiting: VecDeque::new(),
            found: BTreeMap::new(),
            events: VecDeque::new(),
            last_at: Duration::ZERO,
            ending: Ending::No,
        };
        let shared = Arc::new(Shared { line: Mutex::new(line), changed: Condvar::new() });
        let heard = Arc::clone(&shared);
        let on_found: OnFound = Arc::new(move |id, findings| heard.hear(id, findings));
        let in_flight_max = n_threads + 1;
        let detectors = Detectors::start(maker, n_threads, (in_flight_max, First::Oldest), &on_found)?;
        Ok(Exact { shared, detectors, policy, in_flight_max })
    }

    pub(crate) fn push(&self, frame: F, slot: S, at: Duration, given: &[Rect]) {
        let frame = Held::new(frame);
        let mut glance = None;
        frame.look(|picture| glance = Some(Glance::at(&picture.frame(), &self.policy, given)));
        let Some(Glance { signature, regions }) = glance else { return };
        let looks = region::looks(&self.policy, &regions);
        let mut line = lock(&self.shared.line);
        while line.waiting.len() >= self.in_flight_max && line.ending == Ending::No {
            line = self.shared.changed.wait(line).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if line.ending != Ending::No {
            return;
        }
        let id = FrameId(line.next_id);
        line.next_id += 1;
        let job = Job { id, frame: frame.clone(), regions: regions.clone(), looks: looks.clone() };
        line.waiting.push_back(Waiting { id, at, slot, frame, signature, regions, looks, since: Instant::now() });
        drop(line);
        self.detectors.submit(job);
        self.shared.changed.notify_all();
    }

    pub(crate) fn end(&self) {
        let mut line = lock(&self.shared.line);
        if line.ending == Ending::No {
            line.ending = Ending::Asked;
        }
        self.shared.changed.notify_all();
    }

    pub(crate) fn abort(&self) {
        let mut line = lock(&self.shared.line);
        line.ending = Ending::Aborted;
        line.waiting.clear();
        line.events.clear();
        self.shared.changed.notify_all();
    }

    pub(crate) fn next(&self) -> Event<F, S> {
        let patience = Duration::from_millis(self.policy.timing.judge_timeout_ms.into());
        let mut line = lock(&self.shared.line);
        loop {
            if let Some(event) = line.events.pop_front() {
                return event;
            }
            if matches!(line.ending, Ending::Aborted | Ending::Told) {
                return Event::End;
            }
            if line.decide_first(patience) {
                self.shared.changed.notify_all();
                continue;
            }
            if line.waiting.is_empty() && line.ending == Ending::Asked {
                line.finish();
                continue;
            }
            let waited = self.shared.changed.wait_timeout(line, Duration::from_millis(100));
            line = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        lock(&self.shared.line).guard.counts()
    }
}

impl<F, S> Shared<F, S> {
    fn hear(&self, id: FrameId, findings: Vec<Finding>) {
        let mut line = lock(&self.line);
        line.found.insert(id, findings);
        self.changed.notify_all();
    }
}

impl<F, S> Line<F, S> {
    /// Decides the first frame if its findings are there, or if its judges were waited for long enough.
    fn decide_first(&mut self, patience: Duration) -> bool {
        let Some(first) = self.waiting.front() else { return false };
        let findings = match self.found.remove(&first.id) {
            Some(findings) => findings,
            None if first.since.elapsed() > patience => failed(first.id, &first.looks),
            None => return false,
        };
        let Some(Waiting { at, slot, frame, signature, regions, .. }) = self.waiting.pop_front() else { return false };
        self.last_at = at.max(self.last_at);
        self.guard.input(Input::Frame(Arrival { frame, signature, regions }), at);
        findings.into_iter().for_each(|finding| self.guard.input(Input::Finding(finding), at));
        self.last_at += STEP;
        self.guard.input(Input::Tick, self.last_at);
        self.drain(Some(slot));
        // A judge given up on may still answer; nobody asks any more.
        let next_id = self.waiting.front().map_or(self.next_id, |waiting| waiting.id.0);
        self.found.retain(|id, _| id.0 >= next_id);
        true
    }

    fn finish(&mut self) {
        self.guard.input(Input::EndOfStream, self.last_at);
        self.drain(None);
        self.events.push_back(Event::End);
        self.ending = Ending::Told;
    }

    fn drain(&mut self, mut slot: Option<S>) {
        while let Some(output) = self.guard.poll() {
            match output {
                Output::Show { at, shown, .. } => {
                    self.events.extend(slot.take().map(|slot| Event::Place { slot, at, shown }));
                }
                Output::Incident(incident) => self.events.push_back(Event::Incident(incident)),
                Output::State(state) => self.events.push_back(Event::State(state)),
                Output::Look { .. } | Output::Mute | Output::Unmute => (),
            }
        }
    }
}
