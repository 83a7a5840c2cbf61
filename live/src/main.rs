//! The program streamward-guard.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    live::command::run(live::command::Arguments::parse())
}
