//! What incidents does this text tell of?
//!
//! Three forms: the one object of `streamward guard file --json`; its incidents one a line, as the guard prints them
//! while it runs; and whole referrals one a line, as other programs write them.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use casework::referral::{Intake, Seen, Source};
use casework::{Referral, Sealed};
use jiff::Timestamp;
use serde::Deserialize;

/// What the guard cannot know: it covers, and knows neither service nor account nor the time of day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Missing {
    /// The service.
    pub(crate) platform: Option<String>,
    /// The stream, call or file there.
    pub(crate) channel: Option<String>,
    /// When the video began.
    pub(crate) began_at: Option<Timestamp>,
    /// The account it came from.
    pub(crate) account: Option<Sealed<String>>,
}

/// The guard's report; of what else is in it, nothing is needed here.
#[derive(Deserialize)]
struct Report {
    incidents: Vec<Guarded>,
}

/// An incident as the guard tells of it.
#[derive(Deserialize)]
struct Guarded {
    from_ms: u64,
    to_ms: Option<u64>,
    reason: String,
    list: Option<String>,
    entry: Option<String>,
    distance_bits: Option<u32>,
    class: Option<String>,
    score: Option<f32>,
}

/// Reads every incident, or none.
pub(crate) fn read(text: &str, missing: &Missing) -> Result<Vec<Referral>> {
    if let Ok(report) = serde_json::from_str::<Report>(text) {
        return report.incidents.into_iter().map(|guarded| referral(guarded, missing)).collect();
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| one(line, missing).with_context(|| format!("line {}", index + 1)))
        .collect::<Result<Vec<Vec<Referral>>>>()
        .map(|all| all.into_iter().flatten().collect())
}

fn one(line: &str, missing: &Missing) -> Result<Vec<Referral>> {
    let to_do = "to do: give the guard's --json report, or one referral a line";
    let value: serde_json::Value = serde_json::from_str(line).map_err(|_| anyhow!("this is not JSON\n  {to_do}"))?;
    if value.get("incidents").is_some() {
        let report: Report = serde_json::from_value(value).map_err(|error| anyhow!("{error}\n  {to_do}"))?;
        return report.incidents.into_iter().map(|guarded| referral(guarded, missing)).collect();
    }
    if value.get("from_ms").is_some() {
        let guarded: Guarded = serde_json::from_value(value).map_err(|error| anyhow!("{error}\n  {to_do}"))?;
        return Ok(vec![referral(guarded, missing)?]);
    }
    let intake: Intake = serde_json::from_value(value).map_err(|error| anyhow!("{error}\n  {to_do}"))?;
    Ok(vec![Referral::new(intake)?])
}

fn referral(guarded: Guarded, missing: &Missing) -> Result<Referral> {
    let (Some(platform), Some(channel), Some(video_began_at)) =
        (missing.platform.clone(), missing.channel.clone(), missing.began_at)
    else {
        bail!(
            "the guard does not know which service this was, which stream, and when\n  to do: add --platform, --channel \
             and --began-at"
        );
    };
    let seen = match (guarded.reason.as_str(), guarded.list, guarded.entry, guarded.distance_bits) {
        ("known", Some(list), Some(entry), Some(distance_bits)) => Seen::Known { list, entry, distance_bits },
        ("score", ..) => match (guarded.class, guarded.score) {
            (Some(rule), Some(value)) => Seen::Score { rule, value },
            _ => bail!("an incident of a score names no rule or no score"),
        },
        _ => bail!("an incident is neither of a known entry, with list, entry and distance, nor of a score"),
    };
    let at = |ms: u64| {
        let at = video_began_at.checked_add(Duration::from_millis(ms));
        at.ok().context("an incident lies beyond the end of time")
    };
    Ok(Referral::new(Intake {
        source: Source::Guard,
        seen,
        platform,
        channel,
        began_at: at(guarded.from_ms)?,
        ended_at: guarded.to_ms.map(at).transpose()?,
        account: missing.account.clone(),
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = r#"{"from_ms":1600,"to_ms":2000,"reason":"known","list":"testcard","entry":"0","distance_bits":2,"class":null,"score":null}"#;

    #[test]
    fn a_report_and_its_incidents_one_a_line_say_the_same() {
        let report = format!(r#"{{"frames":132,"incidents":[{KNOWN}],"policy":"test 1"}}"#);
        let whole = read(&report, &missing()).unwrap();
        assert_eq!(whole, read(&format!("{KNOWN}\n\n"), &missing()).unwrap());
        assert_eq!(whole, read(&format!("{report}\n{report}"), &missing()).unwrap()[..1]);
        assert_eq!(whole[0].intake().began_at.to_string(), "2026-11-24T09:30:01.6Z");
    }

    #[test]
    fn a_whole_referral_a_line_is_read_as_it_is() {
        let referral = &read(KNOWN, &missing()).unwrap()[0];
        let line = serde_json::to_string(referral).unwrap();
        assert_eq!(read(&line, &Missing::default()).unwrap(), std::slice::from_ref(referral));
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_is_read() {
        for (text, says) in [
            ("nonsense", "line 1"),
            (r#"{"from_ms":1,"to_ms":null,"reason":"known"}"#, "line 1"),
            (r#"{"from_ms":1,"to_ms":null,"reason":"score","class":"c","score":2.0}"#, "line 1"),
        ] {
            let error = format!("{:#}", read(text, &missing()).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
        assert!(format!("{:#}", read(KNOWN, &Missing::default()).unwrap_err()).contains("--platform"));
        assert!(read(&format!("{KNOWN}\nx"), &missing()).is_err());
    }

    fn missing() -> Missing {
        Missing {
            platform: Some("example call service".into()),
            channel: Some("call 1".into()),
            began_at: Some("2026-11-24T09:30:00Z".parse().unwrap()),
            account: None,
        }
    }
}
