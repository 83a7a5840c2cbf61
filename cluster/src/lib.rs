//! The same guard, on many machines.
//!
//! A *gate* has one stream: video comes in, is held, is sent to whichever worker holds the stream's lease, and only the
//! gate shows it. A *worker* judges as many streams as it can carry. They find each other over the [`bus`] (NATS
//! JetStream, or a bus inside one process), which carries leases and incidents and never a frame; frames go from gate
//! to worker over a [`link`] that both ends have proved who they are on.
//!
//! What is decided is decided in the crate `lease`, without a clock or a socket; here is what moves the bytes. Read in
//! this order: [`bus`], [`tls`], [`link`], [`checker`], [`worker`], [`gate`], [`incident`], [`outbox`]. [`payments`] takes transfers over the same bus and the same leases, [`lists`] brings lists to every node.

mod error;
pub mod bus;
pub mod tls;
pub mod certificates;
pub mod link;
pub mod checker;
pub mod worker;
pub mod gate;
pub mod journal;
pub mod incident;
pub mod outbox;
pub mod lists;
pub mod payments;
pub mod command;

pub use bus::Bus;
pub use error::Error;

use guard::Policy;
use sha2::{Digest, Sha256};

/// What two machines must have in common to judge one stream: the judges and when a frame matches. How long frames are
/// held and what covers them is the gate's alone.
pub fn judges_digest(policy: &Policy) -> String {
    let Policy { judges, matching, scores, .. } = policy;
    let text = serde_json::to_vec(&(judges, matching, scores)).expect("names and numbers can be written as JSON");
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_need_not_know_how_long_a_gate_holds_and_must_know_its_lists() {
        let policy = Policy::shipped("test").unwrap();
        let edited = |edit: fn(&mut Policy)| {
            let mut policy = policy.clone();
            edit(&mut policy);
            judges_digest(&policy) == judges_digest(&Policy::shipped("test").unwrap())
        };
        assert!(edited(|p| (p.timing.hold_ms, p.version) = (2000, 9)));
        assert!(!edited(|p| p.judges.lists.push("partner.csv".into())));
        assert!(!edited(|p| p.matching.distance_bits_max = 30));
    }
}
