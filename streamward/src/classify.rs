//! Which scores does a model give these picture files?

mod choice;
mod upright;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use classifier::{Ensemble, Scores};
use serde_json::{Map, Value, json};

pub(crate) use choice::{Choice, store, with_to_do};
use upright::Upright;

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
        match judge(&mut ensemble, file) {
            Ok(scores) if arguments.json => {
                println!(
                    "{}",
                    json!({"file": file.to_string_lossy(), "model": scores.model().name, "scores": object(&scores)})
                );
            }
            Ok(scores) => println!("{}  {}", line(&scores), file.display()),
            Err(error) => {
                eprintln!("{error:#}");
                code = ExitCode::from(2);
            }
        }
    }
    Ok(code)
}

/// Unpacks and judges one picture file. Errors name the file.
pub(crate) fn judge(ensemble: &mut Ensemble, file: &Path) -> anyhow::Result<Scores> {
    let picture = Upright::open(file)?;
    let failed = |error| anyhow!("cannot judge the picture {}: {:#}", file.display(), with_to_do(error));
    ensemble.classify(&picture.frame()).map_err(failed)
}

fn object(scores: &Scores) -> Map<String, Value> {
    scores.iter().map(|(class, value)| (class.to_owned(), json!(value))).collect()
}

fn line(scores: &Scores) -> String {
    let parts: Vec<String> = scores.iter().map(|(class, value)| format!("{class} {value:.4}")).collect();
    parts.join("  ")
}
