//! Have these two frames the same picture?
//!
//! A signature is a grid of 32 × 32 tiles, each with its mean brightness, its mean colour and how much detail it
//! holds. Two frames count as the same only if **no tile** differs: a mean over the whole picture would hide a
//! local change. Detail is kept because a blurred picture and a sharp one have the same means.
//!
//! Cost: every sample is read once. Rows of planes with one value a sample are added sixteen at a time, which the
//! compiler turns into one instruction that adds them all; so tiles of wide pictures begin at multiples of sixteen.
//! Where neither reuse nor the cover asks for tiles none are made, and the one question left, whether the frame is
//! flat, is answered by its first few rows.

use std::ops::Range;

use crate::{Format, Frame, Size};

/// Tiles along each side.
pub const N_TILES: usize = 32;

/// What one tile shows, each value `0..=255`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tile {
    /// Mean of luma; of a weighted sum in formats without luma.
    pub luma: u8,
    /// Mean of the blue side of chroma (U), or of blue.
    pub blue: u8,
    /// Mean of the red side of chroma (V), or of red.
    pub red: u8,
    /// Mean difference between a row and the next.
    pub detail: u8,
}

/// A frame in 32 × 32 tiles, row by row.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    tiles: Option<Box<[Tile; N_TILES * N_TILES]>>,
    size: Size,
    is_flat: bool,
}

/// Prints no picture, not even a coarse one.
impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signature").field("size", &self.size).field("is_flat", &self.is_flat).finish_non_exhaustive()
    }
}

impl Signature {
    /// Brightness may differ by this much, in levels, over a flat frame: the rounding of an encoder, not a picture.
    pub const FLAT_LEVELS: u8 = 4;

    /// Reads every sample of `frame` once.
    pub fn of(frame: &Frame) -> Signature {
        let mut tiles = Box::new([Tile::default(); N_TILES * N_TILES]);
        match frame.format() {
            Format::Gray8 | Format::I420 | Format::Nv12 => yuv(frame, &mut tiles[..]),
            Format::Rgb | Format::Rgba | Format::Bgrx => rgb(frame, &mut tiles[..]),
        }
        let is_flat = has_one_mean(&tiles[..]) && is_one_shade(frame);
        Signature { tiles: Some(tiles), size: frame.size(), is_flat }
    }

    /// Asks only whether `frame` is flat; the signature is like no other one, and its tiles are black.
    pub fn without_tiles(frame: &Frame) -> Signature {
        Signature { tiles: None, size: frame.size(), is_flat: is_one_shade(frame) }
    }

    /// The largest difference in any value of any tile, `0..=255`; 255 between frames of different size, and where
    /// one of the two has no tiles.
    pub fn change(&self, other: &Signature) -> u8 {
        let (Some(own), Some(others)) = (&self.tiles, &other.tiles) else { return u8::MAX };
        if self.size != other.size {
            return u8::MAX;
        }
        let pairs = own.iter().zip(others.iter());
        pairs.fold(0, |most, (a, b)| {
            let light = a.luma.abs_diff(b.luma).max(a.detail.abs_diff(b.detail));
            most.max(light).max(a.blue.abs_diff(b.blue)).max(a.red.abs_diff(b.red))
        })
    }

    /// Whether the whole picture is one shade: no content to judge.
    pub fn is_flat(&self) -> bool {
        self.is_flat
    }

    /// The tile in column `x` and row `y`, each below [`N_TILES`].
    pub fn tile(&self, x: usize, y: usize) -> Tile {
        self.tiles.as_ref().map_or_else(Tile::default, |tiles| tiles[y * N_TILES + x])
    }
}

/// Samples that are added at once.
const AT_ONCE: usize = 16;

/// Where tile `index` of `len` rows begins.
fn row_edge(index: usize, len: usize) -> usize {
    index * len / N_TILES
}

/// Where tile `index` of `len` columns begins. In wide pictures tiles may differ by sixteen columns.
fn column_edge(index: usize, len: usize) -> usize {
    let exact = index * len / N_TILES;
    if len < N_TILES * AT_ONCE || index == N_TILES { exact } else { exact / AT_ONCE * AT_ONCE }
}

/// The samples of tile `index`, at least the nearest one.
fn span(index: usize, len: usize, edge: fn(usize, usize) -> usize) -> Range<usize> {
    let start = edge(index, len).min(len - 1);
    start..edge(index + 1, len).max(start + 1)
}

fn yuv(frame: &Frame, tiles: &mut [Tile]) {
    planar(frame, 0, |x, y, luma, detail| {
        (tiles[y * N_TILES + x].luma, tiles[y * N_TILES + x].detail) = (luma, detail)
    });
    match frame.format() {
        Format::I420 => {
            planar(frame, 1, |x, y, blue, _| tiles[y * N_TILES + x].blue = blue);
            planar(frame, 2, |x, y, red, _| tiles[y * N_TILES + x].red = red);
        }
        Format::Nv12 => interleaved(frame, 1, 2, |x, y, means, _| {
            (tiles[y * N_TILES + x].blue, tiles[y * N_TILES + x].red) = (means[0], means[1]);
        }),
        Format::Gray8 | Format::Rgb | Format::Rgba | Format::Bgrx => (),
    }
}

/// Tells mean and detail of each tile of a plane with one value a sample.
fn planar(frame: &Frame, plane: usize, mut tell: impl FnMut(usize, usize, u8, u8)) {
    let (width, height) = frame.format().plane_size(plane, frame.size());
    let row = |y: usize| frame.planes()[plane].row(y, width);
    let columns: [Range<usize>; N_TILES] = std::array::from_fn(|x| span(x, width, column_edge));
    for y in 0..N_TILES {
        let rows = span(y, height, row_edge);
        let (mut sums, mut details) = ([0; N_TILES], [0; N_TILES]);
        for y in rows.clone() {
            sums.iter_mut().zip(&columns).for_each(|(total, columns)| *total += sum(&row(y)[columns.clone()]));
        }
        let pairs = pairs(&rows, height);
        for y in pairs.clone().filter(|_| plane == 0) {
            let (own, next) = (row(y), row(y + 1));
            let both = details.iter_mut().zip(&columns);
            both.for_each(|(total, columns)| *total += difference(&own[columns.clone()], &next[columns.clone()]));
        }
        for (x, columns) in columns.iter().enumerate() {
            let (n, n_pairs) = ((columns.len() * rows.len()) as u32, (columns.len() * pairs.clone().count()) as u32);
            tell(x, y, mean(sums[x], n), mean(details[x], n_pairs));
        }
    }
}

/// Detail is taken between the rows of each pair; the last of an odd number pairs with the row after it.
fn pairs(rows: &Range<usize>, height: usize) -> std::iter::StepBy<Range<usize>> {
    (rows.start..rows.end.min(height - 1)).step_by(2)
}

/// The sum of each block is kept in 16 bits: with 32 the compiler, told that nothing overflows, joins the blocks in
/// another order and loses the one instruction.
fn sum(samples: &[u8]) -> u32 {
    let (blocks, rest) = samples.as_chunks::<AT_ONCE>();
    let of_block = |block: &[u8; AT_ONCE]| u32::from(block.iter().map(|v| u16::from(*v)).sum::<u16>());
    blocks.iter().map(of_block).sum::<u32>() + rest.iter().map(|v| u32::from(*v)).sum::<u32>()
}

fn difference(a: &[u8], b: &[u8]) -> u32 {
    let ((blocks, rest), (other_blocks, other_rest)) = (a.as_chunks::<AT_ONCE>(), b.as_chunks::<AT_ONCE>());
    let step = |(a, b): (&u8, &u8)| u32::from(a.abs_diff(*b));
    let of_blocks: u32 = blocks.iter().zip(other_blocks).map(|(a, b)| a.iter().zip(b).map(step).sum::<u32>()).sum();
    of_blocks + rest.iter().zip(other_rest).map(step).sum::<u32>()
}

/// A tile of the largest frame has 512 × 528 samples: their sum fits. One without pairs of rows has no detail.
fn mean(sum: u32, n: u32) -> u8 {
    (sum + n / 2).checked_div(n).map_or(0, |mean| mean as u8)
}

fn rgb(frame: &Frame, tiles: &mut [Tile]) {
    let (red, blue) = if frame.format() == Format::Bgrx { (2, 0) } else { (0, 2) };
    interleaved(frame, 0, frame.format().bytes_a_pixel(), |x, y, means, detail| {
        let (red, green, blue) = (means[red], means[1], means[blue]);
        let luma = (u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29) >> 8;
        tiles[y * N_TILES + x] = Tile { luma: luma as u8, blue, red, detail };
    });
}

/// Tells the means of `step` channels, and the detail of all together, of each tile of a plane that interleaves them.
fn interleaved(frame: &Frame, plane: usize, step: usize, mut tell: impl FnMut(usize, usize, [u8; 4], u8)) {
    let (n_bytes, height) = frame.format().plane_size(plane, frame.size());
    let row = |y: usize| frame.planes()[plane].row(y, n_bytes);
    let (mut columns, mut details) = (vec![0u32; n_bytes], vec![0u32; n_bytes]);
    for y in 0..N_TILES {
        let rows = span(y, height, row_edge);
        columns.fill(0);
        details.fill(0);
        for y in rows.clone() {
            columns.iter_mut().zip(row(y)).for_each(|(total, value)| *total += u32::from(*value));
        }
        let pairs = pairs(&rows, height);
        for y in pairs.clone().filter(|_| plane == 0) {
            let steps = row(y).iter().zip(row(y + 1)).map(|(a, b)| u32::from(a.abs_diff(*b)));
            details.iter_mut().zip(steps).for_each(|(total, step)| *total += step);
        }
        for x in 0..N_TILES {
            let pixels = span(x, n_bytes / step, column_edge);
            let bytes = pixels.start * step..pixels.end * step;
            let n = (pixels.len() * rows.len()) as u32;
            let mut means = [0; 4];
            for (channel, value) in means.iter_mut().enumerate().take(step) {
                *value = mean(columns[bytes.clone()][channel..].iter().step_by(step).sum(), n);
            }
            let n_pairs = (bytes.len() * pairs.clone().count()) as u32;
            tell(x, y, means, mean(details[bytes].iter().sum(), n_pairs));
        }
    }
}

/// Whether single pixels must be asked: the tiles alone leave the question open.
fn has_one_mean(tiles: &[Tile]) -> bool {
    let means = tiles.iter().map(|tile| tile.luma);
    let (low, high) = means.fold((u8::MAX, 0), |(low, high), luma| (low.min(luma), high.max(luma)));
    high - low <= Signature::FLAT_LEVELS
}

/// Whether every channel lies within [`Signature::FLAT_LEVELS`]; stops at the first row that does not.
fn is_one_shade(frame: &Frame) -> bool {
    (0..frame.planes().len()).all(|plane| {
        let (width, height) = frame.format().plane_size(plane, frame.size());
        let step = if plane > 0 && frame.format() == Format::Nv12 { 2 } else { frame.format().bytes_a_pixel() };
        // The fourth byte of BGRx is no colour.
        let n_channels = if frame.format() == Format::Bgrx { 3 } else { step };
        let mut ranges = [(u8::MAX, 0u8); 4];
        (0..height).all(|y| {
            let row = frame.planes()[plane].row(y, width);
            ranges[..n_channels].iter_mut().enumerate().all(|(channel, range)| {
                *range = row[channel..].iter().step_by(step).fold(*range, |(low, high), v| (low.min(*v), high.max(*v)));
                range.1 - range.0 <= Signature::FLAT_LEVELS
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colour, Plane, Rect};

    const FORMATS: [Format; 6] = [Format::I420, Format::Nv12, Format::Rgb, Format::Rgba, Format::Bgrx, Format::Gray8];

    fn n_bytes(format: Format, size: Size) -> usize {
        (0..format.n_planes()).map(|plane| format.plane_size(plane, size)).map(|(w, h)| w * h).sum()
    }

    fn signature(format: Format, size: Size, data: &[u8]) -> Signature {
        Signature::of(&Frame::packed(format, Colour::Bt601, size, data).unwrap())
    }

    #[test]
    fn a_change_in_one_tile_is_a_change() {
        let size = Size { width: 320, height: 180 };
        for format in FORMATS {
            let mut data = vec![90; n_bytes(format, size)];
            let before = signature(format, size, &data);
            let start = 320 * 90 * format.bytes_a_pixel();
            for y in 0..8 {
                data[start + y * 320 * format.bytes_a_pixel()..][..40].fill(160);
            }
            assert!(before.change(&signature(format, size, &data)) > 20, "{format:?}");
        }
    }

    #[test]
    fn colour_alone_is_a_change() {
        let size = Size { width: 64, height: 64 };
        for format in [Format::I420, Format::Nv12] {
            let mut data = vec![128; n_bytes(format, size)];
            let before = signature(format, size, &data);
            data[64 * 64 + 100..][..400].fill(200);
            assert!(before.change(&signature(format, size, &data)) > 20, "{format:?}");
        }
    }

    #[test]
    fn detail_without_a_change_of_means_is_a_change() {
        let size = Size { width: 256, height: 256 };
        let smooth = vec![100; 256 * 256];
        let striped: Vec<u8> = (0..256 * 256).map(|i| if i / 256 % 2 == 0 { 60 } else { 140 }).collect();
        let (a, b) = (signature(Format::Gray8, size, &smooth), signature(Format::Gray8, size, &striped));
        assert_eq!(a.tile(3, 3).luma, b.tile(3, 3).luma);
        assert!(a.change(&b) > 60);
    }

    #[test]
    fn flat_means_one_shade_everywhere() {
        let size = Size { width: 200, height: 100 };
        for format in FORMATS {
            let mut data = vec![16; n_bytes(format, size)];
            assert!(signature(format, size, &data).is_flat(), "{format:?}");
            data[40 * format.bytes_a_pixel() * 200 + 400] = 40;
            assert!(!signature(format, size, &data).is_flat(), "{format:?}: one pixel is content");
        }
    }

    #[test]
    fn the_smallest_picture_and_padded_rows_are_read_right() {
        let tiny = Size { width: 1, height: 1 };
        assert_eq!(signature(Format::Gray8, tiny, &[7]).tile(31, 31).luma, 7);
        let size = Size { width: 40, height: 40 };
        let padded: Vec<u8> = (0..40 * 64).map(|i| if i % 64 < 40 { 50 } else { 255 }).collect();
        let plane = Plane { data: &padded, stride: 64 };
        let frame = Frame::new(Format::Gray8, Colour::Bt601, size, &[plane]).unwrap();
        assert_eq!(Signature::of(&frame), signature(Format::Gray8, size, &[50; 1600]));
        let part = frame.crop(Rect { x: 9, y: 9, size: Size { width: 9, height: 9 } });
        assert_eq!(Signature::of(&part).tile(8, 8).luma, 50);
    }

    /// What a tile is, said plainly, for formats whose first plane is luma.
    fn plain_tile(frame: &Frame, x: usize, y: usize) -> Tile {
        let mean = |values: Vec<u8>| {
            let n = values.len() as u64;
            (values.iter().map(|v| u64::from(*v)).sum::<u64>() + n / 2).checked_div(n).map_or(0, |mean| mean as u8)
        };
        let plane = |plane: usize, step: usize, channel: usize| {
            let (width, height) = frame.format().plane_size(plane, frame.size());
            let columns = span(x, width / step, column_edge);
            let at = |y: usize, x: usize| frame.planes()[plane].row(y, width)[x * step + channel];
            let rows = span(y, height, row_edge);
            mean(rows.flat_map(|y| columns.clone().map(move |x| at(y, x))).collect())
        };
        let (width, height) = frame.format().plane_size(0, frame.size());
        let luma = |y: usize, x: usize| frame.planes()[0].row(y, width)[x];
        let rows = span(y, height, row_edge).step_by(2).filter(|y| y + 1 < height);
        let columns = span(x, width, column_edge);
        let detail = rows.flat_map(|y| columns.clone().map(move |x| luma(y, x).abs_diff(luma(y + 1, x))));
        let (blue, red) = match frame.format() {
            Format::I420 => (plane(1, 1, 0), plane(2, 1, 0)),
            Format::Nv12 => (plane(1, 2, 0), plane(1, 2, 1)),
            _ => (0, 0),
        };
        Tile { luma: plane(0, 1, 0), blue, red, detail: mean(detail.collect()) }
    }

    #[test]
    fn tiles_hold_every_column_once() {
        for len in [1, 31, 32, 500, 512, 513, 640, 641, 960, 1920, 16_384] {
            let spans: Vec<_> = (0..N_TILES).map(|x| span(x, len, column_edge)).collect();
            assert!(spans.iter().all(|span| !span.is_empty()), "{len}");
            let is_whole = spans.windows(2).all(|pair| pair[0].end == pair[1].start) && spans[31].end == len;
            assert!(is_whole || len < N_TILES, "{len}: {spans:?}");
        }
    }

    #[test]
    fn wide_sums_are_the_plain_ones_at_every_size() {
        for (width, height) in [(1, 1), (33, 47), (200, 131), (641, 359), (64, 1100), (97, 8300)] {
            let size = Size { width, height };
            for format in [Format::Gray8, Format::I420, Format::Nv12] {
                let data: Vec<u8> = (0..n_bytes(format, size)).map(|i| (i * i / 7 + i / 3) as u8).collect();
                let frame = Frame::packed(format, Colour::Bt601, size, &data).unwrap();
                let signature = Signature::of(&frame);
                for (x, y) in (0..N_TILES * N_TILES).map(|i| (i % N_TILES, i / N_TILES)) {
                    assert_eq!(signature.tile(x, y), plain_tile(&frame, x, y), "{format:?} {size:?} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn without_tiles_a_frame_is_like_no_other() {
        let size = Size { width: 64, height: 64 };
        for (data, is_flat) in [(vec![90; 4096], true), ((0..4096).map(|i| (i / 16) as u8).collect(), false)] {
            let frame = Frame::packed(Format::Gray8, Colour::Bt601, size, &data).unwrap();
            let bare = Signature::without_tiles(&frame);
            assert_eq!((bare.is_flat(), bare.tile(3, 3)), (is_flat, Tile::default()));
            assert_eq!((bare.change(&Signature::of(&frame)), bare.change(&bare.clone())), (255, 255));
        }
    }

    #[test]
    fn sizes_that_differ_are_never_the_same() {
        let a = signature(Format::Gray8, Size { width: 8, height: 4 }, &[0; 32]);
        let b = signature(Format::Gray8, Size { width: 4, height: 8 }, &[0; 32]);
        assert_eq!(a.change(&b), 255);
    }
}
