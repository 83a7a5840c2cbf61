//! Which numbers are reckoned with?

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::ids::Ids;
use crate::folder::Folder;
use crate::input::Input;

/// Arguments of `prepare`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Folder to write rows to; a place that all machines see under this name.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Where to write the ids of the transfers, in the order of the rows. This file is for nobody else.
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
}

/// Writes a folder. Exit code 3 when rows could not be used.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = arguments.input.load()?;
    let (pack, overlay) = arguments.input.pack.texts()?;
    Folder::of(&arguments.out).write(loaded.book.rows(), &pack, overlay.as_deref())?;
    if let Some(path) = &arguments.ids {
        Ids::write(loaded.book.transfers(), path)?;
    }
    eprintln!("{} transfers, {} rows not used", loaded.book.rows().len(), loaded.n_rejected);
    Ok(if loaded.n_rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
