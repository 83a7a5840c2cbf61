//! Which column of a remitter's file holds which field?
//!
//! Every institution writes its own CSV. A mapping is a TOML file that says, once, what its columns mean:
//! the columns' names, how numbers and times are written, and what its words stand for.
//! Columns it does not name are not read; there is no key for a name, a sex or a nationality.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Door, Fields, Words};
use crate::money::Notation;
use crate::time::{Clock, zone_named};
use crate::transfer::{Channel, Payee, Purpose, Relation, Status};
use crate::{Country, Error, PartyKey};

/// What the columns of one file mean.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Between fields; a comma when not given, `\t` for a tabulator.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Field to column, by the names of [`Fields::NAMES`].
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Field to a value that holds for the whole file.
    #[serde(default)]
    pub constants: BTreeMap<String, String>,
    /// How amounts are written.
    #[serde(default)]
    pub amount: AmountNotation,
    /// How times are written.
    #[serde(default)]
    pub time: TimeNotation,
    /// The file's words, by field: `values.channel = { "Cash pickup" = "cash" }`.
    #[serde(default)]
    pub values: BTreeMap<String, BTreeMap<String, String>>,
}

/// Where a field comes from in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A column, by its place.
    Column(usize),
    /// One value for the whole file.
    Constant(String),
    /// Nowhere.
    Absent,
}

/// Columns that even a file in our own form cannot be without.
const REQUIRED: [&str; 8] = ["id", "time", "sender", "beneficiary", "amount", "currency", "from", "to"];

/// How amounts are written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountNotation {
    /// Between units and decimals.
    #[serde(default = "point")]
    pub decimal: char,
    /// Between groups of three digits; none when not given.
    pub thousands: Option<char>,
}

/// How times are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeNotation {
    /// `strftime` formats, `iso` for ISO 8601; ISO 8601 alone when not given.
    #[serde(default)]
    pub formats: Vec<String>,
    /// IANA name or offset of times that carry none.
    pub zone: Option<String>,
    /// The sender's zone by country sent from, for countries that have one zone.
    #[serde(default)]
    pub sender_zones: BTreeMap<String, String>,
    /// Whether an offset written with a time is the sender's own; false when not given.
    #[serde(default)]
    pub offset_is_senders: bool,
}

impl Default for AmountNotation {
    fn default() -> AmountNotation {
        AmountNotation { decimal: point(), thousands: None }
    }
}

impl Mapping {
    /// The longest mapping taken, in bytes.
    pub const BYTES_MAX: usize = 1024 * 1024;

    /// Reads a mapping.
    ///
    /// # Errors
    /// [`Error::Mapping`] with the line, for an unknown key, field, zone or word.
    pub fn parse(text: &str) -> Result<Mapping, Error> {
        if text.len() > Self::BYTES_MAX {
            return Err(Error::Mapping("longer than 1 MiB".to_owned()));
        }
        let mapping: Mapping = toml::from_str(text).map_err(|e| Error::Mapping(e.to_string()))?;
        mapping.check()?;
        Ok(mapping)
    }

    /// The mapping of a file whose columns bear our own names.
    pub fn own() -> Mapping {
        let columns = Fields::NAMES.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
        Mapping {
            delimiter: comma(),
            columns,
            constants: BTreeMap::new(),
            amount: AmountNotation::default(),
            time: TimeNotation::default(),
            values: BTreeMap::new(),
        }
    }

    /// Where each of [`Fields::NAMES`] comes from in a file with these columns.
    ///
    /// # Errors
    /// [`Error::MissingColumn`] names a column that the mapping takes and the file does not have.
    pub fn sources(&self, columns: &[String]) -> Result<Vec<Source>, Error> {
        let is_own = *self == Mapping::own();
        Fields::NAMES.iter().map(|&field| self.source_of(field, columns, is_own)).collect()
    }

    fn source_of(&self, field: &'static str, columns: &[String], is_own: bool) -> Result<Source, Error> {
        if let Some(text) = self.constants.get(field) {
            return Ok(Source::Constant(text.clone()));
        }
        let Some(column) = self.columns.get(field) else { return Ok(Source::Absent) };
        match columns.iter().position(|name| name == column.trim()) {
            Some(index) => Ok(Source::Column(index)),
            None if is_own && !REQUIRED.contains(&field) => Ok(Source::Absent),
            None => Err(Error::MissingColumn { field, column: column.clone(), present: columns.join(", ") }),
        }
    }

    /// The door for this file, with the institution's key.
    ///
    /// # Errors
    /// [`Error::Mapping`] for an unknown zone or word.
    pub fn door(&self, key: PartyKey) -> Result<Door, Error> {
        Ok(Door {
            key,
            clock: self.clock()?,
            notation: Notation { decimal: self.amount.decimal, thousands: self.amount.thousands },
            words: Words {
                channel: self.words("channel", Channel::parse)?,
                payee: self.words("payee", Payee::parse)?,
                relation: self.words("relation", Relation::parse)?,
                purpose: self.words("purpose", Purpose::parse)?,
                status: self.words("status", Status::parse)?,
            },
        })
    }

    fn check(&self) -> Result<(), Error> {
        if !self.delimiter.is_ascii() || matches!(self.delimiter, '"' | '\n' | '\r') {
            return Err(Error::Mapping("the delimiter must be one ASCII character, and no quotation mark".to_owned()));
        }
        if self.amount.thousands == Some(self.amount.decimal) {
            return Err(Error::Mapping("`decimal` and `thousands` are the same character".to_owned()));
        }
        for name in self.columns.keys().chain(self.constants.keys()) {
            if !Fields::NAMES.contains(&name.as_str()) {
                let known = Fields::NAMES.join(", ");
                return Err(Error::Mapping(format!("there is no field {name:?}; the fields are {known}")));
            }
        }
        if let Some(name) = self.columns.keys().find(|name| self.constants.contains_key(*name)) {
            return Err(Error::Mapping(format!("{name} has both a column and a constant")));
        }
        const FIELDS_WITH_WORDS: [&str; 5] = ["channel", "payee", "relation", "purpose", "status"];
        if let Some(name) = self.values.keys().find(|name| !FIELDS_WITH_WORDS.contains(&name.as_str())) {
            return Err(Error::Mapping(format!(
                "{name} takes no words; only channel, payee, relation, purpose and status do"
            )));
        }
        self.door(PartyKey::new(&[0; 16])?).map(|_| ())
    }

    fn clock(&self) -> Result<Clock, Error> {
        let zone = |name: &String| zone_named(name).map_err(|p| Error::Mapping(format!("the zone {name:?} {p}")));
        let mut sender_zones = BTreeMap::new();
        for (code, name) in &self.time.sender_zones {
            let country = Country::parse(code).ok_or_else(|| Error::Mapping(format!("{code:?} is no country")))?;
            sender_zones.insert(country, zone(name)?);
        }
        Ok(Clock {
            formats: self.time.formats.clone(),
            zone: self.time.zone.as_ref().map(zone).transpose()?,
            sender_zones,
            is_senders_offset: self.time.offset_is_senders,
        })
    }

    fn words<T>(&self, field: &str, parse: fn(&str) -> Option<T>) -> Result<Vec<(String, T)>, Error> {
        let translations = self.values.get(field).into_iter().flatten();
        translations
            .map(|(theirs, ours)| match parse(ours) {
                Some(value) => Ok((theirs.clone(), value)),
                None => Err(Error::Mapping(format!("{field} has no value {ours:?}"))),
            })
            .collect()
    }
}

fn comma() -> char {
    ','
}

fn point() -> char {
    '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_with_a_fault_names_it() {
        for (text, part) in [
            ("colums = {}", "unknown field `colums`"),
            ("columns = { nationality = \"Nat\" }", "no field \"nationality\""),
            ("columns = { name = \"Customer\" }", "no field \"name\""),
            ("columns = { sex = \"Sex\" }", "no field \"sex\""),
            ("columns = { id = \"A\" }\nconstants = { id = \"B\" }", "both a column and a constant"),
            ("[time]\nzone = \"Europe/Atlantis\"", "no IANA time zone"),
            ("[amount]\ndecimal = \",\"\nthousands = \",\"", "same character"),
            ("[values.channel]\nCourier = \"pigeon\"", "no value \"pigeon\""),
            ("[values.amount]\nx = \"y\"", "takes no words"),
            ("delimiter = \"€\"", "ASCII"),
            ("\n\ndelimiter = 5", "line 3"),
        ] {
            let message = Mapping::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
