//! What stands in the survey file?
//!
//! Only the columns that somebody asks for are kept. Text is interned, so that ten million rows of it stay small;
//! labels are numbered in one natural order, whatever the order of the rows.

use std::collections::BTreeMap;
use std::io::Read;

use crate::Error;

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
    /// Reads the wanted columns of a CSV file: UTF-8, one header line, any line ends, quotes as in RFC 4180.
    ///
    /// # Errors
    /// [`Error::Csv`], [`Error::ColumnAbsent`], [`Error::ColumnTwice`], [`Error::NotANumber`], [`Error::TooLarge`],
    /// [`Error::NoRows`].
    pub fn read_csv(input: impl Read, delimiter: u8, wanted: &[Wanted]) -> Result<Table, Error> {
        let limited = RowLimit { input, in_row: 0, is_over: false };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(limited);
        let header: Vec<String> = reader.headers().map_err(csv_error)?.iter().map(clean_name).collect();
        let mut builder = Builder::new(&header, wanted)?;
        let mut record = csv::ByteRecord::new();
        loop {
            let is_row = reader.read_byte_record(&mut record);
            if reader.get_ref().is_over {
                return Err(Error::TooLarge { what: "bytes in one row", limit: ROW_BYTES_MAX });
            }
            if !is_row.map_err(csv_error)? {
                return builder.finish();
            }
            builder.push_row(|place| record.get(place).unwrap_or_default())?;
        }
    }

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

    /// Takes one row: `cell` gives the text in a place of the header, empty where there is none.
    ///
    /// # Errors
    /// [`Error::NotANumber`]; [`Error::TooLarge`] past [`ROWS_MAX`].
    pub fn push_row<'r>(&mut self, cell: impl Fn(usize) -> &'r [u8]) -> Result<(), Error> {
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

impl Column {
    fn len(&self) -> usize {
        match self {
            Column::Number(numbers) => numbers.len(),
            Column::Text(labels) => labels.codes.len(),
        }
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
}

impl Growing {
    fn push(&mut self, cell: &[u8], row: usize) -> Result<(), Error> {
        let cell = cell.trim_ascii();
        let is_missing = cell.is_empty() || cell == b"NA";
        match self.kind {
            Kind::Number if is_missing => self.numbers.push(f64::NAN),
            Kind::Number => self.numbers.push(number(cell).ok_or_else(|| Error::NotANumber {
                column: self.name.clone(),
                row,
                text: String::from_utf8_lossy(cell).chars().take(40).collect(),
            })?),
            Kind::Text if is_missing => self.codes.push(Labels::MISSING),
            Kind::Text => {
                let next = self.code_of.len() as u32;
                let code = match self.code_of.get(cell) {
                    Some(&code) => code,
                    None => *self.code_of.entry(cell.to_vec()).or_insert(next),
                };
                self.codes.push(code);
            }
        }
        Ok(())
    }

    fn finish(self) -> (String, Column) {
        let column = match self.kind {
            Kind::Number => Column::Number(self.numbers),
            Kind::Text => Column::Text(in_natural_order(self.codes, self.code_of)),
        };
        (self.name, column)
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
                found.push(Growing { index, name, kind, numbers: vec![], codes: vec![], code_of: BTreeMap::new() });
            }
        }
    }
    Ok(found)
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

/// Spreadsheets put a byte-order mark before the first name.
fn clean_name(name: &str) -> String {
    name.trim_start_matches('\u{feff}').trim().to_owned()
}

/// Ends the input where a line grows beyond [`ROW_BYTES_MAX`], so that no row can fill the memory.
struct RowLimit<R> {
    input: R,
    in_row: usize,
    is_over: bool,
}

impl<R: Read> Read for RowLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.is_over {
            return Ok(0);
        }
        let n = self.input.read(buffer)?;
        let is_end = |byte: &u8| *byte == b'\n' || *byte == b'\r';
        let first = buffer[..n].iter().position(is_end);
        self.is_over = self.in_row + first.unwrap_or(n) > ROW_BYTES_MAX;
        self.in_row = match buffer[..n].iter().rposition(is_end) {
            Some(last) => n - last - 1,
            None => self.in_row + n,
        };
        Ok(n)
    }
}

fn csv_error(error: csv::Error) -> Error {
    Error::Csv { message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
