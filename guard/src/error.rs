//! What can be wrong with what the guard is given?

/// Why an input was refused. Nothing is shown because of an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A side is zero or too long.
    #[error("a picture of {width}×{height} pixels cannot be judged: each side must be from 1 to 16,384")]
    FrameSize {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// A plane is missing or too short.
    #[error("plane {plane} of a picture has {len} bytes and needs {needed}")]
    FramePlane {
        /// Which plane, from 0.
        plane: usize,
        /// Bytes that the size asks for.
        needed: usize,
        /// Bytes that are there.
        len: usize,
    },
}
