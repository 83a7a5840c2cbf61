//! Does a file that a program sends arrive whole, when the server is killed again and again meanwhile?

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Ten of the pieces in which the server seals, and a little.
const LEN: usize = 40_000_003;

/// Nobody has the keys of these.
const SETTINGS: &str = r#"
[[jurisdiction]]
country = "ZZ"
media_basis = { value = "a test with bytes of chance", source = "this file", checked_on = "2026-11-22", is_verified = false }
[vault]
country = "ZZ"
appeal_days = 30
backup_days = 90
holders = [
  { name = "Hana", recipient = "age1zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyyseuxymd" },
  { name = "Ivo", recipient = "age1yg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygys4l6zzk" },
  { name = "Jun", recipient = "age1xvenxvenxvenxvenxvenxvenxvenxvenxvenxvenxvenxvenxvysc4achj" },
]
"#;

#[test]
fn a_file_arrives_whole_though_the_server_is_killed_while_it_is_sent() {
    let n_kills_min = if std::env::var_os("STREAMWARD_TEST_ALL").is_some() { 40 } else { 8 };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    std::fs::write(data.join("settings.toml"), SETTINGS).unwrap();
    for (name, act) in [("ada", "init"), ("bo", "allow")] {
        run(data, &["person", "add", name, "--role", "lead"]);
        let code = run(data, &["person", "code", name]);
        run(data, &["vault", act, "--code", code.trim()]);
    }
    run(data, &["person", "add", "a guard", "--role", "service"]);
    let token = run(data, &["person", "token", "a guard"]);
    let plain = format!("authorization: Bearer {}\r\ntus-resumable: 1.0.0\r\n", token.trim());

    let mut random = 7_u64;
    let mut chance = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize
    };
    let bytes: Vec<u8> = (0..LEN).map(|_| chance() as u8).collect();
    let digits: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();

    let (mut child, mut address) = start(data);
    let incident = r#"{"source":"guard","seen":{"score":{"rule":"a","value":0.9}},"platform":"x","channel":"y","began_at":"2026-11-24T09:30:00Z"}"#;
    let referred = ask(&address, "POST", "/api/v1/incidents", &plain, incident.as_bytes());
    let case = between(&referred, "\"case\":\"", "\"").to_owned();
    let said = format!("case {},sha256 {}", STANDARD.encode(&case), STANDARD.encode(&digits));
    let headers = format!("{plain}upload-length: {LEN}\r\nupload-metadata: {said}\r\n");
    let begun = ask(&address, "POST", "/api/v1/uploads", &headers, b"");
    assert!(begun.starts_with("HTTP/1.1 201"), "{begun}");
    let path = between(&begun, "location: ", "\r\n").to_owned();

    let (mut at, mut n_kills, mut n_went_on) = (0, 0, 0);
    while at < LEN {
        let headers = format!("{plain}content-type: application/offset+octet-stream\r\nupload-offset: {at}\r\n");
        if n_kills >= n_kills_min {
            let done = ask(&address, "PATCH", &path, &headers, &bytes[at..]);
            assert!(done.starts_with("HTTP/1.1 204"), "{done}");
            break;
        }
        let n_bytes = (chance() % 7_000_000).min(LEN - at - 1);
        let mut line = TcpStream::connect(&address).unwrap();
        write!(line, "PATCH {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n", LEN - at).unwrap();
        line.write_all(&bytes[at..at + n_bytes]).unwrap();
        std::thread::sleep(Duration::from_millis(chance() as u64 % 120));
        child.kill().unwrap();
        child.wait().unwrap();
        (child, address) = start(data);
        let next = offset(&ask(&address, "HEAD", &path, &plain, b""));
        assert!((at..=at + n_bytes).contains(&next), "{next} after {at} and {n_bytes}");
        n_went_on += usize::from(next > at);
        (at, n_kills) = (next, n_kills + 1);
    }
    eprintln!("killed {n_kills} times while {LEN} bytes came; {n_went_on} times more of them were there than before");
    assert!(n_went_on > 0, "every kill lost everything");
    assert_eq!(offset(&ask(&address, "HEAD", &path, &plain, b"")), LEN);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(run(data, &["case", "show", &case, "--json"]).contains(&digits));
    let status = run(data, &["vault", "status", "--check", "--json"]);
    for part in ["\"faults\":[]", "\"n_files\":1", "\"n_stray\":0"] {
        assert!(status.contains(part), "{status}");
    }
    assert_eq!(std::fs::read_dir(data.join("vault/uploads")).unwrap().count(), 0, "its parts are gone");
    run(data, &["case", "verify"]);
}

fn run(data: &Path, words: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_streamward")).args(words).arg("--data").arg(data).output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn start(data: &Path) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let served = said.find_map(|line| line.unwrap().split_once("serving on http://").map(|(_, to)| to.to_owned()));
    // Whoever stops listening to a program breaks it when it next says something.
    std::thread::spawn(move || said.for_each(drop));
    (child, served.expect("it serves"))
}

fn ask(address: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> String {
    let mut line = TcpStream::connect(address).unwrap();
    let len = body.len();
    write!(line, "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {len}\r\n\r\n")
        .unwrap();
    line.write_all(body).unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).unwrap();
    answer
}

fn offset(answer: &str) -> usize {
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    between(answer, "upload-offset: ", "\r\n").parse().unwrap()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{before} is not in {text}")).1;
    rest.split_once(after).unwrap().0
}
