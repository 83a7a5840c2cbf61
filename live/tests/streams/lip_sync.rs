//! Do the lips stay with the voice?
//!
//! The clip flashes and beeps once a second. In what comes out, each flash is looked for in the picture and each beep in
//! the sound; what is between them must not grow.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;

use crate::clip::run;
use crate::guarded::{Guard, policy_file};
use crate::leaks::{TURN, seconds};
use crate::observer::{times_s, watch};
use crate::servers::{Recorder, Rtmp};

const RATE: usize = 48_000;
/// Of full scale: the beep has a root mean square of 0.35.
const BEEP_FROM: f64 = 0.1;
/// Levels of 255: the pattern's mean is about half of it.
const FLASH_FROM: u64 = 225;

fn clip(path: &Path) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]);
    ffmpeg.args(["-f", "lavfi", "-i", "aevalsrc='if(lt(mod(t,1),0.08),0.5*sin(2*PI*1000*t),0)':s=48000"]);
    ffmpeg.args(["-vf", "drawbox=color=white:t=fill:enable='lt(mod(n,25),2)',format=yuv420p", "-t", "40"]);
    run(ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac"]).arg(path));
}

/// When each flash and each beep begins, seconds.
fn marks(recording: &Path) -> (Vec<f64>, Vec<f64>) {
    let is_flash: Vec<bool> = watch(recording)
        .iter()
        .map(|picture| picture.0.iter().map(|v| u64::from(*v)).sum::<u64>() >= FLASH_FROM * picture.0.len() as u64)
        .collect();
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "csv=p=0"]);
    let text = String::from_utf8(run(ffprobe.arg(recording))).unwrap();
    let start: f64 = text.lines().next().unwrap().trim_end_matches(',').parse().unwrap();
    let times = times_s(recording);
    let onset = |index: &usize| is_flash[*index] && !is_flash[*index - 1];
    let flashes = (1..is_flash.len().min(times.len())).filter(onset).map(|index| times[index] + start).collect();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(recording).args(["-map", "0:a:0", "-ac", "1", "-ar", "48000"]);
    let bytes = run(ffmpeg.args(["-af", "aresample=async=1:first_pts=0", "-f", "s16le", "-"]));
    let samples: Vec<f64> =
        bytes.chunks_exact(2).map(|b| f64::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect();
    // Parts of 2 ms: two waves.
    let loud: Vec<bool> = samples
        .chunks_exact(RATE / 500)
        .map(|part| (part.iter().map(|v| v * v).sum::<f64>() / part.len() as f64).sqrt() > BEEP_FROM)
        .collect();
    let is_onset = |index: &usize| loud[*index] && loud[index.saturating_sub(100)..*index].iter().all(|loud| !loud);
    (flashes, (0..loud.len()).filter(is_onset).map(|index| index as f64 * 0.002).collect())
}

/// By how much each beep follows its flash, milliseconds, in order.
fn offsets_ms(recording: &Path) -> Vec<f64> {
    let (flashes, beeps) = marks(recording);
    let beside = |flash: &f64| {
        let nearest = beeps.iter().map(|beep| (beep - flash) * 1000.0).min_by(|a, b| a.abs().total_cmp(&b.abs()));
        nearest.filter(|offset| offset.abs() < 400.0)
    };
    flashes.iter().filter_map(beside).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[test]
fn sound_and_picture_stay_in_step() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Rtmp::start(folder.path()) else { return };
    let path = folder.path().join("clip.mp4");
    clip(&path);
    let before = offsets_ms(&path);
    assert!(before.len() >= 35, "every second has its flash and its beep: {before:?}");
    let (file, _) = policy_file(folder.path());
    let source = server.publish(&path, "in");
    let guard = Guard::start(folder.path(), &server.url("in"), &server.url("out"), &file);
    guard.wait_for_words("video is shown", 1);
    let recorder = Recorder::start(&server.url("out"), folder.path().join("out.flv"));
    let length = seconds(14, 620);
    sleep(length);
    let recording = recorder.stop();
    let report = guard.finish();
    drop(source);
    let after = offsets_ms(&recording);
    let n_wanted = length.as_secs() as usize / 2;
    assert!(after.len() >= n_wanted, "flashes and beeps come out: {} of {n_wanted}: {report}", after.len());
    let (early, late) = (median(&after[..after.len() / 4]), median(&after[after.len() * 3 / 4..]));
    let (clip, all) = (median(&before), median(&after));
    eprintln!(
        "lip sync over {} s: {} marks; clip {clip:.1} ms, guarded {all:.1} ms, first quarter {early:.1}, last {late:.1}: drift {:.1} ms",
        length.as_secs(),
        after.len(),
        (late - early).abs()
    );
    assert!((late - early).abs() < 20.0, "drift from {early:.1} to {late:.1} ms");
    // A player's tolerance. Source: ITU-R BT.1359-1, undetected within +45 and -125 ms.
    assert!((all - clip).abs() <= 45.0, "sound {all:.1} ms after the picture, {clip:.1} ms in the clip");
}
