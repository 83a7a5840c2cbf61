//! Which estimators turn answers into the size of a hidden group?
//!
//! All are ratios of weighted sums, see [`crate::estimand`].

use std::borrow::Cow;

use serde::Serialize;

use crate::Error;
use crate::degree::{self, KnownAnswers};
use crate::estimand::{Estimand, Term, Within};
use crate::survey::Survey;

/// An estimator of the size of a hidden group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// Basic scale-up, the ratio of sums: `N · Σ w y / Σ w d`.
    ///
    /// Source: Killworth et al. 1998, eq. 3.
    #[default]
    ScaleUp,
    /// Mean of ratios: `N · Σ w (y / d) / Σ w` over respondents with `d > 0`.
    ///
    /// Source: Killworth et al. 1998b, "A social network approach to estimating seroprevalence", called PIMLE by Habecker et al. 2015.
    Pimle,
    /// Mean of sums: as `Pimle`, but each respondent's network is the *mean over known groups* of `N y_k / N_k`.
    ///
    /// Source: Habecker, Dombrowski and Khan 2015, "Improving the network scale-up estimator", eq. 4.
    MeanOfSums,
}

/// The sums that one estimate of one group needs.
#[derive(Clone, Debug)]
pub struct Ratio<'a> {
    /// Value of each row in the numerator; 0 where the row does not take part.
    pub over: Cow<'a, [f64]>,
    /// Value of each row in the denominator; 0 where the row does not take part.
    pub under: Cow<'a, [f64]>,
    /// Whether the row takes part.
    pub takes_part: Vec<bool>,
}

impl<'a> Ratio<'a> {
    /// The ratio for answers `counts` (NaN where missing), given network sizes (NaN where unknown).
    pub fn new(estimator: Estimator, counts: &'a [f64], degrees: &'a [f64]) -> Ratio<'a> {
        let is_mean = estimator != Estimator::ScaleUp;
        let takes_part: Vec<bool> = counts
            .iter()
            .zip(degrees)
            .map(|(count, &degree)| !count.is_nan() && !degree.is_nan() && (!is_mean || degree > 0.0))
            .collect();
        if !is_mean && takes_part.iter().all(|&own| own) {
            return Ratio { over: counts.into(), under: degrees.into(), takes_part };
        }
        let pick = |value: fn(f64, f64) -> f64| -> Vec<f64> {
            let rows = takes_part.iter().zip(counts).zip(degrees);
            rows.map(|((&own, &count), &degree)| if own { value(count, degree) } else { 0.0 }).collect()
        };
        let (over, under) = if is_mean {
            (pick(|count, degree| count / degree), pick(|_, _| 1.0))
        } else {
            (pick(|count, _| count), pick(|_, degree| degree))
        };
        Ratio { over: over.into(), under: under.into(), takes_part }
    }

    /// The two terms, within a domain or everywhere.
    pub fn terms<'t>(&'t self, within: Option<Within<'t>>) -> [Term<'t>; 2] {
        [&self.over, &self.under].map(|value| Term { value: Cow::Borrowed(value), within })
    }
}

/// Network sizes as the estimator wants them.
///
/// # Errors
/// [`Error::CodebookLacks`] when the codebook has no way to find them.
pub fn degrees(survey: &Survey, estimator: Estimator) -> Result<Cow<'_, [f64]>, Error> {
    if survey.degrees.is_empty() {
        return Err(Error::CodebookLacks { key: "[[known]] with frame.size", wanted_by: "a scale-up estimate" });
    }
    if estimator != Estimator::MeanOfSums {
        return Ok(Cow::Borrowed(&survey.degrees));
    }
    if survey.known.is_empty() {
        return Err(Error::CodebookLacks { key: "[[known]]", wanted_by: "the mean of sums" });
    }
    let frame_size = survey.codebook.frame_size()?;
    let missing = survey.codebook.answers.missing;
    let each = survey.known.iter().zip(&survey.codebook.known);
    let each: Vec<Vec<f64>> = each
        .map(|(counts, group)| {
            degree::by_known_groups(&[KnownAnswers { counts, size: group.size }], frame_size, missing)
        })
        .collect();
    let mean = |row: usize| each.iter().map(|own| own[row]).sum::<f64>() / each.len() as f64;
    Ok((0..survey.design.n_rows()).map(mean).collect())
}

/// A size from terms 0 and 1: `scale · T0 / T1`.
pub fn size(scale: f64) -> Estimand {
    Estimand { scale, over: vec![0], under: vec![1] }
}

/// Killworth's standard error of a basic scale-up estimate: `sqrt(N_h (N - N_h) / Σ d)`.
///
/// It knows neither clusters nor overdispersion: on the example survey of networkreporting it is 3.4 times too small.
/// Print it only beside a design-based one.
///
/// # Source
/// Killworth et al. 1998, eq. 5; `killworth.se` of the R package networkreporting.
pub fn killworth_se(size: f64, frame_size: f64, sum_degrees: f64) -> f64 {
    (size * (frame_size - size) / sum_degrees).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_degrees_count_in_the_ratio_and_not_in_the_mean() {
        let (counts, degrees) = ([1.0, 0.0, 2.0], [10.0, 0.0, f64::NAN]);
        let ratio = Ratio::new(Estimator::ScaleUp, &counts, &degrees);
        assert_eq!(ratio.takes_part, [true, true, false]);
        let mean = Ratio::new(Estimator::Pimle, &counts, &degrees);
        assert_eq!((mean.takes_part, mean.over.to_vec()), (vec![true, false, false], vec![0.1, 0.0, 0.0]));
    }
}
