//! Do several walks agree, and how many independent draws are they worth?
//!
//! Source: Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021, "Rank-normalization, folding, and localization: an
//! improved R-hat", §3 and §4; Geyer 1992 for where to end the sum of autocorrelations.

use statrs::distribution::{ContinuousCDF, Normal};

/// How well walks agree about one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Spread over all walks against spread within each; 1 when they agree.
    pub r_hat: f64,
    /// Independent draws that the middle of the distribution is worth.
    pub ess_bulk: f64,
    /// Independent draws that the ends are worth: the smaller of the 5 % and 95 % points.
    pub ess_tail: f64,
}

/// How well walks agree; `chains[walk][draw]`, all of one even length of at least 8.
///
/// A walk that never moves, or has a draw that is not finite, gives an infinite R-hat and no draws.
pub fn agreement(chains: &[Vec<f64>]) -> Agreement {
    let halves: Vec<&[f64]> = chains.iter().flat_map(|chain| halves(chain)).collect();
    let all: Vec<f64> = halves.iter().flat_map(|half| half.iter().copied()).collect();
    let is_stuck = halves.iter().any(|half| half.iter().all(|value| *value == half[0]));
    if is_stuck || all.iter().any(|value| !value.is_finite()) {
        return Agreement { r_hat: f64::INFINITY, ess_bulk: 0.0, ess_tail: 0.0 };
    }
    let n = halves[0].len();
    let split = |values: Vec<f64>| -> Vec<Vec<f64>> { values.chunks(n).map(<[f64]>::to_vec).collect() };
    let sorted = crate::interval::sorted(&all);
    let median = crate::interval::quantile(&sorted, 0.5);
    let normal = split(scores(&all));
    let folded: Vec<f64> = all.iter().map(|value| (value - median).abs()).collect();
    let folded = split(scores(&folded));
    let tail = |p: f64| {
        let point = crate::interval::quantile(&sorted, p);
        ess(&split(all.iter().map(|value| f64::from(u8::from(*value <= point))).collect()))
    };
    Agreement {
        r_hat: r_hat(&normal).max(r_hat(&folded)),
        ess_bulk: ess(&normal),
        ess_tail: tail(0.05).min(tail(0.95)),
    }
}

fn halves(chain: &[f64]) -> [&[f64]; 2] {
    let half = chain.len() / 2;
    [&chain[..half], &chain[half..2 * half]]
}

/// Normal scores of the ranks; ties share their mean rank.
fn scores(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
    let n = values.len() as f64;
    let mut scores = vec![0.0; values.len()];
    let mut first = 0;
    for run in order.chunk_by(|&a, &b| values[a as usize] == values[b as usize]) {
        let rank = first as f64 + (run.len() as f64 + 1.0) / 2.0;
        let score = Normal::standard().inverse_cdf((rank - 0.375) / (n + 0.25));
        run.iter().for_each(|&at| scores[at as usize] = score);
        first += run.len();
    }
    scores
}

/// Variance within walks, and the one that all together point to.
fn variances(chains: &[Vec<f64>]) -> (f64, f64) {
    let (n, m) = (chains[0].len() as f64, chains.len() as f64);
    let means: Vec<f64> = chains.iter().map(|chain| chain.iter().sum::<f64>() / n).collect();
    let grand = means.iter().sum::<f64>() / m;
    let between = n * means.iter().map(|mean| (mean - grand).powi(2)).sum::<f64>() / (m - 1.0);
    let own = |(chain, mean): (&Vec<f64>, &f64)| chain.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let within = chains.iter().zip(&means).map(own).sum::<f64>() / m;
    (within, (n - 1.0) / n * within + between / n)
}

fn r_hat(chains: &[Vec<f64>]) -> f64 {
    let (within, pooled) = variances(chains);
    (pooled / within).sqrt()
}

/// Draws over the sum of autocorrelations, which ends where a pair of them is no longer positive.
fn ess(chains: &[Vec<f64>]) -> f64 {
    let (n, m) = (chains[0].len(), chains.len());
    let (within, pooled) = variances(chains);
    if pooled.is_nan() || pooled <= 0.0 {
        return 0.0;
    }
    let centred: Vec<Vec<f64>> = chains
        .iter()
        .map(|chain| {
            let mean = chain.iter().sum::<f64>() / n as f64;
            chain.iter().map(|x| x - mean).collect()
        })
        .collect();
    let correlation = |lag: usize| {
        let own = |chain: &Vec<f64>| chain[lag..].iter().zip(chain).map(|(a, b)| a * b).sum::<f64>() / n as f64;
        // As in Stan: the autocovariance is scaled like the variance, by n - 1.
        let mean = centred.iter().map(own).sum::<f64>() / m as f64 * (n as f64 / (n as f64 - 1.0));
        1.0 - (within - mean) / pooled
    };
    let (mut sum, mut last) = (-1.0, f64::INFINITY);
    let mut lag = 0;
    while lag + 1 < n {
        let pair = if lag == 0 { 1.0 + correlation(1) } else { correlation(lag) + correlation(lag + 1) };
        if pair < 0.0 {
            break;
        }
        last = pair.min(last);
        sum += 2.0 * last;
        lag += 2;
    }
    let draws = (n * m) as f64;
    // Never more than Stan allows itself: draws times their logarithm.
    draws / sum.max(1.0 / draws.log10())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Chance, Purpose};
    use crate::draw::normal;

    /// Four walks of 1,000 draws, each drawn to the last by `memory`, around `offset` times the walk's number.
    fn walks(memory: f64, offset: f64) -> Vec<Vec<f64>> {
        (0..4u32)
            .map(|walk| {
                let mut chance = Chance::new(3, Purpose::Sample, u64::from(walk), 0);
                let mut at = normal(&mut chance);
                let step = (1.0 - memory * memory).sqrt();
                (0..1000)
                    .map(|_| {
                        at = memory * at + step * normal(&mut chance);
                        at + offset * f64::from(walk)
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn independent_draws_count_in_full() {
        let own = agreement(&walks(0.0, 0.0));
        assert!(own.r_hat < 1.005 && (3400.0..4700.0).contains(&own.ess_bulk) && own.ess_tail > 3000.0, "{own:?}");
    }

    #[test]
    fn slow_walks_are_worth_fewer_draws() {
        // An AR(1) walk is worth n (1 - ρ) / (1 + ρ): 4,000 / 19 = 211.
        let own = agreement(&walks(0.9, 0.0));
        assert!((120.0..330.0).contains(&own.ess_bulk), "{own:?}");
    }

    #[test]
    fn walks_in_different_places_are_found_out() {
        assert!(agreement(&walks(0.0, 0.3)).r_hat > 1.03);
        let mut stuck = walks(0.0, 0.0);
        stuck[2].fill(0.5);
        assert!(agreement(&stuck).r_hat.is_infinite());
    }
}
