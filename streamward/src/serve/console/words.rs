//! How do facts read on a page?

use casework::appeal::Ruling;
use casework::case::{Event, State};
use casework::cybertip::{Class, Code};
use casework::filing::{Request, Status, Step};
use casework::referral::{Intake, Seen, Source};
use casework::role::{Compartment, Role};
use casework::{Deed, Dossier, Hold, Verdict};
use jiff::Timestamp;

use crate::serve::page::Html;
use crate::{html, say, term};

/// A moment, to the second, UTC.
pub(super) fn moment(at: Timestamp) -> Html {
    let text = at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    html!("<time datetime=\"{}\">{}</time>", at.to_string(), text)
}

/// How long until or since, in one unit.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.as_second() - now.as_second();
    match (seconds < 0, seconds.abs()) {
        (true, s @ 0..120) => say!("time.seconds_ago", n = s),
        (true, s @ 120..7200) => say!("time.minutes_ago", n = s / 60),
        (true, s @ 7200..172_800) => say!("time.hours_ago", n = s / 3600),
        (true, s) => say!("time.days_ago", n = s / 86_400),
        (false, s @ 0..120) => say!("time.in_seconds", n = s),
        (false, s @ 120..7200) => say!("time.in_minutes", n = s / 60),
        (false, s @ 7200..172_800) => say!("time.in_hours", n = s / 3600),
        (false, s) => say!("time.in_days", n = s / 86_400),
    }
}

/// What people are here for.
pub(super) fn roles(roles: &[Role]) -> String {
    listed(roles.iter().map(|role| term!("role", role.name())))
}

/// Parts of a case.
pub(super) fn parts(parts: &[Compartment]) -> String {
    listed(parts.iter().map(|part| term!("compartment", part.name())))
}

/// Several things in a row.
pub(super) fn listed(things: impl IntoIterator<Item = impl Into<String>>) -> String {
    things.into_iter().map(Into::into).collect::<Vec<String>>().join(&say!("word.comma"))
}

/// Words that stay English whatever the page speaks: an authority's, a law's, a pack's.
pub(super) fn english(text: &str) -> Html {
    html!("<span lang=\"en\">{}</span>", text)
}

/// What was seen, in a few words.
pub(super) fn seen(intake: &Intake) -> String {
    match &intake.seen {
        Seen::Known { list, entry, distance_bits } => {
            say!("seen.known", list = list, entry = entry, n = distance_bits)
        }
        Seen::Score { rule, value } => say!("seen.score", rule = rule, value = format!("{value:.2}")),
        Seen::Told(told) => told.open().clone(),
    }
}

/// Who saw it.
pub(super) fn source(source: Source) -> String {
    match source {
        Source::Guard => say!("seen.by_guard"),
        Source::Match => say!("seen.by_match"),
        Source::UserReport => say!("seen.by_user"),
        Source::Payment => say!("seen.by_payment"),
        Source::Api => say!("seen.by_program"),
    }
}

/// Where a case is, with who has it.
pub(super) fn state(dossier: &Dossier) -> String {
    match dossier.case().state() {
        State::New => say!("state.new"),
        State::Triaged => say!("state.waiting"),
        State::InReview { by } => say!("state.in_review", name = by.name()),
        State::Decided => match dossier.case().decision().map(|decision| decision.verdict) {
            Some(Verdict::Violation) => say!("state.to_be_reported"),
            Some(Verdict::NoViolation) | None => say!("state.nothing_to_report"),
        },
        State::Reporting => say!("state.reporting"),
        State::Reported => say!("state.reported"),
        State::OnHold { .. } => say!("state.on_hold"),
        State::Closed => say!("state.closed"),
    }
}

/// What was done, in one sentence.
pub(super) fn deed(deed: &Deed) -> String {
    match deed {
        Deed::Referred(referral) => {
            let intake = referral.intake();
            say!("deed.referred", seen = seen(intake), source = source(intake.source))
        }
        Deed::Evidence(evidence) => say!("deed.evidence", n = evidence.len, kind = evidence.media_type),
        Deed::Moved(event) => moved(event),
        Deed::Viewed(view) if view.shown_ms == 0 => say!("deed.look_began", name = view.who.name()),
        Deed::Viewed(view) => say!("deed.looked", name = view.who.name(), ms = view.shown_ms),
        Deed::Covered { look, shown_ms } => say!("deed.look_ended", look = look, ms = shown_ms),
        Deed::HoldPlaced(Hold { by, basis, until: Some(until), .. }) => {
            say!("deed.hold_until", name = by.name(), until = until, basis = basis)
        }
        Deed::HoldPlaced(Hold { by, basis, until: None, .. }) => say!("deed.hold", name = by.name(), basis = basis),
        Deed::HoldReleased { hold, by } => say!("deed.hold_ended", name = by.name(), hold = hold),
        Deed::Erased { asked_by, allowed_by, complete_on: Some(date), .. } => {
            say!("deed.erased_until", asked_by = asked_by.name(), allowed_by = allowed_by.name(), date = date)
        }
        Deed::Erased { asked_by, allowed_by, complete_on: None, .. } => {
            say!("deed.erased", asked_by = asked_by.name(), allowed_by = allowed_by.name())
        }
        Deed::Drafted { destination, files, .. } => {
            say!("deed.drafted", n = files.len(), to = term!("destination", destination.name()))
        }
        Deed::Validated { report, .. } => say!("deed.validated", report = report),
        Deed::Approved { report, by } => say!("deed.approved", name = by.name(), report = report),
        Deed::Withdrawn { report, by } => say!("deed.withdrew", name = by.name(), report = report),
        Deed::Filing { report, step, .. } => say!("deed.filing", report = report, step = self::step(step)),
        Deed::ExportAsked { by, reason } => say!("deed.export_asked", name = by.name(), reason = reason),
        Deed::ExportAllowed { by, .. } => say!("deed.export_allowed", name = by.name()),
        Deed::Drawn { day, .. } => say!("deed.drawn", day = day),
        Deed::SecondTaken { by } => say!("deed.second_taken", name = by.name()),
        Deed::SecondHandedBack { by } => say!("deed.second_handed_back", name = by.name()),
        Deed::SecondFound(second) => say!(
            "deed.second_found",
            name = second.who.name(),
            verdict = verdict(second.verdict),
            reason = second.reason
        ),
        Deed::Paid(paid) => say!(
            "deed.paid",
            amount = paid.amount(),
            currency = paid.currency,
            payer = paid.payer.open(),
            beneficiary = paid.beneficiary.open(),
            source = paid.source
        ),
        Deed::ClaimAsked { by, name, .. } => say!("deed.claim_asked", name = by.name(), claim = name),
        Deed::ClaimAllowed { claim, by } => say!("deed.claim_allowed", name = by.name(), claim = claim),
        Deed::AppealReceived(received) => say!("deed.appeal_received", reference = received.reference),
        Deed::AppealAnswered { appeal, answer } => say!(
            "deed.appeal_answered",
            name = answer.who.name(),
            appeal = appeal,
            ruling = ruling(answer.ruling),
            reason = answer.reason
        ),
    }
}

/// How a case went on.
fn moved(event: &Event) -> String {
    match event {
        Event::Triaged => say!("deed.triaged"),
        Event::Taken { by } => say!("deed.taken", name = by.name()),
        Event::GivenBack => say!("deed.given_back"),
        Event::Decided(decision) => say!(
            "deed.decided",
            name = decision.who.name(),
            verdict = verdict(decision.verdict),
            reason = decision.reason
        ),
        Event::ReportBegun => say!("deed.report_begun"),
        Event::ReportFiled => say!("deed.report_filed"),
        Event::Held { until } => say!("deed.kept_until", until = until),
        Event::Closed { .. } => say!("deed.closed"),
        Event::TakenUpAgain { by } => say!("deed.taken_up_again", name = by.name()),
    }
}

/// What an appeal came to.
pub(super) fn ruling(ruling: Ruling) -> String {
    match ruling {
        Ruling::Upheld => say!("word.decision_stands"),
        Ruling::Reversed => say!("word.decision_reversed"),
    }
}

/// What a decision found.
pub(super) fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Violation => say!("word.to_be_reported"),
        Verdict::NoViolation => say!("word.nothing_to_report"),
    }
}

/// One line of a journal.
pub(super) fn step(step: &Step) -> String {
    match step {
        Step::Intended { request, .. } => match request {
            Request::Submit => say!("step.submit"),
            Request::Upload { file, .. } => say!("step.upload", file = file + 1),
            Request::Describe { file, .. } => say!("step.describe", file = file + 1),
            Request::Finish { report_id } => say!("step.finish", number = report_id),
            Request::Retract { report_id } => say!("step.retract", number = report_id),
        },
        Step::Answered { answer: None, .. } => say!("step.no_answer"),
        Step::Answered { answer: Some(answer), .. } => {
            let code = code(answer.code);
            match (&answer.report_id, &answer.request_id) {
                (None, None) => say!("step.answered", code = code),
                (Some(number), None) => say!("step.answered_number", code = code, number = number),
                (None, Some(request)) => say!("step.answered_request", code = code, request = request),
                (Some(number), Some(request)) => {
                    say!("step.answered_both", code = code, number = number, request = request)
                }
            }
        }
        Step::Resumed { .. } => say!("step.resumed"),
    }
}

/// A code of the authority and what it means.
pub(super) fn code(code: Code) -> String {
    let meaning = match code.class() {
        Class::Success => say!("code.success"),
        Class::Retry => say!("code.retry"),
        Class::Credentials => say!("code.credentials"),
        Class::Invalid => say!("code.invalid"),
        Class::NoSuchReport => say!("code.no_such_report"),
        Class::NoSuchFile => say!("code.no_such_file"),
        Class::Retracted => say!("code.retracted"),
        Class::Finished => say!("code.finished"),
        Class::Unknown => say!("code.unknown"),
    };
    say!("code.with_meaning", code = code.0, meaning = meaning)
}

/// How far a filing is.
pub(super) fn status(status: &Status, next: Option<Timestamp>, now: Timestamp) -> String {
    match status {
        Status::Underway => match next {
            Some(next) if next > now => say!("filing.again", when = distance(next, now)),
            Some(_) | None => say!("filing.underway"),
        },
        Status::Filed { report_id, .. } => say!("filing.filed", number = report_id),
        Status::Refused { code } => say!("filing.refused", code = self::code(*code)),
        Status::Stopped { code } => say!("filing.stopped", code = self::code(*code)),
    }
}
