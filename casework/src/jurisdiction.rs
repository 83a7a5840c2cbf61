//! Which facts of law does a case stand under?
//!
//! Facts are configuration: each has its source, the day it was checked, and whether anybody has verified it with the
//! text of the law. What is not known is absent, never guessed.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What one country asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jurisdiction {
    /// Two letters of ISO 3166-1.
    pub country: String,
    /// Who receives the report.
    pub receiver: Option<Fact<String>>,
    /// What allows media to be kept, where anything does.
    #[serde(default)]
    pub media_basis: Option<Fact<String>>,
    /// How long what belongs to a report is kept after it was filed, days.
    pub retention_days: Option<Fact<u32>>,
}

/// Something that a law says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact<T> {
    /// What it says.
    pub value: T,
    /// Where.
    pub source: String,
    /// The day on which somebody read it there.
    pub checked_on: Date,
    /// Whether that was the text of the law; otherwise it is shown as unverified.
    pub is_verified: bool,
}

impl Jurisdiction {
    /// The day until which what belongs to a report filed on `filed_on` is kept; none where the law's time is not known,
    /// and then nothing is erased.
    pub fn kept_until(&self, filed_on: Date) -> Option<Date> {
        let days = self.retention_days.as_ref()?.value;
        filed_on.checked_add(jiff::Span::new().try_days(i64::from(days)).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 18 U.S.C. §2258A(h), as amended by Pub. L. 118-59.
    const UNITED_STATES: &str = r#"{
        "country": "US",
        "receiver": null,
        "retention_days": {
            "value": 365, "source": "18 U.S.C. 2258A(h)", "checked_on": "2026-11-22", "is_verified": true
        }
    }"#;

    #[test]
    fn a_report_is_kept_for_as_long_as_the_law_says() {
        let us: Jurisdiction = serde_json::from_str(UNITED_STATES).unwrap();
        assert_eq!(us.kept_until("2026-11-24".parse().unwrap()), Some("2027-11-24".parse().unwrap()));
        assert_eq!(us.kept_until("9999-12-31".parse().unwrap()), None);
    }

    #[test]
    fn a_time_that_is_not_known_is_not_guessed() {
        let unknown = Jurisdiction { country: "GB".into(), receiver: None, media_basis: None, retention_days: None };
        assert_eq!(unknown.kept_until("2026-11-24".parse().unwrap()), None);
    }
}
