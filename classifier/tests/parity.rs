//! Do both runtimes give the scores that nsfwjs itself gives?
//!
//! Pictures and scores: `../shared/conformance/classifier` (`$STREAMWARD_CONFORMANCE` overrides), benign pictures only.
//! The models: `$STREAMWARD_PACKAGES` or the user's model store. What is absent is named, and then nothing is compared.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use classifier::{Classifier, Filter, Library, LibrarySearch, Manifest, Resize, RuntimeChoice, Store, import};
use guard::{Colour, Format, Frame, Size};

/// The largest difference of any class that counts as the same.
const DELTA_MAX: f32 = 1e-4;

/// The same for models that are fed bytes out of an antialiased resize, where a byte may round the other way:
/// measured 1.1e-3 for open_nsfw, 4.8e-3 for image-safety-s; another filter would be 2.8e-2.
const RESIZED_DELTA_MAX: f32 = 5e-3;

#[test]
fn mobilenet_v2_scores_as_the_converted_model_does() {
    compare("MobileNetV2", "converted_onnx", DELTA_MAX, |manifest| manifest, <[f32]>::to_vec);
}

#[test]
fn mobilenet_v2_mid_scores_as_nsfwjs_does() {
    compare("MobileNetV2Mid", "nsfwjs_reference", DELTA_MAX, |manifest| manifest, <[f32]>::to_vec);
}

#[test]
fn open_nsfw_scores_as_pillow_and_onnxruntime_do() {
    // Of the three variants recorded, the one that leaves out the JPEG between resizing and cropping.
    let without_jpeg = |scores: &[f32]| vec![1.0 - scores[1], scores[1]];
    compare("open_nsfw", "open_nsfw_[jpeg,nojpeg,yahoo_pkg]", RESIZED_DELTA_MAX, |manifest| manifest, without_jpeg);
}

#[test]
fn image_safety_s_scores_as_pillow_and_onnxruntime_do() {
    // The vectors were made with a bicubic squash; what is shipped squashes bilinearly, as its own package does.
    let bicubic = |mut manifest: Manifest| {
        manifest.input.resize = Resize::Squash { filter: Filter::Bicubic };
        manifest
    };
    let section = "image_safety_s_pil_bicubic_squash_NSFL_NSFW_SFW";
    compare("image-safety-s", section, RESIZED_DELTA_MAX, bicubic, <[f32]>::to_vec);
}

/// Every picture of the vectors under every runtime that is here, through `classify`.
fn compare(
    name: &str,
    section: &str,
    delta_max: f32,
    change: fn(Manifest) -> Manifest,
    expected_of: impl Fn(&[f32]) -> Vec<f32>,
) {
    let (Some(vectors), Some((manifest, model))) = (Vectors::open(), model(name)) else { return };
    let expected = vectors.scores(section, name);
    assert!(expected.len() >= 17, "{} pictures", expected.len());
    for runtime in runtimes(name) {
        let mut classifier = Classifier::load(change(manifest.clone()), &model, &runtime).unwrap();
        let mut largest = (0f32, "");
        for (picture, scores) in &expected {
            let (size, pixels) = vectors.picture(picture);
            let frame = Frame::packed(Format::Rgb, Colour::Bt601, size, &pixels).unwrap();
            let found = classifier.classify(&frame).unwrap();
            for (found, expected) in found.values().iter().zip(expected_of(scores)) {
                if (found - expected).abs() >= largest.0 {
                    largest = ((found - expected).abs(), picture);
                }
            }
        }
        let (delta, picture) = largest;
        println!("{name} on {}: {} pictures, up to {delta:.1e} ({picture})", classifier.runtime(), expected.len());
        assert!(delta <= delta_max, "{name} on {}: {picture} differs by {delta}", classifier.runtime());
    }
}

fn runtimes(name: &str) -> Vec<RuntimeChoice> {
    let mut choices = vec![RuntimeChoice::Rten];
    if name.starts_with("MobileNet") {
        choices.push(RuntimeChoice::Own);
    }
    let search = LibrarySearch::default();
    match Library::search(&search) {
        Ok(_) if cfg!(feature = "onnxruntime") => choices.push(RuntimeChoice::Onnxruntime(search)),
        Ok(_) => (),
        Err(reason) => println!("onnxruntime is not compared: {reason}"),
    }
    choices
}

/// A model out of `nsfwjs-4.4.0.tgz` in `$STREAMWARD_PACKAGES`, else out of the store.
fn model(name: &str) -> Option<(Manifest, Vec<u8>)> {
    if let Some(folder) = std::env::var_os("STREAMWARD_PACKAGES") {
        let tgz = fs::read(Path::new(&folder).join("nsfwjs-4.4.0.tgz")).expect("the package lies in the folder named");
        let imported = import::nsfwjs(&tgz).unwrap().into_iter().find(|model| model.manifest.name == name);
        if let Some(model) = imported {
            return Some((model.manifest, model.onnx));
        }
    }
    let found = Store::of_user().and_then(|store| store.read(name, &[]).ok());
    if found.is_none() {
        println!("nothing was compared: the model {name} is not here; `streamward model fetch {name}` fetches it");
    }
    found
}

struct Vectors {
    folder: PathBuf,
    json: serde_json::Value,
}

impl Vectors {
    fn open() -> Option<Vectors> {
        let root = std::env::var_os("STREAMWARD_CONFORMANCE")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), PathBuf::from);
        let folder = root.join("classifier");
        let Ok(text) = fs::read_to_string(folder.join("parity.json")) else {
            println!("nothing was compared: there is no {}", folder.join("parity.json").display());
            return None;
        };
        Some(Vectors { folder, json: serde_json::from_str(&text).unwrap() })
    }

    /// Some sections are for one model and some have a part for each.
    fn scores(&self, section: &str, model: &str) -> BTreeMap<String, Vec<f32>> {
        let section = &self.json[section];
        serde_json::from_value(section.get(model).unwrap_or(section).clone()).unwrap()
    }

    fn picture(&self, name: &str) -> (Size, Vec<u8>) {
        let picture = image::open(self.folder.join("img").join(format!("{name}.png"))).unwrap().to_rgb8();
        let size = Size { width: picture.width() as usize, height: picture.height() as usize };
        (size, picture.into_raw())
    }
}
