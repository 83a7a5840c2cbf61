//! Where do machines find each other, and where do incidents go?
//!
//! One entry for each stream, changed by compare-and-set, and a log of incidents in which each stands once. No frame
//! and no finding about a frame ever goes over it: at 10,000 streams that would be 300,000 messages a second.

pub mod in_process;
pub mod jetstream;

use lease::{Lease, Name, Revision};
use tokio::sync::mpsc;

use crate::Error;
use crate::incident::Record;

pub use in_process::InProcess;
pub use jetstream::JetStream;

/// A bus. Copies are handles to the same one.
#[derive(Clone, Debug)]
pub enum Bus {
    /// Inside this process.
    InProcess(InProcess),
    /// NATS JetStream.
    JetStream(Box<JetStream>),
}

/// An entry as it is since one revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Whose entry it is.
    pub stream: Name,
    /// Which change it is.
    pub revision: Revision,
    /// What it says; none where it was deleted or is no lease.
    pub lease: Option<Lease>,
}

impl From<JetStream> for Bus {
    fn from(bus: JetStream) -> Bus {
        Bus::JetStream(Box::new(bus))
    }
}

impl Bus {
    /// A bus inside this process.
    pub fn in_process() -> Bus {
        Bus::InProcess(InProcess::default())
    }

    /// Replaces the entry of `stream`, or deletes it, if `after` is still its newest revision; 0 where there never was
    /// one. Returns the new revision, or `None` where it was refused or nothing was heard.
    pub async fn write(&self, stream: &Name, lease: Option<&Lease>, after: Revision) -> Option<Revision> {
        match self {
            Bus::InProcess(bus) => bus.write(stream, lease, after),
            Bus::JetStream(bus) => bus.write(stream, lease, after).await,
        }
    }

    /// Every change of one entry, or of all, from what stands there now on. For one entry the first says so even where
    /// there is none. Revisions may repeat and may be left out; the newest always comes.
    pub fn watch(&self, stream: Option<Name>) -> mpsc::Receiver<Change> {
        match self {
            Bus::InProcess(bus) => bus.watch(stream),
            Bus::JetStream(bus) => bus.watch(stream),
        }
    }

    /// Puts an incident into the log. The same one put in again stands there once.
    ///
    /// # Errors
    /// When it is not certain that it stands there: put it in again.
    pub async fn report(&self, record: &Record) -> Result<(), Error> {
        match self {
            Bus::InProcess(bus) => {
                bus.report(record);
                Ok(())
            }
            Bus::JetStream(bus) => bus.report(record).await,
        }
    }
}
