//! How often do the intervals hold the truth, when the truth is known?

use clap::Args;
use prevalence::simulate::{Coverage, coverage, scenarios};

use super::explain;
use super::print;

/// Makes up surveys of a known truth and counts how often the intervals hold it.
#[derive(Args)]
pub(super) struct Simulate {
    /// Surveys in each scenario.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    surveys: usize,
    /// Seed of every random number.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Write one JSON array.
    #[arg(long)]
    json: bool,
}

impl Simulate {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let run = |scenario| coverage(scenario, self.surveys, self.seed);
        let results: Vec<Coverage> = scenarios().iter().map(run).collect::<Result<_, _>>().map_err(explain)?;
        if self.json {
            return print::json(&results);
        }
        let mut rows: Vec<Vec<String>> = Vec::new();
        for result in &results {
            if rows.is_empty() {
                let names = result.covered.iter().map(|(name, _)| format!("{name}, %"));
                rows.push(["scenario", "estimate/truth"].map(str::to_owned).into_iter().chain(names).collect());
            }
            let shares = result.covered.iter().map(|(_, share)| print::number(Some(100.0 * share), 1));
            let first = [result.scenario.name.to_owned(), print::number(Some(result.bias), 3)];
            rows.push(first.into_iter().chain(shares).collect());
        }
        print::table(&rows)
    }
}
