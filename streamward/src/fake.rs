//! `streamward fake`: with whom can one practise?

mod exchange;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

/// Stands in for others, for tests and practice.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    /// An exchange of hashes that holds nothing but random numbers.
    Exchange(exchange::Arguments),
}

#[tokio::main]
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.which {
        Which::Exchange(arguments) => exchange::run(arguments).await,
    }
}
