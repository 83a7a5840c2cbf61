//! How much can the bus carry, and how long does it take?
//!
//! Leases are written as fast as they go through, by some writers, and every watcher must have heard of the newest of
//! each in the end. What comes out is what these servers carry on this machine, beside writers and watchers that run
//! on the same cores: other machines carry more.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cluster::bus::{Bus, JetStream};
use cluster::tls::Identity;
use lease::{Lease, Name, Needs, Revision};

/// How many write and watch, for how long.
#[derive(Clone, Copy)]
pub(crate) struct Flood {
    pub(crate) n_writers: usize,
    pub(crate) n_watchers: usize,
    pub(crate) span: Duration,
    /// Between two writes of one writer.
    pub(crate) pause: Duration,
}

/// What was seen.
pub(crate) struct Carried {
    /// From asking until the bus had it, microseconds.
    pub(crate) written_us: Vec<u64>,
    /// From asking until a watcher had heard of it.
    pub(crate) heard_us: Vec<u64>,
    /// All that watchers were told, what they knew already included.
    pub(crate) n_told: u64,
    pub(crate) took: Duration,
    /// Watchers that do not know the newest of each lease.
    pub(crate) n_behind: usize,
}

#[derive(Default)]
struct Heard {
    newest: BTreeMap<Name, Revision>,
    heard_us: Vec<u64>,
    n_told: u64,
}

/// Lets it happen, as worker `w1`.
pub(crate) fn flood(url: &str, tls: &Path, Flood { n_writers, n_watchers, span, pause }: Flood) -> Carried {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let identity = Identity::in_folder(tls, "w1");
    runtime.block_on(async {
        let connect = async || Bus::from(JetStream::connect(url, Some(&identity), 3).await.unwrap());
        let began = Instant::now();
        let mut watchers: Vec<Arc<Mutex<Heard>>> = Vec::new();
        for _ in 0..n_watchers {
            let heard = Arc::<Mutex<Heard>>::default();
            watchers.push(Arc::clone(&heard));
            let mut changes = connect().await.watch(None);
            tokio::spawn(async move {
                while let Some(change) = changes.recv().await {
                    let mut heard = heard.lock().unwrap();
                    heard.n_told += 1;
                    let newest = heard.newest.entry(change.stream).or_default();
                    if change.revision > *newest {
                        *newest = change.revision;
                        let asked_us = change.lease.map_or(0, |lease| lease.needs.pixels_per_s);
                        heard.heard_us.push((began.elapsed().as_micros() as u64).saturating_sub(asked_us));
                    }
                }
            });
        }
        // Watches take a moment to stand.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let told_before: u64 = watchers.iter().map(|heard| heard.lock().unwrap().n_told).sum();
        watchers.iter().for_each(|heard| heard.lock().unwrap().heard_us.clear());
        let (bus, until) = (connect().await, Instant::now() + span);
        let writers: Vec<_> = (0..n_writers)
            .map(|n| {
                let name = Name::new(&format!("flood-{n_watchers}-{n}")).unwrap();
                tokio::spawn(write(bus.clone(), name, began, until, pause))
            })
            .collect();
        let from = Instant::now();
        let (mut written_us, mut newest) = (Vec::new(), BTreeMap::new());
        for writer in writers {
            let (name, revision, us) = writer.await.unwrap();
            newest.insert(name, revision);
            written_us.extend(us);
        }
        let is_behind = |heard: &Arc<Mutex<Heard>>| {
            let heard = heard.lock().unwrap();
            newest.iter().any(|(name, revision)| heard.newest.get(name).is_none_or(|seen| seen < revision))
        };
        let give_up = Instant::now() + Duration::from_secs(20);
        while watchers.iter().any(is_behind) && Instant::now() < give_up {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let took = from.elapsed();
        let n_behind = watchers.iter().filter(|heard| is_behind(heard)).count();
        let n_told = watchers.iter().map(|heard| heard.lock().unwrap().n_told).sum::<u64>() - told_before;
        let heard_us = watchers.iter().flat_map(|heard| std::mem::take(&mut heard.lock().unwrap().heard_us)).collect();
        Carried { written_us, heard_us, n_told, took, n_behind }
    })
}

/// Writes one lease again and again; its newest revision, and how long each write took.
async fn write(bus: Bus, name: Name, began: Instant, until: Instant, pause: Duration) -> (Name, Revision, Vec<u64>) {
    let (mut revision, mut us) = (Revision(0), Vec::new());
    while Instant::now() < until {
        let asked_us = began.elapsed().as_micros() as u64;
        // Offers that no worker here can take: nobody has this policy. When it was asked stands in its needs.
        let needs = Needs { policy: "flood".into(), pixels_per_s: asked_us };
        let lease = Lease { stream: name.clone(), epoch: 0, holder: None, is_leaving: false, needs, ttl_ms: 15_000 };
        if let Some(written) = bus.write(&name, Some(&lease), revision).await {
            revision = written;
            us.push(began.elapsed().as_micros() as u64 - asked_us);
        }
        tokio::time::sleep(pause).await;
    }
    (name, revision, us)
}
