//! How often do the intervals hold the truth, when the truth is known?
//!
//! A national survey is made up again and again: strata of PSUs of respondents, networks of unequal size, a hidden group
//! that is commoner in some places, ties of which only a share is reported. Each time the size is estimated, adjusted
//! by what is *assumed* about that share, and its interval compared with the true size.

pub mod country;

use rayon::prelude::*;
use serde::Serialize;

use crate::Error;
use crate::calibrate::Weights;
use crate::chance::{Chance, Purpose};
use crate::codebook::LonelyPsu;
use crate::design::Design;
use crate::draw::{log_normal, poisson};
use crate::estimand::{Term, influence};
use crate::estimator::size;
use crate::interval::Interval;
use crate::variance::jackknife::leave_one_out;
use crate::variance::taylor::effective_df;
use crate::variance::{Method, Question};

/// People in the made-up country.
const FRAME_SIZE: f64 = 10_000_000.0;
/// Share of everybody's ties that lead into the known groups together.
const KNOWN_SHARE: f64 = 0.06;
/// Mean network size, and the standard deviation of its logarithm: chosen by us, of the order of published networks.
const DEGREE: (f64, f64) = (300.0, 0.7);
const N_STRATA: usize = 10;
const PSUS_A_STRATUM: usize = 15;
const ROWS_A_PSU: usize = 24;
const N_REPLICATES: usize = 500;
/// Intervals that are tried: variance method, then form.
pub const INTERVALS: [&str; 9] = [
    "taylor t",
    "taylor log",
    "taylor effective",
    "jkn t",
    "jk1 t",
    "raowu percentile",
    "raowu bca",
    "raowu effective",
    "multistage percentile",
];

/// What is true, and what is assumed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// In words.
    pub name: &'static str,
    /// Members of the hidden group in everybody.
    pub prevalence: f64,
    /// Standard deviation, between PSUs, of the logarithm of the prevalence.
    pub between_psus: f64,
    /// Share of ties that is reported, and what is assumed of it.
    pub true_positive_rate: (f64, f64),
    /// Network of members over that of others, and what is assumed of it.
    pub degree_ratio: (f64, f64),
}

/// How often each interval held the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// What was simulated.
    pub scenario: Scenario,
    /// Number of surveys.
    pub n_surveys: usize,
    /// (interval, share of surveys in which it held the truth).
    pub covered: Vec<(&'static str, f64)>,
    /// Mean estimate over truth.
    pub bias: f64,
    /// Standard deviation of estimate over truth.
    pub spread: f64,
}

/// Six scenarios: clustering, rarity, wrong assumptions.
pub fn scenarios() -> [Scenario; 6] {
    let usual = Scenario {
        name: "no clustering, right assumptions",
        prevalence: 0.004,
        between_psus: 0.0,
        true_positive_rate: (0.5, 0.5),
        degree_ratio: (0.8, 0.8),
    };
    [
        usual.clone(),
        Scenario { name: "clustering", between_psus: 0.4, ..usual.clone() },
        Scenario { name: "strong clustering", between_psus: 1.0, ..usual.clone() },
        Scenario { name: "rare and clustered", between_psus: 0.4, prevalence: 0.000_05, ..usual.clone() },
        Scenario {
            name: "reporting overstated by a fifth",
            between_psus: 0.4,
            true_positive_rate: (0.5, 0.6),
            ..usual.clone()
        },
        Scenario { name: "equal networks assumed, truth 0.8", between_psus: 0.4, degree_ratio: (0.8, 1.0), ..usual },
    ]
}

/// Makes up `n_surveys` surveys of 150 places and 3,600 respondents and counts how often intervals of 95 % hold the truth.
///
/// `done` is called after each survey, from any thread.
///
/// # Errors
/// [`Error::Range`] when no survey is asked for.
pub fn coverage(scenario: &Scenario, n_surveys: usize, seed: u64, done: &(dyn Fn() + Sync)) -> Result<Coverage, Error> {
    if n_surveys == 0 {
        return Err(Error::Range { what: "the number of surveys", value: 0.0, expected: "above 0" });
    }
    let design = Design::from_sizes(&vec![vec![ROWS_A_PSU; PSUS_A_STRATUM]; N_STRATA], LonelyPsu::Fail)?;
    let base: Vec<f64> = (0..design.n_rows()).map(|row| stratum_weight(row / (ROWS_A_PSU * PSUS_A_STRATUM))).collect();
    let weights = Weights::plain(&base);
    let one = |survey: usize| {
        let outcome = one_survey(scenario, &design, &weights, seed, survey as u64);
        done();
        outcome
    };
    let surveys: Vec<([bool; INTERVALS.len()], f64)> =
        (0..n_surveys).into_par_iter().map(one).collect::<Result<_, Error>>()?;
    let share = |at: usize| surveys.iter().filter(|(held, _)| held[at]).count() as f64 / n_surveys as f64;
    let covered = INTERVALS.into_iter().enumerate().map(|(at, name)| (name, share(at))).collect();
    let bias = surveys.iter().map(|(_, ratio)| ratio).sum::<f64>() / n_surveys as f64;
    let squares = surveys.iter().map(|(_, ratio)| (ratio - bias) * (ratio - bias)).sum::<f64>();
    let spread = (squares / (n_surveys as f64 - 1.0).max(1.0)).sqrt();
    Ok(Coverage { scenario: scenario.clone(), n_surveys, covered, bias, spread })
}

/// Which intervals hold the truth, and the estimate over it.
fn one_survey(
    scenario: &Scenario,
    design: &Design,
    weights: &Weights<'_>,
    seed: u64,
    survey: u64,
) -> Result<([bool; INTERVALS.len()], f64), Error> {
    let (counts, degrees) = answers(scenario, design, seed, survey);
    let terms = [counts, degrees].map(|value| Term { value: value.into(), within: None });
    let assumed = scenario.true_positive_rate.1 * scenario.degree_ratio.1;
    let question = Question { design, weights, terms: terms.to_vec(), estimands: vec![size(FRAME_SIZE / assumed)] };
    let (sums, values) = question.values();
    let value = values[0];
    let truth = FRAME_SIZE * scenario.prevalence;
    let df = design.df() as f64;
    let influence = influence(&question.estimands[0], &sums.total, &question.terms);
    let effective = effective_df(design, &weights.weighted_residual(&influence));
    let spread = |method: &Method<'_>| Ok::<_, Error>(question.spreads(method)?.remove(0));
    let se = |method: &Method<'_>| Ok::<f64, Error>(spread(method)?.variance.sqrt());
    let (taylor, jkn, jk1) = (se(&Method::Taylor)?, se(&Method::Jkn)?, se(&Method::Jk1)?);
    let (n_replicates, seed) = (N_REPLICATES, seed ^ survey);
    let bootstrap = spread(&Method::RaoWu { n_replicates, seed })?;
    let multistage = spread(&Method::Multistage { n_replicates, seed })?;
    let without = &leave_one_out(&question)[0];
    let intervals: [Interval; INTERVALS.len()] = [
        Interval::t(value, taylor, df, 0.95),
        Interval::log(value, taylor, df, 0.95),
        Interval::log(value, taylor, effective, 0.95),
        Interval::t(value, jkn, df, 0.95),
        Interval::t(value, jk1, (design.n_psus() - 1) as f64, 0.95),
        Interval::percentile(&bootstrap.replicates, 0.95),
        Interval::bca(value, &bootstrap.replicates, without, 0.95),
        Interval::log(value, bootstrap.variance.sqrt(), effective, 0.95),
        Interval::percentile(&multistage.replicates, 0.95),
    ];
    Ok((intervals.map(|interval| (interval.low..=interval.high).contains(&truth)), value / truth))
}

/// Reports of the hidden group, and network sizes scaled up from the known groups.
fn answers(scenario: &Scenario, design: &Design, seed: u64, survey: u64) -> (Vec<f64>, Vec<f64>) {
    let (mut counts, mut degrees) = (Vec::with_capacity(design.n_rows()), Vec::with_capacity(design.n_rows()));
    let seen = scenario.true_positive_rate.0 * scenario.degree_ratio.0;
    for (place, psu) in design.psus.iter().enumerate() {
        let mut chance = Chance::new(seed, Purpose::Simulate, survey, place as u64);
        let here = scenario.prevalence * log_normal(&mut chance, scenario.between_psus);
        for _ in psu.rows.clone() {
            let degree = DEGREE.0 * log_normal(&mut chance, DEGREE.1);
            degrees.push(poisson(&mut chance, degree * KNOWN_SHARE) / KNOWN_SHARE);
            counts.push(poisson(&mut chance, degree * here * seen));
        }
    }
    (counts, degrees)
}

/// Strata differ threefold in the people a respondent stands for.
fn stratum_weight(stratum: usize) -> f64 {
    1.0 + 2.0 * stratum as f64 / (N_STRATA - 1) as f64
}
