//! Does a planted frame come out of a stream, live, and when the source comes and goes?

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::clip::{Recipe, wants_all};
use crate::guarded::{Guard, HOLD_MS, policy_file};
use crate::observer::Observer;
use crate::servers::{Recorder, Rtmp, Rtsp};
use crate::watched::{COVERED_PART, Watched, recipe};

/// Tests of streams take turns: each needs the machine's time.
pub(crate) static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

pub(crate) fn seconds(short: u64, all: u64) -> Duration {
    Duration::from_secs(if wants_all() { all } else { short })
}

/// The four assertions on a stretch of live stream.
fn assert_guarded(what: &str, watched: &Watched, unguarded: &Watched, report: &serde_json::Value) {
    let n = watched.sights.len();
    let story = format!("{what}: guarded {}; unguarded {}; {report}", watched.summary(), unguarded.summary());
    eprintln!("{story}");
    assert!(unguarded.n_forbidden() >= 20 && unguarded.n_covered() == 0, "the observer sees what is planted: {story}");
    assert_eq!(watched.n_forbidden(), 0, "{story}");
    assert!(n as f64 >= 10.0 * watched.times_s[n - 1], "the stream goes on: {story}");
    // More may be covered on a machine with other work, never less; two frames a burst are for its edges.
    assert!(watched.n_covered() as f64 + 6.0 >= 0.85 * COVERED_PART * n as f64, "covered as expected: {story}");
    assert!(watched.n_fresh() as f64 >= 0.2 * n as f64, "benign frames are live: {story}");
    assert!(report["frames"].as_u64().unwrap() > 100 && report["released"].as_u64().unwrap() > 50, "{story}");
    assert_eq!(report["released_unjudged"], 0, "{story}");
    assert_eq!(report["checkers_lost"], 0, "{story}");
}

/// A clip, who knows what may be seen of it, and a policy's file.
pub(crate) fn observed(folder: &Path) -> (Recipe, std::path::PathBuf, Observer, std::path::PathBuf) {
    let recipe = recipe();
    let clip = recipe.make(folder).unwrap();
    let (file, policy) = policy_file(folder);
    let observer = Observer::new(&recipe, &clip, &policy);
    (recipe, clip, observer, file)
}

#[test]
fn rtmp_leaks_nothing_and_outlives_its_source() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Rtmp::start(folder.path()) else { return };
    let (_, clip, observer, policy) = observed(folder.path());
    let source = server.publish(&clip, "in");
    let guard = Guard::start(folder.path(), &server.url("in"), &server.url("out"), &policy);
    let unguarded = Recorder::start(&server.url("in"), folder.path().join("in.flv"));
    guard.wait_for_words("video is shown", 1);
    let recorder = Recorder::start(&server.url("out"), folder.path().join("out.flv"));
    sleep(seconds(12, 120));
    let unguarded = Watched::new(&observer, &unguarded.stop());
    let watched = Watched::new(&observer, &recorder.stop());

    // The source dies, without a word, and comes back.
    let recorder = Recorder::start(&server.url("out"), folder.path().join("again.flv"));
    sleep(Duration::from_secs(3));
    let n_silent = guard.words().matches("the source is silent").count();
    drop(source);
    guard.wait_for_words("the source is silent: the cover is sent", n_silent + 1);
    sleep(Duration::from_secs(3));
    let n_shown = guard.words().matches("video is shown").count();
    let source = server.publish(&clip, "in");
    guard.wait_for_words("video is shown", n_shown + 1);
    sleep(Duration::from_secs(4));
    let words = guard.words();
    let again = Watched::new(&observer, &recorder.stop());
    let report = guard.finish();
    drop(source);
    assert_guarded("RTMP", &watched, &unguarded, &report);
    eprintln!("RTMP, source killed and back: {}", again.summary());
    assert_eq!(again.n_forbidden(), 0, "{words}");
    let wait_s = again.wait_before_cover_s(2.6).unwrap_or_else(|| panic!("a cover of its own: {}", again.summary()));
    eprintln!("cover {wait_s:.2} s after the last frame of the source; hold_ms is {HOLD_MS}");
    assert!(wait_s <= f64::from(HOLD_MS) / 1000.0, "cover within hold_ms of the last frame, not {wait_s:.2} s");
    assert!(again.n_fresh() >= 20, "{}", again.summary());
}

#[test]
fn rtsp_leaks_nothing() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let (recipe, _, observer, policy) = observed(folder.path());
    let long = Recipe {
        n_frames: if crate::clip::wants_all() { 3000 } else { 600 },
        bursts: (0..15)
            .flat_map(|round| recipe.bursts.iter().map(move |b| b.start + round * 200..b.end + round * 200))
            .collect(),
        ..recipe
    };
    let long_folder = folder.path().join("long");
    std::fs::create_dir(&long_folder).unwrap();
    let clip = long.make(&long_folder).unwrap();
    let (Some(rtmp), Some(rtsp)) = (Rtmp::start(folder.path()), Rtsp::start(&clip)) else { return };
    let guard = Guard::start(folder.path(), &rtsp.url, &rtmp.url("out"), &policy);
    let recorder = Recorder::start(&rtmp.url("out"), folder.path().join("out.flv"));
    guard.wait_for_words("video is shown", 1);
    sleep(seconds(12, 100));
    let path = recorder.stop();
    let report = guard.finish();
    // The unguarded clip, as any player shows it.
    let unguarded = Watched::new(&observer, &clip);
    assert_guarded("RTSP", &Watched::new(&observer, &path), &unguarded, &report);
}
