//! How soon does a worker answer?
//!
//! A process for each stream, on the worker's cores. The frame that is due first is judged first, and one that would be
//! late is dropped if the stream has a later one, as in `live/src/judge.rs`. One process is ready before it is needed;
//! when many are needed at once, they start on the same cores.

use std::collections::BTreeMap;

use super::costs::Costs;
use super::stream::Frame;

/// The judges of one worker.
#[derive(Debug)]
pub(crate) struct Judge {
    costs: Costs,
    /// Leases that the worker holds: stream and epoch.
    served: BTreeMap<usize, u64>,
    /// Processes of open links: the epoch, and when it is ready.
    seats: BTreeMap<usize, (u64, u64)>,
    line: BTreeMap<(u64, u64), Frame>,
    n_waiting: BTreeMap<usize, u64>,
    n_taken: u64,
    n_busy: usize,
    spare_us: u64,
    starting_us: u64,
}

/// A frame that is being judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    /// Which one.
    pub(crate) frame: Frame,
    /// When its answer is there.
    pub(crate) answered_us: u64,
    /// When its core is free again.
    pub(crate) free_us: u64,
}

/// A spare process is started this long after the last one was taken. Source: `refill` in `cluster/src/worker.rs`.
const REFILL_US: u64 = 200_000;

impl Judge {
    /// Judges of a worker that has just started, one process ready.
    pub(crate) fn new(costs: &Costs) -> Judge {
        Judge {
            costs: *costs,
            served: BTreeMap::new(),
            seats: BTreeMap::new(),
            line: BTreeMap::new(),
            n_waiting: BTreeMap::new(),
            n_taken: 0,
            n_busy: 0,
            spare_us: 0,
            starting_us: 0,
        }
    }

    /// The worker has got a lease.
    pub(crate) fn serve(&mut self, stream: usize, epoch: u64) {
        self.served.insert(stream, epoch);
    }

    /// It has lost one, or the link is closed.
    pub(crate) fn leave(&mut self, stream: usize, epoch: u64) {
        if self.served.get(&stream) == Some(&epoch) {
            self.served.remove(&stream);
        }
        self.stand_up(stream, epoch);
    }

    /// The link of an epoch is closed.
    pub(crate) fn stand_up(&mut self, stream: usize, epoch: u64) {
        if self.seats.get(&stream).is_some_and(|(seated, _)| *seated == epoch) {
            self.seats.remove(&stream);
        }
    }

    /// Whether the worker holds this lease.
    pub(crate) fn serves(&self, stream: usize, epoch: u64) -> bool {
        self.served.get(&stream) == Some(&epoch)
    }

    /// Seats a process for a link.
    pub(crate) fn seat(&mut self, stream: usize, epoch: u64, now: u64) {
        let Costs { seat_us, n_cores, .. } = self.costs;
        let ready_us = if self.spare_us <= now {
            self.spare_us = now + REFILL_US + seat_us;
            now
        } else {
            self.starting_us = self.starting_us.max(now) + seat_us / n_cores as u64;
            self.starting_us.max(now + seat_us)
        };
        self.seats.insert(stream, (epoch, ready_us));
    }

    /// When the process for this frame is ready; none where its link is closed.
    pub(crate) fn ready_us(&self, frame: &Frame) -> Option<u64> {
        self.seats.get(&frame.stream).filter(|(epoch, _)| *epoch == frame.epoch).map(|(_, ready_us)| *ready_us)
    }

    /// A frame has come; which are begun now.
    pub(crate) fn take(&mut self, frame: Frame, now: u64) -> Vec<Begun> {
        self.n_taken += 1;
        self.line.insert((frame.due_us, self.n_taken), frame);
        *self.n_waiting.entry(frame.stream).or_default() += 1;
        self.begin(now)
    }

    /// A core is free again; which frames are begun now.
    pub(crate) fn free(&mut self, now: u64) -> Vec<Begun> {
        self.n_busy -= 1;
        self.begin(now)
    }

    fn begin(&mut self, now: u64) -> Vec<Begun> {
        let mut begun = Vec::new();
        while self.n_busy < self.costs.n_cores {
            let Some((_, frame)) = self.line.pop_first() else { break };
            let n_waiting = self.n_waiting.entry(frame.stream).or_default();
            *n_waiting -= 1;
            let is_late = frame.due_us < now + self.costs.judge_us && *n_waiting > 0;
            if is_late || self.ready_us(&frame).is_none() {
                continue;
            }
            self.n_busy += 1;
            let answered_us = now + self.costs.judge_us;
            begun.push(Begun { frame, answered_us, free_us: now + self.costs.judge_us * frame.weight });
        }
        begun
    }
}
