//! How do rows become columns, from whatever file they come?

use std::collections::BTreeMap;
use std::io::Write;

use super::{COLUMNS_MAX, Column, Kind, Labels, ROWS_MAX, Table, Wanted};
use crate::Error;

/// One cell of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'r> {
    /// Nothing, by whatever sign the file has for it.
    Missing,
    /// A number. One that is not a number is a missing cell.
    Number(f64),
    /// Text; empty or `NA` is a missing cell.
    Text(&'r [u8]),
}

/// A table while its rows come in, from whatever file.
#[derive(Debug)]
pub struct Builder {
    cells: Vec<Growing>,
    n_rows: usize,
}

impl Builder {
    /// Looks for the wanted columns among the names of a file.
    ///
    /// # Errors
    /// [`Error::ColumnAbsent`], [`Error::ColumnTwice`], [`Error::TooLarge`].
    pub fn new(header: &[String], wanted: &[Wanted]) -> Result<Builder, Error> {
        if header.len() > COLUMNS_MAX {
            return Err(Error::TooLarge { what: "columns", limit: COLUMNS_MAX });
        }
        Ok(Builder { cells: find_columns(header, wanted)?, n_rows: 0 })
    }

    /// Places in the header that [`Builder::push_row`] will ask for.
    pub fn places(&self) -> Vec<usize> {
        self.cells.iter().map(|cell| cell.index).collect()
    }

    /// Rows taken so far.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Takes one row: `cell` gives what stands in a place of the header.
    ///
    /// # Errors
    /// [`Error::NotANumber`]; [`Error::TooLarge`] past [`ROWS_MAX`].
    pub fn push_row<'r>(&mut self, cell: impl Fn(usize) -> Cell<'r>) -> Result<(), Error> {
        self.n_rows += 1;
        if self.n_rows > ROWS_MAX {
            return Err(Error::TooLarge { what: "rows", limit: ROWS_MAX });
        }
        self.cells.iter_mut().try_for_each(|own| own.push(cell(own.index), self.n_rows))
    }

    /// The table.
    ///
    /// # Errors
    /// [`Error::NoRows`].
    pub fn finish(self) -> Result<Table, Error> {
        if self.n_rows == 0 {
            return Err(Error::NoRows);
        }
        Ok(Table { n_rows: self.n_rows, columns: self.cells.into_iter().map(Growing::finish).collect() })
    }
}

/// A column while it is being read.
#[derive(Debug)]
struct Growing {
    index: usize,
    name: String,
    kind: Kind,
    numbers: Vec<f64>,
    codes: Vec<u32>,
    code_of: BTreeMap<Vec<u8>, u32>,
    /// A number while it is turned into a label.
    digits: Vec<u8>,
}

impl Growing {
    fn push(&mut self, cell: Cell<'_>, row: usize) -> Result<(), Error> {
        match (self.kind, cell) {
            (Kind::Number, Cell::Missing) => self.numbers.push(f64::NAN),
            (Kind::Text, Cell::Missing) => self.codes.push(Labels::MISSING),
            (_, Cell::Number(value)) if value.is_nan() => return self.push(Cell::Missing, row),
            (_, Cell::Text(text)) if matches!(text.trim_ascii(), b"" | b"NA") => return self.push(Cell::Missing, row),
            (Kind::Number, Cell::Number(value)) if value.is_finite() => self.numbers.push(value + 0.0),
            (Kind::Number, Cell::Number(value)) => return Err(self.not_a_number(row, value.to_string())),
            (Kind::Number, Cell::Text(text)) => {
                let value = number(text.trim_ascii());
                let words = || String::from_utf8_lossy(text.trim_ascii()).chars().take(40).collect();
                self.numbers.push(value.ok_or_else(|| self.not_a_number(row, words()))?);
            }
            (Kind::Text, Cell::Text(text)) => self.codes.push(code(&mut self.code_of, text.trim_ascii())),
            (Kind::Text, Cell::Number(value)) => {
                self.digits.clear();
                // Writing to memory does not fail.
                let _ = write!(self.digits, "{}", value + 0.0);
                self.codes.push(code(&mut self.code_of, &self.digits));
            }
        }
        Ok(())
    }

    fn not_a_number(&self, row: usize, text: String) -> Error {
        Error::NotANumber { column: self.name.clone(), row, text }
    }

    fn finish(self) -> (String, Column) {
        let column = match self.kind {
            Kind::Number => Column::Number(self.numbers),
            Kind::Text => Column::Text(in_natural_order(self.codes, self.code_of)),
        };
        (self.name, column)
    }
}

fn code(code_of: &mut BTreeMap<Vec<u8>, u32>, text: &[u8]) -> u32 {
    let next = code_of.len() as u32;
    match code_of.get(text) {
        Some(&code) => code,
        None => *code_of.entry(text.to_vec()).or_insert(next),
    }
}

/// Reads a number; none of the words for infinity or not-a-number pass. Minus zero becomes zero.
fn number(cell: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(cell).ok()?.parse().ok()?;
    value.is_finite().then_some(value + 0.0)
}

/// Numbers the labels anew: by value when all are numbers, else by letters.
fn in_natural_order(codes: Vec<u32>, code_of: BTreeMap<Vec<u8>, u32>) -> Labels {
    let mut labels: Vec<(String, u32)> =
        code_of.into_iter().map(|(name, code)| (String::from_utf8_lossy(&name).into_owned(), code)).collect();
    let values: Option<Vec<f64>> = labels.iter().map(|(name, _)| number(name.as_bytes())).collect();
    if values.is_some() {
        let value = |name: &str| number(name.as_bytes()).unwrap_or(0.0);
        labels.sort_by(|a, b| value(&a.0).total_cmp(&value(&b.0)).then_with(|| a.0.cmp(&b.0)));
    } else {
        labels.sort();
    }
    let mut new_code = vec![0; labels.len()];
    for (new, (_, old)) in labels.iter().enumerate() {
        new_code[*old as usize] = new as u32;
    }
    let renumber = |code: u32| if code == Labels::MISSING { code } else { new_code[code as usize] };
    Labels {
        codes: codes.into_iter().map(renumber).collect(),
        names: labels.into_iter().map(|(name, _)| name).collect(),
    }
}

fn find_columns(header: &[String], wanted: &[Wanted]) -> Result<Vec<Growing>, Error> {
    let mut found: Vec<Growing> = Vec::new();
    for want in wanted {
        let prefix = want.name.strip_suffix('*');
        let matching: Vec<usize> = (0..header.len())
            .filter(|&i| prefix.map_or(header[i] == want.name, |prefix| header[i].starts_with(prefix)))
            .collect();
        if matching.is_empty() {
            return Err(Error::ColumnAbsent { column: want.name.clone() });
        }
        for index in matching {
            let name = &header[index];
            if header.iter().filter(|other| *other == name).count() > 1 {
                return Err(Error::ColumnTwice { column: name.clone() });
            }
            if found.iter().all(|own| own.index != index || own.kind != want.kind) {
                let (name, kind) = (name.clone(), want.kind);
                let (numbers, codes, code_of, digits) = Default::default();
                found.push(Growing { index, name, kind, numbers, codes, code_of, digits });
            }
        }
    }
    Ok(found)
}
