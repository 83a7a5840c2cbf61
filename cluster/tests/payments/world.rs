//! Which transfers come, and what must be raised over them?

use std::fmt::Write as _;
use std::path::Path;

use payments::gate::HoldRule;
use payments::read::jsonl::write_one;
use payments::simulate::{RATES, Settings, world};
use payments::{Alert, Book, Gate, Pack, Rates, Transfer};

/// Made-up customers, more of them as published cases are than anywhere, so that there is much to raise.
pub(crate) struct World {
    transfers: Vec<Transfer>,
    /// As they stand in a file, in order of time.
    pub(crate) lines: Vec<String>,
}

fn pack() -> Pack {
    Pack::parse(payments::pack::LIVESTREAM_EXPLOITATION, None).unwrap()
}

fn rates() -> Rates {
    Rates::parse(RATES, pack().currency).unwrap()
}

const ALERTS_ONLY: HoldRule = HoldRule { from: None, for_s: 1 };

impl World {
    pub(crate) fn new(n_remitters: u32) -> World {
        let settings =
            Settings { seed: 4, region: 0, n_remitters, n_days: 365, first_day: 20_089, n_cases_per_100_000: 20_000 };
        let mut transfers = world(settings).transfers;
        transfers.sort_by(|one, other| (one.at.utc_s, &one.id).cmp(&(other.at.utc_s, &other.id)));
        let lines = transfers.iter().map(write_one).collect();
        World { transfers, lines }
    }

    /// What one gate raises, as `streamward payments stream` does; sorted.
    pub(crate) fn alerts_of_a_gate(&self) -> Vec<String> {
        let (mut gate, rates) = (Gate::new(pack(), ALERTS_ONLY), rates());
        let sha256 = rates.sha256().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        gate.happen(&payments::gate::Event::Rates { sha256 }).unwrap();
        for transfer in &self.transfers {
            let value_minor = rates.value_minor(transfer.amount, transfer.at.day()).unwrap();
            gate.take(transfer.clone(), value_minor, 0).unwrap();
        }
        sorted(gate.alerts())
    }

    /// What a batch raises, as `streamward payments score` does; sorted.
    pub(crate) fn alerts_of_a_batch(&self) -> Vec<String> {
        let (pack, rates) = (pack(), rates());
        let (book, rejects) = Book::new(self.transfers.clone(), &rates, &pack.scope).unwrap();
        assert!(rejects.is_empty());
        let features = payments::features::batch(book.rows(), pack.spans);
        let raised = payments::score::raised(&book, &features, &pack);
        sorted(&Alert::all(&raised, &book, &features, &pack, &rates))
    }

    /// A file of the first `n` transfers.
    pub(crate) fn file(&self, folder: &Path, n: usize) -> String {
        let path = folder.join(format!("transfers-{n}.jsonl"));
        let lines: String = self.lines.iter().take(n).map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, lines).unwrap();
        path.display().to_string()
    }
}

/// A snapshot of nothing that says it stands for the first `n` transfers of `stream`.
pub(crate) fn empty_snapshot(stream: i128, n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    Gate::new(pack(), ALERTS_ONLY).write_snapshot(&format!("{stream} {n}"), &mut out).unwrap();
    out
}

fn sorted(alerts: &[Alert]) -> Vec<String> {
    let mut lines: Vec<String> = alerts.iter().map(Alert::to_json).collect();
    lines.sort();
    lines
}
