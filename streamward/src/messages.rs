//! `streamward messages`: what do the pages of the console say, and what of it does a translation lack?

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::serve::messages::{ENGLISH_TEXT, compared};

/// Prints every sentence of the console in English, or checks a translation of them.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A translation. What it lacks is listed, one key a line; a fault in it is named.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Some(file) = &arguments.file else {
        print!("{ENGLISH_TEXT}");
        return Ok(ExitCode::SUCCESS);
    };
    let (n_sentences, lacking) = compared(file)?;
    for key in &lacking {
        println!("{key}");
    }
    eprintln!("{n_sentences} sentences can be used; {} are said in English", lacking.len());
    Ok(ExitCode::SUCCESS)
}
