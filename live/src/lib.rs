//! Video that moves, guarded.
//!
//! Where a frame goes, in the order of these modules: a [`picture`] in somebody's buffer enters a [`stream`]; its
//! tiles and regions are read; a `detectors` thread has a [`panel`] of judges look at it (the policy's [`lists`] and
//! [`models`]); the machine in `guard` decides; the emitter sends the frame or one of the `covers`.
//! Around the stream stand the GStreamer [`element`]s, files ([`file`]) and pipes ([`pipe`]).

mod error;
mod read;
pub mod picture;
pub mod stream;
mod exact;
mod paced;
mod detectors;
pub mod panel;
pub mod lists;
pub mod models;
pub mod hash;
pub mod policies;
mod covers;
mod timeline;
pub mod element;
pub mod report;

pub use error::Error;
