//! May this transfer pass, or should a person look first?
//!
//! A [`Gate`] takes transfers one by one, in whatever order they arrive, and answers each: [`Answer::Pass`], or
//! [`Answer::HoldForPerson`] with the moment at which the hold ends by itself. A named person releases or refuses it;
//! nobody else can, and nothing is refused by the gate. A hold that nobody looks at in time passes and says so: a
//! pattern is no ground for keeping anybody's money.
//!
//! Everything that happened is an [`Event`]. The same events give the same gate, so a log of them is all that must be
//! kept; the caller writes each event before it gives the answer. A transfer is known by its id: whoever sends it twice
//! gets the first answer again, and it is counted once.
//!
//! A transfer that arrives late is counted from its arrival, at the moment of the newest one before it, since what has
//! been answered is not answered again; night and day stay those of its own clock.
//!
//! Another pack holds from the moment at which a second person lets it: what was raised and held before stays as it is.

mod chain;
mod event;
mod packs;
mod snapshot;

use rustc_hash::FxHashMap;

pub use chain::{Chain, Line};
pub use event::{Answer, Decided, Event, Hold, HoldRule, HoldState, Outcome, PackDecided, Proposed, Refusal};
pub(crate) use packs::renamed;
pub use packs::{Proposal, ProposalState};

use crate::error::Problem;
use crate::features::Stream;
use crate::pack::Entity;
use crate::score::{Members, Memory, Raised, level};
use crate::{Alert, Book, Features, Pack, Transfer};
use event::text;

/// A transfer that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What is said of it.
    pub answer: Answer,
    /// Whether it had been taken before; then nothing changed.
    pub is_again: bool,
    /// How many alerts were raised at it; they are the last of [`Gate::alerts`].
    pub n_alerts: usize,
}

/// Transfers so far, and what was said of them.
#[derive(Debug)]
pub struct Gate {
    /// The pack that holds now.
    pack: Pack,
    /// The pack that held first.
    begun_with: Pack,
    proposals: Vec<Proposal>,
    /// Place of the proposal by which the pack that holds now came to hold.
    last_activated: Option<usize>,
    /// How many transfers there were when it came to hold.
    active_from: u32,
    rule: HoldRule,
    rates_sha256: String,
    book: Book,
    stream: Stream,
    memory: Memory,
    of_sender: Vec<Vec<u32>>,
    of_beneficiary: Vec<Vec<u32>>,
    alerts: Vec<Alert>,
    /// The row of each alert.
    alert_rows: Vec<u32>,
    alert_numbers: FxHashMap<String, u32>,
    /// The last alert about a party under a typology.
    alert_about: FxHashMap<(u32, u32), u32>,
    /// Until when a person's release clears a party under a typology.
    cleared_until: FxHashMap<(u32, u32), i64>,
    holds: Vec<Held>,
    hold_of_row: FxHashMap<u32, u32>,
    hold_numbers: FxHashMap<String, u32>,
    n_open: usize,
    outcomes: Vec<Event>,
    looks_below: Vec<Event>,
}

#[derive(Debug)]
struct Held {
    hold: Hold,
    /// Typology and party; none when the pack that holds now has no such typology.
    about: Option<(u32, u32)>,
}

impl Gate {
    /// The longest name of a person, in characters.
    pub const NAME_CHARS_MAX: usize = 200;
    /// The longest reason or note, in characters.
    pub const REASON_CHARS_MAX: usize = 4000;

    /// A gate that has seen nothing.
    pub fn new(pack: Pack, rule: HoldRule) -> Gate {
        Gate {
            begun_with: pack.clone(),
            pack,
            proposals: Vec::new(),
            last_activated: None,
            active_from: 0,
            rule,
            rates_sha256: String::new(),
            book: Book::default(),
            stream: Stream::default(),
            memory: Memory::default(),
            of_sender: Vec::new(),
            of_beneficiary: Vec::new(),
            alerts: Vec::new(),
            alert_rows: Vec::new(),
            alert_numbers: FxHashMap::default(),
            alert_about: FxHashMap::default(),
            cleared_until: FxHashMap::default(),
            holds: Vec::new(),
            hold_of_row: FxHashMap::default(),
            hold_numbers: FxHashMap::default(),
            n_open: 0,
            outcomes: Vec::new(),
            looks_below: Vec::new(),
        }
    }

    /// The event that stands first in the log.
    pub fn begun(&self) -> Event {
        Event::Begun { pack_sha256: self.begun_with.digest(), rule: self.rule }
    }

    /// Takes a transfer that is worth `value_minor` of the pack's currency and arrived at `arrived_s`.
    ///
    /// # Errors
    /// The field and what is wrong: an id that was used for another transfer, a reversal of nothing, a full book.
    pub fn take(
        &mut self,
        transfer: Transfer,
        value_minor: i64,
        arrived_s: i64,
    ) -> Result<Taken, (&'static str, Problem)> {
        if let Some(row) = self.book.find(&transfer.id) {
            if self.book.transfers()[row as usize] != transfer {
                return Err(("id", Problem::IdReused));
            }
            return Ok(Taken { answer: self.answer_of(row), is_again: true, n_alerts: 0 });
        }
        let index = self.book.arrive(transfer, value_minor, &self.pack.scope)?;
        let row = self.book.rows()[index as usize];
        member(&mut self.of_sender, row.sender).push(index);
        member(&mut self.of_beneficiary, row.beneficiary).push(index);
        let features = self.stream.push(self.book.rows(), index, self.pack.spans);
        let mut raised = Vec::new();
        self.memory.consider(index, &row, &features, &self.pack, |one| raised.push(one));
        for one in &raised {
            self.alert(*one, &features);
        }
        self.hold(index, &features, arrived_s);
        Ok(Taken { answer: self.answer_of(index), is_again: false, n_alerts: raised.len() })
    }

    fn alert(&mut self, raised: Raised, features: &Features) {
        let row = &self.book.rows()[raised.index as usize];
        let members = Members {
            of_sender: &self.of_sender[row.sender as usize],
            to_sender: self.of_beneficiary.get(row.sender as usize).map_or(&[], Vec::as_slice),
            of_beneficiary: &self.of_beneficiary[row.beneficiary as usize],
        };
        let digest = self.book.digest();
        let alert = Alert::new(raised, features, &self.book, members, &digest, &self.pack, &self.rates_sha256);
        let number = self.alerts.len() as u32;
        let about = self.party(raised.typology, raised.index);
        self.alert_about.insert(about, number);
        self.alert_numbers.insert(alert.id.clone(), number);
        self.alert_rows.push(raised.index);
        self.alerts.push(alert);
    }

    /// Holds the row when one of its own scores says so, and no person has cleared the party.
    fn hold(&mut self, index: u32, features: &Features, arrived_s: i64) {
        let row = self.book.rows()[index as usize];
        let Some(from) = self.rule.from.filter(|_| row.counts()) else { return };
        for (place, typology) in self.pack.typologies.iter().enumerate() {
            let level = level(features, typology, &self.pack);
            let about = self.party(place, index);
            let is_cleared = self.cleared_until.get(&about).is_some_and(|&until_s| arrived_s < until_s);
            if level.is_none_or(|level| level < from) || is_cleared {
                continue;
            }
            let Some(&alert) = self.alert_about.get(&about) else { continue };
            let hold = Hold {
                id: format!("h-{index}"),
                transfer: self.book.transfers()[index as usize].id.to_string(),
                alert: self.alerts[alert as usize].id.clone(),
                until_s: arrived_s.saturating_add(self.rule.for_s),
                state: HoldState::Open,
            };
            let number = self.holds.len() as u32;
            self.hold_of_row.insert(index, number);
            self.hold_numbers.insert(hold.id.clone(), number);
            self.holds.push(Held { hold, about: Some(about) });
            self.n_open += 1;
            return;
        }
    }

    fn party(&self, typology: usize, index: u32) -> (u32, u32) {
        let row = &self.book.rows()[index as usize];
        let party = match self.pack.typologies[typology].entity {
            Entity::Sender => row.sender,
            Entity::Beneficiary => row.beneficiary,
        };
        (typology as u32, party)
    }

    /// What was said of the row, as it was said.
    fn answer_of(&self, row: u32) -> Answer {
        let Some(&number) = self.hold_of_row.get(&row) else { return Answer::Pass };
        let hold = &self.holds[number as usize].hold;
        let until = crate::Moment { utc_s: hold.until_s, offset_min: None }.to_rfc3339();
        Answer::HoldForPerson { hold: hold.id.clone(), alert: hold.alert.clone(), until }
    }

    /// Lets an event happen that is not a transfer. An event that is refused changes nothing.
    ///
    /// # Errors
    /// [`Refusal`] says why it cannot be.
    pub fn happen(&mut self, event: &Event) -> Result<(), Refusal> {
        match event {
            Event::Begun { .. } if *event == self.begun() && self.book.rows().is_empty() => Ok(()),
            Event::Begun { .. } => Err(Refusal::OtherPack),
            Event::Rates { sha256 } => {
                self.rates_sha256.clone_from(sha256);
                Ok(())
            }
            Event::Released(decided) => {
                decided.check()?;
                let about = self.end(&decided.hold, HoldState::Released(decided.clone()))?;
                let until_s = decided.at_s.saturating_add(self.pack.cooldown_s);
                self.cleared_until.extend(about.map(|about| (about, until_s)));
                Ok(())
            }
            Event::Refused(decided) => {
                decided.check()?;
                self.end(&decided.hold, HoldState::Refused(decided.clone())).map(drop)
            }
            Event::Expired { hold, .. } => self.end(hold, HoldState::Expired).map(drop),
            Event::Outcome { alert, by, note, .. } => {
                text("the name", by, Self::NAME_CHARS_MAX)?;
                text("the note", note, Self::REASON_CHARS_MAX)?;
                if !self.alert_numbers.contains_key(alert) {
                    return Err(Refusal::NoAlert { alert: alert.clone() });
                }
                self.outcomes.push(event.clone());
                Ok(())
            }
            Event::BelowTheLine { party, by, note, .. } => {
                text("the name", by, Self::NAME_CHARS_MAX)?;
                text("the note", note, Self::REASON_CHARS_MAX)?;
                let is_known = crate::PartyId::parse(party).is_some_and(|party| self.book.number_of(party).is_some());
                if !is_known {
                    return Err(Refusal::NoParty { party: party.clone() });
                }
                self.looks_below.push(event.clone());
                Ok(())
            }
            Event::PackProposed(proposed) => self.propose(proposed),
            Event::PackActivated(decided) => self.activate(decided),
            Event::PackDeclined(decided) => self.decline(decided),
        }
    }

    fn end(&mut self, hold: &str, state: HoldState) -> Result<Option<(u32, u32)>, Refusal> {
        let number = self.hold_numbers.get(hold).ok_or_else(|| Refusal::NoHold { hold: hold.to_owned() })?;
        let held = &mut self.holds[*number as usize];
        if held.hold.state != HoldState::Open {
            return Err(Refusal::NotOpen { hold: hold.to_owned(), state: held.hold.state.name() });
        }
        held.hold.state = state;
        self.n_open -= 1;
        Ok(held.about)
    }

    /// The holds that have ended by themselves at `now_s`, as events that the caller writes and lets happen.
    pub fn expired(&self, now_s: i64) -> Vec<Event> {
        if self.n_open == 0 {
            return Vec::new();
        }
        let open = self.holds.iter().map(|held| &held.hold).filter(|hold| hold.state == HoldState::Open);
        open.filter(|hold| hold.until_s <= now_s)
            .map(|hold| Event::Expired { hold: hold.id.clone(), at_s: now_s })
            .collect()
    }

    /// Every alert, in the order in which they were raised.
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// The alert of this id.
    pub fn find(&self, alert: &str) -> Option<&Alert> {
        self.alert_numbers.get(alert).map(|&number| &self.alerts[number as usize])
    }

    /// Row and level of every alert, in order.
    pub fn raised(&self) -> impl Iterator<Item = (u32, crate::Level)> {
        self.alert_rows.iter().copied().zip(self.alerts.iter().map(|alert| alert.level))
    }

    /// The row at which the alert was raised.
    pub fn row_of(&self, alert: &str) -> Option<u32> {
        self.alert_numbers.get(alert).map(|&number| self.alert_rows[number as usize])
    }

    /// Every hold, in order.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter().map(|held| &held.hold)
    }

    /// Every outcome, in order.
    pub fn outcomes(&self) -> &[Event] {
        &self.outcomes
    }

    /// Every look at somebody about whom nothing was raised, in order; all are [`Event::BelowTheLine`].
    pub fn looks_below(&self) -> &[Event] {
        &self.looks_below
    }

    /// The transfers, in order of arrival.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The pack that holds now.
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// The table of rates that holds now, in hexadecimal; empty before the first.
    pub fn rates_sha256(&self) -> &str {
        &self.rates_sha256
    }
}

fn member(members: &mut Vec<Vec<u32>>, party: u32) -> &mut Vec<u32> {
    let party = party as usize;
    if members.len() <= party {
        members.resize_with(party + 1, Vec::new);
    }
    &mut members[party]
}

#[cfg(test)]
mod tests;
