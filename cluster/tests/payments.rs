//! Does every alert come out once and the same, whoever is killed?
//!
//! A nats-server, a publisher, two consumers and a reader of alerts, each a process. Transfers come all the time;
//! consumers and the reader are killed without warning, at moments that a seed chooses, while transfers and alerts are
//! yet to come. In the end the record must hold, byte for byte, what one gate in this process raises over the same
//! transfers, what a batch raises, and what consumers raised that nobody disturbed.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

#[path = "payments/owners.rs"]
mod owners;
#[path = "payments/rig.rs"]
mod rig;
#[path = "nats/server.rs"]
mod server;
#[path = "payments/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use owners::Owners;
use rig::{CONSUMERS, Feed, READER, Rig};
use world::World;

/// The seed of the kills; printed, and the same each time, unless STREAMWARD_SEED says another.
const SEED: u64 = 20_261_130;
/// After a kill both consumers must have their share again within this.
const SHARED_MAX: Duration = Duration::from_secs(60);
/// Alerts must be in the record this long after the last transfer was put on the bus.
const RECORDED_MAX: Duration = Duration::from_secs(60);

fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("it is a number"))
}

/// A random number below `n`. Source: xorshift64*, Vigna 2016.
fn roll(dice: &mut u64, n: u64) -> u64 {
    *dice ^= *dice >> 12;
    *dice ^= *dice << 25;
    *dice ^= *dice >> 27;
    dice.wrapping_mul(0x2545_f491_4f6c_dd1d) % n
}

#[test]
fn consumers_that_are_killed_raise_every_alert_once_and_the_same() {
    if !server::is_runnable("payments on many machines") {
        return;
    }
    let is_all = std::env::var_os("STREAMWARD_TEST_ALL").is_some();
    let n_kills = given("STREAMWARD_KILLS").unwrap_or(if is_all { 50 } else { 5 });
    let seed = given("STREAMWARD_SEED").unwrap_or(SEED);
    let world = World::new(if is_all { 4000 } else { 1500 });
    let expected = world.alerts_of_a_gate();
    assert_eq!(expected, world.alerts_of_a_batch(), "a gate and a batch raise the same");
    assert!(world.lines.len() >= 30_000 && expected.len() > 100, "{} and {}", world.lines.len(), expected.len());
    println!("{} transfers, {} alerts and reviews; seed {seed}", world.lines.len(), expected.len());

    let undisturbed = undisturbed(&world, expected.len());
    assert!(undisturbed == expected, "undisturbed consumers raise something else");

    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path());
    let owners = Owners::new(&rig.url(), &folder.path().join("tls"));
    rig.start_reader();
    CONSUMERS.iter().for_each(|name| rig.start_consumer(name));
    let mut feed = Feed::start(rig.publisher("-"), &world.lines);
    let (began, mut dice) = (Instant::now(), seed);
    let (mut n_killed, mut n_readers_killed) = (0, 0);
    let slice = |round: u64| (world.lines.len() as u64 * 2 * (round + 1) / (2 * n_kills + 1)) as usize;
    for round in 0..n_kills {
        wait("both have a share", SHARED_MAX, || owners.of_each(CONSUMERS).iter().all(|n| *n > 0));
        // A slice in two seconds, and the kill falls among it.
        feed.allow(slice(round), Duration::from_secs(2));
        std::thread::sleep(Duration::from_millis(100 + roll(&mut dice, 1600)));
        let victims: &[&str] = match roll(&mut dice, 3) {
            0 => &CONSUMERS[..1],
            1 => &CONSUMERS[1..],
            _ => &CONSUMERS,
        };
        let (n_fed, n_kept) = (feed.n_fed(), rig.record().len());
        victims.iter().for_each(|name| rig.kill(name));
        owners.killed(victims);
        assert!(n_fed < slice(round) && n_kept < expected.len(), "kill {round} fell when nothing was to be done");
        n_killed += victims.len();
        if round % 5 == 4 {
            rig.kill(READER);
            rig.start_reader();
            n_readers_killed += 1;
        }
        println!("{round:>3} {} killed after {n_fed} transfers, {n_kept} alerts in the record", victims.join(" and "));
        std::thread::sleep(Duration::from_millis(roll(&mut dice, 1500)));
        victims.iter().for_each(|name| rig.start_consumer(name));
    }
    feed.allow(world.lines.len(), Duration::ZERO);
    assert!(feed.end().success(), "the publisher could not put everything on the bus");
    // What is put in again counts once.
    assert!(rig.publisher(&world.file(folder.path(), 500)).wait().unwrap().success());
    wait("every alert is in the record", RECORDED_MAX, || rig.record().len() >= expected.len());
    std::thread::sleep(Duration::from_secs(3));

    let record = rig.record();
    let memory = CONSUMERS.map(|name| rig.memory_kib(name));
    println!("memory of the consumers, KiB: {memory:?}");
    let once: BTreeSet<&String> = record.iter().collect();
    println!(
        "{n_kills} kills of {n_killed} consumers and {n_readers_killed} readers in {} s; partitions without an owner after one: {}",
        began.elapsed().as_secs(),
        owners.without()
    );
    println!("{} alerts in the record, {} on the bus", record.len(), owners.n_alerts_on_the_bus());
    assert_eq!(record.len(), once.len(), "an alert stands in the record twice");
    assert!(sorted(record) == expected, "the alerts are not those of an undisturbed run");
    assert_eq!(owners.n_alerts_on_the_bus(), expected.len() as u64, "something was put on the bus twice");
}

/// What consumers raise that nobody disturbs.
fn undisturbed(world: &World, n_alerts: usize) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path());
    rig.start_reader();
    CONSUMERS.iter().for_each(|name| rig.start_consumer(name));
    let began = Instant::now();
    assert!(rig.publisher(&world.file(folder.path(), usize::MAX)).wait().unwrap().success());
    let published = began.elapsed();
    wait("every alert is in the record", RECORDED_MAX, || rig.record().len() >= n_alerts);
    println!(
        "undisturbed: published in {} ms, alerts recorded after {} ms",
        published.as_millis(),
        began.elapsed().as_millis()
    );
    sorted(rig.record())
}

/// The comparison sees what it should: a snapshot that says it stands for transfers that it does not hold, as one would
/// that is taken for done before it is written. And so does the next consumer, which says nothing after it.
#[test]
fn a_consumer_that_passes_transfers_over_is_found() {
    if !server::is_runnable("payments on many machines") {
        return;
    }
    let world = World::new(600);
    let expected = world.alerts_of_a_gate();
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path());
    let owners = Owners::new(&rig.url(), &folder.path().join("tls"));
    rig.start_reader();
    let mut feed = Feed::start(rig.publisher("-"), &world.lines);
    feed.allow(100, Duration::ZERO);
    wait("the first are on the bus", SHARED_MAX, || owners.extent().last >= 100);
    let [first, second] = CONSUMERS;
    let snapshot = rig.snapshot(first);
    std::fs::create_dir_all(snapshot.parent().unwrap()).unwrap();
    std::fs::write(snapshot, world::empty_snapshot(owners.extent().made, 25)).unwrap();
    rig.start_consumer(first);
    feed.allow(world.lines.len(), Duration::ZERO);
    assert!(feed.end().success());
    wait("alerts are in the record", RECORDED_MAX, || rig.record().len() > expected.len() / 2);
    let record = sorted(rig.record());
    let n_other = record.iter().filter(|line| expected.binary_search(line).is_err()).count();
    println!("of {} alerts {n_other} are not those of an undisturbed run", record.len());
    assert!(n_other > 5, "the comparison does not see what it should");

    rig.kill(first);
    rig.start_consumer(second);
    wait("the next one says so and ends", SHARED_MAX, || rig.has_ended(second));
    assert!(rig.log(second).contains("does not follow from the transfers"), "{}", rig.log(second));
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn wait(what: &str, patience: Duration, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + patience;
    while !is_so() {
        assert!(Instant::now() < until, "not within {} s: {what}", patience.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}
