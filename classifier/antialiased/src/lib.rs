//! How is a plane of bytes brought to another size, every source pixel counting?
//!
//! `fast_image_resize` is generic over pixels, and its code is made where it is called: 1,900 functions, two minutes of
//! one core. They are made here, once, and not with every change of the crate that uses them.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions};

/// How far each pixel of the result looks around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Triangle, one pixel of the result wide on each side.
    Bilinear,
    /// Catmull and Rom's, as Pillow's `BICUBIC`.
    Bicubic,
    /// Lanczos, three pixels wide.
    Lanczos3,
}

/// Width and height in pixels.
pub type Size = (usize, usize);

/// Scratch space, kept between pictures.
pub struct Resizer {
    resizer: fast_image_resize::Resizer,
    options: ResizeOptions,
}

impl Resizer {
    /// A resizer with this filter.
    pub fn new(filter: Filter) -> Resizer {
        let filter = match filter {
            Filter::Bilinear => FilterType::Bilinear,
            Filter::Bicubic => FilterType::CatmullRom,
            Filter::Lanczos3 => FilterType::Lanczos3,
        };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
        Resizer { resizer: fast_image_resize::Resizer::new(), options }
    }

    /// Resizes one plane.
    ///
    /// `plane` holds `width * height * channels` bytes, row by row, no padding; so does the result. `channels` is 1 to 4;
    /// none of them is taken for transparency.
    ///
    /// # Errors
    /// What the resizer has against the picture, as a sentence.
    pub fn resize(&mut self, plane: &[u8], from: Size, to: Size, channels: usize) -> Result<Vec<u8>, String> {
        match channels {
            1 => self.resize_typed::<U8>(plane, from, to),
            2 => self.resize_typed::<U8x2>(plane, from, to),
            3 => self.resize_typed::<U8x3>(plane, from, to),
            4 => self.resize_typed::<U8x4>(plane, from, to),
            _ => Err(format!("pixels have 1 to 4 channels, not {channels}")),
        }
    }

    fn resize_typed<P: PixelTrait>(&mut self, plane: &[u8], from: Size, to: Size) -> Result<Vec<u8>, String> {
        let source = TypedImageRef::<P>::from_buffer(from.0 as u32, from.1 as u32, plane).map_err(said)?;
        let mut resized = vec![0; to.0 * to.1 * size_of::<P>()];
        let mut target = TypedImage::<P>::from_buffer(to.0 as u32, to.1 as u32, &mut resized).map_err(said)?;
        self.resizer.resize_typed(&source, &mut target, &self.options).map_err(said)?;
        Ok(resized)
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
