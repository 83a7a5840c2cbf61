//! What travels between machines?
//!
//! Of each transfer its [`Row`] and its number in the book's order: eleven small columns. Parties, corridors and
//! countries are numbers in order of first appearance, and whose they are stays in the process that read the file.
//!
//! On disk they are a folder of two Parquet files: all rows in order, and those that can be one of two that go opposite
//! ways (`payments::features::parts::two_way`), which are few.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use anyhow::Context as _;
use datafusion::arrow::array::{Array, ArrowPrimitiveType, AsArray, RecordBatch};
use datafusion::arrow::array::{Int64Array, UInt8Array, UInt16Array, UInt32Array};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt8Type, UInt16Type, UInt32Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::{Compression, Encoding};
use datafusion::parquet::file::properties::WriterProperties;
use payments::Row;
use payments::features::parts::two_way;

/// Name of the column of row numbers.
pub const NUMBER: &str = "number";

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
        let mut rows: Vec<Row> =
            places.iter().map(|&(batch, place)| columns[batch as usize].row(place as usize)).collect();
        for row in rows.iter_mut().filter(|row| row.reverses != Row::NO_ROW) {
            let place = numbers.binary_search(&row.reverses).map_err(|_| {
                DataFusionError::Execution(format!("a row takes back row {}, which lies elsewhere", row.reverses))
            })?;
            row.reverses = place as u32;
        }
        Ok((Rows { numbers, rows }, places))
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
struct Columns<'a> {
    number: &'a [u32],
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
    fn of(batch: &'a RecordBatch) -> Result<Columns<'a>> {
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

    fn row(&self, place: usize) -> Row {
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

/// The files of a folder of rows.
#[derive(Clone, Debug)]
pub struct Folder {
    /// All rows, in order.
    pub all: PathBuf,
    /// Those that can be one of two that go opposite ways.
    pub two_way: PathBuf,
    pack: PathBuf,
    overlay: PathBuf,
}

/// Rows in a group of the file: so many are one piece of work in reading.
const N_GROUP: usize = 1 << 18;

impl Folder {
    /// The files that `folder` has, or will have.
    pub fn of(folder: &Path) -> Folder {
        let file = |name| folder.join(name);
        let (all, two_way) = (file("rows.parquet"), file("two-way.parquet"));
        Folder { all, two_way, pack: file("pack.toml"), overlay: file("overlay.toml") }
    }

    /// Writes all rows of a book, as [`payments::Book::rows`] gives them, and the texts of the pack and the overlay by
    /// which they are marked.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, rows: &[Row], pack: &str, overlay: Option<&str>) -> anyhow::Result<()> {
        let mut all = writer(&self.all)?;
        let mut few = writer(&self.two_way)?;
        let is_two_way = two_way(rows);
        let numbers: Vec<u32> = (0..rows.len() as u32).collect();
        for piece in numbers.chunks(N_GROUP / 4) {
            all.write(&as_they_are(piece, rows)?)?;
            let both: Vec<u32> = piece.iter().copied().filter(|&number| is_two_way[number as usize]).collect();
            few.write(&as_they_are(&both, rows)?)?;
        }
        all.close()?;
        few.close()?;
        std::fs::write(&self.pack, pack)?;
        match overlay {
            Some(text) => std::fs::write(&self.overlay, text)?,
            None if self.overlay.exists() => std::fs::remove_file(&self.overlay)?,
            None => {}
        }
        Ok(())
    }

    /// The texts of the pack and the overlay by which the rows are marked.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn pack(&self) -> anyhow::Result<(String, Option<String>)> {
        let text = |path: &Path| {
            std::fs::read_to_string(path).with_context(|| {
                format!("cannot read {}\n  to do: write the folder anew with streamward-batch prepare", path.display())
            })
        };
        Ok((text(&self.pack)?, self.overlay.exists().then(|| text(&self.overlay)).transpose()?))
    }

    /// Reads all rows.
    ///
    /// # Errors
    /// When the file cannot be read, or does not hold the rows `0..n`.
    pub fn read(&self) -> anyhow::Result<Vec<Row>> {
        let name = self.all.display();
        let ask = || format!("cannot read {name}\n  to do: write the folder anew with streamward-batch prepare");
        let file = File::open(&self.all).with_context(ask)?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).with_context(ask)?;
        let mut rows = Vec::with_capacity(reader.metadata().file_metadata().num_rows().max(0) as usize);
        for batch in reader.with_batch_size(1 << 14).build().with_context(ask)? {
            let batch = batch.with_context(ask)?;
            let columns = Columns::of(&batch).with_context(ask)?;
            let is_next = (rows.len() as u32..).zip(columns.number).all(|(next, &number)| next == number);
            anyhow::ensure!(
                is_next,
                "{name} does not hold rows in order\n  to do: write it with streamward-batch prepare"
            );
            rows.extend((0..batch.num_rows()).map(|place| columns.row(place)));
        }
        Ok(rows)
    }
}

/// Some rows; those that take one back name its number in the whole book.
fn as_they_are(numbers: &[u32], rows: &[Row]) -> Result<RecordBatch> {
    let own = Rows {
        numbers: numbers.to_vec(),
        rows: numbers.iter().map(|&number| Row { reverses: Row::NO_ROW, ..rows[number as usize] }).collect(),
    };
    let batch = own.batch()?;
    let reverses = UInt32Array::from_iter_values(numbers.iter().map(|&number| rows[number as usize].reverses));
    let mut columns = batch.columns().to_vec();
    columns[SCHEMA.index_of("reverses")?] = Arc::new(reverses);
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?)
}

fn writer(path: &Path) -> anyhow::Result<ArrowWriter<File>> {
    let cure =
        || format!("cannot write {}\n  to do: check the folder, its permissions and the free space", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(cure)?;
    }
    let file = File::create(path).with_context(cure)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_max_row_group_row_count(Some(N_GROUP))
        .set_column_encoding(NUMBER.into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(NUMBER.into(), false)
        .set_column_encoding("at_s".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled("at_s".into(), false)
        .build();
    ArrowWriter::try_new(file, Arc::clone(&SCHEMA), Some(properties)).with_context(cure)
}
