//! What is an amount worth in the currency that the pack speaks?
//!
//! The institution supplies the rates, each with its day; none is ever fetched. A transfer takes the latest rate on or
//! before its own day, so a rate of tomorrow cannot change yesterday's score.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::Offset;
use sha2::{Digest, Sha256};

use crate::error::Problem;
use crate::{Amount, Currency, Error};

/// Date-stamped exchange rates into one reference currency.
#[derive(Clone, Debug)]
pub struct Rates {
    reference: Currency,
    by_currency: BTreeMap<Currency, Vec<Rate>>,
    sha256: [u8; 32],
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    day: i64,
    /// Reference units for one unit, times 10⁹.
    nano: i64,
}

impl Rates {
    /// The most lines a table may have: every currency, every day, for fifteen years.
    pub const N_LINES_MAX: u64 = 1_000_000;

    /// A table in which only the reference currency itself has a value.
    pub fn none(reference: Currency) -> Rates {
        Rates { reference, by_currency: BTreeMap::new(), sha256: Sha256::digest(reference.as_str()).into() }
    }

    /// Reads lines `currency,day,rate`, such as `GBP,2026-01-31,1.1834`: units of `reference` for one unit.
    ///
    /// A first line `currency,day,rate` and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`Error::Rates`] with the line.
    pub fn parse(text: &str, reference: Currency) -> Result<Rates, Error> {
        let mut rates = Rates::none(reference);
        for (line, row) in (1_u64..).zip(text.lines()) {
            let row = row.trim();
            if row.is_empty() || row.starts_with('#') || row == "currency,day,rate" {
                continue;
            }
            let fault = |reason: &str| Error::Rates { line, reason: reason.to_owned() };
            if line > Self::N_LINES_MAX {
                return Err(fault("more than a million lines"));
            }
            let mut fields = row.split(',').map(str::trim);
            let (Some(code), Some(day), Some(rate), None) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return Err(fault("three fields are needed: currency,day,rate"));
            };
            let currency = Currency::parse(code).ok_or_else(|| fault("no currency of ISO 4217"))?;
            let day = day_number(day).ok_or_else(|| fault("the day is not written as 2026-01-31"))?;
            let nano =
                nano(rate).ok_or_else(|| fault("the rate is not a positive number with at most nine decimals"))?;
            rates.by_currency.entry(currency).or_default().push(Rate { day, nano });
        }
        for by_day in rates.by_currency.values_mut() {
            by_day.sort_by_key(|rate| rate.day);
            if by_day.windows(2).any(|pair| pair[0].day == pair[1].day) {
                return Err(Error::Rates { line: 0, reason: "a currency has two rates for one day".to_owned() });
            }
        }
        let mut hash = Sha256::new();
        hash.update(reference.as_str());
        hash.update(text);
        rates.sha256 = hash.finalize().into();
        Ok(rates)
    }

    /// The currency that values are stated in.
    pub fn reference(&self) -> Currency {
        self.reference
    }

    /// SHA-256 of the table, for the record.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// What `amount` was worth on `day`, in minor units of the reference, rounded half up, at least 1.
    ///
    /// # Errors
    /// [`Problem::NoRate`]; [`Problem::AmountTooLarge`] above [`Amount::MINOR_MAX`].
    pub fn value_minor(&self, amount: Amount, day: i64) -> Result<i64, Problem> {
        if amount.currency() == self.reference {
            return Ok(amount.minor());
        }
        let by_day = self.by_currency.get(&amount.currency()).ok_or(Problem::NoRate)?;
        let before = by_day.partition_point(|rate| rate.day <= day).checked_sub(1).ok_or(Problem::NoRate)?;
        let scaled =
            i128::from(amount.minor()) * i128::from(by_day[before].nano) * 10_i128.pow(self.reference.exponent());
        let divisor = 1_000_000_000 * 10_i128.pow(amount.currency().exponent());
        let value = ((scaled + divisor / 2) / divisor).max(1);
        i64::try_from(value).ok().filter(|&v| v <= Amount::MINOR_MAX).ok_or(Problem::AmountTooLarge)
    }
}

fn day_number(text: &str) -> Option<i64> {
    let date: Date = text.parse().ok()?;
    let midnight = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    Some(midnight.as_second().div_euclid(crate::time::DAY_S))
}

fn nano(text: &str) -> Option<i64> {
    let (units, decimals) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if units.is_empty() || units.len() > 9 || decimals.len() > 9 || !all_digits(units) || !all_digits(decimals) {
        return None;
    }
    let padded = format!("{units}{decimals:0<9}");
    padded.parse().ok().filter(|&nano: &i64| nano > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "currency,day,rate\n# made up\nGBP,2026-01-01,1.2\nGBP,2026-02-01,1.25\nJPY,2026-01-01,0.006\n";

    fn amount(minor: i64, code: &str) -> Amount {
        Amount::new(minor, Currency::parse(code).unwrap()).unwrap()
    }

    #[test]
    fn the_latest_rate_before_the_day_is_taken_and_never_a_later_one() {
        let rates = Rates::parse(TABLE, Currency::EUR).unwrap();
        let new_year = day_number("2026-01-01").unwrap();
        assert_eq!(rates.value_minor(amount(1500, "GBP"), new_year), Ok(1800));
        assert_eq!(rates.value_minor(amount(1500, "GBP"), new_year + 30), Ok(1800));
        assert_eq!(rates.value_minor(amount(1500, "GBP"), new_year + 31), Ok(1875));
        assert_eq!(rates.value_minor(amount(1500, "GBP"), new_year - 1), Err(Problem::NoRate));
        assert_eq!(rates.value_minor(amount(1000, "JPY"), new_year), Ok(600));
        assert_eq!(rates.value_minor(amount(1000, "PHP"), new_year), Err(Problem::NoRate));
        assert_eq!(rates.value_minor(amount(1000, "EUR"), 0), Ok(1000));
    }

    #[test]
    fn a_bad_table_names_its_line() {
        for (table, line) in [
            ("GBP,2026-01-01", 1),
            ("\nGBP,2026-01-01,x", 2),
            ("GBP,2026-01-01,0", 1),
            ("GBP,2026-01-01,-1", 1),
            ("GBP,01/02/2026,1", 1),
            ("ABC,2026-01-01,1", 1),
            ("GBP,2026-01-01,1\nGBP,2026-01-01,2", 0),
        ] {
            let outcome = Rates::parse(table, Currency::EUR);
            assert!(matches!(outcome, Err(Error::Rates { line: found, .. }) if found == line), "{table}: {outcome:?}");
        }
    }
}
