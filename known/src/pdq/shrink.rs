//! How does Meta's tool make a large picture small?
//!
//! When a side is over 512 pixels, the tool first takes 512×512 pixels, each the one at or before its exact place,
//! whatever the proportions: the shorter side may grow. This is outside the hash proper, and it changes the hash.
//! Source: `DOWNSAMPLE_DIMS` in `pdqio.cpp`; nearest-neighbour is the default of `CImg::resize`.

use super::picture::OwnedLuma;
use super::{Luma, Rgb};

/// Both sides of a shrunk picture, and the longest side that is left alone.
pub const SHRINK_SIDE: usize = 512;

/// A picture of at most 512×512 pixels, three bytes each.
#[derive(Clone, Debug)]
pub struct Shrunk {
    data: Vec<u8>,
    width: usize,
    height: usize,
}

impl Shrunk {
    /// Borrows the pixels.
    pub fn as_rgb(&self) -> Rgb<'_> {
        Rgb::new(&self.data, self.width, self.height, self.width * 3).expect("three bytes were written for each pixel")
    }
}

/// Copies a picture, shrunk to 512×512 when a side is longer than that.
pub fn shrink_rgb(rgb: Rgb<'_>) -> Shrunk {
    let (width, height) = shrunk_size(rgb.width(), rgb.height());
    let mut data = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        let row = rgb.row(y * rgb.height() / height);
        data.extend((0..width).flat_map(|x| row[x * rgb.width() / width]));
    }
    Shrunk { data, width, height }
}

/// As [`shrink_rgb`], for one sample a pixel.
pub fn shrink_luma<T: Copy>(luma: Luma<'_, T>) -> OwnedLuma<T> {
    let (width, height) = shrunk_size(luma.width(), luma.height());
    let mut data = Vec::with_capacity(width * height);
    for y in 0..height {
        let row = luma.row(y * luma.height() / height);
        data.extend((0..width).map(|x| row[x * luma.width() / width]));
    }
    OwnedLuma { data, width, height }
}

fn shrunk_size(width: usize, height: usize) -> (usize, usize) {
    match width > SHRINK_SIDE || height > SHRINK_SIDE {
        true if width > 0 && height > 0 => (SHRINK_SIDE, SHRINK_SIDE),
        _ => (width, height),
    }
}
