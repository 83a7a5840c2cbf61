//! How many people does each respondent know?

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Error;
use crate::codebook::Missing;
use crate::estimand::sum;
use crate::survey::Survey;
use crate::table::Labels;

/// Answers about one group of known size.
#[derive(Clone, Copy, Debug)]
pub struct KnownAnswers<'a> {
    /// One count for each row, NaN where missing.
    pub counts: &'a [f64],
    /// How many people are in the group.
    pub size: f64,
}

/// Network size of each respondent from groups of known size; NaN where it cannot be had.
///
/// `d_i = N · Σ_k y_ik / Σ_k N_k`, over all groups (`drop`: NaN when one answer is missing; `zero`: missing counts as
/// nobody) or over the answered ones (`observed`).
///
/// # Source
/// Killworth et al. 1998, "Estimation of seroprevalence, rape, and homelessness in the United States using a social
/// network approach", eq. 2; `kp.degree.estimator` of the R package networkreporting.
pub fn by_known_groups(known: &[KnownAnswers<'_>], frame_size: f64, missing: Missing) -> Vec<f64> {
    let n_rows = known.first().map_or(0, |group| group.counts.len());
    let all: f64 = sum(known.iter().map(|group| group.size));
    (0..n_rows).map(|row| known_degree(known, row, frame_size, all, missing)).collect()
}

/// Network size of each respondent as the sum of answers; NaN where one of them is missing.
pub fn by_summation(columns: &[Vec<f64>], missing: Missing) -> Vec<f64> {
    let n_rows = columns.first().map_or(0, Vec::len);
    let answer = |value: f64| if value.is_nan() && missing == Missing::Zero { 0.0 } else { value };
    (0..n_rows).map(|row| columns.iter().map(|column| answer(column[row])).sum()).collect()
}

/// Checks that somebody knows somebody.
///
/// # Errors
/// [`Error::NoDegree`] when no network size is above zero.
pub fn refuse_empty(degrees: &[f64]) -> Result<(), Error> {
    if degrees.iter().any(|&degree| degree > 0.0) { Ok(()) } else { Err(Error::NoDegree) }
}

/// Network sizes in a part of the sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Level of each column, in the order asked.
    pub levels: Vec<String>,
    /// Respondents.
    pub n: usize,
    /// Sum of their weights.
    pub sum_weights: f64,
    /// Weighted number of people they report in the known groups.
    pub reports: f64,
    /// Weighted mean network size.
    pub mean_degree: f64,
}

/// Mean network size by the levels of `columns` crossed; of everybody when there is none.
///
/// Respondents without a network size, or without a level, are left out.
///
/// # Errors
/// [`Error::ColumnAbsent`] when a column was not read; [`Error::NoDegree`] when the codebook gives no network sizes.
///
/// # Source
/// `kp.estimator` of the R package networkreporting.
pub fn cells(survey: &Survey, columns: &[&str]) -> Result<Vec<Cell>, Error> {
    refuse_empty(&survey.degrees)?;
    let labels: Vec<&Labels> = columns.iter().map(|column| survey.labels(column)).collect::<Result<_, Error>>()?;
    let mut rows_of: BTreeMap<Vec<u32>, Vec<usize>> = BTreeMap::new();
    for row in (0..survey.design.n_rows()).filter(|&row| !survey.degrees[row].is_nan()) {
        let codes: Vec<u32> = labels.iter().map(|labels| labels.codes[row]).collect();
        if !codes.contains(&Labels::MISSING) {
            rows_of.entry(codes).or_default().push(row);
        }
    }
    let cell = |(codes, rows): (&Vec<u32>, &Vec<usize>)| {
        let weighted = |value: &dyn Fn(usize) -> f64| sum(rows.iter().map(|&row| survey.weights[row] * value(row)));
        let report =
            |row: usize| survey.known.iter().map(|counts| if counts[row].is_nan() { 0.0 } else { counts[row] }).sum();
        let sum_weights = weighted(&|_| 1.0);
        Cell {
            levels: codes.iter().zip(&labels).map(|(&code, labels)| labels.names[code as usize].clone()).collect(),
            n: rows.len(),
            sum_weights,
            reports: weighted(&report),
            mean_degree: weighted(&|row| survey.degrees[row]) / sum_weights,
        }
    };
    Ok(rows_of.iter().map(cell).collect())
}

fn known_degree(known: &[KnownAnswers<'_>], row: usize, frame_size: f64, all: f64, missing: Missing) -> f64 {
    let (mut reports, mut sizes, mut n_answered) = (0.0, 0.0, 0);
    for group in known {
        let count = group.counts[row];
        if !count.is_nan() {
            reports += count;
            sizes += group.size;
            n_answered += 1;
        }
    }
    match missing {
        _ if n_answered == known.len() => frame_size * reports / all,
        Missing::Zero => frame_size * reports / all,
        Missing::Observed if n_answered > 0 => frame_size * reports / sizes,
        Missing::Observed | Missing::Drop => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_answer_is_not_zero_unless_asked() {
        let (a, b) = ([2.0, f64::NAN], [1.0, 3.0]);
        let known = [KnownAnswers { counts: &a, size: 10.0 }, KnownAnswers { counts: &b, size: 20.0 }];
        let degrees = |missing| by_known_groups(&known, 300.0, missing);
        assert_eq!(degrees(Missing::Drop)[0], 30.0);
        assert!(degrees(Missing::Drop)[1].is_nan());
        assert_eq!(degrees(Missing::Zero)[1], 30.0);
        assert_eq!(degrees(Missing::Observed)[1], 45.0);
    }

    #[test]
    fn summation_adds_what_was_asked() {
        let degrees = by_summation(&[vec![1.0, 2.0], vec![5.0, f64::NAN]], Missing::Drop);
        assert_eq!(degrees[0], 6.0);
        assert!(degrees[1].is_nan());
    }

    #[test]
    fn nobody_knowing_anybody_is_an_error() {
        assert_eq!(refuse_empty(&[0.0, f64::NAN]), Err(Error::NoDegree));
    }
}
