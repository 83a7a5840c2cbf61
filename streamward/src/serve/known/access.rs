//! Who may ask for what, and how often?

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Result, anyhow};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Shared;

/// What a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Scope {
    /// Hashing.
    Hash,
    /// Matching and looking up.
    Match,
    /// Seeing what banks there are, and the measurements.
    Banks,
    /// Releasing and disabling entries.
    Curate,
}

/// The file of keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    key: Vec<Key>,
}

/// One key; the file holds its SHA-256, so that it gives nobody access.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    /// Whose it is.
    name: String,
    /// SHA-256 of the key's text, 64 hexadecimal digits: `printf %s KEY | sha256sum`.
    sha256: String,
    scopes: Vec<Scope>,
    /// Requests a second; the service's own limit where it is not set.
    rate: Option<u32>,
}

/// Keys, or nobody is asked for one.
pub(super) struct Access {
    keys: Option<HashMap<[u8; 32], Holder>>,
    anyone: Bucket,
}

struct Holder {
    scopes: Vec<Scope>,
    bucket: Bucket,
}

/// Requests that may still be made: refilled with time, up to a second's worth.
struct Bucket {
    rate: u32,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    fn new(rate: u32) -> Bucket {
        Bucket { rate, state: Mutex::new((f64::from(rate), Instant::now())) }
    }

    fn take(&self, now: Instant) -> bool {
        if self.rate == 0 {
            return true;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let refill = now.saturating_duration_since(state.1).as_secs_f64() * f64::from(self.rate);
        let level = (state.0 + refill).min(f64::from(self.rate));
        let is_enough = level >= 1.0;
        *state = (if is_enough { level - 1.0 } else { level }, now);
        is_enough
    }
}

impl Access {
    pub(super) fn read(file: Option<&Path>, rate: u32) -> Result<Access> {
        let anyone = Bucket::new(rate);
        let Some(file) = file else { return Ok(Access { keys: None, anyone }) };
        let trouble =
            |what: String| anyhow!("cannot use the keys in {}: {what}\n  to do: mend the file", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| trouble(error.to_string()))?;
        let read: File = toml::from_str(&text).map_err(|error| trouble(error.to_string()))?;
        let mut keys = HashMap::new();
        for key in read.key {
            let digest: known::Hash256 =
                key.sha256.parse().map_err(|error| trouble(format!("{}: {error}", key.name)))?;
            let bucket = Bucket::new(key.rate.unwrap_or(rate));
            if keys.insert(digest.0, Holder { scopes: key.scopes, bucket }).is_some() {
                return Err(trouble(format!("{}: this key is there twice", key.name)));
            }
        }
        Ok(Access { keys: Some(keys), anyone })
    }

    /// `Err` is what the asker is told.
    fn check(&self, headers: &HeaderMap, scope: Scope, now: Instant) -> Result<(), (StatusCode, &'static str)> {
        let Some(keys) = &self.keys else {
            return self.anyone.take(now).then_some(()).ok_or((StatusCode::TOO_MANY_REQUESTS, "too many requests"));
        };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
        // The digest is looked up, not the key: how long that takes says nothing about any key.
        let digest = bearer.or_else(|| text("x-api-key")).map(|key| <[u8; 32]>::from(Sha256::digest(key)));
        match digest.and_then(|digest| keys.get(&digest)) {
            None => Err((StatusCode::UNAUTHORIZED, "bring a key in the header Authorization: Bearer")),
            Some(holder) if !holder.scopes.contains(&scope) => {
                Err((StatusCode::FORBIDDEN, "this key does not open that"))
            }
            Some(holder) if !holder.bucket.take(now) => Err((StatusCode::TOO_MANY_REQUESTS, "too many requests")),
            Some(_) => Ok(()),
        }
    }
}

fn scope_of(path: &str) -> Scope {
    match path {
        "/v1/hash" | "/h/hash" => Scope::Hash,
        "/v1/match" | "/m/lookup" | "/m/raw_lookup" => Scope::Match,
        "/v1/banks" | "/metrics" => Scope::Banks,
        _ => Scope::Curate,
    }
}

/// Lets a request through to what it asks for, and counts it.
pub(super) async fn ask(State(service): State<Shared>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let path = super::metrics::Path::of(request.uri().path());
    let allowed = service.access.check(request.headers(), scope_of(request.uri().path()), began);
    let response = match allowed {
        Err((status, why)) => refusal(status, why),
        Ok(()) => match tokio::time::timeout(super::TIMEOUT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => refusal(StatusCode::GATEWAY_TIMEOUT, "this took too long"),
        },
    };
    service.metrics.answered(path, response.status(), began.elapsed());
    response
}

fn refusal(status: StatusCode, why: &'static str) -> Response {
    let body = axum::Json(json!({ "message": why }));
    match status {
        StatusCode::TOO_MANY_REQUESTS => (status, [(header::RETRY_AFTER, "1")], body).into_response(),
        StatusCode::UNAUTHORIZED => (status, [(header::WWW_AUTHENTICATE, "Bearer")], body).into_response(),
        _ => (status, body).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_and_no_more() {
        let (bucket, start) = (Bucket::new(5), Instant::now());
        let taken = |at_ms: u64| bucket.take(start + Duration::from_millis(at_ms));
        assert_eq!((0..7).filter(|_| taken(0)).count(), 5);
        assert!(!taken(100) && taken(300) && !taken(300));
        assert_eq!((0..20).filter(|_| taken(90_000)).count(), 5);
        assert!((0..1000).all(|_| Bucket::new(0).take(start)));
    }

    #[test]
    fn keys_open_what_their_scopes_say() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.toml");
        let digest = known::Hash256(Sha256::digest("secret").into());
        std::fs::write(
            &file,
            format!("[[key]]\nname = \"a\"\nsha256 = \"{digest}\"\nscopes = [\"match\"]\nrate = 2\n"),
        )
        .unwrap();
        let access = Access::read(Some(&file), 0).unwrap();
        let now = Instant::now();
        let ask = |name: &'static str, value: &'static str, scope| {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            access.check(&headers, scope, now).map_err(|(status, _)| status.as_u16())
        };
        assert_eq!(ask("authorization", "Bearer wrong", Scope::Match), Err(401));
        assert_eq!(ask("x-nothing", "secret", Scope::Match), Err(401));
        assert_eq!(ask("authorization", "Bearer secret", Scope::Curate), Err(403));
        assert_eq!(ask("authorization", "Bearer secret", Scope::Match), Ok(()));
        assert_eq!(ask("x-api-key", "secret", Scope::Match), Ok(()));
        assert_eq!(ask("x-api-key", "secret", Scope::Match), Err(429));
        std::fs::write(&file, "[[key]]\nname = \"a\"\nsha256 = \"12\"\nscopes = []\n").unwrap();
        assert!(Access::read(Some(&file), 0).is_err());
    }
}
