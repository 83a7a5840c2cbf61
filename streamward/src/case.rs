//! `streamward case`: which cases are there, and is what is stored of them as it was written?

mod anchor;
mod forms;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use casework::role::Compartment;
use clap::{Args, Subcommand};
use record::{Key, Note};
use serde_json::json;

pub(crate) use forms::csv as form_csv;

use crate::refer::Place;
use crate::store::{Line, Store};

/// The longest bundle that is read, in bytes.
const BUNDLE_LEN_MAX: u64 = 1 << 30;

/// Lists, shows and checks cases.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Lists cases: running streams first, then by when a person should look.
    List(List),
    /// Shows what was done to a case.
    Show(Show),
    /// Checks that nothing that is stored was altered, or that a bundle is what it says: 0 it is, 4 it is not.
    Verify(Verify),
    /// Prints the log's signed checkpoint, to be kept elsewhere.
    Checkpoint(Place),
    /// Has the log's checkpoint stamped by an authority for time stamps, over the network or by a file that somebody carries.
    Anchor(anchor::Arguments),
    /// Fills the forms that authorities ask for, as tables for a spreadsheet; from a replica of the database too.
    Forms(forms::Arguments),
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    place: Place,
    /// Those in which nothing is left to do.
    #[arg(long)]
    done: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Show {
    /// Which.
    #[arg(value_name = "CASE")]
    id: String,
    #[command(flatten)]
    place: Place,
    /// The whole case as one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Verify {
    /// A bundle; without one, everything that is stored.
    #[arg(value_name = "BUNDLE")]
    bundle: Option<PathBuf>,
    /// The public key of the house, which came by another way than the bundle.
    #[arg(long, value_name = "FILE", requires = "bundle")]
    key: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere: the log must begin as it did then.
    #[arg(long, value_name = "FILE", conflicts_with = "bundle")]
    since: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.action {
        Action::List(List { place, done, json }) => list(&place.open().await?, *done, *json).await,
        Action::Show(Show { id, place, json }) => show(&place.open().await?, id, *json).await,
        Action::Verify(Verify { bundle: Some(bundle), key, .. }) => verify_bundle(bundle, key.as_deref()),
        Action::Verify(Verify { bundle: None, since, place, .. }) => {
            let since = since.as_deref().map(text).transpose()?;
            let since = since.map(|text| Note::parse(text.as_bytes())).transpose()?;
            verify(&place.open().await?, since.as_ref()).await
        }
        Action::Anchor(arguments) => anchor::run(arguments).await,
        Action::Forms(arguments) => forms::run(arguments).await,
        Action::Checkpoint(place) => {
            print!("{}", place.open().await?.head().await?.note);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn list(store: &Store, is_done: bool, is_json: bool) -> Result<ExitCode> {
    let line = if is_done { Line::Done } else { Line::ToDo };
    for listed in store.cases(line, &Compartment::ALL, 1000).await? {
        let state = listed.dossier.case().state().name();
        let is_live = listed.dossier.is_live();
        match is_json {
            true => println!(
                "{}",
                json!({ "case": listed.id, "state": state, "is_live": is_live, "due_at": listed.due_at })
            ),
            false => println!("{}  {}{}", listed.id, state, if is_live { ", still running" } else { "" }),
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(store: &Store, id: &str, is_json: bool) -> Result<ExitCode> {
    if is_json {
        println!("{}", serde_json::to_string(&store.case(id).await?)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", store.case(id).await?.case().state().name());
    for (logged, _) in store.deeds(id).await? {
        let who = logged.entry.who.as_ref().map_or("this program", |who| who.name());
        println!("{}  record {}  {}  {who}", logged.entry.at, logged.position, logged.entry.action.name());
    }
    Ok(ExitCode::SUCCESS)
}

async fn verify(store: &Store, since: Option<&Note>) -> Result<ExitCode> {
    let findings = store.verify(since).await?;
    if findings.faults.is_empty() {
        println!("nothing was altered: {} records, {} cases", findings.n_entries, findings.n_cases);
        return Ok(ExitCode::SUCCESS);
    }
    println!("something was altered:");
    findings.faults.iter().for_each(|fault| println!("  {fault}"));
    println!("  to do: keep this folder as it is, and compare it with a backup");
    Ok(ExitCode::from(4))
}

fn verify_bundle(bundle: &Path, key: Option<&Path>) -> Result<ExitCode> {
    let bytes = crate::file::read(bundle, BUNDLE_LEN_MAX)
        .with_context(|| format!("cannot read {}\n  to do: name a bundle", bundle.display()))?;
    let key = key.map(text).transpose()?.map(|text| Key::parse(text.trim_end())).transpose()?;
    match crate::bundle::verify(&bytes, key.as_ref()) {
        Ok(verified) => {
            println!(
                "the bundle is as it was made: case {}, {} records of a log of {}",
                verified.case, verified.n_records, verified.n_entries
            );
            if key.is_none() {
                println!(
                    "  it was signed with {}\n  to do: compare that with the key of the house, by another way",
                    verified.key
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            println!("the bundle is not as it was made: {error:#}");
            Ok(ExitCode::from(4))
        }
    }
}

fn text(file: &Path) -> Result<String> {
    let bytes = crate::file::read(file, 1 << 20).with_context(|| format!("cannot read {}", file.display()))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => bail!("{} is not text\n  to do: name the right file", file.display()),
    }
}
