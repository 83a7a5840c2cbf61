//! Who says that a decision was wrong, and who hears them?
//!
//! Whoever hears an appeal has had no hand in the case. What was paid is neither shown here nor said in the answer.

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::IntoResponse;
use casework::appeal::{Answer as Heard, Appeal, Received, Ruling};
use casework::case::State as CaseState;
use casework::hands::Hands;
use casework::role::{Compartment, Permission};
use casework::{Deed, Dossier, Person, Sealed};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, Refusal, back, cases, may, page, words};
use crate::clock::now;
use crate::store::{Account, Logged};
use crate::{html, say, tell};

/// How many cases the list shows.
const N_SHOWN: u32 = 200;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/appeals", may(Permission::ReadCases), list)
        .post("/cases/{case}/appeals", may(Permission::Refer), receive)
        .post("/cases/{case}/appeals/{appeal}/answer", may(Permission::Decide), answer)
}

/// Who has had a hand in a case.
pub(super) fn hands(deeds: &[(Logged, Deed)]) -> Hands {
    Hands::of(deeds.iter().map(|(logged, deed)| (logged.entry.who.as_ref(), deed)))
}

async fn list(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let is_open = reader.compartments.contains(&Compartment::Video);
    let cases = if is_open { desk.store.appealed(N_SHOWN).await? } else { Vec::new() };
    let now = now();
    let mut open: Vec<(&str, &Dossier, &Appeal)> = cases
        .iter()
        .filter(|(_, dossier)| !dossier.is_blind(&reader.name))
        .flat_map(|(id, dossier)| dossier.appeals().open().map(move |appeal| (id.as_str(), dossier, appeal)))
        .collect();
    open.sort_by_key(|(_, _, appeal)| {
        (appeal.received().due_at.unwrap_or(Timestamp::MAX), appeal.received().received_at)
    });
    let row = |(id, dossier, appeal): &(&str, &Dossier, &Appeal)| {
        let seen = dossier.referrals_in(&[Compartment::Video]).next();
        html!(
            "<tr data-row><td><a href=\"/cases/{}#appeals\">{}</a></td><td>{}</td>\
             <td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td></tr>",
            *id,
            appeal.received().reference,
            seen.map(|referral| referral.intake().platform.clone()),
            say!("appeal.against"),
            words::verdict(appeal.against()),
            say!("appeal.came"),
            words::moment(appeal.received().received_at),
            say!("appeal.answer_by"),
            due(appeal, now)
        )
    };
    let rows: Vec<Html> = open.iter().map(row).collect();
    let list = match rows.is_empty() {
        true => html!("<p>{}</p>", say!("appeal.none_open")),
        false => html!(
            "<table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
             <th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr>\
             </thead><tbody>{}</tbody></table>",
            say!("appeal.reference"),
            say!("appeal.where"),
            say!("appeal.against"),
            say!("appeal.came"),
            say!("appeal.answer_by"),
            rows
        ),
    };
    let due = match desk.settings.appeals.answer_days {
        Some(days) => tell!("appeal.due", n = days),
        None => {
            let (setting, table) = (html!("<code>answer_days</code>"), html!("<code>[appeals]</code>"));
            tell!("appeal.none_due", setting = setting, table = table)
        }
    };
    let body = html!("<p>{} {}</p>{}", say!("appeal.about"), due, list);
    Ok(page(&reader, &say!("appeal.title"), body).into_response())
}

/// By when, and whether that is past.
fn due(appeal: &Appeal, now: Timestamp) -> Html {
    match appeal.received().due_at {
        None => html!("{}", say!("appeal.no_day")),
        Some(at) if at < now => {
            let late = say!("appeal.late", when = words::distance(at, now));
            html!("<span class=\"live\">{}</span> ({})", late, words::moment(at))
        }
        Some(at) => html!("{} ({})", words::distance(at, now), words::moment(at)),
    }
}

/// The appeals about a case, and the forms to write one down and to answer one.
pub(super) fn section(id: &str, dossier: &Dossier, hands: &Hands, reader: &Account) -> Html {
    let is_seen = dossier.compartments().contains(&Compartment::Video);
    if !is_seen || !reader.compartments.contains(&Compartment::Video) || dossier.case().decision().is_none() {
        return html!("");
    }
    let appeals = dossier.appeals().all().iter().enumerate();
    let boxes: Vec<Html> = appeals.map(|(index, appeal)| one(id, index + 1, appeal, dossier, hands, reader)).collect();
    let told =
        dossier.is_reported_wrongly().then(|| html!("<p class=\"alarm\">{}</p>", say!("appeal.reported_wrongly")));
    let form = reader.may(Permission::Refer).then(|| {
        html!(
            "<details><summary>{}</summary><form method=\"post\" action=\"/cases/{}/appeals\">\
             <label for=\"reference\">{}</label>\
             <input type=\"text\" id=\"reference\" name=\"reference\" required maxlength=\"200\">\
             <label for=\"said\">{}</label>\
             <textarea id=\"said\" name=\"said\" required maxlength=\"4000\"></textarea>\
             <label for=\"received_on\">{}</label>\
             <input type=\"text\" id=\"received_on\" name=\"received_on\" maxlength=\"10\">\
             <button>{}</button></form></details>",
            say!("appeal.write_down"),
            id,
            say!("appeal.reference_label"),
            say!("appeal.they_say"),
            say!("appeal.day_label"),
            say!("appeal.write_it_down")
        )
    });
    html!(
        "<h2 id=\"appeals\">{}</h2>{}{}{}",
        say!("appeal.title"),
        told,
        if boxes.is_empty() { vec![html!("<p>{}</p>", say!("word.none"))] } else { boxes },
        form
    )
}

fn one(id: &str, number: usize, appeal: &Appeal, dossier: &Dossier, hands: &Hands, reader: &Account) -> Html {
    let received = appeal.received();
    let outcome = match appeal.answer() {
        Some(answer) => html!(
            "<p>{}</p><details><summary>{}</summary><pre lang=\"en\">{}</pre></details>",
            tell!(
                "appeal.heard",
                name = answer.who.name(),
                when = words::moment(answer.at),
                ruling = html!("<strong>{}</strong>", words::ruling(answer.ruling)),
                reason = answer.reason
            ),
            say!("appeal.letter"),
            appeal.letter()
        ),
        None => form(id, number, dossier, hands, reader),
    };
    html!(
        "<div class=\"box\"><h3>{}</h3><dl><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd>\
         <dt>{}</dt><dd>{}</dd></dl>{}</div>",
        say!("appeal.numbered", number = number, reference = received.reference),
        say!("appeal.came"),
        words::moment(received.received_at),
        say!("appeal.answer_by"),
        received.due_at.map_or_else(|| html!("{}", say!("appeal.no_day")), words::moment),
        say!("appeal.against"),
        words::verdict(appeal.against()),
        say!("appeal.they_say"),
        received.said.open(),
        outcome
    )
}

fn form(id: &str, number: usize, dossier: &Dossier, hands: &Hands, reader: &Account) -> Html {
    if !reader.may(Permission::Decide) {
        return html!("<p>{}</p>", say!("appeal.unheard"));
    }
    if hands.has(&reader.name) {
        return html!("<p>{}</p>", say!("appeal.own_hand"));
    }
    if let CaseState::InReview { .. } = dossier.case().state() {
        return html!("<p>{}</p>", say!("appeal.in_review_again"));
    }
    html!(
        "<form method=\"post\" action=\"/cases/{}/appeals/{}/answer\"><fieldset><legend>{}</legend>\
         <label><input type=\"radio\" name=\"ruling\" value=\"upheld\" required>{}</label>\
         <label><input type=\"radio\" name=\"ruling\" value=\"reversed\">{}</label>\
         </fieldset><label for=\"why-{}\">{}</label>\
         <textarea id=\"why-{}\" name=\"reason\" required maxlength=\"4000\"></textarea>\
         <label for=\"rules-{}\">{}</label>\
         <input type=\"text\" id=\"rules-{}\" name=\"policy_version\" value=\"1\" required maxlength=\"50\">\
         <button>{}</button></form>",
        id,
        number,
        say!("appeal.your_answer", number = number),
        say!("appeal.stands"),
        say!("appeal.does_not_stand"),
        number,
        say!("appeal.why"),
        number,
        number,
        say!("case.rules"),
        number,
        say!("appeal.answer")
    )
}

#[derive(Deserialize)]
struct Written {
    reference: String,
    said: String,
    #[serde(default)]
    received_on: String,
}

async fn receive(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
    Form(written): Form<Written>,
) -> Answer {
    let dossier = open(&desk, &reader, &id).await?;
    let day = written.received_on.trim();
    let now = now();
    let received_at = match day.is_empty() {
        true => Some(now),
        false => day.parse::<Date>().ok().and_then(start_of).filter(|at| *at <= now),
    };
    let received_at = received_at.ok_or_else(|| Refusal::Filled(say!("appeal.wrong_day")))?;
    if dossier.appeals().numbered(written.reference.trim()).is_some() {
        return Err(Refusal::Filled(say!("appeal.twice")));
    }
    let received = Received {
        reference: written.reference.trim().to_owned(),
        said: Sealed::new(written.said.replace("\r\n", "\n").trim().to_owned()),
        received_at,
        due_at: desk.settings.appeals.due_at(received_at),
    };
    desk.store.act(&id, Some(&reader.name), &[Deed::AppealReceived(received)], now).await?;
    back(&format!("/cases/{id}#appeals"))
}

fn start_of(day: Date) -> Option<Timestamp> {
    jiff::tz::TimeZone::UTC.to_ambiguous_zoned(day.at(0, 0, 0, 0)).compatible().ok().map(|zoned| zoned.timestamp())
}

#[derive(Deserialize)]
struct Answered {
    ruling: Ruling,
    reason: String,
    policy_version: String,
}

async fn answer(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((id, appeal)): Path<(String, usize)>,
    Form(answered): Form<Answered>,
) -> Answer {
    open(&desk, &reader, &id).await?;
    let Answered { ruling, reason, policy_version } = answered;
    let reason = reason.replace("\r\n", "\n").trim().to_owned();
    let who: Person = reader.name.clone();
    let answer = Heard { who, ruling, reason, policy_version: policy_version.trim().to_owned(), at: now() };
    desk.store.act(&id, Some(&reader.name), &[Deed::AppealAnswered { appeal, answer }], now()).await?;
    back(&format!("/cases/{id}#appeals"))
}

/// A case of which this reader may read what was seen; an appeal is about nothing else.
async fn open(desk: &Shared, reader: &Account, id: &str) -> Result<Dossier, Refusal> {
    let dossier = cases::open(desk, reader, id).await?;
    let is_seen = dossier.compartments().contains(&Compartment::Video);
    if is_seen && reader.compartments.contains(&Compartment::Video) { Ok(dossier) } else { Err(Refusal::NotYours) }
}
