//! `streamward guard`: what does streamward-guard do with this video?

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::sibling;

/// Guards a video: holds every frame until it has been judged, and covers the harmful ones.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What is asked of the program streamward-guard; `streamward guard --help` lists it.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    sibling::GUARD.become_it(&arguments.arguments)
}
