//! Why was this raised?
//!
//! The alert is reckoned again from the same file, and compared byte for byte with the one that was written.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::input::{Input, text_of, unwritable};
use super::score::Scored;

/// Arguments of `payments explain`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The alert's id, such as a-0123456789abcdef.
    alert: String,
    #[command(flatten)]
    input: Input,
    /// File of alerts that `score --out` wrote; the alert in it must come out again with the same bytes.
    #[arg(long)]
    alerts: Option<PathBuf>,
    /// Where to draw the time line, as SVG.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Write the alert as JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Explains one alert.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = arguments.input.load()?;
    let scored = Scored::new(&loaded);
    let found = scored.alerts.iter().zip(&scored.raised).find(|(alert, _)| alert.id == arguments.alert);
    let Some((alert, raised)) = found else {
        anyhow::bail!(
            "there is no alert {} in this file with this pack, key and rates\n  to do: give the same file, --pack, --overlay, --key and --rates as when it was raised",
            arguments.alert
        );
    };
    if let Some(path) = &arguments.alerts {
        let written = text_of(path)?;
        if !written.lines().any(|line| line == alert.to_json()) {
            eprintln!(
                "{} in {} is not what comes out of this file\n  to do: treat the written alert as changed, and keep both",
                alert.id,
                path.display()
            );
            return Ok(ExitCode::from(4));
        }
        eprintln!("{} comes out again with the same bytes", alert.id);
    }
    if let Some(path) = &arguments.svg {
        let svg = payments::draw::time_line(alert, raised.index, &loaded.book, loaded.pack.spans)
            .context("the alert names nobody in the file")?;
        std::fs::write(path, svg).map_err(|why| unwritable(path, why))?;
    }
    if arguments.json {
        println!("{}", alert.to_json());
    } else {
        print!("{}", alert.to_text());
    }
    Ok(ExitCode::from(1))
}
