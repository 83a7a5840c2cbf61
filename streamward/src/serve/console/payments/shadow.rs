//! What would a proposed pack raise on what the desk has seen?
//!
//! Both packs are scored over the same transfers as if each had always held; nobody is answered and nothing is held.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use casework::role::Permission;
use payments::draw::bars::{Bars, Series};
use payments::gate::{Outcome, Proposal, Refusal as Refused};
use payments::shadow::{Shadow, Strongest, found};
use payments::{Alert, Pack, PartyId};

use super::super::super::access::Routes;
use super::super::super::page::Html;
use super::super::words::english;
use super::{Answer, Refusal, Room, may, words};
use crate::{html, say, term};

pub(super) fn routes() -> Routes {
    Routes::new().get("/payments/packs/{proposal}/shadow", may(Permission::ReadCases), show)
}

async fn run(room: &Room, proposal: &Proposal, active: &Pack) -> Result<Arc<Shadow>, Refusal> {
    let name = format!("{} {}", active.digest(), proposal.pack.digest());
    let (active, candidate) = (active.clone(), proposal.pack.clone());
    room.study(|service| &service.shadows, name, move |book| Shadow::new(book, &active, &candidate)).await
}

/// The figures of a proposal: what both raise, and what people found about those.
pub(super) async fn figures(room: &Room, proposal: &Proposal, active: &Pack) -> Result<Html, Refusal> {
    let shadow = run(room, proposal, active).await?;
    let (above, below) = room.ask(|desk| Ok(found(desk.gate()))).await?;
    let n_both = shadow.both().count();
    let figures = [
        (say!("shadow.only_active"), shadow.active.len() - n_both),
        (say!("shadow.both"), n_both),
        (say!("shadow.both_moved"), shadow.n_moved()),
        (say!("shadow.only_proposed"), shadow.candidate.len() - n_both),
    ];
    let row = |(what, n): &(String, usize)| html!("<tr><td>{}</td><td>{}</td></tr>", what, *n);
    let rows: Vec<Html> = figures.iter().map(row).collect();
    Ok(html!(
        "<h2>{}</h2><p>{}</p><table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\
         <tbody>{}</tbody></table>{}{}<p><a href=\"/payments/packs/{}/shadow\">{}</a></p>",
        say!("shadow.title"),
        say!("shadow.about", n = shadow.n_transfers),
        say!("shadow.raised_by"),
        say!("shadow.parties"),
        rows,
        reviewed(say!("shadow.looked_into"), say!("shadow.none_looked_into"), &above, &shadow),
        reviewed(say!("shadow.looked_below"), say!("shadow.none_looked_below"), &below, &shadow),
        proposal.id,
        say!("shadow.who")
    ))
}

/// How many of the parties that people know each pack raises, by what was found.
fn reviewed(heading: String, none: String, found: &BTreeMap<PartyId, Outcome>, shadow: &Shadow) -> Html {
    let row = |outcome: &Outcome| {
        let parties: Vec<&PartyId> = found.iter().filter(|(_, own)| *own == outcome).map(|(party, _)| party).collect();
        let n_in =
            |raised: &BTreeMap<PartyId, Strongest>| parties.iter().filter(|party| raised.contains_key(party)).count();
        let (n_active, n_candidate) = (n_in(&shadow.active), n_in(&shadow.candidate));
        html!(
            "<tr><td>{}</td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td></tr>",
            term!("outcome", outcome.as_str()),
            say!("shadow.parties"),
            parties.len(),
            say!("shadow.raised_now"),
            n_active,
            say!("shadow.raised_then"),
            n_candidate
        )
    };
    if found.is_empty() {
        return html!("<p class=\"quiet-text\">{}</p>", none);
    }
    let rows: Vec<Html> = Outcome::ALL.iter().map(row).collect();
    html!(
        "<h3>{}</h3><div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table></div>",
        heading,
        say!("below.found"),
        say!("shadow.parties"),
        say!("shadow.raised_now"),
        say!("shadow.raised_then"),
        rows
    )
}

async fn show(room: Room, Path(id): Path<String>) -> Answer {
    let asked = room.ask(move |desk| {
        let gate = desk.gate();
        let proposal = gate.proposal(&id).ok_or_else(|| Refused::NoProposal { proposal: id.clone() })?;
        let alerts = gate.alerts().iter().filter_map(|alert| Some((PartyId::parse(&alert.party)?, alert.id.clone())));
        Ok((proposal.clone(), gate.pack().clone(), alerts.collect::<BTreeMap<PartyId, String>>()))
    });
    let (proposal, active, alerts) = asked.await?;
    let shadow = run(&room, &proposal, &active).await?;
    let n_new = shadow.only_candidate().count();
    let body = html!(
        "<p>{} {}</p>{}<h2>{}</h2>{}<h2>{}</h2>{}{}",
        say!("shadow.against", pack = proposal.pack.name(), active = active.name(), n = shadow.n_transfers),
        say!("shadow.pattern"),
        picture(&shadow),
        say!("shadow.only", pack = active.name()),
        lost(&shadow, &alerts),
        say!("shadow.only", pack = proposal.pack.name()),
        (n_new > Shadow::N_TOLD_MAX)
            .then(|| html!("<p>{}</p>", say!("shadow.strongest", n = n_new, n_here = Shadow::N_TOLD_MAX))),
        new(&shadow.new)
    );
    Ok(room.page("/payments/packs", &say!("shadow.of", proposal = proposal.id), body))
}

/// How many parties each pack raises, by the score at which it does.
fn picture(shadow: &Shadow) -> Html {
    let all = || shadow.active.values().chain(shadow.candidate.values());
    let (Some(low), Some(high)) = (all().map(|s| s.score / 5).min(), all().map(|s| s.score / 5).max()) else {
        return html!("<p>{}</p>", say!("shadow.neither"));
    };
    let labels: Vec<String> = (low..=high).map(|five| format!("{}–{}", five * 5, five * 5 + 4)).collect();
    let count = |of: &BTreeMap<PartyId, Strongest>| {
        (low..=high).map(|five| of.values().filter(|s| s.score / 5 == five).count()).collect::<Vec<_>>()
    };
    let (now, then) = (count(&shadow.active), count(&shadow.candidate));
    let row = |((label, now), then): ((&String, &usize), &usize)| {
        html!("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", label, *now, *then)
    };
    let rows: Vec<Html> = labels.iter().zip(&now).zip(&then).map(row).collect();
    let float = |counts: &[usize]| counts.iter().map(|&n| n as f64).collect();
    let (active, proposed) = (say!("shadow.series_active"), say!("shadow.series_proposed"));
    let bars = Bars {
        id: "shadow",
        title: &say!("shadow.by_score"),
        unit: &say!("shadow.unit"),
        labels,
        series: vec![Series { name: &active, values: float(&now) }, Series { name: &proposed, values: float(&then) }],
    };
    let table = html!(
        "<table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\
         <tbody>{}</tbody></table>",
        say!("alerts.score"),
        say!("packs.holds"),
        say!("shadow.proposed"),
        rows
    );
    html!("<h2>{}</h2>{}", say!("shadow.by_score"), words::figure(bars.svg(&words::of_picture), &table))
}

fn lost(shadow: &Shadow, alerts: &BTreeMap<PartyId, String>) -> Html {
    let row = |(party, strongest): (&PartyId, &Strongest)| {
        let link = alerts.get(party).map(|alert| html!("<a href=\"/payments/{}\">{}</a>", alert, alert));
        html!(
            "<tr><td><code>{}</code></td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td><td>{}</td></tr>",
            party.to_string(),
            say!("alerts.level"),
            words::level(strongest.level),
            say!("alerts.score"),
            strongest.score,
            link
        )
    };
    let rows: Vec<Html> = shadow.only_active().take(Shadow::N_TOLD_MAX).map(row).collect();
    match rows.is_empty() {
        true => html!("<p>{}</p>", say!("shadow.nobody")),
        false => html!(
            "<div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
             <th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table></div>",
            say!("below.party"),
            say!("alerts.level"),
            say!("alerts.score"),
            say!("shadow.last_alert"),
            rows
        ),
    }
}

fn new(alerts: &[Alert]) -> Html {
    let row = |alert: &Alert| {
        let reasons: Vec<Html> =
            alert.reasons.iter().map(|reason| html!("<li>{}</li>", english(&reason.why))).collect();
        html!(
            "<tr><td><code>{}</code></td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td>\
             <td><details><summary>{}</summary><ul>{}</ul></details></td></tr>",
            alert.party,
            say!("alerts.level"),
            words::level(alert.level),
            say!("alerts.score"),
            alert.score,
            say!("shadow.reasons", n = reasons.len()),
            reasons
        )
    };
    let rows: Vec<Html> = alerts.iter().map(row).collect();
    match rows.is_empty() {
        true => html!("<p>{}</p>", say!("shadow.nobody")),
        false => html!(
            "<div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
             <th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table></div>",
            say!("below.party"),
            say!("alerts.level"),
            say!("alerts.score"),
            say!("alerts.why"),
            rows
        ),
    }
}
