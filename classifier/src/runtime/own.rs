//! How is a MobileNet run fast without a library?
//!
//! Pictures lie with their channels together (NHWC). A convolution of 1×1 is then a product of two matrices with
//! nothing to rearrange, and one over each channel alone goes along the channels: both in wide registers, with the
//! activation and the shortcut added while the numbers are still in them.
//!
//! A graph with anything else in it is refused as a whole, and another runtime takes the model.
//!
//! `graph` reads the file, `plan` makes steps of its nodes, `lanes` is what a processor's registers can do,
//! `product` and `depthwise` are the two loops that take the time.

mod graph;
mod lanes;
mod plan;
mod product;
mod depthwise;

use std::sync::Arc;

use lanes::Lanes;
use plan::{Plan, Step};

use crate::{Error, Manifest, Runtime};

/// A model that is loaded. The weights are shared between all that came from one load.
pub(crate) struct Own {
    name: Arc<str>,
    plan: Arc<Plan>,
    slots: Vec<Vec<f32>>,
    patches: Vec<f32>,
}

impl Own {
    /// Loads the model from its bytes.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`] when the graph has anything in it that is not known here; [`Error::GraphMismatch`].
    pub(crate) fn load(manifest: &Manifest, bytes: &[u8]) -> Result<Own, Error> {
        Own::load_for(manifest, bytes, lanes::best())
    }

    fn load_for(manifest: &Manifest, bytes: &[u8], kind: lanes::Kind) -> Result<Own, Error> {
        let plan = graph::Graph::read(bytes).and_then(|graph| Plan::make(&graph, kind));
        let plan = plan.map_err(|reason| Error::ModelUnreadable {
            model: manifest.name.clone(),
            runtime: Runtime::OWN,
            reason,
        })?;
        super::check_input(manifest, &plan.input_sides().map(Some))?;
        Ok(Own::of(manifest.name.as_str().into(), Arc::new(plan)))
    }

    fn of(name: Arc<str>, plan: Arc<Plan>) -> Own {
        let slots = plan.slots.iter().map(|&n| vec![0.0; n]).collect();
        Own { name, plan, slots, patches: Vec::new() }
    }

    /// The same model with scratch space of its own.
    pub(crate) fn another(&self) -> Own {
        Own::of(Arc::clone(&self.name), Arc::clone(&self.plan))
    }

    /// Which registers it runs in.
    pub(crate) fn registers(&self) -> &'static str {
        self.plan.kind.name()
    }

    /// Runs one tensor, `[1, 3, height, width]`.
    ///
    /// # Errors
    /// [`Error::Inference`] when the tensor is not of that size.
    pub(crate) fn run(&mut self, tensor: &[f32]) -> Result<Vec<f32>, Error> {
        let Plan { input, kind, .. } = *self.plan;
        if tensor.len() != input.height * input.width * input.channels {
            let reason = format!("the tensor has {} numbers", tensor.len());
            return Err(Error::Inference { model: self.name.to_string(), runtime: Runtime::OWN, reason });
        }
        interleave(tensor, input.channels, &mut self.slots[input.slot]);
        lanes::run(kind, &mut *self);
        let output = &self.plan.output;
        Ok(self.slots[output.slot][..output.channels].to_vec())
    }
}

/// Channels from planes to pixels.
fn interleave(planes: &[f32], n_channels: usize, pixels: &mut [f32]) {
    let n_pixels = planes.len() / n_channels;
    for (channel, plane) in planes.chunks_exact(n_pixels).enumerate() {
        pixels.iter_mut().skip(channel).step_by(n_channels).zip(plane).for_each(|(to, from)| *to = *from);
    }
}

/// Compiled once for each kind of registers; `ROWS` rows of a product are in them at a time.
impl lanes::Work for &mut Own {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize>(self) {
        let plan = Arc::clone(&self.plan);
        for step in &plan.steps {
            let mut out = std::mem::take(&mut self.slots[step.output().slot]);
            self.step::<L, ROWS>(step, &mut out);
            self.slots[step.output().slot] = out;
        }
    }
}

impl Own {
    #[inline(always)]
    fn step<L: Lanes, const ROWS: usize>(&mut self, step: &Step, out: &mut [f32]) {
        let out = &mut out[..step.output().n_numbers()];
        match step {
            Step::Product { from, to, weights, shortcut } => {
                let shortcut = shortcut.as_ref().map(|value| self.slots[value.slot].as_slice());
                let rows =
                    product::Rows { from: &self.slots[from.slot], n: from.height * from.width, depth: from.pitch };
                product::run::<L, ROWS>(&rows, weights, shortcut, out, to.pitch);
            }
            Step::Patches { from, to, weights, window } => {
                let depth = window.patch_length(from);
                let n = to.height * to.width;
                for first in (0..n).step_by(plan::PATCHES) {
                    let n = plan::PATCHES.min(n - first);
                    self.patches.resize(plan::PATCHES * depth, 0.0);
                    window.gather(from, to, &self.slots[from.slot], first..first + n, &mut self.patches);
                    let rows = product::Rows { from: &self.patches, n, depth };
                    product::run::<L, ROWS>(&rows, weights, None, &mut out[first * to.pitch..], to.pitch);
                }
            }
            Step::Depthwise { from, to, weights, window } => {
                depthwise::run::<L>(from, to, window, weights, &self.slots[from.slot], out);
            }
            Step::Average { from, .. } => {
                let pixels = &self.slots[from.slot][..from.height * from.width * from.pitch];
                out.fill(0.0);
                for pixel in pixels.chunks_exact(from.pitch) {
                    out.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
                }
                let n = (from.height * from.width) as f32;
                out.iter_mut().for_each(|sum| *sum /= n);
            }
            Step::Each { from, scale, offset, low, high, .. } => {
                for (to, from) in out.iter_mut().zip(&self.slots[from.slot]) {
                    *to = lanes::cut(from * scale + offset, *low, *high);
                }
            }
            Step::Add { from, and, .. } => {
                let (first, second) = (&self.slots[from.slot], &self.slots[and.slot]);
                out.iter_mut().zip(first).zip(second).for_each(|((out, a), b)| *out = a + b);
            }
            Step::Softmax { from, .. } => {
                let values = &self.slots[from.slot][..from.channels];
                let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                out.iter_mut().zip(values).for_each(|(out, value)| *out = (value - highest).exp());
                let sum: f32 = out[..from.channels].iter().sum();
                out[..from.channels].iter_mut().for_each(|value| *value /= sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::runtime::rten::Rten;

    /// A network for pictures of `side`, whose block has `channels`, and what goes in.
    fn network(channels: usize, side: usize, stride: usize) -> (Manifest, Vec<u8>, Vec<f32>) {
        let bytes = crate::tiny::mobile(channels, side, stride);
        let mut manifest = crate::shipped("MobileNetV2").unwrap();
        (manifest.input.width, manifest.input.height) = (side, side);
        let tensor = (0..3 * side * side).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
        (manifest, bytes, tensor)
    }

    fn apart(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn all_registers_give_what_rten_gives(channels in 1usize..70, side in 8usize..30, stride in 1usize..3) {
            let (manifest, bytes, tensor) = network(channels, side, stride);
            let expected = Rten::load(&manifest, bytes.clone()).unwrap().run(&tensor).unwrap();
            for kind in lanes::available() {
                let mut own = Own::load_for(&manifest, &bytes, kind).unwrap();
                for _ in 0..2 {
                    let found = own.run(&tensor).unwrap();
                    let apart = apart(&found, &expected);
                    prop_assert!(apart < 1e-5, "{} differs by {apart}: {found:?} {expected:?}", kind.name());
                }
            }
        }
    }

    #[test]
    fn another_engine_shares_weights_and_nothing_else() {
        let (manifest, bytes, tensor) = network(24, 14, 1);
        let mut first = Own::load(&manifest, &bytes).unwrap();
        let mut second = first.another();
        let expected = first.run(&tensor).unwrap();
        second.run(&vec![0.5; tensor.len()]).unwrap();
        assert_eq!(first.run(&tensor).unwrap(), expected);
        assert!(first.run(&tensor[1..]).is_err());
    }

    #[test]
    fn no_damage_makes_it_panic() {
        let (manifest, bytes, _) = network(3, 8, 1);
        for at in 0..bytes.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = byte;
                if super::super::outline::check(&damaged).is_ok() {
                    let _ = Own::load(&manifest, &damaged);
                }
            }
        }
    }
}
