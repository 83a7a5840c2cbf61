//! What is the PDQ hash of a part of a live frame?

use guard::{Format, Frame};
use known::pdq::{self, Hasher, Luma, Pdq, Rgb};

/// The frame's luma where its first plane holds it, else `None`.
pub(crate) fn luma_of<'a>(frame: &Frame<'a>) -> Option<Luma<'a, u8>> {
    match frame.format() {
        Format::I420 | Format::Nv12 | Format::Gray8 => {
            let plane = frame.planes()[0];
            let size = frame.size();
            Luma::new(plane.data, size.width, size.height, plane.stride).ok()
        }
        Format::Rgb | Format::Rgba | Format::Bgrx => None,
    }
}

/// Hashes frames one after the other, in buffers that are kept.
#[derive(Default)]
pub struct FrameHasher {
    hasher: Hasher,
    pixels: Vec<u8>,
}

impl FrameHasher {
    /// Hashes a frame as Meta's tool does: a side over 512 pixels is shrunk first, so that the hash of a frame and
    /// the hash of a file on a list are made alike.
    pub fn pdq(&mut self, frame: &Frame) -> Pdq {
        let size = frame.size();
        let is_large = size.width.max(size.height) > pdq::SHRINK_SIDE;
        match luma_of(frame) {
            Some(luma) if is_large => self.hasher.hash_luma(pdq::shrink_luma(luma).as_luma()),
            Some(luma) => self.hasher.hash_luma(luma),
            None => self.packed(frame, is_large),
        }
    }

    fn packed(&mut self, frame: &Frame, is_large: bool) -> Pdq {
        let size = frame.size();
        self.pixels.clear();
        for y in 0..size.height {
            (0..size.width).for_each(|x| self.pixels.extend(frame.rgb(x, y).map(|c| c as u8)));
        }
        match Rgb::new(&self.pixels, size.width, size.height, size.width * 3) {
            Ok(rgb) if is_large => self.hasher.hash_rgb(pdq::shrink_rgb(rgb).as_rgb()),
            Ok(rgb) => self.hasher.hash_rgb(rgb),
            Err(_) => Pdq::default(),
        }
    }
}

/// Hashes one frame; see [`FrameHasher::pdq`].
pub fn pdq(frame: &Frame) -> Pdq {
    FrameHasher::default().pdq(frame)
}
