//! How are two matrices multiplied fast, when one of them never changes?
//!
//! The weights are cut into panels of two registers' width, so that a panel is read from front to back. A block of
//! rows small enough for the second cache meets every panel in turn; of these rows a few at a time stay in registers
//! while the whole depth is added up. Bias comes first, shortcut and activation last, all without leaving them.
#![allow(unsafe_code)]

use super::lanes::Lanes;

/// Rows that are used for every panel before the next rows are: at a depth of 960, 184 kB.
const BLOCK: usize = 48;

/// Inputs that are added without a look at whether there are more.
const STEPS: usize = 4;

/// The matrix that changes: `n` rows of `depth` numbers, one after the other.
pub(super) struct Rows<'a> {
    pub(super) from: &'a [f32],
    pub(super) n: usize,
    pub(super) depth: usize,
}

/// The matrix that does not: `depth` rows of numbers for `pitch` outputs, in panels, with bias and activation.
pub(super) struct Weights {
    panels: Vec<f32>,
    bias: Vec<f32>,
    depth: usize,
    pitch: usize,
    pub(super) low: f32,
    pub(super) high: f32,
}

impl Weights {
    /// Cuts weights into panels for registers of `n_lanes`.
    ///
    /// `at(k, output)` is the weight of input `k` for one of `n_out` outputs; `pitch`, a multiple of `n_lanes`, is how
    /// far the pixels of the result lie apart, and what is beyond `n_out` comes out as 0.
    pub(super) fn pack(
        (depth, n_out, pitch): (usize, usize, usize),
        n_lanes: usize,
        bias: &[f32],
        at: impl Fn(usize, usize) -> f32,
    ) -> Weights {
        let mut panels = Vec::with_capacity(depth * pitch);
        for first in (0..pitch).step_by(2 * n_lanes) {
            let width = (2 * n_lanes).min(pitch - first);
            for k in 0..depth {
                panels.extend((first..first + width).map(|out| if out < n_out { at(k, out) } else { 0.0 }));
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(pitch, 0.0);
        Weights { panels, bias: padded, depth, pitch, low: f32::NEG_INFINITY, high: f32::INFINITY }
    }
}

/// Fills the first `rows.n` pixels of `out`, `pitch` numbers each. `shortcut` is added where there is one.
#[inline(always)]
pub(super) fn run<L: Lanes, const ROWS: usize>(
    rows: &Rows,
    weights: &Weights,
    shortcut: Option<&[f32]>,
    out: &mut [f32],
    pitch: usize,
) {
    let depth = weights.depth;
    assert!(rows.depth == depth && rows.from.len() >= rows.n * depth && out.len() >= rows.n * pitch);
    assert!(weights.pitch == pitch && pitch.is_multiple_of(L::N) && weights.bias.len() == pitch);
    assert!(weights.panels.len() == depth * pitch && shortcut.is_none_or(|added| added.len() >= rows.n * pitch));
    let added = shortcut.map_or(std::ptr::null(), <[f32]>::as_ptr);
    for block in (0..rows.n).step_by(BLOCK) {
        let end = (block + BLOCK).min(rows.n);
        let mut column = 0;
        while column < pitch {
            let is_wide = pitch - column >= 2 * L::N;
            let mut row = block;
            while row < end {
                // SAFETY: the rows up to `end` and the columns of this panel lie inside, as asserted above.
                unsafe {
                    let tile = Tile::<L> {
                        from: rows.from.as_ptr().add(row * depth),
                        depth,
                        panel: weights.panels.as_ptr().add(column * depth),
                        bias: weights.bias.as_ptr().add(column),
                        added: if added.is_null() { added } else { added.add(row * pitch + column) },
                        out: out.as_mut_ptr().add(row * pitch + column),
                        pitch,
                        low: L::splat(weights.low),
                        high: L::splat(weights.high),
                    };
                    row += match (end - row >= ROWS, is_wide) {
                        (true, true) => tile.run::<ROWS, 2>(),
                        (true, false) => tile.run::<ROWS, 1>(),
                        (false, true) => tile.run::<1, 2>(),
                        (false, false) => tile.run::<1, 1>(),
                    };
                }
            }
            column += if is_wide { 2 * L::N } else { L::N };
        }
    }
}

/// A few rows against one panel.
struct Tile<L> {
    from: *const f32,
    depth: usize,
    panel: *const f32,
    bias: *const f32,
    added: *const f32,
    out: *mut f32,
    pitch: usize,
    low: L,
    high: L,
}

impl<L: Lanes> Tile<L> {
    /// Gives how many rows were done.
    ///
    /// # Safety
    /// `from` has `ROWS` rows of `depth`, `panel` has `depth` times `WIDTH` registers, `out` and `added` (unless null)
    /// have `ROWS` rows of `WIDTH` registers that lie `pitch` apart.
    #[inline(always)]
    unsafe fn run<const ROWS: usize, const WIDTH: usize>(self) -> usize {
        // SAFETY: as the caller promises.
        unsafe {
            let mut biases = [L::splat(0.0); WIDTH];
            for (j, bias) in biases.iter_mut().enumerate() {
                *bias = L::load(self.bias.add(j * L::N));
            }
            let mut sums = [biases; ROWS];
            // Several steps at a time, so that what they read lies at fixed distances from few pointers.
            let mut k = 0;
            while k + STEPS <= self.depth {
                for step in 0..STEPS {
                    self.add::<ROWS, WIDTH>(&mut sums, k, step);
                }
                k += STEPS;
            }
            while k < self.depth {
                self.add::<ROWS, WIDTH>(&mut sums, k, 0);
                k += 1;
            }
            for (i, sums) in sums.into_iter().enumerate() {
                for (j, sum) in sums.into_iter().enumerate() {
                    let place = i * self.pitch + j * L::N;
                    let sum = if self.added.is_null() { sum } else { sum.add(L::load(self.added.add(place))) };
                    sum.clamp(self.low, self.high).store(self.out.add(place));
                }
            }
        }
        ROWS
    }

    /// Adds what input `k + step` gives.
    ///
    /// # Safety
    /// As [`Tile::run`], and `k + step` is below `depth`.
    #[inline(always)]
    unsafe fn add<const ROWS: usize, const WIDTH: usize>(&self, sums: &mut [[L; WIDTH]; ROWS], k: usize, step: usize) {
        // SAFETY: as the caller promises.
        unsafe {
            let panel = self.panel.add(k * WIDTH * L::N).add(step * WIDTH * L::N);
            let mut weights = [L::splat(0.0); WIDTH];
            for (j, weight) in weights.iter_mut().enumerate() {
                *weight = L::load(panel.add(j * L::N));
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                let value = L::splat(*self.from.add(i * self.depth + k).add(step));
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = sum.add_product(value, weight);
                }
            }
        }
    }
}
