//! What is one picture of a live video, without a copy of it?
//!
//! A [`Frame`] borrows the planes of somebody else's buffer: the decoder's, the camera's, the browser's.
//! Everything that judges a picture reads it through this view, in place.

use crate::Error;

/// How the samples of a frame lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Three planes Y, U, V; chroma halved both ways, rounded up.
    I420,
    /// Two planes: Y, then U and V interleaved; chroma halved both ways, rounded up.
    Nv12,
    /// One plane, three bytes a pixel.
    Rgb,
    /// One plane, four bytes a pixel, the last one alpha.
    Rgba,
    /// One plane, four bytes a pixel: blue, green, red, unused.
    Bgrx,
    /// One plane, one byte a pixel.
    Gray8,
}

impl Format {
    /// How many planes a frame of this format has.
    pub fn n_planes(self) -> usize {
        match self {
            Format::I420 => 3,
            Format::Nv12 => 2,
            Format::Rgb | Format::Rgba | Format::Bgrx | Format::Gray8 => 1,
        }
    }

    /// Bytes in one row, and rows, of plane `plane` of a picture of this size.
    pub fn plane_size(self, plane: usize, size: Size) -> (usize, usize) {
        let half = Size { width: size.width.div_ceil(2), height: size.height.div_ceil(2) };
        match (self, plane) {
            (Format::I420, 1 | 2) => (half.width, half.height),
            (Format::Nv12, 1) => (half.width * 2, half.height),
            _ => (size.width * self.bytes_a_pixel(), size.height),
        }
    }

    /// Distance in bytes between neighbouring pixels of the first plane.
    pub fn bytes_a_pixel(self) -> usize {
        match self {
            Format::I420 | Format::Nv12 | Format::Gray8 => 1,
            Format::Rgb => 3,
            Format::Rgba | Format::Bgrx => 4,
        }
    }

    /// Whether chroma has planes of its own, at half the resolution.
    pub fn is_yuv(self) -> bool {
        matches!(self, Format::I420 | Format::Nv12)
    }
}

/// Which numbers stand for which colours in the formats with luma and chroma.
///
/// Source: ITU-R BT.601-7 §2.5 and BT.709-6 §3 (coefficients), §4 (ranges).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Colour {
    /// BT.601, luma 16..=235: most video of standard size.
    #[default]
    Bt601,
    /// BT.601 over 0..=255: JPEG and many cameras.
    Bt601Full,
    /// BT.709, luma 16..=235: most video from 720 lines on.
    Bt709,
    /// BT.709 over 0..=255.
    Bt709Full,
}

impl Colour {
    /// Weights of red and blue in luma, and whether samples use all of 0..=255.
    fn weights(self) -> (f32, f32, bool) {
        match self {
            Colour::Bt601 => (0.299, 0.114, false),
            Colour::Bt601Full => (0.299, 0.114, true),
            Colour::Bt709 => (0.2126, 0.0722, false),
            Colour::Bt709Full => (0.2126, 0.0722, true),
        }
    }

    /// Turns one sample into red, green and blue, each `0.0..=255.0`, clamped.
    pub fn to_rgb(self, [y, u, v]: [u8; 3]) -> [f32; 3] {
        let (kr, kb, is_full) = self.weights();
        let (y_offset, y_scale, c_scale) = if is_full { (0.0, 1.0, 1.0) } else { (16.0, 255.0 / 219.0, 255.0 / 224.0) };
        let kg: f32 = 1.0 - kr - kb;
        let luma = (f32::from(y) - y_offset) * y_scale;
        let (cb, cr) = ((f32::from(u) - 128.0) * c_scale, (f32::from(v) - 128.0) * c_scale);
        let red = luma + 2.0 * (1.0 - kr) * cr;
        let blue = luma + 2.0 * (1.0 - kb) * cb;
        let green = luma - (2.0 * kb * (1.0 - kb) * cb + 2.0 * kr * (1.0 - kr) * cr) / kg;
        [red, green, blue].map(|c| c.clamp(0.0, 255.0))
    }

    /// Turns red, green and blue, each `0.0..=255.0`, into one sample, rounded.
    pub fn from_rgb(self, [red, green, blue]: [f32; 3]) -> [u8; 3] {
        let (kr, kb, is_full) = self.weights();
        let (y_offset, y_scale, c_scale) = if is_full { (0.0, 1.0, 1.0) } else { (16.0, 219.0 / 255.0, 224.0 / 255.0) };
        let luma = kr * red + (1.0 - kr - kb) * green + kb * blue;
        let (cb, cr) = ((blue - luma) / (2.0 * (1.0 - kb)), (red - luma) / (2.0 * (1.0 - kr)));
        [luma * y_scale + y_offset, cb * c_scale + 128.0, cr * c_scale + 128.0]
            .map(|v| v.round().clamp(0.0, 255.0) as u8)
    }
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// A rectangle of pixels, from its top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rect {
    /// Left edge.
    pub x: usize,
    /// Top edge.
    pub y: usize,
    /// How wide and how high.
    pub size: Size,
}

/// One plane of samples: `stride` bytes from the start of a row to the start of the next.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// The bytes from the first sample on.
    pub data: &'a [u8],
    /// Bytes from one row to the next, at least the row's own length.
    pub stride: usize,
}

impl<'a> Plane<'a> {
    const EMPTY: Plane<'static> = Plane { data: &[], stride: 0 };

    /// The first `n_bytes` bytes of row `y`.
    #[inline]
    pub fn row(&self, y: usize, n_bytes: usize) -> &'a [u8] {
        &self.data[y * self.stride..][..n_bytes]
    }
}

/// A picture whose pixels lie in somebody else's buffer.
///
/// Every plane is checked once, in [`Frame::new`]: any pixel inside [`Frame::size`] can be read.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    format: Format,
    colour: Colour,
    size: Size,
    planes: [Plane<'a>; 3],
}

impl<'a> Frame<'a> {
    /// The longest side that is accepted; 16,384 is what H.264 and HEVC decoders stop at.
    pub const SIDE_MAX: usize = 16_384;

    /// Borrows a picture of this `format` and `size` from `planes`, in the order the format names them.
    ///
    /// # Errors
    /// [`Error::FrameSize`] when a side is zero or above [`Frame::SIDE_MAX`];
    /// [`Error::FramePlane`] when a plane is missing, too short, or has a stride below its row.
    pub fn new(format: Format, colour: Colour, size: Size, planes: &[Plane<'a>]) -> Result<Frame<'a>, Error> {
        let sides = 1..=Self::SIDE_MAX;
        if !sides.contains(&size.width) || !sides.contains(&size.height) {
            return Err(Error::FrameSize { width: size.width, height: size.height });
        }
        let mut own = [Plane::EMPTY; 3];
        for (index, kept) in own.iter_mut().enumerate().take(format.n_planes()) {
            let (n_bytes, n_rows) = format.plane_size(index, size);
            let plane = planes.get(index).copied().unwrap_or(Plane::EMPTY);
            let needed = plane.stride.saturating_mul(n_rows - 1).saturating_add(n_bytes);
            if plane.stride < n_bytes || plane.data.len() < needed {
                return Err(Error::FramePlane { plane: index, needed, len: plane.data.len() });
            }
            *kept = plane;
        }
        Ok(Frame { format, colour, size, planes: own })
    }

    /// Borrows a picture whose planes lie one after the other in `data`, without padding.
    ///
    /// # Errors
    /// As [`Frame::new`].
    pub fn packed(format: Format, colour: Colour, size: Size, data: &'a [u8]) -> Result<Frame<'a>, Error> {
        let mut rest = data;
        let mut planes = [Plane::EMPTY; 3];
        for (index, plane) in planes.iter_mut().enumerate().take(format.n_planes()) {
            let (stride, n_rows) = format.plane_size(index, size);
            *plane = Plane { data: rest, stride };
            rest = &rest[(stride * n_rows).min(rest.len())..];
        }
        Frame::new(format, colour, size, &planes)
    }

    /// How the samples lie.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Which numbers stand for which colours.
    pub fn colour(&self) -> Colour {
        self.colour
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The planes, in the format's order.
    pub fn planes(&self) -> &[Plane<'a>] {
        &self.planes[..self.format.n_planes()]
    }

    /// The part inside `rect`, clipped to the picture, still borrowed.
    ///
    /// In formats with halved chroma the corner moves left and up to an even place, so that chroma stays in step.
    /// A rectangle wholly outside gives the nearest pixel.
    pub fn crop(&self, rect: Rect) -> Frame<'a> {
        let grid = if self.format.is_yuv() { 2 } else { 1 };
        let x = rect.x.min(self.size.width - 1) / grid * grid;
        let y = rect.y.min(self.size.height - 1) / grid * grid;
        let size = Size {
            width: rect.size.width.clamp(1, self.size.width - x),
            height: rect.size.height.clamp(1, self.size.height - y),
        };
        let mut planes = self.planes;
        for (index, plane) in planes.iter_mut().enumerate().take(self.format.n_planes()) {
            let (left_bytes, _) = self.format.plane_size(index, Size { width: x, height: 0 });
            let top = if index > 0 { y / grid } else { y };
            plane.data = &plane.data[top * plane.stride + left_bytes..];
        }
        Frame { size, planes, ..*self }
    }

    /// Red, green and blue of the pixel at `x`, `y`, each `0.0..=255.0`; chroma is the nearest sample.
    #[inline]
    pub fn rgb(&self, x: usize, y: usize) -> [f32; 3] {
        let at = |plane: usize, x: usize, y: usize| self.planes[plane].data[y * self.planes[plane].stride + x];
        match self.format {
            Format::I420 => self.colour.to_rgb([at(0, x, y), at(1, x / 2, y / 2), at(2, x / 2, y / 2)]),
            Format::Nv12 => {
                let pair = x / 2 * 2;
                self.colour.to_rgb([at(0, x, y), at(1, pair, y / 2), at(1, pair + 1, y / 2)])
            }
            Format::Rgb => [at(0, x * 3, y), at(0, x * 3 + 1, y), at(0, x * 3 + 2, y)].map(f32::from),
            Format::Rgba => [at(0, x * 4, y), at(0, x * 4 + 1, y), at(0, x * 4 + 2, y)].map(f32::from),
            Format::Bgrx => [at(0, x * 4 + 2, y), at(0, x * 4 + 1, y), at(0, x * 4, y)].map(f32::from),
            Format::Gray8 => [f32::from(at(0, x, y)); 3],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 5, height: 3 };

    #[test]
    fn odd_sizes_round_chroma_up() {
        assert_eq!(Format::I420.plane_size(1, SIZE), (3, 2));
        assert_eq!(Format::Nv12.plane_size(1, SIZE), (6, 2));
        assert!(Frame::packed(Format::I420, Colour::Bt601, SIZE, &[0; 15 + 6 + 6]).is_ok());
        assert!(Frame::packed(Format::I420, Colour::Bt601, SIZE, &[0; 15 + 6 + 5]).is_err());
    }

    #[test]
    fn a_short_plane_or_a_side_of_zero_is_refused() {
        let short = Plane { data: &[0; 14], stride: 5 };
        assert!(matches!(
            Frame::new(Format::Gray8, Colour::Bt601, SIZE, &[short]),
            Err(Error::FramePlane { plane: 0, needed: 15, len: 14 })
        ));
        let none = Size { width: 0, height: 3 };
        assert!(matches!(Frame::packed(Format::Rgb, Colour::Bt601, none, &[]), Err(Error::FrameSize { .. })));
    }

    #[test]
    fn a_crop_reads_the_same_pixels_in_every_format() {
        let data: Vec<u8> = (0..=255).cycle().take(4 * 64).collect();
        let size = Size { width: 8, height: 8 };
        for format in [Format::I420, Format::Nv12, Format::Rgb, Format::Rgba, Format::Bgrx, Format::Gray8] {
            let frame = Frame::packed(format, Colour::Bt709Full, size, &data).unwrap();
            let part = frame.crop(Rect { x: 4, y: 2, size: Size { width: 3, height: 9 } });
            assert_eq!(part.size(), Size { width: 3, height: 6 });
            assert_eq!(part.rgb(2, 5), frame.rgb(6, 7), "{format:?}");
        }
    }

    #[test]
    fn colours_survive_the_way_there_and_back() {
        for colour in [Colour::Bt601, Colour::Bt601Full, Colour::Bt709, Colour::Bt709Full] {
            let there = colour.to_rgb(colour.from_rgb([200.0, 60.0, 90.0]));
            assert!(there.iter().zip([200.0, 60.0, 90.0]).all(|(a, b)| (a - b).abs() < 2.5), "{colour:?}: {there:?}");
        }
    }

    #[test]
    fn white_and_black_keep_their_meaning_in_both_ranges() {
        for (colour, black, white) in [(Colour::Bt601, 16, 235), (Colour::Bt709Full, 0, 255)] {
            assert_eq!(colour.to_rgb([black, 128, 128]), [0.0; 3]);
            assert!(colour.to_rgb([white, 128, 128]).iter().all(|c| (c - 255.0).abs() < 0.01));
        }
    }
}
