//! Where do the pixels lie that are hashed?
//!
//! Views of somebody else's buffer, checked once: every pixel inside can be read.

use crate::Error;

/// One sample a pixel, row by row: bytes (`Luma<u8>`) or floats `0.0..=255.0` (`Luma<f32>`).
#[derive(Clone, Copy, Debug)]
pub struct Luma<'a, T = u8> {
    data: &'a [T],
    width: usize,
    height: usize,
    stride: usize,
}

/// A rectangle of pixels, from its top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: usize,
    /// Top edge.
    pub y: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl<'a, T: Copy> Luma<'a, T> {
    /// Borrows `height` rows of `width` samples, each beginning `stride` samples after the one before.
    ///
    /// # Errors
    /// [`Error::Pixels`] when `data` is too short or a row is longer than `stride`.
    pub fn new(data: &'a [T], width: usize, height: usize, stride: usize) -> Result<Luma<'a, T>, Error> {
        check(data.len(), width, height, stride, 1)?;
        Ok(Luma { data, width, height, stride })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The samples of row `y`, which must be below [`Luma::height`].
    #[inline]
    pub fn row(&self, y: usize) -> &'a [T] {
        &self.data[y * self.stride..][..self.width]
    }

    /// The part inside `rect`, clipped to the picture, still borrowed; it may be empty.
    pub fn crop(&self, rect: Rect) -> Luma<'a, T> {
        let (x, y) = (rect.x.min(self.width), rect.y.min(self.height));
        let (width, height) = (rect.width.min(self.width - x), rect.height.min(self.height - y));
        let first = (y * self.stride + x).min(self.data.len());
        Luma { data: &self.data[first..], width, height, stride: self.stride }
    }
}

/// Three bytes a pixel, red, green and blue, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Rgb<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

impl<'a> Rgb<'a> {
    /// Borrows `height` rows of `width` pixels, each beginning `stride` bytes after the one before.
    ///
    /// # Errors
    /// [`Error::Pixels`] when `data` is too short or a row is longer than `stride`.
    pub fn new(data: &'a [u8], width: usize, height: usize, stride: usize) -> Result<Rgb<'a>, Error> {
        check(data.len(), width, height, stride, 3)?;
        Ok(Rgb { data, width, height, stride })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels of row `y`, which must be below [`Rgb::height`].
    #[inline]
    pub fn row(&self, y: usize) -> &'a [[u8; 3]] {
        self.data[y * self.stride..][..self.width * 3].as_chunks().0
    }

    /// The luma that PDQ hashes, in floating point.
    pub fn to_luma(&self) -> OwnedLuma<f32> {
        let mut data = Vec::with_capacity(self.width * self.height);
        for y in 0..self.height {
            data.extend(self.row(y).iter().map(|&pixel| luma(pixel)));
        }
        OwnedLuma { data, width: self.width, height: self.height }
    }
}

/// Luma in a buffer of its own, without padding.
#[derive(Clone, Debug)]
pub struct OwnedLuma<T> {
    pub(super) data: Vec<T>,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl<T> OwnedLuma<T> {
    /// Borrows the samples.
    pub fn as_luma(&self) -> Luma<'_, T> {
        Luma { data: &self.data, width: self.width, height: self.height, stride: self.width }
    }
}

/// Weights and order of the reference, in 32-bit floats without fused multiply-add.
///
/// Source: `luma_from_R_coeff` and its neighbours in `downscaling.cpp`.
#[inline]
pub(super) fn luma([red, green, blue]: [u8; 3]) -> f32 {
    0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue)
}

fn check(len: usize, width: usize, height: usize, stride: usize, n_samples: usize) -> Result<(), Error> {
    let row = width.saturating_mul(n_samples);
    let needed = match height {
        0 => 0,
        _ => stride.saturating_mul(height - 1).saturating_add(row),
    };
    match row <= stride && needed <= len {
        true => Ok(()),
        false => Err(Error::Pixels { width, height, stride, needed, len }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_buffer_or_a_short_stride_is_refused() {
        assert!(Luma::new(&[0u8; 11], 4, 3, 4).is_err());
        assert!(Luma::new(&[0u8; 12], 4, 3, 3).is_err());
        assert!(Luma::new(&[0u8; 14], 4, 3, 5).is_ok());
        assert!(Luma::new(&[0u8; 9], usize::MAX, usize::MAX, usize::MAX).is_err());
        assert!(Rgb::new(&[0; 35], 4, 3, 12).is_err());
        assert!(Rgb::new(&[0; 35], usize::MAX / 2, 3, usize::MAX).is_err());
    }

    #[test]
    fn a_crop_is_clipped() {
        let data: Vec<u8> = (0..20).collect();
        let luma = Luma::new(&data, 5, 4, 5).unwrap();
        let part = luma.crop(Rect { x: 3, y: 2, width: 9, height: 9 });
        assert_eq!((part.width(), part.height(), part.row(1)), (2, 2, &[18, 19][..]));
        let outside = luma.crop(Rect { x: 9, y: 9, width: 1, height: 1 });
        assert_eq!((outside.width(), outside.height()), (0, 0));
    }
}
