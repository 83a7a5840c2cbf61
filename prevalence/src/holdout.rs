//! Does the method find groups whose size we know?
//!
//! Each known group is taken for a hidden one in turn and scaled up from the others. The frame's size is always the
//! one in the codebook; it is never guessed from the sum of the weights.

use serde::Serialize;

use crate::Error;
use crate::calibrate::Weights;
use crate::degree::{self, KnownAnswers};
use crate::estimate::finite;
use crate::estimator::{Estimator, Ratio, size};
use crate::interval::{Interval, check_confidence};
use crate::survey::Survey;
use crate::variance::{Method, Question};

/// How well known sizes are found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HoldOuts {
    /// One row for each known group.
    pub groups: Vec<HoldOut>,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Average relative error.
    pub are: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Share of intervals that hold the known size.
    pub coverage: f64,
}

/// One known group, scaled up from the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HoldOut {
    /// Column of the group.
    pub known: String,
    /// Its known size.
    pub size: f64,
    /// Its estimated size.
    pub estimate: Option<f64>,
    /// Standard error by linearisation.
    pub se: Option<f64>,
    /// Lower end of the t interval.
    pub ci_low: Option<f64>,
    /// Upper end of the t interval.
    pub ci_high: Option<f64>,
    /// `|estimate - size| / size`.
    pub relative_error: Option<f64>,
}

/// Scales up each known group from the others.
///
/// # Errors
/// [`Error::CodebookLacks`] with fewer than two known groups; [`Error::Range`] for the confidence; [`Error::LonelyPsu`].
pub fn hold_outs(survey: &Survey, weights: &Weights<'_>, confidence: f64) -> Result<HoldOuts, Error> {
    check_confidence(confidence)?;
    let frame_size = survey.codebook.frame_size()?;
    if survey.known.len() < 2 {
        return Err(Error::CodebookLacks { key: "second [[known]]", wanted_by: "the hold-out check" });
    }
    let groups = (0..survey.known.len())
        .map(|held_out| hold_out(survey, weights, held_out, frame_size, confidence))
        .collect::<Result<Vec<HoldOut>, Error>>()?;
    let errors: Vec<(f64, f64)> =
        groups.iter().filter_map(|group| Some((group.estimate? - group.size, group.size))).collect();
    let n = errors.len() as f64;
    let is_covered = |group: &&HoldOut| {
        group.ci_low.is_some_and(|low| low <= group.size) && group.ci_high.is_some_and(|high| group.size <= high)
    };
    Ok(HoldOuts {
        rmse: (errors.iter().map(|(off, _)| off * off).sum::<f64>() / n).sqrt(),
        are: errors.iter().map(|(off, size)| off.abs() / size).sum::<f64>() / n,
        mae: errors.iter().map(|(off, _)| off.abs()).sum::<f64>() / n,
        coverage: groups.iter().filter(is_covered).count() as f64 / groups.len() as f64,
        groups,
    })
}

fn hold_out(
    survey: &Survey,
    weights: &Weights<'_>,
    held_out: usize,
    frame_size: f64,
    confidence: f64,
) -> Result<HoldOut, Error> {
    let group = &survey.codebook.known[held_out];
    let others: Vec<KnownAnswers<'_>> = (0..survey.known.len())
        .filter(|&other| other != held_out)
        .map(|other| KnownAnswers { counts: &survey.known[other], size: survey.codebook.known[other].size })
        .collect();
    let degrees = degree::by_known_groups(&others, frame_size, survey.codebook.answers.missing);
    // As for a hidden group, whoever did not answer about the group takes no part.
    let ratio = Ratio::new(Estimator::ScaleUp, &survey.known[held_out], &degrees);
    let terms = ratio.terms(None).to_vec();
    let question = Question { design: &survey.design, weights, terms, estimands: vec![size(frame_size)] };
    let (_, values) = question.values();
    let se = question.spreads(&Method::Taylor)?[0].variance.sqrt();
    let (_, df) = survey.design.df_within(|row| ratio.takes_part[row]);
    let interval = Interval::t(values[0], se, df as f64, confidence);
    Ok(HoldOut {
        known: group.column.clone(),
        size: group.size,
        estimate: finite(values[0]),
        se: finite(se),
        ci_low: finite(interval.low),
        ci_high: finite(interval.high),
        relative_error: finite((values[0] - group.size).abs() / group.size),
    })
}
