//! May each of these transfers pass, as they come?
//!
//! One answer a line, in the order of the transfers: `pass`, or `hold_for_person` with the moment at which the hold
//! ends by itself. What cannot be used is answered too. Everything is kept in a desk, so the program may be stopped at
//! any moment and fed the same transfers again.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use payments::gate::{Answer, HoldRule};
use payments::read::Entry;
use payments::{Error, Level, Transfer};
use serde_json::json;

use super::desk::{Desk, now_s};
use super::input::Input;

/// Transfers that are written to the disk together, at most.
const BATCH_MAX: usize = 2048;

/// Arguments of `payments stream`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    desk: DeskFolder,
    /// Say on standard error how long the answers took.
    #[arg(long)]
    timing: bool,
}

/// A desk, and the rule of one that is made.
#[derive(Args)]
pub(crate) struct DeskFolder {
    /// Folder of the desk: its log and its alerts; made when it is not there.
    #[arg(long, value_name = "DIR")]
    pub(super) state: PathBuf,
    /// What holds a transfer, when the desk is made.
    #[arg(long = "hold", value_enum, default_value = "alert", value_name = "LEVEL")]
    hold_from: HoldFrom,
    /// Hours after which a hold ends by itself, when the desk is made; the law of the place says how many there may be.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=720), value_name = "HOURS")]
    hold_hours: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum HoldFrom {
    /// Reviews and alerts.
    Review,
    /// Alerts alone.
    Alert,
    /// Nothing: alerts are written, and everything passes.
    Never,
}

impl DeskFolder {
    /// The rule of a desk that is made now.
    pub(super) fn rule(&self) -> HoldRule {
        let from = match self.hold_from {
            HoldFrom::Review => Some(Level::Review),
            HoldFrom::Alert => Some(Level::Alert),
            HoldFrom::Never => None,
        };
        HoldRule { from, for_s: i64::from(self.hold_hours) * 3600 }
    }
}

/// Answers each transfer. Exit code 1 when something was held or raised, 3 when rows could not be used and nothing was.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let pack = arguments.input.pack.load()?;
    let rates = arguments.input.rates(&pack)?;
    let mut desk = Desk::open(&arguments.desk.state, pack, arguments.desk.rule())?;
    let n_alerts_before = desk.gate().alerts().len();
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(2 * BATCH_MAX);
        let reader = scope.spawn(move || -> anyhow::Result<()> {
            for entry in arguments.input.entries()? {
                // The other side ends only on an error of its own, which it tells.
                if send.send(entry).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let outcome = answer_all(&receive, &mut desk, &rates, &mut tally);
        drop(receive);
        outcome.and(reader.join().expect("a reader that fails says so"))
    })?;
    let n_alerts = desk.gate().alerts().len() - n_alerts_before;
    eprintln!(
        "{} transfers answered, {} of them again; {} held, {n_alerts} alerts and reviews, {} rows not used",
        tally.n_answered, tally.n_again, tally.n_held, tally.n_rejected
    );
    if arguments.timing {
        eprintln!("{}", tally.timing());
    }
    Ok(match (tally.n_held > 0 || n_alerts > 0, tally.n_rejected) {
        (true, _) => ExitCode::from(1),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(3),
    })
}

#[derive(Default)]
struct Tally {
    n_answered: u64,
    n_again: u64,
    n_held: u64,
    n_rejected: u64,
    /// From the moment a batch was complete until its answers were on the disk.
    batches: Vec<(usize, Duration)>,
}

fn answer_all(
    receive: &mpsc::Receiver<Result<Entry, Error>>,
    desk: &mut Desk,
    rates: &payments::Rates,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    while let Ok(first) = receive.recv() {
        let mut entries = vec![first];
        entries.extend(std::iter::from_fn(|| receive.try_recv().ok()).take(BATCH_MAX - 1));
        let started = Instant::now();
        let n = entries.len();
        let text = answer(entries, desk, rates, tally)?;
        tally.batches.push((n, started.elapsed()));
        out.write_all(text.as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

/// Answers a batch; every line of the answer stands in the log before it is given.
fn answer(
    entries: Vec<Result<Entry, Error>>,
    desk: &mut Desk,
    rates: &payments::Rates,
    tally: &mut Tally,
) -> anyhow::Result<String> {
    let mut lines: Vec<Result<(u64, Box<str>), serde_json::Value>> = Vec::with_capacity(entries.len());
    let mut transfers: Vec<Transfer> = Vec::with_capacity(entries.len());
    let mut broken = None;
    for entry in entries {
        match entry {
            Ok(Entry::Transfer { line, transfer }) => {
                lines.push(Ok((line, transfer.id.clone())));
                transfers.push(*transfer);
            }
            Ok(Entry::Reject(reject)) => {
                let (field, problem) = (reject.field.0, reject.problem.to_string());
                lines.push(Err(json!({"line": reject.line, "answer": "not_used", "field": field, "problem": problem})));
            }
            Err(error) => broken = Some(error),
        }
    }
    let mut outcomes = desk.take(transfers, rates, now_s())?.into_iter();
    let mut text = String::new();
    for line in lines {
        let value = match line {
            Err(value) => {
                tally.n_rejected += 1;
                value
            }
            Ok((number, id)) => match outcomes.next().expect("one outcome for each transfer") {
                Err((field, problem)) => {
                    tally.n_rejected += 1;
                    json!({"line": number, "id": id, "answer": "not_used", "field": field.0, "problem": problem.to_string()})
                }
                Ok(taken) => {
                    tally.n_answered += 1;
                    tally.n_again += u64::from(taken.is_again);
                    tally.n_held += u64::from(!taken.is_again && taken.answer != Answer::Pass);
                    let mut value = serde_json::to_value(&taken.answer)?;
                    value["id"] = (&*id).into();
                    if taken.is_again {
                        value["again"] = true.into();
                    }
                    value
                }
            },
        };
        text.push_str(&value.to_string());
        text.push('\n');
    }
    match broken {
        None => Ok(text),
        Some(error) => {
            print!("{text}");
            anyhow::bail!(
                "cannot read to the end: {error}\n  to do: send the rest again; what was answered is kept, and nothing is counted twice"
            )
        }
    }
}

impl Tally {
    /// Half of the transfers, and all but one in a hundred, waited no longer than this.
    fn timing(&self) -> String {
        let mut batches = self.batches.clone();
        batches.sort_by_key(|(_, took)| *took);
        let n: usize = batches.iter().map(|(n, _)| n).sum();
        let at = |share: f64| {
            let mut left = (n as f64 * share).ceil() as usize;
            let place = batches.iter().find(|(n, _)| {
                left = left.saturating_sub(*n);
                left == 0
            });
            place.map_or(0.0, |(_, took)| took.as_secs_f64() * 1e3)
        };
        let per_transfer = batches.iter().map(|(_, took)| took.as_secs_f64()).sum::<f64>() / n.max(1) as f64;
        format!(
            "answers on the disk within {:.3} ms for half of the transfers, {:.3} ms for 99 in 100; {:.1} µs a transfer; {} batches",
            at(0.5),
            at(0.99),
            per_transfer * 1e6,
            batches.len()
        )
    }
}
