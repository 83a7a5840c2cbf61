//! Does the sandbox refuse what it must, and would this be seen if it did not?

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::process::Command;

#[test]
fn every_attempt_is_refused_inside_and_most_succeed_outside() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_streamward-guard")).args(["doctor", "--sandbox", "--json"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(lines.len() >= 20, "{said}{words}");
    let allowed: Vec<_> = lines.iter().filter(|line| line["is_refused"] != true).collect();
    assert!(allowed.is_empty(), "not refused: {allowed:?}");
    // Raw and packet sockets need privileges that not everyone has; the others succeed anywhere outside.
    let n_proved = lines.iter().filter(|line| line["works_outside"] == true).count();
    assert!(n_proved >= 18, "{n_proved} succeed outside: {said}");
    assert_eq!(output.status.code(), Some(0), "{said}{words}");
}
