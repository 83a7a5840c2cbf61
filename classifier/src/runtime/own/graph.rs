//! What stands in an ONNX file?
//!
//! Nodes, and tensors of f32; everything else is passed over. `outline` has walked the file before, so every length is
//! sound; numbers are checked here.
//!
//! Source: `onnx.proto` in onnx/onnx for the field numbers, the Protocol Buffers encoding guide for the wire format.

use std::collections::HashMap;

/// A graph, borrowed from the file where it can be.
#[derive(Default)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) tensors: HashMap<&'a str, Tensor>,
    pub(super) input: Option<(&'a str, Vec<usize>)>,
    pub(super) output: Option<&'a str>,
}

/// A node with its attributes of whole numbers.
#[derive(Default)]
pub(super) struct Node<'a> {
    pub(super) op: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) attributes: HashMap<&'a str, Vec<i64>>,
}

/// Numbers with their shape, the last index fastest.
#[derive(Default)]
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// One field of a message.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Graph<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Graph<'a>, String> {
        let mut graph = Graph::default();
        for (number, field) in fields(bytes)? {
            if let (7, Field::Bytes(bytes)) = (number, field) {
                graph.add(bytes)?;
            }
        }
        Ok(graph)
    }

    fn add(&mut self, bytes: &'a [u8]) -> Result<(), String> {
        for (number, field) in fields(bytes)? {
            let Field::Bytes(bytes) = field else { continue };
            match number {
                1 => self.nodes.push(Node::read(bytes)?),
                5 => {
                    let (name, tensor) = Tensor::read(bytes)?;
                    self.tensors.insert(name, tensor);
                }
                11 if self.input.is_none() => self.input = Some(value_info(bytes)?),
                12 if self.output.is_none() => self.output = Some(value_info(bytes)?.0),
                _ => (),
            }
        }
        Ok(())
    }
}

impl<'a> Node<'a> {
    fn read(bytes: &'a [u8]) -> Result<Node<'a>, String> {
        let mut node = Node::default();
        for (number, field) in fields(bytes)? {
            let Field::Bytes(bytes) = field else { continue };
            match number {
                1 => node.inputs.push(text(bytes)?),
                2 => node.outputs.push(text(bytes)?),
                4 => node.op = text(bytes)?,
                5 => {
                    let (name, values) = attribute(bytes)?;
                    node.attributes.insert(name, values);
                }
                _ => (),
            }
        }
        Ok(node)
    }
}

fn attribute(bytes: &[u8]) -> Result<(&str, Vec<i64>), String> {
    let (mut name, mut values) = ("", Vec::new());
    for (number, field) in fields(bytes)? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => name = text(bytes)?,
            (3 | 8, Field::Number(value)) => values.push(value as i64),
            (8, Field::Bytes(packed)) => values.extend(varints(packed)?.into_iter().map(|value| value as i64)),
            (1.., _) if number == 20 || number == 13 => (),
            _ => return Err(format!("the attribute {name} is of a kind that is not known here")),
        }
    }
    Ok((name, values))
}

impl Tensor {
    fn read(bytes: &[u8]) -> Result<(&str, Tensor), String> {
        let (mut name, mut tensor, mut is_f32) = ("", Tensor::default(), false);
        for (number, field) in fields(bytes)? {
            match (number, field) {
                (1, Field::Number(side)) => tensor.shape.push(side as usize),
                (1, Field::Bytes(packed)) => {
                    tensor.shape.extend(varints(packed)?.into_iter().map(|side| side as usize))
                }
                (2, Field::Number(kind)) => is_f32 = kind == 1,
                (4 | 9, Field::Bytes(raw)) => tensor.values = floats(raw),
                (8, Field::Bytes(bytes)) => name = text(bytes)?,
                _ => (),
            }
        }
        let n = tensor.shape.iter().try_fold(1usize, |n, side| n.checked_mul(*side));
        if !is_f32 || n != Some(tensor.values.len()) {
            return Err(format!("the tensor {name} is not f32, or not as long as its shape says"));
        }
        Ok((name, tensor))
    }
}

fn floats(raw: &[u8]) -> Vec<f32> {
    raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// A value's name, and its sides where they are fixed.
fn value_info(bytes: &[u8]) -> Result<(&str, Vec<usize>), String> {
    let (mut name, mut sides) = ("", Vec::new());
    for (number, field) in fields(bytes)? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => name = text(bytes)?,
            // TypeProto → tensor_type → shape → dim → dim_value
            (2, Field::Bytes(kind)) => {
                for dimension in
                    inside(kind, 1)?.iter().map(|tensor| inside(tensor, 2)).collect::<Result<Vec<_>, _>>()?.concat()
                {
                    for side in inside(dimension, 1)? {
                        let value = fields(side)?.into_iter().find_map(|(number, field)| match field {
                            Field::Number(value) if number == 1 => Some(value as usize),
                            _ => None,
                        });
                        sides.push(value.unwrap_or(0));
                    }
                }
            }
            _ => (),
        }
    }
    Ok((name, sides))
}

/// The bytes of every field `wanted`.
fn inside(bytes: &[u8], wanted: u64) -> Result<Vec<&[u8]>, String> {
    let all = fields(bytes)?.into_iter().filter(|(number, _)| *number == wanted);
    Ok(all.filter_map(|(_, field)| if let Field::Bytes(bytes) = field { Some(bytes) } else { None }).collect())
}

fn fields(bytes: &[u8]) -> Result<Vec<(u64, Field<'_>)>, String> {
    let (mut rest, mut fields) = (bytes, Vec::new());
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let n_bytes = match key & 7 {
            0 => {
                fields.push((key >> 3, Field::Number(varint(&mut rest)?)));
                continue;
            }
            1 => 8,
            2 => varint(&mut rest)? as usize,
            5 => 4,
            kind => return Err(format!("a field is of the unknown kind {kind}")),
        };
        let (field, after) = rest.split_at_checked(n_bytes).ok_or("the file is cut off")?;
        rest = after;
        fields.push((key >> 3, Field::Bytes(field)));
    }
    Ok(fields)
}

fn varints(mut packed: &[u8]) -> Result<Vec<u64>, String> {
    let mut values = Vec::new();
    while !packed.is_empty() {
        values.push(varint(&mut packed)?);
    }
    Ok(values)
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or("the file is cut off")?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a number is too long".to_owned())
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "a name is not text".to_owned())
}
