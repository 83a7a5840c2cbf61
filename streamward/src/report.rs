//! `streamward report`: is this report such as the authority accepts?

mod validate;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

/// Checks reports to authorities before they are sent.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Checks documents against the authority's schema: 0 all valid, 4 one is not.
    Validate(validate::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.action {
        Action::Validate(arguments) => validate::run(arguments),
    }
}
