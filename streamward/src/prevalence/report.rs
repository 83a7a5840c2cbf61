//! What does a ministry get to read?

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use prevalence::estimate::Request;
use prevalence::estimator::Estimator;
use prevalence::interval::Shape;
use prevalence::report::{Findings, Municipal, Run, document, html, typst};
use prevalence::variance::Method;
use prevalence::{estimates, holdout, sensitivity};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::bayes::{How, refusal};
use super::explain;
use super::print;
use super::read::{Reweight, Source, Spread};

/// Writes a report: one self-contained web page, and the same for a typesetter.
#[derive(Args)]
pub(super) struct Report {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reweight: Reweight,
    #[command(flatten)]
    spread: Spread,
    /// Areas; with --area the pooled model is walked through and its estimates are part of the report.
    #[command(flatten)]
    how: How,
    /// The web page.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Also write it for the typesetter Typst to this folder; there `typst compile main.typ report.pdf` makes the PDF.
    #[arg(long, value_name = "FOLDER")]
    typst: Option<PathBuf>,
    /// Degree ratios of the sensitivity grid.
    #[arg(long, value_delimiter = ',', default_value = "0.5,0.75,1,1.25", value_name = "NUMBERS")]
    degree_ratios: Vec<f64>,
    /// True-positive rates of the sensitivity grid.
    #[arg(long, value_delimiter = ',', default_value = "0.3,0.5,0.7,0.9,1", value_name = "NUMBERS")]
    true_positive_rates: Vec<f64>,
    /// Write one JSON object that says what was written.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Written {
    file: PathBuf,
    bytes: usize,
    sha256: String,
}

#[derive(Serialize)]
struct Output {
    written: Vec<Written>,
    /// Whether the walks through the pooled model agree; null without --area.
    converged: Option<bool>,
}

impl Report {
    /// Returns whether everything that was asked for is in the report.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let labels: Vec<String> = self.how.area.iter().cloned().collect();
        let survey = self.source.survey(&self.reweight, &[], &labels)?;
        let weights = self.reweight.weights(&survey)?;
        let given = self.spread.given(&survey)?;
        let methods: Vec<Method<'_>> = self.spread.methods(given.as_ref()).into_iter().take(1).collect();
        let (seed, confidence) = (self.spread.seed, self.spread.confidence);
        let is_bootstrap = methods.iter().any(Method::is_bootstrap);
        // The form whose simulated coverage is best when a few places hold most of a group.
        let shape = Shape::Effective;
        let estimator = Estimator::ScaleUp;
        let request = Request { estimator, weights: &weights, methods: &methods, shape: Some(shape), confidence, seed };
        let estimates = estimates(&survey, &request).map_err(explain)?;
        let hold_outs = match survey.known.len() {
            0 | 1 => None,
            _ => Some(holdout::hold_outs(&survey, &weights, confidence).map_err(explain)?),
        };
        let mut grids = Vec::new();
        for row in estimates.estimates.iter().filter(|row| row.domain.is_none()) {
            grids.extend(sensitivity::grid(row, &self.degree_ratios, &self.true_positive_rates).map_err(explain)?);
        }
        let all: Vec<usize> = (0..survey.hidden.len()).collect();
        let municipal = match &self.how.area {
            Some(_) => Some(self.how.municipal(&survey, &all, confidence, seed)?),
            None => None,
        };
        let run = Run {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
            n_replicates: is_bootstrap.then_some(self.spread.replicates),
            confidence,
            calibration: self.reweight.words(),
            inputs: self.inputs()?,
        };
        let column = self.how.area.as_deref().unwrap_or_default();
        let findings = Findings {
            survey: &survey,
            weights: &weights,
            estimates: &estimates,
            hold_outs: hold_outs.as_ref(),
            grids: &grids,
            municipal: municipal.as_ref().map(|own| Municipal {
                column,
                covariates: &self.how.covariates,
                convergence: &own.convergence,
                sizes: own.sizes.as_deref(),
                areas: own.areas.as_deref(),
            }),
            run: &run,
        };
        let document = document(&findings);
        let mut written = vec![write(&self.out, html::page(&document).as_bytes())?];
        if let Some(folder) = &self.typst {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            let source = typst::source(&document);
            written.push(write(&folder.join("main.typ"), source.main.as_bytes())?);
            for (name, drawing) in &source.drawings {
                written.push(write(&folder.join(name), drawing.as_bytes())?);
            }
        }
        let converged = municipal.as_ref().map(|own| own.convergence.converged);
        if let Some(own) = municipal.as_ref().filter(|own| !own.convergence.converged) {
            eprintln!("{}", refusal(&own.convergence));
        }
        if self.json {
            print::json(&Output { written, converged })?;
        } else {
            for file in &written {
                print::out(&format!("wrote {} ({} bytes)\n", file.file.display(), file.bytes))?;
            }
        }
        Ok(converged != Some(false))
    }

    /// Name and digest of every file that was read.
    fn inputs(&self) -> anyhow::Result<Vec<(String, String)>> {
        let files = self.source.files().into_iter().chain(self.reweight.files()).chain(self.how.area_data.as_deref());
        files
            .map(|path| {
                let mut file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
                let mut digest = Sha256::new();
                std::io::copy(&mut file, &mut digest).with_context(|| format!("cannot read {}", path.display()))?;
                let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                Ok((name, hex(&digest.finalize())))
            })
            .collect()
    }
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<Written> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Written { file: path.to_owned(), bytes: bytes.len(), sha256: hex(&Sha256::digest(bytes)) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
