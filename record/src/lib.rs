//! Has the record been changed?
//!
//! An append-only log as a Merkle tree, without a clock, a file or a source of chance: entries go in, roots and proofs
//! come out. Read in this order: how an entry becomes a [`hash`], which [`subtree`]s make a
//! root, how entries make a [`tree`], what a writer keeps of it
//! ([`frontier`]), how a [`proof`] is checked by somebody who holds nothing but a root, how a text is signed as a [`note`], what a [`checkpoint`] says,
//! when enough people have signed ([`quorum`]), and which version of a text they signed ([`edition`]), and how
//! somebody else's clock says that a checkpoint was there ([`timestamp`]).

mod error;
pub mod hash;
pub mod subtree;
pub mod tree;
pub mod frontier;
pub mod proof;
pub mod note;
pub mod checkpoint;
pub mod quorum;
mod day;
pub mod edition;
pub mod timestamp;

pub use checkpoint::Checkpoint;
pub use day::Day;
pub use edition::{Edition, Editions, Refusal};
pub use error::Error;
pub use frontier::Frontier;
pub use hash::Hash;
pub use note::{Key, Note, Signer};
pub use quorum::Quorum;
pub use tree::Tree;
