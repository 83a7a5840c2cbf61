//! Which parties are worth a person's look?
//!
//! Machines say at which transfers a typology calls for a look; these are few. Here they are put in order, so that a
//! party rests after something was raised about it, and written out with their reasons.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use payments::book::mark;
use payments::score::{Memory, Raised};
use payments::{Alert, Features, Level, Row};

use super::engine::{Engine, Reckoned};
use super::ids::Ids;
use crate::input::{Input, Loaded, unwritable};
use crate::job::{Job, Wanted};
use crate::reckon::Found;

/// Arguments of `score`. The input is a file of transfers or a folder of rows.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    engine: Engine,
    /// The ids of the transfers in a folder of rows, as `prepare` wrote them; their numbers stand for them without.
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    /// Where to write alerts as JSON lines.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write alerts as JSON lines to standard output instead of a table. Of a folder of rows nothing else is written.
    #[arg(long)]
    json: bool,
}

/// Scores. Exit code 1 when something is worth a look, 3 when rows could not be used and nothing was found.
pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Reckoned { job, loaded, answer } = arguments.engine.reckon(&arguments.input, Wanted::Levels).await?;
    anyhow::ensure!(
        loaded.is_some() || arguments.out.is_none(),
        "a folder of rows gives no alerts\n  to do: leave --out out, or give the file of transfers"
    );
    let raised = raised(&answer.found(Wanted::Levels)?, &job);
    let out = BufWriter::new(std::io::stdout().lock());
    let n_rejected = loaded.as_ref().map_or(0, |loaded| loaded.n_rejected);
    match &loaded {
        Some(loaded) => write_alerts(out, &raised, loaded, arguments)?,
        None => {
            let ids = arguments.ids.as_deref().map_or(Ok(Ids::Numbers), Ids::read)?;
            write_raised(out, &raised, &ids, &job)?;
        }
    }
    let n = |level| raised.iter().filter(|(one, _)| one.level == level).count();
    eprintln!("{} reviews and {} alerts, {n_rejected} rows not used", n(Level::Review), n(Level::Alert));
    Ok(match (raised.is_empty(), n_rejected) {
        (false, _) => ExitCode::from(1),
        (true, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::from(3),
    })
}

/// What is raised, in the book's order.
fn raised(found: &[(u32, Found)], job: &Job) -> Vec<(Raised, Features)> {
    let mut memory = Memory::default();
    let mut all = Vec::new();
    for &(number, Found { at_s, sender, beneficiary, features }) in found {
        // Of a row that counts, a score reads when it was and whom it is about.
        let row = Row {
            at_s,
            value_minor: 0,
            sender,
            beneficiary,
            reverses: Row::NO_ROW,
            corridor: 0,
            country: 0,
            marks: mark::IN_SCOPE,
            channel: 0,
        };
        memory.consider(number, &row, &features, &job.pack, |raised| all.push((raised, features)));
    }
    all
}

/// The alerts that `streamward payments score` writes, to the byte.
fn write_alerts(
    mut out: impl Write,
    raised: &[(Raised, Features)],
    loaded: &Loaded,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let alerts = Alert::of(raised, &loaded.book, &loaded.pack, &loaded.rates);
    if let Some(path) = &arguments.out {
        let mut file = BufWriter::new(File::create(path).map_err(|why| unwritable(path, why))?);
        for alert in &alerts {
            writeln!(file, "{}", alert.to_json())?;
        }
        file.flush()?;
    }
    if arguments.json {
        for alert in &alerts {
            writeln!(out, "{}", alert.to_json())?;
        }
    } else {
        write!(out, "{}", crate::score::table(&alerts))?;
    }
    Ok(out.flush()?)
}

/// Of a folder of rows: which transfer, what it looks like, how soon. In order of transfer id.
fn write_raised(mut out: impl Write, raised: &[(Raised, Features)], ids: &Ids, job: &Job) -> anyhow::Result<()> {
    let mut all: Vec<(u32, &Raised)> = raised.iter().map(|(one, _)| (one.index, one)).collect();
    ids.sort(&mut all)?;
    for (number, one) in all {
        let typology = &job.pack.typologies[one.typology].id;
        let line = serde_json::json!({ "id": ids.id(number)?, "level": one.level, "typology": typology });
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
