//! Who may see the pixels of a frame?
//!
//! A frame enters as [`Held`]. Judges look at it there, by [`Held::look`]. Whoever shows, encodes or sends video
//! takes pixels only from [`Released`], and only the machine in this crate can make one:
//!
//! ```compile_fail
//! fn show(frame: guard::Held<Vec<u8>>) -> Vec<u8> {
//!     guard::Released::from(frame).frame().clone() // no such way
//! }
//! ```

use std::sync::Arc;

/// A frame that nobody may show yet. Copies are handles to the same frame.
pub struct Held<F>(Arc<F>);

/// A frame that was judged and may be shown.
pub struct Released<F>(Arc<F>);

impl<F> Held<F> {
    /// Takes a frame in.
    pub fn new(frame: F) -> Held<F> {
        Held(Arc::new(frame))
    }

    /// Lets a judge look. What it returns must be what it found, never the pixels.
    pub fn look<T: IsFinding>(&self, judge: impl FnOnce(&F) -> T) -> T {
        judge(&self.0)
    }

    pub(crate) fn release(&self) -> Released<F> {
        Released(Arc::clone(&self.0))
    }
}

impl<F> Released<F> {
    /// The frame as it came in.
    pub fn frame(&self) -> &F {
        &self.0
    }
}

impl<F> Clone for Held<F> {
    fn clone(&self) -> Self {
        Held(Arc::clone(&self.0))
    }
}

impl<F> Clone for Released<F> {
    fn clone(&self) -> Self {
        Released(Arc::clone(&self.0))
    }
}

/// Prints no pixels.
impl<F> std::fmt::Debug for Held<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held([sealed])")
    }
}

/// Prints no pixels.
impl<F> std::fmt::Debug for Released<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Released([sealed])")
    }
}

/// What may come back from a look: findings and coarse facts, no pixels.
pub trait IsFinding: plain::NoPixels {}

mod plain {
    pub trait NoPixels {}
    impl NoPixels for () {}
    impl NoPixels for crate::Signature {}
    impl NoPixels for Vec<crate::finding::Finding> {}
    impl NoPixels for Vec<crate::Rect> {}
}

impl<T: plain::NoPixels> IsFinding for T {}
