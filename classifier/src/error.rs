//! What can be wrong with a model, its package or its scores?

use crate::{Runtime, Sha256};

/// Why there is no score. Whoever asked covers the picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The manifest is not TOML, or has a key that is unknown, missing or of the wrong kind.
    #[error("cannot read the model's manifest: {0}")]
    ManifestSyntax(#[from] toml::de::Error),
    /// A value in the manifest is outside what it may be.
    #[error("the manifest of {model} cannot be used: {key} {reason}")]
    ManifestValue {
        /// The model's name as the manifest has it.
        model: String,
        /// The key in the manifest.
        key: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// A hash is not 64 lower-case hexadecimal digits.
    #[error("“{text}” is not a SHA-256 of 64 lower-case hexadecimal digits")]
    Sha256Text {
        /// The start of what was there instead.
        text: String,
    },
    /// The file is not the one that was pinned.
    #[error("{what} has the SHA-256 {found} and {expected} is pinned")]
    OtherHash {
        /// Which file.
        what: String,
        /// What is pinned.
        expected: Sha256,
        /// What the file has.
        found: Sha256,
    },
    /// The file is not a whole ONNX file.
    #[error("cannot load the model {model}: {reason}")]
    ModelBroken {
        /// Which model.
        model: String,
        /// Where it stops making sense.
        reason: String,
    },
    /// The runtime cannot read the model.
    #[error("{runtime} cannot load the model {model}: {reason}")]
    ModelUnreadable {
        /// Which model.
        model: String,
        /// Which runtime.
        runtime: &'static str,
        /// What the runtime says.
        reason: String,
    },
    /// The manifest and the graph contradict each other.
    #[error("the model {model} does not fit its manifest: {what} is {in_graph} in the graph and {in_manifest} there")]
    GraphMismatch {
        /// Which model.
        model: String,
        /// What differs.
        what: &'static str,
        /// What the graph says.
        in_graph: String,
        /// What the manifest says.
        in_manifest: String,
    },
    /// The runtime failed while it ran the model.
    #[error("{runtime} failed on the model {model}: {reason}")]
    Inference {
        /// Which model.
        model: String,
        /// Which runtime.
        runtime: &'static str,
        /// What the runtime says.
        reason: String,
    },
    /// The model gave something that is no score.
    #[error("the model {model} gives {value} for {class}, which is no score from 0 to 1")]
    NoScore {
        /// Which model.
        model: String,
        /// Which class.
        class: String,
        /// What came out.
        value: f32,
    },
    /// The scores of a model whose classes exclude each other do not add up to one.
    #[error("the scores of the model {model} add up to {sum} and must add up to 1")]
    ScoresDoNotSumToOne {
        /// Which model.
        model: String,
        /// What they add up to.
        sum: f32,
    },
    /// A picture could not be resized.
    #[error("cannot resize a picture of {width}×{height} pixels: {reason}")]
    Resize {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// What the resizer says.
        reason: String,
    },
    /// A runtime was asked for by name and is not there.
    #[error("{runtime} was asked for and cannot be used: {reason}", runtime = Runtime::ONNXRUNTIME)]
    NoOnnxruntime {
        /// Why not.
        reason: String,
    },
    /// A package does not hold what it should.
    #[error("cannot import the package: {0}")]
    Package(String),
    /// Models that judge together do not fit each other.
    #[error("these models cannot judge together: {0}")]
    Ensemble(String),
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// Reading or writing.
        doing: &'static str,
        /// Which file.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no such model.
    #[error("there is no model {name} in {}", folder.display())]
    NoModel {
        /// The name asked for.
        name: String,
        /// Where it was looked for.
        folder: std::path::PathBuf,
    },
}

impl Error {
    /// What a person can do about it, as one clause.
    pub fn to_do(&self) -> &'static str {
        match self {
            Error::ManifestSyntax(_) | Error::ManifestValue { .. } | Error::Sha256Text { .. } => {
                "mend the manifest; `streamward model show MobileNetV2` prints one that works"
            }
            Error::OtherHash { .. } => {
                "fetch the file again, or name its hash with --accept-sha256 if it is meant to be another one"
            }
            Error::ModelBroken { .. } => "fetch or export the file again; nothing from it has been used",
            Error::ModelUnreadable { .. } | Error::Inference { .. } => {
                "try the other runtime with --runtime, or another model; until then frames stay covered"
            }
            Error::GraphMismatch { .. } => "write into the manifest what the graph says",
            Error::NoScore { .. } | Error::ScoresDoNotSumToOne { .. } => {
                "check the manifest's `scores` and `input.white`; until then frames stay covered"
            }
            Error::Resize { .. } => "report this picture's size and format as a fault of the program",
            Error::NoOnnxruntime { .. } => "run `streamward model fetch onnxruntime`, or use --runtime rten",
            Error::Package(_) => "fetch the package again with `npm pack nsfwjs@4.4.0`",
            Error::Ensemble(_) => "name models with classes in common, and triggers as CLASS=SCORE",
            Error::File { .. } => "check that the folder exists, is yours, and has room",
            Error::NoModel { .. } => "`streamward model list` shows what is there, `streamward model fetch` gets more",
        }
    }
}
