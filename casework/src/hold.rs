//! What must not be erased, and why?

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Error, Person};

/// While it lasts nothing of its case is erased, whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who placed it.
    pub by: Person,
    /// Whose order or which law asks for it, `1..=4000` characters.
    pub basis: String,
    /// Until when; for ever without.
    pub until: Option<Timestamp>,
    /// Who ended it before.
    pub released_by: Option<Person>,
}

impl Hold {
    /// Whether it lasts at `at`.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.released_by.is_none() && self.until.is_none_or(|until| until > at)
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`Error::SamePerson`] for who placed it; [`Error::Transition`] when it was ended before.
    pub fn release(&mut self, by: &Person) -> Result<(), Error> {
        match &self.released_by {
            Some(_) => Err(Error::Transition { what: "the hold", state: "released", event: "released again" }),
            None if self.by == *by => Err(Error::SamePerson),
            None => {
                self.released_by = Some(by.clone());
                Ok(())
            }
        }
    }
}
