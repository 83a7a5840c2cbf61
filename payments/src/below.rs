//! Whom do we miss?
//!
//! An institution learns from its alerts what it raises wrongly, and never what it does not raise. So of the parties
//! about whom nothing was raised in a month some are drawn for a person to look at: some of those who stood just under
//! the threshold, and some of all others. Who is drawn follows from the month, the pack and the party alone, by a hash:
//! the same month gives the same names, and nobody can choose them.
//!
//! Wolfsberg Group, Statement on Effective Monitoring for Suspicious Activity, Part II (August 2025) asks for recall of
//! known cases; a sample below the line is how it is estimated.

use std::collections::BTreeMap;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::pack::Entity;
use crate::score::score;
use crate::{Pack, PartyId, Scored};

/// Which month, and how many are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Seconds since 1970, UTC.
    pub month: Range<i64>,
    /// How many to draw just under the threshold.
    pub n_near: usize,
    /// How many to draw of all others.
    pub n_far: usize,
}

impl Plan {
    /// Twenty just under the threshold and ten of all others: what one person can look at in two days.
    pub fn of(month: Range<i64>) -> Plan {
        Plan { month, n_near: 20, n_far: 10 }
    }
}

/// How far below the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stratum {
    /// Within [`near_points`] of the review score, or above it with too few families.
    Near,
    /// Anywhere else below.
    Far,
}

/// A party that was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `b-` and 16 digits of the hash by which it was drawn.
    pub id: String,
    /// How far below the line.
    pub stratum: Stratum,
    /// Who.
    pub party: PartyId,
    /// Place of the typology.
    pub typology: usize,
    /// The highest score in the month.
    pub score: i64,
    /// How many families spoke then.
    pub n_families: usize,
    /// The row at which it stood.
    pub index: u32,
}

/// What was drawn, and from how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Parties just under the threshold.
    pub n_near_all: usize,
    /// All others below it.
    pub n_far_all: usize,
    /// Those drawn: near ones first, each in the order of their hashes.
    pub items: Vec<Item>,
}

/// How far under the review score still counts as just under it: the points of the pack's strongest single indicator, so
/// that whoever stands there would be raised if one more had spoken.
pub fn near_points(pack: &Pack) -> i64 {
    pack.indicators.iter().flat_map(|indicator| &indicator.bands).map(|band| band.points).max().unwrap_or(0)
}

/// Draws from all parties with a transfer in the month about whom, under a typology, no transfer of that month would be
/// raised.
pub fn sample(scored: &Scored<'_>, plan: &Plan) -> Sample {
    let (book, pack) = (&scored.book, scored.pack);
    let near_points = near_points(pack);
    // By typology and party: the highest standing, or none once something would be raised.
    let mut standings: BTreeMap<(usize, u32), Option<Item>> = BTreeMap::new();
    let counted = (0..).zip(book.rows()).zip(&scored.features);
    let counted = counted.filter(|((_, row), _)| row.counts() && plan.month.contains(&row.at_s));
    for ((index, row), features) in counted {
        for (place, typology) in pack.typologies.iter().enumerate() {
            let party = match typology.entity {
                Entity::Sender => row.sender,
                Entity::Beneficiary => row.beneficiary,
            };
            let sum = score(features, typology, pack);
            let is_raised = typology.level(&sum).is_some();
            let is_near = sum.total >= typology.review - near_points;
            let here = || Item {
                id: String::new(),
                stratum: if is_near { Stratum::Near } else { Stratum::Far },
                party: book.parties()[party as usize],
                typology: place,
                score: sum.total,
                n_families: sum.n_families,
                index,
            };
            let known = standings.entry((place, party)).or_insert_with(|| Some(here()));
            match known {
                _ if is_raised => *known = None,
                Some(before) if sum.total >= before.score => *before = here(),
                Some(_) | None => {}
            }
        }
    }
    let mut drawn: Vec<([u8; 32], Item)> =
        standings.into_values().flatten().map(|item| (hash(&item, pack, plan), item)).collect();
    drawn.sort_unstable_by_key(|(hash, item)| (item.stratum, *hash));
    let n_near_all = drawn.partition_point(|(_, item)| item.stratum == Stratum::Near);
    let n_far_all = drawn.len() - n_near_all;
    let far = drawn.split_off(n_near_all);
    let taken = drawn.into_iter().take(plan.n_near).chain(far.into_iter().take(plan.n_far));
    let items = taken.map(|(hash, item)| Item { id: format!("b-{}", &crate::score::hex(&hash)[..16]), ..item });
    Sample { n_near_all, n_far_all, items: items.collect() }
}

fn hash(item: &Item, pack: &Pack, plan: &Plan) -> [u8; 32] {
    let hash = Sha256::new().chain_update(pack.digest()).chain_update(plan.month.start.to_le_bytes());
    hash.chain_update(plan.month.end.to_le_bytes())
        .chain_update(&pack.typologies[item.typology].id)
        .chain_update(item.party.0)
        .finalize()
        .into()
}

/// Between which shares the true one lies, with 95 in 100, when `n_worth` of `n_looked` were worth a look; none when
/// nobody was looked at.
///
/// # Source
/// Wilson's score interval: E. B. Wilson, Probable inference, the law of succession, and statistical inference, J. Am.
/// Stat. Assoc. 22 (1927) 209–212.
pub fn share(n_worth: usize, n_looked: usize) -> Option<Range<f64>> {
    /// The 97.5 % point of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let n = n_looked as f64;
    let p = n_worth as f64 / n;
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    (n_looked > 0).then(|| (middle - half).max(0.0)..(middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::LIVESTREAM_EXPLOITATION;
    use crate::testing::world;
    use crate::time::DAY_S;

    fn plan(n_near: usize, n_far: usize) -> Plan {
        Plan { month: 20_200 * DAY_S..20_230 * DAY_S, n_near, n_far }
    }

    #[test]
    fn nobody_who_was_raised_is_drawn_and_everybody_else_can_be() {
        let pack = Pack::parse(LIVESTREAM_EXPLOITATION, None).unwrap();
        let book = world(600, 10_000);
        let scored = Scored::new(&book, &pack);
        let plan_of_all = plan(usize::MAX, usize::MAX);
        let all = sample(&scored, &plan_of_all);
        assert_eq!(all.items.len(), all.n_near_all + all.n_far_all);
        assert!(all.n_near_all > 3 && all.n_far_all > all.n_near_all, "{} {}", all.n_near_all, all.n_far_all);
        let rows =
            || (0_usize..).zip(book.rows()).filter(|(_, row)| row.counts() && plan_of_all.month.contains(&row.at_s));
        let (mut senders, mut raised) = (std::collections::BTreeSet::new(), 0);
        for (index, row) in rows() {
            senders.insert(row.sender);
            let typology = &pack.typologies[0];
            if typology.level(&score(&scored.features[index], typology, &pack)).is_some() {
                raised += 1;
                let party = book.parties()[row.sender as usize];
                assert!(all.items.iter().all(|item| item.typology != 0 || item.party != party), "{party} was raised");
            }
        }
        assert!(raised > 0, "nothing is raised in this month; take another");
        let n_payers = all.items.iter().filter(|item| item.typology == 0).count();
        assert!(n_payers < senders.len() && n_payers > senders.len() / 2);

        let few = sample(&scored, &plan(3, 2));
        assert_eq!((few.n_near_all, few.n_far_all, few.items.len()), (all.n_near_all, all.n_far_all, 5));
        assert_eq!(few, sample(&scored, &plan(3, 2)), "the same month gives the same names");
        assert_eq!(few.items[..3], all.items[..3]);
        assert!(few.items[..3].iter().all(|item| item.stratum == Stratum::Near && item.score >= 47 - 20));
        let other = Pack::parse(&LIVESTREAM_EXPLOITATION.replace("alert = 54", "alert = 55"), None).unwrap();
        assert_ne!(
            sample(&Scored::new(&book, &other), &plan(3, 2)).items[0].id,
            few.items[0].id,
            "another pack draws anew"
        );
    }

    /// Reckoned apart from this code, by the formula of the source.
    #[test]
    fn a_share_comes_with_its_uncertainty() {
        let close = |share: Option<Range<f64>>, low: f64, high: f64| {
            share.is_some_and(|share| (share.start - low).abs() < 6e-4 && (share.end - high).abs() < 6e-4)
        };
        assert!(close(share(2, 20), 0.028, 0.301), "{:?}", share(2, 20));
        assert!(close(share(0, 10), 0.0, 0.278), "{:?}", share(0, 10));
        assert_eq!(share(0, 0), None);
    }
}
