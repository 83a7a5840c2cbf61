//! How does a program write down what somebody says against a decision?

use axum::Extension;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use casework::appeal::Received;
use casework::role::{Compartment, Permission};
use casework::{Deed, Sealed};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::super::access::{Need, Reader, Routes};
use super::super::desk::Shared;
use super::Refusal;
use crate::clock::now;

pub(super) fn routes() -> Routes {
    Routes::new().post("/api/v1/cases/{case}/appeals", Need::Token(Permission::Refer), receive)
}

/// What a program says of an appeal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    reference: String,
    said: String,
    received_at: Timestamp,
}

/// `201` with the number of the appeal, `200` when one with this reference is there.
async fn receive(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let dossier = desk.store.case(&id).await?;
    let is_seen = dossier.compartments().contains(&Compartment::Video);
    if !is_seen || !reader.compartments.contains(&Compartment::Video) {
        return Err(Refusal::NotFound);
    }
    let Said { reference, said, received_at } =
        serde_json::from_slice(&body).map_err(|error| Refusal::Body(format!("this is no appeal: {error}")))?;
    if received_at > now() {
        return Err(Refusal::Body("received_at is after now".into()));
    }
    if let Some(number) = dossier.appeals().numbered(&reference) {
        return Ok(answer(StatusCode::OK, number, true));
    }
    let due_at = desk.settings.appeals.due_at(received_at);
    let received = Received { reference: reference.clone(), said: Sealed::new(said), received_at, due_at };
    let deed = Deed::AppealReceived(received);
    let dossier = desk.store.act(&id, Some(&reader.name), &[deed], now()).await.map_err(|error| match error {
        // What is wrong with the text is the sender's; that the case cannot be appealed against now is the case's.
        crate::store::Error::Refused(wrong @ casework::Error::Text { .. }) => Refusal::Body(wrong.to_string()),
        other => Refusal::Store(other),
    })?;
    Ok(answer(StatusCode::CREATED, dossier.appeals().numbered(&reference).unwrap_or_default(), false))
}

fn answer(status: StatusCode, number: usize, is_known: bool) -> Response {
    (status, Json(json!({ "appeal": number, "is_known": is_known }))).into_response()
}
