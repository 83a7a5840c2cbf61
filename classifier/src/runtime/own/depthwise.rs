//! How is each channel of a picture convolved by itself, fast?
//!
//! Along the channels: a register holds one pixel's neighbouring channels, so no number is rearranged. Four pixels of a
//! row share each weight that is read. At the edge of the picture, places outside are left out, as zeros would be.
#![allow(unsafe_code)]

use super::lanes::Lanes;
use super::plan::{Value, Window};

/// Pixels that share a weight.
const SIDE_BY_SIDE: usize = 4;

/// `rows · columns` weights for each channel, channels together, with bias and activation.
pub(super) struct Weights {
    pub(super) taps: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) low: f32,
    pub(super) high: f32,
}

/// Fills `out`, a picture like `to`, from `from`.
#[inline(always)]
pub(super) fn run<L: Lanes>(
    from: &Value,
    to: &Value,
    window: &Window,
    weights: &Weights,
    pixels: &[f32],
    out: &mut [f32],
) {
    let pitch = from.pitch;
    let [rows, columns] = window.kernel;
    assert!(pitch == to.pitch && pitch.is_multiple_of(L::N) && weights.taps.len() == rows * columns * pitch);
    assert!(weights.bias.len() == pitch && pixels.len() >= from.height * from.width * pitch);
    assert!(out.len() >= to.height * to.width * pitch);
    for y in 0..to.height {
        let ys = window.inside(0, y, from.height);
        let mut x = 0;
        while x < to.width {
            let xs = window.inside(1, x, from.width);
            let last = (x + SIDE_BY_SIDE - 1).min(to.width - 1);
            let is_whole = xs.len() == columns && last == x + SIDE_BY_SIDE - 1;
            let n = if is_whole && window.inside(1, last, from.width).len() == columns { SIDE_BY_SIDE } else { 1 };
            let (left, top) = (x * window.strides[1] + xs.start, y * window.strides[0] + ys.start);
            let place = Place {
                // `left` and `top` are inside once the padding is taken off: `inside` starts there.
                first: ((top - window.padding[0][0]) * from.width + left - window.padding[1][0]) * pitch,
                line: from.width * pitch,
                step: window.strides[1] * pitch,
                out: (y * to.width + x) * pitch,
                ys: ys.clone(),
                xs,
                columns,
                pitch,
            };
            // SAFETY: every tap in `ys` and `xs` of each of the pixels lies inside the picture, as `inside` says of the
            // first and the last of them; the lengths are asserted above.
            unsafe {
                match n {
                    SIDE_BY_SIDE => place.run::<L, SIDE_BY_SIDE>(weights, pixels, out),
                    _ => place.run::<L, 1>(weights, pixels, out),
                }
            }
            x += n;
        }
    }
}

/// Where a few neighbouring pixels of the result come from and go to.
struct Place {
    first: usize,
    line: usize,
    step: usize,
    out: usize,
    ys: std::ops::Range<usize>,
    xs: std::ops::Range<usize>,
    columns: usize,
    pitch: usize,
}

impl Place {
    /// # Safety
    /// Every tap of `N` pixels `step` apart lies inside `pixels`; `out` has `N` pixels from `self.out` on.
    #[inline(always)]
    unsafe fn run<L: Lanes, const N: usize>(&self, weights: &Weights, pixels: &[f32], out: &mut [f32]) {
        let (low, high) = (L::splat(weights.low), L::splat(weights.high));
        for channel in (0..self.pitch).step_by(L::N) {
            // SAFETY: as the caller promises; `channel` and the register after it are below `pitch`.
            unsafe {
                let mut sums = [L::load(weights.bias.as_ptr().add(channel)); N];
                for (down, y) in self.ys.clone().enumerate() {
                    for (across, x) in self.xs.clone().enumerate() {
                        let weight = L::load(weights.taps.as_ptr().add((y * self.columns + x) * self.pitch + channel));
                        let from = pixels.as_ptr().add(self.first + down * self.line + across * self.pitch + channel);
                        for (i, sum) in sums.iter_mut().enumerate() {
                            *sum = sum.add_product(L::load(from.add(i * self.step)), weight);
                        }
                    }
                }
                for (i, sum) in sums.into_iter().enumerate() {
                    sum.clamp(low, high).store(out.as_mut_ptr().add(self.out + i * self.pitch + channel));
                }
            }
        }
    }
}
