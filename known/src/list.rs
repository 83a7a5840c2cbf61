//! What is on a list of known material, and who put it there?
//!
//! A list is text that a person can read and a version control system can compare:
//!
//! ```text
//! streamward list 1
//! name: Example hotline
//! version: 7
//! source: lists@hotline.example
//! created: 2026-11-24T09:30:00Z
//! # hash, kind, id, added by, added at, exchange, exchange's id; here → is a tab
//! d8f8…9b22→pdq→card-1→J. Doe→2026-11-20T08:00:00Z→-→-
//! ```
//!
//! The five header lines stand in this order, then one entry a line with exactly one tab between its seven fields;
//! `-` says that an entry came from no exchange. Lines that are empty or begin with `#` are skipped after the first.
//! Nothing is loaded from a text with any fault.

mod delta;
mod parse;
mod signed;
mod write;

use std::fmt;
use std::sync::Arc;

pub use delta::{apply_delta, delta};
pub use parse::{ENTRIES_MAX, FIELD_BYTES_MAX, LINE_BYTES_MAX};
pub use signed::{Memory, SIGNATURES_BYTES_MAX, Seen, Signatures, VERSIONS_MAX};

use crate::hash256::write_hex;
use crate::{Hash256, Instant};

/// Name of the built-in list, [`List::test_card`].
pub const TEST_CARD: &str = "test-card";

/// A list of known material with its provenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    name: String,
    version: u64,
    source: String,
    created: Instant,
    entries: Vec<Entry>,
    /// The PDQ and vPDQ hashes, and which entry each belongs to: 36 bytes an entry to scan instead of 150.
    pictures: Vec<(Hash256, u32)>,
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is compared.
    pub fingerprint: Fingerprint,
    /// The entry's name on this list; unique, but the frames of one video share theirs.
    pub id: Box<str>,
    /// Who put it on the list.
    pub added_by: Arc<str>,
    /// When.
    pub added_at: Instant,
    /// Where it came from, if not from its own list.
    pub origin: Option<Origin>,
}

/// The exchange an entry came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its name.
    pub exchange: Arc<str>,
    /// The entry's name there.
    pub id: Box<str>,
}

/// What a file or picture is compared by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fingerprint {
    /// PDQ hash of a picture.
    Pdq(Hash256),
    /// PDQ hash of one frame of a video; entries with the same id are one video.
    Vpdq(Hash256),
    /// MD5 of a file.
    Md5([u8; 16]),
    /// SHA-1 of a file.
    Sha1([u8; 20]),
    /// SHA-256 of a file.
    Sha256([u8; 32]),
    /// PhotoDNA value, carried as a list brought it; we compare such values and never make them.
    PhotoDna(Box<[u8]>),
}

/// Which of the fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`Fingerprint::Pdq`]
    Pdq,
    /// [`Fingerprint::Vpdq`]
    Vpdq,
    /// [`Fingerprint::Md5`]
    Md5,
    /// [`Fingerprint::Sha1`]
    Sha1,
    /// [`Fingerprint::Sha256`]
    Sha256,
    /// [`Fingerprint::PhotoDna`]
    PhotoDna,
}

/// An entry that is near enough to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// How far apart, `0..=256`; 0 for digests of files.
    pub distance_bits: u32,
}

/// What stands above the entries of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the list is called.
    pub name: String,
    /// Which version; a later one has a larger number, from 1.
    pub version: u64,
    /// Who answers for it, and where to ask.
    pub source: String,
    /// When this version was made.
    pub created: Instant,
}

impl List {
    /// The built-in list, which holds the safety test card and is named [`TEST_CARD`].
    ///
    /// Our own harmless picture, which every guard must cover: `guard::test_card` draws it, and its hash here is what
    /// most of seven sizes agree on in each bit (`live/examples/test_card_hash.rs`).
    pub fn test_card() -> List {
        List::parse(include_str!("list/test-card.list")).expect("the built-in list is parsed in a test")
    }

    /// What the list is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which version this is; a later one has a larger number.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Who answers for the list.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// When this version was made.
    pub fn created(&self) -> Instant {
        self.created
    }

    /// All entries, in the order of the text.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The nearest picture or video frame at most `radius` bits away; of equally near ones, the first.
    ///
    /// Compares with every entry, so it is exact.
    pub fn nearest(&self, hash: &Hash256, radius: u32) -> Option<Match<'_>> {
        let distances = self.pictures.iter().map(|(known, entry)| (known.distance_bits(hash), *entry));
        let (distance_bits, entry) = distances.min_by_key(|&(distance_bits, _)| distance_bits)?;
        (distance_bits <= radius).then(|| Match { entry: &self.entries[entry as usize], distance_bits })
    }

    /// Every picture or video frame at most `radius` bits away, in the list's order.
    pub fn within(&self, hash: &Hash256, radius: u32) -> impl Iterator<Item = Match<'_>> {
        let hash = *hash;
        self.pictures.iter().filter_map(move |(known, entry)| {
            let distance_bits = known.distance_bits(&hash);
            (distance_bits <= radius).then(|| Match { entry: &self.entries[*entry as usize], distance_bits })
        })
    }

    /// The first entry with exactly this fingerprint.
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<Match<'_>> {
        let entry = self.entries.iter().find(|entry| entry.fingerprint == *fingerprint)?;
        Some(Match { entry, distance_bits: 0 })
    }

    fn from_checked(header: Header, entries: Vec<Entry>) -> List {
        let pictures = entries.iter().enumerate().filter_map(|(i, entry)| match entry.fingerprint {
            Fingerprint::Pdq(hash) | Fingerprint::Vpdq(hash) => Some((hash, i as u32)),
            Fingerprint::Md5(_) | Fingerprint::Sha1(_) | Fingerprint::Sha256(_) | Fingerprint::PhotoDna(_) => None,
        });
        let pictures = pictures.collect();
        let Header { name, version, source, created } = header;
        List { name, version, source, created, entries, pictures }
    }
}

impl Fingerprint {
    /// Which kind this is.
    pub fn kind(&self) -> Kind {
        match self {
            Fingerprint::Pdq(_) => Kind::Pdq,
            Fingerprint::Vpdq(_) => Kind::Vpdq,
            Fingerprint::Md5(_) => Kind::Md5,
            Fingerprint::Sha1(_) => Kind::Sha1,
            Fingerprint::Sha256(_) => Kind::Sha256,
            Fingerprint::PhotoDna(_) => Kind::PhotoDna,
        }
    }

    /// The bytes, in the order of their published digits.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Fingerprint::Pdq(hash) | Fingerprint::Vpdq(hash) => &hash.0,
            Fingerprint::Md5(bytes) => bytes,
            Fingerprint::Sha1(bytes) => bytes,
            Fingerprint::Sha256(bytes) => bytes,
            Fingerprint::PhotoDna(bytes) => bytes,
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.bytes())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Pdq => "pdq",
            Kind::Vpdq => "vpdq",
            Kind::Md5 => "md5",
            Kind::Sha1 => "sha1",
            Kind::Sha256 => "sha256",
            Kind::PhotoDna => "photodna",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_holds_the_test_card_alone() {
        let list = List::test_card();
        let ids: Vec<&str> = list.entries().iter().map(|entry| &*entry.id).collect();
        assert_eq!((list.name(), ids), (TEST_CARD, vec!["safety-test-card"]));
        assert_eq!(list.entries()[0].fingerprint.kind(), Kind::Pdq);
    }
}
