//! What are totals, means and ratios of any column?

use clap::Args;
use prevalence::plain::{Ask, Plain, plain};
use serde::Serialize;

use super::explain;
use super::print::{self, Head, number};
use super::read::{Reweight, Source, Spread};

/// What the three commands have in common.
#[derive(Args)]
struct Common {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reweight: Reweight,
    #[command(flatten)]
    spread: Spread,
    /// Give the estimate for each level of this column.
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// Gives the weighted total of a column.
#[derive(Args)]
pub(super) struct Total {
    /// The column.
    column: String,
    #[command(flatten)]
    common: Common,
}

/// Gives the weighted mean of a column.
#[derive(Args)]
pub(super) struct Mean {
    /// The column.
    column: String,
    #[command(flatten)]
    common: Common,
}

/// Gives the ratio of two weighted totals.
#[derive(Args)]
pub(super) struct Ratio {
    /// Column of the numerator.
    numerator: String,
    /// Column of the denominator.
    denominator: String,
    #[command(flatten)]
    common: Common,
}

impl Total {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        self.common.run(&Ask::Total(self.column.clone()), std::slice::from_ref(&self.column))
    }
}

impl Mean {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        self.common.run(&Ask::Mean(self.column.clone()), std::slice::from_ref(&self.column))
    }
}

impl Ratio {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let columns = [self.numerator.clone(), self.denominator.clone()];
        self.common.run(&Ask::Ratio(self.numerator.clone(), self.denominator.clone()), &columns)
    }
}

#[derive(Serialize)]
struct Output {
    #[serde(flatten)]
    head: Head,
    seed: u64,
    replicates: usize,
    confidence: f64,
    estimates: Vec<Plain>,
}

impl Common {
    fn run(&self, ask: &Ask, columns: &[String]) -> anyhow::Result<()> {
        let by: Vec<String> = self.by.iter().cloned().collect();
        let survey = self.source.survey(&self.reweight, columns, &by)?;
        let weights = self.reweight.weights(&survey)?;
        let given = self.spread.given(&survey)?;
        let (seed, replicates, confidence) = (self.spread.seed, self.spread.replicates, self.spread.confidence);
        let mut estimates = Vec::new();
        for method in self.spread.methods(given.as_ref()) {
            let rows = plain(&survey, &weights, ask, self.by.as_deref(), &method, confidence);
            estimates.extend(rows.map_err(explain)?);
        }
        let head = Head::new(&survey, &weights);
        if self.json {
            return print::json(&Output { head, seed, replicates, confidence, estimates });
        }
        head.tell(&[]);
        print::table(&rows(&estimates))
    }
}

fn rows(estimates: &[Plain]) -> Vec<Vec<String>> {
    let head = ["what", "domain", "variance", "estimate", "se", "low", "high", "deff", "n"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for row in estimates {
        let domain = row.domain.as_ref().map_or("all".to_owned(), |level| format!("{}={}", level.column, level.level));
        let figures = [row.estimate, row.se, row.ci_low, row.ci_high].map(|figure| number(figure, 4));
        let names = [row.what.clone(), domain, row.variance.to_owned()];
        let last = [number(row.deff, 3), number(Some(row.n as f64), 0)];
        rows.push(names.into_iter().chain(figures).chain(last).collect());
    }
    rows
}
