//! What is the PDQ hash of a part of a live frame?

use guard::{Format, Frame};
use known::pdq::{self, Luma, Pdq, Rgb};

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

/// Hashes a frame as Meta's tool does: a side over 512 pixels is shrunk first, so that the hash of a frame and the
/// hash of a file on a list are made alike.
pub fn pdq(frame: &Frame) -> Pdq {
    match luma_of(frame) {
        Some(luma) => hash_luma(luma),
        None => hash_rgb(frame),
    }
}

fn hash_luma(luma: Luma<'_, u8>) -> Pdq {
    if luma.width().max(luma.height()) <= pdq::SHRINK_SIDE {
        return pdq::hash_luma(luma);
    }
    pdq::hash_luma(pdq::shrink_luma(luma).as_luma())
}

fn hash_rgb(frame: &Frame) -> Pdq {
    let size = frame.size();
    let mut pixels = Vec::with_capacity(size.width * size.height * 3);
    for y in 0..size.height {
        (0..size.width).for_each(|x| pixels.extend(frame.rgb(x, y).map(|c| c as u8)));
    }
    let Ok(rgb) = Rgb::new(&pixels, size.width, size.height, size.width * 3) else { return Pdq::default() };
    if size.width.max(size.height) <= pdq::SHRINK_SIDE {
        return pdq::hash_rgb(rgb);
    }
    pdq::hash_rgb(pdq::shrink_rgb(rgb).as_rgb())
}
