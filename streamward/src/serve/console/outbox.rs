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
use crate::{html, say};

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
                "<tr data-row><td><a href=\"/cases/{}/reports/{}\">{}</a></td><td>{}</td><td data-label=\"{}\">{}</td></tr>",
                id,
                index + 1,
                say!("outbox.report", report = index + 1, case = id),
                words::status(filing.status(), filing.next_timeout(), now),
                say!("outbox.steps"),
                filed.journal().len()
            ));
        }
    }
    let alarm = (n_stopped > 0)
        .then(|| html!("<p class=\"alarm\" role=\"alert\">{}</p>", say!("outbox.stopped", n = n_stopped)));
    let lacking = desk.client.is_none().then(|| html!("<p class=\"alarm\">{}</p>", say!("outbox.no_authority")));
    let table: Html = match rows.is_empty() {
        true => html!("<p>{}</p>", say!("outbox.nothing")),
        false => html!(
            "<table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
             <th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table>",
            say!("outbox.name"),
            say!("outbox.how_far"),
            say!("outbox.steps"),
            rows
        ),
    };
    let mut page = page(&reader, &say!("outbox.title"), html!("{}{}{}", lacking, alarm, table));
    page.is_watching = true;
    Ok(page.into_response())
}
