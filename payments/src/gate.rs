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

mod snapshot;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::features::Stream;
use crate::pack::Entity;
use crate::score::{Level, Members, Memory, Raised, score};
use crate::{Alert, Book, Error, Features, Pack, Transfer};

/// Which scores hold a transfer, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldRule {
    /// From which level on; none holds nothing and only alerts.
    pub from: Option<Level>,
    /// Seconds after which a hold ends by itself; the law of the place says how long one may last.
    pub for_s: i64,
}

/// What happened, in order. The log of a gate is a list of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The gate was set up. Stands first, and once.
    Begun {
        /// SHA-256 of the pack, and of its overlay, in hexadecimal.
        pack_sha256: String,
        /// What holds.
        rule: HoldRule,
    },
    /// From here on amounts are priced with another table.
    Rates {
        /// SHA-256 of the table, in hexadecimal.
        sha256: String,
    },
    /// A person let a held transfer pass.
    Released(Decided),
    /// A person refused a held transfer.
    Refused(Decided),
    /// A hold ended and nobody had looked.
    Expired {
        /// The hold.
        hold: String,
        /// When, seconds since 1970.
        at_s: i64,
    },
    /// A person has looked into an alert.
    Outcome {
        /// The alert.
        alert: String,
        /// What it was worth.
        outcome: Outcome,
        /// Who says so.
        by: String,
        /// Why, in their words.
        note: String,
        /// When, seconds since 1970.
        at_s: i64,
    },
}

/// A person's word on a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// The hold.
    pub hold: String,
    /// Who decided.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// When, seconds since 1970.
    pub at_s: i64,
}

crate::transfer::words! {
    /// What an alert was worth to whoever looked into it.
    Outcome {
        /// It was reported to the authority.
        Reported = "reported",
        /// It was worth looking into, and nothing was reported.
        #[default]
        Useful = "useful",
        /// It was an innocent explanation.
        Innocent = "innocent",
        /// It cannot be told.
        Unclear = "unclear",
    }
}

impl Serialize for Outcome {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Outcome, D::Error> {
        let word = String::deserialize(from)?;
        let known = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect::<Vec<_>>().join(", ");
        Outcome::parse(&word).ok_or_else(|| serde::de::Error::custom(format!("{word:?} is none of {known}")))
    }
}

/// What is said of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It may pass.
    Pass,
    /// A person should look first.
    HoldForPerson {
        /// The hold, by which a person decides.
        hold: String,
        /// The alert that says why.
        alert: String,
        /// When the hold ends by itself, RFC 3339.
        until: String,
    },
}

/// A transfer that waits, or waited, for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// `h-` and the transfer's place in the log.
    pub id: String,
    /// The transfer.
    pub transfer: String,
    /// The alert that says why.
    pub alert: String,
    /// When it ends by itself, seconds since 1970.
    pub until_s: i64,
    /// What became of it.
    pub state: HoldState,
}

/// What became of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum HoldState {
    /// It waits.
    Open,
    /// A person let it pass.
    Released(Decided),
    /// A person refused it.
    Refused(Decided),
    /// Nobody looked in time, and it passed.
    Expired,
}

/// Why an event cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such hold.
    #[error("there is no hold {hold}")]
    NoHold {
        /// The hold.
        hold: String,
    },
    /// It was decided before, or has ended.
    #[error("the hold {hold} is no longer open: {state}")]
    NotOpen {
        /// The hold.
        hold: String,
        /// What became of it.
        state: &'static str,
    },
    /// There is no such alert.
    #[error("there is no alert {alert}")]
    NoAlert {
        /// The alert.
        alert: String,
    },
    /// A decision without a name, or without a reason.
    #[error("{field} must have 1 to {n_chars_max} characters, none of them a control character")]
    Text {
        /// What is missing or too long.
        field: &'static str,
        /// The most it can have.
        n_chars_max: usize,
    },
    /// The first event is not the setting up, or it stands twice, or was of another pack.
    #[error("the log was begun with another pack or rule")]
    OtherPack,
}

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
    pack: Pack,
    rule: HoldRule,
    rates_sha256: String,
    book: Book,
    stream: Stream,
    memory: Memory,
    of_sender: Vec<Vec<u32>>,
    of_beneficiary: Vec<Vec<u32>>,
    alerts: Vec<Alert>,
    /// Row and features of each alert.
    places: Vec<(u32, Features)>,
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
}

#[derive(Debug)]
struct Held {
    hold: Hold,
    about: (u32, u32),
}

impl Gate {
    /// The longest name of a person, in characters.
    pub const NAME_CHARS_MAX: usize = 200;
    /// The longest reason or note, in characters.
    pub const REASON_CHARS_MAX: usize = 4000;

    /// A gate that has seen nothing.
    pub fn new(pack: Pack, rule: HoldRule) -> Gate {
        Gate {
            pack,
            rule,
            rates_sha256: String::new(),
            book: Book::default(),
            stream: Stream::default(),
            memory: Memory::default(),
            of_sender: Vec::new(),
            of_beneficiary: Vec::new(),
            alerts: Vec::new(),
            places: Vec::new(),
            alert_numbers: FxHashMap::default(),
            alert_about: FxHashMap::default(),
            cleared_until: FxHashMap::default(),
            holds: Vec::new(),
            hold_of_row: FxHashMap::default(),
            hold_numbers: FxHashMap::default(),
            n_open: 0,
            outcomes: Vec::new(),
        }
    }

    /// The event that stands first in the log.
    pub fn begun(&self) -> Event {
        Event::Begun { pack_sha256: self.pack_sha256(), rule: self.rule }
    }

    fn pack_sha256(&self) -> String {
        let overlay = self.pack.overlay.as_ref().map_or_else(String::new, |(_, _, sha256)| crate::score::hex(sha256));
        crate::score::hex(&self.pack.sha256) + &overlay
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
            of_beneficiary: &self.of_beneficiary[row.beneficiary as usize],
        };
        let digest = self.book.digest();
        let alert = Alert::new(raised, features, &self.book, members, &digest, &self.pack, &self.rates_sha256);
        let number = self.alerts.len() as u32;
        let about = self.party(raised.typology, raised.index);
        self.alert_about.insert(about, number);
        self.alert_numbers.insert(alert.id.clone(), number);
        self.places.push((raised.index, *features));
        self.alerts.push(alert);
    }

    /// Holds the row when one of its own scores says so, and no person has cleared the party.
    fn hold(&mut self, index: u32, features: &Features, arrived_s: i64) {
        let row = self.book.rows()[index as usize];
        let Some(from) = self.rule.from.filter(|_| row.counts()) else { return };
        for (place, typology) in self.pack.typologies.iter().enumerate() {
            let level = typology.level(&score(features, typology, &self.pack));
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
            self.holds.push(Held { hold, about });
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
                self.cleared_until.insert(about, decided.at_s.saturating_add(self.pack.cooldown_s));
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
        }
    }

    fn end(&mut self, hold: &str, state: HoldState) -> Result<(u32, u32), Refusal> {
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

    /// The row at which the alert was raised.
    pub fn row_of(&self, alert: &str) -> Option<u32> {
        self.alert_numbers.get(alert).map(|&number| self.places[number as usize].0)
    }

    /// Every hold, in order.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter().map(|held| &held.hold)
    }

    /// Every outcome, in order.
    pub fn outcomes(&self) -> &[Event] {
        &self.outcomes
    }

    /// The transfers, in order of arrival.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The pack.
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

impl Decided {
    fn check(&self) -> Result<(), Refusal> {
        text("the name of the person", &self.by, Gate::NAME_CHARS_MAX)?;
        text("the reason", &self.reason, Gate::REASON_CHARS_MAX)
    }
}

fn text(field: &'static str, value: &str, n_chars_max: usize) -> Result<(), Refusal> {
    let is_right = !value.trim().is_empty()
        && value.chars().count() <= n_chars_max
        && !value.contains(|c: char| c.is_control() && c != '\n');
    if is_right { Ok(()) } else { Err(Refusal::Text { field, n_chars_max }) }
}

impl HoldState {
    /// One word for messages.
    pub fn name(&self) -> &'static str {
        match self {
            HoldState::Open => "open",
            HoldState::Released(_) => "released",
            HoldState::Refused(_) => "refused",
            HoldState::Expired => "expired",
        }
    }
}

/// One line of a log: something that happened, or a transfer with its worth and arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A transfer.
    Transfer {
        /// It.
        transfer: Box<Transfer>,
        /// What it was worth in minor units of the pack's currency when it arrived.
        value_minor: i64,
        /// When it arrived, seconds since 1970.
        arrived_s: i64,
    },
    /// Anything else.
    Event(Event),
}

/// Lines that follow one another: each carries a sum over all before it, so a lost or changed one is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain([u8; 8]);

impl Chain {
    /// The sum that the last line began with, in hexadecimal.
    pub fn sum(&self) -> String {
        crate::score::hex(&self.0)
    }

    /// A chain that goes on after the line that began with `sum`.
    pub fn after(sum: &str) -> Option<Chain> {
        let number = u64::from_str_radix(sum, 16).ok().filter(|_| sum.len() == 16)?;
        Some(Chain(number.to_be_bytes()))
    }

    /// Writes the next line, with its line feed.
    pub fn write(&mut self, line: &Line) -> String {
        let body = match line {
            Line::Transfer { transfer, value_minor, arrived_s } => {
                format!("t {arrived_s} {value_minor} {}", crate::read::jsonl::write_one(transfer))
            }
            Line::Event(event) => format!("e {}", serde_json::to_string(event).expect("an event is plain text")),
        };
        self.advance(&body);
        format!("{} {body}\n", crate::score::hex(&self.0))
    }

    /// Reads the next line, without its line feed; `None` when it is not the one that was written after the last.
    ///
    /// `door` is [`crate::read::Door::plain`]: the log holds pseudonyms, and no key is needed.
    pub fn read(&mut self, line: &[u8], door: &crate::read::Door) -> Option<Line> {
        let line = std::str::from_utf8(line).ok()?;
        let (sum, body) = line.split_once(' ')?;
        let mut next = *self;
        next.advance(body);
        if crate::score::hex(&next.0) != sum {
            return None;
        }
        *self = next;
        let (kind, rest) = body.split_once(' ')?;
        match kind {
            "e" => serde_json::from_str(rest).ok().map(Line::Event),
            "t" => {
                let mut parts = rest.splitn(3, ' ');
                let (arrived_s, value_minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
                match crate::read::jsonl::read_one(parts.next()?.as_bytes(), door, 0)? {
                    crate::read::Entry::Transfer { transfer, .. } => {
                        Some(Line::Transfer { transfer, value_minor, arrived_s })
                    }
                    crate::read::Entry::Reject(_) => None,
                }
            }
            _ => None,
        }
    }

    fn advance(&mut self, body: &str) {
        use sha2::{Digest, Sha256};
        let digest: [u8; 32] = Sha256::new().chain_update(self.0).chain_update(body).finalize().into();
        self.0 = digest.first_chunk().copied().expect("32 bytes begin with 8");
    }
}

impl Gate {
    /// Lets a line of the log happen again.
    ///
    /// # Errors
    /// [`Error::Log`] when it cannot have been written by this gate.
    pub fn replay(&mut self, line: Line) -> Result<(), Error> {
        match line {
            Line::Event(event) => self.happen(&event).map_err(|why| Error::Log(why.to_string())),
            Line::Transfer { transfer, value_minor, arrived_s } => match self.take(*transfer, value_minor, arrived_s) {
                Ok(taken) if taken.is_again => Err(Error::Log("a transfer stands in it twice".to_owned())),
                Ok(_) => Ok(()),
                Err((field, problem)) => Err(Error::Log(format!("{field} {problem}"))),
            },
        }
    }
}

#[cfg(test)]
mod tests;
