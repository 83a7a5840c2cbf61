//! How do rows lie on disk?
//!
//! A folder that every machine sees: all rows in pieces, each a Parquet file with every row of its beneficiaries, in
//! order; the rows that can be one of two that go opposite ways (`payments::features::parts::two_way`), which are few;
//! and the pack by which rows are marked. The pack is written last: a folder without it is half a folder.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::error::Result;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::{Compression, Encoding};
use datafusion::parquet::file::properties::WriterProperties;
use payments::Row;
use payments::features::parts::two_way;

use crate::rows::{Columns, N_BATCH, NUMBER, Rows, SCHEMA};

/// The files of a folder of rows.
#[derive(Clone, Debug)]
pub struct Folder {
    pieces: PathBuf,
    /// Those that can be one of two that go opposite ways, in order.
    pub two_way: PathBuf,
    pack: PathBuf,
    overlay: PathBuf,
}

/// Rows of a piece, about: few enough to stay near the processor.
const N_PIECE: usize = 1 << 17;

/// Pieces of a folder: enough for some machines, not too many files.
const N_PIECES: RangeInclusive<usize> = 16..=4096;

impl Folder {
    /// The files that `folder` has, or will have.
    pub fn of(folder: &Path) -> Folder {
        let file = |name| folder.join(name);
        let (pieces, two_way) = (file("rows"), file("two-way.parquet"));
        Folder { pieces, two_way, pack: file("pack.toml"), overlay: file("overlay.toml") }
    }

    /// Writes all rows of a book, as [`payments::Book::rows`] gives them, and the texts of the pack and the overlay by
    /// which they are marked.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, rows: &[Row], pack: &str, overlay: Option<&str>) -> anyhow::Result<()> {
        self.clear().with_context(|| unwritable(&self.pieces))?;
        let pieces = pieces(rows);
        for (number, piece) in pieces.iter().enumerate() {
            write(&self.pieces.join(name(number, pieces.len())), piece, rows)?;
        }
        let both: Vec<u32> = (0..).zip(two_way(rows)).filter_map(|(number, is)| is.then_some(number)).collect();
        write(&self.two_way, &both, rows)?;
        if let Some(text) = overlay {
            fs::write(&self.overlay, text).with_context(|| unwritable(&self.overlay))?;
        }
        fs::write(&self.pack, pack).with_context(|| unwritable(&self.pack))
    }

    /// Takes away what an earlier book left.
    fn clear(&self) -> std::io::Result<()> {
        for file in [&self.pack, &self.overlay] {
            match fs::remove_file(file) {
                Err(why) if why.kind() != ErrorKind::NotFound => return Err(why),
                _ => {}
            }
        }
        fs::create_dir_all(&self.pieces)?;
        for file in fs::read_dir(&self.pieces)? {
            let path = file?.path();
            let is_piece = |name: &str| name.ends_with(".parquet") && name.contains("-of-");
            if path.file_name().and_then(|name| name.to_str()).is_some_and(is_piece) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The texts of the pack and the overlay by which the rows are marked.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn pack(&self) -> anyhow::Result<(String, Option<String>)> {
        let text = |path: &Path| fs::read_to_string(path).with_context(|| unreadable(path));
        Ok((text(&self.pack)?, self.overlay.exists().then(|| text(&self.overlay)).transpose()?))
    }

    /// The files of all pieces.
    ///
    /// # Errors
    /// When one is missing.
    pub fn pieces(&self) -> anyhow::Result<Vec<PathBuf>> {
        let found =
            || fs::read_dir(&self.pieces)?.map(|file| Ok(file?.file_name())).collect::<std::io::Result<Vec<_>>>();
        let mut found = found().with_context(|| unreadable(&self.pieces))?;
        found.sort();
        let n_pieces = found.len();
        let is_whole = n_pieces > 0 && found.iter().enumerate().all(|(number, file)| *file == *name(number, n_pieces));
        anyhow::ensure!(is_whole, "a piece is missing, or one too many is there: {}", unreadable(&self.pieces));
        Ok(found.into_iter().map(|file| self.pieces.join(file)).collect())
    }

    /// Reads all rows, in order.
    ///
    /// # Errors
    /// When a file cannot be read, or they do not hold the rows `0..n`.
    pub fn read(&self) -> anyhow::Result<Vec<Row>> {
        let pieces: Vec<_> =
            self.pieces()?.into_iter().map(|path| Ok((open(&path)?, path))).collect::<anyhow::Result<_>>()?;
        let n_rows = pieces.iter().map(|(piece, _)| piece.metadata().file_metadata().num_rows().max(0) as usize).sum();
        let mut rows: Vec<Option<Row>> = vec![None; n_rows];
        for (piece, path) in pieces {
            let take = || -> anyhow::Result<()> {
                for batch in piece.with_batch_size(N_BATCH).build()? {
                    let batch = batch?;
                    let columns = Columns::of(&batch)?;
                    for (place, &number) in columns.number.iter().enumerate() {
                        match rows.get_mut(number as usize) {
                            Some(row @ None) => *row = Some(columns.row(place)),
                            _ => anyhow::bail!("row {number} of {n_rows} is there twice, or does not belong there"),
                        }
                    }
                }
                Ok(())
            };
            take().with_context(|| unreadable(&path))?;
        }
        // As many as there are places, and each another: none is left.
        Ok(rows.into_iter().flatten().collect())
    }
}

fn name(piece: usize, n_pieces: usize) -> String {
    format!("{:04}-of-{n_pieces:04}.parquet", piece + 1)
}

/// The numbers of rows by piece, in order in each: all rows of a beneficiary are in one.
fn pieces(rows: &[Row]) -> Vec<Vec<u32>> {
    let n_pieces = (rows.len() / N_PIECE).clamp(*N_PIECES.start(), *N_PIECES.end());
    let mut pieces = vec![Vec::new(); n_pieces];
    for (number, row) in (0..).zip(rows) {
        pieces[row.beneficiary as usize % n_pieces].push(number);
    }
    pieces
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

fn write(path: &Path, numbers: &[u32], rows: &[Row]) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| unwritable(path))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_column_encoding(NUMBER.into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(NUMBER.into(), false)
        .set_column_encoding("at_s".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled("at_s".into(), false)
        .build();
    let mut out =
        ArrowWriter::try_new(file, Arc::clone(&SCHEMA), Some(properties)).with_context(|| unwritable(path))?;
    for some in numbers.chunks(N_BATCH) {
        out.write(&as_they_are(some, rows)?).with_context(|| unwritable(path))?;
    }
    out.close().with_context(|| unwritable(path))?;
    Ok(())
}

fn open(path: &Path) -> anyhow::Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).with_context(|| unreadable(path))?;
    ParquetRecordBatchReaderBuilder::try_new(file).with_context(|| unreadable(path))
}

fn unreadable(path: &Path) -> String {
    format!("cannot read {}\n  to do: write the folder anew with streamward-batch prepare", path.display())
}

fn unwritable(path: &Path) -> String {
    format!("cannot write {}\n  to do: check the folder, its permissions and the free space", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::row;

    #[test]
    fn rows_come_back_in_order_and_a_second_book_leaves_nothing_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let files = Folder::of(folder.path());
        let many: Vec<Row> = (0..3 * N_PIECE as u32 * 16 / 2).map(|number| row(number, number % 1000)).collect();
        for rows in [&many[..], &many[..20], &[]] {
            files.write(rows, "a pack", Some("an overlay")).unwrap();
            assert!(files.read().unwrap() == rows);
        }
        files.write(&many[..20], "another", None).unwrap();
        assert_eq!(files.pack().unwrap(), ("another".to_owned(), None));
    }

    #[test]
    fn a_piece_that_is_missing_cut_short_or_anothers_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let files = Folder::of(folder.path());
        let rows: Vec<Row> = (0..100).map(|number| row(number, number)).collect();
        files.write(&rows, "a pack", None).unwrap();
        let piece = files.pieces().unwrap().pop().unwrap();
        let whole = fs::read(&piece).unwrap();
        let refused = |part: &str| {
            let why = format!("{:#}", files.read().unwrap_err());
            assert!(why.contains(part) && why.contains("write the folder anew"), "{why}");
        };
        fs::write(&piece, &whole[..whole.len() / 2]).unwrap();
        refused("Parquet");
        fs::copy(files.pieces().unwrap()[0].clone(), &piece).unwrap();
        refused("is there twice");
        fs::remove_file(&piece).unwrap();
        refused("a piece is missing");
    }
}
