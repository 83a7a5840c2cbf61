//! Do metrics and status tell what a guard does?

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::guarded::{Guard, HOLD_MS, signal};
use crate::leaks::{TURN, observed};
use crate::servers::Rtmp;

fn ask(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} is not told:\n{text}"))
}

#[test]
fn metrics_and_status_tell_what_a_guard_does() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Rtmp::start(folder.path()) else { return };
    let (_, clip, _, policy) = observed(folder.path());
    let _source = server.publish(&clip, "in");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let more = ["--metrics", &address];
    let guard = Guard::start_with(folder.path(), &server.url("in"), &server.url("out"), &policy, &more);
    guard.wait_for_words("video is shown", 1);
    let give_up = Instant::now() + Duration::from_secs(30);
    let text = loop {
        let text = ask(&address, "/metrics").unwrap_or_default();
        if text.contains("streamward_guard_hold_seconds_count")
            && value(&text, "streamward_guard_hold_seconds_count") > 50.0
        {
            break text;
        }
        assert!(Instant::now() < give_up, "{text}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    assert!(value(&text, "streamward_guard_frames_seen_total") > 50.0, "{text}");
    assert_eq!(value(&text, "streamward_guard_frames_released_unjudged_total"), 0.0);
    let n = value(&text, "streamward_guard_hold_seconds_count");
    let held_s = value(&text, "streamward_guard_hold_seconds_sum") / n;
    assert!((held_s - f64::from(HOLD_MS) / 1000.0).abs() < 0.3, "held {held_s:.3} s on average: {text}");
    assert!(ask(&address, "/").unwrap().starts_with("HTTP/1.1 404"));
    let secrets = [server.url("in"), "/in".into(), "127.0.0.1".into()];
    assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())), "{text}");

    let run = folder.path().join("run");
    let said = std::fs::read_to_string(run.join(format!("{}.json", guard.keeper.0.id()))).unwrap();
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["what"], &said["policy"], &said["is_well"]), (&"rtmp".into(), &"streams".into(), &true.into()));
    assert!(said["words"].as_str().unwrap().contains("You can object"), "{said}");
    let keeper = guard.keeper.0.id();
    signal(keeper, "KILL");
    std::thread::sleep(Duration::from_millis(500));
    assert!(run.join(format!("{keeper}.json")).exists(), "whoever was killed leaves a trace");
    assert!(ask(&address, "/metrics").is_none(), "nobody answers for a keeper that is dead");
}
