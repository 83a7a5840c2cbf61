//! Do GStreamer's own programs find the plugin and run it?
//!
//! `gst-inspect-1.0` and `gst-launch-1.0` know nothing of ours but the file of the plugin.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const N_FRAMES: usize = 50;

/// A folder with the plugin, and nothing else that could be taken for one, and a benign clip.
fn set_up() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let built = std::env::current_exe().unwrap().with_file_name("libgststreamward.so");
    std::fs::create_dir(folder.path().join("plugins")).unwrap();
    std::fs::copy(&built, folder.path().join("plugins/libgststreamward.so"))
        .unwrap_or_else(|error| panic!("{}: {error}", built.display()));
    let clip =
        format!("-v error -f lavfi -i testsrc2=size=1280x720:rate=25 -frames:v {N_FRAMES} -c:v libx264 clip.mp4");
    let made = Command::new("ffmpeg").args(clip.split(' ')).current_dir(folder.path()).status().unwrap();
    assert!(made.success());
    folder
}

fn run(folder: &Path, program: &str, arguments: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments.split(' ')).current_dir(folder).envs(environment.iter().copied());
    command.env("GST_PLUGIN_PATH", "plugins").env("GST_REGISTRY", "registry.bin").env("GST_DEBUG_NO_COLOR", "1");
    let output =
        command.output().unwrap_or_else(|error| panic!("{program}: {error}; is gstreamer1.0-tools installed?"));
    assert!(output.status.success(), "{program} {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn the_elements_are_shown_and_run() {
    let folder = set_up();
    for (element, property) in [("streamwardguard", "policy"), ("streamwardmute", "channel")] {
        let shown = run(folder.path(), "gst-inspect-1.0", element, &[]);
        assert!(String::from_utf8_lossy(&shown.stdout).contains(property), "{element}");
    }
    let line = "-q filesrc location=clip.mp4 ! decodebin ! streamwardguard policy=test ! fakesink";
    run(folder.path(), "gst-launch-1.0", line, &[]);
}

/// What one frame waits in the guard, as GStreamer's own tracer sees it: one judge after the other, no time pressing.
#[test]
fn the_tracer_prints_the_time_that_the_guard_adds() {
    let folder = set_up();
    let trace = folder.path().join("trace.txt");
    let line = "-q filesrc location=clip.mp4 ! decodebin ! streamwardguard policy=test threads=1 ! fakesink";
    let environment = [
        ("GST_TRACERS", "latency(flags=element)"),
        ("GST_DEBUG", "GST_TRACER:7"),
        ("GST_DEBUG_FILE", trace.to_str().unwrap()),
    ];
    run(folder.path(), "gst-launch-1.0", line, &environment);
    let mut times_ms = guard_times_ms(&trace);
    assert!(times_ms.len() >= N_FRAMES / 2, "{} of {N_FRAMES} frames are in the trace", times_ms.len());
    times_ms.sort_by(f64::total_cmp);
    let at = |share: f64| times_ms[((times_ms.len() - 1) as f64 * share) as usize];
    eprintln!(
        "streamwardguard at 720p, {} frames: median {:.2} ms, 9 in 10 under {:.2} ms",
        times_ms.len(),
        at(0.5),
        at(0.9)
    );
    assert!(at(0.0) > 0.0);
}

fn guard_times_ms(trace: &PathBuf) -> Vec<f64> {
    let text = std::fs::read_to_string(trace).unwrap();
    let of_guard = text.lines().filter(|line| line.contains("element-latency,") && line.contains("streamwardguard"));
    let time_ns = |line: &str| {
        let (_, rest) = line.split_once("time=(guint64)")?;
        rest.split([',', ';']).next()?.parse::<f64>().ok()
    };
    of_guard.filter_map(time_ns).map(|ns| ns / 1e6).collect()
}
