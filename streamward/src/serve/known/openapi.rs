//! How is the service described to programs?

use axum::http::header;
use axum::response::IntoResponse;

pub(super) const TEXT: &str = include_str!("openapi.json");

/// `GET /openapi.json`, OpenAPI 3.1.
pub(super) async fn show() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], TEXT)
}
