//! Which steps make what this graph makes?
//!
//! Node by node. An activation after a convolution, and the addition of a shortcut, become part of its step where
//! nothing else takes what lies between. Values that are no longer needed give their memory to later ones.

use std::collections::HashMap;

use super::graph::{Graph, Node, Tensor};
use super::lanes::Kind;
use super::{depthwise, product};

/// Pixels whose patches are gathered at a time.
pub(super) const PATCHES: usize = 96;

/// A model has at most this many numbers in one value; a bound for broken files.
const NUMBERS_MAX: usize = 1 << 26;

/// What is run for one picture.
pub(super) struct Plan {
    pub(super) kind: Kind,
    pub(super) steps: Vec<Step>,
    pub(super) input: Value,
    pub(super) output: Value,
    /// How many numbers each piece of memory has.
    pub(super) slots: Vec<usize>,
}

/// A picture inside the network; a row of numbers is a picture of one pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) slot: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    /// Numbers from one pixel to the next; those beyond `channels` are 0.
    pub(super) pitch: usize,
}

impl Value {
    pub(super) fn n_numbers(&self) -> usize {
        self.height * self.width * self.pitch
    }
}

/// One step. `to` is never a value that the step reads.
pub(super) enum Step {
    /// Each pixel times a matrix: a convolution of 1×1, or a dense layer.
    Product { from: Value, to: Value, weights: product::Weights, shortcut: Option<Value> },
    /// The same with the pixels around it.
    Patches { from: Value, to: Value, weights: product::Weights, window: Window },
    /// Each channel with its neighbours.
    Depthwise { from: Value, to: Value, weights: depthwise::Weights, window: Window },
    /// The mean of all pixels.
    Average { from: Value, to: Value },
    /// Each number by itself.
    Each { from: Value, to: Value, scale: f32, offset: f32, low: f32, high: f32 },
    /// Two pictures.
    Add { from: Value, and: Value, to: Value },
    /// Shares of one.
    Softmax { from: Value, to: Value },
}

impl Step {
    pub(super) fn output(&self) -> &Value {
        match self {
            Step::Product { to, .. } | Step::Patches { to, .. } | Step::Depthwise { to, .. } => to,
            Step::Average { to, .. } | Step::Each { to, .. } | Step::Add { to, .. } | Step::Softmax { to, .. } => to,
        }
    }

    /// What cuts its numbers off, where it has such.
    fn limits(&mut self) -> Option<(&mut f32, &mut f32)> {
        match self {
            Step::Product { weights, .. } | Step::Patches { weights, .. } => {
                Some((&mut weights.low, &mut weights.high))
            }
            Step::Depthwise { weights, .. } => Some((&mut weights.low, &mut weights.high)),
            Step::Each { low, high, .. } => Some((low, high)),
            Step::Average { .. } | Step::Add { .. } | Step::Softmax { .. } => None,
        }
    }
}

/// A convolution's window: `[rows, columns]` of each, padding as `[before, after]`.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) kernel: [usize; 2],
    pub(super) strides: [usize; 2],
    pub(super) padding: [[usize; 2]; 2],
}

impl Window {
    fn read(node: &Node, kernel: [usize; 2]) -> Result<Window, String> {
        let numbers = |name: &str, otherwise: &[i64]| -> Result<Vec<usize>, String> {
            let values = node.attributes.get(name).map_or(otherwise, Vec::as_slice);
            values.iter().map(|&value| usize::try_from(value).map_err(|_| format!("{name} is {value}"))).collect()
        };
        let (strides, pads) = (numbers("strides", &[1, 1])?, numbers("pads", &[0, 0, 0, 0])?);
        let (&[down, across], &[top, left, bottom, right]) = (strides.as_slice(), pads.as_slice()) else {
            return Err("a window is not for rows and columns".to_owned());
        };
        if numbers("dilations", &[1, 1])? != [1, 1] || node.attributes.contains_key("auto_pad") {
            return Err("a window is spread or padded in a way that is not known here".to_owned());
        }
        let window = Window { kernel, strides: [down, across], padding: [[top, bottom], [left, right]] };
        let is_sound = |axis: usize| {
            (1..=16).contains(&window.strides[axis])
                && (1..=16).contains(&kernel[axis])
                && window.padding[axis].iter().all(|&pad| pad < kernel[axis])
        };
        if is_sound(0) && is_sound(1) {
            Ok(window)
        } else {
            Err("a window has sides that are not known here".to_owned())
        }
    }

    fn size_out(&self, from: &Value) -> Result<[usize; 2], String> {
        let side = |axis: usize, n: usize| {
            let room = (n + self.padding[axis][0] + self.padding[axis][1]).checked_sub(self.kernel[axis]);
            room.map(|room| room / self.strides[axis] + 1).ok_or("a window does not fit into its input")
        };
        Ok([side(0, from.height)?, side(1, from.width)?])
    }

    /// Which taps of the window at `place` of the result lie inside an input of `n`.
    #[inline(always)]
    pub(super) fn inside(&self, axis: usize, place: usize, n: usize) -> std::ops::Range<usize> {
        let (start, before) = (place * self.strides[axis], self.padding[axis][0]);
        let first = before.saturating_sub(start);
        first..(n + before).saturating_sub(start).min(self.kernel[axis]).max(first)
    }

    pub(super) fn patch_length(&self, from: &Value) -> usize {
        self.kernel[0] * self.kernel[1] * from.channels
    }

    /// Copies what lies under the window at each of `places`, pixel by pixel; zeros outside.
    pub(super) fn gather(
        &self,
        from: &Value,
        to: &Value,
        pixels: &[f32],
        places: std::ops::Range<usize>,
        patches: &mut [f32],
    ) {
        let length = self.patch_length(from);
        for (place, patch) in places.zip(patches.chunks_exact_mut(length)) {
            let (y, x) = (place / to.width, place % to.width);
            let (ys, xs) = (self.inside(0, y, from.height), self.inside(1, x, from.width));
            patch.fill(0.0);
            for row in ys {
                for column in xs.clone() {
                    let (down, across) = (
                        y * self.strides[0] + row - self.padding[0][0],
                        x * self.strides[1] + column - self.padding[1][0],
                    );
                    let source = &pixels[(down * from.width + across) * from.pitch..][..from.channels];
                    patch[(row * self.kernel[1] + column) * from.channels..][..from.channels].copy_from_slice(source);
                }
            }
        }
    }
}

impl Plan {
    /// Makes steps of every node.
    ///
    /// # Errors
    /// Which node is not known here.
    pub(super) fn make(graph: &Graph, kind: Kind) -> Result<Plan, String> {
        Maker::new(graph, kind)?.make()
    }

    /// The sides of the tensor that comes in, batch first.
    pub(super) fn input_sides(&self) -> [usize; 4] {
        [1, self.input.channels, self.input.height, self.input.width]
    }
}

struct Maker<'a> {
    graph: &'a Graph<'a>,
    kind: Kind,
    steps: Vec<Step>,
    values: HashMap<&'a str, Value>,
    /// How often each name is still to be taken.
    uses: HashMap<&'a str, usize>,
    slots: Vec<usize>,
    free: Vec<usize>,
}

impl<'a> Maker<'a> {
    fn new(graph: &'a Graph<'a>, kind: Kind) -> Result<Maker<'a>, String> {
        let mut uses = HashMap::new();
        for name in graph.nodes.iter().flat_map(|node| &node.inputs).chain(graph.output.iter()) {
            *uses.entry(*name).or_default() += 1;
        }
        let (steps, values, slots, free) = (Vec::new(), HashMap::new(), Vec::new(), Vec::new());
        Ok(Maker { graph, kind, steps, values, uses, slots, free })
    }

    fn make(mut self) -> Result<Plan, String> {
        let graph = self.graph;
        let Some((name, &[1, channels, height, width])) =
            graph.input.as_ref().map(|(name, sides)| (*name, sides.as_slice()))
        else {
            return Err("the graph does not take one picture of a fixed size".to_owned());
        };
        let input = self.value([height, width], channels, channels)?;
        self.values.insert(name, input);
        for node in &graph.nodes {
            self.node(node).map_err(|reason| format!("the node {}: {reason}", node.outputs.join(", ")))?;
        }
        let output = *graph.output.and_then(|name| self.values.get(name)).ok_or("the graph has no output")?;
        if (output.height, output.width) != (1, 1) {
            return Err("the graph does not give a row of numbers".to_owned());
        }
        Ok(Plan { kind: self.kind, steps: self.steps, input, output, slots: self.slots })
    }

    fn node(&mut self, node: &Node<'a>) -> Result<(), String> {
        let &[name] = node.outputs.as_slice() else { return Err("it has several outputs".to_owned()) };
        let value = match node.op {
            "Conv" => self.convolution(node)?,
            "Gemm" => self.dense(node)?,
            "Clip" | "Relu" => self.activation(node)?,
            "Add" | "Mul" | "Sub" => self.pairwise(node)?,
            "AveragePool" | "GlobalAveragePool" => self.average(node)?,
            "Softmax" => {
                let from = self.taken(node, 0)?;
                if (from.height, from.width) != (1, 1) {
                    return Err("it goes over more than one row of numbers".to_owned());
                }
                let to = self.like(&from)?;
                self.steps.push(Step::Softmax { from, to });
                to
            }
            "Flatten" | "Identity" => {
                let from = self.taken(node, 0)?;
                if node.op == "Flatten" && (from.height, from.width) != (1, 1) {
                    return Err("it flattens more than one pixel".to_owned());
                }
                from
            }
            op => return Err(format!("{op} is not known here")),
        };
        self.values.insert(name, value);
        self.forget(node);
        Ok(())
    }

    fn convolution(&mut self, node: &Node<'a>) -> Result<Value, String> {
        let (from, weight) = (self.taken(node, 0)?, self.tensor(node, 1)?);
        let &[n_out, n_in, rows, columns] = weight.shape.as_slice() else {
            return Err("its weights have other sides than four".to_owned());
        };
        let bias = match node.inputs.get(2) {
            Some(_) => self.tensor(node, 2)?.values.clone(),
            None => vec![0.0; n_out],
        };
        let n_groups = node.attributes.get("group").and_then(|group| group.first()).copied().unwrap_or(1);
        let window = Window::read(node, [rows, columns])?;
        let [height, width] = window.size_out(&from)?;
        if bias.len() != n_out || n_out == 0 {
            return Err("its bias is not as long as its output".to_owned());
        }
        let at = |out: usize, channel: usize, tap: usize| weight.values[(out * n_in + channel) * rows * columns + tap];
        let is_depthwise = n_groups == from.channels as i64 && n_in == 1 && n_out == from.channels;
        if is_depthwise && n_groups > 1 && from.pitch == self.pitch(n_out) {
            let pitch = from.pitch;
            let tap = |tap: usize, channel: usize| if channel < n_out { at(channel, 0, tap) } else { 0.0 };
            let taps = (0..rows * columns).flat_map(|t| (0..pitch).map(move |channel| (t, channel)));
            let taps = taps.map(|(t, channel)| tap(t, channel)).collect();
            let mut bias = bias;
            bias.resize(pitch, 0.0);
            let weights = depthwise::Weights { taps, bias, low: f32::NEG_INFINITY, high: f32::INFINITY };
            let to = self.value([height, width], n_out, pitch)?;
            self.steps.push(Step::Depthwise { from, to, weights, window });
            return Ok(to);
        }
        if n_groups != 1 || n_in != from.channels {
            return Err("it has groups of a kind that is not known here".to_owned());
        }
        let pitch = self.pitch(n_out);
        let to = self.value([height, width], n_out, pitch)?;
        let is_point = [rows, columns, window.strides[0], window.strides[1]] == [1; 4];
        if is_point {
            let weight = |k: usize, out: usize| if k < n_in { at(out, k, 0) } else { 0.0 };
            let weights = product::Weights::pack((from.pitch, n_out, pitch), self.kind.n_lanes(), &bias, weight);
            self.steps.push(Step::Product { from, to, weights, shortcut: None });
        } else {
            let weight = |k: usize, out: usize| at(out, k % n_in, k / n_in);
            let depth = window.patch_length(&from);
            let weights = product::Weights::pack((depth, n_out, pitch), self.kind.n_lanes(), &bias, weight);
            self.steps.push(Step::Patches { from, to, weights, window });
        }
        Ok(to)
    }

    fn dense(&mut self, node: &Node<'a>) -> Result<Value, String> {
        let (from, weight, bias) = (self.taken(node, 0)?, self.tensor(node, 1)?, self.tensor(node, 2)?);
        let &[n_in, n_out] = weight.shape.as_slice() else { return Err("its weights are no matrix".to_owned()) };
        if !node.attributes.is_empty() || bias.values.len() != n_out || n_in != from.channels || n_out == 0 {
            return Err("it is of a kind that is not known here".to_owned());
        }
        let pitch = self.pitch(n_out);
        let weight = |k: usize, out: usize| if k < n_in { weight.values[k * n_out + out] } else { 0.0 };
        let weights = product::Weights::pack((from.pitch, n_out, pitch), self.kind.n_lanes(), &bias.values, weight);
        let to = self.value([1, 1], n_out, pitch)?;
        self.steps.push(Step::Product { from, to, weights, shortcut: None });
        Ok(to)
    }

    fn activation(&mut self, node: &Node<'a>) -> Result<Value, String> {
        let bound = |index: usize, otherwise: f32| -> Result<f32, String> {
            let Some(name) = node.inputs.get(index).filter(|name| !name.is_empty()) else { return Ok(otherwise) };
            let tensor = self.graph.tensors.get(name).filter(|tensor| tensor.values.len() == 1);
            tensor.map(|tensor| tensor.values[0]).ok_or_else(|| "its bounds are no numbers".to_owned())
        };
        let (low, high) = match node.op {
            "Relu" => (0.0, f32::INFINITY),
            _ => (bound(1, f32::NEG_INFINITY)?, bound(2, f32::INFINITY)?),
        };
        if !(low <= 0.0 && high >= 0.0) {
            return Err("its bounds leave out 0".to_owned());
        }
        let from = self.taken(node, 0)?;
        let is_last = self.is_taken_here_alone(node, 0);
        if let Some(last) = self.steps.last_mut().filter(|last| is_last && last.output() == &from)
            && let Some((last_low, last_high)) = last.limits().filter(|(low, high)| (**low, **high) == UNLIMITED)
        {
            (*last_low, *last_high) = (low, high);
            return Ok(from);
        }
        let to = self.like(&from)?;
        self.steps.push(Step::Each { from, to, scale: 1.0, offset: 0.0, low, high });
        Ok(to)
    }

    fn pairwise(&mut self, node: &Node<'a>) -> Result<Value, String> {
        let number = |index: usize| {
            let tensor = node.inputs.get(index).and_then(|name| self.graph.tensors.get(name));
            tensor.filter(|tensor| tensor.values.len() == 1).map(|tensor| tensor.values[0])
        };
        let (low, high) = UNLIMITED;
        match (node.op, number(0), number(1)) {
            ("Add", None, None) => self.sum(node),
            (op, first, second) if first.is_some() != second.is_some() => {
                let from = self.taken(node, usize::from(first.is_some()))?;
                if from.pitch != from.channels {
                    return Err("it would change numbers that must stay 0".to_owned());
                }
                let value = first.or(second).unwrap_or_default();
                let (scale, offset) = match op {
                    "Add" => (1.0, value),
                    "Mul" => (value, 0.0),
                    _ if second.is_some() => (1.0, -value),
                    _ => (-1.0, value),
                };
                let to = self.like(&from)?;
                self.steps.push(Step::Each { from, to, scale, offset, low, high });
                Ok(to)
            }
            _ => Err("it joins what is not known here".to_owned()),
        }
    }

    /// Adds two pictures, in the step that makes the second where that is still open.
    fn sum(&mut self, node: &Node<'a>) -> Result<Value, String> {
        let (first, second) = (self.taken(node, 0)?, self.taken(node, 1)?);
        let shape = |value: &Value| (value.height, value.width, value.channels, value.pitch);
        if shape(&first) != shape(&second) {
            return Err("its pictures differ in size".to_owned());
        }
        for (index, made, other) in [(0, first, second), (1, second, first)] {
            let is_last = self.is_taken_here_alone(node, index) && made != other;
            if let Some(Step::Product { to, weights, shortcut: shortcut @ None, .. }) = self.steps.last_mut()
                && *to == made
                && is_last
                && (weights.low, weights.high) == UNLIMITED
            {
                *shortcut = Some(other);
                return Ok(made);
            }
        }
        let to = self.like(&first)?;
        self.steps.push(Step::Add { from: first, and: second, to });
        Ok(to)
    }

    fn average(&mut self, node: &Node<'a>) -> Result<Value, String> {
        let from = self.taken(node, 0)?;
        if node.op == "AveragePool" {
            let kernel = node.attributes.get("kernel_shape").ok_or("it has no window")?;
            let is_whole = kernel == &[from.height as i64, from.width as i64];
            let is_plain = node.attributes.get("pads").is_none_or(|pads| pads.iter().all(|pad| *pad == 0));
            if !is_whole || !is_plain || node.attributes.contains_key("ceil_mode") {
                return Err("it does not go over the whole picture".to_owned());
            }
        }
        let to = self.value([1, 1], from.channels, from.pitch)?;
        self.steps.push(Step::Average { from, to });
        Ok(to)
    }

    fn taken(&self, node: &Node<'a>, index: usize) -> Result<Value, String> {
        let value = node.inputs.get(index).and_then(|name| self.values.get(name));
        value.copied().ok_or_else(|| format!("its input {index} is no picture"))
    }

    /// Whether nothing else takes this input, under any name.
    fn is_taken_here_alone(&self, node: &Node<'a>, index: usize) -> bool {
        let name = node.inputs[index];
        let slot = self.values.get(name).map(|value| value.slot);
        self.uses.get(name) == Some(&1) && self.values.values().filter(|other| Some(other.slot) == slot).count() == 1
    }

    fn tensor(&self, node: &Node<'a>, index: usize) -> Result<&'a Tensor, String> {
        let tensor = node.inputs.get(index).and_then(|name| self.graph.tensors.get(name));
        tensor.ok_or_else(|| format!("its input {index} is no tensor"))
    }

    /// How far pixels of so many channels lie apart.
    fn pitch(&self, channels: usize) -> usize {
        channels.next_multiple_of(self.kind.n_lanes())
    }

    fn like(&mut self, other: &Value) -> Result<Value, String> {
        self.value([other.height, other.width], other.channels, other.pitch)
    }

    /// Memory for a picture: the free piece that fits it best, or a new one.
    fn value(&mut self, [height, width]: [usize; 2], channels: usize, pitch: usize) -> Result<Value, String> {
        let n = height.checked_mul(width).and_then(|n| n.checked_mul(pitch)).filter(|n| (1..=NUMBERS_MAX).contains(n));
        let n = n.ok_or("a picture is empty or too large")?;
        let best = (0..self.free.len()).min_by_key(|&at| {
            let has = self.slots[self.free[at]];
            (has < n, has.abs_diff(n))
        });
        let slot = best.map(|at| self.free.swap_remove(at)).unwrap_or_else(|| {
            self.slots.push(0);
            self.slots.len() - 1
        });
        self.slots[slot] = self.slots[slot].max(n);
        Ok(Value { slot, height, width, channels, pitch })
    }

    /// Frees what no later node takes.
    fn forget(&mut self, node: &Node<'a>) {
        for name in &node.inputs {
            let Some(uses) = self.uses.get_mut(name) else { continue };
            *uses -= 1;
            if *uses > 0 {
                continue;
            }
            // A name may stand for the same memory as another one that is still needed.
            if let Some(value) = self.values.remove(name)
                && self.values.values().all(|other| other.slot != value.slot)
            {
                self.free.push(value.slot);
            }
        }
    }
}

const UNLIMITED: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_outside_are_left_out() {
        let window = Window { kernel: [3, 3], strides: [2, 1], padding: [[0, 1], [1, 1]] };
        assert_eq!(window.inside(0, 0, 4), 0..3);
        assert_eq!(window.inside(0, 1, 4), 0..2);
        assert_eq!(window.inside(1, 0, 4), 1..3);
        assert_eq!(window.inside(1, 3, 4), 0..2);
    }
}
