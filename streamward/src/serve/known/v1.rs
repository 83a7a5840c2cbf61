//! Our own dialect: hash, match, banks.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use known::{Fingerprint, Hash256, Instant, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Shared;
use super::answers::{Hashed, Refusal, now};
use super::catalogue::{Catalogue, Hit, Said};

/// Hashes that are matched in one request.
pub(super) const BATCH_MAX: usize = 10_000;

#[derive(Deserialize)]
pub(super) struct Url {
    url: String,
}

/// `POST /v1/hash`: the hashes of the body, any file.
pub(super) async fn hash(State(service): State<Shared>, body: Bytes) -> Result<Json<Value>, Refusal> {
    service.hash(body).await.map(|hashed| Json(hashes(&hashed)))
}

/// `GET /v1/hash?url=`: of a file elsewhere, where that is allowed.
pub(super) async fn hash_url(
    State(service): State<Shared>,
    Query(Url { url }): Query<Url>,
) -> Result<Json<Value>, Refusal> {
    let bytes = service.fetcher.fetch(&url).await?;
    service.hash(bytes).await.map(|hashed| Json(hashes(&hashed)))
}

fn hashes(hashed: &Hashed) -> Value {
    let [md5, sha1, sha256] = hashed.digests.each_ref().map(Fingerprint::to_string);
    let mut value = json!({ "md5": md5, "sha1": sha1, "sha256": sha256 });
    if let Some(picture) = &hashed.picture {
        value["pdq"] = json!({ "hash": picture.pdq.hash.to_string(), "quality": picture.pdq.quality });
        value["width"] = picture.size.0.into();
        value["height"] = picture.size.1.into();
    }
    value
}

/// What is asked: lists of hashes by kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    pdq: Vec<String>,
    #[serde(default)]
    md5: Vec<String>,
    #[serde(default)]
    sha1: Vec<String>,
    #[serde(default)]
    sha256: Vec<String>,
}

/// What is answered about one hash.
#[derive(Serialize)]
struct Answer<'a> {
    matches: Vec<Matched<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed_by: Option<Matched<'a>>,
}

#[derive(Serialize)]
struct Matched<'a> {
    bank: &'a str,
    entry: &'a str,
    distance_bits: u32,
}

/// `POST /v1/match`: which entries are near these hashes (JSON), or near the file in the body (anything else).
pub(super) async fn match_(
    State(service): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(HeaderMap, Vec<u8>), Refusal> {
    let is_json =
        headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let catalogue = service.catalogue();
    let (answer, n_asked, n_matched) = if is_json {
        // On a thread of its own: a large batch must not keep others waiting.
        let answered = tokio::task::spawn_blocking(move || batch(&catalogue, &body)).await;
        answered.map_err(|_| Refusal(StatusCode::INTERNAL_SERVER_ERROR, "this could not be matched".into()))??
    } else {
        let hashed = service.hash(body).await?;
        of_file(&catalogue, &hashed)
    };
    service.metrics.looked_up(n_asked, n_matched);
    Ok((HeaderMap::from_iter([(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"))]), answer))
}

fn batch(catalogue: &Catalogue, body: &[u8]) -> Result<(Vec<u8>, usize, usize), Refusal> {
    let asked: Asked = serde_json::from_slice(body).map_err(Refusal::bad)?;
    let n_asked = asked.pdq.len() + asked.md5.len() + asked.sha1.len() + asked.sha256.len();
    if n_asked > BATCH_MAX {
        return Err(Refusal::bad(format_args!("at most {BATCH_MAX} hashes are matched in one request, not {n_asked}")));
    }
    let wrong = |kind: &str, i: usize, error: known::Error| Refusal::bad(format_args!("{kind} {i}: {error}"));
    let now = now();
    let mut n_matched = 0;
    let mut answers = serde_json::Map::new();
    let mut add = |kind: &str, said: Vec<Said>| {
        n_matched += said.iter().filter(|said| !said.hits.is_empty()).count();
        let list: Vec<Answer<'_>> = said.iter().map(|said| answer(catalogue, said)).collect();
        answers.insert(kind.into(), json!(list));
    };
    if !asked.pdq.is_empty() {
        let parse = |(i, text): (usize, &String)| text.parse::<Hash256>().map_err(|error| wrong("pdq", i, error));
        let hashes = asked.pdq.iter().enumerate().map(parse).collect::<Result<Vec<Hash256>, Refusal>>()?;
        add("pdq", catalogue.ask(&hashes, now));
    }
    for (kind, texts) in [(Kind::Md5, &asked.md5), (Kind::Sha1, &asked.sha1), (Kind::Sha256, &asked.sha256)] {
        if texts.is_empty() {
            continue;
        }
        let name = kind.to_string();
        let ask = |(i, text): (usize, &String)| {
            let fingerprint = Fingerprint::from_hex(kind, text).map_err(|error| wrong(&name, i, error))?;
            Ok(catalogue.ask_digest(&fingerprint, now))
        };
        add(&name, texts.iter().enumerate().map(ask).collect::<Result<Vec<Said>, Refusal>>()?);
    }
    let bytes = serde_json::to_vec(&answers).map_err(Refusal::bad)?;
    Ok((bytes, n_asked, n_matched))
}

fn of_file(catalogue: &Catalogue, hashed: &Hashed) -> (Vec<u8>, usize, usize) {
    let now = now();
    let mut said: Vec<Said> = hashed.digests.iter().map(|digest| catalogue.ask_digest(digest, now)).collect();
    let looked_up = hashed.picture.as_ref().map_or(&[][..], |picture| &picture.to_look_up);
    said.extend(catalogue.ask(looked_up, now));
    let (n_asked, n_matched) = (said.len(), said.iter().filter(|said| !said.hits.is_empty()).count());
    let mut hits: Vec<Hit> = said.iter().flat_map(|said| said.hits.iter().copied()).collect();
    hits.sort_by_key(|hit| (hit.found.distance_bits, hit.bank, hit.found.number));
    hits.dedup_by_key(|hit| (hit.bank, hit.found.number));
    let suppressed_by = if hits.is_empty() { said.iter().find_map(|said| said.suppressed_by) } else { None };
    let mut value = hashes(hashed);
    value["answer"] = json!(answer(catalogue, &Said { hits, suppressed_by }));
    (value.to_string().into_bytes(), n_asked, n_matched)
}

fn answer<'a>(catalogue: &'a Catalogue, said: &Said) -> Answer<'a> {
    let matched = |hit: &Hit| {
        let shelf = &catalogue.shelves[hit.bank];
        Matched { bank: &shelf.header.name, entry: shelf.id(hit.found.number), distance_bits: hit.found.distance_bits }
    };
    Answer { matches: said.hits.iter().map(matched).collect(), suppressed_by: said.suppressed_by.as_ref().map(matched) }
}

/// `GET /v1/banks`
pub(super) async fn banks(State(service): State<Shared>) -> Json<Value> {
    let catalogue = service.catalogue();
    let banks = catalogue.shelves.iter().map(|shelf| {
        let bank = shelf.bank();
        let rules = bank.rules();
        let quarantined: Vec<&str> = bank.quarantined().map(|number| shelf.id(number)).collect();
        json!({
            "name": shelf.header.name, "version": shelf.header.version, "source": shelf.header.source,
            "created": shelf.header.created.to_string(), "entries": shelf.n_entries, "hashes": shelf.index.len(),
            "radius_bits": rules.radius_bits, "enabled_permille": rules.enabled_permille,
            "harmless": rules.meaning == known::bank::Meaning::Harmless, "quarantined": quarantined,
        })
    });
    Json(json!({ "banks": banks.collect::<Vec<Value>>() }))
}

/// `POST /v1/banks/<bank>/entries/<entry>/release`: a person has looked at an entry that matched a flood.
pub(super) async fn release(
    State(service): State<Shared>,
    Path((bank, entry)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    decide(&service, &bank, &entry, |bank, number| bank.release(number))
}

#[derive(Deserialize)]
pub(super) struct Until {
    until: String,
}

/// `POST /v1/banks/<bank>/entries/<entry>/disable?until=`: the entry matches nothing until then.
pub(super) async fn disable(
    State(service): State<Shared>,
    Path((bank, entry)): Path<(String, String)>,
    Query(Until { until }): Query<Until>,
) -> Result<Json<Value>, Refusal> {
    let until: Instant = until.parse().map_err(Refusal::bad)?;
    decide(&service, &bank, &entry, |bank, number| bank.disable(number, until))
}

fn decide(
    service: &Shared,
    bank: &str,
    entry: &str,
    decide: impl Fn(&mut known::bank::Bank, u32),
) -> Result<Json<Value>, Refusal> {
    let missing = |what: &str| Refusal(StatusCode::NOT_FOUND, format!("there is no {what} of this name"));
    let catalogue = service.catalogue();
    let shelf = catalogue.bank(bank).ok_or_else(|| missing("bank"))?;
    let numbers = shelf.numbers(entry);
    if numbers.is_empty() {
        return Err(missing("entry"));
    }
    let mut bank = shelf.bank();
    numbers.iter().for_each(|number| decide(&mut bank, *number));
    Ok(Json(json!({ "entries": numbers.len() })))
}
