//! How does a frame become the tensor that a model was trained on?
//!
//! The resizer decides more than one would think (scores moved by up to 0.45 with another one), so each model names
//! its own, and its arithmetic is followed to the rounding. Transparency is not looked at: alpha is ignored.

mod align_corners;
mod antialiased;
mod rows;

use guard::Frame;

use crate::{Channels, Error, Input, Layout, Resize};

/// The scratch space of one resizer; holds no picture longer than a call.
pub(crate) struct Preparation {
    input: Input,
    tensor: Vec<f32>,
    resizer: Resizer,
}

enum Resizer {
    AlignCorners(Box<align_corners::AlignCorners>),
    Antialiased(Box<antialiased::Antialiased>),
}

impl Preparation {
    /// Makes room for tensors of this kind.
    pub(crate) fn new(input: &Input) -> Preparation {
        let resizer = match input.resize {
            Resize::AlignCorners {} => {
                Resizer::AlignCorners(Box::new(align_corners::AlignCorners::new(input.width, input.height)))
            }
            Resize::Squash { .. } | Resize::SquashCrop { .. } => {
                Resizer::Antialiased(Box::new(antialiased::Antialiased::new(input)))
            }
        };
        Preparation { input: input.clone(), tensor: vec![0.0; input.width * input.height * 3], resizer }
    }

    /// Fills the tensor from `frame`, of any size and format.
    ///
    /// # Errors
    /// [`Error::Resize`], which no frame that [`Frame::new`] accepts is known to cause.
    pub(crate) fn prepare(&mut self, frame: &Frame) -> Result<&[f32], Error> {
        let mut sink = Sink::new(&self.input, &mut self.tensor);
        match &mut self.resizer {
            Resizer::AlignCorners(resizer) => resizer.resize(frame, &mut sink),
            Resizer::Antialiased(resizer) => resizer.resize(frame, &mut sink)?,
        }
        Ok(&self.tensor)
    }
}

/// Writes rows of pixels where the tensor wants them: range, mean, deviation, order and layout in one multiplication.
struct Sink<'a> {
    tensor: &'a mut [f32],
    width: usize,
    layout: Layout,
    /// For each channel of the tensor: which colour it is, what to multiply by, what to add.
    channels: [(usize, f32, f32); 3],
}

impl<'a> Sink<'a> {
    fn new(input: &Input, tensor: &'a mut [f32]) -> Sink<'a> {
        let channels = [0, 1, 2].map(|channel| {
            let colour = match input.channels {
                Channels::Rgb => channel,
                Channels::Bgr => 2 - channel,
            };
            let deviation = input.deviation[channel];
            (colour, input.white / 255.0 / deviation, -input.mean[channel] / deviation)
        });
        Sink { tensor, width: input.width, layout: input.layout, channels }
    }

    /// Writes row `y`; `rgb` has red, green and blue of each of its pixels, `0.0..=255.0`.
    fn write_row(&mut self, y: usize, rgb: &[Vec<f32>; 3]) {
        let width = self.width;
        let plane = self.tensor.len() / 3;
        for (channel, &(colour, scale, offset)) in self.channels.iter().enumerate() {
            let from = &rgb[colour][..width];
            match self.layout {
                Layout::Nchw => {
                    let to = &mut self.tensor[channel * plane + y * width..][..width];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = from * scale + offset);
                }
                Layout::Nhwc => {
                    let to = self.tensor[y * width * 3..][..width * 3].chunks_exact_mut(3);
                    to.zip(from).for_each(|(pixel, from)| pixel[channel] = from * scale + offset);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use guard::{Colour, Format, Size};

    use super::*;
    use crate::{Filter, shipped};

    #[test]
    fn mean_deviation_order_and_layout_are_the_manifests() {
        let size = Size { width: 16, height: 16 };
        let pixels: Vec<u8> = (0..256).flat_map(|_| [10, 20, 30]).collect();
        let frame = Frame::packed(Format::Rgb, Colour::Bt601, size, &pixels).unwrap();
        let mut input = shipped("open_nsfw").unwrap().input;
        input.deviation = [1.0, 2.0, 4.0];
        for resize in [input.resize, Resize::AlignCorners {}, Resize::Squash { filter: Filter::Lanczos3 }] {
            input.resize = resize;
            input.layout = Layout::Nhwc;
            let expected = [30.0 - 104.0, (20.0 - 117.0) / 2.0, (10.0 - 123.0) / 4.0];
            let mut preparation = Preparation::new(&input);
            let tensor = preparation.prepare(&frame).unwrap();
            assert!(tensor.chunks(3).all(|pixel| close(pixel, &expected)), "{resize:?} {:?}", &tensor[..3]);
            input.layout = Layout::Nchw;
            let mut preparation = Preparation::new(&input);
            let tensor = preparation.prepare(&frame).unwrap();
            let n_pixels = input.width * input.height;
            assert!(close(&[tensor[0], tensor[n_pixels], tensor[2 * n_pixels]], &expected), "{resize:?}");
        }
    }

    fn close(left: &[f32], right: &[f32]) -> bool {
        left.iter().zip(right).all(|(left, right)| (left - right).abs() < 1e-4)
    }
}
