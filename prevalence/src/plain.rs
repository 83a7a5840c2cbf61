//! What do general survey programs say: totals, means and ratios of any column?
//!
//! They are here so that the variance code can be checked against such programs, and because a survey has other columns.

use serde::Serialize;

use crate::Error;
use crate::calibrate::Weights;
use crate::estimand::{Estimand, Term, Within, influence};
use crate::estimate::{Level, finite, srs_variance};
use crate::interval::{Interval, check_confidence};
use crate::survey::Survey;
use crate::table::Labels;
use crate::variance::{Method, Question};

/// What is asked about a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Weighted sum of the column.
    Total(String),
    /// Weighted mean of the column.
    Mean(String),
    /// Weighted sum of the first column over that of the second.
    Ratio(String, String),
}

/// A plain survey estimate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plain {
    /// `total(x)`, `mean(x)` or `ratio(x/y)`.
    pub what: String,
    /// Part of the sample; everybody when `None`.
    pub domain: Option<Level>,
    /// Variance method.
    pub variance: &'static str,
    /// The estimate.
    pub estimate: Option<f64>,
    /// Its standard error.
    pub se: Option<f64>,
    /// `se / estimate`.
    pub cv: Option<f64>,
    /// Lower end of the t interval.
    pub ci_low: Option<f64>,
    /// Upper end of the t interval.
    pub ci_high: Option<f64>,
    /// Variance (by linearisation) over that of a simple random sample.
    pub deff: Option<f64>,
    /// Rows with a value.
    pub n: usize,
    /// PSUs that hold them.
    pub psus: usize,
    /// PSUs less strata.
    pub df: usize,
}

/// Estimates `ask`, for everybody or for each level of the column `by`; rows without a value are left out.
///
/// # Errors
/// [`Error::ColumnAbsent`]; [`Error::NoAnswer`] for an empty column; [`Error::Range`] for the confidence; those of
/// [`Question::spreads`].
pub fn plain(
    survey: &Survey,
    weights: &Weights<'_>,
    ask: &Ask,
    by: Option<&str>,
    method: &Method<'_>,
    confidence: f64,
) -> Result<Vec<Plain>, Error> {
    check_confidence(confidence)?;
    let labels = by.map(|column| survey.labels(column)).transpose()?;
    let parts: Vec<Option<Level>> = match (by, labels) {
        (Some(column), Some(labels)) => {
            labels.names.iter().map(|name| Some(Level { column: column.to_owned(), level: name.clone() })).collect()
        }
        _ => vec![None],
    };
    let asked = Asked::new(survey, ask)?;
    let one = |(code, level): (usize, Option<Level>)| {
        let within = labels.map(|labels: &Labels| Within { codes: &labels.codes, code: code as u32 });
        asked.estimate(survey, weights, within, level, method, confidence)
    };
    parts.into_iter().enumerate().map(one).collect()
}

/// The question with its rows: values are 0 and `is_whole` false where a cell is empty.
struct Asked {
    what: String,
    columns: Vec<Vec<f64>>,
    estimand: Estimand,
    is_whole: Vec<bool>,
}

impl Asked {
    fn new(survey: &Survey, ask: &Ask) -> Result<Asked, Error> {
        let estimand = |under: &[usize]| Estimand { scale: 1.0, over: vec![0], under: under.to_vec() };
        let (what, names, estimand) = match ask {
            Ask::Total(x) => (format!("total({x})"), vec![x], estimand(&[])),
            Ask::Mean(x) => (format!("mean({x})"), vec![x], estimand(&[1])),
            Ask::Ratio(x, y) => (format!("ratio({x}/{y})"), vec![x, y], estimand(&[1])),
        };
        let raw: Vec<&[f64]> = names.iter().map(|name| survey.numbers(name)).collect::<Result<_, Error>>()?;
        let is_whole: Vec<bool> =
            (0..survey.design.n_rows()).map(|row| raw.iter().all(|column| !column[row].is_nan())).collect();
        if !is_whole.contains(&true) {
            return Err(Error::NoAnswer { column: names[0].clone() });
        }
        let whole = |column: &&[f64]| -> Vec<f64> {
            column.iter().zip(&is_whole).map(|(value, &own)| if own { *value } else { 0.0 }).collect()
        };
        let mut columns: Vec<Vec<f64>> = raw.iter().map(whole).collect();
        if matches!(ask, Ask::Mean(_)) {
            columns.push(is_whole.iter().map(|&own| f64::from(u8::from(own))).collect());
        }
        Ok(Asked { what, columns, estimand, is_whole })
    }

    fn estimate(
        &self,
        survey: &Survey,
        weights: &Weights<'_>,
        within: Option<Within<'_>>,
        domain: Option<Level>,
        method: &Method<'_>,
        confidence: f64,
    ) -> Result<Plain, Error> {
        let terms: Vec<Term<'_>> =
            self.columns.iter().map(|column| Term { value: column.as_slice().into(), within }).collect();
        let question = Question { design: &survey.design, weights, terms, estimands: vec![self.estimand.clone()] };
        let (sums, values) = question.values();
        let value = values[0];
        let se = question.spreads(method)?[0].variance.sqrt();
        let is_in = |row: usize| self.is_whole[row] && within.is_none_or(|within| within.holds(row));
        let (psus, df) = survey.design.df_within(is_in);
        let interval = Interval::t(value, se, df as f64, confidence);
        let influence = influence(&self.estimand, &sums.total, &question.terms);
        let srs = srs_variance(&weights.full, &influence, is_in, survey.codebook.frame.weights);
        let linear = question.spreads(&Method::Taylor)?[0].variance;
        Ok(Plain {
            what: self.what.clone(),
            domain,
            variance: method.word(),
            estimate: finite(value),
            se: finite(se),
            cv: finite(se / value),
            ci_low: finite(interval.low),
            ci_high: finite(interval.high),
            deff: finite(linear / srs),
            n: (0..survey.design.n_rows()).filter(|&row| is_in(row)).count(),
            psus,
            df,
        })
    }
}
