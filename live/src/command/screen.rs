//! `streamward-guard screen`: windows on an X11 screen, shown only as far as they were judged.

use std::sync::Arc;

use super::Choices;
use crate::Error;
use crate::keeper::{Plan, screen};
use crate::status::Board;

/// Guards windows on an X11 screen until it is interrupted or they are gone. Each shows the cover until what is in it
/// was judged. On Wayland no program can hold a window back; there this command ends with an error.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A window's number, as `xwininfo` prints it: 0x… or decimal. May be given several times.
    #[arg(long = "window", value_name = "NUMBER", required_unless_present = "all", value_parser = number)]
    windows: Vec<u32>,
    /// Every window of the screen, those to come too. No other compositor may run.
    #[arg(long, conflicts_with = "windows")]
    all: bool,
    #[command(flatten)]
    choices: Choices,
}

fn number(text: &str) -> Result<u32, String> {
    let parsed = text.strip_prefix("0x").map_or_else(|| text.parse(), |digits| u32::from_str_radix(digits, 16));
    parsed.map_err(|_| format!("{text:?} is not the number of a window"))
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let choices = &arguments.choices;
    let facts = choices.announced("screen")?;
    let policy = choices.policy()?;
    let interrupt = Arc::default();
    super::listen(&interrupt);
    let program = std::env::current_exe().map_err(|source| Error::Read { path: "this program".into(), source })?;
    let checker = choices.part("window");
    let plan = Plan { program, pull: Vec::new(), checker, push: Vec::new(), interrupt };
    let tally = screen::run(&plan, &arguments.windows, &policy, Board::new(facts, None))?;
    super::stream::tell(&tally, choices.json);
    Ok(tally.exit_code())
}
