//! How does a case leave the house? Only when two people say so.

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use casework::dossier::Export;
use casework::role::{Compartment, Permission};
use casework::{Deed, Dossier};
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, Refusal, back, cases, may};
use crate::clock::now;
use crate::store::Account;
use crate::{html, say, tell};

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/cases/{case}/exports", may(Permission::Export), ask)
        .post("/cases/{case}/exports/{export}/allow", may(Permission::Export), allow)
        .get("/cases/{case}/exports/{export}/bundle", may(Permission::Export), bundle)
}

/// The exports of a case, and the form to ask for one.
pub(super) fn listed(id: &str, dossier: &Dossier, reader: &Account) -> Html {
    if !reader.may(Permission::Export) {
        return html!("");
    }
    let line = |(index, export): (usize, &Export)| {
        let number = index + 1;
        let what = match &export.allowed_by {
            Some(person) => html!(
                "{} <a href=\"/cases/{}/exports/{}/bundle\">{}</a>",
                say!("export.allowed_by", name = person.name()),
                id,
                number,
                say!("export.take")
            ),
            None if export.asked_by == reader.name => html!("{}", say!("word.waits_for_second")),
            None => html!(
                "<form class=\"line\" method=\"post\" action=\"/cases/{}/exports/{}/allow\"><button>{}</button></form>",
                id,
                number,
                say!("export.allow")
            ),
        };
        let (reason, name) = (&export.reason, export.asked_by.name());
        html!("<li>{}</li>", tell!("export.line", reason = reason, name = name, what = what))
    };
    let lines: Vec<Html> = dossier.exports().iter().enumerate().map(line).collect();
    html!(
        "<h2>{}</h2><ul>{}</ul><details><summary>{}</summary>\
         <form method=\"post\" action=\"/cases/{}/exports\"><label for=\"for\">{}</label>\
         <input type=\"text\" id=\"for\" name=\"reason\" required maxlength=\"1000\"><button>{}</button></form>\
         <p class=\"quiet-text\">{}</p></details>",
        say!("export.title"),
        lines,
        say!("export.ask_for"),
        id,
        say!("export.for_whom"),
        say!("export.ask"),
        say!("export.about")
    )
}

#[derive(Deserialize)]
struct Asked {
    reason: String,
}

async fn ask(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
    Form(asked): Form<Asked>,
) -> Answer {
    cases::open(&desk, &reader, &id).await?;
    let deed = Deed::ExportAsked { by: reader.name.clone(), reason: asked.reason.trim().to_owned() };
    desk.store.act(&id, Some(&reader.name), &[deed], now()).await?;
    back(&format!("/cases/{id}"))
}

async fn allow(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((id, export)): Path<(String, usize)>,
) -> Answer {
    cases::open(&desk, &reader, &id).await?;
    let deed = Deed::ExportAllowed { export, by: reader.name.clone() };
    desk.store.act(&id, Some(&reader.name), &[deed], now()).await?;
    back(&format!("/cases/{id}"))
}

async fn bundle(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((id, number)): Path<(String, usize)>,
) -> Answer {
    let dossier = cases::open(&desk, &reader, &id).await?;
    let export = number.checked_sub(1).and_then(|index| dossier.exports().get(index)).ok_or(Refusal::NotYours)?;
    if export.allowed_by.is_none() {
        return Err(Refusal::Filled(say!("export.not_allowed")));
    }
    // What was paid leaves the house only with somebody who may read it.
    let open: Vec<Compartment> = reader.compartments.clone();
    let bytes = crate::bundle::make(&desk.store, &id, &open).await;
    let bytes = bytes.map_err(|_| Refusal::Filled(say!("export.failed")))?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"case-{number}.zip\"")),
    ];
    Ok((headers, bytes).into_response())
}
