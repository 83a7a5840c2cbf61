//! How does a Keras model, as TensorFlow.js stores it, become a graph?
//!
//! Layer by layer, in the order of the file, which is one in which everything is known before it is used. BatchNorm
//! after a convolution is folded into it: `w · γ / √(σ² + ε)` and `(b − μ) · γ / √(σ² + ε) + β`, in f64.

use std::collections::HashMap;

use super::literal::Literal;
use super::onnx::{Kernel, OnnxWriter, Padding, Value, Window};
use super::weights::Weights;

/// What a layer has made: a value, and zeros around it that the next convolution adds.
#[derive(Clone)]
struct Made {
    value: Value,
    padding: Option<[Padding; 2]>,
    /// The BatchNorm layer that is already folded in.
    folded: Option<String>,
}

/// Writes the layers; gives the last value and how many classes it has.
pub(super) fn convert(
    topology: &Literal,
    weights: &Weights,
    writer: &mut OnnxWriter,
) -> Result<(Value, usize), String> {
    let layers = topology.get("model_config")?.get("config")?.list("layers")?;
    let mut made: HashMap<&str, Made> = HashMap::new();
    let mut last = Err("the model has no dense layer at its end".to_owned());
    for layer in layers {
        let (name, config) = (layer.text("name")?, layer.get("config")?);
        let inputs = inputs(layer)?
            .into_iter()
            .map(|input| made.get(input).cloned().ok_or_else(|| format!("{name} comes before its input {input}")));
        let inputs = inputs.collect::<Result<Vec<Made>, String>>()?;
        let input = |index: usize| inputs.get(index).ok_or_else(|| format!("{name} lacks an input"));
        let plain = |value: Value| Made { value, padding: None, folded: None };
        let next = match layer.text("class_name")? {
            "InputLayer" => plain(writer.input()),
            "ZeroPadding2D" => Made { padding: Some(padding(config)?), ..input(0)?.clone() },
            kind @ ("Conv2D" | "DepthwiseConv2D") => {
                let folded = batch_norm_after(layers, name)?;
                let norm = folded.map(|layer| Norm::read(layer, weights)).transpose()?;
                let kernel = kernel(kind, name, config, weights, norm)?;
                let from = input(0)?;
                let window = window(config, "kernel_size", from)?;
                let folded = folded.map(|layer| layer.text("name").map(str::to_owned)).transpose()?;
                Made { value: writer.conv(&from.value, &kernel, &window)?, padding: None, folded }
            }
            "BatchNormalization" => {
                if input(0)?.folded.as_deref() != Some(name) {
                    return Err(format!("{name} does not follow a convolution of its own"));
                }
                plain(input(0)?.value.clone())
            }
            "ReLU" if config.number("max_value") == Ok(6.0) => plain(writer.relu6(&input(0)?.value)),
            "Add" => {
                let (first, second) = (&input(0)?.value, &input(1)?.value);
                plain(writer.pairwise("Add", [&first.name, &second.name], first))
            }
            "AveragePooling2D" => {
                let window = window(config, "pool_size", input(0)?)?;
                plain(writer.average(&input(0)?.value, &window)?)
            }
            "Flatten" => plain(writer.flatten(&input(0)?.value)?),
            "Dropout" => input(0)?.clone(),
            "Dense" => {
                let weight = weights.of(&format!("{name}/kernel"))?;
                let bias = &weights.of(&format!("{name}/bias"))?.values;
                let value = writer.dense(&input(0)?.value, &weight.shape, &weight.values, bias)?;
                let value = match config.text("activation")? {
                    "linear" => value,
                    "relu" => writer.relu(&value),
                    "softmax" => writer.softmax(&value),
                    other => return Err(format!("{name} has the activation {other}, which is not known here")),
                };
                last = Ok((value.clone(), bias.len()));
                plain(value)
            }
            kind => return Err(format!("the layer {name} is a {kind} of a kind that is not known here")),
        };
        if next.padding.is_none() && inputs.iter().any(|made| made.padding.is_some()) && !is_convolution(layer) {
            return Err(format!("{name} takes a padded picture and is no convolution"));
        }
        made.insert(name, next);
    }
    last
}

fn is_convolution(layer: &Literal) -> bool {
    matches!(layer.text("class_name"), Ok("Conv2D" | "DepthwiseConv2D"))
}

/// The names of the layers that this one takes its input from.
fn inputs(layer: &Literal) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    for node in layer.list("inbound_nodes")? {
        for input in node.items()? {
            names.push(input.items()?.first().ok_or("a layer has an input without a name")?.as_text()?);
        }
    }
    Ok(names)
}

/// The BatchNorm layer that alone takes what `name` makes.
fn batch_norm_after<'a>(layers: &'a [Literal], name: &str) -> Result<Option<&'a Literal>, String> {
    let mut after = Vec::new();
    for layer in layers {
        if inputs(layer)?.contains(&name) {
            after.push(layer);
        }
    }
    match after.as_slice() {
        [only] if only.text("class_name")? == "BatchNormalization" => Ok(Some(only)),
        _ => Ok(None),
    }
}

/// What BatchNorm multiplies each channel by, and what it subtracts before and adds after.
struct Norm<'a> {
    name: &'a str,
    epsilon: f64,
    weights: &'a Weights,
}

impl<'a> Norm<'a> {
    fn read(layer: &'a Literal, weights: &'a Weights) -> Result<Norm<'a>, String> {
        Ok(Norm { name: layer.text("name")?, epsilon: layer.get("config")?.number("epsilon")?, weights })
    }

    /// Folds into the weights `values` of `n_out` channels, `n_each` numbers for each, and their `bias`.
    fn fold(&self, values: &mut [f64], bias: &mut [f64]) -> Result<(), String> {
        let n_out = bias.len();
        let list = |kind: &str| self.weights.list(&format!("{}/{kind}", self.name), n_out);
        let gamma = self.weights.list_or(&format!("{}/gamma", self.name), n_out, 1.0)?;
        let (beta, mean, variance) = (list("beta")?, list("moving_mean")?, list("moving_variance")?);
        let n_each = values.len() / n_out.max(1);
        for (channel, values) in values.chunks_mut(n_each.max(1)).enumerate() {
            let scale = gamma[channel] / (variance[channel] + self.epsilon).sqrt();
            values.iter_mut().for_each(|value| *value *= scale);
            bias[channel] = (bias[channel] - mean[channel]) * scale + beta[channel];
        }
        Ok(())
    }
}

fn kernel(kind: &str, name: &str, config: &Literal, weights: &Weights, norm: Option<Norm>) -> Result<Kernel, String> {
    let is_depthwise = kind == "DepthwiseConv2D";
    let weight = weights.of(&format!("{name}/{}", if is_depthwise { "depthwise_kernel" } else { "kernel" }))?;
    let sides = weight.sides()?;
    let (shape, values) = planes_first(sides, &weight.values, is_depthwise)?;
    let mut values: Vec<f64> = values.into_iter().map(f64::from).collect();
    let mut bias = match config.get("use_bias")? {
        Literal::Bool(true) => weights.list(&format!("{name}/bias"), shape[0])?,
        _ => vec![0.0; shape[0]],
    };
    if let Some(norm) = norm {
        norm.fold(&mut values, &mut bias)?;
    }
    if config.text("activation")? != "linear" {
        return Err(format!("{name} has an activation of its own"));
    }
    let n_groups = if is_depthwise { shape[0] } else { 1 };
    let round = |list: Vec<f64>| list.into_iter().map(|value| value as f32).collect();
    Ok(Kernel { shape, values: round(values), bias: round(bias), n_groups })
}

/// Turns `[height, width, in, out]` into `[out, in, height, width]`; depthwise `[height, width, channels, 1]` into
/// `[channels, 1, height, width]`.
pub(super) fn planes_first(
    [height, width, n_in, n_out]: [usize; 4],
    values: &[f32],
    is_depthwise: bool,
) -> Result<([usize; 4], Vec<f32>), String> {
    if is_depthwise && n_out != 1 {
        return Err(format!("a depthwise convolution has {n_out} outputs for each channel and may have 1"));
    }
    let n_each = n_in * n_out;
    let channels = if is_depthwise { n_in } else { n_out };
    let others = if is_depthwise { 1 } else { n_in };
    let mut out = Vec::with_capacity(values.len());
    for channel in 0..channels {
        for other in 0..others {
            let at = if is_depthwise { channel } else { other * n_out + channel };
            (0..height * width).for_each(|place| out.push(values[place * n_each + at]));
        }
    }
    Ok(([channels, others, height, width], out))
}

fn pair(list: &[usize]) -> Result<[usize; 2], String> {
    list.try_into().map_err(|_| format!("{list:?} is not rows and columns"))
}

fn padding(config: &Literal) -> Result<[Padding; 2], String> {
    let sides = config.list("padding")?.iter().map(|side| {
        let sides = side.items()?.iter().map(Literal::size).collect::<Result<Vec<_>, _>>()?;
        pair(&sides)
    });
    let sides = sides.collect::<Result<Vec<_>, String>>()?;
    sides.try_into().map_err(|_| "padding is not for rows and columns".to_owned())
}

fn window(config: &Literal, size_key: &str, input: &Made) -> Result<Window, String> {
    let (kernel, strides) = (pair(&config.sizes(size_key)?)?, pair(&config.sizes("strides")?)?);
    let padding = match (config.text("padding")?, input.padding) {
        ("valid", around) => around.unwrap_or_default(),
        ("same", None) => [
            Window::same(input.value.height, kernel[0], strides[0]),
            Window::same(input.value.width, kernel[1], strides[1]),
        ],
        (other, _) => return Err(format!("the padding {other} is not known here")),
    };
    Ok(Window { kernel, strides, padding })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_turned_planes_first() {
        // [1, 2, 2, 3]: place 0 is 0..6 (in 0: 0 1 2, in 1: 3 4 5), place 1 is 6..12.
        let values: Vec<f32> = (0..12u8).map(f32::from).collect();
        let (shape, turned) = planes_first([1, 2, 2, 3], &values, false).unwrap();
        assert_eq!(shape, [3, 2, 1, 2]);
        assert_eq!(turned, [0.0, 6.0, 3.0, 9.0, 1.0, 7.0, 4.0, 10.0, 2.0, 8.0, 5.0, 11.0]);
        let (shape, turned) = planes_first([1, 2, 6, 1], &values, true).unwrap();
        assert_eq!(shape, [6, 1, 1, 2]);
        assert_eq!(turned[..4], [0.0, 6.0, 1.0, 7.0]);
        assert!(planes_first([1, 2, 2, 3], &values, true).is_err());
    }
}
