//! What do the answers say about every network and every group at once?
//!
//! A model is the logarithm of a density over unconstrained coordinates, with its gradient. Who walks through it, with
//! chance and threads, is at the edge; here are the densities, where a walk may start, what a point means in people, and
//! whether several walks agree.
//!
//! All three models write the mean number of reports of respondent `i` on group `k` as `e^γ_k · share_i`, where shares
//! follow the respondents' networks and average 1. The usual `e^(α_i + β_k)` is the same with `γ_k = β_k + ln mean e^α`;
//! but `γ_k` is the logarithm of a mean count, which the data know well and apart from everything else, so that a walk
//! takes few steps. No Jacobian is due: the change is a shift.

pub mod chains;
pub mod correlated;
pub mod municipal;
mod network;
pub mod overdispersed;
pub mod pooled;
pub mod posterior;
pub mod reports;
mod rising;

use crate::chance::Chance;

/// The logarithm of a density, up to a constant, over unconstrained coordinates.
pub trait Density: Sync {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// Number of leading coordinates whose walk is kept and judged; the rest are nuisance.
    fn n_kept(&self) -> usize {
        self.dim()
    }

    /// Name of a kept coordinate.
    fn name(&self, coordinate: usize) -> String;

    /// The logarithm of the density at `position`; writes its gradient. Both slices hold [`Density::dim`] numbers.
    ///
    /// NaN or infinite where the density cannot be had: a walk must turn round there.
    fn log_density(&self, position: &[f64], gradient: &mut [f64]) -> f64;

    /// A point near the bulk of the density, from the data, with some jitter from `chance`.
    fn start(&self, chance: &mut Chance) -> Vec<f64>;

    /// Names of what is asked, for example the size of each group.
    fn quantities(&self) -> Vec<String>;

    /// What a point means for each of [`Density::quantities`].
    fn quantity_values(&self, position: &[f64]) -> Vec<f64>;
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Density;
    use crate::chance::{Chance, Purpose};

    /// Compares the gradient with the central difference of fourth order in every coordinate, at three random points.
    pub(crate) fn check_gradient(density: &dyn Density) {
        let dim = density.dim();
        let (mut gradient, mut unused) = (vec![0.0; dim], vec![0.0; dim]);
        for point in 0..3 {
            let mut chance = Chance::new(7, Purpose::Sample, point, 0);
            let start = density.start(&mut chance);
            let position: Vec<f64> = start.iter().map(|x| x + 0.3 * crate::draw::normal(&mut chance)).collect();
            assert!(density.log_density(&position, &mut gradient).is_finite());
            for (at, slope) in gradient.iter().enumerate() {
                let mut moved = |by: f64| {
                    let mut position = position.clone();
                    position[at] += by;
                    density.log_density(&position, &mut unused)
                };
                let h = 1e-3;
                let quotient = (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
                let off = (quotient - slope).abs() / (1.0 + slope.abs());
                assert!(off < 1e-6, "coordinate {at}: {quotient} is not {slope}");
            }
        }
    }
}
