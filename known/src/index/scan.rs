//! Which of these hashes are within the radius, comparing every one?
//!
//! Hashes are taken in tiles that fit the nearest cache, and every question is put to a tile before the next is read:
//! memory is read once however many questions there are. Words of a tile are first laid side by side, so that a
//! register holds the same word of many hashes. The compiler makes vector population counts of the loops below;
//! the plain twin is the same loop without wide registers.

use crate::simd::{self, Transpose};

/// A hash within the radius.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) needle: usize,
    pub(super) code: usize,
    pub(super) distance_bits: u32,
}

/// Hashes in a tile: 16 KiB of words and 4 KiB of distances.
const TILE: usize = 512;

/// Compares every code with every needle.
pub(super) fn scan(codes: &[[u64; 4]], needles: &[[u64; 4]], radius: u32) -> Vec<Hit> {
    match needles.is_empty() {
        true => Vec::new(),
        false => simd::run(Scan { codes, needles, radius }),
    }
}

struct Scan<'a> {
    codes: &'a [[u64; 4]],
    needles: &'a [[u64; 4]],
    radius: u32,
}

impl simd::Work for Scan<'_> {
    type Output = Vec<Hit>;

    #[inline(always)]
    fn run<T: Transpose>(self, _: T) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut words = [[0; TILE]; 4];
        let mut distances = [0; TILE];
        for (i, tile) in self.codes.chunks(TILE).enumerate() {
            for (x, code) in tile.iter().enumerate() {
                for k in 0..4 {
                    words[k][x] = code[k];
                }
            }
            for (needle, question) in self.needles.iter().enumerate() {
                if measure(&words, question, u64::from(self.radius), &mut distances) {
                    collect(&distances[..tile.len()], self.radius, needle, i * TILE, &mut hits);
                }
            }
        }
        hits
    }
}

/// Fills in the distances; false when none is within the radius. In the last tile, old words beyond its end take part.
#[inline(always)]
fn measure(words: &[[u64; TILE]; 4], question: &[u64; 4], radius: u64, distances: &mut [u64; TILE]) -> bool {
    let mut n_within = 0;
    for x in 0..TILE {
        let mut distance = 0;
        for k in 0..4 {
            distance += u64::from((words[k][x] ^ question[k]).count_ones());
        }
        distances[x] = distance;
        n_within += u64::from(distance <= radius);
    }
    n_within > 0
}

fn collect(distances: &[u64], radius: u32, needle: usize, first: usize, hits: &mut Vec<Hit>) {
    for (x, &distance) in distances.iter().enumerate() {
        if distance <= u64::from(radius) {
            hits.push(Hit { needle, code: first + x, distance_bits: distance as u32 });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simd::Work;

    proptest! {
        #[test]
        fn wide_and_plain_registers_find_the_same(
            codes in prop::collection::vec(any::<[u64; 4]>(), 0..1500),
            needles in prop::collection::vec(any::<[u64; 4]>(), 1..5),
            radius in 90u32..=140,
        ) {
            let plain = Scan { codes: &codes, needles: &needles, radius }.run(simd::Plain);
            prop_assert_eq!(&scan(&codes, &needles, radius), &plain);
            for hit in &plain {
                let xor = (0..4).map(|k| (codes[hit.code][k] ^ needles[hit.needle][k]).count_ones());
                prop_assert_eq!(xor.sum::<u32>(), hit.distance_bits);
            }
        }
    }
}
