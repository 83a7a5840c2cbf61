//! What was paid: who may look, and how does the desk answer on a page?
//!
//! A compartment of its own: who may not read what was paid is told that there is nothing here, as for an address that
//! does not exist. Nothing is shown to customers, and a platform's reviewers do not learn that there is an alert.

mod alerts;
mod below;
mod drift;
mod packs;
mod shadow;
mod words;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use casework::role::Compartment;
use payments::Book;
use payments::gate::{self, Event};

use super::super::access::{Reader, Routes};
use super::super::page::{Html, sorry};
use super::super::payments::{Service, Study, over_the_book, with_desk};
use super::super::why;
use super::{Answer, Refusal, back, may, page};
use crate::payments::desk::{Desk, now_s};
use crate::store::Account;
use crate::{html, say};

pub(super) fn routes() -> Routes {
    Routes::new()
        .and(alerts::routes())
        .and(packs::routes())
        .and(shadow::routes())
        .and(below::routes())
        .and(drift::routes())
}

/// The pages of payments, as they stand above each of them.
fn tabs() -> [(&'static str, String); 4] {
    [
        ("/payments", say!("alerts.tab")),
        ("/payments/below", say!("below.title")),
        ("/payments/drift", say!("drift.title")),
        ("/payments/packs", say!("packs.title")),
    ]
}

/// Somebody who may read what was paid, and the desk.
struct Room {
    reader: Account,
    service: Arc<Service>,
}

impl<S: Sync> FromRequestParts<S> for Room {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Room, Refusal> {
        let reader = parts.extensions.get::<Reader>().map(|Reader(reader)| reader.clone());
        let reader = reader.filter(|reader| reader.compartments.contains(&Compartment::Payments));
        let service = parts.extensions.get::<Option<Arc<Service>>>().cloned().flatten();
        let (reader, service) = reader.zip(service).ok_or(Refusal::NotYours)?;
        Ok(Room { reader, service })
    }
}

impl Room {
    /// Asks the desk, after it has read what others wrote.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Desk) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let asked = with_desk(self.service.clone(), |_, desk| {
            desk.refresh(now_s())?;
            work(desk)
        });
        asked.await.map_err(Refusal::Paid)
    }

    /// Lets something happen, and goes to the page it led to.
    async fn happen(&self, event: Event, to: &str) -> Answer {
        let done = with_desk(self.service.clone(), move |_, desk| desk.happen(event, now_s()));
        done.await.map_err(Refusal::Paid)?;
        back(to)
    }

    /// Reckons something over all transfers, or gives what was reckoned a short while ago under this name.
    async fn study<T: Send + Sync + 'static>(
        &self,
        study: fn(&Service) -> &Study<T>,
        name: String,
        make: impl FnOnce(&Book) -> T + Send + 'static,
    ) -> Result<Arc<T>, Refusal> {
        over_the_book(self.service.clone(), study, name, make).await.map_err(Refusal::Paid)
    }

    /// Who is here, as the log names them.
    fn name(&self) -> String {
        self.reader.name.name().to_owned()
    }

    /// A page below the tab `here`.
    fn page(&self, here: &str, title: &str, body: Html) -> Response {
        let tab = |(to, name): &(&str, String)| {
            let current = (*to == here).then(|| html!(" aria-current=\"page\""));
            html!("<li><a href=\"{}\"{}>{}</a></li>", *to, current, name)
        };
        let tabs: Vec<Html> = tabs().iter().map(tab).collect();
        let body =
            html!("<nav aria-label=\"{}\"><ul class=\"tabs\">{}</ul></nav>{}", say!("links.payments"), tabs, body);
        page(&self.reader, title, body).into_response()
    }
}

/// What is said when the desk does not do it.
pub(super) fn refused(refusal: Option<gate::Refusal>) -> Response {
    use gate::Refusal::*;
    let Some(refusal) = refusal else {
        return sorry(StatusCode::SERVICE_UNAVAILABLE, say!("desk.failed"), say!("desk.try_again"));
    };
    let (status, to_do) = match &refusal {
        NoAlert { .. } | NoHold { .. } | NoProposal { .. } | NoParty { .. } => {
            return Refusal::NotYours.into_response();
        }
        Pack { why } => return packs::not_valid(why),
        NotOpen { .. } | ProposalNotOpen { .. } => (StatusCode::CONFLICT, say!("desk.load_again")),
        OwnProposal { .. } => (StatusCode::CONFLICT, say!("desk.ask_another")),
        Overtaken { .. } => (StatusCode::CONFLICT, say!("desk.propose_again")),
        SamePack | ProposedBefore { .. } => (StatusCode::CONFLICT, say!("desk.nothing_to_propose")),
        OtherCurrency { .. } => (StatusCode::UNPROCESSABLE_ENTITY, say!("desk.own_currency")),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, say!("sorry.change_it")),
    };
    sorry(status, why::sentence(&why::paid(&refusal)), to_do)
}
