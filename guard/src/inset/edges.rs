//! Along which columns of a picture does luma step, and how far do such steps run?
//!
//! A pixel is an edge when luma steps there by enough, and by more than two pixels beside it. The second rule keeps
//! texture and shading out: by chance no more than one pixel in three is such a peak, so that a long run of them is an
//! edge. Runs are kept in blocks of eight rows, which cost little and bear a gap.

use std::ops::Range;

use super::reduced::Picture;

/// A step is at least this large over two pixels, levels of 255: what a quiet wall has between neighbours is less.
const STEP_MIN: u8 = 12;
/// Rows in a block.
pub(super) const BLOCK_PX: usize = 8;
/// A block is strong when an edge passes through this many of its rows, in the column or the one on either side.
const STRONG_ROWS: u8 = 5;
/// So many blocks beyond a corner say whether a side stops there.
const BLOCKS_BEYOND: usize = 4;

/// The upright edges of a picture.
pub(super) struct Edges {
    width: usize,
    n_blocks: usize,
    /// Rows of each block in which the column itself is an edge.
    counts: Vec<u8>,
    /// The same, the most of three neighbouring columns.
    near: Vec<u8>,
}

impl Edges {
    pub(super) fn of(picture: &Picture) -> Edges {
        let (width, n_blocks) = (picture.size.width, picture.size.height / BLOCK_PX);
        let mut edges = Edges { width, n_blocks, counts: vec![0; width * n_blocks], near: vec![0; width * n_blocks] };
        let mut steps = vec![0; width];
        for block in 0..n_blocks {
            let counts = &mut edges.counts[block * width..][..width];
            for y in block * BLOCK_PX..(block + 1) * BLOCK_PX {
                step_over_two(picture.row(y), &mut steps);
                count_peaks(&steps, counts);
            }
            most_of_three(counts, &mut edges.near[block * width..][..width]);
        }
        edges
    }

    /// Columns.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Blocks from top to bottom.
    pub(super) fn n_blocks(&self) -> usize {
        self.n_blocks
    }

    /// Whether an edge passes through this block at or beside column `x`.
    pub(super) fn is_strong(&self, x: usize, block: usize) -> bool {
        self.near[block * self.width + x] >= STRONG_ROWS
    }

    /// Rows of the blocks in which column `x` itself is an edge.
    pub(super) fn strength(&self, x: usize, blocks: Range<usize>) -> usize {
        blocks.map(|block| usize::from(self.counts[block * self.width + x])).sum()
    }

    /// How many blocks of each column are strong.
    pub(super) fn n_strong(&self) -> Vec<u16> {
        let mut totals = vec![0; self.width];
        for row in self.near.chunks_exact(self.width) {
            totals.iter_mut().zip(row).for_each(|(total, near)| *total += u16::from(*near >= STRONG_ROWS));
        }
        totals
    }

    /// The share of strong blocks among those wholly in `rows`, `0.0..=1.0`.
    pub(super) fn share(&self, x: usize, rows: &Range<usize>) -> f32 {
        let blocks = rows.start.div_ceil(BLOCK_PX)..(rows.end / BLOCK_PX).min(self.n_blocks);
        let n = blocks.len().max(1);
        blocks.filter(|block| self.is_strong(x, *block)).count() as f32 / n as f32
    }

    /// How clearly an edge stops above and below `rows`: 1 where nothing goes on, 0 where it goes on both ways.
    pub(super) fn ends(&self, x: usize, rows: &Range<usize>) -> f32 {
        let (above, below) = (rows.start / BLOCK_PX, rows.end.div_ceil(BLOCK_PX));
        let beyond =
            (above.saturating_sub(BLOCKS_BEYOND)..above).chain(below..(below + BLOCKS_BEYOND).min(self.n_blocks));
        1.0 - beyond.filter(|block| self.is_strong(x, *block)).count() as f32 / (2 * BLOCKS_BEYOND) as f32
    }
}

/// `steps[x]` becomes the difference between the pixels on both sides of `x`.
fn step_over_two(row: &[u8], steps: &mut [u8]) {
    let n = row.len() - 2;
    for ((step, left), right) in steps[1..=n].iter_mut().zip(&row[..n]).zip(&row[2..]) {
        *step = left.abs_diff(*right);
    }
}

/// Without branches, so that it runs over many columns at once.
fn count_peaks(steps: &[u8], counts: &mut [u8]) {
    let n = steps.len() - 4;
    let neighbours = steps[..n].iter().zip(&steps[2..]).zip(&steps[4..]);
    for (count, ((left, step), right)) in counts[2..][..n].iter_mut().zip(neighbours) {
        *count += u8::from((*step >= STEP_MIN) & (*step >= *left) & (*step > *right));
    }
}

fn most_of_three(counts: &[u8], near: &mut [u8]) {
    let n = counts.len() - 2;
    let neighbours = counts[..n].iter().zip(&counts[1..]).zip(&counts[2..]);
    for (near, ((left, own), right)) in near[1..=n].iter_mut().zip(neighbours) {
        *near = (*left).max(*own).max(*right);
    }
}
