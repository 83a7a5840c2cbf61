//! Is media kept here, what is held, and what can go?

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::IntoResponse;
use casework::role::Permission;
use casework::vault::{Deed, Item, Plan, Sweep};
use casework::{Dossier, Hold};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, Refusal, back, cases, may, page, words};
use crate::clock::now;
use crate::html;
use crate::store::Account;
use crate::vault::sweep::{self, Swept};

pub(super) fn routes() -> Routes {
    let vault = may(Permission::Vault);
    Routes::new()
        .get("/vault", vault, show)
        .post("/vault/ask", vault, ask)
        .post("/vault/allow", vault, allow)
        .post("/vault/shut", vault, shut)
        .post("/vault/sweep", vault, ask_to_sweep)
        .post("/vault/sweep/allow", vault, allow_sweep)
        .post("/cases/{case}/holds", vault, hold)
        .post("/cases/{case}/holds/{hold}/release", vault, release)
}

async fn show(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    written(&desk, &reader, None).await
}

async fn written(desk: &Shared, reader: &Account, swept: Option<Swept>) -> Answer {
    let (vault, kept) = (desk.store.vault().await?, desk.store.kept().await?);
    let at = now();
    let state = match vault.open() {
        None => html!(
            "<p><strong>Shut: no media is kept here</strong>, only facts about files.</p>{}",
            button("/vault/ask", "Ask to open it")
        ),
        Some(open) => html!(
            "<p><strong>Open.</strong> {} asked, {} allowed it.</p>{}{}",
            open.asked_by.name(),
            open.allowed_by.name(),
            plan(&open.plan),
            button("/vault/shut", "Shut it now")
        ),
    };
    let asked = vault.asked().map(|(by, asked)| {
        let what = match *by == reader.name {
            true => html!("<p>Waits for a second person.</p>"),
            false => button("/vault/allow", "Allow it"),
        };
        html!("<div class=\"box\"><h2>{} asks</h2>{}{}</div>", by.name(), plan(asked), what)
    });
    let files: Vec<_> = kept.iter().flat_map(|(_, dossier)| dossier.in_vault().map(|_| dossier.is_held(at))).collect();
    let outcome = swept.map(|swept| {
        html!(
            "<p class=\"good\" role=\"status\">Erased {}, spared {} that are held or not over any more, removed {} that no case \
             named. {}</p>",
            swept.erased.len(),
            swept.spared.len(),
            swept.n_stray,
            match swept.complete_on {
                Some(date) => format!("It is complete on {date}, when the last backup is gone."),
                None => "When it is complete is not known.".to_owned(),
            }
        )
    });
    let can_go = sweep::candidates(&desk.store, at).await.map_err(|_| damaged())?;
    let body = html!(
        "{}{}{}<h2>What is kept</h2><p>{} files, {} of them under a hold.</p><h2>What can go</h2>{}{}",
        outcome,
        state,
        asked,
        files.len(),
        files.iter().filter(|is_held| **is_held).count(),
        items(&can_go),
        asked_to_sweep(vault.sweep(), reader)
    );
    Ok(page(reader, "Vault", body).into_response())
}

fn plan(plan: &Plan) -> Html {
    let names: Vec<&str> = plan.holders.iter().map(|holder| holder.name.name()).collect();
    html!(
        "<dl><dt>Country</dt><dd>{}</dd><dt>Basis in law</dt><dd>{}</dd><dt>Source</dt><dd>{}, read {}{}</dd>\
         <dt>Any two can open it</dt><dd>{}</dd><dt>Kept for an appeal</dt><dd>{} days</dd><dt>Backups are kept</dt><dd>{}</dd></dl>",
        plan.country,
        plan.basis.value,
        plan.basis.source,
        plan.basis.checked_on.to_string(),
        if plan.basis.is_verified { "" } else { "; not verified with the text of the law" },
        names.join(", "),
        plan.appeal_days,
        plan.backup_days.map_or("for a time that is not known".to_owned(), |days| format!("{days} days"))
    )
}

fn items(items: &[Item]) -> Html {
    let line = |item: &Item| html!("<li>{} <span class=\"quiet-text\">of case {}</span></li>", item.item, item.case);
    let lines: Vec<Html> = items.iter().map(line).collect();
    match items.is_empty() {
        true => html!("<p>Nothing: what is kept is held, or its case is not over.</p>"),
        false => html!("<ul>{}</ul>{}", lines, button("/vault/sweep", "Ask to erase these")),
    }
}

fn asked_to_sweep(sweep: Option<&Sweep>, reader: &Account) -> Html {
    let Some(sweep) = sweep.filter(|sweep| sweep.allowed_by.is_none() && !sweep.items.is_empty()) else {
        return html!("");
    };
    let what = match sweep.asked_by == reader.name {
        true => html!("<p>Waits for a second person.</p>"),
        false => button("/vault/sweep/allow", "Erase these"),
    };
    let n_items = sweep.items.len();
    html!("<div class=\"box\"><h2>{} asks to erase {} files</h2>{}</div>", sweep.asked_by.name(), n_items, what)
}

fn button(to: &str, name: &str) -> Html {
    html!("<form class=\"line\" method=\"post\" action=\"{}\"><button>{}</button></form>", to, name)
}

fn damaged() -> Refusal {
    Refusal::Filled("The vault cannot be read.".into())
}

async fn ask(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let plan = crate::vault::plan(&desk.settings);
    let plan =
        plan.map_err(|error| Refusal::Filled(error.to_string().lines().next().unwrap_or_default().to_owned()))?;
    done(&desk, &reader, Deed::Asked { by: reader.name.clone(), plan }).await
}

async fn allow(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    done(&desk, &reader, Deed::Allowed { by: reader.name.clone() }).await
}

async fn shut(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    done(&desk, &reader, Deed::Shut { by: reader.name.clone() }).await
}

async fn ask_to_sweep(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let items = sweep::candidates(&desk.store, now()).await.map_err(|_| damaged())?;
    done(&desk, &reader, Deed::SweepAsked { by: reader.name.clone(), items }).await
}

async fn allow_sweep(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    match sweep::allow(&desk.store, &desk.files, &reader.name, now()).await {
        Ok(swept) => written(&desk, &reader, Some(swept)).await,
        Err(error) => Err(match error.downcast::<crate::store::Error>() {
            Ok(error) => Refusal::Store(error),
            Err(_) => Refusal::Filled("Not everything could be erased: the disk did not do it. Ask again.".into()),
        }),
    }
}

async fn done(desk: &Shared, reader: &Account, deed: Deed) -> Answer {
    desk.store.vault_act(Some(&reader.name), &deed, now()).await?;
    back("/vault")
}

/// The holds of a case, and the form to place one.
pub(super) fn holds(id: &str, dossier: &Dossier, reader: &Account) -> Html {
    let line = |(index, hold): (usize, &Hold)| {
        let end = match &hold.released_by {
            Some(by) => html!("ended by {}", by.name()),
            None if hold.by == reader.name || !reader.may(Permission::Vault) => html!("a second person can end it"),
            None => html!(
                "<form class=\"line\" method=\"post\" action=\"/cases/{}/holds/{}/release\"><button class=\"quiet\">End \
                 it</button></form>",
                id,
                index + 1
            ),
        };
        let until =
            hold.until.map_or_else(|| html!("until further notice"), |until| html!("until {}", words::moment(until)));
        html!("<li>{}, by {}, {}: {}</li>", hold.basis, hold.by.name(), until, end)
    };
    let lines: Vec<Html> = dossier.holds().iter().enumerate().map(line).collect();
    let form = reader.may(Permission::Vault).then(|| {
        html!(
            "<details><summary>Place a hold</summary><form method=\"post\" action=\"/cases/{}/holds\">\
             <label for=\"basis\">Whose order, or which law</label>\
             <input type=\"text\" id=\"basis\" name=\"basis\" required maxlength=\"1000\">\
             <label for=\"until\">Until which day, such as 2027-11-24; nothing for until further notice</label>\
             <input type=\"text\" id=\"until\" name=\"until\" maxlength=\"10\"><button>Place it</button></form></details>",
            id
        )
    });
    match lines.is_empty() && form.is_none() {
        true => html!(""),
        false => html!("<h2>Holds</h2><ul>{}</ul>{}", lines, form),
    }
}

#[derive(Deserialize)]
struct Placed {
    basis: String,
    until: String,
}

async fn hold(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
    placed: Result<Form<Placed>, axum::extract::rejection::FormRejection>,
) -> Answer {
    cases::open(&desk, &reader, &id).await?;
    let wrong = || Refusal::Filled("A hold needs a basis, and a day such as 2027-11-24 or none.".into());
    let Form(Placed { basis, until }) = placed.map_err(|_| wrong())?;
    let until = until.trim();
    let until = if until.is_empty() { None } else { Some(until.parse().ok().and_then(end_of).ok_or_else(wrong)?) };
    let hold = Hold { by: reader.name.clone(), basis: basis.trim().to_owned(), until, released_by: None };
    let deed = casework::Deed::HoldPlaced(hold);
    desk.store.act(&id, Some(&reader.name), &[deed], now()).await?;
    back(&format!("/cases/{id}"))
}

/// The end of a day, UTC.
fn end_of(day: Date) -> Option<Timestamp> {
    let next = day.tomorrow().ok()?.at(0, 0, 0, 0);
    jiff::tz::TimeZone::UTC.to_ambiguous_zoned(next).compatible().ok().map(|zoned| zoned.timestamp())
}

async fn release(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((id, hold)): Path<(String, usize)>,
) -> Answer {
    cases::open(&desk, &reader, &id).await?;
    let deed = casework::Deed::HoldReleased { hold, by: reader.name.clone() };
    desk.store.act(&id, Some(&reader.name), &[deed], now()).await?;
    back(&format!("/cases/{id}"))
}
