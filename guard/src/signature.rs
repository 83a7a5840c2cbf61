//! Have these two frames the same picture?
//!
//! A signature is a grid of 32 × 32 tiles, each with its mean brightness, its mean colour and how much detail it
//! holds. Two frames count as the same only if **no tile** differs: a mean over the whole picture would hide a
//! local change. Detail is kept because a blurred picture and a sharp one have the same means.
//!
//! Cost: every sample is added once, down the columns, so that the inner loop is one wide addition.

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
    tiles: Box<[Tile; N_TILES * N_TILES]>,
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
        let is_flat = is_flat(frame, &tiles[..]);
        Signature { tiles, size: frame.size(), is_flat }
    }

    /// The largest difference in any value of any tile, `0..=255`; 255 between frames of different size.
    pub fn change(&self, other: &Signature) -> u8 {
        if self.size != other.size {
            return u8::MAX;
        }
        let pairs = self.tiles.iter().zip(other.tiles.iter());
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
        self.tiles[y * N_TILES + x]
    }
}

/// Where tile `index` of a side of `len` samples begins.
fn edge(index: usize, len: usize) -> usize {
    index * len / N_TILES
}

fn yuv(frame: &Frame, tiles: &mut [Tile]) {
    let (width, height) = frame.format().plane_size(0, frame.size());
    let mut columns = Columns::new(width);
    for y in 0..N_TILES {
        columns.add(frame, 0, edge(y, height)..edge(y + 1, height), Detail::Measured);
        for x in 0..N_TILES {
            let tile = &mut tiles[y * N_TILES + x];
            tile.luma = columns.mean(edge(x, width)..edge(x + 1, width), 1);
            tile.detail = columns.detail(edge(x, width)..edge(x + 1, width));
        }
    }
    for plane in 1..frame.format().n_planes() {
        chroma(frame, plane, tiles);
    }
}

fn chroma(frame: &Frame, plane: usize, tiles: &mut [Tile]) {
    let (width, height) = frame.format().plane_size(plane, frame.size());
    let step = if frame.format() == Format::Nv12 { 2 } else { 1 };
    let mut columns = Columns::new(width);
    for y in 0..N_TILES {
        columns.add(frame, plane, edge(y, height)..edge(y + 1, height), Detail::Skipped);
        for x in 0..N_TILES {
            let (left, right) = (edge(x, width / step) * step, edge(x + 1, width / step) * step);
            let tile = &mut tiles[y * N_TILES + x];
            match (step, plane) {
                (2, _) => (tile.blue, tile.red) = (columns.mean(left..right, 2), columns.mean(left + 1..right, 2)),
                (_, 1) => tile.blue = columns.mean(left..right, 1),
                _ => tile.red = columns.mean(left..right, 1),
            }
        }
    }
}

fn rgb(frame: &Frame, tiles: &mut [Tile]) {
    let step = frame.format().bytes_a_pixel();
    let Size { width, height } = frame.size();
    let (red, blue) = if frame.format() == Format::Bgrx { (2, 0) } else { (0, 2) };
    let mut columns = Columns::new(width * step);
    for y in 0..N_TILES {
        columns.add(frame, 0, edge(y, height)..edge(y + 1, height), Detail::Measured);
        for x in 0..N_TILES {
            let (left, right) = (edge(x, width) * step, edge(x + 1, width) * step);
            let mean = |channel: usize| columns.mean((left + channel).min(right)..right, step);
            let (r, g, b) = (mean(red), mean(1), mean(blue));
            let luma = (u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29) >> 8;
            tiles[y * N_TILES + x] = Tile { luma: luma as u8, blue: b, red: r, detail: columns.detail(left..right) };
        }
    }
}

/// Sums down the columns of one row of tiles.
struct Columns {
    sums: Vec<u32>,
    partial: Vec<u16>,
    details: Vec<u32>,
    partial_details: Vec<u16>,
    n_rows: u32,
    n_details: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Detail {
    Measured,
    Skipped,
}

/// Rows that fit into a `u16` of sums: 257 × 255 = 65,535.
const ROWS_A_PARTIAL: usize = 257;

impl Columns {
    fn new(width: usize) -> Columns {
        Columns {
            sums: vec![0; width],
            partial: vec![0; width],
            details: vec![0; width],
            partial_details: vec![0; width],
            n_rows: 0,
            n_details: 0,
        }
    }

    /// Starts again with `rows` of `plane`. A tile of no rows reads its nearest one.
    fn add(&mut self, frame: &Frame, plane: usize, rows: std::ops::Range<usize>, detail: Detail) {
        let (width, height) = frame.format().plane_size(plane, frame.size());
        let rows = rows.start..rows.end.max(rows.start + 1).min(height);
        self.sums.fill(0);
        self.details.fill(0);
        (self.n_rows, self.n_details) = (0, 0);
        for start in rows.clone().step_by(ROWS_A_PARTIAL) {
            self.partial.fill(0);
            self.partial_details.fill(0);
            for y in start..rows.end.min(start + ROWS_A_PARTIAL) {
                let row = frame.planes()[plane].row(y, width);
                add_row(&mut self.partial, row);
                self.n_rows += 1;
                if detail == Detail::Measured && y % 2 == 0 && y + 1 < height {
                    add_difference(&mut self.partial_details, row, frame.planes()[plane].row(y + 1, width));
                    self.n_details += 1;
                }
            }
            widen(&mut self.sums, &self.partial);
            widen(&mut self.details, &self.partial_details);
        }
    }

    fn mean(&self, columns: std::ops::Range<usize>, step: usize) -> u8 {
        mean(&self.sums, columns, step, self.n_rows)
    }

    fn detail(&self, columns: std::ops::Range<usize>) -> u8 {
        mean(&self.details, columns, 1, self.n_details)
    }
}

/// A tile of no columns reads its nearest one; one without rows of detail has none.
fn mean(sums: &[u32], columns: std::ops::Range<usize>, step: usize, n_rows: u32) -> u8 {
    let start = columns.start.min(sums.len() - 1);
    let end = columns.end.max(start + 1).min(sums.len());
    let (mut sum, mut n) = (0u64, 0u64);
    for value in sums[start..end].iter().step_by(step) {
        sum += u64::from(*value);
        n += u64::from(n_rows);
    }
    (sum + n / 2).checked_div(n).map_or(0, |value| value as u8)
}

fn add_row(sums: &mut [u16], row: &[u8]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += u16::from(*value);
    }
}

fn add_difference(sums: &mut [u16], row: &[u8], next: &[u8]) {
    for ((sum, a), b) in sums.iter_mut().zip(row).zip(next) {
        *sum += u16::from(a.abs_diff(*b));
    }
}

fn widen(sums: &mut [u32], partial: &[u16]) {
    for (sum, value) in sums.iter_mut().zip(partial) {
        *sum += u32::from(*value);
    }
}

/// Looks at single pixels only where the tiles alone leave the question open.
fn is_flat(frame: &Frame, tiles: &[Tile]) -> bool {
    let (mut low, mut high) = (u8::MAX, 0);
    for tile in tiles {
        (low, high) = (low.min(tile.luma), high.max(tile.luma));
    }
    if high - low > Signature::FLAT_LEVELS {
        return false;
    }
    (0..frame.planes().len()).all(|plane| {
        let (width, height) = frame.format().plane_size(plane, frame.size());
        let step = if plane > 0 && frame.format() == Format::Nv12 { 2 } else { frame.format().bytes_a_pixel() };
        (0..step).all(|channel| {
            let values = (0..height).flat_map(|y| frame.planes()[plane].row(y, width)[channel..].iter().step_by(step));
            let (low, high) = values.fold((u8::MAX, 0), |(low, high), &v| (low.min(v), high.max(v)));
            high.saturating_sub(low) <= Signature::FLAT_LEVELS || (frame.format() == Format::Bgrx && channel == 3)
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

    #[test]
    fn sizes_that_differ_are_never_the_same() {
        let a = signature(Format::Gray8, Size { width: 8, height: 4 }, &[0; 32]);
        let b = signature(Format::Gray8, Size { width: 4, height: 8 }, &[0; 32]);
        assert_eq!(a.change(&b), 255);
    }
}
