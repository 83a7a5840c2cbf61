//! Which columns does a file hold, whatever program wrote it?

use std::fs::File;
use std::io::{BufReader, IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use prevalence::Table;
use prevalence::table::{Builder, Cell, Wanted};

use super::explain;
use crate::parquet::{Column, Fault, ParquetFile};

/// Files under this size are read before a bar could be seen.
const PROGRESS_FROM_BYTES: u64 = 50_000_000;
/// Whole numbers from here on are not all exact as numbers with a point.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// How a file is to be read, by the end of its name.
enum Format {
    Csv,
    Parquet,
    Spss,
    Stata,
}

impl Format {
    fn of(path: &Path) -> Format {
        let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
        match end.as_deref() {
            Some("parquet" | "pq") => Format::Parquet,
            // The reader says of the latter what to do.
            Some("sav" | "zsav") => Format::Spss,
            Some("dta") => Format::Stata,
            _ => Format::Csv,
        }
    }
}

/// The wanted columns of a file.
pub(super) fn table(path: &Path, delimiter: char, wanted: &[Wanted]) -> anyhow::Result<Table> {
    let table = match Format::of(path) {
        Format::Csv => Table::read_csv(open(path)?, byte(delimiter)?, wanted),
        Format::Spss => Table::read_spss(open(path)?, wanted),
        Format::Stata => Table::read_stata(open(path)?, wanted),
        Format::Parquet => return parquet_table(path, wanted),
    };
    table.map_err(explain).with_context(|| in_file(path))
}

/// Names of all columns of a file.
pub(super) fn names(path: &Path, delimiter: char) -> anyhow::Result<Vec<String>> {
    let names = match Format::of(path) {
        Format::Csv => Table::csv_names(open(path)?, byte(delimiter)?),
        Format::Spss => Table::spss_names(open(path)?),
        Format::Stata => Table::stata_names(open(path)?),
        Format::Parquet => Ok(ParquetFile::open(path).map_err(|fault| refused(&fault, path))?.names().to_vec()),
    };
    names.map_err(explain).with_context(|| in_file(path))
}

fn byte(delimiter: char) -> anyhow::Result<u8> {
    u8::try_from(delimiter)
        .map_err(|_| anyhow!("--delimiter is {delimiter:?}, which is not one byte\n  to do: use , ; or a tab"))
}

fn parquet_table(path: &Path, wanted: &[Wanted]) -> anyhow::Result<Table> {
    let file = ParquetFile::open(path).map_err(|fault| refused(&fault, path))?;
    let names = file.names().to_vec();
    let mut builder = Builder::new(&names, wanted).map_err(explain).with_context(|| in_file(path))?;
    let mut places = builder.places();
    places.sort_unstable();
    places.dedup();
    let asked: Vec<&String> = places.iter().map(|&place| &names[place]).collect();
    for batch in file.batches(&asked).map_err(|fault| refused(&fault, path))? {
        let batch = batch.map_err(|fault| refused(&fault, path))?;
        for row in 0..batch.n_rows {
            for (column, name) in batch.columns.iter().zip(&asked) {
                if column.number(row).is_some_and(|value| value.abs() >= EXACT_BELOW) && column.bytes(row).is_none() {
                    bail!(
                        "{}, column {name}, row {}: the number is too large to be kept exactly\n  to do: store it as text",
                        in_file(path),
                        builder.n_rows() + 1
                    );
                }
            }
            let cell = |place: usize| cell(&batch.columns[places.partition_point(|&own| own < place)], row);
            builder.push_row(cell).map_err(explain).with_context(|| in_file(path))?;
        }
    }
    builder.finish().map_err(explain).with_context(|| in_file(path))
}

fn cell(column: &Column, row: usize) -> Cell<'_> {
    match column.bytes(row) {
        Some(text) => Cell::Text(text),
        None => column.number(row).map_or(Cell::Missing, Cell::Number),
    }
}

fn refused(fault: &Fault, path: &Path) -> anyhow::Error {
    anyhow!("{}: {fault}\n  to do: write the file again, or save it as CSV", cannot_read(path))
}

/// Opens a file, with a bar on the terminal when reading it takes a while.
pub(super) fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    let file = File::open(path).with_context(|| cannot_read(path))?;
    let n_bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let reader = BufReader::with_capacity(1 << 20, file);
    if n_bytes < PROGRESS_FROM_BYTES || !std::io::stderr().is_terminal() {
        return Ok(Box::new(reader));
    }
    let bar = ProgressBar::new(n_bytes);
    if let Ok(style) = ProgressStyle::with_template("reading {bytes}/{total_bytes} {wide_bar} {eta}") {
        bar.set_style(style);
    }
    Ok(Box::new(bar.wrap_read(reader)))
}

pub(super) fn in_file(path: &Path) -> String {
    format!("cannot use {}", path.display())
}

pub(super) fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}
