//! Which answers does a model see?
//!
//! Rows with a missing answer about any group are left out and counted: a missing answer is not a zero.

use crate::Error;
use crate::survey::Survey;

pub use super::rising::Report;

/// Answers of all rows on all groups, zeros left out. Known groups come first.
#[derive(Clone, Debug, PartialEq)]
pub struct Reports {
    pub(super) n_rows: usize,
    /// `[group]`, rising by row.
    pub(super) groups: Vec<Vec<Report>>,
    /// Column of each group.
    pub names: Vec<String>,
    /// Size of each known group.
    pub known_sizes: Vec<f64>,
    /// Sum of answers of each row, over the known groups.
    pub(super) row_sums: Vec<f64>,
    /// Sum of answers of each group.
    pub(super) group_sums: Vec<f64>,
}

/// The rows of a survey that a model sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Their answers.
    pub reports: Reports,
    /// Row in the survey of each row that is seen.
    pub rows: Vec<usize>,
    /// Rows left out because an answer is missing.
    pub n_left_out: usize,
}

impl Reports {
    /// Answers `[group][row]`, the first groups being those with `known_sizes`.
    ///
    /// # Errors
    /// [`Error::CodebookLacks`] without a known group; [`Error::NoRows`] without rows; [`Error::NoDegree`] when nobody
    /// reports anybody in a known group.
    pub fn new(names: Vec<String>, counts: &[Vec<u32>], known_sizes: &[f64]) -> Result<Reports, Error> {
        let n_rows = counts.first().map_or(0, Vec::len);
        if known_sizes.is_empty() || known_sizes.len() > counts.len() {
            return Err(Error::CodebookLacks { key: "[[known]]", wanted_by: "a Bayesian model" });
        }
        if n_rows == 0 {
            return Err(Error::NoRows);
        }
        let sparse = |column: &Vec<u32>| {
            let reports = column.iter().enumerate().filter(|(_, count)| **count > 0);
            reports.map(|(row, &count)| Report { row: row as u32, count }).collect()
        };
        let sum = |column: &Vec<u32>| column.iter().map(|&count| f64::from(count)).sum::<f64>();
        let known = &counts[..known_sizes.len()];
        let row_sums: Vec<f64> =
            (0..n_rows).map(|row| known.iter().map(|column| f64::from(column[row])).sum()).collect();
        if row_sums.iter().all(|&sum| sum == 0.0) {
            return Err(Error::NoDegree);
        }
        Ok(Reports {
            n_rows,
            groups: counts.iter().map(sparse).collect(),
            names,
            known_sizes: known_sizes.to_vec(),
            row_sums,
            group_sums: counts.iter().map(sum).collect(),
        })
    }

    /// Number of respondents.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of groups, known and hidden.
    pub fn n_groups(&self) -> usize {
        self.groups.len()
    }

    /// Number of known groups.
    pub fn n_known(&self) -> usize {
        self.known_sizes.len()
    }

    /// Size of each group, given the logarithms of the mean counts: those of the known groups sum to what is known.
    ///
    /// # Source
    /// Zheng, Salganik and Gelman 2006, §4.2: the scale that the model leaves open is set by the groups of known size.
    pub(super) fn sizes(&self, levels: &[f64]) -> Vec<f64> {
        let known: f64 = self.known_sizes.iter().sum();
        let counted: f64 = levels[..self.n_known()].iter().map(|level| level.exp()).sum();
        levels.iter().map(|level| level.exp() * known / counted).collect()
    }

    /// Logarithm of each group's mean count, as a start.
    pub(super) fn levels(&self) -> Vec<f64> {
        self.group_sums.iter().map(|sum| ((sum + 0.5) / self.n_rows as f64).ln()).collect()
    }

    /// Logarithm of each row's network over the mean, as a start.
    pub(super) fn networks(&self) -> Vec<f64> {
        let mean = self.row_sums.iter().sum::<f64>() / self.n_rows as f64;
        // Pulled towards the mean as if everybody had been asked about one more average group.
        let logs: Vec<f64> = self.row_sums.iter().map(|sum| ((sum + 0.5 * mean) / (1.5 * mean)).ln()).collect();
        let middle = logs.iter().sum::<f64>() / self.n_rows as f64;
        logs.iter().map(|log| log - middle).collect()
    }
}

impl Seen {
    /// The answers of a survey about its known groups and the hidden groups `hidden`, by their place in the codebook.
    ///
    /// # Errors
    /// As [`Reports::new`].
    pub fn new(survey: &Survey, hidden: &[usize]) -> Result<Seen, Error> {
        let columns: Vec<&Vec<f64>> = survey.known.iter().chain(hidden.iter().map(|&at| &survey.hidden[at])).collect();
        let is_whole = |row: &usize| columns.iter().all(|column| !column[*row].is_nan());
        let rows: Vec<usize> = (0..survey.design.n_rows()).filter(is_whole).collect();
        let counts: Vec<Vec<u32>> =
            columns.iter().map(|column| rows.iter().map(|&row| column[row] as u32).collect()).collect();
        let known = survey.codebook.known.iter();
        let names = known.clone().map(|group| group.column.clone());
        let names = names.chain(hidden.iter().map(|&at| survey.codebook.hidden[at].column.clone())).collect();
        let sizes: Vec<f64> = known.map(|group| group.size).collect();
        let n_left_out = survey.design.n_rows() - rows.len();
        Ok(Seen { reports: Reports::new(names, &counts, &sizes)?, rows, n_left_out })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_scaled_by_the_known_groups() {
        let names = ["a", "b", "h"].map(String::from).to_vec();
        let reports = Reports::new(names, &[vec![1, 0], vec![2, 3], vec![0, 1]], &[10.0, 50.0]).unwrap();
        let sizes = reports.sizes(&[0.5f64.ln(), 2.5f64.ln(), 0.5f64.ln()]);
        assert!(sizes.iter().zip([10.0, 50.0, 10.0]).all(|(own, wanted)| (own - wanted).abs() < 1e-9), "{sizes:?}");
        assert_eq!(reports.groups[1], [Report { row: 0, count: 2 }, Report { row: 1, count: 3 }]);
    }

    #[test]
    fn nobody_reported_is_refused() {
        let names = ["a"].map(String::from).to_vec();
        assert_eq!(Reports::new(names.clone(), &[vec![0, 0]], &[10.0]), Err(Error::NoDegree));
        assert!(matches!(Reports::new(names, &[vec![0, 0]], &[]), Err(Error::CodebookLacks { .. })));
    }
}
