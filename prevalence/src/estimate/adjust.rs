//! How large is the group once its visibility is allowed for?
//!
//! Members of a hidden group may know fewer people, and not everybody who knows them knows it. The factors for that are
//! mostly assumed, not measured, and the doubt about them is drawn once per replicate, so that it is in the interval.

use serde::Serialize;

use crate::chance::{Chance, Purpose, key};
use crate::codebook::Hidden;
use crate::interval::{Interval, Shape};
use crate::prior::Prior;

/// Draws from the priors when the variance method has no replicates of its own.
const DRAWS: usize = 10_000;

/// An estimate after adjustment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Adjusted {
    /// Adjusted size.
    pub estimate: Option<f64>,
    /// Its standard error, doubt about the factors included.
    pub se: Option<f64>,
    /// Lower end of the interval.
    pub ci_low: Option<f64>,
    /// Upper end of the interval.
    pub ci_high: Option<f64>,
    /// Adjusted over basic size, at the centres of the priors.
    pub factor: f64,
    /// What the factor is made of.
    pub factors: Vec<Factor>,
}

/// One factor of adjustment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Factor {
    /// Its name in the codebook.
    pub name: &'static str,
    /// Centre of the prior.
    pub centre: f64,
    /// Whether it is an assumption and not a measurement in this population.
    pub assumed: bool,
}

/// Factors of one hidden group.
pub(super) struct Adjustment<'a> {
    /// (name, prior, whether it multiplies).
    priors: Vec<(&'static str, &'a Prior, bool)>,
    hidden: &'a Hidden,
    seed: u64,
}

/// The estimate that is adjusted.
pub(super) struct Basic<'a> {
    pub value: f64,
    pub se: f64,
    pub df: f64,
    pub shape: Shape,
    pub replicates: &'a [f64],
}

impl<'a> Adjustment<'a> {
    /// `None` when the codebook has no prior for the group.
    pub(super) fn new(hidden: &'a Hidden, seed: u64) -> Option<Adjustment<'a>> {
        let adjust = &hidden.adjust;
        let all = [
            ("degree_ratio", &adjust.degree_ratio, false),
            ("true_positive_rate", &adjust.true_positive_rate, false),
            ("frame_ratio", &adjust.frame_ratio, false),
            ("precision", &adjust.precision, true),
        ];
        let named = all.into_iter().filter_map(|(name, prior, multiplies)| Some((name, prior.as_ref()?, multiplies)));
        let priors: Vec<_> = named.collect();
        if priors.is_empty() { None } else { Some(Adjustment { priors, hidden, seed }) }
    }

    pub(super) fn apply(&self, basic: &Basic<'_>, is_bootstrap: bool, without: &[f64], confidence: f64) -> Adjusted {
        let factor = self.product(Prior::centre);
        let value = basic.value * factor;
        let draws: Vec<f64> = if is_bootstrap {
            basic.replicates.iter().enumerate().map(|(replicate, own)| own * self.draw(replicate)).collect()
        } else {
            (0..DRAWS).map(|replicate| self.draw(replicate)).collect()
        };
        let se = if is_bootstrap {
            let (mean, variance) = moments(&draws);
            if mean.is_nan() { f64::NAN } else { variance.sqrt() }
        } else {
            // Sampling and factors are independent, so their squared coefficients of variation add, with the product.
            let (mean, variance) = moments(&draws);
            let (own, prior) = ((basic.se / basic.value).powi(2), variance / (mean * mean));
            value * (own + prior + own * prior).sqrt()
        };
        let interval = match basic.shape {
            Shape::T => Interval::t(value, se, basic.df, confidence),
            Shape::Log | Shape::Effective => Interval::log(value, se, basic.df, confidence),
            Shape::Percentile => Interval::percentile(&draws, confidence),
            Shape::Bca => Interval::bca(value, &draws, without, confidence),
        };
        let finite = super::finite;
        Adjusted {
            estimate: finite(value),
            se: finite(se),
            ci_low: finite(interval.low),
            ci_high: finite(interval.high),
            factor,
            factors: self.factors(),
        }
    }

    fn factors(&self) -> Vec<Factor> {
        let is_measured = |name: &str| self.hidden.adjust.measured.iter().any(|own| own == name);
        let factor = |(name, prior, _): &(&'static str, &Prior, bool)| Factor {
            name,
            centre: prior.centre(),
            assumed: !is_measured(name),
        };
        self.priors.iter().map(factor).collect()
    }

    fn draw(&self, replicate: usize) -> f64 {
        let mut product = 1.0;
        for (name, prior, multiplies) in &self.priors {
            let stream = key(&self.hidden.column) ^ key(name);
            let mut chance = Chance::new(self.seed, Purpose::Adjust, replicate as u64, stream);
            let value = prior.draw(chance.unit(), chance.unit());
            product *= if *multiplies { value } else { 1.0 / value };
        }
        product
    }

    fn product(&self, value: impl Fn(&Prior) -> f64) -> f64 {
        self.priors
            .iter()
            .map(|(_, prior, multiplies)| if *multiplies { value(prior) } else { 1.0 / value(prior) })
            .product()
    }
}

fn moments(values: &[f64]) -> (f64, f64) {
    let usable = || values.iter().copied().filter(|value| value.is_finite());
    let n = usable().count() as f64;
    let mean = usable().sum::<f64>() / n;
    (mean, usable().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codebook::Codebook;

    fn apply(adjust: &str) -> Adjusted {
        let text = format!("[design]\n[[hidden]]\ncolumn = \"h\"\nadjust = {{ {adjust} }}\n");
        let codebook = Codebook::parse(&text).unwrap();
        let basic = Basic { value: 100.0, se: 10.0, df: 50.0, shape: Shape::T, replicates: &[] };
        Adjustment::new(&codebook.hidden[0], 1).unwrap().apply(&basic, false, &[], 0.95)
    }

    #[test]
    fn a_fixed_factor_scales_everything() {
        let adjusted = apply("true_positive_rate = 0.5, degree_ratio = 0.8, precision = 0.9");
        assert!((adjusted.estimate.unwrap() - 225.0).abs() < 1e-9);
        assert!((adjusted.se.unwrap() - 22.5).abs() < 1e-9);
        assert!(adjusted.factors.iter().all(|factor| factor.assumed));
    }

    #[test]
    fn doubt_about_a_factor_widens_the_interval() {
        let fixed = apply("true_positive_rate = 0.5");
        let doubted =
            apply("true_positive_rate = { beta = { mean = 0.5, sd = 0.1 } }, measured = [\"true_positive_rate\"]");
        assert!(doubted.se.unwrap() > 2.0 * fixed.se.unwrap());
        assert!(!doubted.factors[0].assumed);
    }
}
