//! `streamward list key`: with which key does somebody sign lists?

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;
use record::Signer;

/// Writes a new secret key and prints the public key that belongs to it.
#[derive(Args)]
pub(super) struct Arguments {
    /// Whose key it is: a name without spaces, such as a host or a mail address.
    #[arg(long)]
    name: String,
    /// Where the secret is written, for its owner's eyes only. A file that is there is never written over.
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
    let signer = Signer::new(&arguments.name, &secret)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&arguments.out).and_then(|mut file| {
        writeln!(file, "{}", signer.to_secret_text())?;
        file.sync_all()
    });
    written.map_err(|error| {
        anyhow!(
            "cannot write the key {}: {error}\n  to do: name a file that is not there yet, where you may write",
            arguments.out.display()
        )
    })?;
    println!("{}", signer.key());
    Ok(ExitCode::SUCCESS)
}
