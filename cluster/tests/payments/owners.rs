//! Who speaks for which partition, and for how long did nobody?

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cluster::bus::jetstream::Extent;
use cluster::bus::{Bus, JetStream};
use cluster::payments::{N_PARTITIONS, partition_named};
use cluster::tls::Identity;

/// Watches the leases, as the reader of alerts.
pub(crate) struct Owners {
    runtime: tokio::runtime::Runtime,
    bus: JetStream,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// Who holds each partition, and since which epoch.
    holders: BTreeMap<usize, (String, u64)>,
    /// Partitions whose owner is dead, and since when.
    orphaned: BTreeMap<usize, (Instant, u64)>,
    without: Vec<Duration>,
}

impl Owners {
    pub(crate) fn new(url: &str, tls: &Path) -> Owners {
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let identity = Identity::in_folder(tls, "watcher");
        let bus = runtime.block_on(JetStream::connect(url, Some(&identity), 1)).unwrap();
        runtime.block_on(bus.make_payments(1)).unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let (leases, watched) = (Bus::from(bus.clone()), Arc::clone(&seen));
        runtime.spawn(async move {
            let mut changes = leases.watch(None);
            while let Some(change) = changes.recv().await {
                let partition = partition_named(&change.stream);
                let holder = change.lease.and_then(|lease| Some((lease.holder?.worker.to_string(), lease.epoch)));
                let (Some(partition), Some((holder, epoch))) = (partition, holder) else { continue };
                watched.lock().unwrap().hold(partition, holder, epoch);
            }
        });
        Owners { runtime, bus, seen }
    }

    /// How many partitions each of these speaks for; none for one that is dead.
    pub(crate) fn of_each<const N: usize>(&self, names: [&str; N]) -> [usize; N] {
        let seen = self.seen.lock().unwrap();
        let holds = |name: &str, partition: usize| {
            !seen.orphaned.contains_key(&partition)
                && seen.holders.get(&partition).is_some_and(|(holder, _)| holder == name)
        };
        names.map(|name| (0..N_PARTITIONS).filter(|partition| holds(name, *partition)).count())
    }

    /// These are dead now.
    pub(crate) fn killed(&self, names: &[&str]) {
        let mut seen = self.seen.lock().unwrap();
        let theirs: Vec<(usize, u64)> = seen
            .holders
            .iter()
            .filter(|(_, (holder, _))| names.contains(&holder.as_str()))
            .map(|(partition, (_, epoch))| (*partition, *epoch))
            .collect();
        for (partition, epoch) in theirs {
            seen.orphaned.entry(partition).or_insert((Instant::now(), epoch));
        }
    }

    /// How long partitions were without an owner after a kill.
    pub(crate) fn without(&self) -> String {
        let mut all = self.seen.lock().unwrap().without.clone();
        all.sort();
        let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_millis();
        match all.is_empty() {
            true => "none".into(),
            false => format!("{} times, p50 {} ms, p99 {} ms, longest {} ms", all.len(), at(0.5), at(0.99), at(1.0)),
        }
    }

    /// What the stream of transfers holds.
    pub(crate) fn extent(&self) -> Extent {
        self.runtime.block_on(self.bus.transfers_extent()).unwrap()
    }

    /// How many messages the stream of alerts holds.
    pub(crate) fn n_alerts_on_the_bus(&self) -> u64 {
        self.runtime.block_on(self.bus.n_alerts()).unwrap()
    }
}

impl Seen {
    fn hold(&mut self, partition: usize, holder: String, epoch: u64) {
        if self.holders.get(&partition).is_some_and(|(_, known)| *known > epoch) {
            return;
        }
        if let Some((since, dead)) = self.orphaned.get(&partition).copied()
            && epoch > dead
        {
            self.without.push(since.elapsed());
            self.orphaned.remove(&partition);
        }
        self.holders.insert(partition, (holder, epoch));
    }
}
