//! How does TensorFlow.js bring a picture to the size of its model?
//!
//! Bilinear over the whole picture, corner pixels onto corner pixels, no antialiasing, all in f32: pixel `i` of `n`
//! comes from `i · (source − 1) / (n − 1)`, between the pixel at the floor of that and the next one.
//! Colours are converted only at these taps, and each source row only once.
//!
//! Source: `infer` in nsfwjs 4.4.0 (`resizeBilinear([size, size], alignCorners = true)`), and `resize-bilinear` of
//! XNNPACK, on which the recorded reference scores were made, for where f32 rounds.

use guard::Frame;

use super::Sink;
use super::rows::{self, Rgb};

/// Scratch space for one size of tensor.
pub(crate) struct AlignCorners {
    width: usize,
    height: usize,
    /// The columns left of each pixel, then the columns right of each.
    xs: Vec<usize>,
    /// How far each pixel lies to the right of its left column, `0.0..1.0`.
    right_weights: Vec<f32>,
    /// The pixels at `xs` of one source row.
    taps: Rgb,
    /// Source rows already brought to the tensor's width, each with its number.
    rows: [(Option<usize>, Rgb); 2],
    row: Rgb,
}

impl AlignCorners {
    /// Makes room for pictures of `width` by `height` pixels.
    pub(crate) fn new(width: usize, height: usize) -> AlignCorners {
        AlignCorners {
            width,
            height,
            xs: vec![0; 2 * width],
            right_weights: vec![0.0; width],
            taps: rows::rgb(2 * width),
            rows: [(None, rows::rgb(width)), (None, rows::rgb(width))],
            row: rows::rgb(width),
        }
    }

    /// Resizes `frame` into `sink`.
    pub(crate) fn resize(&mut self, frame: &Frame, sink: &mut Sink) {
        for x in 0..self.width {
            let tap = Tap::at(x, self.width, frame.size().width);
            (self.xs[x], self.xs[self.width + x], self.right_weights[x]) = (tap.first, tap.second, tap.second_weight);
        }
        self.rows.iter_mut().for_each(|(number, _)| *number = None);
        for y in 0..self.height {
            let tap = Tap::at(y, self.height, frame.size().height);
            self.need(frame, tap.first, tap.second);
            let [(_, top), (_, bottom)] = &self.rows;
            for ((out, top), bottom) in self.row.iter_mut().zip(top).zip(bottom) {
                for ((out, top), bottom) in out.iter_mut().zip(top).zip(bottom) {
                    *out = top + (bottom - top) * tap.second_weight;
                }
            }
            sink.write_row(y, &self.row);
        }
    }

    /// Has source row `top` in the first place and row `bottom` in the second.
    fn need(&mut self, frame: &Frame, top: usize, bottom: usize) {
        if self.rows[1].0 == Some(top) {
            self.rows.swap(0, 1);
        }
        for (place, number) in [(0, top), (1, bottom)] {
            if self.rows[place].0 != Some(number) {
                rows::read(frame, number, &self.xs, &mut self.taps);
                for (out, taps) in self.rows[place].1.iter_mut().zip(&self.taps) {
                    let (left, right) = taps.split_at(self.width);
                    for (((out, left), right), weight) in out.iter_mut().zip(left).zip(right).zip(&self.right_weights) {
                        *out = left + (right - left) * weight;
                    }
                }
                self.rows[place].0 = Some(number);
            }
        }
    }
}

/// Two neighbouring source pixels and the weight of the second.
#[derive(Clone, Copy)]
struct Tap {
    first: usize,
    second: usize,
    second_weight: f32,
}

impl Tap {
    /// Where pixel `index` of `n` comes from in a row or column of `n_source`.
    fn at(index: usize, n: usize, n_source: usize) -> Tap {
        let scale = if n > 1 { (n_source - 1) as f32 / (n - 1) as f32 } else { 0.0 };
        let place = index as f32 * scale;
        let first = (place as usize).min(n_source - 1);
        Tap { first, second: (first + 1).min(n_source - 1), second_weight: place - first as f32 }
    }
}

#[cfg(test)]
mod tests {
    use guard::{Colour, Format, Size};
    use proptest::prelude::*;

    use super::*;
    use crate::prepare::Preparation;
    use crate::{Input, shipped};

    /// The same, one pixel at a time and in the words of the definition.
    fn plain(frame: &Frame, input: &Input) -> Vec<f32> {
        let mut tensor = Vec::new();
        for channel in 0..3 {
            for y in 0..input.height {
                for x in 0..input.width {
                    let (across, down) =
                        (Tap::at(x, input.width, frame.size().width), Tap::at(y, input.height, frame.size().height));
                    let pixel = |x: usize, y: usize| frame.rgb(x, y)[channel] / 255.0;
                    let row = |y: usize| {
                        let (left, right) = (pixel(across.first, y), pixel(across.second, y));
                        left + (right - left) * across.second_weight
                    };
                    let (top, bottom) = (row(down.first), row(down.second));
                    tensor.push(top + (bottom - top) * down.second_weight);
                }
            }
        }
        tensor
    }

    #[test]
    fn corners_stay_corners_and_nothing_is_smoothed() {
        let size = Size { width: 447, height: 447 };
        let pixels: Vec<u8> = (0..447 * 447).map(|i| if i % 447 % 2 == 0 { 0 } else { 255 }).collect();
        let frame = Frame::packed(Format::Gray8, Colour::Bt601, size, &pixels).unwrap();
        let mut preparation = Preparation::new(&shipped("MobileNetV2").unwrap().input);
        // 446 / 223 = 2: every second column is taken as it is, and all of these are black.
        assert!(preparation.prepare(&frame).unwrap().iter().all(|&value| value == 0.0));
    }

    #[test]
    fn taps_stay_inside_for_every_size() {
        for n_source in (1..300).chain([1079, 1080, 3840, 8191, 16_383, 16_384]) {
            for n in [8, 224, 299, 384, 1024] {
                for index in 0..n {
                    let tap = Tap::at(index, n, n_source);
                    assert!(tap.first < n_source && tap.second < n_source);
                    assert!((0.0..=1.0).contains(&tap.second_weight), "{index} of {n} from {n_source}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn equals_the_plain_definition(
            format in prop::sample::select(vec![
                Format::I420, Format::Nv12, Format::Rgb, Format::Rgba, Format::Bgrx, Format::Gray8,
            ]),
            width in 1usize..70,
            height in 1usize..70,
            (to_width, to_height) in (8usize..40, 8usize..40),
            seed in any::<u32>(),
        ) {
            let data: Vec<u8> = (0..70 * 70 * 4u32).map(|i| (i ^ seed).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
            let frame = Frame::packed(format, Colour::Bt709, Size { width, height }, &data).unwrap();
            let mut input = shipped("MobileNetV2").unwrap().input;
            (input.width, input.height) = (to_width, to_height);
            let mut preparation = Preparation::new(&input);
            let fast = preparation.prepare(&frame).unwrap().to_vec();
            let again = preparation.prepare(&frame).unwrap();
            prop_assert_eq!(&fast, again);
            for (fast, plain) in fast.iter().zip(plain(&frame, &input)) {
                prop_assert!((fast - plain).abs() < 1e-5, "{} {}", fast, plain);
            }
        }
    }
}
