//! Which payments wait for a person, and what is known of one alert?
//!
//! A compartment of its own: who may not read what was paid is told that there is nothing here, as for an address that
//! does not exist. Nothing is shown to customers, and a platform's reviewers do not learn that there is an alert.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use casework::role::{Compartment, Permission};
use payments::draw::network::{self, Tie};
use payments::gate::{Decided, Event, Hold, HoldState, Outcome};
use payments::{Alert, Level, Moment};
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::page::{Html, sorry};
use super::super::payments::{Service, with_desk};
use super::{Answer, Refusal, back, may, page};
use crate::html;
use crate::payments::desk::now_s;
use crate::store::Account;

/// How many alerts a list shows, newest first.
const N_SHOWN: usize = 100;

type Paid = Extension<Option<Arc<Service>>>;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/payments", may(Permission::ReadCases), list)
        .get("/payments/{alert}", may(Permission::ReadCases), one)
        .post("/payments/{alert}/outcome", may(Permission::Decide), outcome)
        .post("/payments/holds/{hold}", may(Permission::Decide), decide)
}

/// The desk, for who may read what was paid.
fn open(reader: &Account, paid: Option<Arc<Service>>) -> Result<Arc<Service>, Refusal> {
    paid.filter(|_| reader.compartments.contains(&Compartment::Payments)).ok_or(Refusal::NotYours)
}

/// What is said when the desk does not do it.
fn refused(refusal: Option<payments::gate::Refusal>) -> axum::response::Response {
    use payments::gate::Refusal::{NoAlert, NoHold, NotOpen};
    match refusal {
        Some(NoAlert { .. } | NoHold { .. }) => Refusal::NotYours.into_response(),
        Some(why @ NotOpen { .. }) => {
            sorry(StatusCode::CONFLICT, &format!("{why}."), "Go back and load the page again: somebody was faster.")
        }
        Some(why) => sorry(StatusCode::UNPROCESSABLE_ENTITY, &format!("{why}."), "Go back and change it."),
        None => sorry(
            StatusCode::SERVICE_UNAVAILABLE,
            "The desk did not do it.",
            "Try again, or tell who runs this machine.",
        ),
    }
}

async fn list(Extension(Reader(reader)): Extension<Reader>, Extension(paid): Paid) -> Answer {
    let service = open(&reader, paid)?;
    let found = with_desk(service, |_, desk| {
        desk.refresh(now_s())?;
        let gate = desk.gate();
        let alerts: Vec<Html> = gate.alerts().iter().rev().take(N_SHOWN).map(|a| row(a, gate.outcomes())).collect();
        let holds: Vec<Hold> = gate.holds().filter(|hold| hold.state == HoldState::Open).cloned().collect();
        Ok((gate.alerts().len(), alerts, holds))
    });
    let (n_alerts, alerts, holds) = match found.await {
        Ok(found) => found,
        Err(refusal) => return Ok(refused(refusal)),
    };
    let may_decide = reader.may(Permission::Decide);
    let waiting: Vec<Html> = holds.iter().map(|hold| held(hold, may_decide)).collect();
    let body = html!(
        "<p>An alert is a pattern, not a finding about a person. Look before anything is done, and tell the customer \
         nothing.</p><h2>Waiting for a person</h2>{}<h2>Alerts and reviews</h2>{}",
        match waiting.is_empty() {
            true => html!("<p>No transfer is held.</p>"),
            false => html!("<ul class=\"plain\">{}</ul>", waiting),
        },
        match n_alerts {
            0 => html!("<p>Nothing has been raised.</p>"),
            _ => html!(
                "<p class=\"quiet-text\">{} in all, the newest {} here.</p><table class=\"cards\"><thead><tr>\
                 <th scope=\"col\">Alert</th><th scope=\"col\">Level</th><th scope=\"col\">Score</th>\
                 <th scope=\"col\">About</th><th scope=\"col\">When</th><th scope=\"col\">Outcome</th></tr></thead>\
                 <tbody>{}</tbody></table>",
                n_alerts,
                alerts.len(),
                alerts
            ),
        }
    );
    Ok(page(&reader, "Payments", body).into_response())
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Review => "review",
        Level::Alert => "alert",
    }
}

fn row(alert: &Alert, outcomes: &[Event]) -> Html {
    html!(
        "<tr data-row><td><a href=\"/payments/{}\">{}</a></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        alert.id,
        alert.id,
        level(alert.level),
        alert.score,
        alert.looks_like.split(',').next(),
        alert.at,
        last_outcome(&alert.id, outcomes)
    )
}

fn last_outcome(id: &str, outcomes: &[Event]) -> Option<&'static str> {
    outcomes.iter().rev().find_map(|event| match event {
        Event::Outcome { alert, outcome, .. } if alert == id => Some(outcome.as_str()),
        _ => None,
    })
}

fn held(hold: &Hold, may_decide: bool) -> Html {
    let until = Moment { utc_s: hold.until_s, offset_min: None }.to_rfc3339();
    let form = may_decide.then(|| {
        html!(
            "<form method=\"post\" action=\"/payments/holds/{}\"><label>Why <input name=\"reason\" required maxlength=\"4000\"></label> \
             <button name=\"answer\" value=\"release\">Release</button> \
             <button class=\"quiet\" name=\"answer\" value=\"refuse\">Refuse</button></form>",
            hold.id
        )
    });
    html!(
        "<li>Transfer <code>{}</code> is held until {} because of <a href=\"/payments/{}\">{}</a>; then it passes by itself.{}</li>",
        hold.transfer,
        until,
        hold.alert,
        hold.alert,
        form
    )
}

async fn one(Extension(Reader(reader)): Extension<Reader>, Extension(paid): Paid, Path(id): Path<String>) -> Answer {
    let service = open(&reader, paid)?;
    let found = with_desk(service, move |_, desk| {
        desk.refresh(now_s())?;
        let gone = || payments::gate::Refusal::NoAlert { alert: id.clone() };
        let (alert, index) = desk.find(&id).ok_or_else(gone)?;
        let gate = desk.gate();
        let ties = network::ties(alert, index, gate.book(), gate.pack().spans);
        let picture = network::picture(alert, &ties, gate.pack().currency);
        let outcomes: Vec<Event> = gate.outcomes().iter().filter(|event| is_about(event, &id)).cloned().collect();
        Ok((alert.clone(), ties, picture, gate.pack().currency, outcomes))
    });
    let (alert, ties, picture, currency, outcomes) = match found.await {
        Ok(found) => found,
        Err(refusal) => return Ok(refused(refusal)),
    };
    let said: Vec<Html> = outcomes.iter().map(said).collect();
    let body = html!(
        "<p>{}; {}, score {}, raised {} by transfer <code>{}</code>.</p><p class=\"quiet-text\">A pattern, not a finding \
         about a person. Look before anything is done, and tell the customer nothing.</p>{}\
         <h2>Who pays whom</h2><figure>{}</figure>{}<h2>What people found</h2><ul class=\"plain\">{}</ul>{}",
        alert.looks_like,
        level(alert.level),
        alert.score,
        alert.at,
        alert.raised_by,
        reasons(&alert),
        Html(picture),
        network_table(&ties, currency),
        said,
        reader.may(Permission::Decide).then(|| outcome_form(&alert.id))
    );
    Ok(page(&reader, &format!("Alert {}", alert.id), body).into_response())
}

fn is_about(event: &Event, id: &str) -> bool {
    matches!(event, Event::Outcome { alert, .. } if alert == id)
}

fn reasons(alert: &Alert) -> Html {
    let seen = alert.reasons.iter().map(|reason| {
        html!(
            "<tr><td>{}</td><td>{}<br><span class=\"quiet-text\">May be innocent: {}</span></td><td>{}</td></tr>",
            reason.points,
            reason.why,
            reason.innocent,
            reason.n_transfers
        )
    });
    let rows: Vec<Html> = seen.collect();
    let innocent = alert.protections.iter().map(|p| html!("<li>{} ({} points off)</li>", p.why, p.points));
    let innocent: Vec<Html> = innocent.collect();
    let none = innocent.is_empty().then(|| html!("<li>Nothing on record, which is no evidence against anybody.</li>"));
    html!(
        "<h2>What was seen</h2><table class=\"cards\"><thead><tr><th scope=\"col\">Points</th><th scope=\"col\">Reason</th>\
         <th scope=\"col\">Transfers behind it</th></tr></thead><tbody>{}</tbody></table>\
         <h2>What speaks for an innocent explanation</h2><ul>{}{}</ul>",
        rows,
        innocent,
        none
    )
}

fn network_table(ties: &[Tie], currency: payments::Currency) -> Html {
    let row = |tie: &Tie| {
        let worth = payments::Amount::new(tie.value_minor, currency).map_or_else(|_| "0".to_owned(), |a| a.to_string());
        html!(
            "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            tie.sender.to_string(),
            tie.beneficiary.to_string(),
            tie.n_transfers,
            worth
        )
    };
    let rows: Vec<Html> = ties.iter().take(N_SHOWN).map(row).collect();
    html!(
        "<table class=\"cards\"><thead><tr><th scope=\"col\">Who paid</th><th scope=\"col\">Who was paid</th>\
         <th scope=\"col\">Times</th><th scope=\"col\">In all</th></tr></thead><tbody>{}</tbody></table>",
        rows
    )
}

fn said(event: &Event) -> Html {
    match event {
        Event::Outcome { outcome, by, note, at_s, .. } => {
            let at = Moment { utc_s: *at_s, offset_min: None }.to_rfc3339();
            html!("<li><strong>{}</strong>, {}, {}: {}</li>", outcome.as_str(), by, at, note)
        }
        _ => html!(""),
    }
}

fn outcome_form(alert: &str) -> Html {
    let button = |outcome: &Outcome| {
        html!("<button name=\"outcome\" value=\"{}\">{}</button> ", outcome.as_str(), outcome.as_str())
    };
    let buttons: Vec<Html> = Outcome::ALL.iter().map(button).collect();
    html!(
        "<form method=\"post\" action=\"/payments/{}/outcome\"><label>What you found <textarea name=\"note\" required \
         maxlength=\"4000\" rows=\"3\"></textarea></label><p>{}</p></form>",
        alert,
        buttons
    )
}

#[derive(Deserialize)]
struct Found {
    outcome: Outcome,
    note: String,
}

async fn outcome(
    Extension(Reader(reader)): Extension<Reader>,
    Extension(paid): Paid,
    Path(alert): Path<String>,
    Form(Found { outcome, note }): Form<Found>,
) -> Answer {
    let to = format!("/payments/{alert}");
    let by = reader.name.name().to_owned();
    happen(&reader, paid, Event::Outcome { alert, outcome, by, note, at_s: now_s() }, &to).await
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Release,
    Refuse,
}

#[derive(Deserialize)]
struct Decision {
    answer: Word,
    reason: String,
}

async fn decide(
    Extension(Reader(reader)): Extension<Reader>,
    Extension(paid): Paid,
    Path(hold): Path<String>,
    Form(Decision { answer, reason }): Form<Decision>,
) -> Answer {
    let decided = Decided { hold, by: reader.name.name().to_owned(), reason, at_s: now_s() };
    let event = match answer {
        Word::Release => Event::Released(decided),
        Word::Refuse => Event::Refused(decided),
    };
    happen(&reader, paid, event, "/payments").await
}

async fn happen(reader: &Account, paid: Option<Arc<Service>>, event: Event, to: &str) -> Answer {
    let service = open(reader, paid)?;
    match with_desk(service, move |_, desk| desk.happen(event, now_s())).await {
        Ok(()) => back(to),
        Err(refusal) => Ok(refused(refusal)),
    }
}
