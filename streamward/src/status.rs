//! `streamward status`: which guards run here, how do they stand, and by which policy?
//!
//! Each keeper writes a file in the run folder once a second. One whose keeper is gone was killed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;
use serde_json::Value;

/// Shows the guards that run here: 0 all are well, 3 one is stalled or was killed.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Look in this folder in place of the usual ones.
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// A file of a keeper is no larger, bytes.
const BYTES_MAX: u64 = 1 << 20;
/// Older than this it was not written by a keeper that is well, seconds.
const FRESH_S: u64 = 5;

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let folders = arguments.run.clone().map_or_else(usual, |folder| vec![folder]);
    let mut guards = Vec::new();
    for folder in &folders {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if arguments.run.is_some() => {
                return Err(anyhow!(
                    "cannot look for guards in {}: {error}\n  to do: name a folder that is there",
                    folder.display()
                ));
            }
            Err(_) => continue,
        };
        let paths = entries.flatten().map(|entry| entry.path());
        guards.extend(
            paths.filter(|path| path.extension().is_some_and(|end| end == "json")).filter_map(|path| read(&path)),
        );
    }
    if guards.is_empty() && !arguments.json {
        println!("no guard runs here");
    }
    guards.sort_by_key(|guard| guard["since"].as_u64());
    for guard in &guards {
        match arguments.json {
            true => println!("{guard}"),
            false => println!("{}", words(guard)),
        }
    }
    let is_well = guards.iter().all(|guard| guard["is_well"] == true);
    Ok(ExitCode::from(if is_well { 0 } else { 3 }))
}

/// The run folders of this user and of the machine's services.
fn usual() -> Vec<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let mut folders: Vec<PathBuf> = folder("STREAMWARD_RUN").into_iter().collect();
    folders.extend(folder("XDG_RUNTIME_DIR").map(|run| run.join("streamward")));
    let services = std::fs::read_dir("/run").into_iter().flatten().flatten().map(|entry| entry.path());
    let is_ours =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("streamward"));
    folders.extend(services.filter(is_ours));
    folders.sort();
    folders.dedup();
    folders
}

/// What one keeper says; `None` for what is no such file.
fn read(path: &Path) -> Option<Value> {
    let facts = std::fs::metadata(path).ok().filter(|facts| facts.len() <= BYTES_MAX)?;
    let mut guard: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let pid = guard["pid"].as_u64()?;
    let age_s = facts.modified().ok()?.elapsed().map_or(0, |age| age.as_secs());
    let is_there = Path::new(&format!("/proc/{pid}")).exists();
    if !is_there || age_s > FRESH_S {
        guard["is_well"] = false.into();
        guard["standing"] = match is_there {
            true => format!("its keeper has said nothing for {age_s} s: nothing is shown or opened").into(),
            false => "its keeper was killed".into(),
        };
    }
    Some(guard)
}

fn words(guard: &Value) -> String {
    let text = |key: &str| guard[key].as_str().unwrap_or("unknown").to_owned();
    let counts = guard["counts"].as_object().into_iter().flatten();
    let counts: Vec<String> = counts.map(|(name, n)| format!("{} {n}", name.replace('_', " "))).collect();
    let lists = guard["lists"].as_array().into_iter().flatten().filter_map(|list| list[0].as_str());
    let lists: Vec<&str> = lists.collect();
    format!(
        "{}{} ({}): {}\n  {}\n  lists: {}\n  {}",
        text("what"),
        guard["stream"].as_str().map(|name| format!(" {name}")).unwrap_or_default(),
        guard["pid"],
        text("standing"),
        text("words").replace('\n', "\n  "),
        if lists.is_empty() { "none".into() } else { lists.join(", ") },
        counts.join(", ")
    )
}
