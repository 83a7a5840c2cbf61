//! How long do ten thousand bootstrap replicates take?
//!
//! `cargo bench -p streamward-prevalence --bench replicates`. Budget: 10 ms for one group, 100 ms for all groups and domains.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads a file and a clock")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use prevalence::calibrate::Weights;
use prevalence::estimate::Request;
use prevalence::estimator::{Estimator, Ratio, size};
use prevalence::variance::{Method, Question};
use prevalence::{Codebook, Survey, Table, estimates, holdout};

fn main() {
    let folder = std::env::var_os("STREAMWARD_CONFORMANCE")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance")), PathBuf::from);
    let read = |name: &str| std::fs::read(folder.join("prevalence").join(name));
    let (Ok(example), Ok(synth)) = (read("networkreporting_example_survey.csv"), read("synth_soh_survey.csv")) else {
        println!("not measured: the conformance surveys are missing");
        return;
    };
    let example = survey(include_str!("../tests/codebooks/networkreporting.toml"), &example);
    let synth = survey(include_str!("../tests/codebooks/synth_soh.toml"), &synth);

    let weights = Weights::plain(&example.weights);
    let ratio = Ratio::new(Estimator::ScaleUp, &example.hidden[3], &example.degrees);
    let question = Question {
        design: &example.design,
        weights: &weights,
        terms: ratio.terms(None).to_vec(),
        estimands: vec![size(1e7)],
    };
    let method = Method::RaoWu { n_replicates: 10_000, seed: 1 };
    let time = median(|| drop(question.spreads(&method)));
    println!("example survey, clients, 10,000 Rao-Wu replicates: {time:?} (budget 10 ms)");

    let weights = Weights::plain(&synth.weights);
    let methods = [method];
    let request = Request {
        estimator: Estimator::ScaleUp,
        weights: &weights,
        methods: &methods,
        shape: None,
        confidence: 0.95,
        seed: 1,
    };
    let time = median(|| drop(estimates(&synth, &request)));
    println!("synthetic survey, 2 groups in 13 places, 10,000 Rao-Wu replicates: {time:?}");
    let methods = [Method::Taylor, Method::Jkn];
    let request = Request { methods: &methods, ..request };
    let time = median(|| {
        drop(estimates(&synth, &request));
        drop(holdout::hold_outs(&synth, &weights, 0.95));
    });
    println!("synthetic survey, all groups, places and hold-outs, Taylor and JKn: {time:?} (budget 100 ms)");
}

fn survey(codebook: &str, data: &[u8]) -> Survey {
    let mut codebook = Codebook::parse(codebook).expect("the codebook is checked in");
    codebook.replicates = None;
    let wanted = Survey::wanted(&codebook, &[], &[]);
    let table = Table::read_csv(data, b',', &wanted).expect("the survey is a vector");
    Survey::new(codebook, table).expect("the survey fits its codebook")
}

fn median(run: impl Fn()) -> Duration {
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[4]
}
