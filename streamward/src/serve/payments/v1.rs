//! Payments for programs: one transfer or many in, one answer each out; alerts, their outcomes, and holds.
//!
//! Nobody without the token learns anything, not even whether an alert exists: customers are told nothing. Bodies have
//! at most 8 MiB. A pack is proposed and activated by people in the console, and not here.
#![allow(clippy::result_large_err, reason = "an error here is the response itself")]

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use payments::gate::{Decided, Event, Outcome, Refusal};
use payments::read::{Entry, jsonl};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Service, with_desk};
use crate::payments::desk::{Desk, now_s};

/// The longest body that is read, in bytes.
const BODY_BYTES_MAX: usize = 8 << 20;

/// The most transfers in one request.
const N_TRANSFERS_MAX: usize = 10_000;

/// The routes of programs.
pub(in crate::serve) fn routes(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/payments/score", post(score))
        .route("/v1/alerts", get(alerts))
        .route("/v1/alerts/{id}", get(alert))
        .route("/v1/alerts/{id}/outcomes", post(outcome))
        .route("/v1/holds", get(holds))
        .route("/v1/holds/{id}/release", post(release))
        .route("/v1/holds/{id}/refuse", post(refuse))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(service.clone(), only_with_token))
        .with_state(service)
}

/// Compares all of both, so that the time taken tells nothing.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

async fn only_with_token(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let is_right =
        shown.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|token| is_same(token, &service.token));
    if is_right {
        return next.run(request).await;
    }
    fault(
        StatusCode::UNAUTHORIZED,
        "no-token",
        "show the token as `Authorization: Bearer …`; its 64 digits are those of the file `token`",
    )
}

fn fault(status: StatusCode, code: &str, message: impl ToString) -> Response {
    (status, axum::Json(json!({ "code": code, "message": message.to_string() }))).into_response()
}

async fn at_desk<T: Send + 'static>(
    service: Arc<Service>,
    work: impl FnOnce(&Service, &mut Desk) -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Response> {
    with_desk(service, work).await.map_err(|refusal| match refusal {
        Some(refusal) => refused(&refusal),
        None => fault(StatusCode::INTERNAL_SERVER_ERROR, "desk", "the desk cannot answer now; send it again"),
    })
}

fn refused(refusal: &Refusal) -> Response {
    let (status, code) = match refusal {
        Refusal::NoHold { .. } | Refusal::NoAlert { .. } => (StatusCode::NOT_FOUND, "not-found"),
        Refusal::NotOpen { .. } => (StatusCode::CONFLICT, "not-open"),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, "not-usable"),
    };
    fault(status, code, refusal)
}

impl Service {
    /// One entry for each object of the body, and whether the body was a list.
    fn entries(&self, body: &[u8]) -> Result<(Vec<Entry>, bool), Response> {
        let wrong = |message: &str| fault(StatusCode::BAD_REQUEST, "body", message);
        let value: Value = serde_json::from_slice(body).map_err(|_| wrong("the body is not JSON"))?;
        let (objects, is_list) = match value {
            Value::Array(objects) => (objects, true),
            object => (vec![object], false),
        };
        if objects.len() > N_TRANSFERS_MAX {
            return Err(wrong("more than 10,000 transfers; send them in parts"));
        }
        let entry = |(place, object): (usize, &Value)| {
            let line = place as u64 + 1;
            jsonl::read_one(object.to_string().as_bytes(), &self.door, line).unwrap_or(Entry::Reject(
                payments::Reject { line, field: payments::error::Field("row"), problem: payments::Problem::JsonSyntax },
            ))
        };
        Ok((objects.iter().enumerate().map(entry).collect(), is_list))
    }
}

async fn score(State(service): State<Arc<Service>>, body: Bytes) -> Response {
    let (entries, is_list) = match service.entries(&body) {
        Ok(entries) => entries,
        Err(response) => return response,
    };
    let answers = at_desk(service, move |service, desk| {
        let rates = service.rates(desk.gate().pack().currency)?;
        let transfers = entries.iter().filter_map(|entry| match entry {
            Entry::Transfer { transfer, .. } => Some((**transfer).clone()),
            Entry::Reject(_) => None,
        });
        let mut outcomes = desk.take(transfers.collect(), &rates, now_s())?.into_iter();
        let mut answers = Vec::with_capacity(entries.len());
        for entry in &entries {
            answers.push(match entry {
                Entry::Reject(reject) => not_used(None, reject.field.0, reject.problem),
                Entry::Transfer { transfer, .. } => match outcomes.next().context("one outcome for each transfer")? {
                    Err((field, problem)) => not_used(Some(&transfer.id), field.0, problem),
                    Ok(taken) => {
                        let mut value = serde_json::to_value(&taken.answer)?;
                        value["id"] = (&*transfer.id).into();
                        value["again"] = taken.is_again.into();
                        value
                    }
                },
            });
        }
        Ok(answers)
    });
    match (answers.await, is_list) {
        (Err(response), _) => response,
        (Ok(answers), true) => axum::Json(json!({ "answers": answers })).into_response(),
        (Ok(mut answers), false) => {
            let answer = answers.pop().unwrap_or_default();
            let status = if answer["answer"] == "not_used" { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            (status, axum::Json(answer)).into_response()
        }
    }
}

fn not_used(id: Option<&str>, field: &str, problem: payments::Problem) -> Value {
    json!({ "id": id, "answer": "not_used", "field": field, "problem": problem.to_string() })
}

async fn alerts(State(service): State<Arc<Service>>) -> Response {
    let listed = at_desk(service, |_, desk| {
        desk.refresh(now_s())?;
        let line = |a: &payments::Alert| json!({ "id": a.id, "level": a.level, "score": a.score, "entity": a.entity, "party": a.party, "at": a.at });
        Ok(desk.gate().alerts().iter().rev().take(1000).map(line).collect::<Vec<_>>())
    });
    listed.await.map_or_else(|response| response, |alerts| axum::Json(json!({ "alerts": alerts })).into_response())
}

async fn alert(State(service): State<Arc<Service>>, Path(id): Path<String>) -> Response {
    let found = at_desk(service, move |_, desk| {
        desk.refresh(now_s())?;
        desk.gate().find(&id).map(payments::Alert::to_json).ok_or_else(|| Refusal::NoAlert { alert: id }.into())
    });
    let json = |text: String| ([(header::CONTENT_TYPE, "application/json")], text).into_response();
    found.await.map_or_else(|response| response, json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reviewed {
    outcome: Outcome,
    by: String,
    note: String,
}

async fn outcome(State(service): State<Arc<Service>>, Path(alert): Path<String>, body: Bytes) -> Response {
    let reviewed: Reviewed = match serde_json::from_slice(&body) {
        Ok(reviewed) => reviewed,
        Err(why) => return fault(StatusCode::BAD_REQUEST, "body", format!("expected outcome, by and note: {why}")),
    };
    let Reviewed { outcome, by, note } = reviewed;
    happen(service, Event::Outcome { alert, outcome, by, note, at_s: now_s() }).await
}

async fn holds(State(service): State<Arc<Service>>) -> Response {
    let listed = at_desk(service, |_, desk| {
        desk.refresh(now_s())?;
        Ok(serde_json::to_value(desk.gate().holds().collect::<Vec<_>>())?)
    });
    listed.await.map_or_else(|response| response, |holds| axum::Json(json!({ "holds": holds })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    by: String,
    reason: String,
}

async fn release(State(service): State<Arc<Service>>, Path(hold): Path<String>, body: Bytes) -> Response {
    decide(service, hold, &body, Event::Released).await
}

async fn refuse(State(service): State<Arc<Service>>, Path(hold): Path<String>, body: Bytes) -> Response {
    decide(service, hold, &body, Event::Refused).await
}

async fn decide(service: Arc<Service>, hold: String, body: &[u8], event: fn(Decided) -> Event) -> Response {
    match serde_json::from_slice(body) {
        Ok(Word { by, reason }) => happen(service, event(Decided { hold, by, reason, at_s: now_s() })).await,
        Err(why) => fault(StatusCode::BAD_REQUEST, "body", format!("expected by and reason: {why}")),
    }
}

async fn happen(service: Arc<Service>, event: Event) -> Response {
    let done = at_desk(service, move |_, desk| desk.happen(event, now_s()));
    done.await.map_or_else(
        |response| response,
        |()| (StatusCode::CREATED, axum::Json(json!({ "kept": true }))).into_response(),
    )
}
