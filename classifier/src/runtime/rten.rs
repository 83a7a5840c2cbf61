//! How does the pure Rust runtime run a model?

use std::sync::Arc;

use rten::{Dimension, NodeId, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};

use super::{Runtime, check_input};
use crate::{Error, Manifest};

/// A model in rten. The weights are shared between all that came from one load; the thread is its own.
pub(crate) struct Rten {
    model: Arc<rten::Model>,
    input: NodeId,
    output: NodeId,
    shape: [usize; 4],
    pool: Arc<ThreadPool>,
    name: String,
}

impl Rten {
    /// Loads the model from its bytes.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`], [`Error::GraphMismatch`].
    pub(crate) fn load(manifest: &Manifest, bytes: Vec<u8>) -> Result<Rten, Error> {
        let unreadable =
            |reason: String| Error::ModelUnreadable { model: manifest.name.clone(), runtime: Runtime::RTEN, reason };
        let model = rten::ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(bytes)
            .map_err(|error| unreadable(error.to_string()))?;
        let (&[input], Some(&output)) = (model.input_ids(), model.output_ids().first()) else {
            return Err(unreadable("it must have one input, and at least one output".into()));
        };
        let in_graph = model.input_shape(0).unwrap_or_default();
        let sides: Vec<Option<usize>> = in_graph
            .iter()
            .map(|side| match side {
                Dimension::Fixed(side) => Some(*side),
                Dimension::Symbolic(_) => None,
            })
            .collect();
        check_input(manifest, &sides)?;
        let shape = manifest.input_shape();
        Ok(Rten { model: Arc::new(model), input, output, shape, pool: one_thread(), name: manifest.name.clone() })
    }

    /// The same model with a thread of its own.
    pub(crate) fn another(&self) -> Rten {
        Rten { model: Arc::clone(&self.model), pool: one_thread(), name: self.name.clone(), ..*self }
    }

    /// Runs one tensor.
    ///
    /// # Errors
    /// [`Error::Inference`].
    pub(crate) fn run(&self, tensor: &[f32]) -> Result<Vec<f32>, Error> {
        let failed = |reason: String| Error::Inference { model: self.name.clone(), runtime: Runtime::RTEN, reason };
        let view = NdTensorView::from_data(self.shape, tensor);
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        let outputs = self
            .model
            .run(vec![(self.input, view.into())], &[self.output], Some(options))
            .map_err(|error| failed(error.to_string()))?;
        let output = outputs.into_iter().next().ok_or_else(|| failed("it put out nothing".into()))?;
        let values: Tensor<f32> =
            output.try_into().map_err(|_| failed("it put out something other than f32".into()))?;
        Ok(values.to_vec())
    }
}

fn one_thread() -> Arc<ThreadPool> {
    Arc::new(ThreadPool::with_num_threads(1))
}
