//! Which numbers of a distribution does a stream of chance give?

use statrs::distribution::{ContinuousCDF, Normal};

use crate::chance::Chance;

/// A standard normal number.
pub fn normal(chance: &mut Chance) -> f64 {
    Normal::standard().inverse_cdf(chance.unit())
}

/// A log-normal number with mean 1.
pub fn log_normal(chance: &mut Chance, sd_log: f64) -> f64 {
    (sd_log * normal(chance) - sd_log * sd_log / 2.0).exp()
}

/// A Poisson number: by inversion, in pieces of at most 30 so that `exp` cannot run out.
///
/// Past a mean of 10,000 a normal number stands for it, rounded: no report is that large but in priors without bounds.
pub fn poisson(chance: &mut Chance, mean: f64) -> f64 {
    if mean > 1e4 {
        return (mean + mean.sqrt() * normal(chance)).round().max(0.0);
    }
    let (mut left, mut count) = (mean, 0.0);
    while left > 0.0 {
        let piece = left.min(30.0);
        left -= piece;
        let (u, mut term, mut k) = (chance.unit(), (-piece).exp(), 0.0);
        let mut below = term;
        // Past 200 the tail of a mean of 30 is far below what `u` can resolve.
        while u > below && k < 200.0 {
            k += 1.0;
            term *= piece / k;
            below += term;
        }
        count += k;
    }
    count
}

/// A gamma number with this shape and mean `shape`.
///
/// # Source
/// Marsaglia and Tsang 2000, "A simple method for generating gamma variables"; shapes under 1 by their §6.
pub fn gamma(chance: &mut Chance, shape: f64) -> f64 {
    if shape < 1.0 {
        return gamma(chance, shape + 1.0) * chance.unit().powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(chance);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && chance.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// A count with this mean and a variance `overdispersion` times as large, above 1.
pub fn negative_binomial(chance: &mut Chance, mean: f64, overdispersion: f64) -> f64 {
    let excess = overdispersion - 1.0;
    let rate = gamma(chance, mean / excess) * excess;
    poisson(chance, rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Purpose;

    /// Mean and variance of 20,000 numbers.
    fn moments(draw: impl Fn(&mut Chance) -> f64) -> (f64, f64) {
        let mut chance = Chance::new(1, Purpose::Simulate, 0, 0);
        let draws: Vec<f64> = (0..20_000).map(|_| draw(&mut chance)).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        (mean, draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 20_000.0)
    }

    #[test]
    fn counts_have_their_mean_and_variance() {
        for (mean, overdispersion) in [(0.3, 1.0), (12.0, 1.0), (80.0, 1.0), (0.4, 1.5), (3.0, 4.0)] {
            let draw = |chance: &mut Chance| match overdispersion {
                1.0 => poisson(chance, mean),
                _ => negative_binomial(chance, mean, overdispersion),
            };
            let (own, variance) = moments(draw);
            let wanted = mean * overdispersion;
            // Four standard errors of a mean, and eight per cent of a variance.
            assert!((own - mean).abs() < 4.0 * (wanted / 20_000.0).sqrt(), "{mean} {overdispersion}: {own}");
            assert!((variance / wanted - 1.0).abs() < 0.08, "{mean} {overdispersion}: {variance}");
        }
    }

    #[test]
    fn gamma_numbers_have_their_mean_and_variance() {
        for shape in [0.3, 1.0, 7.0] {
            let (own, variance) = moments(|chance| gamma(chance, shape));
            assert!(
                (own / shape - 1.0).abs() < 0.05 && (variance / shape - 1.0).abs() < 0.1,
                "{shape} {own} {variance}"
            );
        }
    }
}
