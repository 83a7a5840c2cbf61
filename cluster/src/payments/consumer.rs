//! How does a consumer find its share, and what does it do with it?
//!
//! Around the machine [`lease::Worker`], which knows partitions as it knows streams of video: every partition counts as
//! one, and what a consumer can carry is its share, all of them divided by those who say that they are there. One that
//! comes makes the others' share smaller, so they offer; one that is gone makes it larger, so they take. Until it has
//! taken what stood on the bus when it began, a consumer has no share: whoever is ahead says it sooner.
//!
//! The replica lives on a thread of its own, which writes its snapshots: a long write holds up no lease.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lease::worker::{Input, Output};
use lease::{Holder, Name, Worker};
use payments::Pack;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinHandle};

use super::owner::{Known, Progress, own};
use super::replica::Replica;
use super::{N_PARTITIONS, digest, lease_name, offer, partition_named};
use crate::Error;
use crate::bus::jetstream::Arrived;
use crate::bus::{Bus, JetStream};
use crate::worker::{Wish, sleep_until};

/// How often a consumer says that it is there.
const SAY_EVERY: Duration = Duration::from_millis(250);
/// Snapshots take at most this share of a consumer's time.
const SNAPSHOT_SHARE: u32 = 10;

/// What a consumer is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name.
    pub name: Name,
    /// Where its snapshot lies; its own, and nobody else's.
    pub state: PathBuf,
    /// Transfers between two snapshots, at least.
    pub snapshot_every: u64,
    /// A partition whose owner does not renew its lease for this long is others' to take.
    pub ttl: Duration,
}

/// Consumes until it has drained.
///
/// # Errors
/// When the snapshot cannot be used, the bus no longer has what follows it, or says something else than was reckoned.
pub async fn run(bus: JetStream, pack: Pack, settings: Settings, wishes: mpsc::Receiver<Wish>) -> Result<(), Error> {
    let extent = bus.transfers_extent().await?;
    let replica = match Replica::read(&settings.state, pack.clone(), extent.made)? {
        Some(replica) => replica,
        None => Replica::new(pack.clone(), extent.made),
    };
    let at = replica.at().sequence;
    if at + 1 < extent.first || at > extent.last {
        return Err(Error::Gap { after: at, first: extent.first, last: extent.last });
    }
    eprintln!("{}: goes on after transfer {at} of {}", settings.name, extent.last);
    let progress = Progress { sequence: at, n_rows: replica.n_rows() as u64 };
    let known = Arc::new(Known::new(replica.said(), progress));
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let arrivals = bus.transfers_after(at);
    let taking = {
        let (known, settings) = (Arc::clone(&known), settings.clone());
        std::thread::spawn(move || take(replica, arrivals, &known, &settings, stopped))
    };
    let share = Share { bus, settings, pack, known, behind_until: extent.last };
    let outcome = share.run(wishes).await;
    drop(stop);
    let _ = tokio::task::spawn_blocking(move || taking.join()).await;
    outcome
}

/// Takes every transfer that comes, until it is told to stop.
fn take(
    mut replica: Replica,
    mut arrivals: mpsc::Receiver<Arrived>,
    known: &Known,
    settings: &Settings,
    mut stopped: tokio::sync::oneshot::Receiver<()>,
) {
    let (mut n_new, mut written_at, mut took) = (0, Instant::now(), Duration::ZERO);
    let write = |replica: &Replica, written_at: &mut Instant| {
        let began = Instant::now();
        // Without a snapshot it begins further back the next time, and says the same.
        if let Err(why) = replica.write(&settings.state) {
            eprintln!("{why}");
        }
        *written_at = Instant::now();
        began.elapsed()
    };
    let mut batch = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without anything in it");
    loop {
        batch.clear();
        let n = runtime.block_on(async {
            tokio::select! {
                biased;
                _ = &mut stopped => 0,
                n = arrivals.recv_many(&mut batch, 256) => n,
            }
        });
        if n == 0 {
            break;
        }
        let mut said = Vec::new();
        for arrived in &batch {
            match replica.take(arrived.sequence, arrived.at_s, &arrived.body) {
                Ok(raised) => said.extend(raised),
                Err(why) => eprintln!("message {} of the transfers is not used: {why}", arrived.sequence),
            }
        }
        known.grow(said, Progress { sequence: replica.at().sequence, n_rows: replica.n_rows() as u64 });
        n_new += n as u64;
        if n_new >= settings.snapshot_every && written_at.elapsed() >= took * SNAPSHOT_SHARE {
            took = write(&replica, &mut written_at);
            n_new = 0;
        }
    }
    if n_new > 0 {
        write(&replica, &mut written_at);
    }
}

/// A consumer's share of the partitions.
struct Share {
    bus: JetStream,
    settings: Settings,
    pack: Pack,
    known: Arc<Known>,
    /// What stood on the bus when it began.
    behind_until: u64,
}

impl Share {
    async fn run(self, mut wishes: mpsc::Receiver<Wish>) -> Result<(), Error> {
        let leases = Bus::from(self.bus.clone());
        let ttl_ms = self.settings.ttl.as_millis() as u32;
        for partition in 0..N_PARTITIONS {
            // Refused where somebody was here before.
            let _ = leases
                .write(&lease_name(partition), Some(&offer(partition, &self.pack, ttl_ms)), lease::Revision(0))
                .await;
        }
        let mut changes = leases.watch(None);
        let (mut present, mut progress) = (self.bus.present(), self.known.progress());
        let (inputs, mut written) = mpsc::unbounded_channel();
        let (failures, mut failed) = mpsc::unbounded_channel();
        let (began, mut seen) = (Instant::now(), BTreeMap::new());
        let me = Holder { worker: self.settings.name.clone(), address: "none".into() };
        let mut machine = Worker::new(me, digest(&self.pack));
        let mut owning: BTreeMap<Name, (u64, AbortHandle)> = BTreeMap::new();
        let mut say = tokio::time::interval(SAY_EVERY);
        let mut is_ready = false;
        'alive: loop {
            while let Some(output) = machine.poll() {
                match output {
                    Output::Write { stream, lease, after } => {
                        let (leases, inputs) = (leases.clone(), inputs.clone());
                        tokio::spawn(async move {
                            let _ = inputs.send(match leases.write(&stream, lease.as_ref(), after).await {
                                Some(revision) => Input::Written { stream, revision },
                                None => Input::Refused { stream },
                            });
                        });
                    }
                    Output::Serve { stream, epoch } => {
                        eprintln!("{stream}: spoken for here, epoch {epoch}");
                        if let Some(task) = self.own(&stream, &failures) {
                            owning.insert(stream.clone(), (epoch, task.abort_handle()));
                        }
                        // Nobody opens a link to a partition's owner.
                        machine.input(Input::Link { stream, is_open: true }, began.elapsed());
                    }
                    Output::Leave { stream, epoch } => {
                        eprintln!("{stream}: no longer spoken for here, epoch {epoch}");
                        if let Some((_, task)) = owning.remove(&stream) {
                            task.abort();
                        }
                    }
                    Output::Drained => break 'alive,
                }
            }
            let due = machine.next_timeout().map(|due| began + due);
            let input = tokio::select! {
                Some(change) = changes.recv() => {
                    Input::Bus { stream: change.stream, revision: change.revision, lease: change.lease }
                }
                Some(input) = written.recv() => input,
                Some(Wish::Drain) = wishes.recv() => Input::Drain,
                Some(why) = failed.recv() => return Err(why),
                Some(name) = present.recv() => {
                    seen.insert(name, began.elapsed());
                    continue;
                }
                _ = say.tick() => {
                    is_ready |= progress.borrow_and_update().sequence >= self.behind_until;
                    if is_ready {
                        self.bus.say_present(&self.settings.name).await;
                    }
                    let now = began.elapsed();
                    seen.retain(|_, at| *at + self.settings.ttl > now);
                    Input::Capacity(if is_ready { share(&seen, &self.settings.name) } else { 0 })
                }
                () = sleep_until(due) => Input::Tick,
            };
            machine.input(input, began.elapsed());
        }
        owning.values().for_each(|(_, task)| task.abort());
        Ok(())
    }

    fn own(&self, stream: &Name, failures: &mpsc::UnboundedSender<Error>) -> Option<JoinHandle<()>> {
        let partition = partition_named(stream)?;
        let (bus, known, failures) = (self.bus.clone(), Arc::clone(&self.known), failures.clone());
        Some(tokio::spawn(async move {
            if let Err(why) = own(&bus, partition, &known).await {
                let _ = failures.send(why);
            }
        }))
    }
}

/// How many partitions one of those who are there carries.
fn share(seen: &BTreeMap<Name, Duration>, me: &Name) -> u64 {
    let n_others = seen.keys().filter(|name| *name != me).count();
    N_PARTITIONS.div_ceil(n_others + 1) as u64
}

/// Makes the folder of a consumer and keeps every other process out of it, until what is given back is dropped.
///
/// # Errors
/// [`Error::File`] when it cannot be made, or another process has it.
pub fn claim(state: &Path) -> Result<std::fs::File, Error> {
    let failed = |what, source| Error::File { what, path: state.to_owned(), source };
    std::fs::create_dir_all(state).map_err(|source| failed("make", source))?;
    let lock = std::fs::File::create(state.join("lock")).map_err(|source| failed("write", source))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(why) => Err(failed("be alone in", std::io::Error::from(why))),
    }
}
