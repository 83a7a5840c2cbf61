//! How do replicates become a variance?

use rayon::prelude::*;

use super::{Question, Spread};
use crate::Error;
use crate::estimand::{Estimand, Sums, Term, sum};

/// What the squared deviations of replicates are multiplied by.
#[derive(Clone, Debug, PartialEq)]
pub struct Scales {
    /// Factor on the whole sum.
    pub overall: f64,
    /// Factor for each replicate.
    pub each: Vec<f64>,
}

/// Fewest bootstrap replicates: below, a standard error is off by more than a tenth.
pub const REPLICATES_MIN: usize = 2;
/// Most bootstrap replicates.
pub const REPLICATES_MAX: usize = 1_000_000;

/// Checks a number of bootstrap replicates.
///
/// # Errors
/// [`Error::Replicates`] outside [`REPLICATES_MIN`]..=[`REPLICATES_MAX`].
pub fn check_count(n_replicates: usize) -> Result<(), Error> {
    match n_replicates {
        REPLICATES_MIN..=REPLICATES_MAX => Ok(()),
        _ => Err(Error::Replicates { n_replicates, expected: "between 2 and 1,000,000 are possible" }),
    }
}

/// Estimates again in each replicate, where `fill(r, factors)` writes the factor of each PSU.
///
/// Without calibration only the sums by PSU are needed; with it, the weights are calibrated anew in each replicate.
/// Returns `[estimand][replicate]`.
pub(super) fn by_factors(
    question: &Question<'_>,
    n_replicates: usize,
    fill: impl Fn(usize, &mut [f64]) + Sync,
) -> Vec<Vec<f64>> {
    let n_psus = question.design.n_psus();
    if question.weights.calibration.is_some() {
        let psu_of_row = question.design.psu_of_row();
        return by_row_factors(question, n_replicates, |replicate, row_factors| {
            let mut factors = vec![0.0; n_psus];
            fill(replicate, &mut factors);
            row_factors.iter_mut().zip(&psu_of_row).for_each(|(own, &psu)| *own = factors[psu as usize]);
        });
    }
    by_totals(question, n_replicates, |replicate, sums, total| {
        let mut factors = vec![0.0; n_psus];
        fill(replicate, &mut factors);
        for (psu, &factor) in factors.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
            add(total, sums.psu(psu), factor);
        }
    })
}

/// Estimates again in each replicate, where `add_up(r, sums, total)` adds the replicate's sums to a total of zeros.
///
/// Only for weights that are not calibrated anew. Returns `[estimand][replicate]`.
pub(super) fn by_totals(
    question: &Question<'_>,
    n_replicates: usize,
    add_up: impl Fn(usize, &Sums, &mut [f64]) + Sync,
) -> Vec<Vec<f64>> {
    let (sums, _) = question.values();
    let n_estimands = question.estimands.len();
    let mut rows = vec![0.0; n_replicates * n_estimands];
    rows.par_chunks_mut(n_estimands.max(1)).enumerate().with_min_len(256).for_each_init(
        || vec![0.0; sums.n_terms],
        |total, (replicate, row)| {
            total.fill(0.0);
            add_up(replicate, &sums, total);
            row.iter_mut().zip(&question.estimands).for_each(|(own, estimand)| *own = estimand.value(total));
        },
    );
    (0..n_estimands).map(|at| rows.iter().skip(at).step_by(n_estimands).copied().collect()).collect()
}

/// Adds `factor` times the sums of one PSU.
#[inline]
pub(super) fn add(total: &mut [f64], psu: &[f64], factor: f64) {
    for (own, value) in total.iter_mut().zip(psu) {
        *own += factor * value;
    }
}

/// Estimates again in each replicate, where `fill(r, factors)` writes the factor of each row on its base weight.
pub(super) fn by_row_factors(
    question: &Question<'_>,
    n_replicates: usize,
    fill: impl Fn(usize, &mut [f64]) + Sync,
) -> Vec<Vec<f64>> {
    let n_rows = question.design.n_rows();
    let rows: Vec<Vec<f64>> = (0..n_replicates)
        .into_par_iter()
        .map_init(
            || vec![0.0; n_rows],
            |factors, replicate| {
                fill(replicate, factors);
                // A replicate that cannot meet the margins has no value; it is left out and counted.
                let Some(weights) = question.weights.replicate(factors) else {
                    return vec![f64::NAN; question.estimands.len()];
                };
                let weighted = |term: &Term<'_>| sum((0..n_rows).map(|row| weights[row] * term.at(row)));
                let total: Vec<f64> = question.terms.iter().map(weighted).collect();
                evaluate(&question.estimands, &total)
            },
        )
        .collect();
    transposed(rows, question.estimands.len())
}

/// Turns replicates of each estimand into spreads: `overall · Σ each · (θ_r - mean)²`, around their mean.
///
/// Replicates without a value are left out; when all are, the variance is NaN.
///
/// # Source
/// `svrVar` of the R package survey 4.1 with its default centre, the mean of the replicates.
pub(super) fn spreads(replicates: Vec<Vec<f64>>, scales: &Scales) -> Vec<Spread> {
    replicates.into_iter().map(|replicates| Spread { variance: variance(&replicates, scales), replicates }).collect()
}

fn variance(replicates: &[f64], scales: &Scales) -> f64 {
    let usable = || replicates.iter().zip(&scales.each).filter(|(value, _)| value.is_finite());
    let centred = || usable().filter(|(_, scale)| **scale > 0.0);
    let n = centred().count();
    if n == 0 {
        return f64::NAN;
    }
    let mean = sum(centred().map(|(value, _)| *value)) / n as f64;
    scales.overall * sum(usable().map(|(value, scale)| scale * (value - mean) * (value - mean)))
}

pub(super) fn evaluate(estimands: &[Estimand], total: &[f64]) -> Vec<f64> {
    estimands.iter().map(|estimand| estimand.value(total)).collect()
}

pub(super) fn transposed(rows: Vec<Vec<f64>>, n_columns: usize) -> Vec<Vec<f64>> {
    (0..n_columns).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicates_without_a_value_are_left_out() {
        let scales = Scales { overall: 0.5, each: vec![1.0; 4] };
        assert_eq!(variance(&[1.0, f64::NAN, 3.0, f64::INFINITY], &scales), 1.0);
        assert!(variance(&[f64::NAN; 4], &scales).is_nan());
    }

    #[test]
    fn a_single_replicate_is_refused() {
        assert!(check_count(1).is_err() && check_count(2).is_ok() && check_count(2_000_000).is_err());
    }
}
