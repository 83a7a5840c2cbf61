//! Is it alive?

use axum::Router;
use axum::routing::get;

/// `/healthz`: the process answers. It says nothing about whether the parts behind it are ready.
pub(super) fn routes() -> Router {
    Router::new().route("/healthz", get(async || "ok\n"))
}
