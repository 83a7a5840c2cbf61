//! What does a model expect, and what does it promise?
//!
//! A model is a file of numbers. Which pixels to feed it, in which order and range, resized how, and what its outputs
//! mean is written in a manifest beside it, so that any ONNX image classifier can be added without code.
//! The resizer is part of the model: another one moved scores by up to 0.45 on benign pictures.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{Error, Sha256};

/// The facts about one model, read from its `manifest.toml`. An unknown key is an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name, 1 to 64 letters, digits, `.`, `_` and `-`, beginning with a letter or digit; also the folder's name.
    pub name: String,
    /// Version of the package that the weights came from.
    pub version: String,
    /// SHA-256 of the ONNX file; a model with another one is refused.
    pub sha256: Sha256,
    /// Where the weights came from: registry, package, version, file.
    pub source: String,
    /// Licence of the weights, and what is not established about it.
    pub licence: String,
    /// Names of the classes in the order of the outputs, 1 to 1000, all different.
    pub classes: Vec<String>,
    /// What the outputs are.
    pub scores: Meaning,
    /// What the model is fed.
    pub input: Input,
}

/// What the numbers that a model puts out are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// Each `0.0..=1.0`, together 1: the graph ends in a softmax.
    Probabilities,
    /// Any finite numbers; a softmax makes scores of them.
    Logits,
    /// Each `0.0..=1.0` by itself: the graph ends in sigmoids.
    Independent,
}

/// The tensor that a model is fed: one picture, f32, of `[1, 3, height, width]` or `[1, height, width, 3]`.
///
/// Each number is `(pixel / 255 · white − mean) / deviation`, pixel from 0 to 255.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Pixels in a row, 8..=1024.
    pub width: usize,
    /// Rows, 8..=1024.
    pub height: usize,
    /// How the numbers lie.
    pub layout: Layout,
    /// Which colour comes first.
    pub channels: Channels,
    /// The number that stands for a white pixel before mean and deviation, mostly 1 or 255.
    pub white: f32,
    /// Subtracted from each channel, in the order of `channels`.
    #[serde(default)]
    pub mean: [f32; 3],
    /// Each channel is divided by it, in the order of `channels`.
    #[serde(default = "ones")]
    pub deviation: [f32; 3],
    /// How a picture of any size is brought to this one.
    pub resize: Resize,
}

/// How the numbers of a tensor lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// One plane for each channel, as PyTorch has it.
    #[serde(rename = "NCHW")]
    Nchw,
    /// Three numbers for each pixel, as TensorFlow has it.
    #[serde(rename = "NHWC")]
    Nhwc,
}

/// Which colour comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red, as Caffe and OpenCV have it.
    Bgr,
}

/// How a picture of any size is brought to the size of the tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Resize {
    /// Bilinear over the whole picture, corner pixels onto corner pixels, without antialiasing, in f32:
    /// `tf.image.resizeBilinear(…, alignCorners = true)`.
    AlignCorners {},
    /// The whole picture without regard to its proportions, antialiased, in bytes, as Pillow does it.
    Squash {
        /// The weight of the neighbours.
        filter: Filter,
    },
    /// Squashed to a square, then the middle of it.
    SquashCrop {
        /// The weight of the neighbours.
        filter: Filter,
        /// The square's side in pixels, at least the tensor's.
        side: usize,
    },
}

/// The weight of the neighbours in an antialiased resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// A triangle.
    Bilinear,
    /// A cubic with a = −0.5, as Pillow has it.
    Bicubic,
    /// A sinc of three lobes.
    Lanczos3,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`Error::ManifestSyntax`] with the line, [`Error::ManifestValue`] with the key.
    pub fn parse(text: &str) -> Result<Manifest, Error> {
        let manifest: Manifest = toml::from_str(text)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Writes the manifest as TOML that [`Manifest::parse`] reads back.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a manifest has strings, numbers and lists only")
    }

    /// The shape of the tensor, batch first.
    pub fn input_shape(&self) -> [usize; 4] {
        let Input { width, height, layout, .. } = self.input;
        match layout {
            Layout::Nchw => [1, 3, height, width],
            Layout::Nhwc => [1, height, width, 3],
        }
    }

    fn check(&self) -> Result<(), Error> {
        if !is_name(&self.name) {
            return self.wrong("name", "must be 1 to 64 letters, digits, dots, dashes and underscores".into());
        }
        if !(1..=1000).contains(&self.classes.len()) {
            return self.wrong("classes", format!("has {} names and may have 1 to 1000", self.classes.len()));
        }
        let mut seen = HashSet::new();
        if let Some(class) = self.classes.iter().find(|class| class.is_empty() || !seen.insert(class.as_str())) {
            return self.wrong("classes", format!("has “{class}” twice or empty"));
        }
        self.check_input()
    }

    fn check_input(&self) -> Result<(), Error> {
        let Input { width, height, white, mean, deviation, resize, .. } = &self.input;
        for (key, side) in [("input.width", *width), ("input.height", *height)] {
            if !(8..=1024).contains(&side) {
                return self.wrong(key, format!("is {side} and may be 8 to 1024"));
            }
        }
        if !(white.is_finite() && *white > 0.0) {
            return self.wrong("input.white", format!("is {white} and must be above 0"));
        }
        if mean.iter().any(|value| !value.is_finite()) {
            return self.wrong("input.mean", "has a number that is not finite".into());
        }
        if deviation.iter().any(|value| !value.is_finite() || *value <= 0.0) {
            return self.wrong("input.deviation", "has a number that is not above 0".into());
        }
        match resize {
            Resize::SquashCrop { side, .. } if *side < *width.max(height) || *side > 4096 => {
                self.wrong("input.resize.side", format!("is {side} and may be {} to 4096", width.max(height)))
            }
            Resize::AlignCorners {} | Resize::Squash { .. } | Resize::SquashCrop { .. } => Ok(()),
        }
    }

    fn wrong(&self, key: &'static str, reason: String) -> Result<(), Error> {
        Err(Error::ManifestValue { model: self.name.chars().take(64).collect(), key, reason })
    }
}

/// Whether `name` can be a model's name and the name of its folder.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The manifest that comes with this crate under `name`, or `None`.
pub fn shipped(name: &str) -> Option<Manifest> {
    let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
    Some(Manifest::parse(text).expect("a test reads every shipped manifest"))
}

/// The names that [`shipped`] knows, the default model first.
pub fn shipped_names() -> impl ExactSizeIterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

const SHIPPED: [(&str, &str); 4] = [
    ("MobileNetV2", include_str!("../models/MobileNetV2.toml")),
    ("MobileNetV2Mid", include_str!("../models/MobileNetV2Mid.toml")),
    ("open_nsfw", include_str!("../models/open_nsfw.toml")),
    ("image-safety-s", include_str!("../models/image-safety-s.toml")),
];

fn ones() -> [f32; 3] {
    [1.0; 3]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_shipped_manifest_reads_and_survives_a_round_trip() {
        for name in shipped_names() {
            let manifest = shipped(name).unwrap();
            assert_eq!(manifest.name, name);
            assert_eq!(Manifest::parse(&manifest.to_toml()).unwrap(), manifest);
        }
        assert!(shipped("nothing").is_none());
    }

    #[test]
    fn a_wrong_value_is_named_by_its_key() {
        let good = include_str!("../models/open_nsfw.toml");
        for (from, to, key) in [
            ("name = \"open_nsfw\"", "name = \"../up\"", "name"),
            ("name = \"open_nsfw\"", "name = \"\"", "name"),
            ("width = 224", "width = 4", "input.width"),
            ("height = 224", "height = 2000", "input.height"),
            ("white = 255.0", "white = 0.0", "input.white"),
            ("white = 255.0", "white = nan", "input.white"),
            ("mean = [104.0", "mean = [inf", "input.mean"),
            ("deviation = [1.0", "deviation = [0.0", "input.deviation"),
            ("side = 256", "side = 100", "input.resize.side"),
            ("\"SFW\", \"NSFW\"", "\"SFW\", \"SFW\"", "classes"),
            ("\"SFW\", \"NSFW\"", "", "classes"),
        ] {
            let text = good.replace(from, to);
            assert_ne!(text, good, "{from} is not in the manifest");
            match Manifest::parse(&text) {
                Err(Error::ManifestValue { key: found, .. }) => assert_eq!(found, key),
                other => panic!("{from} → {to} gave {other:?}"),
            }
        }
    }

    #[test]
    fn an_unknown_or_missing_key_is_an_error_with_its_line() {
        let good = include_str!("../models/open_nsfw.toml");
        for text in [
            format!("extra = 1\n{good}"),
            good.replace("[input]", "[input]\nextra = 1"),
            good.replace("side = 256", "side = 256, extra = 1"),
            good.replace("licence", "license"),
            good.replace("sha256 = \"8", "sha256 = \"x"),
            good.replace("NHWC", "CHWN"),
        ] {
            assert!(matches!(Manifest::parse(&text), Err(Error::ManifestSyntax(_))), "{text}");
        }
        let message = Manifest::parse(&format!("extra = 1\n{good}")).unwrap_err().to_string();
        assert!(message.contains("extra"), "{message}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,400}", cut in 0usize..800) {
            let _ = Manifest::parse(&text);
            let good = include_str!("../models/open_nsfw.toml");
            let cut = (0..=cut.min(good.len())).rev().find(|&at| good.is_char_boundary(at)).unwrap_or(0);
            let _ = Manifest::parse(&format!("{}{text}{}", &good[..cut], &good[cut..]));
        }
    }
}
