//! What is left of the doubt after the answers, and may it be printed?
//!
//! An estimate from walks that do not agree is no estimate. It is never printed.

use rayon::prelude::*;
use serde::Serialize;

use super::Density;
use super::chains::{Agreement, agreement};
use crate::interval::{quantile, sorted};

/// R-hat that every coordinate and every quantity must stay under.
///
/// Source: Vehtari et al. 2021, §4.
pub const R_HAT_MAX: f64 = 1.01;
/// Independent draws, of the bulk and of the tails, that each must be worth.
///
/// Source: Vehtari et al. 2021, §4: 100 for each of four walks.
pub const ESS_MIN: f64 = 400.0;
/// Share of draws that may diverge.
pub const DIVERGENT_MAX: f64 = 0.001;

/// One walk: its draws after warm-up.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// `[draw][coordinate]`, the kept ones.
    pub positions: Vec<f64>,
    /// `[draw][quantity]`.
    pub values: Vec<f64>,
    /// Draws.
    pub n_draws: usize,
    /// Draws at which the simulated motion went astray.
    pub n_divergent: usize,
    /// Evaluations of the density, warm-up included.
    pub n_evaluations: u64,
}

/// Whether walks agree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Convergence {
    /// Whether the estimate may be printed.
    pub converged: bool,
    /// Walks.
    pub chains: usize,
    /// Draws of each, after warm-up.
    pub draws_per_chain: usize,
    /// Coordinates and quantities that were judged.
    pub n_judged: usize,
    /// Largest R-hat; null when a walk is stuck.
    pub r_hat_max: Option<f64>,
    /// What has it.
    pub r_hat_worst: String,
    /// Fewest independent draws of a bulk.
    pub ess_bulk_min: f64,
    /// Fewest independent draws of a tail.
    pub ess_tail_min: f64,
    /// What has the fewest of either.
    pub ess_worst: String,
    /// Draws at which the simulated motion went astray.
    pub divergences: usize,
    /// Evaluations of the density, warm-up included.
    pub evaluations: u64,
}

/// What the answers leave open about one quantity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// What it is.
    pub name: String,
    /// Mean of the posterior.
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
    /// Its median.
    pub median: f64,
    /// Lower end of the central interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Agreement of walks about it.
    pub r_hat: f64,
    /// Independent draws its bulk is worth.
    pub ess_bulk: f64,
    /// Independent draws its tails are worth.
    pub ess_tail: f64,
}

/// Judges walks. Summaries are there only when they agree.
///
/// All walks have the same number of draws, at least 8, and two walks are the fewest.
pub fn judge(density: &dyn Density, walks: &[Walk], confidence: f64) -> (Convergence, Option<Vec<Summary>>) {
    let (n_kept, quantities) = (density.n_kept(), density.quantities());
    let n_quantities = quantities.len();
    let column = |values: fn(&Walk) -> &[f64], width: usize, at: usize| -> Vec<Vec<f64>> {
        walks.iter().map(|walk| values(walk).iter().skip(at).step_by(width).copied().collect()).collect()
    };
    let judged: Vec<Agreement> = (0..n_kept + n_quantities)
        .into_par_iter()
        .map(|at| match at.checked_sub(n_kept) {
            None => agreement(&column(|walk| &walk.positions, n_kept, at)),
            Some(at) => agreement(&column(|walk| &walk.values, n_quantities, at)),
        })
        .collect();
    let name = |at: usize| at.checked_sub(n_kept).map_or_else(|| density.name(at), |at| quantities[at].clone());
    let convergence = verdict(walks, &judged, name);
    let summary = |at: usize| {
        let sorted = sorted(&column(|walk| &walk.values, n_quantities, at).concat());
        let n = sorted.len() as f64;
        let mean = sorted.iter().sum::<f64>() / n;
        let sd = (sorted.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0)).sqrt();
        let tail = (1.0 - confidence) / 2.0;
        let [low, median, high] = [tail, 0.5, 1.0 - tail].map(|p| quantile(&sorted, p));
        let Agreement { r_hat, ess_bulk, ess_tail } = judged[n_kept + at];
        Summary { name: quantities[at].clone(), mean, sd, median, low, high, r_hat, ess_bulk, ess_tail }
    };
    let summaries = convergence.converged.then(|| (0..n_quantities).map(summary).collect());
    (convergence, summaries)
}

fn verdict(walks: &[Walk], judged: &[Agreement], name: impl Fn(usize) -> String) -> Convergence {
    let worst = |by: fn(&Agreement) -> f64| {
        let key = |at: &usize| by(&judged[*at]);
        (0..judged.len()).min_by(|a, b| key(a).total_cmp(&key(b))).unwrap_or(0)
    };
    let (r_hat_at, ess_at) = (worst(|own| -own.r_hat), worst(|own| own.ess_bulk.min(own.ess_tail)));
    let (bulk_at, tail_at) = (worst(|own| own.ess_bulk), worst(|own| own.ess_tail));
    let n_draws: usize = walks.iter().map(|walk| walk.n_draws).sum();
    let divergences: usize = walks.iter().map(|walk| walk.n_divergent).sum();
    let (r_hat, ess) = (judged[r_hat_at].r_hat, judged[ess_at].ess_bulk.min(judged[ess_at].ess_tail));
    Convergence {
        converged: r_hat < R_HAT_MAX && ess > ESS_MIN && divergences as f64 <= DIVERGENT_MAX * n_draws as f64,
        chains: walks.len(),
        draws_per_chain: walks.first().map_or(0, |walk| walk.n_draws),
        n_judged: judged.len(),
        r_hat_max: crate::estimate::finite(r_hat),
        r_hat_worst: name(r_hat_at),
        ess_bulk_min: judged[bulk_at].ess_bulk,
        ess_tail_min: judged[tail_at].ess_tail,
        ess_worst: name(ess_at),
        divergences,
        evaluations: walks.iter().map(|walk| walk.n_evaluations).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Chance, Purpose};
    use crate::draw::normal;

    /// A standard normal number and its square.
    struct Bell;

    impl Density for Bell {
        fn dim(&self) -> usize {
            1
        }
        fn name(&self, _: usize) -> String {
            "x".to_owned()
        }
        fn log_density(&self, position: &[f64], gradient: &mut [f64]) -> f64 {
            gradient[0] = -position[0];
            -0.5 * position[0] * position[0]
        }
        fn start(&self, _: &mut Chance) -> Vec<f64> {
            vec![0.0]
        }
        fn quantities(&self) -> Vec<String> {
            vec!["x squared".to_owned()]
        }
        fn quantity_values(&self, position: &[f64]) -> Vec<f64> {
            vec![position[0] * position[0]]
        }
    }

    fn walk(number: u64, offset: f64) -> Walk {
        let mut chance = Chance::new(1, Purpose::Sample, number, 0);
        let positions: Vec<f64> = (0..1000).map(|_| normal(&mut chance) + offset).collect();
        let values = positions.iter().map(|x| x * x).collect();
        Walk { positions, values, n_draws: 1000, n_divergent: 0, n_evaluations: 1000 }
    }

    #[test]
    fn walks_that_agree_are_summed_up() {
        let walks: Vec<Walk> = (0..4).map(|number| walk(number, 0.0)).collect();
        let (convergence, summaries) = judge(&Bell, &walks, 0.95);
        assert!(convergence.converged, "{convergence:?}");
        let own = &summaries.unwrap()[0];
        // The square of a normal number: mean 1, standard deviation √2, 97.5 % point 5.024.
        assert!((own.mean - 1.0).abs() < 0.1 && (own.sd - 2f64.sqrt()).abs() < 0.15 && (own.high - 5.02).abs() < 0.5);
    }

    #[test]
    fn walks_that_do_not_agree_give_no_estimate() {
        let mut walks: Vec<Walk> = (0..4).map(|number| walk(number, 0.0)).collect();
        walks[3] = walk(3, 0.4);
        let (convergence, summaries) = judge(&Bell, &walks, 0.95);
        assert!(!convergence.converged && summaries.is_none());
        let mut walks: Vec<Walk> = (0..4).map(|number| walk(number, 0.0)).collect();
        walks[0].n_divergent = 5;
        assert!(judge(&Bell, &walks, 0.95).1.is_none());
    }
}
