//! Where does a running guard say what it does, for `streamward status` and for whoever collects metrics?
//!
//! One small file for each guard in the run folder, written anew each second by the keeper and gone with it. A keeper
//! that was killed leaves its file behind, and the status then says so.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, SyncSender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::lists::KnownList;
use crate::network::{Backoff, Record};
use crate::policies::Active;

/// How often it is said.
const EVERY: Duration = Duration::from_secs(1);

/// What does not change while a guard runs.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Facts {
    /// The command: `rtmp`, `folder`, …
    pub(crate) what: String,
    /// Which of several streams.
    pub(crate) stream: Option<String>,
    pub(crate) pid: u32,
    /// Seconds since 1970.
    pub(crate) since: u64,
    pub(crate) policy: String,
    pub(crate) version: u32,
    /// What the person is told of the policy, and how to object.
    pub(crate) words: String,
    /// Each list and when it was made, seconds since 1970.
    pub(crate) lists: Vec<(String, u64)>,
}

impl Facts {
    pub(crate) fn new(what: &str, active: &Active, lists: &[KnownList]) -> Facts {
        let made = |list: &KnownList| {
            let text = list.list().created().to_string();
            let day = text.get(..10).and_then(record::Day::parse);
            (list.name().to_string(), day.map_or(0, record::Day::first_second))
        };
        Facts {
            what: what.into(),
            stream: None,
            pid: std::process::id(),
            since: now_s(),
            policy: active.policy.name.clone(),
            version: active.policy.version,
            words: active.words(),
            lists: lists.iter().map(made).collect(),
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Where a guard is spoken of. Dropped, it says nothing any more.
pub(crate) struct Board {
    pub(crate) facts: Facts,
    file: Option<PathBuf>,
    to_file: Option<SyncSender<Vec<u8>>>,
    told: Option<Instant>,
    metrics: Option<Metrics>,
}

/// What the file holds.
#[derive(Serialize)]
struct Said<'a, T> {
    #[serde(flatten)]
    facts: &'a Facts,
    /// One sentence for the person.
    standing: &'a str,
    is_well: bool,
    counts: &'a T,
}

impl Board {
    /// Speaks in the run folder, where there is one, and on `address`, where that is given.
    pub(crate) fn new(facts: Facts, address: Option<&str>) -> Board {
        Board::named(facts, None, address)
    }

    /// As [`Board::new`], for one of several streams that a keeper has.
    pub(crate) fn named(facts: Facts, name: Option<&str>, address: Option<&str>) -> Board {
        let facts = Facts { stream: name.map(str::to_owned), ..facts };
        let file = run_folder().filter(|folder| std::fs::create_dir_all(folder).is_ok());
        let name = name.map(|name| format!(".{name}")).unwrap_or_default();
        let file = file.map(|folder| folder.join(format!("{}{name}.json", facts.pid)));
        if let Some(folder) = file.as_deref().and_then(Path::parent) {
            sweep(folder);
        }
        let to_file = file.clone().map(writer);
        let metrics = address.map(|address| Metrics {
            address: address.into(),
            part: None,
            at: None,
            backoff: Backoff::default(),
        });
        Board { facts, file, to_file, told: None, metrics }
    }

    /// Goes before what is said of one of several streams.
    pub(crate) fn prefix(&self) -> String {
        self.facts.stream.as_ref().map(|name| format!("{name}: ")).unwrap_or_default()
    }

    /// Once a second, says how things stand.
    pub(crate) fn tell<T: Serialize>(
        &mut self,
        standing: &str,
        is_well: bool,
        counts: &T,
        text: impl FnOnce(&Facts) -> String,
    ) {
        if self.told.is_some_and(|told| told.elapsed() < EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        if let Some(to_file) = &self.to_file {
            let said = serde_json::to_vec(&Said { facts: &self.facts, standing, is_well, counts }).unwrap_or_default();
            // Guarding does not depend on being spoken of.
            let _ = to_file.try_send(said);
        }
        if let Some(metrics) = &mut self.metrics {
            metrics.tell(text(&self.facts));
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.to_file = None;
        if let Some(file) = &self.file {
            // Nobody else writes it.
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Writes on a thread of its own: the keeper of a folder may never wait for an open, not even for its own.
fn writer(file: PathBuf) -> SyncSender<Vec<u8>> {
    let (to, said) = mpsc::sync_channel::<Vec<u8>>(1);
    std::thread::spawn(move || {
        let half = file.with_extension("new");
        for said in said {
            // The next one may be written.
            let _ = std::fs::write(&half, said).and_then(|()| std::fs::rename(&half, &file));
        }
    });
    to
}

/// What keepers left behind that were killed.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let pid = path.file_name().and_then(|name| name.to_str()?.split('.').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another keeper may have been faster.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// `$STREAMWARD_RUN`, else `streamward` in `$XDG_RUNTIME_DIR`, else `/run/streamward` for root.
pub(crate) fn run_folder() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of_user = || folder("XDG_RUNTIME_DIR").map(|run| run.join("streamward"));
    let of_root = || rustix::process::geteuid().is_root().then(|| "/run/streamward".into());
    folder("STREAMWARD_RUN").or_else(of_user).or_else(of_root)
}

/// The part that answers who asks for metrics.
struct Metrics {
    address: String,
    part: Option<(Child, SyncSender<Record>)>,
    at: Option<Instant>,
    backoff: Backoff,
}

impl Metrics {
    fn tell(&mut self, text: String) {
        if self.part.as_mut().is_some_and(|(child, _)| !matches!(child.try_wait(), Ok(None))) {
            self.part = None;
            self.at = Some(Instant::now() + self.backoff.next());
        }
        if self.part.is_none() && self.at.is_none_or(|at| at <= Instant::now()) {
            self.part = self.start().ok();
        }
        if let Some((_, to)) = &self.part {
            // One that does not read hears the next.
            let _ = to.try_send(Record::Beat(text));
        }
    }

    fn start(&self) -> std::io::Result<(Child, SyncSender<Record>)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["part", "metrics", &self.address]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn()?;
        let mut pipe = child.stdin.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let (to, records) = mpsc::sync_channel::<Record>(2);
        std::thread::spawn(move || while records.recv().is_ok_and(|record| record.write(&mut pipe).is_ok()) {});
        Ok((child, to))
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.part {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
