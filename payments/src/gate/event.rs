//! What can happen at a gate, and what is said of it?
//!
//! Every word that stands in a log: who decided what, and why. An event holds all that is needed to let it happen again;
//! a proposed pack stands in it with its whole text.

use serde::{Deserialize, Serialize};

use super::Gate;
use crate::Level;

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
    /// A person has looked at somebody about whom nothing was raised; see [`crate::below`].
    BelowTheLine {
        /// The item of the sample.
        item: String,
        /// That party's pseudonym.
        party: String,
        /// What it was worth.
        outcome: Outcome,
        /// Who says so.
        by: String,
        /// Why, in their words.
        note: String,
        /// When, seconds since 1970.
        at_s: i64,
    },
    /// A person proposes that another pack holds from now on.
    PackProposed(Proposed),
    /// A second person let a proposed pack hold.
    PackActivated(PackDecided),
    /// A person declined a proposed pack, or took their own back.
    PackDeclined(PackDecided),
}

/// A pack that somebody proposes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    /// Its text (TOML).
    pub pack: String,
    /// The text of its overlay (TOML), where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
    /// Who proposes it.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// When, seconds since 1970.
    pub at_s: i64,
}

/// A person's word on a proposed pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackDecided {
    /// The proposal.
    pub proposal: String,
    /// Who decided.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// When, seconds since 1970.
    pub at_s: i64,
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
    /// There is no such party.
    #[error("there is nobody called {party}")]
    NoParty {
        /// The party.
        party: String,
    },
    /// A proposed pack is not valid.
    #[error("{why}")]
    Pack {
        /// What is wrong, and where.
        why: String,
    },
    /// A proposed pack reckons in another currency than the transfers were priced in.
    #[error("the pack reckons in {theirs}, and everything here was priced in {ours}")]
    OtherCurrency {
        /// The pack's.
        theirs: String,
        /// The gate's.
        ours: String,
    },
    /// A proposed pack is the one that holds.
    #[error("this pack, to the letter, is the one that holds now")]
    SamePack,
    /// The same pack waits already.
    #[error("{proposal} proposes the same pack, to the letter, and still waits")]
    ProposedBefore {
        /// The proposal.
        proposal: String,
    },
    /// There is no such proposal.
    #[error("there is no proposal {proposal}")]
    NoProposal {
        /// The proposal.
        proposal: String,
    },
    /// It was decided before.
    #[error("{proposal} was {state} before")]
    ProposalNotOpen {
        /// The proposal.
        proposal: String,
        /// What became of it.
        state: &'static str,
    },
    /// Who proposed a pack wants to let it hold.
    #[error("{by} proposed this pack, so a second person must let it hold")]
    OwnProposal {
        /// Who.
        by: String,
    },
    /// Another pack was activated since.
    #[error("another pack was activated since {proposal} was made, so nobody has looked at what it would change now")]
    Overtaken {
        /// The proposal.
        proposal: String,
    },
}

impl Decided {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        text("the name of the person", &self.by, Gate::NAME_CHARS_MAX)?;
        text("the reason", &self.reason, Gate::REASON_CHARS_MAX)
    }
}

impl PackDecided {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        text("the name of the person", &self.by, Gate::NAME_CHARS_MAX)?;
        text("the reason", &self.reason, Gate::REASON_CHARS_MAX)
    }
}

/// Checks what a person wrote.
pub(super) fn text(field: &'static str, value: &str, n_chars_max: usize) -> Result<(), Refusal> {
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
