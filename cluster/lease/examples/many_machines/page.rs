//! What does a person read of it?
//!
//! One page in Markdown and four plots. Every figure in the sentences is reckoned from the results; none is written in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::draw::{self, Axis, Bar, Line};
use super::measured::{FAULT_RUN, Measured};
use super::paper::costs::Costs;
use super::paper::scenes::{CELL, N_WORKERS, PLATFORM, RIG, Scene, Seen, WATCHED_US, four_workers_seen, spread_s};

/// Everything that was simulated.
#[derive(Default)]
pub(crate) struct Results {
    /// Cells of the million that were run.
    pub(crate) n_cells: u64,
    /// Streams a worker in the scenes.
    pub(crate) load: usize,
    /// By scene, each cell.
    pub(crate) scenes: BTreeMap<usize, Vec<Seen>>,
    /// A lost zone, by streams a worker.
    pub(crate) loads: Vec<Load>,
    /// A lost worker, by streams on one bus.
    pub(crate) buses: Vec<Bus>,
}

/// A lost zone where each worker has so many streams.
pub(crate) struct Load {
    /// Streams a worker, before.
    pub(crate) n_streams: usize,
    /// What was seen.
    pub(crate) seen: Seen,
}

/// A lost worker where one bus has so many streams.
pub(crate) struct Bus {
    /// Streams on the bus.
    pub(crate) n_streams: usize,
    /// What was seen.
    pub(crate) seen: Seen,
}

/// Cells of 10,000 and of a million streams.
const CELLS: (usize, usize) = (10_000 / CELL, 1_000_000 / CELL);
const CAVEAT: &str = "Simulated: the machines are the real ones, the network is not.";

impl Results {
    /// Things that happened.
    pub(crate) fn n_events(&self) -> u64 {
        self.all().map(|seen| seen.n_events).sum()
    }

    /// Cells that were run.
    pub(crate) fn n_run(&self) -> usize {
        self.all().map(|seen| seen.n_cells).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Seen> {
        let scenes = self.scenes.values().flatten();
        scenes.chain(self.loads.iter().map(|one| &one.seen)).chain(self.buses.iter().map(|one| &one.seen))
    }

    /// The first `n` cells of a scene, put together.
    fn together(&self, scene: Scene, n: usize) -> Seen {
        Seen::together(self.scenes[&(scene as usize)].iter().take(n))
    }
}

/// The page.
pub(crate) fn markdown(results: &Results) -> String {
    let mut text = format!(
        "# What would many machines do?\n\n\
         Written by `script/test.d/cluster`, which runs `cluster/lease/examples/many_machines`; only what four real workers did is put in by hand.\n\
         The machines that decide are the real ones, `lease::Egress` for each stream and `lease::Worker` for each worker; bus, network and judges between them exist on paper, at the costs below.\n\
         {} cells were run, {} million events.\n\n\
         A *cell* is a bus with {CELL} streams and {} workers, about {} streams each; it knows of no other cell.\n\
         10,000 streams are {} cells, and all were run; a million are {}, of which {} were run, each from a seed of its own.\n\
         Three streams in four are broadcasts, which hold their frames for two seconds; one is a call and holds them for 150 ms.\n",
        results.n_run(),
        results.n_events() / 1_000_000,
        N_WORKERS,
        results.load,
        CELLS.0,
        CELLS.1,
        results.n_cells,
    );
    text += &scenes_text(results);
    text += &zone_text(results);
    text += &loads_text(results);
    text += &buses_text(results);
    text += &real_text();
    text += &costs_text();
    text
}

fn scenes_text(results: &Results) -> String {
    let mut text = format!(
        "\n## Time under cover\n\n\
         How long a stream shows the cover because nobody judges it, of the streams whose worker was lost.\n\n\
         ![Time under cover by what goes wrong](cover.svg)\n\n\
         | {CELL} streams, and in the middle of them | streams struck | broadcasts: half, 99 of 100 | calls: half, 99 of 100 | others covered | all judged again after | leases taken |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for scene in Scene::ALL {
        let n = CELLS.0;
        let seen = results.together(scene, n);
        let ((b50, b99), (c50, c99)) = (spread_s(&seen.broadcasts_us), spread_s(&seen.calls_us));
        let _ = writeln!(
            text,
            "| {} | {} | {b50:.2} s, {b99:.2} s | {c50:.2} s, {c99:.2} s | {} | {} | {} |",
            scene.name(),
            (seen.broadcasts_us.len() + seen.calls_us.len()) / n,
            seen.others_us.len() / n,
            again(&seen),
            seen.n_taken / n as u64,
        );
    }
    let _ = writeln!(
        text,
        "\nMeans of a cell, over {} cells. *Struck* are the streams that a lost worker judged; *others* were covered though their own worker lived.\n",
        CELLS.0
    );
    text
}

fn again(seen: &Seen) -> String {
    match seen.n_lost {
        _ if seen.n_broken > 0 => "the bus breaks down".into(),
        0 => format!("{:.2} s", seen.again_us as f64 / 1e6),
        n => format!("not within {} s: {n} are not judged", WATCHED_US / 1_000_000),
    }
}

fn zone_text(results: &Results) -> String {
    let mut text = String::from(
        "## A zone falls silent\n\n\
         Every third worker of every cell is gone in one moment, without a word.\n\n\
         ![Streams under cover after a zone falls silent](zone.svg)\n\n\
         | | 10,000 streams | 1,000,000 streams |\n|---|---|---|\n",
    );
    let (small, large) =
        (results.together(Scene::ZoneSilent, CELLS.0), results.together(Scene::ZoneSilent, results.n_cells as usize));
    let scale = |seen: &Seen, n: f64, of_all: usize| n / seen.n_cells as f64 * of_all as f64;
    let mut row = |name: &str, of: &dyn Fn(&Seen, usize) -> String| {
        let _ = writeln!(text, "| {name} | {} | {} |", of(&small, CELLS.0), of(&large, CELLS.1));
    };
    row("streams struck", &|seen, n| {
        thousands(scale(seen, (seen.broadcasts_us.len() + seen.calls_us.len()) as f64, n))
    });
    row("broadcasts under cover: half, 99 of 100", &|seen, _| two(spread_s(&seen.broadcasts_us)));
    row("calls under cover: half, 99 of 100", &|seen, _| two(spread_s(&seen.calls_us)));
    row("other streams covered", &|seen, n| thousands(scale(seen, seen.others_us.len() as f64, n)));
    row("all judged again after", &|seen, _| again(seen));
    row("leases taken in that time", &|seen, n| thousands(scale(seen, seen.n_taken as f64, n)));
    row("writes that another one was quicker than", &|seen, n| thousands(scale(seen, seen.n_refused as f64, n)));
    row("messages a second, all buses, before", &|seen, n| thousands(seen.messages.0 * n as f64));
    row("and in the busiest second", &|seen, n| thousands(seen.messages.1 * n as f64));
    row("the longest wait for a bus", &|seen, _| format!("{:.0} ms", seen.waited_us as f64 / 1000.0));
    text += "\nCalls are covered in two waves: first those of the lost workers, then others, whose frames wait behind the ones that are sent anew.\nCells know nothing of each other, so a hundred times as many streams fare the same, a hundred times as often.\n\n";
    text
}

fn loads_text(results: &Results) -> String {
    let full = PLATFORM.port_bits_per_s as f64 / (PLATFORM.frame_bits as f64 * 30.0);
    let mut text = format!(
        "## How many streams a worker?\n\n\
         A worker's port of {} Gb/s carries {full:.0} streams of raw frames, and a worker takes {} at most. When a zone is lost, each worker that is left gets half as many again, and for each the frames that wait, up to two seconds of them, all at once.\n\n\
         ![Time under cover after a lost zone by streams a worker](load.svg)\n\n\
         | streams a worker | port in use, before and after | broadcasts: half, 99 of 100 | calls: half, 99 of 100 | others covered | all judged again after |\n\
         |---|---|---|---|---|---|\n",
        PLATFORM.port_bits_per_s / 1_000_000_000,
        PLATFORM.capacity / PLATFORM.pixels_per_s
    );
    for Load { n_streams, seen } in &results.loads {
        let share = *n_streams as f64 / full * 100.0;
        let _ = writeln!(
            text,
            "| {n_streams} | {share:.0} %, {:.0} % | {} | {} | {} of {} | {} |",
            share * 1.5,
            two(spread_s(&seen.broadcasts_us)),
            two(spread_s(&seen.calls_us)),
            seen.others_us.len(),
            seen.n_streams * 2 / 3,
            again(seen)
        );
    }
    text += "\nWhere the workers that are left cannot take all, the rest stay covered.\n\n";
    text
}

fn buses_text(results: &Results) -> String {
    let limit = PLATFORM.messages_per_s;
    let mut text = format!(
        "## How many streams on one bus?\n\n\
         Every worker hears of every lease, so messages grow with streams times workers. Three servers on the two cores of our test carried {} messages a second, beside writers and watchers on the same cores.\n\n\
         ![Messages a second by streams on one bus](bus.svg)\n\n\
         | streams | workers | messages a second, before | busiest second after a worker's end | longest wait for the bus | broadcasts: half, 99 of 100 | calls: half, 99 of 100 | all judged again after |\n\
         |---|---|---|---|---|---|---|---|\n",
        thousands(limit)
    );
    for Bus { n_streams, seen } in &results.buses {
        let _ = write!(text, "| {} | {} | ", thousands(*n_streams as f64), n_streams / results.load);
        if seen.n_broken > 0 {
            text += "– | – | over 2 s: whoever writes gives up | – | – | the bus breaks down |\n";
            continue;
        }
        let _ = writeln!(
            text,
            "{} | {} | {:.0} ms | {} | {} | {} |",
            thousands(seen.messages.0),
            thousands(seen.messages.1),
            seen.waited_us as f64 / 1000.0,
            two(spread_s(&seen.broadcasts_us)),
            two(spread_s(&seen.calls_us)),
            again(seen)
        );
    }
    text.push('\n');
    text
}

fn real_text() -> String {
    let Measured { n_faults, n_struck, broadcasts, calls, noticed, taken, judged, without, .. } = FAULT_RUN;
    let seen = four_workers_seen(1, 1000);
    let mut text = format!(
        "## Beside four real workers\n\n\
         The fault test (`cluster/tests/faults.rs`) kills, cuts off and stops real processes: three nats-servers, four workers, two broadcasts and a call.\n\
         The same world on paper, with faults by the same odds: {n_faults} real faults beside 1,000 simulated ones. Shown is what follows when the worker that holds a stream's lease is killed; half of the cases, and 99 of 100.\n\
         The real ones are {n_struck}, on two cores that others were building on, so the second figure is the longest of them. One stream lost its lease only six seconds after the kill; why was not looked into.\n\n\
         | after a holder's death | real | simulated |\n|---|---|---|\n"
    );
    let rows = [
        ("until its gate noticed", noticed, seen.noticed_ms),
        ("until another worker had the lease", taken, seen.taken_ms),
        ("until its first answer", judged, seen.judged_ms),
        ("from the last answer to the next", without, seen.without_ms),
        ("a broadcast under cover", broadcasts, seen.broadcasts_ms),
        ("a call under cover", calls, seen.calls_ms),
    ];
    for (name, real, simulated) in rows {
        let ms = |(p50, p99): (u64, u64)| format!("{p50} ms, {p99} ms");
        let _ = writeln!(text, "| {name} | {} | {} |", ms(real), ms(simulated));
    }
    let _ = writeln!(
        text,
        "\nThe real run saw {} of {} frames leave without a valid lease. `cluster/lease/tests/simulated.rs` lets the same auditor read the simulated journals, and sees that it finds careless gates.\n",
        FAULT_RUN.n_without_lease,
        thousands(FAULT_RUN.n_frames as f64)
    );
    text
}

fn costs_text() -> String {
    let ms = |us: u64| us as f64 / 1000.0;
    let row = |name: &str, of: &dyn Fn(&Costs) -> String, source: &str| {
        format!("| {name} | {} | {} | {source} |\n", of(&RIG), of(&PLATFORM))
    };
    let spread = |s: super::paper::costs::Spread| format!("{:.1}, {:.1} ms", ms(s.p50_us), ms(s.p99_us));
    let mut text = String::from(
        "## What things cost\n\n\
         | | four real workers | a platform | where it comes from |\n|---|---|---|---|\n",
    );
    text += &row("a write, until the bus has it: half, 99 of 100", &|c| spread(c.write), "fault test, bus at rest");
    text += &row("from there to whoever watches", &|c| spread(c.tell), "fault test, bus at rest");
    text += &row("messages a second on one bus", &|c| thousands(c.messages_per_s), "fault test, 20 and 40 watchers");
    text += &row("to open a link", &|c| spread(c.open), "fault run, less what is known of the rest");
    text += &row("a dead process is noticed", &|c| spread(c.reset), "fault run");
    text += &row("a frame's way to a judge, or back", &|c| spread(c.pass), "assumed");
    text += &row(
        "to seat a judging process",
        &|c| format!("{:.0} ms", ms(c.seat_us)),
        "a process with a list starts in 80 ms here; with a model assumed",
    );
    text += &row(
        "to judge a frame, on one core",
        &|c| format!("{:.1} ms", ms(c.judge_us)),
        "a list; 26 ms of rten, of which our own runtime for the model needs a third",
    );
    text += &row("cores of a worker", &|c| c.n_cores.to_string(), "this machine; assumed");
    text += &row("a frame on the network", &|c| format!("{:.2} MB", c.frame_bits as f64 / 8e6), "raw I420");
    text += &row("a worker's port", &|c| format!("{} Gb/s", c.port_bits_per_s / 1_000_000_000), "assumed");
    text += &row(
        "what a worker takes at most",
        &|c| format!("{} streams", c.capacity / c.pixels_per_s),
        "`--capacity`; a platform's by its port, since what a worker measures of itself is its cores alone",
    );
    text += "\n## What is left out\n\n\
        - Messages that are lost while nothing is broken, and gates that die: their stream ends with them.\n\
        - Memory and cores of gates, and whatever a platform does beside this.\n\
        - Judges that get slower under load: each frame costs the same.\n\
        - A renewal reaches all workers in one moment here; offers, which they race for, reach each in its own time.\n\
        - Of streams that have lost no lease in the last five seconds one frame in six comes, at the cost of six.\n";
    text
}

/// How long streams are covered.
pub(crate) fn cover(results: &Results) -> String {
    let mut bars = Vec::new();
    for scene in Scene::ALL {
        let seen = results.together(scene, CELLS.0);
        for (kind, us) in [("calls", &seen.calls_us), ("broadcasts", &seen.broadcasts_us)] {
            let (p50, p99) = spread_s(us);
            bars.push(Bar { name: format!("{}: {kind}", short(scene)), p50, p99 });
        }
    }
    let most = bars.iter().map(|bar| bar.p99).fold(1.0, f64::max).ceil();
    let x = Axis::plain("", most, if most > 8.0 { 2.0 } else { 1.0 }, " s");
    draw::bars("Under cover after a fault: half of the streams (dark), 99 of 100 (pale)", CAVEAT, &x, &bars)
}

fn short(scene: Scene) -> &'static str {
    match scene {
        Scene::Nothing => "nothing",
        Scene::WorkerDies => "a worker's process ends",
        Scene::WorkerSilent => "a worker falls silent",
        Scene::ZoneSilent => "a zone falls silent",
        Scene::LeaderAndWorker => "no leader for 6 s, a worker ends",
        Scene::SlowBus => "a slow bus, a worker ends",
    }
}

/// Streams under cover after a lost zone.
pub(crate) fn zone(results: &Results) -> String {
    let seen = results.together(Scene::ZoneSilent, results.n_cells as usize);
    let share = |at: &[usize]| {
        at.iter()
            .take(90)
            .enumerate()
            .map(|(n, covered)| (n as f64 / 10.0 - 1.0, *covered as f64 / seen.n_streams as f64 * 100.0))
            .collect::<Vec<_>>()
    };
    let lines = [
        Line { name: "broadcasts", colour: 1, is_limit: false, points: share(&seen.broadcasts_at) },
        Line { name: "calls", colour: 3, is_limit: false, points: share(&seen.calls_at) },
    ];
    let most = lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y).fold(5.0, f64::max);
    let marks = (-1..=8).map(|s| (f64::from(s), format!("{s} s"))).collect();
    let x = Axis { title: "since the zone fell silent", ends: (-1.0, 8.0), is_logarithmic: false, marks };
    let y = Axis::plain("percent of all streams", (most / 5.0).ceil() * 5.0, 5.0, "");
    draw::lines("A zone falls silent: streams under cover", CAVEAT, &x, &y, &lines)
}

/// What a lost zone does by streams a worker.
pub(crate) fn load(results: &Results) -> String {
    let of = |us: fn(&Seen) -> &[u64]| -> Vec<(f64, f64)> {
        results.loads.iter().map(|one| (one.n_streams as f64, spread_s(us(&one.seen)).1)).collect()
    };
    let lines = [
        Line { name: "broadcasts", colour: 1, is_limit: false, points: of(|seen| &seen.broadcasts_us) },
        Line { name: "calls", colour: 3, is_limit: false, points: of(|seen| &seen.calls_us) },
    ];
    let most = lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y).fold(2.0, f64::max).ceil();
    let marks = results.loads.iter().map(|one| (one.n_streams as f64, one.n_streams.to_string())).collect();
    let ends = (results.loads[0].n_streams as f64, results.loads[results.loads.len() - 1].n_streams as f64);
    let x = Axis { title: "streams a worker before", ends, is_logarithmic: false, marks };
    let y = Axis::plain("seconds under cover, 99 of 100", most, if most > 10.0 { 4.0 } else { 1.0 }, "");
    draw::lines("A zone falls silent: how full may workers be?", CAVEAT, &x, &y, &lines)
}

/// Messages by streams on one bus.
pub(crate) fn bus(results: &Results) -> String {
    let points = |of: fn(&Seen) -> f64| {
        let held = results.buses.iter().filter(|one| one.seen.n_broken == 0);
        held.map(|one| (one.n_streams as f64, of(&one.seen))).collect()
    };
    let ends = (results.buses[0].n_streams as f64, results.buses[results.buses.len() - 1].n_streams as f64);
    let limit = PLATFORM.messages_per_s;
    let lines = [
        Line { name: "usual", colour: 2, is_limit: false, points: points(|seen| seen.messages.0) },
        Line { name: "busiest second", colour: 1, is_limit: false, points: points(|seen| seen.messages.1) },
        Line { name: "what ours carried", colour: 0, is_limit: true, points: vec![(ends.0, limit), (ends.1, limit)] },
    ];
    let marks = results.buses.iter().map(|one| (one.n_streams as f64, one.n_streams.to_string())).collect();
    let x = Axis { title: "streams on one bus", ends, is_logarithmic: true, marks };
    let marks = [1e3, 1e4, 1e5, 1e6].map(|n: f64| (n, thousands(n))).to_vec();
    let y = Axis { title: "messages a second", ends: (1e3, 1e6), is_logarithmic: true, marks };
    draw::lines("One bus: messages by streams", CAVEAT, &x, &y, &lines)
}

fn two((p50, p99): (f64, f64)) -> String {
    format!("{p50:.2} s, {p99:.2} s")
}

/// A whole number with commas.
fn thousands(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
