//! How common is a hidden group in each area, when every area has few respondents?
//!
//! Known groups and networks are as in the overdispersed model. A hidden group's mean in area `a` is `e^(γ_h + v_a) share_i`
//! with `v_a = x_a θ + τ z_a`: areas borrow from each other as much as the answers say they are alike, and from covariates
//! where there are any. With `τ` near 0 all areas agree, with a large `τ` each stands alone.
//!
//! Source: the idea of Nyarko-Agyei et al. 2024, "A partially pooled NSUM model", arXiv:2407.13267; their equations were
//! not read, and this model is our own: Zheng et al. 2006 with area effects as in Fay and Herriot 1979, non-centred.

use super::Density;
use super::network::{Networks, Priors, Shares, half_normal};
use super::overdispersed::{everywhere, uniform_inverse};
use super::reports::Reports;
use super::rising::tell;
use crate::Error;
use crate::chance::Chance;
use crate::draw::normal;

/// Scale of the half-normal prior on the spread of log prevalence between areas: e² is sevenfold.
const SD_AREAS: f64 = 1.0;
/// Standard deviation of the normal prior on the effect of one standard deviation of a covariate.
const SD_EFFECT: f64 = 1.0;

/// Areas, and what is known about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Areas {
    /// Label of each area.
    pub names: Vec<String>,
    /// Area of each row.
    pub of_row: Vec<u32>,
    /// People in each area.
    pub people: Vec<f64>,
    /// People in the frame: what the sizes of the known groups are measured against.
    pub frame_size: f64,
    /// `[covariate][area]`, in any unit.
    pub covariates: Vec<Vec<f64>>,
}

/// The partially pooled model.
///
/// Coordinates: networks and groups, `ln(ω_k - 1)`, then for each hidden group `ln τ`, the effects `θ`, and `z_a`.
#[derive(Clone, Debug)]
pub struct Pooled {
    reports: Reports,
    networks: Networks,
    areas: Areas,
    /// Covariates with mean 0 and standard deviation 1.
    covariates: Vec<Vec<f64>>,
}

impl Pooled {
    /// The model of these answers; `areas.of_row` has one area for each row of `reports`.
    ///
    /// # Errors
    /// [`Error::Range`] when lengths differ or a covariate is not finite; a covariate that is the same everywhere is
    /// [`Error::Range`] too, for it says nothing.
    pub fn new(reports: Reports, areas: Areas, priors: Priors) -> Result<Pooled, Error> {
        let n_areas = areas.names.len();
        let fits = areas.of_row.len() == reports.n_rows()
            && areas.people.len() == n_areas
            && areas.of_row.iter().all(|&area| (area as usize) < n_areas)
            && areas.covariates.iter().all(|covariate| covariate.len() == n_areas);
        if !fits {
            let value = areas.of_row.len() as f64;
            return Err(Error::Range { what: "the number of rows with an area", value, expected: "one area a row" });
        }
        let covariates = areas.covariates.iter().map(|own| standardised(own)).collect::<Result<_, Error>>()?;
        let networks = Networks::new(&reports, priors);
        Ok(Pooled { reports, networks, areas, covariates })
    }

    /// The areas.
    pub fn areas(&self) -> &Areas {
        &self.areas
    }

    fn n_hidden(&self) -> usize {
        self.reports.n_groups() - self.reports.n_known()
    }

    /// Coordinates of hidden group `hidden`: `ln τ`, effects, `z`.
    fn places(&self, hidden: usize) -> (usize, usize, usize) {
        let first = self.networks.places().end + self.reports.n_groups();
        let ln_sd = first + hidden * (1 + self.covariates.len() + self.areas.names.len());
        (ln_sd, ln_sd + 1, ln_sd + 1 + self.covariates.len())
    }

    /// Log prevalence of each area beside the middle one.
    fn effects(&self, hidden: usize, position: &[f64]) -> Vec<f64> {
        let (ln_sd, effects, z) = self.places(hidden);
        let sd = position[ln_sd].exp();
        let explained = |area: usize| -> f64 {
            self.covariates.iter().enumerate().map(|(at, own)| position[effects + at] * own[area]).sum()
        };
        (0..self.areas.names.len()).map(|area| explained(area) + sd * position[z + area]).collect()
    }

    fn hidden_group(
        &self,
        hidden: usize,
        position: &[f64],
        shares: &Shares,
        by_log_share: &mut [f64],
        gradient: &mut [f64],
    ) -> f64 {
        let group = self.reports.n_known() + hidden;
        let places = self.networks.places();
        let (level_at, excess_at) = (places.levels + group, places.end + group);
        let (level, ln_excess) = (position[level_at], position[excess_at]);
        let effects = self.effects(hidden, position);
        let mut means: Vec<f64> = vec![0.0; effects.len()];
        for (&area, share) in self.areas.of_row.iter().zip(&shares.shares) {
            means[area as usize] += share;
        }
        let factors: Vec<f64> = effects.iter().map(|effect| (level + effect).exp()).collect();
        means.iter_mut().zip(&factors).for_each(|(mean, factor)| *mean *= factor);

        let of_row = &self.areas.of_row;
        let mut by_effect = vec![0.0; effects.len()];
        let mean = |row: u32| {
            let (row, area) = (row as usize, of_row[row as usize] as usize);
            (factors[area] * shares.shares[row], level + shares.logs[row] + effects[area])
        };
        let toward = |row: u32, gain: f64| {
            by_log_share[row as usize] += gain;
            by_effect[of_row[row as usize] as usize] += gain;
        };
        let sum_means = means.iter().sum();
        let told = tell(&self.reports.groups[group], ln_excess, sum_means, mean, toward);
        let costs: Vec<f64> = factors.iter().map(|factor| told.price * factor).collect();
        for ((by, &area), share) in by_log_share.iter_mut().zip(of_row).zip(&shares.shares) {
            *by -= costs[area as usize] * share;
        }
        by_effect.iter_mut().zip(&means).for_each(|(by, mean)| *by -= told.price * mean);
        gradient[level_at] += told.gain - told.price * sum_means;
        gradient[excess_at] += told.by_ln_excess;
        let log = told.log + uniform_inverse(ln_excess, &mut gradient[excess_at]);
        log + self.effects_prior(hidden, position, &by_effect, gradient)
    }

    /// Prior of the area effects; passes the likelihood's derivatives on to their coordinates.
    fn effects_prior(&self, hidden: usize, position: &[f64], by_effect: &[f64], gradient: &mut [f64]) -> f64 {
        let (ln_sd, effects, z) = self.places(hidden);
        let sd = position[ln_sd].exp();
        let mut log = half_normal(position[ln_sd], SD_AREAS, &mut gradient[ln_sd]);
        for (area, by) in by_effect.iter().enumerate() {
            let own = position[z + area];
            log -= 0.5 * own * own;
            gradient[z + area] += by * sd - own;
            gradient[ln_sd] += by * sd * own;
        }
        for (at, covariate) in self.covariates.iter().enumerate() {
            let own = position[effects + at] / SD_EFFECT;
            log -= 0.5 * own * own;
            let by: f64 = by_effect.iter().zip(covariate).map(|(by, x)| by * x).sum();
            gradient[effects + at] += by - own / SD_EFFECT;
        }
        log
    }
}

impl Density for Pooled {
    fn dim(&self) -> usize {
        self.places(self.n_hidden()).0
    }

    fn name(&self, at: usize) -> String {
        let names = &self.reports.names;
        let first = self.networks.places().end;
        if at < first {
            return self.networks.name(at, names);
        }
        if at < first + names.len() {
            return format!("log overdispersion of {}", names[at - first]);
        }
        let each = self.places(1).0 - self.places(0).0;
        let (hidden, place) = ((at - self.places(0).0) / each, (at - self.places(0).0) % each);
        let name = &names[self.reports.n_known() + hidden];
        match place.checked_sub(1) {
            None => format!("log spread of {name} between areas"),
            Some(at) if at < self.covariates.len() => format!("effect of covariate {} on {name}", at + 1),
            Some(at) => format!("{name} in area {}", self.areas.names[at - self.covariates.len()]),
        }
    }

    fn log_density(&self, position: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let shares = self.networks.shares(position);
        let mut by_log_share = vec![0.0; self.reports.n_rows()];
        let mut log = 0.0;
        for group in 0..self.reports.n_known() {
            log += everywhere(&self.reports, group, &self.networks, position, &shares, &mut by_log_share, gradient);
        }
        for hidden in 0..self.n_hidden() {
            log += self.hidden_group(hidden, position, &shares, &mut by_log_share, gradient);
        }
        log + self.networks.prior(position, &shares, &by_log_share, gradient)
    }

    fn start(&self, chance: &mut Chance) -> Vec<f64> {
        let mut start = self.networks.start(&self.reports, chance);
        start.extend((0..self.reports.n_groups()).map(|_| 0.2 * normal(chance)));
        for _ in 0..self.n_hidden() {
            start.push(0.3f64.ln() + 0.1 * normal(chance));
            start.extend((0..self.covariates.len() + self.areas.names.len()).map(|_| 0.1 * normal(chance)));
        }
        start
    }

    /// The size of each hidden group, then for each hidden group its rate in a thousand in each area.
    fn quantities(&self) -> Vec<String> {
        let hidden = &self.reports.names[self.reports.n_known()..];
        let sizes = hidden.iter().map(|name| format!("size of {name}"));
        let rates = hidden.iter().flat_map(|name| {
            self.areas.names.iter().map(move |area| format!("rate of {name} in {area}, in a thousand"))
        });
        sizes.chain(rates).collect()
    }

    fn quantity_values(&self, position: &[f64]) -> Vec<f64> {
        let places = self.networks.places();
        let sizes = self.reports.sizes(&position[places.levels..places.spreads]);
        let n_known = self.reports.n_known();
        let rates: Vec<f64> = (0..self.n_hidden())
            .flat_map(|hidden| {
                let middle = 1000.0 * sizes[n_known + hidden] / self.areas.frame_size;
                self.effects(hidden, position).into_iter().map(move |effect| middle * effect.exp())
            })
            .collect();
        let size =
            |rates: &[f64]| rates.iter().zip(&self.areas.people).map(|(rate, people)| rate * people / 1000.0).sum();
        let mut values: Vec<f64> = rates.chunks(self.areas.people.len()).map(size).collect();
        values.extend(rates);
        values
    }
}

fn standardised(values: &[f64]) -> Result<Vec<f64>, Error> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n).sqrt();
    if !(sd > 0.0 && sd.is_finite()) {
        return Err(Error::Range { what: "the spread of an area covariate", value: sd, expected: "above 0" });
    }
    Ok(values.iter().map(|value| (value - mean) / sd).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayes::tests::check_gradient;

    fn model(covariates: Vec<Vec<f64>>) -> Pooled {
        let counts = [vec![3, 0, 1, 12, 2], vec![0, 0, 1, 5, 0], vec![1, 0, 0, 7, 4], vec![0, 2, 0, 0, 1]];
        let names = ["a", "b", "h", "j"].map(String::from).to_vec();
        let reports = Reports::new(names, &counts, &[100.0, 30.0]).unwrap();
        let names = ["north", "south", "west"].map(String::from).to_vec();
        let people = vec![500.0, 300.0, 200.0];
        let areas = Areas { names, of_row: vec![0, 0, 1, 1, 2], people, frame_size: 1000.0, covariates };
        Pooled::new(reports, areas, Priors::default()).unwrap()
    }

    #[test]
    fn the_gradient_is_the_difference_quotient() {
        check_gradient(&model(vec![]));
        check_gradient(&model(vec![vec![1.0, 5.0, 2.0], vec![0.1, 0.2, 0.9]]));
    }

    #[test]
    fn the_size_is_the_sum_of_rates_times_people() {
        let model = model(vec![]);
        let position: Vec<f64> = (0..model.dim()).map(|at| (at as f64).sin()).collect();
        let values = model.quantity_values(&position);
        assert_eq!(values.len(), model.quantities().len());
        let size = (values[2] * 500.0 + values[3] * 300.0 + values[4] * 200.0) / 1000.0;
        assert!((values[0] / size - 1.0).abs() < 1e-12);
        assert_eq!(model.name(model.dim() - 1), "j in area west");
    }

    #[test]
    fn a_covariate_that_says_nothing_is_refused() {
        assert!(standardised(&[2.0, 2.0]).is_err());
        assert!(standardised(&[2.0, f64::NAN]).is_err());
    }
}
