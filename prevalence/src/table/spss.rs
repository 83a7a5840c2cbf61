//! Which columns does an SPSS file hold?
//!
//! `.sav`, plain or byte-compressed, lowest byte first, as every machine of today writes it; not `.zsav`. Cells are the stored numbers and texts: value
//! labels and formats are not applied. System-missing and what the file itself declares missing are missing cells. Names
//! are the long ones. Texts longer than 255 bytes are not read.
//!
//! Source: "System File Format" in the PSPP developers' guide; checked against files that pyreadstat wrote
//! (`tests/files`).

use std::collections::BTreeMap;
use std::io::Read;

use super::bytes::Bytes;
use super::{Builder, COLUMNS_MAX, Cell, ROW_BYTES_MAX, Table, Wanted};
use crate::Error;

/// A row is a sequence of slots of eight bytes: one for a number, one or more for a text.
const SLOT: usize = 8;
/// The number that stands for nothing.
const SYSTEM_MISSING: f64 = -f64::MAX;
/// Extension record with the long names.
const LONG_NAMES: i32 = 13;
/// Extension record with the texts that fill several columns.
const LONG_TEXTS: i32 = 14;
/// Longest text of one column, in bytes.
const TEXT_BYTES_MAX: i32 = 255;

struct Variable {
    name: String,
    /// Up to eight letters, as the file's records name it.
    short_name: String,
    first_slot: usize,
    /// Bytes of a text; 0 for a number.
    width: usize,
    missing: Missing,
    /// Part of a text of more than 255 bytes.
    is_long: bool,
}

/// What the file declares missing.
#[derive(Default)]
struct Missing {
    range: Option<(f64, f64)>,
    numbers: Vec<f64>,
    texts: Vec<Vec<u8>>,
}

/// What stands before the rows.
struct Directory {
    variables: Vec<Variable>,
    n_slots: usize,
    /// Bytes minus this are the numbers of a compressed row; none in a plain file.
    bias: Option<f64>,
    /// Rows, when the file says it.
    n_rows: Option<usize>,
}

impl Table {
    /// Reads the wanted columns of an SPSS file.
    ///
    /// # Errors
    /// [`Error::Binary`] for anything that is no such file; else as [`Table::read_csv`].
    pub fn read_spss(input: impl Read, wanted: &[Wanted]) -> Result<Table, Error> {
        let mut bytes = Bytes::new(input, "SPSS");
        let directory = directory(&mut bytes)?;
        let mut builder = Builder::new(&names(&directory), wanted)?;
        let variables = &directory.variables;
        if let Some(&long) = builder.places().iter().find(|&&place| variables[place].is_long) {
            let name = &variables[long].name;
            return Err(bytes.fault(format!("column {name} holds texts of more than 255 bytes, which are not read")));
        }
        let mut rows = Rows { bias: directory.bias, codes: [0; SLOT], next: SLOT };
        let mut row = vec![0; directory.n_slots * SLOT];
        while directory.n_rows.is_none_or(|n_rows| builder.n_rows() < n_rows) && rows.next(&mut bytes, &mut row)? {
            builder.push_row(|place| variables[place].cell(&row))?;
        }
        match directory.n_rows {
            Some(n_rows) if builder.n_rows() < n_rows => {
                Err(bytes.fault(format!("it has {} of its {n_rows} rows", builder.n_rows())))
            }
            _ => builder.finish(),
        }
    }

    /// Names of the columns of an SPSS file.
    ///
    /// # Errors
    /// [`Error::Binary`].
    pub fn spss_names(input: impl Read) -> Result<Vec<String>, Error> {
        directory(&mut Bytes::new(input, "SPSS")).map(|directory| names(&directory))
    }
}

fn names(directory: &Directory) -> Vec<String> {
    directory.variables.iter().map(|variable| variable.name.clone()).collect()
}

impl Variable {
    fn cell<'r>(&self, row: &'r [u8]) -> Cell<'r> {
        let own = &row[self.first_slot * SLOT..];
        if self.width > 0 {
            let text = own[..self.width].trim_ascii_end();
            return if self.missing.texts.iter().any(|code| code == text) { Cell::Missing } else { Cell::Text(text) };
        }
        let value = number(own);
        if value == SYSTEM_MISSING || self.missing.has(value) { Cell::Missing } else { Cell::Number(value) }
    }
}

impl Missing {
    fn has(&self, value: f64) -> bool {
        self.range.is_some_and(|(low, high)| (low..=high).contains(&value)) || self.numbers.contains(&value)
    }

    /// `count` as in a variable's record: so many codes, or -2 for a range, or -3 for a range and a code.
    fn read(bytes: &mut Bytes<impl Read>, count: i32, is_text: bool) -> Result<Missing, Error> {
        let mut missing = Missing::default();
        match (count, is_text) {
            (0..=3, true) => {
                for _ in 0..count {
                    missing.texts.push(bytes.word(SLOT)?.trim_ascii_end().to_vec());
                }
            }
            (-3..=3, false) if count != -1 => {
                if count < 0 {
                    missing.range = Some((bytes.f64()?, bytes.f64()?));
                }
                for _ in 0..if count < 0 { -2 - count } else { count } {
                    missing.numbers.push(bytes.f64()?);
                }
            }
            _ => return Err(bytes.fault(format!("a column has {count} missing codes"))),
        }
        Ok(missing)
    }
}

/// Takes rows out of their compression.
struct Rows {
    bias: Option<f64>,
    codes: [u8; SLOT],
    next: usize,
}

impl Rows {
    /// Whether there was another row.
    fn next(&mut self, bytes: &mut Bytes<impl Read>, row: &mut [u8]) -> Result<bool, Error> {
        let Some(bias) = self.bias else { return bytes.fill_or_end(row) };
        let mut is_first = true;
        for slot in row.chunks_mut(SLOT) {
            let code = loop {
                if self.next == SLOT {
                    self.next = 0;
                    if !bytes.fill_or_end(&mut self.codes)? {
                        return if is_first { Ok(false) } else { Err(bytes.fault("it was cut short")) };
                    }
                }
                self.next += 1;
                match self.codes[self.next - 1] {
                    0 => {}
                    code => break code,
                }
            };
            match code {
                252 if is_first => return Ok(false),
                252 => return Err(bytes.fault("it ends within a row")),
                253 => bytes.fill(slot)?,
                254 => slot.fill(b' '),
                255 => slot.copy_from_slice(&SYSTEM_MISSING.to_le_bytes()),
                code => slot.copy_from_slice(&(f64::from(code) - bias).to_le_bytes()),
            }
            is_first = false;
        }
        Ok(true)
    }
}

fn number(slot: &[u8]) -> f64 {
    let mut own = [0; SLOT];
    own.copy_from_slice(&slot[..SLOT]);
    f64::from_le_bytes(own)
}

/// Reads up to the first row.
fn directory(bytes: &mut Bytes<impl Read>) -> Result<Directory, Error> {
    match bytes.word(4)?.as_slice() {
        b"$FL2" => {}
        b"$FL3" => return Err(bytes.fault("it is a .zsav file, which is not read")),
        _ => return Err(bytes.fault("it does not begin as an SPSS file")),
    }
    bytes.skip(60)?;
    // 2 or 3, in the byte order of the file.
    if bytes.u32()? > 0xff {
        return Err(bytes.fault("its numbers have their highest byte first, which is not read"));
    }
    bytes.skip(4)?;
    let is_compressed = match bytes.i32()? {
        0 => false,
        1 => true,
        kind => return Err(bytes.fault(format!("its compression {kind} is not read"))),
    };
    bytes.skip(4)?;
    let n_rows = usize::try_from(bytes.i32()?).ok();
    let bias = bytes.f64()?;
    bytes.skip(9 + 8 + 64 + 3)?;

    let mut directory = Directory { variables: vec![], n_slots: 0, bias: is_compressed.then_some(bias), n_rows };
    loop {
        match bytes.i32()? {
            2 => variable(bytes, &mut directory)?,
            3 => value_labels(bytes)?,
            6 => {
                let n_lines = bytes.u32()?;
                bytes.skip(80 * u64::from(n_lines))?;
            }
            7 => extension(bytes, &mut directory)?,
            999 => {
                bytes.skip(4)?;
                let n_bytes = directory.n_slots * SLOT;
                let is_short = |own: &&Variable| own.first_slot * SLOT + own.width > n_bytes;
                return match directory.variables.iter().find(is_short) {
                    Some(own) => Err(bytes.fault(format!("column {} is wider than a row", own.name))),
                    None if n_bytes == 0 => Err(bytes.fault("it has no columns")),
                    None => Ok(directory),
                };
            }
            kind => return Err(bytes.fault(format!("it has a record of the unknown kind {kind}"))),
        }
    }
}

fn variable(bytes: &mut Bytes<impl Read>, directory: &mut Directory) -> Result<(), Error> {
    let width = bytes.i32()?;
    let has_label = bytes.i32()? == 1;
    let n_missing = bytes.i32()?;
    bytes.skip(8)?;
    let name = bytes.name(SLOT)?;
    if has_label {
        let n_bytes = u64::from(bytes.u32()?);
        bytes.skip(n_bytes.next_multiple_of(4))?;
    }
    let missing = Missing::read(bytes, n_missing, width != 0)?;
    let first_slot = directory.n_slots;
    directory.n_slots += 1;
    if directory.n_slots * SLOT > ROW_BYTES_MAX {
        return Err(Error::TooLarge { what: "bytes in one row", limit: ROW_BYTES_MAX });
    }
    match width {
        // A further slot of the text before it.
        -1 => Ok(()),
        0..=TEXT_BYTES_MAX if directory.variables.len() < COLUMNS_MAX => {
            let (short_name, width) = (name.clone(), width as usize);
            directory.variables.push(Variable { name, short_name, first_slot, width, missing, is_long: false });
            Ok(())
        }
        0..=TEXT_BYTES_MAX => Err(Error::TooLarge { what: "columns", limit: COLUMNS_MAX }),
        _ => Err(bytes.fault(format!("column {name} is {width} bytes wide"))),
    }
}

fn value_labels(bytes: &mut Bytes<impl Read>) -> Result<(), Error> {
    for _ in 0..bytes.u32()? {
        bytes.skip(SLOT as u64)?;
        let n_bytes = u64::from(bytes.u8()?);
        bytes.skip((n_bytes + 1).next_multiple_of(8) - 1)?;
    }
    if bytes.i32()? != 4 {
        return Err(bytes.fault("value labels belong to no column"));
    }
    let n_columns = u64::from(bytes.u32()?);
    bytes.skip(4 * n_columns)
}

fn extension(bytes: &mut Bytes<impl Read>, directory: &mut Directory) -> Result<(), Error> {
    let (kind, size, count) = (bytes.i32()?, u64::from(bytes.u32()?), u64::from(bytes.u32()?));
    // Two factors of 32 bits: the product fits.
    let n_bytes = size * count;
    if kind != LONG_NAMES && kind != LONG_TEXTS {
        return bytes.skip(n_bytes);
    }
    let text = bytes.word(usize::try_from(n_bytes).unwrap_or(usize::MAX))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    // SHORT=long, each with a tab behind it; for long texts SHORT=bytes, with a zero byte and a tab.
    let pairs: BTreeMap<&str, &str> =
        text.split('\t').filter_map(|pair| pair.trim_end_matches('\0').split_once('=')).collect();
    for variable in &mut directory.variables {
        if let Some(own) = pairs.get(variable.short_name.as_str()) {
            match kind {
                LONG_NAMES => variable.name = (*own).to_owned(),
                _ => variable.is_long = true,
            }
        }
    }
    Ok(())
}
