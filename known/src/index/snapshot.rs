//! How is an index written down, and when may its bytes be trusted?
//!
//! ```text
//! offset  bytes
//!      0      8  "swknown1"
//!      8      4  version, 1
//!     12      4  number of tables, 0 or 8..=64
//!     16      8  number of hashes, removed ones included
//!     24      8  number of hashes in each table
//!     32     32  zero
//!     64     32  SHA-256 of everything else
//!     96     32  zero
//!    128         hashes, removed bits, bucket starts, entries (see `segment.rs`)
//! ```
//!
//! Everything is checked once, before the first search: length, version, checksum, and that no number points outside,
//! so that bytes that were cut short or changed give an error and never a wrong answer.
//! The checksum tells damage, not forgery: a list is trusted by its signatures.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Index;
use super::segment::{HEADER_BYTES, Layout, Segment};
use crate::SnapshotError as Error;

const MAGIC: &[u8; 8] = b"swknown1";
const VERSION: u32 = 1;
const CHECKSUM_AT: usize = 64;
const TABLES_MAX: u32 = 64;
/// A part of a hash has at most 32 bits.
const TABLES_MIN: u32 = 8;

/// An index as bytes, in two parts that are written one after the other.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// What comes first.
    pub header: [u8; HEADER_BYTES],
    /// What comes after it.
    pub body: &'a [u8],
}

impl<'a> Snapshot<'a> {
    pub(super) fn of(segment: &'a Segment) -> Snapshot<'a> {
        let layout = segment.layout();
        let body = &segment.bytes()[HEADER_BYTES..];
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[12..16].copy_from_slice(&(layout.parts.len() as u32).to_le_bytes());
        header[16..24].copy_from_slice(&(layout.n_codes as u64).to_le_bytes());
        header[24..32].copy_from_slice(&(layout.n_listed as u64).to_le_bytes());
        let checksum = checksum(&header, body);
        header[CHECKSUM_AT..][..32].copy_from_slice(&checksum);
        Snapshot { header, body }
    }

    /// Both parts in one.
    pub fn to_vec(&self) -> Vec<u8> {
        [&self.header, self.body].concat()
    }
}

fn checksum(header: &[u8], body: &[u8]) -> [u8; 32] {
    let digest = Sha256::new().chain_update(&header[..CHECKSUM_AT]).chain_update([0; 32]);
    digest.chain_update(&header[CHECKSUM_AT + 32..]).chain_update(body).finalize().into()
}

pub(super) fn open(owner: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Result<Segment, Error> {
    let bytes: &[u8] = (*owner).as_ref();
    if cfg!(target_endian = "big") {
        return Err(Error::Endianness);
    }
    if bytes.get(..8) != Some(MAGIC) {
        return Err(Error::NotAnIndex);
    }
    let found = bytes.len() as u64;
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err(Error::Length { expected: HEADER_BYTES as u64, found });
    };
    let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let wide = |at: usize| u64::from(number(at)) | u64::from(number(at + 4)) << 32;
    if number(8) != VERSION {
        return Err(Error::Version { found: number(8), known: VERSION });
    }
    let (n_tables, n_codes, n_listed) = (number(12), wide(16), wide(24));
    let is_possible = n_codes <= Index::ENTRIES_MAX as u64
        && n_listed <= n_codes
        && (n_tables == 0 || (TABLES_MIN..=TABLES_MAX).contains(&n_tables));
    if !is_possible {
        return Err(Error::Content);
    }
    let layout = Layout::new(n_codes as usize, n_listed as usize, n_tables as usize);
    if layout.n_bytes != bytes.len() {
        return Err(Error::Length { expected: layout.n_bytes as u64, found });
    }
    if !bytes.as_ptr().addr().is_multiple_of(64) {
        return Err(Error::Alignment);
    }
    if checksum(header, body)[..] != header[CHECKSUM_AT..][..32] {
        return Err(Error::Checksum);
    }
    let segment = Segment::from_checked(owner, layout);
    match is_consistent(&segment) {
        true => Ok(segment),
        false => Err(Error::Content),
    }
}

/// Whether every number points at something, so that no search can go outside.
fn is_consistent(segment: &Segment) -> bool {
    let Layout { n_codes, n_listed, ref parts, .. } = *segment.layout();
    let n_removed: usize = segment.removed().iter().map(|word| word.count_ones() as usize).sum();
    let n_beyond = segment.removed().len() * 64 - n_codes;
    let is_beyond_clear =
        segment.removed().last().is_none_or(|word| u64::from(word.leading_zeros()) >= n_beyond as u64);
    let are_tables_good = segment.tables().is_none_or(|tables| {
        tables.starts.is_sorted()
            && tables.starts.first() == Some(&0)
            && tables.starts.last().is_some_and(|end| *end as usize == n_listed * parts.len())
            && tables.entries.iter().all(|number| (*number as usize) < n_codes)
    });
    n_removed + n_listed == n_codes && is_beyond_clear && are_tables_good
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Error as KnownError, Hash256};

    /// Bytes that begin at a multiple of 64, as a memory map does.
    struct Aligned(Vec<u8>, usize, usize);

    impl AsRef<[u8]> for Aligned {
        fn as_ref(&self) -> &[u8] {
            &self.0[self.1..self.2]
        }
    }

    fn aligned(bytes: &[u8]) -> Aligned {
        let mut owned: Vec<u8> = Vec::with_capacity(bytes.len() + 64);
        let start = owned.as_ptr().addr().wrapping_neg() % 64;
        owned.resize(start, 0);
        owned.extend_from_slice(bytes);
        let end = owned.len();
        Aligned(owned, start, end)
    }

    fn index(n: usize, n_tables: usize) -> Index {
        let hashes = (0..n).map(|i| Hash256(std::array::from_fn(|k| (i * 31 + k * k * (i % 7)) as u8)));
        let mut index = Index::build_with(hashes.collect::<Vec<_>>().into_iter(), n_tables).unwrap();
        index.remove(3);
        let removed = index.removed.clone();
        let codes = index.bulk.codes().to_vec();
        Index::of_bulk(Segment::build(codes.into_iter(), &removed, n_tables), removed)
    }

    fn error(bytes: &[u8]) -> Error {
        match Index::open(aligned(bytes)) {
            Err(KnownError::Snapshot(error)) => error,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("opened"),
        }
    }

    #[test]
    fn a_snapshot_answers_as_the_index_it_was_made_of() {
        for n_tables in [0, 16, 32] {
            let index = index(300, n_tables);
            let opened = Index::open(aligned(&index.snapshot().unwrap().to_vec())).unwrap();
            assert_eq!((opened.len(), opened.n_pending()), (299, 0));
            for number in [0, 3, 299] {
                assert_eq!(opened.hash(number), index.hash(number));
            }
            for radius in [0, 31, 100, 256] {
                let needle = index.hash(17).unwrap();
                assert_eq!(opened.query(&needle, radius), index.query(&needle, radius));
            }
        }
    }

    #[test]
    fn pending_changes_have_no_snapshot() {
        let mut index = index(10, 0);
        assert!(index.snapshot().is_some());
        index.insert(Hash256::default()).unwrap();
        assert!(index.snapshot().is_none());
        assert!(index.compacted().snapshot().is_some());
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let bytes = index(40, 32).snapshot().unwrap().to_vec();
        for n_bytes in (0..bytes.len()).step_by(61) {
            error(&bytes[..n_bytes]);
        }
        for at in (0..300).chain((300..bytes.len()).step_by(97)) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            error(&changed);
        }
        error(&[&bytes[..], &[0; 64]].concat());
    }

    #[test]
    fn a_later_version_is_named() {
        let mut bytes = index(40, 0).snapshot().unwrap().to_vec();
        bytes[8] = 2;
        assert!(matches!(error(&bytes), Error::Version { found: 2, known: 1 }));
    }

    #[test]
    fn a_forged_checksum_does_not_lead_outside() {
        let bytes = index(40, 32).snapshot().unwrap().to_vec();
        for at in (16..32).chain((128..bytes.len()).step_by(53)) {
            let mut forged = bytes.clone();
            forged[at] ^= 0x80;
            let (header, body) = forged.split_at(HEADER_BYTES);
            let checksum = checksum(header, body);
            forged[CHECKSUM_AT..][..32].copy_from_slice(&checksum);
            if let Ok(index) = Index::open(aligned(&forged)) {
                index.query(&Hash256::default(), 31);
                index.query(&Hash256([0xff; 32]), 256);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_opened_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            error(&bytes);
            error(&[&MAGIC[..], &bytes].concat());
        }
    }
}
