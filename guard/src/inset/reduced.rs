//! How does the search for insets see a frame?
//!
//! As luma of at most 640 pixels along the longer side, each the mean of a square of the frame's: one and the same
//! cost for every size of video. What was found there is then placed to the pixel in the frame itself.

use crate::{Format, Frame, Rect, Size};

/// Longer side of the reduced picture, pixels.
const SIDE_MAX: usize = 640;
/// A shorter side has no room for insets.
const SIDE_MIN: usize = 64;
/// Samples along a side that say where it lies.
const N_PROBES: usize = 48;

/// A frame, and its luma made small.
pub(super) struct Reduced<'a> {
    frame: Frame<'a>,
    /// So many pixels of the frame are one, each way.
    factor: usize,
    picture: Picture,
}

/// One byte a pixel, row by row, without padding.
pub(super) struct Picture {
    pub(super) size: Size,
    pub(super) data: Vec<u8>,
}

impl Picture {
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.size.width..][..self.size.width]
    }
}

impl<'a> Reduced<'a> {
    /// `None` when the frame is too small to hold an inset.
    pub(super) fn of(frame: &Frame<'a>) -> Option<Reduced<'a>> {
        let whole = frame.size();
        let factor = whole.width.max(whole.height).div_ceil(SIDE_MAX);
        let size = Size { width: whole.width / factor, height: whole.height / factor };
        if size.width.min(size.height) < SIDE_MIN {
            return None;
        }
        let picture = Picture { size, data: means(frame, size, factor) };
        Some(Reduced { frame: *frame, factor, picture })
    }

    pub(super) fn size(&self) -> Size {
        self.picture.size
    }

    /// The picture as it lies: steps along its rows are upright edges.
    pub(super) fn columns(&self) -> &Picture {
        &self.picture
    }

    /// The picture with rows and columns exchanged: steps along its rows are level edges.
    pub(super) fn rows(&self) -> Picture {
        const BLOCK: usize = 16;
        let Size { width, height } = self.picture.size;
        let mut data = vec![0; width * height];
        for top in (0..height).step_by(BLOCK) {
            for left in (0..width).step_by(BLOCK) {
                for y in top..(top + BLOCK).min(height) {
                    let row = self.picture.row(y);
                    (left..(left + BLOCK).min(width)).for_each(|x| data[x * height + y] = row[x]);
                }
            }
        }
        Picture { size: Size { width: height, height: width }, data }
    }

    /// The same rectangle in the frame's own pixels, each side moved to the sharpest step near it.
    pub(super) fn refined(&self, rect: Rect, is_border: [bool; 4]) -> Rect {
        let whole = self.frame.size();
        let (left, top) = (rect.x * self.factor, rect.y * self.factor);
        let (right, bottom) = (left + rect.size.width * self.factor, top + rect.size.height * self.factor);
        let at_column = |at: usize| self.sharpest(at, whole.width, |x| self.step_at_column(x, top, bottom));
        let at_row = |at: usize| self.sharpest(at, whole.height, |y| self.step_at_row(y, left, right));
        let [on_left, on_right, on_top, on_bottom] = is_border;
        let x = if on_left { 0 } else { at_column(left) };
        let y = if on_top { 0 } else { at_row(top) };
        let right = if on_right { whole.width } else { at_column(right) };
        let bottom = if on_bottom { whole.height } else { at_row(bottom) };
        Rect { x, y, size: Size { width: right - x, height: bottom - y } }
    }

    fn sharpest(&self, at: usize, end: usize, step: impl Fn(usize) -> u32) -> usize {
        let near = at.saturating_sub(self.factor).max(1)..=(at + 2 * self.factor).min(end - 1);
        near.max_by_key(|&at| step(at)).unwrap_or(at)
    }

    /// Difference between column `x` and the one before it, summed over probes.
    fn step_at_column(&self, x: usize, top: usize, bottom: usize) -> u32 {
        let step = |y: usize| u32::from(self.sample(x, y).abs_diff(self.sample(x - 1, y)));
        probes(top, bottom.min(self.frame.size().height)).map(step).sum()
    }

    /// Difference between row `y` and the one before it, summed over probes.
    fn step_at_row(&self, y: usize, left: usize, right: usize) -> u32 {
        let step = |x: usize| u32::from(self.sample(x, y).abs_diff(self.sample(x, y - 1)));
        probes(left, right.min(self.frame.size().width)).map(step).sum()
    }

    fn sample(&self, x: usize, y: usize) -> u8 {
        let (step, channel) = luma_like(self.frame.format());
        let plane = self.frame.planes()[0];
        plane.data[y * plane.stride + x * step + channel]
    }
}

fn probes(from: usize, to: usize) -> impl Iterator<Item = usize> {
    let length = to - from;
    (0..N_PROBES).map(move |i| from + length * (2 * i + 1) / (2 * N_PROBES))
}

/// Bytes a pixel, and the byte that is luma, or green where there is none: most of luma is green.
fn luma_like(format: Format) -> (usize, usize) {
    match format {
        Format::I420 | Format::Nv12 | Format::Gray8 => (1, 0),
        Format::Rgb | Format::Rgba | Format::Bgrx => (format.bytes_a_pixel(), 1),
    }
}

/// Means of squares of `factor` × `factor` pixels, rounded down.
fn means(frame: &Frame, size: Size, factor: usize) -> Vec<u8> {
    let (step, channel) = luma_like(frame.format());
    let n_columns = size.width * factor;
    let mut data = Vec::with_capacity(size.width * size.height);
    // At most 26 rows of 255 each: no sum comes near the end of its type.
    let mut sums = vec![0u16; n_columns];
    for y in 0..size.height {
        sums.fill(0);
        for y in y * factor..(y + 1) * factor {
            let row = frame.planes()[0].row(y, n_columns * step);
            match step {
                1 => sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += u16::from(*value)),
                _ => {
                    sums.iter_mut().zip(row[channel..].iter().step_by(step)).for_each(|(sum, v)| *sum += u16::from(*v))
                }
            }
        }
        match factor {
            1 => data.extend(sums.iter().map(|sum| *sum as u8)),
            2 => data.extend(sums.as_chunks::<2>().0.iter().map(|[a, b]| ((a + b) / 4) as u8)),
            3 => data.extend(sums.as_chunks::<3>().0.iter().map(|[a, b, c]| ((a + b + c) / 9) as u8)),
            _ => {
                let mean =
                    |square: &[u16]| square.iter().map(|sum| u32::from(*sum)).sum::<u32>() / (factor * factor) as u32;
                data.extend(sums.chunks_exact(factor).map(|square| mean(square) as u8));
            }
        }
    }
    data
}
