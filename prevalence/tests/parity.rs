//! Do we get the digits that R gets?
//!
//! Vectors: `../shared/conformance/prevalence`, or the folder that `STREAMWARD_CONFORMANCE` names. Made with R 4.2.2,
//! survey 4.1-1, networkreporting 0.3.1 and surveybootstrap 0.2.1; MANIFEST.json there says by which script.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read vectors from files")]

use std::path::PathBuf;

use prevalence::calibrate::Weights;
use prevalence::estimand::sum;
use prevalence::estimate::{Estimate, Request};
use prevalence::estimator::{Estimator, killworth_se};
use prevalence::interval::{Shape, quantile, sorted};
use prevalence::table::{Kind, Wanted};
use prevalence::variance::given::Given;
use prevalence::variance::{Method, Question};
use prevalence::{Codebook, Survey, Table, estimates, holdout};
use serde_json::Value;

const SYNTH: &str = include_str!("codebooks/synth_soh.toml");
const EXAMPLE: &str = include_str!("codebooks/networkreporting.toml");

#[test]
fn the_synthetic_survey_gives_every_recorded_digit() {
    let (Some(expected), Some(table)) = (json("synth_soh_parity.json"), synth_table()) else { return };
    let codebook = Codebook::parse(SYNTH).unwrap();
    let survey = Survey::new(codebook, table).unwrap();
    let with_replacement = altered(&survey, |own| own.design = own.design.clone().with_replacement());
    assert_eq!(survey.design.n_rows(), expected["n"].as_u64().unwrap() as usize);

    for (at, hidden) in ["hidden_a", "hidden_b"].into_iter().enumerate() {
        let own = &expected["est"][hidden];
        let wr = rows(&with_replacement, Estimator::ScaleUp, &[Method::Taylor, Method::Jkn]);
        let taylor = find(&wr, hidden, "taylor", None);
        close(taylor.estimate.unwrap(), &own["mle_weighted"], hidden);
        close(taylor.se.unwrap(), &own["se_lin_wr"], hidden);
        close(taylor.ci_low.unwrap(), &own["ci_t"][0], hidden);
        close(taylor.ci_high.unwrap(), &own["ci_t"][1], hidden);
        assert_eq!(taylor.df.unwrap() as u64, own["degf"].as_u64().unwrap());
        close(taylor.adjusted.as_ref().unwrap().estimate.unwrap(), &own["adjusted_tau"], hidden);
        close(find(&wr, hidden, "jkn", None).se.unwrap(), &own["se_JKn"], hidden);
        let fpc = rows(&survey, Estimator::ScaleUp, &[Method::Taylor]);
        close(find(&fpc, hidden, "taylor", None).se.unwrap(), &own["se_lin_2stage_fpc"], hidden);

        let unweighted = altered(&with_replacement, |own| own.weights.fill(1.0));
        let mle = rows(&unweighted, Estimator::ScaleUp, &[Method::Taylor]);
        close(find(&mle, hidden, "taylor", None).estimate.unwrap(), &own["mle_unweighted"], hidden);
        let pimle = rows(&unweighted, Estimator::Pimle, &[Method::Taylor]);
        close(find(&pimle, hidden, "taylor", None).estimate.unwrap(), &own["pimle_unweighted"], hidden);

        let weights = Weights::plain(&survey.weights);
        let ask = prevalence::plain::Ask::Mean(hidden.to_owned());
        let mean = prevalence::plain::plain(&with_replacement, &weights, &ask, None, &Method::Taylor, 0.95).unwrap();
        close(mean[0].deff.unwrap(), &own["deff_mean_y"], "deff of the mean");

        let strata = &expected["by_stratum"][hidden];
        for (place, stratum) in strata["stratum"].as_array().unwrap().iter().enumerate() {
            let level = stratum.to_string();
            let (rate, se) = rate_of_stratum(&with_replacement, at, &level);
            close(rate, &strata["prev"][place], &level);
            close(se, &strata["se"][place], &level);
        }
    }
}

#[test]
fn the_synthetic_hold_outs_are_the_recorded_ones() {
    let (Some(expected), Some(table)) = (json("synth_soh_parity.json"), synth_table()) else { return };
    let survey = Survey::new(Codebook::parse(SYNTH).unwrap(), table).unwrap();
    check_hold_outs(&survey, &expected["loo"]);
}

#[test]
fn the_synthetic_replicates_are_the_recorded_ones() {
    let (Some(expected), Some(table)) = (json("synth_soh_parity.json"), synth_table()) else { return };
    let Some(factors) = read("synth_soh_raowu_psu_factors_B40.csv", &[text("psu"), number("boot_rep_*")]) else {
        return;
    };
    let survey = Survey::new(Codebook::parse(SYNTH).unwrap(), table.join("psu", &factors).unwrap()).unwrap();
    for (at, hidden) in ["hidden_a", "hidden_b"].into_iter().enumerate() {
        check_replicates(&survey, at, &expected["boot40"][hidden], 40);
    }
}

#[test]
fn the_example_survey_gives_every_recorded_digit() {
    let (Some(expected), Some(table)) = (json("networkreporting_parity.json"), example_table()) else { return };
    let expected = &expected["nr"];
    let survey = Survey::new(Codebook::parse(EXAMPLE).unwrap(), table).unwrap();
    let design = &expected["design"];
    close(survey.sum_weights(), &design["sum_indweight"], "sum of weights");
    assert_eq!(survey.design.n_psus() as u64, design["clusters"].as_u64().unwrap());
    assert_eq!(survey.design.strata().len() as u64, design["regions"].as_u64().unwrap());
    close(survey.codebook.known.iter().map(|known| known.size).sum(), &design["sum_kp"], "known people");

    close(sum(survey.degrees.iter().copied()), &expected["d_hat"]["sum"], "sum of degrees");
    let n_zero = survey.degrees.iter().filter(|degree| **degree == 0.0).count();
    assert_eq!(n_zero as u64, expected["d_hat"]["n_zero"].as_u64().unwrap());
    let degrees = sorted(&survey.degrees);
    let summary = &expected["d_hat"]["summary"];
    for (name, p) in [("Min.", 0.0), ("1st Qu.", 0.25), ("Median", 0.5), ("3rd Qu.", 0.75), ("Max.", 1.0)] {
        close(quantile(&degrees, p), &summary[name], name);
    }
    close(sum(degrees.iter().copied()) / degrees.len() as f64, &summary["Mean"], "mean degree");
    for degree in expected["d_hat"]["first20"].as_array().unwrap() {
        let wanted = degree.as_f64().unwrap();
        assert!(degrees.iter().any(|own| (own - wanted).abs() <= 1e-9 * wanted.abs()), "no degree {wanted}");
    }

    let unweighted = altered(&survey, |own| own.weights.fill(1.0));
    for hidden in ["sex.workers", "msm", "idu", "clients", "died"] {
        let own = &expected["est"][hidden];
        let at = survey.codebook.hidden.iter().position(|group| group.column == hidden).unwrap();
        let unweighted_degrees = sum(unweighted.degrees.iter().copied());
        for (survey, kind) in [(&unweighted, "unweighted"), (&survey, "weighted")] {
            let row = &rows(survey, Estimator::ScaleUp, &[Method::Taylor])[at];
            let degrees = sum(survey.weights.iter().zip(&survey.degrees).map(|(weight, degree)| weight * degree));
            let ties = sum(survey.weights.iter().zip(&survey.hidden[at]).map(|(weight, count)| weight * count));
            close(row.estimate.unwrap(), &own[kind]["estimate"], hidden);
            close(degrees, &own[kind]["sum.d.hat"], hidden);
            close(ties, &own[kind]["tot.connections"], hidden);
            close(killworth_se(row.estimate.unwrap(), 1e7, degrees), &own[kind]["killworth.se"], hidden);
            let first = &rows(&unweighted, Estimator::ScaleUp, &[Method::Taylor])[at];
            let se = killworth_se(first.estimate.unwrap(), 1e7, unweighted_degrees);
            close(se, &own[kind]["killworth.se.wgtdenom"], hidden);
        }
        let row = &rows(&survey, Estimator::ScaleUp, &[Method::Taylor])[at];
        close(row.adjusted.as_ref().unwrap().estimate.unwrap(), &own["weighted_adj"], hidden);
    }
}

#[test]
fn the_example_hold_outs_are_the_recorded_ones() {
    let (Some(expected), Some(table)) = (json("networkreporting_parity.json"), example_table()) else { return };
    let survey = Survey::new(Codebook::parse(EXAMPLE).unwrap(), table).unwrap();
    check_hold_outs(&survey, &expected["nr"]["loo"]);
    // Defect 4 of the notes: the package's default scales by the sum of the weights and is off by 4,093 times.
    let wrong = &expected["nr"]["loo_default_alter"];
    let own = holdout::hold_outs(&survey, &Weights::plain(&survey.weights), 0.95).unwrap();
    assert!(own.are < 2.0 && wrong["are"].as_f64().unwrap() > 7000.0);
    let off = wrong["first3"][0]["nsum.holdout.est"].as_f64().unwrap() / own.groups[0].estimate.unwrap();
    assert!((off / (1e7 / survey.sum_weights()) - 1.0).abs() < 1e-9, "{off}");
}

#[test]
fn the_example_mean_degrees_by_cell_are_the_recorded_ones() {
    let Some(expected) = json("networkreporting_parity.json") else { return };
    let Some(table) = example_table() else { return };
    let survey = Survey::new(Codebook::parse(EXAMPLE).unwrap(), table).unwrap();
    let all = prevalence::degree::cells(&survey, &[]).unwrap();
    let whole = &expected["nr"]["kp_all"][0];
    close(all[0].mean_degree, &whole["dbar.Fcell.F"], "mean degree");
    close(all[0].sum_weights, &whole["wgt.total.y.kp"], "weights");
    close(all[0].reports, &whole["sum.y.kp"], "reports");
    close(all[0].reports / 1_186_543.0, &whole["sum.y.kp.over.kptot"], "reports over sizes");
    assert_eq!(all[0].n as u64, whole["num.obs.y.kp"].as_u64().unwrap());
    let cells = prevalence::degree::cells(&survey, &["sex", "age.cat"]).unwrap();
    for wanted in expected["nr"]["kp_by_sex_age"].as_array().unwrap() {
        let levels = [wanted["sex"].as_str().unwrap(), wanted["age.cat"].as_str().unwrap()];
        let own = cells.iter().find(|cell| cell.levels == levels).unwrap();
        close(own.mean_degree, &wanted["dbar.Fcell.F"], levels[1]);
        close(own.reports, &wanted["sum.y.kp"], levels[1]);
        close(own.sum_weights, &wanted["wgt.total.y.kp"], levels[1]);
        assert_eq!(own.n as u64, wanted["num.obs.y.kp"].as_u64().unwrap());
    }
    assert_eq!(cells.len(), expected["nr"]["kp_by_sex_age"].as_array().unwrap().len());
}

#[test]
fn the_example_replicates_are_the_recorded_ones() {
    let (Some(expected), Some(table)) = (json("networkreporting_parity.json"), example_table()) else { return };
    let wanted = [text("id"), number("boot_weight_*")];
    let Some(weights) = read("networkreporting_boot_weights_B50.csv", &wanted) else { return };
    let survey = Survey::new(Codebook::parse(EXAMPLE).unwrap(), table.join("id", &weights).unwrap()).unwrap();
    for (at, hidden) in ["sex.workers", "msm", "idu", "clients", "died"].into_iter().enumerate() {
        check_replicates(&survey, at, &expected["nr"]["boot50"][hidden], 50);
    }
}

#[test]
fn our_bootstrap_agrees_with_networkreporting_within_chance() {
    let (Some(expected), Some(table)) = (json("networkreporting_parity.json"), example_table()) else { return };
    let survey = Survey::new(Codebook::parse(EXAMPLE).unwrap(), table).unwrap();
    let method = Method::RaoWu { n_replicates: 10_000, seed: 1 };
    let row = rows(&survey, Estimator::ScaleUp, &[method])[3].clone();
    let theirs = &expected["nr"]["boot1000_clients"];
    let sd = theirs["sd"].as_f64().unwrap();
    // A standard deviation from 1,000 draws has a relative error of 1/sqrt(2000) = 2.2 %; three of them.
    assert!((row.se.unwrap() / sd - 1.0).abs() < 0.067, "{} {sd}", row.se.unwrap());
    // Ends of a 95 % interval from 1,000 draws have an error of about 0.08 sd each; four of them.
    for (own, at) in [(row.ci_low, 0), (row.ci_high, 4)] {
        let wanted = theirs["q"][at].as_f64().unwrap();
        assert!((own.unwrap() - wanted).abs() < 0.32 * sd, "{own:?} {wanted}");
    }
}

fn check_hold_outs(survey: &Survey, expected: &Value) {
    let own = holdout::hold_outs(survey, &Weights::plain(&survey.weights), 0.95).unwrap();
    for wanted in expected["results"].as_array().unwrap() {
        let name = wanted["name"].as_str().unwrap();
        let group = own.groups.iter().find(|group| group.known == name).unwrap();
        close(group.estimate.unwrap(), &wanted["nsum.holdout.est"], name);
        close(group.relative_error.unwrap(), &wanted["relerr"], name);
        close(group.size, &wanted["known.size"], name);
    }
    assert_eq!(own.groups.len(), expected["results"].as_array().unwrap().len());
    close(own.rmse, &expected["rmse"], "rmse");
    close(own.are, &expected["are"], "are");
    close(own.mae, &expected["mae"], "mae");
}

fn check_replicates(survey: &Survey, at: usize, expected: &Value, n: usize) {
    let given = Given::new(survey).unwrap();
    assert_eq!(given.n_replicates(), n);
    let weights = Weights::plain(&survey.weights);
    let frame_size = survey.codebook.frame_size().unwrap();
    let ratio = prevalence::estimator::Ratio::new(Estimator::ScaleUp, &survey.hidden[at], &survey.degrees);
    let question = Question {
        design: &survey.design,
        weights: &weights,
        terms: ratio.terms(None).to_vec(),
        estimands: vec![prevalence::estimator::size(frame_size)],
    };
    let spread = question.spreads(&Method::Given(&given)).unwrap().remove(0);
    for (own, wanted) in spread.replicates.iter().zip(expected["replicates"].as_array().unwrap()) {
        let wanted = wanted.as_f64().unwrap();
        assert!((own / wanted - 1.0).abs() < 1e-12, "{own} {wanted}");
    }
    close(spread.replicates.iter().sum::<f64>() / n as f64, &expected["mean"], "mean");
    close(spread.variance.sqrt(), &expected["sd"], "sd");
    let sorted = sorted(&spread.replicates);
    for (place, p) in [0.025, 0.5, 0.975].into_iter().enumerate() {
        close(quantile(&sorted, p), &expected["q"][place], "quantile");
    }
}

/// The share of the hidden group and its standard error within a stratum, as R's `svyby` of `svyratio` gives them.
fn rate_of_stratum(survey: &Survey, at: usize, stratum: &str) -> (f64, f64) {
    let weights = Weights::plain(&survey.weights);
    let labels = survey.labels("stratum").unwrap();
    let code = labels.names.iter().position(|name| name == stratum).unwrap() as u32;
    let within = prevalence::estimand::Within { codes: &labels.codes, code };
    let ratio = prevalence::estimator::Ratio::new(Estimator::ScaleUp, &survey.hidden[at], &survey.degrees);
    let question = Question {
        design: &survey.design,
        weights: &weights,
        terms: ratio.terms(Some(within)).to_vec(),
        estimands: vec![prevalence::estimator::size(1.0)],
    };
    (question.values().1[0], question.spreads(&Method::Taylor).unwrap()[0].variance.sqrt())
}

fn rows(survey: &Survey, estimator: Estimator, methods: &[Method<'_>]) -> Vec<Estimate> {
    let weights = Weights::plain(&survey.weights);
    let survey = &altered(survey, |own| own.codebook.domains.clear());
    let shape: Option<Shape> = None;
    let request = Request { estimator, weights: &weights, methods, shape, confidence: 0.95, seed: 1 };
    estimates(survey, &request).unwrap().estimates
}

fn altered(survey: &Survey, alter: impl Fn(&mut Survey)) -> Survey {
    let mut own = survey.clone();
    alter(&mut own);
    own
}

fn find<'a>(rows: &'a [Estimate], hidden: &str, variance: &str, domain: Option<&str>) -> &'a Estimate {
    let is_it = |row: &&Estimate| {
        row.hidden == hidden
            && row.variance == variance
            && row.domain.as_ref().map(|level| level.level.as_str()) == domain
    };
    rows.iter().find(is_it).unwrap()
}

/// Within 1e-9 of the recorded number.
fn close(own: f64, wanted: &Value, what: &str) {
    let wanted = wanted.as_f64().unwrap_or_else(|| panic!("{what} is not recorded"));
    assert!((own - wanted).abs() <= 1e-9 * wanted.abs(), "{what}: {own} is not {wanted}");
}

fn synth_table() -> Option<Table> {
    let codebook = Codebook::parse(SYNTH).unwrap();
    let numbers = ["hidden_a", "hidden_b"].map(String::from);
    read("synth_soh_survey.csv", &Survey::wanted(&codebook, &numbers, &[]))
}

fn example_table() -> Option<Table> {
    let codebook = Codebook::parse(EXAMPLE).unwrap();
    let labels = ["id", "sex", "age.cat"].map(String::from);
    read("networkreporting_example_survey.csv", &Survey::wanted(&codebook, &[], &labels))
}

fn text(name: &str) -> Wanted {
    Wanted { name: name.into(), kind: Kind::Text }
}

fn number(name: &str) -> Wanted {
    Wanted { name: name.into(), kind: Kind::Number }
}

fn read(file: &str, wanted: &[Wanted]) -> Option<Table> {
    Some(Table::read_csv(bytes(file)?.as_slice(), b',', wanted).unwrap())
}

fn json(file: &str) -> Option<Value> {
    Some(serde_json::from_slice(&bytes(file)?).unwrap())
}

fn bytes(file: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("STREAMWARD_CONFORMANCE")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance")), PathBuf::from);
    let path = folder.join("prevalence").join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            eprintln!("not checked: {} is missing ({error})", path.display());
            None
        }
    }
}
