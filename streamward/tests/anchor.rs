//! Does an authority's stamp of the log's checkpoint hold? The authority is `openssl ts`, on this machine.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CONFIGURATION: &str = "\
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = A test authority
[extensions]
basicConstraints = critical,CA:TRUE
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = one
[one]
dir = .
serial = serial
signer_cert = ca.pem
certs = ca.pem
signer_key = ca.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
";

/// A folder with an authority in it, and a log.
struct Place {
    folder: tempfile::TempDir,
}

#[test]
fn a_checkpoint_is_stamped_over_the_network_and_openssl_says_that_it_holds() {
    let Some(place) = Place::new() else { return };
    let address = place.serve();
    let said = place.anchor(&["--tsa", &format!("http://{address}/"), "--json"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(said["is_stamped"], true);
    let (token, checkpoint) = (said["token"].as_str().unwrap(), said["checkpoint"].as_str().unwrap());
    assert!(place.verify(Path::new(token), Path::new(checkpoint)), "{said}");
    let text = std::fs::read_to_string(checkpoint).unwrap();
    std::fs::write(place.at("altered.txt"), text.replacen('\n', "\n ", 1)).unwrap();
    assert!(!place.verify(Path::new(token), &place.at("altered.txt")), "an altered checkpoint");

    // What was stamped is a checkpoint that the log must begin with.
    let verified = place.streamward(&["case", "verify", "--since", checkpoint]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_question_can_be_carried_and_only_its_own_answer_is_taken() {
    let Some(place) = Place::new() else { return };
    let said: serde_json::Value = serde_json::from_slice(&place.anchor(&["--json"]).stdout).unwrap();
    let question = PathBuf::from(said["question"].as_str().unwrap());
    let answer = place.at("answer.tsr");
    place.answer(&question, &answer);
    place.refer("call 2");
    let other: serde_json::Value = serde_json::from_slice(&place.anchor(&["--json"]).stdout).unwrap();
    assert_ne!(other["question"], said["question"]);
    let taken = place.anchor(&["--answer", answer.to_str().unwrap()]);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    assert!(place.verify(&question.with_extension("tsr"), &question.with_extension("txt")));

    // The same checkpoint asked about again is another question, and the old answer is none to it.
    std::fs::remove_file(&question).unwrap();
    assert!(!place.anchor(&["--answer", answer.to_str().unwrap()]).status.success());
    std::fs::write(place.at("page.html"), "<html>").unwrap();
    assert!(!place.anchor(&["--answer", place.at("page.html").to_str().unwrap()]).status.success());
}

impl Place {
    fn new() -> Option<Place> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("lacking: there is no program `openssl` here; time stamps were not tried");
            return None;
        }
        let place = Place { folder: tempfile::tempdir().unwrap() };
        std::fs::write(place.at("ts.conf"), CONFIGURATION).unwrap();
        std::fs::write(place.at("serial"), "01\n").unwrap();
        let made = place.openssl(&[
            "req", "-new", "-x509", "-config", "ts.conf", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-days", "2",
        ]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        place.refer("call 1");
        Some(place)
    }

    fn refer(&self, channel: &str) {
        let incident = format!(
            "{{\"source\":\"guard\",\"seen\":{{\"known\":{{\"list\":\"testcard\",\"entry\":\"0\",\"distance_bits\":2}}}},\
             \"platform\":\"example\",\"channel\":\"{channel}\",\"began_at\":\"2026-11-24T09:30:00Z\"}}\n"
        );
        std::fs::write(self.at("incident.jsonl"), incident).unwrap();
        let referred = self.streamward(&["refer", self.at("incident.jsonl").to_str().unwrap()]);
        assert!(referred.status.success(), "{}", String::from_utf8_lossy(&referred.stderr));
    }

    fn anchor(&self, words: &[&str]) -> Output {
        self.streamward(&[&["case", "anchor"], words].concat())
    }

    fn streamward(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
        command.args(words).arg("--data").arg(self.at("data")).env("NO_PROXY", "127.0.0.1").output().unwrap()
    }

    fn openssl(&self, words: &[&str]) -> Output {
        Command::new("openssl").args(words).current_dir(self.folder.path()).output().unwrap()
    }

    fn answer(&self, question: &Path, answer: &Path) {
        let words = ["ts", "-reply", "-config", "ts.conf", "-queryfile"];
        let words = [&words[..], &[question.to_str().unwrap(), "-out", answer.to_str().unwrap()]].concat();
        let answered = self.openssl(&words);
        assert!(answered.status.success(), "{}", String::from_utf8_lossy(&answered.stderr));
    }

    fn verify(&self, token: &Path, checkpoint: &Path) -> bool {
        let (token, checkpoint) = (std::path::absolute(token).unwrap(), std::path::absolute(checkpoint).unwrap());
        let words = ["ts", "-verify", "-CAfile", "ca.pem", "-in"];
        let words = [&words[..], &[token.to_str().unwrap(), "-data", checkpoint.to_str().unwrap()]].concat();
        self.openssl(&words).status.success()
    }

    /// Answers one question over HTTP.
    fn serve(&self) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let place = Place { folder: tempfile::tempdir_in(self.folder.path()).unwrap() };
        for name in ["ts.conf", "serial", "ca.pem", "ca.key"] {
            std::fs::copy(self.at(name), place.at(name)).unwrap();
        }
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let (mut line, mut len) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some(n_bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    len = n_bytes.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut question = vec![0; len];
            reader.read_exact(&mut question).unwrap();
            std::fs::write(place.at("question.tsq"), question).unwrap();
            place.answer(&place.at("question.tsq"), &place.at("answer.tsr"));
            let answer = std::fs::read(place.at("answer.tsr")).unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\n\r\n",
                answer.len()
            );
            (&stream).write_all(&[head.as_bytes(), &answer].concat()).unwrap();
        });
        address
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
