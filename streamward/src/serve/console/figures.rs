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
use crate::store::Counts;
use crate::{html, say, term};

pub(super) fn routes() -> Routes {
    Routes::new().get("/figures", may(Permission::ReadFigures), show).get(
        "/figures.csv",
        may(Permission::ReadFigures),
        csv,
    )
}

async fn show(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let Counts { figures, agreement, .. } = desk.store.figures().await?;
    let rows: Vec<Html> = figures.iter().map(|one| figure(one.name, &one.value.to_string())).collect();
    let body = html!(
        "<p>{}</p><div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table></div>\
         {}<p><a href=\"/figures.csv\">{}</a></p><p><a href=\"/figures/forms\">{}</a></p>",
        say!("figures.about"),
        say!("figures.figure"),
        say!("figures.value"),
        say!("figures.counts"),
        rows,
        super::quality::measures(&agreement),
        say!("figures.as_csv"),
        say!("figures.forms")
    );
    Ok(page(&reader, &say!("figures.title"), body).into_response())
}

/// One line of a table of figures: its name in the CSV file, which stays as it is, its value, and what it is.
pub(super) fn figure(name: &str, value: &str) -> Html {
    html!("<tr><td><code class=\"whole\">{}</code></td><td>{}</td><td>{}</td></tr>", name, value, term!("figure", name))
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
