//! Does a hash that was found count as a match, here and now?
//!
//! A bank is a collection of entries with rules of its own: how near is near enough, how much of it is in use yet,
//! since when an entry is disabled. A negative bank holds what is known to be harmless: a match in it suppresses the
//! others. An entry that suddenly matches a flood is more likely wrong than the flood is: it is set aside for a person
//! to look at. Banks of a single entry match like any other.
//!
//! Time comes in as an argument; the share in use is decided by the entry's own hash, not by chance,
//! so that the same entry is in or out on every machine.

mod flood;

use std::collections::BTreeMap;

use crate::{Found, Hash256, Instant};
pub use flood::{Flood, FloodRule};

/// A collection of entries with its rules. Entries are the numbers of an [`crate::Index`].
#[derive(Clone, Debug)]
pub struct Bank {
    name: String,
    rules: Rules,
    disabled_until: BTreeMap<u32, Instant>,
    floods: BTreeMap<u32, Flood>,
}

/// How a bank matches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// An entry at most this far away matches, `0..=256`.
    pub radius_bits: u32,
    /// What a match means.
    pub meaning: Meaning,
    /// How much of the bank is in use, in thousandths: `0..=1000`; for bringing a new list in gradually.
    pub enabled_permille: u16,
    /// When an entry is set aside for matching too much.
    pub flood: Option<FloodRule>,
}

/// What a match in a bank means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// Known material.
    Known,
    /// Known to be harmless: suppresses matches in other banks.
    Harmless,
}

/// Why an entry that is near does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It is further away than the bank's radius.
    TooFar,
    /// It belongs to the share that is not in use yet.
    NotEnabled,
    /// It is disabled until then.
    DisabledUntil(Instant),
    /// It matched a flood and waits for a person to decide.
    Quarantined,
}

/// What all banks together say about one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No bank matches.
    Nothing,
    /// The bank with this place matches, nearest first by distance, then by place.
    Match {
        /// The bank's place among those asked.
        bank: usize,
        /// The entry.
        found: Found,
    },
    /// A bank matches, and a bank of harmless entries at least as near.
    Suppressed {
        /// The place of the harmless bank.
        by_bank: usize,
        /// The harmless entry.
        by: Found,
        /// The match that does not count.
        found: Found,
    },
}

impl Bank {
    /// A bank without disabled or quarantined entries. Settings out of range are moved to the nearer end.
    pub fn new(name: impl Into<String>, rules: Rules) -> Bank {
        let rules = Rules {
            radius_bits: rules.radius_bits.min(Hash256::N_BITS),
            enabled_permille: rules.enabled_permille.min(1000),
            ..rules
        };
        Bank { name: name.into(), rules, disabled_until: BTreeMap::new(), floods: BTreeMap::new() }
    }

    /// The same bank under other rules; what was disabled or set aside stays so.
    pub fn with_rules(&self, rules: Rules) -> Bank {
        let anew = Bank::new(self.name.clone(), rules);
        Bank { disabled_until: self.disabled_until.clone(), floods: self.floods.clone(), ..anew }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it matches.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Disables an entry until `until`; a moment that is past enables it.
    pub fn disable(&mut self, number: u32, until: Instant) {
        self.disabled_until.insert(number, until);
    }

    /// A person has looked at a quarantined entry: it matches again, and its count begins anew.
    pub fn release(&mut self, number: u32) {
        self.floods.remove(&number);
    }

    /// The entries that wait for a person to decide.
    pub fn quarantined(&self) -> impl Iterator<Item = u32> {
        self.floods.iter().filter(|(_, flood)| flood.is_over()).map(|(number, _)| *number)
    }

    /// Whether an entry counts, whose hash is `known`. Changes nothing.
    ///
    /// # Errors
    /// Why it does not.
    pub fn counts(&self, found: Found, known: &Hash256, now: Instant) -> Result<(), Ignored> {
        if found.distance_bits > self.rules.radius_bits {
            return Err(Ignored::TooFar);
        }
        if share_permille(known) >= self.rules.enabled_permille {
            return Err(Ignored::NotEnabled);
        }
        match self.disabled_until.get(&found.number) {
            Some(&until) if now < until => return Err(Ignored::DisabledUntil(until)),
            _ => {}
        }
        match self.floods.get(&found.number) {
            Some(flood) if flood.is_over() => Err(Ignored::Quarantined),
            _ => Ok(()),
        }
    }

    /// Counts a match that was acted on; true when it was the one that put the entry in quarantine.
    ///
    /// The match itself still counts: the flood's first victims are covered, its suspicious rest is looked at.
    pub fn record_match(&mut self, number: u32, now: Instant) -> bool {
        let Some(rule) = self.rules.flood else { return false };
        let flood = self.floods.entry(number).or_default();
        let was_over = flood.is_over();
        flood.count(rule, now);
        !was_over && flood.is_over()
    }
}

/// Weighs what was found in several banks: `found[i]` is the nearest entry of bank i that counts.
///
/// A harmless entry suppresses a match that is no nearer than itself.
pub fn weigh(banks: &[(Meaning, Option<Found>)]) -> Outcome {
    let nearest = |meaning: Meaning| {
        let of_meaning = banks.iter().enumerate().filter(|(_, bank)| bank.0 == meaning);
        let found = of_meaning.filter_map(|(i, bank)| bank.1.map(|found| (found.distance_bits, i, found)));
        found.min().map(|(_, bank, found)| (bank, found))
    };
    match (nearest(Meaning::Known), nearest(Meaning::Harmless)) {
        (None, _) => Outcome::Nothing,
        (Some((_, found)), Some((by_bank, by))) if by.distance_bits <= found.distance_bits => {
            Outcome::Suppressed { by_bank, by, found }
        }
        (Some((bank, found)), _) => Outcome::Match { bank, found },
    }
}

/// Which thousandth of all hashes this one is in, `0..1000`.
///
/// A PDQ hash is far from random in single bits, so all of it is mixed (the finaliser of SplitMix64).
fn share_permille(known: &Hash256) -> u16 {
    let mixed = known.words().iter().fold(0_u64, |mixed, word| {
        let mut z = (mixed ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    });
    (mixed % 1000) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_479_059;

    fn at(s: i64) -> Instant {
        Instant::from_unix_s(NOW + s)
    }

    fn rules() -> Rules {
        Rules { radius_bits: 31, meaning: Meaning::Known, enabled_permille: 1000, flood: None }
    }

    fn found(distance_bits: u32, number: u32) -> Found {
        Found { distance_bits, number }
    }

    #[test]
    fn a_bank_of_one_entry_matches_within_its_radius() {
        let bank = Bank::new("one", rules());
        assert_eq!(bank.counts(found(31, 0), &Hash256::default(), at(0)), Ok(()));
        assert_eq!(bank.counts(found(32, 0), &Hash256::default(), at(0)), Err(Ignored::TooFar));
    }

    #[test]
    fn the_enabled_share_is_kept_and_only_grows() {
        let hashes: Vec<Hash256> =
            (0..5000_u16).map(|i| Hash256(std::array::from_fn(|k| i.to_le_bytes()[k % 2]))).collect();
        let enabled = |enabled_permille| {
            let bank = Bank::new("share", Rules { enabled_permille, ..rules() });
            hashes.iter().map(|hash| bank.counts(found(0, 0), hash, at(0)).is_ok()).collect::<Vec<bool>>()
        };
        let (none, tenth, half, all) = (enabled(0), enabled(100), enabled(500), enabled(1000));
        let count = |list: &[bool]| list.iter().filter(|is_enabled| **is_enabled).count();
        assert_eq!((count(&none), count(&all)), (0, 5000));
        assert!((400..600).contains(&count(&tenth)) && (2300..2700).contains(&count(&half)));
        assert!(tenth.iter().zip(&half).all(|(tenth, half)| !tenth || *half));
    }

    #[test]
    fn a_disabled_entry_comes_back_by_itself() {
        let mut bank = Bank::new("pause", rules());
        bank.disable(5, at(60));
        assert_eq!(bank.counts(found(0, 5), &Hash256::default(), at(59)), Err(Ignored::DisabledUntil(at(60))));
        assert_eq!(bank.counts(found(0, 5), &Hash256::default(), at(60)), Ok(()));
        assert_eq!(bank.counts(found(0, 6), &Hash256::default(), at(0)), Ok(()));
    }

    #[test]
    fn a_flood_puts_an_entry_aside_until_a_person_releases_it() {
        let flood = Some(FloodRule { n_matches_max: 10, window_s: 60 });
        let mut bank = Bank::new("flood", Rules { flood, ..rules() });
        let tipped = (0..12).map(|s| bank.record_match(7, at(s))).collect::<Vec<bool>>();
        assert_eq!(tipped.iter().position(|tipped| *tipped), Some(10));
        assert_eq!(bank.counts(found(0, 7), &Hash256::default(), at(99_999)), Err(Ignored::Quarantined));
        assert_eq!(bank.quarantined().collect::<Vec<u32>>(), [7]);
        bank.release(7);
        assert_eq!(bank.counts(found(0, 7), &Hash256::default(), at(20)), Ok(()));
    }

    #[test]
    fn a_harmless_entry_suppresses_what_is_no_nearer() {
        use Meaning::{Harmless, Known};
        assert_eq!(weigh(&[(Known, None), (Harmless, Some(found(0, 1)))]), Outcome::Nothing);
        let known = found(10, 3);
        assert_eq!(weigh(&[(Known, Some(known))]), Outcome::Match { bank: 0, found: known });
        let near = weigh(&[(Harmless, Some(found(10, 1))), (Known, Some(known))]);
        assert_eq!(near, Outcome::Suppressed { by_bank: 0, by: found(10, 1), found: known });
        let far = weigh(&[(Harmless, Some(found(11, 1))), (Known, Some(known))]);
        assert_eq!(far, Outcome::Match { bank: 1, found: known });
    }
}
