//! How do the models of an npm package become ONNX files?
//!
//! `nsfwjs` carries TensorFlow.js models as JavaScript: a topology as an object literal, weights as base64 text, each
//! weight one byte. Weights become f32 exactly as TensorFlow.js makes them (`q · scale + min` in f64, then rounded),
//! BatchNorm is folded into the convolution before it in f64, and the ONNX file is written by us, byte for byte the
//! same everywhere, so that its hash can be pinned. Checked against nsfwjs itself in `tests/parity.rs`.

mod graph;
mod layers;
mod literal;
pub(crate) mod onnx;
mod package;
mod weights;

use literal::Literal;
use onnx::OnnxWriter;
use weights::Weights;

use crate::{Error, Manifest, Sha256, shipped};

/// A model out of a package, ready for [`Store::add`](crate::Store::add).
#[derive(Clone, Debug)]
pub struct Imported {
    /// The manifest that comes with this crate.
    pub manifest: Manifest,
    /// The ONNX file, whose hash is the manifest's.
    pub onnx: Vec<u8>,
}

/// Name, folder in the package, and SHA-256 of the weights laid end to end.
///
/// Source: npm `nsfwjs@4.4.0`, `dist/models`.
const NSFWJS: [(&str, &str, &str); 2] = [
    (
        "MobileNetV2",
        "package/dist/models/mobilenet_v2/",
        "8e7dddbb16acacc1bf1601b1b8a761e730ff934b7f2d7771312b2f000e5f5f13",
    ),
    (
        "MobileNetV2Mid",
        "package/dist/models/mobilenet_v2_mid/",
        "fee38f0bcbad1a223b8301c014bbf78984365aef5ab08fc3289ed4229ab67f0e",
    ),
];

/// Imports MobileNetV2 and MobileNetV2Mid from the bytes of `nsfwjs-4.4.0.tgz`.
///
/// # Errors
/// [`Error::Package`] when the archive is cut off, too large, or does not hold these models;
/// [`Error::OtherHash`] when the weights or the finished file are not the pinned ones.
pub fn nsfwjs(tgz: &[u8]) -> Result<Vec<Imported>, Error> {
    let folders: Vec<&str> = NSFWJS.iter().map(|(_, folder, _)| *folder).collect();
    let files = package::unpack(tgz, &folders).map_err(Error::Package)?;
    NSFWJS
        .iter()
        .map(|(name, folder, pin)| {
            let topology = package::file(&files, folder, "model.min.js").map_err(Error::Package)?;
            convert(name, topology, &weights::shards(&files, folder).map_err(Error::Package)?, folder, pin)
        })
        .collect()
}

/// Imports one model from the text of its `model.min.js` and its weights laid end to end, as a browser has them.
///
/// # Errors
/// [`Error::Package`] when `name` is not one of the models of the package or the text is not its topology;
/// [`Error::OtherHash`] when the weights or the finished file are not the pinned ones.
pub fn nsfwjs_model(name: &str, topology: &str, weights: &[u8]) -> Result<Imported, Error> {
    let known = NSFWJS.iter().find(|(known, ..)| *known == name);
    let (_, folder, pin) = known.ok_or_else(|| Error::Package(format!("it has no model {name}")))?;
    convert(name, topology, weights, folder, pin)
}

fn convert(name: &str, topology: &str, weights: &[u8], folder: &str, pin: &str) -> Result<Imported, Error> {
    let manifest = shipped(name).expect("both manifests come with the crate");
    let pin = pin.parse().expect("a test imports the package with both pins");
    check(&format!("what the weights in {folder} hold"), pin, weights)?;
    let model = literal::exported(topology);
    let model = model.map_err(|reason| Error::Package(format!("{folder}model.min.js {reason}")))?;
    let onnx = write(&model, weights, manifest.input.width);
    let onnx = onnx.map_err(|reason| Error::Package(format!("{folder}: {reason}")))?;
    check(&format!("the converted model {name}"), manifest.sha256, &onnx)?;
    Ok(Imported { manifest, onnx })
}

fn write(model: &Literal, weights: &[u8], side: usize) -> Result<Vec<u8>, String> {
    let weights = Weights::read(model.get("weightsManifest")?, weights)?;
    let mut writer = OnnxWriter::new(side);
    let topology = model.get("modelTopology")?;
    let (last, n_classes) = if topology.has("model_config") {
        layers::convert(topology, &weights, &mut writer)?
    } else {
        graph::convert(topology, &weights, &mut writer)?
    };
    Ok(writer.finish(&last, n_classes))
}

fn check(what: &str, expected: Sha256, bytes: &[u8]) -> Result<(), Error> {
    let found = Sha256::of(bytes);
    if found == expected { Ok(()) } else { Err(Error::OtherHash { what: what.to_owned(), expected, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_package_are_an_error() {
        for bytes in [&b""[..], b"\x1f\x8b", b"not a package", &[0x1f; 600]] {
            assert!(matches!(nsfwjs(bytes), Err(Error::Package(_))), "{bytes:?}");
        }
    }

    #[test]
    fn weights_other_than_the_pinned_ones_are_refused() {
        assert!(matches!(nsfwjs_model("MobileNetV2", "x.exports={}", &[0; 9]), Err(Error::OtherHash { .. })));
        assert!(matches!(nsfwjs_model("other", "x.exports={}", &[]), Err(Error::Package(_))));
    }
}
