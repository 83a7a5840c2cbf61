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
use prevalence::bayes::pooled::Pooled;
use prevalence::bayes::posterior::judge;
use prevalence::bayes::reports::{Reports, Seen};
use prevalence::chance::{Chance, Purpose};
use prevalence::draw::{negative_binomial, normal};
use prevalence::simulate::country::country;
use prevalence::table::{Kind, Wanted};
use prevalence::{Codebook, Survey, Table};

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

#[test]
fn truths_from_the_prior_fall_evenly_among_the_draws() {
    const BINS: usize = 10;
    const DRAWS: usize = 99;
    const THIN: usize = 5;
    let n_surveys = if std::env::var_os("STREAMWARD_TEST_ALL").is_some() { 2000 } else { 300 };
    let priors = Priors { sd_network: 0.6, middle: (0.0, 0.7), sd_level: 0.7 };
    let names =
        ["mean count of a", "mean count of h", "overdispersion of a", "overdispersion of h", "spread of networks"];
    let mut counts = vec![[0usize; BINS]; names.len()];
    let mut n_used = 0;
    for survey in 0..n_surveys {
        let Some((model, truth)) = from_the_prior(priors, survey) else { continue };
        let length = Length { chains: 1, warmup: 400, draws: DRAWS * THIN, seed: survey };
        let walk = walks(&model, length, &|| {}).unwrap().remove(0);
        n_used += 1;
        let draws: Vec<Vec<f64>> =
            walk.positions.chunks(model.n_kept()).step_by(THIN).map(|position| watched(&model, position)).collect();
        for (at, own) in truth.iter().enumerate() {
            let rank = draws.iter().filter(|draw| draw[at] < *own).count();
            counts[at][rank * BINS / (DRAWS + 1)] += 1;
        }
    }
    println!("simulation-based calibration of the overdispersed model, {n_used} surveys, {BINS} bins:");
    for (name, bins) in names.iter().zip(&counts) {
        let expected = n_used as f64 / BINS as f64;
        let chi2: f64 = bins.iter().map(|&n| (n as f64 - expected).powi(2) / expected).sum();
        println!("  {name}: χ² = {chi2:.1} with 9 degrees of freedom {bins:?}");
        // The 0.9998 quantile of χ² with 9 degrees of freedom: five such tests fail by chance once in a thousand runs.
        assert!(chi2 < 32.0, "{name}: {chi2}");
    }
}

/// What is watched: coordinates 12 respondents, then 3 log mean counts, 3 spreads, 3 log overdispersions.
fn watched(model: &Overdispersed, position: &[f64]) -> Vec<f64> {
    let overdispersions = model.overdispersions(position);
    let levels = model.levels(position);
    vec![levels[0], levels[2], overdispersions[0], overdispersions[2], position[12 + 3]]
}

/// A point drawn from the prior, and a model of answers drawn from it; none when nobody reports anybody.
fn from_the_prior(priors: Priors, survey: u64) -> Option<(Overdispersed, Vec<f64>)> {
    let mut chance = Chance::new(77, Purpose::Simulate, survey, 0);
    let sd_network = priors.sd_network * normal(&mut chance).abs();
    let alphas: Vec<f64> = (0..12).map(|_| sd_network * normal(&mut chance)).collect();
    let middle = priors.middle.0 + priors.middle.1 * normal(&mut chance);
    let sd_level = priors.sd_level * normal(&mut chance).abs();
    let mean = alphas.iter().map(|alpha| alpha.exp()).sum::<f64>() / 12.0;
    let levels: Vec<f64> = (0..3).map(|_| middle + sd_level * normal(&mut chance) + mean.ln()).collect();
    let excess: Vec<f64> = (0..3).map(|_| 1.0 / chance.unit() - 1.0).collect();
    let counts: Vec<Vec<u32>> = levels
        .iter()
        .zip(&excess)
        .map(|(level, excess)| {
            alphas
                .iter()
                .map(|alpha| negative_binomial(&mut chance, (level + alpha).exp() / mean, 1.0 + excess) as u32)
                .collect()
        })
        .collect();
    let names = ["a", "b", "h"].map(String::from).to_vec();
    // A survey in which nobody knows anybody is refused by the model; it is as rare among truths as among draws.
    let reports = Reports::new(names, &counts, &[100.0, 50.0]).ok()?;
    let truth = vec![levels[0], levels[2], 1.0 + excess[0], 1.0 + excess[2], sd_network.ln()];
    Some((Overdispersed::new(reports, priors), truth))
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
        let length = Length { chains: 4, warmup: 500, draws: 1200, seed };
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
