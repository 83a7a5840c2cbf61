//! What would the CyberTipline answer?
//!
//! Source: the authority's schema, and what public clients say of its documentation (codes: its Appendix D). Only
//! `/finish` files; a second one answers 5102; what is not finished is deleted after 24 hours, or one hour after its last
//! change, whichever is later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use md5::{Digest, Md5};
use serde_json::json;

use super::faults::{Fault, Kind};
use crate::cybertip::schema::Schema;

/// The longest request that is read, in bytes.
const LEN_MAX: usize = 1 << 30;
/// How long an unfinished report stays after it was opened, and after its last change.
const STAYS: Duration = Duration::from_secs(24 * 3600);
const STAYS_AFTER_CHANGE: Duration = Duration::from_secs(3600);

/// The state of the server, shared by its requests.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Mutex<Inside>>);

struct Inside {
    schema: Option<Schema>,
    login: String,
    faults: Vec<Fault>,
    reports: BTreeMap<i64, Opened>,
    n_opened: i64,
    n_requests: u64,
    forward: Duration,
}

/// A report as it stands here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opened {
    opened_at: Timestamp,
    changed_at: Timestamp,
    /// Each file that was uploaded.
    pub(crate) files: Vec<Arrived>,
    /// Whether `/finish` was asked.
    pub(crate) is_finished: bool,
    /// Whether `/retract` was asked.
    pub(crate) is_retracted: bool,
}

/// A file as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// Its name here: 32 hexadecimal digits.
    pub(crate) file_id: String,
    /// MD5 of what arrived.
    pub(crate) md5: String,
    /// What was said of it.
    pub(crate) details: Option<String>,
}

/// What is asked, when it could be read.
enum Asked {
    Submit(String),
    Upload { report_id: i64, bytes: Bytes },
    Describe(String),
    Finish(i64),
    Retract(i64),
    Status,
}

/// What is answered.
struct Said {
    code: i64,
    description: &'static str,
    report_id: Option<i64>,
    file_id: Option<String>,
    md5: Option<String>,
    finished: Option<Vec<String>>,
}

/// The routes of the server.
pub(crate) fn routes(fake: Fake) -> Router {
    Router::new()
        .route("/status", get(answer))
        .route("/submit", post(answer))
        .route("/upload", post(answer))
        .route("/fileinfo", post(answer))
        .route("/finish", post(answer))
        .route("/retract", post(answer))
        .route("/xsd", get(xsd))
        .route("/-/reports", get(reports))
        .route("/-/clock", post(clock))
        .layer(DefaultBodyLimit::max(LEN_MAX))
        .with_state(fake)
}

impl Fake {
    /// A server with this schema that lets in who has this name and password, and in which this goes wrong.
    pub(crate) fn new(schema: Option<Schema>, user: &str, password: &str, faults: Vec<Fault>) -> Fake {
        Fake(Arc::new(Mutex::new(Inside {
            schema,
            login: format!("{user}:{password}"),
            faults,
            reports: BTreeMap::new(),
            n_opened: 4_564_653,
            n_requests: 0,
            forward: Duration::ZERO,
        })))
    }

    /// Puts the clock forward.
    pub(crate) fn forward(&self, by: Duration) {
        self.inside().forward += by;
    }

    /// Lets something else go wrong from the next request on, which is request 1.
    #[cfg(test)]
    pub(crate) fn set_faults(&self, faults: Vec<Fault>) {
        let mut inside = self.inside();
        inside.faults = faults;
        inside.n_requests = 0;
    }

    /// Forgets every report, and what was to go wrong.
    #[cfg(test)]
    pub(crate) fn forget(&self) {
        self.set_faults(vec![]);
        self.inside().reports.clear();
    }

    /// Every report as it stands now.
    pub(crate) fn reports(&self) -> BTreeMap<i64, Opened> {
        let mut inside = self.inside();
        inside.expire();
        inside.reports.clone()
    }

    fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn xsd(State(fake): State<Fake>, headers: HeaderMap) -> Response {
    let inside = fake.inside();
    if !inside.is_let_in(&headers) {
        return not_let_in();
    }
    match &inside.schema {
        Some(schema) => ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], schema.text().to_owned()).into_response(),
        None => (StatusCode::NOT_FOUND, "this fake was started without --schema\n").into_response(),
    }
}

async fn reports(State(fake): State<Fake>) -> Response {
    let reports = fake.reports();
    let shown: Vec<_> = reports
        .iter()
        .map(|(report_id, report)| {
            let files: Vec<_> = report
                .files
                .iter()
                .map(|file| json!({ "file_id": file.file_id, "md5": file.md5, "is_described": file.details.is_some() }))
                .collect();
            json!({ "report_id": report_id, "is_finished": report.is_finished, "is_retracted": report.is_retracted, "files": files })
        })
        .collect();
    Json(json!({ "this_is": "a fake CyberTipline: nothing here was filed with anyone", "reports": shown }))
        .into_response()
}

/// The body is a number of seconds.
async fn clock(State(fake): State<Fake>, body: String) -> Response {
    match body.trim().parse::<u32>() {
        Ok(seconds) => {
            fake.forward(Duration::from_secs(u64::from(seconds)));
            "the clock was put forward\n".into_response()
        }
        Err(_) => (StatusCode::BAD_REQUEST, "the body must be a number of seconds\n").into_response(),
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let headers = request.headers().clone();
    let fault = {
        let mut inside = fake.inside();
        inside.n_requests += 1;
        inside.fault(&headers)
    };
    if !fake.inside().is_let_in(&headers) || fault == Some(Kind::NotLetIn) {
        return not_let_in();
    }
    let said = match fault {
        Some(kind) if !kind.is_done() => None,
        Some(_) | None => {
            let asked = read(request).await;
            Some(fake.inside().act(asked))
        }
    };
    let error = || Said::code(1000, "An internal error occurred");
    match (fault, said) {
        (None, said) => said.unwrap_or_else(error).into_response(),
        (Some(Kind::LostHash), said) => {
            let said = said.unwrap_or_else(error);
            Said { md5: said.md5.map(|_| "0".repeat(32)), ..said }.into_response()
        }
        (Some(Kind::Html), _) => {
            ([(header::CONTENT_TYPE, "text/html")], "<html><body>Please sign in</body></html>").into_response()
        }
        (Some(Kind::Unavailable), _) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        (Some(Kind::Hang), _) => std::future::pending().await,
        // A body that fails as it is written breaks the connection.
        (Some(Kind::Close | Kind::CloseAfter), _) => Response::new(broken_off()),
        (Some(Kind::Error | Kind::ErrorAfter | Kind::NotLetIn), _) => error().into_response(),
    }
}

fn broken_off() -> Body {
    struct Broken;
    impl axum::body::HttpBody for Broken {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
            std::task::Poll::Ready(Some(Err(std::io::ErrorKind::BrokenPipe.into())))
        }
    }
    Body::new(Broken)
}

async fn read(request: Request) -> Result<Asked, Said> {
    let wrong = |description| Said::code(4000, description);
    let path = request.uri().path().to_owned();
    let kind =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    match path.as_str() {
        "/status" => return Ok(Asked::Status),
        "/upload" => {
            let form = Multipart::from_request(request, &()).await.map_err(|_| wrong("The upload is no form"))?;
            return upload(form).await;
        }
        _ => {}
    }
    let body =
        axum::body::to_bytes(request.into_body(), LEN_MAX).await.map_err(|_| wrong("The body did not arrive"))?;
    let body = String::from_utf8(body.to_vec()).map_err(|_| wrong("The body is not UTF-8"))?;
    match path.as_str() {
        "/submit" | "/fileinfo" if !kind.starts_with("text/xml") => Err(wrong("The document is not text/xml")),
        "/submit" => Ok(Asked::Submit(body)),
        "/fileinfo" => Ok(Asked::Describe(body)),
        _ => {
            let id = body.split('&').find_map(|pair| pair.strip_prefix("id=")).and_then(|id| id.parse().ok());
            let id = id.ok_or(wrong("There is no id"))?;
            Ok(if path == "/finish" { Asked::Finish(id) } else { Asked::Retract(id) })
        }
    }
}

async fn upload(mut form: Multipart) -> Result<Asked, Said> {
    let wrong = |description| Said::code(4000, description);
    let (mut report_id, mut bytes) = (None, None);
    while let Some(field) = form.next_field().await.map_err(|_| wrong("The upload is cut short"))? {
        match field.name().map(str::to_owned).as_deref() {
            Some("id") => {
                let text = field.text().await.map_err(|_| wrong("The id cannot be read"))?;
                report_id = text.trim().parse().ok();
            }
            Some("file") => bytes = Some(field.bytes().await.map_err(|_| wrong("The upload is cut short"))?),
            Some(_) | None => return Err(wrong("There is a part that is neither id nor file")),
        }
    }
    match (report_id, bytes) {
        (Some(report_id), Some(bytes)) => Ok(Asked::Upload { report_id, bytes }),
        (None, _) => Err(wrong("There is no id")),
        (Some(_), None) => Err(wrong("There is no file")),
    }
}

impl Inside {
    fn now(&self) -> Timestamp {
        crate::clock::now().checked_add(self.forward).unwrap_or(Timestamp::MAX)
    }

    fn is_let_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let decoded = given.and_then(|value| value.strip_prefix("Basic ")).and_then(|text| STANDARD.decode(text).ok());
        decoded.is_some_and(|bytes| bytes == self.login.as_bytes())
    }

    fn fault(&self, headers: &HeaderMap) -> Option<Kind> {
        let asked =
            headers.get("X-Fault").and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<Fault>().ok());
        let now = |fault: &&Fault| fault.at.is_none_or(|at| at == self.n_requests);
        asked.or_else(|| self.faults.iter().find(now).copied()).map(|fault| fault.kind)
    }

    fn expire(&mut self) {
        let now = self.now();
        let later = |at: Timestamp, by: Duration| at.checked_add(by).unwrap_or(Timestamp::MAX);
        self.reports.retain(|_, report| {
            let until = later(report.opened_at, STAYS).max(later(report.changed_at, STAYS_AFTER_CHANGE));
            report.is_finished || now < until
        });
    }

    fn act(&mut self, asked: Result<Asked, Said>) -> Said {
        self.expire();
        let asked = match asked {
            Ok(asked) => asked,
            Err(said) => return said,
        };
        let outcome = match asked {
            Asked::Status => Ok(Said::code(0, "Remote User Name : a fake CyberTipline")),
            Asked::Submit(xml) => self.submit(&xml),
            Asked::Describe(xml) => self.describe(xml),
            Asked::Upload { report_id, bytes } => self.open(report_id).map(|report| {
                let md5: String = Md5::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                let file_id = crate::chance::token()[..32].to_owned();
                report.files.push(Arrived { file_id: file_id.clone(), md5: md5.clone(), details: None });
                let said = Said::code(0, "Success");
                Said { report_id: Some(report_id), file_id: Some(file_id), md5: Some(md5), ..said }
            }),
            Asked::Finish(report_id) => self.open(report_id).map(|report| {
                report.is_finished = true;
                let files = report.files.iter().map(|file| file.file_id.clone()).collect();
                Said { report_id: Some(report_id), finished: Some(files), ..Said::code(0, "Success") }
            }),
            Asked::Retract(report_id) => self.open(report_id).map(|report| {
                report.is_retracted = true;
                Said { report_id: Some(report_id), ..Said::code(0, "Success") }
            }),
        };
        outcome.unwrap_or_else(|said| said)
    }

    /// A report that can still be changed.
    fn open(&mut self, report_id: i64) -> Result<&mut Opened, Said> {
        let now = self.now();
        match self.reports.get_mut(&report_id) {
            None => Err(Said::code(5001, "Report does not exist")),
            Some(report) if report.is_finished => Err(Said::code(5102, "Report already finished")),
            Some(report) if report.is_retracted => Err(Said::code(5101, "Report was retracted")),
            Some(report) => {
                report.changed_at = now;
                Ok(report)
            }
        }
    }

    fn submit(&mut self, xml: &str) -> Result<Said, Said> {
        let found = self.checked(xml, "report", &["incidentDateTime"])?;
        let now = self.now();
        let is_past = match found.first() {
            Some(text) => match text.parse::<Timestamp>() {
                Ok(at) => at <= now,
                // The schema lets the zone be absent.
                Err(_) => true,
            },
            None => true,
        };
        if !is_past {
            return Err(Said::code(4100, "The incident lies in the future"));
        }
        self.n_opened += 1;
        let opened = Opened { opened_at: now, changed_at: now, ..Opened::default() };
        self.reports.insert(self.n_opened, opened);
        Ok(Said { report_id: Some(self.n_opened), ..Said::code(0, "Success") })
    }

    fn describe(&mut self, xml: String) -> Result<Said, Said> {
        let found = self.checked(&xml, "fileDetails", &["reportId", "fileId"])?;
        let [report_id, file_id] = found.as_slice() else { return Err(Said::code(4100, "A number is missing")) };
        if xml.contains("<exifViewedByEsp>") && !xml.contains("<fileViewedByEsp>") {
            return Err(Said::code(4100, "EXIF viewed without the file"));
        }
        let report_id = report_id.parse().map_err(|_| Said::code(4100, "A number is not one"))?;
        let report = self.open(report_id)?;
        let file = report.files.iter_mut().find(|file| file.file_id == *file_id);
        file.ok_or(Said::code(5002, "File does not exist"))?.details = Some(xml);
        Ok(Said { report_id: Some(report_id), ..Said::code(0, "Success") })
    }

    /// Checks a document whose root has this name, and gives the texts of the first elements with these names.
    fn checked(&self, xml: &str, root: &str, names: &[&str]) -> Result<Vec<String>, Said> {
        let invalid = || Said::code(4100, "The document does not follow the schema");
        if self.schema.as_ref().is_some_and(|schema| !schema.reasons(xml).is_empty()) || xml.contains("<!DOCTYPE") {
            return Err(invalid());
        }
        let document = uppsala::parse(xml).map_err(|_| Said::code(4000, "The document is not well-formed"))?;
        let element = document.document_element().and_then(|node| document.element(node));
        if element.is_none_or(|element| element.name.local_name != root) {
            return Err(invalid());
        }
        let text = |name: &&str| {
            let node = document.get_elements_by_tag_name(name).first().copied()?;
            Some(document.text_content_deep(node).trim().to_owned())
        };
        Ok(names.iter().filter_map(text).collect())
    }
}

impl Said {
    fn code(code: i64, description: &'static str) -> Said {
        Said { code, description, report_id: None, file_id: None, md5: None, finished: None }
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        let element = |name: &str, value: Option<String>| {
            value.map(|value| format!("<{name}>{value}</{name}>")).unwrap_or_default()
        };
        let code = element("responseCode", Some(self.code.to_string()));
        let report_id = element("reportId", self.report_id.map(|id| id.to_string()));
        let inside = match self.finished {
            Some(files) => {
                let files: String = files.into_iter().map(|file| element("fileId", Some(file))).collect();
                format!("<reportDoneResponse>{code}{report_id}<files>{files}</files></reportDoneResponse>")
            }
            None => {
                let description = element("responseDescription", Some(self.description.to_owned()));
                let (file_id, md5) = (element("fileId", self.file_id), element("hash", self.md5));
                format!("<reportResponse>{code}{description}{report_id}{file_id}{md5}</reportResponse>")
            }
        };
        let headers = [
            (header::CONTENT_TYPE, "text/xml; charset=utf-8".to_owned()),
            (header::SERVER, "a fake CyberTipline of streamward".to_owned()),
            (header::HeaderName::from_static("request-id"), crate::chance::token()[..16].to_owned()),
        ];
        (headers, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{inside}")).into_response()
    }
}

fn not_let_in() -> Response {
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"a fake CyberTipline\"")]).into_response()
}
