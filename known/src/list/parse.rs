//! Is this text a list, and if not, which line is wrong and why?

use std::collections::BTreeMap;
use std::io::BufRead;
use std::str::FromStr;
use std::sync::Arc;

use super::{Entry, Fingerprint, Header, Kind, List, Origin};
use crate::error::ListError;
use crate::hash256::{parse_hex, shortened};
use crate::{Error, Hash256, Instant};

/// The longest line, its end not counted.
pub const LINE_BYTES_MAX: usize = 4096;
/// The longest name, id, person or exchange.
pub const FIELD_BYTES_MAX: usize = 512;
/// The most entries in one list.
pub const ENTRIES_MAX: usize = 100_000_000;

pub(super) const FORMAT: &str = "streamward list 1";
const N_FIELDS: usize = 7;
/// PhotoDNA values are published with 144 bytes; some exchanges carry other lengths.
const PHOTODNA_BYTES_MAX: usize = 1024;

impl List {
    /// Reads a list from text, whole or not at all.
    ///
    /// # Errors
    /// [`Error::List`] with the first line that is wrong, and what is wrong with it.
    pub fn parse(text: &str) -> Result<List, Error> {
        List::read(text.as_bytes())
    }

    /// As [`List::parse`], from bytes that arrive in pieces; keeps no more than one line besides the entries.
    ///
    /// # Errors
    /// As [`List::parse`]; also when the bytes are not UTF-8 or `input` fails.
    pub fn read(mut input: impl BufRead) -> Result<List, Error> {
        let mut reader = Reader::default();
        let mut line = Vec::new();
        let mut n_lines = 0;
        loop {
            n_lines += 1;
            let at_line = |wrong| Error::List { line: n_lines, wrong };
            if !next_line(&mut input, &mut line).map_err(at_line)? {
                return reader.finish(n_lines).map_err(at_line);
            }
            let text = str::from_utf8(&line).map_err(|_| at_line(ListError::Encoding))?;
            reader.line(text, n_lines).map_err(at_line)?;
        }
    }
}

/// Puts the next line into `line` without its end; false when there is none.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, ListError> {
    // One byte more than fits is enough to know that it does not fit, so a 2 GB line costs 4 kB.
    line.clear();
    let limit = LINE_BYTES_MAX as u64 + 2;
    let n_read = std::io::Read::take(input, limit).read_until(b'\n', line).map_err(ListError::Read)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        line.pop_if(|end| *end == b'\r');
    }
    match line.len() > LINE_BYTES_MAX {
        true => Err(ListError::LongLine { len_max: LINE_BYTES_MAX }),
        false => Ok(n_read > 0),
    }
}

#[derive(Default)]
struct Reader {
    has_format: bool,
    name: Option<String>,
    version: Option<u64>,
    source: Option<String>,
    created: Option<Instant>,
    entries: Vec<Entry>,
    id_lines: BTreeMap<Box<str>, (usize, Kind)>,
    words: BTreeMap<Box<str>, Arc<str>>,
}

impl Reader {
    fn line(&mut self, line: &str, n: usize) -> Result<(), ListError> {
        if !self.has_format {
            self.has_format = line == FORMAT;
            return match self.has_format {
                true => Ok(()),
                false => Err(ListError::Format { expected: FORMAT, found: shortened(line) }),
            };
        }
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        match (&self.name, self.version, &self.source, self.created) {
            (None, ..) => self.name = Some(field("name", header("name", line)?)?.to_owned()),
            (_, None, ..) => self.version = Some(version(header("version", line)?)?),
            (_, _, None, _) => self.source = Some(field("source", header("source", line)?)?.to_owned()),
            (_, _, _, None) => self.created = Some(hash_error(header("created", line)?.parse())?),
            _ => self.entry(line, n)?,
        }
        Ok(())
    }

    fn entry(&mut self, line: &str, n: usize) -> Result<(), ListError> {
        let n_found = line.split('\t').count();
        let mut fields = line.split('\t');
        let mut next = || fields.next().ok_or(ListError::Fields { expected: N_FIELDS, found: n_found });
        if n_found != N_FIELDS {
            return Err(ListError::Fields { expected: N_FIELDS, found: n_found });
        }
        if self.entries.len() == ENTRIES_MAX {
            return Err(ListError::TooMany { n_max: ENTRIES_MAX });
        }
        let hash = next()?;
        let fingerprint = Fingerprint::parse(kind(next()?)?, hash)?;
        let id = field("id", next()?)?;
        let added_by = self.word(field("added by", next()?)?);
        let added_at = hash_error(next()?.parse())?;
        let origin = match (next()?, next()?) {
            ("-", "-") => None,
            ("-", _) | (_, "-") => return Err(ListError::HalfSource),
            (exchange, id) => {
                Some(Origin { exchange: self.word(field("exchange", exchange)?), id: field("exchange id", id)?.into() })
            }
        };
        self.claim(id, fingerprint.kind(), n)?;
        self.entries.push(Entry { fingerprint, id: id.into(), added_by, added_at, origin });
        Ok(())
    }

    /// Frames of one video share an id; any other entry has its own.
    fn claim(&mut self, id: &str, kind: Kind, n: usize) -> Result<(), ListError> {
        match self.id_lines.get(id) {
            Some((_, Kind::Vpdq)) if kind == Kind::Vpdq => Ok(()),
            Some(&(first, _)) => Err(ListError::DuplicateId { id: shortened(id), first }),
            None => {
                self.id_lines.insert(id.into(), (n, kind));
                Ok(())
            }
        }
    }

    /// One copy of a word that many entries repeat.
    fn word(&mut self, word: &str) -> Arc<str> {
        match self.words.get(word) {
            Some(known) => known.clone(),
            None => {
                let shared: Arc<str> = word.into();
                self.words.insert(word.into(), shared.clone());
                shared
            }
        }
    }

    fn finish(self, n: usize) -> Result<List, ListError> {
        let missing = |expected| move || ListError::Header { expected, found: format!("the end, line {n}") };
        if !self.has_format {
            return Err(ListError::Format { expected: FORMAT, found: String::new() });
        }
        let header = Header {
            name: self.name.ok_or_else(missing("name"))?,
            version: self.version.ok_or_else(missing("version"))?,
            source: self.source.ok_or_else(missing("source"))?,
            created: self.created.ok_or_else(missing("created"))?,
        };
        Ok(List::from_checked(header, self.entries))
    }
}

fn header<'a>(expected: &'static str, line: &'a str) -> Result<&'a str, ListError> {
    let value = line.strip_prefix(expected).and_then(|rest| rest.strip_prefix(": "));
    value.ok_or_else(|| ListError::Header { expected, found: shortened(line) })
}

fn version(text: &str) -> Result<u64, ListError> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    match text.parse() {
        Ok(version) if is_plain => Ok(version),
        _ => Err(ListError::Version { found: shortened(text) }),
    }
}

pub(super) fn field<'a>(field: &'static str, text: &'a str) -> Result<&'a str, ListError> {
    let is_good =
        (1..=FIELD_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control) && text.trim() == text;
    match is_good {
        true => Ok(text),
        false => Err(ListError::Field { field, len_max: FIELD_BYTES_MAX, found: shortened(text) }),
    }
}

fn kind(text: &str) -> Result<Kind, ListError> {
    text.parse().map_err(|_| ListError::Kind { found: shortened(text) })
}

fn hash_error<T>(outcome: Result<T, Error>) -> Result<T, ListError> {
    outcome.map_err(|error| ListError::Hash(Box::new(error)))
}

/// No kind of hash has this name.
#[derive(Debug)]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Kind, UnknownKind> {
        match text {
            "pdq" => Ok(Kind::Pdq),
            "vpdq" => Ok(Kind::Vpdq),
            "md5" => Ok(Kind::Md5),
            "sha1" => Ok(Kind::Sha1),
            "sha256" => Ok(Kind::Sha256),
            "photodna" => Ok(Kind::PhotoDna),
            _ => Err(UnknownKind),
        }
    }
}

impl Fingerprint {
    /// Reads a hash of this kind from its hexadecimal digits.
    ///
    /// # Errors
    /// [`Error::HashText`] when there are other digits, or too many or too few.
    pub fn from_hex(kind: Kind, hex: &str) -> Result<Fingerprint, Error> {
        Fingerprint::parse(kind, hex).map_err(|wrong| match wrong {
            ListError::Hash(error) => *error,
            wrong => Error::List { line: 1, wrong },
        })
    }

    fn parse(kind: Kind, hex: &str) -> Result<Fingerprint, ListError> {
        match kind {
            Kind::Pdq => hash_error(hex.parse()).map(Fingerprint::Pdq),
            Kind::Vpdq => hash_error(hex.parse()).map(Fingerprint::Vpdq),
            Kind::Md5 => digest(hex).map(Fingerprint::Md5),
            Kind::Sha1 => digest(hex).map(Fingerprint::Sha1),
            Kind::Sha256 => hash_error(hex.parse()).map(|Hash256(bytes)| Fingerprint::Sha256(bytes)),
            Kind::PhotoDna => {
                let mut bytes = vec![0; (hex.len() / 2).clamp(1, PHOTODNA_BYTES_MAX)];
                match parse_hex(hex, &mut bytes) {
                    true => Ok(Fingerprint::PhotoDna(bytes.into())),
                    false => Err(hash_text(hex, bytes.len() * 2)),
                }
            }
        }
    }
}

fn digest<const N: usize>(hex: &str) -> Result<[u8; N], ListError> {
    let mut bytes = [0; N];
    match parse_hex(hex, &mut bytes) {
        true => Ok(bytes),
        false => Err(hash_text(hex, N * 2)),
    }
}

fn hash_text(hex: &str, n_digits: usize) -> ListError {
    ListError::Hash(Box::new(Error::HashText { text: shortened(hex), n_digits }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "streamward list 1\nname: Test\nversion: 7\nsource: us\ncreated: 2026-11-24\n";

    fn entry(hash: &str, kind: &str, id: &str) -> String {
        format!("{hash}\t{kind}\t{id}\tJ. Doe\t2026-11-20T08:00:00Z\t-\t-\n")
    }

    fn hex(n_digits: usize) -> String {
        "d8f0".repeat(n_digits / 4)
    }

    #[test]
    fn a_list_with_every_kind_is_read() {
        let kinds = [("pdq", 64), ("vpdq", 64), ("md5", 32), ("sha1", 40), ("sha256", 64), ("photodna", 288)];
        let lines: String = kinds.iter().map(|(kind, n_digits)| entry(&hex(*n_digits), kind, kind)).collect();
        let list = List::parse(&format!("{HEADER}\n# a remark\n{lines}")).unwrap();
        assert_eq!((list.name(), list.version(), list.source()), ("Test", 7, "us"));
        let read: Vec<String> = list.entries().iter().map(|entry| entry.fingerprint.kind().to_string()).collect();
        assert_eq!(read, kinds.map(|(kind, _)| kind));
        assert_eq!(list.entries()[4].fingerprint.to_string(), hex(64));
    }

    #[test]
    fn windows_line_ends_and_a_missing_last_one_are_read() {
        let text = format!("{HEADER}{}", entry(&hex(64), "pdq", "a"));
        let windows = text.trim_end().replace('\n', "\r\n");
        assert_eq!(List::parse(&windows).unwrap(), List::parse(&text).unwrap());
    }

    #[test]
    fn the_first_wrong_line_is_named_and_nothing_is_loaded() {
        let good = entry(&hex(64), "pdq", "a");
        for (text, line, part) in [
            (String::new(), 1, "begins with the line"),
            ("streamward list 2\n".into(), 1, "begins with the line"),
            ("streamward list 1\nversion: 7\n".into(), 2, "name"),
            ("streamward list 1\nname: Test\nversion: 0\n".into(), 3, "not a version"),
            ("streamward list 1\nname: Test\nversion: 18446744073709551616\n".into(), 3, "not a version"),
            ("streamward list 1\nname: Test\n".into(), 3, "version"),
            (HEADER.replace("2026-11-24", "yesterday"), 5, "not a moment"),
            (format!("{HEADER}{good}{}", entry(&hex(60), "pdq", "b")), 7, "64 hexadecimal digits"),
            (format!("{HEADER}{}", entry(&hex(64), "md5", "b")), 6, "32 hexadecimal digits"),
            (format!("{HEADER}{}", entry(&hex(64), "md4", "b")), 6, "not a kind"),
            (format!("{HEADER}{good}{good}"), 7, "already used in line 6"),
            (format!("{HEADER}{}", good.replace("-\t-", "-\tx")), 6, "both"),
            (format!("{HEADER}{}", good.replace("\tJ. Doe", "")), 6, "7 fields"),
            (format!("{HEADER}{}", good.replace("J. Doe", "")), 6, "added by"),
            (format!("{HEADER}{}", good.replace("J. Doe", "J.\u{7}Doe")), 6, "control"),
            (format!("{HEADER}#{}\n", "x".repeat(LINE_BYTES_MAX)), 6, "more than 4096 bytes"),
        ] {
            let error = List::parse(&text).unwrap_err();
            assert!(matches!(error, Error::List { line: n, .. } if n == line), "{error}");
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(List::read(&b"streamward list 1\n\xff\n"[..]).is_err());
    }

    #[test]
    fn frames_of_one_video_share_an_id() {
        let frames = entry(&hex(64), "vpdq", "a").repeat(2);
        assert_eq!(List::parse(&format!("{HEADER}{frames}")).unwrap().entries().len(), 2);
        assert!(List::parse(&format!("{HEADER}{frames}{}", entry(&hex(64), "pdq", "a"))).is_err());
    }

    #[test]
    fn an_endless_line_is_refused_after_a_few_kilobytes() {
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        let start = std::io::Cursor::new("streamward list 1\n");
        let error = List::read(std::io::BufReader::new(std::io::Read::chain(start, endless))).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = List::parse(&text);
            let _ = List::parse(&format!("{HEADER}{text}"));
        }

        #[test]
        fn one_changed_byte_is_read_or_refused(at in 0usize..200, byte: u8) {
            let mut bytes = format!("{HEADER}{}", entry(&hex(64), "pdq", "a")).into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = List::read(&bytes[..]);
        }
    }
}
