//! How do the hashes and their tables lie in memory and in a snapshot?
//!
//! In one piece, so that a snapshot can be searched where it lies. Little-endian, each part at a multiple of 64 bytes:
//! a header, n hashes of four words, one bit a removed hash, the tables' bucket starts, the tables' entries.

use std::ops::Range;
use std::sync::Arc;

use super::Removed;
use super::plan;
use super::tables::Tables;

/// Bytes before the hashes; what stands there is `snapshot.rs`'s matter.
pub(super) const HEADER_BYTES: usize = 128;
const ALIGNMENT: usize = 64;

/// Hashes that no longer change, with their tables.
pub(super) struct Segment {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    layout: Layout,
}

/// Where each part lies; follows from the two numbers.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) n_codes: usize,
    pub(super) n_listed: usize,
    pub(super) parts: Vec<plan::Part>,
    codes: Range<usize>,
    removed: Range<usize>,
    starts: Range<usize>,
    entries: Range<usize>,
    pub(super) n_bytes: usize,
}

impl Layout {
    /// For `n_codes` hashes of which `n_listed` are in each of `n_tables` tables.
    pub(super) fn new(n_codes: usize, n_listed: usize, n_tables: usize) -> Layout {
        let parts = plan::parts(n_tables);
        let mut n_bytes = HEADER_BYTES;
        let mut place = |len: usize| {
            let range = n_bytes..n_bytes + len;
            n_bytes = range.end.next_multiple_of(ALIGNMENT);
            range
        };
        let codes = place(n_codes * 32);
        let removed = place(n_codes.div_ceil(64) * 8);
        let starts = place(if n_tables == 0 { 0 } else { (plan::n_buckets(&parts) + 1) * 4 });
        let entries = place(n_listed * n_tables * 4);
        Layout { n_codes, n_listed, parts, codes, removed, starts, entries, n_bytes }
    }
}

impl Segment {
    pub(super) fn build(codes: impl ExactSizeIterator<Item = [u64; 4]>, gone: &Removed, n_tables: usize) -> Segment {
        Segment::build_n(codes.len(), codes, gone, n_tables)
    }

    /// `n_codes` is how many `codes` there are.
    pub(super) fn build_n(
        n_codes: usize,
        codes: impl Iterator<Item = [u64; 4]>,
        gone: &Removed,
        n_tables: usize,
    ) -> Segment {
        let layout = Layout::new(n_codes, n_codes - gone.count(), n_tables);
        let mut buffer = Buffer::new(layout.n_bytes);
        let bytes = buffer.bytes_mut();
        for (place, code) in words_mut::<[u64; 4]>(&mut bytes[layout.codes.clone()]).iter_mut().zip(codes) {
            *place = code;
        }
        for (i, word) in words_mut::<u64>(&mut bytes[layout.removed.clone()]).iter_mut().enumerate() {
            *word = gone.word(i);
        }
        if n_tables > 0 {
            let (before, tables) = bytes.split_at_mut(layout.starts.start);
            let codes: &[[u64; 4]] = words(&before[layout.codes.clone()]);
            let (starts, entries) = tables.split_at_mut(layout.entries.start - layout.starts.start);
            let starts = words_mut(&mut starts[..layout.starts.len()]);
            let entries = words_mut(&mut entries[..layout.entries.len()]);
            super::tables::fill(&layout.parts, codes, gone, starts, entries);
        }
        Segment { bytes: Arc::new(buffer), layout }
    }

    /// `bytes` must be as long as the layout says, and its places must have been checked.
    pub(super) fn from_checked(bytes: Arc<dyn AsRef<[u8]> + Send + Sync>, layout: Layout) -> Segment {
        Segment { bytes, layout }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    pub(super) fn codes(&self) -> &[[u64; 4]] {
        words(&self.bytes()[self.layout.codes.clone()])
    }

    pub(super) fn removed(&self) -> &[u64] {
        words(&self.bytes()[self.layout.removed.clone()])
    }

    pub(super) fn tables(&self) -> Option<Tables<'_>> {
        let bytes = self.bytes();
        let (starts, entries) = (&bytes[self.layout.starts.clone()], &bytes[self.layout.entries.clone()]);
        (!self.layout.parts.is_empty()).then(|| Tables {
            parts: &self.layout.parts,
            starts: words(starts),
            entries: words(entries),
        })
    }
}

fn words<T: bytemuck::Pod>(bytes: &[u8]) -> &[T] {
    bytemuck::try_cast_slice(bytes).expect("every part begins at a multiple of 64 and has whole words")
}

fn words_mut<T: bytemuck::Pod>(bytes: &mut [u8]) -> &mut [T] {
    bytemuck::try_cast_slice_mut(bytes).expect("every part begins at a multiple of 64 and has whole words")
}

/// Bytes that begin at a multiple of 64, so that no hash lies across two lines of the cache.
struct Buffer {
    bytes: Vec<u8>,
    range: Range<usize>,
}

impl Buffer {
    fn new(n_bytes: usize) -> Buffer {
        let bytes = vec![0; n_bytes + ALIGNMENT];
        let start = bytes.as_ptr().addr().wrapping_neg() % ALIGNMENT;
        Buffer { bytes, range: start..start + n_bytes }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.range.clone()]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }
}
