//! `streamward list`: what is on a list, and how is one made?

pub(crate) mod build;
mod feedback;
mod key;
mod pull;
pub(crate) mod sign;
pub(crate) mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use known::list::Signatures;
use known::{Entry, List};
use serde_json::json;

use trust::{load, signatures};

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
    /// Makes a key to sign lists with.
    Key(key::Arguments),
    /// Signs a version of a list, or adds a signature: LIST.sig beside it.
    Sign(sign::Arguments),
    /// Checks that a list can be read in full and, with --keys, who signed it and that it is not an older one.
    Verify(Verify),
    /// Brings a list of what an exchange of hashes has up to date.
    #[command(subcommand)]
    Pull(pull::Exchange),
    /// Tells an exchange that an entry was right or wrong.
    #[command(subcommand)]
    Feedback(feedback::Exchange),
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
struct Verify {
    #[command(flatten)]
    one: OneList,
    #[command(flatten)]
    trust: trust::Trust,
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
        Action::Info(arguments) => info(&load(&arguments.list)?, signatures(&arguments.list)?.as_ref(), arguments.json),
        Action::Key(arguments) => key::run(arguments),
        Action::Sign(arguments) => sign::run(arguments),
        Action::Verify(arguments) => verify(arguments),
        Action::Pull(exchange) => pull::run(exchange),
        Action::Feedback(exchange) => feedback::run(exchange),
        Action::Diff(arguments) => diff(&load(&arguments.before)?, &load(&arguments.after)?, arguments.json),
    }
}

fn info(list: &List, signatures: Option<&Signatures>, is_json: bool) -> Result<ExitCode> {
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
                "entries": list.entries().len(), "kinds": n_of_kind, "signed": signatures.is_some(),
                "signed_versions": signatures.map(Signatures::n_versions),
            })
        ),
        false => {
            println!("name: {name}\nversion: {version}\nsource: {source}\ncreated: {created}");
            println!("entries: {}", list.entries().len());
            n_of_kind.iter().for_each(|(kind, n)| println!("  {kind}: {n}"));
            match signatures {
                Some(signatures) => println!("signed: version {}, not checked here", signatures.version()),
                None => println!("signed: no"),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(arguments: &Verify) -> Result<ExitCode> {
    let trusted = arguments.trust.read(&arguments.one.list)?;
    let (name, version, n_entries) = (trusted.list.name(), trusted.list.version(), trusted.list.entries().len());
    match (arguments.one.json, trusted.signed_by) {
        (true, signed_by) => println!(
            "{}",
            json!({
                "name": name, "version": version, "entries": n_entries, "signed": signed_by.is_some(),
                "signed_by": signed_by,
            })
        ),
        (false, Some(names)) => {
            println!("{name}, version {version}: all {n_entries} entries can be read; signed by {}", names.join(", "));
        }
        (false, None) => {
            println!(
                "{name}, version {version}: all {n_entries} entries can be read; nobody's signature was asked for"
            );
        }
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
