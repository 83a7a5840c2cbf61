//! Who holds a stream's lease at this moment?
//!
//! Asked of the bus itself, as somebody who may only read, right before a fault strikes: a fault that hits a worker
//! that judges nothing shows nothing.

use std::path::Path;
use std::time::Duration;

use cluster::bus::{Bus, JetStream};
use cluster::tls::Identity;

/// A reader of leases.
pub(crate) struct Holders {
    runtime: tokio::runtime::Runtime,
    bus: Bus,
}

/// Without an answer for this long nobody is known to hold it.
const ANSWER_MAX: Duration = Duration::from_secs(3);

impl Holders {
    /// Connects as the reader of incidents, whose certificate lies in `tls`.
    pub(crate) fn new(url: &str, tls: &Path) -> Holders {
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let identity = Identity::in_folder(tls, "casework");
        let bus = runtime.block_on(JetStream::connect(url, Some(&identity), 3)).unwrap();
        Holders { runtime, bus: bus.into() }
    }

    /// The worker that holds the lease of `stream` now.
    pub(crate) fn of(&self, stream: &str) -> Option<String> {
        let stream = lease::Name::new(stream).unwrap();
        let asked = async {
            let mut changes = self.bus.watch(Some(stream));
            loop {
                if let Some(holder) = changes.recv().await?.lease.and_then(|lease| lease.holder) {
                    return Some(holder.worker.to_string());
                }
            }
        };
        self.runtime.block_on(async { tokio::time::timeout(ANSWER_MAX, asked).await.ok().flatten() })
    }
}
