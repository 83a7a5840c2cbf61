//! `streamward list sign`: who stands by this version of a list?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use known::list::Signatures;
use record::Signer;

use super::build::write;
use super::trust::{beside, open, signatures};

/// Writes LIST.sig beside a list.
///
/// For a version that is signed already the signature is added; a later version continues the log of the earlier ones.
#[derive(Args)]
pub(super) struct Arguments {
    /// The list.
    list: PathBuf,
    /// The secret key, as `list key` wrote it. May be given several times.
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let signers = arguments.keys.iter().map(|file| signer(file)).collect::<Result<Vec<Signer>>>()?;
    let (list, sha256) = open(&arguments.list)?;
    let before = signatures(&arguments.list)?;
    let mut signed = match before {
        Some(before) if before.is_for(&sha256) => before,
        before => Signatures::begin(&list.header(), sha256, before.as_ref()).with_context(|| {
            format!("cannot sign {} after what {} holds", arguments.list.display(), beside(&arguments.list).display())
        })?,
    };
    for signer in &signers {
        if signed.signed_by(&[signer.key()])?.is_empty() {
            signed.sign(signer);
        }
    }
    write(&beside(&arguments.list), &signed.to_string())?;
    eprintln!("{}, version {}: signed; {} versions in its log", list.name(), list.version(), signed.n_versions());
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn signer(file: &Path) -> Result<Signer> {
    let trouble = |what: String| {
        anyhow!("cannot sign with the key {}: {what}\n  to do: name a file that `list key` wrote", file.display())
    };
    let text = std::fs::read_to_string(file).map_err(|error| trouble(error.to_string()))?;
    Signer::parse(text.trim()).map_err(|error| trouble(error.to_string()))
}
