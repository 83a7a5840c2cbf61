//! How much may one person look at in a day?
//!
//! Fewer looks are what protects people here; that a picture is first small, grey and blurred is a courtesy (Lewitzka et al.,
//! *Psychological Research*, 2026, found no benefit of either). The figures below are a house's choice, from no study.

use serde::{Deserialize, Serialize};

use crate::Error;

/// The longest that one hold shows a file, milliseconds. A look whose end nobody told of counts for as long.
pub const LOOK_MS_MAX: u64 = 10_000;

/// What one person may look at in one day, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// How many times a file is shown.
    pub looks_per_day: u64,
    /// For how long in all, seconds.
    pub seconds_per_day: u64,
}

/// What one person has looked at in one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// How many times a file was shown.
    pub n_looks: u64,
    /// For how long in all, milliseconds.
    pub shown_ms: u64,
}

/// What is left of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Enough.
    Enough,
    /// Less than a fifth: time for a break.
    Little,
    /// Nothing.
    None,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { looks_per_day: 60, seconds_per_day: 300 }
    }
}

impl Budget {
    /// What is left after this.
    pub fn room(&self, used: Exposure) -> Room {
        let seconds_ms = self.seconds_per_day.saturating_mul(1000);
        let is_over = |used: u64, of: u64| used >= of;
        let is_nearly_over = |used: u64, of: u64| used.saturating_mul(5) > of.saturating_mul(4);
        if is_over(used.n_looks, self.looks_per_day) || is_over(used.shown_ms, seconds_ms) {
            Room::None
        } else if is_nearly_over(used.n_looks, self.looks_per_day) || is_nearly_over(used.shown_ms, seconds_ms) {
            Room::Little
        } else {
            Room::Enough
        }
    }

    /// Whether another look may begin.
    ///
    /// # Errors
    /// [`Error::BudgetSpent`].
    pub fn check(&self, used: Exposure) -> Result<(), Error> {
        match self.room(used) {
            Room::Enough | Room::Little => Ok(()),
            Room::None => Err(Error::BudgetSpent),
        }
    }
}

impl Exposure {
    /// With a look that has begun: until its end is known it counts as the longest.
    pub fn begun(self) -> Exposure {
        Exposure { n_looks: self.n_looks + 1, shown_ms: self.shown_ms + LOOK_MS_MAX }
    }

    /// With a look that ended after `shown_ms`.
    pub fn ended(self, shown_ms: u64) -> Exposure {
        let shown_ms = (self.shown_ms + shown_ms.min(LOOK_MS_MAX)).saturating_sub(LOOK_MS_MAX);
        Exposure { shown_ms, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_stops_at_either_end_of_the_budget() {
        let budget = Budget { looks_per_day: 10, seconds_per_day: 100 };
        for (n_looks, shown_ms, room) in [
            (0, 0, Room::Enough),
            (8, 80_000, Room::Enough),
            (9, 0, Room::Little),
            (0, 80_001, Room::Little),
            (9, 99_999, Room::Little),
            (10, 0, Room::None),
            (0, 100_000, Room::None),
            (u64::MAX, u64::MAX, Room::None),
        ] {
            let used = Exposure { n_looks, shown_ms };
            assert_eq!(budget.room(used), room, "{used:?}");
            assert_eq!(budget.check(used).is_err(), room == Room::None);
        }
        let nothing = Budget { looks_per_day: 0, seconds_per_day: 0 };
        assert_eq!(nothing.check(Exposure::default()), Err(Error::BudgetSpent), "a house may want no looks at all");
    }

    #[test]
    fn a_look_counts_whole_until_its_end_is_known() {
        let used = Exposure { n_looks: 2, shown_ms: 500 }.begun();
        assert_eq!(used, Exposure { n_looks: 3, shown_ms: 10_500 });
        assert_eq!(used.ended(1500), Exposure { n_looks: 3, shown_ms: 2000 });
        assert_eq!(used.ended(0), Exposure { n_looks: 3, shown_ms: 500 });
        assert_eq!(used.ended(u64::MAX), used, "nobody looks longer than a hold lasts");
    }
}
