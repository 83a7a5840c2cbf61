//! What was an alert worth to whoever looked into it?

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use payments::gate::{Event, Outcome};

use super::desk::{Desk, now_s};
use super::input::PackFiles;
use super::stream::DeskFolder;

/// Arguments of `payments outcome`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The alert; all outcomes are listed when none is given.
    #[arg(requires_all = ["outcome", "by", "note"])]
    alert: Option<String>,
    #[command(flatten)]
    desk: DeskFolder,
    #[command(flatten)]
    pack: PackFiles,
    /// What it was worth: reported, useful, innocent or unclear.
    #[arg(long, value_parser = outcome)]
    outcome: Option<Outcome>,
    /// Who says so; the name goes into the log.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Why, in the person's own words.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

fn outcome(text: &str) -> Result<Outcome, String> {
    let known: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    Outcome::parse(text).ok_or_else(|| format!("expected one of {}", known.join(", ")))
}

/// Writes one outcome into the log, or lists all with how often each kind occurs.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut desk = Desk::open(&arguments.desk.state, arguments.pack.load()?, arguments.desk.rule())?;
    if let (Some(alert), Some(outcome), Some(by), Some(note)) =
        (&arguments.alert, arguments.outcome, &arguments.by, &arguments.note)
    {
        let event = Event::Outcome {
            alert: alert.clone(),
            outcome,
            by: by.trim().to_owned(),
            note: note.clone(),
            at_s: now_s(),
        };
        desk.happen(event, now_s()).map_err(|why| anyhow!("{why:#}\n  to do: see {}", desk_alerts(arguments)))?;
        eprintln!("the outcome of {alert} is in the log");
        return Ok(ExitCode::SUCCESS);
    }
    desk.refresh(now_s())?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut out = std::io::stdout().lock();
    for event in desk.gate().outcomes() {
        if let Event::Outcome { alert, outcome, by, note, .. } = event {
            writeln!(out, "{alert}  {:<9} by {by}: {note}", outcome.as_str())?;
            *counts.entry(outcome.as_str()).or_default() += 1;
        }
    }
    let counts: Vec<String> = counts.iter().map(|(outcome, n)| format!("{n} {outcome}")).collect();
    eprintln!(
        "{} alerts; outcomes: {}",
        desk.gate().alerts().len(),
        if counts.is_empty() { "none yet".to_owned() } else { counts.join(", ") }
    );
    Ok(ExitCode::SUCCESS)
}

fn desk_alerts(arguments: &Arguments) -> String {
    arguments.desk.state.join("alerts.jsonl").display().to_string()
}
