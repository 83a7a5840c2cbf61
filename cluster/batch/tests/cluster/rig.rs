//! A cluster on this machine: a scheduler and executors as processes, whose processor time is read from the system.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// A process, killed when it is dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
    out: PathBuf,
}

/// How a process ended.
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub out: Vec<u8>,
    /// What it said.
    pub said: String,
    /// Seconds on a processor.
    pub cpu_s: f64,
    /// Seconds by the wall.
    pub wall_s: f64,
}

impl Process {
    /// Starts the program; its log and its output are files in `folder`.
    pub fn start(folder: &Path, name: &str, words: &[&str]) -> Process {
        let (log, out) = (folder.join(format!("{name}.log")), folder.join(format!("{name}.out")));
        let file = |path: &Path| Stdio::from(File::create(path).expect("a file of the test"));
        let child = Command::new(env!("CARGO_BIN_EXE_streamward-batch"))
            .args(["--log", "info"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(file(&out))
            .stderr(file(&log))
            .spawn()
            .expect("the program starts");
        Process { child, log, out }
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// How often it said so.
    pub fn n_said(&self, words: &str) -> usize {
        self.said().matches(words).count()
    }

    /// Seconds on a processor so far, of all its threads, and whether it has ended (proc_pid_stat(5): 14 utime, 15 stime).
    pub fn cpu_s(&self) -> (f64, bool) {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name of the program stands in brackets and may hold anything.
        let fields: Vec<&str> = text.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
        let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        // The third field is the first here; the system counts in hundredths (USER_HZ).
        ((ticks(11) + ticks(12)) / 100.0, fields.first().is_none_or(|state| *state == "Z"))
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        !self.cpu_s().1
    }

    /// Waits for its end; its processor time is read while the system still keeps it.
    pub fn end(mut self) -> Ended {
        let began = Instant::now();
        let cpu_s = loop {
            let (cpu_s, has_ended) = self.cpu_s();
            if has_ended {
                break cpu_s;
            }
            assert!(began.elapsed() < Duration::from_secs(1800), "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        };
        let status = self.child.wait().expect("a child can be waited for");
        let out = std::fs::read(&self.out).expect("its output is a file");
        Ended { status, out, said: self.said(), cpu_s, wall_s: began.elapsed().as_secs_f64() }
    }

    /// As a power cut does it (SIGKILL).
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scheduler and its executors.
pub struct Cluster {
    folder: PathBuf,
    /// The scheduler.
    pub scheduler: Process,
    /// The executors.
    pub executors: Vec<Process>,
    url: String,
    certificates: Option<String>,
}

impl Cluster {
    /// Starts a scheduler and `n` executors with one task at a time each; over TLS where there are certificates.
    pub fn start(folder: &Path, n: usize, certificates: Option<&Path>) -> Cluster {
        let folder = folder.to_owned();
        std::fs::create_dir_all(&folder).expect("a folder of the test");
        let certificates = certificates.map(|path| path.to_string_lossy().into_owned());
        let tls = |name| tls_words(certificates.as_deref(), name);
        let address = format!("127.0.0.1:{}", free_port());
        let words = ["scheduler", "--listen", &address, "--lost-after-s", "6"];
        let scheduler = Process::start(&folder, "scheduler", &[&words[..], &tls("scheduler")].concat());
        wait_until("the scheduler listens", || TcpStream::connect(&address).is_ok());
        let executor = |number: usize| {
            let listen = format!("127.0.0.1:{}", free_port());
            let work = folder.join(format!("work-{number}"));
            let work = work.to_string_lossy();
            let words = ["executor", "--scheduler", &address, "--listen", &listen, "--tasks", "1", "--work", &work];
            Process::start(&folder, &format!("executor-{number}"), &[&words[..], &tls("executor")].concat())
        };
        let executors: Vec<Process> = (0..n).map(executor).collect();
        for executor in &executors {
            wait_until("an executor polls", || executor.n_said("Starting poll work loop") > 0);
        }
        let url = format!("df://{address}");
        Cluster { folder, scheduler, executors, url, certificates }
    }

    /// Starts a client of it.
    pub fn client(&self, words: &[&str]) -> Process {
        let tls = tls_words(self.certificates.as_deref(), "client");
        Process::start(&self.folder, "client", &[words, &["--cluster", &self.url], &tls].concat())
    }

    /// Starts a client that shows no certificate.
    pub fn stranger(&self, words: &[&str]) -> Process {
        Process::start(&self.folder, "stranger", &[words, &["--cluster", &self.url]].concat())
    }

    /// Runs the desk's own program, which finds ours on PATH and becomes it.
    pub fn desk(&self, program: &OsStr, words: &[&str]) -> Output {
        let ours = Path::new(env!("CARGO_BIN_EXE_streamward-batch")).parent().expect("a program lies in a folder");
        let command = &mut Command::new(program);
        let command = command.args(words).args(["--cluster", &self.url]).env("PATH", ours).stdin(Stdio::null());
        command.output().expect("the desk's program starts")
    }

    /// Seconds on a processor so far, of scheduler and executors.
    pub fn cpu_s(&self) -> f64 {
        self.executors.iter().chain([&self.scheduler]).map(|process| process.cpu_s().0).sum()
    }
}

fn tls_words<'a>(certificates: Option<&'a str>, name: &'a str) -> Vec<&'a str> {
    certificates.map_or_else(Vec::new, |folder| vec!["--certificates", folder, "--name", name])
}

/// An authority and what it vouches for: three programs of this machine.
pub fn make_certificates(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder of the test");
    let write = |file: String, text: String| std::fs::write(folder.join(file), text).expect("the disk has room");
    let key = || rcgen::KeyPair::generate().expect("chance gives a key");
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("no name is a good name");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = key();
    write("ca.pem".into(), authority.self_signed(&authority_key).expect("it signs itself").pem());
    let issuer = rcgen::Issuer::new(authority, authority_key);
    for name in ["scheduler", "executor", "client"] {
        let own = key();
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".into()]).expect("an address is a good name");
        write(format!("{name}.pem"), params.signed_by(&own, &issuer).expect("the authority signs").pem());
        write(format!("{name}.key"), own.serialize_pem());
    }
}

/// Waits up to half a minute.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}
