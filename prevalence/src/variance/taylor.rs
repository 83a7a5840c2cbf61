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
    fn a_census_of_psus_has_no_first_stage_variance() {
        let mut design = Design::from_sizes(&[vec![1, 1]], LonelyPsu::Fail).unwrap();
        design.strata[0].population = Some(2.0);
        assert_eq!(of_psus(&design, &[1.0, 3.0]), 0.0);
    }
}
