//! How large is each group, when some people know many of its members and most know none?
//!
//! `y_ik ~ NB(mean e^γ_k share_i, variance ω_k mean)`: each group scatters in its own measure. `1/ω_k` is uniform on 0..1.
//!
//! Source: Zheng, Salganik and Gelman 2006, "How many people do you know in prison?", §3 and §4.

use super::Density;
pub use super::network::Priors;
use super::network::{Networks, Places, Shares};
use super::reports::Reports;
use super::rising::tell;
use crate::chance::Chance;
use crate::draw::normal;

/// The overdispersed model of a survey's answers. Coordinates: networks and groups, then `ln(ω_k - 1)`.
#[derive(Clone, Debug)]
pub struct Overdispersed {
    reports: Reports,
    networks: Networks,
}

impl Overdispersed {
    /// The model of these answers.
    pub fn new(reports: Reports, priors: Priors) -> Overdispersed {
        let networks = Networks::new(&reports, priors);
        Overdispersed { reports, networks }
    }

    /// Logarithm of the mean count of each group, in a point.
    pub fn levels<'a>(&self, position: &'a [f64]) -> &'a [f64] {
        &position[self.networks.places().levels..self.networks.places().spreads]
    }

    /// Overdispersion `ω_k` of each group, in a point.
    pub fn overdispersions(&self, position: &[f64]) -> Vec<f64> {
        position[self.networks.places().end..].iter().map(|ln_excess| 1.0 + ln_excess.exp()).collect()
    }
}

impl Density for Overdispersed {
    fn dim(&self) -> usize {
        self.networks.places().end + self.reports.n_groups()
    }

    fn name(&self, at: usize) -> String {
        match at.checked_sub(self.networks.places().end) {
            Some(group) => format!("log overdispersion of {}", self.reports.names[group]),
            None => self.networks.name(at, &self.reports.names),
        }
    }

    fn log_density(&self, position: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let shares = self.networks.shares(position);
        let mut by_log_share = vec![0.0; self.reports.n_rows()];
        let mut log = 0.0;
        for group in 0..self.reports.n_groups() {
            log += everywhere(&self.reports, group, &self.networks, position, &shares, &mut by_log_share, gradient);
        }
        log + self.networks.prior(position, &shares, &by_log_share, gradient)
    }

    fn start(&self, chance: &mut Chance) -> Vec<f64> {
        let mut start = self.networks.start(&self.reports, chance);
        start.extend((0..self.reports.n_groups()).map(|_| 0.2 * normal(chance)));
        start
    }

    fn quantities(&self) -> Vec<String> {
        self.reports.names.iter().map(|name| format!("size of {name}")).collect()
    }

    fn quantity_values(&self, position: &[f64]) -> Vec<f64> {
        self.reports.sizes(self.levels(position))
    }
}

/// Likelihood, and prior of the overdispersion, of a group that is as common in every place; adds the gradient.
///
/// The coordinates of the overdispersions follow those of the networks.
pub(super) fn everywhere(
    reports: &Reports,
    group: usize,
    networks: &Networks,
    position: &[f64],
    shares: &Shares,
    by_log_share: &mut [f64],
    gradient: &mut [f64],
) -> f64 {
    let Places { levels, end, .. } = networks.places();
    let (level, ln_excess) = (position[levels + group], position[end + group]);
    // Shares average 1, so all means together are known without a sum over rows.
    let sum_means = reports.n_rows() as f64 * level.exp();
    let scale = level.exp();
    let mean = |row: u32| (scale * shares.shares[row as usize], level + shares.logs[row as usize]);
    let toward = |row: u32, gain: f64| by_log_share[row as usize] += gain;
    let told = tell(&reports.groups[group], ln_excess, sum_means, mean, toward);
    gradient[levels + group] += told.gain - told.price * sum_means;
    gradient[end + group] += told.by_ln_excess;
    told.log + uniform_inverse(ln_excess, &mut gradient[end + group])
}

/// Uniform prior on `1/ω`, as a density of `ln(ω - 1)`; adds the derivative.
pub(super) fn uniform_inverse(ln_excess: f64, gradient: &mut f64) -> f64 {
    let inverse = 1.0 / (1.0 + ln_excess.exp());
    *gradient += 2.0 * inverse - 1.0;
    // ln u + ln (1 - u), written so that neither end runs out.
    ln_excess - 2.0 * if ln_excess > 0.0 { ln_excess + (-ln_excess).exp().ln_1p() } else { ln_excess.exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayes::tests::check_gradient;

    #[test]
    fn the_gradient_is_the_difference_quotient() {
        let counts = [vec![3, 0, 1, 12, 2], vec![0, 0, 1, 5, 0], vec![1, 0, 0, 70, 4]];
        let names = ["a", "b", "h"].map(String::from).to_vec();
        let reports = Reports::new(names.clone(), &counts, &[100.0, 30.0]).unwrap();
        check_gradient(&Overdispersed::new(reports, Priors::default()));
        // With few reports the networks are measured in their own spread.
        let counts = [vec![1, 0, 1, 2, 2], vec![0, 0, 1, 3, 0], vec![1, 0, 0, 3, 1]];
        let reports = Reports::new(names, &counts, &[100.0, 30.0]).unwrap();
        check_gradient(&Overdispersed::new(reports, Priors::default()));
    }

    #[test]
    fn a_group_reported_twice_as_often_is_twice_as_large() {
        let names = ["a", "h"].map(String::from).to_vec();
        let reports = Reports::new(names, &[vec![1, 1], vec![2, 2]], &[100.0]).unwrap();
        let model = Overdispersed::new(reports, Priors::default());
        let mut position = vec![0.0; model.dim()];
        position[3] = 2f64.ln();
        assert!((model.quantity_values(&position)[1] - 200.0).abs() < 1e-9);
    }
}
