//! What does a count say about its mean, when it scatters more than a Poisson count?
//!
//! A negative binomial count `y` with mean `μ` and variance `ω μ` has the log-probability
//! `ln Γ(y+z) - ln Γ(z) + y ln(q/ω) - z ln ω - ln y!` with `q = ω - 1` and `z = μ / q`. For a whole `y` the first
//! difference is the logarithm of `z (z+1) … (z+y-1)`: no gamma function, and nothing at all for a zero, which most answers
//! are. Its leading factor is linear in `ln μ`, so that only answers of 2 or more cost a loop.
//!
//! Source: Zheng, Salganik and Gelman 2006, "How many people do you know in prison?", eq. 1 and §3.

use statrs::function::gamma::{digamma, ln_gamma};

/// Largest answer that is multiplied out.
const FACTORS_MAX: u32 = 64;
/// Products beyond this are turned into logarithms: two of them still fit.
const FOLD: f64 = 1e140;

/// One answer that is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Who answered.
    pub row: u32,
    /// How many people.
    pub count: u32,
}

/// `(z+1) … (z+y-1)`, of which `e^folded` is taken out, and `z` times the derivative of its logarithm.
struct Rising {
    product: f64,
    folded: f64,
    slope: f64,
}

/// For `y` of at least 2.
#[inline]
fn rising_after_first(y: u32, z: f64) -> Rising {
    if y > FACTORS_MAX {
        let y = f64::from(y);
        let folded = ln_gamma(z + y) - ln_gamma(z + 1.0);
        return Rising { product: 1.0, folded, slope: z * (digamma(z + y) - digamma(z + 1.0)) };
    }
    let (mut product, mut slope, mut folded) = (1.0f64, 0.0f64, 0.0f64);
    for j in 1..y {
        let factor = z + f64::from(j);
        slope = slope * factor + product;
        product *= factor;
        if product > FOLD {
            folded += product.ln();
            slope /= product;
            product = 1.0;
        }
    }
    Rising { product, folded, slope: z * slope / product }
}

/// What one group's answers say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// Log-probability of all answers, without `ln y!`.
    pub log: f64,
    /// Its derivative by `ln(ω - 1)`.
    pub by_ln_excess: f64,
    /// `ln ω / (ω - 1)`: what a unit of mean costs.
    pub price: f64,
    /// The gain from raising all means by a factor.
    pub gain: f64,
}

/// Adds up one group: `mean` of a row and its logarithm, and `sum_means` over all rows, zeros included.
///
/// `toward` is called with each reporting row and the gain from raising its mean.
#[inline]
pub(super) fn tell(
    reports: &[Report],
    ln_excess: f64,
    sum_means: f64,
    mean: impl Fn(u32) -> (f64, f64),
    mut toward: impl FnMut(u32, f64),
) -> Told {
    let excess = ln_excess.exp();
    let (omega, ln_omega) = (1.0 + excess, excess.ln_1p());
    let (mut log, mut gain, mut pull, mut total, mut product) = (0.0, 0.0, 0.0, 0.0, 1.0f64);
    for report in reports {
        let (mean, ln_mean) = mean(report.row);
        let mut slope = 0.0;
        if report.count > 1 {
            let rising = rising_after_first(report.count, mean / excess);
            // One logarithm serves many answers.
            product *= rising.product;
            if product > FOLD {
                log += product.ln();
                product = 1.0;
            }
            log += rising.folded;
            slope = rising.slope;
        }
        log += ln_mean;
        pull += slope;
        total += f64::from(report.count);
        toward(report.row, 1.0 + slope);
        gain += 1.0 + slope;
    }
    let (n, price) = (reports.len() as f64, ln_omega / excess);
    log += product.ln() + total * (ln_excess - ln_omega) - n * ln_excess - price * sum_means;
    let by_ln_excess = total / omega - n - pull - sum_means * (1.0 / omega - price);
    Told { log, by_ln_excess, price, gain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_the_difference_of_gammas() {
        for z in [1e-6, 0.3, 4.0, 1e9] {
            for y in [2, 3, 30, 64] {
                let Rising { product, folded, slope } = rising_after_first(y, z);
                let log = product.ln() + folded;
                let wanted = ln_gamma(z + f64::from(y)) - ln_gamma(z + 1.0);
                // The gammas of large numbers cancel; the product does not.
                let error = 1e-12 * (1.0 + ln_gamma(z + f64::from(y)).abs());
                assert!((log - wanted).abs() < error, "{y} {z}: {log} {wanted}");
                let sum: f64 = (1..y).map(|j| z / (z + f64::from(j))).sum();
                assert!((slope / sum - 1.0).abs() < 1e-12, "{y} {z}: {slope} {sum}");
            }
        }
    }

    #[test]
    fn large_answers_join_smoothly() {
        let log = |own: &Rising| own.product.ln() + own.folded;
        let (small, large) = (rising_after_first(64, 3.7), rising_after_first(65, 3.7));
        assert!((log(&large) - log(&small) - (3.7f64 + 64.0).ln()).abs() < 1e-11);
        assert!((large.slope - small.slope - 3.7 / (3.7 + 64.0)).abs() < 1e-11);
    }

    #[test]
    fn probabilities_of_all_counts_sum_to_one() {
        let (mean, ln_excess) = (2.5f64, 0.4f64);
        let probability = |count: u32| {
            let reports: &[Report] = &[Report { row: 0, count }];
            let told = tell(if count > 0 { reports } else { &[] }, ln_excess, mean, |_| (mean, mean.ln()), |_, _| {});
            (told.log - ln_gamma(f64::from(count) + 1.0)).exp()
        };
        let (sum, first): (f64, f64) = (0..400)
            .map(|count| (probability(count), f64::from(count) * probability(count)))
            .fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        assert!((sum - 1.0).abs() < 1e-10 && (first - mean).abs() < 1e-8, "{sum} {first}");
    }
}
