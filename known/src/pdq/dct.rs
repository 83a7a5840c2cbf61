//! Which bits describe the 64×64 samples?
//!
//! The coefficients 1..=16 each way of a discrete cosine transform, one bit each: is it above their median?
//! The eight positions of a picture need no second transform: turning it only swaps and negates coefficients.
//! Source: `dct64To16`, `pdqBuffer16x16ToBits` and `dct16OriginalTo…` in `pdqhashing.cpp`.

use std::f64::consts::PI;

use super::Dihedral;
use super::plain::{SIDE, Samples};
use super::quality::quality;
use crate::Hash256;
use crate::simd;

/// Coefficients each way.
const N: usize = 16;

/// Row: vertical frequency; column: horizontal frequency; both from 1.
pub(super) type Coefficients = [[f32; N]; N];

/// Element `[i][k]` weighs sample `k` for frequency `i + 1`.
static WEIGHTS: [[f32; SIDE]; N] = weights();

/// The same with rows and columns exchanged.
static WEIGHTS_BY_SAMPLE: [[f32; N]; SIDE] = weights_by_sample();

/// Transforms columns, then rows; every sum runs from sample 0 to 63, as in the reference.
pub(super) fn coefficients(samples: &Samples) -> Coefficients {
    let mut coefficients = [[0.0; N]; N];
    simd::run(Transform { samples, coefficients: &mut coefficients });
    coefficients
}

struct Transform<'a> {
    samples: &'a Samples,
    coefficients: &'a mut Coefficients,
}

impl simd::Work for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<T: simd::Transpose>(self, _: T) {
        for (weights, out) in WEIGHTS.iter().zip(self.coefficients) {
            let mut sums = [0.0; SIDE];
            for (weight, row) in weights.iter().zip(self.samples) {
                for x in 0..SIDE {
                    sums[x] += weight * row[x];
                }
            }
            for (sum, weights) in sums.iter().zip(&WEIGHTS_BY_SAMPLE) {
                for j in 0..N {
                    out[j] += sum * weights[j];
                }
            }
        }
    }
}

/// Sets bit `16 i + j` where coefficient `[i][j]` is above the median.
///
/// The median is the 128th smallest of 256, which is what the reference's Torben search returns.
pub(super) fn bits(coefficients: &Coefficients) -> Hash256 {
    let mut sorted = *coefficients.as_flattened().as_array::<{ N * N }>().expect("16 rows of 16 are 256");
    let (_, median, _) = sorted.select_nth_unstable_by(N * N / 2 - 1, f32::total_cmp);
    let mut hash = Hash256::default();
    for (k, coefficient) in coefficients.as_flattened().iter().enumerate() {
        hash.0[31 - k / 8] |= u8::from(coefficient > median) << (k % 8);
    }
    hash
}

/// Hashes the eight positions.
pub(super) fn dihedral(samples: &Samples) -> Dihedral {
    let original = coefficients(samples);
    let hash = |at: fn(usize, usize) -> (usize, usize, bool)| {
        let mut turned = [[0.0; N]; N];
        for (i, row) in turned.iter_mut().enumerate() {
            for (j, out) in row.iter_mut().enumerate() {
                let (from_i, from_j, is_negated) = at(i, j);
                let coefficient = original[from_i][from_j];
                *out = if is_negated { -coefficient } else { coefficient };
            }
        }
        bits(&turned)
    };
    // Indices count frequencies from 1, so an even index is an odd frequency, which mirroring negates.
    Dihedral {
        original: bits(&original),
        rotate_90: hash(|i, j| (j, i, i % 2 == 0)),
        rotate_180: hash(|i, j| (i, j, (i + j) % 2 == 1)),
        rotate_270: hash(|i, j| (j, i, j % 2 == 0)),
        flip_x: hash(|i, j| (i, j, i % 2 == 0)),
        flip_y: hash(|i, j| (i, j, j % 2 == 0)),
        flip_plus_1: hash(|i, j| (j, i, false)),
        flip_minus_1: hash(|i, j| (j, i, (i + j) % 2 == 1)),
        quality: quality(samples),
    }
}

const fn weights() -> [[f32; SIDE]; N] {
    // sqrt(2 / 64), which is rounded to 32 bits before it multiplies.
    const SCALE: f32 = 0.176_776_69;
    let mut weights = [[0.0; SIDE]; N];
    let mut i = 0;
    while i < N {
        let mut k = 0;
        while k < SIDE {
            weights[i][k] = (SCALE as f64 * cos_128ths((i + 1) * (2 * k + 1))) as f32;
            k += 1;
        }
        i += 1;
    }
    weights
}

const fn weights_by_sample() -> [[f32; N]; SIDE] {
    let weights = weights();
    let mut by_sample = [[0.0; N]; SIDE];
    let mut i = 0;
    while i < N * SIDE {
        by_sample[i / N][i % N] = weights[i % N][i / N];
        i += 1;
    }
    by_sample
}

/// The cosine of `n` π/128, at compile time, so that every platform has one table.
const fn cos_128ths(n: usize) -> f64 {
    let n = n % 256;
    let n = if n > 128 { 256 - n } else { n };
    let (n, sign) = if n > 64 { (128 - n, -1.0) } else { (n, 1.0) };
    if n > 32 { sign * sin_series((64 - n) as f64 * PI / 128.0) } else { sign * cos_series(n as f64 * PI / 128.0) }
}

/// For `0 ≤ x ≤ π/4`; the last term is below 1e-20.
const fn cos_series(x: f64) -> f64 {
    let (mut sum, mut k) = (1.0, 18.0);
    while k >= 2.0 {
        sum = 1.0 - sum * x * x / (k * (k - 1.0));
        k -= 2.0;
    }
    sum
}

/// For `0 ≤ x ≤ π/4`; the last term is below 1e-20.
const fn sin_series(x: f64) -> f64 {
    let (mut sum, mut k) = (1.0, 19.0);
    while k >= 3.0 {
        sum = 1.0 - sum * x * x / (k * (k - 1.0));
        k -= 2.0;
    }
    sum * x
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_are_those_of_the_reference() {
        let scale = (2.0_f64 / 64.0).sqrt() as f32;
        for (i, row) in WEIGHTS.iter().enumerate() {
            for (k, &weight) in row.iter().enumerate() {
                let angle = (PI / 2.0 / 64.0) * (i + 1) as f64 * (2 * k + 1) as f64;
                assert_eq!(weight, (f64::from(scale) * angle.cos()) as f32, "[{i}][{k}]");
            }
        }
    }

    /// The reference's median search, for finite values.
    fn torben(values: &[f32]) -> f32 {
        let half = values.len().div_ceil(2);
        let (mut min, mut max) = values.iter().fold((values[0], values[0]), |(a, b), &v| (a.min(v), b.max(v)));
        loop {
            let guess = (min + max) / 2.0;
            let below = values.iter().filter(|&&v| v < guess);
            let above = values.iter().filter(|&&v| v > guess);
            let (n_below, n_above) = (below.clone().count(), above.clone().count());
            let highest_below = below.copied().fold(min, f32::max);
            let lowest_above = above.copied().fold(max, f32::min);
            match () {
                () if n_below <= half && n_above <= half => {
                    return match () {
                        () if n_below >= half => highest_below,
                        () if values.len() - n_above >= half => guess,
                        () => lowest_above,
                    };
                }
                () if n_below > n_above => max = highest_below,
                () => min = lowest_above,
            }
        }
    }

    proptest! {
        #[test]
        fn the_median_is_the_references(values in prop::collection::vec(prop_oneof![-500_f32..500.0, Just(0.0), Just(3.5)], 256)) {
            let mut coefficients = [[0.0; N]; N];
            coefficients.as_flattened_mut().copy_from_slice(&values);
            let median = torben(&values);
            let hash = bits(&coefficients);
            for (k, &value) in values.iter().enumerate() {
                prop_assert_eq!(hash.0[31 - k / 8] >> (k % 8) & 1 == 1, value > median);
            }
        }
    }
}
