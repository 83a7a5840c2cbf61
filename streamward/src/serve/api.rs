//! What can programs ask? `/api/v1`, with a token.
//!
//! Answers are JSON; an error is `{"error": "one sentence"}` with a status that says whose it is. An incident that was
//! taken in is in the store before its answer is sent, so who got none sends it again: the same incident is one.

mod appeals;
pub(super) mod uploads;

use axum::Extension;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use casework::Referral;
use casework::referral::Intake;
use casework::role::Permission;
use record::{Checkpoint, Note};
use serde::Deserialize;
use serde_json::json;

use super::access::{Need, Reader, Routes};
use super::desk::Shared;
use crate::clock::now;
use crate::store::Error;

/// The longest request that is read, in bytes; an incident has a few hundred.
const LEN_MAX: usize = 64 << 10;

/// The routes of the interface.
pub(super) fn routes() -> Routes {
    let token = Need::Token;
    Routes::new()
        .post("/api/v1/incidents", token(Permission::Refer), refer)
        .get("/api/v1/cases/{case}", token(Permission::ReadCases), case)
        .and(appeals::routes())
        .get("/api/v1/log/checkpoint", token(Permission::ReadLog), checkpoint)
        .get("/api/v1/log/proof", token(Permission::ReadLog), proof)
        .get("/api/v1/openapi.json", Need::Nothing, description)
        .layer(DefaultBodyLimit::max(LEN_MAX))
        .and(uploads::routes())
}

enum Refusal {
    Store(Error),
    Body(String),
    NotFound,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Store(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, what) = match self {
            Refusal::Body(what) => (StatusCode::UNPROCESSABLE_ENTITY, what),
            Refusal::NotFound | Refusal::Store(Error::NoSuchCase { .. } | Error::NoSuchPerson) => {
                (StatusCode::NOT_FOUND, "there is nothing at this address".to_owned())
            }
            Refusal::Store(Error::Refused(refused)) => (StatusCode::CONFLICT, refused.to_string()),
            Refusal::Store(error) => {
                tracing::error!(kind = error.kind(), "the store failed");
                (StatusCode::SERVICE_UNAVAILABLE, "the store did not do it; nothing was changed; try again".to_owned())
            }
        };
        (status, Json(json!({ "error": what }))).into_response()
    }
}

/// `201` with the new case, `200` when the incident was known or joined a case that is open.
async fn refer(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let intake: Intake =
        serde_json::from_slice(&body).map_err(|error| Refusal::Body(format!("this is no incident: {error}")))?;
    let referral = Referral::new(intake).map_err(|error| Refusal::Body(error.to_string()))?;
    let referred = desk.store.refer(Some(&reader.name), referral, now()).await?;
    let status = if referred.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let body = json!({ "case": referred.case, "is_new": referred.is_new, "is_known": referred.is_known });
    Ok((status, Json(body)).into_response())
}

/// Where a case is; what it is about is for people to see.
async fn case(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let dossier = desk.store.case(&id).await?;
    let is_open = dossier.compartments().iter().any(|compartment| reader.compartments.contains(compartment));
    if !is_open || dossier.is_blind(&reader.name) {
        return Err(Refusal::NotFound);
    }
    let reports: Vec<_> = dossier
        .reports()
        .iter()
        .enumerate()
        .map(|(index, filed)| json!({ "report": index + 1, "state": filed.state_name() }))
        .collect();
    let body = json!({
        "case": id,
        "state": dossier.case().state().name(),
        "is_live": dossier.is_live(),
        "n_referrals": dossier.referrals_in(&reader.compartments).count(),
        "reports": reports,
    });
    Ok(Json(body).into_response())
}

async fn checkpoint(State(desk): State<Shared>) -> Result<Response, Refusal> {
    let head = desk.store.head().await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], head.note).into_response())
}

#[derive(Deserialize)]
struct Asked {
    position: u64,
}

/// The way from one record to the checkpoint of now.
async fn proof(State(desk): State<Shared>, asked: Result<Query<Asked>, QueryRejection>) -> Result<Response, Refusal> {
    let Ok(Query(Asked { position })) = asked else {
        return Err(Refusal::Body("position must be the number of a record, from 0".into()));
    };
    let head = desk.store.head().await?;
    let mut proofs = desk.store.proofs(head.n_entries);
    let proof = proofs.inclusion(position).await?.ok_or(Refusal::NotFound)?;
    let leaf = proofs.record(position).await?;
    let root = Note::parse(head.note.as_bytes()).and_then(|note| Checkpoint::parse(note.text()));
    let root = root.map_err(|_| Refusal::NotFound)?.root;
    let proof: Vec<String> = proof.iter().map(ToString::to_string).collect();
    let body = json!({
        "position": position, "n_entries": head.n_entries, "leaf": leaf.to_string(), "root": root.to_string(), "proof": proof,
    });
    Ok(Json(body).into_response())
}

async fn description() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("api/openapi.json"))
}
