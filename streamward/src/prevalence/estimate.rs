//! How large is each hidden group, do known groups come out right, and what hangs on assumptions?

use clap::{Args, ValueEnum};
use prevalence::estimate::{Estimates, Request};
use prevalence::estimator::{Estimator, killworth_se};
use prevalence::interval::Shape;
use prevalence::sensitivity::Grid;
use prevalence::variance::Method;
use prevalence::{Survey, estimates, holdout, sensitivity};
use serde::Serialize;

use super::explain;
use super::print::{self, Head, number};
use super::read::{Reweight, Source, Spread};

/// Estimates each hidden group, for everybody and for each domain, with its interval.
#[derive(Args)]
pub(super) struct Estimate {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reweight: Reweight,
    #[command(flatten)]
    spread: Spread,
    /// Estimator.
    #[arg(long, default_value = "scale-up")]
    estimator: By,
    /// Form of the intervals; default percentile for a bootstrap, t for all else.
    #[arg(long)]
    interval: Option<Form>,
    /// Also give Killworth's standard error, which knows neither clusters nor overdispersion.
    #[arg(long)]
    killworth: bool,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// An estimator.
#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// Ratio of weighted sums.
    ScaleUp,
    /// Mean of each respondent's ratio.
    Pimle,
    /// Mean of ratios, with networks averaged over known groups.
    MeanOfSums,
}

/// Form of an interval.
#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// Symmetric, by Student's t.
    T,
    /// Symmetric in the logarithm: never below 0.
    Log,
    /// As log, with the degrees of freedom that the variance is worth: where a few places hold most of a group.
    Effective,
    /// Quantiles of bootstrap replicates.
    Percentile,
    /// Bias-corrected and accelerated quantiles.
    Bca,
}

#[derive(Serialize)]
struct Output {
    #[serde(flatten)]
    head: Head,
    seed: u64,
    replicates: usize,
    confidence: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    killworth: Vec<Killworth>,
    #[serde(flatten)]
    results: Estimates,
}

/// A standard error that is too small, named so that nobody takes it for another.
#[derive(Serialize)]
struct Killworth {
    hidden: String,
    killworth_se: f64,
    warning: &'static str,
}

impl Estimate {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let survey = self.source.survey(&self.reweight, &[], &[])?;
        let weights = self.reweight.weights(&survey)?;
        let given = self.spread.given(&survey)?;
        let methods = self.spread.methods(given.as_ref());
        let (seed, confidence) = (self.spread.seed, self.spread.confidence);
        let estimator = match self.estimator {
            By::ScaleUp => Estimator::ScaleUp,
            By::Pimle => Estimator::Pimle,
            By::MeanOfSums => Estimator::MeanOfSums,
        };
        let shape = self.interval.map(|form| match form {
            Form::T => Shape::T,
            Form::Log => Shape::Log,
            Form::Effective => Shape::Effective,
            Form::Percentile => Shape::Percentile,
            Form::Bca => Shape::Bca,
        });
        let request = Request { estimator, weights: &weights, methods: &methods, shape, confidence, seed };
        let results = estimates(&survey, &request).map_err(explain)?;
        let head = Head::new(&survey, &weights);
        let killworth = if self.killworth { killworth(&survey, &results, &weights.full) } else { Vec::new() };
        if self.json {
            let replicates = self.spread.replicates;
            return print::json(&Output { head, seed, replicates, confidence, killworth, results });
        }
        head.tell(&results.warnings);
        for own in &killworth {
            eprintln!("note: {}: Killworth's standard error is {:.0}; {}", own.hidden, own.killworth_se, own.warning);
        }
        print::table(&rows(&results))
    }
}

fn killworth(survey: &Survey, results: &Estimates, weights: &[f64]) -> Vec<Killworth> {
    let Some(frame_size) = survey.codebook.frame.size else { return Vec::new() };
    // Weights are brought to a mean of 1, so that their scale does not pass for a larger sample.
    let scale = weights.len() as f64 / weights.iter().sum::<f64>();
    let known = weights.iter().zip(&survey.degrees).filter(|(_, degree)| !degree.is_nan());
    let sum_degrees: f64 = known.map(|(weight, degree)| weight * scale * degree).sum();
    let national =
        results.estimates.iter().filter(|row| row.domain.is_none() && row.variance == results.estimates[0].variance);
    let one = |row: &prevalence::estimate::Estimate| {
        Some(Killworth {
            hidden: row.hidden.clone(),
            killworth_se: killworth_se(row.estimate?, frame_size, sum_degrees),
            warning: "it ignores clusters and overdispersion and was 3.4 times too small on real data",
        })
    };
    national.filter_map(one).collect()
}

fn rows(results: &Estimates) -> Vec<Vec<String>> {
    let head = [
        "hidden", "domain", "variance", "estimate", "se", "low", "high", "per 1000", "deff", "n", "adjusted", "low",
        "high", "",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for row in &results.estimates {
        let domain = row.domain.as_ref().map_or("all".to_owned(), |level| format!("{}={}", level.column, level.level));
        let adjusted =
            |pick: fn(&prevalence::estimate::Adjusted) -> Option<f64>| number(row.adjusted.as_ref().and_then(pick), 0);
        rows.push(vec![
            row.hidden.clone(),
            domain,
            row.variance.to_owned(),
            number(row.estimate, 0),
            number(row.se, 0),
            number(row.ci_low, 0),
            number(row.ci_high, 0),
            number(row.rate_per_1000, 3),
            number(row.deff, 2),
            number(row.n.map(|n| n as f64), 0),
            adjusted(|own| own.estimate),
            adjusted(|own| own.ci_low),
            adjusted(|own| own.ci_high),
            row.suppressed.clone().map_or(String::new(), |why| format!("withheld: {why}")),
        ]);
    }
    rows
}

/// Scales up each known group from the others, to see how well the method finds it.
#[derive(Args)]
pub(super) struct Holdout {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reweight: Reweight,
    /// Confidence of the intervals.
    #[arg(long, default_value_t = 0.95, value_name = "SHARE")]
    confidence: f64,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct HoldoutOutput {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    results: holdout::HoldOuts,
}

impl Holdout {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let survey = self.source.survey(&self.reweight, &[], &[])?;
        let weights = self.reweight.weights(&survey)?;
        let results = holdout::hold_outs(&survey, &weights, self.confidence).map_err(explain)?;
        let head = Head::new(&survey, &weights);
        if self.json {
            return print::json(&HoldoutOutput { head, results });
        }
        head.tell(&[]);
        let mut rows =
            vec![["known group", "known size", "estimate", "low", "high", "off"].map(str::to_owned).to_vec()];
        for group in &results.groups {
            let off = group.estimate.map(|estimate| 100.0 * (estimate / group.size - 1.0));
            let sizes = [Some(group.size), group.estimate, group.ci_low, group.ci_high].map(|size| number(size, 0));
            let name = std::iter::once(group.known.clone());
            rows.push(name.chain(sizes).chain([format!("{} %", number(off, 1))]).collect());
        }
        print::table(&rows)?;
        let holdout::HoldOuts { rmse, are, mae, coverage, .. } = results;
        print::out(&format!(
            "root mean squared error {rmse:.0}, mean absolute error {mae:.0}, average relative error {:.1} %, \
             intervals that hold the known size {:.0} %\n",
            100.0 * are,
            100.0 * coverage
        ))
    }
}

/// Gives adjusted sizes over a grid of assumed degree ratios and true-positive rates.
#[derive(Args)]
pub(super) struct Sensitivity {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reweight: Reweight,
    /// Degree ratios: network of the hidden group over that of the frame.
    #[arg(long, value_delimiter = ',', default_value = "0.5,0.75,1,1.25", value_name = "NUMBERS")]
    degree_ratios: Vec<f64>,
    /// True-positive rates: share of ties that are reported.
    #[arg(long, value_delimiter = ',', default_value = "0.3,0.5,0.7,0.9,1", value_name = "NUMBERS")]
    true_positive_rates: Vec<f64>,
    /// Confidence of the intervals.
    #[arg(long, default_value_t = 0.95, value_name = "SHARE")]
    confidence: f64,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct SensitivityOutput {
    #[serde(flatten)]
    head: Head,
    grids: Vec<Grid>,
}

impl Sensitivity {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let mut survey = self.source.survey(&self.reweight, &[], &[])?;
        survey.codebook.domains.clear();
        let weights = self.reweight.weights(&survey)?;
        let (methods, confidence) = ([Method::Taylor], self.confidence);
        let request = Request {
            estimator: Estimator::ScaleUp,
            weights: &weights,
            methods: &methods,
            shape: None,
            confidence,
            seed: 0,
        };
        let basic = estimates(&survey, &request).map_err(explain)?;
        let mut grids = Vec::new();
        for row in &basic.estimates {
            grids.extend(sensitivity::grid(row, &self.degree_ratios, &self.true_positive_rates).map_err(explain)?);
        }
        let head = Head::new(&survey, &weights);
        if self.json {
            return print::json(&SensitivityOutput { head, grids });
        }
        head.tell(&basic.warnings);
        grids.iter().try_for_each(|grid| print::table(&grid_rows(grid)))
    }
}

fn grid_rows(grid: &Grid) -> Vec<Vec<String>> {
    let title = format!("{}: degree ratio", grid.hidden);
    let head = std::iter::once(title).chain(grid.true_positive_rates.iter().map(|tau| format!("reported {tau}")));
    let mut rows = vec![head.collect::<Vec<String>>()];
    for (delta, sizes) in grid.degree_ratios.iter().zip(&grid.sizes) {
        let cell = |size: &sensitivity::Size| {
            let [value, low, high] = [size.estimate, size.ci_low, size.ci_high].map(|size| number(Some(size), 0));
            format!("{value} ({low} to {high})")
        };
        rows.push(std::iter::once(delta.to_string()).chain(sizes.iter().map(cell)).collect());
    }
    rows
}
