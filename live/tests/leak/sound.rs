//! Is the sound silent under the cover, and only there?
//!
//! The clip has a steady tone. ffmpeg decodes the sound of the output; its level is measured every 20 ms and compared
//! with the cover as the observer sees it.

use std::path::Path;
use std::process::Command;

use live::stream::Pace;

use crate::clip::{Content, Recipe, run};
use crate::observer::{Observer, Sight, times_s};
use crate::run::{Outcome, guarded, test_policy, turn, turn_alone};

const RATE: usize = 48_000;
/// Samples in 20 ms.
const N_SAMPLES: usize = RATE / 50;
/// The codec rings and its delay is not exact: 40 ms beside each edge are not judged.
const EDGE_S: f64 = 0.04;
/// The tone has a level of about 0.09 of full scale.
const SILENT_TO: f64 = 0.003;
const TONE_FROM: f64 = 0.04;

fn recipe() -> Recipe {
    let recipe = Recipe::new(Content::Zoom, (320, 180), 25, 150).planted(&[30..34, 110..111]);
    Recipe { has_sound: true, ..recipe }
}

#[test]
fn sound_of_a_file_is_silent_under_the_cover_and_only_there() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let (recipe, policy) = (recipe(), test_policy());
    let clip = recipe.make(folder.path()).unwrap();
    let observer = Observer::new(&recipe, &clip, &policy);
    let before = levels(&clip);
    let n_tone = before.iter().filter(|level| **level > TONE_FROM).count();
    assert!(n_tone + 6 >= before.len() && n_tone >= 280, "the clip has its tone all the time: {n_tone}");
    for output in ["out.mkv", "out.mp4"] {
        let outcome = guarded(&clip, output, &policy, Pace::Exact, &observer);
        assert_eq!(outcome.n_leaked(), 0);
        let level = compare(&outcome, output);
        assert!(level.n_silent >= 100 && level.n_tone >= 80, "{output}: {level:?}");
    }
}

#[test]
fn sound_by_the_clock_is_silent_under_the_cover() {
    let _turn = turn_alone();
    let folder = tempfile::tempdir().unwrap();
    let (recipe, policy) = (recipe(), test_policy());
    let clip = recipe.make(folder.path()).unwrap();
    let observer = Observer::new(&recipe, &clip, &policy);
    let outcome = guarded(&clip, "out.mkv", &policy, Pace::Live, &observer);
    assert_eq!(outcome.n_leaked(), 0);
    let level = compare(&outcome, "by the clock");
    assert!(level.n_silent >= 100 && level.n_tone >= 40, "{level:?}");
}

#[test]
fn two_files_side_by_side_do_not_share_their_silence() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let policy = test_policy();
    let (covered, clear) = (recipe(), recipe().planted(&[]));
    let run = |recipe: &Recipe, name: &str| {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let clip = recipe.make(&folder).unwrap();
        let observer = Observer::new(recipe, &clip, &policy);
        guarded(&clip, "out.mkv", &policy, Pace::Exact, &observer)
    };
    let (covered, clear) = std::thread::scope(|scope| {
        let covered = scope.spawn(|| run(&covered, "covered"));
        let clear = scope.spawn(|| run(&clear, "clear"));
        (covered.join().unwrap(), clear.join().unwrap())
    });
    assert!(compare(&covered, "with the card").n_silent >= 100);
    assert_eq!(clear.n_covered(), 0);
    assert!(compare(&clear, "without the card").n_tone >= 280);
}

#[derive(Debug)]
struct Level {
    n_silent: usize,
    n_tone: usize,
}

/// Every 20 ms that must be silent is, and every 20 ms that must sound does.
fn compare(outcome: &Outcome, what: &str) -> Level {
    let (lead_s, tail_s) = (0.1, 0.25);
    let spans: Vec<(f64, f64)> = covered_spans(outcome).iter().map(|(from, to)| (from - lead_s, to + tail_s)).collect();
    let mut level = Level { n_silent: 0, n_tone: 0 };
    let levels = levels(&outcome.path);
    let n_levels = levels.len();
    // The first and last 60 ms are the codec's: it fades in and out.
    for (index, measured) in levels.into_iter().enumerate().skip(3).take(n_levels.saturating_sub(6)) {
        let (from, to) = (index as f64 * 0.02, index as f64 * 0.02 + 0.02);
        let is_inside = spans.iter().any(|(start, end)| from >= start + EDGE_S && to <= end - EDGE_S);
        let is_outside = spans.iter().all(|(start, end)| to <= start - EDGE_S || from >= end + EDGE_S);
        let is_silent = measured <= SILENT_TO;
        assert!(!is_inside || is_silent, "{what}: at {from:.2} s the level is {measured:.4} under {spans:?}");
        assert!(
            !is_outside || measured >= TONE_FROM,
            "{what}: at {from:.2} s the level is {measured:.4} beside {spans:?}"
        );
        level.n_silent += usize::from(is_inside);
        level.n_tone += usize::from(is_outside);
    }
    eprintln!("sound, {what}: silent {spans:.2?} s; {level:?} parts of 20 ms");
    level
}

/// From when to when the cover is seen, seconds.
fn covered_spans(outcome: &Outcome) -> Vec<(f64, f64)> {
    let times_s = times_s(&outcome.path);
    let mut spans: Vec<(f64, f64)> = Vec::new();
    let mut was_covered = false;
    for (sight, time_s) in outcome.sights.iter().zip(times_s) {
        let is_covered = *sight == Sight::Cover;
        if is_covered && !was_covered {
            spans.push((time_s, time_s));
        }
        // The cover lasts until the next frame.
        if let Some(last) = spans.last_mut().filter(|_| is_covered || was_covered) {
            last.1 = time_s;
        }
        was_covered = is_covered;
    }
    spans
}

/// Root mean square of every 20 ms of the sound, of full scale.
fn levels(path: &Path) -> Vec<f64> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path).args(["-map", "0:a:0", "-ac", "1", "-ar", "48000"]);
    let bytes = run(ffmpeg.args(["-af", "aresample=async=1:first_pts=0", "-f", "s16le", "-"]));
    let samples: Vec<f64> =
        bytes.chunks_exact(2).map(|b| f64::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect();
    let level = |part: &[f64]| (part.iter().map(|v| v * v).sum::<f64>() / part.len() as f64).sqrt();
    samples.chunks_exact(N_SAMPLES).map(level).collect()
}
