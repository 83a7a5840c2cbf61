//! Is the schema at hand still the authority's?

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::cybertip::client::{Client, Login};
use crate::cybertip::schema::drift;

/// How many changed lines are shown.
const N_SHOWN: usize = 40;

/// Fetches the authority's schema, and says what has changed in it: 0 nothing, 1 something.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The schema at hand; where there is none yet, it is written.
    #[arg(long, value_name = "XSD")]
    schema: PathBuf,
    /// The authority's server for tests, or one of `streamward fake cybertip`.
    #[arg(long, value_name = "URL")]
    server: String,
    /// A file with one line `user:password`.
    #[arg(long, value_name = "FILE")]
    login: PathBuf,
    /// Replace the schema at hand with the authority's.
    #[arg(long)]
    update: bool,
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let client = Client::new(&arguments.server, Login::open(&arguments.login)?)?;
    let theirs = client.schema().await?;
    let write = || {
        std::fs::write(&arguments.schema, &theirs).with_context(|| {
            format!("cannot write {}\n  to do: name a file that you may write", arguments.schema.display())
        })
    };
    if !arguments.schema.exists() {
        write()?;
        println!("written to {}", arguments.schema.display());
        return Ok(ExitCode::SUCCESS);
    }
    let changes = drift(&super::text(&arguments.schema)?, &theirs, N_SHOWN);
    if changes.is_empty() {
        println!("the schema is the authority's");
        return Ok(ExitCode::SUCCESS);
    }
    println!("the authority's schema has changed:");
    changes.iter().for_each(|line| println!("  {line}"));
    if arguments.update {
        write()?;
        println!("replaced {}", arguments.schema.display());
    }
    Ok(ExitCode::from(1))
}
