//! Does one entry match more than any true entry would?

use crate::Instant;

/// How many matches of one entry are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloodRule {
    /// So many are still believed.
    pub n_matches_max: u32,
    /// Within so many seconds.
    pub window_s: u32,
}

/// The recent matches of one entry, counted in windows that begin with a match.
///
/// Counting by windows needs two numbers an entry, where exact sliding would need each match's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flood {
    began: Instant,
    n_matches: u32,
    is_over: bool,
}

impl Flood {
    /// Whether there were too many; stays so until a person decides.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes one match in. A clock that was moved back begins a new window.
    pub fn count(&mut self, rule: FloodRule, now: Instant) {
        let age_s = now.unix_s() - self.began.unix_s();
        if self.n_matches == 0 || !(0..i64::from(rule.window_s)).contains(&age_s) {
            (self.began, self.n_matches) = (now, 0);
        }
        self.n_matches += 1;
        self.is_over |= self.n_matches > rule.n_matches_max;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: FloodRule = FloodRule { n_matches_max: 3, window_s: 60 };

    fn is_over_after(seconds: &[i64]) -> bool {
        let mut flood = Flood::default();
        seconds.iter().for_each(|s| flood.count(RULE, Instant::from_unix_s(1_000_000 + s)));
        flood.is_over()
    }

    #[test]
    fn only_many_in_a_short_time_are_a_flood() {
        assert!(!is_over_after(&[0, 1, 2]));
        assert!(is_over_after(&[0, 1, 2, 3]));
        assert!(!is_over_after(&[0, 30, 60, 90, 120, 150]));
        assert!(!is_over_after(&[50, 51, 52, 10, 11, 12]), "a clock moved back");
    }
}
