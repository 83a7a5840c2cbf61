//! Which streams does this worker judge?
//!
//! [`Worker`] sees every lease on the bus and takes those that are on offer, as far as its judges can carry them. It
//! waits a little before each, longer the more it has, so that the least loaded one is first; two that are equally
//! quick meet in the bus's compare-and-set, and one is refused. What it holds it renews, and gives up when it drains.
//! What is more than it can carry, since it was told to carry less, it offers, and judges on until somebody takes it.
//!
//! Nothing here makes anything safe: a worker that believes too long that it holds a lease sends answers that
//! [`crate::Egress`] does not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::{Holder, Lease, Name, Revision};

/// What the machine is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// The bus shows this entry for `stream`, or none.
    Bus {
        /// Which stream.
        stream: Name,
        /// Which change it is.
        revision: Revision,
        /// What it says.
        lease: Option<Lease>,
    },
    /// The write for this stream was done and is this revision. Each write is answered by this or by `Refused`.
    Written {
        /// Which stream.
        stream: Name,
        /// Which change it is.
        revision: Revision,
    },
    /// The write for this stream was refused, or nothing was heard of it.
    Refused {
        /// Which stream.
        stream: Name,
    },
    /// The egress of this stream has opened a link, or has closed its last one.
    Link {
        /// Which stream.
        stream: Name,
        /// Whether one is open.
        is_open: bool,
    },
    /// How much the judges can carry from now on, pixels a second.
    Capacity(u64),
    /// Take nothing more, and give up what is held.
    Drain,
    /// Time has passed.
    Tick,
}

/// What the machine asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write this entry, or delete it where there is none, if `after` is still the newest revision of it.
    Write {
        /// Which stream.
        stream: Name,
        /// What is to stand there.
        lease: Option<Lease>,
        /// The revision it replaces.
        after: Revision,
    },
    /// Accept this stream's frames under this epoch.
    Serve {
        /// Which stream.
        stream: Name,
        /// The lease's epoch.
        epoch: u64,
    },
    /// Stop accepting them.
    Leave {
        /// Which stream.
        stream: Name,
        /// The lease's epoch.
        epoch: u64,
    },
    /// It drains and holds nothing any more.
    Drained,
}

/// A write is not tried again sooner than this.
const WRITE_AGAIN: Duration = Duration::from_millis(250);
/// An egress that opens no link for this long is gone. One that is not offers its stream again.
const UNLINKED_MAX: Duration = Duration::from_secs(10);
/// What a full worker waits longer than an empty one before it takes a lease.
const FULL_WAITS: Duration = Duration::from_millis(60);
/// Equally loaded workers differ by at most this.
const SPREAD_MS: u64 = 20;

/// Decides for one worker.
#[derive(Debug)]
pub struct Worker {
    me: Holder,
    policy: String,
    capacity: u64,
    now: Duration,
    streams: BTreeMap<Name, Known>,
    /// What is to be done next for each stream, by when.
    agenda: BTreeSet<(Duration, Name)>,
    carried: u64,
    /// Asked for and not answered yet.
    reserved: u64,
    is_draining: bool,
    has_drained: bool,
    outputs: VecDeque<Output>,
}

/// What is known of one stream's lease.
#[derive(Debug)]
struct Known {
    revision: Revision,
    lease: Option<Lease>,
    /// When this revision was first seen here.
    since: Duration,
    held: Option<Held>,
    writing: Option<Writing>,
    not_before: Duration,
    due: Option<Duration>,
}

#[derive(Debug)]
struct Held {
    epoch: u64,
    pixels_per_s: u64,
    /// When the last renewal that went through was asked for.
    renewed_at: Duration,
    /// Since when no link is open.
    unlinked_since: Option<Duration>,
}

#[derive(Debug)]
struct Writing {
    lease: Option<Lease>,
    at: Duration,
    /// What it would add to carry, pixels a second.
    reserved: u64,
}

impl Worker {
    /// A worker that holds nothing and can carry nothing until it is told its capacity.
    pub fn new(me: Holder, policy: String) -> Worker {
        Worker {
            me,
            policy,
            capacity: 0,
            now: Duration::ZERO,
            streams: BTreeMap::new(),
            agenda: BTreeSet::new(),
            carried: 0,
            reserved: 0,
            is_draining: false,
            has_drained: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input at time `at` on the worker's own clock.
    pub fn input(&mut self, input: Input, at: Duration) {
        self.now = self.now.max(at);
        match input {
            Input::Bus { stream, revision, lease } => self.see(stream, revision, lease),
            Input::Written { stream, revision } => {
                let written = self.streams.get(&stream).and_then(|known| known.writing.as_ref()?.lease.clone());
                self.see(stream.clone(), revision, written);
                self.done(&stream, Duration::ZERO);
            }
            Input::Refused { stream } => self.done(&stream, WRITE_AGAIN),
            Input::Link { stream, is_open } => {
                let unlinked_since = (!is_open).then_some(self.now);
                if let Some(held) = self.streams.get_mut(&stream).and_then(|known| known.held.as_mut()) {
                    held.unlinked_since = unlinked_since;
                    self.schedule(&stream);
                }
            }
            Input::Capacity(capacity) => {
                self.capacity = capacity;
                self.schedule_all();
            }
            Input::Drain => {
                self.is_draining = true;
                self.schedule_all();
            }
            Input::Tick => (),
        }
        while let Some((due, stream)) = self.agenda.first().filter(|(due, _)| *due <= self.now).cloned() {
            self.agenda.remove(&(due, stream.clone()));
            self.act(&stream);
            self.schedule(&stream);
        }
        if self.is_draining && !self.has_drained && self.streams.values().all(Known::is_idle) {
            self.has_drained = true;
            self.outputs.push_back(Output::Drained);
        }
    }

    /// The next output, until `None`.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When the next thing is to be done.
    pub fn next_timeout(&self) -> Option<Duration> {
        self.agenda.first().map(|(due, _)| *due)
    }

    /// What it carries now, pixels a second.
    pub fn carried(&self) -> u64 {
        self.carried
    }

    /// The streams it holds, with their epochs.
    pub fn held(&self) -> impl Iterator<Item = (&Name, u64)> {
        self.streams.iter().filter_map(|(stream, known)| Some((stream, known.held.as_ref()?.epoch)))
    }

    fn see(&mut self, stream: Name, revision: Revision, lease: Option<Lease>) {
        let (now, me) = (self.now, &self.me);
        let known = self.streams.entry(stream.clone()).or_insert_with(|| Known::new(now));
        if revision <= known.revision {
            return;
        }
        (known.revision, known.since) = (revision, now);
        known.lease = lease.filter(|lease| lease.stream == stream);
        let mine = known.lease.as_ref().filter(|lease| lease.holder.as_ref() == Some(me));
        let held_epoch = known.held.as_ref().map(|held| held.epoch);
        let writing = known.writing.as_ref().and_then(|writing| Some((writing.lease.as_ref()?.epoch, writing.at)));
        let unlinked_since = known.held.as_ref().map_or(Some(now), |held| held.unlinked_since);
        // My name alone proves nothing: it may be from a life before this one, or from one that I have given up.
        match mine.map(|lease| (lease.epoch, lease.needs.pixels_per_s)) {
            Some((epoch, pixels_per_s)) if writing.is_some_and(|(written, _)| written == epoch) => {
                let renewed_at = writing.map_or(now, |(_, at)| at);
                if held_epoch != Some(epoch) {
                    self.leave(&stream);
                    self.carried += pixels_per_s;
                    self.outputs.push_back(Output::Serve { stream: stream.clone(), epoch });
                }
                self.known(&stream).held = Some(Held { epoch, pixels_per_s, renewed_at, unlinked_since });
            }
            Some((epoch, _)) if held_epoch == Some(epoch) => (),
            Some(_) | None => self.leave(&stream),
        }
        self.schedule(&stream);
        self.forget(&stream);
    }

    /// What is to be done for a stream whose time has come.
    fn act(&mut self, stream: &Name) {
        let now = self.now;
        let known = self.known(stream);
        let Some(lease) = known.lease.clone() else { return };
        let ttl = Duration::from_millis(lease.ttl_ms.into());
        if known.held.as_ref().is_some_and(|held| held.renewed_at + ttl <= now) {
            self.leave(stream);
        } else if known.writing.is_some() || known.not_before > now {
            // Not yet.
        } else if let Some(held) = &known.held {
            let is_abandoned = held.unlinked_since.is_some_and(|since| since + UNLINKED_MAX <= now);
            let renewed = Lease { is_leaving: self.is_given_up(stream), ..lease };
            self.ask(stream, (!is_abandoned).then_some(renewed), 0);
        } else if self.may_take(stream) {
            let (holder, reserved) = (Some(self.me.clone()), lease.needs.pixels_per_s);
            self.ask(stream, Some(Lease { epoch: lease.epoch + 1, holder, is_leaving: false, ..lease }), reserved);
        } else {
            // There was no room: look again later.
            self.known(stream).not_before = now + WRITE_AGAIN;
        }
    }

    fn ask(&mut self, stream: &Name, lease: Option<Lease>, reserved: u64) {
        let at = self.now;
        self.reserved += reserved;
        let known = self.known(stream);
        let after = known.revision;
        known.writing = Some(Writing { lease: lease.clone(), at, reserved });
        self.outputs.push_back(Output::Write { stream: stream.clone(), lease, after });
    }

    fn done(&mut self, stream: &Name, pause: Duration) {
        let not_before = self.now + pause;
        if let Some(known) = self.streams.get_mut(stream) {
            self.reserved -= known.writing.take().map_or(0, |writing| writing.reserved);
            known.not_before = not_before;
            self.schedule(stream);
            self.forget(stream);
        }
    }

    fn leave(&mut self, stream: &Name) {
        if let Some(held) = self.known(stream).held.take() {
            self.carried -= held.pixels_per_s;
            self.outputs.push_back(Output::Leave { stream: stream.clone(), epoch: held.epoch });
        }
    }

    fn may_take(&self, stream: &Name) -> bool {
        let lease = self.streams.get(stream).and_then(|known| known.lease.as_ref());
        let carried = self.carried.saturating_add(self.reserved);
        lease.is_some_and(|lease| carried.saturating_add(lease.needs.pixels_per_s) <= self.capacity)
    }

    /// Whether a stream that is held is for others to take: all when it drains, else the last by name, as many as are
    /// more than it can carry.
    fn is_given_up(&self, stream: &Name) -> bool {
        if self.is_draining || self.carried <= self.capacity {
            return self.is_draining;
        }
        let held =
            self.streams.iter().rev().filter_map(|(name, known)| Some((name, known.held.as_ref()?.pixels_per_s)));
        let mut carried = self.carried;
        for (name, pixels_per_s) in held {
            if carried <= self.capacity {
                return false;
            }
            if name == stream {
                return true;
            }
            carried -= pixels_per_s;
        }
        false
    }

    /// When something is to be done for this stream.
    fn due(&self, stream: &Name) -> Option<Duration> {
        let known = self.streams.get(stream)?;
        let lease = known.lease.as_ref()?;
        let ttl = Duration::from_millis(lease.ttl_ms.into());
        if let Some(held) = &known.held {
            let is_overdue = self.is_given_up(stream) != lease.is_leaving;
            let renewal = if is_overdue { self.now } else { held.renewed_at + ttl / 3 };
            let renewal = held.unlinked_since.map_or(renewal, |since| renewal.min(since + UNLINKED_MAX));
            let renewal = if known.writing.is_some() { held.renewed_at + ttl } else { renewal.max(known.not_before) };
            return Some(renewal.min(held.renewed_at + ttl));
        }
        let is_mine = lease.holder.as_ref() == Some(&self.me);
        if self.is_draining || self.capacity == 0 || known.writing.is_some() || lease.needs.policy != self.policy {
            return None;
        }
        let free_at = match &lease.holder {
            None => known.since,
            Some(_) if lease.is_leaving && !is_mine => known.since,
            // A quarter more than its time, so that its holder's last renewal has a chance to be seen.
            Some(_) => known.since + ttl + ttl / 4,
        };
        Some((free_at + self.delay(lease)).max(known.not_before))
    }

    /// How long to leave a lease to others who have less to carry.
    fn delay(&self, lease: &Lease) -> Duration {
        let text = [self.me.worker.as_str(), lease.stream.as_str()].concat();
        // FNV-1a. Source: Fowler, Noll and Vo, draft-eastlake-fnv-17 §5.
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64 ^ lease.epoch, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let share = (self.carried as f64 / self.capacity.max(1) as f64).min(1.0);
        FULL_WAITS.mul_f64(share) + Duration::from_millis((hash >> 32) % SPREAD_MS)
    }

    fn schedule(&mut self, stream: &Name) {
        let due = self.due(stream);
        let Some(known) = self.streams.get_mut(stream) else { return };
        if let Some(before) = std::mem::replace(&mut known.due, due) {
            self.agenda.remove(&(before, stream.clone()));
        }
        self.agenda.extend(due.map(|due| (due, stream.clone())));
    }

    fn schedule_all(&mut self) {
        let streams: Vec<Name> = self.streams.keys().cloned().collect();
        streams.iter().for_each(|stream| self.schedule(stream));
    }

    /// Forgets a stream that has ended.
    fn forget(&mut self, stream: &Name) {
        if self.streams.get(stream).is_some_and(|known| known.lease.is_none() && known.is_idle()) {
            self.streams.remove(stream);
        }
    }

    fn known(&mut self, stream: &Name) -> &mut Known {
        let now = self.now;
        self.streams.entry(stream.clone()).or_insert_with(|| Known::new(now))
    }
}

impl Known {
    fn new(now: Duration) -> Known {
        let revision = Revision(0);
        Known { revision, lease: None, since: now, held: None, writing: None, not_before: now, due: None }
    }

    fn is_idle(&self) -> bool {
        self.held.is_none() && self.writing.is_none()
    }
}
