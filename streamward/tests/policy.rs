//! Is a signed policy taken, and one that breaks a rule refused with exit code 4?

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn run(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    command.current_dir(folder).args(arguments.split(' ')).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write(folder: &Path, version: u32) {
    let text = format!(
        "name = \"school\"\nversion = {version}\ndescription = \"For tests.\"\n[timing]\nhold_ms = 800\n\
         [judges]\nlists = [\"test-card\"]\n"
    );
    fs::write(folder.join("school.toml"), text).unwrap();
}

#[test]
fn a_policy_is_signed_verified_and_proved_and_refused_when_it_breaks_a_rule() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let ok = |arguments: &str| {
        let output = run(folder, arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let refused = |words: &str| {
        let output = run(folder, "policy verify school.toml --keys keys --need 2 --seen seen");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{words}: {said}");
        assert!(said.contains(words) && said.contains("\n  to do: "), "{words}: {said}");
    };
    let keys: String = ["ada", "bo"].map(|name| ok(&format!("list key --name {name} --out {name}.key"))).concat();
    fs::write(folder.join("keys"), keys).unwrap();
    let verify = "policy verify school.toml --keys keys --need 2 --seen seen";

    write(folder, 1);
    refused("it is not signed");
    ok("policy sign school.toml --key ada.key");
    refused("1 of the 2 signatures");
    ok("policy sign school.toml --key bo.key");
    assert!(ok(verify).contains("may be used for ever; signed by ada, bo; 1 versions"));
    let old = ["school.toml", "school.toml.sig"].map(|name| fs::read(folder.join(name)).unwrap());

    write(folder, 2);
    refused("are of \"school\", version 1");
    ok("policy sign school.toml --key ada.key --key bo.key --until 2999-12-31");
    assert!(ok(&format!("{verify} --json")).contains("\"until\":\"2999-12-31\""));
    assert_eq!(ok("policy log school.toml").lines().count(), 2);
    assert!(ok("policy log school.toml --proof 1").starts_with("index 0\nentry "));
    assert!(ok("policy log school.toml --grown-from 1").starts_with("before 1\nroot "));
    let sign_again = run(folder, "policy sign school.toml --key ada.key --until 2998-01-01");
    assert_eq!(sign_again.status.code(), Some(2), "a version is signed once: {}", text(&sign_again.stderr));

    ["school.toml", "school.toml.sig"]
        .iter()
        .zip(&old)
        .for_each(|(name, old)| fs::write(folder.join(name), old).unwrap());
    refused("version 2 was seen before");
    write(folder, 3);
    ok("policy sign school.toml --key ada.key --key bo.key");
    refused("its log is not the one that was seen before");
    fs::remove_file(folder.join("seen")).unwrap();
    ok(verify);
    write(folder, 4);
    ok("policy sign school.toml --key ada.key --key bo.key --until 2020-01-01");
    refused("it expired after 2020-01-01");
    fs::write(
        folder.join("school.toml"),
        fs::read_to_string(folder.join("school.toml")).unwrap().replace("800", "900"),
    )
    .unwrap();
    refused("it has been changed since");
}

#[test]
fn the_status_shows_guards_and_those_that_were_killed() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let none = run(folder, "status --run .");
    assert_eq!((none.status.code(), text(&none.stdout).as_str()), (Some(0), "no guard runs here\n"));
    let write = |pid: u32| {
        let said = format!(
            "{{\"what\":\"folder\",\"pid\":{pid},\"since\":1,\"words\":\"guarded by the policy school 2\",\"lists\":[[\"Test\",5]],\
             \"standing\":\"the folder is guarded\",\"is_well\":true,\"counts\":{{\"opens\":7}}}}"
        );
        fs::write(folder.join(format!("{pid}.json")), said).unwrap();
    };
    write(std::process::id());
    let well = run(folder, "status --run .");
    let said = text(&well.stdout);
    assert_eq!(well.status.code(), Some(0), "{said}");
    assert!(said.contains("the folder is guarded") && said.contains("school 2") && said.contains("opens 7"), "{said}");
    // No process has this number: it is above the largest there is.
    write(4_194_305);
    let killed = run(folder, "status --run .");
    assert_eq!(killed.status.code(), Some(3));
    assert!(text(&killed.stdout).contains("its keeper was killed"), "{}", text(&killed.stdout));
}
