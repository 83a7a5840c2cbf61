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
use super::super::words::english;
use super::{Answer, Room, may, shadow, words};
use crate::payments::desk::now_s;
use crate::{html, say, tell, term};

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
    let body =
        html!("<p>{}</p><pre lang=\"en\">{}</pre><p>{}</p>", say!("packs.cannot"), why, say!("packs.cannot_to_do"));
    (StatusCode::UNPROCESSABLE_ENTITY, Page::new(&say!("packs.not_valid"), body)).into_response()
}

async fn list(room: Room) -> Answer {
    let found = room.ask(|desk| {
        let gate = desk.gate();
        let rows: Vec<Html> = gate.proposals().iter().rev().map(row).collect();
        Ok((active(gate), rows))
    });
    let (active, rows) = found.await?;
    let body = html!(
        "<p>{}</p><h2>{}</h2>{}<h2>{}</h2>{}{}",
        say!("packs.about"),
        say!("packs.holds"),
        active,
        say!("packs.proposed"),
        match rows.is_empty() {
            true => html!("<p>{}</p>", say!("packs.none")),
            false => html!(
                "<div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
                 <th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\
                 <tbody>{}</tbody></table></div>",
                say!("packs.proposal"),
                say!("packs.pack"),
                say!("packs.by"),
                say!("alerts.when"),
                say!("packs.state"),
                rows
            ),
        },
        room.reader.may(Permission::Decide).then(form)
    );
    Ok(room.page("/payments/packs", &say!("packs.title"), body))
}

fn active(gate: &Gate) -> Html {
    let since = match gate.active_proposal().map(|proposal| (proposal, &proposal.state)) {
        Some((proposal, ProposalState::Activated(decided))) => tell!(
            "packs.since_proposal",
            when = words::moment(decided.at_s),
            proposed_by = proposal.proposed.by,
            proposal = html!("<a href=\"/payments/packs/{}\">{}</a>", proposal.id, proposal.id),
            activated_by = decided.by
        ),
        Some(_) | None => html!("{}", say!("packs.since_begun")),
    };
    html!(
        "<dl><dt>{}</dt><dd>{}</dd><dt>SHA-256</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd></dl>",
        say!("packs.name"),
        gate.pack().name(),
        digest(gate.pack()),
        say!("packs.since"),
        since
    )
}

/// The hash of the text, and of the overlay's.
fn digest(pack: &Pack) -> Html {
    let digits = pack.digest();
    let (own, overlay) = digits.split_at(64);
    let overlay = (!overlay.is_empty()).then(|| {
        let digest = html!("<code>{}</code>", overlay);
        html!("<br>{}", tell!("packs.overlay_digest", digest = digest))
    });
    html!("<code>{}</code>{}", own, overlay)
}

fn row(proposal: &Proposal) -> Html {
    html!(
        "<tr data-row><td><a href=\"/payments/packs/{}\">{}</a></td><td>{}</td><td data-label=\"{}\">{}</td>\
         <td>{}</td><td data-label=\"{}\">{}</td></tr>",
        proposal.id,
        proposal.id,
        proposal.pack.name(),
        say!("packs.by"),
        proposal.proposed.by,
        words::moment(proposal.proposed.at_s),
        say!("packs.state"),
        term!("proposal_state", proposal.state.name())
    )
}

fn form() -> Html {
    let own = Pack::parse(LIVESTREAM_EXPLOITATION, None).map_or_else(|_| String::new(), |pack| pack.name());
    html!(
        "<h2>{}</h2><form method=\"post\" action=\"/payments/packs\" class=\"box\">\
         <label for=\"pack\">{}</label>\
         <textarea id=\"pack\" name=\"pack\" rows=\"8\" spellcheck=\"false\" aria-describedby=\"pack-d\"></textarea>\
         <p id=\"pack-d\" class=\"quiet-text\">{}</p>\
         <label for=\"overlay\">{}</label>\
         <textarea id=\"overlay\" name=\"overlay\" rows=\"6\" spellcheck=\"false\" aria-describedby=\"overlay-d\"></textarea>\
         <p id=\"overlay-d\" class=\"quiet-text\">{}</p>\
         <label for=\"reason\">{}</label>\
         <textarea id=\"reason\" name=\"reason\" rows=\"3\" required maxlength=\"4000\"></textarea>\
         <button>{}</button></form>",
        say!("packs.propose_one"),
        say!("packs.pack_text"),
        say!("packs.left_empty", pack = own),
        say!("packs.overlay_text"),
        say!("packs.overlay_stays"),
        say!("case.why"),
        say!("packs.propose")
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
        "{}<dl><dt>{}</dt><dd>{}</dd><dt>SHA-256</dt><dd>{}</dd><dt>{}</dt><dd>{}, {}</dd><dt>{}</dt><dd>{}</dd>{}</dl>\
         {}{}{}<h2>{}</h2><details><summary>{}</summary><pre tabindex=\"0\" lang=\"en\">{}</pre></details>{}",
        (is_open && !is_against_active).then(|| html!("<p class=\"alarm\">{}</p>", say!("packs.overtaken"))),
        say!("packs.pack"),
        proposal.pack.name(),
        digest(&proposal.pack),
        say!("packs.proposed_by"),
        proposal.proposed.by,
        words::moment(proposal.proposed.at_s),
        say!("alerts.why"),
        proposal.proposed.reason,
        ended(&proposal.state),
        changed.map(|changed| changes_table(&active, &changed)),
        figures,
        is_open.then(|| decision(&room, &proposal, is_against_active)),
        say!("packs.text"),
        say!("packs.the_pack"),
        proposal.proposed.pack,
        proposal.proposed.overlay.as_ref().map(|text| {
            let overlay = say!("packs.its_overlay");
            html!("<details><summary>{}</summary><pre tabindex=\"0\" lang=\"en\">{}</pre></details>", overlay, text)
        })
    );
    Ok(room.page("/payments/packs", &say!("packs.one", proposal = proposal.id), body))
}

fn ended(state: &ProposalState) -> Html {
    let told = |what: String, decided: &PackDecided| {
        html!("<dt>{}</dt><dd>{}, {}: {}</dd>", what, decided.by, words::moment(decided.at_s), decided.reason)
    };
    match state {
        ProposalState::Open => html!("<dt>{}</dt><dd>{}</dd>", say!("packs.state"), say!("word.waits_for_second")),
        ProposalState::Activated(decided) => told(say!("packs.activated_by"), decided),
        ProposalState::Declined(decided) => told(say!("packs.declined_by"), decided),
    }
}

fn changes_table(active: &Pack, changed: &[Change]) -> Html {
    // Names and values stay as the pack has them.
    let value = |text: &Option<String>| match text {
        Some(text) => english(text),
        None => html!("{}", say!("packs.not_in_it")),
    };
    let row = |change: &Change| {
        let part = match change.part.as_str() {
            "the pack" => html!("{}", say!("packs.whole")),
            name => english(name),
        };
        let what = match change.aspect {
            Some(aspect) => tell!("packs.aspect", part = part, aspect = term!("aspect", aspect)),
            None => part,
        };
        html!(
            "<tr><td>{}</td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td></tr>",
            what,
            say!("packs.now"),
            value(&change.before),
            say!("packs.then"),
            value(&change.after)
        )
    };
    let rows: Vec<Html> = changed.iter().map(row).collect();
    let table = match rows.is_empty() {
        true => html!("<p>{}</p>", say!("packs.nothing_changes")),
        false => html!(
            "<div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
             <th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table></div>",
            say!("packs.what"),
            say!("packs.now"),
            say!("packs.then"),
            rows
        ),
    };
    html!("<h2>{}</h2>{}", say!("packs.changes", pack = active.name()), table)
}

fn decision(room: &Room, proposal: &Proposal, is_against_active: bool) -> Html {
    let form = |action: &str, label: String, button: String, class: &str| {
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
        (true, _) => html!("<p>{}</p>", say!("packs.own")),
        (false, true) => form("activate", say!("packs.why_hold"), say!("packs.let_hold"), ""),
        (false, false) => html!("<p>{}</p>", say!("packs.who_may")),
    };
    let decline = room.reader.may(Permission::Decide).then(|| {
        let (label, button) = match is_own {
            true => (say!("packs.why_take_back"), say!("packs.take_back")),
            false => (say!("packs.why_not"), say!("packs.decline")),
        };
        form("decline", label, button, "quiet")
    });
    html!("<h2>{}</h2>{}{}", say!("packs.decide"), activate, decline)
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
