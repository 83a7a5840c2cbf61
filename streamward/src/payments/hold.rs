//! Which transfers wait for a person, and what does the person say?

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use payments::gate::{Decided, Event, HoldState};

use super::desk::{Desk, now_s};
use super::input::PackFiles;
use super::stream::DeskFolder;

/// What to do with holds.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the transfers that wait for a person.
    List(ListArguments),
    /// Lets a held transfer pass; the party rests from holds for the pack's cooldown.
    Release(DecideArguments),
    /// Refuses a held transfer. Only a person can, by name and with a reason.
    Refuse(DecideArguments),
}

/// Arguments of `payments hold list`.
#[derive(Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    desk: DeskFolder,
    #[command(flatten)]
    pack: PackFiles,
    /// Also those that have ended.
    #[arg(long)]
    all: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Arguments of `payments hold release` and `payments hold refuse`.
#[derive(Args)]
pub(crate) struct DecideArguments {
    /// The hold, such as h-17.
    hold: String,
    #[command(flatten)]
    desk: DeskFolder,
    #[command(flatten)]
    pack: PackFiles,
    /// Who decides; the name goes into the log.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why, in the person's own words.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Runs one of the commands. Exit code 1 from `list` when something waits.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(arguments) => list(&arguments),
        Command::Release(arguments) => decide(arguments, Event::Released),
        Command::Refuse(arguments) => decide(arguments, Event::Refused),
    }
}

fn list(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let mut desk = Desk::open(&arguments.desk.state, arguments.pack.load()?, arguments.desk.rule())?;
    desk.refresh(now_s())?;
    let mut n_open = 0;
    let mut out = std::io::stdout().lock();
    for hold in desk.gate().holds() {
        n_open += usize::from(hold.state == HoldState::Open);
        if !arguments.all && hold.state != HoldState::Open {
            continue;
        }
        if arguments.json {
            writeln!(out, "{}", serde_json::to_string(hold)?)?;
            continue;
        }
        let until = payments::Moment { utc_s: hold.until_s, offset_min: None }.to_rfc3339();
        let decided = match &hold.state {
            HoldState::Released(decided) | HoldState::Refused(decided) => {
                format!(" by {}: {}", decided.by, decided.reason)
            }
            HoldState::Open | HoldState::Expired => String::new(),
        };
        writeln!(
            out,
            "{:<10} {:<9} until {until}  transfer {}  {}{decided}",
            hold.id,
            hold.state.name(),
            hold.transfer,
            hold.alert
        )?;
    }
    eprintln!("{n_open} transfers wait for a person");
    Ok(if n_open > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn decide(arguments: DecideArguments, event: fn(Decided) -> Event) -> anyhow::Result<ExitCode> {
    let mut desk = Desk::open(&arguments.desk.state, arguments.pack.load()?, arguments.desk.rule())?;
    let decided = Decided {
        hold: arguments.hold.clone(),
        by: arguments.by.trim().to_owned(),
        reason: arguments.reason,
        at_s: now_s(),
    };
    let to_do = |why: anyhow::Error| {
        anyhow::anyhow!(
            "{why:#}\n  to do: see `streamward payments hold list --all --state {}`",
            arguments.desk.state.display()
        )
    };
    desk.happen(event(decided), now_s()).map_err(to_do)?;
    eprintln!("{} is decided and in the log", arguments.hold);
    Ok(ExitCode::SUCCESS)
}
