//! Which sums and ratios does a table of estimates need?

use std::borrow::Cow;

use rayon::prelude::*;

use super::Level;
use crate::Error;
use crate::calibrate::Weights;
use crate::codebook::WeightKind;
use crate::estimand::{Estimand, Term, Within, influence, sum};
use crate::estimator::{self, Estimator, Ratio};
use crate::survey::Survey;
use crate::table::Labels;
use crate::variance::Question;
use crate::variance::taylor::effective_df;

/// Fewest PSUs with a report below which an estimate rests on a handful of places.
const PSUS_WITH_REPORTS_MIN: usize = 10;

/// One cell of the table: a hidden group within a part of the population.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// Index of the hidden group.
    pub group: usize,
    /// Part of the population.
    pub level: Option<Level>,
    /// Estimand of the size.
    pub size: usize,
    /// Estimand of the rate in a thousand.
    pub rate: usize,
    /// Respondents that take part.
    pub n: usize,
    /// Of these, how many report anybody.
    pub n_reporting: usize,
    /// PSUs that hold them.
    pub n_psus: usize,
    /// PSUs less strata.
    pub df: usize,
    /// Share that reports nobody.
    pub zero_share: f64,
}

/// The question behind a table of estimates.
pub(super) struct Plan<'a> {
    pub question: Question<'a>,
    pub cells: Vec<Cell>,
    groups: &'a [Ratio<'a>],
}

/// Numerator and denominator of every hidden group.
pub(super) fn groups(survey: &Survey, estimator: Estimator) -> Result<Vec<Ratio<'_>>, Error> {
    let degrees = estimator::degrees(survey, estimator)?;
    if survey.hidden.is_empty() {
        return Err(Error::CodebookLacks { key: "[[hidden]]", wanted_by: "a scale-up estimate" });
    }
    let owned = |ratio: Ratio<'_>| Ratio {
        over: ratio.over.into_owned().into(),
        under: ratio.under.into_owned().into(),
        takes_part: ratio.takes_part,
    };
    let groups: Vec<Ratio<'_>> =
        survey.hidden.iter().map(|counts| owned(Ratio::new(estimator, counts, &degrees))).collect();
    match groups.iter().position(|group| group.under.iter().all(|&value| value == 0.0)) {
        Some(_) => Err(Error::NoDegree),
        None => Ok(groups),
    }
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        survey: &'a Survey,
        groups: &'a [Ratio<'a>],
        weights: &'a Weights<'a>,
    ) -> Result<Plan<'a>, Error> {
        let question = Question { design: &survey.design, weights, terms: vec![], estimands: vec![] };
        let mut plan = Plan { question, cells: vec![], groups };
        let frame_size = survey.codebook.frame_size()?;
        for (group, ratio) in groups.iter().enumerate() {
            plan.add_everybody(survey, group, ratio, frame_size);
            for domain in &survey.codebook.domains {
                let labels = survey.labels(&domain.column)?;
                for (code, name) in labels.names.iter().enumerate() {
                    let level = Level { column: domain.column.clone(), level: name.clone() };
                    let known_size = domain.sizes.get(name).copied();
                    let part = Part { labels, code: code as u32, known_size };
                    plan.add_level(survey, group, ratio, frame_size, level, &part);
                }
            }
        }
        Ok(plan)
    }

    fn add_everybody(&mut self, survey: &Survey, group: usize, ratio: &'a Ratio<'a>, frame_size: f64) {
        let first = self.question.terms.len();
        self.question.terms.extend(ratio.terms(None));
        let size = estimand(frame_size, &[first], &[first + 1]);
        self.add_cell(survey, Cell::new(group, None), ratio, size, first, None);
    }

    fn add_level(
        &mut self,
        survey: &Survey,
        group: usize,
        ratio: &'a Ratio<'a>,
        frame_size: f64,
        level: Level,
        part: &Part<'a>,
    ) {
        let within = Within { codes: &part.labels.codes, code: part.code };
        let first = self.question.terms.len();
        self.question.terms.extend(ratio.terms(Some(within)));
        let size = match part.known_size {
            Some(known_size) => estimand(known_size, &[first], &[first + 1]),
            None => {
                // The weights say which share of the frame lives here.
                let ones: Cow<'a, [f64]> = vec![1.0; survey.design.n_rows()].into();
                self.question.terms.push(Term { value: ones.clone(), within: Some(within) });
                self.question.terms.push(Term { value: ones, within: None });
                estimand(frame_size, &[first, first + 2], &[first + 1, first + 3])
            }
        };
        self.add_cell(survey, Cell::new(group, Some(level)), ratio, size, first, Some(within));
    }

    fn add_cell(
        &mut self,
        survey: &Survey,
        cell: Cell,
        ratio: &Ratio<'_>,
        size: Estimand,
        first: usize,
        within: Option<Within<'_>>,
    ) {
        let is_in = |row: usize| ratio.takes_part[row] && within.is_none_or(|within| within.holds(row));
        let n = (0..survey.design.n_rows()).filter(|&row| is_in(row)).count();
        let n_reporting = (0..survey.design.n_rows()).filter(|&row| is_in(row) && ratio.over[row] > 0.0).count();
        let (n_psus, df) = survey.design.df_within(is_in);
        let (size_at, rate_at) = (self.question.estimands.len(), self.question.estimands.len() + 1);
        self.question.estimands.extend([size, estimand(1000.0, &[first], &[first + 1])]);
        let zero_share = (n - n_reporting) as f64 / n as f64;
        self.cells.push(Cell { size: size_at, rate: rate_at, n, n_reporting, n_psus, df, zero_share, ..cell });
    }

    /// Design effect of each cell's rate.
    pub(super) fn deffs(&self, survey: &Survey, totals: &[f64]) -> Result<Vec<f64>, Error> {
        let rates: Vec<Estimand> = self.cells.iter().map(|cell| self.question.estimands[cell.rate].clone()).collect();
        let question = Question { estimands: rates, ..self.question.clone() };
        let spreads = question.spreads(&crate::variance::Method::Taylor)?;
        let srs = |(cell, estimand): (&Cell, &Estimand)| -> Result<f64, Error> {
            let influence = influence(estimand, totals, &self.question.terms);
            let within = match &cell.level {
                Some(level) => Some(survey.labels(&level.column)?),
                None => None,
            };
            let code = cell.level.as_ref().and_then(|level| within?.names.iter().position(|name| *name == level.level));
            let ratio = &self.groups[cell.group];
            let is_in = |row: usize| {
                ratio.takes_part[row] && within.is_none_or(|labels| Some(labels.codes[row] as usize) == code)
            };
            Ok(srs_variance(&self.question.weights.full, &influence, is_in, survey.codebook.frame.weights))
        };
        let srs: Vec<f64> =
            self.cells.par_iter().zip(&question.estimands).map(srs).collect::<Result<Vec<f64>, Error>>()?;
        Ok(spreads.iter().zip(srs).map(|(spread, srs)| spread.variance / srs).collect())
    }

    /// Degrees of freedom that the variance of an estimand is worth.
    pub(super) fn worth(&self, estimand: &Estimand, totals: &[f64]) -> f64 {
        let influence = influence(estimand, totals, &self.question.terms);
        effective_df(self.question.design, &self.question.weights.weighted_residual(&influence))
    }

    /// How many respondents report anybody, for each cell.
    pub(super) fn reporting(&self) -> Vec<usize> {
        self.cells.iter().map(|cell| cell.n_reporting).collect()
    }

    /// Says where an estimate rests on a handful of places, and which factors are assumed.
    pub(super) fn warnings(&self, survey: &Survey) -> Vec<String> {
        let mut warnings = Vec::new();
        for (group, ratio) in self.groups.iter().enumerate() {
            let hidden = &survey.codebook.hidden[group];
            let (n_psus, _) = survey.design.df_within(|row| ratio.takes_part[row] && ratio.over[row] > 0.0);
            if n_psus < PSUS_WITH_REPORTS_MIN {
                warnings.push(format!("{}: reports come from {n_psus} PSUs only", hidden.column));
            }
        }
        warnings
    }
}

impl Cell {
    fn new(group: usize, level: Option<Level>) -> Cell {
        Cell { group, level, size: 0, rate: 0, n: 0, n_reporting: 0, n_psus: 0, df: 0, zero_share: 0.0 }
    }
}

/// A level of a domain, and its population where known.
struct Part<'a> {
    labels: &'a Labels,
    code: u32,
    known_size: Option<f64>,
}

fn estimand(scale: f64, over: &[usize], under: &[usize]) -> Estimand {
    Estimand { scale, over: over.to_vec(), under: under.to_vec() }
}

/// Variance that a simple random sample of as many rows would have.
///
/// `S² (Σw)² / n`, less the finite population correction when weights say how many people there are.
///
/// # Source
/// Kish 1965, *Survey Sampling*, §8.2; `deff` of `svymean` and `svytotal` in the R package survey 4.1.
pub(crate) fn srs_variance(weights: &[f64], influence: &[f64], is_in: impl Fn(usize) -> bool, kind: WeightKind) -> f64 {
    let rows: Vec<usize> = (0..weights.len()).filter(|&row| is_in(row)).collect();
    let n = rows.len() as f64;
    let people = sum(rows.iter().map(|&row| weights[row]));
    let mean = sum(rows.iter().map(|&row| weights[row] * influence[row])) / people;
    let squares = sum(rows.iter().map(|&row| weights[row] * (influence[row] - mean) * (influence[row] - mean)));
    let variance = squares / people * n / (n - 1.0) * people * people / n;
    match kind {
        WeightKind::Expansion if people > n => variance * (people - n) / people,
        WeightKind::Expansion | WeightKind::Relative => variance,
    }
}
