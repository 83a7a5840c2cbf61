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
use crate::html;
use crate::store::Account;

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
    html!("<h2>What was paid</h2>{}{}{}", paid(dossier), reader.may(Permission::Refer).then(|| form(id)), exports)
}

fn paid(dossier: &Dossier) -> Html {
    let row = |paid: &Paid| {
        html!(
            "<tr><td>{}</td><td data-label=\"Who paid\">{}</td><td data-label=\"Who was paid\">{}</td>\
             <td data-label=\"Amount\">{} {}</td><td data-label=\"Reference\">{}</td><td data-label=\"Whose record\">{}</td></tr>",
            words::moment(paid.at),
            paid.payer.open(),
            paid.beneficiary.open(),
            paid.amount(),
            paid.currency,
            paid.reference,
            paid.source
        )
    };
    let rows: Vec<Html> = dossier.paid().iter().map(row).collect();
    match rows.is_empty() {
        true => html!("<p>Nothing was put into this case.</p>"),
        false => html!(
            "<div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">When</th><th scope=\"col\">Who paid</th>\
             <th scope=\"col\">Who was paid</th><th scope=\"col\">Amount</th><th scope=\"col\">Reference</th>\
             <th scope=\"col\">Whose record</th></tr></thead><tbody>{}</tbody></table></div>",
            rows
        ),
    }
}

fn form(id: &str) -> Html {
    let field = |name: &str, label: &str, longest: usize| {
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
        "<details><summary>Put in what was paid</summary><form method=\"post\" action=\"/cases/{}/paid\">{}{}{}{}{}{}{}{}\
         <button>Put it in</button></form><p class=\"quiet-text\">Only those who read what was paid see it. An amount is what \
         a record says, and no finding about anybody.</p></details>",
        id,
        field("reference", "The institution's reference for it", 200),
        field("payer", "Account that paid, or its pseudonym", 200),
        field("beneficiary", "Account that was paid, or its pseudonym", 200),
        field("amount", "Amount, such as 1500.00", 20),
        field("currency", "Currency, three letters", 3),
        field("at", "When it was sent, UTC, such as 2026-11-24T09:10:00Z", 30),
        field("source", "Whose record says so", 200),
        field("basis", "By what right it may stand here: one legal entity, or the gateway by its name", 1000)
    )
}

fn claims(id: &str, dossier: &Dossier, reader: &Account) -> Html {
    let line = |(index, claim): (usize, &Claim)| {
        let number = index + 1;
        let what = match &claim.allowed_by {
            Some(person) => html!(
                "allowed by {}. <a href=\"/cases/{}/claims/{}/bundle\">Take what goes with claim {}</a>",
                person.name(),
                id,
                number,
                number
            ),
            None if claim.asked_by == reader.name => html!("waits for a second person"),
            None => html!(
                "<form class=\"line\" method=\"post\" action=\"/cases/{}/claims/{}/allow\"><button>Allow claim {}</button></form>",
                id,
                number,
                number
            ),
        };
        html!("<li>{}, asked for by {}: {}</li>", claim.name, claim.asked_by.name(), what)
    };
    let lines: Vec<Html> = dossier.claims().iter().enumerate().map(line).collect();
    html!(
        "<h3>For a survivor's claim</h3><ul>{}</ul><details><summary>Ask for an export for a claim</summary>\
         <form method=\"post\" action=\"/cases/{}/claims\">\
         <label for=\"claim\">The claim: before whom, of whom, under which number</label>\
         <input type=\"text\" id=\"claim\" name=\"name\" required maxlength=\"200\"><button>Ask for it</button></form>\
         <p class=\"quiet-text\">It holds who paid, who was paid, and what was seen, with the records that say so. A second \
         person who reads both must allow it. Whoever gets it can check it without this program's store.</p></details>",
        lines,
        id
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
    let wrong = |what: &str| Refusal::Filled(what.to_owned());
    let currency = Currency::parse(form.currency.trim()).ok_or_else(|| wrong("The currency is three letters."))?;
    let amount = Amount::parse(&form.amount, currency, Notation::PLAIN)
        .map_err(|_| wrong("The amount is a number such as 1500.00, with no more decimals than the currency has."))?;
    let at: Timestamp = form.at.trim().parse().map_err(|_| wrong("The moment is written as 2026-11-24T09:10:00Z."))?;
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
        return Err(Refusal::Filled("A second person must allow this export first.".into()));
    }
    let bytes = crate::bundle::make_claim(&desk.store, &id, number).await;
    let bytes = bytes.map_err(|_| Refusal::Filled("The export could not be made; the log may be damaged.".into()))?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"claim-{number}.zip\"")),
    ];
    Ok((headers, bytes).into_response())
}
