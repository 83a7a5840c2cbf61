//! The program streamward-cluster.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cluster::command::run(cluster::command::Arguments::parse())
}
