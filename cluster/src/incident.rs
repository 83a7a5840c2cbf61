//! What does the bus carry about an incident?
//!
//! A [`Record`] is what `casework` asks of whoever refers something, and an id that is the same whenever the same thing
//! is put in again: the bus keeps one of them, and so does whoever reads it.

use casework::referral::{Intake, Seen, Source};
use jiff::Timestamp;
use lease::Name;
use serde::{Deserialize, Serialize};

/// One change of an incident: it began, or it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The same for the same change: stream, run of its gate, number of the incident, `began` or `ended`.
    pub id: String,
    /// Which stream.
    pub stream: Name,
    /// What is referred.
    pub intake: Intake,
}

/// Where the incidents of a stream come from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Which service the stream is on, `1..=200` characters.
    pub platform: String,
    /// When the gate began with it.
    pub began_at: Timestamp,
}

impl Origin {
    /// The record of what the guard said.
    pub fn record(&self, stream: &Name, incident: &guard::Incident) -> Record {
        let moment = |at: std::time::Duration| {
            let offset = jiff::SignedDuration::from_millis(at.as_millis() as i64);
            self.began_at.checked_add(offset).unwrap_or(self.began_at)
        };
        let seen = match &incident.seen {
            guard::incident::Seen::Known(found) => Seen::Known {
                list: found.list.to_string(),
                entry: found.entry.to_string(),
                distance_bits: found.distance_bits,
            },
            guard::incident::Seen::Score { rule, value } => Seen::Score { rule: rule.clone(), value: *value },
        };
        let run = self.began_at.as_millisecond();
        let what = if incident.to.is_some() { "ended" } else { "began" };
        Record {
            id: format!("{stream}.{run}.{}.{what}", incident.number),
            stream: stream.clone(),
            intake: Intake {
                source: Source::Guard,
                seen,
                platform: self.platform.clone(),
                channel: stream.to_string(),
                began_at: moment(incident.from),
                ended_at: incident.to.map(moment),
                account: None,
            },
        }
    }
}

impl Record {
    /// No record is longer, bytes.
    pub const N_BYTES_MAX: usize = 64 << 10;

    /// Reads a record.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Record, serde_json::Error> {
        use serde::de::Error;
        if bytes.len() > Self::N_BYTES_MAX {
            return Err(serde_json::Error::custom("it is longer than any record"));
        }
        let record: Record = serde_json::from_slice(bytes)?;
        casework::Referral::new(record.intake.clone()).map_err(serde_json::Error::custom)?;
        Ok(record)
    }

    /// The record as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("names, numbers and moments can be written as JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guard::finding::Match;
    use std::time::Duration;

    fn record(to: Option<u64>) -> Record {
        let seen = guard::incident::Seen::Known(Match { list: "partner".into(), entry: "17".into(), distance_bits: 4 });
        let incident =
            guard::Incident { number: 3, from: Duration::from_secs(5), to: to.map(Duration::from_secs), seen };
        let origin = Origin { platform: "example".into(), began_at: "2026-11-24T09:30:00Z".parse().unwrap() };
        origin.record(&Name::new("s1").unwrap(), &incident)
    }

    #[test]
    fn what_is_referred_is_what_casework_takes_and_its_end_belongs_to_it() {
        let (began, ended) = (record(None), record(Some(9)));
        assert_ne!(began.id, ended.id);
        assert_eq!(Record::parse(&ended.to_bytes()).unwrap(), ended);
        let key = |record: Record| casework::Referral::new(record.intake).unwrap().key();
        assert_eq!(key(began), key(ended));
    }

    #[test]
    fn what_casework_would_refuse_is_no_record() {
        let mut wrong = record(None);
        wrong.intake.platform.clear();
        assert!(Record::parse(&wrong.to_bytes()).is_err());
        assert!(Record::parse(&vec![b' '; Record::N_BYTES_MAX + 1]).is_err());
        assert!(Record::parse(b"{}").is_err());
    }
}
