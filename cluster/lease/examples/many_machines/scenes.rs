//! What goes wrong in which world, and what is seen?

use std::time::Duration;

use lease::egress::Patience;

use super::costs::{Costs, Dice, Spread};
use super::stream::{Gate, Handover};
use super::world::{Deed, Settings, Who, World};

/// Streams that share one bus, and nothing with others.
pub(crate) const CELL: usize = 1000;
/// The workers that share them: enough for a third of them to go.
pub(crate) const N_WORKERS: usize = 30;
/// When something goes wrong.
pub(crate) const AT_US: u64 = 9_000_000;
/// And how long it is watched from then on.
pub(crate) const WATCHED_US: u64 = 10_000_000;
const SECOND: u64 = 1_000_000;
const FOR_EVER: u64 = u64::MAX / 2;

/// What goes wrong in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// Nothing.
    Nothing,
    /// One worker's process ends.
    WorkerDies,
    /// One worker's machine falls silent.
    WorkerSilent,
    /// A third of the workers falls silent.
    ZoneSilent,
    /// The bus has no leader for six seconds, and a second into them a worker ends.
    LeaderAndWorker,
    /// Everything on the bus takes fifty times as long, and a worker ends.
    SlowBus,
}

impl Scene {
    /// All in which something goes wrong.
    pub(crate) const ALL: [Scene; 5] =
        [Scene::WorkerDies, Scene::WorkerSilent, Scene::ZoneSilent, Scene::LeaderAndWorker, Scene::SlowBus];

    /// What a person calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scene::Nothing => "nothing goes wrong",
            Scene::WorkerDies => "a worker's process ends",
            Scene::WorkerSilent => "a worker's machine falls silent",
            Scene::ZoneSilent => "a zone falls silent",
            Scene::LeaderAndWorker => "the bus is without a leader for 6 s, a worker ends",
            Scene::SlowBus => "the bus takes 50 times as long, a worker ends",
        }
    }

    fn deeds(self) -> Vec<(u64, Deed)> {
        match self {
            Scene::Nothing => vec![],
            Scene::WorkerDies => vec![(AT_US, Deed::Kill(Who::Number(0), FOR_EVER))],
            Scene::WorkerSilent => vec![(AT_US, Deed::Cut(Who::Number(0), FOR_EVER))],
            Scene::ZoneSilent => vec![(AT_US, Deed::Cut(Who::Zone(0), FOR_EVER))],
            Scene::LeaderAndWorker => {
                vec![(AT_US - SECOND, Deed::BusDown(6 * SECOND)), (AT_US, Deed::Kill(Who::Number(0), FOR_EVER))]
            }
            Scene::SlowBus => {
                vec![(AT_US - 3 * SECOND, Deed::BusSlow(50)), (AT_US, Deed::Kill(Who::Number(0), FOR_EVER))]
            }
        }
    }
}

/// A cell at a platform: three streams in four are broadcasts (two seconds), one is a call (150 ms).
pub(crate) fn cell(scene: Scene, seed: u64, n_streams: usize, n_workers: usize, costs: Costs) -> Settings {
    Settings {
        seed,
        holds_ms: vec![2000, 150, 2000, 2000],
        n_streams,
        n_workers,
        begin_us: 5 * SECOND,
        costs,
        patience: Patience::DEFAULT,
        freeze_ms: 200,
        gate: Gate::Sound,
        has_journal: false,
        step_us: 33_333,
        is_fine: false,
        deeds: scene.deeds(),
        end_us: AT_US + WATCHED_US,
    }
}

/// What became of the streams of some cells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Streams in all.
    pub(crate) n_streams: usize,
    /// How long each struck broadcast was covered, microseconds.
    pub(crate) broadcasts_us: Vec<u64>,
    /// And each struck call.
    pub(crate) calls_us: Vec<u64>,
    /// How long others were covered.
    pub(crate) others_us: Vec<u64>,
    /// Struck streams that nobody judged again.
    pub(crate) n_lost: usize,
    /// From the fault until the last of them was judged again.
    pub(crate) again_us: u64,
    /// Messages a second of a cell, before, and in the busiest second after.
    pub(crate) messages: (f64, f64),
    /// Leases taken after the fault.
    pub(crate) n_taken: u64,
    /// Writes that came too late after it, of all.
    pub(crate) n_refused: u64,
    /// The longest that a message waited for the bus.
    pub(crate) waited_us: u64,
    /// Broadcasts under cover, in each tenth of a second from a second before the fault on.
    pub(crate) broadcasts_at: Vec<usize>,
    /// And calls.
    pub(crate) calls_at: Vec<usize>,
    /// Cells whose bus could not keep up.
    pub(crate) n_broken: usize,
    /// Things that happened in the simulation.
    pub(crate) n_events: u64,
    /// The cells.
    pub(crate) n_cells: usize,
}

impl Seen {
    /// Looks at a cell that has been run.
    pub(crate) fn add(&mut self, world: &World) {
        self.n_cells += 1;
        self.n_broken += usize::from(world.told.is_broken);
        self.n_events += world.told.n_events;
        self.n_streams += world.streams.len();
        self.broadcasts_at.resize(100, 0);
        self.calls_at.resize(100, 0);
        for stream in &world.streams {
            let is_of_it = |one: &&Handover| one.lost_us >= AT_US && one.answered_us <= one.lost_us;
            let struck = stream.handovers.iter().find(is_of_it);
            let covered_us = stream.covered_us(AT_US.saturating_sub(stream.hold_us), u64::MAX);
            let is_open = stream.is_without_judge();
            match (struck, is_open) {
                (None, false) if covered_us > 0 => self.others_us.push(covered_us),
                (None, false) => (),
                (Some(_), _) | (None, true) => {
                    if stream.hold_us > SECOND { &mut self.broadcasts_us } else { &mut self.calls_us }.push(covered_us);
                }
            }
            self.n_lost += usize::from(is_open);
            self.again_us = self.again_us.max(struck.map_or(0, |one| one.judged_us - AT_US));
            for gap in &stream.covered {
                let from = gap.came_us + stream.hold_us;
                let at = if stream.hold_us > SECOND { &mut self.broadcasts_at } else { &mut self.calls_at };
                // Covered in a tenth is what is covered in its middle.
                let middle = |tenth: usize| AT_US - SECOND + tenth as u64 * 100_000 + 50_000;
                let tenth = (from + SECOND).saturating_sub(AT_US) as usize / 100_000;
                for tenth in tenth..(tenth + 3).min(at.len()) {
                    at[tenth] += usize::from((from..from + gap.long_us).contains(&middle(tenth)));
                }
            }
        }
        let at = (AT_US / SECOND) as usize;
        let told = &world.told;
        let (before, after) = told.messages.split_at(at.min(told.messages.len()));
        let reads = world.streams.len() as f64;
        let mean = before.iter().rev().take(4).sum::<f64>() / 4.0 + reads;
        let most = after.iter().copied().fold(0.0, f64::max) + reads;
        self.messages = (self.messages.0.max(mean), self.messages.1.max(most));
        self.n_taken += told.taken.iter().skip(at).sum::<u64>();
        self.n_refused += told.n_refused;
        self.waited_us = self.waited_us.max(told.waited_us.iter().copied().max().unwrap_or(0));
    }
}

impl Seen {
    /// Some of them, put together.
    pub(crate) fn together<'a>(all: impl Iterator<Item = &'a Seen>) -> Seen {
        let mut sum = Seen::default();
        for one in all {
            sum.n_streams += one.n_streams;
            sum.broadcasts_us.extend(&one.broadcasts_us);
            sum.calls_us.extend(&one.calls_us);
            sum.others_us.extend(&one.others_us);
            sum.n_lost += one.n_lost;
            sum.n_broken += one.n_broken;
            sum.again_us = sum.again_us.max(one.again_us);
            sum.messages = (sum.messages.0.max(one.messages.0), sum.messages.1.max(one.messages.1));
            sum.n_taken += one.n_taken;
            sum.n_refused += one.n_refused;
            sum.waited_us = sum.waited_us.max(one.waited_us);
            for (sum, one) in [(&mut sum.broadcasts_at, &one.broadcasts_at), (&mut sum.calls_at, &one.calls_at)] {
                sum.resize(one.len().max(sum.len()), 0);
                sum.iter_mut().zip(one).for_each(|(sum, n)| *sum += n);
            }
            sum.n_events += one.n_events;
            sum.n_cells += one.n_cells;
        }
        sum
    }
}

/// Runs as many cells, each from a seed of its own.
pub(crate) fn run(scene: Scene, seeds: std::ops::Range<u64>, n_streams: usize, n_workers: usize, costs: Costs) -> Seen {
    let mut seen = Seen::default();
    seeds.for_each(|seed| seen.add(&World::new(cell(scene, seed, n_streams, n_workers, costs)).run()));
    seen
}

/// The world of the fault test: four workers, two broadcasts and a call of 25 frames a second, and faults by the same odds.
pub(crate) fn four_workers(seed: u64, n_faults: u64, costs: Costs, gate: Gate) -> (Settings, Vec<(u64, Deed)>) {
    let mut dice = Dice::new(seed);
    let mut at = 8 * SECOND;
    let mut faults = Vec::new();
    let mut deeds = Vec::new();
    for _ in 0..n_faults {
        let pause = 500_000 + dice.below(3000) * 1000;
        let who =
            if dice.below(4) > 0 { Who::HolderOf(dice.below(3) as usize) } else { Who::Number(dice.below(4) as usize) };
        let (deed, long_us) = match dice.below(16) {
            0..6 => (Deed::Kill(who, pause), pause),
            6..10 => (Deed::Cut(who, pause), pause),
            10..13 => (Deed::Stop(who, pause), pause),
            13 => (Deed::StopClock(who, 18_750_000 + pause), 18_750_000 + pause),
            n => {
                let down = 4_000_000 + dice.below(5000) * 1000;
                if n == 15 {
                    deeds.push((at, Deed::Kill(who, pause + 3 * SECOND)));
                }
                (Deed::BusDown(down), pause.max(down))
            }
        };
        deeds.push((at, deed));
        faults.push((at, deed));
        at += long_us + 2_500_000 + 300_000 + dice.below(1000) * 1000;
    }
    let settings = Settings {
        seed,
        holds_ms: vec![2000, 2000, 150],
        n_streams: 3,
        n_workers: 4,
        begin_us: 500_000,
        costs,
        patience: Patience::DEFAULT,
        freeze_ms: 200,
        gate,
        has_journal: true,
        step_us: 40_000,
        is_fine: true,
        deeds,
        end_us: at + 5 * SECOND,
    };
    (settings, faults)
}

/// What follows in that world when a worker that holds a lease is killed; of each pair the middle and the ninety-ninth
/// of a hundred, milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FourWorkers {
    /// Frames in all.
    pub(crate) n_frames: u64,
    /// Kills that struck a holder, by stream.
    pub(crate) n_struck: usize,
    /// As in `measured.rs`.
    pub(crate) broadcasts_ms: (u64, u64),
    /// A call under cover.
    pub(crate) calls_ms: (u64, u64),
    /// Until the gate noticed.
    pub(crate) noticed_ms: (u64, u64),
    /// Until another had the lease.
    pub(crate) taken_ms: (u64, u64),
    /// Until its first answer.
    pub(crate) judged_ms: (u64, u64),
    /// From the last answer to the next.
    pub(crate) without_ms: (u64, u64),
}

/// Runs it and looks.
pub(crate) fn four_workers_seen(seed: u64, n_faults: u64) -> FourWorkers {
    let (mut settings, faults) = four_workers(seed, n_faults, RIG, Gate::Sound);
    settings.has_journal = false;
    let world = World::new(settings).run();
    let (mut covered, mut parts) = ([vec![], vec![]], [vec![], vec![], vec![], vec![]]);
    for (place, (at, deed)) in faults.iter().enumerate() {
        let Deed::Kill(..) = deed else { continue };
        let until = faults.get(place + 1).map_or(u64::MAX, |(at, _)| *at);
        for stream in &world.streams {
            // It was struck if it lost its lease at once.
            let is_of_it = |one: &&Handover| (*at..*at + 100_000).contains(&one.lost_us);
            let Some(one) = stream.handovers.iter().find(is_of_it) else { continue };
            let is_call = usize::from(stream.hold_us < SECOND);
            covered[is_call].push(stream.covered_us(at.saturating_sub(stream.hold_us), until - stream.hold_us));
            let times = [one.lost_us - at, one.taken_us - one.lost_us, one.judged_us - one.taken_us];
            parts.iter_mut().zip(times).for_each(|(part, us)| part.push(us));
            parts[3].push(one.judged_us - one.answered_us);
        }
    }
    let ms = |us: &[u64]| {
        let (p50, p99) = spread_s(us);
        ((p50 * 1000.0) as u64, (p99 * 1000.0) as u64)
    };
    FourWorkers {
        n_frames: world.told.n_frames,
        n_struck: parts[0].len(),
        broadcasts_ms: ms(&covered[0]),
        calls_ms: ms(&covered[1]),
        noticed_ms: ms(&parts[0]),
        taken_ms: ms(&parts[1]),
        judged_ms: ms(&parts[2]),
        without_ms: ms(&parts[3]),
    }
}

/// The middle and the ninety-ninth of a hundred, seconds.
pub(crate) fn spread_s(us: &[u64]) -> (f64, f64) {
    let mut us = us.to_vec();
    us.sort_unstable();
    let p = |share: usize| us.get((us.len() * share).div_ceil(100).max(1) - 1).map_or(0.0, |us| *us as f64 / 1e6);
    (p(50), p(99))
}

/// How long a lease lasts.
pub(crate) const TTL: Duration = Patience::DEFAULT.ttl;

/// Four real workers on two cores, as the fault test measured them.
pub(crate) const RIG: Costs = Costs {
    write: Spread { p50_us: 900, p99_us: 2200 },
    tell: Spread { p50_us: 300, p99_us: 1000 },
    messages_per_s: 100_000.0,
    open: Spread { p50_us: 1500, p99_us: 7000 },
    reset: Spread { p50_us: 300, p99_us: 2000 },
    pass: Spread { p50_us: 300, p99_us: 1000 },
    seat_us: 80_000,
    judge_us: 500,
    n_cores: 2,
    frame_bits: 160 * 90 * 12,
    port_bits_per_s: 10_000_000_000,
    pixels_per_s: 160 * 90 * 25,
    capacity: 1_000_000,
};

/// A platform's worker and its port; what could not be measured there is as it was measured here.
pub(crate) const PLATFORM: Costs = Costs {
    seat_us: 500_000,
    judge_us: 8000,
    n_cores: 24,
    frame_bits: 1280 * 720 * 12,
    port_bits_per_s: 25_000_000_000,
    pixels_per_s: 1280 * 720 * 30,
    // Four fifths of the port.
    capacity: 60 * 1280 * 720 * 30,
    ..RIG
};
