//! Does the auditor of journals see what a careless gate does?
//!
//! The four workers and three gates of the fault test on paper, with the real machines between them and the auditor
//! that reads the journals of real gates. With sound gates it finds nothing in 200 faults. With gates that count
//! answers of any epoch, or believe in a lease for longer than it lasts, it must find frames that left without one.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

#[allow(dead_code, reason = "the page needs more of it than this")]
#[path = "../examples/many_machines/paper.rs"]
mod paper;

#[allow(dead_code, reason = "the fault test needs more of it than this")]
#[path = "../../tests/faults/oracle.rs"]
mod oracle;

use paper::costs::{Costs, Spread};
use paper::scenes::{self, RIG, Scene};
use paper::stream::Gate;
use paper::world::World;

/// What the auditor says of all journals: frames, those that left, and those that left without a valid lease.
fn audit(gate: Gate, seed: u64, costs: Costs, freeze_ms: u32) -> (u64, usize, usize) {
    let (mut settings, _) = scenes::four_workers(seed, 200, costs, gate);
    settings.freeze_ms = freeze_ms;
    let world = World::new(settings).run();
    let (mut n_frames, mut n_released, mut n_without) = (0, 0, 0);
    for stream in &world.streams {
        let verdict = oracle::judge(stream.journal.as_ref().unwrap(), scenes::TTL.as_micros() as u64);
        assert!(verdict.by_two.is_empty(), "two held one epoch, or a frame left twice: {:?}", verdict.by_two);
        n_frames += verdict.frames;
        n_released += verdict.released.len();
        n_without += verdict.without_lease.len();
    }
    println!("{gate:?}, seed {seed}: {n_frames} frames, {n_released} left, {n_without} of them without a valid lease");
    (n_frames, n_released, n_without)
}

#[test]
fn nothing_leaves_a_sound_gate_without_a_valid_lease() {
    for seed in 1..=3 {
        let (n_frames, n_released, n_without) = audit(Gate::Sound, seed, RIG, 200);
        assert_eq!(n_without, 0);
        assert!(n_released as u64 > n_frames / 2, "most frames are shown, or nothing was tried");
    }
}

#[test]
fn a_gate_that_ignores_epochs_is_found() {
    // A worker that stood still answers late, while the next one's link is still not open and the last frame stands.
    let open = Spread { p50_us: 2_200_000, p99_us: 2_800_000 };
    let costs = Costs { open, n_cores: 16, ..RIG };
    assert_eq!(audit(Gate::Sound, 1, costs, 1000).2, 0);
    assert!(audit(Gate::IgnoresEpochs, 1, costs, 1000).2 > 0);
}

#[test]
fn a_gate_that_believes_too_long_in_its_lease_is_found() {
    let (mut settings, _) = scenes::four_workers(1, 20, RIG, Gate::BelievesTooLong);
    // The bus is silent for longer than a lease lasts.
    settings.deeds.push((settings.end_us, paper::world::Deed::BusDown(25_000_000)));
    settings.end_us += 30_000_000;
    let n_without = |settings: &paper::world::Settings| {
        let world = World::new(settings.clone()).run();
        let journals = world.streams.iter().map(|stream| stream.journal.clone().unwrap());
        journals
            .map(|journal| oracle::judge(&journal, scenes::TTL.as_micros() as u64).without_lease.len())
            .sum::<usize>()
    };
    let too_long = n_without(&settings);
    settings.gate = Gate::Sound;
    println!("{too_long} frames left on a lease that was over");
    assert!(too_long > 100 && n_without(&settings) == 0);
}

#[test]
fn equal_seeds_tell_equal_stories_and_a_dead_worker_s_streams_are_judged_again() {
    let run = || {
        let world = World::new(scenes::cell(Scene::WorkerDies, 7, 200, 4, RIG_OF_MANY)).run();
        let mut seen = scenes::Seen::default();
        seen.add(&world);
        (format!("{seen:?}"), seen)
    };
    let (story, seen) = run();
    assert_eq!(story, run().0);
    assert!(seen.broadcasts_us.len() > 20 && seen.calls_us.len() > 5 && seen.n_lost == 0, "{story}");
}

/// Workers that take all 200 streams when one of four is gone.
const RIG_OF_MANY: Costs = Costs { capacity: 80 * RIG.pixels_per_s, n_cores: 64, ..RIG };
