//! What does a report to the CyberTipline say about this case?
//!
//! Facts only, as programs and people recorded them. What was paid is never in it: a report of a platform is not the
//! place, and in many countries telling of it is an offence.

use jiff::Timestamp;

use crate::cybertip::document::{Account, Chat, IncidentType, Report, Reporter, Summary};
use crate::filing::FileToSend;
use crate::referral::{Intake, Seen};
use crate::role::Compartment;
use crate::{Dossier, Error, Sealed};

/// What the person who drafts a report adds to what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Which paragraph of the law.
    pub incident: IncidentType,
    /// Why this cannot wait, where it cannot; at most 3000 characters.
    pub escalation: Option<Sealed<String>>,
    /// What else the authority should know.
    pub remark: Option<Sealed<String>>,
    /// Numbers of earlier reports about the same account.
    pub prior_reports: Vec<i64>,
}

/// The document, and the files that go with it.
///
/// # Errors
/// [`Error::Transition`] when nothing but payments was referred, or when the incident lies after `now`;
/// [`Error::Text`] as [`Report::to_xml`].
pub fn draft(
    dossier: &Dossier,
    reporter: &Reporter,
    choices: Choices,
    now: Timestamp,
) -> Result<(String, Vec<FileToSend>), Error> {
    let refused = |state| Error::Transition { what: "the case", state, event: "reported to the CyberTipline" };
    let intakes: Vec<&Intake> = dossier.referrals_in(&[Compartment::Video]).map(|referral| referral.intake()).collect();
    let first = intakes.iter().min_by_key(|intake| intake.began_at).ok_or(refused("about payments alone"))?;
    // The authority refuses an incident that has not happened yet.
    if first.began_at > now {
        return Err(refused("about a time to come"));
    }
    let account = intakes.iter().find_map(|intake| intake.account.clone());
    let report = Report {
        summary: Summary {
            incident: choices.incident,
            platform: Some(first.platform.clone()),
            escalation: choices.escalation,
            at: first.began_at,
        },
        chat: Some(Chat { client: Some(first.platform.clone()), room: Some(Sealed::new(first.channel.clone())) }),
        reporter: reporter.clone(),
        reported: account.map(|identifier| Account {
            identifier: Some(identifier),
            service: Some(first.platform.clone()),
            prior_reports: choices.prior_reports,
            ..Account::default()
        }),
        additional_info: Some(Sealed::new(facts(dossier, &intakes, choices.remark.as_ref()))),
    };
    let sent = dossier.evidence().iter().filter(|evidence| evidence.kept.can_be_sent());
    let files = sent.map(|evidence| FileToSend { sha256: evidence.sha256, md5: evidence.md5.clone() }).collect();
    Ok((report.to_xml()?, files))
}

/// One line for each thing that was seen and each file of which only facts are kept, as many as the element holds.
fn facts(dossier: &Dossier, intakes: &[&Intake], remark: Option<&Sealed<String>>) -> String {
    let mut lines: Vec<String> = remark.iter().map(|remark| remark.open().clone()).collect();
    lines.extend(intakes.iter().map(|intake| line(intake)));
    let kept_elsewhere = dossier.evidence().iter().filter(|evidence| !evidence.kept.can_be_sent());
    lines.extend(
        kept_elsewhere.map(|file| format!("File not attached: SHA-256 {}, {} bytes.", file.digits(), file.len)),
    );
    let mut text = String::new();
    let n_lines = lines.len();
    for (index, line) in lines.into_iter().enumerate() {
        let more = format!("And {} more.", n_lines - index);
        if text.chars().count() + line.chars().count() + more.len() + 2 > Report::TEXT_CHARS_MAX {
            text.push_str(&more);
            break;
        }
        text.push_str(&line);
        text.push('\n');
    }
    text.trim_end().to_owned()
}

fn line(intake: &Intake) -> String {
    let what = match &intake.seen {
        Seen::Known { list, entry, distance_bits } => {
            format!("A picture near entry {entry} of list {list}, {distance_bits} of 256 bits apart.")
        }
        Seen::Score { rule, value } => format!("A program's score for {rule}: {value:.2} of 1."),
        Seen::Told(told) => told.open().clone(),
    };
    let until = match intake.ended_at {
        Some(ended_at) => format!("until {ended_at}"),
        None => "not ended when this was written".to_owned(),
    };
    format!("{what} On {}, {}, from {} {until}.", intake.platform, intake.channel, intake.began_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Deed;
    use crate::referral::tests::incident;
    use crate::referral::{Referral, Source};

    #[test]
    fn it_says_what_was_seen_and_nothing_that_was_paid() {
        let mut dossier = Dossier::default();
        let paid = Intake {
            source: Source::Payment,
            seen: Seen::Told(Sealed::new("alert about transfers".into())),
            account: Some(Sealed::new("a bank account".into())),
            ..incident()
        };
        dossier.apply(&Deed::Referred(Referral::new(paid).unwrap())).unwrap();
        assert!(draft(&dossier, &reporter(), choices(), Timestamp::MAX).is_err());
        dossier.apply(&Deed::Referred(Referral::new(incident()).unwrap())).unwrap();
        let (xml, files) = draft(&dossier, &reporter(), choices(), Timestamp::MAX).unwrap();
        assert!(xml.contains("entry 17 of list partner") && xml.contains("account 1"), "{xml}");
        assert!(!xml.contains("transfers") && !xml.contains("bank"), "{xml}");
        assert!(files.is_empty());
        assert!(draft(&dossier, &reporter(), choices(), Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn a_thousand_incidents_fit_and_the_rest_is_counted() {
        let mut dossier = Dossier::default();
        for number in 0..1000 {
            let intake = Intake { channel: format!("call {number} {}", "x".repeat(100)), ..incident() };
            dossier.apply(&Deed::Referred(Referral::new(intake).unwrap())).unwrap();
        }
        let (xml, _) = draft(&dossier, &reporter(), choices(), Timestamp::MAX).unwrap();
        assert!(xml.contains(" more."), "{xml}");
    }

    fn choices() -> Choices {
        Choices { incident: IncidentType::Material, escalation: None, remark: None, prior_reports: vec![] }
    }

    fn reporter() -> Reporter {
        let sealed = |text: &str| Sealed::new(text.to_owned());
        Reporter { first_name: sealed("Ada"), last_name: sealed("Test"), email: sealed("ada@example.org") }
    }
}
