//! May this frame leave, now that somebody else judges it?
//!
//! [`Egress`] is a stream's own guard, whose judges sit on another machine. It holds every frame, sends it to the
//! holder of the lease, and hears what was found. An answer counts only if it bears the epoch of the lease that holds
//! now, about a frame that was sent under it. When the lease is lost, every verdict that still waits is void, and the
//! frames that wait are looked at again by the next holder; so each frame that leaves was judged under one lease, and
//! that lease held when it left. Without a lease the guard does what it does for any judge that is gone: it covers.
//!
//! A lease is lost when the bus says so, when nobody has renewed it for its time on this machine's clock, when the
//! link to its holder breaks, or when its holder leaves frames unanswered. A lost epoch never counts again.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use guard::finding::{Finding, FrameId, JudgeId, RegionId};
use guard::region::Region;
use guard::{Arrival, Counts, Guard, Held, Incident, Policy, Shown, State};

use crate::{Holder, Lease, Name, Needs, Revision};

/// What the machine is told.
#[derive(Debug)]
pub enum Input<F> {
    /// The next frame has come. Frames are numbered from 0 in this order.
    Frame(Arrival<F>),
    /// The bus shows this entry for the stream, or none. The first time is the start: nothing is offered before.
    Bus {
        /// Which change it is.
        revision: Revision,
        /// What it says.
        lease: Option<Lease>,
    },
    /// What came over the link that was opened for this epoch.
    Answer {
        /// The link's epoch.
        epoch: u64,
        /// The frame that was looked at.
        frame: FrameId,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// The link of this epoch is broken, or could not be opened.
    LinkLost {
        /// The link's epoch.
        epoch: u64,
    },
    /// Time has passed.
    Tick,
    /// A person who may do so takes a latched cover away.
    Reset,
    /// No frame will come.
    EndOfStream,
}

/// What the machine asks for or says.
#[derive(Debug)]
pub enum Output<F> {
    /// Open a link to this worker.
    Link {
        /// The epoch under which it holds the lease.
        epoch: u64,
        /// Who and where it is.
        holder: Holder,
    },
    /// Close the link of this epoch; nothing that still comes over it counts.
    Unlink {
        /// The link's epoch.
        epoch: u64,
    },
    /// Send this frame over the link of this epoch.
    Send {
        /// The link's epoch.
        epoch: u64,
        /// Which frame.
        id: FrameId,
        /// When its place will be decided.
        due: Duration,
        /// Its pixels.
        frame: Held<F>,
        /// Where to look.
        regions: Vec<Region>,
        /// Who looks where.
        looks: Vec<(JudgeId, RegionId)>,
    },
    /// Write this entry, or delete it where there is none, if `after` is still the newest revision of it.
    Write {
        /// What is to stand there.
        lease: Option<Lease>,
        /// The revision it replaces.
        after: Revision,
    },
    /// The place of frame `id` is decided. Each frame gets one of these, in order.
    Show {
        /// Whose place it is.
        id: FrameId,
        /// When that frame came.
        at: Duration,
        /// What is shown there.
        shown: Shown<F>,
        /// The epoch of the lease that holds now.
        epoch: Option<u64>,
    },
    /// Silence from this place on.
    Mute,
    /// Sound again from this place on.
    Unmute,
    /// A finding covered the picture (`to` is `None`), or its cover ended.
    Incident(Incident),
    /// What the person is told.
    State(State),
    /// The stream has ended and its entry is gone.
    Ended,
}

/// When a holder is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A lease that nobody renews lasts this long.
    pub ttl: Duration,
    /// The holder's first answer may take this long: it opens a link and seats its judges.
    pub start: Duration,
    /// Each further answer may take this long.
    pub stall: Duration,
}

impl Patience {
    /// 15 s, 5 s and 1 s. Of the bus a lost leader is to be survived: nats-server elects the next one 4 to 9 s after the
    /// last sign of the old. Source: `server/raft.go` in nats-io/nats-server,
    /// `minElectionTimeoutDefault` and `maxElectionTimeoutDefault`.
    pub const DEFAULT: Patience =
        Patience { ttl: Duration::from_secs(15), start: Duration::from_secs(5), stall: Duration::from_secs(1) };
}

/// A write that has shown no effect is tried again after this long.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// At most this many frames can be answered; as many as the guard keeps waiting.
const SENT_MAX: usize = 600;

/// What became of answers and leases so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseCounts {
    /// Answers that counted.
    pub answers: u64,
    /// Answers that did not: of a lost epoch, or about a frame that was not sent.
    pub answers_refused: u64,
    /// Leases that were accepted.
    pub leases: u64,
    /// Leases that were lost.
    pub leases_lost: u64,
}

/// Holds, sends and shows one stream.
#[derive(Debug)]
pub struct Egress<F> {
    stream: Name,
    needs: Needs,
    patience: Patience,
    guard: Guard<F>,
    /// The time that the guard was told last; when a lease is found lost, what it cleared must not be shown first.
    guard_at: Duration,
    now: Duration,
    /// Frames whose place is not decided, with when they came.
    waiting: VecDeque<(FrameId, Duration)>,
    n_frames: u64,
    revision: Option<Revision>,
    seen: Option<Lease>,
    judging: Option<Judging>,
    /// The highest epoch that is lost.
    lost_epoch: u64,
    /// When a write that is owed may be tried again.
    write_again_at: Option<Duration>,
    has_ended: bool,
    counts: LeaseCounts,
    outputs: VecDeque<Output<F>>,
}

/// The lease that holds.
#[derive(Debug)]
struct Judging {
    epoch: u64,
    holder: Holder,
    valid_until: Duration,
    sent: BTreeSet<FrameId>,
    newest_sent: Option<FrameId>,
    /// Since when something is owed an answer.
    unanswered_since: Option<Duration>,
    has_answered: bool,
}

impl<F> Egress<F> {
    /// An egress at the start of a stream. Nothing is shown until a frame has been judged.
    pub fn new(stream: Name, needs: Needs, patience: Patience, policy: Policy) -> Egress<F> {
        Egress {
            stream,
            needs,
            patience,
            guard: Guard::new(policy),
            guard_at: Duration::ZERO,
            now: Duration::ZERO,
            waiting: VecDeque::new(),
            n_frames: 0,
            revision: None,
            seen: None,
            judging: None,
            lost_epoch: 0,
            write_again_at: None,
            has_ended: false,
            counts: LeaseCounts::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input at time `at`, since the stream began. A time before that of the last input counts as the last
    /// one's.
    pub fn input(&mut self, input: Input<F>, at: Duration) {
        self.now = self.now.max(at);
        self.expire();
        self.tell(guard::Input::Tick);
        match input {
            Input::Frame(arrival) => {
                self.waiting.push_back((FrameId(self.n_frames), self.now));
                self.n_frames += 1;
                self.tell(guard::Input::Frame(arrival));
            }
            Input::Bus { revision, lease } => self.see(revision, lease),
            Input::Answer { epoch, frame, findings } => self.hear(epoch, frame, findings),
            Input::LinkLost { epoch } if self.judging.as_ref().is_some_and(|judging| judging.epoch == epoch) => {
                self.lose();
            }
            Input::LinkLost { .. } | Input::Tick => (),
            Input::Reset => self.tell(guard::Input::Reset),
            Input::EndOfStream => {
                self.tell(guard::Input::EndOfStream);
                self.has_ended = true;
                self.lose();
            }
        }
        self.write();
    }

    /// The next output, until `None`.
    pub fn poll(&mut self) -> Option<Output<F>> {
        self.outputs.pop_front()
    }

    /// When something falls due: a frame, a lease, an answer or a write.
    pub fn next_timeout(&self) -> Option<Duration> {
        let lease = self.judging.as_ref().map(|judging| self.lost_at(judging));
        let write = self.write_again_at.filter(|_| self.owed().is_some());
        [self.guard.next_timeout(), lease, write].into_iter().flatten().min()
    }

    /// What became of the frames so far.
    pub fn counts(&self) -> Counts {
        self.guard.counts()
    }

    /// What became of answers and leases so far.
    pub fn lease_counts(&self) -> LeaseCounts {
        self.counts
    }

    /// What the person is told now.
    pub fn state(&self) -> State {
        self.guard.state()
    }

    /// The epoch of the lease that holds.
    pub fn epoch(&self) -> Option<u64> {
        self.judging.as_ref().map(|judging| judging.epoch)
    }

    fn lost_at(&self, judging: &Judging) -> Duration {
        let patience = if judging.has_answered { self.patience.stall } else { self.patience.start };
        let stalled_at = judging.unanswered_since.map(|since| since + patience);
        stalled_at.map_or(judging.valid_until, |at| at.min(judging.valid_until))
    }

    fn expire(&mut self) {
        if self.judging.as_ref().is_some_and(|judging| self.lost_at(judging) <= self.now) {
            self.lose();
        }
    }

    /// The lease is lost: what it cleared and has not left yet is void.
    fn lose(&mut self) {
        let Some(judging) = self.judging.take() else { return };
        self.lost_epoch = self.lost_epoch.max(judging.epoch);
        self.counts.leases_lost += 1;
        self.outputs.push_back(Output::Unlink { epoch: judging.epoch });
        self.guard.input(guard::Input::LookAgain, self.guard_at);
        self.drain();
    }

    fn see(&mut self, revision: Revision, lease: Option<Lease>) {
        if self.revision.is_some_and(|newest| revision <= newest) {
            return;
        }
        let is_first = self.revision.replace(revision).is_none();
        self.write_again_at = None;
        self.seen = lease.filter(|lease| lease.stream == self.stream);
        let Some(lease) = self.seen.clone() else { return self.lose() };
        if is_first {
            // Whoever holds it holds it for an egress that was here before.
            self.lost_epoch = self.lost_epoch.max(lease.epoch);
        }
        match (lease.holder, &mut self.judging) {
            (Some(holder), Some(judging)) if judging.epoch == lease.epoch && judging.holder == holder => {
                judging.valid_until = self.now + self.patience.ttl;
            }
            (Some(holder), judging) if lease.epoch > judging.as_ref().map_or(self.lost_epoch, |j| j.epoch) => {
                self.lose();
                self.begin(lease.epoch, holder);
            }
            (Some(_) | None, _) => self.lose(),
        }
    }

    fn begin(&mut self, epoch: u64, holder: Holder) {
        if self.has_ended {
            self.lost_epoch = self.lost_epoch.max(epoch);
            return;
        }
        self.outputs.push_back(Output::Link { epoch, holder: holder.clone() });
        self.judging = Some(Judging {
            epoch,
            holder,
            valid_until: self.now + self.patience.ttl,
            sent: BTreeSet::new(),
            newest_sent: None,
            unanswered_since: None,
            has_answered: false,
        });
        self.counts.leases += 1;
        self.tell(guard::Input::LookAgain);
    }

    fn hear(&mut self, epoch: u64, frame: FrameId, findings: Vec<Finding>) {
        let is_about_it = findings.iter().all(|finding| finding.frame == frame);
        let judging = self.judging.as_mut().filter(|judging| judging.epoch == epoch && is_about_it);
        let Some(judging) = judging.and_then(|judging| judging.sent.remove(&frame).then_some(judging)) else {
            self.counts.answers_refused += 1;
            return;
        };
        judging.has_answered = true;
        // Frames that there was no time for are never answered; the newest one always is.
        judging.unanswered_since = (judging.newest_sent != Some(frame)).then_some(self.now);
        self.counts.answers += 1;
        findings.into_iter().for_each(|finding| self.tell(guard::Input::Finding(finding)));
    }

    fn tell(&mut self, input: guard::Input<F>) {
        self.guard_at = self.now;
        self.guard.input(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.guard.poll() {
            let output = match output {
                guard::Output::Look { id, frame, regions, looks } => match self.send(id) {
                    Some((epoch, due)) => Output::Send { epoch, id, due, frame, regions, looks },
                    None => continue,
                },
                guard::Output::Show { id, at, shown } => {
                    self.waiting.pop_front();
                    Output::Show { id, at, shown, epoch: self.epoch() }
                }
                guard::Output::Mute => Output::Mute,
                guard::Output::Unmute => Output::Unmute,
                guard::Output::Incident(incident) => Output::Incident(incident),
                guard::Output::State(state) => Output::State(state),
            };
            self.outputs.push_back(output);
        }
    }

    /// Under which epoch a frame is sent, and when it is due; `None` while nobody holds the lease.
    fn send(&mut self, id: FrameId) -> Option<(u64, Duration)> {
        let judging = self.judging.as_mut()?;
        let place = self.waiting.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let hold = Duration::from_millis(self.guard.policy().timing.hold_ms.into());
        judging.sent.insert(id);
        judging.newest_sent = judging.newest_sent.max(Some(id));
        judging.unanswered_since.get_or_insert(self.now);
        if judging.sent.len() > SENT_MAX {
            judging.sent.pop_first();
        }
        Some((judging.epoch, self.waiting[place].1 + hold))
    }

    /// What should stand on the bus, where something else does.
    fn owed(&self) -> Option<Option<Lease>> {
        let offer = |epoch: u64| {
            let (stream, needs) = (self.stream.clone(), self.needs.clone());
            let ttl_ms = self.patience.ttl.as_millis() as u32;
            Some(Some(Lease { stream, epoch, holder: None, is_leaving: false, needs, ttl_ms }))
        };
        self.revision?;
        match &self.seen {
            None if self.has_ended => None,
            Some(_) if self.has_ended => Some(None),
            None => offer(self.lost_epoch),
            Some(lease) => {
                let is_in_force = match &lease.holder {
                    Some(_) => self.epoch() == Some(lease.epoch),
                    None => lease.epoch >= self.lost_epoch && lease.needs == self.needs,
                };
                if is_in_force { None } else { offer(lease.epoch.max(self.lost_epoch)) }
            }
        }
    }

    fn write(&mut self) {
        if self.has_ended && self.seen.is_none() {
            if self.write_again_at != Some(Duration::MAX) {
                self.write_again_at = Some(Duration::MAX);
                self.outputs.push_back(Output::Ended);
            }
            return;
        }
        let Some(after) = self.revision.filter(|_| self.write_again_at.is_none_or(|at| at <= self.now)) else { return };
        if let Some(lease) = self.owed() {
            self.write_again_at = Some(self.now + WRITE_AGAIN);
            self.outputs.push_back(Output::Write { lease, after });
        }
    }
}
