//! Where on JetStream do lists lie?
//!
//! In one bucket of its object store: the text of each version under its digest, what changed between two of them under
//! both, and the newest signatures under the list's name alone.

use std::path::Path;

use async_nats::jetstream::object_store::{self, ObjectStore};
use known::list::SIGNATURES_BYTES_MAX;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{ANSWER_MAX, JetStream};
use crate::Error;
use crate::lists::hex;

/// The bucket.
const LISTS: &str = "streamward-lists";
/// No text or delta is longer, bytes: a hundred million entries, and room.
const TEXT_BYTES_MAX: u64 = 64 << 30;

type Digest = [u8; 32];

/// The bucket of lists.
#[derive(Clone)]
pub struct Lists {
    bus: JetStream,
    store: ObjectStore,
}

impl JetStream {
    /// The bucket of lists, made where it is missing.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub async fn lists(&self, n_replicas: usize) -> Result<Lists, Error> {
        let store = match self.context.get_object_store(LISTS).await {
            Ok(store) => store,
            Err(_) => {
                let config =
                    object_store::Config { bucket: LISTS.into(), num_replicas: n_replicas, ..Default::default() };
                self.context.create_object_store(config).await.map_err(|why| self.failed(&why))?
            }
        };
        Ok(Lists { bus: self.clone(), store })
    }
}

fn signatures(list: &str) -> String {
    format!("signatures/{list}")
}

fn text(list: &str, sha256: &Digest) -> String {
    format!("text/{list}/{}", hex(sha256))
}

fn delta(list: &str, from: &Digest, to: &Digest) -> String {
    format!("delta/{list}/{}-{}", hex(from), hex(to))
}

impl Lists {
    /// The newest signatures of a list, as somebody put them there; none where nobody did.
    ///
    /// # Errors
    /// [`Error::Bus`] when nothing is heard, or they are longer than any.
    pub async fn signatures(&self, list: &str) -> Result<Option<Vec<u8>>, Error> {
        let asked = async {
            let Some(mut object) = self.get(&signatures(list)).await? else { return Ok(None) };
            let mut bytes = Vec::new();
            let limit = SIGNATURES_BYTES_MAX as u64 + 1;
            (&mut object).take(limit).read_to_end(&mut bytes).await.map_err(|why| self.bus.failed(&why))?;
            Ok(Some(bytes))
        };
        tokio::time::timeout(5 * ANSWER_MAX, asked).await.map_err(|_| self.bus.failed(&"it does not answer"))?
    }

    /// Writes the text of a version into a file; false where it is not there.
    ///
    /// # Errors
    /// [`Error::Bus`], [`Error::File`].
    pub async fn fetch_text(&self, list: &str, sha256: &Digest, to: &Path) -> Result<bool, Error> {
        self.fetch(&text(list, sha256), to).await
    }

    /// Writes what changed between two versions into a file; false where it is not there.
    ///
    /// # Errors
    /// [`Error::Bus`], [`Error::File`].
    pub async fn fetch_delta(&self, list: &str, from: &Digest, into: &Digest, to: &Path) -> Result<bool, Error> {
        self.fetch(&delta(list, from, into), to).await
    }

    /// Puts the text of a version there.
    ///
    /// # Errors
    /// [`Error::Bus`], [`Error::File`].
    pub async fn put_text(&self, list: &str, sha256: &Digest, from: &Path) -> Result<(), Error> {
        let failed = |source| Error::File { what: "read", path: from.into(), source };
        let mut file = tokio::fs::File::open(from).await.map_err(failed)?;
        let put = self.store.put(text(list, sha256).as_str(), &mut file).await;
        put.map(drop).map_err(|why| self.bus.failed(&why))
    }

    /// Puts there what changed between two versions.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub async fn put_delta(&self, list: &str, from: &Digest, to: &Digest, mut changed: &[u8]) -> Result<(), Error> {
        let put = self.store.put(delta(list, from, to).as_str(), &mut changed).await;
        put.map(drop).map_err(|why| self.bus.failed(&why))
    }

    /// Says which version is the newest. Nobody has to believe it.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub async fn put_signatures(&self, list: &str, mut bytes: &[u8]) -> Result<(), Error> {
        let put = self.store.put(signatures(list).as_str(), &mut bytes).await;
        put.map(drop).map_err(|why| self.bus.failed(&why))
    }

    async fn get(&self, object: &str) -> Result<Option<object_store::Object>, Error> {
        let got = tokio::time::timeout(ANSWER_MAX, self.store.get(object)).await;
        match got.map_err(|_| self.bus.failed(&"it does not answer"))? {
            Ok(object) => Ok(Some(object)),
            Err(why) if why.kind() == object_store::GetErrorKind::NotFound => Ok(None),
            Err(why) => Err(self.bus.failed(&why)),
        }
    }

    async fn fetch(&self, object: &str, to: &Path) -> Result<bool, Error> {
        let failed = |source| Error::File { what: "write", path: to.into(), source };
        let Some(object) = self.get(object).await? else { return Ok(false) };
        let mut file = tokio::fs::File::create(to).await.map_err(failed)?;
        let mut limited = object.take(TEXT_BYTES_MAX);
        let mut buffer = vec![0; 1 << 17];
        loop {
            // The bus may stop sending in the middle of it.
            let read = tokio::time::timeout(5 * ANSWER_MAX, limited.read(&mut buffer)).await;
            let n = read.map_err(|_| self.bus.failed(&"it does not answer"))?.map_err(|why| self.bus.failed(&why))?;
            if n == 0 {
                break;
            }
            file.write_all(&buffer[..n]).await.map_err(failed)?;
        }
        file.sync_all().await.map_err(failed)?;
        Ok(true)
    }
}
