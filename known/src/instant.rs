//! When was something added, in whole seconds of UTC?
//!
//! Lists and exchanges carry moments as text or as seconds since 1970; both become an [`Instant`].
//! Days are counted in the proleptic Gregorian calendar by shifting the year to begin in March,
//! so that the leap day comes last.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::hash256::shortened;

/// A moment, in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    unix_s: i64,
}

const DAY_S: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;
/// 9999-12-31T23:59:59Z, the last moment with a four-digit year.
const UNIX_S_MAX: i64 = 253_402_300_799;

impl Instant {
    /// The moment `unix_s` seconds after 1970 began; moments outside the years 1970 to 9999 are moved to the nearer end.
    pub fn from_unix_s(unix_s: i64) -> Instant {
        Instant { unix_s: unix_s.clamp(0, UNIX_S_MAX) }
    }

    /// Seconds since 1970 began.
    pub fn unix_s(self) -> i64 {
        self.unix_s
    }
}

impl FromStr for Instant {
    type Err = Error;

    /// Reads `2026-11-24T09:30:00Z`, or a date alone, which means its first second.
    ///
    /// A fraction of a second is dropped; any other zone than `Z` or `+00:00` is refused.
    fn from_str(text: &str) -> Result<Instant, Error> {
        parse(text).ok_or_else(|| Error::InstantText { text: shortened(text) })
    }
}

fn parse(text: &str) -> Option<Instant> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z').or_else(|| time.strip_suffix("+00:00"))?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let in_range = year >= 1970
        && (1..=12).contains(&month)
        && (1..=month_days[month as usize - 1]).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && (1..=9).contains(&fraction.len())
        && fraction.bytes().all(|b| b.is_ascii_digit());
    in_range.then(|| Instant { unix_s: days(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second })
}

fn numbers(text: &str, separator: char, n_digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut values = [0; 3];
    for (value, n_digits) in values.iter_mut().zip(n_digits) {
        let part = parts.next()?;
        if part.len() != n_digits || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *value = part.parse().ok()?;
    }
    parts.next().is_none().then_some(values)
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let since_march = (month + 9) % 12;
    year * 365 + year / 4 - year / 100 + year / 400 + (since_march * 153 + 2) / 5 + day - 1 - EPOCH_DAYS
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day_number, second) = (self.unix_s.div_euclid(DAY_S) + EPOCH_DAYS, self.unix_s.rem_euclid(DAY_S));
        let (era, day_of_era) = (day_number / 146_097, day_number % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
        let since_march = (day_of_year * 5 + 2) / 153;
        let day = day_of_year - (since_march * 153 + 2) / 5 + 1;
        let month = (since_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments_are_read() {
        for (text, unix_s) in [
            ("1970-01-01", 0),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2026-11-24T00:10:59.25Z", 1_795_479_059),
            ("9999-12-31T23:59:59+00:00", UNIX_S_MAX),
        ] {
            assert_eq!(text.parse::<Instant>().unwrap().unix_s(), unix_s, "{text}");
        }
    }

    #[test]
    fn impossible_or_local_moments_are_refused() {
        for text in
            ["", "2026-02-29", "2026-13-01", "2026-1-01", "1969-12-31", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00"]
        {
            assert!(text.parse::<Instant>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(unix_s in 0..=UNIX_S_MAX) {
            let instant = Instant::from_unix_s(unix_s);
            prop_assert_eq!(instant.to_string().parse::<Instant>().unwrap(), instant);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = text.parse::<Instant>();
        }
    }
}
