//! Why was this raised?
//!
//! The alert is reckoned again from the same file, or from a desk's log, and compared byte for byte with the one that
//! was written. Beside its reasons stand the transfers behind them, a time line, and who pays whom around it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use payments::draw::network;
use payments::draw::words::english;
use payments::{Alert, Book, Pack, Rates};

use super::desk::Desk;
use super::input::{Input, Loaded, text_of, unwritable};
use super::score::Scored;

/// Arguments of `payments explain`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The alert's id, such as a-0123456789abcdef.
    alert: String,
    #[command(flatten)]
    input: Input,
    /// File of alerts that `score --out` wrote; the alert in it must come out again with the same bytes.
    #[arg(long)]
    alerts: Option<PathBuf>,
    /// Where to draw the time line, as SVG.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Where to draw who pays whom around the alert, as SVG.
    #[arg(long)]
    network: Option<PathBuf>,
    /// Write the alert as JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Transfers and alerts, from a file or from a desk.
pub(super) enum Known {
    /// A file, reckoned anew.
    File {
        /// What it holds.
        loaded: Box<Loaded>,
        /// What it raises.
        scored: Scored,
    },
    /// A desk, with its table of rates.
    Desk(Box<Desk>, Rates),
}

impl Known {
    /// A folder with a log is a desk; everything else is a file of transfers.
    pub(super) fn load(input: &Input) -> anyhow::Result<Known> {
        if Desk::is_at(input.path()) {
            let pack = input.pack.load()?;
            let rates = input.rates(&pack)?;
            let rule = payments::gate::HoldRule { from: None, for_s: 0 };
            return Ok(Known::Desk(Box::new(Desk::open(input.path(), pack, rule)?), rates));
        }
        let loaded = input.load()?;
        let scored = Scored::new(&loaded);
        Ok(Known::File { loaded: Box::new(loaded), scored })
    }

    /// The alert and the row at which it was raised.
    pub(super) fn find(&self, id: &str) -> anyhow::Result<(&Alert, u32)> {
        let found = match self {
            Known::File { scored, .. } => {
                let mut all = scored.alerts.iter().zip(&scored.raised);
                all.find(|(alert, _)| alert.id == id).map(|(alert, raised)| (alert, raised.index))
            }
            Known::Desk(desk, _) => desk.find(id),
        };
        found.with_context(|| {
            format!(
                "there is no alert {id} in this file with this pack, key and rates\n  to do: give the same file, --pack, --overlay, --key and --rates as when it was raised"
            )
        })
    }

    pub(super) fn book(&self) -> &Book {
        match self {
            Known::File { loaded, .. } => &loaded.book,
            Known::Desk(desk, _) => desk.gate().book(),
        }
    }

    /// The pack that raised the alert.
    pub(super) fn pack_of(&self, alert: &Alert) -> &Pack {
        match self {
            Known::File { loaded, .. } => &loaded.pack,
            Known::Desk(desk, _) => desk.gate().pack_of(alert),
        }
    }

    pub(super) fn rates(&self) -> &Rates {
        match self {
            Known::File { loaded, .. } => &loaded.rates,
            Known::Desk(_, rates) => rates,
        }
    }
}

/// Explains one alert.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let known = Known::load(&arguments.input)?;
    let (alert, index) = known.find(&arguments.alert)?;
    if let Some(path) = &arguments.alerts {
        let written = text_of(path)?;
        if !written.lines().any(|line| line == alert.to_json()) {
            eprintln!(
                "{} in {} is not what comes out of this file\n  to do: treat the written alert as changed, and keep both",
                alert.id,
                path.display()
            );
            return Ok(ExitCode::from(4));
        }
        eprintln!("{} comes out again with the same bytes", alert.id);
    }
    let (book, pack) = (known.book(), known.pack_of(alert));
    if let Some(path) = &arguments.svg {
        let svg = payments::draw::time_line(alert, index, book, pack.spans, &english)
            .context("the alert names nobody in the file")?;
        std::fs::write(path, svg).map_err(|why| unwritable(path, why))?;
    }
    let ties = network::ties(alert, index, book, pack.spans);
    let mut out = std::io::stdout().lock();
    if let Some(path) = &arguments.network {
        let svg = network::picture(alert, &ties, pack.currency, &english);
        std::fs::write(path, svg).map_err(|why| unwritable(path, why))?;
    }
    if arguments.json {
        writeln!(out, "{}", alert.to_json())?;
    } else {
        write!(out, "{}", alert.to_text())?;
        writeln!(out, "\nThe transfers behind the reasons\n{}", transfers(alert, book))?;
        writeln!(out, "Who pays whom around it\n{}", network::table(&ties[..ties.len().min(40)], pack.currency))?;
        if ties.len() > 40 {
            writeln!(out, "and {} more ties", ties.len() - 40)?;
        }
    }
    Ok(ExitCode::from(1))
}

/// One line for each transfer behind any reason.
fn transfers(alert: &Alert, book: &Book) -> String {
    let ids: BTreeSet<&str> = alert.reasons.iter().flat_map(|r| r.transfers.iter().map(String::as_str)).collect();
    let mut rows: Vec<u32> = ids.iter().filter_map(|id| book.find(id)).collect();
    rows.sort_unstable();
    let line = |row: u32| {
        let t = &book.transfers()[row as usize];
        format!(
            "  {}  {:>14}  {} -> {}  {}  {:<8} relation {:<10} payee {:<8} {}\n",
            t.at.to_rfc3339(),
            t.amount.to_string(),
            t.sender,
            t.beneficiary,
            t.corridor,
            t.channel.as_str(),
            t.relation.as_str(),
            t.payee.as_str(),
            t.id
        )
    };
    rows.into_iter().map(line).collect()
}
