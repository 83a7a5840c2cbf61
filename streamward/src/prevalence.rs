//! How many children, and how sure are we?
//!
//! The commands around the crate `prevalence`: they read files, ask it, and print. Data go to stdout, all else to stderr.

mod bayes;
mod describe;
mod estimate;
mod files;
mod plain;
mod plan;
mod print;
mod read;
mod report;
mod simulate;
mod weights;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};

/// Estimates the size of hidden groups from household surveys.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Threads to reckon with; results do not depend on it. Default: all.
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks a survey against its codebook and says what a reader must be told about it.
    Check(describe::Check),
    /// Gives the size of respondents' networks, for everybody or by the levels of columns.
    Degrees(describe::Degrees),
    /// Estimates each hidden group, for everybody and for each domain, with its interval.
    Estimate(estimate::Estimate),
    /// Scales up each known group from the others, to see how well the method finds it.
    Holdout(estimate::Holdout),
    /// Gives adjusted sizes over a grid of assumed degree ratios and true-positive rates.
    Sensitivity(estimate::Sensitivity),
    /// Estimates group sizes by a Bayesian model, for everybody or by area; prints nothing that has not converged.
    Bayes(bayes::Bayes),
    /// Says how many respondents an estimate needs.
    Plan(plan::PlanSurvey),
    /// Writes a report: one self-contained web page, and the same for a typesetter.
    Report(report::Report),
    /// Gives the weighted total of a column.
    Total(plain::Total),
    /// Gives the weighted mean of a column.
    Mean(plain::Mean),
    /// Gives the ratio of two weighted totals.
    Ratio(plain::Ratio),
    /// Writes the weights after calibration and trimming, one row for each respondent.
    Calibrate(weights::Calibrate),
    /// Writes the factors of bootstrap replicates, one row for each PSU.
    Bootstrap(weights::Bootstrap),
    /// Makes up surveys of a known truth and counts how often the intervals hold it.
    Simulate(simulate::Simulate),
}

/// Runs one command.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if let Some(n_threads) = arguments.threads {
        // Fails only when a pool exists already, and then that one serves as well.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build_global();
    }
    let is_whole = match arguments.command {
        Command::Check(check) => check.run().map(|()| true),
        Command::Degrees(degrees) => degrees.run().map(|()| true),
        Command::Estimate(estimate) => estimate.run().map(|()| true),
        Command::Holdout(holdout) => holdout.run().map(|()| true),
        Command::Sensitivity(sensitivity) => sensitivity.run().map(|()| true),
        Command::Plan(plan) => plan.run().map(|()| true),
        Command::Total(total) => total.run().map(|()| true),
        Command::Mean(mean) => mean.run().map(|()| true),
        Command::Ratio(ratio) => ratio.run().map(|()| true),
        Command::Calibrate(calibrate) => calibrate.run().map(|()| true),
        Command::Bootstrap(bootstrap) => bootstrap.run().map(|()| true),
        Command::Simulate(simulate) => simulate.run().map(|()| true),
        Command::Bayes(bayes) => bayes.run(),
        Command::Report(report) => report.run(),
    }?;
    // 3: part of the work could not be done, for walks did not agree.
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// What is wrong, and on a second line what to do about it.
fn explain(error: prevalence::Error) -> anyhow::Error {
    anyhow!("{error}\n  to do: {}", error.remedy())
}
