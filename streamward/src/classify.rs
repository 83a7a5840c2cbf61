//! Which scores does a model give these picture files?

mod choice;
mod picture;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use classifier::Scores;
use serde_json::{Map, Value, json};

pub(crate) use choice::{Choice, store, with_to_do};
pub(crate) use picture::Picture;

/// Gives the scores that a model gives picture files.
///
/// A score is how sure a model is. It is not a finding, and no model here estimates anybody's age.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
    /// Picture files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON object a line for each file.
    #[arg(long)]
    json: bool,
}

/// Prints a line for each file; a file that cannot be read is named on stderr and the others still follow.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut ensemble = arguments.choice.load()?;
    let mut code = ExitCode::SUCCESS;
    for file in &arguments.files {
        let scores = Picture::open(file).and_then(|picture| ensemble.classify(&picture.frame()).map_err(with_to_do));
        match scores {
            Ok(scores) if arguments.json => {
                println!(
                    "{}",
                    json!({"file": file.to_string_lossy(), "model": scores.model().name, "scores": object(&scores)})
                );
            }
            Ok(scores) => println!("{}  {}", line(&scores), file.display()),
            Err(error) => {
                eprintln!("{:#}", anyhow!("{}: {error:#}", file.display()));
                code = ExitCode::from(2);
            }
        }
    }
    Ok(code)
}

fn object(scores: &Scores) -> Map<String, Value> {
    scores.iter().map(|(class, value)| (class.to_owned(), json!(value))).collect()
}

fn line(scores: &Scores) -> String {
    let parts: Vec<String> = scores.iter().map(|(class, value)| format!("{class} {value:.4}")).collect();
    parts.join("  ")
}
