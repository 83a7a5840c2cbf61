//! What is believed about a factor that was not measured?
//!
//! A prior is turned into one draw per bootstrap replicate, so that the doubt about a factor is part of the interval.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF, Normal};

/// What is believed about one factor.
///
/// In a codebook: a number (`0.5`), or one of `{ beta = { mean, sd } }`, `{ lognormal = { median, sd_log } }`,
/// `{ triangular = [low, mode, high] }`, `{ elicited = [[q05, q50, q95], …] }` with one triple for each expert.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Prior {
    /// Known exactly, or wished to be.
    Fixed(f64),
    /// Spread over values.
    Spread(Spread),
}

/// A belief with a spread.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Spread {
    /// Beta distribution with this mean and standard deviation.
    Beta {
        /// Mean, inside 0..1.
        mean: f64,
        /// Standard deviation, below `sqrt(mean (1 - mean))`.
        sd: f64,
    },
    /// Log-normal distribution.
    Lognormal {
        /// Median, above 0.
        median: f64,
        /// Standard deviation of the logarithm.
        sd_log: f64,
    },
    /// Triangle over lowest, likeliest and highest value.
    Triangular([f64; 3]),
    /// Each expert's 5 %, 50 % and 95 % points, pooled with equal weight.
    ///
    /// Between the points the distribution is flat, and it reaches one tenth of the range beyond all experts' points
    /// (cut at 0): the usual choice in Cooke's classical model, *Experts in Uncertainty*, 1991, §12.
    Elicited(Vec<[f64; 3]>),
}

/// Where a factor may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Above 0 and at most 1.
    Share,
    /// Above 0.
    Positive,
}

impl Prior {
    /// Checks that the prior is well formed and lies inside `support`.
    ///
    /// # Errors
    /// The offending number, and what is expected of it.
    pub fn check(&self, support: Support) -> Result<(), (f64, &'static str)> {
        let inside = |x: f64| match support {
            _ if x.is_nan() || x <= 0.0 => Err((x, "above 0")),
            Support::Share if x > 1.0 => Err((x, "in 0..1")),
            _ => Ok(()),
        };
        match self {
            Prior::Fixed(x) => inside(*x),
            Prior::Spread(Spread::Beta { mean, sd }) => {
                inside(*mean)?;
                let is_proper = *mean < 1.0 && *sd > 0.0 && sd * sd < mean * (1.0 - mean);
                if is_proper { Ok(()) } else { Err((*sd, "below sqrt(mean (1 - mean)), and the mean inside 0..1")) }
            }
            Prior::Spread(Spread::Lognormal { median, sd_log }) => {
                inside(*median)?;
                if support == Support::Share {
                    return Err((*sd_log, "a number, beta, triangular or elicited: a log-normal share can pass 1"));
                }
                if *sd_log > 0.0 && sd_log.is_finite() { Ok(()) } else { Err((*sd_log, "above 0")) }
            }
            Prior::Spread(Spread::Triangular(points)) => ordered(points).and_then(|()| each(points, inside)),
            Prior::Spread(Spread::Elicited(experts)) => {
                if experts.is_empty() {
                    return Err((0.0, "one triple for each expert"));
                }
                experts.iter().try_for_each(|points| ordered(points).and_then(|()| each(points, inside)))
            }
        }
    }

    /// Middle of the belief, used for the adjusted point estimate: the mean, for a log-normal the median.
    pub fn centre(&self) -> f64 {
        match self {
            Prior::Fixed(x) => *x,
            Prior::Spread(Spread::Beta { mean, .. }) => *mean,
            Prior::Spread(Spread::Lognormal { median, .. }) => *median,
            Prior::Spread(Spread::Triangular(points)) => points.iter().sum::<f64>() / 3.0,
            Prior::Spread(Spread::Elicited(experts)) => {
                experts.iter().map(|points| points[1]).sum::<f64>() / experts.len() as f64
            }
        }
    }

    /// Value below which a share `u` in `0.0..1.0` of the belief lies; `expert` in `0.0..1.0` picks the expert.
    pub fn draw(&self, u: f64, expert: f64) -> f64 {
        match self {
            Prior::Fixed(x) => *x,
            Prior::Spread(Spread::Beta { mean, sd }) => {
                let size = mean * (1.0 - mean) / (sd * sd) - 1.0;
                Beta::new(mean * size, (1.0 - mean) * size).map_or(*mean, |beta| beta.inverse_cdf(u))
            }
            Prior::Spread(Spread::Lognormal { median, sd_log }) => {
                median * (sd_log * Normal::standard().inverse_cdf(u.max(f64::MIN_POSITIVE))).exp()
            }
            Prior::Spread(Spread::Triangular(points)) => triangular(points, u),
            Prior::Spread(Spread::Elicited(experts)) => elicited(experts, u, expert),
        }
    }
}

fn ordered(points: &[f64; 3]) -> Result<(), (f64, &'static str)> {
    if points[0] <= points[1] && points[1] <= points[2] { Ok(()) } else { Err((points[1], "three rising numbers")) }
}

fn each(points: &[f64; 3], inside: impl Fn(f64) -> Result<(), (f64, &'static str)>) -> Result<(), (f64, &'static str)> {
    points.iter().try_for_each(|&point| inside(point))
}

fn triangular(&[low, mode, high]: &[f64; 3], u: f64) -> f64 {
    let width = high - low;
    if width <= 0.0 {
        return mode;
    }
    if u * width < mode - low {
        low + (u * width * (mode - low)).sqrt()
    } else {
        high - ((1.0 - u) * width * (high - mode)).sqrt()
    }
}

fn elicited(experts: &[[f64; 3]], u: f64, expert: f64) -> f64 {
    let low = experts.iter().map(|points| points[0]).fold(f64::INFINITY, f64::min);
    let high = experts.iter().map(|points| points[2]).fold(f64::NEG_INFINITY, f64::max);
    let overshoot = (high - low) / 10.0;
    // A factor of zero would divide the estimate by nothing: the lower end keeps a hundredth of the lowest point.
    let floor = (low - overshoot).max(low / 100.0);
    // A share stays a share: when every expert stayed at or below 1, so does the pool.
    let ceiling = if high <= 1.0 { (high + overshoot).min(1.0) } else { high + overshoot };
    let [q05, q50, q95] = experts[((expert * experts.len() as f64) as usize).min(experts.len() - 1)];
    let knots = [(0.0, floor), (0.05, q05), (0.5, q50), (0.95, q95), (1.0, ceiling)];
    let upper = knots.iter().position(|knot| u < knot.0).unwrap_or(knots.len() - 1).max(1);
    let ((p0, x0), (p1, x1)) = (knots[upper - 1], knots[upper]);
    x0 + (u - p0) / (p1 - p0) * (x1 - x0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_of_draws(prior: &Prior) -> f64 {
        (0..2000).map(|i| prior.draw((f64::from(i) + 0.5) / 2000.0, 0.3)).sum::<f64>() / 2000.0
    }

    #[test]
    fn draws_average_to_the_mean() {
        let beta = Prior::Spread(Spread::Beta { mean: 0.6, sd: 0.1 });
        let triangle = Prior::Spread(Spread::Triangular([0.2, 0.5, 0.9]));
        for prior in [beta, triangle, Prior::Fixed(0.4)] {
            assert!((mean_of_draws(&prior) - prior.centre()).abs() < 1e-3, "{prior:?}");
        }
    }

    #[test]
    fn an_experts_points_are_met() {
        let prior = Prior::Spread(Spread::Elicited(vec![[0.3, 0.5, 0.7], [0.4, 0.6, 0.9]]));
        assert!((prior.draw(0.5, 0.0) - 0.5).abs() < 1e-12);
        assert!((prior.draw(0.95, 0.99) - 0.9).abs() < 1e-12);
        assert!(prior.draw(0.0, 0.0) > 0.0 && prior.draw(0.999_999, 0.9) <= 1.0);
    }
}
