//! What comes out when judges are slow or broken, in time that does not wait?
//!
//! 90 frames are planted in 15 seconds at 30 a second, as in the experiment that the design rests on: never is one
//! seen. What a slow or broken judge costs is availability.

use std::ops::Range;
use std::time::Duration;

use live::stream::Pace;

use crate::clip::{Content, Recipe, wants_all};
use crate::judges::{Fault, broken, real, slow};
use crate::observer::{Observer, Sight};
use crate::run::{Outcome, assert_nothing_leaks, guarded_by, test_policy, turn, turn_alone};

const FPS: u32 = 30;

/// Six flashes with time to clear between them, then three bursts: 90 frames.
const PLANTED: [Range<usize>; 9] =
    [40..41, 80..81, 120..121, 160..161, 200..201, 240..241, 280..320, 352..380, 412..428];

fn recipe() -> Recipe {
    Recipe::new(Content::Zoom, (320, 180), FPS, 450).planted(&PLANTED)
}

/// How long a judge of `speed` times real time looks at one frame.
fn per_frame(speed: f64) -> Duration {
    Duration::from_secs_f64(1.0 / f64::from(FPS) / speed)
}

#[test]
fn none_of_90_planted_frames_comes_out_at_any_speed_of_the_judge() {
    let _turn = turn_alone();
    let folder = tempfile::tempdir().unwrap();
    let (recipe, policy) = (recipe(), test_policy());
    assert_eq!(recipe.planted_frames().len(), 90);
    let clip = recipe.make(folder.path()).unwrap();
    let observer = Observer::new(&recipe, &clip, &policy);
    let run = |speed: f64| {
        let maker = slow(real(&policy), per_frame(speed));
        (speed, guarded_by(maker, &clip, &format!("{speed}.y4m"), &policy, Pace::Live, &observer))
    };
    // Their judges sleep: the three do not take time from each other.
    let outcomes: Vec<(f64, Outcome)> = std::thread::scope(|scope| {
        let runs: Vec<_> = [0.5, 1.0, 2.0].map(|speed| scope.spawn(move || run(speed))).into();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for (speed, outcome) in outcomes {
        let what = format!("a judge at {speed}× real time");
        eprintln!("{what}: {}", figures(&outcome));
        assert_nothing_leaks(&recipe, &outcome, &what);
        assert!(outcome.n_fresh() >= 20, "{what}: the guard was alive: {}", figures(&outcome));
        assert!(outcome.report.judged >= 100, "{what}: the judge was alive: {}", figures(&outcome));
        assert!(outcome.n_covered() >= 150, "{what}: the bursts are covered: {}", figures(&outcome));
    }
}

#[test]
fn half_of_a_benign_video_is_shown_by_a_judge_of_half_its_speed_without_flicker() {
    let _turn = turn_alone();
    let folder = tempfile::tempdir().unwrap();
    let recipe = Recipe::new(Content::Zoom, (320, 180), FPS, 300);
    let policy = test_policy();
    let clip = recipe.make(folder.path()).unwrap();
    let observer = Observer::new(&recipe, &clip, &policy);
    let maker = slow(real(&policy), per_frame(0.5));
    let outcome = guarded_by(maker, &clip, "out.y4m", &policy, Pace::Live, &observer);
    let n_changes = worst_second(&outcome.sights);
    eprintln!("a judge at 0.5× on benign video: {}; {n_changes} changes in the worst second", figures(&outcome));
    assert_nothing_leaks(&recipe, &outcome, "benign");
    assert!(outcome.n_fresh() >= 100, "about half of 300 frames: {}", figures(&outcome));
    assert!(outcome.n_fresh() <= 170, "no more than the judge could look at: {}", figures(&outcome));
    assert!(n_changes <= 1, "{n_changes} changes between picture and cover in one second");
}

#[test]
fn a_broken_judge_covers_and_lets_nothing_out() {
    let _turn = turn_alone();
    let folder = tempfile::tempdir().unwrap();
    let faults = [Fault::Fails, Fault::Hangs, Fault::Panics, Fault::Dies, Fault::Omits];
    let n_frames = if wants_all() { 450 } else { 180 };
    let recipe = Recipe::new(Content::Zoom, (320, 180), FPS, n_frames).planted(&[30..31, 100..110, 150..180]);
    let policy = test_policy();
    let clip = recipe.make(folder.path()).unwrap();
    let observer = Observer::new(&recipe, &clip, &policy);
    // The judge breaks at frame 80 or so, in the clear, after it has covered the flash of frame 30.
    let run = |fault: Fault| {
        let maker = broken(real(&policy), fault, 80);
        (fault, guarded_by(maker, &clip, &format!("{fault:?}.y4m"), &policy, Pace::Live, &observer))
    };
    let outcomes: Vec<(Fault, Outcome)> = std::thread::scope(|scope| {
        let runs: Vec<_> = faults.map(|fault| scope.spawn(move || run(fault))).into();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for (fault, outcome) in outcomes {
        let what = format!("a judge that {fault:?}");
        eprintln!("{what}: {}", figures(&outcome));
        assert_nothing_leaks(&recipe, &outcome, &what);
        assert!(outcome.n_fresh() >= 15, "{what}: it was alive before: {}", figures(&outcome));
        let after = &outcome.sights[100..];
        assert!(
            after.iter().all(|sight| *sight == Sight::Cover),
            "{what}: covered from then on: {}",
            figures(&outcome)
        );
        assert!(outcome.report.stalled >= 70, "{what}: {}", figures(&outcome));
    }
}

#[test]
fn a_broken_judge_of_a_file_covers_and_lets_nothing_out() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let recipe = Recipe::new(Content::Zoom, (320, 180), FPS, 60).planted(&[20..21, 45..60]);
    let mut policy = test_policy();
    policy.timing.judge_timeout_ms = 200;
    let clip = recipe.make(folder.path()).unwrap();
    let observer = Observer::new(&recipe, &clip, &policy);
    for fault in [Fault::Fails, Fault::Hangs, Fault::Panics, Fault::Dies, Fault::Omits] {
        let maker = broken(real(&policy), fault, 15);
        let outcome = guarded_by(maker, &clip, "out.y4m", &policy, Pace::Exact, &observer);
        let what = format!("a file's judge that {fault:?}");
        eprintln!("{what}: {}", figures(&outcome));
        assert_nothing_leaks(&recipe, &outcome, &what);
        assert!(outcome.n_fresh() >= 10, "{what}: it was alive before: {}", figures(&outcome));
        let after = &outcome.sights[25..];
        assert!(
            after.iter().all(|sight| *sight == Sight::Cover),
            "{what}: covered from then on: {}",
            figures(&outcome)
        );
    }
}

fn figures(outcome: &Outcome) -> String {
    let report = &outcome.report;
    format!(
        "{} seen, {} fresh, {} covered of which {} for stalling, {} repeated, {} judged in time, {} frames",
        outcome.n_leaked(),
        outcome.n_fresh(),
        outcome.n_covered(),
        report.stalled,
        report.repeated,
        report.judged,
        report.frames
    )
}

/// Most changes between picture and cover within one second, not counting the opening cover's end.
fn worst_second(sights: &[Sight]) -> usize {
    let is_cover: Vec<bool> = sights.iter().map(|sight| *sight == Sight::Cover).collect();
    let changes: Vec<usize> = (1..is_cover.len()).filter(|i| is_cover[*i] != is_cover[i - 1]).collect();
    changes
        .iter()
        .map(|from| changes.iter().filter(|at| (*from..*from + FPS as usize).contains(*at)).count())
        .max()
        .unwrap_or(0)
}
