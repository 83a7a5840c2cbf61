//! How was the sample drawn?
//!
//! Strata hold primary units (PSUs), these hold secondary units (SSUs), these hold respondents. Rows come in canonical
//! order, so that every unit is one run of rows.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Error;
use crate::chance;
use crate::codebook::{DesignColumns, LonelyPsu};
use crate::table::{Labels, Table};

/// The design of a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    pub(crate) n_rows: usize,
    pub(crate) strata: Vec<Stratum>,
    pub(crate) psus: Vec<Psu>,
    pub(crate) ssus: Vec<Range<usize>>,
    pub(crate) lonely: LonelyPsu,
}

/// A stratum of the first stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Stratum {
    /// Its label, empty when the design has no strata.
    pub label: String,
    /// Key of its random numbers.
    pub(crate) key: u64,
    /// Its PSUs, a run of [`Design::psus`].
    pub(crate) psus: Range<usize>,
    /// PSUs in the population, where known.
    pub(crate) population: Option<f64>,
}

/// A primary sampling unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Psu {
    /// Its SSUs, a run of `Design::ssus`.
    pub(crate) ssus: Range<usize>,
    /// Its rows.
    pub(crate) rows: Range<usize>,
    /// SSUs in the PSU's population, where known.
    pub(crate) population: Option<f64>,
}

impl Stratum {
    /// Number of PSUs in the sample.
    pub fn n_psus(&self) -> usize {
        self.psus.len()
    }

    /// Share of the stratum's PSUs that is in the sample; 0 when the population is unknown.
    pub(crate) fn fraction(&self) -> f64 {
        self.population.map_or(0.0, |population| self.psus.len() as f64 / population)
    }

    /// Whether it has one PSU although the population has more.
    pub(crate) fn is_lonely(&self) -> bool {
        self.psus.len() == 1 && self.fraction() < 1.0
    }
}

impl Psu {
    /// Share of the PSU's SSUs that is in the sample; 1 when the population is unknown.
    pub(crate) fn fraction(&self) -> f64 {
        self.population.map_or(1.0, |population| self.ssus.len() as f64 / population)
    }
}

impl Design {
    /// Reads the design from a table whose rows are in canonical order.
    pub(crate) fn new(table: &Table, columns: &DesignColumns) -> Result<Design, Error> {
        let n_rows = table.n_rows();
        let label = |name: &Option<String>| name.as_deref().map(|name| table.labels(name)).transpose();
        let (strata, psu, ssu) = (label(&columns.strata)?, label(&columns.psu)?, label(&columns.ssu)?);
        if let (Some(strata), Some(psu), false) = (strata, psu, columns.psu_nested) {
            refuse_reused_psus(strata, psu)?;
        }
        let populations: Vec<(&str, &[f64])> = columns
            .fpc
            .iter()
            .map(|name| table.numbers(name).map(|numbers| (name.as_str(), numbers)))
            .collect::<Result<_, Error>>()?;
        let mut design = Design { n_rows, strata: vec![], psus: vec![], ssus: vec![], lonely: columns.lonely_psu };
        for rows in runs(0..n_rows, strata) {
            let first_psu = design.psus.len();
            for psu_rows in units(rows.clone(), psu) {
                let first_ssu = design.ssus.len();
                design.ssus.extend(units(psu_rows.clone(), ssu));
                let ssus = first_ssu..design.ssus.len();
                let population = population(populations.get(1), &psu_rows, ssus.len(), "a PSU")?;
                design.psus.push(Psu { ssus, rows: psu_rows, population });
            }
            let psus = first_psu..design.psus.len();
            let label = strata.map_or("", |labels| &labels.names[labels.codes[rows.start] as usize]);
            let population = population(populations.first(), &rows, psus.len(), &format!("stratum {label}"))?;
            design.strata.push(Stratum { label: label.to_owned(), key: chance::key(label), psus, population });
        }
        Ok(design)
    }

    /// A design given by the number of rows of each PSU of each stratum, for simulated surveys; sampled with replacement.
    ///
    /// # Errors
    /// [`Error::NoRows`] when there is no row.
    pub fn from_sizes(rows_by_psu_by_stratum: &[Vec<usize>], lonely: LonelyPsu) -> Result<Design, Error> {
        let mut design = Design { n_rows: 0, strata: vec![], psus: vec![], ssus: vec![], lonely };
        for (index, sizes) in rows_by_psu_by_stratum.iter().enumerate() {
            let first_psu = design.psus.len();
            for &n_rows in sizes.iter().filter(|&&n_rows| n_rows > 0) {
                let rows = design.n_rows..design.n_rows + n_rows;
                let first_ssu = design.ssus.len();
                design.ssus.extend(rows.clone().map(|row| row..row + 1));
                design.psus.push(Psu { ssus: first_ssu..design.ssus.len(), rows: rows.clone(), population: None });
                design.n_rows = rows.end;
            }
            let (label, psus) = (index.to_string(), first_psu..design.psus.len());
            if !psus.is_empty() {
                design.strata.push(Stratum { key: chance::key(&label), label, psus, population: None });
            }
        }
        if design.n_rows == 0 { Err(Error::NoRows) } else { Ok(design) }
    }

    /// Number of respondents.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of primary units.
    pub fn n_psus(&self) -> usize {
        self.psus.len()
    }

    /// Number of secondary units; as many as respondents when there is no such stage.
    pub fn n_ssus(&self) -> usize {
        self.ssus.len()
    }

    /// The strata, in natural order of their labels.
    pub fn strata(&self) -> &[Stratum] {
        &self.strata
    }

    /// PSUs less strata: the degrees of freedom of every variance.
    pub fn df(&self) -> usize {
        self.psus.len() - self.strata.len()
    }

    /// PSU of each row, counted from 0 in canonical order.
    pub fn psu_of_row(&self) -> Vec<u32> {
        let mut psu_of_row = vec![0; self.n_rows];
        for (index, psu) in self.psus.iter().enumerate() {
            psu_of_row[psu.rows.clone()].fill(index as u32);
        }
        psu_of_row
    }

    /// The same sample as if PSUs had been drawn with replacement: no finite population corrections.
    pub fn with_replacement(mut self) -> Design {
        self.strata.iter_mut().for_each(|stratum| stratum.population = None);
        self.psus.iter_mut().for_each(|psu| psu.population = None);
        self
    }

    /// Another rule for strata with one PSU.
    pub fn with_lonely_psu(self, lonely: LonelyPsu) -> Design {
        Design { lonely, ..self }
    }

    /// Degrees of freedom within the rows that `is_in` picks: PSUs less strata that have such a row.
    ///
    /// Also gives the number of those PSUs.
    pub fn df_within(&self, is_in: impl Fn(usize) -> bool) -> (usize, usize) {
        let (mut n_psus, mut n_strata) = (0, 0);
        for stratum in &self.strata {
            let within = self.psus[stratum.psus.clone()].iter().filter(|psu| psu.rows.clone().any(&is_in)).count();
            n_psus += within;
            n_strata += usize::from(within > 0);
        }
        (n_psus, n_psus - n_strata)
    }

    /// Refuses strata with one PSU when the rule says so.
    pub(crate) fn refuse_lonely(&self) -> Result<(), Error> {
        let mut lonely = self.strata.iter().filter(|stratum| stratum.is_lonely());
        match (self.lonely, lonely.next()) {
            (LonelyPsu::Fail, Some(stratum)) => {
                Err(Error::LonelyPsu { stratum: stratum.label.clone(), n_strata: 1 + lonely.count() })
            }
            _ => Ok(()),
        }
    }
}

/// Runs of rows with one label; without labels all rows are one run.
fn runs(rows: Range<usize>, labels: Option<&Labels>) -> Vec<Range<usize>> {
    let Some(labels) = labels else { return vec![rows] };
    let start = rows.start;
    let run = |part: &[u32], at: &mut usize| {
        let run = *at..*at + part.len();
        *at = run.end;
        run
    };
    labels.codes[rows].chunk_by(|a, b| a == b).scan(start, |at, part| Some(run(part, at))).collect()
}

/// Runs of rows with one label; without labels every row is a unit of its own.
fn units(rows: Range<usize>, labels: Option<&Labels>) -> Vec<Range<usize>> {
    match labels {
        Some(_) => runs(rows, labels),
        None => rows.map(|row| row..row + 1).collect(),
    }
}

fn refuse_reused_psus(strata: &Labels, psu: &Labels) -> Result<(), Error> {
    let mut stratum_of: BTreeMap<u32, u32> = BTreeMap::new();
    for (&stratum, &code) in strata.codes.iter().zip(&psu.codes) {
        let first = *stratum_of.entry(code).or_insert(stratum);
        if first != stratum {
            return Err(Error::PsuInTwoStrata {
                psu: psu.names[code as usize].clone(),
                stratum_a: strata.names[first as usize].clone(),
                stratum_b: strata.names[stratum as usize].clone(),
            });
        }
    }
    Ok(())
}

/// The population of units behind `rows`, which must be one number, not below the sample.
fn population(
    column: Option<&(&str, &[f64])>,
    rows: &Range<usize>,
    n_sampled: usize,
    unit: &str,
) -> Result<Option<f64>, Error> {
    let Some((name, numbers)) = column else { return Ok(None) };
    let population = numbers[rows.start];
    let is_one = numbers[rows.clone()].iter().all(|&other| other == population);
    if is_one && population >= n_sampled as f64 {
        return Ok(Some(population));
    }
    let wrong = numbers[rows.clone()].iter().copied().find(|&other| other != population).unwrap_or(population);
    Err(Error::Fpc { column: (*name).to_owned(), unit: unit.to_owned(), n_sampled, population: wrong })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_become_strata_psus_and_rows() {
        let design = Design::from_sizes(&[vec![2, 3], vec![1, 1, 4]], LonelyPsu::Fail).unwrap();
        assert_eq!((design.n_rows(), design.n_psus(), design.df()), (11, 5, 3));
        assert_eq!(design.psu_of_row(), [0, 0, 1, 1, 1, 2, 3, 4, 4, 4, 4]);
        assert_eq!(design.df_within(|row| row < 6), (3, 1));
    }

    #[test]
    fn a_stratum_with_one_psu_is_lonely_unless_it_is_a_census() {
        let design = Design::from_sizes(&[vec![2], vec![1, 1]], LonelyPsu::Fail).unwrap();
        assert_eq!(design.refuse_lonely(), Err(Error::LonelyPsu { stratum: "0".into(), n_strata: 1 }));
        let mut census = design;
        census.strata[0].population = Some(1.0);
        assert_eq!(census.refuse_lonely(), Ok(()));
    }
}
