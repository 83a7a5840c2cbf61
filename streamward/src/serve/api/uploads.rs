//! How does a program send a file that may take long, over a line that may break?
//!
//! The protocol is tus 1.0.0 (<https://tus.io/protocols/resumable-upload>): its core and the extensions *creation*,
//! *expiration* and *termination*. What came is sealed in the vault's folder piece by piece, so whoever was cut off asks how
//! far it is and goes on from there; the last byte makes it evidence. Where no media is kept nothing is taken at all.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, extract::rejection::PathRejection};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use casework::Deed;
use casework::role::Permission;
use casework::vault::MonthKey;
use http_body::Body as _;
use jiff::Timestamp;
use serde_json::json;

use super::super::access::{Need, Reader, Routes};
use super::super::desk::Shared;
use super::Refusal;
use crate::clock::now;
use crate::store::{Account, UPLOAD_LASTS, Upload, UploadState, new_id};
use crate::vault::files::LEN_MAX;
use crate::vault::{keep, uploads};

/// The version of the protocol.
const VERSION: &str = "1.0.0";
/// Bytes that are sealed at once: what a killed server can lose of what it was sent.
const PIECE_LEN: usize = 4 << 20;
/// A line on which nothing comes is waited on so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most that one program can have begun and not finished, and the most parts that one file can come in.
const N_OPEN_MAX: u64 = 16;
const N_PARTS_MAX: u32 = 10_000;

pub(super) fn routes() -> Routes {
    let refer = Need::Token(Permission::Refer);
    Routes::new()
        .options("/api/v1/uploads", Need::Nothing, options)
        .post("/api/v1/uploads", refer, begin)
        .get("/api/v1/uploads/{upload}", refer, show)
        .patch("/api/v1/uploads/{upload}", refer, add)
        .delete("/api/v1/uploads/{upload}", refer, end)
}

/// Why a file, or a part of one, is not taken.
enum Not {
    /// As other questions are refused.
    Refused(Refusal),
    /// Something of the protocol.
    Said(StatusCode, String),
    /// Bytes are sent for another place than where the file ends here.
    Offset(u64),
}

type Answer = Result<Response, Not>;

impl From<crate::store::Error> for Not {
    fn from(error: crate::store::Error) -> Not {
        Not::Refused(Refusal::Store(error))
    }
}

impl From<anyhow::Error> for Not {
    fn from(error: anyhow::Error) -> Not {
        match error.downcast::<crate::store::Error>() {
            Ok(error) => error.into(),
            Err(_) => {
                tracing::error!("a file that was sent could not be sealed");
                let what = "it could not be written; what came before is still here; ask how far it is, and go on";
                Not::Said(StatusCode::SERVICE_UNAVAILABLE, what.to_owned())
            }
        }
    }
}

impl From<crate::vault::files::Error> for Not {
    fn from(error: crate::vault::files::Error) -> Not {
        anyhow::Error::new(error).into()
    }
}

impl IntoResponse for Not {
    fn into_response(self) -> Response {
        let said = |status: StatusCode, what: &str| (status, Json(json!({ "error": what }))).into_response();
        let answer = match self {
            Not::Refused(refusal) => refusal.into_response(),
            Not::Said(status, what) => said(status, &what),
            Not::Offset(n_bytes) => {
                let what = format!("{n_bytes} bytes are here: go on from there");
                with(said(StatusCode::CONFLICT, &what), "upload-offset", &n_bytes.to_string())
            }
        };
        with(with(answer, "tus-resumable", VERSION), "tus-version", VERSION)
    }
}

/// Which files are being sent this moment: one request at a time for each.
#[derive(Clone, Default)]
pub(crate) struct Receiving(Arc<Mutex<HashSet<String>>>);

/// The turn of one request, until it is dropped.
pub(crate) struct Turn {
    receiving: Receiving,
    upload: String,
}

impl Receiving {
    /// A turn at this file; none while somebody has it.
    pub(crate) fn turn(&self, upload: &str) -> Option<Turn> {
        let is_free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(upload.to_owned());
        is_free.then(|| Turn { receiving: self.clone(), upload: upload.to_owned() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.receiving.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.upload);
    }
}

fn with(mut answer: Response, name: &'static str, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(HeaderName::from_static(name), value);
    }
    answer
}

async fn options() -> Response {
    let answer = with(StatusCode::NO_CONTENT.into_response(), "tus-resumable", VERSION);
    let answer = with(answer, "tus-version", VERSION);
    let answer = with(answer, "tus-max-size", &LEN_MAX.to_string());
    with(answer, "tus-extension", "creation,expiration,termination")
}

/// `201` with the address to which the bytes go.
async fn begin(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>, headers: HeaderMap) -> Answer {
    asked(&headers)?;
    let Some(len) = number(&headers, "upload-length") else {
        return Err(bad("Upload-Length must be the number of bytes of the whole file"));
    };
    if len > LEN_MAX {
        return Err(Not::Said(StatusCode::PAYLOAD_TOO_LARGE, format!("at most {LEN_MAX} bytes are kept of one file")));
    }
    let said = metadata(&headers)?;
    let text = |name: &str| said.get(name).map(String::as_str).unwrap_or_default();
    let sha256 = text("sha256").to_ascii_lowercase();
    if len == 0 || sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad("Upload-Metadata must have sha256, 64 hexadecimal digits, of a file that is not empty"));
    }
    let case = text("case").to_owned();
    if !may_add(&desk, &reader, &case).await? {
        return Err(Not::Refused(Refusal::NotFound));
    }
    // Before a byte is taken: where nobody may keep it, nobody should send it.
    let key = open_key(&desk).await?;
    if desk.store.n_open_uploads(&reader.name).await? >= N_OPEN_MAX {
        let what = format!("{N_OPEN_MAX} files are begun and not finished: finish or end one first");
        return Err(Not::Said(StatusCode::TOO_MANY_REQUESTS, what));
    }
    let expires_at = now().checked_add(UPLOAD_LASTS).unwrap_or(Timestamp::MAX);
    let (id, name) = (new_id(now()), crate::file::plain(text("filename")));
    let (who, state) = (reader.name, UploadState::Open);
    let upload = Upload { id, case, who, len, sha256, name, key: key.name, n_bytes: 0, n_parts: 0, state, expires_at };
    desk.store.begin_upload(&upload).await?;
    let answer = (StatusCode::CREATED, Json(body(&upload))).into_response();
    let to = format!("/api/v1/uploads/{}", upload.id);
    Ok(told(with(answer, "location", &to), &upload))
}

/// How far it is.
async fn show(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    asked(&headers)?;
    let mut upload = own(&desk, &reader, path).await?;
    // The server may have been ended between the last byte and what follows from it.
    if let Some(_turn) = desk.receiving.turn(&upload.id)
        && upload.state == UploadState::Open
        && upload.n_bytes == upload.len
    {
        open_key(&desk).await?;
        upload.state = uploads::settle(&desk.store, &desk.files, &upload, now()).await?;
    }
    match upload.state {
        UploadState::Refused => Err(refused(&upload, StatusCode::GONE)),
        UploadState::Open | UploadState::Kept => Ok(told(Json(body(&upload)).into_response(), &upload)),
    }
}

/// Takes what comes; `204` with how far it is.
async fn add(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    asked(&headers)?;
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/offset+octet-stream") {
        let what = "Content-Type must be application/offset+octet-stream";
        return Err(Not::Said(StatusCode::UNSUPPORTED_MEDIA_TYPE, what.to_owned()));
    }
    let Some(offset) = number(&headers, "upload-offset") else {
        return Err(bad("Upload-Offset must be the number of bytes that are here already"));
    };
    let upload = own(&desk, &reader, path).await?;
    let Some(turn) = desk.receiving.turn(&upload.id) else {
        let what = "another request is sending this file; ask how far it is in half a minute";
        return Err(Not::Said(StatusCode::LOCKED, what.to_owned()));
    };
    // Read again: the one who had the turn before may have added to it.
    let upload = own(&desk, &reader, Ok(Path(upload.id))).await?;
    match upload.state {
        UploadState::Open => {}
        UploadState::Refused => return Err(refused(&upload, StatusCode::GONE)),
        UploadState::Kept if offset == upload.len => {
            return Ok(told(StatusCode::NO_CONTENT.into_response(), &upload));
        }
        UploadState::Kept => return Err(Not::Offset(upload.len)),
    }
    if offset != upload.n_bytes {
        return Err(Not::Offset(upload.n_bytes));
    }
    if number(&headers, "content-length").is_some_and(|len| len > upload.len - upload.n_bytes) {
        return Err(too_much(&upload));
    }
    open_key(&desk).await?;
    // On a task of its own: a line that breaks ends this request, and what came must still be sealed.
    let receiving = tokio::spawn(async move {
        let _turn = turn;
        receive(&desk, upload, body).await
    });
    let upload = receiving.await.map_err(|error| Not::from(anyhow::Error::new(error)))??;
    match upload.state {
        UploadState::Refused => Err(refused(&upload, StatusCode::UNPROCESSABLE_ENTITY)),
        UploadState::Open | UploadState::Kept => Ok(told(StatusCode::NO_CONTENT.into_response(), &upload)),
    }
}

async fn receive(desk: &Shared, mut upload: Upload, mut body: Body) -> Result<Upload, Not> {
    let vault = desk.store.vault().await?;
    let key = vault.key(&upload.key).cloned().ok_or(Not::Refused(Refusal::NotFound))?;
    let mut piece = Vec::with_capacity(PIECE_LEN);
    let is_whole = loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
        let data: Bytes = match tokio::time::timeout(PATIENCE, frame).await {
            Ok(None) => break true,
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            Ok(Some(Err(_))) | Err(_) => break false,
        };
        if upload.n_bytes + piece.len() as u64 + data.len() as u64 > upload.len {
            return Err(too_much(&upload));
        }
        piece.extend_from_slice(&data);
        if piece.len() >= PIECE_LEN {
            piece = sealed(desk, &mut upload, &key, piece).await?;
        }
    };
    if !piece.is_empty() {
        sealed(desk, &mut upload, &key, piece).await?;
    }
    if upload.n_bytes == upload.len {
        upload.state = uploads::settle(&desk.store, &desk.files, &upload, now()).await?;
    }
    match is_whole {
        true => Ok(upload),
        false => Err(Not::Said(StatusCode::REQUEST_TIMEOUT, "nothing came for a while; ask how far it is".to_owned())),
    }
}

/// Seals a piece and takes note of it; gives back the room it took, empty.
async fn sealed(desk: &Shared, upload: &mut Upload, key: &MonthKey, piece: Vec<u8>) -> Result<Vec<u8>, Not> {
    if upload.n_parts >= N_PARTS_MAX {
        let what = format!("this file came in {N_PARTS_MAX} parts and is not whole; end it, and send larger ones");
        return Err(Not::Said(StatusCode::TOO_MANY_REQUESTS, what));
    }
    let (files, id, part, key) = (desk.files.clone(), upload.id.clone(), upload.n_parts, key.clone());
    let sealing = move || files.put_part(&id, part, &key, &piece).map(|()| piece);
    let mut piece = tokio::task::spawn_blocking(sealing).await.map_err(anyhow::Error::new)??;
    if !desk.store.add_part(upload, piece.len() as u64, now()).await? {
        return Err(Not::Offset(upload.n_bytes));
    }
    upload.n_bytes += piece.len() as u64;
    upload.n_parts += 1;
    piece.clear();
    Ok(piece)
}

/// Ends it: what came is gone. What became evidence stays.
async fn end(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    asked(&headers)?;
    let upload = own(&desk, &reader, path).await?;
    let Some(_turn) = desk.receiving.turn(&upload.id) else {
        return Err(Not::Said(StatusCode::LOCKED, "another request is sending this file".to_owned()));
    };
    desk.store.forget_upload(&upload.id).await?;
    desk.files.erase_parts(&upload.id)?;
    Ok(with(StatusCode::NO_CONTENT.into_response(), "tus-resumable", VERSION))
}

/// The protocol's own precondition: both speak the same version.
fn asked(headers: &HeaderMap) -> Result<(), Not> {
    match headers.get("tus-resumable") {
        Some(version) if version == VERSION => Ok(()),
        Some(_) | None => {
            let what = format!("the header Tus-Resumable must be {VERSION}");
            Err(Not::Said(StatusCode::PRECONDITION_FAILED, what))
        }
    }
}

fn bad(what: &str) -> Not {
    Not::Said(StatusCode::UNPROCESSABLE_ENTITY, what.to_owned())
}

fn too_much(upload: &Upload) -> Not {
    let what = format!("more came than the {} bytes that the file has; ask how far it is", upload.len);
    Not::Said(StatusCode::PAYLOAD_TOO_LARGE, what)
}

fn refused(upload: &Upload, status: StatusCode) -> Not {
    let what = format!(
        "the {} bytes that came have another SHA-256 than was said; nothing of them was kept; begin again",
        upload.len
    );
    Not::Said(status, what)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// What is said of the file: names, each with a value in base64, with commas between.
fn metadata(headers: &HeaderMap) -> Result<HashMap<String, String>, Not> {
    let wrong =
        || bad("Upload-Metadata must have case and sha256, and may have filename: names and base64, as tus 1.0.0 says");
    let text = headers.get("upload-metadata").and_then(|value| value.to_str().ok()).ok_or_else(wrong)?;
    let pair = |pair: &str| {
        let (name, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        let value = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
        Some((name.to_owned(), value))
    };
    text.split(',').map(|text| pair(text).ok_or_else(wrong)).collect()
}

/// Whether this is a case that they read a part of, or one to which they referred something.
async fn may_add(desk: &Shared, reader: &Account, case: &str) -> Result<bool, Not> {
    let dossier = match desk.store.case(case).await {
        Ok(dossier) => dossier,
        Err(crate::store::Error::NoSuchCase { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    if dossier.compartments().iter().any(|compartment| reader.compartments.contains(compartment)) {
        return Ok(true);
    }
    let is_own = |(logged, deed): &(crate::store::Logged, Deed)| {
        matches!(deed, Deed::Referred(_)) && logged.entry.who.as_ref() == Some(&reader.name)
    };
    Ok(desk.store.deeds(case).await?.iter().any(is_own))
}

/// The key of this month, while media is kept here.
async fn open_key(desk: &Shared) -> Result<MonthKey, Not> {
    let vault = desk.store.vault().await?;
    if vault.plan().is_err() {
        let what = "the vault is shut: no media is kept here, and no byte was taken; an incident's facts are enough";
        return Err(Not::Said(StatusCode::CONFLICT, what.to_owned()));
    }
    Ok(keep::key(&desk.store, &desk.files, now()).await?)
}

async fn own(desk: &Shared, reader: &Account, path: Result<Path<String>, PathRejection>) -> Result<Upload, Not> {
    let not_found = || Not::Refused(Refusal::NotFound);
    let Path(id) = path.map_err(|_| not_found())?;
    desk.store.upload(&id, &reader.name, now()).await?.ok_or_else(not_found)
}

fn told(answer: Response, upload: &Upload) -> Response {
    let until = upload.expires_at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let n_bytes = if upload.state == UploadState::Kept { upload.len } else { upload.n_bytes };
    let answer = with(answer, "tus-resumable", VERSION);
    let answer = with(answer, "upload-offset", &n_bytes.to_string());
    let answer = with(answer, "upload-length", &upload.len.to_string());
    with(answer, "upload-expires", &until)
}

fn body(upload: &Upload) -> serde_json::Value {
    json!({
        "upload": upload.id, "case": upload.case, "state": upload.state.name(), "n_bytes": upload.n_bytes,
        "len": upload.len, "expires_at": upload.expires_at.to_string(),
    })
}
