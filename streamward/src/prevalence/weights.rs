//! Which weights and replicate factors do other programs need?

use clap::Args;
use prevalence::variance::bootstrap::rao_wu_factors;
use prevalence::variance::replicate::check_count;
use serde::Serialize;

use super::explain;
use super::print::{self, Head};
use super::read::{Reweight, Source};

/// Writes the weights after calibration and trimming, one row for each respondent.
#[derive(Args)]
pub(super) struct Calibrate {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reweight: Reweight,
    /// Write one JSON object instead of CSV.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct CalibrateOutput {
    #[serde(flatten)]
    head: Head,
    /// In canonical order of rows.
    weights: Vec<Weight>,
}

#[derive(Serialize)]
struct Weight {
    /// The codebook's id column, or the number of the row in canonical order.
    id: String,
    base_weight: f64,
    weight: f64,
}

impl Calibrate {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let id = self.source.codebook()?.design.id;
        let columns: Vec<String> = id.iter().cloned().collect();
        let survey = self.source.survey(&self.reweight, &[], &columns)?;
        let weights = self.reweight.weights(&survey)?;
        let labels = id.as_deref().map(|column| survey.labels(column)).transpose().map_err(explain)?;
        let id_of = |row: usize| match labels {
            Some(labels) => labels.names.get(labels.codes[row] as usize).cloned().unwrap_or_default(),
            None => (row + 1).to_string(),
        };
        let weight = |row: usize| Weight { id: id_of(row), base_weight: weights.base[row], weight: weights.full[row] };
        let rows: Vec<Weight> = (0..survey.design.n_rows()).map(weight).collect();
        if self.json {
            return print::json(&CalibrateOutput { head: Head::new(&survey, &weights), weights: rows });
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record([id.as_deref().unwrap_or("row_in_canonical_order"), "base_weight", "weight"])?;
        for own in rows {
            writer.write_record([own.id, format!("{:?}", own.base_weight), format!("{:?}", own.weight)])?;
        }
        print::out(&String::from_utf8(writer.into_inner()?)?)
    }
}

/// Writes the factors of bootstrap replicates, one row for each PSU.
#[derive(Args)]
pub(super) struct Bootstrap {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reweight: Reweight,
    /// Number of replicates.
    #[arg(long, default_value_t = 500, value_name = "N")]
    replicates: usize,
    /// Seed of every random number.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Write one JSON object instead of CSV.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct BootstrapOutput {
    #[serde(flatten)]
    head: Head,
    seed: u64,
    replicates: usize,
    psus: Vec<Factors>,
}

#[derive(Serialize)]
struct Factors {
    stratum: String,
    psu: String,
    /// One for each replicate, on the weights of the PSU's respondents.
    factors: Vec<f64>,
}

impl Bootstrap {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        check_count(self.replicates).map_err(explain)?;
        let survey = self.source.survey(&self.reweight, &[], &[])?;
        let design = &survey.design;
        let mut factors = vec![0.0; design.n_psus()];
        let mut by_psu = vec![Vec::with_capacity(self.replicates); design.n_psus()];
        for replicate in 0..self.replicates {
            rao_wu_factors(design, replicate, self.seed, &mut factors);
            by_psu.iter_mut().zip(&factors).for_each(|(own, &factor)| own.push(factor));
        }
        let psu = survey.codebook.design.psu.as_deref();
        let labels = psu.map(|column| survey.labels(column)).transpose().map_err(explain)?;
        let first_rows = first_rows(&design.psu_of_row());
        let strata = design.strata().iter().flat_map(|stratum| std::iter::repeat_n(&stratum.label, stratum.n_psus()));
        let label = |row: usize| match labels {
            Some(labels) => labels.names[labels.codes[row] as usize].clone(),
            None => (row + 1).to_string(),
        };
        let rows = first_rows.iter().zip(strata).zip(by_psu);
        let rows: Vec<Factors> = rows
            .map(|((&row, stratum), factors)| Factors { stratum: stratum.clone(), psu: label(row), factors })
            .collect();
        if self.json {
            let head = Head::new(&survey, &self.reweight.weights(&survey)?);
            return print::json(&BootstrapOutput { head, seed: self.seed, replicates: self.replicates, psus: rows });
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        let names = (1..=self.replicates).map(|replicate| format!("boot_rep_{replicate}"));
        writer.write_record(["stratum".to_owned(), psu.unwrap_or("psu").to_owned()].into_iter().chain(names))?;
        for own in rows {
            let cells = own.factors.iter().map(|factor| format!("{factor:?}"));
            writer.write_record([own.stratum, own.psu].into_iter().chain(cells))?;
        }
        print::out(&String::from_utf8(writer.into_inner()?)?)
    }
}

fn first_rows(psu_of_row: &[u32]) -> Vec<usize> {
    (0..psu_of_row.len()).filter(|&row| row == 0 || psu_of_row[row] != psu_of_row[row - 1]).collect()
}
