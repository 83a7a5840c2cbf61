//! Who may judge this stream, and what may its egress show?
//!
//! Many machines, one rule: a frame is shown only while the worker that judged it holds the stream's lease. A [`Lease`]
//! is one small entry on the bus, changed only by compare-and-set. Each [`Worker`] decides which leases it takes, keeps
//! and gives up; each stream's [`Egress`] holds the frames, sends them to the lease's holder, and alone shows them.
//!
//! Both are machines as in `guard`: one input with the time, then `poll` until `None`, then `next_timeout`. No clock
//! is compared with another machine's: a lease counts from when *this* machine saw it change, on its own clock, and an
//! epoch that was lost never counts again. So a worker whose clock is wrong, or stood still, can show nothing.
//!
//! Pure: no clock, file, socket, thread or chance.

mod entry;
pub mod egress;
pub mod worker;

pub use egress::Egress;
pub use entry::{Error, Holder, Lease, Name, Needs, Revision};
pub use worker::Worker;
