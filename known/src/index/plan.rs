//! Into how many parts is a hash cut, and how far may each part differ?
//!
//! Let a hash be cut into m parts. If two hashes differ in at most r bits and Σ(tᵢ + 1) ≥ r + 1,
//! then in some part i they differ in at most tᵢ bits: were each part to differ in tᵢ + 1 or more, the whole would
//! differ in at least r + 1. So it is enough to look, part by part, at every value within tᵢ bits.
//! Source: Norouzi, Punjani, Fleet, "Fast exact search in Hamming space with multi-index hashing" (2014).

use std::sync::OnceLock;

/// From so many hashes on, tables pay.
const TABLES_FROM: usize = 4_096;

/// How many parts, each with a table, are best for `n` hashes; 0 for none.
///
/// A part of b bits has 2^b buckets; the best b is near log₂ n.
/// Measured at radius 31: 13 parts at 1 million, 11 at 10 million, each within a few per cent of its neighbours.
pub(super) fn n_tables(n: usize) -> usize {
    match n {
        0..TABLES_FROM => 0,
        TABLES_FROM..300_000 => 16,
        300_000..3_000_000 => 13,
        _ => 11,
    }
}

/// One part of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its lowest bit, `0..256`.
    pub(super) first_bit: u32,
    /// How many bits, at most 32.
    pub(super) n_bits: u32,
    /// Its first bucket among those of all parts.
    pub(super) first_bucket: usize,
}

/// Cuts 256 bits into `n` parts as equal as can be, the longer ones first.
pub(super) fn parts(n: usize) -> Vec<Part> {
    let mut parts = Vec::with_capacity(n);
    let (mut first_bit, mut first_bucket) = (0, 0);
    for i in 0..n {
        let n_bits = (256 / n + usize::from(i < 256 % n)) as u32;
        parts.push(Part { first_bit, n_bits, first_bucket });
        first_bit += n_bits;
        first_bucket += 1 << n_bits;
    }
    parts
}

/// How many buckets all parts have together.
pub(super) fn n_buckets(parts: &[Part]) -> usize {
    parts.last().map_or(0, |part| part.first_bucket + (1 << part.n_bits))
}

/// The value of a part.
#[inline(always)]
pub(super) fn value(code: &[u64; 4], part: &Part) -> usize {
    let (word, shift) = ((part.first_bit / 64) as usize, part.first_bit % 64);
    let low = code[word] >> shift;
    let high = if shift + part.n_bits > 64 { code[word + 1] << (64 - shift) } else { 0 };
    ((low | high) & ((1 << part.n_bits) - 1)) as usize
}

/// How many values of each part lie within its tᵢ bits, for a radius; `None` when a part needs over [`BITS_MAX`].
pub(super) struct Probes {
    /// For each part: tᵢ + 1; 0 when the part need not be looked at.
    pub(super) n_levels: Vec<u32>,
    /// How many values in all.
    pub(super) n_probes: usize,
}

/// Further than this no part is searched: a scan is cheaper.
const BITS_MAX: u32 = 3;

pub(super) fn probes(parts: &[Part], radius: u32) -> Option<Probes> {
    let n_parts = parts.len() as u32;
    let (base, n_more) = ((radius + 1) / n_parts, (radius + 1) % n_parts);
    // The first parts are the longest and have the emptiest buckets: they go the extra bit.
    let n_levels: Vec<u32> = (0..n_parts).map(|i| base + u32::from(i < n_more)).collect();
    if n_levels[0] > BITS_MAX + 1 {
        return None;
    }
    let counts = parts.iter().zip(&n_levels).map(|(part, &n_levels)| n_within(part.n_bits, n_levels));
    Some(Probes { n_probes: counts.sum(), n_levels })
}

/// How many numbers of `n_bits` have fewer than `n_levels` bits set.
fn n_within(n_bits: u32, n_levels: u32) -> usize {
    let mut sum = 0;
    let mut choose = 1;
    for k in 0..n_levels.min(n_bits + 1) {
        sum += choose;
        choose = choose * (n_bits - k) as usize / (k + 1) as usize;
    }
    sum
}

/// Every number of `n_bits`, at most 32, with fewer than `n_levels` bits set, at most [`BITS_MAX`] + 1; those that differ
/// in low bits side by side: they lie in one line of the cache. Reckoned once.
pub(super) fn masks(n_bits: u32, n_levels: u32) -> &'static [u32] {
    type OfLevels = [OnceLock<Vec<u32>>; BITS_MAX as usize + 2];
    static MASKS: [OfLevels; 33] = [const { [const { OnceLock::new() }; BITS_MAX as usize + 2] }; 33];
    MASKS[n_bits as usize][n_levels as usize].get_or_init(|| {
        let mut masks = Vec::with_capacity(n_within(n_bits, n_levels));
        if n_levels > 0 {
            push_masks(0, n_bits, n_levels - 1, &mut masks);
        }
        masks
    })
}

fn push_masks(mask: u32, below: u32, n_more: u32, masks: &mut Vec<u32>) {
    masks.push(mask);
    if n_more > 0 {
        for bit in 0..below {
            push_masks(mask | 1 << bit, bit, n_more - 1, masks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_every_bit_once() {
        for n in [8, 11, 12, 13, 16, 23, 32, 64] {
            let parts = parts(n);
            let code: [u64; 4] = std::array::from_fn(|i| 0x9e37_79b9_7f4a_7c15_u64.rotate_left(i as u32 * 17));
            for (i, part) in parts.iter().enumerate() {
                assert_eq!(part.first_bit, parts[..i].iter().map(|part| part.n_bits).sum::<u32>());
                let bits = (0..part.n_bits).map(|k| part.first_bit + k);
                let expected = bits.rev().fold(0, |v, bit| v << 1 | (code[bit as usize / 64] >> (bit % 64) & 1));
                assert_eq!(value(&code, part) as u64, expected);
            }
            assert_eq!(parts.iter().map(|part| part.n_bits).sum::<u32>(), 256);
        }
    }

    #[test]
    fn levels_reach_every_radius() {
        for n in [11, 12, 13, 16, 23] {
            for radius in 0..=256 {
                let Some(probes) = probes(&parts(n), radius) else { continue };
                assert!(probes.n_levels.iter().sum::<u32>() > radius, "{n} parts, radius {radius}");
            }
        }
        assert!(probes(&parts(11), 31).is_some() && probes(&parts(11), 256).is_none());
    }

    #[test]
    fn masks_are_all_there_once() {
        for (n_bits, n_levels, n) in [(16, 0, 0), (16, 1, 1), (16, 2, 17), (23, 3, 277), (24, 3, 301), (20, 4, 1351)] {
            let mut masks = masks(n_bits, n_levels).to_vec();
            assert_eq!((masks.len(), n_within(n_bits, n_levels)), (n, n));
            assert!(masks.iter().all(|mask| mask.count_ones() < n_levels && mask >> n_bits == 0));
            masks.sort_unstable();
            masks.dedup();
            assert_eq!(masks.len(), n);
        }
    }
}
