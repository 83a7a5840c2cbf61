//! May this one look begin, now?
//!
//! A grant is asked for while a button is held and used up by the request for the bytes, once, within seconds, by the person
//! whom it was given to. It lives in memory alone: after a restart there is none.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use casework::Person;
use casework::view::Mode;
use jiff::{SignedDuration, Timestamp};

/// How long a grant can be used.
const LASTS: SignedDuration = SignedDuration::from_secs(5);
/// How long the end of a look is waited for.
const KEPT: SignedDuration = SignedDuration::from_secs(120);
/// The most that are open; a person holds one button at a time.
const N_MAX: usize = 10_000;

/// What may be looked at by whom, and how far that is.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// Whose look.
    pub(crate) who: Person,
    /// In which case.
    pub(crate) case: String,
    /// SHA-256 of the file.
    pub(crate) evidence: [u8; 32],
    /// How it is shown.
    pub(crate) mode: Mode,
    given_at: Timestamp,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody has used it.
    Fresh,
    /// The bytes were asked for.
    Used,
    /// The button was let go before the look was in the log.
    LetGo,
    /// The look is in the log under this number.
    Logged(usize),
}

/// Every grant that is open.
#[derive(Default)]
pub(crate) struct Grants(Mutex<HashMap<String, Grant>>);

/// What the end of a look means.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// There is no such look of this person's.
    Unknown,
    /// Nothing was shown yet, and nothing will be.
    BeforeLog,
    /// This look is over.
    Look {
        /// In which case.
        case: String,
        /// Its number there.
        look: usize,
    },
}

impl Grants {
    /// Gives a grant; its name is a secret of the one who holds the button.
    pub(crate) fn give(&self, who: &Person, case: &str, evidence: [u8; 32], mode: Mode, now: Timestamp) -> String {
        let name = crate::chance::token();
        let (who, case) = (who.clone(), case.to_owned());
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, grant| now.duration_since(grant.given_at) < KEPT);
        if open.len() >= N_MAX {
            open.clear();
        }
        open.insert(name.clone(), Grant { who, case, evidence, mode, given_at: now, stage: Stage::Fresh });
        name
    }

    /// Uses a grant up; none when it was used, is another's, or is too old.
    pub(crate) fn take(&self, name: &str, who: &Person, now: Timestamp) -> Option<Grant> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = open.get_mut(name).filter(|grant| grant.who == *who && grant.stage == Stage::Fresh)?;
        grant.stage = Stage::Used;
        (now.duration_since(grant.given_at) <= LASTS).then(|| grant.clone())
    }

    /// Whether the button is still held, as far as is known.
    pub(crate) fn is_held(&self, name: &str) -> bool {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(name).is_some_and(|grant| grant.stage == Stage::Used)
    }

    /// Takes note that the look is in the log; false when the button was let go meanwhile.
    pub(crate) fn logged(&self, name: &str, look: usize) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(name) {
            Some(grant) if grant.stage == Stage::Used => {
                grant.stage = Stage::Logged(look);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Ends what was granted: the button was let go.
    pub(crate) fn end(&self, name: &str, who: &Person) -> Ended {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(grant) = open.get_mut(name).filter(|grant| grant.who == *who) else { return Ended::Unknown };
        match grant.stage {
            Stage::Fresh | Stage::Used | Stage::LetGo => {
                grant.stage = Stage::LetGo;
                Ended::BeforeLog
            }
            Stage::Logged(look) => {
                let case = grant.case.clone();
                open.remove(name);
                Ended::Look { case, look }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_one_persons_once_and_for_seconds() {
        let (ada, bo) = (Person::new("ada").unwrap(), Person::new("bo").unwrap());
        let at = |s| Timestamp::from_second(s).unwrap();
        let grants = Grants::default();
        let give = || grants.give(&ada, "case", [1; 32], Mode::Tile, at(100));
        let name = give();
        assert!(grants.take(&name, &bo, at(101)).is_none(), "another's");
        assert!(grants.take(&name, &ada, at(101)).is_some());
        assert!(grants.take(&name, &ada, at(101)).is_none(), "used");
        assert!(grants.take(&give(), &ada, at(106)).is_none(), "too old");
        assert!(grants.take("nothing", &ada, at(100)).is_none());
    }

    #[test]
    fn who_lets_go_before_the_look_is_logged_is_shown_nothing() {
        let (ada, bo) = (Person::new("ada").unwrap(), Person::new("bo").unwrap());
        let grants = Grants::default();
        let give = || grants.give(&ada, "case", [1; 32], Mode::Tile, Timestamp::UNIX_EPOCH);
        let fresh = give();
        assert!(matches!(grants.end(&fresh, &ada), Ended::BeforeLog));
        assert!(grants.take(&fresh, &ada, Timestamp::UNIX_EPOCH).is_none());
        let name = give();
        grants.take(&name, &ada, Timestamp::UNIX_EPOCH).unwrap();
        assert!(grants.is_held(&name));
        assert!(matches!(grants.end(&name, &ada), Ended::BeforeLog));
        assert!(!grants.is_held(&name) && !grants.logged(&name, 1));
        let name = give();
        grants.take(&name, &ada, Timestamp::UNIX_EPOCH).unwrap();
        assert!(grants.logged(&name, 7));
        assert!(matches!(grants.end(&name, &bo), Ended::Unknown));
        assert!(matches!(grants.end(&name, &ada), Ended::Look { look: 7, .. }));
        assert!(matches!(grants.end(&name, &ada), Ended::Unknown), "once");
    }
}
