//! Which transfers does a Parquet file hold?
//!
//! The same mapping as for CSV says which column is which field; columns it does not name are not decoded at all.
//! Batches pass one by one, so a file of 50 GB takes the memory of a page of each column.

use std::borrow::Cow;

use payments::error::{Field, Problem};
use payments::read::mapping::{Mapping, Source};
use payments::read::{Door, Entry, Fields};
use payments::{Error, PartyKey, Reject};

use crate::parquet::{Batch, Batches, Fault, ParquetFile};

/// Reads transfers row by row.
pub(super) struct ColumnReader {
    batches: Batches,
    door: Door,
    /// For each of [`Fields::NAMES`]; columns are numbered as they stand in a batch.
    sources: Vec<Source>,
    batch: Option<Batch>,
    next_row: usize,
    n_read: u64,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// The file itself.
    #[error(transparent)]
    File(#[from] Fault),
    /// The mapping, or what it wants of the file.
    #[error(transparent)]
    Mapping(#[from] Error),
}

impl ColumnReader {
    /// Finds the mapping's columns in the file.
    pub(super) fn new(file: ParquetFile, mapping: &Mapping, key: PartyKey) -> Result<ColumnReader, Unreadable> {
        let names = file.names().to_vec();
        let mut sources = mapping.sources(&names)?;
        let mut wanted: Vec<String> = Vec::new();
        for source in &mut sources {
            let Source::Column(column) = source else { continue };
            let name = &names[*column];
            *column = wanted.iter().position(|own| own == name).unwrap_or(wanted.len());
            if *column == wanted.len() {
                wanted.push(name.clone());
            }
        }
        let batches = file.batches(&wanted)?;
        Ok(ColumnReader { batches, door: mapping.door(key)?, sources, batch: None, next_row: 0, n_read: 0 })
    }

    fn entry(&self, batch: &Batch, row: usize) -> Entry {
        let line = self.n_read + 1;
        let mut cells: [Cow<'_, str>; 16] = Default::default();
        for ((cell, source), name) in cells.iter_mut().zip(&self.sources).zip(Fields::NAMES) {
            match source {
                Source::Absent => {}
                Source::Constant(text) => *cell = Cow::Borrowed(text),
                Source::Column(column) => match batch.columns[*column].text(row) {
                    Ok(text) => *cell = text.unwrap_or_default(),
                    Err(_) => {
                        return Entry::Reject(Reject { line, field: Field(name), problem: Problem::NotUtf8 });
                    }
                },
            }
        }
        self.door.admit(&Fields::from_values(std::array::from_fn(|place| &*cells[place])), line)
    }
}

impl Iterator for ColumnReader {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.batch.as_ref().is_none_or(|batch| self.next_row == batch.n_rows) {
            self.next_row = 0;
            self.batch = match self.batches.next()? {
                Ok(batch) => Some(batch),
                Err(fault) => {
                    return Some(Err(Error::Read { n_read: self.n_read, source: std::io::Error::other(fault) }));
                }
            };
        }
        let entry = self.entry(self.batch.as_ref()?, self.next_row);
        self.next_row += 1;
        self.n_read += 1;
        Some(Ok(entry))
    }
}
