//! What would another pack raise on the same transfers?
//!
//! Two packs are scored over one book as if each had always held, so neither has an advantage, and the parties that each
//! raises are set side by side. Nobody is answered, nothing is held. What people found out about a party, if anything,
//! says which of the differences are for the better.

use std::collections::BTreeMap;

use crate::gate::{Event, Gate, Outcome};
use crate::pack::Entity;
use crate::score::{Memory, score};
use crate::{Alert, Book, Level, Pack, PartyId, Scored};

/// The strongest thing that a pack raises about a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strongest {
    /// How soon a person should look.
    pub level: Level,
    /// The score.
    pub score: i64,
    /// The row at which it is raised.
    pub index: u32,
    /// Place of the typology.
    pub typology: usize,
}

/// What two packs raise.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// What the pack that holds raises, by party.
    pub active: BTreeMap<PartyId, Strongest>,
    /// What the pack that is tried raises, by party.
    pub candidate: BTreeMap<PartyId, Strongest>,
    /// Why, for the strongest of those that the pack that is tried raises alone, in the form of alerts.
    pub new: Vec<Alert>,
    /// How many transfers both were scored on.
    pub n_transfers: usize,
}

impl Shadow {
    /// How many are told with reasons.
    pub const N_TOLD_MAX: usize = 100;

    /// Scores `book` with both packs. Both must reckon in the currency that the book is priced in.
    pub fn new(book: &Book, active: &Pack, candidate: &Pack) -> Shadow {
        let active = strongest(&Scored::new(book, active));
        let scored = Scored::new(book, candidate);
        let n_transfers = book.rows().len();
        let mut shadow = Shadow { active, candidate: strongest(&scored), new: Vec::new(), n_transfers };
        let mut at: Vec<Strongest> = shadow.only_candidate().map(|(_, strongest)| *strongest).collect();
        at.sort_unstable_by_key(|one| std::cmp::Reverse((one.level, one.score, one.index)));
        at.truncate(Self::N_TOLD_MAX);
        shadow.new = scored.reasons(&at.iter().map(|one| (one.index, one.typology)).collect::<Vec<_>>());
        for (alert, at) in shadow.new.iter_mut().zip(&at) {
            alert.level = at.level;
        }
        shadow
    }

    /// Parties that the pack that holds raises alone.
    pub fn only_active(&self) -> impl Iterator<Item = (&PartyId, &Strongest)> {
        self.active.iter().filter(|(party, _)| !self.candidate.contains_key(party))
    }

    /// Parties that the pack that is tried raises alone.
    pub fn only_candidate(&self) -> impl Iterator<Item = (&PartyId, &Strongest)> {
        self.candidate.iter().filter(|(party, _)| !self.active.contains_key(party))
    }

    /// Parties that both raise, with what each says.
    pub fn both(&self) -> impl Iterator<Item = (&PartyId, &Strongest, &Strongest)> {
        self.active.iter().filter_map(|(party, one)| Some((party, one, self.candidate.get(party)?)))
    }

    /// Parties that both raise, at another level or with another score.
    pub fn n_moved(&self) -> usize {
        self.both().filter(|(_, one, other)| (one.level, one.score) != (other.level, other.score)).count()
    }
}

/// What a pack raises over a book, by party: the highest level, and at that level the highest score.
fn strongest(scored: &Scored<'_>) -> BTreeMap<PartyId, Strongest> {
    let (book, pack) = (&scored.book, scored.pack);
    let (mut memory, mut all) = (Memory::default(), BTreeMap::new());
    for ((index, row), features) in (0..).zip(book.rows()).zip(&scored.features) {
        memory.consider(index, row, features, pack, |raised| {
            let typology = &pack.typologies[raised.typology];
            let party = match typology.entity {
                Entity::Sender => row.sender,
                Entity::Beneficiary => row.beneficiary,
            };
            let score = score(features, typology, pack).total;
            let one = Strongest { level: raised.level, score, index, typology: raised.typology };
            let known = all.entry(book.parties()[party as usize]).or_insert(one);
            if (one.level, one.score) > (known.level, known.score) {
                *known = one;
            }
        });
    }
    all
}

/// What people found out about parties: above the line, by their alerts, and below it. The last word counts.
pub fn found(gate: &Gate) -> (BTreeMap<PartyId, Outcome>, BTreeMap<PartyId, Outcome>) {
    let above = gate.outcomes().iter().filter_map(|event| match event {
        Event::Outcome { alert, outcome, .. } => Some((PartyId::parse(&gate.find(alert)?.party)?, *outcome)),
        _ => None,
    });
    let below = gate.looks_below().iter().filter_map(|event| match event {
        Event::BelowTheLine { party, outcome, .. } => Some((PartyId::parse(party)?, *outcome)),
        _ => None,
    });
    (above.collect(), below.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::HoldRule;
    use crate::pack::LIVESTREAM_EXPLOITATION;
    use crate::testing::world;

    #[test]
    fn a_shadow_raises_what_a_gate_of_its_own_would_raise() {
        let active = Pack::parse(LIVESTREAM_EXPLOITATION, None).unwrap();
        let text = LIVESTREAM_EXPLOITATION
            .replace("review = 47\nalert = 54", "review = 40\nalert = 60")
            .replace("small_max_minor = 20000", "small_max_minor = 12000");
        let candidate = Pack::parse(&text, None).unwrap();
        let book = world(600, 5000);
        let shadow = Shadow::new(&book, &active, &candidate);
        for (pack, raised) in [(&active, &shadow.active), (&candidate, &shadow.candidate)] {
            let mut gate = Gate::new(pack.clone(), HoldRule { from: None, for_s: 0 });
            for (transfer, row) in book.transfers().iter().zip(book.rows()) {
                gate.take(transfer.clone(), row.value_minor, row.at_s).unwrap();
            }
            let mut own: BTreeMap<PartyId, (Level, i64)> = BTreeMap::new();
            for alert in gate.alerts() {
                let known = own.entry(PartyId::parse(&alert.party).unwrap()).or_insert((alert.level, alert.score));
                *known = (*known).max((alert.level, alert.score));
            }
            let raised: BTreeMap<PartyId, (Level, i64)> =
                raised.iter().map(|(p, s)| (*p, (s.level, s.score))).collect();
            assert_eq!(raised, own);
        }
        let n_both = shadow.both().count();
        assert_eq!(shadow.only_active().count() + n_both, shadow.active.len());
        assert_eq!(shadow.only_candidate().count() + n_both, shadow.candidate.len());
        assert!(shadow.only_candidate().count() > 0 && n_both > 0 && shadow.n_moved() > 0, "{shadow:?}");
        assert_eq!(shadow.new.len(), shadow.only_candidate().count().min(Shadow::N_TOLD_MAX));
        for alert in &shadow.new {
            let strongest = shadow.candidate[&PartyId::parse(&alert.party).unwrap()];
            assert_eq!((alert.level, alert.score), (strongest.level, strongest.score));
            assert!(!alert.reasons.is_empty());
        }
    }
}
