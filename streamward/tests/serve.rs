//! Does the service come back whole, whatever ended it?

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Enough hashes that the index is kept in a file.
const N_HASHES: u64 = 100_000;

fn hash(i: u64) -> String {
    let word = |k: u64| {
        (i * 4 + k + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    format!("{:016x}{:016x}{:016x}{:016x}", word(0), word(1), word(2), word(3))
}

fn list(path: &Path) {
    let mut text = "streamward list 1\nname: Many\nversion: 1\nsource: us\ncreated: 2026-11-24\n".to_owned();
    (0..N_HASHES).for_each(|i| writeln!(text, "{}\tpdq\te{i}\tus\t2026-11-24\t-\t-", hash(i)).unwrap());
    std::fs::write(path, text).unwrap();
}

fn start(list: &Path, data: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--list"]).arg(list).arg("--data").arg(data);
    command.stderr(Stdio::piped()).spawn().unwrap()
}

/// What it says until it serves, and where.
fn until_served(child: &mut Child) -> (Vec<String>, String) {
    let mut said = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        match line.split_once("serving on http://") {
            Some((_, address)) => return (said, address.to_owned()),
            None => said.push(line),
        }
    }
    panic!("it ended: {said:?}");
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

#[test]
fn a_service_that_is_killed_while_it_writes_its_index_starts_whole() {
    let n_kills = if std::env::var_os("STREAMWARD_TEST_ALL").is_some() { 50 } else { 5 };
    let folder = tempfile::tempdir().unwrap();
    let (many, data) = (folder.path().join("many"), folder.path().join("data"));
    list(&many);
    let began = Instant::now();
    let mut child = start(&many, &data);
    until_served(&mut child);
    let whole_start = began.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    let (mut random, mut n_unfinished) = (7_u64, 0);
    for round in 0..n_kills {
        std::fs::remove_dir_all(data.join("index")).unwrap_or_default();
        let mut child = start(&many, &data);
        // The index is written in the later part of a start.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(whole_start.mul_f64(0.3 + 0.7 * (random >> 40) as f64 / f64::from(1 << 24)));
        child.kill().unwrap();
        child.wait().unwrap();
        let left: Vec<_> = std::fs::read_dir(data.join("index")).into_iter().flatten().flatten().collect();
        n_unfinished +=
            left.iter().filter(|entry| entry.file_name().to_string_lossy().ends_with(".unfinished")).count();

        let mut child = start(&many, &data);
        let (said, address) = until_served(&mut child);
        // A file under the final name is whole: it was not refused.
        assert!(!said.iter().any(|line| line.contains("is made anew")), "round {round}: {said:?}");
        assert!(get(&address, "/readyz").contains("100000 hashes"));
        let number = random % N_HASHES;
        let answer = get(&address, &format!("/m/lookup?signal_type=pdq&signal={}", hash(number)));
        assert!(
            answer.contains(&format!("\"bank_content_id\":{number},\"distance\":\"0\"")),
            "round {round}: {answer}"
        );
        child.kill().unwrap();
        child.wait().unwrap();
    }
    eprintln!("killed {n_kills} times, {n_unfinished} of them while the file was being written");
}

#[cfg(unix)]
#[test]
fn asked_to_stop_it_answers_what_was_asked_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(Path::new("test-card"), folder.path());
    let (_, address) = until_served(&mut child);
    let mut stream = TcpStream::connect(&address).unwrap();
    // Half a request is under way when the service is asked to stop.
    let body = "{\"pdq\":[]}";
    write!(stream, "POST /v1/match HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n")
        .unwrap();
    write!(stream, "content-length: {}\r\n\r\n", body.len()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    std::thread::sleep(Duration::from_millis(200));
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(child.wait().unwrap().success());
}
