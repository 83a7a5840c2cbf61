//! `streamward refer`: how does what was seen become a case?
//!
//! Reads the guard's `--json` report, or one incident a line, and takes each in once: into the store at hand, or into a
//! running service. What was referred before is found again, so a run that ended too early can simply be repeated.

mod incidents;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use casework::evidence::Kept;
use casework::{Deed, Referral, Sealed};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use crate::clock::now;
use crate::store::Store;
use crate::vault::files::Files;
use crate::vault::keep::keep;
use incidents::Missing;

/// The longest input that is read, in bytes.
const LEN_MAX: u64 = 1 << 30;
/// How many incidents are taken in by one transaction.
const AT_ONCE: usize = 500;

/// Turns what the guard or another program saw into cases: each incident once, however often it is referred.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The guard's --json report, or incidents as JSON lines; - for standard input.
    #[arg(value_name = "INCIDENTS", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// The service that the video was on, for incidents that do not say it.
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// Which stream, call or file there, for incidents that do not say it.
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// When the video began, UTC, such as 2026-11-24T09:30:00Z, for incidents that do not say it.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    began_at: Option<Timestamp>,
    /// The account it came from, where that is known.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// A file that belongs to what is referred. Its digests and length are kept, not the file.
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    /// The service keeps these files and they are to go with a report: their paths are kept as well.
    #[arg(long, requires = "evidence")]
    send_evidence: bool,
    /// These files are kept in the vault here, which must be open.
    #[arg(long, requires = "evidence", conflicts_with = "send_evidence")]
    keep_evidence: bool,
    /// One JSON object a line for each incident.
    #[arg(long)]
    json: bool,
}

/// Where the cases are.
#[derive(Args)]
pub(crate) struct Place {
    /// The folder that holds everything that is kept.
    #[arg(long, value_name = "DIR", default_value = "streamward-data")]
    pub(crate) data: PathBuf,
    /// Cases are in PostgreSQL, at this address, and not in the folder.
    #[arg(long, value_name = "URL", env = "STREAMWARD_DATABASE", hide_env_values = true)]
    pub(crate) database: Option<String>,
}

impl Place {
    /// Opens the store.
    pub(crate) async fn open(&self) -> Result<Store> {
        let store = Store::open(&self.data, self.database.as_deref()).await;
        store.with_context(|| format!("cannot open the cases of {}", self.data.display()))
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let missing = Missing {
        platform: arguments.platform.clone(),
        channel: arguments.channel.clone(),
        began_at: arguments.began_at,
        account: arguments.account.clone().map(Sealed::new),
    };
    let mut referrals: Vec<Referral> = Vec::new();
    for file in &arguments.files {
        let read = incidents::read(&text(file)?, &missing);
        referrals.extend(read.with_context(|| format!("in {}; nothing of it has been referred", file.display()))?);
    }
    let mut evidence = Vec::new();
    for file in &arguments.evidence {
        let kept = match arguments.send_evidence {
            true => {
                let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
                Kept::ByTheService { path: Sealed::new(path.to_string_lossy().into_owned()) }
            }
            false => Kept::Facts,
        };
        let facts = crate::file::facts(file, kept);
        evidence.push(facts.with_context(|| format!("cannot read {}\n  to do: name a file", file.display()))?);
    }
    if referrals.is_empty() && !evidence.is_empty() {
        bail!("there is no incident that the evidence could belong to");
    }
    let store = arguments.place.open().await?;
    if arguments.keep_evidence {
        store.vault().await?.plan().map_err(|error| {
            anyhow::anyhow!(
                "{error}; nothing was referred\n  to do: `streamward vault init`, or leave --keep-evidence out"
            )
        })?;
    }
    let mut cases = BTreeSet::new();
    // One transaction for many: each is taken in whole, and what was taken in is found again when the run is repeated.
    let mut taken_in = Vec::new();
    for some in referrals.chunks(AT_ONCE) {
        taken_in.extend(store.refer_all(some, now()).await?);
    }
    for (referral, referred) in referrals.iter().zip(taken_in) {
        let key = referral.key();
        match arguments.json {
            true => println!(
                "{}",
                json!({ "case": referred.case, "is_new": referred.is_new, "is_known": referred.is_known, "key": key })
            ),
            false => println!(
                "{}  {}",
                referred.case,
                match (referred.is_known, referred.is_new) {
                    (true, _) => "known already",
                    (false, true) => "new case",
                    (false, false) => "joined a case that is open",
                }
            ),
        }
        cases.insert(referred.case);
    }
    if arguments.keep_evidence {
        let files = Files::of(&arguments.place.data);
        for case in &cases {
            for (path, facts) in arguments.evidence.iter().zip(&evidence) {
                keep(&store, &files, case, path, facts, now()).await?;
            }
        }
    }
    for case in cases.iter().filter(|_| !evidence.is_empty() && !arguments.keep_evidence) {
        let known = store.case(case).await?;
        let new: Vec<Deed> =
            evidence.iter().filter(|file| !known.evidence().contains(file)).cloned().map(Deed::Evidence).collect();
        if !new.is_empty() {
            store.act(case, None, &new, now()).await?;
        }
    }
    if cases.is_empty() && !arguments.json {
        println!("there was no incident");
    }
    Ok(ExitCode::SUCCESS)
}

fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error: jiff::Error| error.to_string())
}

fn text(file: &std::path::Path) -> Result<String> {
    let mut text = String::new();
    let what = || format!("cannot read {}\n  to do: name the guard's report, or - for standard input", file.display());
    match file.to_str() {
        Some("-") => std::io::stdin().take(LEN_MAX + 1).read_to_string(&mut text).with_context(what)?,
        _ => std::fs::File::open(file)
            .with_context(what)?
            .take(LEN_MAX + 1)
            .read_to_string(&mut text)
            .with_context(what)?,
    };
    if text.len() as u64 > LEN_MAX {
        bail!("{} has more than 1 GiB\n  to do: refer it in parts", file.display());
    }
    Ok(text)
}
