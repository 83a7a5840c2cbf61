//! Which weights and replicate factors do other programs need?

use clap::Args;
use prevalence::variance::bootstrap::rao_wu_factors;
use prevalence::variance::replicate::check_count;

use super::explain;
use super::print;
use super::read::{Reweight, Source};

/// Writes the weights after calibration and trimming, one row for each respondent.
#[derive(Args)]
pub(super) struct Calibrate {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reweight: Reweight,
}

impl Calibrate {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let id = self.source.codebook()?.design.id;
        let columns: Vec<String> = id.iter().cloned().collect();
        let survey = self.source.survey(&self.reweight, &[], &columns)?;
        let weights = self.reweight.weights(&survey)?;
        let labels = id.as_deref().map(|column| survey.labels(column)).transpose().map_err(explain)?;
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record([id.as_deref().unwrap_or("row_in_canonical_order"), "base_weight", "weight"])?;
        for row in 0..survey.design.n_rows() {
            let label = match labels {
                Some(labels) => labels.names.get(labels.codes[row] as usize).cloned().unwrap_or_default(),
                None => (row + 1).to_string(),
            };
            writer.write_record([label, format!("{:?}", weights.base[row]), format!("{:?}", weights.full[row])])?;
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
        let mut writer = csv::Writer::from_writer(Vec::new());
        let names = (1..=self.replicates).map(|replicate| format!("boot_rep_{replicate}"));
        writer.write_record(["stratum".to_owned(), psu.unwrap_or("psu").to_owned()].into_iter().chain(names))?;
        let first_rows = first_rows(&design.psu_of_row());
        let strata = design.strata().iter().flat_map(|stratum| std::iter::repeat_n(&stratum.label, stratum.n_psus()));
        for ((row, stratum), factors) in first_rows.iter().zip(strata).zip(&by_psu) {
            let label = match labels {
                Some(labels) => labels.names[labels.codes[*row] as usize].clone(),
                None => (row + 1).to_string(),
            };
            let cells = factors.iter().map(|factor| format!("{factor:?}"));
            writer.write_record([stratum.clone(), label].into_iter().chain(cells))?;
        }
        print::out(&String::from_utf8(writer.into_inner()?)?)
    }
}

fn first_rows(psu_of_row: &[u32]) -> Vec<usize> {
    (0..psu_of_row.len()).filter(|&row| row == 0 || psu_of_row[row] != psu_of_row[row - 1]).collect()
}
