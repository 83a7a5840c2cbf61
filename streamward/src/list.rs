//! `streamward list`: what is on a list, and how is one made?

mod build;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use known::{Entry, List};
use serde_json::json;

use crate::r#match::load;

/// Makes, shows and compares lists of known material.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Makes a list of the hashes of files, or a later version of one.
    Build(build::Arguments),
    /// Shows a list's header and how many entries of each kind it has.
    Info(OneList),
    /// Checks that a list can be read in full. It says nothing about who made it: lists are not signed yet.
    Verify(OneList),
    /// Shows which entries a later list adds and takes away: 0 none, 1 some.
    Diff(TwoLists),
}

#[derive(Args)]
struct OneList {
    /// The list.
    list: PathBuf,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct TwoLists {
    /// The earlier list.
    before: PathBuf,
    /// The later list.
    after: PathBuf,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.action {
        Action::Build(arguments) => build::run(arguments),
        Action::Info(arguments) => info(&load(&arguments.list)?, arguments.json),
        Action::Verify(arguments) => verify(&load(&arguments.list)?, arguments.json),
        Action::Diff(arguments) => diff(&load(&arguments.before)?, &load(&arguments.after)?, arguments.json),
    }
}

fn info(list: &List, is_json: bool) -> Result<ExitCode> {
    let mut n_of_kind: BTreeMap<String, usize> = BTreeMap::new();
    for entry in list.entries() {
        *n_of_kind.entry(entry.fingerprint.kind().to_string()).or_default() += 1;
    }
    let (name, version, source, created) = (list.name(), list.version(), list.source(), list.created().to_string());
    match is_json {
        true => println!(
            "{}",
            json!({
                "name": name, "version": version, "source": source, "created": created,
                "entries": list.entries().len(), "kinds": n_of_kind, "signed": false,
            })
        ),
        false => {
            println!("name: {name}\nversion: {version}\nsource: {source}\ncreated: {created}");
            println!("entries: {}", list.entries().len());
            n_of_kind.iter().for_each(|(kind, n)| println!("  {kind}: {n}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(list: &List, is_json: bool) -> Result<ExitCode> {
    let (name, version, n_entries) = (list.name(), list.version(), list.entries().len());
    match is_json {
        true => println!("{}", json!({ "name": name, "version": version, "entries": n_entries, "signed": false })),
        false => println!("{name}, version {version}: all {n_entries} entries can be read; the list is not signed"),
    }
    Ok(ExitCode::SUCCESS)
}

fn diff(before: &List, after: &List, is_json: bool) -> Result<ExitCode> {
    let lines = |list: &List| list.entries().iter().map(Entry::to_string).collect::<BTreeSet<String>>();
    let (old, new) = (lines(before), lines(after));
    let (added, removed): (Vec<&String>, Vec<&String>) =
        (new.difference(&old).collect(), old.difference(&new).collect());
    match is_json {
        true => println!(
            "{}",
            json!({ "from": before.version(), "to": after.version(), "added": added, "removed": removed })
        ),
        false => {
            removed.iter().for_each(|line| println!("-{line}"));
            added.iter().for_each(|line| println!("+{line}"));
        }
    }
    if before.name() != after.name() {
        eprintln!("the lists have different names: {} and {}", before.name(), after.name());
    }
    if after.version() < before.version() {
        eprintln!("the second list is older: version {} after version {}", after.version(), before.version());
    }
    Ok(if added.is_empty() && removed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
