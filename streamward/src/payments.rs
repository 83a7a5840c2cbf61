//! Which transfers look like payment for livestreamed exploitation, and why?
//!
//! `score` reads a file of transfers and writes alerts; `explain` tells one alert in plain words and draws it;
//! `features` writes what the windows hold; `simulate` makes up customers; `pack check` reads a pack.
//! Everything is a pattern worth a person's look. Nothing here accuses anybody or touches an account.

mod explain;
mod features;
mod input;
mod pack;
mod score;
mod simulate;

use std::process::ExitCode;

use clap::Subcommand;

/// What to do with transfers.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Reads transfers and writes what is worth a person's look, with reasons.
    Score(score::Arguments),
    /// Writes what the windows hold at each transfer, and how fast they were reckoned.
    Features(features::Arguments),
    /// Tells one alert in plain words, with the transfers behind each reason, and draws it.
    Explain(explain::Arguments),
    /// Makes up customers and their transfers, from a seed.
    Simulate(simulate::Arguments),
    /// Reads a pack of indicators.
    #[command(subcommand)]
    Pack(pack::Command),
}

/// Runs one of the commands. A pack that is not valid ends with exit code 4.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let outcome = match command {
        Command::Score(arguments) => score::run(&arguments),
        Command::Features(arguments) => features::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Pack(command) => pack::run(command),
    };
    match outcome {
        Err(error) if error.is::<input::PackFault>() => {
            eprintln!("{error:#}");
            Ok(ExitCode::from(4))
        }
        // The reader, such as `head`, has seen enough.
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
        outcome => outcome,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.root_cause().downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}
