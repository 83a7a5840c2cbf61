//! Does a worker that may carry less hand over what is too much, and nothing is ever nobody's?

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::collections::BTreeMap;
use std::time::Duration;

use lease::worker::{Input, Output};
use lease::{Holder, Lease, Name, Needs, Revision, Worker};

const N_STREAMS: u64 = 8;
const TTL_MS: u32 = 2000;

/// A bus and workers, all on paper and in step.
struct World {
    entries: BTreeMap<Name, (Revision, Lease)>,
    workers: Vec<Worker>,
    now: Duration,
    newest: u64,
}

impl World {
    fn new(n_workers: usize) -> World {
        let holder = |n| Holder { worker: Name::new(&format!("w{n}")).unwrap(), address: "here".into() };
        let workers = (0..n_workers).map(|n| Worker::new(holder(n), "p".into())).collect();
        let mut world = World { entries: BTreeMap::new(), workers, now: Duration::ZERO, newest: 0 };
        for n in 0..N_STREAMS {
            let stream = Name::new(&format!("s{n}")).unwrap();
            let needs = Needs { policy: "p".into(), pixels_per_s: 1 };
            let lease =
                Lease { stream: stream.clone(), epoch: 0, holder: None, is_leaving: false, needs, ttl_ms: TTL_MS };
            world.change(stream, lease);
        }
        world
    }

    fn change(&mut self, stream: Name, lease: Lease) -> Revision {
        self.newest += 1;
        let revision = Revision(self.newest);
        self.entries.insert(stream.clone(), (revision, lease.clone()));
        for worker in &mut self.workers {
            worker.input(Input::Bus { stream: stream.clone(), revision, lease: Some(lease.clone()) }, self.now);
        }
        revision
    }

    /// Lets each worker do what it wants, until `until`.
    fn run(&mut self, until: u64) {
        while self.now < Duration::from_millis(until) {
            self.now += Duration::from_millis(5);
            for n in 0..self.workers.len() {
                self.workers[n].input(Input::Tick, self.now);
                while let Some(output) = self.workers[n].poll() {
                    self.carry_out(n, output);
                }
            }
        }
    }

    fn carry_out(&mut self, n: usize, output: Output) {
        match output {
            Output::Write { stream, lease, after } => {
                let told = match self.entries[&stream].0 == after {
                    true => {
                        let lease = lease.expect("no entry is taken away: its links are open");
                        let revision = self.change(stream.clone(), lease);
                        Input::Written { stream, revision }
                    }
                    false => Input::Refused { stream },
                };
                self.workers[n].input(told, self.now);
            }
            Output::Serve { stream, .. } => self.workers[n].input(Input::Link { stream, is_open: true }, self.now),
            Output::Leave { .. } | Output::Drained => (),
        }
    }

    fn capacity(&mut self, n: usize, capacity: u64) {
        self.workers[n].input(Input::Capacity(capacity), self.now);
    }

    fn carried(&self) -> Vec<u64> {
        self.workers.iter().map(Worker::carried).collect()
    }
}

#[test]
fn what_is_too_much_goes_to_whoever_has_room_and_comes_back_when_he_is_gone() {
    let mut world = World::new(2);
    world.capacity(0, 8);
    world.run(1000);
    assert_eq!(world.carried(), [8, 0]);

    // A second one comes, and each is to carry half.
    world.capacity(0, 4);
    world.run(2000);
    assert_eq!(world.carried(), [8, 0], "what nobody takes is judged on");
    assert_eq!(world.entries.values().filter(|(_, lease)| lease.is_leaving).count(), 4);
    world.capacity(1, 4);
    world.run(2500);
    assert_eq!(world.carried(), [4, 4]);
    let epochs: Vec<u64> = world.entries.values().map(|(_, lease)| lease.epoch).collect();
    assert_eq!(epochs, [1, 1, 1, 1, 2, 2, 2, 2]);
    world.run(20_000);
    assert_eq!(world.carried(), [4, 4], "they stay where they are");
    assert!(world.entries.values().all(|(_, lease)| !lease.is_leaving));

    // The second one dies without a word.
    world.workers.truncate(1);
    world.capacity(0, 8);
    world.run(20_000 + 2 * u64::from(TTL_MS));
    assert_eq!(world.carried(), [8]);
}

#[test]
fn an_offer_that_nobody_took_is_taken_back_when_there_is_room_again() {
    let mut world = World::new(1);
    world.capacity(0, 8);
    world.run(500);
    world.capacity(0, 3);
    world.run(800);
    assert_eq!(world.entries.values().filter(|(_, lease)| lease.is_leaving).count(), 5);
    world.capacity(0, 8);
    world.run(1100);
    assert!(world.entries.values().all(|(_, lease)| !lease.is_leaving && lease.epoch == 1));
    assert_eq!(world.carried(), [8]);
}
