//! Does a pulled list hold what the exchange holds, whatever happens on the way?
//!
//! The exchange is the fake one, which is as unkind as the public clients say the real ones are.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use known::{Kind, List};

struct Fake {
    child: Child,
    address: String,
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Fake {
    fn start(words: &[&str]) -> Fake {
        let mut child = Command::new(env!("CARGO_BIN_EXE_streamward"))
            .args(["fake", "exchange", "--listen", "127.0.0.1:0"])
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Fake { child, address: address.trim().to_owned() }
    }

    fn ask(&self, method: &str, path: &str) -> String {
        let host = self.address.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// The PDQ hashes and MD5 that a true copy has.
    fn truth(&self) -> BTreeSet<String> {
        let text = self.ask("GET", "/fake/truth");
        let hashes = text.split_whitespace().filter(|word| !word.starts_with('e') || word.len() > 20);
        hashes.map(str::to_owned).collect()
    }

    fn pull(&self, kind: &str, out: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
        command.args([
            "list",
            "pull",
            kind,
            "--url",
            &self.address,
            "--json",
            "--wait-ms",
            "5",
            "--tries",
            "40",
            "--out",
        ]);
        command.arg(out);
        if kind == "ncmec" {
            command.args(["--user", "fake"]);
        }
        for name in ["NCMEC_PASSWORD", "STOPNCII_SUBSCRIPTION_KEY", "STOPNCII_FETCH_KEY", "STOPNCII_FEEDBACK_KEY"] {
            command.env(format!("STREAMWARD_{name}"), "fake");
        }
        command
    }
}

fn read(list: &Path) -> List {
    List::parse(&std::fs::read_to_string(list).unwrap()).unwrap()
}

fn hashes(list: &Path, kinds: &[Kind]) -> BTreeSet<String> {
    let list = read(list);
    let wanted = list.entries().iter().filter(|entry| kinds.contains(&entry.fingerprint.kind()));
    wanted.map(|entry| entry.fingerprint.to_string()).collect()
}

fn done(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_pulled_list_is_what_the_exchange_holds_in_spite_of_faults() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(&["--entries", "700", "--page", "60", "--faults", "25"]);
    let list = folder.path().join("list");
    let first = done(&fake.pull("ncmec", &list).output().unwrap());
    assert_eq!(hashes(&list, &[Kind::Pdq, Kind::Md5]), fake.truth());
    assert!(first["pages"].as_u64().unwrap() >= 12, "{first}");
    let again = done(&fake.pull("ncmec", &list).output().unwrap());
    assert_eq!(
        (again["version"].as_u64(), &again["entries"]),
        (Some(1), &first["entries"]),
        "nothing new, no new version"
    );
    fake.ask("POST", "/fake/more?n=90");
    fake.ask("POST", "/fake/delete?every=7");
    let later = done(&fake.pull("ncmec", &list).output().unwrap());
    assert_eq!(hashes(&list, &[Kind::Pdq, Kind::Md5]), fake.truth());
    assert_eq!(later["version"].as_u64(), Some(2));
}

#[test]
fn stopncii_is_pulled_too() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(&["--entries", "500", "--page", "40", "--faults", "20"]);
    let list = folder.path().join("list");
    for version in [1, 2] {
        let told = done(&fake.pull("stopncii", &list).output().unwrap());
        assert_eq!(told["version"].as_u64(), Some(version));
        // It sends one hash of each entry; the truth has both.
        let (ours, truth) = (hashes(&list, &[Kind::Pdq, Kind::Md5]), fake.truth());
        assert_eq!(ours.len() * 2, truth.len());
        assert!(ours.is_subset(&truth));
        fake.ask("POST", "/fake/more?n=50");
        fake.ask("POST", "/fake/delete?every=6");
    }
}

/// Kills the program at random moments; the list is the old one or the new one, whole, and in the end the right one.
#[test]
fn a_pull_that_is_killed_goes_on_and_never_leaves_half_a_list() {
    let n_kills = if std::env::var_os("STREAMWARD_TEST_ALL").is_some() { 50 } else { 12 };
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(&["--entries", "3000", "--page", "25", "--faults", "5"]);
    let list = folder.path().join("list");
    let mut random = 1_u64;
    let (mut n_killed, mut n_versions) = (0, BTreeSet::new());
    while n_killed < n_kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut child = fake.pull("ncmec", &list).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random >> 33 & 0x1ff));
        if child.try_wait().unwrap().is_some() {
            // It had ended: there is something new to bring for the next one.
            fake.ask("POST", "/fake/more?n=400");
            fake.ask("POST", "/fake/delete?every=17");
        }
        let _ = child.kill();
        n_killed += usize::from(!child.wait().unwrap().success());
        if list.exists() {
            // Whole, or this fails.
            n_versions.insert(read(&list).version());
        }
    }
    done(&fake.pull("ncmec", &list).output().unwrap());
    assert_eq!(hashes(&list, &[Kind::Pdq, Kind::Md5]), fake.truth());
    let left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left.iter().filter(|name| !["list", "list.pull"].contains(&name.as_str())).count(), 0, "{left:?}");
    eprintln!("killed {n_killed} times; versions seen between: {n_versions:?}");
}

#[test]
fn what_cannot_go_well_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(&["--entries", "5"]);
    let list = folder.path().join("list");
    let refused = |command: &mut Command, what: &str| {
        let output = command.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(what) && message.contains("to do:"), "{message}");
        assert!(!list.exists());
    };
    refused(fake.pull("ncmec", &list).env("STREAMWARD_NCMEC_PASSWORD", "wrong"), "401");
    refused(fake.pull("ncmec", &list).env_remove("STREAMWARD_NCMEC_PASSWORD"), "STREAMWARD_NCMEC_PASSWORD is not set");
    let elsewhere = ["list", "pull", "ncmec", "--url", "http://exchange.example", "--user", "x", "--out"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    refused(command.args(elsewhere).arg(&list).env("STREAMWARD_NCMEC_PASSWORD", "x"), "in the clear");
    std::fs::remove_file(folder.path().join("list.pull")).unwrap_or_default();
    std::fs::write(folder.path().join("list.pull"), "somebody's file\n").unwrap();
    refused(&mut fake.pull("ncmec", &list), "line 1: it is not");
    assert_eq!(std::fs::read_to_string(folder.path().join("list.pull")).unwrap(), "somebody's file\n");
}

#[test]
fn feedback_arrives_and_nonsense_is_refused() {
    let fake = Fake::start(&["--entries", "20"]);
    let tell = |words: &[&str]| {
        let command = fake.pull("stopncii", &PathBuf::from("unused"));
        let mut told = Command::new(env!("CARGO_BIN_EXE_streamward"));
        told.envs(command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))));
        let patience = ["--wait-ms", "5", "--tries", "3"];
        told.args(["list", "feedback"])
            .args(words)
            .args(["--url", &fake.address])
            .args(patience)
            .output()
            .unwrap()
            .status
            .code()
    };
    let ncmec = ["ncmec", "--user", "fake", "--member", "42", "--kind", "PDQ", "--entry"];
    let reason = "01234567-abcd-0123-4567-012345678900";
    assert_eq!(tell(&[&ncmec[..], &["e1", "--right"]].concat()), Some(0));
    assert_eq!(tell(&[&ncmec[..], &["e2", "--wrong", reason]].concat()), Some(0));
    assert_eq!(tell(&[&ncmec[..], &["e2", "--wrong", "no reason"]].concat()), Some(2));
    assert_eq!(tell(&[&ncmec[..], &["e99", "--right"]].concat()), Some(2));
    assert_eq!(tell(&[&ncmec[..], &["../e1", "--right"]].concat()), Some(2));
    assert_eq!(tell(&["stopncii", "--hash", "ab", "--value", "Blocked", "--tag", "t"]), Some(0));
    let told: serde_json::Value = serde_json::from_str(&fake.ask("GET", "/fake/feedback")).unwrap();
    assert_eq!(told.as_array().unwrap().len(), 3, "{told}");
    assert_eq!((&told[1]["entry"], &told[1]["right"]), (&"e2".into(), &false.into()));
}
