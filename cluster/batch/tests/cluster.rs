//! Does a cluster give the bits of one process, and does it when an executor dies?
//!
//! Real processes of the program on this machine. 200,000 rows; ten million too with `STREAMWARD_TEST_ALL=1`, which wants
//! a release build, 8 GB of memory and a quarter of an hour, and prints what each run took.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, unreachable_pub, reason = "a test is an edge")]

#[path = "cluster/made_up.rs"]
mod made_up;
#[path = "cluster/rig.rs"]
mod rig;

use std::path::{Path, PathBuf};

use payments::pack::LIVESTREAM_EXPLOITATION;
use payments::read::jsonl::{JsonReader, write_one};
use payments::read::{Door, Entry};
use payments::score::raised;
use payments::simulate::{RATES, Settings, world};
use payments::{Alert, Book, Pack, PartyKey, Rates};
use rig::{Cluster, Ended, Process, wait_until};
use tempfile::TempDir;

const N_ROWS: u32 = 200_000;

/// A folder of rows, their ids, and a place for logs.
struct Made {
    folder: TempDir,
    rows: String,
    ids: String,
}

impl Made {
    fn new(n: u32) -> Made {
        let folder = TempDir::new().unwrap();
        let (rows, ids) = (folder.path().join("rows"), folder.path().join("ids.jsonl"));
        made_up::write(&rows, &ids, n);
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        Made { folder, rows: text(rows), ids: text(ids) }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn words<'a>(&'a self, command: &'a [&'a str]) -> Vec<&'a str> {
        [command, &[&*self.rows, "--ids", &*self.ids]].concat()
    }

    /// Runs the program in one process.
    fn alone(&self, command: &[&str], engine: &[&str]) -> Ended {
        Process::start(self.path(), "alone", &[&self.words(command)[..], engine].concat()).end()
    }
}

const DIGEST: &[&str] = &["features", "--digest"];

#[test]
fn a_cluster_gives_the_bits_of_one_process() {
    let made = Made::new(N_ROWS);
    let cluster = Cluster::start(&made.path().join("cluster"), 2, None);
    for command in [DIGEST, &["features"], &["score"]] {
        let plain = made.alone(command, &["--plain"]);
        let here = made.alone(command, &["--pieces", "5"]);
        let there = cluster.client(&[&made.words(command)[..], &["--pieces", "7"]].concat()).end();
        assert!(plain.out.len() > 80, "{command:?} wrote too little to tell anything");
        assert!(plain.out == here.out, "{command:?}: DataFusion gives something else");
        assert!(plain.out == there.out, "{command:?}: the cluster gives something else");
        assert_eq!((plain.status.code(), here.status.code()), (there.status.code(), there.status.code()));
    }
    for executor in &cluster.executors {
        assert!(executor.n_said("Finished task") > 0, "an executor had nothing to do, so nothing was shown about two");
    }
}

#[test]
fn an_executor_that_dies_in_the_middle_changes_nothing() {
    let made = Made::new(N_ROWS);
    let plain = made.alone(DIGEST, &["--plain"]);
    killed(&made, &plain.out);
}

/// Kills an executor that has finished a task, whose result others need, and is at another one.
fn killed(made: &Made, expected: &[u8]) {
    for _ in 0..5 {
        let mut cluster = Cluster::start(&made.path().join("killed"), 2, None);
        let client = cluster.client(&[&made.words(DIGEST)[..], &["--pieces", "8"]].concat());
        let [victim, other] = &mut cluster.executors[..] else { panic!("two were started") };
        let is_in_the_middle = |of: &Process| {
            let (begun, done) = (of.n_said("Received task"), of.n_said("Finished task"));
            done > 1 && begun > done
        };
        wait_until("an executor is in the middle", || is_in_the_middle(victim) || !client.is_running());
        victim.kill();
        // Whether the blow fell into its work is told by its last words, and by a client that was not answered.
        let fell_in_time = is_in_the_middle(victim) && client.is_running();
        let n_before = other.n_said("Received task");
        let ended = client.end();
        if !fell_in_time {
            eprintln!("the blow came too late; once more");
            continue;
        }
        assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.out));
        assert!(ended.out == expected, "after an executor's death something else came out");
        let (begun, done) = (victim.n_said("Received task"), victim.n_said("Finished task"));
        let n_after = other.n_said("Received task") - n_before;
        eprintln!(
            "killed at its task {begun}, with {done} done; the other took {n_after} more; {:.1} s until the answer",
            ended.wall_s
        );
        assert!(n_after > 0, "nobody took over");
        return;
    }
    panic!("five times the blow fell after the work");
}

#[test]
fn alerts_of_a_file_are_those_of_one_process_to_the_byte() {
    let folder = TempDir::new().unwrap();
    let settings =
        Settings { seed: 7, region: 0, n_remitters: 3000, n_days: 365, first_day: 20_089, n_cases_per_100_000: 1000 };
    let made: String = world(settings).transfers.iter().map(|one| write_one(one) + "\n").collect();
    let (file, rates) = (folder.path().join("transfers.jsonl"), folder.path().join("rates.csv"));
    std::fs::write(&file, &made).unwrap();
    std::fs::write(&rates, RATES).unwrap();

    let pack = Pack::parse(LIVESTREAM_EXPLOITATION, None).unwrap();
    let table = Rates::parse(RATES, pack.currency).unwrap();
    let key = PartyKey::new(b"streamward: not a secret").unwrap();
    let transfers = JsonReader::new(made.as_bytes(), Door::plain(key)).map(|entry| match entry.unwrap() {
        Entry::Transfer { transfer, .. } => *transfer,
        Entry::Reject(reject) => panic!("{reject}"),
    });
    let (book, rejects) = Book::new(transfers.collect(), &table, &pack.scope).unwrap();
    assert!(rejects.is_empty());
    let features = payments::features::batch(book.rows(), pack.spans);
    let expected: String = Alert::all(&raised(&book, &features, &pack), &book, &features, &pack, &table)
        .iter()
        .map(|alert| alert.to_json() + "\n")
        .collect();
    assert!(expected.lines().count() > 5, "too few alerts to tell anything");

    let (file, rates) = (file.to_string_lossy().into_owned(), rates.to_string_lossy().into_owned());
    let words = ["score", &file, "--rates", &rates, "--json"];
    let cluster = Cluster::start(&folder.path().join("cluster"), 2, None);
    let there = cluster.client(&words).end();
    assert_eq!(there.status.code(), Some(1));
    assert!(there.out == expected.as_bytes(), "the cluster gives other alerts");
    match std::env::var_os("STREAMWARD_PROGRAM") {
        None => eprintln!("lacking: STREAMWARD_PROGRAM, so `streamward payments score --cluster` was not asked"),
        Some(program) => {
            let handed_over = cluster.desk(&program, &[&["payments"], &words[..]].concat());
            assert_eq!(handed_over.status.code(), Some(1), "{}", String::from_utf8_lossy(&handed_over.stderr));
            assert!(handed_over.stdout == expected.as_bytes(), "handed over, the cluster gives other alerts");
        }
    }
    let here = Process::start(folder.path(), "alone", &words).end();
    assert!(here.out == expected.as_bytes(), "DataFusion gives other alerts");
}

#[test]
fn what_is_missing_is_named() {
    let folder = TempDir::new().unwrap();
    let rows = folder.path().join("rows").to_string_lossy().into_owned();
    std::fs::create_dir(&rows).unwrap();
    for (words, named) in [
        (vec!["features", &rows], "write the folder anew"),
        (vec!["score", "transfers.jsonl"], "check the path"),
        (vec!["score", "transfers.jsonl", "--set", "nonsense"], "NAME=VALUE"),
        (vec!["executor", "--scheduler", "nowhere"], "give --scheduler HOST:PORT"),
    ] {
        let process = Process::start(folder.path(), "wrong", &words);
        let ended = process.end();
        assert_eq!(ended.status.code(), Some(2), "{words:?}");
        assert!(ended.said.contains(named), "{words:?} says {}", ended.said);
    }
}

#[test]
fn over_tls_it_is_the_same_and_a_stranger_gets_nothing() {
    let made = Made::new(20_000);
    let certificates = made.path().join("certificates");
    rig::make_certificates(&certificates);
    let cluster = Cluster::start(&made.path().join("cluster"), 2, Some(&certificates));
    let words = made.words(DIGEST);
    let there = cluster.client(&words).end();
    assert_eq!(there.status.code(), Some(0));
    assert!(there.out == made.alone(DIGEST, &["--plain"]).out, "over TLS something else comes out");
    let stranger = cluster.stranger(&words).end();
    assert_eq!((stranger.status.code(), stranger.out.len()), (Some(2), 0), "a stranger was answered");
}

/// Ten million, once; the middle of a page of figures.
#[test]
fn ten_million() {
    if std::env::var_os("STREAMWARD_TEST_ALL").is_none() {
        eprintln!("ten million rows: not run without STREAMWARD_TEST_ALL=1");
        return;
    }
    let made = Made::new(10_000_000);
    for command in [&["score"][..], DIGEST] {
        let plain = made.alone(command, &["--plain"]);
        let kernel = plain.said.lines().find(|line| line.contains("the kernel alone")).unwrap_or_default();
        eprintln!("{command:?}: one thread {:7.2} CPU-s {:7.2} s;{kernel}", plain.cpu_s, plain.wall_s);
        let here = made.alone(command, &["--pieces", "8"]);
        tell("DataFusion, two threads", here.cpu_s, &here, &plain);
        assert!(here.out == plain.out, "DataFusion gives something else");
        for n_executors in [1, 2] {
            let cluster = Cluster::start(&made.path().join(format!("cluster-{n_executors}")), n_executors, None);
            let before_s = cluster.cpu_s();
            let there = cluster.client(&[&made.words(command)[..], &["--pieces", "8"]].concat()).end();
            let cpu_s = there.cpu_s + cluster.cpu_s() - before_s;
            tell(&format!("Ballista, executors: {n_executors}"), cpu_s, &there, &plain);
            assert!(there.out == plain.out, "the cluster gives something else");
        }
        if command == DIGEST {
            eprintln!("{}", String::from_utf8_lossy(&plain.out));
            killed(&made, &plain.out);
        }
    }
}

fn tell(who: &str, cpu_s: f64, ended: &Ended, plain: &Ended) {
    eprintln!("  {who:24} {cpu_s:7.2} CPU-s {:7.2} s, {:.2} times the plain CPU", ended.wall_s, cpu_s / plain.cpu_s);
}
