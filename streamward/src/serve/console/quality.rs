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
use super::figures::figure;
use super::{Answer, Refusal, back, cases, may, page};
use crate::clock::now;
use crate::store::Account;
use crate::{html, say, tell};

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
        (true, _) => html!("<p class=\"alarm\"><a href=\"/quality/look\">{}</a></p>", say!("quality.have_one")),
        (false, 0) => html!("<p>{}</p>", say!("quality.none_waits")),
        (false, _) => html!(
            "<form method=\"post\" action=\"/quality/take\"><p>{}</p><button>{}</button></form>",
            say!("quality.n_wait", n = n_waiting),
            say!("quality.next")
        ),
    };
    let drawn = match desk.settings.quality.percent {
        Some(percent) => tell!("quality.drawn", n = percent),
        None => {
            let (setting, table) = (html!("<code>percent</code>"), html!("<code>[quality]</code>"));
            tell!("quality.none_drawn", setting = setting, table = table)
        }
    };
    let line = |case: &String| html!("<li><a href=\"/cases/{}\">{}</a></li>", case, say!("case.title", case = case));
    let differ: Vec<Html> = counts.differ.iter().rev().take(N_SHOWN).filter(|_| is_open).map(line).collect();
    let body = html!(
        "<p>{} {} {}</p>{}<h2>{}</h2>{}<h2>{}</h2>{}",
        say!("quality.about"),
        drawn,
        say!("quality.nobody_chooses"),
        next,
        say!("quality.agree"),
        measures(&counts.agreement),
        say!("quality.differ"),
        match differ.is_empty() {
            true => html!("<p>{}</p>", say!("quality.nowhere")),
            false => html!("<p>{}</p><ul>{}</ul>", say!("quality.stands"), differ),
        }
    );
    Ok(page(&reader, &say!("quality.title"), body).into_response())
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

/// Each measure's name and what it is.
#[cfg(test)]
pub(in crate::serve) fn definitions() -> Vec<(&'static str, &'static str)> {
    rows(&Agreement::of(&[])).map(|(name, _, definition)| (name, definition)).to_vec()
}

/// The measures as a table.
pub(super) fn measures(agreement: &Agreement) -> Html {
    let row = |(name, value, _): (&str, Option<f64>, &str)| {
        let value = value.map_or_else(|| say!("word.not_known_yet"), |value| format!("{value:.3}"));
        figure(name, &value)
    };
    let rows: Vec<Html> = rows(agreement).into_iter().map(row).collect();
    html!(
        "<p>{}</p><div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table></div>",
        say!("quality.n_looked", n = agreement.n, n_differ = agreement.n_differ),
        say!("quality.measure"),
        say!("figures.value"),
        say!("quality.what_it_is"),
        rows
    )
}

async fn take(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    if reads_video(&reader) && desk.store.take_second(&reader.name, now()).await? {
        return back("/quality/look");
    }
    let body = html!("<p>{}</p><p><a href=\"/quality\">{}</a></p>", say!("quality.none_for_you"), say!("quality.back"));
    Ok(page(&reader, &say!("quality.no_second"), body).into_response())
}

async fn look(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let Some((_, dossier)) = desk.store.blind(&reader.name).await? else { return back("/quality") };
    let file = |file: &Evidence| {
        let digits = html!("<code>{}</code>", file.digits());
        html!("<li>{}</li>", tell!("quality.file", kind = file.media_type, n = file.len, digits = digits))
    };
    let files: Vec<Html> = dossier.evidence().iter().map(file).collect();
    let body = html!(
        "<p>{}</p><h2>{}</h2>{}<h2>{}</h2>{}<div class=\"box\"><form method=\"post\" action=\"/quality/look\"><fieldset>\
         <legend>{}</legend>\
         <label><input type=\"radio\" name=\"verdict\" value=\"violation\" required>{}</label>\
         <label><input type=\"radio\" name=\"verdict\" value=\"no_violation\">{}</label></fieldset>\
         <label for=\"reason\">{}</label>\
         <textarea id=\"reason\" name=\"reason\" required maxlength=\"4000\"></textarea>\
         <button>{}</button></form>\
         <form class=\"line\" method=\"post\" action=\"/quality/hand-back\"><button class=\"quiet\">{}</button></form></div>",
        say!("quality.not_told"),
        say!("case.seen"),
        cases::referrals(&dossier, &[Compartment::Video]),
        say!("case.files"),
        if files.is_empty() { html!("<p>{}</p>", say!("word.none")) } else { html!("<ul>{}</ul>", files) },
        say!("quality.you_find"),
        say!("case.must_be_reported"),
        say!("case.nothing_to_report"),
        say!("case.why"),
        say!("quality.say_it"),
        say!("quality.hand_back")
    );
    Ok(page(&reader, &say!("quality.a_second_look"), body).into_response())
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
        return Err(Refusal::Filled(say!("quality.have_none")));
    };
    desk.store.act(&case, Some(&reader.name), &[deed], now()).await?;
    back("/quality")
}

fn reads_video(reader: &Account) -> bool {
    reader.compartments.contains(&Compartment::Video)
}
