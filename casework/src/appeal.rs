//! What does somebody say whose content or account a decision touched, and what becomes of it?
//!
//! An appeal is heard by somebody who has had no hand in the case ([`Hands`](crate::hands::Hands)). The decision stands, or
//! the opposite supersedes it; nothing is edited. Nothing of what was paid is shown to who hears it, or said in the answer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::referral::{Referral, name, text};
use crate::{Error, Person, Sealed, Verdict};

/// What somebody says about a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// By which reference whoever appeals asks after it, `1..=200` characters, unique in the case.
    pub reference: String,
    /// What they say, `1..=4000` characters.
    #[serde(with = "crate::sealed::text")]
    pub said: Sealed<String>,
    /// When they said it, UTC.
    pub received_at: Timestamp,
    /// When it must be answered, by the rule of the house on that day; none where it has none.
    pub due_at: Option<Timestamp>,
}

/// What was found about the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It stands.
    Upheld,
    /// It does not stand.
    Reversed,
}

/// The answer to an appeal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Who heard it.
    pub who: Person,
    /// What they found.
    pub ruling: Ruling,
    /// Why, in words that whoever appealed reads, `1..=4000` characters.
    pub reason: String,
    /// Under which version of the rules, `1..=50` characters.
    pub policy_version: String,
    /// When, UTC.
    pub at: Timestamp,
}

/// One appeal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appeal {
    received: Received,
    against: Verdict,
    answer: Option<Answer>,
}

/// Every appeal about one case, in the order in which they were written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Appeals(Vec<Appeal>);

impl Appeal {
    /// What was said.
    pub fn received(&self) -> &Received {
        &self.received
    }

    /// What the decision that it is about had found.
    pub fn against(&self) -> Verdict {
        self.against
    }

    /// The answer; none while it is open.
    pub fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    /// The answer as a letter to whoever appealed, in plain text; none while it is open. It names nobody who works here,
    /// and has nothing of the case but what the answer says.
    pub fn letter(&self) -> Option<String> {
        let answer = self.answer.as_ref()?;
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        let found = match answer.ruling {
            Ruling::Upheld => "The decision stands.",
            Ruling::Reversed => "The decision does not stand; another one takes its place.",
        };
        Some(format!(
            "Your appeal {}, received on {}, was heard on {} by a person who had taken no part in the decision before.\n\n\
             {found}\n\nThe reason: {}\n",
            self.received.reference,
            day(self.received.received_at),
            day(answer.at),
            answer.reason
        ))
    }
}

impl Appeals {
    /// The most appeals that are written down about one case.
    pub const N_MAX: usize = 1_000;

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every one; appeal 1 is the first.
    pub fn all(&self) -> &[Appeal] {
        &self.0
    }

    /// Those that nobody has answered.
    pub fn open(&self) -> impl Iterator<Item = &Appeal> {
        self.0.iter().filter(|appeal| appeal.answer.is_none())
    }

    /// The number, from 1, of the appeal with this reference.
    pub fn numbered(&self, reference: &str) -> Option<usize> {
        self.0.iter().position(|appeal| appeal.received.reference == reference).map(|index| index + 1)
    }

    pub(crate) fn receive(&mut self, received: &Received, against: Verdict) -> Result<(), Error> {
        let Received { reference, said, received_at, due_at } = received;
        name("the reference", reference)?;
        text("what they say", said.open(), Referral::TOLD_CHARS_MAX)?;
        if let Some(due_at) = due_at.filter(|due_at| due_at < received_at) {
            return Err(Error::Span { began_at: *received_at, ended_at: due_at });
        }
        if self.numbered(reference).is_some() {
            return Err(Error::Transition { what: "the appeal", state: "written down", event: "written down again" });
        }
        if self.0.len() == Self::N_MAX {
            return Err(Error::Number { field: "appeals", value: "1001".into(), range: "0..=1000" });
        }
        self.0.push(Appeal { received: received.clone(), against, answer: None });
        Ok(())
    }

    pub(crate) fn find_open(&mut self, number: usize) -> Result<&mut Appeal, Error> {
        let refused = |state| Error::Transition { what: "the appeal", state, event: "answered" };
        let appeal = number.checked_sub(1).and_then(|index| self.0.get_mut(index)).ok_or(refused("not there"))?;
        match appeal.answer {
            Some(_) => Err(refused("answered")),
            None => Ok(appeal),
        }
    }
}

impl Appeal {
    pub(crate) fn close(&mut self, answer: &Answer) {
        self.answer = Some(answer.clone());
    }
}

impl Answer {
    pub(crate) fn check(&self) -> Result<(), Error> {
        text("the reason", &self.reason, Referral::TOLD_CHARS_MAX)?;
        text("the version of the rules", &self.policy_version, 50)
    }
}
