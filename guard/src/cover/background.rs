//! What lies behind the words of a cover?
//!
//! One shade, or squares of a few tiles each, hard or blended into each other. The means of the squares are taken once
//! for a cover and a row of squares is drawn once; the rest is copying.

use super::{Channels, CoverArt, Part, Shades};
use crate::policy::CoverStyle;
use crate::signature::N_TILES;
use crate::{Signature, Size};

/// The background of one plane.
pub(super) struct Background<'a> {
    style: CoverStyle,
    step: usize,
    shades: &'a Shades,
    channels: Channels,
    /// Pixels of the plane.
    size: Size,
    /// Squares along each side.
    n: usize,
    /// For each channel the value of every square, row by row; empty for a solid cover.
    squares: [Vec<u8>; 4],
}

impl<'a> Background<'a> {
    pub(super) fn new(
        art: &'a CoverArt,
        channels: Channels,
        signature: &Signature,
        (width, height): (usize, usize),
    ) -> Background<'a> {
        let n = N_TILES.div_ceil(art.step);
        let mut squares: [Vec<u8>; 4] = Default::default();
        if art.style != CoverStyle::Solid {
            for (squares, part) in squares.iter_mut().zip(channels.parts).take(channels.n) {
                squares.extend((0..n * n).map(|i| square(signature, art.step, (i % n, i / n), part)));
            }
        }
        let size = Size { width, height };
        Background { style: art.style, step: art.step, shades: &art.shades, channels, size, n, squares }
    }

    /// Rows with the same answer look the same; `None` looks like no other.
    pub(super) fn same_as(&self, y: usize) -> Option<usize> {
        match self.style {
            CoverStyle::Solid => Some(0),
            CoverStyle::Pixelate => Some(self.square_row(y)),
            CoverStyle::Blur => None,
        }
    }

    /// Paints row `y`.
    pub(super) fn paint(&self, row: &mut [u8], y: usize) {
        let n_channels = self.channels.n;
        for channel in 0..n_channels {
            let part = self.channels.parts[channel];
            match self.style {
                CoverStyle::Solid => {
                    row[channel..].iter_mut().step_by(n_channels).for_each(|sample| *sample = self.shades.dark(part));
                }
                CoverStyle::Pixelate => self.hard(row, channel, part, self.square_row(y)),
                CoverStyle::Blur => self.soft(row, channel, part, y),
            }
        }
    }

    fn square_row(&self, y: usize) -> usize {
        y * N_TILES / self.size.height / self.step
    }

    /// The first pixel of square `x` of a row.
    fn first(&self, x: usize) -> usize {
        (x * self.step * self.size.width).div_ceil(N_TILES).min(self.size.width)
    }

    fn hard(&self, row: &mut [u8], channel: usize, part: Part, y: usize) {
        let n_channels = self.channels.n;
        for (x, value) in self.squares[channel][y * self.n..][..self.n].iter().enumerate() {
            let shade = self.shades.dimmed(*value, part);
            let pixels = &mut row[self.first(x) * n_channels..self.first(x + 1) * n_channels];
            match n_channels {
                1 => pixels.fill(shade),
                _ => pixels.chunks_exact_mut(n_channels).for_each(|pixel| pixel[channel] = shade),
            }
        }
    }

    /// Between the centres of the four nearest squares: first down, for the whole row of squares, then across, where
    /// the value climbs evenly from one centre to the next.
    fn soft(&self, row: &mut [u8], channel: usize, part: Part, y: usize) {
        let (width, n_channels) = (self.size.width, self.channels.n);
        let at = ((y as f32 + 0.5) / self.size.height as f32 * self.n as f32 - 0.5).clamp(0.0, (self.n - 1) as f32);
        let (above, below, share) = (at as usize, (at as usize + 1).min(self.n - 1), at.fract());
        let shade = |x: usize, y: usize| f32::from(self.shades.dimmed(self.squares[channel][y * self.n + x], part));
        let value = |x: usize| shade(x, above) * (1.0 - share) + shade(x, below) * share;
        let centre = |x: usize| (x as f32 + 0.5) * width as f32 / self.n as f32 - 0.5;
        let mut start = 0;
        for x in 0..=self.n {
            // Before the first centre and after the last one nothing climbs.
            let (from, to) = (value(x.saturating_sub(1)), value(x.min(self.n - 1)));
            let end = if x == self.n { width } else { (centre(x).ceil().max(0.0) as usize).clamp(start, width) };
            let climb = (to - from) * self.n as f32 / width as f32;
            let first = from + climb * (start as f32 - centre(x.saturating_sub(1))).max(0.0);
            let (first, climb) = ((first * FIXED).round() as i32, (climb * FIXED).round() as i32);
            let samples = row[start * n_channels..end * n_channels].chunks_exact_mut(n_channels);
            for (i, pixel) in samples.enumerate() {
                pixel[channel] = ((first + climb * i as i32) >> FIXED_BITS) as u8;
            }
            start = end;
        }
    }
}

/// Fractions of a level, so that a row is drawn in whole numbers.
const FIXED_BITS: u32 = 16;
const FIXED: f32 = (1u32 << FIXED_BITS) as f32;

/// Mean of the tiles of one square.
fn square(signature: &Signature, step: usize, (x, y): (usize, usize), part: Part) -> u8 {
    let span = |at: usize| at * step..((at + 1) * step).min(N_TILES);
    let tiles = span(y).flat_map(|y| span(x).map(move |x| signature.tile(x, y)));
    let (sum, n) = tiles.fold((0u32, 0), |(sum, n), tile| (sum + u32::from(part.of(tile)), n + 1));
    (sum / n.max(1)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy;
    use crate::{Cause, Colour, Format, Frame};

    /// What a pixel of a background is, said plainly.
    fn plain(art: &CoverArt, signature: &Signature, part: Part, (x, y): (usize, usize), size: Size) -> f32 {
        let n = N_TILES.div_ceil(art.step);
        let value = |x: usize, y: usize| f32::from(square(signature, art.step, (x, y), part));
        let dimmed = |value: f32| f32::from(art.shades.dimmed(value as u8, part));
        match art.style {
            CoverStyle::Solid => f32::from(art.shades.dark(part)),
            CoverStyle::Pixelate => {
                dimmed(value(x * N_TILES / size.width / art.step, y * N_TILES / size.height / art.step))
            }
            CoverStyle::Blur => {
                let place = |at: usize, length: usize| {
                    ((at as f32 + 0.5) / length as f32 * n as f32 - 0.5).clamp(0.0, (n - 1) as f32)
                };
                let (x, y) = (place(x, size.width), place(y, size.height));
                let (left, top) = (x as usize, y as usize);
                let (right, bottom) = ((left + 1).min(n - 1), (top + 1).min(n - 1));
                let across = |y: usize| value(left, y) * (1.0 - x.fract()) + value(right, y) * x.fract();
                dimmed(across(top) * (1.0 - y.fract()) + across(bottom) * y.fract())
            }
        }
    }

    #[test]
    fn rows_drawn_at_once_are_the_pixels_drawn_one_by_one() {
        for (width, height) in [(320, 180), (97, 61), (33, 200)] {
            let size = Size { width, height };
            let data: Vec<u8> = (0..width * height * 3).map(|i| (i * i / 11 + i / 5) as u8).collect();
            for format in [Format::I420, Format::Nv12, Format::Rgb, Format::Bgrx] {
                let data = data.repeat(2);
                let signature = Signature::of(&Frame::packed(format, Colour::Bt601, size, &data).unwrap());
                for style in [CoverStyle::Solid, CoverStyle::Pixelate, CoverStyle::Blur] {
                    let policy = policy::Cover { style, ..policy::Cover::default() };
                    let art = CoverArt::new(format, Colour::Bt601, size, &policy, Cause::Found);
                    for plane in 0..format.n_planes() {
                        assert_plain(&art, &signature, format, plane);
                    }
                }
            }
        }
    }

    fn assert_plain(art: &CoverArt, signature: &Signature, format: Format, plane: usize) {
        let (n_bytes, height) = format.plane_size(plane, art.size);
        let channels = Channels::of(format, plane);
        let size = Size { width: n_bytes / channels.n, height };
        let background = Background::new(art, channels, signature, (size.width, size.height));
        let mut row = vec![0; n_bytes];
        for y in (0..height).step_by(3) {
            background.paint(&mut row, y);
            for (i, sample) in row.iter().enumerate() {
                let expected = plain(art, signature, channels.parts[i % channels.n], (i / channels.n, y), size);
                // Dimmed before it is blended, and in another order: rounded differently.
                assert!((f32::from(*sample) - expected).abs() <= 2.0, "{format:?} {:?} {plane} {i} {y}", art.style);
            }
        }
    }
}
