//! Which columns does a CSV file hold?

use std::io::Read;

use super::{Builder, Cell, ROW_BYTES_MAX, Table, Wanted};
use crate::Error;

impl Table {
    /// Reads the wanted columns of a CSV file: UTF-8, one header line, any line ends, quotes as in RFC 4180.
    ///
    /// # Errors
    /// [`Error::Csv`], [`Error::ColumnAbsent`], [`Error::ColumnTwice`], [`Error::NotANumber`], [`Error::TooLarge`],
    /// [`Error::NoRows`].
    pub fn read_csv(input: impl Read, delimiter: u8, wanted: &[Wanted]) -> Result<Table, Error> {
        let limited = RowLimit { input, in_row: 0 };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(limited);
        let header: Vec<String> = reader.headers().map_err(csv_error)?.iter().map(clean_name).collect();
        let mut builder = Builder::new(&header, wanted)?;
        let mut record = csv::ByteRecord::new();
        loop {
            let is_row = reader.read_byte_record(&mut record);
            if reader.get_ref().in_row > ROW_BYTES_MAX {
                return Err(Error::TooLarge { what: "bytes in one row", limit: ROW_BYTES_MAX });
            }
            if !is_row.map_err(csv_error)? {
                return builder.finish();
            }
            reader.get_mut().in_row = 0;
            builder.push_row(|place| Cell::Text(record.get(place).unwrap_or_default()))?;
        }
    }

    /// Names in the header of a CSV file.
    ///
    /// # Errors
    /// [`Error::Csv`].
    pub fn csv_names(input: impl Read, delimiter: u8) -> Result<Vec<String>, Error> {
        let limited = RowLimit { input, in_row: 0 };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(limited);
        Ok(reader.headers().map_err(csv_error)?.iter().map(clean_name).collect())
    }
}

/// Spreadsheets put a byte-order mark before the first name.
fn clean_name(name: &str) -> String {
    name.trim_start_matches('\u{feff}').trim().to_owned()
}

/// Ends the input where a row grows beyond [`ROW_BYTES_MAX`], within quotes too, so that no row can fill the memory.
///
/// What was read ahead counts for the next row, at most a buffer of it.
struct RowLimit<R> {
    input: R,
    in_row: usize,
}

impl<R: Read> Read for RowLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.in_row > ROW_BYTES_MAX {
            return Ok(0);
        }
        let n = self.input.read(buffer)?;
        self.in_row += n;
        Ok(n)
    }
}

fn csv_error(error: csv::Error) -> Error {
    Error::Csv { message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Kind;

    fn want(name: &str, kind: Kind) -> Wanted {
        Wanted { name: name.into(), kind }
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
        let wanted = [want("a", Kind::Text), want("b", Kind::Number)];
        let unix = Table::read_csv("a,b\nx,1\ny,\n".as_bytes(), b',', &wanted).unwrap();
        let windows = Table::read_csv("\u{feff}a,b\r\nx,1\r\n\"y\",NA\r\n".as_bytes(), b',', &wanted).unwrap();
        assert_eq!(unix.labels("a"), windows.labels("a"));
        assert_eq!(unix.numbers("b").unwrap()[0], windows.numbers("b").unwrap()[0]);
        assert!(windows.numbers("b").unwrap()[1].is_nan());
    }

    #[test]
    fn labels_that_are_numbers_are_ordered_by_value() {
        let table = Table::read_csv("s\n10\n9\n2\n9\n".as_bytes(), b',', &[want("s", Kind::Text)]).unwrap();
        assert_eq!(table.labels("s").unwrap().names, ["2", "9", "10"]);
        assert_eq!(table.labels("s").unwrap().codes, [2, 1, 0, 1]);
    }

    #[test]
    fn an_absent_column_and_a_decimal_comma_are_named() {
        let error = Table::read_csv("a\n1\n".as_bytes(), b',', &[want("b", Kind::Number)]).unwrap_err();
        assert_eq!(error, Error::ColumnAbsent { column: "b".into() });
        let error = Table::read_csv("a;b\n1;2,5\n".as_bytes(), b';', &[want("b", Kind::Number)]).unwrap_err();
        assert_eq!(error.to_string(), "column b, row 1: \"2,5\" is not a number");
    }

    #[test]
    fn rows_of_unequal_length_and_an_empty_file_are_refused() {
        let ragged = Table::read_csv("a,b\n1,2\n3\n".as_bytes(), b',', &[want("a", Kind::Number)]);
        assert!(matches!(ragged, Err(Error::Csv { .. })));
        let empty = Table::read_csv("a,b\n".as_bytes(), b',', &[want("a", Kind::Number)]);
        assert_eq!(empty.unwrap_err(), Error::NoRows);
    }

    #[test]
    fn a_second_file_is_joined_by_label() {
        let own = Table::read_csv("id\nb\na\nb\n".as_bytes(), b',', &[want("id", Kind::Text)]).unwrap();
        let wanted = [want("id", Kind::Text), want("r*", Kind::Number)];
        let other = Table::read_csv("id,r1,r2\na,1,2\nb,3,4\n".as_bytes(), b',', &wanted).unwrap();
        assert_eq!(own.clone().join("id", &other).unwrap().numbers("r2").unwrap(), [4.0, 2.0, 4.0]);
        let short = Table::read_csv("id,r1\na,1\n".as_bytes(), b',', &wanted).unwrap();
        assert!(matches!(own.join("id", &short), Err(Error::NoPartner { .. })));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = Table::read_csv(bytes.as_slice(), b',', &[want("*", Kind::Text), want("a", Kind::Number)]);
        }
    }
}
