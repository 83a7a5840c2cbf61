//! How does what was paid come into a case, and leave it for a survivor's claim?
//!
//! All of it is for those alone who read both what was seen and what was paid; it leaves the house only when two of them
//! say so.

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use casework::claim::Claim;
use casework::paid::Paid;
use casework::role::{Compartment, Permission};
use casework::{Deed, Dossier, Sealed};
use jiff::Timestamp;
use payments::money::Notation;
use payments::{Amount, Currency};
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, Refusal, back, cases, may, words};
use crate::clock::now;
use crate::store::Account;
use crate::{html, say, tell};

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/cases/{case}/paid", may(Permission::Refer), put_in)
        .post("/cases/{case}/claims", may(Permission::Export), ask)
        .post("/cases/{case}/claims/{claim}/allow", may(Permission::Export), allow)
        .get("/cases/{case}/claims/{claim}/bundle", may(Permission::Export), bundle)
}

/// What was paid, and the claims that something leaves the house for.
pub(super) fn section(id: &str, dossier: &Dossier, reader: &Account) -> Html {
    if !reads_both(reader) {
        return html!("");
    }
    let exports = reader.may(Permission::Export).then(|| claims(id, dossier, reader));
    let form = reader.may(Permission::Refer).then(|| form(id));
    html!("<h2>{}</h2>{}{}{}", say!("paid.title"), paid(dossier), form, exports)
}

fn paid(dossier: &Dossier) -> Html {
    let row = |paid: &Paid| {
        html!(
            "<tr><td>{}</td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{} {}</td>\
             <td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td></tr>",
            words::moment(paid.at),
            say!("paid.who_paid"),
            paid.payer.open(),
            say!("paid.who_was_paid"),
            paid.beneficiary.open(),
            say!("paid.amount"),
            paid.amount(),
            paid.currency,
            say!("paid.reference"),
            paid.reference,
            say!("paid.source"),
            paid.source
        )
    };
    let rows: Vec<Html> = dossier.paid().iter().map(row).collect();
    match rows.is_empty() {
        true => html!("<p>{}</p>", say!("paid.nothing")),
        false => html!(
            "<div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
             <th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr>\
             </thead><tbody>{}</tbody></table></div>",
            say!("paid.when"),
            say!("paid.who_paid"),
            say!("paid.who_was_paid"),
            say!("paid.amount"),
            say!("paid.reference"),
            say!("paid.source"),
            rows
        ),
    }
}

fn form(id: &str) -> Html {
    let field = |name: &str, label: String, longest: usize| {
        html!(
            "<label for=\"paid-{}\">{}</label><input type=\"text\" id=\"paid-{}\" name=\"{}\" required maxlength=\"{}\">",
            name,
            label,
            name,
            name,
            longest
        )
    };
    html!(
        "<details><summary>{}</summary><form method=\"post\" action=\"/cases/{}/paid\">{}{}{}{}{}{}{}{}\
         <button>{}</button></form><p class=\"quiet-text\">{}</p></details>",
        say!("paid.put_in"),
        id,
        field("reference", say!("paid.field_reference"), 200),
        field("payer", say!("paid.field_payer"), 200),
        field("beneficiary", say!("paid.field_beneficiary"), 200),
        field("amount", say!("paid.field_amount"), 20),
        field("currency", say!("paid.field_currency"), 3),
        field("at", say!("paid.field_at"), 30),
        field("source", say!("paid.field_source"), 200),
        field("basis", say!("paid.field_basis"), 1000),
        say!("paid.put_it_in"),
        say!("paid.about")
    )
}

fn claims(id: &str, dossier: &Dossier, reader: &Account) -> Html {
    let line = |(index, claim): (usize, &Claim)| {
        let number = index + 1;
        let what = match &claim.allowed_by {
            Some(person) => html!(
                "{} <a href=\"/cases/{}/claims/{}/bundle\">{}</a>",
                say!("export.allowed_by", name = person.name()),
                id,
                number,
                say!("claim.take", claim = number)
            ),
            None if claim.asked_by == reader.name => html!("{}", say!("word.waits_for_second")),
            None => html!(
                "<form class=\"line\" method=\"post\" action=\"/cases/{}/claims/{}/allow\"><button>{}</button></form>",
                id,
                number,
                say!("claim.allow", claim = number)
            ),
        };
        let (reason, name) = (&claim.name, claim.asked_by.name());
        html!("<li>{}</li>", tell!("export.line", reason = reason, name = name, what = what))
    };
    let lines: Vec<Html> = dossier.claims().iter().enumerate().map(line).collect();
    html!(
        "<h3>{}</h3><ul>{}</ul><details><summary>{}</summary><form method=\"post\" action=\"/cases/{}/claims\">\
         <label for=\"claim\">{}</label><input type=\"text\" id=\"claim\" name=\"name\" required maxlength=\"200\">\
         <button>{}</button></form><p class=\"quiet-text\">{}</p></details>",
        say!("claim.title"),
        lines,
        say!("claim.ask_for"),
        id,
        say!("claim.which"),
        say!("claim.ask"),
        say!("claim.about")
    )
}

fn reads_both(reader: &Account) -> bool {
    Compartment::ALL.iter().all(|compartment| reader.compartments.contains(compartment))
}

/// A case, for who reads both what was seen and what was paid.
async fn open(desk: &Shared, reader: &Account, id: &str) -> Result<Dossier, Refusal> {
    let dossier = cases::open(desk, reader, id).await?;
    if reads_both(reader) { Ok(dossier) } else { Err(Refusal::NotYours) }
}

#[derive(Deserialize)]
struct PutIn {
    reference: String,
    payer: String,
    beneficiary: String,
    amount: String,
    currency: String,
    at: String,
    source: String,
    basis: String,
}

async fn put_in(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
    Form(form): Form<PutIn>,
) -> Answer {
    open(&desk, &reader, &id).await?;
    let currency = Currency::parse(form.currency.trim()).ok_or_else(|| Refusal::Filled(say!("paid.wrong_currency")))?;
    let amount = Amount::parse(&form.amount, currency, Notation::PLAIN)
        .map_err(|_| Refusal::Filled(say!("paid.wrong_amount")))?;
    let at: Timestamp = form.at.trim().parse().map_err(|_| Refusal::Filled(say!("paid.wrong_moment")))?;
    let sealed = |text: &str| Sealed::new(text.trim().to_owned());
    let paid = Paid {
        reference: form.reference.trim().to_owned(),
        payer: sealed(&form.payer),
        beneficiary: sealed(&form.beneficiary),
        amount_minor: amount.minor(),
        currency: currency.as_str().to_owned(),
        exponent: currency.exponent() as u8,
        at,
        source: form.source.trim().to_owned(),
        basis: form.basis.trim().to_owned(),
    };
    desk.store.act(&id, Some(&reader.name), &[Deed::Paid(paid)], now()).await?;
    back(&format!("/cases/{id}"))
}

#[derive(Deserialize)]
struct Asked {
    name: String,
}

async fn ask(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
    Form(asked): Form<Asked>,
) -> Answer {
    let dossier = open(&desk, &reader, &id).await?;
    let (claim, by, name) = (dossier.claims().len() + 1, reader.name.clone(), asked.name.trim().to_owned());
    desk.store.act(&id, Some(&reader.name), &[Deed::ClaimAsked { claim, by, name }], now()).await?;
    back(&format!("/cases/{id}"))
}

async fn allow(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((id, claim)): Path<(String, usize)>,
) -> Answer {
    open(&desk, &reader, &id).await?;
    let deed = Deed::ClaimAllowed { claim, by: reader.name.clone() };
    desk.store.act(&id, Some(&reader.name), &[deed], now()).await?;
    back(&format!("/cases/{id}"))
}

async fn bundle(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((id, number)): Path<(String, usize)>,
) -> Answer {
    let dossier = open(&desk, &reader, &id).await?;
    let claim = number.checked_sub(1).and_then(|index| dossier.claims().get(index)).ok_or(Refusal::NotYours)?;
    if claim.allowed_by.is_none() {
        return Err(Refusal::Filled(say!("export.not_allowed")));
    }
    let bytes = crate::bundle::make_claim(&desk.store, &id, number).await;
    let bytes = bytes.map_err(|_| Refusal::Filled(say!("export.failed")))?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"claim-{number}.zip\"")),
    ];
    Ok((headers, bytes).into_response())
}
