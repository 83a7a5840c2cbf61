//! Does anything come out when the checker, the keeper or both are stopped or killed?

use std::thread::sleep;
use std::time::Duration;

use crate::clip::wants_all;
use crate::guarded::{Guard, signal};
use crate::leaks::{TURN, observed};
use crate::servers::{Recorder, Rtmp};
use crate::watched::Watched;

/// How often each is struck.
fn n_times() -> u64 {
    if wants_all() { 50 } else { 1 }
}

/// Differs from time to time, and is the same in every run.
fn moment(n: u64) -> Duration {
    Duration::from_millis((n * 2654435761 + 977) % 1900)
}

#[test]
fn a_stopped_or_killed_checker_is_covered_and_replaced() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Rtmp::start(folder.path()) else { return };
    let (_, clip, observer, file) = observed(folder.path());
    let source = server.publish(&clip, "in");
    let guard = Guard::start(folder.path(), &server.url("in"), &server.url("out"), &file);
    guard.wait_for_words("video is shown", 1);
    let recorder = Recorder::start(&server.url("out"), folder.path().join("out.flv"));
    let mut n_stalls = guard.words().matches("checking is stalled").count();
    for n in 0..n_times() * 2 {
        sleep(moment(n));
        let checker = guard.wait_for_part("checker");
        let name = if n % 2 == 0 { "STOP" } else { "KILL" };
        signal(checker, name);
        n_stalls += 1;
        guard.wait_for_words("checking is stalled: video is covered", n_stalls);
        // A stopped one is ended after three seconds; either way another begins.
        let n_shown = guard.words().matches("video is shown").count();
        guard.wait_for_words("video is shown", n_shown + 1);
        n_stalls = guard.words().matches("checking is stalled").count();
    }
    // Stopped for a moment only, then all of it at once.
    for name in ["keeper", "both"] {
        for n in 0..n_times() {
            sleep(moment(n));
            let mut struck = vec![guard.keeper.0.id()];
            struck.extend((name == "both").then(|| guard.wait_for_part("checker")));
            struck.iter().for_each(|pid| signal(*pid, "STOP"));
            sleep(Duration::from_millis(1500));
            struck.iter().for_each(|pid| signal(*pid, "CONT"));
            sleep(Duration::from_millis(1500));
        }
    }
    sleep(Duration::from_secs(3));
    let watched = Watched::new(&observer, &recorder.stop());
    let words = guard.words();
    let report = guard.finish();
    drop(source);
    let story = format!("checker stopped and killed, keeper stopped: {}; {report}\n{words}", watched.summary());
    eprintln!("{story}");
    assert_eq!(watched.n_forbidden(), 0, "{story}");
    assert!(watched.n_covered() > 50 && watched.n_fresh() > 50, "{story}");
    assert!(report["checkers_lost"].as_u64().unwrap() >= n_times() * 2, "{story}");
    assert_eq!(report["released_unjudged"], 0, "{story}");
}

#[test]
fn with_the_keeper_everything_ends_and_nothing_comes_out() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Rtmp::start(folder.path()) else { return };
    let (_, clip, observer, file) = observed(folder.path());
    let source = server.publish(&clip, "in");
    let (mut n_frames, mut n_fresh) = (0, 0);
    for n in 0..n_times().max(2) {
        let mut guard = Guard::start(folder.path(), &server.url("in"), &server.url("out"), &file);
        let recorder = Recorder::start(&server.url("out"), folder.path().join(format!("out{n}.flv")));
        guard.wait_for_words("video is shown", 1);
        recorder.wait();
        sleep(moment(n));
        let parts = ["pull", "checker", "push"].map(|name| guard.wait_for_part(name));
        // Every second time the checker dies with it.
        if n % 2 == 0 {
            signal(parts[1], "KILL");
        }
        guard.keeper.0.kill().unwrap();
        guard.keeper.0.wait().unwrap();
        sleep(Duration::from_millis(300));
        let n_bytes = recorder.n_bytes();
        sleep(Duration::from_millis(1200));
        assert_eq!(recorder.n_bytes(), n_bytes, "nothing comes out any more");
        assert!(parts.iter().all(|pid| is_gone(*pid)), "no part outlives its keeper");
        let watched = Watched::new(&observer, &recorder.stop());
        eprintln!("keeper killed: {}", watched.summary());
        assert_eq!(watched.n_forbidden(), 0);
        n_frames += watched.sights.len();
        n_fresh += watched.n_fresh();
    }
    drop(source);
    assert!(n_frames > 20 && n_fresh > 5, "{n_frames} frames, {n_fresh} fresh");
}

/// Dead, though whoever adopted it may not have noticed.
fn is_gone(pid: u32) -> bool {
    let facts = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    facts.map_or(true, |facts| facts.contains(") Z "))
}
