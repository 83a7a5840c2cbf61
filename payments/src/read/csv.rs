//! What does a remitter's CSV file say?
//!
//! Fields may be quoted and hold line feeds; a row may have 64 KiB. When a quotation mark is never closed, the row it
//! opened is refused and reading goes on at the next line, so one stray mark costs one row and not the file.

use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::lines::{Line, Lines};
use super::mapping::{Mapping, Source};
use super::{Door, Entry, Fields};
use crate::error::{Field, Problem, Reject};
use crate::{Error, PartyKey};

/// Reads transfers from CSV, row by row.
#[derive(Debug)]
pub struct CsvReader<R> {
    lines: Lines<R>,
    splitter: Splitter,
    door: Door,
    /// For each of [`Fields::NAMES`]: the column or constant it comes from.
    sources: Vec<Source>,
    n_columns: usize,
    row: Vec<u8>,
    /// Lines read in search of a closing quotation mark, given back when there was none.
    n_read: u64,
    is_over: bool,
}

impl<R: BufRead> CsvReader<R> {
    /// Reads the header and finds the mapping's columns in it.
    ///
    /// # Errors
    /// [`Error::NoHeader`], [`Error::MissingColumn`], [`Error::ColumnTwice`], [`Error::Mapping`], [`Error::Read`].
    pub fn new(source: R, mapping: &Mapping, key: PartyKey) -> Result<CsvReader<R>, Error> {
        let mut lines = Lines::new(source);
        let mut row = Vec::new();
        let outcome = lines.next_into(&mut row).map_err(|source| Error::Read { n_read: 0, source })?;
        if outcome != Line::Whole {
            return Err(Error::NoHeader);
        }
        let mut splitter = Splitter::new(mapping.delimiter as u8);
        let header = row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&row);
        splitter.split(header);
        let columns: Vec<String> = splitter.fields().map(|f| String::from_utf8_lossy(f).trim().to_owned()).collect();
        if let Some(twice) = columns.iter().enumerate().find(|(i, name)| columns[..*i].contains(name)) {
            return Err(Error::ColumnTwice { column: twice.1.clone() });
        }
        let sources = mapping.sources(&columns)?;
        Ok(CsvReader {
            lines,
            splitter,
            door: mapping.door(key)?,
            sources,
            n_columns: columns.len(),
            row,
            n_read: 0,
            is_over: false,
        })
    }

    fn read_row(&mut self) -> Result<Option<Entry>, std::io::Error> {
        self.row.clear();
        let mut first_line = self.lines.number + 1;
        loop {
            match self.lines.next_into(&mut self.row)? {
                Line::End if self.row.is_empty() => return Ok(None),
                Line::End => break,
                Line::TooLong => return Ok(Some(reject(first_line, "row", Problem::RowTooLong))),
                Line::Whole if self.row.trim_ascii().is_empty() => {
                    self.row.clear();
                    first_line = self.lines.number + 1;
                }
                Line::Whole if has_open_quote(&self.row) => {}
                Line::Whole => break,
            }
        }
        self.splitter.split(&self.row);
        Ok(Some(self.entry(first_line)))
    }

    fn entry(&self, line: u64) -> Entry {
        if self.splitter.len() != self.n_columns {
            return reject(line, "row", Problem::FieldCount);
        }
        let mut values = [""; 16];
        for ((value, source), name) in values.iter_mut().zip(&self.sources).zip(Fields::NAMES) {
            *value = match source {
                Source::Absent => "",
                Source::Constant(text) => text,
                Source::Column(index) => match std::str::from_utf8(self.splitter.field(*index)) {
                    Ok(text) => text,
                    Err(_) => return reject(line, name, Problem::NotUtf8),
                },
            };
        }
        self.door.admit(&Fields::from_values(values), line)
    }
}

impl<R: BufRead> Iterator for CsvReader<R> {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let outcome = self.read_row();
        self.is_over = !matches!(outcome, Ok(Some(_)));
        let n_read = self.n_read;
        self.n_read += 1;
        outcome.map_err(|source| Error::Read { n_read, source }).transpose()
    }
}

fn reject(line: u64, field: &'static str, problem: Problem) -> Entry {
    Entry::Reject(Reject { line, field: Field(field), problem })
}

fn has_open_quote(row: &[u8]) -> bool {
    row.iter().filter(|&&b| b == b'"').count() % 2 == 1
}

/// Splits one row into fields, in buffers that are kept.
#[derive(Debug)]
struct Splitter {
    reader: Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    n_fields: usize,
}

impl Splitter {
    fn new(delimiter: u8) -> Splitter {
        let reader = ReaderBuilder::new().delimiter(delimiter).build();
        Splitter { reader, bytes: vec![0; Lines::<&[u8]>::BYTES_MAX], ends: vec![0; 4096], n_fields: 0 }
    }

    fn split(&mut self, row: &[u8]) {
        self.reader.reset();
        self.n_fields = 0;
        let (outcome, n_in, n_out, n_ends) = self.reader.read_record(row, &mut self.bytes, &mut self.ends);
        if outcome == ReadRecordResult::InputEmpty {
            // A last row without a line feed: an empty input tells the reader that it is complete.
            let (_, _, _, n_more) = self.reader.read_record(&[], &mut self.bytes[n_out..], &mut self.ends[n_ends..]);
            self.n_fields = n_ends + n_more;
        } else if outcome == ReadRecordResult::Record && row[n_in..].trim_ascii().is_empty() {
            self.n_fields = n_ends;
        }
    }

    fn len(&self) -> usize {
        self.n_fields
    }

    fn field(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.n_fields).map(|index| self.field(index))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "id,time,sender,beneficiary,amount,currency,from,to\n";

    fn read(text: &[u8], mapping: &Mapping) -> Vec<Entry> {
        let key = PartyKey::new(&[1; 32]).unwrap();
        CsvReader::new(text, mapping, key).unwrap().map(Result::unwrap).collect()
    }

    fn row(id: &str) -> String {
        format!("{id},2026-03-01T12:00:00Z,A,B,15.00,GBP,GB,PH\n")
    }

    fn rejects(entries: &[Entry]) -> Vec<(u64, &'static str, Problem)> {
        let each = entries.iter().filter_map(|entry| match entry {
            Entry::Reject(reject) => Some((reject.line, reject.field.0, reject.problem)),
            Entry::Transfer { .. } => None,
        });
        each.collect()
    }

    #[test]
    fn a_remitters_own_columns_are_read_by_a_mapping() {
        let mapping = Mapping::parse(
            r#"
            delimiter = ";"
            [columns]
            id = "Ref"
            time = "Created"
            sender = "Payer account"
            beneficiary = "Mobile"
            amount = "Sum"
            channel = "How"
            [constants]
            currency = "EUR"
            from = "DE"
            to = "PH"
            [amount]
            decimal = ","
            thousands = "."
            [time]
            formats = ["%d.%m.%Y %H:%M"]
            zone = "Europe/Berlin"
            [values.channel]
            Barauszahlung = "cash"
            "#,
        );
        let text = "\u{feff}Ref;Customer name;Created;Payer account;Mobile;Sum;How\r\n\
            1;Somebody;31.03.2026 23:15;A;B;\"1.250,50\";Barauszahlung\r\n";
        let entries = read(text.as_bytes(), &mapping.unwrap());
        let [Entry::Transfer { transfer, .. }] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!(transfer.amount.minor(), 125_050);
        assert_eq!(transfer.at.to_rfc3339(), "2026-03-31T21:15:00Z");
        assert_eq!(transfer.channel.as_str(), "cash");
    }

    #[test]
    fn bad_rows_are_named_and_the_others_go_on() {
        let long = format!("{},x\n", "y".repeat(70_000));
        let bad = [
            row("1"),
            "2,2026-03-01T12:00:00Z,A,B,\"1,500.00\",GBP,GB,PH\n".to_owned(),
            "3,short\n".to_owned(),
            long,
            "\n  \n".to_owned(),
            "5,2026-03-01 12:00,A,B,5,GBP,GB,PH\n".to_owned(),
            "6,2026-03-01T12:00:00Z,A,B,0,GBP,GB,PH\n".to_owned(),
            "7,2026-03-01T12:00:00Z,A,B,1000000000000000000,GBP,GB,PH\n".to_owned(),
            "8,2026-03-01T12:00:00Z,A,B,5,ZZZ,GB,PH\n".to_owned(),
            row("\"line\nfeed\"").trim_end().to_owned(),
        ];
        let entries = read(format!("{HEADER}{}", bad.concat()).as_bytes(), &Mapping::own());
        let expected = [
            (3, "amount", Problem::AmountSeparator),
            (4, "row", Problem::FieldCount),
            (5, "row", Problem::RowTooLong),
            (8, "time", Problem::TimeWithoutZone),
            (9, "amount", Problem::AmountZero),
            (10, "amount", Problem::AmountTooLarge),
            (11, "currency", Problem::UnknownCurrency),
        ];
        assert_eq!(rejects(&entries), expected);
        assert_eq!(entries.len(), expected.len() + 2);
    }

    #[test]
    fn bytes_that_are_no_text_spoil_one_row() {
        let text = [HEADER.as_bytes(), b"\xff,2026-03-01T12:00:00Z,A,B,5,GBP,GB,PH\n", row("2").as_bytes()].concat();
        let entries = read(&text, &Mapping::own());
        assert_eq!(rejects(&entries), [(2, "id", Problem::NotUtf8)]);
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn a_mapping_that_names_a_missing_column_is_refused() {
        let mapping = Mapping::parse("columns = { id = \"Reference\" }").unwrap();
        let outcome = CsvReader::new(HEADER.as_bytes(), &mapping, PartyKey::new(&[1; 32]).unwrap());
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains("\"Reference\"") && message.contains("beneficiary"), "{message}");
    }

    #[test]
    fn names_sex_and_nationality_change_nothing() {
        let with = |extra: [&str; 3]| {
            let text = format!("name,sex,nationality,{HEADER}{},{}", extra.join(","), row("1"));
            read(text.as_bytes(), &Mapping::own())
        };
        assert_eq!(with(["Ana", "f", "PH"]), with(["Bob", "m", "GB"]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_run_on(text in prop::collection::vec(any::<u8>(), 0..400)) {
            let bytes = [HEADER.as_bytes(), &text].concat();
            let n_lines = bytes.iter().filter(|&&b| b == b'\n').count() + 1;
            prop_assert!(read(&bytes, &Mapping::own()).len() <= n_lines);
        }
    }
}
