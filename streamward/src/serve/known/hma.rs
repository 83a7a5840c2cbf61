//! The paths that clients of Meta's Hasher-Matcher-Actioner speak, answered in its shapes.
//!
//! Signals are `pdq` and `video_md5`. A content's number is our bank's place, then the entry's number in it.
//! Where that program tosses a coin for a bank's enabled share, ours asks the entry's own hash: the same question always
//! has the same answer, and `seed` and `bypass_coinflip` change nothing. It finds a bank of one entry, too.
//! Source: `blueprints/matching.py`, `hashing.py` and `app.py` in facebook/ThreatExchange, HMA 1.1.7.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Multipart, Query, State};
use axum::http::StatusCode;
use known::{Fingerprint, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Shared;
use super::answers::{Hashed, Refusal, now};
use super::catalogue::{Catalogue, Hit, Said};

/// `GET /status`
pub(super) async fn status(State(service): State<Shared>) -> (StatusCode, &'static str) {
    match service.catalogue().shelves.is_empty() {
        true => (StatusCode::SERVICE_UNAVAILABLE, "INDEX-NOT-LOADED"),
        false => (StatusCode::OK, "I-AM-ALIVE"),
    }
}

/// `GET /readyz`: there is something to match with, and it is not old.
pub(super) async fn ready(State(service): State<Shared>) -> (StatusCode, String) {
    let catalogue = service.catalogue();
    if catalogue.shelves.is_empty() {
        return (StatusCode::SERVICE_UNAVAILABLE, "no list is served\n".into());
    }
    let mut text = format!("{} banks, {} hashes\n", catalogue.shelves.len(), catalogue.n_hashes());
    let Some(standing) = service.standing() else { return (StatusCode::OK, text) };
    standing.said.iter().for_each(|said| text += &format!("{said}\n"));
    match standing.is_behind {
        true => (StatusCode::SERVICE_UNAVAILABLE, text),
        false => (StatusCode::OK, text),
    }
}

#[derive(Deserialize)]
pub(super) struct Lookup {
    url: Option<String>,
    signal: Option<String>,
    signal_type: Option<String>,
    banks: Option<String>,
    #[serde(default)]
    include_distance: Option<String>,
}

impl Lookup {
    fn banks(&self) -> Option<BTreeSet<&str>> {
        self.banks.as_ref().map(|banks| banks.split(',').collect())
    }
}

/// One match; the distance is text.
#[derive(Serialize)]
struct Match {
    bank_content_id: u64,
    distance: String,
}

impl Match {
    fn of(hit: &Hit) -> Match {
        Match { bank_content_id: content_id(hit), distance: hit.found.distance_bits.to_string() }
    }
}

fn content_id(hit: &Hit) -> u64 {
    (hit.bank as u64) << 32 | u64::from(hit.found.number)
}

/// `GET /m/lookup`
pub(super) async fn lookup(
    State(service): State<Shared>,
    Query(lookup): Query<Lookup>,
) -> Result<Json<Value>, Refusal> {
    if let Some(url) = &lookup.url {
        let bytes = service.fetcher.fetch(url).await?;
        let hashed = service.hash(bytes).await?;
        return Ok(Json(of_upload(&service, &hashed, lookup.banks().as_ref())));
    }
    let (Some(signal), Some(kind)) = (&lookup.signal, &lookup.signal_type) else {
        return Err(Refusal::bad("Either url or both signal and signal_type are required"));
    };
    let catalogue = service.catalogue();
    let said = ask(&catalogue, kind, signal)?;
    service.metrics.looked_up(1, usize::from(!said.hits.is_empty()));
    Ok(Json(json!(by_bank(&catalogue, &said, lookup.banks().as_ref()))))
}

/// `POST /m/lookup`: of an uploaded file, by signal.
pub(super) async fn lookup_upload(
    State(service): State<Shared>,
    Query(lookup): Query<Lookup>,
    form: Multipart,
) -> Result<Json<Value>, Refusal> {
    let hashed = service.hash(upload(form).await?).await?;
    Ok(Json(of_upload(&service, &hashed, lookup.banks().as_ref())))
}

/// `GET /m/raw_lookup`: whatever is within the radius, without the rules of banks.
pub(super) async fn raw_lookup(
    State(service): State<Shared>,
    Query(lookup): Query<Lookup>,
) -> Result<Json<Value>, Refusal> {
    let (Some(signal), Some(kind)) = (&lookup.signal, &lookup.signal_type) else {
        return Err(Refusal::bad("signal and signal_type are required"));
    };
    let fingerprint = fingerprint(kind, signal)?;
    let (catalogue, wanted) = (service.catalogue(), lookup.banks());
    let mut hits = Vec::new();
    for (bank, shelf) in catalogue.shelves.iter().enumerate() {
        if wanted.as_ref().is_some_and(|wanted| !wanted.contains(shelf.header.name.as_str())) {
            continue;
        }
        let found = match &fingerprint {
            Fingerprint::Pdq(hash) => shelf.near_raw(hash, shelf.rules().radius_bits),
            other => shelf.digest(other, now()).into_iter().collect(),
        };
        hits.extend(found.into_iter().map(|found| Hit { bank, found }));
    }
    service.metrics.looked_up(1, usize::from(!hits.is_empty()));
    let with_distance = lookup.include_distance.as_deref().is_some_and(|word| ["true", "True", "1"].contains(&word));
    Ok(Json(match with_distance {
        true => json!({ "matches": hits.iter().map(Match::of).collect::<Vec<Match>>() }),
        false => json!({ "matches": hits.iter().map(content_id).collect::<Vec<u64>>() }),
    }))
}

#[derive(Deserialize)]
pub(super) struct Hash {
    url: String,
}

/// `GET /h/hash?url=`
pub(super) async fn hash_url(
    State(service): State<Shared>,
    Query(Hash { url }): Query<Hash>,
) -> Result<Json<Value>, Refusal> {
    let bytes = service.fetcher.fetch(&url).await?;
    Ok(Json(json!(signals(&service.hash(bytes).await?))))
}

/// `POST /h/hash`: of an uploaded file.
pub(super) async fn hash_upload(State(service): State<Shared>, form: Multipart) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!(signals(&service.hash(upload(form).await?).await?))))
}

/// The one file of a form, in a field that is called by the kind of content.
async fn upload(mut form: Multipart) -> Result<Vec<u8>, Refusal> {
    let too_large = |error: axum::extract::multipart::MultipartError| Refusal(error.status(), error.body_text());
    let mut file = None;
    while let Some(field) = form.next_field().await.map_err(too_large)? {
        match field.name() {
            Some("photo" | "video") if file.is_none() => {}
            Some("photo" | "video") => return Err(Refusal::bad("Only one file allowed per request")),
            other => return Err(Refusal::bad(format_args!("no such content_type: '{}'", other.unwrap_or_default()))),
        }
        file = Some(field.bytes().await.map_err(too_large)?.to_vec());
    }
    file.ok_or_else(|| Refusal::bad("Missing multipart/form-data file upload"))
}

/// The signals of a file: PDQ of a picture, MD5 of anything else.
fn signals(hashed: &Hashed) -> BTreeMap<&'static str, String> {
    match &hashed.picture {
        Some(picture) => BTreeMap::from([("pdq", picture.pdq.hash.to_string())]),
        None => BTreeMap::from([("video_md5", hashed.digests[0].to_string())]),
    }
}

fn of_upload(service: &Shared, hashed: &Hashed, banks: Option<&BTreeSet<&str>>) -> Value {
    let catalogue = service.catalogue();
    let (name, said) = match &hashed.picture {
        Some(picture) => ("pdq", catalogue.ask(&[picture.pdq.hash], now()).pop().unwrap_or_default()),
        None => ("video_md5", catalogue.ask_digest(&hashed.digests[0], now())),
    };
    service.metrics.looked_up(1, usize::from(!said.hits.is_empty()));
    json!({ name: by_bank(&catalogue, &said, banks) })
}

fn ask(catalogue: &Catalogue, kind: &str, signal: &str) -> Result<Said, Refusal> {
    Ok(match fingerprint(kind, signal)? {
        Fingerprint::Pdq(hash) => catalogue.ask(&[hash], now()).pop().unwrap_or_default(),
        other => catalogue.ask_digest(&other, now()),
    })
}

fn fingerprint(kind: &str, signal: &str) -> Result<Fingerprint, Refusal> {
    let kind = match kind {
        "pdq" => Kind::Pdq,
        "video_md5" => Kind::Md5,
        other => return Err(Refusal::bad(format_args!("No such SignalType '{other}'"))),
    };
    Fingerprint::from_hex(kind, signal).map_err(|error| Refusal::bad(format_args!("invalid signal: {error}")))
}

fn by_bank<'a>(
    catalogue: &'a Catalogue,
    said: &Said,
    wanted: Option<&BTreeSet<&str>>,
) -> BTreeMap<&'a str, Vec<Match>> {
    let mut banks: BTreeMap<&str, Vec<Match>> = BTreeMap::new();
    for hit in &said.hits {
        let name = catalogue.shelves[hit.bank].header.name.as_str();
        if wanted.is_none_or(|wanted| wanted.contains(name)) {
            banks.entry(name).or_default().push(Match::of(hit));
        }
    }
    banks
}
