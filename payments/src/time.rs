//! When was it sent, and what did the sender's clock say?
//!
//! A moment is UTC seconds plus, where it is known, the sender's own offset: night is the sender's night.
//! A time that could mean two things is refused, never guessed.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use crate::Country;
use crate::error::Problem;

/// Seconds in a day.
pub const DAY_S: i64 = 86_400;

/// An instant, with the sender's clock where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970-01-01T00:00:00Z; a bare date counts from its midnight in UTC.
    pub utc_s: i64,
    /// The sender's offset from UTC in minutes; `None` when not known, or when only the date is.
    pub offset_min: Option<i16>,
}

impl Moment {
    /// The hour on the sender's clock, `0..24`, where known.
    pub fn local_hour(self) -> Option<u8> {
        let local_s = self.utc_s + i64::from(self.offset_min?) * 60;
        Some((local_s.rem_euclid(DAY_S) / 3600) as u8)
    }

    /// Days since 1970-01-01 in UTC.
    pub fn day(self) -> i64 {
        self.utc_s.div_euclid(DAY_S)
    }

    /// As RFC 3339, on the sender's clock where it is known, else in UTC.
    pub fn to_rfc3339(self) -> String {
        let offset_s = i32::from(self.offset_min.unwrap_or(0)) * 60;
        let local = civil_from(self.utc_s + i64::from(offset_s));
        let zone = match self.offset_min {
            None => "Z".to_owned(),
            Some(minutes) => {
                format!("{}{:02}:{:02}", if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60)
            }
        };
        format!("{local}{zone}")
    }
}

fn civil_from(local_s: i64) -> DateTime {
    jiff::Timestamp::from_second(local_s).map_or(DateTime::ZERO, |t| Offset::UTC.to_datetime(t))
}

/// How the times of one file are written.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Formats of `strftime`, all of which are tried; none means ISO 8601.
    pub formats: Vec<String>,
    /// The zone of times that name none.
    pub zone: Option<TimeZone>,
    /// The sender's zone, by the country sent from; only for countries with one.
    pub sender_zones: BTreeMap<Country, TimeZone>,
    /// Whether an offset written with a time is the sender's own.
    pub is_senders_offset: bool,
}

impl Clock {
    /// Reads `text`, sent from `from`; `sender_zone` is the row's own zone or offset, or empty.
    ///
    /// # Errors
    /// One of the `Time…` problems, or [`Problem::UnknownZone`].
    pub fn read(&self, text: &str, from: Country, sender_zone: &str) -> Result<Moment, Problem> {
        let reading = self.reading(text.trim())?;
        if !(1990..2100).contains(&reading.date.year()) {
            return Err(Problem::TimeOutOfRange);
        }
        let Some(time) = reading.time else {
            let midnight = Offset::UTC.to_timestamp(reading.date.to_datetime(Time::midnight()));
            let utc_s = midnight.map_err(|_| Problem::TimeOutOfRange)?.as_second();
            return Ok(Moment { utc_s, offset_min: None });
        };
        let civil = reading.date.to_datetime(time);
        let offset = match (reading.offset, &self.zone) {
            (Some(offset), _) => offset,
            (None, Some(zone)) => only_offset(zone, civil)?,
            (None, None) => return Err(Problem::TimeWithoutZone),
        };
        let instant = offset.to_timestamp(civil).map_err(|_| Problem::TimeOutOfRange)?;
        let senders = match sender_zone.trim() {
            "" if self.is_senders_offset && !reading.is_zulu => reading.offset,
            "" => self.sender_zones.get(&from).map(|zone| zone.to_offset(instant)),
            named => Some(zone_named(named)?.to_offset(instant)),
        };
        Ok(Moment { utc_s: instant.as_second(), offset_min: senders.map(|o| (o.seconds() / 60) as i16) })
    }

    fn reading(&self, text: &str) -> Result<Reading, Problem> {
        if text.is_empty() {
            return Err(Problem::Missing);
        }
        if self.formats.is_empty() {
            return iso(text);
        }
        let mut found: Option<Reading> = None;
        for format in &self.formats {
            let reading = if format == "iso" { iso(text) } else { by_format(format, text) };
            match (reading, found) {
                (Err(_), _) => {}
                (Ok(new), Some(old)) if new != old => return Err(Problem::TimeAmbiguous),
                (Ok(new), _) => found = Some(new),
            }
        }
        found.ok_or(Problem::TimeSyntax)
    }
}

/// Finds a zone by its IANA name (`Europe/London`) or as an offset (`+08:00`).
///
/// # Errors
/// [`Problem::UnknownZone`].
pub fn zone_named(text: &str) -> Result<TimeZone, Problem> {
    if text.starts_with(['+', '-']) {
        let sample = format!("2000-01-01T00:00{text}");
        let offset = Pieces::parse(&sample).ok().and_then(|pieces| pieces.to_numeric_offset());
        return offset.map(TimeZone::fixed).ok_or(Problem::UnknownZone);
    }
    TimeZone::get(text).map_err(|_| Problem::UnknownZone)
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Reading {
    date: Date,
    time: Option<Time>,
    offset: Option<Offset>,
    is_zulu: bool,
}

fn iso(text: &str) -> Result<Reading, Problem> {
    let pieces = Pieces::parse(text).map_err(|_| Problem::TimeSyntax)?;
    let is_zulu = matches!(pieces.offset(), Some(PiecesOffset::Zulu));
    Ok(Reading { date: pieces.date(), time: pieces.time(), offset: pieces.to_numeric_offset(), is_zulu })
}

fn by_format(format: &str, text: &str) -> Result<Reading, Problem> {
    let parts = BrokenDownTime::parse(format, text).map_err(|_| Problem::TimeSyntax)?;
    let date = parts.to_date().map_err(|_| Problem::TimeSyntax)?;
    let time = if parts.hour().is_some() { Some(parts.to_time().map_err(|_| Problem::TimeSyntax)?) } else { None };
    Ok(Reading { date, time, offset: parts.offset(), is_zulu: false })
}

fn only_offset(zone: &TimeZone, civil: DateTime) -> Result<Offset, Problem> {
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => Ok(offset),
        AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } => Err(Problem::TimeInClockChange),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gb() -> Country {
        Country::parse("GB").unwrap()
    }

    fn clock(formats: &[&str], zone: Option<&str>) -> Clock {
        let formats = formats.iter().map(|&format| format.to_owned()).collect();
        Clock { formats, zone: zone.map(|name| zone_named(name).unwrap()), ..Clock::default() }
    }

    #[test]
    fn iso_times_keep_their_instant() {
        for (text, utc_s) in [
            ("1990-01-01T00:00:00Z", 631_152_000),
            ("2026-03-01T12:00:00Z", 1_772_366_400),
            ("2026-03-01T20:00:00+08:00", 1_772_366_400),
            ("2026-03-01 12:00:00.999Z", 1_772_366_400),
            ("2026-03-01", 1_772_323_200),
        ] {
            assert_eq!(clock(&[], None).read(text, gb(), "").map(|m| m.utc_s), Ok(utc_s), "{text}");
        }
    }

    #[test]
    fn every_bad_time_says_what_is_wrong() {
        let both = ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"];
        for (formats, zone, text, expected) in [
            (&[][..], None, "2026-03-01T12:00:00", Problem::TimeWithoutZone),
            (&[], None, "", Problem::Missing),
            (&[], None, "yesterday", Problem::TimeSyntax),
            (&[], None, "2026-02-30T12:00:00Z", Problem::TimeSyntax),
            (&[], None, "1970-01-01T00:00:00Z", Problem::TimeOutOfRange),
            (&[], None, "9999-12-31T23:59:59Z", Problem::TimeOutOfRange),
            (&both, Some("UTC"), "03/04/2026 10:00", Problem::TimeAmbiguous),
            (&both, Some("UTC"), "2026-04-03 10:00", Problem::TimeSyntax),
            (&[], Some("Europe/London"), "2026-03-29T01:30:00", Problem::TimeInClockChange),
            (&[], Some("Europe/London"), "2026-10-25T01:30:00", Problem::TimeInClockChange),
        ] {
            assert_eq!(clock(formats, zone).read(text, gb(), ""), Err(expected), "{text}");
        }
    }

    #[test]
    fn three_formats_in_one_column_are_read_when_only_one_fits() {
        let clock = clock(&["%d/%m/%Y %H:%M", "%m-%d-%Y %H:%M", "iso"], Some("UTC"));
        let expected = clock.read("2026-03-31T10:00:00Z", gb(), "").unwrap();
        for text in ["31/03/2026 10:00", "03-31-2026 10:00"] {
            assert_eq!(clock.read(text, gb(), ""), Ok(expected), "{text}");
        }
    }

    #[test]
    fn night_is_the_senders_and_unknown_stays_unknown() {
        let mut clock = clock(&[], None);
        let at = |clock: &Clock, text, zone| clock.read(text, gb(), zone).unwrap().local_hour();
        assert_eq!(at(&clock, "2026-03-01T23:30:00Z", ""), None);
        assert_eq!(at(&clock, "2026-03-01T23:30:00Z", "+08:00"), Some(7));
        assert_eq!(at(&clock, "2026-07-01T23:30:00Z", "Europe/London"), Some(0));
        assert_eq!(at(&clock, "2026-07-01", "Europe/London"), None, "a bare date has no hour");
        clock.sender_zones.insert(gb(), zone_named("Europe/London").unwrap());
        assert_eq!(at(&clock, "2026-07-01T23:30:00Z", ""), Some(0));
        clock.is_senders_offset = true;
        assert_eq!(at(&clock, "2026-07-01T23:30:00-05:00", ""), Some(23));
        assert_eq!(clock.read("2026-07-01T23:30:00Z", gb(), "Mars/Olympus"), Err(Problem::UnknownZone));
    }

    #[test]
    fn a_moment_prints_as_it_was_read() {
        for text in ["2026-03-01T20:00:00+08:00", "2026-03-01T20:00:00-03:30"] {
            let clock = Clock { is_senders_offset: true, ..Clock::default() };
            assert_eq!(clock.read(text, gb(), "").unwrap().to_rfc3339(), text);
        }
        assert_eq!(Moment { utc_s: 0, offset_min: None }.to_rfc3339(), "1970-01-01T00:00:00Z");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_clock_panic(text in ".{0,40}", zone in ".{0,12}") {
            let _ = clock(&["%d/%m/%Y", "iso"], Some("Europe/London")).read(&text, gb(), &zone);
        }
    }
}
