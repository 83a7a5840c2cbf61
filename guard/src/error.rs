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
    /// The policy is not TOML, or has a key that nobody knows.
    #[error("{}", .0.to_string().trim_end())]
    PolicyText(#[source] Box<toml::de::Error>),
    /// A number of the policy is out of its range.
    #[error("{key} is {value} and must be from {low} to {high}")]
    PolicyRange {
        /// The key, with its table.
        key: &'static str,
        /// What stands there.
        value: f64,
        /// The least it may be.
        low: f64,
        /// The most it may be.
        high: f64,
    },
    /// Parts of the policy do not go together.
    #[error("{key} ({value}) {rule}")]
    PolicyValue {
        /// The key, with its table.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// A message file is broken.
    #[error("the messages in {language:?} cannot be read: {source}")]
    Messages {
        /// Language of the file.
        language: String,
        /// What the parser says.
        source: Box<toml::de::Error>,
    },
}
