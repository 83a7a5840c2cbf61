//! Does anything depend on what it should not?
//!
//! Row order, threads, the scale of the weights, the names of strata.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use prevalence::calibrate::{Trim, Weights, distance::Distance, margin::Margins};
use prevalence::estimate::{Estimate, Request};
use prevalence::estimator::Estimator;
use prevalence::variance::Method;
use prevalence::{Codebook, Survey, Table, estimates, holdout};
use proptest::prelude::*;

const CODEBOOK: &str = "[frame]\nsize = 5000\nweights = \"relative\"\n\
    [design]\nweight = \"w\"\nstrata = \"s\"\npsu = \"p\"\n\
    [[known]]\ncolumn = \"a\"\nsize = 100\n[[known]]\ncolumn = \"b\"\nsize = 300\n\
    [[hidden]]\ncolumn = \"h\"\nadjust = { true_positive_rate = { beta = { mean = 0.6, sd = 0.1 } } }\n\
    [[domain]]\ncolumn = \"sex\"\n\
    [suppress]\nmin_respondents = 1\nmin_reporting = 0\nmax_cv = 1e9\n";
const MARGINS: &str = "variable,level,total\nsex,F,2600\nsex,M,2400\n";
const METHODS: [Method<'static>; 5] = [
    Method::Taylor,
    Method::Jkn,
    Method::Jk1,
    Method::RaoWu { n_replicates: 50, seed: 7 },
    Method::Multistage { n_replicates: 50, seed: 7 },
];

/// Rows of a made-up survey: 4 strata of 5 PSUs of 6 respondents. `salt` changes the answers.
fn rows(salt: u64, factor: f64, stratum: impl Fn(usize) -> String) -> Vec<String> {
    let noise = |n: usize, row: usize| (prevalence::chance::key(&format!("{salt} {n} {row}")) >> 20) as usize;
    (0..120)
        .map(|row| {
            let (s, p, sex) = (row / 30, row / 6, if noise(0, row) % 2 == 0 { "F" } else { "M" });
            let (w, a, b) = (1.0 + (noise(1, row) % 90) as f64 / 7.0, noise(2, row) % 4, noise(3, row) % 6);
            let h = if noise(4, row) % 5 == 0 { 2 } else { 0 };
            format!("{},{p},{:?},{a},{b},{h},{sex}", stratum(s), w * factor)
        })
        .collect()
}

fn survey(rows: &[String]) -> Survey {
    let codebook = Codebook::parse(CODEBOOK).unwrap();
    let text = format!("s,p,w,a,b,h,sex\n{}\n", rows.join("\n"));
    let table = Table::read_csv(text.as_bytes(), b',', &Survey::wanted(&codebook, &[], &[])).unwrap();
    Survey::new(codebook, table).unwrap()
}

fn figures(survey: &Survey, weights: &Weights<'_>) -> Vec<Estimate> {
    let request =
        Request { estimator: Estimator::ScaleUp, weights, methods: &METHODS, shape: None, confidence: 0.95, seed: 3 };
    estimates(survey, &request).unwrap().estimates
}

fn plain(rows: &[String]) -> (Vec<Estimate>, holdout::HoldOuts) {
    let survey = survey(rows);
    let weights = Weights::plain(&survey.weights);
    (figures(&survey, &weights), holdout::hold_outs(&survey, &weights, 0.9).unwrap())
}

fn calibrated(rows: &[String]) -> Vec<Estimate> {
    let survey = survey(rows);
    let constraints = Margins::read_csv(MARGINS.as_bytes()).unwrap().constraints(&survey).unwrap();
    let weights = Weights::calibrated(&survey.weights, constraints, Distance::Raking).unwrap();
    let weights = weights.trimmed(Trim { low: 5.0, high: 100.0 }).unwrap();
    figures(&survey, &weights)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_rows_changes_no_bit(salt in 0u64..1000, seed: u64) {
        let rows = rows(salt, 1.0, |s| s.to_string());
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|row| prevalence::chance::key(&format!("{seed}{row}")));
        prop_assert_eq!(plain(&rows), plain(&shuffled));
        prop_assert_eq!(calibrated(&rows), calibrated(&shuffled));
    }

    #[test]
    fn weights_times_a_power_of_two_change_no_bit(salt in 0u64..1000, power in -20i32..20) {
        let own = plain(&rows(salt, 1.0, |s| s.to_string()));
        prop_assert_eq!(own, plain(&rows(salt, 2f64.powi(power), |s| s.to_string())));
    }

    #[test]
    fn other_scales_and_names_change_nothing_that_matters(salt in 0u64..1000, scale in 0.01f64..100.0) {
        let (own, _) = plain(&rows(salt, 1.0, |s| s.to_string()));
        let (scaled, _) = plain(&rows(salt, scale, |s| s.to_string()));
        let (renamed, _) = plain(&rows(salt, 1.0, |s| format!("stratum {}", 9 - s)));
        for (row, (scaled, renamed)) in own.iter().zip(scaled.iter().zip(&renamed)) {
            near(row.estimate, scaled.estimate)?;
            near(row.se, scaled.se)?;
            near(row.estimate, renamed.estimate)?;
            // Bootstrap draws follow the names of strata; everything else must not.
            if !["raowu", "multistage"].contains(&row.variance) {
                near(row.se, renamed.se)?;
                near(row.deff, renamed.deff)?;
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let rows = rows(5, 1.0, |s| s.to_string());
    let with = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| (plain(&rows), calibrated(&rows)))
    };
    let one = with(1);
    for n_threads in [2, 3, 8] {
        assert_eq!(one, with(n_threads), "{n_threads} threads");
    }
}

#[test]
fn another_seed_gives_other_replicates_and_nearly_the_same_error() {
    let survey = survey(&rows(5, 1.0, |s| s.to_string()));
    let weights = Weights::plain(&survey.weights);
    let se = |seed| {
        let methods = [Method::RaoWu { n_replicates: 4000, seed }];
        let request = Request {
            estimator: Estimator::Pimle,
            weights: &weights,
            methods: &methods,
            shape: None,
            confidence: 0.95,
            seed,
        };
        estimates(&survey, &request).unwrap().estimates[0].se.unwrap()
    };
    assert_ne!(se(1), se(2));
    // Each has a relative Monte-Carlo error of 1/sqrt(8000) = 1.1 %; the difference stays within four of them.
    assert!((se(1) / se(2) - 1.0).abs() < 0.064);
}

fn near(a: Option<f64>, b: Option<f64>) -> Result<(), TestCaseError> {
    match (a, b) {
        (Some(a), Some(b)) => prop_assert!((a - b).abs() <= 1e-12 * a.abs(), "{a} {b}"),
        _ => prop_assert_eq!(a, b),
    }
    Ok(())
}
