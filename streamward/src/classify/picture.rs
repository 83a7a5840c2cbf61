//! Which pixels does a picture file show?

use std::path::Path;

use anyhow::anyhow;
use guard::{Colour, Format, Frame, Size};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

/// The pixels of a picture file, upright; transparency is dropped.
pub(crate) struct Picture {
    size: Size,
    rgb: Vec<u8>,
}

/// What a picture may need in memory: 16,384 by 8,192 pixels of 4 bytes.
const BYTES_MAX: u64 = 512 << 20;

impl Picture {
    /// Decodes the first picture of `file`, whose format is told by its content.
    pub(crate) fn open(file: &Path) -> anyhow::Result<Picture> {
        let decoded = decode(file).map_err(|error| {
            anyhow!(
                "this cannot be read as a picture: {error:#}\n  to do: give a PNG, JPEG, WebP, GIF, BMP or TIFF file of at most 16,384 pixels a side"
            )
        })?;
        let picture = decoded.into_rgb8();
        let size = Size { width: picture.width() as usize, height: picture.height() as usize };
        let picture = Picture { size, rgb: picture.into_raw() };
        Frame::packed(Format::Rgb, Colour::Bt601, picture.size, &picture.rgb).map_err(|error| anyhow!("{error}"))?;
        Ok(picture)
    }

    /// The picture as the guard sees one.
    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame::packed(Format::Rgb, Colour::Bt601, self.size, &self.rgb)
            .expect("the size was checked when it was opened")
    }
}

fn decode(file: &Path) -> anyhow::Result<DynamicImage> {
    let mut reader = ImageReader::open(file)?.with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(Frame::SIDE_MAX as u32);
    limits.max_image_height = Some(Frame::SIDE_MAX as u32);
    limits.max_alloc = Some(BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}
