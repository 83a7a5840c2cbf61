//! Does each command end with the exit code that `streamward --help` promises?

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_streamward");
const LIST: &str = "streamward list 1\nname: Test\nversion: 1\nsource: us\ncreated: 2026-11-24\n";

#[test]
fn the_codes_are_documented() {
    let help = text(&run(&["--help"]).stdout);
    for line in ["0  nothing", "1  something", "2  the command", "3  degraded", "4  a signature or a policy is invalid"]
    {
        assert!(help.contains(line), "{line}: {help}");
    }
}

#[test]
fn each_command_has_one_line_in_the_help_and_pages_of_its_own() {
    let help = text(&run(&["--help"]).stdout);
    let folder = folder();
    let written = run(&["man", "--out", &at(&folder, "pages")]);
    // 3 where this program was built without streamward-guard beside it, and then it says so.
    match written.status.code() {
        Some(0) => assert!(Path::new(&at(&folder, "pages/streamward-guard-file.1")).exists()),
        code => assert!(code == Some(3) && text(&written.stderr).contains("are left out"), "{written:?}"),
    }
    for command in ["guard", "policy", "testcard", "selftest", "doctor", "hash", "match", "scan", "list", "classify"] {
        let line = help.lines().find(|line| line.trim_start().starts_with(command)).unwrap();
        assert!(line.len() <= 100 && !line.ends_with('.'), "{line}");
        assert!(Path::new(&at(&folder, &format!("pages/streamward-{command}.1"))).exists(), "{command}");
    }
    assert!(text(&run(&["man"]).stdout).contains(".TH streamward"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(text(&run(&["completions", shell]).stdout).contains("testcard"), "{shell}");
    }
}

#[test]
fn codes_follow_what_was_found() {
    let folder = folder();
    let (card, empty) = (at(&folder, "card.png"), at(&folder, "empty.list"));
    fs::write(&empty, LIST).unwrap();
    fs::write(at(&folder, "cut.list"), "streamward list 1\nname: Test\n").unwrap();
    assert_eq!(run(&["testcard", "--size", "640x360", "--out", &card]).status.code(), Some(0));
    for (arguments, code) in [
        (vec!["hash", "pdq", &card], 0),
        (vec!["match", "--list", "test-card", &card], 1),
        (vec!["match", "--list", &empty, &card], 0),
        (vec!["match", "--list", "test-card", &at(&folder, "none.png")], 2),
        (vec!["match", "--list", &at(&folder, "cut.list"), &card], 2),
        (vec!["list", "verify", "test-card"], 0),
        (vec!["scan", &folder.path().display().to_string(), "--list", "test-card", "--out", &at(&folder, "scan")], 1),
        (vec!["testcard", "--size", "0x9", "--out", &card], 2),
        (vec!["testcard", "--out", &at(&folder, "none/card.png")], 2),
        (vec!["man", "--out", &card], 2),
        (vec!["policy", "show", "messenger"], 0),
        // Here is no streamward-batch; where there is one, it finds no scheduler.
        (vec!["payments", "score", "none.csv", "--cluster", "df://127.0.0.1:1"], 2),
        (vec!["payments", "score", "none.csv", "--shared", "rows"], 2),
        (vec!["policy", "show", &at(&folder, "none.toml")], 2),
        (vec!["no-such-command"], 2),
        (vec![], 2),
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn an_invalid_policy_is_4_and_names_what_is_wrong() {
    let folder = folder();
    let good = text(&run(&["policy", "show", "messenger"]).stdout);
    let (valid, wrong, unknown) = (at(&folder, "valid.toml"), at(&folder, "wrong.toml"), at(&folder, "unknown.toml"));
    fs::write(&valid, &good).unwrap();
    fs::write(&wrong, good.replace("block = 0.7", "block = 1.5")).unwrap();
    fs::write(&unknown, good.replace("hold_ms", "hold_msec")).unwrap();
    let none = at(&folder, "none.toml");
    for (files, code, part) in [
        (vec![&valid], 0, ""),
        (vec![&valid, &wrong], 4, "score.block is 1.5 and must be from 0 to 1"),
        (vec![&unknown], 4, "hold_msec"),
        (vec![&none], 2, "none.toml"),
        (vec![&none, &wrong, &valid], 4, "1.5"),
    ] {
        let mut arguments = vec!["policy", "check", "--json"];
        arguments.extend(files.iter().map(|file| file.as_str()));
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(code), "{files:?}");
        let said = text(&output.stderr);
        assert!(said.contains(part) && (code == 0) == said.is_empty(), "{files:?}: {said}");
        assert!(code == 0 || said.contains("\n  to do: "), "{said}");
    }
    assert_eq!(run(&["policy", "show", &wrong]).status.code(), Some(4));
    let shown: serde_json::Value = serde_json::from_slice(&run(&["policy", "show", &valid, "--json"]).stdout).unwrap();
    assert_eq!((&shown["timing"]["judge_timeout_ms"], &shown["score"][0]["block"]), (&10_000.into(), &0.7.into()));
}

/// A stand-in takes the place of streamward-guard, so that every code it can end with is seen here.
#[cfg(unix)]
#[test]
fn the_guards_arguments_and_exit_code_pass_through() {
    let folder = folder_beside_the_program();
    let program = with_guard(folder.path());
    for code in [0, 1, 2, 3, 4, 130] {
        let asked = ["guard", "file", "in.mp4", "--out", "out.mp4", "--help"];
        let output = Command::new(&program).args(asked).env("CODE", code.to_string()).output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(text(&output.stdout), "file in.mp4 --out out.mp4 --help\n");
    }
    for (theirs, ours) in [(0, [0, 3]), (3, [3, 3]), (2, [2, 2]), (101, [2, 2])] {
        let output = Command::new(&program).arg("doctor").env("CODE", theirs.to_string()).output().unwrap();
        assert!(ours.contains(&output.status.code().unwrap()), "{theirs}: {output:?}");
    }
    for code in [0, 3] {
        let output = Command::new(&program).arg("selftest").env("CODE", code.to_string()).output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(text(&output.stdout).contains("card known 4, at most"), "{output:?}");
    }
}

#[cfg(unix)]
#[test]
fn an_absent_guard_is_named_with_what_to_do() {
    let folder = folder_beside_the_program();
    let program = beside(folder.path());
    for command in ["guard", "selftest", "doctor"] {
        let output = Command::new(&program).arg(command).env("PATH", folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}");
        let said = text(&output.stderr) + &text(&output.stdout);
        assert!(said.contains("neither beside this program nor on PATH") && said.contains("to do: "), "{said}");
    }
}

/// A link, not a copy: a file just written may still be open in a sibling process and could not be run.
#[cfg(unix)]
fn with_guard(folder: &Path) -> PathBuf {
    let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand-in.sh");
    std::os::unix::fs::symlink(stand_in, folder.join("streamward-guard")).unwrap();
    beside(folder)
}

/// The program under another name of its own, in a folder without a guard.
#[cfg(unix)]
fn beside(folder: &Path) -> PathBuf {
    let program = folder.join("streamward");
    fs::hard_link(PROGRAM, &program).unwrap();
    program
}

/// In the build's own folder, since a hard link stays on one file system.
#[cfg(unix)]
fn folder_beside_the_program() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn at(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
