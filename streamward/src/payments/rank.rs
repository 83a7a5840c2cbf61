//! In which order should the alerts of a desk be looked at, going by what people found before?

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use payments::gate::{Event, Outcome};
use payments::rank::Ranker;
use payments::{Alert, Level};

use super::desk::{Desk, now_s};
use super::input::PackFiles;
use super::stream::DeskFolder;

/// Arguments of `payments rank`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    desk: DeskFolder,
    #[command(flatten)]
    pack: PackFiles,
}

/// Lists alerts that nobody has reviewed: alerts before reviews, and within each the likeliest to be worth a look first.
/// Exit code 3 when too few have been reviewed to say.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut desk = Desk::open(&arguments.desk.state, arguments.pack.load()?, arguments.desk.rule())?;
    desk.refresh(now_s())?;
    let gate = desk.gate();
    // The last word on an alert counts; what cannot be told teaches nothing.
    let mut outcomes: BTreeMap<&str, Outcome> = BTreeMap::new();
    for event in gate.outcomes() {
        if let Event::Outcome { alert, outcome, .. } = event {
            outcomes.insert(alert, *outcome);
        }
    }
    let worth = |alert: &Alert| match outcomes.get(alert.id.as_str())? {
        Outcome::Reported | Outcome::Useful => Some(true),
        Outcome::Innocent => Some(false),
        Outcome::Unclear => None,
    };
    let reviewed: Vec<(&Alert, bool)> = gate.alerts().iter().filter_map(|a| Some((a, worth(a)?))).collect();
    let ranker = match Ranker::fit(&reviewed) {
        Ok(ranker) => ranker,
        Err(few) => {
            eprintln!(
                "{few}\n  to do: look at alerts in order of their score, and keep what you find with `payments outcome`"
            );
            return Ok(ExitCode::from(3));
        }
    };
    let open = gate.alerts().iter().filter(|alert| !outcomes.contains_key(alert.id.as_str()));
    let mut ranked: Vec<(&Alert, f64)> = open.map(|alert| (alert, ranker.chance(alert))).collect();
    ranked.sort_by(|(one, p), (other, q)| other.level.cmp(&one.level).then(q.total_cmp(p)).then(one.id.cmp(&other.id)));
    let mut out = std::io::stdout().lock();
    for (alert, chance) in ranked {
        let level = if alert.level == Level::Alert { "alert" } else { "review" };
        writeln!(out, "{}  {level:<6}  {chance:.2}  score {}  {}", alert.id, alert.score, alert.party)?;
    }
    eprintln!("ordered by {} reviewed alerts of this desk; an order, not a finding", reviewed.len());
    Ok(ExitCode::SUCCESS)
}
