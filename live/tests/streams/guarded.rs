//! How is a stream guarded in a test, and who can be struck?

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use guard::Policy;

use crate::servers::Running;

/// Holds long enough for a machine with other work.
pub(crate) const HOLD_MS: u32 = 800;

/// The card by its list, no model, the given hold.
pub(crate) fn policy_file(folder: &Path) -> (PathBuf, Policy) {
    let text = format!(
        "name = \"streams\"\nversion = 1\ndescription = \"For tests.\"\n\
         [timing]\nhold_ms = {HOLD_MS}\nfreeze_ms = 200\ncover_min_ms = 1000\nclear_ms = 1000\n\
         [reuse]\nmax_ms = 0\n[judges]\nlists = [\"test-card\"]\nregions = [\"whole\", \"trimmed\"]\n"
    );
    let path = folder.join("streams.toml");
    std::fs::write(&path, &text).unwrap();
    (path, Policy::parse(&text).unwrap())
}

/// A guard that is running.
pub(crate) struct Guard {
    pub(crate) keeper: Running,
    words: PathBuf,
}

impl Guard {
    pub(crate) fn start(folder: &Path, from: &str, to: &str, policy: &Path) -> Guard {
        Guard::start_with(folder, from, to, policy, &[])
    }

    pub(crate) fn start_with(folder: &Path, from: &str, to: &str, policy: &Path, more: &[&str]) -> Guard {
        let words = folder.join(format!("words-{}", std::fs::read_dir(folder).unwrap().count()));
        let protocol = from.split("://").next().unwrap();
        let mut guard = Command::new(env!("CARGO_BIN_EXE_streamward-guard"));
        guard.args([protocol, from, "--to", to, "--threads", "2", "--json", "--policy"]).arg(policy);
        guard.args(more).env("STREAMWARD_RUN", folder.join("run"));
        guard.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(std::fs::File::create(&words).unwrap());
        Guard { keeper: Running(guard.spawn().unwrap()), words }
    }

    /// Everything it has said to people.
    pub(crate) fn words(&self) -> String {
        std::fs::read_to_string(&self.words).unwrap_or_default()
    }

    /// Waits until it has said this `n` times.
    pub(crate) fn wait_for_words(&self, words: &str, n: usize) {
        let give_up = Instant::now() + Duration::from_secs(60);
        while self.words().matches(words).count() < n {
            assert!(Instant::now() < give_up, "{words:?} is not said {n} times:\n{}", self.words());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The process number of one of its parts, while it lives.
    pub(crate) fn part(&self, name: &str) -> Option<u32> {
        let keeper = self.keeper.0.id();
        std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let facts = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent: u32 = facts.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()?;
            let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
            (parent == keeper && line.split('\0').nth(2) == Some(name)).then_some(pid)
        })
    }

    /// Waits for a part to be there.
    pub(crate) fn wait_for_part(&self, name: &str) -> u32 {
        let give_up = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(pid) = self.part(name) {
                return pid;
            }
            assert!(Instant::now() < give_up, "there is no {name}:\n{}", self.words());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Interrupts it, as a person does; returns its report.
    pub(crate) fn finish(mut self) -> serde_json::Value {
        signal(self.keeper.0.id(), "INT");
        let out = self.keeper.0.stdout.take().unwrap();
        let text = std::io::read_to_string(out).unwrap();
        serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text:?}\n{}", self.words()))
    }
}

/// Sends a signal by its name.
pub(crate) fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status();
}
