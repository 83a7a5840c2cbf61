//! Which lists of known material are loaded, and was a change of one not used?

use axum::Extension;
use axum::response::IntoResponse;
use casework::role::Permission;

use super::super::access::{Reader, Routes};
use super::super::known::{Line, Lists, Signed};
use super::super::page::Html;
use super::{Answer, may, page, words};
use crate::clock::now;
use crate::html;

pub(super) fn routes() -> Routes {
    Routes::new().get("/lists", may(Permission::ReadLog), show)
}

async fn show(Extension(Reader(reader)): Extension<Reader>, Extension(lists): Extension<Lists>) -> Answer {
    let lines = lists.all();
    let body = match lines.is_empty() {
        true => html!(
            "<p><strong>No list is loaded</strong>: nothing here is compared with known material.</p>\
             <p>To add one, start the service with <code>--list FILE</code>, once for each list. <code>streamward list \
             pull</code> gets a list from an exchange and <code>streamward list build</code> makes one; \
             <code>docs/known.md</code> says how, and how lists are signed.</p>"
        ),
        false => table(&lines),
    };
    Ok(page(&reader, "Lists", body).into_response())
}

/// The lists as a table, with what was not used above it.
pub(in crate::serve) fn table(lines: &[Line]) -> Html {
    let faults: Vec<Html> = lines.iter().filter_map(fault).collect();
    let rows: Vec<Html> = lines.iter().map(row).collect();
    html!(
        "{}<table class=\"cards\"><thead><tr><th scope=\"col\">List</th><th scope=\"col\">Source</th>\
         <th scope=\"col\">Edition</th><th scope=\"col\">Entries</th><th scope=\"col\">Brought up to date</th>\
         <th scope=\"col\">Signatures</th></tr></thead><tbody>{}</tbody></table>\
         <p class=\"quiet-text\">A list with any fault is not used at all: what was loaded before stays until a whole one \
         comes. Changes are looked for by themselves.</p>",
        faults,
        rows
    )
}

fn row(line: &Line) -> Html {
    html!(
        "<tr><td>{}{}{}</td><td>{}</td><td>{}, of {}</td><td>{}{}</td><td>{} ({})</td><td>{}</td></tr>",
        line.name,
        line.is_harmless.then(|| html!(" <span class=\"mark\">harmless</span>")),
        line.fault.as_ref().map(|_| html!(" <span class=\"mark\">a change was not used</span>")),
        line.source,
        line.version,
        line.created,
        line.n_entries,
        (line.n_set_aside > 0).then(|| html!(", {} of them set aside", line.n_set_aside)),
        words::moment(line.loaded_at),
        words::distance(line.loaded_at, now()),
        signed(&line.signed)
    )
}

fn signed(signed: &Signed) -> String {
    match signed {
        Signed::BuiltIn => "built into the program".to_owned(),
        Signed::NotAsked => "not asked for; --keys asks".to_owned(),
        Signed::By { names, n_needed } => format!("checked: {} ({n_needed} needed)", names.join(", ")),
    }
}

fn fault(line: &Line) -> Option<Html> {
    let fault = line.fault.as_ref()?;
    Some(html!(
        "<div class=\"alarm\" role=\"alert\"><p>A change of the list {} is not used since {}.</p><pre>{}</pre>\
         <p>Edition {} stays in use until this is mended.</p></div>",
        line.name,
        words::moment(fault.since),
        fault.what,
        line.version
    ))
}
