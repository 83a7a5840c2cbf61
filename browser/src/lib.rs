//! May this frame of a call be shown, sent or encrypted?
//!
//! The guard in a browser, as WebAssembly without imports: it can reach nothing but its own memory.
//! Two workers use it. One holds the [`Line`]: frames go in, and `hold_ms` later each place comes out as the frame,
//! the last released one, or the cover. The other holds a [`Judge`], which looks at frames and says what it found.
//! The line waits for no one: when the judge is slow, hangs or is gone, nothing unjudged comes out.
//!
//! Read in this order: what the two say to each other ([`word`]), [`picture`], [`judge`], [`mod@line`], and last the C
//! edge, `abi`, which is all that JavaScript sees.

pub mod word;
pub mod picture;
pub mod judge;
mod silence;
pub mod line;
mod abi;

pub use judge::Judge;
pub use line::Line;
pub use picture::Picture;
