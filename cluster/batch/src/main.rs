//! The program streamward-batch.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    batch::command::run(batch::command::Arguments::parse())
}
