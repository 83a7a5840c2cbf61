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
use super::super::words::english;
use super::{Answer, Room, may, words};
use crate::payments::desk::now_s;
use crate::{html, say, tell, term};

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
        "<p>{}</p><h2>{}</h2>{}<h2>{}</h2>{}",
        say!("alerts.pattern"),
        say!("alerts.waiting"),
        match waiting.is_empty() {
            true => html!("<p>{}</p>", say!("alerts.none_held")),
            false => html!("<ul class=\"plain\">{}</ul>", waiting),
        },
        say!("alerts.raised"),
        match n_alerts {
            0 => html!("<p>{}</p>", say!("alerts.none")),
            _ => html!(
                "<p class=\"quiet-text\">{}</p><div class=\"table\"><table class=\"cards\"><thead><tr>\
                 <th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
                 <th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\
                 <tbody>{}</tbody></table></div>",
                say!("alerts.newest", n = n_alerts, n_here = alerts.len()),
                say!("alerts.alert"),
                say!("alerts.level"),
                say!("alerts.score"),
                say!("alerts.about"),
                say!("alerts.when"),
                say!("alerts.outcome"),
                alerts
            ),
        }
    );
    Ok(room.page("/payments", &say!("links.payments"), body))
}

fn row(alert: &Alert, outcomes: &[Event]) -> Html {
    html!(
        "<tr data-row><td><a href=\"/payments/{}\">{}</a></td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td>\
         <td>{}</td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td></tr>",
        alert.id,
        alert.id,
        say!("alerts.level"),
        words::level(alert.level),
        say!("alerts.score"),
        alert.score,
        alert.looks_like.split(',').next().map(english),
        say!("alerts.when"),
        alert.at,
        say!("alerts.outcome"),
        last_outcome(&alert.id, outcomes)
    )
}

fn last_outcome(id: &str, outcomes: &[Event]) -> Option<String> {
    outcomes.iter().rev().find_map(|event| match event {
        Event::Outcome { alert, outcome, .. } if alert == id => Some(term!("outcome", outcome.as_str())),
        _ => None,
    })
}

fn held(hold: &Hold, may_decide: bool) -> Html {
    let until = words::moment(hold.until_s);
    let form = may_decide.then(|| {
        html!(
            "<details><summary>{}</summary><form method=\"post\" action=\"/payments/holds/{}\">\
             <label for=\"why-{}\">{}</label><input type=\"text\" id=\"why-{}\" name=\"reason\" required maxlength=\"4000\">\
             <p><button name=\"answer\" value=\"release\">{}</button>\
             <button class=\"quiet\" name=\"answer\" value=\"refuse\">{}</button></p></form></details>",
            say!("alerts.decide_about", transfer = hold.transfer),
            hold.id,
            hold.id,
            say!("alerts.why"),
            hold.id,
            say!("alerts.release"),
            say!("alerts.refuse")
        )
    });
    let transfer = html!("<code>{}</code>", hold.transfer);
    let alert = html!("<a href=\"/payments/{}\">{}</a>", hold.alert, hold.alert);
    html!("<li>{}{}</li>", tell!("alerts.held", transfer = transfer, until = until, alert = alert), form)
}

async fn one(room: Room, Path(id): Path<String>) -> Answer {
    let found = room.ask(move |desk| {
        let (alert, index) = desk.find(&id).ok_or_else(|| Refused::NoAlert { alert: id.clone() })?;
        let gate = desk.gate();
        let pack = gate.pack_of(alert);
        let ties = network::ties(alert, index, gate.book(), pack.spans);
        let say = &words::of_picture;
        let time_line = draw::time_line(alert, index, gate.book(), pack.spans, say);
        let pictures = (time_line, network::picture(alert, &ties, pack.currency, say));
        let outcomes: Vec<Event> = gate.outcomes().iter().filter(|event| is_about(event, &id)).cloned().collect();
        Ok((alert.clone(), ties, pictures, pack.currency, outcomes))
    });
    let (alert, ties, (time_line, network), currency, outcomes) = found.await?;
    let said: Vec<Html> = outcomes.iter().map(words::found).collect();
    let may_decide = room.reader.may(Permission::Decide);
    let transfer = html!("<code>{}</code>", alert.raised_by);
    let (score, at, pack) = (alert.score, &alert.at, &alert.inputs.pack);
    let about = match alert.level {
        Level::Review => tell!("alerts.review_raised", score = score, at = at, transfer = transfer, pack = pack),
        Level::Alert => tell!("alerts.alert_raised", score = score, at = at, transfer = transfer, pack = pack),
    };
    let body = html!(
        "<p>{} {}</p><p class=\"quiet-text\">{}</p>{}<h2>{}</h2><figure>{}</figure><h2>{}</h2><figure>{}</figure>{}\
         <h2>{}</h2>{}{}",
        english(&format!("It {}.", alert.looks_like)),
        about,
        say!("alerts.pattern_here"),
        words::reasons(&alert),
        say!("alerts.when_paid"),
        time_line.map(Html),
        say!("alerts.who_pays_whom"),
        Html(network),
        network_table(&ties, currency),
        say!("alerts.people_found"),
        if said.is_empty() {
            html!("<p>{}</p>", say!("alerts.nobody_looked"))
        } else {
            html!("<ul class=\"plain\">{}</ul>", said)
        },
        may_decide.then(|| words::outcome_form(&format!("/payments/{}/outcome", alert.id), &html!("")))
    );
    Ok(room.page("/payments", &say!("alerts.one", alert = alert.id), body))
}

fn is_about(event: &Event, id: &str) -> bool {
    matches!(event, Event::Outcome { alert, .. } if alert == id)
}

fn network_table(ties: &[Tie], currency: payments::Currency) -> Html {
    let row = |tie: &Tie| {
        let worth = payments::Amount::new(tie.value_minor, currency).map_or_else(|_| "0".to_owned(), |a| a.to_string());
        html!(
            "<tr><td data-label=\"{}\"><code>{}</code></td><td data-label=\"{}\"><code>{}</code></td>\
             <td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td></tr>",
            say!("paid.who_paid"),
            tie.sender.to_string(),
            say!("paid.who_was_paid"),
            tie.beneficiary.to_string(),
            say!("alerts.times"),
            tie.n_transfers,
            say!("alerts.in_all"),
            worth
        )
    };
    let rows: Vec<Html> = ties.iter().take(N_SHOWN).map(row).collect();
    html!(
        "<div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table></div>",
        say!("paid.who_paid"),
        say!("paid.who_was_paid"),
        say!("alerts.times"),
        say!("alerts.in_all"),
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
