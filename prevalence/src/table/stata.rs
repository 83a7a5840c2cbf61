//! Which columns does a Stata file hold?
//!
//! `.dta` of Stata 13 and later, lowest byte first, as every machine of today writes it. Cells are the stored numbers: value labels and formats are not
//! applied, and all of Stata's missing values (`.`, `.a` to `.z`) are missing cells. Texts longer than 2,045 bytes (strL)
//! are not read.
//!
//! Source: "File formats .dta", releases 117, 118 and 119, in the Stata manual; checked against files that pyreadstat
//! wrote (`tests/files`).

use std::io::Read;

use super::bytes::{Bytes, until_zero};
use super::{Builder, COLUMNS_MAX, Cell, ROW_BYTES_MAX, Table, Wanted};
use crate::Error;

/// How a column is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Storage {
    Text(usize),
    /// A reference to a long text.
    Long,
    Double,
    Float,
    I32,
    I16,
    I8,
}

/// What stands before the rows.
struct Directory {
    names: Vec<String>,
    storages: Vec<Storage>,
    n_rows: u64,
}

impl Table {
    /// Reads the wanted columns of a Stata file.
    ///
    /// # Errors
    /// [`Error::Binary`] for anything that is no such file; else as [`Table::read_csv`].
    pub fn read_stata(input: impl Read, wanted: &[Wanted]) -> Result<Table, Error> {
        let mut bytes = Bytes::new(input, "Stata");
        let directory = directory(&mut bytes)?;
        let mut builder = Builder::new(&directory.names, wanted)?;
        let mut offsets = vec![0];
        offsets.extend(directory.storages.iter().scan(0, |end, own| {
            *end += own.width();
            Some(*end)
        }));
        let width = offsets[directory.storages.len()];
        if width > ROW_BYTES_MAX {
            return Err(Error::TooLarge { what: "bytes in one row", limit: ROW_BYTES_MAX });
        }
        if let Some(&long) = builder.places().iter().find(|&&place| directory.storages[place] == Storage::Long) {
            let name = &directory.names[long];
            return Err(bytes.fault(format!("column {name} holds long texts (strL), which are not read")));
        }
        let mut row = vec![0; width];
        for _ in 0..directory.n_rows {
            bytes.fill(&mut row)?;
            builder.push_row(|place| directory.storages[place].cell(&row[offsets[place]..offsets[place + 1]]))?;
        }
        builder.finish()
    }

    /// Names of the columns of a Stata file.
    ///
    /// # Errors
    /// [`Error::Binary`].
    pub fn stata_names(input: impl Read) -> Result<Vec<String>, Error> {
        directory(&mut Bytes::new(input, "Stata")).map(|directory| directory.names)
    }
}

impl Storage {
    fn new(code: u16) -> Option<Storage> {
        Some(match code {
            1..=2045 => Storage::Text(usize::from(code)),
            32768 => Storage::Long,
            65526 => Storage::Double,
            65527 => Storage::Float,
            65528 => Storage::I32,
            65529 => Storage::I16,
            65530 => Storage::I8,
            _ => return None,
        })
    }

    fn width(self) -> usize {
        match self {
            Storage::Text(width) => width,
            Storage::Long | Storage::Double => 8,
            Storage::Float | Storage::I32 => 4,
            Storage::I16 => 2,
            Storage::I8 => 1,
        }
    }

    /// Numbers from a limit on are Stata's 27 missing values.
    fn cell(self, bytes: &[u8]) -> Cell<'_> {
        let mut own = [0; 8];
        if !matches!(self, Storage::Text(_)) {
            own[..bytes.len()].copy_from_slice(bytes);
        }
        let [a, b, c, d, ..] = own;
        let (value, is_missing) = match self {
            Storage::Text(_) => return Cell::Text(until_zero(bytes)),
            Storage::Long => return Cell::Missing,
            Storage::Double => {
                let value = f64::from_le_bytes(own);
                (value, value >= f64::from_bits(0x7fe0_0000_0000_0000))
            }
            Storage::Float => {
                let value = f32::from_le_bytes([a, b, c, d]);
                (f64::from(value), value >= f32::from_bits(0x7f00_0000))
            }
            Storage::I32 => {
                let value = i32::from_le_bytes([a, b, c, d]);
                (f64::from(value), value > 2_147_483_620)
            }
            Storage::I16 => {
                let value = i16::from_le_bytes([a, b]);
                (f64::from(value), value > 32_740)
            }
            Storage::I8 => {
                let value = i8::from_le_bytes([a]);
                (f64::from(value), value > 100)
            }
        };
        if is_missing { Cell::Missing } else { Cell::Number(value) }
    }
}

/// Reads up to the first row.
fn directory(bytes: &mut Bytes<impl Read>) -> Result<Directory, Error> {
    if bytes.word(28)? != *b"<stata_dta><header><release>" {
        return Err(bytes.fault("it does not begin as one of Stata 13 or later"));
    }
    let release = bytes.word(3)?;
    // Bytes of a name, a format, a value label's name and a variable's label; those of the number of columns differ too.
    let (name, format, label) = match release.as_slice() {
        b"117" => (33, 49, 81),
        b"118" | b"119" => (129, 57, 321),
        _ => return Err(bytes.fault(format!("its release {} is not read", String::from_utf8_lossy(&release)))),
    };
    let (is_117, is_119) = (release == b"117", release == b"119");
    tag(bytes, "</release><byteorder>LSF</byteorder><K>")?;
    let n_columns = if is_119 { bytes.u32()? as usize } else { usize::from(bytes.u16()?) };
    if n_columns > COLUMNS_MAX {
        return Err(Error::TooLarge { what: "columns", limit: COLUMNS_MAX });
    }
    tag(bytes, "</K><N>")?;
    let n_rows = if is_117 { u64::from(bytes.u32()?) } else { bytes.u64()? };
    tag(bytes, "</N><label>")?;
    let n_title = if is_117 { u64::from(bytes.u8()?) } else { u64::from(bytes.u16()?) };
    bytes.skip(n_title)?;
    tag(bytes, "</label><timestamp>")?;
    let n_time = u64::from(bytes.u8()?);
    bytes.skip(n_time)?;
    tag(bytes, "</timestamp></header><map>")?;
    bytes.skip(14 * 8)?;
    tag(bytes, "</map><variable_types>")?;
    let storages = (0..n_columns).map(|_| {
        let code = bytes.u16()?;
        Storage::new(code).ok_or_else(|| bytes.fault(format!("it has a column of the unknown kind {code}")))
    });
    let storages = storages.collect::<Result<Vec<Storage>, Error>>()?;
    tag(bytes, "</variable_types><varnames>")?;
    let names = (0..n_columns).map(|_| bytes.name(name)).collect::<Result<Vec<String>, Error>>()?;
    tag(bytes, "</varnames><sortlist>")?;
    let n_columns = n_columns as u64;
    bytes.skip((n_columns + 1) * if is_119 { 4 } else { 2 })?;
    for (end, width) in [
        ("</sortlist><formats>", format),
        ("</formats><value_label_names>", name as u64),
        ("</value_label_names><variable_labels>", label),
    ] {
        tag(bytes, end)?;
        bytes.skip(n_columns * width)?;
    }
    tag(bytes, "</variable_labels><characteristics>")?;
    loop {
        match bytes.word(4)?.as_slice() {
            b"<ch>" => {
                let n_bytes = u64::from(bytes.u32()?);
                bytes.skip(n_bytes)?;
                tag(bytes, "</ch>")?;
            }
            b"</ch" => {
                tag(bytes, "aracteristics><data>")?;
                return Ok(Directory { names, storages, n_rows });
            }
            _ => return Err(bytes.fault("its characteristics are damaged")),
        }
    }
}

fn tag(bytes: &mut Bytes<impl Read>, wanted: &str) -> Result<(), Error> {
    let own = bytes.word(wanted.len())?;
    if own == wanted.as_bytes() { Ok(()) } else { Err(bytes.fault(format!("{wanted} is not where it belongs"))) }
}
