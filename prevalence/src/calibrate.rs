//! Which weights agree with what the census says?
//!
//! Calibration moves weights as little as it can until they meet population totals. The variance then is that of the
//! residuals from those totals; replicates are calibrated anew, each one.

pub mod distance;
pub mod margin;
mod solve;

use std::borrow::Cow;

use rayon::prelude::*;

use crate::Error;
use crate::estimand::sum;
use distance::Distance;
use margin::Constraints;
use solve::Normal;

/// Most Newton steps before calibration is given up.
const STEPS_MAX: usize = 100;
/// Largest distance from a margin that counts as met, relative to `1 + |margin|`.
const MISFIT_MAX: f64 = 1e-11;

/// The weights that everything is estimated with.
#[derive(Clone, Debug)]
pub struct Weights<'a> {
    /// Weights of the sample as drawn.
    pub base: Cow<'a, [f64]>,
    /// Weights after calibration and trimming.
    pub full: Vec<f64>,
    /// How they were calibrated.
    pub calibration: Option<Calibration>,
    /// What trimming did to each calibrated weight.
    trim: Option<Vec<f64>>,
}

/// A calibration that can be repeated on other weights.
#[derive(Clone, Debug)]
pub struct Calibration {
    constraints: Constraints,
    distance: Distance,
    /// `X' W X` at the base weights, solved.
    base: Normal,
}

/// Bounds between which weights are cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trim {
    /// Lowest weight.
    pub low: f64,
    /// Highest weight.
    pub high: f64,
}

impl<'a> Weights<'a> {
    /// The weights as they are.
    pub fn plain(base: &'a [f64]) -> Weights<'a> {
        Weights { base: base.into(), full: base.to_vec(), calibration: None, trim: None }
    }

    /// Weights that meet the constraints.
    ///
    /// # Errors
    /// [`Error::Calibration`] when the margins are not met; [`Error::Range`] for bounds that do not enclose 1.
    pub fn calibrated(base: &'a [f64], constraints: Constraints, distance: Distance) -> Result<Weights<'a>, Error> {
        distance.check()?;
        let normal = Normal::new(&constraints.columns, base);
        let calibration = Calibration { constraints, distance, base: normal };
        let full = calibration.weights(base)?;
        Ok(Weights { base: base.into(), full, calibration: Some(calibration), trim: None })
    }

    /// Cuts weights outside the bounds and shares what was cut equally among those inside.
    ///
    /// The sum is kept. A weight that the sharing lifts over the bound stays there, as in `trimWeights` of the R package
    /// survey. Replicates keep each row's ratio of trimmed to untrimmed weight.
    ///
    /// # Errors
    /// [`Error::Range`] when the bounds are not in order or leave no weight inside.
    pub fn trimmed(mut self, trim: Trim) -> Result<Weights<'a>, Error> {
        let is_inside = |weight: f64| (trim.low..=trim.high).contains(&weight);
        let n_inside = self.full.iter().filter(|weight| is_inside(**weight)).count();
        if !(trim.low >= 0.0 && trim.low < trim.high) || n_inside == 0 {
            return Err(Error::Range { what: "--trim", value: trim.low, expected: "LOW,HIGH with weights in between" });
        }
        let excess = sum(self.full.iter().map(|&weight| weight - weight.clamp(trim.low, trim.high)));
        let share = excess / n_inside as f64;
        let trimmed =
            |&weight: &f64| if is_inside(weight) { weight + share } else { weight.clamp(trim.low, trim.high) };
        let full: Vec<f64> = self.full.iter().map(trimmed).collect();
        self.trim = Some(full.iter().zip(&self.full).map(|(new, old)| new / old).collect());
        self.full = full;
        Ok(self)
    }

    /// Smallest and largest ratio of final to base weight.
    pub fn ratio_range(&self) -> (f64, f64) {
        let ratios = self.full.iter().zip(self.base.iter()).map(|(full, base)| full / base);
        ratios.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), ratio| (low.min(ratio), high.max(ratio)))
    }

    /// Weights of a replicate with these factors on the base weights; `None` when it cannot meet the margins.
    pub(crate) fn replicate(&self, factors: &[f64]) -> Option<Vec<f64>> {
        let Some(calibration) = &self.calibration else {
            return Some(self.full.iter().zip(factors).map(|(weight, factor)| weight * factor).collect());
        };
        let drawn: Vec<f64> = self.base.iter().zip(factors).map(|(weight, factor)| weight * factor).collect();
        let mut weights = calibration.weights(&drawn).ok()?;
        if let Some(trim) = &self.trim {
            weights.iter_mut().zip(trim).for_each(|(weight, ratio)| *weight *= ratio);
        }
        Some(weights)
    }

    /// Influence times weight, less what the margins explain.
    ///
    /// # Source
    /// Deville and Särndal 1992, "Calibration estimators in survey sampling", eq. 3.4: `g w (z - x'B)`; with trimming as
    /// `svyrecvar` of the R package survey 4.1 after `trimWeights`.
    pub(crate) fn weighted_residual(&self, influence: &[f64]) -> Vec<f64> {
        let Some(calibration) = &self.calibration else {
            return influence.iter().zip(&self.full).map(|(own, weight)| own * weight).collect();
        };
        // What trimming takes from a weight, it takes from the influence; the residual keeps the calibrated weight.
        let Some(trim) = &self.trim else {
            let residual = calibration.residual(&self.base, influence);
            return residual.iter().zip(&self.full).map(|(own, weight)| own * weight).collect();
        };
        let trimmed: Vec<f64> = influence.iter().zip(trim).map(|(own, ratio)| own * ratio).collect();
        let residual = calibration.residual(&self.base, &trimmed);
        residual.iter().zip(self.full.iter().zip(trim)).map(|(own, (weight, ratio))| own * weight / ratio).collect()
    }
}

impl Calibration {
    /// Newton's method on the multipliers of the margins.
    fn weights(&self, base: &[f64]) -> Result<Vec<f64>, Error> {
        let Constraints { columns, totals, .. } = &self.constraints;
        let mut multipliers = vec![0.0; totals.len()];
        let mut best = f64::INFINITY;
        for _ in 0..STEPS_MAX {
            let along = combination(columns, &multipliers);
            let weights: Vec<f64> = base.iter().zip(&along).map(|(w, &u)| w * self.distance.ratio(u)).collect();
            let misfit: Vec<f64> =
                columns.iter().zip(totals).map(|(column, total)| total - weighted_sum(column, &weights)).collect();
            best = misfit.iter().zip(totals).map(|(off, total)| off.abs() / (1.0 + total.abs())).fold(0.0, f64::max);
            if best <= MISFIT_MAX {
                return Ok(weights);
            }
            if !best.is_finite() {
                break;
            }
            let slopes: Vec<f64> = base.iter().zip(&along).map(|(w, &u)| w * self.distance.slope(u)).collect();
            let step = Normal::new(columns, &slopes).solve(&misfit);
            self.advance(&mut multipliers, &step, columns);
        }
        Err(Error::Calibration { n_steps: STEPS_MAX, misfit: best })
    }

    /// Takes the step, halved until every weight stays finite.
    fn advance(&self, multipliers: &mut [f64], step: &[f64], columns: &[Vec<f64>]) {
        let mut length = 1.0;
        for _ in 0..30 {
            let next: Vec<f64> = multipliers.iter().zip(step).map(|(own, by)| own + length * by).collect();
            let is_finite = |&u: &f64| self.distance.ratio(u).is_finite() && self.distance.slope(u).is_finite();
            if combination(columns, &next).iter().all(is_finite) {
                multipliers.copy_from_slice(&next);
                return;
            }
            length /= 2.0;
        }
    }

    fn residual(&self, base: &[f64], influence: &[f64]) -> Vec<f64> {
        let columns = &self.constraints.columns;
        let weighted: Vec<f64> = base.iter().zip(influence).map(|(weight, value)| weight * value).collect();
        let right: Vec<f64> = columns.iter().map(|column| weighted_sum(column, &weighted)).collect();
        let explained = combination(columns, &self.base.solve(&right));
        influence.iter().zip(&explained).map(|(value, explained)| value - explained).collect()
    }
}

/// `X · multipliers`, one number for each row.
fn combination(columns: &[Vec<f64>], multipliers: &[f64]) -> Vec<f64> {
    let n_rows = columns.first().map_or(0, Vec::len);
    (0..n_rows)
        .into_par_iter()
        .with_min_len(16_384)
        .map(|row| columns.iter().zip(multipliers).map(|(column, by)| column[row] * by).sum())
        .collect()
}

fn weighted_sum(column: &[f64], weights: &[f64]) -> f64 {
    sum(column.iter().zip(weights).map(|(value, weight)| value * weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraints() -> Constraints {
        let columns = vec![vec![1.0, 1.0, 0.0, 0.0], vec![0.0, 0.0, 1.0, 1.0], vec![2.0, 5.0, 3.0, 7.0]];
        Constraints { names: vec!["a".into(), "b".into(), "x".into()], columns, totals: vec![30.0, 50.0, 350.0] }
    }

    #[test]
    fn every_distance_meets_the_margins() {
        let base = [10.0, 15.0, 20.0, 25.0];
        for distance in [Distance::Linear, Distance::Raking, Distance::Logit { low: 0.3, high: 2.5 }] {
            let weights = Weights::calibrated(&base, constraints(), distance).unwrap();
            for (column, total) in constraints().columns.iter().zip(&constraints().totals) {
                assert!((weighted_sum(column, &weights.full) - total).abs() < 1e-8, "{distance:?}");
            }
        }
    }

    #[test]
    fn margins_out_of_reach_are_an_error() {
        let tight = Distance::Logit { low: 0.99, high: 1.01 };
        assert!(matches!(
            Weights::calibrated(&[10.0, 15.0, 20.0, 25.0], constraints(), tight),
            Err(Error::Calibration { .. })
        ));
    }

    #[test]
    fn trimming_keeps_the_sum() {
        let base = [1.0, 5.0, 6.0, 20.0];
        let weights = Weights::plain(&base).trimmed(Trim { low: 2.0, high: 10.0 }).unwrap();
        assert_eq!(weights.full, [2.0, 9.5, 10.5, 10.0]);
        assert!(Weights::plain(&base).trimmed(Trim { low: 30.0, high: 40.0 }).is_err());
    }
}
