//! Between which numbers does the truth lie, and with which confidence?

use serde::Serialize;
use statrs::distribution::{Continuous, ContinuousCDF, Normal, StudentsT};

use crate::Error;

/// How an interval is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// `θ ± t · se`, with the design's degrees of freedom.
    T,
    /// `exp(ln θ ± t · cv)`: never below 0, wider above; for sizes of rare groups.
    Log,
    /// As `Log`, with the degrees of freedom that the variance is worth ([`crate::variance::taylor::effective_df`]): where a
    /// few places hold most of a group.
    Effective,
    /// Quantiles of the replicates.
    Percentile,
    /// Quantiles of the replicates, corrected for bias and for skewness.
    Bca,
}

/// An interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// `θ ± t · se`.
    pub fn t(value: f64, se: f64, df: f64, confidence: f64) -> Interval {
        let reach = t_quantile(0.5 + confidence / 2.0, df) * se;
        Interval { low: value - reach, high: value + reach }
    }

    /// `exp(ln θ ± t · se/θ)`; for `θ = 0` both ends are 0.
    pub fn log(value: f64, se: f64, df: f64, confidence: f64) -> Interval {
        if value <= 0.0 {
            return Interval { low: value, high: value };
        }
        let factor = (t_quantile(0.5 + confidence / 2.0, df) * se / value).exp();
        Interval { low: value / factor, high: value * factor }
    }

    /// Quantiles of the replicates, each interpolated as R does by default (type 7).
    pub fn percentile(replicates: &[f64], confidence: f64) -> Interval {
        let sorted = sorted(replicates);
        let tail = (1.0 - confidence) / 2.0;
        Interval { low: quantile(&sorted, tail), high: quantile(&sorted, 1.0 - tail) }
    }

    /// Bias-corrected and accelerated: `leave_one_out` holds the estimate without each PSU.
    ///
    /// # Source
    /// Efron and Tibshirani 1993, *An Introduction to the Bootstrap*, eqs. 14.9 to 14.15.
    pub fn bca(value: f64, replicates: &[f64], leave_one_out: &[f64], confidence: f64) -> Interval {
        let sorted = sorted(replicates);
        let below = sorted.partition_point(|&own| own < value) as f64;
        let share = (below / sorted.len().max(1) as f64).clamp(1e-9, 1.0 - 1e-9);
        let (normal, acceleration) = (Normal::standard(), acceleration(leave_one_out));
        let bias = normal.inverse_cdf(share);
        let end = |p: f64| {
            let shifted = bias + normal.inverse_cdf(p);
            quantile(&sorted, normal.cdf(bias + shifted / (1.0 - acceleration * shifted)))
        };
        let tail = (1.0 - confidence) / 2.0;
        Interval { low: end(tail), high: end(1.0 - tail) }
    }
}

/// Checks a confidence.
///
/// # Errors
/// [`Error::Range`] outside 0.5..0.9999.
pub fn check_confidence(confidence: f64) -> Result<(), Error> {
    if (0.5..0.9999).contains(&confidence) {
        return Ok(());
    }
    Err(Error::Range { what: "the confidence", value: confidence, expected: "in 0.5..0.9999" })
}

/// Quantile of Student's t; of the normal from a million degrees of freedom on; infinite below one.
pub fn t_quantile(p: f64, df: f64) -> f64 {
    if df < 1.0 {
        return f64::INFINITY;
    }
    if df >= 1e6 {
        return Normal::standard().inverse_cdf(p);
    }
    let Ok(t) = StudentsT::new(0.0, 1.0, df) else { return f64::INFINITY };
    // The library's inverse is good to about nine digits; two Newton steps bring all of them.
    (0..2).fold(t.inverse_cdf(p), |x, _| x - (t.cdf(x) - p) / t.pdf(x))
}

/// Quantile of sorted values, interpolated: Hyndman and Fan 1996, definition 7. NaN when there is none.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = last as f64 * p.clamp(0.0, 1.0);
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// Finite values in rising order.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn acceleration(leave_one_out: &[f64]) -> f64 {
    let n = leave_one_out.len().max(1) as f64;
    let mean = leave_one_out.iter().sum::<f64>() / n;
    let moment = |power: i32| leave_one_out.iter().map(|own| (mean - own).powi(power)).sum::<f64>();
    let spread = 6.0 * moment(2).powf(1.5);
    if spread > 0.0 { moment(3) / spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_quantiles_match_published_ones() {
        // qt(0.975, c(1, 10, 125, 140)) in R 4.2.2.
        let expected = [
            (1.0, 12.706204736174694),
            (10.0, 2.228138851986274),
            (125.0, 1.979124109423783),
            (140.0, 1.977053719657091),
        ];
        for (df, t) in expected {
            assert!((t_quantile(0.975, df) / t - 1.0).abs() < 1e-11, "{df}: {}", t_quantile(0.975, df));
        }
    }

    #[test]
    fn a_log_interval_never_goes_below_zero() {
        assert!(Interval::t(10.0, 9.0, 20.0, 0.95).low < 0.0);
        assert!(Interval::log(10.0, 9.0, 20.0, 0.95).low > 0.0);
    }

    #[test]
    fn bca_equals_percentile_when_nothing_is_skewed() {
        let replicates: Vec<f64> = (0..1000).map(f64::from).collect();
        let bca = Interval::bca(500.0, &replicates, &[1.0, 2.0, 3.0], 0.9);
        let percentile = Interval::percentile(&replicates, 0.9);
        assert!((bca.low - percentile.low).abs() < 1.0 && (bca.high - percentile.high).abs() < 1.0);
    }
}
