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
use super::{Answer, Refusal, Room, may, words};
use crate::html;

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
        ("only the pack that holds", shadow.active.len() - n_both),
        ("both", n_both),
        ("both, at another level or score", shadow.n_moved()),
        ("only the proposed one", shadow.candidate.len() - n_both),
    ];
    let row = |(what, n): &(&str, usize)| html!("<tr><td>{}</td><td>{}</td></tr>", *what, *n);
    let rows: Vec<Html> = figures.iter().map(row).collect();
    Ok(html!(
        "<h2>In the shadow of the pack that holds</h2><p>Both packs scored over the {} transfers of this desk, as if each had \
         always held. Nobody was answered.</p><table><thead><tr><th scope=\"col\">Raised by</th>\
         <th scope=\"col\">Parties</th></tr></thead><tbody>{}</tbody></table>{}{}\
         <p><a href=\"/payments/packs/{}/shadow\">Who they are, and why</a></p>",
        shadow.n_transfers,
        rows,
        reviewed("Of the parties whose alerts people have looked into", &above, &shadow),
        reviewed("Of the parties that people have looked at below the line", &below, &shadow),
        proposal.id
    ))
}

/// How many of the parties that people know each pack raises, by what was found.
fn reviewed(heading: &str, found: &BTreeMap<PartyId, Outcome>, shadow: &Shadow) -> Html {
    let row = |outcome: &Outcome| {
        let parties: Vec<&PartyId> = found.iter().filter(|(_, own)| *own == outcome).map(|(party, _)| party).collect();
        let n_in =
            |raised: &BTreeMap<PartyId, Strongest>| parties.iter().filter(|party| raised.contains_key(party)).count();
        let (n_active, n_candidate) = (n_in(&shadow.active), n_in(&shadow.candidate));
        html!(
            "<tr><td>{}</td><td data-label=\"Parties\">{}</td><td data-label=\"Raised now\">{}</td>\
             <td data-label=\"Raised then\">{}</td></tr>",
            outcome.as_str(),
            parties.len(),
            n_active,
            n_candidate
        )
    };
    if found.is_empty() {
        return html!("<p class=\"quiet-text\">{}: there are none yet.</p>", heading);
    }
    let rows: Vec<Html> = Outcome::ALL.iter().map(row).collect();
    html!(
        "<h3>{}</h3><table class=\"cards\"><thead><tr><th scope=\"col\">Found</th><th scope=\"col\">Parties</th>\
         <th scope=\"col\">Raised now</th><th scope=\"col\">Raised then</th></tr></thead><tbody>{}</tbody></table>",
        heading,
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
        "<p>{} against {}, over {} transfers. A pattern, not a finding about a person; nothing here was raised by the \
         proposed pack, and nobody was answered.</p>{}<h2>Only {} raises</h2>{}<h2>Only {} raises</h2>{}{}",
        proposal.pack.name(),
        active.name(),
        shadow.n_transfers,
        picture(&shadow),
        active.name(),
        lost(&shadow, &alerts),
        proposal.pack.name(),
        (n_new > Shadow::N_TOLD_MAX).then(|| html!(
            "<p>{} in all, the strongest {} here.</p>",
            n_new,
            Shadow::N_TOLD_MAX
        )),
        new(&shadow.new)
    );
    Ok(room.page("/payments/packs", &format!("Shadow of {}", proposal.id), body))
}

/// How many parties each pack raises, by the score at which it does.
fn picture(shadow: &Shadow) -> Html {
    let all = || shadow.active.values().chain(shadow.candidate.values());
    let (Some(low), Some(high)) = (all().map(|s| s.score / 5).min(), all().map(|s| s.score / 5).max()) else {
        return html!("<p>Neither raises anything.</p>");
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
    let bars = Bars {
        id: "shadow",
        title: "Parties raised, by score",
        unit: "parties",
        labels,
        series: vec![
            Series { name: "the pack that holds", values: float(&now) },
            Series { name: "the proposed pack", values: float(&then) },
        ],
    };
    let table = html!(
        "<table><thead><tr><th scope=\"col\">Score</th><th scope=\"col\">The pack that holds</th>\
         <th scope=\"col\">The proposed pack</th></tr></thead><tbody>{}</tbody></table>",
        rows
    );
    html!("<h2>Parties raised, by score</h2>{}", words::figure(bars.svg(), &table))
}

fn lost(shadow: &Shadow, alerts: &BTreeMap<PartyId, String>) -> Html {
    let row = |(party, strongest): (&PartyId, &Strongest)| {
        let link = alerts.get(party).map(|alert| html!("<a href=\"/payments/{}\">{}</a>", alert, alert));
        html!(
            "<tr><td><code>{}</code></td><td data-label=\"Level\">{}</td><td data-label=\"Score\">{}</td><td>{}</td></tr>",
            party.to_string(),
            words::level(strongest.level),
            strongest.score,
            link
        )
    };
    let rows: Vec<Html> = shadow.only_active().take(Shadow::N_TOLD_MAX).map(row).collect();
    match rows.is_empty() {
        true => html!("<p>Nobody.</p>"),
        false => html!(
            "<table class=\"cards\"><thead><tr><th scope=\"col\">Party</th><th scope=\"col\">Level</th>\
             <th scope=\"col\">Score</th><th scope=\"col\">Last alert</th></tr></thead><tbody>{}</tbody></table>",
            rows
        ),
    }
}

fn new(alerts: &[Alert]) -> Html {
    let row = |alert: &Alert| {
        let reasons: Vec<Html> = alert.reasons.iter().map(|reason| html!("<li>{}</li>", reason.why)).collect();
        html!(
            "<tr><td><code>{}</code></td><td data-label=\"Level\">{}</td><td data-label=\"Score\">{}</td>\
             <td><details><summary>{} reasons</summary><ul>{}</ul></details></td></tr>",
            alert.party,
            words::level(alert.level),
            alert.score,
            reasons.len(),
            reasons
        )
    };
    let rows: Vec<Html> = alerts.iter().map(row).collect();
    match rows.is_empty() {
        true => html!("<p>Nobody.</p>"),
        false => html!(
            "<table class=\"cards\"><thead><tr><th scope=\"col\">Party</th><th scope=\"col\">Level</th>\
             <th scope=\"col\">Score</th><th scope=\"col\">Why</th></tr></thead><tbody>{}</tbody></table>",
            rows
        ),
    }
}
