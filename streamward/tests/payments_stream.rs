//! Does a desk say one thing of each transfer, whatever stops it, and only what a named person let it say?
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    command.arg("payments").args(arguments).current_dir(folder);
    command
}

fn payments(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is text")
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// A made-up world whose transfers stand in order of time.
fn simulated(remitters: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = payments(folder.path(), &["simulate", ".", "--remitters", remitters, "--cases", "20000", "--seed", "4"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let path = folder.path().join("transfers.jsonl");
    let mut transfers = lines(&path);
    transfers.sort_by_key(|line| {
        let transfer: serde_json::Value = serde_json::from_str(line).unwrap();
        let time: payments::Moment = moment(transfer["time"].as_str().unwrap());
        (time.utc_s, transfer["id"].as_str().unwrap().to_owned())
    });
    std::fs::write(&path, transfers.join("\n") + "\n").unwrap();
    folder
}

fn moment(text: &str) -> payments::Moment {
    let country = payments::Country::parse("GB").unwrap();
    payments::time::Clock::default().read(text, country, "").unwrap()
}

const STREAM: [&str; 6] = ["stream", "transfers.jsonl", "--rates", "rates.csv", "--state", "desk"];

fn in_desk(folder: &Path, desk: &str) -> (Vec<String>, Vec<String>) {
    let log = lines(&folder.join(desk).join("log.jsonl"));
    let ids = log.iter().filter(|line| line.as_bytes()[17] == b't').map(|line| {
        let json = &line[line.find('{').unwrap()..];
        serde_json::from_str::<serde_json::Value>(json).unwrap()["id"].as_str().unwrap().to_owned()
    });
    (ids.collect(), lines(&folder.join(desk).join("alerts.jsonl")))
}

#[test]
fn a_stream_answers_each_transfer_once_and_raises_what_a_batch_raises() {
    let folder = simulated("600");
    let output = payments(folder.path(), &STREAM);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let n = lines(&folder.path().join("transfers.jsonl")).len();
    let answers = text(&output.stdout);
    assert_eq!(answers.lines().count(), n);
    assert!(answers.contains("\"answer\":\"hold_for_person\"") && answers.contains("\"until\":"));
    let batch = payments(folder.path(), &["score", "transfers.jsonl", "--rates", "rates.csv", "--json"]);
    let (ids, alerts) = in_desk(folder.path(), "desk");
    assert_eq!(text(&batch.stdout).lines().collect::<Vec<_>>(), alerts);
    assert_eq!(ids.len(), n);

    let again = payments(folder.path(), &STREAM);
    let answered_again = text(&again.stdout);
    assert_eq!(answered_again.lines().filter(|line| line.contains("\"again\":true")).count(), n);
    assert_eq!(answered_again.replace(",\"again\":true", "").replace("\"again\":true,", ""), answers);
    assert_eq!(in_desk(folder.path(), "desk"), (ids, alerts));
}

/// How many transfers stand in a log whose last line may be half written.
fn n_in_log(path: &Path) -> usize {
    let log = std::fs::read(path).unwrap_or_default();
    log.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n") && line[17] == b't').count()
}

/// Kills the program without warning again and again, each time feeding it the same file from the start and letting it
/// come somewhat further: every kill falls among transfers that no earlier run had counted.
#[test]
fn killed_at_any_moment_nothing_is_lost_or_counted_twice() {
    let n_kills = if std::env::var_os("STREAMWARD_TEST_ALL").is_some() { 50 } else { 6 };
    let folder = simulated("1200");
    assert_eq!(payments(folder.path(), &STREAM).status.code(), Some(1));
    let undisturbed = in_desk(folder.path(), "desk");
    let n = undisturbed.0.len();
    let arguments = ["stream", "transfers.jsonl", "--rates", "rates.csv", "--state", "killed"];
    let (mut n_new_kills, mut n_counted, mut wait_us) = (0, 0, 7_u64);
    for round in 0..n_kills {
        let mut begun = program(folder.path(), &arguments);
        // Every other run writes snapshots often, and is killed while it does.
        begun.env("STREAMWARD_PAYMENTS_SNAPSHOT_LINES", if round % 2 == 0 { "500" } else { "1000000" });
        let mut child = begun.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(answers.nth((round + 1) * n / (n_kills + 2)).is_some(), "it ended before its {round}th kill");
        // A moment more, so that it dies anywhere between two answers.
        wait_us = (wait_us * 131 + 37) % 1_999;
        std::thread::sleep(Duration::from_micros(wait_us));
        child.kill().unwrap();
        child.wait().unwrap();
        let (before, now) = (n_counted, n_in_log(&folder.path().join("killed/log.jsonl")));
        n_counted = now;
        n_new_kills += u32::from(before < now && now < n);
    }
    println!("{n_new_kills} of {n_kills} kills fell among transfers that no earlier run had counted");
    assert!(
        n_new_kills as usize * 2 > n_kills,
        "too few kills while there was something to lose; make the world larger"
    );
    assert!(payments(folder.path(), &arguments).status.code().is_some());
    let (ids, alerts) = in_desk(folder.path(), "killed");
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "a transfer was counted twice");
    assert_eq!(ids, undisturbed.0, "a transfer was lost");
    assert_eq!(alerts, undisturbed.1);
    assert!(folder.path().join("killed/snapshot").is_file(), "no run lived to write a snapshot");
}

#[test]
fn a_snapshot_spares_the_log_and_one_that_does_not_fit_is_left_aside() {
    let folder = simulated("300");
    let run = || program(folder.path(), &STREAM).env("STREAMWARD_PAYMENTS_SNAPSHOT_LINES", "50").output().unwrap();
    let answers = text(&run().stdout);
    let undisturbed = in_desk(folder.path(), "desk");
    let (log, snapshot) = (folder.path().join("desk/log.jsonl"), folder.path().join("desk/snapshot"));
    let sound = std::fs::read(&log).unwrap();
    let again = run();
    assert_eq!(text(&again.stdout).replace(",\"again\":true", "").replace("\"again\":true,", ""), answers);
    assert!(!text(&again.stderr).contains("whole log"), "{}", text(&again.stderr));

    // An old line is changed: with the snapshot nobody reads it, without it is found.
    let mut changed = sound.clone();
    changed[sound.len() / 10] ^= 1;
    std::fs::write(&log, &changed).unwrap();
    assert_eq!(run().status.code(), Some(0), "the snapshot is enough, and nothing new is held");
    let kept = std::fs::read(&snapshot).unwrap();
    std::fs::remove_file(&snapshot).unwrap();
    assert_eq!(run().status.code(), Some(4), "without it the changed line is found");

    for broken in [&kept[..kept.len() / 2], b"nothing"] {
        std::fs::write(&log, &sound).unwrap();
        std::fs::write(&snapshot, broken).unwrap();
        let output = run();
        assert!(text(&output.stderr).contains("the whole log is read"), "{}", text(&output.stderr));
        assert_eq!(in_desk(folder.path(), "desk"), undisturbed);
    }
    // A log that another run cut short.
    std::fs::write(&snapshot, &kept).unwrap();
    let line_ends: Vec<usize> = (0..sound.len()).filter(|&i| sound[i] == b'\n').collect();
    std::fs::write(&log, &sound[..=line_ends[line_ends.len() / 2]]).unwrap();
    let output = run();
    assert!(text(&output.stderr).contains("does not fit the log"), "{}", text(&output.stderr));
    assert_eq!(in_desk(folder.path(), "desk").0.len(), undisturbed.0.len());
}

#[test]
fn a_half_written_line_is_taken_away_and_a_changed_one_stops_everything() {
    let folder = simulated("300");
    payments(folder.path(), &STREAM);
    let before = in_desk(folder.path(), "desk");
    let path = folder.path().join("desk/log.jsonl");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], b"0123456789abcdef t 17"].concat()).unwrap();
    let output = payments(folder.path(), &STREAM);
    assert!(text(&output.stderr).contains("half written"), "{}", text(&output.stderr));
    assert_eq!(in_desk(folder.path(), "desk"), before);

    let mut changed = whole;
    let place = changed.len() / 2;
    changed[place] ^= 1;
    std::fs::write(&path, changed).unwrap();
    let output = payments(folder.path(), &STREAM);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("line ") && text(&output.stderr).contains("\n  to do: "));
    assert!(output.stdout.is_empty(), "nothing is answered");
}

#[test]
fn what_arrives_out_of_order_is_answered_and_kept_once() {
    let folder = simulated("300");
    let path = folder.path().join("transfers.jsonl");
    let mut transfers = lines(&path);
    let n = transfers.len();
    for place in (0..n - 400).step_by(97) {
        transfers.swap(place, place + 399);
    }
    std::fs::write(&path, transfers.join("\n") + "\n").unwrap();
    let output = payments(folder.path(), &STREAM);
    assert_eq!(text(&output.stdout).lines().filter(|line| !line.contains("not_used")).count(), n);
    let (ids, alerts) = in_desk(folder.path(), "desk");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), n);
    let first: serde_json::Value = serde_json::from_str(&alerts[0]).unwrap();
    let explained =
        payments(folder.path(), &["explain", first["id"].as_str().unwrap(), "desk", "--alerts", "desk/alerts.jsonl"]);
    assert!(text(&explained.stderr).contains("the same bytes"), "{}", text(&explained.stderr));
}

#[test]
fn bad_rows_are_answered_too_and_a_clock_far_ahead_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let row = |id: &str, time: &str, amount: &str| {
        format!(
            r#"{{"id":"{id}","time":"{time}","sender":"A","beneficiary":"B","amount":"{amount}","currency":"EUR","from":"GB","to":"PH"}}"#
        )
    };
    let rows = [
        row("1", "2026-03-01T12:00:00Z", "15.00"),
        row("2", "2026-03-01T12:00:00Z", "-15.00"),
        row("3", "2099-03-01T12:00:00Z", "15.00"),
        row("1", "2026-03-01T12:00:00Z", "16.00"),
        row("4", "2026-03-01T12:00:00Z", "1000000000000000000"),
        "{".to_owned(),
        row("1", "2026-03-01T12:00:00Z", "15.00"),
    ];
    let mut child = program(folder.path(), &["stream", "-", "--format", "jsonl", "--state", "desk"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(rows.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let answers = text(&output.stdout);
    let parts = [
        "\"pass\"",
        "is negative",
        "ahead of the clock",
        "with other contents",
        "larger than any",
        "not a JSON",
        "\"again\":true",
    ];
    assert_eq!(answers.lines().count(), parts.len(), "{answers}");
    for (answer, part) in answers.lines().zip(parts) {
        assert!(answer.contains(part), "{answer} lacks {part}");
    }
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_named_person_decides_holds_and_outcomes_and_packs_are_tried_beside() {
    let folder = simulated("600");
    payments(folder.path(), &STREAM);
    let listed = payments(folder.path(), &["hold", "list", "--state", "desk", "--json", "--all"]);
    let holds: Vec<serde_json::Value> =
        text(&listed.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let id = holds[0]["id"].as_str().unwrap();
    for (arguments, code, part) in [
        (vec!["hold", "release", id, "--state", "desk", "--by", " ", "--reason", "x"], 2, "name of the person"),
        (vec!["hold", "release", id, "--state", "desk", "--by", "Ada", "--reason", "a sister"], 0, "in the log"),
        (vec!["hold", "refuse", id, "--state", "desk", "--by", "Eve", "--reason", "again"], 2, "no longer open"),
        (vec!["hold", "refuse", "h-999999", "--state", "desk", "--by", "Eve", "--reason", "x"], 2, "no hold"),
    ] {
        let output = payments(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
    }
    let log = std::fs::read_to_string(folder.path().join("desk/log.jsonl")).unwrap();
    assert!(log.contains(r#""event":"released""#) && log.contains("a sister"));

    let alert = holds[0]["alert"].as_str().unwrap();
    let outcome = ["outcome", alert, "--state", "desk", "--outcome", "innocent", "--by", "Ada", "--note", "a sister"];
    assert_eq!(payments(folder.path(), &outcome).status.code(), Some(0));
    assert!(text(&payments(folder.path(), &["outcome", "--state", "desk"]).stderr).contains("1 innocent"));

    let shadow = payments(folder.path(), &["shadow", "--state", "desk", "--json"]);
    assert_eq!(shadow.status.code(), Some(0), "the same pack raises the same: {}", text(&shadow.stderr));
    let stricter = "[overlay]\nid = \"strict\"\nversion = \"1\"\npack = \"livestream-exploitation\"\npack_version = \"0.3.0\"\n\
        [[typology]]\nid = \"payer\"\nreview = 90\nalert = 95\n[[typology]]\nid = \"receiver\"\nreview = 90\nalert = 95\n";
    std::fs::write(folder.path().join("strict.toml"), stricter).unwrap();
    let shadow = payments(folder.path(), &["shadow", "--state", "desk", "--with-overlay", "strict.toml"]);
    assert_eq!(shadow.status.code(), Some(1));
    assert!(
        text(&shadow.stdout).contains("of 1 parties found innocent, the second still raises 0"),
        "{}",
        text(&shadow.stdout)
    );
    let compared = ["compare", "transfers.jsonl", "--rates", "rates.csv", "--with-overlay", "strict.toml", "--json"];
    let compared: serde_json::Value = serde_json::from_slice(&payments(folder.path(), &compared).stdout).unwrap();
    assert_eq!(compared["raised"][1], 0);
    let backtest = [
        "backtest",
        "transfers.jsonl",
        "--rates",
        "rates.csv",
        "--reviewed",
        "reviewed.csv",
        "--sample",
        "3",
        "--json",
    ];
    let backtest: serde_json::Value = serde_json::from_slice(&payments(folder.path(), &backtest).stdout).unwrap();
    assert!(backtest["right_known"].as_u64().unwrap() > 0 && backtest["months"].as_array().unwrap().len() >= 12);
    assert_eq!(backtest["below_the_line"].as_array().unwrap().len(), 3);

    let other = payments(folder.path(), &["stream", "transfers.jsonl", "--state", "desk", "--overlay", "strict.toml"]);
    assert_eq!(other.status.code(), Some(4), "a desk keeps the pack it was begun with");
}

#[test]
fn the_service_answers_one_or_many_and_forgets_nothing() {
    let folder = simulated("400");
    std::fs::create_dir_all(folder.path().join("data/payments")).unwrap();
    std::fs::copy(folder.path().join("rates.csv"), folder.path().join("data/payments/rates.csv")).unwrap();
    let transfers = lines(&folder.path().join("transfers.jsonl"));
    let service = Service::start(folder.path());
    assert_eq!(service.ask("GET", "/v1/alerts", "", false).0, 401);
    let (status, one) = service.ask("POST", "/v1/payments/score", &transfers[0], true);
    assert_eq!((status, one["answer"].as_str(), one["again"].as_bool()), (200, Some("pass"), Some(false)));
    for part in transfers.chunks(4000) {
        let (status, many) = service.ask("POST", "/v1/payments/score", &format!("[{}]", part.join(",")), true);
        assert_eq!((status, many["answers"].as_array().unwrap().len()), (200, part.len()));
    }
    let (_, alerts) = service.ask("GET", "/v1/alerts", "", true);
    let (_, holds) = service.ask("GET", "/v1/holds", "", true);
    let id = alerts["alerts"][0]["id"].as_str().unwrap().to_owned();
    let hold = holds["holds"][0]["id"].as_str().unwrap().to_owned();
    let (_, before) = service.ask("GET", &format!("/v1/alerts/{id}"), "", true);
    assert_eq!(before["id"], id.as_str());
    let word = r#"{"by":"Ada","reason":"a sister"}"#;
    assert_eq!(service.ask("POST", &format!("/v1/holds/{hold}/release"), word, true).0, 201);
    assert_eq!(service.ask("POST", &format!("/v1/holds/{hold}/refuse"), word, true).0, 409);
    let outcome = r#"{"outcome":"innocent","by":"Ada","note":"a sister"}"#;
    assert_eq!(service.ask("POST", &format!("/v1/alerts/{id}/outcomes"), outcome, true).0, 201);
    for (method, path, body, expected) in [
        ("GET", "/v1/alerts/a-0".to_owned(), "", 404),
        ("POST", format!("/v1/alerts/{id}/outcomes"), r#"{"outcome":"guilty","by":"A","note":"x"}"#, 400),
        ("POST", "/v1/payments/score".to_owned(), "not json", 400),
        ("POST", "/v1/payments/score".to_owned(), r#"{"id":"x"}"#, 422),
    ] {
        assert_eq!(service.ask(method, &path, body, true).0, expected, "{path} {body}");
    }
    drop(service);

    let service = Service::start(folder.path());
    assert_eq!(service.ask("GET", &format!("/v1/alerts/{id}"), "", true).1, before);
    let (_, again) = service.ask("POST", "/v1/payments/score", &transfers[0], true);
    assert_eq!(again["again"], true);
    let (_, holds) = service.ask("GET", "/v1/holds", "", true);
    assert_eq!(holds["holds"][0]["state"]["state"], "released");
}

/// A running service, killed without warning when it is dropped.
struct Service {
    child: std::process::Child,
    address: String,
    token: String,
}

impl Service {
    fn start(folder: &Path) -> Service {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", "data"]).current_dir(folder);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        while !said.contains("serving on http://") {
            said.clear();
            assert!(std::io::BufRead::read_line(&mut stderr, &mut said).unwrap() > 0, "the service ended");
        }
        let address = said.trim().rsplit('/').next().unwrap().to_owned();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        let token = std::fs::read(folder.join("data/payments/token")).unwrap();
        Service { child, address, token: token.iter().map(|byte| format!("{byte:02x}")).collect() }
    }

    /// One request over a connection of its own; status and body.
    fn ask(&self, method: &str, path: &str, body: &str, with_token: bool) -> (u16, serde_json::Value) {
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        let token = if with_token { format!("authorization: Bearer {}\r\n", self.token) } else { String::new() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{token}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
