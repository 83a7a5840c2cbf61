//! How do facts read on a page?

use casework::appeal::Ruling;
use casework::case::State;
use casework::cybertip::{Class, Code};
use casework::filing::{Request, Status, Step};
use casework::referral::{Intake, Seen, Source};
use casework::{Deed, Dossier, Hold, Verdict};
use jiff::Timestamp;

use crate::html;
use crate::say;
use crate::serve::page::Html;

/// A moment, to the second, UTC.
pub(super) fn moment(at: Timestamp) -> Html {
    let text = at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    html!("<time datetime=\"{}\">{}</time>", at.to_string(), text)
}

/// How long until or since, in one unit.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.as_second() - now.as_second();
    let (n, unit) = match seconds.abs() {
        s @ 0..120 => (s, say!("time.seconds")),
        s @ 120..7200 => (s / 60, say!("time.minutes")),
        s @ 7200..172_800 => (s / 3600, say!("time.hours")),
        s => (s / 86_400, say!("time.days")),
    };
    match seconds < 0 {
        true => say!("time.ago", n = n, unit = unit),
        false => say!("time.in", n = n, unit = unit),
    }
}

/// What was seen, in a few words.
pub(super) fn seen(intake: &Intake) -> String {
    match &intake.seen {
        Seen::Known { list, entry, distance_bits } => {
            format!("Near entry {entry} of list {list}, {distance_bits} of 256 bits apart")
        }
        Seen::Score { rule, value } => format!("Score for {rule}: {value:.2} of 1"),
        Seen::Told(told) => told.open().clone(),
    }
}

/// Who saw it.
pub(super) fn source(source: Source) -> &'static str {
    match source {
        Source::Guard => "the guard of a live video",
        Source::Match => "a match with a list",
        Source::UserReport => "a user",
        Source::Payment => "an alert about payments",
        Source::Api => "another program",
    }
}

/// Where a case is, with who has it.
pub(super) fn state(dossier: &Dossier) -> String {
    match dossier.case().state() {
        State::InReview { by } => say!("state.in_review", name = by.name()),
        State::Decided => match dossier.case().decision().map(|decision| decision.verdict) {
            Some(Verdict::Violation) => say!("state.to_be_reported"),
            Some(Verdict::NoViolation) | None => say!("state.nothing_to_report"),
        },
        State::Triaged => say!("state.waiting"),
        other => other.name().to_owned(),
    }
}

/// What was done, in one sentence.
pub(super) fn deed(deed: &Deed) -> String {
    use casework::case::Event;
    match deed {
        Deed::Referred(referral) => format!("{}. From {}.", seen(referral.intake()), source(referral.intake().source)),
        Deed::Evidence(evidence) => format!("A file of {} bytes was added ({}).", evidence.len, evidence.media_type),
        Deed::Moved(event) => match event {
            Event::Triaged => "Put in the queue.".to_owned(),
            Event::Taken { by } => format!("{} took the case.", by.name()),
            Event::GivenBack => "The case was given back.".to_owned(),
            Event::Decided(decision) => {
                format!("{} decided: {}. {}", decision.who.name(), verdict(decision.verdict), decision.reason)
            }
            Event::ReportBegun => "A report was begun.".to_owned(),
            Event::ReportFiled => "The authority has the report.".to_owned(),
            Event::Held { until } => format!("What belongs to it is kept until {until}."),
            Event::Closed { .. } => "Closed.".to_owned(),
            Event::TakenUpAgain { by } => format!("{} took the case up again.", by.name()),
        },
        Deed::Viewed(view) if view.shown_ms == 0 => format!("{} began to look at a file.", view.who.name()),
        Deed::Viewed(view) => format!("{} looked at a file for {} ms.", view.who.name(), view.shown_ms),
        Deed::Covered { look, shown_ms } => format!("Look {look} ended after {shown_ms} ms."),
        Deed::HoldPlaced(Hold { by, basis, until: Some(until), .. }) => {
            format!("{} placed a hold until {until}: {basis}", by.name())
        }
        Deed::HoldPlaced(Hold { by, basis, until: None, .. }) => format!("{} placed a hold: {basis}", by.name()),
        Deed::HoldReleased { hold, by } => format!("{} ended hold {hold}.", by.name()),
        Deed::Erased { asked_by, allowed_by, complete_on, .. } => format!(
            "A file was erased: {} asked, {} allowed it. {}",
            asked_by.name(),
            allowed_by.name(),
            match complete_on {
                Some(date) => format!("Backups have it until {date}."),
                None => "Until when backups have it is not known.".to_owned(),
            }
        ),
        Deed::Drafted { destination, files, .. } => {
            format!("A report was drafted, with {} files, to {}.", files.len(), destination.name())
        }
        Deed::Validated { report, .. } => format!("Report {report} follows the authority's schema."),
        Deed::Approved { report, by } => format!("{} approved report {report}.", by.name()),
        Deed::Withdrawn { report, by } => format!("{} withdrew report {report}.", by.name()),
        Deed::Filing { report, step, .. } => format!("Report {report}: {}", self::step(step)),
        Deed::ExportAsked { by, reason } => format!("{} asked for an export: {reason}", by.name()),
        Deed::Drawn { day, .. } => format!("Drawn on {day} for a second look."),
        Deed::SecondTaken { by } => format!("{} began to look at it as the second.", by.name()),
        Deed::SecondHandedBack { by } => format!("{} handed the second look back.", by.name()),
        Deed::SecondFound(second) => format!(
            "{} found as the second, not told what was decided: {}. {}",
            second.who.name(),
            verdict(second.verdict),
            second.reason
        ),
        Deed::Paid(paid) => format!(
            "Put in what was paid: {} {} from {} to {} ({}).",
            paid.amount(),
            paid.currency,
            paid.payer.open(),
            paid.beneficiary.open(),
            paid.source
        ),
        Deed::ClaimAsked { by, name, .. } => format!("{} asked for an export for a claim: {name}", by.name()),
        Deed::ClaimAllowed { claim, by } => format!("{} allowed the export for claim {claim}.", by.name()),
        Deed::AppealReceived(received) => format!("An appeal came, reference {}.", received.reference),
        Deed::AppealAnswered { appeal, answer } => {
            format!("{} heard appeal {appeal}: {}. {}", answer.who.name(), ruling(answer.ruling), answer.reason)
        }
        Deed::ExportAllowed { by, .. } => format!("{} allowed the export.", by.name()),
    }
}

/// What an appeal came to.
pub(super) fn ruling(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Upheld => "the decision stands",
        Ruling::Reversed => "the decision is reversed",
    }
}

/// What a decision found.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Violation => "to be reported",
        Verdict::NoViolation => "nothing to report",
    }
}

/// One line of a journal.
pub(super) fn step(step: &Step) -> String {
    match step {
        Step::Intended { request, .. } => match request {
            Request::Submit => "about to open it at the authority.".to_owned(),
            Request::Upload { file, .. } => format!("about to send file {}.", file + 1),
            Request::Describe { file, .. } => format!("about to describe file {}.", file + 1),
            Request::Finish { report_id } => format!("about to finish it under number {report_id}."),
            Request::Retract { report_id } => {
                format!("about to take back number {report_id}, of which we are not sure.")
            }
        },
        Step::Answered { answer: None, .. } => "no answer that says anything.".to_owned(),
        Step::Answered { answer: Some(answer), .. } => {
            let number = answer.report_id.map(|id| format!(" Number {id}.")).unwrap_or_default();
            let request = answer.request_id.as_ref().map(|id| format!(" Request {id}.")).unwrap_or_default();
            format!("answered {}.{number}{request}", code(answer.code))
        }
        Step::Resumed { .. } => "a person let it go on.".to_owned(),
    }
}

/// A code of the authority and what it means.
pub(super) fn code(code: Code) -> String {
    let meaning = match code.class() {
        Class::Success => "done",
        Class::Retry => "the authority has trouble; asked again later",
        Class::Credentials => "name or password not accepted",
        Class::Invalid => "the document is refused",
        Class::NoSuchReport => "there is no such report",
        Class::NoSuchFile => "there is no such file",
        Class::Retracted => "it was taken back",
        Class::Finished => "it was finished before",
        Class::Unknown => "a code we do not know",
    };
    format!("{} ({meaning})", code.0)
}

/// How far a filing is.
pub(super) fn status(status: &Status, next: Option<Timestamp>, now: Timestamp) -> String {
    match status {
        Status::Underway => match next {
            Some(next) if next > now => format!("Waiting; tried again {}.", distance(next, now)),
            Some(_) | None => "Under way.".to_owned(),
        },
        Status::Filed { report_id, .. } => format!("Filed. The authority's number is {report_id}."),
        Status::Refused { code } => {
            format!("Refused by the authority: {}. It never goes again unchanged.", self::code(*code))
        }
        Status::Stopped { code } => format!("Stopped until a person looks: {}.", self::code(*code)),
    }
}
