//! Which pixels does a model see of a picture file?
//!
//! The picture turned upright as its camera noted, since models learned from upright pictures; a hash, in contrast, is
//! made of the pixels as they lie. Transparency is dropped, as by the programs that the models come from.

use std::path::Path;

use anyhow::anyhow;
use guard::{Colour, Format, Frame, Size};

use crate::hash;
use crate::picture::unpack;

/// The pixels of a picture file, upright.
pub(crate) struct Upright {
    size: Size,
    rgb: Vec<u8>,
}

impl Upright {
    /// Unpacks the first picture of `file`, whose format is told by its content. Errors name the file.
    pub(crate) fn open(file: &Path) -> anyhow::Result<Upright> {
        let refused = |why: String| {
            anyhow!(
                "cannot judge the picture {}: {why}\n  to do: give a PNG, JPEG, WebP, GIF, BMP or TIFF file of at most 16,384 pixels a side",
                file.display()
            )
        };
        let unpacked = unpack(&hash::read(file)?).map_err(|error| refused(error.to_string()))?;
        let mut image = unpacked.image;
        image.apply_orientation(unpacked.orientation);
        let size = Size { width: image.width() as usize, height: image.height() as usize };
        let picture = Upright { size, rgb: image.into_rgb8().into_raw() };
        Frame::packed(Format::Rgb, Colour::Bt601, size, &picture.rgb).map_err(|error| refused(error.to_string()))?;
        Ok(picture)
    }

    /// The picture as the guard sees one.
    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame::packed(Format::Rgb, Colour::Bt601, self.size, &self.rgb)
            .expect("the size was checked when it was opened")
    }
}
