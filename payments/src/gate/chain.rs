//! How is what happened written down, so that a lost or changed line is found?

use super::{Event, Gate};
use crate::{Error, Transfer};

/// One line of a log: something that happened, or a transfer with its worth and arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A transfer.
    Transfer {
        /// It.
        transfer: Box<Transfer>,
        /// What it was worth in minor units of the pack's currency when it arrived.
        value_minor: i64,
        /// When it arrived, seconds since 1970.
        arrived_s: i64,
    },
    /// Anything else.
    Event(Event),
}

/// Lines that follow one another: each carries a sum over all before it, so a lost or changed one is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain([u8; 8]);

impl Chain {
    /// The sum that the last line began with, in hexadecimal.
    pub fn sum(&self) -> String {
        crate::score::hex(&self.0)
    }

    /// A chain that goes on after the line that began with `sum`.
    pub fn after(sum: &str) -> Option<Chain> {
        let number = u64::from_str_radix(sum, 16).ok().filter(|_| sum.len() == 16)?;
        Some(Chain(number.to_be_bytes()))
    }

    /// Writes the next line, with its line feed.
    pub fn write(&mut self, line: &Line) -> String {
        let body = match line {
            Line::Transfer { transfer, value_minor, arrived_s } => {
                format!("t {arrived_s} {value_minor} {}", crate::read::jsonl::write_one(transfer))
            }
            Line::Event(event) => format!("e {}", serde_json::to_string(event).expect("an event is plain text")),
        };
        self.advance(&body);
        format!("{} {body}\n", crate::score::hex(&self.0))
    }

    /// Reads the next line, without its line feed; `None` when it is not the one that was written after the last.
    ///
    /// `door` is [`crate::read::Door::plain`]: the log holds pseudonyms, and no key is needed.
    pub fn read(&mut self, line: &[u8], door: &crate::read::Door) -> Option<Line> {
        let line = std::str::from_utf8(line).ok()?;
        let (sum, body) = line.split_once(' ')?;
        let mut next = *self;
        next.advance(body);
        if crate::score::hex(&next.0) != sum {
            return None;
        }
        *self = next;
        let (kind, rest) = body.split_once(' ')?;
        match kind {
            "e" => serde_json::from_str(rest).ok().map(Line::Event),
            "t" => {
                let mut parts = rest.splitn(3, ' ');
                let (arrived_s, value_minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
                match crate::read::jsonl::read_one(parts.next()?.as_bytes(), door, 0)? {
                    crate::read::Entry::Transfer { transfer, .. } => {
                        Some(Line::Transfer { transfer, value_minor, arrived_s })
                    }
                    crate::read::Entry::Reject(_) => None,
                }
            }
            _ => None,
        }
    }

    fn advance(&mut self, body: &str) {
        use sha2::{Digest, Sha256};
        let digest: [u8; 32] = Sha256::new().chain_update(self.0).chain_update(body).finalize().into();
        self.0 = digest.first_chunk().copied().expect("32 bytes begin with 8");
    }
}

impl Gate {
    /// Lets a line of the log happen again.
    ///
    /// # Errors
    /// [`Error::Log`] when it cannot have been written by this gate.
    pub fn replay(&mut self, line: Line) -> Result<(), Error> {
        match line {
            Line::Event(event) => self.happen(&event).map_err(|why| Error::Log(why.to_string())),
            Line::Transfer { transfer, value_minor, arrived_s } => match self.take(*transfer, value_minor, arrived_s) {
                Ok(taken) if taken.is_again => Err(Error::Log("a transfer stands in it twice".to_owned())),
                Ok(_) => Ok(()),
                Err((field, problem)) => Err(Error::Log(format!("{field} {problem}"))),
            },
        }
    }
}
