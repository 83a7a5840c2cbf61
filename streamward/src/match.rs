//! `streamward match`: are these files on a list?

mod lookup;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use known::pdq::{DISTANCE_BITS_MAX, QUALITY_MIN};
use serde_json::{Value, json};

pub(crate) use lookup::{Lists, Verdict, load};

/// Compares files with lists: pictures by PDQ, whole and without flat bars, and every file by its digests.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    rule: Rule,
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One JSON object a line, also for files that are on no list.
    #[arg(long)]
    json: bool,
}

/// When a file is on a list.
#[derive(Args, Clone)]
pub(crate) struct Rule {
    /// A list of known material, or `test-card` for the built-in one; may be given more than once.
    #[arg(long = "list", value_name = "LIST", required = true)]
    pub(crate) lists: Vec<PathBuf>,
    /// Pictures at most this many bits apart match, 0 to 256.
    #[arg(long, default_value_t = DISTANCE_BITS_MAX, value_parser = clap::value_parser!(u32).range(0..=256))]
    pub(crate) radius: u32,
    /// Pictures of less quality are not compared by PDQ, 0 to 100.
    #[arg(long, default_value_t = QUALITY_MIN, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) quality: u8,
}

/// 0 when nothing matches, 1 when something does, 2 when a file cannot be read and nothing matches.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let lists = Lists::load(&arguments.rule.lists)?;
    let mut out = std::io::stdout().lock();
    let (mut n_matched, mut n_unread) = (0, 0);
    for file in &arguments.files {
        let verdict = match lists.verdict(file, &arguments.rule) {
            Ok(verdict) => verdict,
            Err(error) => {
                eprintln!("{error:#}");
                n_unread += 1;
                continue;
            }
        };
        if let Verdict::NotCompared { why } = &verdict {
            eprintln!("{}: compared by its digests only, since {why}", file.display());
        }
        n_matched += usize::from(matches!(verdict, Verdict::Match { .. }));
        let line = match arguments.json {
            true => Some(verdict_json(file, &verdict).to_string()),
            false => verdict_line(file, &verdict),
        };
        if let Some(line) = line {
            writeln!(out, "{line}").context("cannot write to standard output")?;
        }
    }
    Ok(match (n_matched, n_unread) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(2),
        _ => ExitCode::from(1),
    })
}

fn verdict_line(file: &Path, verdict: &Verdict) -> Option<String> {
    let Verdict::Match { list, id, kind, distance_bits } = verdict else { return None };
    Some(format!("{}: {kind} entry {id} of list {list}, {distance_bits} bits apart", file.display()))
}

/// One object about one file.
pub(crate) fn verdict_json(file: &Path, verdict: &Verdict) -> Value {
    let file = file.display().to_string();
    match verdict {
        Verdict::Match { list, id, kind, distance_bits } => json!({
            "file": file, "matched": true, "list": list, "entry": id, "kind": kind, "distance_bits": distance_bits,
        }),
        Verdict::Nothing => json!({ "file": file, "matched": false }),
        Verdict::NotCompared { why } => json!({ "file": file, "matched": false, "digests_only": why }),
    }
}
