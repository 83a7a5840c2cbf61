//! What did an exchange of hashes send?
//!
//! Every format becomes one [`Page`] of [`Update`]s: entries that are new or changed, and entries to forget.
//! A page is read whole or not at all. Only fields are read that a public client or document establishes;
//! kinds of hashes that we cannot compare are counted, not guessed at:
//!
//! | format | established by |
//! |---|---|
//! | [`parse_ncmec`] | the hash-sharing v2 client in facebook/ThreatExchange (`clients/ncmec/hash_api.py`) |
//! | [`parse_threatexchange`] | `clients/fb_threatexchange/threat_updates.py`, same place |
//! | [`parse_stopncii`] | `clients/stopncii/api.py`, same place |
//! | [`parse_tech_against_terrorism`] | `clients/techagainstterrorism/api.py`, same place |
//! | [`parse_vics`] | two public excerpts of VICS 2.0; the full model is under formal agreement, so only `MediaID`, `MD5`, `SHA1` and `DateUpdated` are read |
//! | [`parse_csv`] | ours: a heading, then any of the columns `id`, `pdq`, `md5`, `sha1`, `sha256` |

mod csv;
pub mod feedback;
mod json;
mod ncmec;
pub mod sync;

use std::collections::BTreeMap;

pub use csv::parse_csv;
pub use json::{parse_stopncii, parse_tech_against_terrorism, parse_threatexchange, parse_vics};
pub use ncmec::parse_ncmec;

use crate::error::{Error, ExchangeError};
use crate::hash256::{parse_hex, shortened};
use crate::{Fingerprint, Instant};

/// The largest page that is read, in bytes.
pub const PAGE_BYTES_MAX: usize = 256 << 20;
/// The most entries in one page; exchanges send about a thousand.
pub const UPDATES_MAX: usize = 1_000_000;
/// The longest id, class or token.
pub const TEXT_BYTES_MAX: usize = 4096;

/// One answer of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What changed, in the order sent; where an id is there twice, the later one holds.
    pub updates: Vec<Update>,
    /// What to ask for next, as the exchange wrote it; `None` when the range is exhausted.
    pub next: Option<String>,
    /// Up to when the exchange says this page goes. Entries are not sorted by time:
    /// a checkpoint may move there only when [`Page::next`] is `None`.
    pub up_to: Option<Instant>,
    /// Hashes of kinds that are not read, by the exchange's name for the kind.
    pub n_not_read: BTreeMap<String, usize>,
}

/// One entry that is new, changed or gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// The entry's name at the exchange.
    pub id: String,
    /// The entry is to be forgotten.
    pub is_deleted: bool,
    /// Who brought it to the exchange.
    pub member: Option<String>,
    /// The exchange's own class, as it wrote it.
    pub class: Option<String>,
    /// When it was changed.
    pub changed_at: Option<Instant>,
    /// What it is compared by.
    pub fingerprints: Vec<Fingerprint>,
}

impl Page {
    /// Takes a hash in by the exchange's name for its kind.
    fn add(&mut self, update: &mut Update, kind: &str, value: &str) -> Result<(), ExchangeError> {
        let name = kind.to_ascii_lowercase();
        let known = match name.as_str() {
            "pdq" | "hash_pdq" | "imagepdq" => Some(value.parse().ok().map(Fingerprint::Pdq)),
            "md5" | "hash_md5" | "hash_video_md5" | "videomd5" => Some(digest(value).map(Fingerprint::Md5)),
            "sha1" | "hash_sha1" => Some(digest(value).map(Fingerprint::Sha1)),
            "sha256" | "hash_sha256" => Some(digest(value).map(Fingerprint::Sha256)),
            _ => None,
        };
        match known {
            Some(Some(fingerprint)) => update.fingerprints.push(fingerprint),
            Some(None) => return Err(ExchangeError::Hash { kind: shortened(kind), found: shortened(value) }),
            None => *self.n_not_read.entry(text("kind", kind)?).or_default() += 1,
        }
        Ok(())
    }

    fn push(&mut self, update: Update) -> Result<(), ExchangeError> {
        match self.updates.len() < UPDATES_MAX {
            true => self.updates.push(update),
            false => return Err(ExchangeError::TooMany { n_max: UPDATES_MAX }),
        }
        Ok(())
    }
}

fn digest<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    parse_hex(hex, &mut bytes).then_some(bytes)
}

/// A short text of the exchange.
fn text(field: &'static str, text: &str) -> Result<String, ExchangeError> {
    match text.len() <= TEXT_BYTES_MAX && !text.is_empty() {
        true => Ok(text.to_owned()),
        false => Err(ExchangeError::Text { field, found: shortened(text) }),
    }
}

fn check_size(bytes: &[u8]) -> Result<(), Error> {
    match bytes.len() <= PAGE_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::Exchange { place: 1, wrong: ExchangeError::TooLarge { n_bytes_max: PAGE_BYTES_MAX } }),
    }
}
