//! What runs the model, and why that?
//!
//! Our own runtime is made for MobileNet and takes nothing else. `rten` is pure Rust and takes every model. onnxruntime
//! is code that is loaded into the program, so it is used only where a library with a pinned hash is found. Each runs on
//! one thread: streams are spread over cores, not one picture.

#[cfg(feature = "onnxruntime")]
mod onnxruntime;
mod outline;
mod own;
#[cfg(feature = "rten")]
mod rten;

use std::borrow::Cow;
use std::fmt;

use crate::{Error, LibrarySearch, Manifest, Sha256};

/// Which runtime is in use, for `doctor` and for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// `rten` or `onnxruntime`.
    pub name: &'static str,
    /// Its version.
    pub version: String,
    /// SHA-256 of the library, for one that was loaded at run time.
    pub sha256: Option<Sha256>,
    /// Why this one, as a sentence for a person.
    pub reason: String,
}

impl Runtime {
    /// The name of the runtime in pure Rust.
    pub const RTEN: &str = "rten";
    /// The name of our own, for networks like MobileNet.
    pub const OWN: &str = "streamward";
    /// The name of the runtime that is loaded from a library.
    pub const ONNXRUNTIME: &str = "onnxruntime";

    #[cfg(feature = "rten")]
    fn rten(reason: String) -> Runtime {
        Runtime { name: Runtime::RTEN, version: "0.27".into(), sha256: None, reason }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// Which runtime to use.
#[derive(Clone, Debug)]
pub enum RuntimeChoice {
    /// onnxruntime where a library with a pinned hash is found, else our own where it knows the model, else rten.
    Best(LibrarySearch),
    /// Our own, or an error where the model has anything in it that it does not know.
    Own,
    /// The runtime in pure Rust.
    Rten,
    /// onnxruntime, or an error.
    Onnxruntime(LibrarySearch),
}

impl Default for RuntimeChoice {
    fn default() -> RuntimeChoice {
        RuntimeChoice::Best(LibrarySearch::default())
    }
}

/// A model that is loaded: runs one tensor at a time.
pub(crate) enum Engine {
    Own(own::Own),
    #[cfg(feature = "rten")]
    Rten(rten::Rten),
    #[cfg(feature = "onnxruntime")]
    Onnxruntime(Box<onnxruntime::Onnxruntime>),
}

impl Engine {
    /// Loads the model.
    ///
    /// # Errors
    /// [`Error::ModelBroken`], [`Error::ModelUnreadable`], [`Error::GraphMismatch`], [`Error::NoOnnxruntime`].
    pub(crate) fn load(
        manifest: &Manifest,
        model: Cow<'_, [u8]>,
        choice: &RuntimeChoice,
    ) -> Result<(Engine, Runtime), Error> {
        outline::check(&model).map_err(|reason| Error::ModelBroken { model: manifest.name.clone(), reason })?;
        match choice {
            RuntimeChoice::Own => Engine::load_own(manifest, &model, "it was asked for".into()),
            RuntimeChoice::Rten => Engine::load_rten(manifest, model, "it was asked for".into()),
            RuntimeChoice::Onnxruntime(search) => load_onnxruntime(manifest, &model, search),
            RuntimeChoice::Best(search) => match load_onnxruntime(manifest, &model, search) {
                Err(Error::NoOnnxruntime { reason }) => match Engine::load_own(manifest, &model, reason.clone()) {
                    Err(Error::ModelUnreadable { .. }) => Engine::load_rten(manifest, model, reason),
                    outcome => outcome,
                },
                outcome => outcome,
            },
        }
    }

    fn load_own(manifest: &Manifest, model: &[u8], reason: String) -> Result<(Engine, Runtime), Error> {
        let engine = own::Own::load(manifest, model)?;
        let version = format!("{} ({})", env!("CARGO_PKG_VERSION"), engine.registers());
        Ok((Engine::Own(engine), Runtime { name: Runtime::OWN, version, sha256: None, reason }))
    }

    #[cfg(not(feature = "rten"))]
    fn load_rten(manifest: &Manifest, _: Cow<'_, [u8]>, _: String) -> Result<(Engine, Runtime), Error> {
        let reason = "this program was built without it".to_owned();
        Err(Error::ModelUnreadable { model: manifest.name.clone(), runtime: Runtime::RTEN, reason })
    }

    #[cfg(feature = "rten")]
    fn load_rten(manifest: &Manifest, model: Cow<'_, [u8]>, reason: String) -> Result<(Engine, Runtime), Error> {
        Ok((Engine::Rten(rten::Rten::load(manifest, model.into_owned())?), Runtime::rten(reason)))
    }

    /// Another engine for another thread, sharing what can be shared.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub(crate) fn another(&self) -> Result<Engine, Error> {
        match self {
            Engine::Own(engine) => Ok(Engine::Own(engine.another())),
            #[cfg(feature = "rten")]
            Engine::Rten(engine) => Ok(Engine::Rten(engine.another())),
            #[cfg(feature = "onnxruntime")]
            Engine::Onnxruntime(engine) => Ok(Engine::Onnxruntime(Box::new(engine.another()?))),
        }
    }

    /// Runs `tensor`, which has the manifest's shape, and gives what the model puts out.
    ///
    /// # Errors
    /// [`Error::Inference`].
    pub(crate) fn run(&mut self, tensor: &[f32]) -> Result<Vec<f32>, Error> {
        match self {
            Engine::Own(engine) => engine.run(tensor),
            #[cfg(feature = "rten")]
            Engine::Rten(engine) => engine.run(tensor),
            #[cfg(feature = "onnxruntime")]
            Engine::Onnxruntime(engine) => engine.run(tensor),
        }
    }
}

#[cfg(feature = "onnxruntime")]
fn load_onnxruntime(manifest: &Manifest, model: &[u8], search: &LibrarySearch) -> Result<(Engine, Runtime), Error> {
    let library = crate::Library::search(search).map_err(|reason| Error::NoOnnxruntime { reason })?;
    let engine = onnxruntime::Onnxruntime::load(manifest, model, &library)?;
    let runtime = Runtime {
        name: Runtime::ONNXRUNTIME,
        version: library.version.unwrap_or("of a hash that was named").to_owned(),
        sha256: Some(library.sha256),
        reason: format!("a trusted library lies at {}", library.path.display()),
    };
    Ok((Engine::Onnxruntime(Box::new(engine)), runtime))
}

#[cfg(not(feature = "onnxruntime"))]
fn load_onnxruntime(_: &Manifest, _: &[u8], _: &LibrarySearch) -> Result<(Engine, Runtime), Error> {
    Err(Error::NoOnnxruntime { reason: "this program was built without it".into() })
}

/// Compares the graph's input with the manifest's; `None` stands for a side that is free.
fn check_input(manifest: &Manifest, in_graph: &[Option<usize>]) -> Result<(), Error> {
    let expected = manifest.input_shape();
    let fits = in_graph.len() == 4
        && in_graph.iter().zip(expected).all(|(in_graph, expected)| in_graph.is_none_or(|side| side == expected));
    if fits {
        return Ok(());
    }
    let sides: Vec<String> =
        in_graph.iter().map(|side| side.map_or_else(|| "any".to_owned(), |side| side.to_string())).collect();
    Err(Error::GraphMismatch {
        model: manifest.name.clone(),
        what: "the shape of the input",
        in_graph: format!("[{}]", sides.join(", ")),
        in_manifest: format!("{expected:?}"),
    })
}
