//! Which model was asked for, or which several, and on what do they run?

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use classifier::{Classifier, Ensemble, LibrarySearch, RuntimeChoice, Sha256, Store, Trigger};

/// The arguments that choose models and their runtime.
#[derive(Args)]
pub(crate) struct Choice {
    /// A model of the store, as `streamward model list` names it; several judge together.
    #[arg(long = "model", value_name = "NAME", default_value = "MobileNetV2")]
    models: Vec<String>,
    /// How several models judge together.
    #[arg(long, value_enum, default_value = "mean")]
    together: Together,
    /// In a cascade: the second model looks where CLASS of the first has this SCORE or more, as `Porn=0.1`.
    #[arg(long = "trigger", value_name = "CLASS=SCORE")]
    triggers: Vec<String>,
    /// What runs the models.
    #[arg(long, value_enum, default_value = "best")]
    runtime: RuntimeName,
    /// Take this libonnxruntime and no other.
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// Accept a model or library with this SHA-256, although another is pinned.
    #[arg(long = "accept-sha256", value_name = "HASH")]
    named: Vec<String>,
    /// The folder of models, instead of the user's own.
    #[arg(long, value_name = "FOLDER")]
    models_folder: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Together {
    /// Each class is averaged over the models that have it.
    Mean,
    /// The first looks at everything, the second where a trigger says so.
    Cascade,
}

#[derive(Clone, Copy, ValueEnum)]
enum RuntimeName {
    /// onnxruntime where a trusted library is found, else our own or rten.
    Best,
    /// Our own, for networks like MobileNet.
    Own,
    /// Pure Rust.
    Rten,
    /// onnxruntime, or an error.
    Onnxruntime,
}

impl Choice {
    /// Loads what was chosen.
    pub(crate) fn load(&self) -> anyhow::Result<Ensemble> {
        let named = self.named.iter().map(|hash| hash.parse()).collect::<Result<Vec<Sha256>, _>>();
        let named = named.map_err(with_to_do)?;
        let store = store(self.models_folder.as_ref())?;
        let search = LibrarySearch { path: self.onnxruntime.clone(), named: named.clone(), store: Some(store.clone()) };
        let runtime = match self.runtime {
            RuntimeName::Best => RuntimeChoice::Best(search),
            RuntimeName::Own => RuntimeChoice::Own,
            RuntimeName::Rten => RuntimeChoice::Rten,
            RuntimeName::Onnxruntime => RuntimeChoice::Onnxruntime(search),
        };
        let load = |name: &String| -> Result<Classifier, classifier::Error> {
            let (manifest, bytes) = store.read(name, &named)?;
            Classifier::load(manifest, bytes, &runtime)
        };
        let classifiers = self.models.iter().map(load).collect::<Result<Vec<_>, _>>().map_err(with_to_do)?;
        let ensemble = together(classifiers, self.together, &self.triggers)?;
        for (card, runtime) in ensemble.cards() {
            eprintln!("{} runs on {runtime}: {}", card.name, runtime.reason);
        }
        Ok(ensemble)
    }
}

fn together(mut classifiers: Vec<Classifier>, together: Together, triggers: &[String]) -> anyhow::Result<Ensemble> {
    let triggers = triggers.iter().map(|text| trigger(text)).collect::<anyhow::Result<Vec<_>>>()?;
    match (together, classifiers.len()) {
        (_, 1) => Ok(Ensemble::one(classifiers.remove(0))),
        (Together::Mean, _) => Ensemble::mean(classifiers).map_err(with_to_do),
        (Together::Cascade, 2) => {
            let second = classifiers.remove(1);
            Ensemble::cascade(classifiers.remove(0), second, triggers).map_err(with_to_do)
        }
        (Together::Cascade, n) => bail!("a cascade has two models and {n} were named\n  to do: name two with --model"),
    }
}

fn trigger(text: &str) -> anyhow::Result<Trigger> {
    let parsed = text.rsplit_once('=').and_then(|(class, score)| Some((class.to_owned(), score.parse().ok()?)));
    let (class, threshold) =
        parsed.ok_or_else(|| anyhow!("the trigger “{text}” is not CLASS=SCORE\n  to do: write it as Porn=0.1"))?;
    Ok(Trigger { class, threshold })
}

/// The store in `folder`, else the user's.
pub(crate) fn store(folder: Option<&PathBuf>) -> anyhow::Result<Store> {
    let store = folder.map(Store::at).or_else(Store::of_user);
    store.ok_or_else(|| {
        anyhow!(
            "no folder of models is known: HOME is not set\n  to do: name one with --models-folder or $STREAMWARD_MODELS"
        )
    })
}

/// The error in two lines: what is wrong, and what to do.
pub(crate) fn with_to_do(error: classifier::Error) -> anyhow::Error {
    anyhow!("{error}\n  to do: {}", error.to_do())
}
