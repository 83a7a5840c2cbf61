//! How well does a model do on pictures that somebody lawfully holds?
//!
//! The makers of this program hold no material, so they cannot say how well a model finds it. Whoever lawfully holds
//! labelled pictures can: a table of files and labels in, precision, recall and ROC with intervals out.

mod labels;
mod measures;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::classify::{Choice, judge};
use labels::{Labels, Meaning};
use measures::{Judged, Measures};

/// Measures a model on pictures that somebody lawfully holds and has labelled.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
    /// A table with the columns `file` and `label`; files are looked for beside it.
    #[arg(value_name = "LABELS.csv")]
    labels: PathBuf,
    /// Which classes a label stands for, as `unsafe=Porn+Hentai`: their scores are added. Default: the class of that name.
    #[arg(long = "means", value_name = "LABEL=CLASS[+CLASS]…")]
    means: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Judges every picture, then measures each label against all others. Exits with 3 when a picture could not be judged.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let labels = Labels::read(&arguments.labels)?;
    let mut ensemble = arguments.choice.load()?;
    let classes: Vec<String> = ensemble.cards().iter().flat_map(|(card, _)| card.classes.clone()).collect();
    let meanings = Meaning::of_all(&labels, &arguments.means, &classes)?;
    let bar = progress(labels.rows.len() as u64);
    let mut judged = Vec::new();
    let mut n_unjudged = 0;
    for (file, label) in &labels.rows {
        match judge(&mut ensemble, file) {
            Ok(scores) => {
                let values = meanings.iter().map(|meaning| meaning.score(&scores)).collect();
                judged.push(Judged { label: label.clone(), values });
            }
            Err(error) => {
                bar.suspend(|| eprintln!("{error:#}"));
                n_unjudged += 1;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let measures: Vec<Measures> =
        meanings.iter().enumerate().map(|(index, meaning)| Measures::of(&meaning.label, index, &judged)).collect();
    if arguments.json {
        let (judged, model) = (judged.len(), ensemble.name());
        let model = json!({"name": model.name, "version": model.version, "sha256": model.sha256});
        println!("{}", json!({"model": model, "judged": judged, "unjudged": n_unjudged, "labels": measures}));
    } else {
        println!("{}: {} pictures judged, {n_unjudged} not", ensemble.name().name, judged.len());
        measures.iter().for_each(|measures| print!("{}", measures.table()));
    }
    Ok(if n_unjudged == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn progress(n: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} pictures, {eta} left").expect("a fixed template");
    ProgressBar::new(n).with_style(style)
}
