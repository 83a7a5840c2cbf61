//! How large is each respondent's network beside the others'?

use super::reports::Reports;
use crate::chance::Chance;
use crate::draw::normal;

/// What is believed, before any answer, about networks and groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Priors {
    /// Scale of the half-normal prior on the spread of log networks.
    pub sd_network: f64,
    /// Mean and standard deviation of the normal prior on the middle of the groups' log mean counts.
    pub middle: (f64, f64),
    /// Scale of the half-normal prior on their spread.
    pub sd_level: f64,
}

impl Default for Priors {
    /// So wide that the answers decide: networks may differ a thousandfold, groups a millionfold.
    fn default() -> Self {
        Priors { sd_network: 2.5, middle: (0.0, 10.0), sd_level: 5.0 }
    }
}

/// Reports of a respondent, on average, from which on the answers know networks better than the prior does.
const REPORTS_CENTRED_MIN: f64 = 8.0;

/// Coordinates of networks and groups: `[α_i … | γ_k … | ln σ_α, μ_β, ln σ_β]`.
///
/// `α_i ~ N(0, σ_α)`, `γ_k - ln mean e^α ~ N(μ_β, σ_β)`. With few reports a respondent the coordinate is `α_i / σ_α`: the
/// walk would not come out of a small `σ_α` otherwise.
#[derive(Clone, Debug)]
pub(super) struct Networks {
    n_rows: usize,
    n_groups: usize,
    priors: Priors,
    is_centred: bool,
}

/// Where the coordinates of a density begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// First `γ`.
    pub levels: usize,
    /// `ln σ_α`, then `μ_β`, then `ln σ_β`.
    pub spreads: usize,
    /// One past the last.
    pub end: usize,
}

/// Each respondent's share of all networks.
pub(super) struct Shares {
    /// `e^α_i` over their mean.
    pub shares: Vec<f64>,
    /// Their logarithms.
    pub logs: Vec<f64>,
    /// `ln mean e^α`.
    ln_mean: f64,
}

impl Networks {
    pub(super) fn new(reports: &Reports, priors: Priors) -> Networks {
        let (n_rows, n_groups) = (reports.n_rows(), reports.n_groups());
        let is_centred = reports.group_sums.iter().sum::<f64>() >= REPORTS_CENTRED_MIN * n_rows as f64;
        Networks { n_rows, n_groups, priors, is_centred }
    }

    pub(super) fn places(&self) -> Places {
        let levels = self.n_rows;
        let spreads = levels + self.n_groups;
        Places { levels, spreads, end: spreads + 3 }
    }

    pub(super) fn shares(&self, position: &[f64]) -> Shares {
        let scale = if self.is_centred { 1.0 } else { position[self.places().spreads].exp() };
        let alphas: Vec<f64> = position[..self.n_rows].iter().map(|own| scale * own).collect();
        let largest = alphas.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut shares: Vec<f64> = alphas.iter().map(|alpha| (alpha - largest).exp()).collect();
        let mean = shares.iter().sum::<f64>() / self.n_rows as f64;
        shares.iter_mut().for_each(|share| *share /= mean);
        let ln_mean = largest + mean.ln();
        let logs = alphas.iter().map(|alpha| alpha - ln_mean).collect();
        Shares { shares, logs, ln_mean }
    }

    /// Prior of these coordinates; adds its gradient.
    ///
    /// `by_log_share` holds the derivative of the likelihood by each `ln share_i` and is passed on to the `α_i`.
    pub(super) fn prior(&self, position: &[f64], shares: &Shares, by_log_share: &[f64], gradient: &mut [f64]) -> f64 {
        let Places { levels, spreads, .. } = self.places();
        let [ln_sd_network, middle, ln_sd_level] = [0, 1, 2].map(|at| position[spreads + at]);
        let (sd_network, sd_level) = (ln_sd_network.exp(), ln_sd_level.exp());
        let mut log = 0.0;
        let (mut by_middle, mut squares) = (0.0, 0.0);
        for group in 0..self.n_groups {
            let z = (position[levels + group] - shares.ln_mean - middle) / sd_level;
            gradient[levels + group] -= z / sd_level;
            by_middle += z / sd_level;
            squares += z * z;
        }
        let n_groups = self.n_groups as f64;
        log -= 0.5 * squares + n_groups * ln_sd_level;
        gradient[spreads + 1] += by_middle;
        gradient[spreads + 2] += squares - n_groups;

        // A share moves with its own network, and against the mean of all.
        let n_rows = self.n_rows as f64;
        let through_mean = (by_middle - by_log_share.iter().sum::<f64>()) / n_rows;
        let mut squares = 0.0;
        let (by_coordinate, by_rest) = gradient.split_at_mut(self.n_rows);
        let by_ln_sd = &mut by_rest[spreads - self.n_rows];
        let rows = position.iter().zip(by_log_share).zip(&shares.shares);
        for (by, ((&own, by_log_share), share)) in by_coordinate.iter_mut().zip(rows) {
            let by_alpha = by_log_share + through_mean * share;
            if self.is_centred {
                let z = own / sd_network;
                squares += z * z;
                *by += by_alpha - z / sd_network;
                *by_ln_sd += z * z - 1.0;
            } else {
                squares += own * own;
                *by += by_alpha * sd_network - own;
                *by_ln_sd += by_alpha * sd_network * own;
            }
        }
        log -= 0.5 * squares + if self.is_centred { n_rows * ln_sd_network } else { 0.0 };

        let Priors { sd_network: scale_network, middle: (mean, sd), sd_level: scale_level } = self.priors;
        log += half_normal(ln_sd_network, scale_network, &mut gradient[spreads]);
        log += half_normal(ln_sd_level, scale_level, &mut gradient[spreads + 2]);
        let z = (middle - mean) / sd;
        gradient[spreads + 1] -= z / sd;
        log - 0.5 * z * z
    }

    /// A start from the data, with jitter.
    pub(super) fn start(&self, reports: &Reports, chance: &mut Chance) -> Vec<f64> {
        let networks = reports.networks();
        let levels = reports.levels();
        let spread = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
            (mean, (squares / values.len() as f64).sqrt().max(0.3))
        };
        let ((_, sd_network), (middle, sd_level)) = (spread(&networks), spread(&levels));
        let spreads = [sd_network.ln(), middle, sd_level.ln()];
        let scale = if self.is_centred { 1.0 } else { sd_network };
        let networks: Vec<f64> = networks.iter().map(|log| log / scale).collect();
        let start = networks.iter().chain(&levels).chain(&spreads);
        start.map(|&own| own + 0.1 * normal(chance)).collect()
    }

    /// Name of a coordinate.
    pub(super) fn name(&self, at: usize, groups: &[String]) -> String {
        let Places { levels, spreads, .. } = self.places();
        match at {
            at if at < levels => format!("log network of respondent {}", at + 1),
            at if at < spreads => format!("log mean count of {}", groups[at - levels]),
            at => {
                ["log spread of networks", "middle of the groups", "log spread of the groups"][at - spreads].to_owned()
            }
        }
    }
}

/// Half-normal prior on a spread, as a density of its logarithm; adds the derivative.
pub(super) fn half_normal(ln_spread: f64, scale: f64, gradient: &mut f64) -> f64 {
    let z = ln_spread.exp() / scale;
    *gradient += 1.0 - z * z;
    ln_spread - 0.5 * z * z
}
