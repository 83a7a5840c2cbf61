//! Does a codebook make sense before any data are seen?

use std::collections::BTreeSet;

use super::{Codebook, DegreeMethod, Hidden, Known, Suppress};
use crate::Error;
use crate::prior::{Prior, Support};

/// Checks every value of a codebook that TOML alone cannot.
pub(super) fn check(codebook: &Codebook) -> Result<(), Error> {
    if let Some(size) = codebook.frame.size {
        positive("frame.size", size)?;
    }
    if !(0.0..=1.0).contains(&codebook.frame.weight_sum_tolerance) {
        return Err(value("frame.weight_sum_tolerance", codebook.frame.weight_sum_tolerance, "in 0..=1"));
    }
    if codebook.design.fpc.len() > 2 {
        return Err(value("design.fpc", codebook.design.fpc.len() as f64, "a list of at most 2 columns"));
    }
    if codebook.degree.method == DegreeMethod::Summation && codebook.degree.columns.is_empty() {
        return Err(Error::CodebookLacks { key: "degree.columns", wanted_by: "the summation method" });
    }
    if let Some(top) = codebook.answers.top_code {
        positive("answers.top_code", top)?;
    }
    for known in &codebook.known {
        check_known(known, codebook.frame.size)?;
    }
    for hidden in &codebook.hidden {
        check_hidden(hidden)?;
    }
    for domain in &codebook.domains {
        for (level, &size) in &domain.sizes {
            positive(&format!("domain {}.sizes.{level}", domain.column), size)?;
        }
    }
    check_columns_once(codebook)?;
    check_suppress(&codebook.suppress)
}

fn check_known(known: &Known, frame_size: Option<f64>) -> Result<(), Error> {
    let key = format!("known {}.size", known.column);
    positive(&key, known.size)?;
    match frame_size {
        Some(frame) if known.size > frame => Err(value(&key, known.size, "at most frame.size")),
        _ => Ok(()),
    }
}

fn check_hidden(hidden: &Hidden) -> Result<(), Error> {
    if let Some(top) = hidden.top_code {
        positive(&format!("hidden {}.top_code", hidden.column), top)?;
    }
    let adjust = &hidden.adjust;
    let named = [
        ("degree_ratio", &adjust.degree_ratio, Support::Positive),
        ("true_positive_rate", &adjust.true_positive_rate, Support::Share),
        ("frame_ratio", &adjust.frame_ratio, Support::Share),
        ("precision", &adjust.precision, Support::Share),
    ];
    for (name, prior, support) in &named {
        if let Some(prior) = prior {
            check_prior(&format!("hidden {}.adjust.{name}", hidden.column), prior, *support)?;
        }
    }
    match adjust.measured.iter().find(|word| named.iter().all(|(name, ..)| name != word)) {
        Some(word) => Err(Error::CodebookValue {
            key: format!("hidden {}.adjust.measured", hidden.column),
            value: word.clone(),
            expected: "degree_ratio, true_positive_rate, frame_ratio or precision",
        }),
        None => Ok(()),
    }
}

fn check_prior(key: &str, prior: &Prior, support: Support) -> Result<(), Error> {
    prior.check(support).map_err(|(number, expected)| value(key, number, expected))
}

/// A column is one group only: a known group that is also hidden would be scaled up by itself.
fn check_columns_once(codebook: &Codebook) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    let columns = codebook.known.iter().map(|known| &known.column).chain(codebook.hidden.iter().map(|h| &h.column));
    for column in columns {
        if !seen.insert(column) {
            return Err(Error::CodebookTwice { column: column.clone() });
        }
    }
    Ok(())
}

fn check_suppress(suppress: &Suppress) -> Result<(), Error> {
    if !(suppress.max_cv > 0.0 && suppress.max_cv.is_finite()) {
        return Err(value("suppress.max_cv", suppress.max_cv, "above 0"));
    }
    Ok(())
}

fn positive(key: &str, number: f64) -> Result<(), Error> {
    if number > 0.0 && number.is_finite() { Ok(()) } else { Err(value(key, number, "above 0")) }
}

fn value(key: &str, number: f64, expected: &'static str) -> Error {
    Error::CodebookValue { key: key.to_owned(), value: number.to_string(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Codebook::parse(&format!("[design]\n{text}")).unwrap_err().to_string()
    }

    #[test]
    fn a_known_group_of_size_zero_is_refused() {
        let message = refused("[[known]]\ncolumn = \"k\"\nsize = 0\n");
        assert_eq!(message, "the codebook sets known k.size to 0, but it must be above 0");
    }

    #[test]
    fn a_prior_outside_its_range_is_refused() {
        for prior in ["1.2", "-0.1", "{ triangular = [0.5, 0.4, 0.9] }", "{ beta = { mean = 0.5, sd = 0.6 } }"] {
            let message =
                refused(&format!("[[hidden]]\ncolumn = \"h\"\nadjust = {{ true_positive_rate = {prior} }}\n"));
            assert!(message.contains("hidden h.adjust.true_positive_rate"), "{message}");
        }
        assert!(refused("[[hidden]]\ncolumn = \"h\"\nadjust = { degree_ratio = 0 }\n").contains("above 0"));
    }

    #[test]
    fn a_group_cannot_be_known_and_hidden() {
        let message = refused("[[known]]\ncolumn = \"k\"\nsize = 5\n[[hidden]]\ncolumn = \"k\"\n");
        assert!(message.contains("column k twice"));
    }
}
