//! What does the guard do in a browser? `/demo` shows it, without a camera.
//!
//! The page is a folder of files that `script/browser` builds; any web server can serve it as well. It is looked for
//! where `--demo` says, beside the installed program, and in the checkout that this program was built from.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

/// `/demo/` and the files below it.
pub(super) fn routes(folder: Option<PathBuf>) -> Router {
    let folder = folder.or_else(found);
    let page = folder.clone();
    Router::new()
        .route("/demo", get(async || Redirect::permanent("/demo/")))
        .route("/demo/", get(async move || file(page.as_deref(), "index.html").await))
        .route(
            "/demo/{*path}",
            get(async move |path: axum::extract::Path<String>| file(folder.as_deref(), &path).await),
        )
}

/// The first of the usual places that has the page.
fn found() -> Option<PathBuf> {
    let beside =
        std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("../share/streamward/demo")));
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../browser/dist-demo");
    beside.into_iter().chain([built]).find(|folder| folder.join("index.html").is_file())
}

async fn file(folder: Option<&Path>, name: &str) -> Response {
    let Some(folder) = folder else {
        let words =
            "The demonstration is not built here.\nTo do: run script/browser, or name its folder with --demo.\n";
        return (StatusCode::NOT_FOUND, words).into_response();
    };
    // Plain names in the folder or in `assets`, and nothing else: no way leads out of it.
    let parts: Vec<&str> = name.split('/').collect();
    let is_plain =
        |part: &&str| !part.starts_with('.') && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let is_inside = match parts.as_slice() {
        [name] => is_plain(name),
        ["assets", name] => is_plain(name),
        _ => false,
    };
    if !is_inside {
        return StatusCode::NOT_FOUND.into_response();
    }
    match tokio::fs::read(folder.join(name)).await {
        Ok(bytes) => {
            ([(header::CONTENT_TYPE, kind_of(name)), (header::CACHE_CONTROL, "no-cache")], bytes).into_response()
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        // A browser compiles a module while it arrives only under this name.
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_of_the_folder_are_served_and_no_others() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("demo");
        std::fs::create_dir_all(folder.join("assets")).unwrap();
        std::fs::write(place.path().join("secret"), "not to be served").unwrap();
        std::fs::write(folder.join("index.html"), "<h1>").unwrap();
        std::fs::write(folder.join("assets/a.wasm"), "wasm").unwrap();
        for (name, expected) in [
            ("index.html", StatusCode::OK),
            ("assets/a.wasm", StatusCode::OK),
            ("../secret", StatusCode::NOT_FOUND),
            ("assets/../../secret", StatusCode::NOT_FOUND),
            ("..%2fsecret", StatusCode::NOT_FOUND),
            ("/etc/passwd", StatusCode::NOT_FOUND),
            ("nothing.js", StatusCode::NOT_FOUND),
            ("assets", StatusCode::NOT_FOUND),
        ] {
            assert_eq!(file(Some(&folder), name).await.status(), expected, "{name}");
        }
        assert_eq!(file(Some(&folder), "assets/a.wasm").await.headers()[header::CONTENT_TYPE], "application/wasm");
        assert_eq!(file(None, "index.html").await.status(), StatusCode::NOT_FOUND);
    }
}
