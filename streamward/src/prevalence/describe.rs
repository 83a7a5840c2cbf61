//! Is the survey fit to be used, and how large are respondents' networks?

use clap::Args;
use prevalence::Survey;
use prevalence::degree::{self, Cell};
use serde::Serialize;

use super::explain;
use super::print::{self, Head, number};
use super::read::{Reweight, Source};

/// Checks a survey against its codebook and says what a reader must be told about it.
#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reweight: Reweight,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct CheckOutput {
    #[serde(flatten)]
    head: Head,
    /// Strata with one PSU that is not a census.
    lonely_strata: Vec<String>,
    /// Identifiers that stand in more than one row; how many, never which.
    repeated_ids: Option<usize>,
}

impl Check {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let codebook = self.source.codebook()?;
        let id: Vec<String> = codebook.design.id.iter().cloned().collect();
        let survey = self.source.survey(&self.reweight, &[], &id)?;
        let weights = self.reweight.weights(&survey)?;
        let repeated_ids = id.first().map(|column| repeated(&survey, column)).transpose()?;
        let lonely = survey.design.strata().iter().filter(|stratum| stratum.n_psus() == 1);
        let lonely_strata: Vec<String> = lonely.map(|stratum| stratum.label.clone()).collect();
        let head = Head::new(&survey, &weights);
        if self.json {
            return print::json(&CheckOutput { head, lonely_strata, repeated_ids });
        }
        head.tell(&[]);
        for stratum in &lonely_strata {
            eprintln!("note: stratum {stratum} has one PSU; design.lonely_psu says what happens to it");
        }
        if let Some(n) = repeated_ids.filter(|&n| n > 0) {
            eprintln!("note: {n} identifiers stand in more than one row");
        }
        print::out("the survey fits its codebook\n")
    }
}

fn repeated(survey: &Survey, column: &str) -> anyhow::Result<usize> {
    let labels = survey.labels(column).map_err(explain)?;
    let mut counts = vec![0u32; labels.names.len()];
    for &code in &labels.codes {
        if let Some(count) = counts.get_mut(code as usize) {
            *count += 1;
        }
    }
    Ok(counts.iter().filter(|&&count| count > 1).count())
}

/// Gives the size of respondents' networks, for everybody or by the levels of columns.
#[derive(Args)]
pub(super) struct Degrees {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reweight: Reweight,
    /// Columns whose levels are crossed.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    by: Vec<String>,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct DegreesOutput {
    #[serde(flatten)]
    head: Head,
    columns: Vec<String>,
    cells: Vec<Cell>,
}

impl Degrees {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let survey = self.source.survey(&self.reweight, &[], &self.by)?;
        let weights = self.reweight.weights(&survey)?;
        let columns: Vec<&str> = self.by.iter().map(String::as_str).collect();
        let cells = degree::cells(&survey, &columns).map_err(explain)?;
        let head = Head::new(&survey, &weights);
        if self.json {
            return print::json(&DegreesOutput { head, columns: self.by.clone(), cells });
        }
        head.tell(&[]);
        let names = ["n", "sum of weights", "mean network"].map(str::to_owned);
        let mut rows = vec![self.by.iter().cloned().chain(names).collect::<Vec<String>>()];
        for cell in &cells {
            let figures =
                [number(Some(cell.n as f64), 0), number(Some(cell.sum_weights), 1), number(Some(cell.mean_degree), 1)];
            rows.push(cell.levels.iter().cloned().chain(figures).collect());
        }
        print::table(&rows)
    }
}
