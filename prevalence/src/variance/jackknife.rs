//! How much does each PSU matter?
//!
//! One PSU is left out at a time, the others of its stratum stand in for it. From the sums by PSU, leaving one out is
//! a subtraction, so a jackknife costs one pass over the PSUs.
//!
//! # Source
//! Wolter 2007, *Introduction to Variance Estimation*, §4.5; `jknweights` and `jk1weights` of the R package survey 4.1,
//! single PSUs included.

use super::replicate::{self, Scales};
use super::{Question, Spread};
use crate::Error;
use crate::codebook::LonelyPsu;
use crate::design::Design;

/// One replicate: the PSU that is left out, and what the others of its group are multiplied by.
#[derive(Clone, Copy, Debug)]
struct LeaveOut {
    psu: usize,
    first: usize,
    end: usize,
    factor: f64,
    scale: f64,
}

/// JKn: within each stratum.
pub(super) fn stratified(question: &Question<'_>) -> Result<Vec<Spread>, Error> {
    let design = question.design;
    design.refuse_lonely()?;
    let n_strata = design.strata.len() as f64;
    let mut plan = Vec::with_capacity(design.n_psus());
    for stratum in &design.strata {
        let (first, end, n) = (stratum.psus.start, stratum.psus.end, stratum.n_psus() as f64);
        if !stratum.is_lonely() {
            let scale = (1.0 - stratum.fraction()) * (n - 1.0) / n;
            let leave = |psu| LeaveOut { psu, first, end, factor: n / (n - 1.0), scale };
            plan.extend(stratum.psus.clone().filter(|_| n > 1.0).map(leave));
        } else if design.lonely == LonelyPsu::Adjust && n_strata > 1.0 {
            // The others stand in for the whole stratum.
            let (factor, scale) = (n_strata / (n_strata - 1.0), (n_strata - 1.0) / n_strata);
            plan.push(LeaveOut { psu: first, first: 0, end: design.n_psus(), factor, scale });
        }
    }
    let n_left = plan.len().max(1) as f64;
    let overall = if design.lonely == LonelyPsu::Average { design.n_psus() as f64 / n_left } else { 1.0 };
    Ok(run(question, &plan, overall))
}

/// JK1: over all PSUs, whatever their stratum; the finite population correction is that of the whole sample.
pub(super) fn unstratified(question: &Question<'_>) -> Result<Vec<Spread>, Error> {
    let design = question.design;
    let n = design.n_psus() as f64;
    if n < 2.0 {
        return Err(Error::LonelyPsu { stratum: String::new(), n_strata: 1 });
    }
    let population: Option<f64> = design.strata.iter().map(|stratum| stratum.population).sum();
    let scale = (1.0 - population.map_or(0.0, |population| n / population)) * (n - 1.0) / n;
    let leave = |psu| LeaveOut { psu, first: 0, end: design.n_psus(), factor: n / (n - 1.0), scale };
    let plan: Vec<LeaveOut> = (0..design.n_psus()).map(leave).collect();
    Ok(run(question, &plan, 1.0))
}

/// Estimates with each PSU left out, whatever the design says about single PSUs: the acceleration of BCa intervals.
pub(crate) fn leave_one_out(question: &Question<'_>) -> Vec<Vec<f64>> {
    let n = question.design.n_psus();
    let factor = n as f64 / (n as f64 - 1.0).max(1.0);
    let plan: Vec<LeaveOut> = (0..n).map(|psu| LeaveOut { psu, first: 0, end: n, factor, scale: 1.0 }).collect();
    estimates(question, &plan)
}

fn run(question: &Question<'_>, plan: &[LeaveOut], overall: f64) -> Vec<Spread> {
    let scales = Scales { overall, each: plan.iter().map(|leave| leave.scale).collect() };
    replicate::spreads(estimates(question, plan), &scales)
}

fn estimates(question: &Question<'_>, plan: &[LeaveOut]) -> Vec<Vec<f64>> {
    if question.weights.calibration.is_some() {
        return replicate::by_factors(question, plan.len(), |at, factors| {
            let leave = plan[at];
            factors.fill(1.0);
            factors[leave.first..leave.end].fill(leave.factor);
            factors[leave.psu] = 0.0;
        });
    }
    let (sums, _) = question.values();
    let groups = group_sums(question.design, &sums);
    let rows = plan.iter().map(|leave| {
        let whole = leave.end - leave.first == question.design.n_psus();
        let group = if whole { &sums.total } else { &groups[stratum_of(question.design, leave.first)] };
        let total: Vec<f64> = (0..sums.n_terms)
            .map(|t| (sums.total[t] - group[t]) + leave.factor * (group[t] - sums.psu(leave.psu)[t]))
            .collect();
        replicate::evaluate(&question.estimands, &total)
    });
    replicate::transposed(rows.collect(), question.estimands.len())
}

fn group_sums(design: &Design, sums: &crate::estimand::Sums) -> Vec<Vec<f64>> {
    let add = |psus: std::ops::Range<usize>| -> Vec<f64> {
        (0..sums.n_terms).map(|t| crate::estimand::sum(psus.clone().map(|psu| sums.psu(psu)[t]))).collect()
    };
    design.strata.iter().map(|stratum| add(stratum.psus.clone())).collect()
}

fn stratum_of(design: &Design, psu: usize) -> usize {
    design.strata.partition_point(|stratum| stratum.psus.end <= psu)
}
