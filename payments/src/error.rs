//! What can go wrong, with the facts inside?
//!
//! [`Problem`] is about one row or message and never stops the rest; [`Error`] is about a whole file.

use std::fmt;

/// Why a file, mapping, pack or table of rates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input broke off or could not be read.
    #[error("cannot read on after {n_read} transfers: {source}")]
    Read {
        /// Transfers that came before.
        n_read: u64,
        /// What the source said.
        source: std::io::Error,
    },
    /// XML that is not well formed; nothing behind the fault can be trusted.
    #[error("the XML breaks off near byte {position}: {reason}")]
    Xml {
        /// Byte offset.
        position: u64,
        /// What the reader said.
        reason: String,
    },
    /// A message of a kind we do not read.
    #[error("the document holds no pacs.008, pain.001 or camt.053 message")]
    NoMessage,
    /// A file without even a header.
    #[error("the file has no header line")]
    NoHeader,
    /// A mapping names a column that the file lacks.
    #[error("the mapping takes {field} from a column {column:?}, which the file does not have; it has {present}")]
    MissingColumn {
        /// Our field.
        field: &'static str,
        /// The column's name in the mapping.
        column: String,
        /// The columns that are there.
        present: String,
    },
    /// A header names one column twice, so a mapping cannot say which is meant.
    #[error("the header has two columns {column:?}")]
    ColumnTwice {
        /// The name.
        column: String,
    },
    /// A mapping file that is not valid.
    #[error("the mapping is not valid: {0}")]
    Mapping(String),
    /// A pack or overlay that is not valid.
    #[error("the pack is not valid: {0}")]
    Pack(String),
    /// A table of exchange rates that is not valid.
    #[error("the table of rates is not valid, line {line}: {reason}")]
    Rates {
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A key that is too short to hide anything.
    #[error("the pseudonym key has {n_bytes} bytes, and at least 16 are needed")]
    ShortKey {
        /// Its length.
        n_bytes: usize,
    },
    /// A log that this gate cannot have written.
    #[error("the log does not follow from what stands before: {0}")]
    Log(String),
    /// More transfers than one book can number.
    #[error("the book is full at {n_rows} transfers")]
    TooManyRows {
        /// Its size.
        n_rows: usize,
    },
}

/// What is wrong with one row or message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A field that must be there is empty.
    #[error("is missing")]
    Missing,
    /// An amount of nothing.
    #[error("is zero")]
    AmountZero,
    /// A negative amount; a reversal is told by its own field.
    #[error("is negative; give reversals in the field `reverses`")]
    AmountNegative,
    /// Above [`crate::Amount::MINOR_MAX`].
    #[error("is larger than any real transfer")]
    AmountTooLarge,
    /// A separator that the mapping does not name.
    #[error("has a separator that the mapping does not name; set `thousands` and `decimal`")]
    AmountSeparator,
    /// More decimals than the currency has.
    #[error("has more decimals than its currency")]
    AmountDecimals,
    /// Not a number.
    #[error("is not a number")]
    AmountSyntax,
    /// A code ISO 4217 does not have.
    #[error("is no currency of ISO 4217")]
    UnknownCurrency,
    /// A code ISO 3166 does not have.
    #[error("is no country of ISO 3166")]
    UnknownCountry,
    /// A word the field does not know.
    #[error("has a value that the mapping does not translate")]
    UnknownValue,
    /// No format of the mapping reads it.
    #[error("is no time in any of the formats given")]
    TimeSyntax,
    /// Two formats read it and disagree.
    #[error("can be read as two different dates; keep only one format for the column")]
    TimeAmbiguous,
    /// A clock time without a zone.
    #[error("has no time zone; set `zone` in the mapping")]
    TimeWithoutZone,
    /// A clock time that the zone skipped or had twice.
    #[error("does not exist, or exists twice, in its zone when clocks change; give it with an offset")]
    TimeInClockChange,
    /// Outside 1990..2100.
    #[error("is outside the years 1990 to 2099")]
    TimeOutOfRange,
    /// A zone or offset we do not know.
    #[error("is no IANA time zone and no offset such as +08:00")]
    UnknownZone,
    /// Longer than a row may be.
    #[error("is longer than 64 KiB; a quotation mark may be open")]
    RowTooLong,
    /// Another number of fields than the header.
    #[error("has another number of fields than the header")]
    FieldCount,
    /// Bytes that are not UTF-8.
    #[error("is not UTF-8 text")]
    NotUtf8,
    /// A JSON line that is not an object of ours.
    #[error("is not a JSON object with the fields of a transfer")]
    JsonSyntax,
    /// A message without the parts it must have.
    #[error("is not an MT103 message")]
    MessageSyntax,
    /// Longer than an identifier may be.
    #[error("is longer than 256 bytes")]
    TooLong,
    /// The same transfer again.
    #[error("was read before, with the same contents; it is counted once")]
    Duplicate,
    /// Two transfers under one id.
    #[error("was read before with other contents; the first one is kept")]
    IdReused,
    /// A reversal of something we have not seen.
    #[error("names a transfer that did not come before")]
    ReversesNothing,
    /// More transfers than a book can number.
    #[error("is one too many; begin another book")]
    BookFull,
    /// Later than the clock of whoever takes it.
    #[error("lies more than a day ahead of the clock here")]
    TimeAhead,
    /// No rate on or before the day.
    #[error("has no exchange rate on or before that day; add it to the table of rates")]
    NoRate,
}

/// A field of a transfer, as messages call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field(pub &'static str);

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One row that could not be taken, and why; the other rows go on.
///
/// It never repeats what the field held: that may be an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Line, or the number of the message in its file, from 1.
    pub line: u64,
    /// The field at fault.
    pub field: Field,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {} {}", self.line, self.field, self.problem)
    }
}
