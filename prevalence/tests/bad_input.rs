//! Does every kind of bad input give an error that says what to do?
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use prevalence::calibrate::Weights;
use prevalence::codebook::LonelyPsu;
use prevalence::estimate::Request;
use prevalence::estimator::Estimator;
use prevalence::variance::Method;
use prevalence::{Codebook, Error, Survey, Table, estimates};

const DESIGN: &str = "[design]\nweight = \"w\"\nstrata = \"s\"\npsu = \"p\"\n";
const GROUPS: &str = "[[known]]\ncolumn = \"a\"\nsize = 10\n[[hidden]]\ncolumn = \"h\"\n";
const ROWS: [&str; 4] = ["x,1,25,1,0", "x,2,25,2,1", "y,3,25,0,0", "y,4,25,1,1"];

fn survey_of(frame: &str, design: &str, rows: &[&str]) -> Result<Survey, Error> {
    let codebook = Codebook::parse(&format!("[frame]\nsize = 100\n{frame}{design}{GROUPS}"))?;
    let text = format!("s,p,w,a,h\n{}\n", rows.join("\n"));
    let table = Table::read_csv(text.as_bytes(), b',', &Survey::wanted(&codebook, &[], &[]))?;
    Survey::new(codebook, table)
}

fn refused(replace: usize, row: &str) -> Error {
    let mut rows = ROWS;
    rows[replace] = row;
    let error = survey_of("", DESIGN, &rows).unwrap_err();
    assert!(!error.remedy().is_empty() && !error.to_string().ends_with('.'), "{error}");
    error
}

fn estimate(survey: &Survey, method: Method<'_>) -> Result<f64, Error> {
    let weights = Weights::plain(&survey.weights);
    let methods = [method];
    let request = Request {
        estimator: Estimator::ScaleUp,
        weights: &weights,
        methods: &methods,
        shape: None,
        confidence: 0.95,
        seed: 1,
    };
    Ok(estimates(survey, &request)?.estimates[0].se.unwrap())
}

#[test]
fn the_good_survey_passes() {
    let survey = survey_of("", DESIGN, &ROWS).unwrap();
    assert!(estimate(&survey, Method::Taylor).unwrap() > 0.0);
}

#[test]
fn a_missing_weight_is_refused() {
    assert_eq!(refused(1, "x,2,,2,1"), Error::Empty { column: "w".into(), row: 2, role: "weight" });
}

#[test]
fn zero_and_negative_weights_are_refused() {
    for weight in ["0", "-3"] {
        let error = refused(2, &format!("y,3,{weight},0,0"));
        assert!(matches!(error, Error::Weight { row: 3, .. }), "{error}");
    }
}

#[test]
fn an_infinite_weight_is_refused() {
    assert!(matches!(refused(2, "y,3,inf,0,0"), Error::NotANumber { row: 3, .. }));
}

#[test]
fn a_row_without_a_stratum_or_psu_is_refused() {
    assert_eq!(refused(0, ",1,25,1,0"), Error::Empty { column: "s".into(), row: 1, role: "stratum" });
    assert_eq!(refused(0, "x,NA,25,1,0"), Error::Empty { column: "p".into(), row: 1, role: "PSU" });
}

#[test]
fn psu_labels_that_repeat_across_strata_are_refused_unless_declared() {
    assert!(matches!(refused(2, "y,1,25,0,0"), Error::PsuInTwoStrata { .. }));
    let mut rows = ROWS;
    rows[2] = "y,1,25,0,0";
    let survey = survey_of("", &format!("{DESIGN}psu_nested = true\n"), &rows).unwrap();
    assert_eq!(survey.design.n_psus(), 4);
}

#[test]
fn a_stratum_with_one_psu_is_refused_until_somebody_chooses() {
    let rows = &ROWS[..3];
    let design = "[frame]\nsize = 75\n";
    let codebook = |lonely: &str| format!("{design}{DESIGN}lonely_psu = \"{lonely}\"\n{GROUPS}");
    let survey = |lonely: &str| {
        let codebook = Codebook::parse(&codebook(lonely)).unwrap();
        let text = format!("s,p,w,a,h\n{}\n", rows.join("\n"));
        let table = Table::read_csv(text.as_bytes(), b',', &Survey::wanted(&codebook, &[], &[])).unwrap();
        Survey::new(codebook, table).unwrap()
    };
    let bootstrap = Method::RaoWu { n_replicates: 20, seed: 1 };
    for method in [Method::Taylor, Method::Jkn, bootstrap.clone()] {
        let error = estimate(&survey("fail"), method).unwrap_err();
        assert_eq!(error, Error::LonelyPsu { stratum: "y".into(), n_strata: 1 });
    }
    for lonely in ["remove", "certainty", "adjust", "average"] {
        for method in [Method::Taylor, Method::Jkn] {
            assert!(estimate(&survey(lonely), method).unwrap().is_finite(), "{lonely}");
        }
    }
    // Defect 3 of the notes: surveybootstrap gives NaN here.
    assert!(estimate(&survey("remove"), bootstrap.clone()).unwrap().is_finite());
    assert_eq!(
        estimate(&survey("average"), bootstrap).unwrap_err(),
        Error::LonelyRule { rule: LonelyPsu::Average.word(), method: "the bootstrap" }
    );
}

#[test]
fn nobody_with_a_degree_is_refused_and_some_without_are_told() {
    let rows = ["x,1,25,0,0", "x,2,25,0,1", "y,3,25,0,0", "y,4,25,0,1"];
    assert_eq!(survey_of("", DESIGN, &rows).unwrap_err(), Error::NoDegree);
    let survey = survey_of("", DESIGN, &ROWS).unwrap();
    assert!(survey.remarks.iter().any(|remark| remark.contains("(network size 0): 1")), "{:?}", survey.remarks);
}

#[test]
fn an_undeclared_98_or_99_is_refused() {
    assert_eq!(refused(1, "x,2,25,1,98"), Error::SuspectCode { column: "h".into(), code: 98, n_rows: 1 });
    assert_eq!(refused(1, "x,2,25,99,1"), Error::SuspectCode { column: "a".into(), code: 99, n_rows: 1 });
}

#[test]
fn weights_that_do_not_sum_to_the_frame_are_refused() {
    let error = survey_of("", DESIGN, &["x,1,25,1,0", "x,2,40,2,1", "y,3,25,0,0", "y,4,40,1,1"]).unwrap_err();
    assert_eq!(error.to_string(), "the weights sum to 130, but the frame holds 100 people (+30.0 %)");
    let relative = survey_of("weights = \"relative\"\n", DESIGN, &["x,1,1,1,0", "x,2,1,2,1", "y,3,1,0,0", "y,4,1,1,1"]);
    assert!(relative.is_ok());
}

#[test]
fn a_codebook_that_names_an_absent_column_is_refused() {
    let error = survey_of("", "[design]\nweight = \"weight\"\n", &ROWS).unwrap_err();
    assert_eq!(error, Error::ColumnAbsent { column: "weight".into() });
}

#[test]
fn a_known_group_of_nobody_is_refused() {
    let codebook = format!("[frame]\nsize = 100\n{DESIGN}{}", GROUPS.replace("size = 10", "size = 0"));
    let error = Codebook::parse(&codebook).unwrap_err();
    assert_eq!(error.to_string(), "the codebook sets known a.size to 0, but it must be above 0");
}

#[test]
fn a_prior_outside_0_to_1_is_refused() {
    for rate in ["1.2", "0", "-0.1", "{ triangular = [0.4, 0.9, 1.1] }", "{ elicited = [[-0.1, 0.5, 0.9]] }"] {
        let codebook = format!("{DESIGN}{GROUPS}adjust = {{ true_positive_rate = {rate} }}\n");
        let error = Codebook::parse(&codebook).unwrap_err();
        assert!(matches!(error, Error::CodebookValue { .. }), "{rate}: {error}");
    }
}

#[test]
fn rows_in_another_order_change_no_bit() {
    let orders = [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]];
    let se = |order: [usize; 4]| {
        let survey = survey_of("", DESIGN, &order.map(|row| ROWS[row])).unwrap();
        estimate(&survey, Method::RaoWu { n_replicates: 50, seed: 3 }).unwrap().to_bits()
    };
    assert!(orders.iter().all(|&order| se(order) == se(orders[0])));
}

#[test]
fn negative_and_broken_answers_are_refused() {
    assert!(matches!(refused(0, "x,1,25,-1,0"), Error::NotACount { row: 1, .. }));
    assert!(matches!(refused(0, "x,1,25,1,0.5"), Error::NotACount { row: 1, .. }));
    assert!(matches!(refused(0, "x,1,25,many,0"), Error::NotANumber { row: 1, .. }));
}

#[test]
fn windows_line_ends_change_nothing() {
    let codebook = Codebook::parse(&format!("[frame]\nsize = 100\n{DESIGN}{GROUPS}")).unwrap();
    let read = |end: &str| {
        let text = format!("s,p,w,a,h{end}{}{end}", ROWS.join(end));
        let table = Table::read_csv(text.as_bytes(), b',', &Survey::wanted(&codebook, &[], &[])).unwrap();
        estimate(&Survey::new(codebook.clone(), table).unwrap(), Method::Taylor).unwrap()
    };
    assert_eq!(read("\n").to_bits(), read("\r\n").to_bits());
}

#[test]
fn a_population_below_the_sample_is_refused() {
    let design = format!("{DESIGN}fpc = [\"a\"]\n");
    let rows = ["x,1,25,1,0", "x,2,25,1,1", "y,3,25,5,0", "y,4,25,5,1"];
    let error = survey_of("", &design, &rows).unwrap_err();
    assert!(matches!(error, Error::Fpc { n_sampled: 2, .. }), "{error}");
}

#[test]
fn an_interval_that_needs_replicates_is_refused_without() {
    let survey = survey_of("", DESIGN, &ROWS).unwrap();
    let weights = Weights::plain(&survey.weights);
    let methods = [Method::Jkn];
    let shape = Some(prevalence::interval::Shape::Percentile);
    let request = Request {
        estimator: Estimator::ScaleUp,
        weights: &weights,
        methods: &methods,
        shape,
        confidence: 0.95,
        seed: 1,
    };
    assert!(matches!(estimates(&survey, &request), Err(Error::IntervalNeedsReplicates { .. })));
}

/// Ten million rows with `STREAMWARD_TEST_ALL`, 300,000 without: only the columns that are asked for are kept.
#[test]
#[allow(clippy::disallowed_methods, reason = "how long a test runs is set from outside")]
fn a_very_long_file_is_read_as_a_stream() {
    let n_rows: u64 = if std::env::var_os("STREAMWARD_TEST_ALL").is_some() { 10_000_000 } else { 300_000 };
    let codebook = Codebook::parse(&format!("[frame]\nsize = {n_rows}\n{DESIGN}{GROUPS}")).unwrap();
    let wanted = Survey::wanted(&codebook, &[], &[]);
    let table = Table::read_csv(prevalence::simulate::country::LongSurvey::new(n_rows), b',', &wanted).unwrap();
    assert_eq!(table.n_rows() as u64, n_rows);
    let survey = Survey::new(codebook, table).unwrap();
    assert_eq!((survey.design.strata().len(), survey.design.n_psus()), (100, 10_000));
    assert!(estimate(&survey, Method::Taylor).unwrap() > 0.0);
    assert!(estimate(&survey, Method::RaoWu { n_replicates: 200, seed: 1 }).unwrap() > 0.0);
    println!("{n_rows} rows, read and estimated: at most {} of memory", memory_peak());
}

/// Most memory that this process ever held.
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "Linux keeps it in a file")]
fn memory_peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or("an unknown amount".to_owned(), |kilobytes| kilobytes.trim().to_owned())
}

#[test]
fn a_row_without_end_is_refused_at_its_limit() {
    let codebook = Codebook::parse(&format!("[frame]\nsize = 100\n{DESIGN}{GROUPS}")).unwrap();
    // The second is a quote that nobody closes: line ends do not end the row.
    for (start, byte) in [("s,p,w,a,h\nx,1,25,1,", b'1'), ("s,p,w,a,h\n\"", b'\n')] {
        let row = std::io::Read::chain(start.as_bytes(), std::io::Read::take(std::io::repeat(byte), 1 << 32));
        let error = Table::read_csv(row, b',', &Survey::wanted(&codebook, &[], &[])).unwrap_err();
        assert_eq!(error, Error::TooLarge { what: "bytes in one row", limit: prevalence::table::ROW_BYTES_MAX });
    }
}
