//! What stands in the survey file?
//!
//! Only the columns that somebody asks for are kept. Text is interned, so that ten million rows of it stay small;
//! labels are numbered in one natural order, whatever the order of the rows.

use std::collections::BTreeMap;

#[cfg(any(feature = "spss", feature = "stata"))]
mod bytes;
mod csv;
mod grow;
#[cfg(feature = "spss")]
mod spss;
#[cfg(feature = "stata")]
mod stata;

use crate::Error;
pub use grow::{Builder, Cell};

/// Most rows that are accepted.
pub const ROWS_MAX: usize = 100_000_000;
/// Most columns that are accepted.
pub const COLUMNS_MAX: usize = 20_000;
/// Longest row that is accepted, in bytes.
pub const ROW_BYTES_MAX: usize = 1 << 20;

/// Columns of a survey file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    n_rows: usize,
    columns: Vec<(String, Column)>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numbers; NaN where the cell is empty or `NA`.
    Number(Vec<f64>),
    /// Labels.
    Text(Labels),
}

/// Interned labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// For each row the index into `names`, or [`Labels::MISSING`].
    pub codes: Vec<u32>,
    /// Each label once: by value when all are numbers, else by letters.
    pub names: Vec<String>,
}

impl Labels {
    /// Code of an empty or `NA` cell.
    pub const MISSING: u32 = u32::MAX;
}

/// A column that is wanted, and how it is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Name in the header; a trailing `*` matches any ending.
    pub name: String,
    /// As numbers or as labels.
    pub kind: Kind,
}

/// How a column is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every cell is a number, empty or `NA`.
    Number,
    /// Cells are labels.
    Text,
}

impl Table {
    /// A table of columns of equal length, for callers that hold the data already.
    ///
    /// # Errors
    /// [`Error::NoRows`] when there is none; [`Error::Csv`] when lengths differ; [`Error::ColumnTwice`].
    pub fn from_columns(columns: Vec<(String, Column)>) -> Result<Table, Error> {
        let n_rows = columns.first().map_or(0, |(_, column)| column.len());
        if n_rows == 0 {
            return Err(Error::NoRows);
        }
        for (at, (name, column)) in columns.iter().enumerate() {
            if column.len() != n_rows {
                return Err(Error::Csv { message: format!("column {name} has {} cells, not {n_rows}", column.len()) });
            }
            if columns[..at].iter().any(|(other, _)| other == name) {
                return Err(Error::ColumnTwice { column: name.clone() });
            }
        }
        Ok(Table { n_rows, columns })
    }

    /// Number of rows, at least 1.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Names of the columns, in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// All columns, in the file's order.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &(String, Column)> {
        self.columns.iter()
    }

    /// A column of numbers.
    ///
    /// # Errors
    /// [`Error::ColumnAbsent`] when it is not there or was read as text.
    pub fn numbers(&self, name: &str) -> Result<&[f64], Error> {
        match self.columns.iter().find(|(own, column)| own == name && matches!(column, Column::Number(_))) {
            Some((_, Column::Number(numbers))) => Ok(numbers),
            _ => Err(Error::ColumnAbsent { column: name.to_owned() }),
        }
    }

    /// A column of labels.
    ///
    /// # Errors
    /// [`Error::ColumnAbsent`] when it is not there or was read as numbers.
    pub fn labels(&self, name: &str) -> Result<&Labels, Error> {
        match self.columns.iter().find(|(own, column)| own == name && matches!(column, Column::Text(_))) {
            Some((_, Column::Text(labels))) => Ok(labels),
            _ => Err(Error::ColumnAbsent { column: name.to_owned() }),
        }
    }

    /// Adds the numbers of `other`, looked up by the labels of column `key`, which both tables have.
    ///
    /// # Errors
    /// [`Error::NoPartner`] when a row's label is absent from `other`; [`Error::PartnerTwice`] when `other` has one
    /// twice; [`Error::ColumnTwice`] when a column is in both.
    pub fn join(mut self, key: &str, other: &Table) -> Result<Table, Error> {
        let row_of_own_code = partner_rows(self.labels(key)?, other.labels(key)?, key)?;
        let codes = self.labels(key)?.codes.clone();
        for (name, column) in &other.columns {
            let Column::Number(numbers) = column else { continue };
            if self.names().any(|own| own == name) {
                return Err(Error::ColumnTwice { column: name.clone() });
            }
            let joined = codes.iter().map(|&code| numbers[row_of_own_code[code as usize]]).collect();
            self.columns.push((name.clone(), Column::Number(joined)));
        }
        Ok(self)
    }

    /// The same rows in another order: row `i` of the result is row `order[i]` of `self`.
    pub(crate) fn reordered(self, order: &[u32]) -> Table {
        let pick = |column: Column| match column {
            Column::Number(numbers) => Column::Number(order.iter().map(|&row| numbers[row as usize]).collect()),
            Column::Text(Labels { codes, names }) => {
                Column::Text(Labels { codes: order.iter().map(|&row| codes[row as usize]).collect(), names })
            }
        };
        Table { n_rows: self.n_rows, columns: self.columns.into_iter().map(|(name, c)| (name, pick(c))).collect() }
    }
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Column::Number(numbers) => numbers.len(),
            Column::Text(labels) => labels.codes.len(),
        }
    }
}

fn partner_rows(own: &Labels, other: &Labels, key: &str) -> Result<Vec<usize>, Error> {
    let mut row_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (row, &code) in other.codes.iter().enumerate() {
        if code == Labels::MISSING {
            continue;
        }
        let name = &other.names[code as usize];
        if row_of.insert(name, row).is_some() {
            return Err(Error::PartnerTwice { key: key.to_owned(), value: name.clone() });
        }
    }
    if let Some(row) = own.codes.iter().position(|&code| code == Labels::MISSING) {
        return Err(Error::Empty { column: key.to_owned(), row: row + 1, role: "label to join by" });
    }
    let lookup = |name: &String| {
        row_of.get(name.as_str()).copied().ok_or(Error::NoPartner { key: key.to_owned(), value: name.clone() })
    };
    own.names.iter().map(lookup).collect()
}
