//! What is asked of the machines?

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use payments::score::{level, level_at_most};
use payments::{Features, Pack};
use serde::{Deserialize, Serialize};

use crate::folder::Folder;

/// One reckoning: over which rows, by which pack, and what is to come out. Travels as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The folder of rows, in a place that every machine sees under this name.
    pub folder: PathBuf,
    /// Text of the pack.
    pub pack: String,
    /// Text of the institution's overlay.
    pub overlay: Option<String>,
    /// What is to come out.
    pub wanted: Wanted,
}

/// What is to come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// The features of every transfer that counts.
    Features,
    /// Those of transfers at which a typology of the pack calls for a look.
    Levels,
}

/// A job with its pack read.
#[derive(Debug)]
pub struct Job {
    /// As it was asked.
    pub asked: Asked,
    /// Its pack.
    pub pack: Pack,
}

impl Job {
    /// Reads the pack.
    ///
    /// # Errors
    /// When the pack is none.
    pub fn new(asked: Asked) -> Result<Arc<Job>> {
        let pack = Pack::parse(&asked.pack, asked.overlay.as_deref())
            .map_err(|why| DataFusionError::External(Box::new(why)))?;
        Ok(Arc::new(Job { asked, pack }))
    }

    /// The files to read.
    pub fn files(&self) -> Folder {
        Folder::of(&self.asked.folder)
    }

    /// Whether a transfer with these features is to come out.
    pub fn wants(&self, features: &Features) -> bool {
        let mut typologies = self.pack.typologies.iter();
        match self.asked.wanted {
            Wanted::Features => true,
            Wanted::Levels => typologies.any(|typology| level(features, typology, &self.pack).is_some()),
        }
    }

    /// Whether a transfer can come out whose peers are not known yet.
    pub fn could_want(&self, features: &Features) -> bool {
        let mut typologies = self.pack.typologies.iter();
        match self.asked.wanted {
            Wanted::Features => true,
            Wanted::Levels => typologies.any(|typology| level_at_most(features, typology, &self.pack).is_some()),
        }
    }
}
