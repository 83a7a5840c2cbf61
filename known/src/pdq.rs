//! What is the PDQ hash of this picture?
//!
//! Bit for bit what Meta's reference program gives for the same pixels:
//! luma → tent blur (two box filters each way) → 64×64 samples → quality, and 16×16 DCT coefficients → one bit each,
//! set where the coefficient is above the median.
//! Rounding of 32-bit sums decides bits, so every sum here keeps the order of the reference.
//! Source: `pdq/cpp` and `pdq/README.md` in facebook/ThreatExchange (baefb4ed); checked in `tests/reference.rs`.

mod blur;
mod dct;
mod picture;
mod plain;
mod quality;
mod shrink;
mod trim;

use blur::{Blur, Rows};
pub use picture::{Luma, OwnedLuma, Rect, Rgb};
pub use shrink::{SHRINK_SIDE, Shrunk, shrink_luma, shrink_rgb};
pub use trim::trim;

use crate::Hash256;

/// The shortest side that is hashed; a picture with a shorter one has hash 0 and quality 0.
///
/// Source: `MIN_HASHABLE_DIM` in `pdqhashing.cpp`.
pub const SIDE_MIN: usize = 5;

/// Below this quality a hash is too unreliable to match on. Source: `pdq/README.md`, "discard ≤ 49".
pub const QUALITY_MIN: u8 = 50;

/// Up to this distance two hashes are taken to show the same picture. Source: `pdq/README.md`.
pub const DISTANCE_BITS_MAX: u32 = 31;

/// The hash of a picture, and how far it can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pdq {
    /// The hash.
    pub hash: Hash256,
    /// How much detail the picture has, `0..=100`; below [`QUALITY_MIN`] the hash should not be matched on.
    pub quality: u8,
}

/// The hashes of a picture in its eight positions, from one transform.
///
/// Turns are counter-clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dihedral {
    /// As it is.
    pub original: Hash256,
    /// Turned by 90°.
    pub rotate_90: Hash256,
    /// Turned by 180°.
    pub rotate_180: Hash256,
    /// Turned by 270°.
    pub rotate_270: Hash256,
    /// Top and bottom exchanged.
    pub flip_x: Hash256,
    /// Left and right exchanged.
    pub flip_y: Hash256,
    /// Mirrored in the diagonal from upper left to lower right.
    pub flip_plus_1: Hash256,
    /// Mirrored in the other diagonal.
    pub flip_minus_1: Hash256,
    /// As in [`Pdq::quality`].
    pub quality: u8,
}

/// Hashes picture after picture in the same buffers; for a stream of frames.
///
/// The buffers grow to what the widest picture needs: about 64 rows, and 256 bytes for each row.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    blur: Blur,
}

impl Hasher {
    /// As [`hash_luma`].
    pub fn hash_luma(&mut self, luma: Luma<'_, u8>) -> Pdq {
        self.hash(&luma)
    }

    /// As [`hash_luma_f32`].
    pub fn hash_luma_f32(&mut self, luma: Luma<'_, f32>) -> Pdq {
        self.hash(&luma)
    }

    /// As [`hash_rgb`].
    pub fn hash_rgb(&mut self, rgb: Rgb<'_>) -> Pdq {
        self.hash(&rgb)
    }

    fn hash(&mut self, picture: &impl Rows) -> Pdq {
        self.blur.sample(picture).map_or_else(Pdq::default, |samples| Pdq::of_samples(&samples))
    }
}

/// Hashes a picture of one byte a pixel at its full size.
///
/// A live frame's Y plane goes in as it lies in memory. The reference hashes grey files this way.
pub fn hash_luma(luma: Luma<'_, u8>) -> Pdq {
    Hasher::default().hash_luma(luma)
}

/// Hashes a picture whose luma is already in floating point, `0.0..=255.0`, at its full size.
///
/// A picture with a sample that is infinite or not a number has hash 0 and quality 0.
pub fn hash_luma_f32(luma: Luma<'_, f32>) -> Pdq {
    Hasher::default().hash_luma_f32(luma)
}

/// Hashes a picture of three bytes a pixel at its full size, by its luma 0.299 R + 0.587 G + 0.114 B.
pub fn hash_rgb(rgb: Rgb<'_>) -> Pdq {
    Hasher::default().hash_rgb(rgb)
}

/// As [`hash_rgb`] in every bit, step by step as the reference does it, and several times slower.
pub fn hash_rgb_plain(rgb: Rgb<'_>) -> Pdq {
    plain::sample(rgb.to_luma().as_luma()).map_or_else(Pdq::default, |samples| Pdq::of_samples(&samples))
}

/// Hashes a picture in its eight positions.
///
/// Turning the picture first and hashing then gives nearly, not always exactly, these bits.
pub fn hash_dihedral(rgb: Rgb<'_>) -> Dihedral {
    Blur::default().sample(&rgb).map_or_else(Dihedral::default, |samples| dct::dihedral(&samples))
}

impl Pdq {
    fn of_samples(samples: &plain::Samples) -> Pdq {
        Pdq { hash: dct::bits(&dct::coefficients(samples)), quality: quality::quality(samples) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luma(width: usize, height: usize, at: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        (0..width * height).map(|i| at(i % width, i / width)).collect()
    }

    #[test]
    fn a_side_under_five_has_no_hash() {
        let data = luma(400, 4, |x, y| (x * 7 % 256 + y) as f32);
        assert_eq!(hash_luma_f32(Luma::new(&data, 400, 4, 400).unwrap()), Pdq::default());
        assert_eq!(hash_luma_f32(Luma::new(&data, 4, 400, 4).unwrap()), Pdq::default());
        assert_ne!(hash_luma_f32(Luma::new(&data, 5, 5, 5).unwrap()), Pdq::default());
    }

    #[test]
    fn a_picture_that_is_not_numbers_has_no_hash() {
        for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut data = luma(200, 150, |x, y| (x + y) as f32);
            data[77] = poison;
            assert_eq!(hash_luma_f32(Luma::new(&data, 200, 150, 200).unwrap()).quality, 0, "{poison}");
        }
    }

    #[test]
    fn padding_between_rows_changes_nothing() {
        let (width, height, stride) = (70, 50, 83);
        let tight: Vec<u8> = (0..width * height).map(|i| (i * i % 251) as u8).collect();
        let mut padded = vec![0xaa; stride * height];
        for y in 0..height {
            padded[y * stride..][..width].copy_from_slice(&tight[y * width..][..width]);
        }
        let expected = hash_luma(Luma::new(&tight, width, height, width).unwrap());
        assert_eq!(hash_luma(Luma::new(&padded, width, height, stride).unwrap()), expected);
    }

    #[test]
    fn bytes_and_the_same_floats_have_one_hash() {
        let bytes: Vec<u8> = (0..300 * 200).map(|i| (i * 31 % 253) as u8).collect();
        let floats: Vec<f32> = bytes.iter().map(|&b| f32::from(b)).collect();
        let expected = hash_luma(Luma::new(&bytes, 300, 200, 300).unwrap());
        assert_eq!(hash_luma_f32(Luma::new(&floats, 300, 200, 300).unwrap()), expected);
    }
}
