//! What travels between machines?
//!
//! Of each transfer its [`Row`] and its number in the book's order: ten small columns. Parties, corridors and
//! countries are numbers in order of first appearance, and whose they are stays in the process that read the file.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrowPrimitiveType, AsArray, RecordBatch};
use datafusion::arrow::array::{Int64Array, UInt8Array, UInt16Array, UInt32Array};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt8Type, UInt16Type, UInt32Type};
use datafusion::error::{DataFusionError, Result};
use payments::Row;

/// Name of the column of row numbers.
pub const NUMBER: &str = "number";

/// Rows of a batch. Four times DataFusion's own number: a batch is parted among many machines.
pub const N_BATCH: usize = 1 << 15;

/// The columns of rows, none of them null.
pub static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let column = |name, form| Field::new(name, form, false);
    Arc::new(Schema::new(vec![
        column(NUMBER, DataType::UInt32),
        column("at_s", DataType::Int64),
        column("value_minor", DataType::Int64),
        column("sender", DataType::UInt32),
        column("beneficiary", DataType::UInt32),
        column("reverses", DataType::UInt32),
        column("corridor", DataType::UInt16),
        column("country", DataType::UInt16),
        column("marks", DataType::UInt16),
        column("channel", DataType::UInt8),
    ]))
});

/// Rows and their numbers in the whole book, in order of those. [`Row::reverses`] is a place among these rows.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Their numbers, ascending.
    pub numbers: Vec<u32>,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Rows {
    /// Brings together what came in batches, in whatever order; also gives where each row was, as batch and place.
    ///
    /// A row that came twice stays once: as it came first.
    ///
    /// # Errors
    /// When a column is missing or of another form, or a row takes back one that is not there.
    pub fn gather(batches: &[RecordBatch]) -> Result<(Rows, Vec<(u32, u32)>)> {
        let columns: Vec<Columns<'_>> = batches.iter().map(Columns::of).collect::<Result<_>>()?;
        let n_rows = batches.iter().map(RecordBatch::num_rows).sum();
        let mut order: Vec<u64> = Vec::with_capacity(n_rows);
        let mut places: Vec<(u32, u32)> = Vec::with_capacity(n_rows);
        for (batch, own) in (0..).zip(&columns) {
            for (place, &number) in (0..).zip(own.number) {
                order.push(u64::from(number) << 32 | places.len() as u64);
                places.push((batch, place));
            }
        }
        // Each batch, and what follows it from the same place, is in order already: a merge of few runs.
        order.sort();
        order.dedup_by_key(|key| *key >> 32);
        let numbers: Vec<u32> = order.iter().map(|key| (key >> 32) as u32).collect();
        let places: Vec<(u32, u32)> = order.iter().map(|key| places[*key as u32 as usize]).collect();
        let rows = places.iter().map(|&(batch, place)| columns[batch as usize].row(place as usize)).collect();
        Ok((Rows { numbers, rows }.placed()?, places))
    }

    /// What a row takes back is named by its number as yet, and by its place from here.
    fn placed(mut self) -> Result<Rows> {
        for row in self.rows.iter_mut().filter(|row| row.reverses != Row::NO_ROW) {
            let place = self.numbers.binary_search(&row.reverses).map_err(|_| {
                DataFusionError::Execution(format!("a row takes back row {}, which lies elsewhere", row.reverses))
            })?;
            row.reverses = place as u32;
        }
        Ok(self)
    }

    /// As one batch; what a row takes back is named by its number.
    ///
    /// # Errors
    /// None that these columns can have.
    pub fn batch(&self) -> Result<RecordBatch> {
        let rows = &self.rows;
        let number_of = |row: &Row| self.numbers.get(row.reverses as usize).copied().unwrap_or(Row::NO_ROW);
        Ok(RecordBatch::try_new(
            Arc::clone(&SCHEMA),
            vec![
                Arc::new(UInt32Array::from(self.numbers.clone())),
                Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.at_s))),
                Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.value_minor))),
                Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.sender))),
                Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.beneficiary))),
                Arc::new(UInt32Array::from_iter_values(rows.iter().map(number_of))),
                Arc::new(UInt16Array::from_iter_values(rows.iter().map(|row| row.corridor))),
                Arc::new(UInt16Array::from_iter_values(rows.iter().map(|row| row.country))),
                Arc::new(UInt16Array::from_iter_values(rows.iter().map(|row| row.marks))),
                Arc::new(UInt8Array::from_iter_values(rows.iter().map(|row| row.channel))),
            ],
        )?)
    }
}

/// The columns of a batch of rows.
pub struct Columns<'a> {
    /// Numbers in the whole book.
    pub number: &'a [u32],
    at_s: &'a [i64],
    value_minor: &'a [i64],
    sender: &'a [u32],
    beneficiary: &'a [u32],
    reverses: &'a [u32],
    corridor: &'a [u16],
    country: &'a [u16],
    marks: &'a [u16],
    channel: &'a [u8],
}

impl<'a> Columns<'a> {
    /// Finds them.
    ///
    /// # Errors
    /// When one is missing or of another form.
    pub fn of(batch: &'a RecordBatch) -> Result<Columns<'a>> {
        Ok(Columns {
            number: values::<UInt32Type>(batch, NUMBER)?,
            at_s: values::<Int64Type>(batch, "at_s")?,
            value_minor: values::<Int64Type>(batch, "value_minor")?,
            sender: values::<UInt32Type>(batch, "sender")?,
            beneficiary: values::<UInt32Type>(batch, "beneficiary")?,
            reverses: values::<UInt32Type>(batch, "reverses")?,
            corridor: values::<UInt16Type>(batch, "corridor")?,
            country: values::<UInt16Type>(batch, "country")?,
            marks: values::<UInt16Type>(batch, "marks")?,
            channel: values::<UInt8Type>(batch, "channel")?,
        })
    }

    /// One row; what it takes back is named by its number.
    pub fn row(&self, place: usize) -> Row {
        Row {
            at_s: self.at_s[place],
            value_minor: self.value_minor[place],
            sender: self.sender[place],
            beneficiary: self.beneficiary[place],
            reverses: self.reverses[place],
            corridor: self.corridor[place],
            country: self.country[place],
            marks: self.marks[place],
            channel: self.channel[place],
        }
    }
}

/// The numbers of a column by its name.
///
/// # Errors
/// When there is none, it is of another form, or has nulls.
pub fn values<'a, T: ArrowPrimitiveType>(batch: &'a RecordBatch, name: &str) -> Result<&'a [T::Native]> {
    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<T>());
    match column {
        Some(column) if column.null_count() == 0 => Ok(column.values()),
        _ => Err(DataFusionError::Execution(format!("column {name} is missing, has nulls or is no {}", T::DATA_TYPE))),
    }
}

/// A row for tests: a payment in scope of 15 units, one second after that of the party numbered before.
#[cfg(test)]
pub(crate) fn row(sender: u32, beneficiary: u32) -> Row {
    Row {
        at_s: i64::from(sender),
        value_minor: 1500,
        sender,
        beneficiary,
        reverses: Row::NO_ROW,
        corridor: 0,
        country: 0,
        marks: payments::book::mark::IN_SCOPE,
        channel: 0,
    }
}
