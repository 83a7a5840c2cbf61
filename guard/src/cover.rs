//! What is shown instead of a frame?
//!
//! A cover is drawn once for a size and format, and says in plain words that and why the video is covered. Its
//! background is one dark shade, or follows the frame in large squares or soft blots: these are made from the
//! frame's [`Signature`] alone, so that no pixel of a covered frame is ever read again.

mod background;

use background::Background;

use std::ops::Range;

use crate::lettering::{self, Mask};
use crate::message::Messages;
use crate::policy::{self, CoverStyle};
use crate::signature::{N_TILES, Tile};
use crate::{Cause, Colour, Format, Signature, Size};

/// Draws covers of one size, format and cause.
#[derive(Clone, Debug)]
pub struct CoverArt {
    format: Format,
    size: Size,
    style: CoverStyle,
    /// How many tiles become one square along each side.
    step: usize,
    panel: Panel,
    shades: Shades,
}

/// The words and the dark panel behind them.
#[derive(Clone, Debug)]
struct Panel {
    x: usize,
    y: usize,
    mask: Mask,
    /// From the first to the last letter of each row of the mask; even ends, in step with chroma.
    inked: Vec<Range<usize>>,
}

impl Panel {
    fn new(x: usize, y: usize, mask: Mask) -> Panel {
        let inked = |y: usize| {
            let row = mask.row(y);
            let first = row.iter().position(|alpha| *alpha > 0).unwrap_or(0) / 2 * 2;
            first..row.iter().rposition(|alpha| *alpha > 0).map_or(first, |last| last + 1)
        };
        let inked = (0..mask.size.height).map(inked).collect();
        Panel { x, y, mask, inked }
    }
}

/// Sample values of the two shades, in the order of the format's planes or channels.
#[derive(Clone, Copy, Debug)]
struct Shades {
    dark: [u8; 3],
    light: [u8; 3],
    is_yuv: bool,
}

/// Dark blue-grey and near white; contrast 15:1, above the 7:1 of WCAG 2.2 §1.4.6.
const DARK_RGB: [f32; 3] = [18.0, 26.0, 38.0];
const LIGHT_RGB: [f32; 3] = [240.0, 244.0, 248.0];

impl CoverArt {
    /// Lays out the words for frames of this format and size.
    pub fn new(format: Format, colour: Colour, size: Size, policy: &policy::Cover, cause: Cause) -> CoverArt {
        let messages = Messages::in_language(&policy.language);
        let area = Size { width: size.width * 7 / 8, height: size.height * 7 / 8 };
        let mask = lettering::write(&messages.paragraphs(policy.reader, cause), area, size.height / 14);
        let panel = Panel::new((size.width - area.width) / 4 * 2, (size.height - area.height) / 4 * 2, mask);
        let tile_px = (size.width.min(size.height) / N_TILES).max(1);
        let step = (policy.radius_px as usize).div_ceil(tile_px).clamp(2, N_TILES / 4);
        CoverArt { format, size, style: policy.style, step, panel, shades: Shades::new(format, colour) }
    }

    /// Bytes of a cover whose planes lie one after the other without padding.
    pub fn n_bytes(&self) -> usize {
        (0..self.format.n_planes()).map(|plane| self.format.plane_size(plane, self.size)).map(|(w, h)| w * h).sum()
    }

    /// Whether the cover looks the same over every frame.
    pub fn is_constant(&self) -> bool {
        self.style == CoverStyle::Solid
    }

    /// Paints every plane. `planes` holds a slice and a stride for each plane of the format.
    ///
    /// # Panics
    /// When a plane is shorter than [`Format::plane_size`] asks for.
    pub fn paint(&self, planes: &mut [(&mut [u8], usize)], signature: &Signature) {
        for (index, (data, stride)) in planes.iter_mut().enumerate().take(self.format.n_planes()) {
            self.paint_plane(index, data, *stride, signature);
        }
    }

    /// Paints into one slice, the planes one after the other without padding.
    ///
    /// # Panics
    /// When `data` is shorter than [`CoverArt::n_bytes`].
    pub fn paint_packed(&self, mut data: &mut [u8], signature: &Signature) {
        for index in 0..self.format.n_planes() {
            let (stride, n_rows) = self.format.plane_size(index, self.size);
            let (plane, rest) = std::mem::take(&mut data).split_at_mut(stride * n_rows);
            self.paint_plane(index, plane, stride, signature);
            data = rest;
        }
    }

    fn paint_plane(&self, plane: usize, data: &mut [u8], stride: usize, signature: &Signature) {
        let (n_bytes, n_rows) = self.format.plane_size(plane, self.size);
        let channels = Channels::of(self.format, plane);
        let shrink = if plane > 0 { 2 } else { 1 };
        let background = Background::new(self, channels, signature, (n_bytes / channels.n, n_rows));
        let mut painted = vec![0; n_bytes];
        let mut painted_for = None;
        for y in 0..n_rows {
            if painted_for.is_none() || painted_for != background.same_as(y) {
                background.paint(&mut painted, y);
                painted_for = background.same_as(y);
            }
            let row = &mut data[y * stride..][..n_bytes];
            row.copy_from_slice(&painted);
            self.letters(row, &channels, y * shrink, shrink);
        }
    }

    /// Puts the letters on a row; `y` and `shrink` in pixels of the whole picture.
    fn letters(&self, row: &mut [u8], channels: &Channels, y: usize, shrink: usize) {
        let Panel { x: left, y: top, mask, .. } = &self.panel;
        if y < *top || y >= top + mask.size.height {
            return;
        }
        // Most of a row is blank on both sides of its letters, and most rows wholly.
        let inked = &self.panel.inked[y - top];
        let alphas = mask.row(y - top)[inked.clone()].iter().step_by(shrink);
        let pixels = row[(left + inked.start) / shrink * channels.n..].chunks_exact_mut(channels.n);
        for (pixel, alpha) in pixels.zip(alphas).filter(|(_, alpha)| **alpha > 0) {
            for (sample, part) in pixel.iter_mut().zip(channels.parts) {
                let (under, over, alpha) = (u32::from(*sample), u32::from(self.shades.light(part)), u32::from(*alpha));
                *sample = ((under * (255 - alpha) + over * alpha) / 255) as u8;
            }
        }
    }
}

/// Which value of a tile a sample stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Luma,
    Blue,
    Red,
    Green,
    Opaque,
}

impl Part {
    /// Green follows from luma, red and blue by the weights of [`Signature`].
    fn of(self, tile: Tile) -> u8 {
        match self {
            Part::Luma => tile.luma,
            Part::Blue => tile.blue,
            Part::Red => tile.red,
            Part::Green => {
                let rest = i32::from(tile.luma) * 256 - i32::from(tile.red) * 77 - i32::from(tile.blue) * 29;
                (rest / 150).clamp(0, 255) as u8
            }
            Part::Opaque => u8::MAX,
        }
    }
}

/// How the samples of a plane follow one another.
#[derive(Clone, Copy)]
struct Channels {
    n: usize,
    parts: [Part; 4],
}

impl Channels {
    fn of(format: Format, plane: usize) -> Channels {
        let one = |part| Channels { n: 1, parts: [part; 4] };
        match (format, plane) {
            (Format::I420, 1) => one(Part::Blue),
            (Format::I420, 2) => one(Part::Red),
            (Format::Nv12, 1) => Channels { n: 2, parts: [Part::Blue, Part::Red, Part::Opaque, Part::Opaque] },
            (Format::Rgb, _) => Channels { n: 3, parts: [Part::Red, Part::Green, Part::Blue, Part::Opaque] },
            (Format::Rgba, _) => Channels { n: 4, parts: [Part::Red, Part::Green, Part::Blue, Part::Opaque] },
            (Format::Bgrx, _) => Channels { n: 4, parts: [Part::Blue, Part::Green, Part::Red, Part::Opaque] },
            (Format::I420 | Format::Nv12 | Format::Gray8, _) => one(Part::Luma),
        }
    }
}

impl Shades {
    fn new(format: Format, colour: Colour) -> Shades {
        let is_yuv = format.is_yuv();
        let samples = |rgb: [f32; 3]| match format {
            Format::I420 | Format::Nv12 => colour.from_rgb(rgb),
            Format::Gray8 | Format::Rgb | Format::Rgba | Format::Bgrx => {
                let luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
                if format == Format::Gray8 { [luma as u8; 3] } else { rgb.map(|c| c as u8) }
            }
        };
        Shades { dark: samples(DARK_RGB), light: samples(LIGHT_RGB), is_yuv }
    }

    fn dark(&self, part: Part) -> u8 {
        self.value(&self.dark, part)
    }

    fn light(&self, part: Part) -> u8 {
        self.value(&self.light, part)
    }

    fn value(&self, shade: &[u8; 3], part: Part) -> u8 {
        match (part, self.is_yuv) {
            (Part::Opaque, _) => u8::MAX,
            (Part::Luma, _) => shade[0],
            (Part::Blue, true) | (Part::Green, _) => shade[1],
            (Part::Red, true) | (Part::Blue, false) => shade[2],
            (Part::Red, false) => shade[0],
        }
    }

    /// A tile's value, darkened so that the words can be read over it.
    fn dimmed(&self, value: u8, part: Part) -> u8 {
        match part {
            Part::Opaque => u8::MAX,
            Part::Blue | Part::Red if self.is_yuv => value,
            Part::Luma | Part::Blue | Part::Red | Part::Green => {
                let dark = u32::from(self.dark(part));
                ((u32::from(value) * 3 + dark * 5) / 8) as u8
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frame;
    use crate::policy::Reader;

    const FORMATS: [Format; 6] = [Format::I420, Format::Nv12, Format::Rgb, Format::Rgba, Format::Bgrx, Format::Gray8];

    fn policy(style: CoverStyle) -> policy::Cover {
        policy::Cover { style, radius_px: 48, reader: Reader::Adult, language: "en".into() }
    }

    fn painted(format: Format, size: Size, style: CoverStyle, signature: &Signature) -> Vec<u8> {
        let art = CoverArt::new(format, Colour::Bt601, size, &policy(style), Cause::Found);
        let mut data = vec![0; art.n_bytes()];
        art.paint_packed(&mut data, signature);
        data
    }

    fn signature_of(format: Format, size: Size, data: &[u8]) -> Signature {
        Signature::of(&Frame::packed(format, Colour::Bt601, size, data).unwrap())
    }

    #[test]
    fn the_words_are_there_and_the_rest_is_dark_in_every_format() {
        for (width, height) in [(320, 180), (1280, 720), (641, 359)] {
            let size = Size { width, height };
            for format in FORMATS {
                let signature = signature_of(Format::Gray8, size, &vec![0; width * height]);
                let data = painted(format, size, CoverStyle::Solid, &signature);
                let frame = Frame::packed(format, Colour::Bt601, size, &data).unwrap();
                let n_light = (0..width * height).filter(|i| frame.rgb(i % width, i / width)[1] > 180.0).count();
                let share = n_light as f32 / (width * height) as f32;
                assert!((0.01..0.2).contains(&share), "{format:?} {width}×{height}: {share}");
                assert!(frame.rgb(2, 2).iter().all(|c| *c < 48.0), "{format:?}: {:?}", frame.rgb(2, 2));
            }
        }
    }

    #[test]
    fn a_solid_cover_is_the_same_over_every_frame() {
        let size = Size { width: 320, height: 180 };
        let (black, white) = (vec![0; 320 * 180], vec![255; 320 * 180]);
        let cover =
            |data: &[u8]| painted(Format::I420, size, CoverStyle::Solid, &signature_of(Format::Gray8, size, data));
        assert_eq!(cover(&black), cover(&white));
    }

    #[test]
    fn squares_hold_no_detail_of_the_frame() {
        let size = Size { width: 640, height: 360 };
        let half = |fine: usize| -> Vec<u8> {
            (0..640 * 360)
                .map(|i| {
                    if i % 640 < 320 {
                        40
                    } else if (i / fine).is_multiple_of(2) {
                        180
                    } else {
                        220
                    }
                })
                .collect()
        };
        let (a, b) = (signature_of(Format::Gray8, size, &half(1)), signature_of(Format::Gray8, size, &half(2)));
        for style in [CoverStyle::Pixelate, CoverStyle::Blur] {
            let cover = painted(Format::Gray8, size, style, &a);
            assert_eq!(cover, painted(Format::Gray8, size, style, &b), "pixels inside a tile do not matter");
            assert!(cover[3 * 640 + 600] > cover[3 * 640 + 20] + 30, "{style:?} follows the frame coarsely");
        }
    }
}
