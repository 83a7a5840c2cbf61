//! What did the model see, and which model was it?

use std::sync::Arc;

use crate::{Error, Manifest, Meaning, Sha256};

/// Which model gave a score, so that a record can name it for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName {
    /// Name, as `MobileNetV2`; for models that judge together `mean(MobileNetV2, open_nsfw)`.
    pub name: String,
    /// Version of the package that it came from.
    pub version: String,
    /// SHA-256 of the model file; for models that judge together, of their hashes one after the other.
    pub sha256: Sha256,
}

/// One value for each class, `0.0..=1.0`, in the order of the model's manifest.
///
/// A score is how sure a model is, not how likely it is right, and not a finding about anyone.
#[derive(Clone, Debug)]
pub struct Scores {
    classes: Arc<[String]>,
    values: Vec<f32>,
    model: Arc<ModelName>,
}

impl Scores {
    /// The class names with their values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, f32)> {
        self.classes.iter().map(String::as_str).zip(self.values.iter().copied())
    }

    /// The value of the class called `class`, or `None` when the model has no such class.
    pub fn of(&self, class: &str) -> Option<f32> {
        self.iter().find(|&(name, _)| name == class).map(|(_, value)| value)
    }

    /// The class with the highest value; of equals, the first.
    pub fn highest(&self) -> (&str, f32) {
        let first = (self.classes[0].as_str(), self.values[0]);
        self.iter().skip(1).fold(first, |best, next| if next.1 > best.1 { next } else { best })
    }

    /// The values alone, in the order of [`Scores::classes`].
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The class names alone.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Which model gave them.
    pub fn model(&self) -> &ModelName {
        &self.model
    }

    /// Puts values together that are known to be scores.
    pub(crate) fn from_parts(classes: Arc<[String]>, values: Vec<f32>, model: Arc<ModelName>) -> Scores {
        Scores { classes, values, model }
    }

    /// The same scores in the name of models that judge together.
    pub(crate) fn under(self, model: Arc<ModelName>) -> Scores {
        Scores { model, ..self }
    }

    /// Turns what a model put out into scores, or refuses it.
    ///
    /// # Errors
    /// [`Error::GraphMismatch`] when there are not as many values as classes, [`Error::NoScore`] when one is not finite
    /// or outside `0.0..=1.0`, [`Error::ScoresDoNotSumToOne`].
    pub(crate) fn read(
        manifest: &Manifest,
        classes: &Arc<[String]>,
        model: &Arc<ModelName>,
        mut values: Vec<f32>,
    ) -> Result<Scores, Error> {
        if values.len() != classes.len() {
            return Err(Error::GraphMismatch {
                model: manifest.name.clone(),
                what: "the number of classes",
                in_graph: values.len().to_string(),
                in_manifest: classes.len().to_string(),
            });
        }
        refuse(manifest, &values, |value| !value.is_finite())?;
        if manifest.scores == Meaning::Logits {
            softmax(&mut values);
        }
        refuse(manifest, &values, |value| !(-SLACK..=1.0 + SLACK).contains(&value))?;
        let sum: f32 = values.iter().sum();
        if manifest.scores != Meaning::Independent && (sum - 1.0).abs() > SLACK_SUM {
            return Err(Error::ScoresDoNotSumToOne { model: manifest.name.clone(), sum });
        }
        values.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
        Ok(Scores { classes: Arc::clone(classes), values, model: Arc::clone(model) })
    }
}

/// Rounding that a softmax in f32 may show.
const SLACK: f32 = 1e-4;

/// The same for the sum of up to a thousand of them.
const SLACK_SUM: f32 = 1e-3;

fn refuse(manifest: &Manifest, values: &[f32], is_wrong: impl Fn(f32) -> bool) -> Result<(), Error> {
    match values.iter().position(|&value| is_wrong(value)) {
        None => Ok(()),
        Some(index) => Err(Error::NoScore {
            model: manifest.name.clone(),
            class: manifest.classes[index].clone(),
            value: values[index],
        }),
    }
}

fn softmax(values: &mut [f32]) {
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    values.iter_mut().for_each(|value| *value = (*value - highest).exp());
    let sum: f32 = values.iter().sum();
    values.iter_mut().for_each(|value| *value /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(meaning: Meaning, values: &[f32]) -> Result<Scores, Error> {
        let mut manifest = crate::shipped("open_nsfw").unwrap();
        manifest.scores = meaning;
        let model = ModelName { name: "m".into(), version: "1".into(), sha256: Sha256::of(b"") };
        Scores::read(&manifest, &manifest.classes.clone().into(), &Arc::new(model), values.to_vec())
    }

    #[test]
    fn what_is_no_score_is_refused() {
        for values in [&[f32::NAN, 0.5][..], &[f32::INFINITY, 0.0], &[-0.5, 1.5], &[2.0, -1.0]] {
            assert!(matches!(read(Meaning::Probabilities, values), Err(Error::NoScore { .. })), "{values:?}");
        }
        assert!(matches!(read(Meaning::Probabilities, &[1.0, 1.0]), Err(Error::ScoresDoNotSumToOne { .. })));
        assert!(matches!(read(Meaning::Probabilities, &[1.0]), Err(Error::GraphMismatch { .. })));
        assert!(matches!(read(Meaning::Logits, &[f32::NAN, 0.0]), Err(Error::NoScore { .. })));
    }

    #[test]
    fn each_meaning_gives_scores_from_0_to_1() {
        assert_eq!(read(Meaning::Probabilities, &[0.25, 0.75]).unwrap().highest().1, 0.75);
        assert_eq!(read(Meaning::Independent, &[1.0, 1.0]).unwrap().values(), [1.0, 1.0]);
        let far_apart = read(Meaning::Logits, &[1e30, -1e30]).unwrap();
        assert_eq!(far_apart.values(), [1.0, 0.0]);
        assert_eq!(far_apart.of("nothing"), None);
    }

    #[test]
    fn of_equals_the_first_is_highest() {
        let scores = read(Meaning::Probabilities, &[0.5, 0.5]).unwrap();
        assert_eq!(scores.highest(), (scores.classes()[0].as_str(), 0.5));
    }
}
