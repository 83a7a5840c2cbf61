//! What does it cost to move a weight?

use crate::Error;

/// What it costs to move a weight, given by the ratio of new to old weight as a function of `u = x'λ`.
///
/// # Source
/// Deville and Särndal 1992, "Calibration estimators in survey sampling", cases 1 (linear), 2 (raking), 6 (logit).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distance {
    /// `1 + u`: closed form, weights may become negative. On cells of one variable this is post-stratification.
    Linear,
    /// `exp u`: weights stay positive.
    Raking,
    /// Ratios stay between `low` and `high`, which enclose 1.
    Logit {
        /// Lowest ratio, below 1.
        low: f64,
        /// Highest ratio, above 1.
        high: f64,
    },
}

impl Distance {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`Error::Range`] when they do not enclose 1.
    pub fn check(self) -> Result<(), Error> {
        match self {
            Distance::Logit { low, .. } if !(0.0..1.0).contains(&low) => {
                Err(Error::Range { what: "the lower bound of the weight ratio", value: low, expected: "in 0..1" })
            }
            Distance::Logit { high, .. } if high <= 1.0 || !high.is_finite() => {
                Err(Error::Range { what: "the upper bound of the weight ratio", value: high, expected: "above 1" })
            }
            Distance::Linear | Distance::Raking | Distance::Logit { .. } => Ok(()),
        }
    }

    /// Ratio of new to old weight.
    pub fn ratio(self, u: f64) -> f64 {
        match self {
            Distance::Linear => 1.0 + u,
            Distance::Raking => u.exp(),
            Distance::Logit { low, high } => {
                let e = (steepness(low, high) * u).exp();
                (low * (high - 1.0) + high * (1.0 - low) * e) / (high - 1.0 + (1.0 - low) * e)
            }
        }
    }

    /// Derivative of the ratio.
    pub fn slope(self, u: f64) -> f64 {
        match self {
            Distance::Linear => 1.0,
            Distance::Raking => u.exp(),
            Distance::Logit { low, high } => {
                let ratio = self.ratio(u);
                steepness(low, high) * (ratio - low) * (high - ratio) / (high - low)
            }
        }
    }
}

fn steepness(low: f64, high: f64) -> f64 {
    (high - low) / ((high - 1.0) * (1.0 - low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_difference_quotients_and_start_at_one() {
        for distance in [Distance::Linear, Distance::Raking, Distance::Logit { low: 0.5, high: 1.6 }] {
            assert!((distance.ratio(0.0) - 1.0).abs() < 1e-12 && (distance.slope(0.0) - 1.0).abs() < 1e-12);
            for u in [-0.7, 0.2, 1.1] {
                let quotient = (distance.ratio(u + 1e-6) - distance.ratio(u - 1e-6)) / 2e-6;
                assert!((quotient - distance.slope(u)).abs() < 1e-8, "{distance:?} {u}");
            }
        }
    }
}
