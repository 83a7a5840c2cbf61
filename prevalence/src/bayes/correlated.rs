//! How large is each group, when whoever knows members of one also knows members of another?
//!
//! `y_ik ~ Poisson(e^γ_k share_i e^b_ik)`, where the `b_i` of a respondent are normal with correlations between groups, and
//! `e^b` has mean 1. Spread: `τ_k = sqrt(ln(1 + s_k²))` with a half-Cauchy(0, 2.5) prior on `s_k`; correlations: LKJ(2).
//!
//! Source: Laga, Bao and Niu 2023, "A correlated network scale-up model: finding the connection between subpopulations",
//! eqs. 3 to 6 and `Correlated_basic.stan` of the R package networkscaleup, whose priors these are, but for the wider
//! ones on networks and groups. The correlations follow from partial correlations `tanh x`, each symmetric beta:
//! Lewandowski, Kurowicka and Joe 2009, "Generating random correlation matrices based on vines and extended onion method".

use super::Density;
use super::network::{Networks, Priors};
use super::reports::Reports;
use crate::chance::Chance;
use crate::draw::normal;

/// Scale of the half-Cauchy prior on `s_k`.
const SCALE: f64 = 2.5;
/// Shape of the LKJ prior: 1 is uniform over correlation matrices, more leans towards none.
const SHAPE: f64 = 2.0;

/// The correlated model. Coordinates: networks and groups, `ln s_k`, partial correlations row by row, then `ε_ik` (nuisance).
#[derive(Clone, Debug)]
pub struct Correlated {
    reports: Reports,
    networks: Networks,
}

impl Correlated {
    /// The model of these answers.
    pub fn new(reports: Reports, priors: Priors) -> Correlated {
        let networks = Networks::new(&reports, priors);
        Correlated { reports, networks }
    }

    /// First `ln s`, first partial correlation, first `ε`.
    fn places(&self) -> (usize, usize, usize) {
        let (first, k) = (self.networks.places().end, self.reports.n_groups());
        (first, first + k, first + k + k * (k - 1) / 2)
    }

    /// Correlations between groups in a point, `[group][group]`.
    pub fn correlations(&self, position: &[f64]) -> Vec<Vec<f64>> {
        let (_, partial, noise) = self.places();
        let k = self.reports.n_groups();
        let root = root(k, &position[partial..noise]);
        let product = |i: usize, j: usize| (0..k).map(|m| root[i * k + m] * root[j * k + m]).sum();
        (0..k).map(|i| (0..k).map(|j| product(i, j)).collect()).collect()
    }
}

impl Density for Correlated {
    fn dim(&self) -> usize {
        self.places().2 + self.reports.n_rows() * self.reports.n_groups()
    }

    fn n_kept(&self) -> usize {
        self.places().2
    }

    fn name(&self, at: usize) -> String {
        let (spreads, partial, noise) = self.places();
        match at {
            at if at < spreads => self.networks.name(at, &self.reports.names),
            at if at < partial => format!("log spread of {}", self.reports.names[at - spreads]),
            at if at < noise => format!("partial correlation {}", at - partial + 1),
            at => format!("scatter {}", at - noise + 1),
        }
    }

    fn log_density(&self, position: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let (k, n_rows) = (self.reports.n_groups(), self.reports.n_rows());
        let (spreads_at, partial_at, noise_at) = self.places();
        let levels_at = self.networks.places().levels;
        let shares = self.networks.shares(position);
        let root = root(k, &position[partial_at..noise_at]);
        let taus: Vec<Tau> = position[spreads_at..partial_at].iter().map(|&ln_s| Tau::new(ln_s)).collect();
        let levels = &position[levels_at..levels_at + k];
        let counts = self.dense();

        let mut log = 0.0;
        let mut by_log_share = vec![0.0; n_rows];
        let (mut by_tau, mut by_root) = (vec![0.0; k], vec![0.0; k * k]);
        let mut rest = vec![0.0; k];
        for (row, by_share) in by_log_share.iter_mut().enumerate() {
            let noise = &position[noise_at + row * k..][..k];
            for (group, tau) in taus.iter().enumerate() {
                let z: f64 = root[group * k..][..=group].iter().zip(noise).map(|(l, e)| l * e).sum();
                let ln_mean = levels[group] + shares.logs[row] + tau.value * z - 0.5 * tau.value * tau.value;
                let (count, mean) = (counts[row * k + group], ln_mean.exp());
                log += count * ln_mean - mean;
                let own = count - mean;
                *by_share += own;
                gradient[levels_at + group] += own;
                by_tau[group] += own * (z - tau.value);
                rest[group] = own * tau.value;
                for (by, e) in by_root[group * k..][..=group].iter_mut().zip(noise) {
                    *by += rest[group] * e;
                }
            }
            for (at, &e) in noise.iter().enumerate() {
                log -= 0.5 * e * e;
                let pull: f64 = (at..k).map(|group| rest[group] * root[group * k + at]).sum();
                gradient[noise_at + row * k + at] += pull - e;
            }
        }
        for (group, (tau, by)) in taus.iter().zip(&by_tau).enumerate() {
            log += tau.prior;
            gradient[spreads_at + group] += by * tau.by_ln_s + tau.by_prior;
        }
        log += partial_prior(k, &position[partial_at..noise_at], &root, &by_root, &mut gradient[partial_at..noise_at]);
        log + self.networks.prior(position, &shares, &by_log_share, gradient)
    }

    fn start(&self, chance: &mut Chance) -> Vec<f64> {
        let mut start = self.networks.start(&self.reports, chance);
        start.extend((start.len()..self.dim()).map(|_| 0.1 * normal(chance)).collect::<Vec<_>>());
        start
    }

    fn quantities(&self) -> Vec<String> {
        self.reports.names.iter().map(|name| format!("size of {name}")).collect()
    }

    fn quantity_values(&self, position: &[f64]) -> Vec<f64> {
        let places = self.networks.places();
        self.reports.sizes(&position[places.levels..places.spreads])
    }
}

impl Correlated {
    /// `[row][group]`.
    fn dense(&self) -> Vec<f64> {
        let k = self.reports.n_groups();
        let mut counts = vec![0.0; self.reports.n_rows() * k];
        for (group, reports) in self.reports.groups.iter().enumerate() {
            for report in reports {
                counts[report.row as usize * k + group] = f64::from(report.count);
            }
        }
        counts
    }
}

/// The spread of one group's scatter.
struct Tau {
    value: f64,
    by_ln_s: f64,
    prior: f64,
    by_prior: f64,
}

impl Tau {
    fn new(ln_s: f64) -> Tau {
        let square = (2.0 * ln_s).exp();
        let value = square.ln_1p().sqrt();
        let by_ln_s = square / ((1.0 + square) * value);
        let scaled = square / (SCALE * SCALE);
        Tau { value, by_ln_s, prior: ln_s - scaled.ln_1p(), by_prior: 1.0 - 2.0 * scaled / (1.0 + scaled) }
    }
}

/// Lower root of the correlation matrix, `[k][k]`, from partial correlations `tanh x`, row by row.
fn root(k: usize, x: &[f64]) -> Vec<f64> {
    let mut root = vec![0.0; k * k];
    for i in 0..k {
        let mut rest = 1.0f64;
        for j in 0..i {
            let partial = x[i * (i - 1) / 2 + j].tanh();
            root[i * k + j] = partial * rest.sqrt();
            rest *= 1.0 - partial * partial;
        }
        root[i * k + i] = rest.sqrt();
    }
    root
}

/// LKJ prior of the partial correlations; passes the likelihood's derivatives by the root on to them.
///
/// In `x` with `tanh x` the partial correlation, prior and both Jacobians together are `c ln(1 - tanh² x)`, with
/// `c = shape - 1 + (k - j) / 2` in column `j`.
fn partial_prior(k: usize, x: &[f64], root: &[f64], by_root: &[f64], gradient: &mut [f64]) -> f64 {
    let mut log = 0.0;
    for i in 1..k {
        // Everything to the right of a column shrinks with what the column leaves over.
        let mut right = by_root[i * k + i] * root[i * k + i];
        for j in (0..i).rev() {
            let at = i * (i - 1) / 2 + j;
            let partial = x[at].tanh();
            let left_over = 1.0 - partial * partial;
            let c = SHAPE - 1.0 + (k - j) as f64 / 2.0;
            // ln(1 - tanh²) = -2 ln cosh, which does not run out.
            log -= 2.0 * c * ln_cosh(x[at]);
            let rest = if partial == 0.0 { rest_before(x, i, j) } else { root[i * k + j] / partial };
            gradient[at] += by_root[i * k + j] * rest * left_over - right * partial - 2.0 * c * partial;
            right += by_root[i * k + j] * root[i * k + j];
        }
    }
    log
}

/// Root of what the columns before `j` leave over in row `i`.
fn rest_before(x: &[f64], i: usize, j: usize) -> f64 {
    (0..j).map(|m| 1.0 - x[i * (i - 1) / 2 + m].tanh().powi(2)).product::<f64>().sqrt()
}

fn ln_cosh(x: f64) -> f64 {
    x.abs() + (-2.0 * x.abs()).exp().ln_1p() - std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayes::tests::check_gradient;

    fn model() -> Correlated {
        let counts = [vec![3, 0, 1, 12], vec![0, 0, 1, 5], vec![1, 0, 0, 7], vec![0, 2, 0, 1]];
        let names = ["a", "b", "h", "j"].map(String::from).to_vec();
        Correlated::new(Reports::new(names, &counts, &[100.0, 30.0]).unwrap(), Priors::default())
    }

    #[test]
    fn the_gradient_is_the_difference_quotient() {
        check_gradient(&model());
    }

    #[test]
    fn correlations_are_correlations() {
        let model = model();
        let position: Vec<f64> = (0..model.dim()).map(|at| (1.7 * at as f64).sin()).collect();
        let correlations = model.correlations(&position);
        for (i, row) in correlations.iter().enumerate() {
            assert!((row[i] - 1.0).abs() < 1e-12);
            assert!((0..4).all(|j| row[j].abs() < 1.0 + 1e-12 && row[j] == correlations[j][i]));
        }
    }
}
