//! Is this an ONNX file from its first byte to its last?
//!
//! A runtime that is handed a cut-off file may do anything; one was seen to read for ever. So the outline is walked
//! here first: every message inside the file ends exactly where its length says, and nothing is nested too deep.
//!
//! Source: `onnx.proto` in onnx/onnx for the field numbers, the Protocol Buffers encoding guide for the wire format.

/// How deep graphs may lie inside attributes inside graphs.
const DEPTH_MAX: usize = 16;

/// The messages that are looked into; any other is opaque bytes.
#[derive(Clone, Copy, PartialEq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Opaque,
}

impl Message {
    /// What field `number` of this message holds, if it is written with a length.
    fn field(self, number: u64) -> Message {
        match (self, number) {
            (Message::Model, 7) | (Message::Attribute, 6 | 11) => Message::Graph,
            (Message::Graph, 1) => Message::Node,
            (Message::Graph, 5) | (Message::Attribute, 5 | 10) => Message::Tensor,
            (Message::Graph, 11..=13) => Message::ValueInfo,
            (Message::Node, 5) => Message::Attribute,
            _ => Message::Opaque,
        }
    }
}

/// Walks the outline of an ONNX file.
///
/// # Errors
/// A sentence that says where the file stops making sense.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let mut has_graph = false;
    walk(bytes, Message::Model, 0, &mut |message| has_graph |= message == Message::Graph)?;
    if has_graph { Ok(()) } else { Err("the file holds no ONNX graph".to_owned()) }
}

fn walk(bytes: &[u8], message: Message, depth: usize, seen: &mut dyn FnMut(Message)) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("graphs are nested more than {DEPTH_MAX} deep"));
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let n_bytes = match key & 7 {
            0 => {
                varint(&mut rest)?;
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).map_err(|_| cut_off())?,
            5 => 4,
            kind => return Err(format!("the file is no ONNX file: a field is of the unknown kind {kind}")),
        };
        if key >> 3 == 0 {
            return Err("the file is no ONNX file: a field has the number 0".to_owned());
        }
        let (field, after) = rest.split_at_checked(n_bytes).ok_or_else(cut_off)?;
        rest = after;
        let inside = message.field(key >> 3);
        if key & 7 == 2 && inside != Message::Opaque {
            seen(inside);
            walk(field, inside, depth + 1, seen)?;
        }
    }
    Ok(())
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or_else(cut_off)?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("the file is no ONNX file: a number is longer than 10 bytes".to_owned())
}

fn cut_off() -> String {
    "the file is cut off: it ends in the middle of a field".to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A model with the version 8 and a graph named `g`.
    const SMALL: [u8; 7] = [0x08, 0x08, 0x3a, 0x03, 0x12, 0x01, b'g'];

    #[test]
    fn a_whole_file_passes_and_every_cut_is_noticed() {
        assert_eq!(check(&SMALL), Ok(()));
        for cut in 0..SMALL.len() {
            assert!(check(&SMALL[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn endless_nesting_is_refused() {
        let mut inner = vec![0x12, 0x01, b'g'];
        for _ in 0..20 {
            for key in [0x32, 0x2a, 0x0a] {
                let mut outer = vec![key, inner.len() as u8 | 0x80, (inner.len() >> 7) as u8];
                outer.append(&mut inner);
                inner = outer;
            }
        }
        let mut file = vec![0x3a, inner.len() as u8 | 0x80, (inner.len() >> 7) as u8];
        file.append(&mut inner);
        assert!(check(&file).unwrap_err().contains("nested"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
        }
    }
}
