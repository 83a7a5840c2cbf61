//! Which reports are on their way, and which need a person?

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use casework::filing::Status;
use casework::role::{Compartment, Permission};

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, may, page, words};
use crate::clock::now;
use crate::html;

pub(super) fn routes() -> Routes {
    Routes::new().get("/outbox", may(Permission::Outbox), outbox)
}

async fn outbox(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let now = now();
    let is_reader = reader.compartments.contains(&Compartment::Video);
    let cases = if is_reader { desk.store.outbox(100).await? } else { Vec::new() };
    let cases = cases.iter().filter(|(_, dossier)| !dossier.is_blind(&reader.name));
    let mut rows = Vec::new();
    let mut n_stopped = 0usize;
    for (id, dossier) in cases {
        for (index, filed) in dossier.reports().iter().enumerate() {
            let Ok(filing) = filed.filing() else { continue };
            n_stopped += usize::from(matches!(filing.status(), Status::Stopped { .. }));
            rows.push(html!(
                "<tr data-row><td><a href=\"/cases/{}/reports/{}\">Report {} of case {}</a></td><td>{}</td><td>{}</td></tr>",
                id,
                index + 1,
                index + 1,
                id,
                words::status(filing.status(), filing.next_timeout(), now),
                filed.journal().len()
            ));
        }
    }
    let alarm = (n_stopped > 0).then(|| {
        html!("<p class=\"alarm\" role=\"alert\">{} reports are stopped until a person looks.</p>", n_stopped)
    });
    let lacking = desk.client.is_none().then(|| {
        html!(
            "<p class=\"alarm\">No authority is set: settings.toml names no [cybertipline]. Approved reports wait.</p>"
        )
    });
    let table: Html = match rows.is_empty() {
        true => html!("<p>No report was approved yet.</p>"),
        false => html!(
            "<table class=\"cards\"><thead><tr><th scope=\"col\">Report</th><th scope=\"col\">How far</th>\
             <th scope=\"col\">Steps</th></tr></thead><tbody>{}</tbody></table>",
            rows
        ),
    };
    let mut page = page(&reader, "Outbox", html!("{}{}{}", lacking, alarm, table));
    page.is_watching = true;
    Ok(page.into_response())
}
