//! Where is the case that somebody else's letter is about?
//!
//! Asked by a form that is posted: what is looked for stands in no address, and so in no history of a browser.

use axum::Extension;
use axum::extract::{Form, State};
use axum::response::IntoResponse;
use casework::role::Permission;
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, cases, may, page};
use crate::clock::now;
use crate::store::Account;
use crate::{html, say};

pub(super) fn routes() -> Routes {
    Routes::new().get("/find", may(Permission::ReadCases), ask).post("/find", may(Permission::ReadCases), find)
}

#[derive(Deserialize)]
struct Asked {
    text: String,
}

async fn ask(Extension(Reader(reader)): Extension<Reader>) -> Answer {
    Ok(page(&reader, &say!("find.title"), form("")).into_response())
}

async fn find(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Form(Asked { text }): Form<Asked>,
) -> Answer {
    Ok(page(&reader, &say!("find.title"), html!("{}{}", form(&text), found(&desk, &reader, &text).await?))
        .into_response())
}

async fn found(desk: &Shared, reader: &Account, text: &str) -> Result<Html, super::Refusal> {
    let mut found = desk.store.find(text, &reader.compartments).await?;
    found.retain(|listed| !listed.dossier.is_blind(&reader.name));
    Ok(match found.is_empty() {
        true => html!("<p role=\"status\">{}</p>", say!("find.nothing")),
        false => {
            html!(
                "<p role=\"status\">{}</p>{}",
                say!("find.count", n = found.len()),
                cases::table(&found, reader, now())
            )
        }
    })
}

fn form(text: &str) -> Html {
    html!(
        "<p>{}</p><form method=\"post\" action=\"/find\" class=\"box\"><label for=\"text\">{}</label>\
         <input type=\"text\" id=\"text\" name=\"text\" value=\"{}\" required maxlength=\"300\" autocomplete=\"off\">\
         <button>{}</button></form>",
        say!("find.about"),
        say!("find.text"),
        text.chars().take(300).collect::<String>(),
        say!("find.find")
    )
}
