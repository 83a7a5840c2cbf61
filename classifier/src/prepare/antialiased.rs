//! How do Pillow's users bring a picture to the size of their model?
//!
//! Every source pixel counts: a filter as wide as the reduction, in fixed point over bytes. `fast_image_resize` follows
//! Pillow's arithmetic. Formats with chroma planes are resized plane by plane and converted afterwards, at the tensor's
//! size: a quarter of the work, and the same but for rounding, for colours that were clamped, and for chroma, which is
//! smoothed instead of repeated.

use antialiased::Resizer;
use guard::{Format, Frame, Plane, Size};

use super::Sink;
use super::rows::{self, Rgb};
use crate::{Error, Filter, Input, Resize};

/// Scratch space for one size of tensor.
pub(crate) struct Antialiased {
    resizer: Resizer,
    /// What the whole picture is resized to.
    squashed: Size,
    /// The tensor's part of that: left, top, rows, columns.
    crop: guard::Rect,
    /// Planes without padding between their rows.
    packed: Vec<u8>,
    row: Rgb,
}

impl Antialiased {
    /// Makes room for tensors of this kind.
    pub(crate) fn new(input: &Input) -> Antialiased {
        let size = Size { width: input.width, height: input.height };
        let (filter, squashed) = match input.resize {
            Resize::SquashCrop { filter, side } => (filter, Size { width: side, height: side }),
            Resize::Squash { filter } => (filter, size),
            Resize::AlignCorners {} => unreachable!("this resizer is chosen for the antialiased kinds only"),
        };
        let filter = match filter {
            Filter::Bilinear => antialiased::Filter::Bilinear,
            Filter::Bicubic => antialiased::Filter::Bicubic,
            Filter::Lanczos3 => antialiased::Filter::Lanczos3,
        };
        let (x, y) = ((squashed.width - size.width) / 2, (squashed.height - size.height) / 2);
        Antialiased {
            resizer: Resizer::new(filter),
            squashed,
            crop: guard::Rect { x, y, size },
            packed: Vec::new(),
            row: rows::rgb(size.width),
        }
    }

    /// Resizes `frame` into `sink`.
    ///
    /// # Errors
    /// [`Error::Resize`] when the resizer refuses the picture.
    pub(crate) fn resize(&mut self, frame: &Frame, sink: &mut Sink) -> Result<(), Error> {
        let layout = plane_layout(frame.format());
        let mut planes = Vec::with_capacity(layout.len());
        for (index, &bytes_a_pixel) in layout.iter().enumerate() {
            let (n_bytes, n_rows) = frame.format().plane_size(index, frame.size());
            let size = Size { width: n_bytes / bytes_a_pixel, height: n_rows };
            let resized = self.resize_plane(frame.planes()[index], n_bytes, size, bytes_a_pixel);
            planes.push(resized.map_err(|reason| Error::Resize {
                width: frame.size().width,
                height: frame.size().height,
                reason,
            })?);
        }
        for y in 0..self.crop.size.height {
            self.fill_row(frame, &planes, y);
            sink.write_row(y, &self.row);
        }
        Ok(())
    }

    fn resize_plane(
        &mut self,
        plane: Plane,
        n_bytes: usize,
        size: Size,
        bytes_a_pixel: usize,
    ) -> Result<Vec<u8>, String> {
        let source = if plane.stride == n_bytes {
            &plane.data[..n_bytes * size.height]
        } else {
            self.packed.clear();
            (0..size.height).for_each(|y| self.packed.extend_from_slice(plane.row(y, n_bytes)));
            &self.packed
        };
        let to = (self.squashed.width, self.squashed.height);
        self.resizer.resize(source, (size.width, size.height), to, bytes_a_pixel)
    }

    /// Row `y` of the tensor out of the resized planes.
    fn fill_row(&mut self, frame: &Frame, planes: &[Vec<u8>], y: usize) {
        let [red, green, blue] = self.row.each_mut();
        let start = (self.crop.y + y) * self.squashed.width + self.crop.x;
        for (x, at) in (start..start + self.crop.size.width).enumerate() {
            let pixel = match frame.format() {
                Format::I420 => [planes[0][at], planes[1][at], planes[2][at]],
                Format::Nv12 => [planes[0][at], planes[1][at * 2], planes[1][at * 2 + 1]],
                Format::Rgb => [planes[0][at * 3], planes[0][at * 3 + 1], planes[0][at * 3 + 2]],
                Format::Rgba => [planes[0][at * 4], planes[0][at * 4 + 1], planes[0][at * 4 + 2]],
                Format::Bgrx => [planes[0][at * 4 + 2], planes[0][at * 4 + 1], planes[0][at * 4]],
                Format::Gray8 => [planes[0][at]; 3],
            };
            (red[x], green[x], blue[x]) = (pixel[0].into(), pixel[1].into(), pixel[2].into());
        }
        if frame.format().is_yuv() {
            rows::to_rgb(frame.colour(), red, green, blue);
        }
    }
}

/// Bytes for each pixel of each plane.
fn plane_layout(format: Format) -> &'static [usize] {
    match format {
        Format::I420 => &[1, 1, 1],
        Format::Nv12 => &[1, 2],
        Format::Rgb => &[3],
        Format::Rgba | Format::Bgrx => &[4],
        Format::Gray8 => &[1],
    }
}

#[cfg(test)]
mod tests {
    use guard::Colour;
    use proptest::prelude::*;

    use super::*;
    use crate::prepare::Preparation;
    use crate::shipped;

    /// What Pillow 13 makes of the picture in `equals_pillow_within_one`:
    /// `Image.fromarray(((x*x*7 + y*13*x + y*29) % 256).astype("u1")).resize((8, 8), BILINEAR)`, and so on.
    const BILINEAR: [u8; 64] = [
        101, 137, 139, 161, 118, 142, 124, 119, 126, 123, 133, 147, 125, 120, 131, 121, 127, 134, 126, 115, 125, 133,
        126, 140, 133, 128, 120, 123, 118, 127, 126, 121, 141, 125, 126, 118, 123, 127, 131, 104, 116, 115, 122, 122,
        120, 112, 117, 90, 130, 113, 116, 111, 130, 117, 139, 124, 134, 140, 127, 133, 124, 123, 135, 124,
    ];
    const BICUBIC: [u8; 64] = [
        95, 141, 140, 166, 114, 147, 123, 118, 128, 122, 132, 149, 125, 115, 131, 120, 126, 138, 126, 108, 127, 136,
        123, 145, 134, 128, 118, 126, 118, 127, 126, 123, 144, 123, 128, 115, 123, 129, 135, 103, 112, 114, 122, 123,
        117, 111, 117, 84, 132, 110, 114, 109, 131, 114, 140, 127, 135, 143, 127, 139, 120, 124, 134, 127,
    ];
    const LANCZOS3: [u8; 64] = [
        92, 143, 142, 166, 113, 150, 122, 118, 129, 120, 133, 150, 125, 112, 130, 120, 125, 139, 124, 103, 126, 137,
        123, 145, 134, 128, 118, 129, 118, 127, 126, 124, 145, 121, 130, 115, 123, 129, 136, 104, 112, 114, 122, 122,
        113, 112, 117, 82, 133, 108, 114, 111, 134, 112, 139, 128, 136, 144, 126, 141, 117, 123, 137, 128,
    ];

    #[test]
    fn equals_pillow_within_one() {
        let size = Size { width: 40, height: 30 };
        let pixel = |i: usize| ((i % 40) * (i % 40) * 7 + (i / 40) * 13 * (i % 40) + (i / 40) * 29) as u8;
        let pixels: Vec<u8> = (0..1200).map(pixel).collect();
        let frame = Frame::packed(Format::Gray8, Colour::Bt601, size, &pixels).unwrap();
        let mut input = shipped("image-safety-s").unwrap().input;
        (input.width, input.height) = (8, 8);
        for (filter, expected) in
            [(Filter::Bilinear, BILINEAR), (Filter::Bicubic, BICUBIC), (Filter::Lanczos3, LANCZOS3)]
        {
            input.resize = Resize::Squash { filter };
            let mut preparation = Preparation::new(&input);
            let tensor = preparation.prepare(&frame).unwrap();
            for (found, expected) in tensor.iter().zip(expected) {
                assert!((found - f32::from(expected)).abs() <= 1.0, "{filter:?}: {found} and {expected}");
            }
        }
    }

    const SIZE: Size = Size { width: 640, height: 360 };

    #[test]
    fn every_format_gives_the_same_picture_within_rounding() {
        let grey: Vec<u8> = (0..SIZE.width * SIZE.height).map(|i| (i % SIZE.width * 255 / 639) as u8).collect();
        let mut expected: Option<Vec<f32>> = None;
        for (format, data) in [
            (Format::Gray8, grey.clone()),
            (Format::Rgb, grey.iter().flat_map(|&v| [v; 3]).collect()),
            (Format::Rgba, grey.iter().flat_map(|&v| [v, v, v, 9]).collect()),
            (Format::Bgrx, grey.iter().flat_map(|&v| [v, v, v, 9]).collect()),
            (Format::I420, grey.iter().copied().chain([128; 640 * 180]).collect()),
            (Format::Nv12, grey.iter().copied().chain([128; 640 * 180]).collect()),
        ] {
            let frame = Frame::packed(format, Colour::Bt709Full, SIZE, &data).unwrap();
            for name in ["open_nsfw", "image-safety-s"] {
                let mut preparation = Preparation::new(&shipped(name).unwrap().input);
                let tensor = preparation.prepare(&frame).unwrap();
                if name == "open_nsfw" {
                    let expected = expected.get_or_insert_with(|| tensor.to_vec());
                    assert!(tensor.iter().zip(expected).all(|(left, right)| (*left - *right).abs() < 1e-3));
                }
            }
        }
    }

    #[test]
    fn the_middle_is_cut_out_after_squashing() {
        let pixels: Vec<u8> = (0..256 * 256).map(|i| (i % 256) as u8).collect();
        let size = Size { width: 256, height: 256 };
        let frame = Frame::packed(Format::Gray8, Colour::Bt601, size, &pixels).unwrap();
        let mut preparation = Preparation::new(&shipped("open_nsfw").unwrap().input);
        let tensor = preparation.prepare(&frame).unwrap();
        // Pixel (0, 0) of the tensor is pixel (16, 16) of the picture; blue comes first, minus 104.
        assert_eq!(tensor[..3], [16.0 - 104.0, 16.0 - 117.0, 16.0 - 123.0]);
        assert_eq!(tensor[223 * 3], 239.0 - 104.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn padding_between_rows_changes_nothing(
            format in prop::sample::select(vec![Format::I420, Format::Nv12, Format::Rgb, Format::Bgrx]),
            width in 1usize..50,
            height in 1usize..50,
            padding in 1usize..9,
            data in prop::collection::vec(any::<u8>(), 50 * 50 * 4),
        ) {
            let size = Size { width, height };
            let frame = Frame::packed(format, Colour::Bt601, size, &data).unwrap();
            let padded: Vec<(Vec<u8>, usize)> = (0..format.n_planes()).map(|plane| {
                let (n_bytes, n_rows) = format.plane_size(plane, size);
                let rows = (0..n_rows).flat_map(|y| {
                    frame.planes()[plane].row(y, n_bytes).iter().copied().chain(vec![77; padding])
                });
                (rows.collect(), n_bytes + padding)
            }).collect();
            let planes: Vec<Plane> = padded.iter().map(|(data, stride)| Plane { data, stride: *stride }).collect();
            let same = Frame::new(format, Colour::Bt601, size, &planes).unwrap();
            let mut preparation = Preparation::new(&shipped("image-safety-s").unwrap().input);
            let expected = preparation.prepare(&frame).unwrap().to_vec();
            prop_assert_eq!(expected, preparation.prepare(&same).unwrap());
        }
    }
}
