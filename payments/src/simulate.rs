//! Which made-up customers can a pack be tried on?
//!
//! A seeded generator of remitters: families, students, seafarers, collectors and sellers, who are the overwhelming
//! normal case and the hard one, and a few parties that behave as published summaries describe. What is usual in a
//! region is drawn from ranges once (`customs`), and again for each party, so that no pack can be tuned to one value.
//! Seeds are drawn from the pack itself ([`seeds`]): whoever changes a pack meets worlds that nobody has looked at.
//!
//! What it shows: that the program works, what each rule does, which innocent lives it disturbs *here*.
//! What it does not show: anything about accuracy in the world. It is written from published marginals only and by the
//! authors of the detector, and nothing trained on it may be used.

mod customs;
mod dice;
mod lives;

use sha2::{Digest, Sha256};

use crate::{Amount, Corridor, Country, Currency, Moment, PartyId, Transfer};
use customs::Customs;
use dice::Dice;

/// How large a world to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The same seed gives the same world, byte for byte.
    pub seed: u64,
    /// Which region of that world; each has people and customs of its own, and nobody pays into another.
    pub region: u32,
    /// How many remitters.
    pub n_remitters: u32,
    /// How many days, 30 or more.
    pub n_days: u32,
    /// First day, in days since 1970-01-01.
    pub first_day: i64,
    /// How many of 100,000 remitters behave as published cases do. About 20, on the order that the notes estimate.
    pub n_cases_per_100_000: u32,
}

crate::transfer::words! {
    /// What a party was made to do.
    Life {
        /// Supports a household, monthly or twice a month.
        #[default]
        Family = "family",
        /// A domestic worker: small and frequent, to one or two relatives.
        DomesticWorker = "domestic-worker",
        /// Pays a student's weekly allowance and a school.
        Student = "student",
        /// Weekly allowances to several siblings.
        Siblings = "siblings",
        /// A seafarer's allotment on pay day.
        Seafarer = "seafarer",
        /// A burst of transfers in a medical emergency.
        MedicalEmergency = "medical-emergency",
        /// One of many who give to a collector for a church or charity.
        ChurchGiver = "church-giver",
        /// Buys small things from sellers who receive from many.
        MarketBuyer = "market-buyer",
        /// Tips gamers and streamers, often at night.
        GamingTips = "gaming-tips",
        /// Pays adult performers lawfully; the hardest to tell apart.
        AdultServices = "adult-services",
        /// Pays shopkeepers who hand out cash for others.
        AgentUser = "agent-user",
        /// Supports somebody met from afar, more and more, and travels there.
        DistantPartner = "distant-partner",
        /// As published: small repeated payments to several strangers.
        CaseOneToMany = "case-one-to-many",
        /// As published: one recipient, rising amounts, then travel.
        CaseEscalating = "case-escalating",
        /// As published: many payers share one recipient.
        CaseShared = "case-shared",
    }
}

impl Life {
    /// Whether the party was made to behave as published cases do.
    pub fn is_case(self) -> bool {
        matches!(self, Life::CaseOneToMany | Life::CaseEscalating | Life::CaseShared)
    }
}

/// A made-up world.
#[derive(Clone, Debug)]
pub struct World {
    /// Its transfers, in no particular order.
    pub transfers: Vec<Transfer>,
    /// What each remitter was made to do.
    pub remitters: Vec<(PartyId, Life)>,
    /// Recipients that several remitters share, and those of published cases, each with the life of those who pay it.
    pub recipients: Vec<(PartyId, Life)>,
}

/// Exchange rates of the made-up world, in the form of [`crate::Rates::parse`]; round figures, not market rates.
pub const RATES: &str = "currency,day,rate\nGBP,1990-01-01,1.2\nUSD,1990-01-01,0.9\nAUD,1990-01-01,0.6\nCAD,1990-01-01,0.65\n\
AED,1990-01-01,0.25\nSGD,1990-01-01,0.7\n";

/// Seeds for measuring a pack, drawn from its own hash, so that it is frozen before they exist.
pub fn seeds(pack_sha256: &[u8; 32], n: u8) -> Vec<u64> {
    let seed = |i: u8| {
        let digest: [u8; 32] = Sha256::new().chain_update(pack_sha256).chain_update([i]).finalize().into();
        u64::from_le_bytes(digest.first_chunk().copied().expect("32 bytes begin with 8"))
    };
    (0..n).map(seed).collect()
}

/// Makes a world, or one region of it.
pub fn world(settings: Settings) -> World {
    let own_seed = Dice::new(settings.seed ^ u64::from(settings.region).rotate_left(40)).next();
    let mut maker = Maker {
        customs: Customs::draw(&mut Dice::new(own_seed ^ 1)),
        dice: Dice::new(own_seed),
        settings: Settings { n_days: settings.n_days.max(30), seed: own_seed, ..settings },
        world: World { transfers: Vec::new(), remitters: Vec::new(), recipients: Vec::new() },
        n_parties: 0,
        pools: lives::Pools::default(),
    };
    for _ in 0..settings.n_remitters {
        maker.live();
    }
    maker.world
}

/// Countries sent from: currency, offset from UTC in minutes. Any other set would do as well.
const FROM: [(&str, &str, i16); 7] = [
    ("GB", "GBP", 0),
    ("US", "USD", -300),
    ("AU", "AUD", 600),
    ("CA", "CAD", -300),
    ("DE", "EUR", 60),
    ("AE", "AED", 240),
    ("SG", "SGD", 480),
];

/// Countries sent to.
const TO: [&str; 8] = ["PH", "IN", "MX", "RO", "KE", "CO", "TH", "NG"];

#[derive(Debug)]
struct Maker {
    dice: Dice,
    settings: Settings,
    world: World,
    n_parties: u64,
    pools: lives::Pools,
    customs: Customs,
}

/// Where a remitter lives and sends.
#[derive(Clone, Copy, Debug)]
struct Home {
    party: PartyId,
    corridor: Corridor,
    currency: Currency,
    offset_min: i16,
    night_percent: u64,
}

impl Maker {
    fn party(&mut self) -> PartyId {
        self.n_parties += 1;
        let high = Dice::new(self.settings.seed ^ self.n_parties.rotate_left(32)).next();
        PartyId(((u128::from(high) << 64) | u128::from(self.n_parties)).to_be_bytes())
    }

    fn home(&mut self, to: Option<&str>, night_percent: u64) -> Home {
        let (from, currency, offset_min) = self.dice.pick(&FROM);
        let to = to.unwrap_or(self.dice.pick(&TO));
        let country = |code| Country::parse(code).expect("the table holds codes of ISO 3166");
        Home {
            party: self.party(),
            corridor: Corridor { from: country(from), to: country(to) },
            currency: Currency::parse(currency).expect("the table holds codes of ISO 4217"),
            offset_min,
            night_percent,
        }
    }

    /// A moment on `day`, at night as often as the remitter is awake then.
    fn moment(&mut self, home: &Home, day: u32) -> Moment {
        let is_night = self.dice.percent(home.night_percent);
        let hour = if is_night { (23 + self.dice.between(0, 5)) % 24 } else { self.dice.between(7, 22) };
        let second = hour * 3600 + self.dice.between(0, 3599);
        let local_s = (self.settings.first_day + i64::from(day)) * crate::time::DAY_S + second as i64;
        Moment { utc_s: local_s - i64::from(home.offset_min) * 60, offset_min: Some(home.offset_min) }
    }

    /// Adds a transfer of about `units` whole units of the sender's currency.
    fn pay(&mut self, home: &Home, day: u32, units: u64, shape: Shape) {
        // Who likes round sums sends fives and tens, whatever it is for.
        let step = if units >= 100 { 10 } else { 5 };
        let units = if shape.is_round && units >= 10 { (units + step / 2) / step * step } else { units };
        let minor = i64::try_from(units.clamp(1, 1_000_000) * 100).expect("a hundred million fits");
        let minor = if shape.is_round { minor } else { minor + self.dice.between(1, 99) as i64 };
        let transfer = Transfer {
            id: format!("T{:09}", self.world.transfers.len() + 1).into(),
            at: self.moment(home, day.min(self.settings.n_days - 1)),
            sender: home.party,
            beneficiary: shape.to,
            amount: Amount::new(minor, home.currency).expect("between one unit and a million"),
            corridor: shape.corridor.unwrap_or(home.corridor),
            channel: shape.channel,
            payee: shape.payee,
            relation: shape.relation,
            purpose: shape.purpose,
            status: crate::transfer::Status::Sent,
            payout: None,
            reverses: None,
        };
        self.world.transfers.push(transfer);
    }
}

/// How one transfer looks, apart from when and how much.
#[derive(Clone, Copy, Debug)]
struct Shape {
    to: PartyId,
    corridor: Option<Corridor>,
    channel: crate::transfer::Channel,
    payee: crate::transfer::Payee,
    relation: crate::transfer::Relation,
    purpose: crate::transfer::Purpose,
    is_round: bool,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Book, Pack, Rates};

    const SETTINGS: Settings =
        Settings { seed: 11, region: 0, n_remitters: 3000, n_days: 365, first_day: 20_000, n_cases_per_100_000: 1000 };

    #[test]
    fn the_same_seed_gives_the_same_world() {
        let (one, two) = (world(SETTINGS), world(SETTINGS));
        assert_eq!(one.transfers, two.transfers);
        assert_ne!(one.transfers, world(Settings { seed: 12, ..SETTINGS }).transfers);
        assert_ne!(one.transfers, world(Settings { region: 1, ..SETTINGS }).transfers);
    }

    #[test]
    fn another_pack_draws_other_seeds() {
        assert_eq!(seeds(&[1; 32], 5)[..3], seeds(&[1; 32], 3));
        assert!(seeds(&[1; 32], 5).iter().all(|seed| !seeds(&[2; 32], 5).contains(seed)));
    }

    #[test]
    fn every_life_occurs_and_every_transfer_can_be_used() {
        let world = world(SETTINGS);
        let lives: BTreeSet<Life> = world.remitters.iter().map(|(_, life)| *life).collect();
        assert_eq!(lives.len(), Life::ALL.len());
        let pack = Pack::parse(crate::pack::LIVESTREAM_EXPLOITATION, None).unwrap();
        let rates = Rates::parse(RATES, pack.currency).unwrap();
        let n_transfers = world.transfers.len();
        let (book, rejects) = Book::new(world.transfers, &rates, &pack.scope).unwrap();
        assert_eq!((book.rows().len(), rejects), (n_transfers, Vec::new()));
    }
}
