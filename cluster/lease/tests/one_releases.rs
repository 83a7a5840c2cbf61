//! Does a frame ever leave without the lease that judged it, or under two?
//!
//! One egress, three workers, a bus and its delays, all on paper. Every order of a few steps from a state where much
//! can go wrong, then random schedules in which messages are late or lost, writes go through unheard, links break and
//! workers' clocks run wrong or stand still. The oracle keeps its own books and asks the machines nothing.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use guard::finding::{Finding, Found, FrameId, JudgeId, Match, RegionId};
use guard::policy::{Policy, RegionKind};
use guard::region::Region;
use guard::{Arrival, Colour, Format, Frame, Held, Rect, Shown, Signature, Size};
use lease::egress::{self, Patience};
use lease::{Egress, Holder, Lease, Name, Needs, Revision, Worker, worker};
use proptest::prelude::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const N_WORKERS: usize = 3;
const HOLD: u64 = 150;
const PATIENCE: Patience = Patience { ttl: ms(2000), start: ms(600), stall: ms(300) };
const POLICY: &str = "test";

/// What can happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A frame comes, this long after the last step.
    Frame(u64),
    /// The oldest write reaches the bus.
    Write,
    /// It reaches the bus, and its writer never hears of it.
    WriteUnheard,
    /// It reaches the bus, which takes it though another one was quicker by one change. nats-server up to 2.9.20 does
    /// that where two writes meet: https://github.com/nats-io/nats-server/issues/4320.
    WriteRaced,
    /// It does not reach the bus.
    WriteLost,
    /// The egress sees the next change on the bus.
    ShowEgress,
    /// A worker sees every change on the bus.
    ShowWorker(usize),
    /// A worker answers the oldest frame that it was sent and has not answered, on whichever link.
    Answer(usize),
    /// It sees something in the newest.
    AnswerFound(usize),
    /// Time passes.
    Wait(u64),
    /// The newest link breaks.
    Break,
    /// A worker's clock stands still from now on, or goes on where it would have been.
    StopClock(usize),
    /// A worker wants to stop.
    Drain(usize),
}

struct World {
    now: u64,
    egress: Egress<u64>,
    workers: Vec<Worker>,
    stopped_at: [Option<u64>; N_WORKERS],
    /// Every change of the entry; the revision is its place, from 1.
    bus: Vec<Option<Lease>>,
    seen_by_egress: usize,
    seen_by_worker: [usize; N_WORKERS],
    writes: VecDeque<(Option<usize>, Option<Lease>, Revision)>,
    /// Frames on their way to a worker: link's epoch and number.
    sent: [Vec<(u64, u64)>; N_WORKERS],
    books: Books,
    n_frames: u64,
}

/// What the oracle has seen happen.
#[derive(Default)]
struct Books {
    /// The lease as the egress was last shown it, when, and since which epoch change.
    view: Option<(u64, Name)>,
    view_at: u64,
    /// Epochs that ended for the egress.
    ended: BTreeSet<u64>,
    /// Who got each epoch on the bus.
    holders: BTreeMap<u64, Name>,
    /// Clear answers that came over a link: frame → epochs.
    clear: BTreeMap<u64, BTreeSet<u64>>,
    found: BTreeSet<u64>,
    sent_under: BTreeMap<u64, BTreeSet<u64>>,
    links: BTreeMap<u64, Name>,
    /// Whether the bus may have given an epoch to two, and how often it did.
    is_raced: bool,
    n_given_twice: u64,
    decided: u64,
    released: u64,
}

fn name(worker: usize) -> Name {
    Name::new(&format!("w{worker}")).unwrap()
}

impl World {
    fn new() -> World {
        let mut world = World::unseen();
        world.tell_egress(egress::Input::Bus { revision: Revision(0), lease: None });
        world
    }

    /// A world in which the egress has not looked at the bus yet.
    fn unseen() -> World {
        let mut policy = Policy::shipped("messenger").unwrap();
        (policy.reuse.max_ms, policy.timing.hold_ms, policy.timing.freeze_ms) = (0, HOLD as u32, 50);
        (policy.judges.lists, policy.judges.models, policy.scores) = (vec!["test-card".into()], vec![], vec![]);
        let needs = Needs { policy: POLICY.into(), pixels_per_s: 100 };
        let holder = |n| Holder { worker: name(n), address: format!("10.0.0.{n}:1") };
        let mut world = World {
            now: 0,
            egress: Egress::new(Name::new("s").unwrap(), needs, PATIENCE, policy),
            workers: (0..N_WORKERS).map(|n| Worker::new(holder(n), POLICY.into())).collect(),
            stopped_at: [None; N_WORKERS],
            bus: Vec::new(),
            seen_by_egress: 0,
            seen_by_worker: [0; N_WORKERS],
            writes: VecDeque::new(),
            sent: Default::default(),
            books: Books::default(),
            n_frames: 0,
        };
        (0..N_WORKERS).for_each(|n| world.tell_worker(n, worker::Input::Capacity(1000)));
        world
    }

    /// A world in which worker 0 holds the lease and three frames are with it.
    fn judging() -> World {
        let mut world = World::new();
        world.step(Step::Write);
        for step in [Step::ShowWorker(0), Step::Wait(100), Step::Write, Step::ShowEgress, Step::ShowEgress] {
            world.step(step);
        }
        (0..3).for_each(|_| world.step(Step::Frame(10)));
        assert_eq!(world.sent[0].len(), 3, "the world is not as it should be");
        world
    }

    fn clock(&self, worker: usize) -> Duration {
        // The workers' clocks agree with nobody's: an hour fast, slow by half, and right.
        let now = self.stopped_at[worker].unwrap_or(self.now);
        ms([now + 3_600_000, now / 2, now][worker])
    }

    fn tell_egress(&mut self, input: egress::Input<u64>) {
        self.egress.input(input, ms(self.now));
        while let Some(output) = self.egress.poll() {
            match output {
                egress::Output::Link { epoch, holder } => {
                    assert!(self.books.links.insert(epoch, holder.worker.clone()).is_none(), "epoch {epoch} twice");
                }
                egress::Output::Unlink { epoch } => {
                    self.books.ended.insert(epoch);
                }
                egress::Output::Send { epoch, id, .. } => {
                    let worker = (0..N_WORKERS).find(|n| self.books.links.get(&epoch) == Some(&name(*n))).unwrap();
                    self.sent[worker].push((epoch, id.0));
                    self.books.sent_under.entry(id.0).or_default().insert(epoch);
                }
                egress::Output::Write { lease, after } => self.writes.push_back((None, lease, after)),
                egress::Output::Show { id, shown, epoch, .. } => self.check(id, &shown, epoch),
                _ => (),
            }
        }
    }

    /// The rule, from the oracle's own books.
    fn check(&mut self, id: FrameId, shown: &Shown<u64>, epoch: Option<u64>) {
        assert_eq!(id.0, self.books.decided, "each frame is decided once, in order");
        self.books.decided += 1;
        let Shown::Frame(released) = shown else { return };
        let (number, books) = (*released.frame(), &self.books);
        let (viewed, holder) = books.view.clone().expect("a frame left while the bus showed no holder");
        assert_eq!(epoch, Some(viewed), "frame {number} left under another epoch than the bus shows");
        assert_eq!(books.links.get(&viewed), Some(&holder), "epoch {viewed} was judged by somebody else");
        assert!(!books.ended.contains(&viewed), "frame {number} left under an epoch that was lost");
        assert!(self.now < books.view_at + PATIENCE.ttl.as_millis() as u64, "frame {number} left under a dead lease");
        let clear = books.clear.get(&number).cloned().unwrap_or_default();
        assert!(clear.contains(&viewed), "frame {number} was cleared by {clear:?}, not by {viewed}");
        assert!(books.sent_under[&number].contains(&viewed), "frame {number} was never sent under {viewed}");
        assert!(!books.found.contains(&number), "something was found in frame {number}");
        self.books.released += 1;
    }

    fn tell_worker(&mut self, worker: usize, input: worker::Input) {
        let at = self.clock(worker);
        self.workers[worker].input(input, at);
        while let Some(output) = self.workers[worker].poll() {
            if let worker::Output::Write { lease, after, .. } = output {
                self.writes.push_back((Some(worker), lease, after));
            }
        }
    }

    /// Compare and set.
    fn put(&mut self, lease: Option<Lease>, after: Revision, is_raced: bool) -> Option<Revision> {
        let newest = self.bus.len() as u64;
        if after != Revision(newest) && !(is_raced && after == Revision(newest.saturating_sub(1))) {
            return None;
        }
        self.books.is_raced |= is_raced;
        if let Some(Lease { epoch, holder: Some(holder), .. }) = &lease {
            let before = self.books.holders.insert(*epoch, holder.worker.clone());
            let is_one = before.is_none_or(|before| before == holder.worker);
            assert!(is_one || self.books.is_raced, "epoch {epoch} was given twice");
            self.books.n_given_twice += u64::from(!is_one);
        }
        self.bus.push(lease);
        Some(Revision(self.bus.len() as u64))
    }

    fn write(&mut self, is_heard: bool, is_raced: bool) {
        let Some((writer, lease, after)) = self.writes.pop_front() else { return };
        let stream = Name::new("s").unwrap();
        let revision = self.put(lease, after, is_raced).filter(|_| is_heard);
        let Some(writer) = writer else { return };
        match revision {
            Some(revision) => self.tell_worker(writer, worker::Input::Written { stream, revision }),
            None => self.tell_worker(writer, worker::Input::Refused { stream }),
        }
    }

    fn answer(&mut self, worker: usize, is_found: bool) {
        if self.stopped_at[worker].is_some() || self.sent[worker].is_empty() {
            return;
        }
        let place = if is_found { self.sent[worker].len() - 1 } else { 0 };
        let (epoch, number) = self.sent[worker].remove(place);
        let frame = FrameId(number);
        let found = match is_found {
            true => Found::Match(Match { list: "test".into(), entry: "card".into(), distance_bits: 4 }),
            false => Found::Clear,
        };
        // What counts is whether the link still stands; the books close it as the egress does, or its time is over.
        if !self.books.ended.contains(&epoch) {
            match is_found {
                true => drop(self.books.found.insert(number)),
                false => drop(self.books.clear.entry(number).or_default().insert(epoch)),
            }
        }
        let findings = vec![Finding { frame, judge: JudgeId(0), region: RegionId(0), found }];
        self.tell_egress(egress::Input::Answer { epoch, frame, findings });
        if is_found && self.books.ended.contains(&epoch) {
            self.books.found.remove(&number);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Frame(gap) => {
                self.now += gap;
                let number = self.n_frames;
                self.n_frames += 1;
                self.tell_egress(egress::Input::Frame(arrival(number)));
            }
            Step::Write => self.write(true, false),
            Step::WriteUnheard => self.write(false, false),
            Step::WriteRaced => self.write(true, true),
            Step::WriteLost => {
                if let Some((Some(writer), ..)) = self.writes.pop_front() {
                    self.tell_worker(writer, worker::Input::Refused { stream: Name::new("s").unwrap() });
                }
            }
            Step::ShowEgress => {
                let Some(lease) = self.bus.get(self.seen_by_egress).cloned() else { return };
                self.seen_by_egress += 1;
                let revision = Revision(self.seen_by_egress as u64);
                // Before anything else this shows what fell due until now.
                self.tell_egress(egress::Input::Tick);
                let before = self.books.view.take();
                self.books.view = lease.as_ref().and_then(|l| Some((l.epoch, l.holder.clone()?.worker)));
                if let (Some((epoch, by)), Some((now, other))) = (before, &self.books.view)
                    && epoch == *now
                    && by != *other
                {
                    // The bus gave it to two: it is nobody's from now on.
                    self.books.ended.insert(epoch);
                }
                self.books.view_at = self.now;
                self.tell_egress(egress::Input::Bus { revision, lease });
            }
            Step::ShowWorker(worker) => {
                while let Some(lease) = self.bus.get(self.seen_by_worker[worker]).cloned() {
                    self.seen_by_worker[worker] += 1;
                    let revision = Revision(self.seen_by_worker[worker] as u64);
                    let stream = Name::new("s").unwrap();
                    self.tell_worker(worker, worker::Input::Bus { stream, revision, lease });
                }
            }
            Step::Answer(worker) => self.answer(worker, false),
            Step::AnswerFound(worker) => self.answer(worker, true),
            Step::Wait(ms) => {
                self.now += ms;
                self.tell_egress(egress::Input::Tick);
                (0..N_WORKERS).for_each(|worker| self.tell_worker(worker, worker::Input::Tick));
            }
            Step::Break => {
                if let Some(epoch) = self.egress.epoch() {
                    self.tell_egress(egress::Input::LinkLost { epoch });
                }
            }
            Step::StopClock(worker) => {
                self.stopped_at[worker] = self.stopped_at[worker].map_or(Some(self.now), |_| None);
            }
            Step::Drain(worker) => self.tell_worker(worker, worker::Input::Drain),
        }
    }

    /// A second of a healthy world: nothing is late, nothing is lost.
    fn healthy_second(&mut self) {
        for _ in 0..25 {
            self.step(Step::Frame(40));
            for _ in 0..4 {
                (0..8).for_each(|_| self.step(Step::Write));
                (0..8).for_each(|_| self.step(Step::ShowEgress));
                (0..N_WORKERS).for_each(|worker| self.step(Step::ShowWorker(worker)));
            }
            for worker in 0..N_WORKERS {
                (0..8).for_each(|_| self.step(Step::Answer(worker)));
            }
            self.step(Step::Wait(0));
        }
    }
}

fn arrival(number: u64) -> Arrival<u64> {
    static SIGNATURE: std::sync::LazyLock<Signature> = std::sync::LazyLock::new(|| {
        let data: Vec<u8> = (0..32 * 32).map(|i| if i % 32 < 16 { 60 } else { 255 }).collect();
        Signature::of(&Frame::packed(Format::Gray8, Colour::Bt601, Size { width: 32, height: 32 }, &data).unwrap())
    });
    let whole = Rect { x: 0, y: 0, size: Size { width: 32, height: 32 } };
    let regions = vec![Region { kind: RegionKind::Whole, rect: whole }];
    Arrival { frame: Held::new(number), signature: SIGNATURE.clone(), regions }
}

fn is_all() -> bool {
    std::env::var_os("STREAMWARD_TEST_ALL").is_some()
}

#[test]
fn every_order_of_steps_releases_under_the_one_lease_that_holds() {
    const STEPS: [Step; 11] = [
        Step::Frame(20),
        Step::Write,
        Step::ShowEgress,
        Step::ShowWorker(0),
        Step::ShowWorker(1),
        Step::Answer(0),
        Step::Answer(1),
        Step::AnswerFound(0),
        Step::Wait(140),
        Step::Wait(2600),
        Step::Break,
    ];
    let length = if is_all() { 6 } else { 5 };
    let mut n_released = 0;
    for order in 0..STEPS.len().pow(length) {
        let mut world = World::judging();
        (0..length).for_each(|place| world.step(STEPS[order / STEPS.len().pow(place) % STEPS.len()]));
        world.step(Step::Wait(HOLD));
        assert_eq!(world.books.decided, world.n_frames, "every frame is decided: order {order}");
        n_released += world.books.released;
    }
    println!("{} orders of {length} steps, {n_released} frames released", STEPS.len().pow(length));
    assert!(n_released > 0, "nothing was ever released, so nothing was shown");
}

fn step() -> impl Strategy<Value = Step> {
    let worker = 0..N_WORKERS;
    prop_oneof![
        12 => (1_u64..80).prop_map(Step::Frame),
        12 => Just(Step::Write),
        2 => Just(Step::WriteUnheard),
        2 => Just(Step::WriteRaced),
        1 => Just(Step::WriteLost),
        12 => Just(Step::ShowEgress),
        12 => worker.clone().prop_map(Step::ShowWorker),
        24 => worker.clone().prop_map(Step::Answer),
        1 => worker.clone().prop_map(Step::AnswerFound),
        6 => (0_u64..400).prop_map(Step::Wait),
        1 => Just(Step::Wait(2600)),
        1 => Just(Step::Break),
        1 => worker.prop_map(Step::StopClock),
        1 => Just(Step::Drain(2)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if is_all() { 20_000 } else { 2000 }))]

    #[test]
    fn random_schedules_release_under_the_one_lease_that_holds(
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut world = World::judging();
        steps.into_iter().for_each(|step| world.step(step));
        // Whatever happened, a healthy world judges again.
        world.stopped_at = [None; N_WORKERS];
        (0..20).for_each(|_| world.healthy_second());
        let before = world.books.released;
        (0..10).for_each(|_| world.healthy_second());
        prop_assert!(world.books.released > before, "nothing is released any more");
    }
}

#[test]
fn a_holder_that_falls_silent_is_replaced_and_its_late_answers_count_for_nothing() {
    let mut world = World::judging();
    (0..4).for_each(|_| world.healthy_second());
    assert!(world.books.released > 50);
    let first = world.egress.epoch().unwrap();
    let holder = (0..N_WORKERS).find(|n| Some(&name(*n)) == world.books.links.get(&first)).unwrap();
    world.step(Step::StopClock(holder));
    (0..2).for_each(|_| world.healthy_second());
    let second = world.egress.epoch().unwrap();
    assert!(second > first && world.books.links[&second] != name(holder));
    world.step(Step::StopClock(holder));
    let refused = world.egress.lease_counts().answers_refused;
    let late = world.sent[holder].len() as u64;
    (0..late).for_each(|_| world.step(Step::Answer(holder)));
    assert_eq!(world.egress.lease_counts().answers_refused, refused + late);
}

#[test]
fn an_epoch_that_the_bus_gives_to_two_is_nobody_s() {
    let mut world = World::judging();
    (0..2).for_each(|_| world.healthy_second());
    let first = world.egress.epoch().unwrap();
    // Nobody answers any more, the stream is offered, and all see that in one moment.
    world.step(Step::Break);
    for _ in 0..4 {
        (0..8).for_each(|_| world.step(Step::Write));
        (0..8).for_each(|_| world.step(Step::ShowEgress));
    }
    (0..N_WORKERS).for_each(|worker| world.step(Step::ShowWorker(worker)));
    world.step(Step::Wait(200));
    world.writes.retain(|(writer, ..)| writer.is_some());
    assert!(world.writes.len() >= 2, "two want it: {:?}", world.writes);
    world.step(Step::Write);
    world.step(Step::WriteRaced);
    assert_eq!(world.books.n_given_twice, 1);
    (0..3).for_each(|_| world.step(Step::ShowEgress));
    assert_eq!(world.egress.epoch(), None, "it was two workers', and is neither's");
    (0..4).for_each(|_| world.healthy_second());
    assert!(world.egress.epoch().unwrap() > first + 1, "the next epoch is one worker's");
}

#[test]
fn a_drained_worker_hands_over_and_nothing_is_covered() {
    let mut world = World::judging();
    (0..4).for_each(|_| world.healthy_second());
    let (first, before) = (world.egress.epoch().unwrap(), world.egress.counts());
    let holder = (0..N_WORKERS).find(|n| Some(&name(*n)) == world.books.links.get(&first)).unwrap();
    world.step(Step::Drain(holder));
    (0..2).for_each(|_| world.healthy_second());
    assert!(world.egress.epoch().unwrap() > first);
    assert_eq!(world.workers[holder].held().count(), 0);
    assert_eq!(world.egress.counts().covered, before.covered, "frames that waited were looked at again in time");
}

#[test]
fn a_full_worker_takes_nothing_more_and_a_foreign_policy_is_never_taken() {
    let holder = Holder { worker: name(0), address: "10.0.0.1:1".into() };
    let mut worker = Worker::new(holder, POLICY.into());
    worker.input(worker::Input::Capacity(250), ms(0));
    let offer = |n: u64, policy: &str| {
        let stream = Name::new(&format!("s{n}")).unwrap();
        let needs = Needs { policy: policy.into(), pixels_per_s: 100 };
        let lease = Lease { stream: stream.clone(), epoch: 0, holder: None, is_leaving: false, needs, ttl_ms: 2000 };
        worker::Input::Bus { stream, revision: Revision(n + 1), lease: Some(lease) }
    };
    (0..5).for_each(|n| worker.input(offer(n, if n == 0 { "another" } else { POLICY }), ms(0)));
    let mut taken = BTreeSet::new();
    for at in 1..40 {
        worker.input(worker::Input::Tick, ms(at * 50));
        while let Some(output) = worker.poll() {
            if let worker::Output::Write { stream, .. } = output {
                taken.insert(stream.clone());
                worker.input(worker::Input::Written { stream, revision: Revision(100 + at) }, ms(at * 50));
            }
        }
    }
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert!(!taken.contains(&Name::new("s0").unwrap()));
    assert_eq!(worker.carried(), 200);
}

#[test]
fn an_egress_that_comes_back_honours_no_lease_from_before() {
    let mut before = World::judging();
    before.healthy_second();
    let mut after = World::unseen();
    after.bus = before.bus.clone();
    after.books.holders = before.books.holders.clone();
    // What it sees first is the newest entry.
    after.seen_by_egress = after.bus.len() - 1;
    after.step(Step::ShowEgress);
    assert_eq!(after.egress.epoch(), None, "an epoch from before counts for nothing");
    (0..5).for_each(|_| after.healthy_second());
    assert!(after.books.released > 0 && after.egress.epoch() > before.egress.epoch());
}
