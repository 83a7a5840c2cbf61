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
use crate::store::Account;
use crate::vault::sweep::{self, Swept};
use crate::{html, say, tell};

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
            "<p><strong>{}</strong> {}</p>{}",
            say!("vault.is_shut"),
            say!("vault.only_facts"),
            button("/vault/ask", say!("vault.ask_to_open"))
        ),
        Some(open) => html!(
            "<p><strong>{}</strong> {}</p>{}{}",
            say!("vault.is_open"),
            say!("vault.opened_by", asked_by = open.asked_by.name(), allowed_by = open.allowed_by.name()),
            plan(&open.plan),
            button("/vault/shut", say!("vault.shut_now"))
        ),
    };
    let asked = vault.asked().map(|(by, asked)| {
        let what = match *by == reader.name {
            true => html!("<p>{}</p>", say!("word.waits_for_second_sentence")),
            false => button("/vault/allow", say!("vault.allow")),
        };
        let asks = say!("vault.asks", name = by.name());
        html!("<div class=\"box\"><h2>{}</h2>{}{}</div>", asks, plan(asked), what)
    });
    let files: Vec<_> = kept.iter().flat_map(|(_, dossier)| dossier.in_vault().map(|_| dossier.is_held(at))).collect();
    let outcome = swept.map(|swept| {
        html!(
            "<p class=\"good\" role=\"status\">{} {}</p>",
            say!("vault.swept", erased = swept.erased.len(), spared = swept.spared.len(), stray = swept.n_stray),
            match swept.complete_on {
                Some(date) => say!("vault.complete_on", date = date),
                None => say!("vault.complete_unknown"),
            }
        )
    });
    let can_go = sweep::candidates(&desk.store, at).await.map_err(|_| damaged())?;
    let body = html!(
        "{}{}{}<h2>{}</h2><p>{}</p><h2>{}</h2>{}{}",
        outcome,
        state,
        asked,
        say!("vault.kept"),
        say!("vault.n_kept", n = files.len(), n_held = files.iter().filter(|is_held| **is_held).count()),
        say!("vault.can_go"),
        items(&can_go),
        asked_to_sweep(vault.sweep(), reader)
    );
    Ok(page(reader, &say!("vault.title"), body).into_response())
}

fn plan(plan: &Plan) -> Html {
    let names: Vec<&str> = plan.holders.iter().map(|holder| holder.name.name()).collect();
    html!(
        "<dl><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd>\
         <dt>{}</dt><dd>{}</dd></dl>",
        say!("vault.country"),
        plan.country,
        say!("vault.basis"),
        plan.basis.value,
        say!("vault.source"),
        match plan.basis.is_verified {
            true => say!("vault.read_on", source = plan.basis.source, date = plan.basis.checked_on),
            false => say!("vault.unverified", source = plan.basis.source, date = plan.basis.checked_on),
        },
        say!("vault.any_two"),
        words::listed(names),
        say!("vault.appeal_days"),
        say!("word.days", n = plan.appeal_days),
        say!("vault.backup_days"),
        plan.backup_days.map_or_else(|| say!("vault.unknown_time"), |days| say!("word.days", n = days))
    )
}

fn items(items: &[Item]) -> Html {
    let line = |item: &Item| {
        html!("<li>{} <span class=\"quiet-text\">{}</span></li>", item.item, say!("vault.of_case", case = item.case))
    };
    let lines: Vec<Html> = items.iter().map(line).collect();
    match items.is_empty() {
        true => html!("<p>{}</p>", say!("vault.nothing_can_go")),
        false => html!("<ul>{}</ul>{}", lines, button("/vault/sweep", say!("vault.ask_to_erase"))),
    }
}

fn asked_to_sweep(sweep: Option<&Sweep>, reader: &Account) -> Html {
    let Some(sweep) = sweep.filter(|sweep| sweep.allowed_by.is_none() && !sweep.items.is_empty()) else {
        return html!("");
    };
    let what = match sweep.asked_by == reader.name {
        true => html!("<p>{}</p>", say!("word.waits_for_second_sentence")),
        false => button("/vault/sweep/allow", say!("vault.erase")),
    };
    let asks = say!("vault.asks_to_erase", name = sweep.asked_by.name(), n = sweep.items.len());
    html!("<div class=\"box\"><h2>{}</h2>{}</div>", asks, what)
}

fn button(to: &str, name: String) -> Html {
    html!("<form class=\"line\" method=\"post\" action=\"{}\"><button>{}</button></form>", to, name)
}

fn damaged() -> Refusal {
    Refusal::Filled(say!("vault.unreadable"))
}

async fn ask(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let plan = crate::vault::plan(&desk.settings);
    let plan =
        plan.map_err(|error| Refusal::Settings(error.to_string().lines().next().unwrap_or_default().to_owned()))?;
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
            Err(_) => Refusal::Filled(say!("vault.not_erased")),
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
            Some(by) => html!("{}", say!("hold.ended_by", name = by.name())),
            None if hold.by == reader.name || !reader.may(Permission::Vault) => {
                html!("{}", say!("hold.second_can_end"))
            }
            None => html!(
                "<form class=\"line\" method=\"post\" action=\"/cases/{}/holds/{}/release\">\
                 <button class=\"quiet\">{}</button></form>",
                id,
                index + 1,
                say!("hold.end")
            ),
        };
        let (basis, name) = (&hold.basis, hold.by.name());
        let told = match hold.until {
            Some(until) => tell!("hold.until", basis = basis, name = name, until = words::moment(until), end = end),
            None => tell!("hold.further_notice", basis = basis, name = name, end = end),
        };
        html!("<li>{}</li>", told)
    };
    let lines: Vec<Html> = dossier.holds().iter().enumerate().map(line).collect();
    let form = reader.may(Permission::Vault).then(|| {
        html!(
            "<details><summary>{}</summary><form method=\"post\" action=\"/cases/{}/holds\">\
             <label for=\"basis\">{}</label>\
             <input type=\"text\" id=\"basis\" name=\"basis\" required maxlength=\"1000\">\
             <label for=\"until\">{}</label>\
             <input type=\"text\" id=\"until\" name=\"until\" maxlength=\"10\"><button>{}</button></form></details>",
            say!("hold.place"),
            id,
            say!("hold.basis_label"),
            say!("hold.until_label"),
            say!("hold.place_it")
        )
    });
    match lines.is_empty() && form.is_none() {
        true => html!(""),
        false => html!("<h2>{}</h2><ul>{}</ul>{}", say!("hold.title"), lines, form),
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
    let wrong = || Refusal::Filled(say!("hold.wrong"));
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
