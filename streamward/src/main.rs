//! The program streamward: one command for each question its users have.
//!
//! Each command lives in a file named after it: its arguments first, then `run`.
//! Exit codes, the same everywhere: 0 nothing found, 1 something covered or matched, 2 usage or I/O error,
//! 3 degraded, 4 a signature or policy is invalid.

mod classify;
mod evaluate;
mod hash;
mod list;
mod r#match;
mod model;
mod payments;
mod picture;
mod prevalence;
mod scan;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Protects children from livestreamed abuse: hashes, matches, reviews, reports, payments, prevalence.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Hash(hash::Arguments),
    Match(r#match::Arguments),
    Scan(scan::Arguments),
    List(list::Arguments),
    /// Gives the scores that a model gives picture files.
    Classify(classify::Arguments),
    /// Fetches, imports, adds, lists and shows the models that judge pictures.
    Model(model::Arguments),
    /// Measures a model on pictures that somebody lawfully holds and has labelled.
    Evaluate(evaluate::Arguments),
    /// Estimates the size of hidden groups from household surveys.
    Prevalence(prevalence::Arguments),
    /// Looks for transfers that look like payment for livestreamed exploitation, and explains why.
    #[command(subcommand)]
    Payments(payments::Command),
}

fn main() -> ExitCode {
    let outcome: anyhow::Result<ExitCode> = match Arguments::parse().command {
        Command::Hash(arguments) => hash::run(&arguments),
        Command::Match(arguments) => r#match::run(&arguments),
        Command::Scan(arguments) => scan::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Classify(arguments) => classify::run(arguments),
        Command::Model(arguments) => model::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Prevalence(arguments) => prevalence::run(arguments),
        Command::Payments(command) => payments::run(command),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::from(2)
    })
}
