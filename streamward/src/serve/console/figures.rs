//! What may the public know of the work?

use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use casework::role::Permission;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, may, page};
use crate::html;
use crate::store::{Counts, Figure};

pub(super) fn routes() -> Routes {
    Routes::new().get("/figures", may(Permission::ReadFigures), show).get(
        "/figures.csv",
        may(Permission::ReadFigures),
        csv,
    )
}

async fn show(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let Counts { figures, agreement, .. } = desk.store.figures().await?;
    let row = |figure: &Figure| {
        html!("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", figure.name, figure.value, figure.definition)
    };
    let rows: Vec<Html> = figures.iter().map(row).collect();
    let body = html!(
        "<p>Counts since the store began, each with what it counts. What was paid is in none of them.</p>\
         <table class=\"cards\"><thead><tr><th scope=\"col\">Figure</th><th scope=\"col\">Value</th>\
         <th scope=\"col\">What it counts</th></tr></thead><tbody>{}</tbody></table>\
         {}<p><a href=\"/figures.csv\">As a table (CSV)</a></p><p><a href=\"/figures/forms\">Forms for authorities: Ofcom, EU</a></p>",
        rows,
        super::quality::measures(&agreement)
    );
    Ok(page(&reader, "Figures", body).into_response())
}

async fn csv(State(desk): State<Shared>) -> Answer {
    let mut text = String::from("figure,value,definition\n");
    let Counts { figures, agreement, .. } = desk.store.figures().await?;
    for figure in figures {
        text.push_str(&format!("{},{},\"{}\"\n", figure.name, figure.value, figure.definition.replace('"', "\"\"")));
    }
    // What is not known is left empty; it is not 0.
    for (name, value, definition) in super::quality::rows(&agreement) {
        let value = value.map(|value| format!("{value:.4}")).unwrap_or_default();
        text.push_str(&format!("{name},{value},\"{definition}\"\n"));
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"figures.csv\""),
    ];
    Ok((headers, text).into_response())
}
