//! What can go wrong between machines?

use std::path::PathBuf;

/// Why a program of the cluster cannot go on. Never a reason to let a frame through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {what} {path}: {source}\n  to do: check the path and that you may use it", path = path.display())]
    File {
        /// Read, write, make.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A certificate or key cannot be used.
    #[error(
        "cannot use the certificates: {0}\n  to do: make them with `streamward-cluster certificates`, or check the three paths"
    )]
    Certificate(String),
    /// The bus refuses or does not answer.
    #[error(
        "the bus at {url} cannot be used: {detail}\n  to do: check that nats-server runs there with JetStream, and this program's certificate and permissions"
    )]
    Bus {
        /// Where it is.
        url: String,
        /// What it says.
        detail: String,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}\n  to do: choose another address with --listen")]
    Listen {
        /// Which address.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The process that judges cannot be had.
    #[error("the judges cannot be seated: {0}\n  to do: run `streamward-guard doctor`")]
    Checker(String),
    /// The other end of a link says something that it must not.
    #[error("the link to {peer} was closed: {why}")]
    Link {
        /// Who it is, as far as is known.
        peer: String,
        /// What is wrong.
        why: String,
    },
    /// The video or the policy cannot be used.
    #[error(transparent)]
    Live(#[from] live::Error),
    /// A name cannot be used.
    #[error("{0}\n  to do: choose another name")]
    Name(#[from] lease::Error),
    /// A pack, table of rates, key or file of transfers cannot be used.
    #[error("{0}\n  to do: mend what is named")]
    Payments(#[from] payments::Error),
    /// A snapshot cannot be used.
    #[error(
        "the snapshot {path} cannot be used: {why}\n  to do: take it away; the transfers are read from the first that the bus has",
        path = path.display()
    )]
    Snapshot {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The bus no longer has what follows a snapshot.
    #[error(
        "this consumer knows the transfers up to {after}, and the bus has {first} to {last}\n  to do: copy the snapshot of a consumer that is further"
    )]
    Gap {
        /// The last that is known here.
        after: u64,
        /// The first on the bus.
        first: u64,
        /// The last on the bus.
        last: u64,
    },
    /// An alert on the bus is not what was reckoned here.
    #[error(
        "partition {partition} has the alert {alert} on the bus, and it does not follow from the transfers as they were taken here\n  to do: take this consumer's snapshot away and start it again; if it says so once more, look at the others"
    )]
    Differs {
        /// Which partition.
        partition: usize,
        /// Which alert.
        alert: String,
    },
    /// A list, its signatures or the keys for them cannot be used.
    #[error("{what} cannot be used: {why}\n  to do: ask its publishers; nothing of it was taken")]
    List {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
}
