//! Has a person seen this file?
//!
//! *Viewed by a person* is a fact in law, so it comes from what the reviewers' pages recorded and from nothing else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Error, Person};

/// One look of one person at one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// SHA-256 of the file.
    pub evidence: [u8; 32],
    /// Who looked.
    pub who: Person,
    /// At what.
    pub mode: Mode,
    /// For how long, milliseconds; 0 until it is known.
    pub shown_ms: u64,
    /// When it began, UTC.
    pub at: Timestamp,
}

/// What was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A small, greyed picture.
    Tile,
    /// The file itself.
    Full,
    /// What its EXIF block says.
    Exif,
}

/// Every look, in order; it only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewLog(Vec<View>);

impl ViewLog {
    /// Adds a look.
    pub fn append(&mut self, view: View) {
        self.0.push(view);
    }

    /// How many looks there are; the last one has this number.
    pub fn n_looks(&self) -> usize {
        self.0.len()
    }

    /// Look `number`, from 1.
    pub fn look(&self, number: usize) -> Option<&View> {
        self.0.get(number.checked_sub(1)?)
    }

    /// Whether this person has been shown this file in this way, however shortly.
    pub fn has_looked(&self, who: &Person, evidence: &[u8; 32], mode: Mode) -> bool {
        self.0.iter().any(|view| view.who == *who && view.evidence == *evidence && view.mode == mode)
    }

    /// Ends a look, once.
    ///
    /// # Errors
    /// [`Error::Transition`] when there is no such look, or it has ended.
    pub fn cover(&mut self, look: usize, shown_ms: u64) -> Result<(), Error> {
        let refused = |state| Error::Transition { what: "the look", state, event: "ended" };
        let view = look.checked_sub(1).and_then(|index| self.0.get_mut(index)).ok_or(refused("not there"))?;
        if view.shown_ms > 0 {
            return Err(refused("over"));
        }
        view.shown_ms = shown_ms;
        Ok(())
    }

    /// Whether a person has been shown the file itself; a tile is not the file.
    pub fn is_file_viewed(&self, evidence: &[u8; 32]) -> bool {
        self.is_shown(evidence, Mode::Full)
    }

    /// Whether a person has been shown its EXIF block, and the file: the authority's rules allow the one only with the other.
    pub fn is_exif_viewed(&self, evidence: &[u8; 32]) -> bool {
        self.is_shown(evidence, Mode::Exif) && self.is_file_viewed(evidence)
    }

    fn is_shown(&self, evidence: &[u8; 32], mode: Mode) -> bool {
        self.0.iter().any(|view| view.evidence == *evidence && view.mode == mode && view.shown_ms > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_ends_once_and_counts_only_then() {
        let (ada, mode, at) = (Person::new("ada").unwrap(), Mode::Full, Timestamp::UNIX_EPOCH);
        let mut log = ViewLog::default();
        log.append(View { evidence: [1; 32], who: ada.clone(), mode, shown_ms: 0, at });
        assert!(!log.is_file_viewed(&[1; 32]) && log.has_looked(&ada, &[1; 32], mode));
        assert!(log.cover(0, 5).is_err() && log.cover(2, 5).is_err());
        log.cover(1, 5).unwrap();
        assert!(log.is_file_viewed(&[1; 32]) && log.cover(1, 9).is_err());
    }

    #[test]
    fn a_tile_an_instant_or_another_file_is_not_a_view() {
        let mut log = ViewLog::default();
        let view = |evidence, mode, shown_ms| View {
            evidence: [evidence; 32],
            who: Person::new("ada").unwrap(),
            mode,
            shown_ms,
            at: Timestamp::UNIX_EPOCH,
        };
        for not_a_view in [view(1, Mode::Tile, 9000), view(1, Mode::Full, 0), view(2, Mode::Full, 900)] {
            log.append(not_a_view);
        }
        log.append(view(1, Mode::Exif, 500));
        assert!(!log.is_file_viewed(&[1; 32]) && !log.is_exif_viewed(&[1; 32]));
        log.append(view(1, Mode::Full, 1));
        assert!(log.is_file_viewed(&[1; 32]) && log.is_exif_viewed(&[1; 32]));
    }
}
