//! What does a model see in this picture?
//!
//! Pixels become a tensor, the tensor becomes [`Scores`]: named classes, each `0.0..=1.0`. A score covers a picture;
//! it is never a finding of abuse, says nothing about a person's age, and a person decides what a picture is.
//!
//! ```no_run
//! # fn story(frame: &guard::Frame, model_bytes: &[u8]) -> Result<(), classifier::Error> {
//! let manifest = classifier::shipped("MobileNetV2").expect("this manifest comes with the crate");
//! let mut classifier = classifier::Classifier::load(manifest, model_bytes, &classifier::RuntimeChoice::Rten)?;
//! let scores = classifier.classify(frame)?;
//! println!("{:?} by {}", scores.of("Neutral"), scores.model().name);
//! # Ok(())
//! # }
//! ```
//!
//! Read in this order: a [`Manifest`] says what a model expects and promises; `prepare` turns a frame into its tensor;
//! a [`Classifier`] runs it on a [`Runtime`].
//! Everything up to there is free of files; [`Library`] and [`Store`] are the parts that touch the disk.

mod ensemble;
mod error;
pub mod import;
mod library;
mod manifest;
mod model;
mod prepare;
mod runtime;
mod scores;
mod sha256;
mod store;
#[cfg(test)]
mod tiny;

pub use ensemble::{Ensemble, Trigger};
pub use error::Error;
pub use library::{Library, LibrarySearch};
pub use manifest::{Channels, Filter, Input, Layout, Manifest, Meaning, Resize, shipped, shipped_names};
pub use model::{Classifier, Model};
pub use runtime::{Runtime, RuntimeChoice};
pub use scores::{ModelName, Scores};
pub use sha256::Sha256;
pub use store::Store;
