//! Which transfers look like payment for livestreamed exploitation, and why?
//!
//! `score` reads a file of transfers and writes alerts; `explain` tells one alert in plain words and draws it; `stream`
//! answers transfers as they come and `hold` lets a named person decide; `outcome` keeps what people found out and `rank` orders by it;
//! `backtest`, `compare` and `shadow` try packs; `report` drafts what an authority is told; `refer` hands an alert to
//! casework; `features` writes what the windows hold; `simulate` makes up customers; `pack check` reads a pack.
//! Everything is a pattern worth a person's look. Nothing here accuses anybody or touches an account.

mod backtest;
mod cluster;
mod columns;
mod compare;
pub(crate) mod desk;
mod explain;
mod features;
mod hold;
mod input;
mod outcome;
mod pack;
mod rank;
mod refer;
mod report;
mod score;
mod simulate;
mod stream;

use std::process::ExitCode;

use clap::Subcommand;

/// What to do with transfers.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Reads transfers and writes what is worth a person's look, with reasons.
    Score {
        #[command(flatten)]
        arguments: score::Arguments,
        #[command(flatten)]
        cluster: cluster::Cluster,
    },
    /// Writes what the windows hold at each transfer, and how fast they were reckoned.
    Features(features::Arguments),
    /// Tells one alert in plain words, with the transfers behind each reason, and draws it.
    Explain(explain::Arguments),
    /// Answers transfers as they come: pass, or hold for a person. Survives being stopped at any moment.
    Stream(stream::Arguments),
    /// Lists held transfers; a named person releases or refuses them.
    #[command(subcommand)]
    Hold(hold::Command),
    /// Keeps what an alert was worth to whoever looked into it.
    Outcome(outcome::Arguments),
    /// Orders alerts by what people found in earlier ones of the same desk. An order, not a finding.
    Rank(rank::Arguments),
    /// Scores old transfers month by month, and holds the alerts against what people found out.
    Backtest(backtest::Arguments),
    /// Scores a file with two packs and tells the difference.
    Compare(compare::Arguments),
    /// Tries a pack on what a desk has seen, without answering anybody.
    Shadow(compare::ShadowArguments),
    /// Drafts a report about an alert, valid by the authority's schema. Nothing is sent.
    Report(report::Arguments),
    /// Writes an alert as a referral to casework, in a compartment of its own.
    Refer(refer::Arguments),
    /// Makes up customers and their transfers, from a seed.
    Simulate(simulate::Arguments),
    /// Reads a pack of indicators.
    #[command(subcommand)]
    Pack(pack::Command),
}

/// Runs one of the commands. A pack or a log that is not valid ends with exit code 4.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let outcome = match command {
        Command::Score { cluster, .. } if cluster.are_given() => cluster::become_it(),
        Command::Score { arguments, .. } => score::run(&arguments),
        Command::Features(arguments) => features::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Stream(arguments) => stream::run(&arguments),
        Command::Hold(command) => hold::run(command),
        Command::Outcome(arguments) => outcome::run(&arguments),
        Command::Rank(arguments) => rank::run(&arguments),
        Command::Backtest(arguments) => backtest::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Shadow(arguments) => compare::shadow(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Refer(arguments) => refer::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Pack(command) => pack::run(command),
    };
    match outcome {
        Err(error) if error.is::<input::PackFault>() || error.is::<desk::DeskFault>() => {
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
