//! Which made-up world can the program be tried on?

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use payments::read::jsonl::write_one;
use payments::simulate::{RATES, Settings, world};

use super::input::unwritable;

/// Arguments of `payments simulate`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder to write transfers.jsonl, truth.csv, reviewed.csv and rates.csv to.
    out: PathBuf,
    /// The same seed gives the same files.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which region of the seed's world; each has people and customs of its own.
    #[arg(long, default_value_t = 0)]
    region: u32,
    /// How many remitters.
    #[arg(long, default_value_t = 10_000)]
    remitters: u32,
    /// How many days, 30 to 3650.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(30..=3650))]
    days: u32,
    /// How many of 100,000 remitters behave as published cases do.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    cases: u32,
}

/// Day 20,089 after 1970-01-01 is 2025-01-01.
const FIRST_DAY: i64 = 20_089;

/// Writes a world.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut world = world(Settings {
        seed: arguments.seed,
        region: arguments.region,
        n_remitters: arguments.remitters,
        n_days: arguments.days,
        first_day: FIRST_DAY,
        n_cases_per_100_000: arguments.cases,
    });
    // In order of time, as an institution's own file is, so that a stream can be fed with it.
    world.transfers.sort_by(|one, other| (one.at.utc_s, &one.id).cmp(&(other.at.utc_s, &other.id)));
    std::fs::create_dir_all(&arguments.out).map_err(|why| unwritable(&arguments.out, why))?;
    let create = |name: &str| -> anyhow::Result<BufWriter<File>> {
        let path = arguments.out.join(name);
        Ok(BufWriter::new(File::create(&path).map_err(|why| unwritable(&path, why))?))
    };
    let mut transfers = create("transfers.jsonl")?;
    for transfer in &world.transfers {
        writeln!(transfers, "{}", write_one(transfer))?;
    }
    transfers.flush()?;
    let mut truth = create("truth.csv")?;
    writeln!(truth, "party,life")?;
    for (party, life) in &world.remitters {
        writeln!(truth, "{party},{}", life.as_str())?;
    }
    for (party, life) in &world.recipients {
        writeln!(truth, "{party},paid-by-{}", life.as_str())?;
    }
    truth.flush()?;
    let mut reviewed = create("reviewed.csv")?;
    writeln!(reviewed, "party,outcome")?;
    for (party, life) in &world.remitters {
        writeln!(reviewed, "{party},{}", if life.is_case() { "reported" } else { "innocent" })?;
    }
    reviewed.flush()?;
    let mut rates = create("rates.csv")?;
    rates.write_all(RATES.as_bytes())?;
    rates.flush()?;
    eprintln!(
        "{} transfers of {} made-up remitters in {}; scores on them say nothing about the world",
        world.transfers.len(),
        world.remitters.len(),
        arguments.out.display()
    );
    Ok(ExitCode::SUCCESS)
}
