//! Small transfers for the tests of this crate.

use crate::book::Scope;
use crate::transfer::{Channel, Payee, Purpose, Relation, Status};
use crate::{Amount, Corridor, Country, Currency, Moment, PartyId, Transfer};

pub(crate) fn corridor(from: &str, to: &str) -> Corridor {
    Corridor { from: Country::parse(from).unwrap(), to: Country::parse(to).unwrap() }
}

pub(crate) fn party(number: u32) -> PartyId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    PartyId(bytes)
}

/// A plain payment of `minor` euro cents from GB to PH.
pub(crate) fn transfer(id: &str, at_s: i64, sender: u32, beneficiary: u32, minor: i64) -> Transfer {
    Transfer {
        id: id.into(),
        at: Moment { utc_s: at_s, offset_min: Some(0) },
        sender: party(sender),
        beneficiary: party(beneficiary),
        amount: Amount::new(minor, Currency::EUR).unwrap(),
        corridor: corridor("GB", "PH"),
        channel: Channel::Online,
        payee: Payee::Person,
        relation: Relation::Undeclared,
        purpose: Purpose::Unstated,
        status: Status::Sent,
        payout: None,
        reverses: None,
    }
}

pub(crate) fn scope() -> Scope {
    Scope { cross_border_only: true, small_minor: 1000..=20_000, night_from_hour: 23, night_to_hour: 5 }
}

/// A made-up year of `n_remitters`, priced for the public pack.
pub(crate) fn world(n_remitters: u32, n_cases_per_100_000: u32) -> crate::Book {
    use crate::simulate::{RATES, Settings, world};
    let settings = Settings { seed: 3, region: 0, n_remitters, n_days: 365, first_day: 20_000, n_cases_per_100_000 };
    let pack = crate::Pack::parse(crate::pack::LIVESTREAM_EXPLOITATION, None).unwrap();
    let rates = crate::Rates::parse(RATES, pack.currency).unwrap();
    crate::Book::new(world(settings).transfers, &rates, &pack.scope).unwrap().0
}
