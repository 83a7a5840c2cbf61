//! `streamward fake exchange`: an exchange of hashes to practise with.
//!
//! It stands for NCMEC's hash sharing, version 2 (paths below `/v2`), and for StopNCII (`/FetchHashes`,
//! `/SubmitFeedback`), neither of which can be had here. It checks what it is asked as its public clients ask it, and
//! is as unkind as they say the real ones are: entries are not in the order of their times, pages are short, tokens for
//! the next page are refused when they belong to another question, and with `--faults` one answer in some is an error,
//! a request to wait, or cut short. All hashes are random numbers.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use clap::Args;
use known::exchange::feedback::STOPNCII_VALUES;
use known::{Fingerprint, Hash256, Instant};
use serde::Deserialize;
use serde_json::{Value, json};

/// An exchange of hashes that holds nothing but random numbers.
///
/// The account is `fake` with the password `fake`; StopNCII's keys are `fake`. `POST /fake/more?n=N` brings new entries,
/// `POST /fake/delete?every=K` deletes one in K, `GET /fake/truth` lists what a true copy has, `GET /fake/feedback` what was told.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Where to listen; only addresses of this machine.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8422")]
    listen: SocketAddr,
    /// Entries to begin with.
    #[arg(long, default_value_t = 5000)]
    entries: usize,
    /// Entries in a page; the real ones send about 1000 and 800.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    page: u16,
    /// So many percent of answers are faults.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=90))]
    faults: u8,
    /// What the random numbers begin with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

type Shared = Arc<Mutex<Exchange>>;

struct Exchange {
    entries: Vec<Held>,
    page: usize,
    faults: u64,
    random: u64,
    feedback: Vec<Value>,
}

/// One entry; its number is its place.
struct Held {
    at: Instant,
    is_deleted: bool,
    pdq: Hash256,
    md5: Fingerprint,
}

/// Who brings all entries, and the one reason to call an entry wrong.
const MEMBER: u64 = 42;
const REASON_ID: &str = "01234567-abcd-0123-4567-012345678900";

pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    if !arguments.listen.ip().is_loopback() {
        bail!(
            "{} can be reached from elsewhere\n  to do: listen on an address of this machine, such as 127.0.0.1:8422",
            arguments.listen
        );
    }
    let mut exchange = Exchange {
        entries: Vec::new(),
        page: usize::from(arguments.page),
        faults: u64::from(arguments.faults),
        random: arguments.seed,
        feedback: Vec::new(),
    };
    // Their times lie in the last months, in another order than their numbers.
    let (n, newest) = (arguments.entries, now().unix_s() - 60);
    (0..n).for_each(|i| exchange.bring(Instant::from_unix_s(newest - (i as i64 * 7919) % (n as i64).max(1) * 60)));
    for held in exchange.entries.iter_mut().step_by(13) {
        held.is_deleted = true;
    }
    let routes = Router::new()
        .route("/v2/status", get(status))
        .route("/v2/entries", get(entries))
        .route("/v2/feedback/{kind}/reasons", get(reasons))
        .route("/v2/entries/{member}/{id}/{kind}/feedback", put(ncmec_feedback))
        .route("/FetchHashes", get(fetch_hashes))
        .route("/SubmitFeedback", post(stopncii_feedback))
        .route("/fake/more", post(more))
        .route("/fake/delete", post(delete))
        .route("/fake/truth", get(truth))
        .route("/fake/feedback", get(feedback))
        .with_state(Arc::new(Mutex::new(exchange)));
    let listener = tokio::net::TcpListener::bind(arguments.listen).await.context("cannot listen there")?;
    println!("http://{}", listener.local_addr()?);
    eprintln!("this is no exchange: it holds random numbers, to practise with");
    axum::serve(listener, routes).await?;
    Ok(ExitCode::SUCCESS)
}

fn now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant::from_unix_s(since.as_secs() as i64)
}

fn lock(exchange: &Shared) -> MutexGuard<'_, Exchange> {
    exchange.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Exchange {
    fn bring(&mut self, at: Instant) {
        let pdq = Hash256(std::array::from_fn(|_| self.chance() as u8));
        let md5 = Fingerprint::Md5(std::array::from_fn(|_| self.chance() as u8));
        self.entries.push(Held { at, is_deleted: false, pdq, md5 });
    }

    /// SplitMix64, its upper half.
    fn chance(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) >> 32
    }

    /// The places of entries between two moments, from a place on, and the first place that did not fit.
    fn select(&self, from: Instant, to: Instant, start: usize) -> (Vec<usize>, Option<usize>) {
        let mut places = (start..self.entries.len()).filter(|i| (from..=to).contains(&self.entries[*i].at));
        let page: Vec<usize> = places.by_ref().take(self.page).collect();
        (page, places.next())
    }

    /// Makes an answer a fault, one time in some.
    fn fault(&mut self, content_type: &'static str, body: String) -> Response {
        let plain = |body: String| ([(header::CONTENT_TYPE, content_type)], body).into_response();
        if self.chance() % 100 >= self.faults {
            return plain(body);
        }
        match self.chance() % 4 {
            0 => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")], "slow down").into_response(),
            1 => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")], "busy").into_response(),
            2 => (StatusCode::BAD_GATEWAY, "<html>bad gateway</html>").into_response(),
            _ => {
                let end = self.chance() as usize % body.len().max(1);
                plain(body.chars().take(end).collect())
            }
        }
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, why.to_owned()).into_response()
}

/// Basic access authentication of fake:fake.
fn is_ncmec_account(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(|value| value == "Basic ZmFrZTpmYWtl")
}

fn is_stopncii_account(headers: &HeaderMap) -> bool {
    ["x-functions-key", "Ocp-Apim-Subscription-Key"]
        .iter()
        .all(|name| headers.get(*name).is_some_and(|value| value == "fake"))
}

async fn status(headers: HeaderMap) -> Response {
    if !is_ncmec_account(&headers) {
        return refuse(StatusCode::UNAUTHORIZED, "who are you?");
    }
    xml("status", &format!("<member id=\"{MEMBER}\">fake</member>")).into_response()
}

fn xml(root: &str, inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"https://hashsharing.ncmec.org/hashsharing/v2\">{inner}</{root}>"
    )
}

#[derive(Deserialize)]
struct Asked {
    from: String,
    to: String,
    start: Option<usize>,
    size: Option<usize>,
    max: Option<usize>,
}

async fn entries(State(exchange): State<Shared>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    if !is_ncmec_account(&headers) {
        return refuse(StatusCode::UNAUTHORIZED, "who are you?");
    }
    let (Ok(from), Ok(to)) = (asked.from.parse::<Instant>(), asked.to.parse::<Instant>()) else {
        return refuse(StatusCode::BAD_REQUEST, "from and to are moments");
    };
    let mut exchange = lock(&exchange);
    let n_pages_words = [asked.start.is_some(), asked.size.is_some(), asked.max.is_some()];
    let is_first = n_pages_words == [false; 3];
    if from >= to || !(is_first || n_pages_words == [true; 3]) {
        return refuse(StatusCode::BAD_REQUEST, "the range is empty, or only part of a page is named");
    }
    let (places, next) = exchange.select(from, to, asked.start.unwrap_or(0));
    let (mut images, mut videos) = (Vec::new(), Vec::new());
    for place in places {
        if place % 5 == 4 { videos.push(place) } else { images.push(place) }
    }
    let mut inner = String::new();
    for (group, name, kind, gone) in
        [(&images, "images", "image", "deletedImage"), (&videos, "videos", "video", "deletedVideo")]
    {
        let Some(newest) = group.iter().map(|place| exchange.entries[*place].at).max() else { continue };
        inner += &format!("\n<{name} count=\"{}\" maxTimestamp=\"{newest}\">", group.len());
        for place in group {
            let held = &exchange.entries[*place];
            let tag = if held.is_deleted { gone } else { kind };
            inner += &format!(
                "\n<{tag}><member id=\"{MEMBER}\">fake</member><timestamp>{}</timestamp><id>e{place}</id>",
                held.at
            );
            if !held.is_deleted {
                inner += &format!("<classification>A1</classification><fingerprints><md5>{}</md5>", held.md5);
                inner += &format!("<pdq>{}</pdq><pdna>x</pdna></fingerprints>", held.pdq);
            }
            inner += &format!("</{tag}>");
        }
        inner += &format!("</{name}>");
    }
    if let Some(next) = next {
        let (page, max) = (exchange.page, exchange.entries.len());
        inner += &format!(
            "\n<paging><next>/v2/entries?from={from}&amp;to={to}&amp;start={next}&amp;size={page}&amp;max={max}</next></paging>"
        );
    }
    let body = xml("queryResult", &inner);
    exchange.fault("application/xml", body)
}

async fn reasons(headers: HeaderMap, Path(_kind): Path<String>) -> Response {
    match is_ncmec_account(&headers) {
        true => xml(
            "feedback",
            &format!(
                "<availableFeedbackReasons><reason guid=\"{REASON_ID}\" name=\"other\"/></availableFeedbackReasons>"
            ),
        )
        .into_response(),
        false => refuse(StatusCode::UNAUTHORIZED, "who are you?"),
    }
}

async fn ncmec_feedback(
    State(exchange): State<Shared>,
    headers: HeaderMap,
    Path((member, id, kind)): Path<(u64, String, String)>,
    body: String,
) -> Response {
    if !is_ncmec_account(&headers) {
        return refuse(StatusCode::UNAUTHORIZED, "who are you?");
    }
    let mut exchange = lock(&exchange);
    let place = id.strip_prefix('e').and_then(|place| place.parse::<usize>().ok());
    let is_there =
        member == MEMBER && place.and_then(|place| exchange.entries.get(place)).is_some_and(|held| !held.is_deleted);
    if !is_there || !["MD5", "PDQ"].contains(&kind.as_str()) {
        return refuse(StatusCode::NOT_FOUND, "there is no such entry, or not with such a hash");
    }
    let is_xml =
        headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/xml"));
    // The two documents that the public client writes; spaces between elements do not matter.
    let plain: String = body.split('>').map(str::trim_start).collect::<Vec<_>>().join(">");
    let of = |inner: &str| {
        format!(
            "<feedbackSubmission xmlns=\"https://hashsharing.ncmec.org/hashsharing/v2\">{inner}</feedbackSubmission>"
        )
    };
    let wrong = of(&format!("<negative><reasonIds><guid>{REASON_ID}</guid></reasonIds></negative>"));
    let is_right = match (is_xml, plain) {
        (false, _) => return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/xml is needed"),
        (true, plain) if plain == of("<affirmative/>") || plain == of("<affirmative></affirmative>") => true,
        (true, plain) if plain == wrong => false,
        (true, _) => return refuse(StatusCode::BAD_REQUEST, "this is no feedbackSubmission"),
    };
    exchange.feedback.push(json!({ "entry": id, "kind": kind, "right": is_right }));
    exchange.fault("application/xml", xml("feedback", ""))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fetch {
    start_timestamp: i64,
    page_size: usize,
    next_page_token: Option<String>,
}

async fn fetch_hashes(State(exchange): State<Shared>, headers: HeaderMap, Query(fetch): Query<Fetch>) -> Response {
    if !is_stopncii_account(&headers) {
        return refuse(StatusCode::UNAUTHORIZED, "who are you?");
    }
    let mut exchange = lock(&exchange);
    // A token is good for the question that it was given for, and for no other.
    let start = match fetch.next_page_token.as_deref().map(|token| token.split_once('.')) {
        None => Some(0),
        Some(Some((asked, start))) if asked == fetch.start_timestamp.to_string() => start.parse().ok(),
        Some(_) => None,
    };
    let Some(start) = start.filter(|_| (1..=1000).contains(&fetch.page_size)) else {
        return refuse(StatusCode::BAD_REQUEST, "the token or the size of the page is wrong");
    };
    let (from, to) = (Instant::from_unix_s(fetch.start_timestamp), Instant::from_unix_s(i64::MAX));
    let (places, next) = exchange.select(from, to, start);
    let newest = places.iter().map(|place| exchange.entries[*place].at).max().unwrap_or(from);
    let records: Vec<Value> = places
        .iter()
        .map(|place| {
            let held = &exchange.entries[*place];
            let status = if held.is_deleted { "Withdrawn" } else { "Active" };
            let is_video = place % 5 == 4;
            let value = if is_video { held.md5.to_string() } else { held.pdq.to_string() };
            json!({
                "lastModtimestamp": held.at.unix_s(), "signalType": if is_video { "VideoMD5" } else { "ImagePDQ" },
                "hashValue": value, "hashStatus": status, "caseNumbers": { format!("c{place}"): status },
            })
        })
        .collect();
    let body = json!({
        "count": records.len(), "nextPageToken": next.map(|next| format!("{}.{next}", fetch.start_timestamp)),
        "nextSetTimestamp": newest.unix_s(), "hasMoreRecords": next.is_some(), "hashRecords": records,
    });
    exchange.fault("application/json", body.to_string())
}

async fn stopncii_feedback(State(exchange): State<Shared>, headers: HeaderMap, body: String) -> Response {
    if !is_stopncii_account(&headers) {
        return refuse(StatusCode::UNAUTHORIZED, "who are you?");
    }
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let told = body["hashFeedbacks"].as_array().cloned().unwrap_or_default();
    let is_good = |told: &Value| {
        told["hashValue"].is_string()
            && told["tags"].is_array()
            && told["feedbackValue"].as_str().is_some_and(|value| STOPNCII_VALUES.contains(&value))
    };
    if told.is_empty() || body["count"].as_u64() != Some(told.len() as u64) || !told.iter().all(is_good) {
        return refuse(StatusCode::BAD_REQUEST, "this is no feedback");
    }
    let mut exchange = lock(&exchange);
    exchange.feedback.extend(told);
    exchange.fault("application/json", "{}".into())
}

#[derive(Deserialize)]
struct More {
    n: usize,
}

async fn more(State(exchange): State<Shared>, Query(More { n }): Query<More>) -> String {
    let mut exchange = lock(&exchange);
    (0..n).for_each(|_| exchange.bring(now()));
    format!("{} entries\n", exchange.entries.len())
}

#[derive(Deserialize)]
struct Delete {
    every: usize,
}

async fn delete(State(exchange): State<Shared>, Query(Delete { every }): Query<Delete>) -> String {
    let mut exchange = lock(&exchange);
    let mut n_deleted = 0;
    for held in exchange.entries.iter_mut().step_by(every.max(1)).filter(|held| !held.is_deleted) {
        (held.is_deleted, held.at) = (true, now());
        n_deleted += 1;
    }
    format!("{n_deleted} deleted\n")
}

/// Every PDQ and MD5 that is not deleted, a line each: `e<number> <pdq> <md5>`.
async fn truth(State(exchange): State<Shared>) -> String {
    let exchange = lock(&exchange);
    let held = exchange.entries.iter().enumerate().filter(|(_, held)| !held.is_deleted);
    held.map(|(place, held)| format!("e{place} {} {}\n", held.pdq, held.md5)).collect()
}

async fn feedback(State(exchange): State<Shared>) -> String {
    Value::Array(lock(&exchange).feedback.clone()).to_string()
}
