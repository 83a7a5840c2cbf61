//! How often do the intervals hold the truth, when the truth is known?

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use prevalence::simulate::country::country;
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
    /// Instead write one made-up survey to this folder: survey.csv, codebook.toml, places.csv, truth.csv.
    #[arg(long, value_name = "FOLDER", conflicts_with = "surveys")]
    write: Option<PathBuf>,
    /// Write one JSON array.
    #[arg(long)]
    json: bool,
}

impl Simulate {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        if let Some(folder) = &self.write {
            return self.write_country(folder);
        }
        let scenarios = scenarios();
        let bar = ProgressBar::new((scenarios.len() * self.surveys) as u64);
        if let Ok(style) = ProgressStyle::with_template("surveys {pos}/{len} {wide_bar} {eta}") {
            bar.set_style(style);
        }
        let run = |scenario| coverage(scenario, self.surveys, self.seed, &|| bar.inc(1));
        let results: Vec<Coverage> = scenarios.iter().map(run).collect::<Result<_, _>>().map_err(explain)?;
        bar.finish_and_clear();
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

    fn write_country(&self, folder: &PathBuf) -> anyhow::Result<()> {
        let country = country(self.seed);
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let files = [
            ("survey.csv", &country.survey),
            ("codebook.toml", &country.codebook),
            ("places.csv", &country.places),
            ("truth.csv", &country.truth),
        ];
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let names = files.map(|(name, _)| name);
        if self.json {
            return print::json(&serde_json::json!({ "folder": folder, "files": names, "seed": self.seed }));
        }
        print::out(&format!("wrote {} to {}\n", names.join(", "), folder.display()))
    }
}
