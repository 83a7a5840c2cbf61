//! Who paid whom, as far as somebody has put it into a case?
//!
//! It belongs to the compartment of payments. An amount is what a record says, and no finding about anybody.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::referral::{Referral, name, text};
use crate::{Error, Sealed};

/// One movement of money, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paid {
    /// The institution's own reference, `1..=200` characters, unique in the case.
    pub reference: String,
    /// The account that paid, or its pseudonym, `1..=200` characters.
    #[serde(with = "crate::sealed::text")]
    pub payer: Sealed<String>,
    /// The account that was paid, or its pseudonym, `1..=200` characters.
    #[serde(with = "crate::sealed::text")]
    pub beneficiary: Sealed<String>,
    /// How much, in the currency's smallest unit, more than 0.
    pub amount_minor: i64,
    /// The currency, three capital letters (ISO 4217).
    pub currency: String,
    /// How many decimal places that unit is, `0..=4` (ISO 4217).
    pub exponent: u8,
    /// When it was sent, UTC.
    pub at: Timestamp,
    /// Whose record says so, `1..=200` characters.
    pub source: String,
    /// By what right it stands beside what was seen: one legal entity, or a gateway by its name, `1..=4000` characters.
    pub basis: String,
}

impl Paid {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Text`] and [`Error::Number`] name the field.
    pub fn check(&self) -> Result<(), Error> {
        name("the reference", &self.reference)?;
        name("the payer", self.payer.open())?;
        name("the beneficiary", self.beneficiary.open())?;
        name("the source", &self.source)?;
        text("the basis", &self.basis, Referral::TOLD_CHARS_MAX)?;
        let wrong = |field, value: String, range| Err(Error::Number { field, value, range });
        if self.amount_minor <= 0 {
            return wrong("the amount", self.amount_minor.to_string(), "1..");
        }
        if self.exponent > 4 {
            return wrong("the decimal places", self.exponent.to_string(), "0..=4");
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return wrong("the currency", self.currency.clone(), "three capital letters");
        }
        Ok(())
    }

    /// The amount as people write it, such as `1500.00`.
    pub fn amount(&self) -> String {
        let places = usize::from(self.exponent);
        let digits = format!("{:0>width$}", self.amount_minor, width = places + 1);
        let (whole, part) = digits.split_at(digits.len() - places);
        if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// 1500.00 PHP from `payer` to `beneficiary`.
    pub(crate) fn paid(reference: &str, payer: &str, beneficiary: &str) -> Paid {
        Paid {
            reference: reference.into(),
            payer: Sealed::new(payer.into()),
            beneficiary: Sealed::new(beneficiary.into()),
            amount_minor: 150_000,
            currency: "PHP".into(),
            exponent: 2,
            at: "2026-11-24T09:10:00Z".parse().expect("a moment"),
            source: "the payments desk, alert a-0042".into(),
            basis: "one legal entity".into(),
        }
    }

    #[test]
    fn amounts_read_as_people_write_them_and_what_cannot_be_is_refused() {
        let good = paid("t-1", "p", "q");
        let amount = |amount_minor, exponent| Paid { amount_minor, exponent, ..good.clone() }.amount();
        assert_eq!(
            [amount(150_000, 2), amount(7, 2), amount(7, 0), amount(12_345, 3)],
            ["1500.00", "0.07", "7", "12.345"]
        );
        good.check().unwrap();
        for wrong in [
            Paid { amount_minor: 0, ..good.clone() },
            Paid { exponent: 5, ..good.clone() },
            Paid { currency: "php".into(), ..good.clone() },
            Paid { payer: Sealed::new(String::new()), ..good.clone() },
            Paid { basis: String::new(), ..good.clone() },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        assert!(!format!("{good:?}").contains("\"p\""));
    }
}
