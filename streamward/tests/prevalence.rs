//! Does the program answer as it promises: data on stdout, words on stderr, exit codes, the same bytes every time?
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const CODEBOOK: &str = "[frame]\nsize = 6000\n[design]\nweight = \"w\"\nstrata = \"s\"\npsu = \"p\"\nid = \"id\"\n\
    [[known]]\ncolumn = \"a\"\nsize = 120\n[[known]]\ncolumn = \"b\"\nsize = 300\n\
    [[hidden]]\ncolumn = \"h\"\nadjust = { true_positive_rate = { triangular = [0.4, 0.6, 0.8] } }\n\
    [[domain]]\ncolumn = \"s\"\n[suppress]\nmin_respondents = 10\nmin_reporting = 3\nmax_cv = 2.0\n";

/// A folder with a codebook and a survey of 3 strata, 4 PSUs each, 5 respondents each.
fn folder(codebook: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("id,s,p,w,a,b,h\n");
    for row in 0..60usize {
        let (a, b, h) = (row * 7 % 3, row * 5 % 4 + 1, usize::from(row % 4 == 1) * (1 + row % 2));
        text.push_str(&format!("r{row},{},{},100,{a},{b},{h}\n", row / 20, row / 5));
    }
    std::fs::write(folder.path().join("survey.csv"), text).unwrap();
    std::fs::write(folder.path().join("codebook.toml"), codebook).unwrap();
    folder
}

fn streamward(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    command.current_dir(folder).arg("prevalence").args(arguments);
    command.args(["--codebook", "codebook.toml", "survey.csv"]).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_estimate_has_every_promised_field_for_each_method() {
    let folder = folder(CODEBOOK);
    let output = streamward(folder.path(), &["estimate", "--json", "--variance", "taylor,jkn,jk1,raowu"]);
    let rows = json(&output)["estimates"].as_array().unwrap().clone();
    // One hidden group, for everybody and three strata, by four methods.
    assert_eq!(rows.len(), 16);
    let fields = [
        "estimate",
        "se",
        "cv",
        "ci_low",
        "ci_high",
        "rate_per_1000",
        "deff",
        "n",
        "psus",
        "df",
        "zero_share",
        "adjusted",
        "suppressed",
    ];
    for row in &rows {
        for field in fields {
            assert!(row.get(field).is_some(), "{field} in {row}");
        }
    }
    assert!(rows[0]["adjusted"]["factors"][0]["assumed"].as_bool().unwrap());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_same_question_gives_the_same_bytes_for_any_number_of_threads() {
    let folder = folder(CODEBOOK);
    let ask = |threads: &str| {
        streamward(folder.path(), &["--threads", threads, "estimate", "--json", "--variance", "raowu", "--seed", "4"])
    };
    let one = ask("1");
    assert!(one.status.success());
    assert_eq!(one.stdout, ask("2").stdout);
    assert_eq!(one.stdout, ask("7").stdout);
}

#[test]
fn our_own_replicates_read_back_give_the_same_error() {
    let folder = folder(&format!("{CODEBOOK}[replicates]\ncolumns = [\"boot_rep_*\"]\nkind = \"factors\"\n"));
    let written = streamward(folder.path(), &["bootstrap", "--replicates", "80", "--seed", "11"]);
    assert!(written.status.success());
    std::fs::write(folder.path().join("replicates.csv"), &written.stdout).unwrap();
    let own = json(&streamward(
        folder.path(),
        &["mean", "h", "--json", "--variance", "raowu", "--replicates", "80", "--seed", "11"],
    ));
    let given = json(&streamward(
        folder.path(),
        &["mean", "h", "--json", "--variance", "given", "--replicate-weights", "replicates.csv"],
    ));
    let se = |value: &Value| value["estimates"][0]["se"].as_f64().unwrap();
    assert!((se(&own) / se(&given) - 1.0).abs() < 1e-12, "{} {}", se(&own), se(&given));
}

#[test]
fn a_survey_in_parquet_gives_the_same_bytes_as_in_csv_and_half_a_file_none() {
    let folder = folder(CODEBOOK);
    to_parquet(folder.path());
    let ask = |data: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
        command.current_dir(folder.path()).args(["prevalence", "estimate", "--json", "--variance", "taylor,raowu"]);
        command.args(["--codebook", "codebook.toml", data]).output().unwrap()
    };
    let csv = ask("survey.csv");
    assert!(csv.status.success() && csv.stdout == ask("survey.parquet").stdout);

    let path = folder.path().join("survey.parquet");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let half = ask("survey.parquet");
    let words = String::from_utf8(half.stderr).unwrap();
    assert!(half.status.code() == Some(2) && half.stdout.is_empty());
    assert!(
        words.contains("survey.parquet") && words.contains("cut short") && words.contains("\n  to do: "),
        "{words}"
    );
}

/// Writes the survey as Parquet: labels as text or whole numbers, counts as whole numbers, weights with a point.
fn to_parquet(folder: &Path) {
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::writer::SerializedFileWriter;

    let text = std::fs::read_to_string(folder.join("survey.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let schema = "message survey { required binary id (UTF8); required int64 s; required int64 p; required double w;
        required int64 a; required int64 b; required int64 h; }";
    let schema = parquet::schema::parser::parse_message_type(schema).unwrap();
    let file = std::fs::File::create(folder.join("survey.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema.into(), Default::default()).unwrap();
    // Two row groups, the second first, for the order of rows must not matter.
    for part in [&rows[25..], &rows[..25]] {
        let mut group = writer.next_row_group().unwrap();
        for at in 0..7 {
            let cells = part.iter().map(|row| row[at]);
            let mut column = group.next_column().unwrap().unwrap();
            match at {
                0 => column.typed::<ByteArrayType>().write_batch(
                    &cells.map(ByteArray::from).collect::<Vec<_>>(),
                    None,
                    None,
                ),
                3 => column.typed::<DoubleType>().write_batch(
                    &cells.map(|cell| cell.parse().unwrap()).collect::<Vec<_>>(),
                    None,
                    None,
                ),
                _ => column.typed::<Int64Type>().write_batch(
                    &cells.map(|cell| cell.parse().unwrap()).collect::<Vec<_>>(),
                    None,
                    None,
                ),
            }
            .unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn files_of_spss_and_stata_give_the_same_totals() {
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../prevalence/tests/files");
    let folder = folder("[design]\nweight = \"weight\"\nstrata = \"region\"\n");
    for file in ["plain.sav", "packed.sav", "stata13.dta", "stata15.dta"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
        command.current_dir(folder.path()).args(["prevalence", "total", "respondent", "--codebook", "codebook.toml"]);
        // The last respondent has no region.
        let refused = command.arg(format!("{files}/{file}")).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8(refused.stderr).unwrap().contains("column region, row 6 is empty"), "{file}");
        std::fs::write(folder.path().join("plain.toml"), "[design]\nweight = \"weight\"\n").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
        command.current_dir(folder.path()).args([
            "prevalence",
            "total",
            "respondent",
            "--json",
            "--codebook",
            "plain.toml",
        ]);
        let total = json(&command.arg(format!("{files}/{file}")).output().unwrap());
        assert_eq!(total["estimates"][0]["estimate"], 25.5 + 2.0 * 0.125 + 3e6 + 12.0 + 38.75 + 906.0, "{file}");
    }
}

#[test]
fn calibrated_weights_meet_their_margins() {
    let folder = folder(CODEBOOK);
    std::fs::write(folder.path().join("margins.csv"), "variable,level,total\ns,0,1000\ns,1,2000\ns,2,3000\n").unwrap();
    let output = streamward(folder.path(), &["calibrate", "--calibrate", "poststrat", "--margins", "margins.csv"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let weight = |id: &str| -> f64 {
        text.lines()
            .find(|line| line.starts_with(&format!("{id},")))
            .unwrap()
            .rsplit(',')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    assert!(
        (weight("r0") - 50.0).abs() < 1e-9
            && (weight("r25") - 100.0).abs() < 1e-9
            && (weight("r59") - 150.0).abs() < 1e-9
    );
}

#[test]
fn small_domains_are_withheld_in_json_and_in_the_table() {
    let folder = folder(&CODEBOOK.replace("min_respondents = 10", "min_respondents = 21"));
    let output = json(&streamward(folder.path(), &["estimate", "--json"]));
    let rows = output["estimates"].as_array().unwrap();
    assert!(rows[0]["suppressed"].is_null() && rows[0]["estimate"].is_number());
    for row in &rows[1..] {
        assert_eq!(row["suppressed"], "fewer than 21 respondents");
        assert!(["estimate", "se", "n", "zero_share", "adjusted"].iter().all(|field| row[field].is_null()), "{row}");
    }
    let table = String::from_utf8(streamward(folder.path(), &["estimate"]).stdout).unwrap();
    assert!(table.contains("withheld: fewer than 21 respondents"), "{table}");
}

#[test]
fn a_mistake_ends_with_code_2_and_says_what_to_do() {
    let folder = folder("[frame]\nsize = 9\n[design]\nweight = \"w\"\n");
    let output = streamward(folder.path(), &["total", "a"]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(
        words.contains("survey.csv") && words.contains("the weights sum to 6000") && words.contains("\n  to do: "),
        "{words}"
    );
    let absent = streamward(folder.path(), &["total", "nowhere"]);
    assert!(String::from_utf8(absent.stderr).unwrap().contains("no column nowhere"));
}

#[test]
fn every_other_command_answers_in_json_and_in_words() {
    let folder = folder(CODEBOOK);
    let commands: [&[&str]; 7] = [
        &["check"],
        &["degrees", "--by", "s"],
        &["holdout"],
        &["sensitivity"],
        &["total", "h"],
        &["mean", "h", "--by", "s"],
        &["ratio", "h", "a"],
    ];
    for command in commands {
        let words = streamward(folder.path(), command);
        assert!(words.status.success() && !words.stdout.is_empty(), "{command:?}");
        json(&streamward(folder.path(), &[command, &["--json"]].concat()));
    }
}

#[test]
fn the_synthetic_survey_gives_the_recorded_estimate() {
    let conformance = std::env::var_os("STREAMWARD_CONFORMANCE")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance")), PathBuf::from);
    let data = conformance.join("prevalence/synth_soh_survey.csv");
    if !data.exists() {
        eprintln!("not checked: {} is missing", data.display());
        return;
    }
    let codebook = concat!(env!("CARGO_MANIFEST_DIR"), "/../prevalence/tests/codebooks/synth_soh.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    command.args(["prevalence", "estimate", "--json", "--codebook", codebook]).arg(&data);
    let row = json(&command.output().unwrap())["estimates"][0].clone();
    assert!((row["estimate"].as_f64().unwrap() / 22181.0659381592 - 1.0).abs() < 1e-9);
    assert!((row["se"].as_f64().unwrap() / 1155.04640989739 - 1.0).abs() < 1e-9);
}

/// A made-up survey with codebook and table of places, in a folder.
fn country() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    let output =
        command.current_dir(folder.path()).args(["prevalence", "simulate", "--write", ".", "--seed", "3"]).output();
    assert!(output.unwrap().status.success());
    folder
}

#[test]
fn a_model_that_has_not_converged_prints_no_estimate_and_ends_with_code_3() {
    let folder = country();
    let output = streamward(folder.path(), &["bayes", "--json", "--warmup", "100", "--draws", "100", "--chains", "2"]);
    assert_eq!(output.status.code(), Some(3));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["convergence"]["converged"], false);
    assert!(value["groups"].is_null() && value["areas"].is_null(), "{value}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("no estimate is printed"));
}

#[test]
fn the_overdispersed_model_converges_and_does_not_depend_on_threads() {
    let folder = country();
    // A hundred respondents, so that it takes a moment.
    let text = std::fs::read_to_string(folder.path().join("survey.csv")).unwrap();
    let some: Vec<&str> = text.lines().take(1).chain(text.lines().skip(1).step_by(30)).collect();
    std::fs::write(folder.path().join("survey.csv"), some.join("\n")).unwrap();
    let codebook = std::fs::read_to_string(folder.path().join("codebook.toml")).unwrap();
    let codebook = codebook.replace("[design]", "weights = \"relative\"\n\n[design]");
    std::fs::write(folder.path().join("codebook.toml"), codebook).unwrap();
    let ask = |threads| streamward(folder.path(), &["--threads", threads, "bayes", "--json", "--draws", "800"]);
    let one = ask("1");
    let value = json(&one);
    let convergence = &value["convergence"];
    assert!(convergence["r_hat_max"].as_f64().unwrap() < 1.01 && convergence["ess_bulk_min"].as_f64().unwrap() > 400.0);
    assert_eq!(value["groups"].as_array().unwrap().len(), 14);
    assert_eq!(one.stdout, ask("3").stdout);
}

#[test]
fn a_report_is_one_file_that_loads_nothing_and_comes_out_the_same_twice() {
    let folder = country();
    let ask = |out: &str| streamward(folder.path(), &["report", "--variance", "raowu", "--json", "--out", out]);
    let first = json(&ask("one.html"));
    assert_eq!(first["written"][0]["sha256"], json(&ask("two.html"))["written"][0]["sha256"]);
    let page = std::fs::read_to_string(folder.path().join("one.html")).unwrap();
    for part in [
        "The question",
        "Design",
        "Response",
        "Estimates",
        "known?",
        "Adjustments",
        "Sensitivity",
        "Limits",
        "Method",
        "What was run",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("url("));
    // Every plot has its table.
    assert_eq!(page.matches("<figure>").count(), page.matches("<details").count());
    assert!(page.matches("<svg").count() == 2 * page.matches("<figure>").count() && page.contains("assumed"));
}

#[test]
fn planning_and_practice_answer_in_json() {
    let folder = country();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
        json(&command.current_dir(folder.path()).arg("prevalence").args(arguments).output().unwrap())
    };
    let plan = run(&["plan", "--prevalence", "0.004", "--cv", "0.1", "--json"]);
    assert!(plan["plan"]["respondents"].as_u64().unwrap() > 100);
    let simulated = run(&["simulate", "--surveys", "3", "--json"]);
    assert_eq!(simulated.as_array().unwrap().len(), 6);
    let calibrated = json(&streamward(folder.path(), &["calibrate", "--json"]));
    assert_eq!(calibrated["weights"].as_array().unwrap().len(), 3600);
    let factors = json(&streamward(folder.path(), &["bootstrap", "--replicates", "5", "--json"]));
    assert_eq!(factors["psus"].as_array().unwrap().len(), 150);
}
