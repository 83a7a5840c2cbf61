//! Which 64×64 samples stand for a picture?
//!
//! Two passes of a box filter along rows and columns make a tent; then the sample nearest to the centre of each cell
//! is taken. The boxes are running sums in 32-bit floats whose rounding reaches the hash,
//! so this follows the reference's order of additions and subtractions exactly.
//! This is the plain way, kept for ever; the fast one in `blur.rs` is tested against it bit for bit.
//! Source: `downscaling.cpp` in facebook/ThreatExchange.

use super::{Luma, SIDE_MIN};

/// 64 rows of 64 luma samples.
pub(super) type Samples = [[f32; SIDE]; SIDE];

pub(super) const SIDE: usize = 64;
const N_PASSES: usize = 2;

/// Blurs and samples a picture; `None` when a side is under [`SIDE_MIN`] or a sample is not finite.
///
/// A picture of 64×64 is taken as it is, as in the reference.
pub(super) fn sample<T: Copy + Into<f32>>(luma: Luma<'_, T>) -> Option<Samples> {
    let (width, height) = (luma.width(), luma.height());
    if width < SIDE_MIN || height < SIDE_MIN {
        return None;
    }
    let mut blurred: Vec<f32> = Vec::with_capacity(width * height);
    for y in 0..height {
        blurred.extend(luma.row(y).iter().map(|&sample| sample.into()));
    }
    if (width, height) != (SIDE, SIDE) {
        let mut rows = vec![0.0; width * height];
        for _ in 0..N_PASSES {
            box_rows(&blurred, &mut rows, width);
            box_columns(&rows, &mut blurred, width);
        }
    }
    let samples = decimate(&blurred, width, height);
    samples.iter().flatten().all(|sample| sample.is_finite()).then_some(samples)
}

/// How many samples a box filter of a side of `side` pixels averages: half a cell, rounded up.
pub(super) fn window(side: usize) -> usize {
    side.div_ceil(2 * SIDE)
}

fn box_rows(input: &[f32], output: &mut [f32], width: usize) {
    for (input, output) in input.chunks_exact(width).zip(output.chunks_exact_mut(width)) {
        box_1d(input, output, width, 1, window(width));
    }
}

fn box_columns(input: &[f32], output: &mut [f32], width: usize) {
    let height = input.len() / width;
    for x in 0..width {
        box_1d(&input[x..], &mut output[x..], height, width, window(height));
    }
}

/// Averages `window` neighbours of each of `len` samples, `stride` apart; fewer at the ends.
///
/// The window reaches from `window / 2` samples before (one less when even) to `window / 2` after.
fn box_1d(input: &[f32], output: &mut [f32], len: usize, stride: usize, window: usize) {
    let n_ahead = window / 2;
    let mut sum = 0.0_f32;
    for i in 0..n_ahead {
        sum += input[i * stride];
    }
    let mut n_in_window = n_ahead as f32;
    for i in 0..len {
        if i + n_ahead < len {
            sum += input[(i + n_ahead) * stride];
            n_in_window += 1.0;
        }
        if i + n_ahead >= window {
            sum -= input[(i + n_ahead - window) * stride];
            n_in_window -= 1.0;
        }
        output[i * stride] = sum / n_in_window;
    }
}

fn decimate(blurred: &[f32], width: usize, height: usize) -> Samples {
    let mut samples = [[0.0; SIDE]; SIDE];
    for (i, row) in samples.iter_mut().enumerate() {
        for (j, sample) in row.iter_mut().enumerate() {
            *sample = blurred[centre(i, height) * width + centre(j, width)];
        }
    }
    samples
}

/// The sample nearest to the centre of cell `i` of 64 along a side of `side` pixels.
pub(super) fn centre(i: usize, side: usize) -> usize {
    (2 * i + 1) * side / (2 * SIDE)
}
