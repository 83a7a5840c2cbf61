//! The console: where people look at cases, decide, and let reports go.
//!
//! Plain pages that work without a script. Whatever is done is a form that is posted, answered with the page it led to.

mod appeals;
mod cases;
mod claims;
mod exports;
mod figures;
mod find;
mod lists;
mod log;
mod oidc;
mod outbox;
mod payments;
mod people;
mod quality;
mod reports;
mod reveal;
mod sign_in;
mod transparency;
mod vault;
mod words;

#[cfg(test)]
pub(super) use lists::table as lists_table;
#[cfg(test)]
pub(super) use quality::definitions as measures;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use casework::role::{Compartment, Permission};

use super::access::{Need, Routes, failed};
use super::page::{Html, Page, nothing_here, sorry};
use crate::store::{Account, Error};
use crate::{say, tell};

/// The routes of the console.
pub(super) fn routes() -> Routes {
    Routes::new()
        .and(sign_in::routes())
        .and(oidc::routes())
        .and(cases::routes())
        .and(find::routes())
        .and(appeals::routes())
        .and(reveal::routes())
        .and(reports::routes())
        .and(outbox::routes())
        .and(payments::routes())
        .and(exports::routes())
        .and(claims::routes())
        .and(vault::routes())
        .and(lists::routes())
        .and(log::routes())
        .and(figures::routes())
        .and(transparency::routes())
        .and(quality::routes())
        .and(people::routes())
}

/// What a page or a deed comes to when it is refused.
pub(super) enum Refusal {
    /// The store or the case.
    Store(Error),
    /// What was filled in.
    Filled(String),
    /// What the settings say or lack, as the program that reads them says it.
    Settings(String),
    /// It is not this reader's to see.
    NotYours,
    /// They are looking at it as the second.
    Blind,
    /// The desk of payments; none when it cannot answer.
    Paid(Option<::payments::gate::Refusal>),
}

/// The answer to a request, or why it is refused.
pub(super) type Answer = Result<Response, Refusal>;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Store(error) => failed(&error),
            Refusal::Filled(what) => sorry(StatusCode::UNPROCESSABLE_ENTITY, what, say!("sorry.change_it")),
            Refusal::Settings(what) => {
                let what = tell!("sorry.settings", what = words::english(&what));
                sorry(StatusCode::UNPROCESSABLE_ENTITY, what, say!("sorry.settings_to_do"))
            }
            // As if it were not there: that there is such a case is not theirs to know either.
            Refusal::NotYours => nothing_here(),
            Refusal::Blind => sorry(StatusCode::CONFLICT, say!("sorry.blind"), say!("sorry.blind_to_do")),
            Refusal::Paid(refusal) => payments::refused(refusal),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Store(error)
    }
}

impl From<casework::Error> for Refusal {
    fn from(error: casework::Error) -> Refusal {
        Refusal::Store(Error::Refused(error))
    }
}

/// A page for this reader, with links to what they may see.
fn page(reader: &Account, title: &str, body: Html) -> Page {
    let all = [
        ("/", say!("links.queue"), Permission::ReadCases),
        ("/done", say!("links.done"), Permission::ReadCases),
        ("/find", say!("links.find"), Permission::ReadCases),
        ("/appeals", say!("links.appeals"), Permission::ReadCases),
        ("/quality", say!("links.second_looks"), Permission::Decide),
        ("/payments", say!("links.payments"), Permission::ReadCases),
        ("/outbox", say!("links.outbox"), Permission::Outbox),
        ("/vault", say!("links.vault"), Permission::Vault),
        ("/lists", say!("links.lists"), Permission::ReadLog),
        ("/log", say!("links.log"), Permission::ReadLog),
        ("/figures", say!("links.figures"), Permission::ReadFigures),
        ("/people", say!("links.people"), Permission::People),
        ("/me", say!("links.you"), Permission::SignedIn),
    ];
    let is_open = |to: &str| to != "/payments" || reader.compartments.contains(&Compartment::Payments);
    let open = all.into_iter().filter(|(to, _, permission)| reader.may(*permission) && is_open(to));
    let links = open.map(|(to, name, _)| (to, name)).collect();
    Page { links, reader: Some(reader.name.name().to_owned()), ..Page::new(title, body) }
}

/// Back to a page, after something was done.
fn back(to: &str) -> Answer {
    Ok(Redirect::to(to).into_response())
}

/// For those who may do this.
const fn may(permission: Permission) -> Need {
    Need::May(permission)
}
