//! Which hashes share a part, or nearly, with this one?
//!
//! For each part of the hash there is a table from the part's value to the hashes that have it. All tables lie in one:
//! `starts` says where each bucket's entries begin, the next bucket's start where they end.
//! A search looks at some thousand buckets in random places, so what counts is that memory is never waited for:
//! it goes in blocks through four stages, each asking ahead for what the next will read.

use super::plan::{self, Part};
use super::{Found, Removed};
use crate::simd::{self, Transpose};

/// The tables of all parts.
#[derive(Clone, Copy)]
pub(super) struct Tables<'a> {
    pub(super) parts: &'a [Part],
    /// For each bucket of each part, and one after the last: where its entries begin.
    pub(super) starts: &'a [u32],
    /// Numbers of hashes, bucket after bucket.
    pub(super) entries: &'a [u32],
}

/// Buckets that go through the stages together: their lines stay in a near cache.
const BLOCK: usize = 128;

impl Tables<'_> {
    /// Appends to `found[i]` what is within the radius of `needles[i]`, some of it more than once.
    ///
    /// `n_affordable` is how many buckets and hashes may be looked at for one needle before a scan is cheaper;
    /// returns the needles for which it is, and for which nothing was appended.
    pub(super) fn search(
        &self,
        codes: &[[u64; 4]],
        needles: &[[u64; 4]],
        radius: u32,
        n_affordable: usize,
        found: &mut [Vec<Found>],
    ) -> Vec<usize> {
        let everything = || (0..needles.len()).collect();
        let Some(probes) = plan::probes(self.parts, radius) else { return everything() };
        let expected_hits = probes.n_probes.saturating_mul(codes.len() * self.parts.len()) / self.starts.len();
        if probes.n_probes + expected_hits > n_affordable {
            return everything();
        }
        let looked_at = || self.parts.iter().zip(&probes.n_levels).filter(|(_, n_levels)| **n_levels > 0);
        let mut buckets = Vec::with_capacity(probes.n_probes);
        let mut unanswered = Vec::new();
        for (i, needle) in needles.iter().enumerate() {
            buckets.clear();
            for (part, &n_levels) in looked_at() {
                let (first, value) = (part.first_bucket as u32, plan::value(needle, part) as u32);
                buckets.extend(plan::masks(part.n_bits, n_levels).iter().map(|mask| first + (value ^ mask)));
            }
            let (n_before, n_affordable) = (found[i].len(), n_affordable - probes.n_probes);
            let search =
                Search { tables: *self, codes, needle, buckets: &buckets, radius, n_affordable, found: &mut found[i] };
            if !simd::run(search) {
                found[i].truncate(n_before);
                unanswered.push(i);
            }
        }
        unanswered
    }
}

struct Search<'a> {
    tables: Tables<'a>,
    codes: &'a [[u64; 4]],
    needle: &'a [u64; 4],
    buckets: &'a [u32],
    radius: u32,
    /// How many hashes may be looked at before a scan is cheaper.
    n_affordable: usize,
    found: &'a mut Vec<Found>,
}

impl simd::Work for Search<'_> {
    /// Whether the search was carried to its end.
    type Output = bool;

    #[inline(always)]
    fn run<T: Transpose>(self, _: T) -> bool {
        let Search { tables, codes, needle, radius, .. } = self;
        let mut n_looked_at = 0;
        let mut ranges = [Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK)];
        let mut numbers: [Vec<u32>; 2] = [Vec::with_capacity(4 * BLOCK), Vec::with_capacity(4 * BLOCK)];
        let blocks: Vec<&[u32]> = self.buckets.chunks(BLOCK).collect();
        let block = |i: usize| blocks.get(i).copied().unwrap_or(&[]);
        for bucket in block(0) {
            simd::prefetch(tables.starts, *bucket as usize);
        }
        // The last block's hashes are compared two rounds after its buckets were read.
        for i in 0..blocks.len() + 2 {
            let (now, before) = (i % 2, (i + 1) % 2);
            for bucket in block(i + 1) {
                simd::prefetch(tables.starts, *bucket as usize);
            }
            ranges[now].clear();
            for &bucket in block(i) {
                let (start, end) = (tables.starts[bucket as usize], tables.starts[bucket as usize + 1]);
                if start < end {
                    simd::prefetch(tables.entries, start as usize);
                    ranges[now].push((start, end));
                    n_looked_at += (end - start) as usize;
                }
            }
            if n_looked_at > self.n_affordable {
                return false;
            }
            numbers[now].clear();
            for &(start, end) in &ranges[before] {
                for &number in &tables.entries[start as usize..end as usize] {
                    simd::prefetch(codes, number as usize);
                    numbers[now].push(number);
                }
            }
            for &number in &numbers[before] {
                let code = &codes[number as usize];
                let mut distance_bits = 0;
                for k in 0..4 {
                    distance_bits += (code[k] ^ needle[k]).count_ones();
                }
                if distance_bits <= radius {
                    self.found.push(Found { distance_bits, number });
                }
            }
        }
        true
    }
}

/// Fills the tables with the hashes that were not removed.
pub(super) fn fill(parts: &[Part], codes: &[[u64; 4]], gone: &Removed, starts: &mut [u32], entries: &mut [u32]) {
    let listed = || codes.iter().enumerate().filter(|(number, _)| !gone.contains(*number as u32));
    // One part at a time: its counters fit a cache better than those of all.
    let mut n_before = 0;
    for part in parts {
        let first = n_before;
        let starts = &mut starts[part.first_bucket..][..1 << part.n_bits];
        for (_, code) in listed() {
            starts[plan::value(code, part)] += 1;
        }
        for start in starts.iter_mut() {
            (*start, n_before) = (n_before, n_before + *start);
        }
        // Each start moves on to the next bucket's while its entries are written.
        for (number, code) in listed() {
            let start = &mut starts[plan::value(code, part)];
            entries[*start as usize] = number as u32;
            *start += 1;
        }
        starts.copy_within(..starts.len() - 1, 1);
        starts[0] = first;
    }
    if let Some(end) = starts.last_mut() {
        *end = n_before;
    }
}
