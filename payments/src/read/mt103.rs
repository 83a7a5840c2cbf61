//! What does a SWIFT MT103 message say?
//!
//! Source: SWIFT Standards MT, Category 1, "MT 103 Single Customer Credit Transfer" (fields 20, 13C, 32A, 33B, 50a, 52A,
//! 57A, 59a) and the FIN block structure. Accounts come from the `/` line of fields 50a and 59a; the names below them
//! are not read. A message without both accounts is refused, because without them nobody can be told apart.

use std::io::BufRead;

use super::lines::{Line, Lines};
use super::{Door, Entry, Fields};
use crate::Error;
use crate::error::{Field, Problem, Reject};
use crate::money::Notation;

/// Reads transfers from a file of MT103 messages, each ending in `-}`.
#[derive(Debug)]
pub struct Mt103Reader<R> {
    lines: Lines<R>,
    door: Door,
    message: Vec<u8>,
    n_messages: u64,
    is_over: bool,
}

impl<R: BufRead> Mt103Reader<R> {
    /// Reads from `source` through `door`, whose notation of amounts is replaced by SWIFT's comma.
    pub fn new(source: R, mut door: Door) -> Mt103Reader<R> {
        door.notation = Notation::SWIFT;
        Mt103Reader { lines: Lines::new(source), door, message: Vec::new(), n_messages: 0, is_over: false }
    }

    fn read_message(&mut self) -> Result<Option<Entry>, std::io::Error> {
        self.message.clear();
        let mut is_too_long = false;
        loop {
            let start = self.message.len();
            match self.lines.next_into(&mut self.message)? {
                Line::End if self.message.trim_ascii().is_empty() && !is_too_long => return Ok(None),
                Line::End => break,
                Line::TooLong => {
                    is_too_long = true;
                    self.message.clear();
                }
                Line::Whole if self.message[start..].starts_with(b"-}") => break,
                Line::Whole => {}
            }
        }
        self.n_messages += 1;
        Ok(Some(match (is_too_long, std::str::from_utf8(&self.message)) {
            (true, _) => self.reject("message", Problem::RowTooLong),
            (false, Err(_)) => self.reject("message", Problem::NotUtf8),
            (false, Ok(text)) => self.entry(text),
        }))
    }

    fn entry(&self, text: &str) -> Entry {
        let Some(message) = Message::parse(text) else { return self.reject("message", Problem::MessageSyntax) };
        let time = message.time();
        let fields = Fields {
            id: message.uetr.unwrap_or(message.reference),
            time: &time,
            sender: message.sender,
            beneficiary: message.beneficiary,
            amount: message.amount,
            currency: message.currency,
            from: message.from,
            to: message.to,
            channel: "bank",
            ..Fields::default()
        };
        self.door.admit(&fields, self.n_messages)
    }

    fn reject(&self, field: &'static str, problem: Problem) -> Entry {
        Entry::Reject(Reject { line: self.n_messages, field: Field(field), problem })
    }
}

impl<R: BufRead> Iterator for Mt103Reader<R> {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let outcome = self.read_message();
        self.is_over = !matches!(outcome, Ok(Some(_)));
        let n_read = self.n_messages;
        outcome.map_err(|source| Error::Read { n_read, source }).transpose()
    }
}

/// The parts of a message that a transfer needs.
#[derive(Debug, Default)]
struct Message<'a> {
    uetr: Option<&'a str>,
    reference: &'a str,
    /// Six digits, from field 32A: YYMMDD.
    date: &'a str,
    /// `HHMM±HHMM` from field 13C, when it tells the time of sending.
    clock: Option<&'a str>,
    currency: &'a str,
    amount: &'a str,
    sender: &'a str,
    beneficiary: &'a str,
    from: &'a str,
    to: &'a str,
}

impl<'a> Message<'a> {
    fn parse(text: &'a str) -> Option<Message<'a>> {
        let body = text.find("{4:").map(|at| &text[at + 3..])?;
        let mut message = Message {
            uetr: after(text, "{121:").and_then(|rest| rest.split('}').next()),
            from: after(text, "{1:F01").and_then(country_of_bic).unwrap_or(""),
            to: after(text, "{2:I103").and_then(country_of_bic).unwrap_or(""),
            ..Message::default()
        };
        let mut instructed = None;
        let mut tag = "";
        for line in body.lines() {
            let line = line.trim_end();
            let (is_first, value) = match line.strip_prefix(':').and_then(|rest| rest.split_once(':')) {
                Some((name, value)) => {
                    tag = name;
                    (true, value)
                }
                None => (false, line),
            };
            match (tag, is_first) {
                ("20", true) => message.reference = value,
                ("13C", true) => message.clock = message.clock.or(value.strip_prefix("/SNDTIME/")),
                ("32A", true) => {
                    message.date = value.get(..6)?;
                    (message.currency, message.amount) = (value.get(6..9)?, value.get(9..)?);
                }
                ("33B", true) => instructed = Some((value.get(..3)?, value.get(3..)?)),
                ("50A" | "50K" | "50F", true) => message.sender = value.strip_prefix('/').unwrap_or(""),
                ("59" | "59A" | "59F", true) => message.beneficiary = value.strip_prefix('/').unwrap_or(""),
                ("52A", _) if !value.starts_with('/') => message.from = country_of_bic(value).unwrap_or(message.from),
                ("57A", _) if !value.starts_with('/') => message.to = country_of_bic(value).unwrap_or(message.to),
                _ => {}
            }
        }
        if let Some(pair) = instructed {
            (message.currency, message.amount) = pair;
        }
        Some(message)
    }

    /// ISO 8601: a bare date, unless field 13C gives the clock with its offset.
    fn time(&self) -> String {
        let part = |range: std::ops::Range<usize>| self.date.get(range).unwrap_or("");
        let date = format!("20{}-{}-{}", part(0..2), part(2..4), part(4..6));
        match self.clock {
            Some(clock) if clock.len() == 9 && clock.is_ascii() => {
                format!("{date}T{}:{}:00{}:{}", &clock[..2], &clock[2..4], &clock[4..7], &clock[7..])
            }
            Some(_) | None => date,
        }
    }
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.find(mark).map(|at| &text[at + mark.len()..])
}

/// Characters five and six of a bank's code (ISO 9362).
fn country_of_bic(bic: &str) -> Option<&str> {
    bic.get(4..6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::PartyKey;

    const GOOD: &str = "{1:F01AAAAGB2LXXXX0000000000}{2:I103BBBBPHMMXXXXN}{3:{121:0f0e0d0c-0000-4000-8000-000000000001}}{4:\r\n\
        :20:REF1\r\n:13C:/SNDTIME/2330+0100\r\n:23B:CRED\r\n:32A:260701EUR17,50\r\n:33B:GBP15,\r\n\
        :50K:/GB29NWBK60161331926819\r\nSOMEBODY\r\nLONDON\r\n:57A:CCCCKEMMXXX\r\n:59:/000111222\r\nSOMEBODY ELSE\r\n:71A:SHA\r\n-}\r\n";

    fn read(text: &[u8]) -> Vec<Entry> {
        let door = Door::plain(PartyKey::new(&[1; 32]).unwrap());
        Mt103Reader::new(text, door).map(Result::unwrap).collect()
    }

    #[test]
    fn a_message_gives_what_was_instructed_and_when() {
        let entries = read(GOOD.as_bytes());
        let [Entry::Transfer { transfer, .. }] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!(&*transfer.id, "0f0e0d0c-0000-4000-8000-000000000001");
        assert_eq!(transfer.amount.to_string(), "GBP 15.00");
        assert_eq!(transfer.corridor.to_string(), "GB-KE");
        assert_eq!(transfer.at.to_rfc3339(), "2026-07-01T22:30:00Z");
    }

    #[test]
    fn a_message_without_an_account_is_refused_and_the_next_is_read() {
        let nameless = GOOD.replace(":59:/000111222\r\n", ":59:");
        let entries = read(format!("{nameless}{GOOD}").as_bytes());
        let expected = Reject { line: 1, field: Field("beneficiary"), problem: Problem::Missing };
        assert_eq!(entries[0], Entry::Reject(expected));
        assert!(matches!(entries[1], Entry::Transfer { .. }));
    }

    #[test]
    fn names_below_the_account_change_nothing() {
        assert_eq!(read(GOOD.as_bytes()), read(GOOD.replace("SOMEBODY", "ANYBODY").as_bytes()));
    }

    #[test]
    fn a_message_without_its_end_is_bounded() {
        let entries = read(&b"{4:\n".repeat(40_000));
        assert_eq!(entries, [Entry::Reject(Reject { line: 1, field: Field("message"), problem: Problem::RowTooLong })]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(noise in prop::collection::vec(any::<u8>(), 0..60), at in 0..GOOD.len()) {
            let mut text = GOOD.as_bytes().to_vec();
            text.splice(at..(at + noise.len() / 2).min(text.len()), noise);
            let _ = read(&text);
        }
    }
}
