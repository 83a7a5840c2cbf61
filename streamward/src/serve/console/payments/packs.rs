//! Which pack holds, which is proposed, and who lets it hold?
//!
//! One person proposes, another activates: the desk refuses whoever proposed it. What changes, and what the pack would
//! raise on everything the desk has seen, stands before the button. Each step is a line of the desk's log.

use axum::extract::{DefaultBodyLimit, Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use casework::role::Permission;
use payments::Pack;
use payments::gate::{Event, Gate, PackDecided, Proposal, ProposalState, Proposed, Refusal as Refused};
use payments::pack::{Change, LIVESTREAM_EXPLOITATION, changes};
use serde::Deserialize;

use super::super::super::access::Routes;
use super::super::super::page::{Html, Page};
use super::{Answer, Room, may, shadow, words};
use crate::html;
use crate::payments::desk::now_s;

/// Two texts of a mebibyte, as a browser writes them into a form.
const FORM_BYTES_MAX: usize = 8 << 20;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/payments/packs", may(Permission::ReadCases), list)
        .post("/payments/packs", may(Permission::Decide), propose)
        .get("/payments/packs/{proposal}", may(Permission::ReadCases), one)
        .post("/payments/packs/{proposal}/activate", may(Permission::Approve), activate)
        .post("/payments/packs/{proposal}/decline", may(Permission::Decide), decline)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// The page for a pack that is not one.
pub(super) fn not_valid(why: &str) -> Response {
    let body = html!(
        "<p>This cannot be proposed:</p><pre>{}</pre><p>Nothing was changed. Go back, mend what is named, and propose it again.</p>",
        why
    );
    (StatusCode::UNPROCESSABLE_ENTITY, Page::new("The pack is not valid", body)).into_response()
}

async fn list(room: Room) -> Answer {
    let found = room.ask(|desk| {
        let gate = desk.gate();
        let rows: Vec<Html> = gate.proposals().iter().rev().map(row).collect();
        Ok((active(gate), rows))
    });
    let (active, rows) = found.await?;
    let body = html!(
        "<p>A pack says which patterns count and how much. Nobody changes it alone: one person proposes, another lets it \
         hold.</p><h2>The pack that holds</h2>{}<h2>Proposed</h2>{}{}",
        active,
        match rows.is_empty() {
            true => html!("<p>Nothing has been proposed.</p>"),
            false => html!(
                "<table class=\"cards\"><thead><tr><th scope=\"col\">Proposal</th><th scope=\"col\">Pack</th>\
                 <th scope=\"col\">By</th><th scope=\"col\">When</th><th scope=\"col\">State</th></tr></thead>\
                 <tbody>{}</tbody></table>",
                rows
            ),
        },
        room.reader.may(Permission::Decide).then(form)
    );
    Ok(room.page("/payments/packs", "Packs", body))
}

fn active(gate: &Gate) -> Html {
    let since = match gate.active_proposal().map(|proposal| (proposal, &proposal.state)) {
        Some((proposal, ProposalState::Activated(decided))) => html!(
            "{}, proposed by {} (<a href=\"/payments/packs/{}\">{}</a>), activated by {}",
            words::moment(decided.at_s),
            proposal.proposed.by,
            proposal.id,
            proposal.id,
            decided.by
        ),
        Some(_) | None => html!("the desk was begun"),
    };
    html!(
        "<dl><dt>Name</dt><dd>{}</dd><dt>SHA-256</dt><dd>{}</dd><dt>Since</dt><dd>{}</dd></dl>",
        gate.pack().name(),
        digest(gate.pack()),
        since
    )
}

/// The hash of the text, and of the overlay's.
fn digest(pack: &Pack) -> Html {
    let digits = pack.digest();
    let (own, overlay) = digits.split_at(64);
    let overlay = (!overlay.is_empty()).then(|| html!("<br>overlay <code>{}</code>", overlay));
    html!("<code>{}</code>{}", own, overlay)
}

fn row(proposal: &Proposal) -> Html {
    html!(
        "<tr data-row><td><a href=\"/payments/packs/{}\">{}</a></td><td>{}</td><td data-label=\"By\">{}</td>\
         <td>{}</td><td data-label=\"State\">{}</td></tr>",
        proposal.id,
        proposal.id,
        proposal.pack.name(),
        proposal.proposed.by,
        words::moment(proposal.proposed.at_s),
        proposal.state.name()
    )
}

fn form() -> Html {
    let own = Pack::parse(LIVESTREAM_EXPLOITATION, None).map_or_else(|_| String::new(), |pack| pack.name());
    html!(
        "<h2>Propose a pack</h2><form method=\"post\" action=\"/payments/packs\" class=\"box\">\
         <label for=\"pack\">The pack (TOML)</label>\
         <textarea id=\"pack\" name=\"pack\" rows=\"8\" spellcheck=\"false\" aria-describedby=\"pack-d\"></textarea>\
         <p id=\"pack-d\" class=\"quiet-text\">Left empty: {}, the public pack that comes with this program.</p>\
         <label for=\"overlay\">Your own values for it (TOML), if you have any</label>\
         <textarea id=\"overlay\" name=\"overlay\" rows=\"6\" spellcheck=\"false\" aria-describedby=\"overlay-d\"></textarea>\
         <p id=\"overlay-d\" class=\"quiet-text\">An overlay stays in this house: published thresholds teach evasion.</p>\
         <label for=\"reason\">Why, in your words</label>\
         <textarea id=\"reason\" name=\"reason\" rows=\"3\" required maxlength=\"4000\"></textarea>\
         <button>Propose</button></form>",
        own
    )
}

#[derive(Deserialize)]
struct Filled {
    pack: String,
    overlay: String,
    reason: String,
}

async fn propose(room: Room, Form(Filled { pack, overlay, reason }): Form<Filled>) -> Answer {
    // A browser ends lines in two characters; the hash is that of the file.
    let text = |text: String| text.replace("\r\n", "\n");
    let is_blank = |text: &String| text.trim().is_empty();
    let pack = Some(text(pack)).filter(|text| !is_blank(text)).unwrap_or_else(|| LIVESTREAM_EXPLOITATION.to_owned());
    let overlay = Some(text(overlay)).filter(|text| !is_blank(text));
    let proposed = Proposed { pack, overlay, by: room.name(), reason: text(reason), at_s: now_s() };
    room.happen(Event::PackProposed(proposed), "/payments/packs").await
}

async fn one(room: Room, Path(id): Path<String>) -> Answer {
    let found = room.ask(move |desk| {
        let gate = desk.gate();
        let proposal = gate.proposal(&id).ok_or_else(|| Refused::NoProposal { proposal: id.clone() })?;
        let is_against_active = proposal.against == gate.pack().digest();
        let changed = (proposal.state == ProposalState::Open).then(|| changes(gate.pack(), &proposal.pack));
        Ok((proposal.clone(), gate.pack().clone(), is_against_active, changed))
    });
    let (proposal, active, is_against_active, changed) = found.await?;
    let is_open = proposal.state == ProposalState::Open;
    let figures = match is_open {
        true => Some(shadow::figures(&room, &proposal, &active).await?),
        false => None,
    };
    let body = html!(
        "{}<dl><dt>Pack</dt><dd>{}</dd><dt>SHA-256</dt><dd>{}</dd><dt>Proposed by</dt><dd>{}, {}</dd><dt>Why</dt><dd>{}</dd>{}</dl>\
         {}{}{}<h2>The text</h2><details><summary>The pack</summary><pre tabindex=\"0\">{}</pre></details>{}",
        (is_open && !is_against_active).then(|| html!(
            "<p class=\"alarm\">Another pack was activated since this was proposed. It cannot be activated any more: \
             decline it and propose it again.</p>"
        )),
        proposal.pack.name(),
        digest(&proposal.pack),
        proposal.proposed.by,
        words::moment(proposal.proposed.at_s),
        proposal.proposed.reason,
        ended(&proposal.state),
        changed.map(|changed| changes_table(&active, &changed)),
        figures,
        is_open.then(|| decision(&room, &proposal, is_against_active)),
        proposal.proposed.pack,
        proposal.proposed.overlay.as_ref().map(|text| {
            html!("<details><summary>Its overlay</summary><pre tabindex=\"0\">{}</pre></details>", text)
        })
    );
    Ok(room.page("/payments/packs", &format!("Proposal {}", proposal.id), body))
}

fn ended(state: &ProposalState) -> Html {
    let told = |what: &str, decided: &PackDecided| {
        html!("<dt>{}</dt><dd>{}, {}: {}</dd>", what, decided.by, words::moment(decided.at_s), decided.reason)
    };
    match state {
        ProposalState::Open => html!("<dt>State</dt><dd>waits for a second person</dd>"),
        ProposalState::Activated(decided) => told("Activated by", decided),
        ProposalState::Declined(decided) => told("Declined by", decided),
    }
}

fn changes_table(active: &Pack, changed: &[Change]) -> Html {
    let row = |change: &Change| {
        html!(
            "<tr><td>{}</td><td data-label=\"Now\">{}</td><td data-label=\"Then\">{}</td></tr>",
            change.what,
            change.before.as_deref().unwrap_or("not in it"),
            change.after.as_deref().unwrap_or("not in it")
        )
    };
    let rows: Vec<Html> = changed.iter().map(row).collect();
    let table = match rows.is_empty() {
        true => {
            html!("<p>Nothing that is scored or shown: the texts differ in comments or sources' wording alone.</p>")
        }
        false => html!(
            "<table class=\"cards\"><thead><tr><th scope=\"col\">What</th><th scope=\"col\">Now</th>\
             <th scope=\"col\">Then</th></tr></thead><tbody>{}</tbody></table>",
            rows
        ),
    };
    html!("<h2>What changes against {}</h2>{}", active.name(), table)
}

fn decision(room: &Room, proposal: &Proposal, is_against_active: bool) -> Html {
    let form = |action: &str, label: &str, button: &str, class: &str| {
        html!(
            "<form method=\"post\" action=\"/payments/packs/{}/{}\" class=\"box\"><label for=\"why-{}\">{}</label>\
             <textarea id=\"why-{}\" name=\"reason\" rows=\"3\" required maxlength=\"4000\"></textarea>\
             <button class=\"{}\">{}</button></form>",
            proposal.id,
            action,
            action,
            label,
            action,
            class,
            button
        )
    };
    let is_own = proposal.proposed.by == room.name();
    let activate = match (is_own, room.reader.may(Permission::Approve)) {
        _ if !is_against_active => html!(""),
        (true, _) => html!("<p>You proposed this. Somebody else must look at it and let it hold.</p>"),
        (false, true) => form("activate", "What you looked at, and why it may hold", "Let it hold from now on", ""),
        (false, false) => html!("<p>Somebody who may approve, and did not propose it, can let it hold.</p>"),
    };
    let decline = room.reader.may(Permission::Decide).then(|| {
        let label = if is_own { "Why you take it back" } else { "Why it should not hold" };
        form("decline", label, if is_own { "Take it back" } else { "Decline" }, "quiet")
    });
    html!("<h2>Decide</h2>{}{}", activate, decline)
}

#[derive(Deserialize)]
struct Word {
    reason: String,
}

async fn activate(room: Room, Path(proposal): Path<String>, Form(Word { reason }): Form<Word>) -> Answer {
    let decided = PackDecided { proposal, by: room.name(), reason, at_s: now_s() };
    room.happen(Event::PackActivated(decided), "/payments/packs").await
}

async fn decline(room: Room, Path(proposal): Path<String>, Form(Word { reason }): Form<Word>) -> Answer {
    let decided = PackDecided { proposal, by: room.name(), reason, at_s: now_s() };
    room.happen(Event::PackDeclined(decided), "/payments/packs").await
}
