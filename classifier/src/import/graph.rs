//! How does a frozen TensorFlow graph, as TensorFlow.js stores it, become ours?
//!
//! Node by node, in the order of the file. The converter of TensorFlow.js has folded BatchNorm and activations already.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::layers::planes_first;
use super::literal::Literal;
use super::onnx::{Kernel, OnnxWriter, Value, Window};
use super::weights::{Weight, Weights};

/// What a node has made.
#[derive(Clone)]
enum Made<'a> {
    Constant(&'a Weight),
    Value(Value),
}

/// What the nodes so far have made, by their names.
type Makings<'a> = HashMap<&'a str, Made<'a>>;

/// Writes the nodes; gives the last value and how many classes it has.
pub(super) fn convert(
    topology: &Literal,
    weights: &Weights,
    writer: &mut OnnxWriter,
) -> Result<(Value, usize), String> {
    let mut made = Makings::new();
    let mut last = Err("the graph has no output".to_owned());
    let mut n_classes = 0;
    for literal in topology.list("node")? {
        let node = Node::read(literal)?;
        let next = match node.op {
            "Const" => Made::Constant(weights.of(node.name)?),
            "Placeholder" => Made::Value(writer.input()),
            "Mul" | "Sub" | "AddV2" => Made::Value(pairwise(&node, &made, writer)?),
            "_FusedConv2D" | "FusedDepthwiseConv2dNative" => Made::Value(convolution(&node, &made, writer)?),
            "AvgPool" => Made::Value({
                let input = node.value(0, &made)?;
                writer.average(input, &node.window(input, node.rows_columns("ksize")?)?)?
            }),
            "Squeeze" => Made::Value(writer.flatten(node.value(0, &made)?)?),
            "_FusedMatMul" if node.fused()? == ["BiasAdd"] => {
                let (weight, bias) = (node.constant(1, &made)?, node.constant(2, &made)?);
                n_classes = bias.values.len();
                Made::Value(writer.dense(node.value(0, &made)?, &weight.shape, &weight.values, &bias.values)?)
            }
            "Softmax" => Made::Value(writer.softmax(node.value(0, &made)?)),
            "Identity" => {
                let value = node.value(0, &made)?.clone();
                last = Ok(value.clone());
                Made::Value(value)
            }
            op => return Err(format!("the node {} is a {op} of a kind that is not known here", node.name)),
        };
        made.insert(node.name, next);
    }
    last.map(|last| (last, n_classes))
}

fn pairwise<'a>(node: &Node<'a>, made: &Makings<'a>, writer: &mut OnnxWriter) -> Result<Value, String> {
    let op = if node.op == "AddV2" { "Add" } else { node.op };
    let mut names = Vec::new();
    let mut value = None;
    for index in 0..2 {
        match node.input(index, made)? {
            Made::Value(input) => {
                names.push(input.name.clone());
                value = value.or(Some(input));
            }
            Made::Constant(weight) if weight.values.len() == 1 => names.push(writer.constant(&[], &weight.values)),
            Made::Constant(_) => return Err(format!("{} takes more than one constant number", node.name)),
        }
    }
    let like = value.ok_or_else(|| format!("{} takes constants only", node.name))?;
    Ok(writer.pairwise(op, [&names[0], &names[1]], like))
}

fn convolution<'a>(node: &Node<'a>, made: &Makings<'a>, writer: &mut OnnxWriter) -> Result<Value, String> {
    let is_depthwise = node.op == "FusedDepthwiseConv2dNative";
    let (input, weight, bias) = (node.value(0, made)?, node.constant(1, made)?, node.constant(2, made)?);
    let sides = weight.sides()?;
    let (shape, values) = planes_first(sides, &weight.values, is_depthwise)?;
    if bias.shape != shape[..1] {
        return Err(format!("{} has a bias of the shape {:?}", node.name, bias.shape));
    }
    let n_groups = if is_depthwise { shape[0] } else { 1 };
    let window = node.window(input, [sides[0], sides[1]])?;
    let kernel = Kernel { shape, values, bias: bias.values.clone(), n_groups };
    let value = writer.conv(input, &kernel, &window)?;
    match node.fused()?.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["BiasAdd"] => Ok(value),
        ["BiasAdd", "Relu6"] => Ok(writer.relu6(&value)),
        fused => Err(format!("{} is fused with {fused:?}, which is not known here", node.name)),
    }
}

struct Node<'a> {
    name: &'a str,
    op: &'a str,
    inputs: Vec<&'a str>,
    literal: &'a Literal,
}

impl<'a> Node<'a> {
    fn read(literal: &'a Literal) -> Result<Node<'a>, String> {
        let inputs = literal.list("input").unwrap_or_default().iter().map(Literal::as_text);
        let inputs = inputs.filter(|name| !matches!(name, Ok(name) if name.starts_with('^')));
        let inputs = inputs.collect::<Result<_, _>>()?;
        Ok(Node { name: literal.text("name")?, op: literal.text("op")?, inputs, literal })
    }

    fn input<'m>(&self, index: usize, made: &'m Makings<'a>) -> Result<&'m Made<'a>, String> {
        let found = self.inputs.get(index).and_then(|name| made.get(name));
        found.ok_or_else(|| format!("{} lacks its input {index}", self.name))
    }

    fn value<'m>(&self, index: usize, made: &'m Makings<'a>) -> Result<&'m Value, String> {
        match self.input(index, made)? {
            Made::Value(value) => Ok(value),
            Made::Constant(_) => Err(format!("the input {index} of {} is a constant", self.name)),
        }
    }

    fn constant(&self, index: usize, made: &Makings<'a>) -> Result<&'a Weight, String> {
        match self.input(index, made)? {
            Made::Constant(weight) => Ok(weight),
            Made::Value(_) => Err(format!("the input {index} of {} is no constant", self.name)),
        }
    }

    /// The middle two of the four numbers at `key`: rows and columns.
    fn rows_columns(&self, key: &str) -> Result<[usize; 2], String> {
        match self.literal.get("attr")?.get(key)?.get("list")?.sizes("i")?.as_slice() {
            &[1, rows, columns, 1] => Ok([rows, columns]),
            other => Err(format!("{key} of {} is {other:?}", self.name)),
        }
    }

    fn fused(&self) -> Result<Vec<String>, String> {
        let names = self.literal.get("attr")?.get("fused_ops")?.get("list")?.list("s")?;
        names.iter().map(|name| decoded(name.as_text()?)).collect()
    }

    fn attribute(&self, key: &str) -> Result<String, String> {
        decoded(self.literal.get("attr")?.get(key)?.text("s")?)
    }

    fn window(&self, input: &Value, kernel: [usize; 2]) -> Result<Window, String> {
        if self.attribute("data_format")? != "NHWC" {
            return Err(format!("{} does not have its channels last", self.name));
        }
        let strides = self.rows_columns("strides")?;
        let padding = match self.attribute("padding")?.as_str() {
            "VALID" => [[0; 2]; 2],
            "SAME" => {
                [Window::same(input.height, kernel[0], strides[0]), Window::same(input.width, kernel[1], strides[1])]
            }
            other => return Err(format!("the padding {other} of {} is not known here", self.name)),
        };
        Ok(Window { kernel, strides, padding })
    }
}

fn decoded(base64: &str) -> Result<String, String> {
    let bytes = BASE64_STANDARD.decode(base64).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "an attribute is not text".to_owned())
}
