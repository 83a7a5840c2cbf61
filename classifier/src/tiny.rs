//! Which model is small enough to be made in a test?
//!
//! It averages an 8 by 8 picture, and a dense layer with a softmax turns red, green and blue into two classes.

use guard::{Colour, Format, Frame, Size};

use crate::import::onnx::{Kernel, OnnxWriter, Window};
use crate::{Classifier, Error, Manifest, Meaning, Resize, RuntimeChoice, Sha256, shipped};

/// A model called `name` with the classes `classes`, and the file that goes with it; `values` is `[3, 2]`.
pub(crate) fn model(name: &str, classes: [&str; 2], values: [f32; 6]) -> (Manifest, Vec<u8>) {
    let mut writer = OnnxWriter::new(8);
    let window = Window { kernel: [8, 8], strides: [1, 1], padding: [[0; 2]; 2] };
    let value = writer.average(&writer.input(), &window).unwrap();
    let value = writer.flatten(&value).unwrap();
    let value = writer.dense(&value, &[3, 2], &values, &[0.0; 2]).unwrap();
    let value = writer.softmax(&value);
    let onnx = writer.finish(&value, 2);
    let mut manifest = shipped("MobileNetV2").unwrap();
    (manifest.name, manifest.sha256) = (name.to_owned(), Sha256::of(&onnx));
    manifest.classes = classes.map(str::to_owned).to_vec();
    (manifest.input.width, manifest.input.height) = (8, 8);
    (manifest, onnx)
}

/// A model that is sure of its first class in proportion to the picture's red.
pub(crate) fn redness(name: &str, classes: [&str; 2], slope: f32) -> Classifier {
    let (manifest, onnx) = model(name, classes, [slope, 0.0, 0.0, 0.0, 0.0, 0.0]);
    Classifier::load(manifest, &onnx, &RuntimeChoice::Rten).unwrap()
}

/// A network with one of everything that MobileNetV2 has, for pictures of `side`; its weights follow from its size.
pub(crate) fn mobile(channels: usize, side: usize, stride: usize) -> Vec<u8> {
    let mut writer = OnnxWriter::new(side);
    let mut seed = 7u32;
    let mut numbers = |n: usize, most: f32| -> Vec<f32> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 24) as f32
        };
        (0..n).map(|_| (next() * 2.0 - 1.0) * most).collect()
    };
    let mut kernel = |shape: [usize; 4], n_groups: usize| {
        let n_each = shape[1..].iter().product::<usize>();
        let (values, bias) = (numbers(shape[0] * n_each, 2.0 / (n_each as f32).sqrt()), numbers(shape[0], 0.5));
        Kernel { shape, values, bias, n_groups }
    };
    let window = |side: usize, stride: usize, padding: [usize; 2]| Window {
        kernel: [side; 2],
        strides: [stride; 2],
        padding: [padding; 2],
    };
    let point = window(1, 1, [0, 0]);
    let stem = writer.conv(&writer.input(), &kernel([channels, 3, 3, 3], 1), &window(3, stride, [0, 1])).unwrap();
    let stem = writer.relu6(&stem);
    let wide = writer.conv(&stem, &kernel([channels * 3, channels, 1, 1], 1), &point).unwrap();
    let wide = writer.relu6(&wide);
    let deep = kernel([channels * 3, 1, 3, 3], channels * 3);
    let deep = writer.conv(&wide, &deep, &window(3, 1, [1, 1])).unwrap();
    let deep = writer.relu6(&deep);
    let narrow = writer.conv(&deep, &kernel([channels, channels * 3, 1, 1], 1), &point).unwrap();
    let sum = writer.pairwise("Add", [&stem.name, &narrow.name], &narrow);
    let halved = kernel([channels, 1, 3, 3], channels);
    let halved = writer.conv(&sum, &halved, &window(3, 2, [0, 1])).unwrap();
    let whole = Window { kernel: [halved.height, halved.width], ..point };
    let mean = writer.average(&halved, &whole).unwrap();
    let row = writer.flatten(&mean).unwrap();
    let dense = kernel([5, channels, 1, 1], 1);
    let values: Vec<f32> = (0..channels * 5).map(|i| dense.values[i % 5 * channels + i / 5]).collect();
    let classes = writer.dense(&row, &[channels, 5], &values, &dense.bias).unwrap();
    let shares = writer.softmax(&classes);
    writer.finish(&shares, 5)
}

/// A picture of one colour.
pub(crate) fn coloured<T>(rgb: [u8; 3], then: impl FnOnce(&Frame) -> T) -> T {
    let pixels: Vec<u8> = rgb.into_iter().cycle().take(64 * 3).collect();
    then(&Frame::packed(Format::Rgb, Colour::Bt601, Size { width: 8, height: 8 }, &pixels).unwrap())
}

fn load(manifest: &Manifest, onnx: &[u8]) -> Result<Classifier, Error> {
    let manifest = Manifest { sha256: Sha256::of(onnx), ..manifest.clone() };
    Classifier::load(manifest, onnx, &RuntimeChoice::Rten)
}

#[test]
fn a_tiny_model_gives_what_its_weights_say() {
    let mut classifier = redness("tiny", ["red", "other"], 2.0);
    let scores = coloured([255, 0, 0], |frame| classifier.classify(frame)).unwrap();
    let expected = 1.0 / (1.0 + (-2.0f32).exp());
    assert!((scores.of("red").unwrap() - expected).abs() < 1e-6);
    assert_eq!(scores.model(), &**classifier.name());
    let again = coloured([255, 0, 0], |frame| classifier.another().unwrap().classify(frame)).unwrap();
    assert_eq!(again.values(), scores.values());
}

#[test]
fn a_model_that_yields_nan_is_refused_when_it_is_loaded() {
    let (manifest, onnx) = model("tiny", ["a", "b"], [f32::NAN; 6]);
    assert!(matches!(load(&manifest, &onnx).err(), Some(Error::NoScore { value, .. }) if value.is_nan()));
}

#[test]
fn a_manifest_that_does_not_fit_the_graph_is_refused() {
    let (good, onnx) = model("tiny", ["a", "b"], [1.0; 6]);
    let mut wrong = good.clone();
    wrong.input.width = 16;
    assert!(matches!(load(&wrong, &onnx).err(), Some(Error::GraphMismatch { what: "the shape of the input", .. })));
    let mut wrong = good.clone();
    wrong.classes.push("c".into());
    assert!(matches!(load(&wrong, &onnx).err(), Some(Error::GraphMismatch { what: "the number of classes", .. })));
    let mut wrong = good;
    wrong.scores = Meaning::Independent;
    wrong.input.resize = Resize::AlignCorners {};
    assert!(load(&wrong, &onnx).is_ok());
}

#[test]
fn no_cut_of_a_model_loads() {
    let (manifest, onnx) = model("tiny", ["a", "b"], [1.0; 6]);
    for cut in 0..onnx.len() {
        // The last field is the opset; without it the file is whole, and the runtime may take it or not.
        if let Ok(mut classifier) = load(&manifest, &onnx[..cut]) {
            assert!(coloured([9, 9, 9], |frame| classifier.classify(frame)).is_ok());
            assert!(cut >= onnx.len() - 6, "{cut} of {}", onnx.len());
        }
    }
}

#[test]
fn a_damaged_model_is_an_error_and_no_panic() {
    let (manifest, onnx) = model("tiny", ["a", "b"], [1.0; 6]);
    for at in 0..onnx.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = onnx.clone();
            damaged[at] = byte;
            let _ = load(&manifest, &damaged);
        }
    }
}
