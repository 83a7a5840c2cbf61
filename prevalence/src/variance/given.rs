//! What do the replicate weights say that came with the survey?

use super::replicate::{self, Scales};
use super::{Question, Spread};
use crate::Error;
use crate::codebook::ReplicateKind;
use crate::survey::Survey;

/// Replicate weights that came with a survey.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// `[replicate][row]`, each a factor on the row's base weight.
    factors: Vec<Vec<f64>>,
    scales: Scales,
    is_bootstrap: bool,
}

impl Given {
    /// Takes the replicates that the codebook names out of the survey.
    ///
    /// # Errors
    /// [`Error::CodebookLacks`] without a `[replicates]` table; [`Error::NoReplicates`] when under two columns match;
    /// [`Error::CodebookValue`] when the number of rscales differs; [`Error::Empty`] for an empty cell.
    pub fn new(survey: &Survey) -> Result<Given, Error> {
        let columns = survey.codebook.replicates.as_ref();
        let columns = columns.ok_or(Error::CodebookLacks { key: "[replicates]", wanted_by: "--variance given" })?;
        let names: Vec<String> = columns.columns.iter().flat_map(|pattern| survey.matching(pattern)).collect();
        if names.len() < 2 {
            return Err(Error::NoReplicates { columns: columns.columns.join(", ") });
        }
        let each = if columns.rscales.is_empty() { vec![1.0; names.len()] } else { columns.rscales.clone() };
        if each.len() != names.len() {
            let (key, value) = ("replicates.rscales".to_owned(), format!("{} numbers", each.len()));
            return Err(Error::CodebookValue { key, value, expected: "one number for each replicate column" });
        }
        let factors = names.iter().map(|name| row_factors(survey, name, columns.kind)).collect::<Result<_, Error>>()?;
        let overall = columns.scale.unwrap_or(1.0 / (names.len() as f64 - 1.0));
        let is_bootstrap = columns.scale.is_none() && columns.rscales.is_empty();
        Ok(Given { factors, scales: Scales { overall, each }, is_bootstrap })
    }

    /// Number of replicates.
    pub fn n_replicates(&self) -> usize {
        self.factors.len()
    }

    /// Whether the scales are those of a bootstrap.
    pub fn is_bootstrap(&self) -> bool {
        self.is_bootstrap
    }

    pub(super) fn spreads(&self, question: &Question<'_>) -> Vec<Spread> {
        let fill = |at: usize, factors: &mut [f64]| factors.copy_from_slice(&self.factors[at]);
        let replicates = replicate::by_row_factors(question, self.factors.len(), fill);
        replicate::spreads(replicates, &self.scales)
    }
}

fn row_factors(survey: &Survey, name: &str, kind: ReplicateKind) -> Result<Vec<f64>, Error> {
    let numbers = survey.numbers(name)?;
    if let Some(row) = numbers.iter().position(|number| number.is_nan()) {
        return Err(Error::Empty { column: name.to_owned(), row: row + 1, role: "replicate weight" });
    }
    Ok(match kind {
        ReplicateKind::Factors => numbers.to_vec(),
        ReplicateKind::Weights => numbers.iter().zip(&survey.weights).map(|(own, weight)| own / weight).collect(),
    })
}
