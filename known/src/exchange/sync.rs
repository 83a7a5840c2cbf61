//! How is a copy of what an exchange holds brought up to date, whatever interrupts it?
//!
//! Entries are not sent in the order of their times. So a range of times is asked for, all its pages are taken, and only
//! then do its entries count and the checkpoint moves: to where the exchange says the range went, never further.
//! What happened is written down as [`Event`]s, a line each, before it counts. Whoever reads the lines again is where
//! the writer was, and a last line that was cut short is as if its page had never come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Page, Update};
use crate::error::ExchangeError;
use crate::list::{FIELD_BYTES_MAX, Header, Origin};
use crate::{Entry, Error, Fingerprint, Instant, Kind, List};

/// After so long an exchange no longer knows what "next" meant: the range is asked for again.
/// Source: `ncmec_api.py` in facebook/ThreatExchange, 12 hours.
pub const RANGE_S_MAX: i64 = 12 * 3600;

/// A copy of what an exchange holds, and how far it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirror {
    checkpoint: Instant,
    entries: BTreeMap<String, Update>,
    range: Option<Range>,
}

/// A range of times that is being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    from: Instant,
    to: Instant,
    began: Instant,
    next: Option<String>,
    up_to: Option<Instant>,
    updates: Vec<Update>,
}

/// What to ask an exchange for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The range's first moment.
    pub from: Instant,
    /// Its last.
    pub to: Instant,
    /// The exchange's own word for the next page, when it is not the first.
    pub next: Option<String>,
}

/// Something that happened, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A range was begun at a moment.
    Begin {
        /// Its first moment.
        from: Instant,
        /// Its last.
        to: Instant,
        /// When.
        at: Instant,
    },
    /// A page of it came.
    Page(Page),
    /// Entries that count already; a copy begins with them when its lines are written anew.
    Entries(Vec<Update>),
    /// How far the copy goes.
    Checkpoint(Instant),
}

impl Mirror {
    /// Up to when everything is here.
    pub fn checkpoint(&self) -> Instant {
        self.checkpoint
    }

    /// How many entries there are.
    pub fn n_entries(&self) -> usize {
        self.entries.len()
    }

    /// How many updates of an unfinished range wait.
    pub fn n_waiting(&self) -> usize {
        self.range.as_ref().map_or(0, |range| range.updates.len())
    }

    /// The event to write down before asking, if a range must be begun, and what to ask then.
    ///
    /// A clock that was moved back asks for nothing before the checkpoint, and begins a range anew that would seem to
    /// come from the future.
    pub fn ask(&self, now: Instant) -> (Option<Event>, Ask) {
        if let Some(range) = &self.range {
            let age_s = now.unix_s() - range.began.unix_s();
            if (0..RANGE_S_MAX).contains(&age_s) {
                return (None, Ask { from: range.from, to: range.to, next: range.next.clone() });
            }
        }
        let (from, to) = (self.checkpoint, now.max(Instant::from_unix_s(self.checkpoint.unix_s() + 1)));
        (Some(Event::Begin { from, to, at: now }), Ask { from, to, next: None })
    }

    /// Takes in what was written down; true when with it a range is whole.
    pub fn apply(&mut self, event: Event) -> bool {
        match event {
            Event::Begin { from, to, at } => {
                self.range = Some(Range { from, to, began: at, next: None, up_to: None, updates: Vec::new() });
            }
            Event::Entries(updates) => updates.into_iter().for_each(|update| self.count(update)),
            Event::Checkpoint(at) => self.checkpoint = at,
            Event::Page(page) => {
                // A page without a range comes only from lines that somebody else wrote; it counts for nothing.
                let Some(range) = &mut self.range else { return false };
                range.updates.extend(page.updates);
                range.up_to = range.up_to.max(page.up_to);
                range.next = page.next;
                if range.next.is_none() {
                    self.finish();
                    return true;
                }
            }
        }
        false
    }

    fn finish(&mut self) {
        let Some(range) = self.range.take() else { return };
        range.updates.into_iter().for_each(|update| self.count(update));
        self.checkpoint = self.checkpoint.max(range.up_to.unwrap_or(range.from));
    }

    fn count(&mut self, update: Update) {
        match update.is_deleted {
            true => self.entries.remove(&update.key()),
            false => self.entries.insert(update.key(), update),
        };
    }

    /// The events that make this copy, as few as there can be; an unfinished range is asked for again.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        const N_IN_A_LINE: usize = 1000;
        let mut entries = self.entries.values().cloned().peekable();
        let lines = std::iter::from_fn(move || {
            entries.peek()?;
            Some(Event::Entries(entries.by_ref().take(N_IN_A_LINE).collect()))
        });
        lines.chain([Event::Checkpoint(self.checkpoint)])
    }

    /// The copy as a list. An entry with several hashes becomes several entries of the list.
    ///
    /// # Errors
    /// As [`List::new`].
    pub fn to_list(&self, exchange: &str, header: Header) -> Result<List, Error> {
        let exchange: std::sync::Arc<str> = exchange.into();
        let mut entries = Vec::new();
        for (key, update) in &self.entries {
            let mut n_of_kind: BTreeMap<Kind, usize> = BTreeMap::new();
            for fingerprint in &update.fingerprints {
                let kind = fingerprint.kind();
                let n = n_of_kind.entry(kind).and_modify(|n| *n += 1).or_insert(1);
                let id = if *n == 1 { format!("{key}/{kind}") } else { format!("{key}/{kind}/{n}") };
                entries.push(Entry {
                    fingerprint: fingerprint.clone(),
                    id: fit(&id).into(),
                    added_by: update.member.as_deref().map_or_else(|| exchange.clone(), |member| fit(member).into()),
                    added_at: update.changed_at.unwrap_or_default(),
                    origin: Some(Origin { exchange: exchange.clone(), id: fit(key).into() }),
                });
            }
        }
        List::new(header, entries)
    }
}

/// A text as a list can carry it: one that is too long, or not plain, is named by its digest.
fn fit(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let is_plain = text.len() <= FIELD_BYTES_MAX && text.trim() == text && !text.chars().any(char::is_control);
    match is_plain && !text.is_empty() && text != "-" {
        true => text.to_owned(),
        false => format!("sha256:{}", crate::Hash256(Sha256::digest(text).into())),
    }
}

impl Update {
    /// What tells it from others: two members may use one id.
    pub fn key(&self) -> String {
        match &self.member {
            Some(member) => format!("{member}-{}", self.id),
            None => self.id.clone(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Begin { from: i64, to: i64, at: i64 },
    Page { updates: Vec<Written>, next: Option<String>, up_to: Option<i64> },
    Entries(Vec<Written>),
    Checkpoint(i64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<(String, String)>,
}

impl Event {
    /// One line of JSON, without its end.
    pub fn to_line(&self) -> String {
        let written = |updates: &[Update]| updates.iter().map(Written::of).collect();
        let line = match self {
            Event::Begin { from, to, at } => Line::Begin { from: from.unix_s(), to: to.unix_s(), at: at.unix_s() },
            Event::Page(page) => Line::Page {
                updates: written(&page.updates),
                next: page.next.clone(),
                up_to: page.up_to.map(Instant::unix_s),
            },
            Event::Entries(updates) => Line::Entries(written(updates)),
            Event::Checkpoint(at) => Line::Checkpoint(at.unix_s()),
        };
        serde_json::to_string(&line).expect("texts and numbers make JSON")
    }

    /// Reads what [`Event::to_line`] writes.
    ///
    /// # Errors
    /// [`Error::Exchange`] when it is anything else.
    pub fn parse(line: &str) -> Result<Event, Error> {
        let at = |wrong| Error::Exchange { place: 1, wrong };
        let line: Line = serde_json::from_str(line).map_err(|error| at(ExchangeError::Json(error)))?;
        let moment = Instant::from_unix_s;
        let updates = |written: Vec<Written>| written.into_iter().map(Written::update).collect::<Result<Vec<_>, _>>();
        Ok(match line {
            Line::Begin { from, to, at } => Event::Begin { from: moment(from), to: moment(to), at: moment(at) },
            Line::Page { updates: written, next, up_to } => Event::Page(Page {
                updates: updates(written).map_err(at)?,
                next,
                up_to: up_to.map(moment),
                n_not_read: BTreeMap::new(),
            }),
            Line::Entries(written) => Event::Entries(updates(written).map_err(at)?),
            Line::Checkpoint(at) => Event::Checkpoint(moment(at)),
        })
    }
}

impl Written {
    fn of(update: &Update) -> Written {
        let hashes = update.fingerprints.iter().map(|hash| (hash.kind().to_string(), hash.to_string()));
        Written {
            id: update.id.clone(),
            deleted: update.is_deleted,
            member: update.member.clone(),
            class: update.class.clone(),
            changed_at: update.changed_at.map(Instant::unix_s),
            hashes: hashes.collect(),
        }
    }

    fn update(self) -> Result<Update, ExchangeError> {
        let fingerprint = |(kind, hex): &(String, String)| {
            let known = kind.parse().ok().and_then(|kind| Fingerprint::from_hex(kind, hex).ok());
            known.ok_or_else(|| ExchangeError::Hash { kind: kind.clone(), found: crate::hash256::shortened(hex) })
        };
        Ok(Update {
            fingerprints: self.hashes.iter().map(fingerprint).collect::<Result<_, _>>()?,
            id: self.id,
            is_deleted: self.deleted,
            member: self.member,
            class: self.class,
            changed_at: self.changed_at.map(Instant::from_unix_s),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Hash256;

    fn at(s: i64) -> Instant {
        Instant::from_unix_s(1_795_000_000 + s)
    }

    fn update(id: &str, s: i64) -> Update {
        Update {
            id: id.into(),
            changed_at: Some(at(s)),
            fingerprints: vec![Fingerprint::Pdq(Hash256([s as u8; 32]))],
            ..Update::default()
        }
    }

    fn page(updates: Vec<Update>, next: Option<&str>, up_to: i64) -> Event {
        Event::Page(Page { updates, next: next.map(str::to_owned), up_to: Some(at(up_to)), ..Page::default() })
    }

    #[test]
    fn nothing_counts_before_the_range_is_whole() {
        let mut mirror = Mirror::default();
        let (begin, ask) = mirror.ask(at(100));
        assert_eq!((ask.from, ask.next), (Instant::default(), None));
        mirror.apply(begin.unwrap());
        assert!(!mirror.apply(page(vec![update("a", 90)], Some("2"), 90)));
        assert_eq!((mirror.n_entries(), mirror.n_waiting(), mirror.checkpoint()), (0, 1, Instant::default()));
        assert_eq!(mirror.ask(at(150)).1, Ask { from: Instant::default(), to: at(100), next: Some("2".into()) });
        let gone = Update { is_deleted: true, ..update("a", 95) };
        // The last page is older than the first: the checkpoint goes where the range went.
        assert!(mirror.apply(page(vec![update("b", 10), gone], None, 10)));
        assert_eq!((mirror.n_entries(), mirror.n_waiting(), mirror.checkpoint()), (1, 0, at(90)));
    }

    #[test]
    fn an_old_range_or_one_of_the_future_is_begun_anew() {
        let mut mirror = Mirror::default();
        mirror.apply(Event::Checkpoint(at(0)));
        mirror.apply(mirror.ask(at(100)).0.unwrap());
        mirror.apply(page(vec![update("a", 90)], Some("2"), 90));
        for now in [at(100 + RANGE_S_MAX), at(50)] {
            let (begin, ask) = mirror.clone().ask(now);
            assert_eq!((begin.is_some(), ask.from, ask.next), (true, at(0), None));
        }
        // A clock before the checkpoint asks for a range that is not empty and not reversed.
        let (_, ask) = mirror.ask(at(-5000));
        assert!(ask.from < ask.to, "{ask:?}");
    }

    proptest! {
        /// Whatever is read again from lines is what was written, wherever the lines were cut.
        #[test]
        fn lines_lead_to_the_same_copy(
            pages in prop::collection::vec((prop::collection::vec((0u8..9, any::<bool>(), 0i64..500), 0..5), any::<bool>()), 0..12),
            cut in 0usize..40,
        ) {
            let mut mirror = Mirror::default();
            let mut lines = Vec::new();
            for (updates, is_last) in pages {
                let (begin, _) = mirror.ask(at(1000));
                let updates: Vec<Update> = updates.iter().map(|&(id, is_deleted, s)| Update { is_deleted, ..update(&id.to_string(), s) }).collect();
                for event in begin.into_iter().chain([page(updates, (!is_last).then_some("n"), 7)]) {
                    lines.push(event.to_line());
                    mirror.apply(event);
                }
            }
            let read = |lines: &[String]| {
                let mut mirror = Mirror::default();
                lines.iter().for_each(|line| { mirror.apply(Event::parse(line).unwrap()); });
                mirror
            };
            prop_assert_eq!(&read(&lines), &mirror);
            let mut anew = Mirror::default();
            mirror.events().for_each(|event| { anew.apply(Event::parse(&event.to_line()).unwrap()); });
            prop_assert_eq!((&anew.entries, anew.checkpoint), (&mirror.entries, mirror.checkpoint));
            // A copy that was cut short goes on and never has more than the whole.
            let part = read(&lines[..cut.min(lines.len())]);
            prop_assert!(part.checkpoint() <= mirror.checkpoint());
            let header = Header { name: "x".into(), version: 1, source: "x".into(), created: at(0) };
            prop_assert_eq!(mirror.to_list("x", header).unwrap().entries().len(), mirror.n_entries());
        }

        #[test]
        fn any_line_is_read_or_refused(line in ".{0,200}") {
            let _ = Event::parse(&line);
        }
    }

    #[test]
    fn names_that_no_list_can_carry_are_named_by_their_digest() {
        let mut mirror = Mirror::default();
        mirror.apply(Event::Entries(vec![update("a\tb", 1), update(&"x".repeat(600), 2), update(" y", 3)]));
        let header = Header { name: "x".into(), version: 1, source: "x".into(), created: at(0) };
        let list = mirror.to_list("ncmec", header).unwrap();
        assert_eq!(List::parse(&list.to_string()).unwrap(), list);
    }
}
