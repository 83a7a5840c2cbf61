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
use crate::html;
use crate::store::{Account, Findings, Logged};

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
            "<p class=\"good\" role=\"status\"><strong>Nothing was altered:</strong> {} records and {} cases are as they \
             were written.</p>",
            n_entries as i64,
            n_cases as i64
        ),
        false => {
            let lines: Vec<Html> = faults.iter().map(|fault| html!("<li>{}</li>", fault)).collect();
            html!("<div class=\"alarm\" role=\"alert\"><p><strong>Something was altered.</strong></p><ul>{}</ul></div>", lines)
        }
    });
    // Who reads the log need not be somebody who may read cases: it says what was done, never what a case is about.
    let row = |logged: &Logged| {
        html!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            logged.position as i64,
            words::moment(logged.entry.at),
            logged.entry.action.name(),
            // Which case was drawn is not told here: somebody may still look at it as the second.
            if logged.entry.action == Action::Quality { "not told here" } else { &logged.entry.case },
            logged.entry.who.as_ref().map_or("this program", |who| who.name())
        )
    };
    let rows: Vec<Html> = last.iter().map(row).collect();
    let body = html!(
        "{}<p>Each action is a record in a tree of digests (RFC 6962), whose head is signed with a key beside the store. One \
         changed bit is found. Keep a checkpoint elsewhere: then a log that was put back or cut is found as well.</p>\
         <form class=\"line\" method=\"post\" action=\"/log\"><button>Check everything now</button></form>\
         <h2>The checkpoint now, at {} records</h2><pre>{}</pre><p><a href=\"/log/checkpoint\">As a file</a></p>\
         <h2>The last records</h2><div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">Record</th>\
         <th scope=\"col\">When</th><th scope=\"col\">What</th><th scope=\"col\">Case</th><th scope=\"col\">Who</th></tr>\
         </thead><tbody>{}</tbody></table></div>",
        outcome,
        head.n_entries as i64,
        head.note,
        rows
    );
    Ok(page(reader, "Log", body).into_response())
}
