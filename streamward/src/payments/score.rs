//! Which parties are worth a person's look?

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use payments::score::{Raised, raised};
use payments::{Alert, Features, Level};

use super::input::{Input, Loaded, unwritable};

/// Arguments of `payments score`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Where to write alerts as JSON lines.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write alerts as JSON lines to standard output instead of a table.
    #[arg(long)]
    json: bool,
}

/// Scores a file. Exit code 1 when something is worth a look, 3 when rows could not be used and nothing was found.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = arguments.input.load()?;
    let scored = Scored::new(&loaded);
    if let Some(path) = &arguments.out {
        let mut file = BufWriter::new(File::create(path).map_err(|why| unwritable(path, why))?);
        for alert in &scored.alerts {
            writeln!(file, "{}", alert.to_json())?;
        }
        file.flush()?;
    }
    let mut out = std::io::stdout().lock();
    if arguments.json {
        for alert in &scored.alerts {
            writeln!(out, "{}", alert.to_json())?;
        }
    } else {
        write!(out, "{}", table(&scored.alerts))?;
    }
    eprintln!(
        "{} transfers, {} reviews and {} alerts, {} rows not used",
        loaded.book.rows().len(),
        scored.alerts.iter().filter(|alert| alert.level == Level::Review).count(),
        scored.alerts.iter().filter(|alert| alert.level == Level::Alert).count(),
        loaded.n_rejected,
    );
    Ok(match (scored.alerts.is_empty(), loaded.n_rejected) {
        (false, _) => ExitCode::from(1),
        (true, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::from(3),
    })
}

/// Features and alerts of a book.
pub(super) struct Scored {
    pub(super) raised: Vec<Raised>,
    pub(super) alerts: Vec<Alert>,
}

impl Scored {
    pub(super) fn new(loaded: &Loaded) -> Scored {
        let Loaded { book, pack, rates, .. } = loaded;
        let features: Vec<Features> = payments::features::batch(book.rows(), pack.spans);
        let raised = raised(book, &features, pack);
        let alerts = Alert::all(&raised, book, &features, pack, rates);
        Scored { raised, alerts }
    }
}

/// One line for each alert: the highest score first, then in order of time.
pub(super) fn table(alerts: &[Alert]) -> String {
    let mut order: Vec<&Alert> = alerts.iter().collect();
    order.sort_by_key(|alert| std::cmp::Reverse((alert.level, alert.score)));
    let mut text = format!(
        "{:<19} {:<7} {:>5}  {:<25} {:<35} strongest reason\n",
        "alert", "level", "score", "raised at", "about"
    );
    for alert in order {
        let level = match alert.level {
            Level::Review => "review",
            Level::Alert => "alert",
        };
        let why = alert.reasons.first().map_or("", |reason| reason.why.as_str());
        text.push_str(&format!(
            "{:<19} {level:<7} {:>5}  {:<25} {:<35} {why}\n",
            alert.id, alert.score, alert.at, alert.party
        ));
    }
    if alerts.is_empty() {
        text.push_str("nothing looks like the patterns of this pack; that is no proof that nothing happened\n");
    }
    text
}
