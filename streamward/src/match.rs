//! `streamward match`: are these files on a list?

mod lookup;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use known::pdq::{DISTANCE_BITS_MAX, QUALITY_MIN};
use known::vpdq;
use serde_json::{Value, json};

use crate::hash::parse_seconds;
use crate::list::trust::Trust;
use crate::video;

pub(crate) use lookup::{Lists, Verdict};

/// Compares files with lists: pictures by PDQ, whole and without flat bars; videos frame by frame with pictures, and as
/// a whole with videos; and every file by its digests.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    rule: Rule,
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The files are not videos but the hashes of their frames, as `hash vpdq` and Meta's tools write them.
    #[arg(long)]
    features: bool,
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
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// Pictures at most this many bits apart match, 0 to 256.
    #[arg(long, default_value_t = DISTANCE_BITS_MAX, value_parser = clap::value_parser!(u32).range(0..=256))]
    pub(crate) radius: u32,
    /// Pictures of less quality are not compared by PDQ, 0 to 100.
    #[arg(long, default_value_t = QUALITY_MIN, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) quality: u8,
    /// A video matches a video of a list when at least this share of its frames is in that one, 0 to 100 %. Public
    /// programs disagree on what is usual, so it must be said.
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent, requires = "compared_percent")]
    pub(crate) query_percent: Option<f64>,
    /// And when at least this share of the listed video's frames is in the compared file, 0 to 100 %.
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent, requires = "query_percent")]
    pub(crate) compared_percent: Option<f64>,
    /// Of videos, one frame in so many seconds is compared; 0 compares every frame.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = parse_seconds)]
    pub(crate) every: f64,
}

impl Rule {
    /// How videos are compared with videos, if it was said.
    pub(crate) fn of_videos(&self) -> Option<vpdq::Rule> {
        Some(vpdq::Rule {
            distance_bits_max: self.radius,
            query_percent_min: self.query_percent?,
            compared_percent_min: self.compared_percent?,
        })
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent @ 0.0..=100.0) => Ok(percent),
        _ => Err("a percentage from 0 to 100 is needed".into()),
    }
}

/// 1 when something matches; else 2 when a file could not be read, 3 when one could be compared only in part, 0.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let lists = Lists::load(&arguments.rule)?;
    let mut out = std::io::stdout().lock();
    let (mut n_matched, mut n_unread, mut n_in_part) = (0_usize, 0_usize, 0_usize);
    for file in &arguments.files {
        let verdict = match arguments.features {
            true => video::read_features(file).and_then(|frames| lists.of_frames(file, &frames, &arguments.rule)),
            false => lists.verdict(file, &arguments.rule),
        };
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(error) => {
                eprintln!("{error:#}");
                n_unread += 1;
                continue;
            }
        };
        if let Verdict::InPart { why } = &verdict {
            eprintln!("{}: {why}", file.display());
            n_in_part += 1;
        }
        n_matched += usize::from(verdict.is_match());
        let line = match arguments.json {
            true => Some(verdict_json(file, &verdict).to_string()),
            false => verdict_line(file, &verdict),
        };
        if let Some(line) = line {
            writeln!(out, "{line}").context("cannot write to standard output")?;
        }
    }
    Ok(match (n_matched, n_unread, n_in_part) {
        (1.., ..) => ExitCode::from(1),
        (0, 1.., _) => ExitCode::from(2),
        (0, 0, 1..) => ExitCode::from(3),
        (0, 0, 0) => ExitCode::SUCCESS,
    })
}

fn verdict_line(file: &Path, verdict: &Verdict) -> Option<String> {
    let file = file.display();
    Some(match verdict {
        Verdict::Match { list, id, kind, distance_bits } => {
            format!("{file}: {kind} entry {id} of list {list}, {distance_bits} bits apart")
        }
        Verdict::Frame { list, id, distance_bits, frame, timestamp_ms, n_frames } => format!(
            "{file}: frame {frame} at {:.3} s is the pdq entry {id} of list {list}, {distance_bits} bits apart; \
             {n_frames} frames are on lists",
            *timestamp_ms as f64 / 1000.0
        ),
        Verdict::Video { list, id, query_percent, compared_percent } => format!(
            "{file}: vpdq entry {id} of list {list}, {query_percent:.1} % of the file's frames in it and \
             {compared_percent:.1} % of its in the file"
        ),
        Verdict::Nothing | Verdict::InPart { .. } => return None,
    })
}

/// One object about one file.
pub(crate) fn verdict_json(file: &Path, verdict: &Verdict) -> Value {
    let file = file.display().to_string();
    match verdict {
        Verdict::Match { list, id, kind, distance_bits } => json!({
            "file": file, "matched": true, "list": list, "entry": id, "kind": kind, "distance_bits": distance_bits,
        }),
        Verdict::Frame { list, id, distance_bits, frame, timestamp_ms, n_frames } => json!({
            "file": file, "matched": true, "list": list, "entry": id, "kind": "pdq", "distance_bits": distance_bits,
            "frame": frame, "timestamp_ms": timestamp_ms, "frames_matched": n_frames,
        }),
        Verdict::Video { list, id, query_percent, compared_percent } => json!({
            "file": file, "matched": true, "list": list, "entry": id, "kind": "vpdq",
            "query_percent": query_percent, "compared_percent": compared_percent,
        }),
        Verdict::Nothing => json!({ "file": file, "matched": false }),
        Verdict::InPart { why } => json!({ "file": file, "matched": false, "in_part": why }),
    }
}
