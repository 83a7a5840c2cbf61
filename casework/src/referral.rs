//! What comes to casework from the guard, from a match, from a user or from a payment?
//!
//! The receiver owns the form: whoever refers fills in an [`Intake`], and what is wrong with it is said at this door.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Sealed};

/// What somebody refers, not checked yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intake {
    /// Who saw it.
    pub source: Source,
    /// What was seen.
    pub seen: Seen,
    /// Which service it was on, `1..=200` characters.
    pub platform: String,
    /// Which stream, call or file there, `1..=200` characters; unique within the platform.
    pub channel: String,
    /// When it began, UTC.
    pub began_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// The account it came from, where known, `1..=200` characters.
    #[serde(with = "crate::sealed::kept", default)]
    pub account: Option<Sealed<String>>,
}

/// Who saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The guard of a live video.
    Guard,
    /// A match against a list.
    Match,
    /// A user of the platform.
    UserReport,
    /// An alert about payments.
    Payment,
    /// Another program.
    Api,
}

/// What was seen. It says what a program saw, never what a picture is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Seen {
    /// Near an entry of a list of known material.
    Known {
        /// Which list, `1..=200` characters.
        list: String,
        /// Which entry, `1..=200` characters.
        entry: String,
        /// How far away, `0..=256`.
        distance_bits: u32,
    },
    /// A score of a model over the limit of a policy's rule.
    Score {
        /// Which rule, `1..=200` characters.
        rule: String,
        /// The score, `0.0..=1.0`.
        value: f32,
    },
    /// What a person or a program wrote, `1..=4000` characters.
    Told(#[serde(with = "crate::sealed::text")] Sealed<String>),
}

/// What was referred, checked; the same thing referred twice has the same key.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Referral(Intake);

impl Referral {
    /// The longest name that is kept, in characters.
    pub const NAME_CHARS_MAX: usize = 200;
    /// The longest account of what happened that is kept, in characters.
    pub const TOLD_CHARS_MAX: usize = 4000;

    /// Checks what is referred.
    ///
    /// # Errors
    /// [`Error::Text`] and [`Error::Number`] name the field; [`Error::Span`] when it ends before it begins.
    pub fn new(intake: Intake) -> Result<Referral, Error> {
        name("platform", &intake.platform)?;
        name("channel", &intake.channel)?;
        if let Some(account) = &intake.account {
            name("account", account.open())?;
        }
        if let Some(ended_at) = intake.ended_at.filter(|ended_at| *ended_at < intake.began_at) {
            return Err(Error::Span { began_at: intake.began_at, ended_at });
        }
        match &intake.seen {
            Seen::Known { list, entry, distance_bits } => {
                name("list", list)?;
                name("entry", entry)?;
                number("distance_bits", (0..=256).contains(distance_bits), distance_bits, "0..=256")?;
            }
            Seen::Score { rule, value } => {
                name("rule", rule)?;
                number("value", (0.0..=1.0).contains(value), value, "0.0..=1.0")?;
            }
            Seen::Told(told) => text("told", told.open(), Self::TOLD_CHARS_MAX)?,
        }
        Ok(Referral(intake))
    }

    /// What was referred.
    pub fn intake(&self) -> &Intake {
        &self.0
    }

    /// 64 hexadecimal digits that are the same when the same thing is referred again, even when its end has become known
    /// meanwhile: a cover that lasted when it was first referred has ended when it is referred again.
    pub fn key(&self) -> String {
        let Intake { source, seen, platform, channel, began_at, .. } = &self.0;
        let identity = serde_json::to_vec(&(source, seen, platform, channel, began_at));
        let identity = identity.expect("names, numbers and moments can be written as JSON");
        Sha256::digest(identity).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl<'de> Deserialize<'de> for Referral {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Referral, D::Error> {
        Referral::new(Intake::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

pub(crate) fn name(field: &'static str, value: &str) -> Result<(), Error> {
    match value.contains('\n') {
        true => Err(Error::Text { field, n_chars: value.chars().count(), n_chars_max: Referral::NAME_CHARS_MAX }),
        false => text(field, value, Referral::NAME_CHARS_MAX),
    }
}

/// Checks that a text has `1..=n_chars_max` characters and no control character but a line feed.
pub(crate) fn text(field: &'static str, value: &str, n_chars_max: usize) -> Result<(), Error> {
    let n_chars = value.chars().count();
    // U+FFFE and U+FFFF cannot stand in XML 1.0 (§2.2), in which the reports are written.
    let is_wrong = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{FFFE}' | '\u{FFFF}');
    match (1..=n_chars_max).contains(&n_chars) && !value.trim().is_empty() && !value.contains(is_wrong) {
        true => Ok(()),
        false => Err(Error::Text { field, n_chars, n_chars_max }),
    }
}

fn number(field: &'static str, is_right: bool, value: &impl ToString, range: &'static str) -> Result<(), Error> {
    match is_right {
        true => Ok(()),
        false => Err(Error::Number { field, value: value.to_string(), range }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An incident: entry 17 of list `partner`, distance 4.
    pub(crate) fn incident() -> Intake {
        Intake {
            source: Source::Guard,
            seen: Seen::Known { list: "partner".into(), entry: "17".into(), distance_bits: 4 },
            platform: "example call service".into(),
            channel: "call 1".into(),
            began_at: "2026-11-24T09:30:00Z".parse().unwrap(),
            ended_at: None,
            account: Some(Sealed::new("account 1".into())),
        }
    }

    #[test]
    fn the_same_incident_has_the_same_key_even_after_its_end() {
        let first = Referral::new(incident()).unwrap();
        let ended = Intake { ended_at: Some("2026-11-24T09:31:00Z".parse().unwrap()), ..incident() };
        assert_eq!(first.key(), Referral::new(ended).unwrap().key());
        let other = Intake { channel: "call 2".into(), ..incident() };
        assert_ne!(first.key(), Referral::new(other).unwrap().key());
        assert_eq!(first.key().len(), 64);
    }

    #[test]
    fn a_referral_survives_the_store_and_prints_no_account() {
        let referral = Referral::new(incident()).unwrap();
        let stored = serde_json::to_string(&referral).unwrap();
        assert_eq!(serde_json::from_str::<Referral>(&stored).unwrap(), referral);
        assert!(stored.contains("account 1") && !format!("{referral:?}").contains("account 1"));
    }

    #[test]
    fn what_cannot_be_is_refused_at_the_door() {
        let seen = |distance_bits| Seen::Known { list: "l".into(), entry: "e".into(), distance_bits };
        for intake in [
            Intake { platform: String::new(), ..incident() },
            Intake { channel: "a\nb".into(), ..incident() },
            Intake { account: Some(Sealed::new("\u{FFFF}".into())), ..incident() },
            Intake { seen: seen(257), ..incident() },
            Intake { seen: Seen::Score { rule: "r".into(), value: f32::NAN }, ..incident() },
            Intake { seen: Seen::Told(Sealed::new("x".repeat(4001))), ..incident() },
            Intake { ended_at: Some("2026-11-24T09:29:59Z".parse().unwrap()), ..incident() },
        ] {
            let stored = serde_json::to_string(&intake).unwrap();
            assert!(Referral::new(intake).is_err() && serde_json::from_str::<Referral>(&stored).is_err(), "{stored}");
        }
    }
}
