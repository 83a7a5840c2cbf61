//! Is a pack valid, and what does it say?

use std::process::ExitCode;

use clap::{Args, Subcommand};
use payments::Pack;

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
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Write a page for investigators: what each indicator means and which innocent explanations it has.
    #[arg(long)]
    markdown: bool,
}

/// Checks a pack.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let Command::Check(arguments) = command;
    let pack = arguments.files.load()?;
    let sources = || pack.indicators.iter().flat_map(|indicator| &indicator.sources);
    let n_verified = sources().filter(|source| source.verified).count();
    if arguments.markdown {
        print!("{}", page(&pack));
        return Ok(ExitCode::SUCCESS);
    }
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
        println!("  means: {}", indicator.meaning);
        println!("  may be innocent: {}", indicator.innocent);
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

/// What each indicator means, in plain words.
fn page(pack: &Pack) -> String {
    let mut page = format!(
        "# What each indicator means\n\nMade by `streamward payments pack check --markdown` from {} {}.\n\n\
         An indicator is no finding about a person.\n\
         Three families must speak before anything is raised, and every one of them has innocent explanations.\n\
         Ask yourself first which of them holds.\n",
        pack.id, pack.version
    );
    for indicator in &pack.indicators {
        let side = if indicator.reading.is_of_beneficiary() { "beneficiary" } else { "sender" };
        page += &format!("\n## {} ({}, about the {side})\n\n{}\n\n", indicator.id, indicator.family, indicator.meaning);
        page += &format!("*May be innocent:* {}\n\n*What you read:* \"{}\"\n\n", indicator.innocent, indicator.why);
        if let Some((gate, below)) = indicator.not_enough {
            page += &format!("It says nothing while `{}` is below {below}.\n\n", gate.name);
        }
        page += "| points | from | to | called |\n|---|---|---|---|\n";
        for band in &indicator.bands {
            let end = |value: i64, none: i64| if value == none { "–".to_owned() } else { value.to_string() };
            let (from, to) = (end(band.min, i64::MIN), end(band.max, i64::MAX));
            page += &format!("| {} | {from} | {to} | {} |\n", band.points, band.outcome);
        }
        page.push('\n');
        for source in &indicator.sources {
            let state =
                if source.verified { "compared with the original" } else { "not yet compared with the original" };
            page += &format!("Source: {}, read in: {}; {state}.\n", source.doc, source.quoted_from);
        }
        if !indicator.rationale.is_empty() {
            page += &format!("Our judgement: {}\n", indicator.rationale);
        }
    }
    page += "\n# What speaks for an innocent explanation\n\n";
    for protection in &pack.protections {
        let most = protection.bands.iter().map(|band| band.points).max().unwrap_or(0);
        page += &format!("- `{}`, up to {most} points off: \"{}\"\n", protection.id, protection.why);
    }
    page
}
