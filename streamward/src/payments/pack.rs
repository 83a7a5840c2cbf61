//! Is a pack valid, and what does it say?

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::input::PackFiles;

/// What to do with a pack.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Checks a pack and its overlay, and lists what they say and who said it.
    Check(CheckArguments),
}

/// Arguments of `payments pack check`.
#[derive(Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    files: PackFiles,
    /// Write JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Checks a pack.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let Command::Check(arguments) = command;
    let pack = arguments.files.load()?;
    let sources = || pack.indicators.iter().flat_map(|indicator| &indicator.sources);
    let n_verified = sources().filter(|source| source.verified).count();
    if arguments.json {
        let indicators: Vec<_> = pack
            .indicators
            .iter()
            .map(|i| serde_json::json!({ "id": i.id, "version": i.version, "family": i.family, "feature": i.reading.name, "sources": i.sources, "rationale": i.rationale }))
            .collect();
        println!(
            "{}",
            serde_json::json!({ "pack": pack.id, "version": pack.version, "overlay": pack.overlay.as_ref().map(|o| &o.0),
                "indicators": indicators, "n_sources": sources().count(), "n_verified": n_verified })
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} {}: {}", pack.id, pack.version, pack.title);
    if let Some((id, version, _)) = &pack.overlay {
        println!("with the overlay {id} {version}");
    }
    for indicator in &pack.indicators {
        println!("\n{} ({})", indicator.id, indicator.family);
        println!("  {}", indicator.why);
        for band in &indicator.bands {
            println!("  {:>3} points: {}", band.points, band.outcome);
        }
        for source in &indicator.sources {
            let state = if source.verified { "checked" } else { "not checked against the original" };
            println!("  {} ({}): {state}", source.doc, source.quoted_from);
        }
        if !indicator.rationale.is_empty() {
            println!("  our judgement: {}", indicator.rationale);
        }
    }
    for typology in &pack.typologies {
        println!(
            "\n{}: {} families must speak; review from {}, alert from {}",
            typology.id, typology.n_families_min, typology.review, typology.alert
        );
    }
    println!("\n{n_verified} of {} sources have been checked against the original", sources().count());
    Ok(ExitCode::SUCCESS)
}
