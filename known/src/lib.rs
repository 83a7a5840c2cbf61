//! Is this picture or video already known?
//!
//! Pixels become a [`Hash256`] ([`pdq`]), a hash is compared with the entries of a [`List`],
//! or looked up among millions in an [`Index`].
//! Nothing here opens a file, reads a clock or starts a thread: bytes, text and time come in as arguments.

pub mod bank;
mod digests;
mod error;
pub mod exchange;
mod hash256;
pub mod index;
mod instant;
pub mod list;
pub mod pdq;
mod simd;
pub mod vpdq;

pub use digests::{Digester, Digests};
pub use error::{DeltaError, Error, ExchangeError, FeatureError, ListError, SnapshotError, TrustError};
pub use hash256::Hash256;
pub use index::{Found, Index};
pub use instant::Instant;
pub use list::{Entry, Fingerprint, Kind, List, Match};
