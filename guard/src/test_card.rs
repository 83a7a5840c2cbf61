//! Which harmless picture must every guard cover?
//!
//! The **safety test card** is to a guard what the EICAR file is to a virus scanner: ours, harmless, unmistakable, and
//! in the built-in list. It is a quilt of large patches with a sign on it. The patches give its hash high quality and
//! let it survive scaling and re-encoding; `docs/test-card.md` says how others can use it.

use crate::lettering::{self, Mask, Paragraph, Weight};
use crate::{Colour, Format, Frame, Size};

/// Patches along the width and the height.
const N_PATCHES: (usize, usize) = (10, 8);

/// Shade of each patch, an index into [`PALETTE`]; the one of 3,000 random quilts whose hash changes
/// least with its size.
const QUILT: [&[u8; 10]; 8] = [
    b"0102303023",
    b"1031212102",
    b"0123031230",
    b"1232120323",
    b"0313231030",
    b"2020323123",
    b"1313210312",
    b"3020303103",
];

/// Navy, orange, cream and teal: four shades of luma far apart.
const PALETTE: [[u8; 3]; 4] = [[16, 32, 84], [242, 138, 36], [250, 240, 214], [24, 128, 128]];

/// The sign in the middle, as shares of the width and height.
const SIGN: (f32, f32, f32, f32) = (0.2, 0.36, 0.8, 0.64);
const SIGN_RGB: [u8; 3] = [255, 255, 255];
const INK_RGB: [u8; 3] = [16, 16, 16];

/// Draws the card, `[height, width, 3]` u8 RGB.
pub fn draw(size: Size) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(size.width * size.height * 3);
    for y in 0..size.height {
        for x in 0..size.width {
            pixels.extend(colour_at((x as f32 + 0.5) / size.width as f32, (y as f32 + 0.5) / size.height as f32));
        }
    }
    letter(&mut pixels, size);
    pixels
}

/// Draws the card in any format, the planes one after the other without padding.
pub fn draw_in(format: Format, colour: Colour, size: Size) -> Vec<u8> {
    let pixels = draw(size);
    let mut data = Vec::new();
    for plane in 0..format.n_planes() {
        let (n_bytes, n_rows) = format.plane_size(plane, size);
        for y in 0..n_rows {
            for byte in 0..n_bytes {
                data.push(sample(&pixels, size, format, colour, plane, byte, y));
            }
        }
    }
    data
}

fn sample(pixels: &[u8], size: Size, format: Format, colour: Colour, plane: usize, byte: usize, y: usize) -> u8 {
    let rgb = |x: usize, y: usize| -> [f32; 3] {
        let at = (y.min(size.height - 1) * size.width + x.min(size.width - 1)) * 3;
        [pixels[at], pixels[at + 1], pixels[at + 2]].map(f32::from)
    };
    let full = Colour::Bt601Full;
    match (format, plane) {
        (Format::I420 | Format::Nv12, 0) => colour.from_rgb(rgb(byte, y))[0],
        (Format::I420, part) => colour.from_rgb(rgb(byte * 2, y * 2))[part],
        (Format::Nv12, _) => colour.from_rgb(rgb(byte / 2 * 2, y * 2))[1 + byte % 2],
        (Format::Gray8, _) => full.from_rgb(rgb(byte, y))[0],
        (Format::Rgb, _) => rgb(byte / 3, y)[byte % 3] as u8,
        (Format::Rgba, _) => rgb(byte / 4, y).get(byte % 4).map_or(u8::MAX, |c| *c as u8),
        (Format::Bgrx, _) => {
            [2, 1, 0].get(byte % 4).map_or(u8::MAX, |channel: &usize| rgb(byte / 4, y)[*channel] as u8)
        }
    }
}

/// The colour at a place given as shares of width and height, each `0.0..1.0`.
fn colour_at(x: f32, y: f32) -> [u8; 3] {
    let (left, top, right, bottom) = SIGN;
    if (left..right).contains(&x) && (top..bottom).contains(&y) {
        return SIGN_RGB;
    }
    let (column, row) = ((x * N_PATCHES.0 as f32) as usize, (y * N_PATCHES.1 as f32) as usize);
    PALETTE[usize::from(QUILT[row][column] - b'0')]
}

/// The words are laid out once, on a card of this size, and scaled with it: the card looks the same at every size.
const LAID_OUT: Size = Size { width: 1280, height: 720 };

fn letter(pixels: &mut [u8], size: Size) {
    let words = [
        Paragraph { text: "SAFETY TEST CARD".into(), weight: Weight::Strong },
        Paragraph { text: "harmless".into(), weight: Weight::Plain },
    ];
    let (left, top) = (SIGN.0 + 0.02, SIGN.1 + 0.01);
    let share = |part: f32, len: usize| (part * len as f32) as usize;
    let area = Size {
        width: share(SIGN.2 - 0.02 - left, LAID_OUT.width),
        height: share(SIGN.3 - 0.01 - top, LAID_OUT.height),
    };
    let mask = lettering::write(&words, area, LAID_OUT.height / 10);
    for (index, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = (index % size.width, index / size.width);
        let alpha = ink(&mask, (left, top), (x, size.width), (y, size.height));
        for (sample, ink) in pixel.iter_mut().zip(INK_RGB) {
            *sample = ((u32::from(*sample) * (255 - alpha) + u32::from(ink) * alpha) / 255) as u8;
        }
    }
}

/// How much of a pixel the letters cover, `0..=255`: the mean of the laid-out letters under it.
fn ink(mask: &Mask, (left, top): (f32, f32), (x, width): (usize, usize), (y, height): (usize, usize)) -> u32 {
    let span = |at: usize, len: usize, offset: f32, laid_out: usize, end: usize| {
        let place = |at: usize| (at as f32 / len as f32 - offset) * laid_out as f32;
        let (from, to) = (place(at).max(0.0) as usize, place(at + 1).max(0.0).ceil() as usize);
        from.min(end)..to.min(end)
    };
    let columns = span(x, width, left, LAID_OUT.width, mask.size.width);
    let rows = span(y, height, top, LAID_OUT.height, mask.size.height);
    let n = (columns.len() * rows.len()) as u32;
    let sum: u32 = rows.map(|row| mask.row(row)[columns.clone()].iter().map(|a| u32::from(*a)).sum::<u32>()).sum();
    sum.checked_div(n).unwrap_or(0)
}

/// A frame of the card as borrowed pixels.
///
/// # Panics
/// When `pixels` is not what [`draw`] returns for `size`, or a side is zero.
pub fn frame(pixels: &[u8], size: Size) -> Frame<'_> {
    Frame::packed(Format::Rgb, Colour::Bt601, size, pixels).expect("draw gives three bytes a pixel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_card_in_every_format() {
        let size = Size { width: 320, height: 180 };
        let rgb = draw(size);
        for format in [Format::I420, Format::Nv12, Format::Rgba, Format::Bgrx] {
            let data = draw_in(format, Colour::Bt601, size);
            let other = Frame::packed(format, Colour::Bt601, size, &data).unwrap();
            for (x, y) in [(10, 10), (200, 30), (300, 170), (100, 140)] {
                let (a, b) = (frame(&rgb, size).rgb(x, y), other.rgb(x, y));
                assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 6.0), "{format:?} at {x},{y}: {a:?} {b:?}");
            }
        }
    }

    #[test]
    fn any_size_can_be_drawn() {
        for side in 1..40 {
            assert_eq!(draw(Size { width: side, height: 41 - side }).len(), side * (41 - side) * 3);
        }
    }
}
