//! What does a ministry get to read?
//!
//! One document: question, design, response, estimates, checks, assumptions, limits, method, and what was run. It is a
//! list of blocks, which [`html`] and [`typst`] write out; nothing in it depends on a clock, so the same input gives the
//! same bytes.

pub mod block;
pub mod html;
mod method;
mod plot;
mod scale;
mod section;
mod svg;
pub mod typst;

use crate::Survey;
use crate::bayes::municipal::AreaEstimate;
use crate::bayes::posterior::{Convergence, Summary};
use crate::calibrate::Weights;
use crate::estimate::Estimates;
use crate::holdout::HoldOuts;
use crate::sensitivity::Grid;
use block::Block;

/// Everything that the document tells.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// The survey.
    pub survey: &'a Survey,
    /// Weights, calibrated or not.
    pub weights: &'a Weights<'a>,
    /// Estimates by one variance method, everybody first.
    pub estimates: &'a Estimates,
    /// Known groups scaled up from the others; `None` with fewer than two of them.
    pub hold_outs: Option<&'a HoldOuts>,
    /// Adjusted sizes over grids of assumptions.
    pub grids: &'a [Grid],
    /// What the pooled model says, when it was asked.
    pub municipal: Option<Municipal<'a>>,
    /// How all this was reckoned.
    pub run: &'a Run,
}

/// What the pooled model says.
#[derive(Clone, Copy, Debug)]
pub struct Municipal<'a> {
    /// Column of areas.
    pub column: &'a str,
    /// Covariates of areas.
    pub covariates: &'a [String],
    /// Whether the walks agree.
    pub convergence: &'a Convergence,
    /// National sizes, when they do.
    pub sizes: Option<&'a [Summary]>,
    /// Areas, when they do.
    pub areas: Option<&'a [AreaEstimate]>,
}

/// How the figures were reckoned.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Version of the program.
    pub version: String,
    /// Seed of every random number.
    pub seed: u64,
    /// Bootstrap replicates, where there are any.
    pub n_replicates: Option<usize>,
    /// Confidence of all intervals.
    pub confidence: f64,
    /// How the weights were calibrated, in words.
    pub calibration: Option<String>,
    /// Name and SHA-256 of each file that was read.
    pub inputs: Vec<(String, String)>,
}

/// The document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Title.
    pub title: String,
    /// Its parts, in order.
    pub blocks: Vec<Block>,
}

/// Writes down what was found.
pub fn document(findings: &Findings<'_>) -> Document {
    let title = match findings.survey.codebook.title.as_str() {
        "" => "Survey estimates".to_owned(),
        title => title.to_owned(),
    };
    let blocks = [
        section::question(findings),
        section::design(findings),
        section::response(findings),
        section::estimates(findings),
        section::hold_outs(findings),
        section::adjustments(findings),
        section::sensitivity(findings),
        section::municipal(findings),
        section::limits(findings),
        method::method(findings),
        section::provenance(findings),
    ];
    Document { title, blocks: blocks.concat() }
}
