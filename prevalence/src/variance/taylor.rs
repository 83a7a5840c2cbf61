//! What does the design say about the spread, by linearisation?
//!
//! The influence of each respondent, times the weight, is summed within units; the spread of these sums between the
//! units of a stratum is the variance of the first stage. Where populations of units are known, the second stage adds
//! its own share.
//!
//! # Source
//! Särndal, Swensson and Wretman 1992, *Model Assisted Survey Sampling*, §4.3 (two stages), §5.5 (linearisation);
//! rules for single PSUs as in `svyrecvar` of the R package survey 4.1, whose results these equal.

use rayon::prelude::*;

use super::{Question, Spread};
use crate::Error;
use crate::codebook::LonelyPsu;
use crate::design::{Design, Stratum};
use crate::estimand::{influence, sum};

/// Spread of every estimand.
pub(super) fn spreads(question: &Question<'_>) -> Result<Vec<Spread>, Error> {
    question.design.refuse_lonely()?;
    let (sums, _) = question.values();
    let spread = |estimand| {
        let influence = influence(estimand, &sums.total, &question.terms);
        let weighted = question.weights.weighted_residual(&influence);
        Spread { variance: of_rows(question.design, &weighted), replicates: Vec::new() }
    };
    Ok(question.estimands.par_iter().map(spread).collect())
}

/// Variance of the sum of `weighted`, one value for each row.
pub fn of_rows(design: &Design, weighted: &[f64]) -> f64 {
    let by_ssu: Vec<f64> = design.ssus.iter().map(|rows| sum(weighted[rows.clone()].iter().copied())).collect();
    let by_psu: Vec<f64> = design.psus.iter().map(|psu| sum(by_ssu[psu.ssus.clone()].iter().copied())).collect();
    of_psus(design, &by_psu) + second_stage(design, &by_ssu)
}

/// Variance between PSUs of the sum of `by_psu`, one value for each PSU.
pub fn of_psus(design: &Design, by_psu: &[f64]) -> f64 {
    let variances = design.strata.iter().map(|stratum| stratum_variance(stratum, by_psu, design.lonely));
    let n_known = variances.clone().flatten().count();
    let total = sum(variances.flatten());
    total * design.strata.len() as f64 / n_known.max(1) as f64
}

/// Degrees of freedom that the variance of the sum of `weighted` is worth, at most those of the design.
///
/// PSUs less strata hold when all PSUs scatter alike and none lies far out. Satterthwaite's degrees weigh strata by their
/// share of the variance; a variance of values with long tails is itself less certain, which the kurtosis says, pooled over
/// strata and never taken to be below that of normal values.
///
/// # Source
/// Satterthwaite 1946, "An approximate distribution of estimates of variance components"; the variance of a variance with
/// kurtosis: Kendall and Stuart, *The Advanced Theory of Statistics*, §12.
pub fn effective_df(design: &Design, weighted: &[f64]) -> f64 {
    let by_psu: Vec<f64> = design.psus.iter().map(|psu| sum(weighted[psu.rows.clone()].iter().copied())).collect();
    let moments: Vec<(f64, f64, f64)> = design
        .strata
        .iter()
        .filter(|stratum| stratum.n_psus() > 1 && stratum.fraction() < 1.0)
        .map(|stratum| {
            let units = &by_psu[stratum.psus.clone()];
            let n = units.len() as f64;
            let mean = sum(units.iter().copied()) / n;
            let power = |p: i32| sum(units.iter().map(|unit| (unit - mean).powi(p)));
            (n, power(2) / (n - 1.0), power(4))
        })
        .collect();
    let squares = sum(moments.iter().map(|(n, variance, _)| n * variance * variance));
    if squares <= 0.0 {
        return design.df() as f64;
    }
    let excess = (sum(moments.iter().map(|(_, _, fourth)| *fourth)) / squares - 3.0).max(0.0);
    let total = sum(moments.iter().map(|(n, variance, _)| n * variance));
    let doubt = sum(moments.iter().map(|(n, variance, _)| (n * variance).powi(2) * (2.0 / (n - 1.0) + excess / n)));
    (2.0 * total * total / doubt).min(design.df() as f64)
}

/// Variance within one stratum; `None` when it is to be taken as the average of the others.
fn stratum_variance(stratum: &Stratum, by_psu: &[f64], lonely: LonelyPsu) -> Option<f64> {
    let units = &by_psu[stratum.psus.clone()];
    if !stratum.is_lonely() {
        return Some(between(units, 1.0 - stratum.fraction()));
    }
    match lonely {
        LonelyPsu::Average => None,
        LonelyPsu::Adjust => Some((1.0 - stratum.fraction()) * units[0] * units[0]),
        // Fail was refused before; a lonely stratum that is removed or certain adds nothing.
        LonelyPsu::Fail | LonelyPsu::Remove | LonelyPsu::Certainty => Some(0.0),
    }
}

/// What the drawing of SSUs within PSUs adds, where both populations are known.
fn second_stage(design: &Design, by_ssu: &[f64]) -> f64 {
    sum(design.strata.iter().flat_map(|stratum| {
        design.psus[stratum.psus.clone()].iter().map(|psu| {
            if psu.ssus.len() < 2 || psu.population.is_none() {
                return 0.0;
            }
            stratum.fraction() * between(&by_ssu[psu.ssus.clone()], 1.0 - psu.fraction())
        })
    }))
}

/// `f · n/(n-1) · Σ (u - ū)²`.
fn between(units: &[f64], factor: f64) -> f64 {
    if units.len() < 2 || factor <= 0.0 {
        return 0.0;
    }
    let n = units.len() as f64;
    let mean = sum(units.iter().copied()) / n;
    factor * n / (n - 1.0) * sum(units.iter().map(|unit| (unit - mean) * (unit - mean)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lonely(rule: LonelyPsu) -> f64 {
        let design = Design::from_sizes(&[vec![1, 1], vec![1]], rule).unwrap();
        of_psus(&design, &[1.0, 3.0, 5.0])
    }

    #[test]
    fn each_rule_for_single_psus_does_what_it_says() {
        assert_eq!(lonely(LonelyPsu::Remove), 4.0);
        assert_eq!(lonely(LonelyPsu::Certainty), 4.0);
        assert_eq!(lonely(LonelyPsu::Adjust), 4.0 + 25.0);
        assert_eq!(lonely(LonelyPsu::Average), 8.0);
    }

    #[test]
    fn long_tails_cost_degrees_of_freedom() {
        let design = Design::from_sizes(&[vec![1; 8], vec![1; 8]], LonelyPsu::Fail).unwrap();
        let alike: Vec<f64> = (0..16).map(|at| if at % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert!((effective_df(&design, &alike) - 14.0).abs() < 1e-12);
        let mut one_far_out = alike;
        one_far_out[3] = 20.0;
        assert!(effective_df(&design, &one_far_out) < 8.0);
        assert_eq!(effective_df(&design, &[0.0; 16]), 14.0);
    }

    #[test]
    fn a_census_of_psus_has_no_first_stage_variance() {
        let mut design = Design::from_sizes(&[vec![1, 1]], LonelyPsu::Fail).unwrap();
        design.strata[0].population = Some(2.0);
        assert_eq!(of_psus(&design, &[1.0, 3.0]), 0.0);
    }
}
