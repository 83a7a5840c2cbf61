//! What does a partition's owner put on the bus, and where does it go on?
//!
//! After the last alert of the partition that stands there. Each is put behind the one before it by compare-and-set, so
//! an owner that was overtaken and does not know it yet is refused. Where the bus lets two through all the same, which
//! old servers can where two writes meet, both are the same bytes under the same id, and the record keeps one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::N_PARTITIONS;
use super::replica::Said;
use crate::Error;
use crate::bus::JetStream;

/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// All that is known here: written by the thread that has the replica, read by owners.
#[derive(Debug)]
pub struct Known {
    said: Mutex<[Vec<Arc<Said>>; N_PARTITIONS]>,
    progress: watch::Sender<Progress>,
}

/// How far a replica is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last message that was taken.
    pub sequence: u64,
    /// How many transfers were counted.
    pub n_rows: u64,
}

impl Known {
    /// What is known at the beginning.
    pub fn new(said: impl Iterator<Item = Said>, progress: Progress) -> Known {
        let known = Known { said: Mutex::default(), progress: watch::Sender::new(progress) };
        known.add(said);
        known
    }

    fn add(&self, said: impl Iterator<Item = Said>) {
        let mut all = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.for_each(|one| all[one.partition].push(Arc::new(one)));
    }

    /// More is known.
    pub fn grow(&self, said: Vec<Said>, progress: Progress) {
        self.add(said.into_iter());
        self.progress.send_replace(progress);
    }

    /// How far it is, now and from now on.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    fn nth(&self, partition: usize, n: usize) -> Option<Arc<Said>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)[partition].get(n).cloned()
    }

    fn find(&self, partition: usize, id: &str) -> Option<usize> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said[partition].iter().rposition(|one| one.id == id)
    }
}

/// Puts the alerts of a partition on the bus, for as long as this runs.
///
/// # Errors
/// [`Error::Differs`] when what stands there is not what was reckoned here: then this replica may say nothing more.
pub async fn own(bus: &JetStream, partition: usize, known: &Known) -> Result<(), Error> {
    let mut progress = known.progress();
    loop {
        let Ok(last) = bus.last_alert(partition).await else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let (mut next, mut after) = (0, 0);
        if let Some(last) = last {
            // Somebody may have been further than this replica is.
            let is_there = progress.wait_for(|progress| progress.n_rows > u64::from(last.row)).await.is_ok();
            match known.find(partition, &last.id) {
                Some(n) => (next, after) = (n + 1, last.sequence),
                None if is_there => return Err(Error::Differs { partition, alert: last.id }),
                None => return Ok(()),
            }
        }
        loop {
            // Marked as seen before it is looked at: what comes meanwhile is not missed.
            progress.borrow_and_update();
            match known.nth(partition, next) {
                None => {
                    if progress.changed().await.is_err() {
                        return Ok(());
                    }
                }
                Some(said) => match bus.raise(&said, after).await {
                    Ok(sequence) => (next, after) = (next + 1, sequence),
                    // Refused, or not heard of: the bus is asked where it stands.
                    Err(_) => break,
                },
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}
