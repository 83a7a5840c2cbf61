//! Transfers on many machines: what stands behind `payments consume`.
//!
//! Transfers go onto the bus in one order, and that order is the truth. A *consumer* is a [`Replica`]: it takes every
//! transfer in that order through the very gate that one machine has, so it knows every alert, to the byte. What is
//! divided is who says it: parties are divided into [`N_PARTITIONS`] partitions, each a lease as a stream of video is,
//! and only its [`owner`] puts the alerts about its parties on the bus. Whoever takes a partition over has reckoned
//! everything already and goes on after the last alert that stands there.
//!
//! Why not a part of the windows for each: `docs/decisions/0010-every-consumer-reckons.md`. Read in this order:
//! [`sent`], [`replica`], [`owner`], [`consumer`].

pub mod sent;
pub mod replica;
pub mod owner;
pub mod consumer;

pub use replica::Replica;
pub use sent::Sent;

use lease::{Lease, Name, Needs};
use payments::{Pack, PartyId};
use sha2::{Digest, Sha256};

/// Into how many parts parties are divided. Another number is another set of leases; all consumers have the same.
pub const N_PARTITIONS: usize = 8;

/// Which partition a party belongs to, `0..N_PARTITIONS`. Pseudonyms are bits of a keyed hash, so the parts are alike.
pub fn partition_of(party: PartyId) -> usize {
    usize::from(party.0[0]) % N_PARTITIONS
}

/// The name of a partition's lease.
pub fn lease_name(partition: usize) -> Name {
    Name::new(&format!("payments-{partition}")).expect("letters, a hyphen and digits are a name")
}

/// The partition that a lease is about, if it is about one.
pub fn partition_named(name: &Name) -> Option<usize> {
    (0..N_PARTITIONS).find(|partition| lease_name(*partition) == *name)
}

/// A partition's lease before anybody holds it. Only consumers with the same pack may.
pub fn offer(partition: usize, pack: &Pack, ttl_ms: u32) -> Lease {
    // Every partition counts as one: how many a consumer carries is its share.
    let needs = Needs { policy: digest(pack), pixels_per_s: 1 };
    Lease { stream: lease_name(partition), epoch: 0, holder: None, is_leaving: false, needs, ttl_ms }
}

/// What two consumers must have in common.
pub fn digest(pack: &Pack) -> String {
    let text = format!("payments 1 {N_PARTITIONS} {}", pack.digest());
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
