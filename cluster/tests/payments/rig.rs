//! Which processes are there?

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cluster::certificates::Wanted;

use crate::server::{Server, names};

pub(crate) const CONSUMERS: [&str; 2] = ["c1", "c2"];
pub(crate) const READER: &str = "payments";
/// A partition whose owner is dead is others' to take after a quarter more than this.
const TTL_MS: &str = "1500";

/// A bus, and who publishes, consumes and reads.
pub(crate) struct Rig(Server);

impl Rig {
    pub(crate) fn new(folder: &Path) -> Rig {
        let wanted = Wanted {
            readers: names(&[READER, "watcher"]),
            publishers: names(&["publisher"]),
            consumers: names(&CONSUMERS),
            ..Wanted::default()
        };
        std::fs::write(folder.join("rates.csv"), payments::simulate::RATES).unwrap();
        std::fs::write(folder.join("key"), [7; 32]).unwrap();
        let users = [
            ("c1.consumer.streamward", "\"streamward.payments.transfer\""),
            ("c2.consumer.streamward", "\"streamward.payments.transfer\""),
            ("publisher.publisher.streamward", "\"streamward.payments.alert.>\", \"$KV.>\""),
            ("payments.reader.streamward", "\"streamward.>\", \"$KV.>\""),
            ("watcher.reader.streamward", "\"streamward.>\", \"$KV.>\""),
        ];
        Rig(Server::start(folder, wanted, &users))
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    pub(crate) fn start_consumer(&mut self, name: &str) {
        let state = self.0.path(name);
        let arguments = ["payments", "consume", "--state", &state, "--snapshot-every", "200", "--ttl-ms", TTL_MS];
        self.0.spawn(name, self.0.ours(name, &arguments));
    }

    pub(crate) fn start_reader(&mut self) {
        let out = self.0.path("alerts.jsonl");
        self.0.spawn(READER, self.0.ours(READER, &["payments", "alerts", "--out", &out]));
    }

    /// Puts a file on the bus; `-` is what is written to it.
    pub(crate) fn publisher(&self, file: &str) -> Child {
        let (rates, key) = (self.0.path("rates.csv"), self.0.path("key"));
        let mut command = self.0.ours("publisher", &["payments", "publish", file, "--rates", &rates, "--key", &key]);
        command.stdin(Stdio::piped()).spawn().unwrap()
    }

    pub(crate) fn kill(&mut self, name: &str) {
        self.0.kill(name);
    }

    pub(crate) fn has_ended(&mut self, name: &str) -> bool {
        self.0.has_ended(name)
    }

    pub(crate) fn memory_kib(&self, name: &str) -> u64 {
        self.0.memory_kib(name)
    }

    pub(crate) fn log(&self, name: &str) -> String {
        self.0.log(name)
    }

    pub(crate) fn snapshot(&self, consumer: &str) -> PathBuf {
        self.0.folder.join(consumer).join("snapshot")
    }

    /// Whole lines of the record.
    pub(crate) fn record(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.0.folder.join("alerts.jsonl")).unwrap_or_default();
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
    }
}

/// Transfers that are written to a publisher, as many as are allowed.
pub(crate) struct Feed {
    publisher: Child,
    lines: Vec<String>,
    n_fed: Arc<AtomicUsize>,
    work: Option<std::thread::JoinHandle<ChildStdin>>,
}

impl Feed {
    pub(crate) fn start(mut publisher: Child, lines: &[String]) -> Feed {
        let input = publisher.stdin.take().expect("its input is ours");
        let work = Some(std::thread::spawn(move || input));
        Feed { publisher, lines: lines.to_vec(), n_fed: Arc::default(), work }
    }

    /// Writes up to `n` lines altogether, evenly over `span`, behind what it writes already.
    pub(crate) fn allow(&mut self, n: usize, span: Duration) {
        let mut input = self.work.take().expect("there is always one").join().unwrap();
        let first = self.n_fed.load(Ordering::SeqCst);
        let (lines, n_fed) = (self.lines[first..n].to_vec(), Arc::clone(&self.n_fed));
        self.work = Some(std::thread::spawn(move || {
            let (began, n_lines) = (Instant::now(), lines.len());
            for (number, line) in lines.into_iter().enumerate() {
                let due = began + span.mul_f64(number as f64 / n_lines as f64);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                input.write_all(format!("{line}\n").as_bytes()).expect("the publisher reads");
                n_fed.fetch_add(1, Ordering::SeqCst);
            }
            input
        }));
    }

    pub(crate) fn n_fed(&self) -> usize {
        self.n_fed.load(Ordering::SeqCst)
    }

    /// Ends the input and waits for the publisher.
    pub(crate) fn end(mut self) -> ExitStatus {
        drop(self.work.take().expect("there is always one").join().unwrap());
        self.publisher.wait().unwrap()
    }
}
