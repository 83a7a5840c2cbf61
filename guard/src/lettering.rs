//! How do a few sentences fit into a box of pixels?
//!
//! Letters come drawn (Noto Sans Mono, SIL Open Font Licence, through the crate noto-sans-mono-bitmap); this file
//! chooses their size, breaks the lines and lays them out. No font is parsed.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::Size;

/// One paragraph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paragraph {
    pub(crate) text: String,
    pub(crate) weight: Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Plain,
    Strong,
}

/// How much of each pixel a letter covers: `[height, width]` u8, 0 none, 255 all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mask {
    pub(crate) size: Size,
    pub(crate) alpha: Vec<u8>,
}

impl Mask {
    /// The row `y`, `width` long.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        &self.alpha[y * self.size.width..][..self.size.width]
    }
}

/// Letter heights in pixels: a drawn size and how often each of its pixels is repeated.
const HEIGHTS: [(RasterHeight, usize); 9] = [
    (RasterHeight::Size32, 4),
    (RasterHeight::Size32, 3),
    (RasterHeight::Size24, 3),
    (RasterHeight::Size32, 2),
    (RasterHeight::Size24, 2),
    (RasterHeight::Size32, 1),
    (RasterHeight::Size24, 1),
    (RasterHeight::Size20, 1),
    (RasterHeight::Size16, 1),
];

/// Writes the paragraphs into a box, in the largest letters that fit and are at most `height_max_px` high.
/// Where even the smallest do not fit, the last paragraphs are left out.
pub(crate) fn write(paragraphs: &[Paragraph], area: Size, height_max_px: usize) -> Mask {
    let sizes = || HEIGHTS.iter().filter(|(raster, zoom)| raster.val() * zoom <= height_max_px.max(16));
    let layouts = sizes().map(|&(raster, zoom)| Layout::new(paragraphs, area, raster, zoom));
    let shortened = (1..paragraphs.len()).rev();
    let smallest = shortened.map(|n| Layout::new(&paragraphs[..n], area, RasterHeight::Size16, 1));
    let nothing = || Layout::new(&[], area, RasterHeight::Size16, 1);
    layouts.chain(smallest).find(|layout| layout.fits(area)).unwrap_or_else(nothing).draw(area)
}

struct Layout {
    lines: Vec<(String, Weight)>,
    raster: RasterHeight,
    zoom: usize,
}

impl Layout {
    fn new(paragraphs: &[Paragraph], area: Size, raster: RasterHeight, zoom: usize) -> Layout {
        let letter_px = get_raster_width(FontWeight::Regular, raster) * zoom;
        let n_columns = area.width / letter_px;
        let mut lines = Vec::new();
        for (index, paragraph) in paragraphs.iter().enumerate() {
            if index > 0 {
                lines.push((String::new(), Weight::Plain));
            }
            lines.extend(broken(&paragraph.text, n_columns).into_iter().map(|line| (line, paragraph.weight)));
        }
        Layout { lines, raster, zoom }
    }

    /// An empty line between paragraphs is half as high.
    fn line_px(&self, line: &str) -> usize {
        let full = self.raster.val() * self.zoom;
        if line.is_empty() { full / 2 } else { full + full / 8 }
    }

    fn fits(&self, area: Size) -> bool {
        let letter_px = get_raster_width(FontWeight::Regular, self.raster) * self.zoom;
        let height: usize = self.lines.iter().map(|(line, _)| self.line_px(line)).sum();
        height <= area.height && self.lines.iter().all(|(line, _)| line.chars().count() * letter_px <= area.width)
    }

    fn draw(&self, area: Size) -> Mask {
        let mut mask = Mask { size: area, alpha: vec![0; area.width * area.height] };
        let height: usize = self.lines.iter().map(|(line, _)| self.line_px(line)).sum();
        let mut top = area.height.saturating_sub(height) / 2;
        for (line, weight) in &self.lines {
            self.draw_line(&mut mask, line, *weight, top);
            top += self.line_px(line);
        }
        mask
    }

    fn draw_line(&self, mask: &mut Mask, line: &str, weight: Weight, top: usize) {
        let weight = match weight {
            Weight::Plain => FontWeight::Regular,
            Weight::Strong => FontWeight::Bold,
        };
        let letter_px = get_raster_width(weight, self.raster) * self.zoom;
        for (index, letter) in line.chars().enumerate() {
            let Some(drawn) = get_raster(letter, weight, self.raster).or_else(|| get_raster('?', weight, self.raster))
            else {
                continue;
            };
            for y in 0..drawn.height() * self.zoom {
                for x in 0..drawn.width() * self.zoom {
                    let (px, py) = (index * letter_px + x, top + y);
                    if px < mask.size.width && py < mask.size.height {
                        let alpha = drawn.pixel(x / self.zoom, y / self.zoom).unwrap_or(0);
                        mask.alpha[py * mask.size.width + px] = alpha;
                    }
                }
            }
        }
    }
}

/// Breaks at spaces; a word longer than a line stands alone and is cut by the edge.
fn broken(text: &str, n_columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= n_columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Vec<Paragraph> {
        let paragraph = |text: &str, weight| Paragraph { text: text.into(), weight };
        vec![
            paragraph("This video is covered", Weight::Strong),
            paragraph("It is checked on this device.", Weight::Plain),
        ]
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(broken("one two  three", 7), ["one two", "three"]);
        assert_eq!(broken("", 7), Vec::<String>::new());
    }

    #[test]
    fn letters_grow_with_the_box() {
        let ink = |size: Size| {
            let mask = write(&words(), size, 200);
            mask.alpha.iter().filter(|alpha| **alpha > 127).count()
        };
        let (small, large) = (ink(Size { width: 270, height: 150 }), ink(Size { width: 1600, height: 900 }));
        assert!(small > 300, "readable at 320×180: {small}");
        assert!(large > small * 8);
    }

    #[test]
    fn a_box_too_small_for_a_letter_stays_empty_or_cut_and_never_fails() {
        for side in 0..40 {
            let mask = write(&words(), Size { width: side, height: 40 - side }, 16);
            assert_eq!(mask.alpha.len(), side * (40 - side));
        }
    }
}
