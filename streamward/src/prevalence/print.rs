//! How are results written: one JSON object, or a table for people?

use std::io::{ErrorKind, Write};

use anyhow::Context;
use prevalence::Survey;
use prevalence::calibrate::Weights;
pub(super) use prevalence::figure::number;
use serde::Serialize;

/// What every result begins with.
#[derive(Serialize)]
pub(super) struct Head {
    program: &'static str,
    version: &'static str,
    title: String,
    respondents: usize,
    strata: usize,
    psus: usize,
    df: usize,
    sum_weights: f64,
    frame_size: Option<f64>,
    /// Smallest and largest ratio of final to base weight.
    weight_ratio: (f64, f64),
    remarks: Vec<String>,
}

impl Head {
    pub(super) fn new(survey: &Survey, weights: &Weights<'_>) -> Head {
        Head {
            program: "streamward prevalence",
            version: env!("CARGO_PKG_VERSION"),
            title: survey.codebook.title.clone(),
            respondents: survey.design.n_rows(),
            strata: survey.design.strata().len(),
            psus: survey.design.n_psus(),
            df: survey.design.df(),
            sum_weights: survey.sum_weights(),
            frame_size: survey.codebook.frame.size,
            weight_ratio: weights.ratio_range(),
            remarks: survey.remarks.clone(),
        }
    }

    /// Says in words on stderr what JSON says in the head.
    pub(super) fn tell(&self, warnings: &[String]) {
        let Head { respondents, strata, psus, df, .. } = self;
        eprintln!("{respondents} respondents, {psus} PSUs in {strata} strata, {df} degrees of freedom");
        for remark in self.remarks.iter().chain(warnings) {
            eprintln!("note: {remark}");
        }
    }
}

/// Writes one JSON object to stdout.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value).context("cannot write the result as JSON")?;
    out(&format!("{text}\n"))
}

/// Writes a table to stdout: the first row is the head; columns of numbers lean right.
pub(super) fn table(rows: &[Vec<String>]) -> anyhow::Result<()> {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0);
    let widths: Vec<usize> = (0..n_columns).map(width).collect();
    let is_number =
        |cell: &String| cell.is_empty() || cell == "–" || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let right: Vec<bool> =
        (0..n_columns).map(|column| rows.iter().skip(1).all(|row| row.get(column).is_none_or(is_number))).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let gap = " ".repeat(widths[column] - cell.chars().count());
            if right[column] { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    out(&text)
}

/// Writes to stdout; a reader that hangs up early is no error.
pub(super) fn out(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write the result"),
        _ => Ok(()),
    }
}
