//! Does anything leave that should not, whatever fails?
//!
//! Three nats-servers, four workers, three gates and a reader of incidents, each a process on a machine of its own as
//! far as the network can tell. Workers are killed, cut off and stopped, the leader of the leases is killed, the reader
//! is killed; after each fault every stream must be judged again. Then two oracles look: one at the pixels that came
//! out, one at what each gate says it heard and decided.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

#[path = "faults/oracle.rs"]
mod oracle;
#[path = "faults/rig.rs"]
mod rig;
#[path = "faults/video.rs"]
mod video;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rig::Rig;
use video::{STEP, Video};

const WORKERS: [&str; 4] = ["w1", "w2", "w3", "w4"];
/// Each stream with how long it holds its frames: two broadcasts and a call.
const GATES: [(&str, u32); 3] = [("g1", 2000), ("g2", 2000), ("g3", 150)];
const TTL: Duration = Duration::from_secs(15);
/// After a fault every stream must be judged again within this.
const AGAIN_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KillWorker,
    CutWorker,
    StopWorker,
    StopClock,
    KillLeader,
    KillReader,
}

/// The seed of the faults; printed, and the same each time, unless STREAMWARD_SEED says another.
const SEED: u64 = 20_261_125;

/// What is done to one node, while which frames came in.
struct Happened {
    fault: Fault,
    node: String,
    from: Vec<usize>,
    to: Vec<usize>,
}

/// A number that the environment gives, if it does.
fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("it is a number"))
}

#[test]
fn whatever_fails_nothing_leaves_without_its_lease_and_no_incident_is_lost_or_doubled() {
    if Command::new("nats-server").arg("--version").output().is_err() {
        println!("lacking: nats-server is not installed; the fault test was not run (script/setup installs it)");
        return;
    }
    let guard_program = guard_program();
    let usual = if std::env::var_os("STREAMWARD_TEST_ALL").is_some() { 200 } else { 10 };
    let (n_faults, seed) = (given("STREAMWARD_FAULTS").unwrap_or(usual), given("STREAMWARD_SEED").unwrap_or(SEED));
    let folder = tempfile::tempdir().unwrap();
    let mut rig = set_up(folder.path(), &guard_program);
    let mut videos: Vec<Video> = Vec::new();
    for (number, (gate, hold_ms)) in GATES.into_iter().enumerate() {
        let child = rig.start_gate(gate, &gate_arguments(&rig, gate, hold_ms, &guard_program));
        videos.push(Video::start(child, number * 80));
    }
    let first = wait_until_judged(&videos);
    println!("all streams judged after {} ms; seed {seed}", first.as_millis());
    std::thread::sleep(Duration::from_secs(6));

    let mut dice = seed;
    let mut happened: Vec<Happened> = Vec::new();
    for n in 0..n_faults {
        let fault = choose(&rig, n as usize, &mut dice);
        let from: Vec<usize> = videos.iter().map(Video::n_in).collect();
        let node = commit(&mut rig, fault, &mut dice);
        let again = wait_until_judged(&videos);
        std::thread::sleep(Duration::from_millis(500 + roll(&mut dice, 1500)));
        println!("{n:>3} {fault:?} {node}: all streams judged again after {} ms", again.as_millis());
        happened.push(Happened { fault, node, from, to: videos.iter().map(Video::n_in).collect() });
    }
    // A worker that is asked to stop hands over.
    let drained_at: Vec<usize> = videos.iter().map(Video::n_in).collect();
    assert!(rig.stop("w1", Duration::from_secs(30)), "w1 was asked to stop and does not");
    wait_until_judged(&videos);
    std::thread::sleep(Duration::from_secs(2));

    let places: Vec<Vec<video::Place>> = videos.into_iter().map(Video::end).collect();
    // What was reported last has a moment to be read.
    std::thread::sleep(Duration::from_secs(3));
    let verdicts: Vec<oracle::Verdict> = GATES.iter().map(|(gate, _)| verdict(folder.path(), gate)).collect();
    tell(&verdicts, &happened, &drained_at);
    for (number, places) in places.iter().enumerate() {
        assert_eq!(video::leaked(places, number * 80), 0, "the card came out of {}", GATES[number].0);
        let own = (0..places.len()).filter(|place| places[*place] == video::Place::Own);
        let own: BTreeSet<u64> = own.map(|place| place as u64).collect();
        assert!(own == verdicts[number].released, "the journal says something else than the pixels");
    }
    for verdict in &verdicts {
        assert!(verdict.without_lease.is_empty(), "left without a lease: {:?}", verdict.without_lease);
        assert!(verdict.by_two.is_empty(), "left by two: {:?}", verdict.by_two);
    }
    let logs = WORKERS.map(|w| (w, std::fs::read_to_string(folder.path().join(format!("{w}.log"))).unwrap()));
    assert_eq!(oracle::judged_by_two(&logs), [""; 0], "two workers say that they judged under one epoch");
    check_incidents(folder.path(), &verdicts);
}

/// The program that judges: where the environment says, or built here.
fn guard_program() -> PathBuf {
    if let Some(program) = std::env::var_os("STREAMWARD_GUARD_PROGRAM") {
        return program.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let arguments = ["build", "--quiet", "-p", "streamward-live", "--bin", "streamward-guard"];
    let built = Command::new(cargo).args(arguments).current_dir(&root).status();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let program = target.join("debug/streamward-guard");
    assert!(built.is_ok_and(|status| status.success()) && program.is_file(), "streamward-guard cannot be built");
    program
}

fn set_up(folder: &Path, guard_program: &Path) -> Rig {
    let gates = GATES.map(|(gate, _)| gate);
    let nodes: Vec<&str> = ["n1", "n2", "n3"].into_iter().chain(WORKERS).chain(gates).chain(["casework"]).collect();
    let mut rig = Rig::new(folder, &nodes);
    let wanted = cluster::certificates::Wanted {
        gates: gates.iter().map(|name| lease::Name::new(name).unwrap()).collect(),
        workers: WORKERS.iter().map(|name| lease::Name::new(name).unwrap()).collect(),
        readers: vec![lease::Name::new("casework").unwrap()],
        servers: ["n1", "n2", "n3"].map(|n| (lease::Name::new(n).unwrap(), rig.address(n).parse().unwrap())).to_vec(),
    };
    cluster::certificates::make(&folder.join("tls"), &wanted).unwrap();
    for (_, hold_ms) in GATES {
        std::fs::write(folder.join(format!("{hold_ms}.toml")), policy(hold_ms)).unwrap();
    }
    let users = users();
    (0..rig::N_SERVERS).for_each(|number| rig.start_server(number, &users));
    for worker in WORKERS {
        // Any worker judges any of them: how long frames are held is the gate's alone.
        let arguments = bus_arguments(&rig, "worker", 2000, guard_program);
        let listen = format!("{}:4500", rig.address(worker));
        let own = ["--name", worker, "--listen", &listen, "--capacity", "1000000"].map(str::to_owned);
        rig.start(worker, &[&arguments[..], &own].concat());
    }
    let url = rig.url();
    let tls = folder.join("tls").display().to_string();
    let out = folder.join("incidents.jsonl").display().to_string();
    let reader = ["incidents", "--nats", &url, "--certificates", &tls, "--out", &out].map(str::to_owned);
    rig.start("casework", &reader);
    rig
}

/// A policy with the built-in list as its one judge. Every frame is looked at.
fn policy(hold_ms: u32) -> String {
    format!(
        "name = \"trial-{hold_ms}\"\nversion = 1\ndescription = \"The test card and nothing else.\"\n\
         [timing]\nhold_ms = {hold_ms}\n[reuse]\nmax_ms = 0\n[judges]\nlists = [\"test-card\"]\nregions = [\"whole\"]\n"
    )
}

/// Who may do what on the bus: nobody is let in without a certificate of ours, and only gates report incidents.
fn users() -> String {
    let user = |name: String, denied: &str| {
        format!("{{ user: \"{name}\", permissions: {{ publish: {{ deny: [ {denied} ] }} }} }}")
    };
    let never = "\"$JS.API.STREAM.DELETE.>\", \"$JS.API.STREAM.PURGE.>\"";
    let workers =
        WORKERS.iter().map(|w| user(format!("{w}.worker.streamward"), &format!("\"streamward.incident.>\", {never}")));
    let gates = GATES.iter().map(|(g, _)| user(format!("{g}.gate.streamward"), never));
    let reader = user("casework.reader.streamward".into(), &format!("\"streamward.>\", \"$KV.>\", {never}"));
    workers.chain(gates).chain([reader]).collect::<Vec<_>>().join(", ")
}

fn bus_arguments(rig: &Rig, command: &str, hold_ms: u32, guard_program: &Path) -> Vec<String> {
    let file = |name: &str| rig.folder.join(name).display().to_string();
    let policy = file(&format!("{hold_ms}.toml"));
    [command, "--nats", &rig.url(), "--certificates", &file("tls"), "--policy", &policy, "--guard-program"]
        .into_iter()
        .map(str::to_owned)
        .chain([guard_program.display().to_string()])
        .collect()
}

fn gate_arguments(rig: &Rig, gate: &str, hold_ms: u32, guard_program: &Path) -> Vec<String> {
    let file = |name: String| rig.folder.join(name).display().to_string();
    let mut arguments = bus_arguments(rig, "gate", hold_ms, guard_program);
    let (outbox, journal) = (file(format!("outbox-{gate}")), file(format!("journal-{gate}.jsonl")));
    let own = ["--stream", gate, "--outbox", &outbox, "--journal", &journal, "--platform", "trial"];
    arguments.extend(own.map(str::to_owned));
    arguments
}

/// Until every stream has shown a frame of its own among its last ones; how long that took.
fn wait_until_judged(videos: &[Video]) -> Duration {
    let began = Instant::now();
    // What was decided before the fault is still on its way out for as long as frames are held.
    std::thread::sleep(Duration::from_millis(2500));
    while !videos.iter().all(|video| video.shows(3)) {
        assert!(began.elapsed() < AGAIN_MAX, "a stream is not judged again");
        std::thread::sleep(Duration::from_millis(20));
    }
    began.elapsed()
}

/// A random number below `n`. Source: xorshift64*, Vigna 2016.
fn roll(dice: &mut u64, n: u64) -> u64 {
    *dice ^= *dice >> 12;
    *dice ^= *dice << 25;
    *dice ^= *dice >> 27;
    dice.wrapping_mul(0x2545_f491_4f6c_dd1d) % n
}

fn choose(rig: &Rig, n: usize, dice: &mut u64) -> Fault {
    use Fault::{CutWorker, KillLeader, KillReader, KillWorker, StopClock, StopWorker};
    let all = [KillWorker, CutWorker, StopWorker, StopClock, KillLeader, KillReader];
    // Each kind once, then by chance, workers more often than the rest.
    let fault = match n {
        0..6 => all[n],
        _ => all[[0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 4, 5][roll(dice, 13) as usize]],
    };
    let is_possible = match fault {
        CutWorker => rig.is_cut_possible,
        StopClock => rig.is_clock_stoppable(),
        KillWorker | StopWorker | KillLeader | KillReader => true,
    };
    if is_possible { fault } else { StopWorker }
}

/// Lets it happen, and mends it after a while. Which node it was.
fn commit(rig: &mut Rig, fault: Fault, dice: &mut u64) -> String {
    let worker = WORKERS[roll(dice, 4) as usize];
    let pause = Duration::from_millis(1000 + roll(dice, 3000));
    match fault {
        Fault::KillWorker => {
            rig.kill(worker);
            std::thread::sleep(pause);
            rig.restart(worker);
        }
        Fault::CutWorker => {
            rig.cut(worker, true);
            std::thread::sleep(pause);
            rig.cut(worker, false);
        }
        Fault::StopWorker => {
            rig.signal(worker, "STOP");
            std::thread::sleep(pause);
            rig.signal(worker, "CONT");
        }
        Fault::StopClock => {
            rig.stop_clock(worker, true);
            // By its own clock it holds what it held, for ever.
            std::thread::sleep(TTL + TTL / 4 + pause);
            rig.stop_clock(worker, false);
        }
        Fault::KillLeader => {
            let leader = rig.leader().unwrap_or(0);
            rig.kill_server(leader);
            std::thread::sleep(pause);
            rig.start_server(leader, &users());
            assert!(rig.is_server_up(leader));
            // Two of three must be there before the next one may go.
            std::thread::sleep(Duration::from_secs(3));
            return format!("n{}", leader + 1);
        }
        Fault::KillReader => {
            rig.kill("casework");
            std::thread::sleep(pause);
            rig.restart("casework");
            return "casework".into();
        }
    }
    worker.into()
}

fn verdict(folder: &Path, gate: &str) -> oracle::Verdict {
    let journal = std::fs::read_to_string(folder.join(format!("journal-{gate}.jsonl"))).unwrap();
    oracle::judge(&journal, TTL.as_micros() as u64)
}

/// What a person wants to know of the run.
fn tell(verdicts: &[oracle::Verdict], happened: &[Happened], drained_at: &[usize]) {
    let sum = |of: fn(&oracle::Verdict) -> u64| verdicts.iter().map(of).sum::<u64>();
    println!(
        "{} frames, {} shown, {} repeated, {} covered because nobody judged; {} answers of lost leases refused; {} leases",
        sum(|v| v.frames),
        sum(|v| v.released.len() as u64),
        sum(|v| v.repeated.len() as u64),
        sum(|v| v.stalled.len() as u64),
        sum(|v| v.refused),
        sum(|v| v.epochs.len() as u64),
    );
    println!(
        "left without a valid lease: {}; by two workers: {}",
        sum(|v| v.without_lease.len() as u64),
        sum(|v| v.by_two.len() as u64)
    );
    let mut under: BTreeMap<(Fault, u32), Vec<u64>> = BTreeMap::new();
    for Happened { fault, node, from, to } in happened {
        for (number, (_, hold_ms)) in GATES.into_iter().enumerate() {
            let verdict = &verdicts[number];
            // A worker's fault touches the streams that it judged.
            let judge = verdict.judge_of.range(..from[number] as u64).next_back();
            if WORKERS.contains(&node.as_str()) && judge.is_none_or(|(_, worker)| worker != node) {
                continue;
            }
            let lead = (hold_ms / STEP.as_millis() as u32) as usize;
            let span = from[number].saturating_sub(lead) as u64..to[number].saturating_sub(lead) as u64;
            let n = verdict.stalled.range(span).count() as u64;
            under.entry((*fault, hold_ms)).or_default().push(n * STEP.as_millis() as u64);
        }
    }
    for ((fault, hold_ms), mut ms) in under {
        ms.sort_unstable();
        let p = |share: usize| ms[(ms.len() * share).div_ceil(100).max(1) - 1];
        let n_touched = ms.iter().filter(|ms| **ms > 0).count();
        println!(
            "under cover after {fault:?}, frames held {hold_ms} ms: p50 {} ms, p99 {} ms, longest {} ms, {n_touched} of {} streams at all",
            p(50),
            p(99),
            p(100),
            ms.len()
        );
    }
    for (number, (gate, hold_ms)) in GATES.into_iter().enumerate() {
        let n = verdicts[number].stalled.range(drained_at[number].saturating_sub(60) as u64..).count();
        println!("under cover after w1 handed over, {gate} ({hold_ms} ms): {} ms", n as u128 * STEP.as_millis());
    }
}

/// What the gates reported is what the reader keeps, each once, and whatever was found is in it.
fn check_incidents(folder: &Path, verdicts: &[oracle::Verdict]) {
    let text = std::fs::read_to_string(folder.join("incidents.jsonl")).unwrap();
    let kept: Vec<String> = text
        .lines()
        .map(|line| cluster::incident::Record::parse(line.as_bytes()).expect("the reader keeps whole records").id)
        .collect();
    let reported: BTreeSet<String> = verdicts.iter().flat_map(|verdict| verdict.incidents.clone()).collect();
    let once: BTreeSet<String> = kept.iter().cloned().collect();
    let n_doubled = kept.len() - once.len();
    let lost: Vec<&String> = reported.difference(&once).collect();
    println!("incidents: {} reported, {} lost, {n_doubled} doubled", reported.len(), lost.len());
    assert!(lost.is_empty() && n_doubled == 0 && once.is_subset(&reported), "lost: {lost:?}");
    for (number, verdict) in verdicts.iter().enumerate() {
        let began = verdict.incidents.iter().filter(|id| id.ends_with("began")).count();
        let ended = verdict.incidents.iter().filter(|id| id.ends_with("ended")).count();
        assert!(began > 0 && began == ended, "{}: {began} began, {ended} ended", GATES[number].0);
        assert!(
            verdict.found.iter().all(|frame| video::is_card(*frame as usize, number * 80)),
            "something else was found"
        );
        assert!(!verdict.found.is_empty(), "the card was never found, so nothing was shown");
    }
}
