//! May this frame be shown?
//!
//! [`Guard`] is a machine without clock, thread or file. Give it one [`Input`] with the time, then take every
//! [`Output`] from [`Guard::poll`] until it is `None`, then come back with the next input or at
//! [`Guard::next_timeout`], whichever is sooner. Times count from the start of the stream and never go back.
//!
//! Every frame that comes in takes one place in what goes out, [`Timing::hold_ms`](crate::policy::Timing::hold_ms)
//! later and in the same order: itself if it was judged and nothing was found, else the last frame that was, else
//! the cover. Nothing else opens it: not a late word, not a missing one, not a judge that is gone.

use std::collections::VecDeque;
use std::time::Duration;

use crate::decision::{Cause, Decision, Verdict};
use crate::finding::{Finding, FrameId, JudgeId, RegionId};
use crate::incident::{Incident, Incidents};
use crate::policy::Policy;
use crate::region::{self, Region};
use crate::sighting::Sighting;
use crate::{Held, Released, Signature};

/// What the machine is told.
#[derive(Debug)]
pub enum Input<F> {
    /// The next frame has come. Frames are numbered from 0 in this order.
    Frame(Arrival<F>),
    /// A judge has looked.
    Finding(Finding),
    /// Time has passed.
    Tick,
    /// Another policy holds from now on. Frames that are waiting count as not judged; a cover stays.
    PolicyChanged(Box<Policy>),
    /// Whoever looks is somebody else from now on. Frames that are waiting are looked at again, and nothing said before
    /// clears them; what was seen in them still counts.
    LookAgain,
    /// A person who may do so takes a latched cover away.
    Reset,
    /// No frame will come. What is waiting is decided with what is known now.
    EndOfStream,
}

/// A frame as it comes in.
#[derive(Debug)]
pub struct Arrival<F> {
    /// Its pixels, for judges only.
    pub frame: Held<F>,
    /// Its tiles.
    pub signature: Signature,
    /// Where judges must look; see [`region::plan`].
    pub regions: Vec<Region>,
}

/// What the machine asks for or says.
#[derive(Debug)]
pub enum Output<F> {
    /// Have this frame judged: a finding for each of `looks` is awaited.
    Look {
        /// Which frame.
        id: FrameId,
        /// Its pixels.
        frame: Held<F>,
        /// Where to look.
        regions: Vec<Region>,
        /// Who looks where.
        looks: Vec<(JudgeId, RegionId)>,
    },
    /// The place of frame `id` is decided. Each frame gets one of these, in order.
    Show {
        /// Whose place it is.
        id: FrameId,
        /// When that frame came.
        at: Duration,
        /// What is shown there.
        shown: Shown<F>,
    },
    /// Silence from this place on.
    Mute,
    /// Sound again from this place on.
    Unmute,
    /// A finding covered the picture (`to` is `None`), or its cover ended.
    Incident(Incident),
    /// What the person is told.
    State(State),
}

/// What is shown in a frame's place.
#[derive(Debug)]
pub enum Shown<F> {
    /// The frame itself.
    Frame(Released<F>),
    /// The last released frame again, because this one was not judged in time.
    Repeat(Released<F>),
    /// The cover. The signature lets its style follow the picture coarsely.
    Cover(Cause, Signature),
}

/// What the person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Video is checked and shown.
    Clear,
    /// Something was found: video is covered.
    Covered,
    /// Checking is stalled: video is covered.
    Stalled,
}

/// What became of the frames so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Came in.
    pub frames: u64,
    /// Were looked at by every judge before their time.
    pub judged: u64,
    /// Had the picture of a judged frame, whose verdict served.
    pub reused: u64,
    /// Were shown.
    pub released: u64,
    /// Had the last released frame shown in their place.
    pub repeated: u64,
    /// Had the cover shown in their place.
    pub covered: u64,
    /// Of those covered, without a finding: judging was late or failed.
    pub stalled: u64,
    /// Were shown without having been judged. Above 0 only under an optimistic policy.
    pub released_unjudged: u64,
}

/// At most this many frames wait; more and the oldest is decided before its time. Ten seconds at 60 a second.
const WAITING_MAX: usize = 600;

/// Decides about one stream.
#[derive(Debug)]
pub struct Guard<F> {
    policy: Policy,
    now: Duration,
    next_id: u64,
    waiting: VecDeque<Waiting<F>>,
    looked_at: VecDeque<LookedAt>,
    decision: Decision,
    incidents: Incidents,
    last_released: Option<Released<F>>,
    state: State,
    counts: Counts,
    outputs: VecDeque<Output<F>>,
}

#[derive(Debug)]
struct Waiting<F> {
    id: FrameId,
    at: Duration,
    frame: Held<F>,
    signature: Signature,
    /// The frame whose findings count for this one: itself, or one with the same picture.
    judged_as: FrameId,
}

#[derive(Debug)]
struct LookedAt {
    id: FrameId,
    at: Duration,
    signature: Signature,
    regions: Vec<Region>,
    sighting: Sighting,
}

impl<F> Guard<F> {
    /// A guard at the start of a stream. Nothing is shown until a frame has been judged.
    pub fn new(policy: Policy) -> Guard<F> {
        Guard {
            decision: Decision::new(&policy),
            policy,
            now: Duration::ZERO,
            next_id: 0,
            waiting: VecDeque::new(),
            looked_at: VecDeque::new(),
            incidents: Incidents::default(),
            last_released: None,
            state: State::Clear,
            counts: Counts::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input at time `at`. A time before that of the last input counts as the last one's.
    pub fn input(&mut self, input: Input<F>, at: Duration) {
        self.now = self.now.max(at);
        self.decide_due();
        match input {
            Input::Frame(arrival) => self.arrive(arrival),
            Input::Finding(finding) => self.hear(finding),
            Input::Tick => (),
            Input::PolicyChanged(policy) => self.change_policy(*policy),
            Input::LookAgain => self.look_again(),
            Input::Reset => self.decision.reset(),
            Input::EndOfStream => self.end(),
        }
        self.decide_due();
    }

    /// The next output, until `None`.
    pub fn poll(&mut self) -> Option<Output<F>> {
        self.outputs.pop_front()
    }

    /// When the next frame is due.
    pub fn next_timeout(&self) -> Option<Duration> {
        self.waiting.front().map(|waiting| waiting.at + self.hold())
    }

    /// What became of the frames so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What the person is told now.
    pub fn state(&self) -> State {
        self.state
    }

    fn hold(&self) -> Duration {
        Duration::from_millis(self.policy.timing.hold_ms.into())
    }

    fn arrive(&mut self, arrival: Arrival<F>) {
        let id = FrameId(self.next_id);
        self.next_id += 1;
        self.counts.frames += 1;
        let judged_as = self.same_picture(&arrival).unwrap_or(id);
        let Arrival { frame, signature, regions } = arrival;
        if judged_as == id {
            let looks = region::looks(&self.policy, &regions);
            let sighting = Sighting::new(looks.clone(), self.policy.scores.len());
            let (signature, at) = (signature.clone(), self.now);
            self.looked_at.push_back(LookedAt { id, at, signature, regions: regions.clone(), sighting });
            self.outputs.push_back(Output::Look { id, frame: frame.clone(), regions, looks });
        }
        self.waiting.push_back(Waiting { id, at: self.now, frame, signature, judged_as });
        if self.waiting.len() > WAITING_MAX {
            self.decide_first();
        }
    }

    /// A frame judged, or being judged, no longer ago than the policy allows, with the same picture in every tile.
    /// Compared is always with the frame that was looked at, never with one that reused its verdict.
    fn same_picture(&self, arrival: &Arrival<F>) -> Option<FrameId> {
        let age_max = Duration::from_millis(self.policy.reuse.max_ms.into());
        let mut recent = self.looked_at.iter().rev();
        let looked_at = recent.find(|looked_at| looked_at.sighting.is_complete() || !looked_at.sighting.is_closed())?;
        let is_same = self.policy.reuse.max_ms > 0
            && self.now.saturating_sub(looked_at.at) < age_max
            && region::are_alike(&looked_at.regions, &arrival.regions)
            && looked_at.signature.change(&arrival.signature) <= self.policy.reuse.tile_change_max;
        is_same.then_some(looked_at.id)
    }

    fn hear(&mut self, finding: Finding) {
        let frame = finding.frame;
        let judged_as = self.waiting.iter().find(|waiting| waiting.id == frame).map(|waiting| waiting.judged_as);
        if judged_as.is_none() {
            let mut late = Sighting::new(Vec::new(), self.policy.scores.len());
            late.add(finding.clone(), &self.policy.scores);
            let mut seen = Vec::new();
            self.decision.late(&late, self.now, &self.policy, &mut seen);
            self.note(seen, self.now);
        }
        // A word on a frame that waits for another one's verdict was not asked for; what it saw counts all the same.
        let counts_for = judged_as.unwrap_or(frame);
        if let Some(looked_at) = self.looked_at.iter_mut().find(|looked_at| looked_at.id == counts_for) {
            match counts_for == frame {
                true => looked_at.sighting.add(finding, &self.policy.scores),
                false => looked_at.sighting.see(finding.found, &self.policy.scores),
            }
        }
    }

    fn change_policy(&mut self, policy: Policy) {
        self.decision.change_policy(&policy);
        self.policy = policy;
        self.looked_at.clear();
    }

    fn look_again(&mut self) {
        let before = std::mem::take(&mut self.looked_at);
        for waiting in &mut self.waiting {
            let Some(seen) = before.iter().find(|looked_at| looked_at.id == waiting.judged_as) else { continue };
            let (id, regions) = (waiting.id, seen.regions.clone());
            let looks = region::looks(&self.policy, &regions);
            let sighting = seen.sighting.again(looks.clone());
            let signature = waiting.signature.clone();
            self.looked_at.push_back(LookedAt { id, at: waiting.at, signature, regions: regions.clone(), sighting });
            self.outputs.push_back(Output::Look { id, frame: waiting.frame.clone(), regions, looks });
            waiting.judged_as = id;
        }
    }

    fn end(&mut self) {
        while !self.waiting.is_empty() {
            self.decide_first();
        }
        self.outputs.extend(self.incidents.close(self.now).map(Output::Incident));
    }

    fn decide_due(&mut self) {
        while self.next_timeout().is_some_and(|due| due <= self.now) {
            self.decide_first();
        }
    }

    fn decide_first(&mut self) {
        let Some(waiting) = self.waiting.pop_front() else { return };
        let looked_at = self.looked_at.iter().find(|looked_at| looked_at.id == waiting.judged_as);
        let sighting = looked_at.map(|looked_at| &looked_at.sighting);
        let (at, policy, mut seen) = (waiting.at, &self.policy, Vec::new());
        let is_judged = sighting.is_some_and(Sighting::is_complete);
        let verdict = match sighting {
            Some(sighting) if is_judged => {
                self.decision.judged(sighting, waiting.signature.is_flat(), at, policy, &mut seen)
            }
            Some(sighting) => {
                self.decision.late(sighting, at, policy, &mut seen);
                self.decision.unjudged(at, policy)
            }
            None => self.decision.unjudged(at, policy),
        };
        match (is_judged, waiting.judged_as == waiting.id) {
            (true, true) => self.counts.judged += 1,
            (true, false) => self.counts.reused += 1,
            (false, _) => (),
        }
        self.note(seen, at);
        self.show(waiting, verdict, is_judged);
        self.forget();
    }

    fn note(&mut self, seen: Vec<crate::incident::Seen>, at: Duration) {
        let incidents = seen.into_iter().filter_map(|seen| self.incidents.note(seen, at));
        self.outputs.extend(incidents.map(Output::Incident));
        self.tell(at);
    }

    fn show(&mut self, waiting: Waiting<F>, verdict: Verdict, is_judged: bool) {
        self.tell(waiting.at);
        let shown = match (verdict, &self.last_released) {
            (Verdict::Show, _) => {
                self.counts.released += 1;
                self.counts.released_unjudged += u64::from(!is_judged);
                let released = waiting.frame.release();
                self.last_released = Some(released.clone());
                Shown::Frame(released)
            }
            (Verdict::Repeat, Some(last)) => {
                self.counts.repeated += 1;
                Shown::Repeat(last.clone())
            }
            (Verdict::Repeat | Verdict::Cover, _) => {
                let cause = self.decision.cause().unwrap_or(Cause::Stalled);
                self.counts.covered += 1;
                self.counts.stalled += u64::from(cause == Cause::Stalled);
                Shown::Cover(cause, waiting.signature)
            }
        };
        self.outputs.push_back(Output::Show { id: waiting.id, at: waiting.at, shown });
    }

    /// Says what has changed since the last time.
    fn tell(&mut self, at: Duration) {
        let state = match self.decision.cause() {
            None => State::Clear,
            Some(Cause::Found) => State::Covered,
            Some(Cause::Stalled) => State::Stalled,
        };
        if state == self.state {
            return;
        }
        let was_clear = std::mem::replace(&mut self.state, state) == State::Clear;
        self.outputs.push_back(Output::State(state));
        if state == State::Clear {
            self.outputs.extend(self.incidents.close(at).map(Output::Incident));
        }
        if self.policy.audio.mute && (was_clear || state == State::Clear) {
            self.outputs.push_back(if was_clear { Output::Mute } else { Output::Unmute });
        }
    }

    /// Drops what no waiting frame and no later one can refer to.
    fn forget(&mut self) {
        let age_max = Duration::from_millis(self.policy.reuse.max_ms.into());
        let (waiting, now) = (&self.waiting, self.now);
        self.looked_at.retain(|looked_at| {
            now.saturating_sub(looked_at.at) < age_max || waiting.iter().any(|w| w.judged_as == looked_at.id)
        });
    }
}
