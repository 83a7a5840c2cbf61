//! What does a file of JSON lines say?
//!
//! One object a line, with the names of [`Fields::NAMES`] and text values. Any other key refuses the row: data that may
//! not be an input, such as a name or a nationality, is told to stay at home.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::BufRead;

use serde::Deserialize;

use super::lines::{Line, Lines};
use super::{Door, Entry, Fields};
use crate::error::{Field, Problem, Reject};
use crate::{Error, Transfer};

/// Reads transfers from JSON lines.
#[derive(Debug)]
pub struct JsonReader<R> {
    lines: Lines<R>,
    door: Door,
    row: Vec<u8>,
    n_read: u64,
    is_over: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow, default)]
    sender_zone: Cow<'a, str>,
    #[serde(borrow)]
    sender: Cow<'a, str>,
    #[serde(borrow)]
    beneficiary: Cow<'a, str>,
    #[serde(borrow)]
    amount: Cow<'a, str>,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    to: Cow<'a, str>,
    #[serde(borrow, default)]
    channel: Cow<'a, str>,
    #[serde(borrow, default)]
    payee: Cow<'a, str>,
    #[serde(borrow, default)]
    relation: Cow<'a, str>,
    #[serde(borrow, default)]
    purpose: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    payout: Cow<'a, str>,
    #[serde(borrow, default)]
    reverses: Cow<'a, str>,
}

impl<R: BufRead> JsonReader<R> {
    /// Reads from `source` through `door`.
    pub fn new(source: R, door: Door) -> JsonReader<R> {
        JsonReader { lines: Lines::new(source), door, row: Vec::new(), n_read: 0, is_over: false }
    }

    fn read_row(&mut self) -> Result<Option<Entry>, std::io::Error> {
        loop {
            self.row.clear();
            match self.lines.next_into(&mut self.row)? {
                Line::End => return Ok(None),
                Line::TooLong => return Ok(Some(self.reject(Problem::RowTooLong))),
                Line::Whole if self.row.trim_ascii().is_empty() => {}
                Line::Whole => return Ok(Some(self.entry())),
            }
        }
    }

    fn entry(&self) -> Entry {
        match read_one(&self.row, &self.door, self.lines.number) {
            Some(entry) => entry,
            None => self.reject(Problem::JsonSyntax),
        }
    }

    fn reject(&self, problem: Problem) -> Entry {
        Entry::Reject(Reject { line: self.lines.number, field: Field("row"), problem })
    }
}

impl<R: BufRead> Iterator for JsonReader<R> {
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

/// Reads one object; `None` when it is not one of ours. `line` goes into a reject.
pub fn read_one(json: &[u8], door: &Door, line: u64) -> Option<Entry> {
    let object: Object<'_> = serde_json::from_slice(json).ok()?;
    let values = [
        &*object.id,
        &object.time,
        &object.sender_zone,
        &object.sender,
        &object.beneficiary,
        &object.amount,
        &object.currency,
        &object.from,
        &object.to,
        &object.channel,
        &object.payee,
        &object.relation,
        &object.purpose,
        &object.status,
        &object.payout,
        &object.reverses,
    ];
    Some(door.admit(&Fields::from_values(values), line))
}

/// Writes one transfer as a line, its parties as pseudonyms, without a line feed.
pub fn write_one(transfer: &Transfer) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let amount = transfer.amount.to_string();
    let mut line = format!(
        r#"{{"id":{},"time":"{}","sender":"{}","beneficiary":"{}","amount":"{}","currency":"{}","from":"{}","to":"{}""#,
        text(&transfer.id),
        transfer.at.to_rfc3339(),
        transfer.sender,
        transfer.beneficiary,
        &amount[4..],
        transfer.amount.currency(),
        transfer.corridor.from,
        transfer.corridor.to,
    );
    let words = [
        ("channel", transfer.channel.as_str()),
        ("payee", transfer.payee.as_str()),
        ("relation", transfer.relation.as_str()),
        ("purpose", transfer.purpose.as_str()),
        ("status", transfer.status.as_str()),
    ];
    for (name, word) in words {
        let _ = write!(line, r#","{name}":"{word}""#);
    }
    if transfer.at.offset_min.is_some() {
        // The last six characters of a time on the sender's clock are its offset.
        let time = transfer.at.to_rfc3339();
        let _ = write!(line, r#","sender_zone":"{}""#, &time[time.len() - 6..]);
    }
    if let Some(payout) = transfer.payout {
        let _ = write!(line, r#","payout":"{payout}""#);
    }
    if let Some(reverses) = &transfer.reverses {
        let _ = write!(line, r#","reverses":{}"#, text(reverses));
    }
    line.push('}');
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::PartyKey;

    fn read(text: &[u8]) -> Vec<Entry> {
        let door = Door::plain(PartyKey::new(&[1; 32]).unwrap());
        JsonReader::new(text, door).map(Result::unwrap).collect()
    }

    const GOOD: &str = r#"{"id":"1","time":"2026-03-01T12:00:00Z","sender":"A","beneficiary":"B","amount":"15.00","currency":"GBP","from":"GB","to":"PH","relation":"undeclared","sender_zone":"-03:30"}"#;

    #[test]
    fn a_key_that_is_not_ours_refuses_the_row() {
        let with_name = GOOD.replace("\"id\"", "\"name\":\"x\",\"id\"");
        let text = format!("{GOOD}\n{with_name}\n\n[1]\n{{\n{GOOD}");
        let entries = read(text.as_bytes());
        let kinds: Vec<Option<u64>> = entries
            .iter()
            .map(|entry| match entry {
                Entry::Transfer { .. } => None,
                Entry::Reject(reject) => Some(reject.line),
            })
            .collect();
        assert_eq!(kinds, [None, Some(2), Some(4), Some(5), None]);
    }

    #[test]
    fn a_written_line_is_read_again() {
        let Entry::Transfer { transfer: first, .. } = &read(GOOD.as_bytes())[0] else { panic!("good") };
        let line = write_one(first);
        let Entry::Transfer { transfer: again, .. } = &read(line.as_bytes())[0] else { panic!("{line}") };
        assert_eq!(again, first);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(text in prop::collection::vec(any::<u8>(), 0..300), at in 0..GOOD.len()) {
            let _ = read(&text);
            let mut damaged = GOOD.as_bytes().to_vec();
            damaged.splice(at..at, text);
            let _ = read(&damaged);
        }
    }
}
