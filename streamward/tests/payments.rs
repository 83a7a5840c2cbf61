//! From a file of transfers to an alert, its explanation and its picture: does the program tell one story?

use std::path::Path;
use std::process::{Command, Output};

fn streamward(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    command.arg("payments").args(arguments).current_dir(folder).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is text")
}

fn simulated() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let arguments = ["simulate", ".", "--remitters", "2000", "--cases", "2000", "--seed", "4"];
    assert_eq!(streamward(folder.path(), &arguments).status.code(), Some(0));
    folder
}

const READ: [&str; 3] = ["transfers.jsonl", "--rates", "rates.csv"];

#[test]
fn an_alert_is_scored_explained_and_drawn() {
    let folder = simulated();
    let scored = streamward(folder.path(), &[&["score"], &READ[..], &["--out", "alerts.jsonl"]].concat());
    assert_eq!(scored.status.code(), Some(1), "{}", text(&scored.stderr));
    assert!(text(&scored.stdout).contains("strongest reason"));
    let alerts = std::fs::read_to_string(folder.path().join("alerts.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(alerts.lines().next().unwrap()).unwrap();
    let id = first["id"].as_str().unwrap();

    let explain = [&["explain", id], &READ[..], &["--alerts", "alerts.jsonl", "--svg", "alert.svg"]].concat();
    let explained = streamward(folder.path(), &explain);
    assert_eq!(explained.status.code(), Some(1));
    assert!(text(&explained.stderr).contains("the same bytes"));
    assert!(text(&explained.stdout).contains("not a finding about a person"));
    assert!(std::fs::read_to_string(folder.path().join("alert.svg")).unwrap().contains("<circle"));

    let changed = alerts.replacen("\"points\":", "\"points\":1", 1);
    std::fs::write(folder.path().join("alerts.jsonl"), changed).unwrap();
    assert_eq!(streamward(folder.path(), &explain).status.code(), Some(4), "a changed alert is found out");
}

#[test]
fn names_sex_and_nationality_change_no_byte_of_any_alert() {
    let folder = simulated();
    let transfers = std::fs::read_to_string(folder.path().join("transfers.jsonl")).unwrap();
    let columns = [
        "id",
        "time",
        "sender_zone",
        "sender",
        "beneficiary",
        "amount",
        "currency",
        "from",
        "to",
        "channel",
        "payee",
        "relation",
    ];
    let mut alerts = Vec::new();
    for extra in [["Ana", "f", "PH"], ["Bob", "m", "GB"], ["", "", ""]] {
        let mut csv = format!("name,sex,nationality,{}\n", columns.join(","));
        for line in transfers.lines() {
            let transfer: serde_json::Value = serde_json::from_str(line).unwrap();
            let cells: Vec<&str> = columns.iter().map(|column| transfer[column].as_str().unwrap()).collect();
            csv.push_str(&format!("{},{}\n", extra.join(","), cells.join(",")));
        }
        std::fs::write(folder.path().join("bank.csv"), csv).unwrap();
        let scored = streamward(folder.path(), &["score", "bank.csv", "--rates", "rates.csv", "--json"]);
        assert_eq!(scored.status.code(), Some(1), "{}", text(&scored.stderr));
        alerts.push(scored.stdout);
    }
    assert!(!alerts[0].is_empty());
    assert!(alerts.iter().all(|other| *other == alerts[0]));
}

#[test]
fn bad_rows_are_named_by_line_and_field_and_collected() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "id,time,sender,beneficiary,amount,currency,from,to\n\
        1,2026-03-01T12:00:00Z,A,B,15.00,EUR,GB,PH\n\
        2,2026-03-01T12:00:00,A,B,15.00,EUR,GB,PH\n\
        \n\
        1,2026-03-01T12:00:00Z,A,B,15.00,EUR,GB,PH\n\
        3,2026-03-01T12:00:00Z,A,B,15.00,GBP,GB,PH\n";
    std::fs::write(folder.path().join("bank.csv"), csv).unwrap();
    let scored = streamward(folder.path(), &["score", "bank.csv", "--reject", "bad.txt"]);
    assert_eq!(scored.status.code(), Some(3));
    let bad = std::fs::read_to_string(folder.path().join("bad.txt")).unwrap();
    let starts: Vec<&str> = bad.lines().map(|line| &line[..line.len().min(27)]).collect();
    assert_eq!(starts, ["bank.csv, line 3: time has ", "bank.csv, line 5: id was re", "bank.csv, line 6: currency "]);
}

#[test]
fn faults_have_their_exit_codes_and_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.toml"), "").unwrap();
    std::fs::write(folder.path().join("bank.csv"), "Ref\n").unwrap();
    for (arguments, code) in [
        (&["score", "nothing.csv"][..], 2),
        (&["score", "bank.csv"], 2),
        (&["pack", "check", "--pack", "empty.toml"], 4),
        (&["pack", "check"], 0),
        (&["explain", "a-0000000000000000", "bank.csv"], 2),
    ] {
        let output = streamward(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(code == 0 || text(&output.stderr).contains("\n  to do: "), "{}", text(&output.stderr));
    }
}
