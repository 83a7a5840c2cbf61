//! How long do ten thousand bootstrap replicates take, and a whole table of estimates?
//!
//! `cargo bench -p streamward-prevalence --bench replicates -- [--json] FOLDER`, where the folder was written by
//! `streamward prevalence simulate --write FOLDER`. Processor time of the whole process, best of nine.
//! Budget: 10 ms for one group, 100 ms for all groups, domains and hold-outs.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads files and a clock")]

use std::path::PathBuf;

use prevalence::calibrate::Weights;
use prevalence::estimate::Request;
use prevalence::estimator::{Estimator, Ratio, size};
use prevalence::variance::{Method, Question};
use prevalence::{Codebook, Survey, Table, estimates, holdout};
use rustix::time::{ClockId, clock_gettime};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let Some(folder) = words.iter().find(|word| !word.starts_with("--")).map(PathBuf::from) else {
        println!("not measured: name the folder of a survey (streamward prevalence simulate --write FOLDER)");
        return;
    };
    let survey = survey(&folder);
    let weights = Weights::plain(&survey.weights);
    let ratio = Ratio::new(Estimator::ScaleUp, &survey.hidden[0], &survey.degrees);
    let question = Question {
        design: &survey.design,
        weights: &weights,
        terms: ratio.terms(None).to_vec(),
        estimands: vec![size(1.0)],
    };
    let method = Method::RaoWu { n_replicates: 10_000, seed: 1 };
    let one_se = question.spreads(&method).expect("the design has no single PSU")[0].variance.sqrt();
    let one_ms = best_ms(|| drop(question.spreads(&method)));
    let request = |methods| Request {
        estimator: Estimator::ScaleUp,
        weights: &weights,
        methods,
        shape: None,
        confidence: 0.95,
        seed: 1,
    };
    let methods = [method];
    let all_replicates_ms = best_ms(|| drop(estimates(&survey, &request(&methods))));
    let methods = [Method::Taylor, Method::Jkn];
    let all_ms = best_ms(|| {
        drop(estimates(&survey, &request(&methods)));
        drop(holdout::hold_outs(&survey, &weights, 0.95));
    });
    if words.iter().any(|word| word == "--json") {
        println!(
            "{{\"one_ms\": {one_ms}, \"one_se\": {one_se}, \"all_ms\": {all_ms}, \"all_replicates_ms\": {all_replicates_ms}}}"
        );
        return;
    }
    println!("one group, 10,000 Rao-Wu replicates: {one_ms:.2} ms (budget 10 ms)");
    println!("all groups and domains, 10,000 Rao-Wu replicates: {all_replicates_ms:.1} ms");
    println!("all groups, domains and hold-outs, Taylor and JKn: {all_ms:.1} ms (budget 100 ms)");
}

fn survey(folder: &std::path::Path) -> Survey {
    let codebook = std::fs::read_to_string(folder.join("codebook.toml")).expect("the folder has a codebook");
    let codebook = Codebook::parse(&codebook).expect("the codebook is ours");
    let data = std::fs::read(folder.join("survey.csv")).expect("the folder has a survey");
    let table =
        Table::read_csv(data.as_slice(), b',', &Survey::wanted(&codebook, &[], &[])).expect("the survey is ours");
    Survey::new(codebook, table).expect("the survey fits its codebook")
}

fn best_ms(run: impl Fn()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    (0..9)
        .map(|_| {
            let start = now();
            run();
            now() - start
        })
        .fold(f64::INFINITY, f64::min)
}
