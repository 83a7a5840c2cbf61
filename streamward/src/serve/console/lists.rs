//! Which lists of known material are loaded, and was a change of one not used?

use axum::Extension;
use axum::response::IntoResponse;
use casework::role::Permission;

use super::super::access::{Reader, Routes};
use super::super::known::{Line, Lists, Signed};
use super::super::page::Html;
use super::{Answer, may, page, words};
use crate::clock::now;
use crate::{html, say, tell};

pub(super) fn routes() -> Routes {
    Routes::new().get("/lists", may(Permission::ReadLog), show)
}

async fn show(Extension(Reader(reader)): Extension<Reader>, Extension(lists): Extension<Lists>) -> Answer {
    let lines = lists.all();
    let body = match lines.is_empty() {
        true => html!(
            "<p><strong>{}</strong></p><p>{}</p>",
            say!("lists.none"),
            tell!(
                "lists.how",
                option = html!("<code>--list FILE</code>"),
                pull = html!("<code>streamward list pull</code>"),
                build = html!("<code>streamward list build</code>"),
                page = html!("<code>docs/known.md</code>")
            )
        ),
        false => table(&lines),
    };
    Ok(page(&reader, &say!("lists.title"), body).into_response())
}

/// The lists as a table, with what was not used above it.
pub(in crate::serve) fn table(lines: &[Line]) -> Html {
    let faults: Vec<Html> = lines.iter().filter_map(fault).collect();
    let rows: Vec<Html> = lines.iter().map(row).collect();
    html!(
        "{}<div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\
         <tbody>{}</tbody></table></div><p class=\"quiet-text\">{}</p>",
        faults,
        say!("lists.list"),
        say!("lists.source"),
        say!("lists.edition"),
        say!("lists.entries"),
        say!("lists.up_to_date"),
        say!("lists.signatures"),
        rows,
        say!("lists.about")
    )
}

fn row(line: &Line) -> Html {
    html!(
        "<tr><td>{}{}{}</td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td>\
         <td data-label=\"{}\">{} ({})</td><td data-label=\"{}\">{}</td></tr>",
        line.name,
        line.is_harmless.then(|| html!(" <span class=\"mark\">{}</span>", say!("lists.harmless"))),
        line.fault.as_ref().map(|_| html!(" <span class=\"mark\">{}</span>", say!("lists.not_used"))),
        say!("lists.source"),
        line.source,
        say!("lists.edition"),
        say!("lists.edition_of", version = line.version, day = line.created),
        say!("lists.entries"),
        match line.n_set_aside {
            0 => line.n_entries.to_string(),
            n => say!("lists.set_aside", n_entries = line.n_entries, n = n),
        },
        say!("lists.up_to_date"),
        words::moment(line.loaded_at),
        words::distance(line.loaded_at, now()),
        say!("lists.signatures"),
        signed(&line.signed)
    )
}

fn signed(signed: &Signed) -> Html {
    match signed {
        Signed::BuiltIn => tell!("lists.built_in"),
        Signed::NotAsked => tell!("lists.not_asked", option = html!("<code>--keys</code>")),
        Signed::By { names, n_needed } => tell!("lists.checked", names = words::listed(names), n = n_needed),
    }
}

fn fault(line: &Line) -> Option<Html> {
    let fault = line.fault.as_ref()?;
    Some(html!(
        "<div class=\"alarm\" role=\"alert\"><p>{}</p><pre lang=\"en\">{}</pre><p>{}</p></div>",
        tell!("lists.fault", list = line.name, when = words::moment(fault.since)),
        fault.what,
        say!("lists.stays", version = line.version)
    ))
}
