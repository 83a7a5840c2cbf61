//! How does onnxruntime run a model, once its library is loaded?
//!
//! The library is code, so it is loaded only after its hash was compared with the pinned ones (`library.rs`), once in a
//! process, and never another one beside it.

use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, PrepackedWeights};
use ort::value::{TensorRef, ValueType};

use super::{Runtime, check_input};
use crate::{Error, Library, Manifest};

/// A model in onnxruntime. A session is its own; the reordered weights are shared between all that came from one load.
pub(crate) struct Onnxruntime {
    session: Session,
    environment: Environment,
    weights: PrepackedWeights,
    model: Arc<[u8]>,
    shape: [usize; 4],
    name: String,
}

impl Onnxruntime {
    /// Loads the model from its bytes into the library.
    ///
    /// # Errors
    /// [`Error::NoOnnxruntime`], [`Error::ModelUnreadable`], [`Error::GraphMismatch`].
    pub(crate) fn load(manifest: &Manifest, model: &[u8], library: &Library) -> Result<Onnxruntime, Error> {
        let environment = environment(library).map_err(|reason| Error::NoOnnxruntime { reason })?;
        let weights = PrepackedWeights::new();
        let session = session(&environment, model, &weights).map_err(|reason| unreadable(&manifest.name, reason))?;
        let (1, Some(input)) = (session.inputs().len(), session.inputs().first()) else {
            return Err(unreadable(&manifest.name, "it must have one input".into()));
        };
        let sides: Vec<Option<usize>> = match input.dtype() {
            ValueType::Tensor { shape, .. } => shape.iter().map(|&side| usize::try_from(side).ok()).collect(),
            _ => return Err(unreadable(&manifest.name, "its input is no tensor".into())),
        };
        check_input(manifest, &sides)?;
        let (shape, name) = (manifest.input_shape(), manifest.name.clone());
        Ok(Onnxruntime { session, environment, weights, model: model.into(), shape, name })
    }

    /// The same model for another thread.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`].
    pub(crate) fn another(&self) -> Result<Onnxruntime, Error> {
        let session =
            session(&self.environment, &self.model, &self.weights).map_err(|reason| unreadable(&self.name, reason))?;
        Ok(Onnxruntime {
            session,
            environment: self.environment.clone(),
            weights: self.weights.clone(),
            model: Arc::clone(&self.model),
            shape: self.shape,
            name: self.name.clone(),
        })
    }

    /// Runs one tensor.
    ///
    /// # Errors
    /// [`Error::Inference`].
    pub(crate) fn run(&mut self, tensor: &[f32]) -> Result<Vec<f32>, Error> {
        self.try_run(tensor).map_err(|error| Error::Inference {
            model: self.name.clone(),
            runtime: Runtime::ONNXRUNTIME,
            reason: error.to_string(),
        })
    }

    fn try_run(&mut self, tensor: &[f32]) -> ort::Result<Vec<f32>> {
        let input = TensorRef::from_array_view((self.shape, tensor))?;
        let outputs = self.session.run(ort::inputs![input])?;
        let (_, values) = outputs[0].try_extract_tensor::<f32>()?;
        Ok(values.to_vec())
    }
}

fn unreadable(name: &str, reason: String) -> Error {
    Error::ModelUnreadable { model: name.to_owned(), runtime: Runtime::ONNXRUNTIME, reason }
}

/// One thread, which does not spin while it waits: the cores belong to the streams.
fn session(environment: &Environment, model: &[u8], weights: &PrepackedWeights) -> Result<Session, String> {
    let builder = Session::builder(environment).map_err(said)?;
    let builder = builder.with_optimization_level(GraphOptimizationLevel::Level3).map_err(said)?;
    let builder = builder.with_intra_threads(1).map_err(said)?.with_inter_threads(1).map_err(said)?;
    let builder = builder.with_intra_op_spinning(false).map_err(said)?.with_inter_op_spinning(false).map_err(said)?;
    let mut builder = builder.with_prepacked_weights(weights).map_err(said)?;
    builder.commit_from_memory(model).map_err(said)
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The one library of this process, with its environment, which must outlive every session.
static LOADED: Mutex<Option<(Library, Environment)>> = Mutex::new(None);

fn environment(library: &Library) -> Result<Environment, String> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    match &*loaded {
        Some((known, environment)) if known.sha256 == library.sha256 => Ok(environment.clone()),
        Some((known, _)) => Err(format!("this process already uses {}", known.path.display())),
        None => {
            let environment = ort::init_from(&library.path)
                .map_err(said)?
                .with_name("streamward")
                .with_telemetry(false)
                .build()
                .map_err(said)?;
            *loaded = Some((library.clone(), environment.clone()));
            Ok(environment)
        }
    }
}
