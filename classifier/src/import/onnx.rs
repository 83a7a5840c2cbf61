//! How is a convolutional network written as an ONNX file?
//!
//! Only what MobileNet needs, always in the same order with the same names, so that the same weights give the same
//! bytes. Planes first (NCHW), opset 17, one picture of RGB in, one row of scores out.
//!
//! Source: `onnx.proto` in onnx/onnx for the field numbers, the Protocol Buffers encoding guide for the wire format.

/// An ONNX graph in the making.
pub(crate) struct OnnxWriter {
    nodes: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    n_values: usize,
    side: usize,
}

/// A picture inside the network: the name of a value with its rows and columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    pub(crate) name: String,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

/// Rows or columns of zeros before and after.
pub(crate) type Padding = [usize; 2];

/// A convolution or pooling window: `[rows, columns]` of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) kernel: [usize; 2],
    pub(crate) strides: [usize; 2],
    pub(crate) padding: [Padding; 2],
}

/// Weights as ONNX has them: `[out, in, height, width]`.
pub(crate) struct Kernel {
    pub(crate) shape: [usize; 4],
    pub(crate) values: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) n_groups: usize,
}

impl Window {
    /// The zeros that TensorFlow's `SAME` adds to `n` rows or columns.
    ///
    /// Source: `tf.nn` documentation, "Notes on padding".
    pub(crate) fn same(n: usize, kernel: usize, stride: usize) -> Padding {
        let needed = (n.div_ceil(stride.max(1)).max(1) - 1) * stride + kernel;
        let total = needed.saturating_sub(n);
        [total / 2, total - total / 2]
    }

    fn size_out(&self, input: &Value) -> Result<[usize; 2], String> {
        let side = |n: usize, axis: usize| {
            let padded = n + self.padding[axis][0] + self.padding[axis][1];
            let room = padded.checked_sub(self.kernel[axis]).filter(|_| self.strides[axis] > 0);
            room.map(|room| room / self.strides[axis] + 1).ok_or("a window does not fit into its input")
        };
        Ok([side(input.height, 0)?, side(input.width, 1)?])
    }

    fn attributes(&self) -> [Vec<u8>; 3] {
        let [[top, bottom], [left, right]] = self.padding;
        [
            integers("kernel_shape", &self.kernel),
            integers("pads", &[top, left, bottom, right]),
            integers("strides", &self.strides),
        ]
    }
}

impl OnnxWriter {
    /// Begins a graph that takes a picture of `side` by `side` pixels.
    pub(crate) fn new(side: usize) -> OnnxWriter {
        let mut writer = OnnxWriter { nodes: vec![], tensors: vec![], n_values: 0, side };
        writer.tensor("zero", &[], &[0.0]);
        writer.tensor("six", &[], &[6.0]);
        writer
    }

    /// The picture that goes in.
    pub(crate) fn input(&self) -> Value {
        Value { name: "input".to_owned(), height: self.side, width: self.side }
    }

    /// Adds a convolution.
    pub(crate) fn conv(&mut self, input: &Value, kernel: &Kernel, window: &Window) -> Result<Value, String> {
        let [height, width] = window.size_out(input)?;
        let (weight, bias) =
            (self.constant(&kernel.shape, &kernel.values), self.constant(&kernel.shape[..1], &kernel.bias));
        let mut attributes = vec![integer("group", kernel.n_groups)];
        attributes.extend(window.attributes());
        Ok(Value { name: self.node("Conv", &[&input.name, &weight, &bias], &attributes), height, width })
    }

    /// Adds an average over windows.
    pub(crate) fn average(&mut self, input: &Value, window: &Window) -> Result<Value, String> {
        let [height, width] = window.size_out(input)?;
        Ok(Value { name: self.node("AveragePool", &[&input.name], &window.attributes()), height, width })
    }

    /// Cuts values off below 0 and above 6.
    pub(crate) fn relu6(&mut self, input: &Value) -> Value {
        Value { name: self.node("Clip", &[&input.name, "zero", "six"], &[]), ..input.clone() }
    }

    /// Cuts values off below 0.
    pub(crate) fn relu(&mut self, input: &Value) -> Value {
        Value { name: self.node("Relu", &[&input.name], &[]), ..input.clone() }
    }

    /// Adds `Add`, `Mul` or `Sub` of two names, values or constants; the result has the size of `like`.
    pub(crate) fn pairwise(&mut self, op: &str, inputs: [&str; 2], like: &Value) -> Value {
        Value { name: self.node(op, &inputs, &[]), ..like.clone() }
    }

    /// Makes one row of numbers of a picture of one pixel.
    pub(crate) fn flatten(&mut self, input: &Value) -> Result<Value, String> {
        if (input.height, input.width) != (1, 1) {
            return Err("the network flattens more than one pixel".to_owned());
        }
        Ok(Value { name: self.node("Flatten", &[&input.name], &[integer("axis", 1)]), ..input.clone() })
    }

    /// Adds a dense layer; `shape` is `[in, out]`.
    pub(crate) fn dense(
        &mut self,
        input: &Value,
        shape: &[usize],
        values: &[f32],
        bias: &[f32],
    ) -> Result<Value, String> {
        let &[_, n_out] = shape else {
            return Err(format!("a dense layer has a weight of the shape {shape:?}"));
        };
        if bias.len() != n_out {
            return Err(format!("a dense layer with {n_out} outputs has {} biases", bias.len()));
        }
        let (weight, bias) = (self.constant(shape, values), self.constant(&[n_out], bias));
        Ok(Value { name: self.node("Gemm", &[&input.name, &weight, &bias], &[]), ..input.clone() })
    }

    /// Adds a softmax over one row of numbers.
    pub(crate) fn softmax(&mut self, input: &Value) -> Value {
        Value { name: self.node("Softmax", &[&input.name], &[integer("axis", 1)]), ..input.clone() }
    }

    /// Adds numbers, and gives the name under which nodes can take them.
    pub(crate) fn constant(&mut self, shape: &[usize], values: &[f32]) -> String {
        let name = format!("w{}", self.tensors.len());
        self.tensor(&name, shape, values);
        name
    }

    /// Ends the graph: `last` comes out as `probs`, a row of `n_classes` numbers.
    pub(crate) fn finish(mut self, last: &Value, n_classes: usize) -> Vec<u8> {
        let mut node = Vec::new();
        text(&mut node, 1, &last.name);
        text(&mut node, 2, "probs");
        text(&mut node, 4, "Identity");
        self.nodes.push(node);
        let mut graph = Vec::new();
        self.nodes.iter().for_each(|node| bytes(&mut graph, 1, node));
        text(&mut graph, 2, "nsfwjs");
        self.tensors.iter().for_each(|tensor| bytes(&mut graph, 5, tensor));
        bytes(&mut graph, 11, &value_info("input", &[1, 3, self.side, self.side]));
        bytes(&mut graph, 12, &value_info("probs", &[1, n_classes]));
        let mut opset = Vec::new();
        text(&mut opset, 1, "");
        number(&mut opset, 2, 17);
        let mut model = Vec::new();
        number(&mut model, 1, 8);
        text(&mut model, 2, "streamward");
        bytes(&mut model, 7, &graph);
        bytes(&mut model, 8, &opset);
        model
    }

    fn node(&mut self, op: &str, inputs: &[&str], attributes: &[Vec<u8>]) -> String {
        let output = format!("v{}", self.n_values);
        self.n_values += 1;
        let mut node = Vec::new();
        inputs.iter().for_each(|input| text(&mut node, 1, input));
        text(&mut node, 2, &output);
        text(&mut node, 3, &output);
        text(&mut node, 4, op);
        attributes.iter().for_each(|attribute| bytes(&mut node, 5, attribute));
        self.nodes.push(node);
        output
    }

    fn tensor(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let mut tensor = Vec::new();
        shape.iter().for_each(|&side| number(&mut tensor, 1, side as u64));
        number(&mut tensor, 2, FLOAT);
        text(&mut tensor, 8, name);
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        bytes(&mut tensor, 9, &raw);
        self.tensors.push(tensor);
    }
}

/// `TensorProto.DataType.FLOAT`.
const FLOAT: u64 = 1;

fn value_info(name: &str, shape: &[usize]) -> Vec<u8> {
    let mut sides = Vec::new();
    for &side in shape {
        let mut dimension = Vec::new();
        number(&mut dimension, 1, side as u64);
        bytes(&mut sides, 1, &dimension);
    }
    let mut tensor = Vec::new();
    number(&mut tensor, 1, FLOAT);
    bytes(&mut tensor, 2, &sides);
    let mut kind = Vec::new();
    bytes(&mut kind, 1, &tensor);
    let mut info = Vec::new();
    text(&mut info, 1, name);
    bytes(&mut info, 2, &kind);
    info
}

/// An attribute with one whole number; 2 is `AttributeProto.INT`.
fn integer(name: &str, value: usize) -> Vec<u8> {
    let mut attribute = Vec::new();
    text(&mut attribute, 1, name);
    number(&mut attribute, 3, value as u64);
    number(&mut attribute, 20, 2);
    attribute
}

/// An attribute with several whole numbers; 7 is `AttributeProto.INTS`.
fn integers(name: &str, values: &[usize]) -> Vec<u8> {
    let mut attribute = Vec::new();
    text(&mut attribute, 1, name);
    values.iter().for_each(|&value| number(&mut attribute, 8, value as u64));
    number(&mut attribute, 20, 7);
    attribute
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn text(out: &mut Vec<u8>, field: u64, value: &str) {
    bytes(out, field, value.as_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflows() {
        // 224 by a 3-wide kernel at stride 2: one zero after, none before.
        for (n, kernel, stride, expected) in
            [(224, 3, 2, [0, 1]), (112, 3, 1, [1, 1]), (7, 1, 1, [0, 0]), (5, 3, 2, [1, 1])]
        {
            assert_eq!(Window::same(n, kernel, stride), expected, "{n} {kernel} {stride}");
        }
    }

    #[test]
    fn a_window_that_does_not_fit_is_refused() {
        let window = Window { kernel: [9, 9], strides: [1, 1], padding: [[0; 2]; 2] };
        assert!(OnnxWriter::new(8).average(&OnnxWriter::new(8).input(), &window).is_err());
        let window = Window { kernel: [1, 1], strides: [0, 1], padding: [[0; 2]; 2] };
        assert!(OnnxWriter::new(8).average(&OnnxWriter::new(8).input(), &window).is_err());
    }

    #[test]
    fn long_numbers_take_several_bytes() {
        let mut out = Vec::new();
        varint(&mut out, 300);
        assert_eq!(out, [0xac, 0x02]);
    }
}
