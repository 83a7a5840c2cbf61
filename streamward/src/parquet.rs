//! What do the columns of a Parquet file hold?
//!
//! Rows come in batches of [`BATCH_ROWS`], so a file of any size passes through one page of each wanted column and no
//! more. A cell reads as text, as CSV would have it, or as a number. Columns of lists and groups are named and refused.
//! A file that was cut short, or one page of it damaged, is one clear error; what came before it was whole.
//! Format: Apache Parquet, `parquet-format` 2.11 (physical types §Types, logical types in `LogicalTypes.md`).

use std::borrow::Cow;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::basic::{LogicalType, TimeUnit as Unit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

/// Rows in a batch, at most.
pub(crate) const BATCH_ROWS: usize = 8192;

/// Why a file, or the rest of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// It cannot be opened.
    #[error("{0}")]
    Open(std::io::Error),
    /// It does not end as a Parquet file does.
    #[error("it was cut short or is no Parquet file ({0})")]
    CutShort(String),
    /// A part of it is not what its directory says.
    #[error("it is damaged behind row {n_rows}: {reason}")]
    Damaged {
        /// Rows that were whole.
        n_rows: u64,
        /// What the reader said.
        reason: String,
    },
    /// A column that is not there.
    #[error("it has no column {column:?}; it has {present}")]
    MissingColumn {
        /// The column.
        column: String,
        /// Those that are there.
        present: String,
    },
    /// A column of lists, groups or a kind that nobody writes any more.
    #[error("its column {column:?} holds {kind}, which is not read")]
    Unread {
        /// The column.
        column: String,
        /// What it holds.
        kind: &'static str,
    },
}

/// An open file.
pub(crate) struct ParquetFile {
    reader: SerializedFileReader<File>,
    names: Vec<String>,
}

impl ParquetFile {
    /// Opens a file and reads its directory, which stands at its end.
    pub(crate) fn open(path: &Path) -> Result<ParquetFile, Fault> {
        let file = File::open(path).map_err(Fault::Open)?;
        let reader = guarded(|| SerializedFileReader::new(file)).map_err(Fault::CutShort)?;
        let names = reader.metadata().file_metadata().schema_descr().columns();
        let names = names.iter().map(|column| column.path().string()).collect();
        Ok(ParquetFile { reader, names })
    }

    /// Its columns, in order; those within groups are written with points.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// How many rows it says it has.
    pub(crate) fn n_rows(&self) -> u64 {
        u64::try_from(self.reader.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Its rows, of which only the columns `wanted` are read, in that order.
    pub(crate) fn batches<S: AsRef<str>>(self, wanted: &[S]) -> Result<Batches, Fault> {
        let descriptors = self.reader.metadata().file_metadata().schema_descr();
        let mut columns = Vec::with_capacity(wanted.len());
        for name in wanted.iter().map(AsRef::as_ref) {
            let place = self.names.iter().position(|own| own == name);
            let place = place.ok_or_else(|| Fault::MissingColumn {
                column: name.to_owned(),
                present: self.names.iter().take(40).cloned().collect::<Vec<_>>().join(", "),
            })?;
            let descriptor = &descriptors.columns()[place];
            let meaning = Meaning::of(descriptor).map_err(|kind| Fault::Unread { column: name.to_owned(), kind })?;
            columns.push(Wanted { place, meaning, is_optional: descriptor.max_def_level() > 0 });
        }
        Ok(Batches {
            file: self,
            columns,
            n_groups_begun: 0,
            readers: Vec::new(),
            n_left: 0,
            n_rows: 0,
            is_over: false,
        })
    }
}

/// A column to be read.
struct Wanted {
    place: usize,
    meaning: Meaning,
    is_optional: bool,
}

/// What the stored numbers stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meaning {
    Plain,
    Unsigned,
    /// Days since 1970-01-01.
    Date,
    /// So many to a second since 1970-01-01; in UTC, or on a clock that nobody names.
    Time {
        per_second: i64,
        is_utc: bool,
    },
    /// So many decimals.
    Decimal(u32),
}

impl Meaning {
    fn of(column: &ColumnDescriptor) -> Result<Meaning, &'static str> {
        if column.max_rep_level() > 0 || column.path().parts().len() > 1 {
            return Err("lists or groups");
        }
        let logical = column.logical_type_ref();
        let meaning = match (column.physical_type(), logical) {
            (Physical::INT96, _) => return Err("times of the withdrawn kind INT96; write it again with timestamps"),
            (_, Some(LogicalType::Decimal(decimal))) => Meaning::Decimal(decimal.scale.clamp(0, 38) as u32),
            (_, Some(LogicalType::Date)) => Meaning::Date,
            (_, Some(LogicalType::Timestamp(time))) => Meaning::Time {
                per_second: match time.unit {
                    Unit::MILLIS => 1_000,
                    Unit::MICROS => 1_000_000,
                    Unit::NANOS => 1_000_000_000,
                },
                is_utc: time.is_adjusted_to_u_t_c,
            },
            (_, Some(LogicalType::Integer(integer))) if !integer.is_signed => Meaning::Unsigned,
            (Physical::FIXED_LEN_BYTE_ARRAY, _) => return Err("bytes of a fixed length"),
            (_, _) => Meaning::Plain,
        };
        Ok(meaning)
    }
}

/// The rows of a file, batch by batch.
pub(crate) struct Batches {
    file: ParquetFile,
    columns: Vec<Wanted>,
    n_groups_begun: usize,
    readers: Vec<ColumnReader>,
    /// Rows left in the row group that has begun.
    n_left: usize,
    n_rows: u64,
    is_over: bool,
}

/// Some rows, as columns.
pub(crate) struct Batch {
    /// How many.
    pub(crate) n_rows: usize,
    /// One for each wanted column.
    pub(crate) columns: Vec<Column>,
}

impl Batches {
    fn next_batch(&mut self) -> Result<Option<Batch>, String> {
        while self.n_left == 0 {
            if self.n_groups_begun == self.file.reader.num_row_groups() {
                return Ok(None);
            }
            let group = guarded(|| self.file.reader.get_row_group(self.n_groups_begun))?;
            self.n_groups_begun += 1;
            self.n_left = usize::try_from(group.metadata().num_rows()).map_err(|_| "a negative number of rows")?;
            let readers = self.columns.iter().map(|column| guarded(|| group.get_column_reader(column.place)));
            self.readers = readers.collect::<Result<_, _>>()?;
        }
        let n_rows = self.n_left.min(BATCH_ROWS);
        let each = self.readers.iter_mut().zip(&self.columns);
        let columns = each.map(|(reader, wanted)| Column::read(reader, wanted, n_rows)).collect::<Result<_, _>>()?;
        self.n_left -= n_rows;
        self.n_rows += n_rows as u64;
        Ok(Some(Batch { n_rows, columns }))
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let outcome = self.next_batch();
        self.is_over = !matches!(outcome, Ok(Some(_)));
        outcome.map_err(|reason| Fault::Damaged { n_rows: self.n_rows, reason }).transpose()
    }
}

/// One column of a batch.
pub(crate) struct Column {
    values: Values,
    /// For each row the place of its value; none when every row has one.
    places: Option<Vec<u32>>,
    meaning: Meaning,
}

/// In [`Column::places`]: the row has no value.
const NO_VALUE: u32 = u32::MAX;

/// Values as they are stored.
enum Values {
    Truths(Vec<bool>),
    Integers(Vec<i64>),
    Singles(Vec<f32>),
    Reals(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Wide(Vec<i128>),
}

impl Column {
    fn read(reader: &mut ColumnReader, wanted: &Wanted, n_rows: usize) -> Result<Column, String> {
        let mut levels = Vec::new();
        let is_decimal = matches!(wanted.meaning, Meaning::Decimal(_));
        let values = guarded(|| {
            Ok(match reader {
                ColumnReader::BoolColumnReader(r) => Values::Truths(fill(r, n_rows, &mut levels)?),
                ColumnReader::Int32ColumnReader(r) => {
                    let widen = |v: i32| match wanted.meaning {
                        Meaning::Unsigned => i64::from(v.cast_unsigned()),
                        _ => i64::from(v),
                    };
                    Values::Integers(fill(r, n_rows, &mut levels)?.into_iter().map(widen).collect())
                }
                ColumnReader::Int64ColumnReader(r) => Values::Integers(fill(r, n_rows, &mut levels)?),
                ColumnReader::FloatColumnReader(r) => Values::Singles(fill(r, n_rows, &mut levels)?),
                ColumnReader::DoubleColumnReader(r) => Values::Reals(fill(r, n_rows, &mut levels)?),
                ColumnReader::ByteArrayColumnReader(r) if is_decimal => {
                    let all = fill(r, n_rows, &mut levels)?;
                    Values::Wide(all.iter().map(|v| big_endian(v.data())).collect::<Result<_, _>>()?)
                }
                ColumnReader::ByteArrayColumnReader(r) => Values::Bytes(fill(r, n_rows, &mut levels)?),
                ColumnReader::FixedLenByteArrayColumnReader(r) => {
                    let all = fill(r, n_rows, &mut levels)?;
                    Values::Wide(all.iter().map(|v| big_endian(v.data())).collect::<Result<_, _>>()?)
                }
                ColumnReader::Int96ColumnReader(_) => {
                    return Err(ParquetError::General("a time of the withdrawn kind INT96".to_owned()));
                }
            })
        })?;
        let places = wanted.is_optional.then(|| places(&levels)).filter(|places| places.contains(&NO_VALUE));
        Ok(Column { values, places, meaning: wanted.meaning })
    }

    fn place(&self, row: usize) -> Option<usize> {
        match &self.places {
            None => Some(row),
            Some(places) => places.get(row).filter(|&&place| place != NO_VALUE).map(|&place| place as usize),
        }
    }

    /// The cell as CSV would have it: numbers in digits, times by ISO 8601; `None` where there is no value.
    ///
    /// # Errors
    /// Bytes that are not UTF-8, or a time that no calendar has.
    pub(crate) fn text(&self, row: usize) -> Result<Option<Cow<'_, str>>, NotText> {
        let Some(place) = self.place(row) else { return Ok(None) };
        let text: Cow<'_, str> = match &self.values {
            Values::Truths(all) => Cow::Borrowed(if all[place] { "true" } else { "false" }),
            Values::Integers(all) => Cow::Owned(self.integer_text(all[place])?),
            Values::Singles(all) => Cow::Owned(all[place].to_string()),
            Values::Reals(all) => Cow::Owned(all[place].to_string()),
            Values::Bytes(all) => Cow::Borrowed(std::str::from_utf8(all[place].data()).map_err(|_| NotText)?),
            Values::Wide(all) => Cow::Owned(decimal_text(all[place], self.scale())),
        };
        Ok(Some(text))
    }

    /// The cell as a number; `None` where there is none, or text that is no number.
    #[allow(dead_code, reason = "for surveys, and for programs that measure")]
    pub(crate) fn number(&self, row: usize) -> Option<f64> {
        let place = self.place(row)?;
        let tens = || 10_f64.powi(self.scale() as i32);
        match &self.values {
            Values::Truths(all) => Some(f64::from(u8::from(all[place]))),
            Values::Integers(all) => match self.meaning {
                Meaning::Unsigned => Some(all[place].cast_unsigned() as f64),
                Meaning::Decimal(_) => Some(all[place] as f64 / tens()),
                Meaning::Plain | Meaning::Date | Meaning::Time { .. } => Some(all[place] as f64),
            },
            Values::Singles(all) => Some(f64::from(all[place])),
            Values::Reals(all) => Some(all[place]),
            Values::Bytes(all) => std::str::from_utf8(all[place].data()).ok()?.trim().parse().ok(),
            Values::Wide(all) => Some(all[place] as f64 / tens()),
        }
    }

    /// The column as whole numbers, as they are stored; `None` when it holds anything else, or rows without a value.
    #[allow(dead_code, reason = "for surveys, and for programs that measure")]
    pub(crate) fn integers(&self) -> Option<&[i64]> {
        match (&self.values, &self.places) {
            (Values::Integers(all), None) => Some(all),
            _ => None,
        }
    }

    /// The cell's bytes; `None` when there is none, or the column is no text.
    #[allow(dead_code, reason = "for surveys, and for programs that measure")]
    pub(crate) fn bytes(&self, row: usize) -> Option<&[u8]> {
        match &self.values {
            Values::Bytes(all) => self.place(row).map(|place| all[place].data()),
            _ => None,
        }
    }

    fn scale(&self) -> u32 {
        match self.meaning {
            Meaning::Decimal(scale) => scale,
            Meaning::Plain | Meaning::Unsigned | Meaning::Date | Meaning::Time { .. } => 0,
        }
    }

    fn integer_text(&self, value: i64) -> Result<String, NotText> {
        Ok(match self.meaning {
            Meaning::Plain => value.to_string(),
            Meaning::Unsigned => value.cast_unsigned().to_string(),
            Meaning::Decimal(scale) => decimal_text(i128::from(value), scale),
            Meaning::Date => {
                let midnight_s = value.checked_mul(86_400).ok_or(NotText)?;
                jiff::Timestamp::from_second(midnight_s).map_err(|_| NotText)?.strftime("%Y-%m-%d").to_string()
            }
            Meaning::Time { per_second, is_utc } => {
                let nanos = i128::from(value) * (1_000_000_000 / i128::from(per_second));
                let at = jiff::Timestamp::from_nanosecond(nanos).map_err(|_| NotText)?.to_string();
                if is_utc { at } else { at.trim_end_matches('Z').to_owned() }
            }
        })
    }
}

/// A cell that cannot be told as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotText;

/// Reads exactly `n_rows` records.
fn fill<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    n_rows: usize,
    levels: &mut Vec<i16>,
) -> Result<Vec<T::T>, ParquetError> {
    let mut values = Vec::with_capacity(n_rows);
    let mut n_read = 0;
    while n_read < n_rows {
        let (n_records, _, _) = reader.read_records(n_rows - n_read, Some(levels), None, &mut values)?;
        if n_records == 0 {
            return Err(ParquetError::EOF(format!("a column ends {} rows early", n_rows - n_read)));
        }
        n_read += n_records;
    }
    Ok(values)
}

fn places(levels: &[i16]) -> Vec<u32> {
    let mut next = 0;
    let place = |level: &i16| match level {
        0 => NO_VALUE,
        _ => {
            next += 1;
            next - 1
        }
    };
    levels.iter().map(place).collect()
}

/// A decimal's digits, as two's complement with the highest byte first.
fn big_endian(bytes: &[u8]) -> Result<i128, ParquetError> {
    if bytes.len() > 16 {
        return Err(ParquetError::General(format!("a decimal of {} bytes", bytes.len())));
    }
    let sign = if bytes.first().is_some_and(|&first| first >= 0x80) { -1 } else { 0 };
    Ok(bytes.iter().fold(sign, |value: i128, &byte| (value << 8) | i128::from(byte)))
}

fn decimal_text(value: i128, scale: u32) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale as usize + 1);
    let (units, decimals) = digits.split_at(digits.len() - scale as usize);
    let sign = if value < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{units}") } else { format!("{sign}{units}.{decimals}") }
}

/// Runs a step of the reader; damaged bytes that make it panic are an error like any other.
fn guarded<T>(step: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err("its bytes contradict each other".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::basic::Compression;
    use parquet::data_type::{ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    const SCHEMA: &str = "message m {
        optional binary name (UTF8); required int64 at (TIMESTAMP(MICROS,true)); required double worth;
        required fixed_len_byte_array(4) exact (DECIMAL(9,2));
    }";
    const N_ROWS: i64 = 20_000;

    fn written() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let mut writer = SerializedFileWriter::new(file.reopen().unwrap(), schema, Arc::new(properties)).unwrap();
        for half in [0..N_ROWS / 2, N_ROWS / 2..N_ROWS] {
            let mut group = writer.next_row_group().unwrap();
            let names: Vec<ByteArray> = half.clone().filter(|i| i % 3 > 0).map(|i| name(i).as_str().into()).collect();
            let levels: Vec<i16> = half.clone().map(|i| i16::from(i % 3 > 0)).collect();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&names, Some(&levels), None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let times: Vec<i64> = half.clone().map(|i| 1_700_000_000_000_000 + i * 1_000_000).collect();
            column.typed::<Int64Type>().write_batch(&times, None, None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let worth: Vec<f64> = half.clone().map(|i| i as f64 / 4.0).collect();
            column.typed::<DoubleType>().write_batch(&worth, None, None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let exact = |i: i64| FixedLenByteArray::from((5 - i as i32).to_be_bytes().to_vec());
            column
                .typed::<FixedLenByteArrayType>()
                .write_batch(&half.map(exact).collect::<Vec<_>>(), None, None)
                .unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        writer.close().unwrap();
        file
    }

    fn name(i: i64) -> String {
        format!("n{}", i * 7919 % 1000)
    }

    #[test]
    fn every_cell_comes_back_as_text_and_as_a_number() {
        let file = written();
        let open = ParquetFile::open(file.path()).unwrap();
        assert_eq!(
            (open.names(), open.n_rows()),
            (&["name", "at", "worth", "exact"].map(String::from)[..], N_ROWS as u64)
        );
        let mut i = 0_i64;
        for batch in open.batches(&["exact", "name", "at", "worth"]).unwrap() {
            let batch = batch.unwrap();
            assert!(batch.n_rows <= BATCH_ROWS);
            for row in 0..batch.n_rows {
                let text = |column: usize| batch.columns[column].text(row).unwrap().map(Cow::into_owned);
                let cents = 5 - i;
                let sign = if cents < 0 { "-" } else { "" };
                assert_eq!(text(0), Some(format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)));
                assert_eq!(text(1), (i % 3 > 0).then(|| name(i)));
                assert_eq!(text(3), Some((i as f64 / 4.0).to_string()));
                assert_eq!(batch.columns[3].number(row), Some(i as f64 / 4.0));
                assert_eq!(batch.columns[0].number(row), Some(cents as f64 / 100.0));
                i += 1;
            }
            if i == BATCH_ROWS as i64 {
                assert_eq!(batch.columns[2].text(0), Ok(Some("2023-11-14T22:13:20Z".into())));
            }
        }
        assert_eq!(i, N_ROWS);
    }

    #[test]
    fn half_a_file_and_a_damaged_page_are_one_clear_error() {
        let file = written();
        let whole = std::fs::read(file.path()).unwrap();
        for n_kept in [0, 3, whole.len() / 2, whole.len() - 1] {
            std::fs::write(file.path(), &whole[..n_kept]).unwrap();
            assert!(matches!(ParquetFile::open(file.path()), Err(Fault::CutShort(_))), "{n_kept}");
        }
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let mut n_found = 0;
        for place in (4..whole.len()).step_by(whole.len() / 150) {
            let mut damaged = whole.clone();
            damaged[place..(place + 8).min(whole.len())].fill(0xff);
            std::fs::write(file.path(), damaged).unwrap();
            let Ok(open) = ParquetFile::open(file.path()) else { continue };
            let Ok(mut batches) = open.batches(&["name", "worth"]) else { continue };
            n_found += usize::from(batches.any(|batch| matches!(batch, Err(Fault::Damaged { .. }))));
        }
        std::panic::set_hook(quiet);
        assert!(n_found > 10, "{n_found}");
    }

    #[test]
    fn a_column_that_is_not_there_is_named_with_those_that_are() {
        let open = ParquetFile::open(written().path()).unwrap();
        let fault = open.batches(&["surname"]).err().unwrap().to_string();
        assert!(fault.contains("surname") && fault.contains("name, at, worth, exact"), "{fault}");
    }
}
