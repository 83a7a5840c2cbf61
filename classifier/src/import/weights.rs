//! Which numbers do the weights of a TensorFlow.js model stand for?
//!
//! Every weight is one byte `q` and stands for `q · scale + min`: reckoned in f64 and rounded to f32 once, as in
//! `decodeWeights` of @tensorflow/tfjs-core 4.22.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::literal::{self, Literal};
use super::package::{self, Files};

/// Numbers with their shape, the last index fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weight {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// Every weight of a model by its name.
pub(super) struct Weights {
    by_name: HashMap<String, Weight>,
}

impl Weights {
    /// Cuts `bytes` as the manifest says.
    pub(super) fn read(manifest: &Literal, bytes: &[u8]) -> Result<Weights, String> {
        let mut rest = bytes;
        let mut by_name = HashMap::new();
        for group in manifest.items()? {
            for entry in group.list("weights")? {
                let name = entry.text("name")?;
                let weight = Weight::read(entry, &mut rest).map_err(|reason| format!("the weight {name}: {reason}"))?;
                by_name.insert(name.to_owned(), weight);
            }
        }
        if rest.is_empty() { Ok(Weights { by_name }) } else { Err(format!("{} weights are left over", rest.len())) }
    }

    /// The weight called `name`.
    pub(super) fn of(&self, name: &str) -> Result<&Weight, String> {
        self.by_name.get(name).ok_or_else(|| format!("the weight {name} is missing"))
    }

    /// The weight called `name`, which must be a list of `n` numbers, in f64.
    pub(super) fn list(&self, name: &str, n: usize) -> Result<Vec<f64>, String> {
        let weight = self.of(name)?;
        if weight.shape != [n] {
            return Err(format!("the weight {name} has the shape {:?} and should have [{n}]", weight.shape));
        }
        Ok(weight.values.iter().copied().map(f64::from).collect())
    }

    /// The numbers of a list that may be absent.
    pub(super) fn list_or(&self, name: &str, n: usize, otherwise: f64) -> Result<Vec<f64>, String> {
        if self.by_name.contains_key(name) { self.list(name, n) } else { Ok(vec![otherwise; n]) }
    }
}

impl Weight {
    fn read(entry: &Literal, rest: &mut &[u8]) -> Result<Weight, String> {
        let quantization = entry.get("quantization")?;
        if entry.text("dtype")? != "float32" || quantization.text("dtype")? != "uint8" {
            return Err("is not written as bytes that stand for f32".to_owned());
        }
        let (scale, min) = (quantization.number("scale")?, quantization.number("min")?);
        let shape = entry.sizes("shape")?;
        let n = shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side)).filter(|&n| n <= rest.len());
        let (bytes, after) = rest.split_at(n.ok_or("there are not as many bytes as its shape says")?);
        *rest = after;
        Ok(Weight { shape, values: bytes.iter().map(|&q| (f64::from(q) * scale + min) as f32).collect() })
    }

    /// The four sides of a convolution's weight `[height, width, in, out]`.
    pub(super) fn sides(&self) -> Result<[usize; 4], String> {
        let sides = self.shape.as_slice().try_into();
        sides.map_err(|_| format!("a convolution has a weight of the shape {:?}", self.shape))
    }
}

/// The bytes of all shards of the model in `folder`, end to end.
pub(super) fn shards(files: &Files, folder: &str) -> Result<Vec<u8>, String> {
    let start = format!("{folder}group1-shard");
    let n = files.keys().filter(|path| path.starts_with(&start)).count();
    let mut bytes = Vec::new();
    for index in 1..=n {
        let name = format!("group1-shard{index}of{n}.min.js");
        let value = literal::exported(package::file(files, folder, &name)?);
        let value = value.map_err(|reason| format!("{folder}{name} {reason}"))?;
        let part = BASE64_STANDARD.decode(value.as_text()?);
        bytes.extend(part.map_err(|error| format!("{folder}{name} is not base64: {error}"))?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(shape: &str, dtype: &str) -> Literal {
        let text = format!(
            "x.exports=[{{weights:[{{name:\"w\",shape:{shape},dtype:\"float32\",quantization:{{min:-1,scale:.1,dtype:\"{dtype}\"}}}}]}}]"
        );
        literal::exported(&text).unwrap()
    }

    #[test]
    fn bytes_become_numbers_with_one_rounding() {
        let weights = Weights::read(&manifest("[2]", "uint8"), &[0, 7]).unwrap();
        assert_eq!(weights.of("w").unwrap().values, [-1.0, (7.0f64 * 0.1 - 1.0) as f32]);
        assert!(weights.of("v").is_err());
        assert!(weights.list("w", 3).is_err());
    }

    #[test]
    fn too_few_or_too_many_bytes_are_refused() {
        assert!(Weights::read(&manifest("[2]", "uint8"), &[0]).is_err());
        assert!(Weights::read(&manifest("[2]", "uint8"), &[0; 3]).is_err());
        assert!(Weights::read(&manifest("[16777216,16777216,16777216]", "uint8"), &[0; 3]).is_err());
        assert!(Weights::read(&manifest("[2]", "uint16"), &[0; 4]).is_err());
    }
}
