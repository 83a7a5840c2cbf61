//! Are several streams guarded by one service, and does one that fails harm another?

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]
#![allow(dead_code, reason = "clips, observer and servers are shared with other tests, which use more of them")]

#[path = "leak/clip.rs"]
mod clip;
#[path = "streams/guarded.rs"]
mod guarded;
#[path = "leak/observer.rs"]
mod observer;
#[path = "streams/servers.rs"]
mod servers;
#[path = "streams/watched.rs"]
mod watched;

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use guarded::{policy_file, signal};
use observer::Observer;
use servers::{Recorder, Rtmp, Running};
use watched::{Watched, recipe};

#[test]
fn a_stream_that_fails_harms_no_other_and_one_too_many_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Rtmp::start(folder.path()) else { return };
    let recipe = recipe();
    let clip = recipe.make(folder.path()).unwrap();
    let (file, policy) = policy_file(folder.path());
    let observer = Observer::new(&recipe, &clip, &policy);
    let _sources = ["a", "b"].map(|name| server.publish(&clip, name));
    let stream = |name: &str, more: &str| {
        let (from, to) = (server.url(name), server.url(&format!("{name}-out")));
        format!("[[stream]]\nname = \"{name}\"\nfrom = \"{from}\"\nto = \"{to}\"\n{more}\n")
    };
    let small = "size = [320, 180]\nfps = 25";
    let streams = folder.path().join("fleet.toml");
    let huge = "size = [8192, 8192]\nfps = 240";
    fs::write(&streams, [stream("a", small), stream("b", small), stream("huge", huge)].concat()).unwrap();
    let words = folder.path().join("words");
    let mut serve = Command::new(env!("CARGO_BIN_EXE_streamward-guard"));
    serve
        .arg("serve")
        .arg(&streams)
        .args(["--json", "--policy"])
        .arg(&file)
        .env("STREAMWARD_RUN", folder.path().join("run"));
    serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(fs::File::create(&words).unwrap());
    let mut serve = Running(serve.spawn().unwrap());
    let said = || fs::read_to_string(&words).unwrap();
    let wait = |what: &str| {
        let give_up = Instant::now() + Duration::from_secs(60);
        while !said().contains(what) {
            assert!(Instant::now() < give_up, "{what:?} is not said:\n{}", said());
            sleep(Duration::from_millis(20));
        }
    };
    wait("a: every frame is checked: video is shown");
    wait("b: every frame is checked: video is shown");
    assert!(
        said().contains("the stream huge is refused") && said().contains("2 of 3 streams are guarded"),
        "{}",
        said()
    );
    // Nobody else takes a stream that is held.
    let other = Command::new(env!("CARGO_BIN_EXE_streamward-guard"))
        .arg("serve")
        .arg(&streams)
        .arg("--policy")
        .arg(&file)
        .env("STREAMWARD_RUN", folder.path().join("run"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(other.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&other.stderr).contains("the stream a is guarded already"));

    let recorders = ["a", "b"]
        .map(|name| Recorder::start(&server.url(&format!("{name}-out")), folder.path().join(format!("{name}.flv"))));
    sleep(Duration::from_secs(3));
    // The checker of one is killed again and again.
    for _ in 0..3 {
        let give_up = Instant::now() + Duration::from_secs(20);
        let checker = loop {
            if let Some(pid) = checker_of_a(serve.0.id()) {
                break pid;
            }
            assert!(Instant::now() < give_up, "{}", said());
            sleep(Duration::from_millis(20));
        };
        signal(checker, "KILL");
        sleep(Duration::from_millis(1500));
    }
    let [a, b] = recorders.map(|recorder| Watched::new(&observer, &recorder.stop()));
    signal(serve.0.id(), "INT");
    let reports = std::io::read_to_string(serve.0.stdout.take().unwrap()).unwrap();
    let story = format!("a {}; b {}; {reports}\n{}", a.summary(), b.summary(), said());
    eprintln!("fleet: a {}; b {}", a.summary(), b.summary());
    assert_eq!((a.n_forbidden(), b.n_forbidden()), (0, 0), "{story}");
    let reports: Vec<serde_json::Value> = reports.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lost: Vec<u64> = reports.iter().map(|report| report["tally"]["checkers_lost"].as_u64().unwrap()).collect();
    assert!(lost.contains(&0) && lost.iter().sum::<u64>() >= 3, "one stream only is harmed: {story}");
    assert!(a.n_fresh().max(b.n_fresh()) > 20, "the other one is live: {story}");
}

/// The checker of stream a: the one that hears the pull whose address ends so.
fn checker_of_a(keeper: u32) -> Option<u32> {
    let mut found: Vec<(u32, String)> = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse::<u32>().ok());
        if parent == Some(keeper) && line.split('\0').nth(1) == Some("part") {
            found.push((pid, line));
        }
    }
    let pipe = |pid: u32, number: u32| fs::read_link(format!("/proc/{pid}/fd/{number}")).ok();
    let pull =
        found.iter().find(|(_, line)| line.contains("\0pull\0") && line.trim_end_matches('\0').ends_with("/a"))?;
    let its = pipe(pull.0, 1)?;
    found
        .iter()
        .find(|(pid, line)| line.contains("\0checker\0") && pipe(*pid, 0).as_ref() == Some(&its))
        .map(|(pid, _)| *pid)
}
