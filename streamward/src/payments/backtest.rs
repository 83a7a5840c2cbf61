//! What would this pack have raised, month by month, and how often was it right?
//!
//! Held against parties that people have looked into. Below the line, where nothing is raised, a sample drawn by chance
//! is named for review: without it nobody knows what is missed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use payments::gate::Outcome;
use payments::{Level, PartyId};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::input::{Input, told};
use super::score::Scored;

/// Arguments of `payments backtest`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Parties that people have looked into: CSV with the columns `party` and `outcome` (reported, useful, innocent, unclear).
    #[arg(long, value_name = "FILE")]
    reviewed: Option<PathBuf>,
    /// How many parties a team can look at.
    #[arg(long, default_value_t = 100, value_name = "N")]
    budget: usize,
    /// How many senders about whom nothing was raised to name for review.
    #[arg(long, default_value_t = 0, value_name = "N")]
    sample: usize,
    /// Seed of that sample.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// One month.
#[derive(Default)]
struct Month {
    n_transfers: usize,
    senders: BTreeSet<u32>,
    n_reviews: usize,
    n_alerts: usize,
}

/// Scores a file and tells how it went.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = arguments.input.load()?;
    let scored = Scored::new(&loaded);
    let reviewed = arguments.reviewed()?;
    let mut months: BTreeMap<String, Month> = BTreeMap::new();
    let month = |at_s: i64| payments::Moment { utc_s: at_s, offset_min: None }.to_rfc3339()[..7].to_owned();
    for row in loaded.book.rows().iter().filter(|row| row.counts()) {
        let of = months.entry(month(row.at_s)).or_default();
        of.n_transfers += 1;
        of.senders.insert(row.sender);
    }
    let mut highest: BTreeMap<&str, (Level, i64, &str)> = BTreeMap::new();
    for (alert, raised) in scored.alerts.iter().zip(&scored.raised) {
        let of = months.entry(month(loaded.book.rows()[raised.index as usize].at_s)).or_default();
        match alert.level {
            Level::Review => of.n_reviews += 1,
            Level::Alert => of.n_alerts += 1,
        }
        let known = highest.entry(&alert.party).or_insert((alert.level, alert.score, &alert.id));
        *known = (*known).max((alert.level, alert.score, &alert.id));
    }
    let mut ranked: Vec<(&str, Level, i64)> =
        highest.iter().map(|(party, (level, score, _))| (*party, *level, *score)).collect();
    ranked.sort_by_key(|(party, level, score)| (std::cmp::Reverse((*level, *score)), *party));
    let is_right = |party: &str| matches!(reviewed.get(party), Some(Outcome::Reported | Outcome::Useful));
    let top: Vec<&str> = ranked.iter().take(arguments.budget).map(|(party, ..)| *party).collect();
    let n_known = top.iter().filter(|party| reviewed.contains_key(**party)).count();
    let n_right = top.iter().filter(|party| is_right(party)).count();
    let n_wanted = reviewed.keys().filter(|party| is_right(party)).count();
    let n_found = reviewed.keys().filter(|party| is_right(party) && highest.contains_key(&***party)).count();
    let sample = sample(arguments, &loaded.book, &highest);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let months: Vec<_> = months
            .iter()
            .map(|(month, m)| json!({ "month": month, "transfers": m.n_transfers, "senders": m.senders.len(), "reviews": m.n_reviews, "alerts": m.n_alerts }))
            .collect();
        writeln!(
            out,
            "{}",
            json!({ "months": months, "raised_parties": ranked.len(), "budget": top.len(), "reviewed_in_budget": n_known,
                "right_in_budget": n_right, "right_known": n_wanted, "right_raised": n_found, "below_the_line": sample })
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "month    transfers   senders   reviews   alerts   alerts per 1,000 senders")?;
    for (month, m) in &months {
        let rate = m.n_alerts as f64 * 1000.0 / m.senders.len().max(1) as f64;
        writeln!(
            out,
            "{month}  {:>9} {:>9} {:>9} {:>8}   {rate:.2}",
            m.n_transfers,
            m.senders.len(),
            m.n_reviews,
            m.n_alerts
        )?;
    }
    writeln!(out, "\n{} parties raised", ranked.len())?;
    if arguments.reviewed.is_some() {
        writeln!(
            out,
            "of the {} highest {n_known} were looked into, and {n_right} of them were reported or useful",
            top.len()
        )?;
        writeln!(out, "of {n_wanted} parties known as reported or useful {n_found} are raised")?;
    }
    if !sample.is_empty() {
        writeln!(out, "\nbelow the line, drawn by chance; look into them to know what is missed:")?;
        for party in &sample {
            writeln!(out, "  {party}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn reviewed(&self) -> anyhow::Result<BTreeMap<String, Outcome>> {
        let Some(path) = &self.reviewed else { return Ok(BTreeMap::new()) };
        let cure = "write a header `party,outcome` and lines such as p:0123…,innocent";
        let mut reader = csv::Reader::from_path(path).map_err(|why| told("cannot read", path, why, cure))?;
        let mut reviewed = BTreeMap::new();
        for row in reader.deserialize::<(String, String)>() {
            let (party, word) = row.map_err(|why| told("cannot use", path, why, cure))?;
            let outcome = Outcome::parse(&word).filter(|_| PartyId::parse(&party).is_some());
            let outcome = outcome.ok_or_else(|| told("cannot use", path, format!("{party},{word}"), cure))?;
            reviewed.insert(party, outcome);
        }
        Ok(reviewed)
    }
}

/// Senders about whom nothing was raised: those with the least hashes under the seed.
fn sample(arguments: &Arguments, book: &payments::Book, highest: &BTreeMap<&str, (Level, i64, &str)>) -> Vec<String> {
    if arguments.sample == 0 {
        return Vec::new();
    }
    let senders: BTreeSet<u32> = book.rows().iter().filter(|row| row.counts()).map(|row| row.sender).collect();
    let below = senders.into_iter().map(|sender| book.parties()[sender as usize].to_string());
    let mut drawn: Vec<([u8; 32], String)> = below
        .filter(|party| !highest.contains_key(&**party))
        .map(|party| {
            let digest = Sha256::new().chain_update(arguments.seed.to_le_bytes()).chain_update(&party).finalize();
            (digest.into(), party)
        })
        .collect();
    drawn.sort_unstable();
    drawn.into_iter().take(arguments.sample).map(|(_, party)| party).collect()
}
