//! Which day is it, without a clock?

use std::fmt;

/// A day of the Gregorian calendar from 1970-01-01 to 9999-12-31, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u32);

impl Day {
    /// The day on which this second since 1970-01-01T00:00:00Z falls; the last day there is for later ones.
    pub fn of_second(second: u64) -> Day {
        Day(u32::try_from(second / 86_400).unwrap_or(u32::MAX).min(LAST))
    }

    /// The second since 1970-01-01T00:00:00Z with which the day begins.
    pub fn first_second(self) -> u64 {
        u64::from(self.0) * 86_400
    }

    /// Reads `YYYY-MM-DD`; `None` for anything else and for days that do not exist.
    pub fn parse(text: &str) -> Option<Day> {
        let mut fields = text.split('-');
        let mut number = |len| fields.next().filter(|field| field.len() == len)?.parse::<u32>().ok();
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        if year < 1970 || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        let found = Day(days(year, month) + day - 1);
        (found.to_string() == text).then_some(found)
    }
}

/// 9999-12-31.
const LAST: u32 = 2_932_896;

/// Days from 1970-01-01 to the first of this month.
fn days(year: u32, month: u32) -> u32 {
    let leap_days = |year: u32| year / 4 - year / 100 + year / 400;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][month as usize - 1];
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969) + before + u32::from(is_leap && month > 2)
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut year = 1970 + self.0 / 366;
        while days(year + 1, 1) <= self.0 {
            year += 1;
        }
        let month = (1..=12).rev().find(|month| days(year, *month) <= self.0).unwrap_or(1);
        write!(f, "{year:04}-{month:02}-{:02}", self.0 - days(year, month) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (second, text) in [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (1_795_564_800, "2026-11-25")] {
            assert_eq!(Day::of_second(second).to_string(), text);
            assert_eq!(Day::parse(text), Some(Day::of_second(second)));
        }
        assert_eq!(Day(LAST).to_string(), "9999-12-31");
        for number in (0..=LAST).step_by(97) {
            assert_eq!(Day::parse(&Day(number).to_string()), Some(Day(number)));
        }
        for wrong in
            ["2026-02-29", "2026-13-01", "2026-1-01", "26-01-01", "", "2026-01-01-", "2026-01-00", "+026-01-01"]
        {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
    }
}
