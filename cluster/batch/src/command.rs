//! What can a person ask of the program streamward-batch?

mod engine;
mod features;
mod ids;
mod prepare;
mod score;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

use crate::cluster::{Executor, Scheduler};

/// Payments on many machines: the same features and alerts as streamward payments, reckoned by a cluster.
///
/// Exit codes: 0 nothing is worth a look, 1 something is, 2 usage or I/O error, 3 rows could not be used and nothing was
/// found.
#[derive(Parser)]
#[command(name = "streamward-batch", version)]
pub struct Arguments {
    /// How much is said about what goes on: off, error, warn, info, debug or trace.
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    log: LevelFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Hands out the pieces of jobs to executors.
    Scheduler(Scheduler),
    /// Reckons pieces.
    Executor(Executor),
    /// Reads transfers and writes them as a folder of rows: numbers only, which a cluster can read many times.
    Prepare(prepare::Arguments),
    /// Writes what the windows hold at each transfer, in order of transfer id.
    Features(features::Arguments),
    /// Reads transfers and writes what is worth a person's look, with reasons.
    Score(score::Arguments),
}

/// Runs one command. Data goes to standard output, everything else to standard error.
pub fn run(arguments: Arguments) -> ExitCode {
    tracing_subscriber::fmt().with_max_level(arguments.log).with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("cannot start: {why}");
            return ExitCode::from(2);
        }
    };
    let outcome = runtime.block_on(async {
        match arguments.command {
            Command::Scheduler(settings) => settings.run().await.map(|()| ExitCode::SUCCESS),
            Command::Executor(settings) => settings.run().await.map(|()| ExitCode::SUCCESS),
            Command::Prepare(arguments) => prepare::run(&arguments),
            Command::Features(arguments) => features::run(&arguments).await,
            Command::Score(arguments) => score::run(&arguments).await,
        }
    });
    // What is still running, such as a connection that waits, is not waited for.
    runtime.shutdown_background();
    outcome.unwrap_or_else(|why| {
        eprintln!("{why:#}");
        ExitCode::from(2)
    })
}
