//! A survey after every check.
//!
//! [`Survey::new`] is the door: behind it weights are positive, answers are counts or missing, strata and PSUs nest,
//! and the rows stand in the one order in which everything is reckoned.

use crate::answer;
use crate::codebook::{Codebook, DegreeMethod, WeightKind};
use crate::degree::{self, KnownAnswers};
use crate::design::Design;
use crate::estimand::sum;
use crate::order;
use crate::table::{Kind, Labels, Table, Wanted};
use crate::{Error, codebook};

/// A survey after every check.
#[derive(Clone, Debug)]
pub struct Survey {
    /// What the columns mean.
    pub codebook: Codebook,
    /// How the sample was drawn.
    pub design: Design,
    /// Weight of each row, above 0.
    pub weights: Vec<f64>,
    /// Answers about the known groups, in the codebook's order.
    pub known: Vec<Vec<f64>>,
    /// Answers about the hidden groups, in the codebook's order.
    pub hidden: Vec<Vec<f64>>,
    /// Network size of each row, NaN where it cannot be had; empty when the codebook has no way to find it.
    pub degrees: Vec<f64>,
    /// What a reader of the results must be told about the data.
    pub remarks: Vec<String>,
    table: Table,
}

impl Survey {
    /// The columns that a codebook names, and how each is to be read; `numbers` and `labels` are wanted besides.
    pub fn wanted(codebook: &Codebook, numbers: &[String], labels: &[String]) -> Vec<Wanted> {
        let design = &codebook.design;
        let text = [&design.strata, &design.psu, &design.ssu].into_iter().flatten();
        let text = text.chain(codebook.domains.iter().map(|domain| &domain.column)).chain(labels);
        let number = design.weight.iter().chain(&design.fpc).chain(codebook.known.iter().map(|known| &known.column));
        let number = number.chain(codebook.hidden.iter().map(|hidden| &hidden.column)).chain(&codebook.degree.columns);
        let wanted = |kind| move |name: &String| Wanted { name: name.clone(), kind };
        let mut all: Vec<Wanted> =
            text.map(wanted(Kind::Text)).chain(number.chain(numbers).map(wanted(Kind::Number))).collect();
        let mut seen = Vec::new();
        all.retain(|want| {
            !seen.contains(want) && {
                seen.push(want.clone());
                true
            }
        });
        all
    }

    /// Checks the data against the codebook.
    ///
    /// # Errors
    /// Every variant of [`Error`] about data; the row in it counts from 1 below the header.
    pub fn new(codebook: Codebook, table: Table) -> Result<Survey, Error> {
        check_cells(&codebook, &table)?;
        let table = order::canonical(table, &codebook.design);
        let design = Design::new(&table, &codebook.design)?;
        let weights = match &codebook.design.weight {
            Some(column) => table.numbers(column)?.to_vec(),
            None => vec![1.0; table.n_rows()],
        };
        let mut remarks = Vec::new();
        check_frame(&codebook.frame, &weights, codebook.design.weight.is_some(), &mut remarks)?;
        let top_code = codebook.answers.top_code;
        let known =
            read_groups(&codebook, &table, codebook.known.iter().map(|known| (&known.column, top_code)), &mut remarks)?;
        let hidden = codebook.hidden.iter().map(|hidden| (&hidden.column, hidden.top_code));
        let hidden = read_groups(&codebook, &table, hidden, &mut remarks)?;
        let degrees = find_degrees(&codebook, &table, &known)?;
        remark_on_degrees(&degrees, &mut remarks);
        Ok(Survey { codebook, design, weights, known, hidden, degrees, remarks, table })
    }

    /// Sum of the weights.
    pub fn sum_weights(&self) -> f64 {
        sum(self.weights.iter().copied())
    }

    /// A further column of numbers, in canonical order.
    ///
    /// # Errors
    /// [`Error::ColumnAbsent`] when it was not read.
    pub fn numbers(&self, column: &str) -> Result<&[f64], Error> {
        self.table.numbers(column)
    }

    /// A column of labels, in canonical order.
    ///
    /// # Errors
    /// [`Error::ColumnAbsent`] when it was not read.
    pub fn labels(&self, column: &str) -> Result<&Labels, Error> {
        self.table.labels(column)
    }

    /// Names of the columns of numbers that match `pattern`, in the file's order; a trailing `*` matches any ending.
    pub fn matching(&self, pattern: &str) -> Vec<String> {
        let is_match = |name: &&str| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => *name == pattern,
        };
        self.table.names().filter(is_match).map(str::to_owned).collect()
    }
}

/// Checks single cells, while rows still have the numbers that the reader's file has.
fn check_cells(codebook: &Codebook, table: &Table) -> Result<(), Error> {
    let design = &codebook.design;
    let units = [(&design.strata, "stratum"), (&design.psu, "PSU"), (&design.ssu, "SSU")];
    for (column, role) in units.into_iter().filter_map(|(column, role)| Some((column.as_ref()?, role))) {
        if let Some(row) = table.labels(column)?.codes.iter().position(|&code| code == Labels::MISSING) {
            return Err(Error::Empty { column: column.clone(), row: row + 1, role });
        }
    }
    if let Some(column) = &design.weight {
        for (index, &value) in table.numbers(column)?.iter().enumerate() {
            if value.is_nan() {
                return Err(Error::Empty { column: column.clone(), row: index + 1, role: "weight" });
            }
            if value <= 0.0 {
                return Err(Error::Weight { column: column.clone(), row: index + 1, value });
            }
        }
    }
    for column in &design.fpc {
        if let Some(row) = table.numbers(column)?.iter().position(|value| value.is_nan()) {
            return Err(Error::Empty { column: column.clone(), row: row + 1, role: "population of units" });
        }
    }
    let groups = codebook.known.iter().map(|known| &known.column);
    for column in groups.chain(codebook.hidden.iter().map(|hidden| &hidden.column)).chain(&codebook.degree.columns) {
        answer::counts(column, table.numbers(column)?, &codebook.answers, None)?;
    }
    Ok(())
}

/// Refuses expansion weights that do not sum to the frame.
fn check_frame(
    frame: &codebook::Frame,
    weights: &[f64],
    has_weights: bool,
    remarks: &mut Vec<String>,
) -> Result<(), Error> {
    let (Some(frame_size), true, WeightKind::Expansion) = (frame.size, has_weights, frame.weights) else {
        return Ok(());
    };
    let sum_weights = sum(weights.iter().copied());
    let off = sum_weights / frame_size - 1.0;
    if off.abs() > frame.weight_sum_tolerance {
        return Err(Error::FrameWeights { sum_weights, frame_size, off_percent: off * 100.0 });
    }
    if off.abs() > 0.02 {
        remarks.push(format!("the weights sum to {sum_weights:.0}, {:+.1} % off the frame", off * 100.0));
    }
    Ok(())
}

fn read_groups<'a>(
    codebook: &Codebook,
    table: &Table,
    groups: impl Iterator<Item = (&'a String, Option<f64>)>,
    remarks: &mut Vec<String>,
) -> Result<Vec<Vec<f64>>, Error> {
    let mut all = Vec::new();
    for (column, top_code) in groups {
        let numbers = table.numbers(column)?;
        let counts = answer::counts(column, numbers, &codebook.answers, top_code)?;
        let n_missing = counts.iter().filter(|count| count.is_nan()).count();
        if n_missing == counts.len() {
            return Err(Error::NoAnswer { column: column.clone() });
        }
        if n_missing > 0 {
            remarks.push(format!("{column}: {n_missing} of {} answers are missing", counts.len()));
        }
        let n_top = top_code.map_or(0, |top| answer::n_top_coded(numbers, &codebook.answers, top));
        if n_top > 0 {
            remarks.push(format!("{column}: answers above the top code, which count as it: {n_top}"));
        }
        all.push(counts);
    }
    Ok(all)
}

fn find_degrees(codebook: &Codebook, table: &Table, known: &[Vec<f64>]) -> Result<Vec<f64>, Error> {
    let degrees = match (codebook.degree.method, codebook.frame.size) {
        (DegreeMethod::Known, Some(frame_size)) if !known.is_empty() => {
            let groups: Vec<KnownAnswers<'_>> = known
                .iter()
                .zip(&codebook.known)
                .map(|(counts, group)| KnownAnswers { counts, size: group.size })
                .collect();
            degree::by_known_groups(&groups, frame_size, codebook.answers.missing)
        }
        (DegreeMethod::Known, _) => return Ok(Vec::new()),
        (DegreeMethod::Summation, _) => {
            let columns = codebook.degree.columns.iter();
            let counts = columns.map(|name| answer::counts(name, table.numbers(name)?, &codebook.answers, None));
            degree::by_summation(&counts.collect::<Result<Vec<_>, Error>>()?, codebook.answers.missing)
        }
    };
    degree::refuse_empty(&degrees)?;
    Ok(degrees)
}

fn remark_on_degrees(degrees: &[f64], remarks: &mut Vec<String>) {
    let n_missing = degrees.iter().filter(|degree| degree.is_nan()).count();
    if n_missing > 0 {
        remarks.push(format!(
            "respondents without a network size because an answer is missing, who are left out: {n_missing}"
        ));
    }
    let n_zero = degrees.iter().filter(|degree| **degree == 0.0).count();
    if n_zero > 0 {
        remarks.push(format!("respondents who report nobody in any known group (network size 0): {n_zero}"));
    }
}
