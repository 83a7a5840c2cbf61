//! How many people in a group does each respondent know?

use crate::Error;
use crate::codebook::Answers;

/// Numbers that questionnaires use for "does not know" and "refused".
///
/// Source: the coding practice of household surveys (for example the DHS recode manual: 98 "don't know", 99 missing).
pub const SUSPECT_CODES: [u32; 5] = [97, 98, 99, 998, 999];

/// Answers about one group, one for each row: a count, or NaN where missing.
///
/// `numbers` is the column as read; `top_code` the largest answer that is believed.
///
/// # Errors
/// [`Error::NotACount`] for a negative number or a fraction; [`Error::SuspectCode`] for 97, 98, 99, 998 or 999 that
/// the codebook declares neither missing nor a true count: a top code would make a crowd of a refusal.
pub fn counts(column: &str, numbers: &[f64], answers: &Answers, top_code: Option<f64>) -> Result<Vec<f64>, Error> {
    let mut counts = Vec::with_capacity(numbers.len());
    for (index, &value) in numbers.iter().enumerate() {
        counts.push(if value.is_nan() || answers.missing_codes.contains(&value) {
            f64::NAN
        } else if value < 0.0 || value.fract() != 0.0 {
            return Err(Error::NotACount { column: column.to_owned(), row: index + 1, value });
        } else {
            value
        });
    }
    refuse_suspect_codes(column, &counts, answers)?;
    if let Some(top) = top_code {
        counts.iter_mut().for_each(|count| *count = if *count > top { top } else { *count });
    }
    Ok(counts)
}

/// How many answers lie above the top code.
pub fn n_top_coded(numbers: &[f64], answers: &Answers, top_code: f64) -> usize {
    numbers.iter().filter(|value| **value > top_code && !answers.missing_codes.contains(value)).count()
}

fn refuse_suspect_codes(column: &str, counts: &[f64], answers: &Answers) -> Result<(), Error> {
    for code in SUSPECT_CODES {
        let value = f64::from(code);
        let n_rows = counts.iter().filter(|count| **count == value).count();
        if n_rows > 0 && !answers.true_counts.contains(&value) {
            return Err(Error::SuspectCode { column: column.to_owned(), code, n_rows });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_code_is_never_a_count() {
        let answers = Answers { missing_codes: vec![98.0, 99.0], ..Answers::default() };
        let counts = counts("k", &[3.0, 99.0, f64::NAN, 40.0], &answers, Some(30.0)).unwrap();
        assert_eq!((counts[0], counts[3]), (3.0, 30.0));
        assert!(counts[1].is_nan() && counts[2].is_nan());
    }

    #[test]
    fn an_undeclared_99_is_refused_until_somebody_decides() {
        let error = counts("k", &[1.0, 99.0, 99.0], &Answers::default(), None).unwrap_err();
        assert_eq!(error, Error::SuspectCode { column: "k".into(), code: 99, n_rows: 2 });
        let answers = Answers { true_counts: vec![99.0], ..Answers::default() };
        assert_eq!(counts("k", &[99.0], &answers, None).unwrap(), [99.0]);
    }

    #[test]
    fn negative_and_broken_counts_are_refused() {
        for value in [-1.0, 1.5] {
            assert!(matches!(counts("k", &[value], &Answers::default(), None), Err(Error::NotACount { row: 1, .. })));
        }
    }
}
