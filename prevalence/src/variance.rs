//! How sure is an estimate?
//!
//! Two families. Linearisation follows the design stage by stage. Replication estimates again under many sets of weights.

pub mod bootstrap;
pub mod given;
pub mod jackknife;
pub mod replicate;
pub mod taylor;

use crate::Error;
use crate::calibrate::Weights;
use crate::design::Design;
use crate::estimand::{Estimand, Sums, Term};
use given::Given;

/// How the variance is estimated.
#[derive(Clone, Debug, PartialEq)]
pub enum Method<'a> {
    /// Taylor linearisation.
    Taylor,
    /// Stratified delete-one-PSU jackknife.
    Jkn,
    /// Delete-one-PSU jackknife that ignores strata.
    Jk1,
    /// Rescaled bootstrap with this many replicates, from this seed.
    RaoWu {
        /// Number of replicates.
        n_replicates: usize,
        /// Seed of all draws.
        seed: u64,
    },
    /// Rescaled bootstrap that also draws SSUs within PSUs, without replacement; for designs with fpc.
    Multistage {
        /// Number of replicates.
        n_replicates: usize,
        /// Seed of all draws.
        seed: u64,
    },
    /// Replicate weights that came with the survey.
    Given(&'a Given),
}

impl Method<'_> {
    /// The word used on the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Method::Taylor => "taylor",
            Method::Jkn => "jkn",
            Method::Jk1 => "jk1",
            Method::RaoWu { .. } => "raowu",
            Method::Multistage { .. } => "multistage",
            Method::Given(_) => "given",
        }
    }

    /// Whether the replicates are a sample from the distribution of the estimate, as percentile intervals need.
    pub fn is_bootstrap(&self) -> bool {
        match self {
            Method::RaoWu { .. } | Method::Multistage { .. } => true,
            Method::Given(given) => given.is_bootstrap(),
            Method::Taylor | Method::Jkn | Method::Jk1 => false,
        }
    }
}

/// What is to be estimated, from which rows, with which weights.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// How the sample was drawn.
    pub design: &'a Design,
    /// Weights, calibrated or not.
    pub weights: &'a Weights<'a>,
    /// Values that are summed.
    pub terms: Vec<Term<'a>>,
    /// Ratios of those sums.
    pub estimands: Vec<Estimand>,
}

/// Spread of one estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Estimated variance.
    pub variance: f64,
    /// The estimate in each replicate; empty for Taylor linearisation. NaN where a denominator was 0.
    pub replicates: Vec<f64>,
}

impl Question<'_> {
    /// The sums and the estimates.
    pub fn values(&self) -> (Sums, Vec<f64>) {
        let sums = Sums::new(self.design, &self.weights.full, &self.terms);
        let values = self.estimands.iter().map(|estimand| estimand.value(&sums.total)).collect();
        (sums, values)
    }

    /// The spread of each estimand.
    ///
    /// # Errors
    /// [`Error::LonelyPsu`] and [`Error::LonelyRule`] for strata with one PSU; [`Error::Replicates`] for too few or too
    /// many.
    pub fn spreads(&self, method: &Method<'_>) -> Result<Vec<Spread>, Error> {
        match *method {
            Method::Taylor => taylor::spreads(self),
            Method::Jkn => jackknife::stratified(self),
            Method::Jk1 => jackknife::unstratified(self),
            Method::RaoWu { n_replicates, seed } => bootstrap::rao_wu(self, n_replicates, seed),
            Method::Multistage { n_replicates, seed } => bootstrap::multistage(self, n_replicates, seed),
            Method::Given(given) => Ok(given.spreads(self)),
        }
    }
}
