//! What would other draws of the same design have said?
//!
//! Rao–Wu: in each stratum `n - 1` of `n` PSUs are drawn with replacement and the weights rescaled by `n / (n - 1)`.
//! Multistage: half of the PSUs and half of the SSUs within each are drawn without replacement, rescaled so that each
//! stage's finite population correction is met.
//!
//! # Source
//! Rao, Wu and Yue 1992, "Some recent work on resampling methods for complex surveys", §2 (m = n - 1);
//! Preston 2009, "Rescaled bootstrap for stratified multistage sampling", §3.

use super::replicate::{self, Scales, check_count};
use super::{Question, Spread};
use crate::Error;
use crate::chance::{Chance, Purpose};
use crate::codebook::LonelyPsu;
use crate::design::{Design, Psu, Stratum};
use crate::estimand::Sums;

/// Factor of each PSU in replicate `replicate` of the Rao–Wu bootstrap, in canonical order.
pub fn rao_wu_factors(design: &Design, replicate: usize, seed: u64, factors: &mut [f64]) {
    factors.fill(0.0);
    for stratum in &design.strata {
        let n = stratum.n_psus();
        if n == 1 {
            // A certainty, or a rule that lets it add nothing: it is in every replicate as it is.
            factors[stratum.psus.start] = 1.0;
            continue;
        }
        let mut chance = Chance::new(seed, Purpose::Resample, replicate as u64, stratum.key);
        let step = n as f64 / (n - 1) as f64;
        for _ in 0..n - 1 {
            factors[stratum.psus.start + chance.below(n)] += step;
        }
    }
}

/// Spread by the Rao–Wu bootstrap.
pub(super) fn rao_wu(question: &Question<'_>, n_replicates: usize, seed: u64) -> Result<Vec<Spread>, Error> {
    check(question.design, n_replicates, "the bootstrap")?;
    let design = question.design;
    let replicates = if question.weights.calibration.is_some() {
        replicate::by_factors(question, n_replicates, |at, factors| rao_wu_factors(design, at, seed, factors))
    } else {
        replicate::by_totals(question, n_replicates, |at, sums, total| rao_wu_total(design, at, seed, sums, total))
    };
    Ok(replicate::spreads(replicates, &bootstrap_scales(n_replicates)))
}

/// The same draws as [`rao_wu_factors`], added up as they are drawn: no factors in between.
fn rao_wu_total(design: &Design, replicate: usize, seed: u64, sums: &Sums, total: &mut [f64]) {
    for stratum in &design.strata {
        let n = stratum.n_psus();
        if n == 1 {
            replicate::add(total, sums.psu(stratum.psus.start), 1.0);
            continue;
        }
        let mut chance = Chance::new(seed, Purpose::Resample, replicate as u64, stratum.key);
        let step = n as f64 / (n - 1) as f64;
        for _ in 0..n - 1 {
            replicate::add(total, sums.psu(stratum.psus.start + chance.below(n)), step);
        }
    }
}

/// Spread by the multistage rescaled bootstrap.
pub(super) fn multistage(question: &Question<'_>, n_replicates: usize, seed: u64) -> Result<Vec<Spread>, Error> {
    check(question.design, n_replicates, "the multistage bootstrap")?;
    let design = question.design;
    // Without a second stage all rows of a PSU share one factor, and sums by PSU are enough.
    let replicates = if design.psus.iter().any(has_second_stage) {
        replicate::by_row_factors(question, n_replicates, |at, factors| multistage_factors(design, at, seed, factors))
    } else {
        replicate::by_factors(question, n_replicates, |at, factors| first_stage_factors(design, at, seed, factors))
    };
    Ok(replicate::spreads(replicates, &bootstrap_scales(n_replicates)))
}

/// Factor of each row in replicate `replicate` of the multistage bootstrap.
pub fn multistage_factors(design: &Design, replicate: usize, seed: u64, factors: &mut [f64]) {
    for stratum in &design.strata {
        let mut chance = Chance::new(seed, Purpose::Resample, replicate as u64, stratum.key);
        let drawn = half(stratum.n_psus(), &mut chance);
        for (place, psu) in design.psus[stratum.psus.clone()].iter().enumerate() {
            let key = stratum.key ^ (place as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut within = Chance::new(seed, Purpose::ResampleWithin, replicate as u64, key);
            psu_factors(design, stratum, psu, drawn[place], &mut within, factors);
        }
    }
}

/// Factor of each PSU in replicate `replicate` of the multistage bootstrap, first stage alone.
fn first_stage_factors(design: &Design, replicate: usize, seed: u64, factors: &mut [f64]) {
    for stratum in &design.strata {
        let mut chance = Chance::new(seed, Purpose::Resample, replicate as u64, stratum.key);
        let drawn = half(stratum.n_psus(), &mut chance);
        for (factor, is_drawn) in factors[stratum.psus.clone()].iter_mut().zip(drawn) {
            *factor = first_stage(stratum, is_drawn).0;
        }
    }
}

fn has_second_stage(psu: &Psu) -> bool {
    psu.ssus.len() > 1 && psu.population.is_some()
}

/// Factor of the first stage, and what it passes on to the second.
fn first_stage(stratum: &Stratum, is_drawn: bool) -> (f64, f64) {
    if stratum.n_psus() < 2 {
        return (1.0, 1.0);
    }
    let (n1, f1) = (stratum.n_psus() as f64, stratum.fraction());
    let m1 = (stratum.n_psus() / 2) as f64;
    let delta1 = f64::from(u8::from(is_drawn));
    let lambda1 = (m1 * (1.0 - f1) / (n1 - m1)).sqrt();
    (1.0 - lambda1 + lambda1 * n1 / m1 * delta1, (n1 / m1).sqrt() * delta1)
}

/// Factors of one PSU's rows; Preston 2009, eq. 6 for two stages.
fn psu_factors(
    design: &Design,
    stratum: &Stratum,
    psu: &Psu,
    is_drawn: bool,
    chance: &mut Chance,
    factors: &mut [f64],
) {
    let (first, boost) = first_stage(stratum, is_drawn);
    let (n2, m2) = (psu.ssus.len() as f64, (psu.ssus.len() / 2) as f64);
    if !has_second_stage(psu) {
        factors[psu.rows.clone()].fill(first);
        return;
    }
    let lambda2 = (m2 * stratum.fraction() * (1.0 - psu.fraction()) / (n2 - m2)).sqrt();
    let drawn = half(psu.ssus.len(), chance);
    for (rows, is_drawn) in design.ssus[psu.ssus.clone()].iter().zip(drawn) {
        let delta2 = f64::from(u8::from(is_drawn));
        factors[rows.clone()].fill(first - lambda2 * boost + lambda2 * boost * n2 / m2 * delta2);
    }
}

/// Draws half of `n` units without replacement.
fn half(n: usize, chance: &mut Chance) -> Vec<bool> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut drawn = vec![false; n];
    for place in 0..n / 2 {
        order.swap(place, place + chance.below(n - place));
        drawn[order[place]] = true;
    }
    drawn
}

fn bootstrap_scales(n_replicates: usize) -> Scales {
    Scales { overall: 1.0 / (n_replicates as f64 - 1.0), each: vec![1.0; n_replicates] }
}

fn check(design: &Design, n_replicates: usize, method: &'static str) -> Result<(), Error> {
    check_count(n_replicates)?;
    design.refuse_lonely()?;
    let has_lonely = design.strata.iter().any(Stratum::is_lonely);
    match design.lonely {
        LonelyPsu::Adjust | LonelyPsu::Average if has_lonely => {
            Err(Error::LonelyRule { rule: design.lonely.word(), method })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_of_a_stratum_sum_to_its_psus() {
        let design = Design::from_sizes(&[vec![1; 5], vec![1; 3], vec![2]], LonelyPsu::Remove).unwrap();
        let mut factors = vec![0.0; 9];
        for replicate in 0..50 {
            rao_wu_factors(&design, replicate, 3, &mut factors);
            let sums = [&factors[..5], &factors[5..8], &factors[8..]].map(|part| part.iter().sum::<f64>());
            assert!((sums[0] - 5.0).abs() < 1e-12 && (sums[1] - 3.0).abs() < 1e-12 && sums[2] == 1.0, "{sums:?}");
        }
    }

    #[test]
    fn the_short_way_adds_up_what_the_factors_say() {
        let design = Design::from_sizes(&[vec![1; 5], vec![1; 3], vec![2]], LonelyPsu::Remove).unwrap();
        let sums = Sums::from_psus(1, (1..=9).map(f64::from).collect());
        let mut factors = vec![0.0; 9];
        for replicate in 0..50 {
            let mut total = [0.0];
            rao_wu_total(&design, replicate, 3, &sums, &mut total);
            rao_wu_factors(&design, replicate, 3, &mut factors);
            let slow: f64 = factors.iter().zip(&sums.by_psu).map(|(factor, own)| factor * own).sum();
            assert!((total[0] / slow - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn half_draws_half() {
        let mut chance = Chance::new(1, Purpose::Resample, 0, 0);
        assert_eq!(half(7, &mut chance).iter().filter(|drawn| **drawn).count(), 3);
    }
}
