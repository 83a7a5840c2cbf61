//! How large is each hidden group, here and there, and how sure are we?

mod adjust;
mod cell;

use rayon::prelude::*;
use serde::Serialize;

use crate::Error;
use crate::calibrate::Weights;
use crate::estimator::Estimator;
use crate::interval::{Interval, Shape, check_confidence};
use crate::suppress;
use crate::survey::Survey;
use crate::variance::{Method, Spread, jackknife};
pub use adjust::{Adjusted, Factor};
use cell::Plan;
pub(crate) use cell::srs_variance;

/// How estimates are to be made.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Estimator of sizes.
    pub estimator: Estimator,
    /// Weights, calibrated or not.
    pub weights: &'a Weights<'a>,
    /// Variance methods; each gives its own rows.
    pub methods: &'a [Method<'a>],
    /// Form of the intervals; `None` chooses percentile for a bootstrap and t for all else.
    pub shape: Option<Shape>,
    /// Confidence of the intervals, for example 0.95.
    pub confidence: f64,
    /// Seed of the draws from priors.
    pub seed: u64,
}

/// All estimates, and what a reader must be told about them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimates {
    /// One row for each hidden group, domain and variance method.
    pub estimates: Vec<Estimate>,
    /// Sentences that belong beside the numbers.
    pub warnings: Vec<String>,
}

/// One estimate. Every figure is `None` when it is suppressed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Column of the hidden group.
    pub hidden: String,
    /// Part of the population; everybody when `None`.
    pub domain: Option<Level>,
    /// Estimator of the size.
    pub estimator: Estimator,
    /// Variance method.
    pub variance: &'static str,
    /// Form of the interval.
    pub interval: Shape,
    /// Number of people in the hidden group, before adjustment.
    pub estimate: Option<f64>,
    /// Standard error of `estimate`.
    pub se: Option<f64>,
    /// `se / estimate`.
    pub cv: Option<f64>,
    /// Lower end of the interval.
    pub ci_low: Option<f64>,
    /// Upper end of the interval.
    pub ci_high: Option<f64>,
    /// Members of the hidden group in a thousand people.
    pub rate_per_1000: Option<f64>,
    /// Lower end of the rate's interval.
    pub rate_ci_low: Option<f64>,
    /// Upper end of the rate's interval.
    pub rate_ci_high: Option<f64>,
    /// Variance over that of a simple random sample of as many respondents, for the rate.
    pub deff: Option<f64>,
    /// Respondents that take part.
    pub n: Option<usize>,
    /// PSUs that hold them.
    pub psus: Option<usize>,
    /// PSUs less strata.
    pub df: Option<usize>,
    /// Share of respondents who report nobody.
    pub zero_share: Option<f64>,
    /// After adjustment for visibility, where the codebook has priors.
    pub adjusted: Option<Adjusted>,
    /// Why the figures are withheld; `None` when they are not.
    pub suppressed: Option<String>,
}

/// A level of a domain column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Level {
    /// The column.
    pub column: String,
    /// The level.
    pub level: String,
}

/// Estimates every hidden group of the codebook, for everybody and for each level of each domain.
///
/// # Errors
/// [`Error::CodebookLacks`] without a frame size or without a way to find network sizes; [`Error::Range`] for the
/// confidence; [`Error::IntervalNeedsReplicates`]; those of [`crate::variance::Question::spreads`].
pub fn estimates(survey: &Survey, request: &Request<'_>) -> Result<Estimates, Error> {
    check_confidence(request.confidence)?;
    for method in request.methods {
        if matches!(request.shape, Some(Shape::Percentile | Shape::Bca)) && !method.is_bootstrap() {
            return Err(Error::IntervalNeedsReplicates { interval: "percentile or bca", method: method.word() });
        }
    }
    let groups = cell::groups(survey, request.estimator)?;
    let plan = Plan::new(survey, &groups, request.weights)?;
    let (sums, values) = plan.question.values();
    let deffs = plan.deffs(survey, &sums.total)?;
    let mut all = Estimates { estimates: Vec::new(), warnings: plan.warnings(survey) };
    for method in request.methods {
        let spreads = plan.question.spreads(method)?;
        let shape = request.shape.unwrap_or(if method.is_bootstrap() { Shape::Percentile } else { Shape::T });
        let without = if shape == Shape::Bca { jackknife::leave_one_out(&plan.question) } else { Vec::new() };
        let effective: Vec<f64> = match shape {
            Shape::Effective => plan.question.estimands.par_iter().map(|own| plan.worth(own, &sums.total)).collect(),
            Shape::T | Shape::Log | Shape::Percentile | Shape::Bca => Vec::new(),
        };
        let (values, spreads, without, effective) = (&values[..], &spreads[..], &without[..], &effective[..]);
        let maker = Maker { survey, request, method, shape, values, spreads, without, effective };
        let mut rows: Vec<Estimate> =
            plan.cells.iter().zip(&deffs).map(|(cell, &deff)| maker.row(cell, deff)).collect();
        warn_about(&rows, spreads, method, &mut all.warnings);
        suppress::withhold(&mut rows, &plan.reporting(), &survey.codebook.suppress);
        all.estimates.extend(rows);
    }
    Ok(all)
}

/// All that the rows of one variance method have in common.
struct Maker<'a> {
    survey: &'a Survey,
    request: &'a Request<'a>,
    method: &'a Method<'a>,
    shape: Shape,
    values: &'a [f64],
    spreads: &'a [Spread],
    without: &'a [Vec<f64>],
    /// Degrees of freedom of each estimand, for intervals that ask for them.
    effective: &'a [f64],
}

impl Maker<'_> {
    fn row(&self, cell: &cell::Cell, deff: f64) -> Estimate {
        let (value, spread) = (self.values[cell.size], &self.spreads[cell.size]);
        let se = spread.variance.sqrt();
        let interval = self.interval(value, se, cell.size, cell.df);
        let rate_se = self.spreads[cell.rate].variance.sqrt();
        let rate = self.interval(self.values[cell.rate], rate_se, cell.rate, cell.df);
        Estimate {
            hidden: self.survey.codebook.hidden[cell.group].column.clone(),
            domain: cell.level.clone(),
            estimator: self.request.estimator,
            variance: self.method.word(),
            interval: self.shape,
            estimate: finite(value),
            se: finite(se),
            cv: finite(se / value),
            ci_low: finite(interval.low),
            ci_high: finite(interval.high),
            rate_per_1000: finite(self.values[cell.rate]),
            rate_ci_low: finite(rate.low),
            rate_ci_high: finite(rate.high),
            deff: finite(deff),
            n: Some(cell.n),
            psus: Some(cell.n_psus),
            df: Some(cell.df),
            zero_share: finite(cell.zero_share),
            adjusted: self.adjusted(cell, value, se),
            suppressed: None,
        }
    }

    fn interval(&self, value: f64, se: f64, at: usize, df: usize) -> Interval {
        let (confidence, df) = (self.request.confidence, df as f64);
        match self.shape {
            Shape::T => Interval::t(value, se, df, confidence),
            Shape::Log => Interval::log(value, se, df, confidence),
            Shape::Effective => Interval::log(value, se, self.effective[at].min(df), confidence),
            Shape::Percentile => Interval::percentile(&self.spreads[at].replicates, confidence),
            Shape::Bca => Interval::bca(value, &self.spreads[at].replicates, &self.without[at], confidence),
        }
    }

    fn adjusted(&self, cell: &cell::Cell, value: f64, se: f64) -> Option<Adjusted> {
        let hidden = &self.survey.codebook.hidden[cell.group];
        let adjustment = adjust::Adjustment::new(hidden, self.request.seed)?;
        let replicates = &self.spreads[cell.size].replicates;
        let df = self.effective.get(cell.size).map_or(cell.df as f64, |worth| worth.min(cell.df as f64));
        let basic = adjust::Basic { value, se, df, shape: self.shape, replicates };
        let without = self.without.get(cell.size).map_or(&[][..], Vec::as_slice);
        Some(adjustment.apply(&basic, self.method.is_bootstrap(), without, self.request.confidence))
    }
}

/// JSON has no word for infinity: what cannot be had is null.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn warn_about(rows: &[Estimate], spreads: &[Spread], method: &Method<'_>, warnings: &mut Vec<String>) {
    let n_lost = spreads.iter().map(|spread| spread.replicates.iter().filter(|value| !value.is_finite()).count()).max();
    if let Some(n_lost) = n_lost.filter(|&n_lost| n_lost > 0) {
        warnings.push(format!("{}: up to {n_lost} replicates had no value and were left out", method.word()));
    }
    for row in rows.iter().filter(|row| row.domain.is_none() && row.ci_low.is_some_and(|low| low < 0.0)) {
        let hidden = &row.hidden;
        warnings.push(format!("{hidden}, {}: the interval reaches below 0; use --interval log", method.word()));
    }
}
