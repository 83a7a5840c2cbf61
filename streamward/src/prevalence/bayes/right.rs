//! Are the posteriors right?
//!
//! Three answers: means that other samplers recorded; simulation-based calibration, which asks whether truths drawn from
//! the prior fall evenly among the draws (Talts et al. 2018, "Validating Bayesian inference algorithms with
//! simulation-based calibration"); and a made-up country, where the pooled model must come nearer to the truth of each
//! place than the place's own answers do.

use prevalence::bayes::Density;
use prevalence::bayes::correlated::Correlated;
use prevalence::bayes::municipal;
use prevalence::bayes::overdispersed::{Overdispersed, Priors};
use prevalence::bayes::pooled::{Areas, Pooled};
use prevalence::bayes::posterior::judge;
use prevalence::bayes::reports::{Reports, Seen};
use prevalence::chance::{Chance, Purpose};
use prevalence::draw::{negative_binomial, normal};
use prevalence::simulate::country::country;
use prevalence::table::{Kind, Wanted};
use prevalence::{Codebook, Survey, Table};
use rayon::prelude::*;

use super::walk::{Length, walks};

/// Posterior means by an independent sampler (Metropolis within Gibbs, 15,000 steps) on the example data of the R package
/// networkscaleup, 100 respondents and 5 groups of which 1, 2 and 4 are known.
const RECORDED: [f64; 5] = [136_013.0, 54_648.0, 35_361.0, 71_861.0, 20_530.0];

#[test]
fn posterior_means_are_those_that_another_sampler_recorded() {
    let folder = std::env::var_os("STREAMWARD_CONFORMANCE").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance").into(),
        std::path::PathBuf::from,
    );
    let path = folder.join("prevalence/networkscaleup_example_ard.csv");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!(
            "not checked: {} is missing (data of the R package networkscaleup, not ours to pass on)",
            path.display()
        );
        return;
    };
    let wanted = [Wanted { name: "*".to_owned(), kind: Kind::Number }];
    let table = Table::read_csv(bytes.as_slice(), b',', &wanted).unwrap();
    let names: Vec<String> = table.names().map(str::to_owned).collect();
    // Known groups first.
    let order = [0, 1, 3, 2, 4];
    let counts: Vec<Vec<u32>> = order
        .iter()
        .map(|&at: &usize| table.numbers(&names[at]).unwrap().iter().map(|&count| count as u32).collect())
        .collect();
    let reports = Reports::new(order.map(|at| names[at].clone()).to_vec(), &counts, &[136_961.0, 56_322.0, 69_238.0]);
    let reports = reports.unwrap();
    let length = Length { chains: 4, warmup: 600, draws: 1000, seed: 1 };
    let model = Overdispersed::new(reports.clone(), Priors::default());
    let (convergence, summaries) = judge(&model, &walks(&model, length, &|| {}).unwrap(), 0.95);
    println!("overdispersed: {convergence:?}");
    for (own, at) in summaries.unwrap().iter().zip(order) {
        println!("{}: {:.0} ± {:.0}, recorded {:.0}", own.name, own.mean, own.sd, RECORDED[at]);
        assert!((own.mean / RECORDED[at] - 1.0).abs() < 0.03, "{own:?}");
    }
    // Another model of the same answers; its means need not be the same, but lie within the other's doubt.
    let model = Correlated::new(reports, Priors::default());
    let (convergence, summaries) = judge(&model, &walks(&model, length, &|| {}).unwrap(), 0.95);
    println!("correlated: {convergence:?}");
    for (own, at) in summaries.unwrap().iter().zip(order) {
        println!("{}: {:.0} ± {:.0}", own.name, own.mean, own.sd);
        assert!((own.mean / RECORDED[at] - 1.0).abs() < 0.2, "{own:?}");
    }
}

/// A truth drawn from the prior, and a model of answers drawn from it.
struct Drawn {
    model: Box<dyn Density>,
    /// Coordinates that are watched, and their true values.
    truth: Vec<(usize, f64)>,
}

#[test]
fn truths_from_the_prior_fall_evenly_among_the_draws() {
    let names =
        ["mean count of a", "mean count of h", "overdispersion of a", "overdispersion of h", "spread of networks"];
    calibrate("overdispersed", &names, |survey| {
        let mut chance = Chance::new(77, Purpose::Simulate, survey, 0);
        let truth = Truth::draw(&mut chance, 12);
        let reports = truth.reports(&mut chance, &[0.0; 12])?;
        Some(Drawn { model: Box::new(Overdispersed::new(reports, PRIORS)), truth: truth.watched() })
    });
}

#[test]
fn truths_of_areas_from_the_prior_fall_evenly_among_the_draws() {
    let networks =
        ["mean count of a", "mean count of h", "overdispersion of a", "overdispersion of h", "spread of networks"];
    let names = [&networks[..], &["spread between areas", "effect of the covariate", "first area beside the others"]];
    calibrate("pooled", &names.concat(), |survey| {
        let mut chance = Chance::new(78, Purpose::Simulate, survey, 0);
        let truth = Truth::draw(&mut chance, 16);
        // Four areas of four respondents; the covariate has mean 0 and standard deviation 1 already.
        let covariate = [-1.0, -1.0, 1.0, 1.0];
        let (spread, effect) = (normal(&mut chance).abs(), normal(&mut chance));
        let places: Vec<f64> = (0..4).map(|_| normal(&mut chance)).collect();
        let of_row: Vec<u32> = (0..16).map(|row| row / 4).collect();
        let moves = of_row.iter().map(|&area| effect * covariate[area as usize] + spread * places[area as usize]);
        let reports = truth.reports(&mut chance, &moves.collect::<Vec<_>>())?;
        let names = ["n", "e", "s", "w"].map(String::from).to_vec();
        let (people, covariates) = (vec![250.0; 4], vec![covariate.to_vec()]);
        let areas = Areas { names, of_row, people, frame_size: 1000.0, covariates };
        let model = Pooled::new(reports, areas, PRIORS).ok()?;
        let first = model.dim() - 6;
        let of_areas = [(first, spread.ln()), (first + 1, effect), (first + 2, places[0])];
        Some(Drawn { model: Box::new(model), truth: [truth.watched(), of_areas.to_vec()].concat() })
    });
}

/// So narrow that most surveys have answers to learn from.
const PRIORS: Priors = Priors { sd_network: 0.6, middle: (0.0, 0.7), sd_level: 0.7 };

/// Ranks the truth of many surveys among the draws of its posterior, and tests that ranks are even.
fn calibrate(model: &str, names: &[&str], draw: impl Fn(u64) -> Option<Drawn> + Sync) {
    const BINS: usize = 10;
    const DRAWS: usize = 99;
    // One draw in so many is ranked: neighbours in a walk are alike, and would crowd the outer bins.
    const THIN: usize = 10;
    let n_surveys = if std::env::var_os("STREAMWARD_TEST_ALL").is_some() { 2000 } else { 300 };
    let ranks = |survey: u64| -> Option<Vec<usize>> {
        let Drawn { model, truth } = draw(survey)?;
        let length = Length { chains: 1, warmup: 500, draws: DRAWS * THIN, seed: survey };
        let walk = walks(model.as_ref(), length, &|| {}).unwrap().remove(0);
        let kept: Vec<&[f64]> = walk.positions.chunks(model.n_kept()).step_by(THIN).collect();
        Some(truth.iter().map(|&(at, own)| kept.iter().filter(|draw| draw[at] < own).count()).collect())
    };
    let ranks: Vec<Vec<usize>> = (0..n_surveys).into_par_iter().filter_map(ranks).collect();
    println!("simulation-based calibration of the {model} model, {} surveys, {BINS} bins:", ranks.len());
    for (at, name) in names.iter().enumerate() {
        let mut bins = [0usize; BINS];
        ranks.iter().for_each(|ranks| bins[ranks[at] * BINS / (DRAWS + 1)] += 1);
        let expected = ranks.len() as f64 / BINS as f64;
        let chi2: f64 = bins.iter().map(|&n| (n as f64 - expected).powi(2) / expected).sum();
        println!("  {name}: χ² = {chi2:.1} with 9 degrees of freedom {bins:?}");
        // The 0.9998 quantile of χ² with 9 degrees of freedom: a dozen such tests fail by chance in one of 400 runs.
        assert!(chi2 < 32.0, "{name}: {chi2}");
    }
}

/// Networks and three groups, of which two are known, drawn from the prior.
struct Truth {
    sd_network: f64,
    alphas: Vec<f64>,
    levels: Vec<f64>,
    excess: Vec<f64>,
}

impl Truth {
    fn draw(chance: &mut Chance, n_rows: usize) -> Truth {
        let sd_network = PRIORS.sd_network * normal(chance).abs();
        let alphas: Vec<f64> = (0..n_rows).map(|_| sd_network * normal(chance)).collect();
        let middle = PRIORS.middle.0 + PRIORS.middle.1 * normal(chance);
        let sd_level = PRIORS.sd_level * normal(chance).abs();
        let ln_mean = (alphas.iter().map(|alpha| alpha.exp()).sum::<f64>() / n_rows as f64).ln();
        let levels = (0..3).map(|_| middle + sd_level * normal(chance) + ln_mean).collect();
        let excess = (0..3).map(|_| 1.0 / chance.unit() - 1.0).collect();
        Truth { sd_network, alphas, levels, excess }
    }

    /// Answers; `of_row` moves the logarithm of each respondent's mean count of the hidden group.
    ///
    /// None when nobody reports anybody: such a survey is refused, and as rare among truths as among draws.
    fn reports(&self, chance: &mut Chance, of_row: &[f64]) -> Option<Reports> {
        let ln_mean = (self.alphas.iter().map(|alpha| alpha.exp()).sum::<f64>() / self.alphas.len() as f64).ln();
        let mut group = |at: usize| -> Vec<u32> {
            let hidden = if at == 2 { 1.0 } else { 0.0 };
            let rows = self.alphas.iter().zip(of_row);
            let mean = |(alpha, own): (&f64, &f64)| (self.levels[at] + alpha - ln_mean + hidden * own).exp();
            rows.map(|row| negative_binomial(chance, mean(row), 1.0 + self.excess[at]) as u32).collect()
        };
        let counts: Vec<Vec<u32>> = (0..3).map(&mut group).collect();
        Reports::new(["a", "b", "h"].map(String::from).to_vec(), &counts, &[100.0, 50.0]).ok()
    }

    /// Coordinates: respondents, three log mean counts, three spreads, three logarithms of overdispersion less 1.
    fn watched(&self) -> Vec<(usize, f64)> {
        let n = self.alphas.len();
        let logs = [(n + 6, self.excess[0].ln()), (n + 8, self.excess[2].ln()), (n + 3, self.sd_network.ln())];
        [&[(n, self.levels[0]), (n + 2, self.levels[2])][..], &logs].concat()
    }
}

#[test]
fn the_pooled_model_comes_nearer_to_each_place_than_its_own_answers() {
    let n_countries = if std::env::var_os("STREAMWARD_TEST_ALL").is_some() { 5 } else { 1 };
    for seed in 1..=n_countries {
        let country = country(seed);
        let codebook = Codebook::parse(&country.codebook).unwrap();
        let labels = ["place".to_owned()];
        let table = Table::read_csv(country.survey.as_bytes(), b',', &Survey::wanted(&codebook, &[], &labels)).unwrap();
        let survey = Survey::new(codebook, table).unwrap();
        let seen = Seen::new(&survey, &[0, 1]).unwrap();
        let wanted = [("place", Kind::Text), ("remoteness", Kind::Number)];
        let wanted = wanted.map(|(name, kind)| Wanted { name: name.to_owned(), kind });
        let places = Table::read_csv(country.places.as_bytes(), b',', &wanted).unwrap();
        let covariates = ["remoteness".to_owned()];
        let areas = municipal::areas(&survey, &seen, "place", Some((&places, &covariates))).unwrap();
        let direct = [0, 1].map(|hidden| municipal::direct(&survey, &seen, &areas, hidden));
        let model = Pooled::new(seen.reports, areas, Priors::default()).unwrap();
        let length = Length { chains: 4, warmup: 500, draws: 1600, seed };
        let (convergence, summaries) = judge(&model, &walks(&model, length, &|| {}).unwrap(), 0.95);
        println!("country {seed}: {convergence:?}");
        let summaries = summaries.expect("the walks agree");
        for (hidden, truth) in country.visible_rates.iter().enumerate() {
            let rates = &summaries[2 + hidden * 150..][..150];
            let rmse = |rate: &dyn Fn(usize) -> f64| {
                (truth.iter().enumerate().map(|(at, truth)| (rate(at) - truth).powi(2)).sum::<f64>() / 150.0).sqrt()
            };
            let (pooled, own) = (rmse(&|at| rates[at].mean), rmse(&|at| direct[hidden][at].rate));
            let held =
                rates.iter().zip(truth).filter(|(rate, truth)| rate.low <= **truth && **truth <= rate.high).count();
            let held_by_own = direct[hidden]
                .iter()
                .zip(truth)
                .filter(|(own, truth)| (own.rate - **truth).abs() <= 1.96 * own.se)
                .count();
            println!(
                "  group {hidden}: root mean squared error in a thousand, pooled {pooled:.3}, direct {own:.3} ({:.2} of it); \
                 intervals of 95 % hold the truth in {held} and {held_by_own} of 150 places",
                pooled / own
            );
            assert!(pooled < 0.9 * own, "{pooled} {own}");
            // 95 % of 150 is 142.5 with a standard error of 2.7.
            assert!((132..=150).contains(&held), "{held}");
        }
    }
}
