//! Does the guard refuse a policy that nobody signed, that was altered, is older than one seen, or has expired?

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use record::edition::digest;
use record::{Day, Edition, Editions, Signer};

fn signer(name: &str, secret: u8) -> Signer {
    Signer::new(name, &[secret; 32]).unwrap()
}

fn text(version: u64) -> String {
    format!(
        "name = \"school\"\nversion = {version}\ndescription = \"Covers what is known.\"\n[timing]\nhold_ms = 800\n\
         [judges]\nlists = [\"test-card\"]\n"
    )
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let keys: String =
            [("ada", 1), ("bo", 2), ("cy", 3)].map(|(n, s)| format!("{}\n", signer(n, s).key())).concat();
        fs::write(folder.path().join("keys"), keys).unwrap();
        Place { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the policy, signed by so many, after the versions of `earlier`.
    fn publish(&self, version: u64, until: Option<&str>, n_signers: usize, earlier: Option<&Editions>) -> Editions {
        let text = text(version);
        fs::write(self.at("school.toml"), &text).unwrap();
        let expires = until.map(|day| Day::parse(day).unwrap());
        let edition = Edition { version, sha256: digest(text.as_bytes()), expires };
        let mut editions = Editions::begin("policy", "school", edition, earlier).unwrap();
        [("ada", 1), ("bo", 2)][..n_signers].iter().for_each(|(name, secret)| editions.sign(&signer(name, *secret)));
        fs::write(self.at("school.toml.sig"), editions.to_string()).unwrap();
        editions
    }

    /// Asks the guard to judge nothing by it.
    fn guard(&self, policy: &Path) -> Output {
        let mut guard = Command::new(env!("CARGO_BIN_EXE_streamward-guard"));
        guard.args(["judge", "--policy-need", "2", "--policy"]).arg(policy).arg("--policy-keys").arg(self.at("keys"));
        guard.env("STREAMWARD_STATE", self.at("state")).stdin(Stdio::null()).output().unwrap()
    }

    fn assert_refused(&self, words: &str) {
        let output = self.guard(&self.at("school.toml"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{words}: {said}");
        assert!(said.contains(words) && said.contains("\n  to do: "), "{words}: {said}");
    }

    fn assert_used(&self) {
        let output = self.guard(&self.at("school.toml"));
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn each_policy_that_breaks_a_rule_is_refused_with_its_rule() {
    let place = Place::new();
    let first = place.publish(1, None, 2, None);
    place.assert_used();
    let second = place.publish(2, Some("2999-12-31"), 2, Some(&first));
    place.assert_used();
    place.publish(1, None, 2, None);
    place.assert_refused("version 2 was seen before");
    place.publish(3, Some("2020-01-01"), 2, Some(&second));
    place.assert_refused("it expired after 2020-01-01");
    place.publish(3, None, 1, Some(&second));
    place.assert_refused("1 of the 2 signatures");
    place.publish(4, None, 2, Some(&place.publish(3, None, 2, None)));
    place.assert_refused("its log is not the one that was seen before");
    place.publish(3, None, 2, Some(&second));
    fs::write(place.at("school.toml"), text(3).replace("800", "900")).unwrap();
    place.assert_refused("it has been changed since");
    fs::remove_file(place.at("school.toml.sig")).unwrap();
    place.assert_refused("it is not signed");
    place.publish(3, None, 2, Some(&second));
    place.assert_used();
}

#[test]
fn where_signatures_are_asked_for_a_shipped_policy_is_not_enough() {
    let output = Place::new().guard(Path::new("livestream"));
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn whoever_is_guarded_is_told_the_policy_and_how_to_object() {
    let place = Place::new();
    place.publish(1, Some("2999-12-31"), 2, None);
    let mut guard = Command::new(env!("CARGO_BIN_EXE_streamward-guard"));
    guard.args(["folder", "--react", "--policy-need", "2", "--policy"]).arg(place.at("school.toml"));
    guard.arg("--policy-keys").arg(place.at("keys")).arg(place.at("state")).env("STREAMWARD_STATE", place.at("state"));
    fs::create_dir(place.at("state")).unwrap();
    let guard = guard.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    Command::new("kill").args(["-INT", &guard.id().to_string()]).status().unwrap();
    let said = String::from_utf8(guard.wait_with_output().unwrap().stderr).unwrap();
    assert!(
        said.contains("guarded by the policy school 1 (signed by ada, bo, until 2999-12-31): Covers what is known."),
        "{said}"
    );
    assert!(said.contains("Covered by mistake? You can object"), "{said}");
}
