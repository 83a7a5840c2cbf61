//! What do the models say about each group, and about each area?

#[cfg(test)]
mod right;
pub(super) mod walk;

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use prevalence::bayes::Density;
use prevalence::bayes::correlated::Correlated;
use prevalence::bayes::municipal::{self, AreaEstimate};
use prevalence::bayes::overdispersed::{Overdispersed, Priors};
use prevalence::bayes::pooled::Pooled;
use prevalence::bayes::posterior::{Convergence, Summary, judge};
use prevalence::bayes::reports::Seen;
use prevalence::table::{Kind, Wanted};
use prevalence::{Survey, Table};
use serde::Serialize;

use super::explain;
use super::print::{self, Head, number};
use super::read::{Reweight, Source};
use walk::{Length, walks};

/// Estimates group sizes by a Bayesian model; prints nothing that has not converged.
#[derive(Args)]
pub(super) struct Bayes {
    /// Model.
    #[arg(long, default_value = "overdispersed")]
    model: Model,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    how: How,
    /// Hidden groups to estimate; default all.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    hidden: Vec<String>,
    /// Seed of every random number.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Confidence of the intervals.
    #[arg(long, default_value_t = 0.95, value_name = "SHARE")]
    confidence: f64,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// A model.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Model {
    /// Zheng, Salganik and Gelman 2006: each group scatters in its own measure.
    Overdispersed,
    /// Laga, Bao and Niu 2023: who knows members of one group also knows members of another.
    Correlated,
    /// Overdispersed, with each area's rate partly pooled with the others'.
    Pooled,
}

/// Areas, and how long to walk.
#[derive(Args)]
pub(super) struct How {
    /// Column of areas, for the pooled model.
    #[arg(long, value_name = "COLUMN")]
    pub area: Option<String>,
    /// What is known about areas (a table with the column of areas), for the pooled model.
    #[arg(long, value_name = "FILE", requires = "covariates")]
    pub area_data: Option<PathBuf>,
    /// Columns of that file that may explain the rates.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", requires = "area_data")]
    pub covariates: Vec<String>,
    /// Walks through the posterior.
    #[arg(long, default_value_t = 4, value_name = "N")]
    chains: usize,
    /// Steps in which a walk learns how to walk.
    #[arg(long, default_value_t = 500, value_name = "N")]
    warmup: usize,
    /// Draws of each walk.
    #[arg(long, default_value_t = 1600, value_name = "N")]
    draws: usize,
}

#[derive(Serialize)]
struct Output {
    #[serde(flatten)]
    head: Head,
    model: &'static str,
    seed: u64,
    warmup: usize,
    confidence: f64,
    /// Respondents left out because an answer about a group is missing.
    left_out: usize,
    convergence: Convergence,
    /// Known groups too, so that one sees how well they are found; null unless converged.
    groups: Option<Vec<Summary>>,
    /// For the pooled model.
    areas: Option<Vec<AreaEstimate>>,
}

/// What a pooled model found.
pub(super) struct Municipal {
    pub convergence: Convergence,
    pub left_out: usize,
    /// National sizes, one for each hidden group, when converged.
    pub sizes: Option<Vec<Summary>>,
    pub areas: Option<Vec<AreaEstimate>>,
}

impl Bayes {
    /// Returns whether the walks agree.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let labels: Vec<String> = self.how.area.iter().cloned().collect();
        let survey = self.source.survey(&Reweight::none(), &[], &labels)?;
        let weights = prevalence::calibrate::Weights::plain(&survey.weights);
        let hidden = self.hidden_groups(&survey)?;
        prevalence::interval::check_confidence(self.confidence).map_err(explain)?;
        let length = self.how.length(self.seed)?;
        let head = Head::new(&survey, &weights);
        let (model, left_out, convergence, groups, areas) = if self.model == Model::Pooled {
            let found = self.how.municipal(&survey, &hidden, self.confidence, self.seed)?;
            ("pooled", found.left_out, found.convergence, found.sizes, found.areas)
        } else {
            let seen = Seen::new(&survey, &hidden).map_err(explain)?;
            let left_out = seen.n_left_out;
            let (word, density): (_, Box<dyn Density>) = match self.model {
                Model::Correlated => ("correlated", Box::new(Correlated::new(seen.reports, Priors::default()))),
                Model::Overdispersed | Model::Pooled => {
                    ("overdispersed", Box::new(Overdispersed::new(seen.reports, Priors::default())))
                }
            };
            let (convergence, groups) = sample(density.as_ref(), length, self.confidence)?;
            (word, left_out, convergence, groups, None)
        };
        let is_converged = convergence.converged;
        let (seed, warmup, confidence) = (length.seed, length.warmup, self.confidence);
        let output = Output { head, model, seed, warmup, confidence, left_out, convergence, groups, areas };
        if self.json {
            print::json(&output)?;
        } else {
            output.tell()?;
        }
        if !is_converged {
            eprintln!("{}", refusal(&output.convergence));
        }
        Ok(is_converged)
    }

    fn hidden_groups(&self, survey: &Survey) -> anyhow::Result<Vec<usize>> {
        if self.hidden.is_empty() {
            return Ok((0..survey.hidden.len()).collect());
        }
        let place = |name: &String| {
            let found = survey.codebook.hidden.iter().position(|group| group.column == *name);
            found.ok_or_else(|| {
                anyhow!("the codebook has no hidden group {name}\n  to do: correct --hidden, or add the group")
            })
        };
        self.hidden.iter().map(place).collect()
    }
}

impl How {
    fn length(&self, seed: u64) -> anyhow::Result<Length> {
        let How { chains, warmup, draws, .. } = *self;
        if !(2..=64).contains(&chains) || !(100..=100_000).contains(&warmup) || !(100..=100_000).contains(&draws) {
            bail!(
                "--chains {chains} --warmup {warmup} --draws {draws} is out of range\n  to do: choose 2 to 64 chains, and 100 to 100,000 steps and draws"
            );
        }
        Ok(Length { chains, warmup, draws, seed })
    }

    /// Walks through the pooled model.
    pub(super) fn municipal(
        &self,
        survey: &Survey,
        hidden: &[usize],
        confidence: f64,
        seed: u64,
    ) -> anyhow::Result<Municipal> {
        let length = self.length(seed)?;
        let Some(column) = &self.area else {
            bail!("the pooled model needs areas\n  to do: name the column of areas with --area");
        };
        let seen = Seen::new(survey, hidden).map_err(explain)?;
        let table = self.area_table(column)?;
        let covariates = table.as_ref().map(|table| (table, &self.covariates[..]));
        let areas = municipal::areas(survey, &seen, column, covariates).map_err(explain)?;
        let direct: Vec<_> = hidden.iter().map(|&at| municipal::direct(survey, &seen, &areas, at)).collect();
        let left_out = seen.n_left_out;
        let model = Pooled::new(seen.reports, areas, Priors::default()).map_err(explain)?;
        let (convergence, summaries) = sample(&model, length, confidence)?;
        let Some(mut sizes) = summaries else {
            return Ok(Municipal { convergence, left_out, sizes: None, areas: None });
        };
        let rates = sizes.split_off(hidden.len());
        let each = rates.chunks(model.areas().names.len());
        let rules = &survey.codebook.suppress;
        let rows = hidden.iter().zip(each).zip(&direct).flat_map(|((&at, rates), direct)| {
            let name = &survey.codebook.hidden[at].column;
            municipal::area_estimates(name, model.areas(), direct, rates, rules)
        });
        let areas = Some(rows.collect());
        Ok(Municipal { convergence, left_out, sizes: Some(sizes), areas })
    }

    fn area_table(&self, column: &str) -> anyhow::Result<Option<Table>> {
        let Some(path) = &self.area_data else { return Ok(None) };
        let mut wanted = vec![Wanted { name: column.to_owned(), kind: Kind::Text }];
        wanted.extend(self.covariates.iter().map(|name| Wanted { name: name.clone(), kind: Kind::Number }));
        super::files::table(path, ',', &wanted).map(Some)
    }
}

/// Walks and judges, with a bar on the terminal.
pub(super) fn sample(
    density: &dyn Density,
    length: Length,
    confidence: f64,
) -> anyhow::Result<(Convergence, Option<Vec<Summary>>)> {
    let n_steps = (length.chains * (length.warmup + length.draws)) as u64;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(n_steps) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("walking {pos}/{len} {wide_bar} {eta}") {
        bar.set_style(style);
    }
    let walks = walks(density, length, &|| bar.inc(1))?;
    bar.finish_and_clear();
    Ok(judge(density, &walks, confidence))
}

/// Why no estimate is printed, and what to do.
pub(super) fn refusal(convergence: &Convergence) -> String {
    let Convergence { r_hat_worst, ess_bulk_min, ess_tail_min, ess_worst, divergences, .. } = convergence;
    let r_hat = convergence.r_hat_max.map_or("infinite".to_owned(), |r_hat| format!("{r_hat:.3}"));
    format!(
        "the walks do not agree, so no estimate is printed: R-hat {r_hat} ({r_hat_worst}), independent draws {:.0} ({ess_worst}), {divergences} divergences\n  \
         to do: raise --warmup and --draws; if that does not help, leave out groups that hardly anybody reports",
        ess_bulk_min.min(*ess_tail_min)
    )
}

impl Output {
    fn tell(&self) -> anyhow::Result<()> {
        self.head.tell(&[]);
        let Convergence { chains, draws_per_chain, n_judged, ess_bulk_min, ess_tail_min, divergences, .. } =
            &self.convergence;
        let r_hat = self.convergence.r_hat_max.map_or("infinite".to_owned(), |r_hat| format!("{r_hat:.4}"));
        eprintln!(
            "{chains} walks of {draws_per_chain} draws; over {n_judged} numbers R-hat at most {r_hat}, independent draws at least {:.0}, {divergences} divergences",
            ess_bulk_min.min(*ess_tail_min)
        );
        if self.left_out > 0 {
            eprintln!("note: {} respondents are left out, an answer about a group is missing", self.left_out);
        }
        if let Some(groups) = &self.groups {
            let mut rows = vec![["quantity", "mean", "sd", "low", "high"].map(str::to_owned).to_vec()];
            for own in groups {
                let figures = [own.mean, own.sd, own.low, own.high].map(|figure| number(Some(figure), 0));
                rows.push(std::iter::once(own.name.clone()).chain(figures).collect());
            }
            print::table(&rows)?;
        }
        let Some(areas) = &self.areas else { return Ok(()) };
        let head =
            ["hidden", "area", "n", "direct per 1000", "pooled per 1000", "low", "high", "people", "shrunk by", ""];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for row in areas {
            rows.push(vec![
                row.hidden.clone(),
                row.area.clone(),
                number(row.n.map(|n| n as f64), 0),
                number(row.direct_rate_per_1000, 2),
                number(row.rate_per_1000, 2),
                number(row.ci_low, 2),
                number(row.ci_high, 2),
                number(row.estimate, 0),
                number(row.shrinkage, 2),
                row.suppressed.clone().map_or(String::new(), |why| format!("withheld: {why}")),
            ]);
        }
        print::table(&rows)
    }
}
