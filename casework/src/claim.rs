//! What does a survivor need who claims compensation: who paid, who was paid, and what happened?
//!
//! A [`Document`] holds only what stands in the records of one case, each fact with the number of its record and who says
//! so. Two things are tied together in one way alone: the same account stands in both. Nothing is inferred, nobody accused.

mod page;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::appeal::Ruling;
use crate::case::Event as Moved;
use crate::export::Done;
use crate::referral::{Intake, Seen, Source};
use crate::{Deed, Error, Person, Verdict};

pub use page::page;

/// The form of the document, as JSON Schema (draft 2020-12).
pub const SCHEMA: &str = include_str!("claim/claim.schema.json");

/// What stands above every claim.
pub const WORDS: [&str; 4] = [
    "This document holds what stands in the records of one case, for the claim that is named in it.",
    "Amounts, times and matches are observations of people and programs. They are not an accusation, and no finding about \
     anybody; a court finds.",
    "A match or a score is what a program reckoned. A decision is what a person here found, under the rules of this house.",
    "What is not here was not recorded in this case, or stands in a record that is not part of a claim. It may have happened.",
];

/// A request to take what was paid and seen out of the house for one claim, which a second person allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who asked.
    pub asked_by: Person,
    /// The claim: before whom, of whom, under which number.
    pub name: String,
    /// Who allowed it.
    pub allowed_by: Option<Person>,
}

/// Everything that goes with a claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// Where the form of this stands.
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    /// The version of the form.
    pub version: u32,
    /// How to read it.
    pub words: [&'static str; 4],
    /// The case.
    pub case: String,
    /// The claim, and who let this leave the house.
    pub claim: Allowed,
    /// Every account that paid, was paid, or was seen.
    pub parties: Vec<Party>,
    /// What was paid.
    pub transfers: Vec<Transfer>,
    /// What was seen, and what was raised about payments.
    pub events: Vec<Event>,
    /// What people decided, the earliest first; the last one counts.
    pub decisions: Vec<Decided>,
    /// Transfers and events by when they were or began, the earliest first.
    pub time_line: Vec<String>,
}

/// Who asked for it and who allowed it, each with the record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Allowed {
    /// The claim, in the words of who asked.
    pub name: String,
    /// Who asked.
    pub asked_by: String,
    /// Where that stands.
    pub asked_record: u64,
    /// Who allowed it.
    pub allowed_by: String,
    /// Where that stands.
    pub allowed_record: u64,
}

/// An account, by the name or pseudonym that the records have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Party {
    /// `party-1` and so on.
    pub id: String,
    /// The account.
    pub account: String,
    /// Transfers in which it paid.
    pub payer_in: Vec<String>,
    /// Transfers in which it was paid.
    pub beneficiary_in: Vec<String>,
    /// Events that name it.
    pub seen_in: Vec<String>,
}

/// One movement of money.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Transfer {
    /// `transfer-1` and so on.
    pub id: String,
    /// The institution's own reference.
    pub reference: String,
    /// The party that paid.
    pub payer: String,
    /// The party that was paid.
    pub beneficiary: String,
    /// The amount, as people write it.
    pub amount: String,
    /// The same in the currency's smallest unit.
    pub amount_minor: i64,
    /// The currency (ISO 4217).
    pub currency: String,
    /// When it was sent.
    pub at: Timestamp,
    /// Whose record says so.
    pub source: String,
    /// By what right it stands beside what was seen.
    pub basis: String,
    /// The record of the log.
    pub record: u64,
}

/// Something that was seen or raised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// `event-1` and so on.
    pub id: String,
    /// Who saw it.
    pub source: &'static str,
    /// What was seen, in words.
    pub seen: String,
    /// On which service.
    pub platform: String,
    /// Which stream, call, file or alert.
    pub channel: String,
    /// The party that it names.
    pub party: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended, where that is known.
    pub ended_at: Option<Timestamp>,
    /// The record of the log.
    pub record: u64,
}

/// What a person decided about the case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decided {
    /// What they found.
    pub verdict: Verdict,
    /// Whether it was on an appeal.
    pub is_on_appeal: bool,
    /// When.
    pub at: Timestamp,
    /// The record of the log.
    pub record: u64,
}

/// Whether a record is part of what goes with claim `number` of its case.
pub fn belongs(deed: &Deed, number: usize) -> bool {
    match deed {
        Deed::Referred(_) | Deed::Paid(_) | Deed::Moved(Moved::Decided(_)) => true,
        Deed::AppealAnswered { answer, .. } => answer.ruling == Ruling::Reversed,
        Deed::ClaimAsked { claim, .. } | Deed::ClaimAllowed { claim, .. } => *claim == number,
        _ => false,
    }
}

/// Makes the document of the one claim that is among these records.
///
/// # Errors
/// [`Error::Transition`] when there is none that a second person allowed, or a record that does not belong to it.
pub fn document(case: &str, done: &[Done<'_>]) -> Result<Document, Error> {
    let refused = |state| Error::Transition { what: "the claim", state, event: "written" };
    let asked = done.iter().find_map(|done| match done.deed {
        Deed::ClaimAsked { claim, by, name } => Some((*claim, by, name, done.position)),
        _ => None,
    });
    let (number, asked_by, name, asked_record) = asked.ok_or(refused("not asked for"))?;
    let allowed = done.iter().find_map(|done| match done.deed {
        Deed::ClaimAllowed { by, .. } if by != asked_by => Some((by, done.position)),
        _ => None,
    });
    let (allowed_by, allowed_record) = allowed.ok_or(refused("not allowed by a second person"))?;
    if done.iter().any(|done| !belongs(done.deed, number)) {
        return Err(refused("mixed with other records"));
    }
    let mut document = Document {
        schema: "claim.schema.json",
        version: 1,
        words: WORDS,
        case: case.to_owned(),
        claim: Allowed {
            name: name.clone(),
            asked_by: asked_by.name().to_owned(),
            asked_record,
            allowed_by: allowed_by.name().to_owned(),
            allowed_record,
        },
        parties: Vec::new(),
        transfers: Vec::new(),
        events: Vec::new(),
        decisions: Vec::new(),
        time_line: Vec::new(),
    };
    document.fill(done);
    Ok(document)
}

impl Document {
    /// The document as JSON; the same records give the same text.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("names, numbers and moments can be written as JSON") + "\n"
    }

    fn fill(&mut self, done: &[Done<'_>]) {
        let mut parties = BTreeMap::new();
        // What was referred again when its end became known stands once, as it was told last.
        let mut events: Vec<(String, &Intake, u64)> = Vec::new();
        for done in done {
            match done.deed {
                Deed::Referred(referral) => {
                    let told = (referral.key(), referral.intake(), done.position);
                    match events.iter_mut().find(|(key, ..)| *key == told.0) {
                        Some(known) => *known = told,
                        None => events.push(told),
                    }
                }
                Deed::Paid(paid) => {
                    let id = format!("transfer-{}", self.transfers.len() + 1);
                    let payer = self.party(&mut parties, paid.payer.open());
                    let beneficiary = self.party(&mut parties, paid.beneficiary.open());
                    self.parties[payer].payer_in.push(id.clone());
                    self.parties[beneficiary].beneficiary_in.push(id.clone());
                    self.transfers.push(Transfer {
                        id,
                        reference: paid.reference.clone(),
                        payer: self.parties[payer].id.clone(),
                        beneficiary: self.parties[beneficiary].id.clone(),
                        amount: paid.amount(),
                        amount_minor: paid.amount_minor,
                        currency: paid.currency.clone(),
                        at: paid.at,
                        source: paid.source.clone(),
                        basis: paid.basis.clone(),
                        record: done.position,
                    });
                }
                Deed::Moved(Moved::Decided(decision)) => {
                    let (verdict, at) = (decision.verdict, decision.at);
                    self.decisions.push(Decided { verdict, is_on_appeal: false, at, record: done.position });
                }
                Deed::AppealAnswered { answer, .. } => {
                    let last = self.decisions.last().map(|last| last.verdict);
                    let verdict = last.unwrap_or(Verdict::Violation).opposite();
                    self.decisions.push(Decided { verdict, is_on_appeal: true, at: answer.at, record: done.position });
                }
                _ => {}
            }
        }
        for (_, intake, record) in events {
            let id = format!("event-{}", self.events.len() + 1);
            let party = intake.account.as_ref().map(|account| self.party(&mut parties, account.open()));
            if let Some(party) = party {
                self.parties[party].seen_in.push(id.clone());
            }
            self.events.push(Event {
                id,
                source: source(intake.source),
                seen: seen(&intake.seen),
                platform: intake.platform.clone(),
                channel: intake.channel.clone(),
                party: party.map(|party| self.parties[party].id.clone()),
                began_at: intake.began_at,
                ended_at: intake.ended_at,
                record,
            });
        }
        let transfers = self.transfers.iter().map(|transfer| (transfer.at, &transfer.id));
        let mut all: Vec<_> = transfers.chain(self.events.iter().map(|event| (event.began_at, &event.id))).collect();
        all.sort();
        self.time_line = all.into_iter().map(|(_, id)| id.clone()).collect();
    }

    fn party(&mut self, known: &mut BTreeMap<String, usize>, account: &str) -> usize {
        *known.entry(account.to_owned()).or_insert_with(|| {
            let id = format!("party-{}", self.parties.len() + 1);
            let (payer_in, beneficiary_in, seen_in) = (Vec::new(), Vec::new(), Vec::new());
            self.parties.push(Party { id, account: account.to_owned(), payer_in, beneficiary_in, seen_in });
            self.parties.len() - 1
        })
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Guard => "the guard of a live video",
        Source::Match => "a match with a list",
        Source::UserReport => "a user",
        Source::Payment => "an alert about payments",
        Source::Api => "another program",
    }
}

fn seen(seen: &Seen) -> String {
    match seen {
        Seen::Known { list, entry, distance_bits } => {
            format!("near entry {entry} of list {list}, {distance_bits} of 256 bits apart")
        }
        Seen::Score { rule, value } => format!("score for {rule}: {value:.2} of 1"),
        Seen::Told(told) => told.open().clone(),
    }
}

#[cfg(test)]
mod tests;
