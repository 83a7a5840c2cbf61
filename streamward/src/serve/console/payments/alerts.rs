//! Which payments wait for a person, and what is known of one alert?

use axum::extract::{Form, Path};
use casework::role::Permission;
use payments::draw::network::Tie;
use payments::draw::{self, network};
use payments::gate::{Decided, Event, Hold, HoldState, Outcome, Refusal as Refused};
use payments::{Alert, Level};
use serde::Deserialize;

use super::super::super::access::Routes;
use super::super::super::page::Html;
use super::{Answer, Room, may, words};
use crate::html;
use crate::payments::desk::now_s;

/// How many alerts a list shows, newest first.
const N_SHOWN: usize = 100;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/payments", may(Permission::ReadCases), list)
        .get("/payments/{alert}", may(Permission::ReadCases), one)
        .post("/payments/{alert}/outcome", may(Permission::Decide), outcome)
        .post("/payments/holds/{hold}", may(Permission::Decide), decide)
}

async fn list(room: Room) -> Answer {
    let found = room.ask(|desk| {
        let gate = desk.gate();
        let alerts: Vec<Html> = gate.alerts().iter().rev().take(N_SHOWN).map(|a| row(a, gate.outcomes())).collect();
        let holds: Vec<Hold> = gate.holds().filter(|hold| hold.state == HoldState::Open).cloned().collect();
        Ok((gate.alerts().len(), alerts, holds))
    });
    let (n_alerts, alerts, holds) = found.await?;
    let may_decide = room.reader.may(Permission::Decide);
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
    Ok(room.page("/payments", "Payments", body))
}

fn row(alert: &Alert, outcomes: &[Event]) -> Html {
    html!(
        "<tr data-row><td><a href=\"/payments/{}\">{}</a></td><td data-label=\"Level\">{}</td><td data-label=\"Score\">{}</td>\
         <td>{}</td><td data-label=\"When\">{}</td><td data-label=\"Outcome\">{}</td></tr>",
        alert.id,
        alert.id,
        words::level(alert.level),
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
    let until = words::moment(hold.until_s);
    let form = may_decide.then(|| {
        html!(
            "<details><summary>Decide about {}</summary><form method=\"post\" action=\"/payments/holds/{}\">\
             <label for=\"why-{}\">Why</label><input type=\"text\" id=\"why-{}\" name=\"reason\" required maxlength=\"4000\">\
             <p><button name=\"answer\" value=\"release\">Release</button>\
             <button class=\"quiet\" name=\"answer\" value=\"refuse\">Refuse</button></p></form></details>",
            hold.transfer,
            hold.id,
            hold.id,
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

async fn one(room: Room, Path(id): Path<String>) -> Answer {
    let found = room.ask(move |desk| {
        let (alert, index) = desk.find(&id).ok_or_else(|| Refused::NoAlert { alert: id.clone() })?;
        let gate = desk.gate();
        let pack = gate.pack_of(alert);
        let ties = network::ties(alert, index, gate.book(), pack.spans);
        let pictures =
            (draw::time_line(alert, index, gate.book(), pack.spans), network::picture(alert, &ties, pack.currency));
        let outcomes: Vec<Event> = gate.outcomes().iter().filter(|event| is_about(event, &id)).cloned().collect();
        Ok((alert.clone(), ties, pictures, pack.currency, outcomes))
    });
    let (alert, ties, (time_line, network), currency, outcomes) = found.await?;
    let said: Vec<Html> = outcomes.iter().map(words::found).collect();
    let may_decide = room.reader.may(Permission::Decide);
    let level = match alert.level {
        Level::Review => "Review",
        Level::Alert => "Alert",
    };
    let body = html!(
        "<p>It {}. {}, score {}, raised {} by transfer <code>{}</code> under {}.</p><p class=\"quiet-text\">A pattern, not a finding \
         about a person. Look before anything is done, and tell the customer nothing.</p>{}\
         <h2>When it was paid</h2><figure>{}</figure><h2>Who pays whom</h2><figure>{}</figure>{}\
         <h2>What people found</h2>{}{}",
        alert.looks_like,
        level,
        alert.score,
        alert.at,
        alert.raised_by,
        alert.inputs.pack,
        words::reasons(&alert),
        time_line.map(Html),
        Html(network),
        network_table(&ties, currency),
        if said.is_empty() {
            html!("<p>Nobody has looked yet.</p>")
        } else {
            html!("<ul class=\"plain\">{}</ul>", said)
        },
        may_decide.then(|| words::outcome_form(&format!("/payments/{}/outcome", alert.id), &html!("")))
    );
    Ok(room.page("/payments", &format!("Alert {}", alert.id), body))
}

fn is_about(event: &Event, id: &str) -> bool {
    matches!(event, Event::Outcome { alert, .. } if alert == id)
}

fn network_table(ties: &[Tie], currency: payments::Currency) -> Html {
    let row = |tie: &Tie| {
        let worth = payments::Amount::new(tie.value_minor, currency).map_or_else(|_| "0".to_owned(), |a| a.to_string());
        html!(
            "<tr><td data-label=\"Who paid\"><code>{}</code></td><td data-label=\"Who was paid\"><code>{}</code></td>\
             <td data-label=\"Times\">{}</td><td data-label=\"In all\">{}</td></tr>",
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

#[derive(Deserialize)]
struct Found {
    outcome: Outcome,
    note: String,
}

async fn outcome(room: Room, Path(alert): Path<String>, Form(Found { outcome, note }): Form<Found>) -> Answer {
    let to = format!("/payments/{alert}");
    room.happen(Event::Outcome { alert, outcome, by: room.name(), note, at_s: now_s() }, &to).await
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

async fn decide(room: Room, Path(hold): Path<String>, Form(Decision { answer, reason }): Form<Decision>) -> Answer {
    let decided = Decided { hold, by: room.name(), reason, at_s: now_s() };
    let event = match answer {
        Word::Release => Event::Released(decided),
        Word::Refuse => Event::Refused(decided),
    };
    room.happen(event, "/payments").await
}
