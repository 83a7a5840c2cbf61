//! What would another pack raise?
//!
//! `compare` scores a file with two packs; `shadow` plays a desk's own transfers to a pack that answers nobody, and
//! holds what it would have raised against what people found out. Neither changes anything.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use payments::gate::{Event, HoldRule, Outcome};
use payments::{Alert, Book, Gate, Level, Pack};
use serde_json::json;

use super::desk::{Desk, now_s};
use super::input::{Input, PackFault, PackFiles, text_of};
use super::score::Scored;
use super::stream::DeskFolder;

/// The pack that is tried.
#[derive(Args)]
pub(crate) struct Candidate {
    /// The pack to try (TOML); the public one when not given.
    #[arg(long, value_name = "PACK")]
    with: Option<PathBuf>,
    /// Its overlay (TOML).
    #[arg(long, value_name = "OVERLAY")]
    with_overlay: Option<PathBuf>,
}

/// Arguments of `payments compare`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    candidate: Candidate,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Arguments of `payments shadow`.
#[derive(Args)]
pub(crate) struct ShadowArguments {
    #[command(flatten)]
    desk: DeskFolder,
    #[command(flatten)]
    pack: PackFiles,
    #[command(flatten)]
    candidate: Candidate,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

impl Candidate {
    fn load(&self) -> anyhow::Result<Pack> {
        let text = self.with.as_deref().map(text_of).transpose()?;
        let overlay = self.with_overlay.as_deref().map(text_of).transpose()?;
        let text = text.as_deref().unwrap_or(payments::pack::LIVESTREAM_EXPLOITATION);
        Ok(Pack::parse(text, overlay.as_deref()).map_err(PackFault)?)
    }
}

/// Compares two packs on a file.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut loaded = arguments.input.load()?;
    let before = Difference::highest(&Scored::new(&loaded).alerts);
    let candidate = arguments.candidate.load()?;
    anyhow::ensure!(
        candidate.currency == loaded.pack.currency,
        "the packs reckon in {} and {}\n  to do: compare packs of one currency",
        loaded.pack.currency,
        candidate.currency
    );
    let (book, _) = Book::new(loaded.book.transfers().to_vec(), &loaded.rates, &candidate.scope)?;
    let names = [title(&loaded.pack), title(&candidate)];
    (loaded.book, loaded.pack) = (book, candidate);
    let after = Difference::highest(&Scored::new(&loaded).alerts);
    Difference { names, before, after, found: BTreeMap::new() }.tell(arguments.json)
}

/// Tries a pack on what a desk has seen.
pub(crate) fn shadow(arguments: &ShadowArguments) -> anyhow::Result<ExitCode> {
    let mut desk = Desk::open(&arguments.desk.state, arguments.pack.load()?, arguments.desk.rule())?;
    desk.refresh(now_s())?;
    let live = desk.gate();
    let mut gate = Gate::new(arguments.candidate.load()?, HoldRule { from: None, for_s: 0 });
    anyhow::ensure!(
        gate.pack().currency == live.pack().currency,
        "the packs reckon in {} and {}\n  to do: try a pack of the desk's currency",
        live.pack().currency,
        gate.pack().currency
    );
    for (transfer, row) in live.book().transfers().iter().zip(live.book().rows()) {
        let taken = gate.take(transfer.clone(), row.value_minor, row.at_s);
        taken
            .map_err(|(field, problem)| anyhow::anyhow!("{field} {problem}"))
            .context("a desk's transfers are sound")?;
    }
    let party_of: BTreeMap<&str, &str> = live.alerts().iter().map(|alert| (&*alert.id, &*alert.party)).collect();
    let found = live.outcomes().iter().filter_map(|event| match event {
        Event::Outcome { alert, outcome, .. } => Some(((*party_of.get(&**alert)?).to_owned(), *outcome)),
        _ => None,
    });
    let difference = Difference {
        names: [title(live.pack()), title(gate.pack())],
        before: Difference::highest(live.alerts()),
        after: Difference::highest(gate.alerts()),
        found: found.collect(),
    };
    difference.tell(arguments.json)
}

fn title(pack: &Pack) -> String {
    let overlay = pack.overlay.as_ref().map_or_else(String::new, |(id, version, _)| format!(" with {id} {version}"));
    format!("{} {}{overlay}", pack.id, pack.version)
}

/// Parties raised by one pack, the other, or both.
struct Difference {
    names: [String; 2],
    before: BTreeMap<String, (Level, i64)>,
    after: BTreeMap<String, (Level, i64)>,
    /// What people found out about a party.
    found: BTreeMap<String, Outcome>,
}

impl Difference {
    fn highest(alerts: &[Alert]) -> BTreeMap<String, (Level, i64)> {
        let mut highest = BTreeMap::new();
        for alert in alerts {
            let known = highest.entry(alert.party.clone()).or_insert((alert.level, alert.score));
            *known = (*known).max((alert.level, alert.score));
        }
        highest
    }

    /// Exit code 1 when the two differ.
    fn tell(&self, is_json: bool) -> anyhow::Result<ExitCode> {
        let mut out = std::io::stdout().lock();
        let lost: Vec<&String> = self.before.keys().filter(|party| !self.after.contains_key(*party)).collect();
        let new: Vec<&String> = self.after.keys().filter(|party| !self.before.contains_key(*party)).collect();
        let moved = self.before.iter().filter(|(party, b)| self.after.get(*party).is_some_and(|a| a != *b)).count();
        let code = if lost.is_empty() && new.is_empty() && moved == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) };
        let found = |outcome: Outcome| {
            let parties = self.found.iter().filter(|(_, found)| **found == outcome).map(|(party, _)| party);
            (parties.clone().filter(|party| self.after.contains_key(*party)).count(), parties.count())
        };
        if is_json {
            let outcomes: BTreeMap<&str, (usize, usize)> =
                Outcome::ALL.iter().map(|outcome| (outcome.as_str(), found(*outcome))).collect();
            writeln!(
                out,
                "{}",
                json!({ "packs": self.names, "raised": [self.before.len(), self.after.len()], "only_first": lost,
                    "only_second": new, "both_but_other_score": moved, "still_raised_of_reviewed": outcomes })
            )?;
            return Ok(code);
        }
        let count =
            |parties: &BTreeMap<String, (Level, i64)>, level| parties.values().filter(|(l, _)| *l == level).count();
        for (name, parties) in self.names.iter().zip([&self.before, &self.after]) {
            writeln!(
                out,
                "{name}: {} parties for review, {} for alert",
                count(parties, Level::Review),
                count(parties, Level::Alert)
            )?;
        }
        writeln!(
            out,
            "only the first raises {}, only the second {}, both with another score {moved}",
            lost.len(),
            new.len()
        )?;
        for (label, parties) in [("only the first", &lost), ("only the second", &new)] {
            for party in parties.iter().take(20) {
                writeln!(out, "  {label}: {party}")?;
            }
        }
        for outcome in Outcome::ALL {
            let (n_kept, n) = found(*outcome);
            if n > 0 {
                writeln!(out, "of {n} parties found {}, the second still raises {n_kept}", outcome.as_str())?;
            }
        }
        Ok(code)
    }
}
