//! Who decided what?

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::referral::text;

/// Somebody who works on cases, by the name that goes into the record. It prints `[sealed]` in logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Person(String);

impl Person {
    /// The longest name that is kept, in characters.
    pub const NAME_CHARS_MAX: usize = 200;

    /// A person of this name.
    ///
    /// # Errors
    /// [`Error::Text`] when the name is empty, too long or holds a control character.
    pub fn new(name: &str) -> Result<Person, Error> {
        text("the person's name", name, Self::NAME_CHARS_MAX)?;
        Ok(Person(name.trim().to_owned()))
    }

    /// The name, for the record.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[sealed]")
    }
}

impl TryFrom<String> for Person {
    type Error = Error;

    fn try_from(name: String) -> Result<Person, Error> {
        Person::new(&name)
    }
}

impl From<Person> for String {
    fn from(person: Person) -> String {
        person.0
    }
}

/// What a person found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing that must be told to anyone.
    NoViolation,
    /// Something that must be reported.
    Violation,
}

impl Verdict {
    /// The other one.
    pub fn opposite(self) -> Verdict {
        match self {
            Verdict::NoViolation => Verdict::Violation,
            Verdict::Violation => Verdict::NoViolation,
        }
    }
}

/// One person's decision about one case. It is never edited; a later one supersedes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who decided.
    pub who: Person,
    /// What.
    pub verdict: Verdict,
    /// Why, in their words, `1..=4000` characters.
    pub reason: String,
    /// Under which version of the rules.
    pub policy_version: String,
    /// When, UTC.
    pub at: Timestamp,
}
