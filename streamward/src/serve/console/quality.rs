//! Would a second person have decided the same?
//!
//! Nobody chooses a case: the day's sample is drawn from the log, and whoever asks is given the next one that they had no
//! hand in. They are not told its number, what was decided, or what became of it, till they have said what they find.

use axum::Extension;
use axum::extract::{Form, State};
use axum::response::IntoResponse;
use casework::quality::{Agreement, Second};
use casework::role::{Compartment, Permission};
use casework::{Deed, Evidence, Verdict};
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, Refusal, back, cases, may, page};
use crate::clock::now;
use crate::html;
use crate::store::Account;

/// How many cases of which two people found different things a page names, the latest ones.
const N_SHOWN: usize = 50;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/quality", may(Permission::Decide), show)
        .post("/quality/take", may(Permission::Decide), take)
        .get("/quality/look", may(Permission::Decide), look)
        .post("/quality/look", may(Permission::Decide), find)
        .post("/quality/hand-back", may(Permission::Decide), hand_back)
}

async fn show(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let is_open = reads_video(&reader);
    let counts = desk.store.figures().await?;
    let n_waiting = if is_open { desk.store.n_waiting().await? } else { 0 };
    let now_looking = desk.store.blind(&reader.name).await?.is_some();
    let next = match (now_looking, n_waiting) {
        (true, _) => html!("<p class=\"alarm\"><a href=\"/quality/look\">You have a case to look at.</a></p>"),
        (false, 0) => html!("<p>No case waits.</p>"),
        (false, _) => html!(
            "<form method=\"post\" action=\"/quality/take\"><p>{} wait.</p><button>Give me the next one</button></form>",
            n_waiting
        ),
    };
    let drawn = match desk.settings.quality.percent {
        Some(percent) => html!("Each day {} of a hundred decisions are drawn, at least one", u32::from(percent)),
        None => html!("None is drawn: settings.toml sets no <code>percent</code> under <code>[quality]</code>"),
    };
    let line = |case: &String| html!("<li><a href=\"/cases/{}\">Case {}</a></li>", case, case);
    let differ: Vec<Html> = counts.differ.iter().rev().take(N_SHOWN).filter(|_| is_open).map(line).collect();
    let body = html!(
        "<p>Some decisions are looked at by a second person, who had no hand in the case and is not told what was decided. {}. \
         Nobody chooses: the draw follows from the log as it was when the day began, and anybody who has the log can make \
         it again.</p>{}<h2>How far two people agree</h2>{}<h2>Where they differ</h2>{}",
        drawn,
        next,
        measures(&counts.agreement),
        match differ.is_empty() {
            true => html!("<p>Nowhere, as far as was looked.</p>"),
            false => html!("<p>The decision stands until somebody takes the case up again.</p><ul>{}</ul>", differ),
        }
    );
    Ok(page(&reader, "Second looks", body).into_response())
}

/// Each measure: its name, its value where there is one, and what it is.
pub(super) fn rows(agreement: &Agreement) -> [(&'static str, Option<f64>, &'static str); 4] {
    let rate = agreement.error_rate;
    [
        (
            "error_rate",
            rate.map(|rate| rate.value),
            "of the decisions looked at by a second person who was not told, the share that they would have decided otherwise",
        ),
        ("error_rate_low", rate.map(|rate| rate.low), "lower end of its interval at 95 % (Wilson)"),
        ("error_rate_high", rate.map(|rate| rate.high), "upper end of its interval at 95 % (Wilson)"),
        (
            "krippendorff_alpha",
            agreement.alpha,
            "agreement of the two beyond chance, nominal: 1 is full, 0 is chance; not defined while all found the same",
        ),
    ]
}

/// The measures as a table.
pub(super) fn measures(agreement: &Agreement) -> Html {
    let row = |(name, value, definition): (&str, Option<f64>, &str)| {
        let value = value.map_or_else(|| html!("not known yet"), |value| html!("{}", format!("{value:.3}")));
        html!("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", name, value, definition)
    };
    let rows: Vec<Html> = rows(agreement).into_iter().map(row).collect();
    html!(
        "<p>{} looked at by a second person, {} of them found otherwise.</p><table class=\"cards\"><thead><tr>\
         <th scope=\"col\">Measure</th><th scope=\"col\">Value</th><th scope=\"col\">What it is</th></tr></thead>\
         <tbody>{}</tbody></table>",
        agreement.n,
        agreement.n_differ,
        rows
    )
}

async fn take(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    if reads_video(&reader) && desk.store.take_second(&reader.name, now()).await? {
        return back("/quality/look");
    }
    let body = html!(
        "<p>There is none for you now: you have one, or had a hand in each that waits.</p><p><a href=\"/quality\">Back</a></p>"
    );
    Ok(page(&reader, "No second look", body).into_response())
}

async fn look(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let Some((_, dossier)) = desk.store.blind(&reader.name).await? else { return back("/quality") };
    let file = |file: &Evidence| {
        html!("<li>{}, {} bytes, SHA-256 <code>{}</code></li>", file.media_type, file.len, file.digits())
    };
    let files: Vec<Html> = dossier.evidence().iter().map(file).collect();
    let body = html!(
        "<p>You are not told what was decided. If you know it, hand the case back: what you find would say nothing.</p>\
         <h2>What was seen</h2>{}<h2>Files</h2>{}<div class=\"box\"><form method=\"post\" action=\"/quality/look\"><fieldset>\
         <legend>What you find</legend>\
         <label><input type=\"radio\" name=\"verdict\" value=\"violation\" required>It must be reported</label>\
         <label><input type=\"radio\" name=\"verdict\" value=\"no_violation\">There is nothing to report</label></fieldset>\
         <label for=\"reason\">Why, in your words</label>\
         <textarea id=\"reason\" name=\"reason\" required maxlength=\"4000\"></textarea>\
         <button>Say what you find</button></form>\
         <form class=\"line\" method=\"post\" action=\"/quality/hand-back\"><button class=\"quiet\">Hand it back</button></form></div>",
        cases::referrals(&dossier, &[Compartment::Video]),
        if files.is_empty() { html!("<p>None.</p>") } else { html!("<ul>{}</ul>", files) }
    );
    Ok(page(&reader, "A second look", body).into_response())
}

#[derive(Deserialize)]
struct Found {
    verdict: Verdict,
    reason: String,
}

async fn find(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Form(Found { verdict, reason }): Form<Found>,
) -> Answer {
    let reason = reason.replace("\r\n", "\n").trim().to_owned();
    let second = Second { who: reader.name.clone(), verdict, reason, at: now() };
    act(&desk, &reader, Deed::SecondFound(second)).await
}

async fn hand_back(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    act(&desk, &reader, Deed::SecondHandedBack { by: reader.name.clone() }).await
}

async fn act(desk: &Shared, reader: &Account, deed: Deed) -> Answer {
    let Some((case, _)) = desk.store.blind(&reader.name).await? else {
        return Err(Refusal::Filled("You have no case to look at as the second.".into()));
    };
    desk.store.act(&case, Some(&reader.name), &[deed], now()).await?;
    back("/quality")
}

fn reads_video(reader: &Account) -> bool {
    reader.compartments.contains(&Compartment::Video)
}
