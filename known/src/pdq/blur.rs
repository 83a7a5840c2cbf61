//! How is a picture blurred and sampled fast, with every bit as in the plain way?
//!
//! `plain.rs` says what is computed. Its sums may not be reordered within a row or a column, so the work runs
//! side by side instead: 32 rows at once along rows, all columns at once along columns.
//! Strips of 32 rows pass through four steps and stay in the cache:
//!
//! ```text
//! rows of luma → transpose → box along rows → transpose back → ring of rows
//!   → box along columns → transpose → box along rows, only 64 columns are kept
//!   → box along those 64 columns, only 64 rows are kept
//! ```
//!
//! The last two boxes need every sum but only 64 quotients, since the others are never sampled.
//! Dividing by a power of two is multiplying by its inverse: both are exact.

use super::plain::{SIDE, Samples, centre, window};
use super::{Luma, Rgb, SIDE_MIN, picture};
use crate::simd::{self, Lanes, Transpose};

/// Rows that go along together.
const N_LANES: usize = Lanes::N;

/// A picture that gives its luma row by row.
pub(super) trait Rows {
    /// Pixels in a row, and rows.
    fn size(&self) -> (usize, usize);
    /// Writes the luma of row `y`.
    fn write_row(&self, y: usize, luma: &mut [f32]);
}

/// Buffers that are kept from one picture to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Blur {
    /// `N_LANES` rows of luma.
    luma: Vec<f32>,
    /// The same, a column of `N_LANES` samples after the other.
    columns: Vec<Lanes>,
    /// Columns after the box along rows.
    boxed: Vec<Lanes>,
    /// Rows after the first box along rows: as many as the box along columns still needs.
    ring: Vec<f32>,
    /// Running sums of the first box along columns.
    sums: Vec<f32>,
    /// `N_LANES` rows after both boxes of the first pass.
    blurred: Vec<f32>,
    /// Every row after the third box, at the sampled columns.
    cells: Vec<[f32; SIDE]>,
}

impl Blur {
    /// Blurs and samples a picture; `None` as in the plain way.
    pub(super) fn sample(&mut self, picture: &impl Rows) -> Option<Samples> {
        let (width, height) = picture.size();
        if width < SIDE_MIN || height < SIDE_MIN {
            return None;
        }
        let mut samples = [[0.0; SIDE]; SIDE];
        match (width, height) == (SIDE, SIDE) {
            true => samples.iter_mut().enumerate().for_each(|(y, row)| picture.write_row(y, row)),
            false => simd::run(Work { blur: self, picture, samples: &mut samples }),
        }
        samples.iter().flatten().all(|sample| sample.is_finite()).then_some(samples)
    }
}

struct Work<'a, P> {
    blur: &'a mut Blur,
    picture: &'a P,
    samples: &'a mut Samples,
}

impl<P: Rows> simd::Work for Work<'_, P> {
    type Output = ();

    #[inline(always)]
    fn run<T: Transpose>(self, transpose: T) {
        let (width, height) = self.picture.size();
        let shape = Shape::new(width, height);
        self.blur.prepare(&shape);
        self.blur.first_pass(self.picture, &shape, transpose);
        box_cells(&self.blur.cells[..height], window(height), self.samples);
    }
}

struct Shape {
    width: usize,
    height: usize,
    /// Floats from one row to the next in our buffers: an odd number of cache lines, so that rows below each other
    /// do not fall on one place of the cache.
    pitch: usize,
    /// Rows in the ring; whole strips, so that none lies in two pieces.
    n_ring: usize,
}

impl Shape {
    fn new(width: usize, height: usize) -> Shape {
        let lines = width.div_ceil(16) | 1;
        Shape { width, height, pitch: lines * 16, n_ring: window(height).next_multiple_of(N_LANES) + N_LANES }
    }
}

impl Blur {
    fn prepare(&mut self, shape: &Shape) {
        self.luma.resize(N_LANES * shape.pitch, 0.0);
        self.columns.resize(shape.pitch, Lanes::ZERO);
        self.boxed.resize(shape.pitch.max(SIDE), Lanes::ZERO);
        self.ring.resize(shape.n_ring * shape.pitch, 0.0);
        self.sums.clear();
        self.sums.resize(shape.pitch, 0.0);
        self.blurred.resize(N_LANES * shape.pitch, 0.0);
        self.cells.resize(shape.height.next_multiple_of(N_LANES), [0.0; SIDE]);
    }

    #[inline(always)]
    fn first_pass<T: Transpose>(&mut self, picture: &impl Rows, shape: &Shape, transpose: T) {
        let n_ahead = window(shape.height) / 2;
        for first in (0..shape.height).step_by(N_LANES) {
            let rows = first..(first + N_LANES).min(shape.height);
            for y in rows.clone() {
                picture.write_row(y, &mut self.luma[(y - first) * shape.pitch..][..shape.width]);
            }
            self.box_luma(rows.start, shape, transpose);
            for y in rows {
                self.column_step(y, n_ahead, shape, transpose);
            }
        }
        for y in shape.height..shape.height + n_ahead {
            self.column_step(y, n_ahead, shape, transpose);
        }
        if !shape.height.is_multiple_of(N_LANES) {
            self.box_blurred(shape.height / N_LANES * N_LANES, shape, transpose);
        }
    }

    /// First box: `N_LANES` rows of luma, the first of which is row `first`, into the ring.
    #[inline(always)]
    fn box_luma<T: Transpose>(&mut self, first: usize, shape: &Shape, transpose: T) {
        transpose.to_columns(&self.luma, shape.pitch, &mut self.columns);
        let mut running = BoxOfLanes::new(&self.columns[..shape.width]);
        for boxed in &mut self.boxed[..shape.width] {
            running.step();
            *boxed = running.mean();
        }
        let strip = &mut self.ring[first % shape.n_ring * shape.pitch..][..N_LANES * shape.pitch];
        transpose.to_rows(&self.boxed[..shape.pitch], strip, shape.pitch);
    }

    /// Second box: takes row `y` in, gives the row `n_ahead` before it out; from `height` on takes nothing in.
    #[inline(always)]
    fn column_step<T: Transpose>(&mut self, y: usize, n_ahead: usize, shape: &Shape, transpose: T) {
        let window = window(shape.height);
        let row_in_ring = |y: usize| &self.ring[y % shape.n_ring * shape.pitch..][..shape.pitch];
        let is_in = y < shape.height;
        let entering = is_in.then(|| row_in_ring(y));
        let leaving = (y >= window).then(|| row_in_ring(y - window));
        let out = y.checked_sub(n_ahead);
        let lane = out.unwrap_or(0) % N_LANES;
        let n = if is_in { (y + 1).min(window) } else { window - 1 - (y - shape.height) };
        let target = out.map(|_| &mut self.blurred[lane * shape.pitch..][..shape.pitch]);
        column_sums(&mut self.sums, entering, leaving, n, target);
        if let Some(out) = out
            && lane == N_LANES - 1
        {
            self.box_blurred(out + 1 - N_LANES, shape, transpose);
        }
    }

    /// Third box: `N_LANES` rows of the first pass's result, the first of which is row `first`, into the cells.
    #[inline(always)]
    fn box_blurred<T: Transpose>(&mut self, first: usize, shape: &Shape, transpose: T) {
        transpose.to_columns(&self.blurred, shape.pitch, &mut self.columns);
        let mut running = BoxOfLanes::new(&self.columns[..shape.width]);
        for j in 0..SIDE {
            while running.n_out <= centre(j, shape.width) {
                running.step();
            }
            self.boxed[j] = running.mean();
        }
        let cells = self.cells[first..first + N_LANES].as_flattened_mut();
        transpose.to_rows(&self.boxed[..SIDE], cells, SIDE);
    }
}

/// One step of a box along columns, for all columns at once; in the plain way's order, first in, then out.
#[inline(always)]
fn column_sums(
    sums: &mut [f32],
    entering: Option<&[f32]>,
    leaving: Option<&[f32]>,
    n: usize,
    target: Option<&mut [f32]>,
) {
    let n = Divisor::new(n);
    match (entering, leaving, target) {
        (Some(entering), Some(leaving), Some(target)) => {
            for (((sum, entering), leaving), target) in sums.iter_mut().zip(entering).zip(leaving).zip(target) {
                *sum = *sum + entering - leaving;
                *target = n.of(*sum);
            }
        }
        (entering, leaving, target) => {
            if let Some(entering) = entering {
                sums.iter_mut().zip(entering).for_each(|(sum, entering)| *sum += entering);
            }
            if let Some(leaving) = leaving {
                sums.iter_mut().zip(leaving).for_each(|(sum, leaving)| *sum -= leaving);
            }
            if let Some(target) = target {
                sums.iter().zip(target).for_each(|(sum, target)| *target = n.of(*sum));
            }
        }
    }
}

/// A box along rows, for `N_LANES` rows at once.
struct BoxOfLanes<'a> {
    columns: &'a [Lanes],
    window: usize,
    sum: Lanes,
    n_in: usize,
    n_out: usize,
    n_gone: usize,
}

impl<'a> BoxOfLanes<'a> {
    #[inline(always)]
    fn new(columns: &'a [Lanes]) -> BoxOfLanes<'a> {
        let window = window(columns.len());
        let mut sum = Lanes::ZERO;
        let n_in = window / 2;
        for entering in &columns[..n_in] {
            sum.add(entering);
        }
        BoxOfLanes { columns, window, sum, n_in, n_out: 0, n_gone: 0 }
    }

    /// Moves on by one column.
    #[inline(always)]
    fn step(&mut self) {
        if self.n_in < self.columns.len() {
            self.sum.add(&self.columns[self.n_in]);
            self.n_in += 1;
        }
        if self.n_out + self.window / 2 >= self.window {
            self.sum.subtract(&self.columns[self.n_gone]);
            self.n_gone += 1;
        }
        self.n_out += 1;
    }

    /// The mean around the column that was reached.
    #[inline(always)]
    fn mean(&self) -> Lanes {
        Divisor::new(self.n_in - self.n_gone).of_lanes(self.sum)
    }
}

/// Fourth box: along the 64 kept columns, giving the 64 sampled rows.
#[inline(always)]
fn box_cells(cells: &[[f32; SIDE]], window: usize, samples: &mut Samples) {
    let (height, n_ahead) = (cells.len(), window / 2);
    let mut sums = [0.0; SIDE];
    let mut i = 0;
    for y in 0..height + n_ahead {
        let entering = cells.get(y).map(|row| &row[..]);
        let leaving = y.checked_sub(window).map(|y| &cells[y][..]);
        let n = if y < height { (y + 1).min(window) } else { window - 1 - (y - height) };
        let is_sampled = i < SIDE && centre(i, height) + n_ahead == y;
        column_sums(&mut sums, entering, leaving, n, is_sampled.then(|| &mut samples[i][..]));
        // A picture of fewer than 64 rows gives some of them more than once.
        let n_same =
            if is_sampled { (i + 1..SIDE).take_while(|&k| centre(k, height) + n_ahead == y).count() } else { 0 };
        for k in 1..=n_same {
            samples[i + k] = samples[i];
        }
        i += if is_sampled { 1 + n_same } else { 0 };
    }
}

/// Divides by a count of samples.
#[derive(Clone, Copy)]
struct Divisor {
    n: f32,
    /// 1/n where that is exact.
    inverse: Option<f32>,
}

impl Divisor {
    #[inline(always)]
    fn new(n: usize) -> Divisor {
        Divisor { n: n as f32, inverse: n.is_power_of_two().then(|| 1.0 / n as f32) }
    }

    #[inline(always)]
    fn of(self, sum: f32) -> f32 {
        match self.inverse {
            Some(inverse) => sum * inverse,
            None => sum / self.n,
        }
    }

    #[inline(always)]
    fn of_lanes(self, sums: Lanes) -> Lanes {
        match self.inverse {
            Some(inverse) => sums.times(inverse),
            None => sums.over(self.n),
        }
    }
}

impl<T: Copy + Into<f32>> Rows for Luma<'_, T> {
    fn size(&self) -> (usize, usize) {
        (self.width(), self.height())
    }

    #[inline(always)]
    fn write_row(&self, y: usize, luma: &mut [f32]) {
        luma.iter_mut().zip(self.row(y)).for_each(|(luma, &sample)| *luma = sample.into());
    }
}

impl Rows for Rgb<'_> {
    fn size(&self) -> (usize, usize) {
        (self.width(), self.height())
    }

    #[inline(always)]
    fn write_row(&self, y: usize, luma: &mut [f32]) {
        luma.iter_mut().zip(self.row(y)).for_each(|(luma, &pixel)| *luma = picture::luma(pixel));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pdq::plain;

    fn assert_same(luma: Luma<'_, f32>, blur: &mut Blur) {
        let (fast, plain) = (blur.sample(&luma), plain::sample(luma));
        let bits = |samples: Option<Samples>| samples.map(|samples| samples.map(|row| row.map(f32::to_bits)));
        if luma.width() >= SIDE_MIN && luma.height() >= SIDE_MIN && (luma.width(), luma.height()) != (SIDE, SIDE) {
            // The same work for a processor without wide registers.
            let mut samples = [[0.0; SIDE]; SIDE];
            simd::Work::run(Work { blur, picture: &luma, samples: &mut samples }, simd::Plain);
            assert!(bits(Some(samples)) == bits(plain), "narrow, {}×{}", luma.width(), luma.height());
        }
        assert!(bits(fast) == bits(plain), "{}×{}", luma.width(), luma.height());
    }

    /// Numbers without a pattern, the same for a seed.
    fn noise(seed: u64) -> impl Iterator<Item = f32> {
        let mut state = seed;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / 65_536.0
        })
    }

    #[test]
    fn fast_and_plain_agree_in_every_bit_on_hostile_shapes() {
        let mut blur = Blur::default();
        let shapes = [(5, 5), (1, 9000), (9000, 5), (5, 9000), (63, 64), (64, 64), (65, 64), (64, 31), (127, 129)];
        let shapes = shapes.into_iter().chain([(128, 128), (129, 128), (512, 512), (640, 427), (1280, 33), (16, 4097)]);
        for (width, height) in shapes {
            let flat = vec![0.1; width * height];
            let random: Vec<f32> = noise(7).take(width * height).collect();
            let black = vec![0.0; width * height];
            let tiny: Vec<f32> = noise(9).map(|value| value * 1e-42).take(width * height).collect();
            for data in [flat, random, black, tiny] {
                assert_same(Luma::new(&data, width, height, width).unwrap(), &mut blur);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn fast_and_plain_agree_in_every_bit(width in 1usize..700, height in 1usize..300, seed: u64) {
            let data: Vec<f32> = noise(seed).take(width * height).collect();
            assert_same(Luma::new(&data, width, height, width).unwrap(), &mut Blur::default());
        }
    }
}
