//! Is this worth a person's look, and why?
//!
//! Points are added, family by family, each family capped; what speaks for an innocent explanation is taken off; and
//! nothing is raised unless three families speak. It is arithmetic that an investigator can redo by hand.
//! The answer is never "guilty" or "close the account": it is "review" or "alert", with its reasons.

mod alert;

use rustc_hash::FxHashMap;

use crate::pack::{Entity, Indicator, Typology};
use crate::{Book, Features, Pack, Row};
pub(crate) use alert::hex;
pub use alert::{Alert, FamilyPoints, Inputs, Members, Protection, Reason, Silent};

/// How soon a person should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// When there is time.
    Review,
    /// Soon.
    Alert,
}

/// What one indicator says about one transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// A band holds: its name, the value read and the points.
    Band {
        /// The band.
        name: &'a str,
        /// The value.
        value: i64,
        /// Its points.
        points: i64,
    },
    /// It was read, and no band holds.
    Below,
    /// Too little history to say anything.
    TooLittleHistory,
    /// The institution does not record what is needed, or there is nothing to compare with.
    NotKnown,
}

impl Indicator {
    /// Reads the indicator off the features of one transfer.
    pub fn outcome(&self, features: &Features, pack: &Pack) -> Outcome<'_> {
        if let Some((gate, below)) = self.not_enough
            && (gate.read)(features, &pack.spans).is_none_or(|value| value < below)
        {
            return Outcome::TooLittleHistory;
        }
        let Some(value) = (self.reading.read)(features, &pack.spans) else { return Outcome::NotKnown };
        let band = self.bands.iter().rev().find(|band| (band.min..=band.max).contains(&value));
        match band {
            Some(band) => Outcome::Band { name: &band.outcome, value, points: band.points },
            None => Outcome::Below,
        }
    }

    /// Whether its outcome can depend on other senders.
    fn reads_peers(&self) -> bool {
        self.reading.reads_peers() || self.not_enough.is_some_and(|(gate, _)| gate.reads_peers())
    }

    fn points(&self, features: &Features, pack: &Pack) -> i64 {
        match self.outcome(features, pack) {
            Outcome::Band { points, .. } => points,
            Outcome::Below | Outcome::TooLittleHistory | Outcome::NotKnown => 0,
        }
    }
}

/// The sum for one typology.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Points of each family, uncapped, in the typology's order.
    pub families: Vec<i64>,
    /// How many families speak.
    pub n_families: usize,
    /// Points taken off.
    pub protection: i64,
    /// What is left, 0 or more.
    pub total: i64,
}

/// Adds up one typology for one transfer.
pub fn score(features: &Features, typology: &Typology, pack: &Pack) -> Score {
    let points = |indicator: &Indicator| indicator.points(features, pack);
    let families: Vec<i64> = typology.points_by_family(pack, points).collect();
    let capped: i64 = families.iter().zip(&typology.families).map(|(points, (_, cap))| *points.min(cap)).sum();
    let protection = typology.points_off(pack, points);
    let n_families = families.iter().filter(|&&points| points > 0).count();
    Score { families, n_families, protection, total: (capped - protection).max(0) }
}

/// What one typology calls for at one transfer, if anything: that of its [`score`], added up only as far as it takes.
pub fn level(features: &Features, typology: &Typology, pack: &Pack) -> Option<Level> {
    let points = |indicator: &Indicator| indicator.points(features, pack);
    typology.level_by(pack, points, points)
}

/// The most that [`level`] can come to once the sender's peers are known; `features` hold all but those.
///
/// Where this calls for nothing, nothing will: who reckons on many machines need not carry such a transfer on.
pub fn level_at_most(features: &Features, typology: &Typology, pack: &Pack) -> Option<Level> {
    let most = |indicator: &Indicator| match indicator.reads_peers() {
        true => indicator.bands.iter().map(|band| band.points).max().unwrap_or(0),
        false => indicator.points(features, pack),
    };
    let least = |protection: &Indicator| match protection.reads_peers() {
        true => 0,
        false => protection.points(features, pack),
    };
    typology.level_by(pack, most, least)
}

impl Typology {
    /// What a score calls for, if anything.
    pub fn level(&self, score: &Score) -> Option<Level> {
        self.level_of(score.n_families, score.total)
    }

    fn level_of(&self, n_families: usize, total: i64) -> Option<Level> {
        match total {
            _ if n_families < self.n_families_min => None,
            total if total >= self.alert => Some(Level::Alert),
            total if total >= self.review => Some(Level::Review),
            _ => None,
        }
    }

    /// Most transfers are nowhere near a look, and that shows after a family or two: no other can make up for it.
    fn level_by(
        &self,
        pack: &Pack,
        points: impl Fn(&Indicator) -> i64,
        protection: impl Fn(&Indicator) -> i64,
    ) -> Option<Level> {
        let (mut n_families, mut total) = (0, 0);
        let mut n_to_come = self.families.len();
        let mut to_come: i64 = self.families.iter().map(|(_, cap)| cap).sum();
        for (points, &(_, cap)) in self.points_by_family(pack, points).zip(&self.families) {
            n_families += usize::from(points > 0);
            total += points.min(cap);
            n_to_come -= 1;
            to_come -= cap;
            if n_families + n_to_come < self.n_families_min || total + to_come < self.review {
                return None;
            }
        }
        self.level_of(n_families, (total - self.points_off(pack, protection)).max(0))
    }

    /// Points of each family, uncapped.
    fn points_by_family(&self, pack: &Pack, points: impl Fn(&Indicator) -> i64) -> impl Iterator<Item = i64> {
        let families = self.indicators.chunk_by(|(_, one), (_, next)| one == next);
        families.map(move |own| own.iter().map(|&(place, _)| points(&pack.indicators[place])).sum())
    }

    /// What protections take off.
    fn points_off(&self, pack: &Pack, points: impl Fn(&Indicator) -> i64) -> i64 {
        let all = self.protections.iter().map(|&place| points(&pack.protections[place]));
        all.sum::<i64>().min(self.protection_cap)
    }
}

/// A transfer at which something is to be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The row.
    pub index: u32,
    /// Place in [`Pack::typologies`].
    pub typology: usize,
    /// How soon.
    pub level: Level,
}

/// What was raised about whom, so that one party is not raised at every transfer.
#[derive(Debug, Default)]
pub struct Memory {
    last: FxHashMap<(u32, u32), (Level, i64)>,
}

impl Memory {
    /// What was raised last about each party, by place of the typology and number of the party.
    pub(crate) fn all(&self) -> impl Iterator<Item = ((u32, u32), (Level, i64))> {
        self.last.iter().map(|(&about, &last)| (about, last))
    }

    /// Takes over that something was raised about a party under a typology.
    pub(crate) fn recall(&mut self, about: (u32, u32), level: Level, at_s: i64) {
        self.last.insert(about, (level, at_s));
    }

    /// Goes on under another pack, in which the typologies stand at these places.
    pub(crate) fn rename(&mut self, places: &[Option<u32>]) {
        self.last = crate::gate::renamed(std::mem::take(&mut self.last), places);
    }

    /// Scores one transfer; calls `raise` for each typology that calls for a look and is not at rest.
    ///
    /// After something is raised the party rests for the pack's cooldown, unless a review becomes an alert.
    pub fn consider(&mut self, index: u32, row: &Row, features: &Features, pack: &Pack, mut raise: impl FnMut(Raised)) {
        if !row.counts() {
            return;
        }
        for (place, typology) in pack.typologies.iter().enumerate() {
            let Some(level) = level(features, typology, pack) else { continue };
            let key = (place as u32, party(typology, row));
            let is_at_rest =
                self.last.get(&key).is_some_and(|&(before, at_s)| row.at_s - at_s < pack.cooldown_s && level <= before);
            if !is_at_rest {
                self.last.insert(key, (level, row.at_s));
                raise(Raised { index, typology: place, level });
            }
        }
    }
}

fn party(typology: &Typology, row: &Row) -> u32 {
    match typology.entity {
        Entity::Sender => row.sender,
        Entity::Beneficiary => row.beneficiary,
    }
}

/// Scores a whole book, given its features; what is raised comes in the book's order.
pub fn raised(book: &Book, features: &[Features], pack: &Pack) -> Vec<Raised> {
    let mut memory = Memory::default();
    let mut all = Vec::new();
    for ((index, row), features) in (0..).zip(book.rows()).zip(features) {
        memory.consider(index, row, features, pack, |raised| all.push(raised));
    }
    all
}

#[cfg(test)]
mod tests;
