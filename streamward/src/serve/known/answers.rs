//! What is read from an upload, and how do errors look?

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use known::{Digester, Fingerprint, Hash256, Instant};
use serde_json::json;

use super::Service;
use crate::picture::{Picture, Refused, Shrink, hashes_to_look_up};

/// A status with a sentence, as `{"message": …}`; so HMA's clients expect it too.
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl Refusal {
    pub(super) fn bad(why: impl std::fmt::Display) -> Refusal {
        Refusal(StatusCode::BAD_REQUEST, why.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "message": self.1 }))).into_response()
    }
}

/// The hashes of an upload.
pub(super) struct Hashed {
    /// MD5, SHA-1, SHA-256.
    pub(super) digests: [Fingerprint; 3],
    /// What only a picture has.
    pub(super) picture: Option<HashedPicture>,
}

pub(super) struct HashedPicture {
    pub(super) pdq: known::pdq::Pdq,
    pub(super) size: (usize, usize),
    /// Of the whole and of the part inside flat bars, where they have enough detail to match.
    pub(super) to_look_up: Vec<Hash256>,
}

impl Service {
    /// Hashes an upload on a thread of its own; few pictures are unpacked side by side.
    pub(super) async fn hash(&self, bytes: impl AsRef<[u8]> + Send + 'static) -> Result<Hashed, Refusal> {
        let ended = |_| Refusal(StatusCode::SERVICE_UNAVAILABLE, "the service is stopping".into());
        let _turn = self.unpacking.acquire().await.map_err(ended)?;
        tokio::task::spawn_blocking(move || hash(bytes.as_ref()))
            .await
            .map_err(|_| Refusal(StatusCode::INTERNAL_SERVER_ERROR, "this picture could not be hashed".into()))?
    }
}

fn hash(bytes: &[u8]) -> Result<Hashed, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::bad("there is nothing to hash"));
    }
    let mut digester = Digester::default();
    digester.update(bytes);
    let digests = digester.finish().fingerprints();
    let picture = match Picture::decode(bytes) {
        Ok(picture) => Some(HashedPicture {
            pdq: picture.pdq(Shrink::AsMeta),
            size: picture.size(),
            to_look_up: hashes_to_look_up(&picture, known::pdq::QUALITY_MIN),
        }),
        Err(Refused::NotAPicture) => None,
        Err(refused @ (Refused::TooLarge { .. } | Refused::TooMuchMemory)) => {
            return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, refused.to_string()));
        }
        Err(refused @ (Refused::Broken(_) | Refused::CutShort)) => {
            return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, refused.to_string()));
        }
    };
    Ok(Hashed { digests, picture })
}

pub(super) fn now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant::from_unix_s(since.as_secs() as i64)
}
