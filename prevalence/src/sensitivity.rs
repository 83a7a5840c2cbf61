//! How much does the answer hang on what was assumed?

use serde::Serialize;

use crate::Error;
use crate::estimate::Estimate;

/// Adjusted sizes over a grid of two assumed factors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Grid {
    /// Column of the hidden group.
    pub hidden: String,
    /// Degree ratios δ, one for each row of the grid.
    pub degree_ratios: Vec<f64>,
    /// True-positive rates τ, one for each column.
    pub true_positive_rates: Vec<f64>,
    /// `[δ][τ]`: basic size / (δ τ), with the ends of its interval.
    pub sizes: Vec<Vec<Size>>,
}

/// A size with the ends of its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Size {
    /// Adjusted size.
    pub estimate: f64,
    /// Lower end.
    pub ci_low: f64,
    /// Upper end.
    pub ci_high: f64,
}

/// Adjusts `basic` by every pair of factors.
///
/// Returns `None` when the estimate has no figures.
///
/// # Errors
/// [`Error::Range`] for a δ that is not above 0 or a τ outside 0..=1.
pub fn grid(basic: &Estimate, degree_ratios: &[f64], true_positive_rates: &[f64]) -> Result<Option<Grid>, Error> {
    for &value in degree_ratios {
        if !(value > 0.0 && value.is_finite()) {
            return Err(Error::Range { what: "a degree ratio", value, expected: "above 0" });
        }
    }
    for &value in true_positive_rates {
        if !(value > 0.0 && value <= 1.0) {
            return Err(Error::Range { what: "a true-positive rate", value, expected: "above 0 and at most 1" });
        }
    }
    let (Some(estimate), Some(ci_low), Some(ci_high)) = (basic.estimate, basic.ci_low, basic.ci_high) else {
        return Ok(None);
    };
    let size = |by: f64| Size { estimate: estimate / by, ci_low: ci_low / by, ci_high: ci_high / by };
    let row = |delta: &f64| true_positive_rates.iter().map(|tau| size(delta * tau)).collect();
    Ok(Some(Grid {
        hidden: basic.hidden.clone(),
        degree_ratios: degree_ratios.to_vec(),
        true_positive_rates: true_positive_rates.to_vec(),
        sizes: degree_ratios.iter().map(row).collect(),
    }))
}
