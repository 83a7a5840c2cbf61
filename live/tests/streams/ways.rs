//! Does a stream pass over SRT, in and out, and out over RTSP, with nothing forbidden in it?

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;

use crate::guarded::Guard;
use crate::leaks::{TURN, observed, seconds};
use crate::servers::{Recorder, Rtmp, RtspRecorder, Running, free_port};
use crate::watched::{COVERED_PART, Watched};

fn assert_guarded(what: &str, watched: &Watched, report: &serde_json::Value, words: &str) {
    let n = watched.sights.len();
    let story = format!("{what}: {}; {report}", watched.summary());
    eprintln!("{story}");
    assert_eq!(watched.n_forbidden(), 0, "{story}\n{words}");
    assert!(n >= 100, "the stream goes on: {story}\n{words}");
    assert!(watched.n_covered() as f64 + 6.0 >= 0.8 * COVERED_PART * n as f64, "covered as expected: {story}\n{words}");
    assert!(watched.n_fresh() as f64 >= 0.2 * n as f64, "benign frames are live: {story}\n{words}");
    assert_eq!((&report["released_unjudged"], &report["checkers_lost"]), (&0.into(), &0.into()), "{story}\n{words}");
}

fn lacks(program: &str, arguments: &[&str], word: &str) -> bool {
    let said = Command::new(program).args(arguments).stderr(Stdio::null()).output();
    let is_there = said.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(word));
    if !is_there {
        eprintln!("left out: {program} has no {word} here (script/setup packages brings it)");
    }
    !is_there
}

/// Plays a clip to whoever calls this port, over and over.
fn publish(clip: &Path, port: u16) -> Running {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(clip).args(["-c", "copy", "-f", "mpegts"]);
    ffmpeg.arg(format!("srt://127.0.0.1:{port}?mode=listener")).stdin(Stdio::null());
    Running(ffmpeg.stderr(Stdio::null()).spawn().unwrap())
}

#[test]
fn srt_in_leaks_nothing() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Rtmp::start(folder.path()) else { return };
    if lacks("ffmpeg", &["-protocols"], "srt") || lacks("gst-inspect-1.0", &["srtsrc"], "srtsrc") {
        return;
    }
    let (_, clip, observer, policy) = observed(folder.path());
    let port = free_port();
    let source = publish(&clip, port);
    sleep(std::time::Duration::from_millis(500));
    let guard = Guard::start(folder.path(), &format!("srt://127.0.0.1:{port}"), &server.url("out"), &policy);
    guard.wait_for_words("video is shown", 1);
    let recorder = Recorder::start(&server.url("out"), folder.path().join("out.flv"));
    sleep(seconds(10, 120));
    let watched = Watched::new(&observer, &recorder.stop());
    let words = guard.words();
    assert_guarded("SRT to RTMP", &watched, &guard.finish(), &words);
    drop(source);
}

#[test]
fn srt_out_leaks_nothing() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Rtmp::start(folder.path()) else { return };
    if lacks("ffmpeg", &["-protocols"], "srt") || lacks("gst-inspect-1.0", &["srtsink"], "srtsink") {
        return;
    }
    let (_, clip, observer, policy) = observed(folder.path());
    let source = server.publish(&clip, "in");
    let port = free_port();
    let recorder = Recorder::start(&format!("srt://127.0.0.1:{port}?mode=listener"), folder.path().join("out.flv"));
    let guard = Guard::start(folder.path(), &server.url("in"), &format!("srt://127.0.0.1:{port}"), &policy);
    guard.wait_for_words("video is shown", 1);
    sleep(seconds(12, 120));
    let watched = Watched::new(&observer, &recorder.stop());
    let words = guard.words();
    assert_guarded("RTMP to SRT", &watched, &guard.finish(), &words);
    drop(source);
}

#[test]
fn rtsp_out_leaks_nothing() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Rtmp::start(folder.path()) else { return };
    let Some(recorder) = RtspRecorder::start(folder.path().join("out")) else { return };
    let (_, clip, observer, policy) = observed(folder.path());
    let source = server.publish(&clip, "in");
    let guard = Guard::start(folder.path(), &server.url("in"), &recorder.url, &policy);
    guard.wait_for_words("video is shown", 1);
    sleep(seconds(12, 120));
    let watched = Watched::new(&observer, &recorder.picture());
    let words = guard.words();
    assert_guarded("RTMP to RTSP", &watched, &guard.finish(), &words);
    drop(source);
}
