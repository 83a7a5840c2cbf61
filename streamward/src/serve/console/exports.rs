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
use crate::html;
use crate::store::Account;

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
                "allowed by {}. <a href=\"/cases/{}/exports/{}/bundle\">Take the bundle</a>",
                person.name(),
                id,
                number
            ),
            None if export.asked_by == reader.name => html!("waits for a second person"),
            None => html!(
                "<form class=\"line\" method=\"post\" action=\"/cases/{}/exports/{}/allow\"><button>Allow it</button></form>",
                id,
                number
            ),
        };
        html!("<li>{}, asked for by {}: {}</li>", export.reason, export.asked_by.name(), what)
    };
    let lines: Vec<Html> = dossier.exports().iter().enumerate().map(line).collect();
    html!(
        "<h2>Exports</h2><ul>{}</ul><details><summary>Ask for an export</summary>\
         <form method=\"post\" action=\"/cases/{}/exports\"><label for=\"for\">For whom and what for</label>\
         <input type=\"text\" id=\"for\" name=\"reason\" required maxlength=\"1000\"><button>Ask</button></form>\
         <p class=\"quiet-text\">A second person must allow it. The bundle can be checked by whoever gets it, without this \
         program's store.</p></details>",
        lines,
        id
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
        return Err(Refusal::Filled("A second person must allow this export first.".into()));
    }
    // What was paid leaves the house only with somebody who may read it.
    let open: Vec<Compartment> = reader.compartments.clone();
    let bytes = crate::bundle::make(&desk.store, &id, &open).await;
    let bytes = bytes.map_err(|_| Refusal::Filled("The bundle could not be made; the log may be damaged.".into()))?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"case-{number}.zip\"")),
    ];
    Ok((headers, bytes).into_response())
}
