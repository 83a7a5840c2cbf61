//! How is a live stream guarded, where nothing can wait?
//!
//! The machine runs on the clock. Whoever brings frames never waits; detectors report when they can; whoever emits
//! sleeps until the next place is due and takes what the machine decides then.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use guard::finding::{Finding, FrameId};
use guard::{Arrival, Counts, Guard, Held, Input, Output, Policy, Rect};

use crate::Error;
use crate::detectors::{Detectors, First, Job, OnFound, lock};
use crate::panel::PanelMaker;
use crate::picture::{Glance, Picture};
use crate::stream::Event;

/// So many frames may wait for a detector, or as many as come in the hold where that is more: a network brings a burst
/// after a pause, and what can still be judged in time shall be. Older ones give way: they would be late anyway.
const QUEUE_MIN: usize = 4;
/// A frame's time: 25 a second.
const FRAME_MS: u32 = 40;

/// A stream that waits for nobody.
pub struct Paced<F, S> {
    line: Mutex<Line<F, S>>,
    changed: Condvar,
    detectors: OnceLock<Detectors<F>>,
    policy: Policy,
    began: Instant,
}

struct Line<F, S> {
    guard: Guard<F>,
    slots: VecDeque<S>,
    events: VecDeque<Event<F, S>>,
    has_ended: bool,
    is_told: bool,
}

impl<F: Picture, S: Send + 'static> Paced<F, S> {
    pub(crate) fn start(policy: Policy, maker: &PanelMaker, n_threads: usize) -> Result<Arc<Paced<F, S>>, Error> {
        let guard = Guard::new(policy.clone());
        let line = Line { guard, slots: VecDeque::new(), events: VecDeque::new(), has_ended: false, is_told: false };
        let paced = Arc::new(Paced {
            line: Mutex::new(line),
            changed: Condvar::new(),
            detectors: OnceLock::new(),
            policy,
            began: Instant::now(),
        });
        // Detectors hold the stream weakly: it owns them, and ends with its last user.
        let heard = Arc::downgrade(&paced);
        let on_found: OnFound = Arc::new(move |id, findings| {
            if let Some(paced) = heard.upgrade() {
                paced.hear(id, findings);
            }
        });
        let queue_max = QUEUE_MIN.max((paced.policy.timing.hold_ms / FRAME_MS) as usize);
        let detectors = Detectors::start(maker, n_threads, (queue_max, First::Newest), &on_found)?;
        // Set once, here, before anyone else holds the stream.
        let _ = paced.detectors.set(detectors);
        Ok(paced)
    }

    /// Time since the stream began.
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn push(&self, frame: F, slot: S, given: &[Rect]) {
        let frame = Held::new(frame);
        let mut glance = None;
        frame.look(|picture| glance = Some(Glance::at(&picture.frame(), &self.policy, given)));
        let Some(Glance { signature, regions }) = glance else { return };
        let mut line = lock(&self.line);
        if line.has_ended {
            return;
        }
        line.slots.push_back(slot);
        line.guard.input(Input::Frame(Arrival { frame, signature, regions }), self.now());
        self.drain(line);
    }

    fn hear(&self, _: FrameId, findings: Vec<Finding>) {
        let mut line = lock(&self.line);
        for finding in findings {
            line.guard.input(Input::Finding(finding), self.now());
        }
        self.drain(line);
    }

    pub(crate) fn end(&self) {
        lock(&self.line).has_ended = true;
        self.changed.notify_all();
    }

    pub(crate) fn abort(&self) {
        let mut line = lock(&self.line);
        (line.has_ended, line.is_told) = (true, true);
        line.events.clear();
        self.changed.notify_all();
    }

    pub(crate) fn next(&self) -> Event<F, S> {
        let mut line = lock(&self.line);
        loop {
            if line.is_told && line.events.is_empty() {
                return Event::End;
            }
            if let Some(event) = line.events.pop_front() {
                return event;
            }
            let now = self.now();
            let due = line.guard.next_timeout();
            match due {
                Some(due) if due <= now => {
                    line.guard.input(Input::Tick, now);
                    self.drain(line);
                    line = lock(&self.line);
                    continue;
                }
                None if line.has_ended => {
                    line.guard.input(Input::EndOfStream, now);
                    line.is_told = true;
                    self.drain(line);
                    line = lock(&self.line);
                    continue;
                }
                Some(_) | None => (),
            }
            let pause = due.map_or(Duration::from_millis(100), |due| due - now);
            let waited = self.changed.wait_timeout(line, pause);
            line = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        lock(&self.line).guard.counts()
    }

    /// Takes the machine's outputs; jobs go to the detectors after the lock is free.
    fn drain(&self, mut line: MutexGuard<'_, Line<F, S>>) {
        let mut jobs = Vec::new();
        while let Some(output) = line.guard.poll() {
            match output {
                Output::Look { id, frame, regions, looks } => jobs.push(Job { id, frame, regions, looks }),
                Output::Show { at, shown, .. } => {
                    let slot = line.slots.pop_front();
                    line.events.extend(slot.map(|slot| Event::Place { slot, at, shown }));
                }
                Output::Incident(incident) => line.events.push_back(Event::Incident(incident)),
                Output::State(state) => line.events.push_back(Event::State(state)),
                Output::Mute | Output::Unmute => (),
            }
        }
        drop(line);
        self.changed.notify_all();
        for job in jobs {
            self.detectors.get().map(|detectors| detectors.submit(job));
        }
    }
}
