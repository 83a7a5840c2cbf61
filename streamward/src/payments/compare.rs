//! What would another pack raise?
//!
//! `compare` scores a file with two packs; `shadow` plays a desk's own transfers to a pack that answers nobody, and
//! holds what it would have raised against what people found out. Neither changes anything.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use payments::gate::Outcome;
use payments::shadow::{Shadow, Strongest};
use payments::{Level, Pack, PartyId};
use serde_json::json;

use super::desk::{Desk, now_s};
use super::input::{Input, PackFault, PackFiles, text_of};
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
    /// Reads the pack, which must reckon in the other's currency.
    fn load(&self, other: &Pack) -> anyhow::Result<Pack> {
        let text = self.with.as_deref().map(text_of).transpose()?;
        let overlay = self.with_overlay.as_deref().map(text_of).transpose()?;
        let text = text.as_deref().unwrap_or(payments::pack::LIVESTREAM_EXPLOITATION);
        let pack = Pack::parse(text, overlay.as_deref()).map_err(PackFault)?;
        anyhow::ensure!(
            pack.currency == other.currency,
            "the packs reckon in {} and {}\n  to do: try a pack of the same currency",
            other.currency,
            pack.currency
        );
        Ok(pack)
    }
}

/// Compares two packs on a file.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = arguments.input.load()?;
    let candidate = arguments.candidate.load(&loaded.pack)?;
    let names = [loaded.pack.name(), candidate.name()];
    let shadow = Shadow::new(&loaded.book, &loaded.pack, &candidate);
    Difference { names, shadow, found: BTreeMap::new() }.tell(arguments.json)
}

/// Tries a pack on what a desk has seen.
pub(crate) fn shadow(arguments: &ShadowArguments) -> anyhow::Result<ExitCode> {
    let mut desk = Desk::open(&arguments.desk.state, arguments.pack.load()?, arguments.desk.rule())?;
    desk.refresh(now_s())?;
    let live = desk.gate();
    let candidate = arguments.candidate.load(live.pack())?;
    let names = [live.pack().name(), candidate.name()];
    let shadow = Shadow::new(live.book(), live.pack(), &candidate);
    Difference { names, shadow, found: payments::shadow::found(live).0 }.tell(arguments.json)
}

/// Parties raised by one pack, the other, or both.
struct Difference {
    names: [String; 2],
    shadow: Shadow,
    /// What people found out about a party.
    found: BTreeMap<PartyId, Outcome>,
}

impl Difference {
    /// Exit code 1 when the two differ.
    fn tell(&self, is_json: bool) -> anyhow::Result<ExitCode> {
        let mut out = std::io::stdout().lock();
        let Shadow { active: before, candidate: after, .. } = &self.shadow;
        let lost: Vec<String> = self.shadow.only_active().map(|(party, _)| party.to_string()).collect();
        let new: Vec<String> = self.shadow.only_candidate().map(|(party, _)| party.to_string()).collect();
        let moved = self.shadow.n_moved();
        let code = if lost.is_empty() && new.is_empty() && moved == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) };
        let found = |outcome: Outcome| {
            let parties = self.found.iter().filter(|(_, found)| **found == outcome).map(|(party, _)| party);
            (parties.clone().filter(|party| after.contains_key(*party)).count(), parties.count())
        };
        if is_json {
            let outcomes: BTreeMap<&str, (usize, usize)> =
                Outcome::ALL.iter().map(|outcome| (outcome.as_str(), found(*outcome))).collect();
            writeln!(
                out,
                "{}",
                json!({ "packs": self.names, "raised": [before.len(), after.len()], "only_first": lost,
                    "only_second": new, "both_but_other_score": moved, "still_raised_of_reviewed": outcomes })
            )?;
            return Ok(code);
        }
        let count = |parties: &BTreeMap<PartyId, Strongest>, level| {
            parties.values().filter(|strongest| strongest.level == level).count()
        };
        for (name, parties) in self.names.iter().zip([before, after]) {
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
