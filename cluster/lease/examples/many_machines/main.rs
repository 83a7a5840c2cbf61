//! What do 10,000 and 1,000,000 streams need, and where does it break first?
//!
//! Runs the simulated cells and writes a page with its plots into the folder that the first argument names. Equal
//! arguments write equal bytes. About a minute on two cores, in release.
//!
//! usage: many_machines FOLDER [CELLS] — 20 of the 1000 cells of a million streams when not given

#![allow(clippy::disallowed_methods, reason = "an example is an edge")]

mod draw;
mod measured;
mod page;
#[path = "paper.rs"]
#[allow(dead_code, reason = "the tests need more of it than the page")]
mod paper;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use page::{Bus, Load, Results};
use paper::scenes::{self, CELL, N_WORKERS, PLATFORM, Scene, Seen};

/// Streams of a worker in cells of the usual kind, about.
const LOAD: usize = CELL / N_WORKERS;
/// Cells of 10,000 streams.
const N_CELLS: u64 = 10_000 / CELL as u64;
const LOADS: [usize; 5] = [30, 35, 40, 45, 50];
const BUSES: [usize; 6] = [500, 1000, 1500, 2000, 2500, 3000];

/// One simulation of the page.
enum Job {
    Scene(Scene, std::ops::Range<u64>),
    Load(usize),
    Bus(usize),
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), n_cells) = (arguments.next(), arguments.next().and_then(|text| text.parse().ok())) else {
        eprintln!("usage: many_machines FOLDER [CELLS]");
        std::process::exit(2);
    };
    let n_cells: u64 = n_cells.unwrap_or(20).max(N_CELLS);
    let mut jobs: Vec<Job> = Vec::new();
    for scene in Scene::ALL {
        // A scene of a million streams that strikes one cell is the same as of 10,000.
        let n = if scene == Scene::ZoneSilent { n_cells } else { N_CELLS };
        jobs.extend((0..n).map(|cell| Job::Scene(scene, cell + 1..cell + 2)));
    }
    jobs.extend(LOADS.map(Job::Load));
    jobs.extend(BUSES.map(Job::Bus));
    let done: Vec<Seen> = side_by_side(&jobs, |job| match job {
        Job::Scene(scene, seeds) => scenes::run(*scene, seeds.clone(), CELL, N_WORKERS, PLATFORM),
        Job::Load(load) => scenes::run(Scene::ZoneSilent, 1..2, load * 24, 24, PLATFORM),
        Job::Bus(n_streams) => scenes::run(Scene::WorkerDies, 1..2, *n_streams, n_streams / LOAD, PLATFORM),
    });
    let mut results = Results { n_cells, load: LOAD, ..Results::default() };
    for (job, seen) in jobs.iter().zip(done) {
        match job {
            Job::Scene(scene, _) => results.scenes.entry(*scene as usize).or_default().push(seen),
            Job::Load(load) => results.loads.push(Load { n_streams: *load, seen }),
            Job::Bus(n_streams) => results.buses.push(Bus { n_streams: *n_streams, seen }),
        }
    }
    let write = |name: &str, text: String| {
        let path = std::path::Path::new(&folder).join(name);
        if let Err(why) = std::fs::write(&path, text) {
            eprintln!("cannot write {}: {why}", path.display());
            std::process::exit(2);
        }
    };
    write("simulated.md", page::markdown(&results));
    write("cover.svg", page::cover(&results));
    write("zone.svg", page::zone(&results));
    write("load.svg", page::load(&results));
    write("bus.svg", page::bus(&results));
    eprintln!("{} events in {} cells", results.n_events(), results.n_run());
}

/// Does all jobs on all cores; the results stand in the order of the jobs.
fn side_by_side<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                loop {
                    // The longest stand last; beginning with them leaves no core idle in the end.
                    let taken = next.fetch_add(1, Ordering::SeqCst);
                    let Some(place) = jobs.len().checked_sub(taken + 1) else { return };
                    let result = work(&jobs[place]);
                    results.lock().expect("no job panics while it holds it").push((place, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no job panics while it holds it");
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}
