//! How is a list written down, so that reading it gives the same list?

use std::collections::BTreeMap;
use std::fmt;

use super::parse::{FORMAT, field};
use super::{Entry, Header, Kind, List};
use crate::Error;
use crate::error::ListError;

impl List {
    /// Makes a list of these entries, in this order.
    ///
    /// # Errors
    /// [`Error::List`] when a field cannot be written (empty, too long, with control characters), or two entries
    /// share an id and are not frames of one video; the line is the one that the entry would have.
    pub fn new(header: Header, entries: Vec<Entry>) -> Result<List, Error> {
        let at_line = |line| move |wrong| Error::List { line, wrong };
        field("name", &header.name).map_err(at_line(2))?;
        field("source", &header.source).map_err(at_line(4))?;
        if header.version == 0 {
            return Err(at_line(3)(ListError::Version { found: "0".into() }));
        }
        let mut ids: BTreeMap<&str, (usize, Kind)> = BTreeMap::new();
        for (line, entry) in (N_HEADER_LINES + 1..).zip(&entries) {
            check(entry).map_err(at_line(line))?;
            let kind = entry.fingerprint.kind();
            match ids.insert(&entry.id, (line, kind)) {
                Some((_, Kind::Vpdq)) if kind == Kind::Vpdq => {}
                Some((first, _)) => {
                    return Err(at_line(line)(ListError::DuplicateId { id: entry.id.to_string(), first }));
                }
                None => {}
            }
        }
        Ok(List::from_checked(header, entries))
    }

    /// What stands above the entries.
    pub fn header(&self) -> Header {
        Header { name: self.name.clone(), version: self.version, source: self.source.clone(), created: self.created }
    }
}

const N_HEADER_LINES: usize = 5;

fn check(entry: &Entry) -> Result<(), ListError> {
    field("id", &entry.id)?;
    field("added by", &entry.added_by)?;
    let Some(origin) = &entry.origin else { return Ok(()) };
    field("exchange", &origin.exchange)?;
    field("exchange id", &origin.id)?;
    match &*origin.exchange == "-" || &*origin.id == "-" {
        true => Err(ListError::HalfSource),
        false => Ok(()),
    }
}

impl fmt::Display for List {
    /// Writes the text that [`List::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORMAT}")?;
        writeln!(f, "name: {}\nversion: {}\nsource: {}", self.name, self.version, self.source)?;
        writeln!(f, "created: {}", self.created)?;
        self.entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for Entry {
    /// Writes the entry's line, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (exchange, exchange_id) = match &self.origin {
            Some(origin) => (&*origin.exchange, &*origin.id),
            None => ("-", "-"),
        };
        let kind = self.fingerprint.kind();
        write!(f, "{}\t{kind}\t{}\t{}\t{}", self.fingerprint, self.id, self.added_by, self.added_at)?;
        write!(f, "\t{exchange}\t{exchange_id}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::list::Origin;
    use crate::{Fingerprint, Hash256, Instant};

    fn text() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9äöü:#_./-]{1,12}( [a-z]{1,3})?".prop_filter("a lone dash means none", |text| text != "-")
    }

    prop_compose! {
        fn entry()(
            fingerprint in prop_oneof![
                any::<[u8; 32]>().prop_map(|bytes| Fingerprint::Pdq(Hash256(bytes))),
                any::<[u8; 32]>().prop_map(|bytes| Fingerprint::Vpdq(Hash256(bytes))),
                any::<[u8; 16]>().prop_map(Fingerprint::Md5),
                any::<[u8; 20]>().prop_map(Fingerprint::Sha1),
                any::<[u8; 32]>().prop_map(Fingerprint::Sha256),
                prop::collection::vec(any::<u8>(), 1..200).prop_map(|bytes| Fingerprint::PhotoDna(bytes.into())),
            ],
            added_by in text(),
            unix_s in 0..4_000_000_000_i64,
            origin in prop::option::of((text(), text())),
        ) -> Entry {
            Entry {
                fingerprint,
                id: "".into(),
                added_by: added_by.as_str().into(),
                added_at: Instant::from_unix_s(unix_s),
                origin: origin.map(|(exchange, id)| Origin { exchange: exchange.as_str().into(), id: id.into() }),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            name in text(), version in 1..u64::MAX, source in text(), mut entries in prop::collection::vec(entry(), 0..20)
        ) {
            for (i, entry) in entries.iter_mut().enumerate() {
                entry.id = format!("id {i}").into();
            }
            let header = Header { name, version, source, created: Instant::from_unix_s(1_795_479_059) };
            let list = List::new(header, entries).unwrap();
            prop_assert_eq!(List::parse(&list.to_string()).unwrap(), list);
        }
    }

    #[test]
    fn what_could_not_be_read_back_is_not_written() {
        let header = |name: &str, version| Header {
            name: name.into(),
            version,
            source: "us".into(),
            created: Instant::default(),
        };
        let entry = |id: &str| Entry {
            fingerprint: Fingerprint::Md5([7; 16]),
            id: id.into(),
            added_by: "us".into(),
            added_at: Instant::default(),
            origin: None,
        };
        assert!(List::new(header("a", 1), vec![entry("x"), entry("y")]).is_ok());
        assert!(List::new(header("a\nb", 1), vec![]).is_err());
        assert!(List::new(header("a", 0), vec![]).is_err());
        assert!(List::new(header("a", 1), vec![entry("x\ty")]).is_err());
        assert!(List::new(header("a", 1), vec![entry("x"), entry("x")]).is_err());
    }
}
