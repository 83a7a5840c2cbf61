//! Do we share the defects that were found in other programs?
//!
//! One test for each; the numbers of the defects are those of the method page. Programs: surveybootstrap 0.2.1,
//! networkreporting 0.3.1, networkscaleup 0.1-2, all R.
//! Defect 3 (a stratum with one PSU gives NaN) is in `bad_input.rs`, defect 4 (hold-outs scaled by the sum of the weights)
//! in `parity.rs`; defect 5 (a Gibbs step with the wrong variance) cannot occur, for no sampler here has such a step.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use prevalence::calibrate::Weights;
use prevalence::estimate::Request;
use prevalence::estimator::Estimator;
use prevalence::variance::Method;
use prevalence::variance::bootstrap::rao_wu_factors;
use prevalence::{Codebook, Survey, Table, estimates, holdout};

const CODEBOOK: &str = "[frame]\nsize = 600\nweights = \"relative\"\n\
    [design]\nweight = \"w\"\nstrata = \"s\"\npsu = \"p\"\n\
    [[known]]\ncolumn = \"a\"\nsize = 20\n[[known]]\ncolumn = \"b\"\nsize = 40\n[[hidden]]\ncolumn = \"h\"\n";

/// Two strata of three PSUs of two respondents; strata differ much, so that mixing them up shows.
const ROWS: [&str; 12] = [
    "n,1,1,2,3,0",
    "n,1,1,1,2,1",
    "n,2,1,3,1,0",
    "n,2,1,2,2,0",
    "n,3,1,1,1,1",
    "n,3,1,2,4,0",
    "z,4,50,0,1,3",
    "z,4,50,1,0,4",
    "z,5,50,1,1,2",
    "z,5,50,0,1,5",
    "z,6,50,1,0,3",
    "z,6,50,2,0,4",
];

fn survey(codebook: &str, rows: &[&str]) -> Survey {
    let codebook = Codebook::parse(codebook).unwrap();
    let text = format!("s,p,w,a,b,h\n{}\n", rows.join("\n"));
    let table = Table::read_csv(text.as_bytes(), b',', &Survey::wanted(&codebook, &[], &[])).unwrap();
    Survey::new(codebook, table).unwrap()
}

fn bootstrap_se(survey: &Survey) -> f64 {
    let weights = Weights::plain(&survey.weights);
    let methods = [Method::RaoWu { n_replicates: 500, seed: 9 }];
    let request = Request {
        estimator: Estimator::ScaleUp,
        weights: &weights,
        methods: &methods,
        shape: None,
        confidence: 0.95,
        seed: 9,
    };
    estimates(survey, &request).unwrap().estimates[0].se.unwrap()
}

/// Defect 1: surveybootstrap multiplies weights in file order by factors in stratum order.
#[test]
fn replicate_factors_reach_the_rows_they_belong_to() {
    let grouped = survey(CODEBOOK, &ROWS);
    let mixed: Vec<&str> = [6, 0, 7, 1, 8, 2, 9, 3, 10, 4, 11, 5].map(|at| ROWS[at]).to_vec();
    let mixed = survey(CODEBOOK, &mixed);
    assert_eq!(bootstrap_se(&grouped).to_bits(), bootstrap_se(&mixed).to_bits());
    // In every replicate a stratum keeps its number of PSUs, so its weights keep their sum.
    let mut factors = vec![0.0; 6];
    for replicate in 0..100 {
        rao_wu_factors(&mixed.design, replicate, 9, &mut factors);
        let psu_of_row = mixed.design.psu_of_row();
        let sum = |rows: std::ops::Range<usize>| -> f64 {
            rows.map(|row| mixed.weights[row] * factors[psu_of_row[row] as usize]).sum()
        };
        assert!((sum(0..6) - 6.0).abs() < 1e-12 && (sum(6..12) - 300.0).abs() < 1e-9);
    }
}

/// Defect 2: surveybootstrap stops as soon as one of several strata is a census (`include_cc`).
#[test]
fn a_census_stratum_beside_others_is_kept_whole() {
    let with_fpc = CODEBOOK.replace("psu = \"p\"\n", "psu = \"p\"\nfpc = [\"w\"]\n");
    let rows = [&["n,1,1,2,3,0", "n,1,1,1,2,1"][..], &ROWS[6..]].concat();
    // The weight doubles as the number of PSUs in the stratum: 1 of 1 is a census, 3 of 50 is not.
    let survey = survey(&with_fpc, &rows);
    let mut factors = vec![0.0; 4];
    for replicate in 0..50 {
        rao_wu_factors(&survey.design, replicate, 1, &mut factors);
        assert_eq!(factors[0], 1.0);
    }
    assert!(bootstrap_se(&survey).is_finite());
}

/// Defect 6: networkreporting counts a missing answer about a known group as nobody, and its hold-out sums of
/// network sizes ignore the weights.
#[test]
fn a_missing_answer_is_not_nobody_and_hold_outs_are_weighted() {
    let whole = survey(CODEBOOK, &ROWS);
    let mut rows = ROWS;
    rows[7] = "z,4,50,1,,4";
    let missing = survey(CODEBOOK, &rows);
    assert!(missing.degrees.iter().filter(|degree| degree.is_nan()).count() == 1);
    assert!(missing.remarks.iter().any(|remark| remark.contains("an answer is missing, who are left out: 1")));
    let asked = CODEBOOK.replace("[design]", "[answers]\nmissing = \"zero\"\n[design]");
    assert!(survey(&asked, &rows).degrees.iter().all(|degree| !degree.is_nan()));

    let hold_outs = |survey: &Survey| holdout::hold_outs(survey, &Weights::plain(&survey.weights), 0.95).unwrap();
    // N · Σ w a / Σ w d with d = N b / N_b: by hand, 40 · (11 + 50·5) / (13 + 50·3).
    let by_hand = 40.0 * (11.0 + 250.0) / (13.0 + 150.0);
    assert!((hold_outs(&whole).groups[0].estimate.unwrap() / by_hand - 1.0).abs() < 1e-12);
}
