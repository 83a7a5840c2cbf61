//! `streamward report`: is this report such as the authority accepts?

mod validate;
mod xsd;

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};

/// Checks reports to authorities before they are sent.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Checks documents against the authority's schema: 0 all valid, 4 one is not.
    Validate(validate::Arguments),
    /// Fetches the authority's schema, and says what has changed in it: 0 nothing, 1 something.
    Xsd(xsd::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.action {
        Action::Validate(arguments) => validate::run(arguments),
        Action::Xsd(arguments) => xsd::run(arguments),
    }
}

/// The longest schema or document that is read, in bytes; the CyberTipline's schema has 149 kB.
const LEN_MAX: u64 = 16 << 20;

/// The text of a schema or a document.
pub(crate) fn text(path: &Path) -> Result<String> {
    let what = || format!("cannot read {}\n  to do: check that the file is there and is text in UTF-8", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(what)?;
    file.take(LEN_MAX + 1).read_to_string(&mut text).with_context(what)?;
    if text.len() as u64 > LEN_MAX {
        bail!("{} has more than 16 MiB\n  to do: check that this is the right file", path.display());
    }
    Ok(text)
}
