//! What does every answer tell the browser not to do?
//!
//! A part that needs more, as a page with WebAssembly does, sets its own header; what is set already stays.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Each header and what it says.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: under it Chromium sends `Origin: null` with our own forms.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

/// Adds the headers that are not there yet.
pub(super) async fn add(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Refuses what another site's page makes a browser send.
///
/// Browsers say where a request comes from in `Sec-Fetch-Site` and `Origin`; programs say neither and are let through,
/// for they hold no session's cookie that somebody else could use.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    match is_own(&request) {
        true => next.run(request).await,
        false => (StatusCode::FORBIDDEN, "this was asked by another site's page, and was not done\n").into_response(),
    }
}

fn is_own(request: &Request) -> bool {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    // No page can set this one, so where it is there it decides.
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return is_safe || matches!(site, "same-origin" | "none");
    }
    let is_own_origin = match (text(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, rest)| rest == host),
        (Some(_), None) => false,
    };
    is_safe || is_own_origin
}
