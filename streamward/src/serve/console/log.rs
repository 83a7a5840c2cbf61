//! What was done here, and was any of it altered since?

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use casework::entry::Action;
use casework::role::Permission;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, may, page, words};
use crate::store::{Account, Findings, Logged};
use crate::{html, say, term};

pub(super) fn routes() -> Routes {
    Routes::new().get("/log", may(Permission::ReadLog), show).post("/log", may(Permission::ReadLog), verify).get(
        "/log/checkpoint",
        may(Permission::ReadLog),
        checkpoint,
    )
}

async fn show(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    written(&desk, &reader, None).await
}

async fn verify(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let findings = desk.store.verify(None).await?;
    written(&desk, &reader, Some(findings)).await
}

async fn checkpoint(State(desk): State<Shared>) -> Answer {
    Ok(desk.store.head().await?.note.into_response())
}

async fn written(desk: &Shared, reader: &Account, findings: Option<Findings>) -> Answer {
    let head = desk.store.head().await?;
    let mut last = desk.store.last_logged(100).await?;
    let blind = desk.store.blind(&reader.name).await?.map(|(case, _)| case);
    last.retain(|logged| Some(&logged.entry.case) != blind.as_ref());
    let outcome = findings.map(|Findings { n_entries, n_cases, faults }| match faults.is_empty() {
        true => html!(
            "<p class=\"good\" role=\"status\"><strong>{}</strong> {}</p>",
            say!("log.whole"),
            say!(
                "log.as_written",
                records = say!("log.records", n = n_entries),
                cases = say!("log.cases", n = n_cases)
            )
        ),
        false => {
            let lines: Vec<Html> = faults.iter().map(|fault| html!("<li lang=\"en\">{}</li>", fault)).collect();
            let altered = say!("log.altered");
            html!("<div class=\"alarm\" role=\"alert\"><p><strong>{}</strong></p><ul>{}</ul></div>", altered, lines)
        }
    });
    // Who reads the log need not be somebody who may read cases: it says what was done, never what a case is about.
    let row = |logged: &Logged| {
        html!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            logged.position as i64,
            words::moment(logged.entry.at),
            term!("action", logged.entry.action.name()),
            // Which case was drawn is not told here: somebody may still look at it as the second.
            match logged.entry.action {
                Action::Quality => say!("log.not_told"),
                Action::People => say!("links.people"),
                Action::Vault => say!("links.vault"),
                _ => logged.entry.case.clone(),
            },
            logged.entry.who.as_ref().map_or_else(|| say!("log.this_program"), |who| who.name().to_owned())
        )
    };
    let rows: Vec<Html> = last.iter().map(row).collect();
    let body = html!(
        "{}<p>{}</p><form class=\"line\" method=\"post\" action=\"/log\"><button>{}</button></form>\
         <h2>{}</h2><pre>{}</pre><p><a href=\"/log/checkpoint\">{}</a></p>\
         <h2>{}</h2><div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr>\
         </thead><tbody>{}</tbody></table></div>",
        outcome,
        say!("log.about"),
        say!("log.check"),
        say!("log.checkpoint", n = head.n_entries),
        head.note,
        say!("log.as_file"),
        say!("log.last"),
        say!("log.record"),
        say!("log.when"),
        say!("log.what"),
        say!("log.case"),
        say!("log.who"),
        rows
    );
    Ok(page(reader, &say!("log.title"), body).into_response())
}
