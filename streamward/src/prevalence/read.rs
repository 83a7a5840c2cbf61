//! From which files does a survey come, and with which weights and variances?

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use prevalence::calibrate::distance::Distance;
use prevalence::calibrate::margin::Margins;
use prevalence::calibrate::{Trim, Weights};
use prevalence::table::{Kind, Wanted};
use prevalence::variance::Method;
use prevalence::variance::given::Given;
use prevalence::{Codebook, Survey, Table};

use super::explain;
use super::files::{self, cannot_read, in_file, open};

/// The survey.
#[derive(Args)]
pub(super) struct Source {
    /// Codebook: what the columns mean (TOML).
    #[arg(long, value_name = "FILE")]
    pub codebook: PathBuf,
    /// Answers, one row for each respondent: .parquet, SPSS .sav, Stata .dta; anything else is read as CSV.
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// Separator of cells in CSV.
    #[arg(long, default_value = ",", value_name = "CHAR")]
    delimiter: char,
    /// Replicate weights or factors (a file of any of these kinds), joined by the codebook's id or PSU column, whichever the file has.
    #[arg(long, value_name = "FILE")]
    replicate_weights: Option<PathBuf>,
    /// Reckon as if PSUs had been drawn with replacement: no finite population corrections.
    #[arg(long)]
    with_replacement: bool,
}

/// Calibration and trimming.
#[derive(Args)]
pub(super) struct Reweight {
    /// How weights are moved to meet the margins.
    #[arg(long, requires = "margins", value_name = "METHOD")]
    calibrate: Option<CalibrateBy>,
    /// Population totals (CSV: variable,level,total).
    #[arg(long, requires = "calibrate", value_name = "FILE")]
    margins: Option<PathBuf>,
    /// Bounds on the ratio of new to old weight, for logit.
    #[arg(long, value_name = "LOW,HIGH", default_value = "0.2,5", value_parser = pair)]
    bounds: (f64, f64),
    /// Bounds between which weights are cut, after calibration.
    #[arg(long, value_name = "LOW,HIGH", value_parser = pair)]
    trim: Option<(f64, f64)>,
}

/// How weights are moved to meet the margins.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum CalibrateBy {
    /// Cells of one variable (or several, crossed) meet their totals.
    Poststrat,
    /// Generalised regression; weights may become negative.
    Linear,
    /// Several margins; weights stay positive.
    Raking,
    /// As raking, with bounds on how far a weight may move.
    Logit,
}

/// Variance methods, replicates and the seed.
#[derive(Args)]
pub(super) struct Spread {
    /// Variance methods, separated by commas; each gives its own rows.
    #[arg(long, value_delimiter = ',', default_value = "taylor", value_name = "METHODS")]
    variance: Vec<By>,
    /// Number of bootstrap replicates.
    #[arg(long, default_value_t = 2000, value_name = "N")]
    pub replicates: usize,
    /// Seed of every random number.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Confidence of the intervals.
    #[arg(long, default_value_t = 0.95, value_name = "SHARE")]
    pub confidence: f64,
}

/// A variance method.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum By {
    /// Taylor linearisation.
    Taylor,
    /// Stratified delete-one-PSU jackknife.
    Jkn,
    /// Unstratified delete-one-PSU jackknife.
    Jk1,
    /// Rescaled bootstrap of PSUs.
    Raowu,
    /// Rescaled bootstrap of PSUs and SSUs, for designs with fpc.
    Multistage,
    /// Replicate weights that came with the survey.
    Given,
}

impl Source {
    /// Reads and checks the survey, with further columns of `numbers` and `labels`.
    pub(super) fn survey(&self, reweight: &Reweight, numbers: &[String], labels: &[String]) -> anyhow::Result<Survey> {
        let codebook = self.codebook()?;
        let (mut numbers, mut labels) = (numbers.to_vec(), labels.to_vec());
        if let Some(margins) = reweight.margins()? {
            let (more_numbers, more_labels) = margins.wanted();
            numbers.extend(more_numbers);
            labels.extend(more_labels);
        }
        let wanted = Survey::wanted(&codebook, &numbers, &labels);
        let table = match (&self.replicate_weights, &codebook.replicates) {
            (Some(path), Some(columns)) => self.joined(&codebook, wanted, path, &columns.columns)?,
            (Some(_), None) => {
                let lacks = prevalence::Error::CodebookLacks { key: "[replicates]", wanted_by: "--replicate-weights" };
                return Err(explain(lacks));
            }
            (None, _) => self.table(&self.data, &self.with_own_replicates(&codebook, wanted)?)?,
        };
        let mut survey = Survey::new(codebook, table).map_err(explain).with_context(|| in_file(&self.data))?;
        if self.with_replacement {
            survey.design = survey.design.with_replacement();
        }
        Ok(survey)
    }

    /// Every file that is read.
    pub(super) fn files(&self) -> Vec<&Path> {
        [Some(&self.data), Some(&self.codebook), self.replicate_weights.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .collect()
    }

    /// The codebook alone.
    pub(super) fn codebook(&self) -> anyhow::Result<Codebook> {
        let text = std::fs::read_to_string(&self.codebook).with_context(|| cannot_read(&self.codebook))?;
        Codebook::parse(&text).map_err(explain).with_context(|| in_file(&self.codebook))
    }

    fn table(&self, path: &Path, wanted: &[Wanted]) -> anyhow::Result<Table> {
        files::table(path, self.delimiter, wanted)
    }

    /// Asks for replicate columns that stand in the data themselves; none is no error here.
    fn with_own_replicates(&self, codebook: &Codebook, mut wanted: Vec<Wanted>) -> anyhow::Result<Vec<Wanted>> {
        let Some(replicates) = &codebook.replicates else { return Ok(wanted) };
        let header = files::names(&self.data, self.delimiter)?;
        let is_there = |name: &&String| match name.strip_suffix('*') {
            Some(prefix) => header.iter().any(|own| own.starts_with(prefix)),
            None => header.contains(name),
        };
        let own = replicates.columns.iter().filter(is_there);
        wanted.extend(own.map(|name| Wanted { name: name.clone(), kind: Kind::Number }));
        Ok(wanted)
    }

    fn joined(
        &self,
        codebook: &Codebook,
        mut wanted: Vec<Wanted>,
        path: &Path,
        columns: &[String],
    ) -> anyhow::Result<Table> {
        let header = files::names(path, self.delimiter)?;
        let keys = [&codebook.design.id, &codebook.design.psu];
        let key = keys.into_iter().flatten().find(|key| header.contains(key)).ok_or_else(|| {
            let what = format!("{} has neither the codebook's id column nor its PSU column", path.display());
            anyhow!("{what}\n  to do: add one of them, so that its rows can be matched")
        })?;
        let label = Wanted { name: key.clone(), kind: Kind::Text };
        if !wanted.contains(&label) {
            wanted.push(label.clone());
        }
        let numbers = columns.iter().map(|name| Wanted { name: name.clone(), kind: Kind::Number });
        let other = self.table(path, &std::iter::once(label).chain(numbers).collect::<Vec<_>>())?;
        self.table(&self.data, &wanted)?.join(key, &other).map_err(explain).with_context(|| in_file(path))
    }
}

impl Reweight {
    /// The weights as they came.
    pub(super) fn none() -> Reweight {
        Reweight { calibrate: None, margins: None, bounds: (0.2, 5.0), trim: None }
    }

    /// The weights that everything is estimated with.
    pub(super) fn weights<'a>(&self, survey: &'a Survey) -> anyhow::Result<Weights<'a>> {
        let weights = match (self.calibrate, self.margins()?) {
            (Some(by), Some(margins)) => {
                if by == CalibrateBy::Poststrat {
                    margins.check_one_variable().map_err(explain)?;
                }
                let (low, high) = self.bounds;
                let distance = match by {
                    CalibrateBy::Poststrat | CalibrateBy::Linear => Distance::Linear,
                    CalibrateBy::Raking => Distance::Raking,
                    CalibrateBy::Logit => Distance::Logit { low, high },
                };
                let constraints = margins.constraints(survey).map_err(explain)?;
                Weights::calibrated(&survey.weights, constraints, distance).map_err(explain)?
            }
            _ => Weights::plain(&survey.weights),
        };
        match self.trim {
            Some((low, high)) => weights.trimmed(Trim { low, high }).map_err(explain),
            None => Ok(weights),
        }
    }

    /// What was done to the weights.
    pub(super) fn words(&self) -> Option<String> {
        let calibrated = self.calibrate.map(|by| match by {
            CalibrateBy::Poststrat => "post-stratified to the margins".to_owned(),
            CalibrateBy::Linear => "calibrated to the margins by generalised regression".to_owned(),
            CalibrateBy::Raking => "raked to the margins".to_owned(),
            CalibrateBy::Logit => {
                format!("calibrated to the margins with ratios from {} to {}", self.bounds.0, self.bounds.1)
            }
        });
        let trimmed = self.trim.map(|(low, high)| format!("cut to lie between {low} and {high}"));
        match (calibrated, trimmed) {
            (None, None) => None,
            (own, None) | (None, own) => own,
            (Some(calibrated), Some(trimmed)) => Some(format!("{calibrated}, then {trimmed}")),
        }
    }

    /// Every file that is read.
    pub(super) fn files(&self) -> Option<&Path> {
        self.margins.as_deref()
    }

    fn margins(&self) -> anyhow::Result<Option<Margins>> {
        let Some(path) = &self.margins else { return Ok(None) };
        Margins::read_csv(open(path)?).map(Some).map_err(explain).with_context(|| in_file(path))
    }
}

impl Spread {
    /// Replicate weights, when they are asked for.
    pub(super) fn given(&self, survey: &Survey) -> anyhow::Result<Option<Given>> {
        if !self.variance.contains(&By::Given) {
            return Ok(None);
        }
        Given::new(survey).map(Some).map_err(explain)
    }

    /// The variance methods that were asked for.
    pub(super) fn methods<'a>(&self, given: Option<&'a Given>) -> Vec<Method<'a>> {
        let (n_replicates, seed) = (self.replicates, self.seed);
        let method = |by: &By| match (by, given) {
            (By::Taylor, _) => Some(Method::Taylor),
            (By::Jkn, _) => Some(Method::Jkn),
            (By::Jk1, _) => Some(Method::Jk1),
            (By::Raowu, _) => Some(Method::RaoWu { n_replicates, seed }),
            (By::Multistage, _) => Some(Method::Multistage { n_replicates, seed }),
            (By::Given, given) => given.map(Method::Given),
        };
        self.variance.iter().filter_map(method).collect()
    }
}

fn pair(text: &str) -> Result<(f64, f64), String> {
    let numbers = text.split_once(',').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    numbers.ok_or_else(|| "expected two numbers with a comma between, for example 0.2,5".to_owned())
}
