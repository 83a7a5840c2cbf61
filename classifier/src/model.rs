//! Which scores does this model give this frame?

use std::borrow::Cow;
use std::sync::Arc;

use guard::Frame;

use crate::prepare::Preparation;
use crate::runtime::Engine;
use crate::{Error, Manifest, ModelName, Runtime, RuntimeChoice, Scores, Sha256};

/// A model that was loaded and tried once; gives a [`Classifier`] to each thread that judges.
pub struct Model {
    first: Classifier,
}

impl Model {
    /// Loads a model from the bytes of its ONNX file, and runs it once on grey.
    ///
    /// # Errors
    /// [`Error::OtherHash`] when the bytes are not the ones that the manifest pins;
    /// [`Error::ModelBroken`] when they are no whole ONNX file;
    /// [`Error::ModelUnreadable`], [`Error::GraphMismatch`] when runtime, graph and manifest do not fit each other;
    /// [`Error::NoScore`], [`Error::ScoresDoNotSumToOne`] when the trial gives something that is no score;
    /// [`Error::NoOnnxruntime`] when that runtime was asked for and cannot be used.
    pub fn load<'a>(
        manifest: Manifest,
        model_bytes: impl Into<Cow<'a, [u8]>>,
        runtime: &RuntimeChoice,
    ) -> Result<Model, Error> {
        Ok(Model { first: Classifier::load(manifest, model_bytes, runtime)? })
    }

    /// A classifier for one thread. With rten the weights are shared; with onnxruntime their reordered form is.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`] when the runtime cannot open the model a second time.
    pub fn classifier(&self) -> Result<Classifier, Error> {
        self.first.another()
    }

    /// The facts about the model.
    pub fn card(&self) -> &Manifest {
        self.first.card()
    }

    /// What runs it.
    pub fn runtime(&self) -> &Runtime {
        self.first.runtime()
    }
}

/// A model ready to judge frames, one at a time, on one thread.
pub struct Classifier {
    manifest: Arc<Manifest>,
    classes: Arc<[String]>,
    model: Arc<ModelName>,
    runtime: Arc<Runtime>,
    engine: Engine,
    preparation: Preparation,
}

impl Classifier {
    /// Loads a model for a single thread; see [`Model::load`] for several.
    ///
    /// Bytes that are handed over, not lent, are not copied: rten keeps them.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load<'a>(
        manifest: Manifest,
        model_bytes: impl Into<Cow<'a, [u8]>>,
        runtime: &RuntimeChoice,
    ) -> Result<Classifier, Error> {
        let model_bytes = model_bytes.into();
        let found = Sha256::of(&model_bytes);
        if found != manifest.sha256 {
            return Err(Error::OtherHash {
                what: format!("the model {}", manifest.name),
                expected: manifest.sha256,
                found,
            });
        }
        let (engine, runtime) = Engine::load(&manifest, model_bytes, runtime)?;
        let model = ModelName { name: manifest.name.clone(), version: manifest.version.clone(), sha256: found };
        let mut classifier = Classifier {
            classes: manifest.classes.clone().into(),
            model: Arc::new(model),
            runtime: Arc::new(runtime),
            engine,
            preparation: Preparation::new(&manifest.input),
            manifest: Arc::new(manifest),
        };
        classifier.classify(&grey())?;
        Ok(classifier)
    }

    /// The same model for another thread.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`] when the runtime cannot open the model a second time.
    pub fn another(&self) -> Result<Classifier, Error> {
        Ok(Classifier {
            manifest: Arc::clone(&self.manifest),
            classes: Arc::clone(&self.classes),
            model: Arc::clone(&self.model),
            runtime: Arc::clone(&self.runtime),
            engine: self.engine.another()?,
            preparation: Preparation::new(&self.manifest.input),
        })
    }

    /// Judges the whole of `frame`, of any size and format, squashed as the manifest says.
    ///
    /// # Errors
    /// [`Error::Inference`] when the runtime fails, [`Error::NoScore`] and [`Error::ScoresDoNotSumToOne`] when it gives
    /// something that is no score, [`Error::Resize`]. There is never a made-up score: the caller covers the frame.
    pub fn classify(&mut self, frame: &Frame) -> Result<Scores, Error> {
        let tensor = self.preparation.prepare(frame)?;
        let values = self.engine.run(tensor)?;
        Scores::read(&self.manifest, &self.classes, &self.model, values)
    }

    /// The tensor that the model is fed for `frame`, in the manifest's layout: for benches and for comparing resizers.
    ///
    /// # Errors
    /// [`Error::Resize`].
    pub fn tensor(&mut self, frame: &Frame) -> Result<&[f32], Error> {
        self.preparation.prepare(frame)
    }

    /// The facts about the model.
    pub fn card(&self) -> &Manifest {
        &self.manifest
    }

    /// What runs it.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The name that its scores carry.
    pub fn name(&self) -> &Arc<ModelName> {
        &self.model
    }
}

/// A grey frame, on which a model is tried when it is loaded.
fn grey() -> Frame<'static> {
    let size = guard::Size { width: 16, height: 16 };
    Frame::packed(guard::Format::Gray8, guard::Colour::Bt601, size, &[128; 256]).expect("256 bytes are 16 by 16 pixels")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_classifier_can_go_to_another_thread() {
        fn goes<T: Send>() {}
        goes::<Classifier>();
        goes::<Model>();
    }

    #[test]
    fn bytes_other_than_the_pinned_ones_are_refused_before_anything_reads_them() {
        let manifest = crate::shipped("open_nsfw").unwrap();
        let refused = Classifier::load(manifest, b"not the model", &RuntimeChoice::Rten);
        assert!(matches!(refused.err(), Some(Error::OtherHash { .. })));
    }

    #[test]
    fn bytes_that_are_no_model_are_an_error_even_when_pinned() {
        for bytes in [&b""[..], b"RTEN", b"not a model", &[0x08, 0x08, 0x3a, 0xff], &[0xff; 4000]] {
            let mut manifest = crate::shipped("open_nsfw").unwrap();
            manifest.sha256 = Sha256::of(bytes);
            let refused = Classifier::load(manifest, bytes, &RuntimeChoice::Rten);
            assert!(matches!(refused.err(), Some(Error::ModelBroken { .. })), "{bytes:?}");
        }
    }
}
