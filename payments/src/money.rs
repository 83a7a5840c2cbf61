//! How much money was sent, and in which currency?
//!
//! Money is a whole number of minor units (cents, yen, fils) with its currency; no float ever holds it.
//! Text becomes an [`Amount`] once, at the door, and an amount that is zero, negative or absurd cannot be written.

use std::fmt;

use crate::error::Problem;

/// A currency of ISO 4217, such as `PHP`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Active codes of ISO 4217 (list one, 1 January 2025), by the number of decimals of their minor unit.
const CODES_BY_EXPONENT: [(u32, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY \
         COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS \
         INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR \
         MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD \
         SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

impl Currency {
    /// The euro, in which the public pack states its amounts.
    pub const EUR: Currency = Currency(*b"EUR");

    /// Reads three letters; `None` when ISO 4217 has no such code.
    pub fn parse(text: &str) -> Option<Currency> {
        let code: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
        let currency = Currency(code.map(|letter| letter.to_ascii_uppercase()));
        currency.row().map(|_| currency)
    }

    /// How many decimals the minor unit has: 2 for the euro, 0 for the yen, 3 for the dinar.
    pub fn exponent(self) -> u32 {
        self.row().map_or(2, |(exponent, _)| *exponent)
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("parse accepts ASCII letters only")
    }

    fn row(&self) -> Option<&'static (u32, &'static str)> {
        CODES_BY_EXPONENT.iter().find(|(_, codes)| codes.as_bytes().chunks(4).any(|code| code[..3] == self.0))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How numbers are written in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notation {
    /// Between units and decimals: `.` or `,`.
    pub decimal: char,
    /// Between groups of three digits, where the file has such.
    pub thousands: Option<char>,
}

impl Notation {
    /// `1234.50`: a point, no groups.
    pub const PLAIN: Notation = Notation { decimal: '.', thousands: None };
    /// `1234,50`: a comma, no groups; SWIFT MT writes so (User Handbook, format 15d).
    pub const SWIFT: Notation = Notation { decimal: ',', thousands: None };
}

/// A positive sum of money in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    minor: i64,
    currency: Currency,
}

impl Amount {
    /// The largest amount accepted, in minor units: ten trillion of a currency with cents.
    ///
    /// No transfer between people is near it; a number above it is a broken column.
    pub const MINOR_MAX: i64 = 1_000_000_000_000_000;

    /// Takes `minor` units of `currency`.
    ///
    /// # Errors
    /// [`Problem::AmountZero`], [`Problem::AmountNegative`], [`Problem::AmountTooLarge`].
    pub fn new(minor: i64, currency: Currency) -> Result<Amount, Problem> {
        match minor {
            0 => Err(Problem::AmountZero),
            ..0 => Err(Problem::AmountNegative),
            _ if minor > Self::MINOR_MAX => Err(Problem::AmountTooLarge),
            _ => Ok(Amount { minor, currency }),
        }
    }

    /// Reads a decimal number such as `1,234.50`, written as `notation` says.
    ///
    /// # Errors
    /// As [`Amount::new`]; [`Problem::AmountSeparator`] when a group separator appears that the notation does not name;
    /// [`Problem::AmountDecimals`] when there are more decimals than the currency has; [`Problem::AmountSyntax`] otherwise.
    pub fn parse(text: &str, currency: Currency, notation: Notation) -> Result<Amount, Problem> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix('-') {
            return Err(if rest.starts_with(|c: char| c.is_ascii_digit()) {
                Problem::AmountNegative
            } else {
                Problem::AmountSyntax
            });
        }
        let (units, decimals) = text.split_once(notation.decimal).unwrap_or((text, ""));
        if units.is_empty() {
            return Err(Problem::AmountSyntax);
        }
        let exponent = currency.exponent() as usize;
        let significant = decimals.trim_end_matches('0');
        if !decimals.bytes().all(|b| b.is_ascii_digit()) {
            return Err(stray(decimals));
        }
        if significant.len() > exponent {
            return Err(Problem::AmountDecimals);
        }
        let mut minor = whole_units(units, notation)?;
        for place in 0..exponent {
            let digit = decimals.as_bytes().get(place).map_or(0, |b| i64::from(b - b'0'));
            minor = minor.checked_mul(10).and_then(|m| m.checked_add(digit)).ok_or(Problem::AmountTooLarge)?;
        }
        Amount::new(minor, currency)
    }

    /// Minor units, `1..=`[`Amount::MINOR_MAX`].
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether a person would call the sum round: one digit and noughts, or that and a five (10, 15, 50, 200, 2,500).
    ///
    /// The rule has no scale, so a change of currency by powers of ten changes nothing; decimals make a sum uneven.
    pub fn is_round(self) -> bool {
        let unit = 10_i64.pow(self.currency.exponent());
        if self.minor % unit != 0 {
            return false;
        }
        let mut digits = self.minor / unit;
        while digits % 10 == 0 {
            digits /= 10;
        }
        digits < 10 || (digits < 100 && digits % 10 == 5)
    }
}

fn whole_units(units: &str, notation: Notation) -> Result<i64, Problem> {
    let mut groups = match notation.thousands {
        Some(separator) => units.split(separator),
        None => units.split('\0'),
    };
    let first = groups.next().unwrap_or("");
    let mut sum = digits(first)?;
    let mut n_groups = 0;
    for group in groups {
        n_groups += 1;
        if group.len() != 3 {
            return Err(Problem::AmountSyntax);
        }
        sum = sum.checked_mul(1000).and_then(|s| s.checked_add(digits(group).ok()?)).ok_or(Problem::AmountTooLarge)?;
    }
    if n_groups > 0 && first.len() > 3 {
        return Err(Problem::AmountSyntax);
    }
    Ok(sum)
}

fn digits(text: &str) -> Result<i64, Problem> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(stray(text));
    }
    text.parse().map_err(|_| Problem::AmountTooLarge)
}

/// Tells a separator that the notation does not know from plain nonsense, since the cure differs.
fn stray(text: &str) -> Problem {
    let is_separator = |c: char| matches!(c, ',' | '.' | '\'' | ' ' | '\u{a0}' | '\u{202f}' | '’');
    let is_number = text.contains(is_separator) && text.chars().all(|c| c.is_ascii_digit() || is_separator(c));
    if is_number { Problem::AmountSeparator } else { Problem::AmountSyntax }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let unit = 10_i64.pow(exponent);
        write!(f, "{} {}", self.currency, self.minor / unit)?;
        if exponent > 0 {
            write!(f, ".{:0width$}", self.minor % unit, width = exponent as usize)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GROUPED: Notation = Notation { decimal: '.', thousands: Some(',') };
    const GERMAN: Notation = Notation { decimal: ',', thousands: Some('.') };

    fn minor(text: &str, code: &str, notation: Notation) -> Result<i64, Problem> {
        Amount::parse(text, Currency::parse(code).unwrap(), notation).map(Amount::minor)
    }

    #[test]
    fn every_notation_reads_its_own_numbers() {
        for (text, code, notation, expected) in [
            ("15", "GBP", Notation::PLAIN, 1500),
            ("15.5", "GBP", Notation::PLAIN, 1550),
            ("15.5000", "GBP", Notation::PLAIN, 1550),
            ("1,234,567.89", "EUR", GROUPED, 123_456_789),
            ("1.234,5", "EUR", GERMAN, 123_450),
            ("1500,", "EUR", Notation::SWIFT, 150_000),
            ("1500", "JPY", Notation::PLAIN, 1500),
            ("1.234", "KWD", Notation::PLAIN, 1234),
        ] {
            assert_eq!(minor(text, code, notation), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_bad_amount_says_what_is_wrong() {
        for (text, code, notation, expected) in [
            ("0", "EUR", Notation::PLAIN, Problem::AmountZero),
            ("0.00", "EUR", Notation::PLAIN, Problem::AmountZero),
            ("-5", "EUR", Notation::PLAIN, Problem::AmountNegative),
            ("1000000000000000000", "EUR", Notation::PLAIN, Problem::AmountTooLarge),
            ("99999999999999999999999", "EUR", Notation::PLAIN, Problem::AmountTooLarge),
            ("1,234.50", "EUR", Notation::PLAIN, Problem::AmountSeparator),
            ("1.234,50", "EUR", Notation::PLAIN, Problem::AmountSeparator),
            ("1 234", "EUR", Notation::PLAIN, Problem::AmountSeparator),
            ("1,23", "EUR", GROUPED, Problem::AmountSyntax),
            ("1234,567", "EUR", GROUPED, Problem::AmountSyntax),
            ("1.5", "JPY", Notation::PLAIN, Problem::AmountDecimals),
            ("1.505", "EUR", Notation::PLAIN, Problem::AmountDecimals),
            ("", "EUR", Notation::PLAIN, Problem::AmountSyntax),
            (".5", "EUR", Notation::PLAIN, Problem::AmountSyntax),
            ("1e3", "EUR", Notation::PLAIN, Problem::AmountSyntax),
            ("€5", "EUR", Notation::PLAIN, Problem::AmountSyntax),
            ("NaN", "EUR", Notation::PLAIN, Problem::AmountSyntax),
        ] {
            assert_eq!(minor(text, code, notation), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn unknown_currencies_are_refused_and_known_ones_keep_their_decimals() {
        for text in ["XXX", "EU", "EURO", "", "E R", "é€"] {
            assert_eq!(Currency::parse(text), None, "{text}");
        }
        for (text, exponent) in [("jpy", 0), ("EUR", 2), ("ZWG", 2), ("TND", 3), ("UYW", 4), ("XPF", 0)] {
            assert_eq!(Currency::parse(text).map(Currency::exponent), Some(exponent), "{text}");
        }
    }

    #[test]
    fn round_means_one_digit_or_a_five_after_it() {
        for (text, is_round) in
            [("10", true), ("15", true), ("50", true), ("200", true), ("250", true), ("120", false), ("49.99", false)]
        {
            assert_eq!(Amount::parse(text, Currency::EUR, Notation::PLAIN).unwrap().is_round(), is_round, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_reads_back_what_it_prints(minor in 1..=Amount::MINOR_MAX, code in prop::sample::select(vec!["EUR", "JPY", "KWD", "CLF"])) {
            let amount = Amount::new(minor, Currency::parse(code).unwrap()).unwrap();
            let text = amount.to_string();
            prop_assert_eq!(Amount::parse(&text[4..], amount.currency(), Notation::PLAIN), Ok(amount));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = Amount::parse(&text, Currency::EUR, GROUPED);
        }
    }
}
