//! How do outside bytes become transfers?
//!
//! Every format yields the same plain [`Fields`], and one [`Door`] turns them into a [`Transfer`] or says why not.
//! The readers are iterators over anything buffered: a file of 50 GB passes through a few hundred kilobytes.
//! A bad row is an [`Entry::Reject`] and the next row follows; nothing is dropped in silence.

pub mod csv;
pub mod iso20022;
pub mod jsonl;
mod lines;
pub mod mapping;
pub mod mt103;

use crate::error::{Field, Problem, Reject};
use crate::money::Notation;
use crate::time::Clock;
use crate::transfer::{Channel, Payee, Purpose, Relation, Status};
use crate::{Amount, Corridor, Country, Currency, PartyId, PartyKey, Transfer};

/// What a reader yields for each row or message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A transfer that can be used.
    Transfer {
        /// Line, or the number of the message in its file, from 1.
        line: u64,
        /// What it says.
        transfer: Box<Transfer>,
    },
    /// A row that cannot, and why.
    Reject(Reject),
}

/// One row, as text; an empty field is absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    /// Reference of the transfer.
    pub id: &'a str,
    /// When it was sent.
    pub time: &'a str,
    /// The sender's own zone or offset.
    pub sender_zone: &'a str,
    /// Account that paid.
    pub sender: &'a str,
    /// Account that was paid.
    pub beneficiary: &'a str,
    /// Decimal number.
    pub amount: &'a str,
    /// ISO 4217.
    pub currency: &'a str,
    /// ISO 3166, sender's side.
    pub from: &'a str,
    /// ISO 3166, beneficiary's side.
    pub to: &'a str,
    /// A word for [`Channel`].
    pub channel: &'a str,
    /// A word for [`Payee`].
    pub payee: &'a str,
    /// A word for [`Relation`].
    pub relation: &'a str,
    /// A word for [`Purpose`].
    pub purpose: &'a str,
    /// A word for [`Status`].
    pub status: &'a str,
    /// Where it was paid out.
    pub payout: &'a str,
    /// Id of the transfer it takes back.
    pub reverses: &'a str,
}

impl<'a> Fields<'a> {
    /// The fields' names, in the order of [`Fields::from_values`].
    pub const NAMES: [&'static str; 16] = [
        "id",
        "time",
        "sender_zone",
        "sender",
        "beneficiary",
        "amount",
        "currency",
        "from",
        "to",
        "channel",
        "payee",
        "relation",
        "purpose",
        "status",
        "payout",
        "reverses",
    ];

    /// Takes one value for each of [`Fields::NAMES`].
    pub fn from_values(values: [&'a str; 16]) -> Fields<'a> {
        let [
            id,
            time,
            sender_zone,
            sender,
            beneficiary,
            amount,
            currency,
            from,
            to,
            channel,
            payee,
            relation,
            purpose,
            status,
            payout,
            reverses,
        ] = values;
        Fields {
            id,
            time,
            sender_zone,
            sender,
            beneficiary,
            amount,
            currency,
            from,
            to,
            channel,
            payee,
            relation,
            purpose,
            status,
            payout,
            reverses,
        }
    }
}

/// The one place where text becomes a [`Transfer`].
#[derive(Clone, Debug)]
pub struct Door {
    /// Hides accounts.
    pub key: PartyKey,
    /// Reads times.
    pub clock: Clock,
    /// Reads amounts.
    pub notation: Notation,
    /// The file's words for ours.
    pub words: Words,
}

/// Words of one file, translated; ours are always understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// For [`Channel`].
    pub channel: Vec<(String, Channel)>,
    /// For [`Payee`].
    pub payee: Vec<(String, Payee)>,
    /// For [`Relation`].
    pub relation: Vec<(String, Relation)>,
    /// For [`Purpose`].
    pub purpose: Vec<(String, Purpose)>,
    /// For [`Status`].
    pub status: Vec<(String, Status)>,
}

impl Door {
    /// The longest identifier taken, in bytes.
    pub const ID_BYTES_MAX: usize = 256;

    /// Reads plain numbers, ISO 8601 times and our own words.
    pub fn plain(key: PartyKey) -> Door {
        Door { key, clock: Clock::default(), notation: Notation::PLAIN, words: Words::default() }
    }

    /// Turns the row at `line` into a transfer, or says which field is at fault.
    pub fn admit(&self, fields: &Fields<'_>, line: u64) -> Entry {
        match self.transfer(fields) {
            Ok(transfer) => Entry::Transfer { line, transfer: Box::new(transfer) },
            Err((field, problem)) => Entry::Reject(Reject { line, field: Field(field), problem }),
        }
    }

    fn transfer(&self, fields: &Fields<'_>) -> Result<Transfer, (&'static str, Problem)> {
        let from = country(fields.from).map_err(|p| ("from", p))?;
        let to = country(fields.to).map_err(|p| ("to", p))?;
        let code = present(fields.currency).map_err(|p| ("currency", p))?;
        let currency = Currency::parse(code).ok_or(("currency", Problem::UnknownCurrency))?;
        let amount = present(fields.amount).and_then(|text| Amount::parse(text, currency, self.notation));
        let payout = fields.payout.trim();
        let reverses = fields.reverses.trim();
        Ok(Transfer {
            id: identifier(fields.id).map_err(|p| ("id", p))?.into(),
            at: self.clock.read(fields.time, from, fields.sender_zone).map_err(|p| ("time", p))?,
            sender: self.party(identifier(fields.sender).map_err(|p| ("sender", p))?),
            beneficiary: self.party(identifier(fields.beneficiary).map_err(|p| ("beneficiary", p))?),
            amount: amount.map_err(|p| ("amount", p))?,
            corridor: Corridor { from, to },
            channel: word(fields.channel, &self.words.channel, Channel::parse).map_err(|p| ("channel", p))?,
            payee: word(fields.payee, &self.words.payee, Payee::parse).map_err(|p| ("payee", p))?,
            relation: word(fields.relation, &self.words.relation, Relation::parse).map_err(|p| ("relation", p))?,
            purpose: purpose(fields.purpose, &self.words.purpose),
            status: word(fields.status, &self.words.status, Status::parse).map_err(|p| ("status", p))?,
            payout: (!payout.is_empty()).then(|| self.party(payout)),
            reverses: (!reverses.is_empty())
                .then(|| identifier(reverses).map(Into::into))
                .transpose()
                .map_err(|p| ("reverses", p))?,
        })
    }
}

impl Door {
    /// Hides an account; what is a pseudonym already stays one, so that a file can be hidden where it was made.
    fn party(&self, text: &str) -> PartyId {
        PartyId::parse(text).unwrap_or_else(|| self.key.hide(text))
    }
}

fn present(text: &str) -> Result<&str, Problem> {
    let text = text.trim();
    if text.is_empty() { Err(Problem::Missing) } else { Ok(text) }
}

fn identifier(text: &str) -> Result<&str, Problem> {
    let text = present(text)?;
    if text.len() > Door::ID_BYTES_MAX { Err(Problem::TooLong) } else { Ok(text) }
}

fn country(text: &str) -> Result<Country, Problem> {
    Country::parse(present(text)?).ok_or(Problem::UnknownCountry)
}

fn word<T: Copy + Default>(
    text: &str,
    translations: &[(String, T)],
    parse: fn(&str) -> Option<T>,
) -> Result<T, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(T::default());
    }
    let translated = translations.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
    translated.or_else(|| parse(text)).ok_or(Problem::UnknownValue)
}

/// A purpose is free text in most files, and only ever shown: what is not understood is "other", not an error.
fn purpose(text: &str, translations: &[(String, Purpose)]) -> Purpose {
    word(text, translations, Purpose::parse).unwrap_or(Purpose::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Fields<'static> = Fields {
        id: "T1",
        time: "2026-03-01T12:00:00Z",
        sender_zone: "",
        sender: "GB29NWBK60161331926819",
        beneficiary: "0917 000 0001",
        amount: "15.00",
        currency: "GBP",
        from: "GB",
        to: "PH",
        channel: "online",
        payee: "",
        relation: "undeclared",
        purpose: "for the roof",
        status: "",
        payout: "",
        reverses: "",
    };

    fn door() -> Door {
        Door::plain(PartyKey::new(&[1; 32]).unwrap())
    }

    #[test]
    fn a_good_row_becomes_a_transfer() {
        let Entry::Transfer { transfer, .. } = door().admit(&GOOD, 1) else { panic!("a good row") };
        assert_eq!(transfer.amount.to_string(), "GBP 15.00");
        assert_eq!((transfer.relation, transfer.payee), (Relation::Undeclared, Payee::Unknown));
        assert_eq!(transfer.purpose, Purpose::Other);
    }

    #[test]
    fn every_bad_field_is_named() {
        let long = "x".repeat(257);
        for (fields, field, problem) in [
            (Fields { id: "  ", ..GOOD }, "id", Problem::Missing),
            (Fields { id: &long, ..GOOD }, "id", Problem::TooLong),
            (Fields { sender: "", ..GOOD }, "sender", Problem::Missing),
            (Fields { currency: "BTC", ..GOOD }, "currency", Problem::UnknownCurrency),
            (Fields { to: "Philippines", ..GOOD }, "to", Problem::UnknownCountry),
            (Fields { amount: "-15", ..GOOD }, "amount", Problem::AmountNegative),
            (Fields { channel: "pigeon", ..GOOD }, "channel", Problem::UnknownValue),
            (Fields { time: "2026-03-01T12:00:00", ..GOOD }, "time", Problem::TimeWithoutZone),
        ] {
            assert_eq!(door().admit(&fields, 7), Entry::Reject(Reject { line: 7, field: Field(field), problem }));
        }
    }

    #[test]
    fn a_reject_never_repeats_an_account() {
        let fields = Fields { amount: "many", ..GOOD };
        let Entry::Reject(reject) = door().admit(&fields, 7) else { panic!("no number") };
        assert_eq!(reject.to_string(), "line 7: amount is not a number");
    }
}
