//! From a file of transfers to an alert, its explanation and its picture: does the program tell one story?
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::path::Path;
use std::process::{Command, Output};

fn streamward(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    command.arg("payments").args(arguments).current_dir(folder).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is text")
}

fn simulated() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let arguments = ["simulate", ".", "--remitters", "2000", "--cases", "2000", "--seed", "4"];
    assert_eq!(streamward(folder.path(), &arguments).status.code(), Some(0));
    folder
}

const READ: [&str; 3] = ["transfers.jsonl", "--rates", "rates.csv"];

#[test]
fn an_alert_is_scored_explained_and_drawn() {
    let folder = simulated();
    let scored = streamward(folder.path(), &[&["score"], &READ[..], &["--out", "alerts.jsonl"]].concat());
    assert_eq!(scored.status.code(), Some(1), "{}", text(&scored.stderr));
    assert!(text(&scored.stdout).contains("strongest reason"));
    let alerts = std::fs::read_to_string(folder.path().join("alerts.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(alerts.lines().next().unwrap()).unwrap();
    let id = first["id"].as_str().unwrap();

    let drawn = ["--alerts", "alerts.jsonl", "--svg", "alert.svg", "--network", "network.svg"];
    let explain = [&["explain", id], &READ[..], &drawn].concat();
    let explained = streamward(folder.path(), &explain);
    assert_eq!(explained.status.code(), Some(1));
    assert!(text(&explained.stderr).contains("the same bytes"));
    for part in ["not a finding about a person", "may be innocent: ", "The transfers behind", "Who pays whom"] {
        assert!(text(&explained.stdout).contains(part), "{part}");
    }
    assert!(std::fs::read_to_string(folder.path().join("network.svg")).unwrap().contains("<path"));
    assert!(std::fs::read_to_string(folder.path().join("alert.svg")).unwrap().contains("<circle"));

    let changed = alerts.replacen("\"points\":", "\"points\":1", 1);
    std::fs::write(folder.path().join("alerts.jsonl"), changed).unwrap();
    assert_eq!(streamward(folder.path(), &explain).status.code(), Some(4), "a changed alert is found out");
}

#[test]
fn names_sex_and_nationality_change_no_byte_of_any_alert() {
    let folder = simulated();
    let transfers = std::fs::read_to_string(folder.path().join("transfers.jsonl")).unwrap();
    let columns = [
        "id",
        "time",
        "sender_zone",
        "sender",
        "beneficiary",
        "amount",
        "currency",
        "from",
        "to",
        "channel",
        "payee",
        "relation",
    ];
    let mut alerts = Vec::new();
    for extra in [["Ana", "f", "PH"], ["Bob", "m", "GB"], ["", "", ""]] {
        let mut csv = format!("name,sex,nationality,{}\n", columns.join(","));
        for line in transfers.lines() {
            let transfer: serde_json::Value = serde_json::from_str(line).unwrap();
            let cells: Vec<&str> = columns.iter().map(|column| transfer[column].as_str().unwrap()).collect();
            csv.push_str(&format!("{},{}\n", extra.join(","), cells.join(",")));
        }
        std::fs::write(folder.path().join("bank.csv"), csv).unwrap();
        let scored = streamward(folder.path(), &["score", "bank.csv", "--rates", "rates.csv", "--json"]);
        assert_eq!(scored.status.code(), Some(1), "{}", text(&scored.stderr));
        alerts.push(scored.stdout);
    }
    assert!(!alerts[0].is_empty());
    assert!(alerts.iter().all(|other| *other == alerts[0]));
}

#[test]
fn bad_rows_are_named_by_line_and_field_and_collected() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "id,time,sender,beneficiary,amount,currency,from,to\n\
        1,2026-03-01T12:00:00Z,A,B,15.00,EUR,GB,PH\n\
        2,2026-03-01T12:00:00,A,B,15.00,EUR,GB,PH\n\
        \n\
        1,2026-03-01T12:00:00Z,A,B,15.00,EUR,GB,PH\n\
        3,2026-03-01T12:00:00Z,A,B,15.00,GBP,GB,PH\n";
    std::fs::write(folder.path().join("bank.csv"), csv).unwrap();
    let scored = streamward(folder.path(), &["score", "bank.csv", "--reject", "bad.txt"]);
    assert_eq!(scored.status.code(), Some(3));
    let bad = std::fs::read_to_string(folder.path().join("bad.txt")).unwrap();
    let starts: Vec<&str> = bad.lines().map(|line| &line[..line.len().min(27)]).collect();
    assert_eq!(starts, ["bank.csv, line 3: time has ", "bank.csv, line 5: id was re", "bank.csv, line 6: currency "]);
}

#[test]
fn faults_have_their_exit_codes_and_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.toml"), "").unwrap();
    std::fs::write(folder.path().join("bank.csv"), "Ref\n").unwrap();
    for (arguments, code) in [
        (&["score", "nothing.csv"][..], 2),
        (&["score", "bank.csv"], 2),
        (&["pack", "check", "--pack", "empty.toml"], 4),
        (&["pack", "check"], 0),
        (&["explain", "a-0000000000000000", "bank.csv"], 2),
    ] {
        let output = streamward(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(code == 0 || text(&output.stderr).contains("\n  to do: "), "{}", text(&output.stderr));
    }
}

/// Columns of a file of transfers in our own form.
const COLUMNS: [&str; 12] = [
    "id",
    "time",
    "sender",
    "beneficiary",
    "amount",
    "currency",
    "from",
    "to",
    "channel",
    "payee",
    "relation",
    "sender_zone",
];

/// Writes the simulated transfers as Parquet, all columns text.
fn to_parquet(folder: &Path) -> std::path::PathBuf {
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;

    let transfers = std::fs::read_to_string(folder.join("transfers.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> = transfers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fields: String = COLUMNS.iter().map(|name| format!("required binary {name} (UTF8); ")).collect();
    let schema = parquet::schema::parser::parse_message_type(&format!("message transfers {{ {fields} }}")).unwrap();
    let path = folder.join("transfers.parquet");
    let compression = parquet::basic::Compression::SNAPPY;
    let properties = WriterProperties::builder().set_compression(compression).build();
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema.into(), properties.into()).unwrap();
    for part in rows.chunks(rows.len().div_ceil(3)) {
        let mut group = writer.next_row_group().unwrap();
        for name in COLUMNS {
            let cells: Vec<ByteArray> = part.iter().map(|row| row[name].as_str().unwrap().into()).collect();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&cells, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    path
}

#[test]
fn parquet_gives_the_same_alerts_and_half_a_file_gives_none() {
    let folder = simulated();
    let expected = streamward(folder.path(), &[&["score"], &READ[..], &["--json"]].concat());
    let path = to_parquet(folder.path());
    let arguments = ["score", "transfers.parquet", "--rates", "rates.csv", "--json"];
    let found = streamward(folder.path(), &arguments);
    assert_eq!(found.status.code(), Some(1), "{}", text(&found.stderr));
    let without_purpose = |output: &Output| -> Vec<(String, i64)> {
        let alerts = text(&output.stdout);
        let alert = |line: &str| {
            let alert: serde_json::Value = serde_json::from_str(line).unwrap();
            (alert["raised_by"].as_str().unwrap().to_owned(), alert["score"].as_i64().unwrap())
        };
        alerts.lines().map(alert).collect()
    };
    assert_eq!(without_purpose(&found), without_purpose(&expected));

    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let half = streamward(folder.path(), &arguments);
    assert_eq!(half.status.code(), Some(2));
    assert!(half.stdout.is_empty(), "nothing of half a file is scored");
    assert!(text(&half.stderr).contains("was cut short") && text(&half.stderr).contains("\n  to do: "));

    std::fs::write(&path, &whole).unwrap();
    std::fs::write(folder.path().join("map.toml"), "[columns]\nid = \"Surname\"\n").unwrap();
    let missing = streamward(folder.path(), &[&arguments[..], &["--mapping", "map.toml"]].concat());
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("Surname"), "{}", text(&missing.stderr));
}

/// A file of what an institution adds to a report, for these parties.
fn filing(parties: &[&str]) -> String {
    let mut text = String::from(
        "filed_on = \"2026-11-25\"\nreference = \"R-1\"\nnarrative = \"Reviewed by a person.\"\n\
        [fincen]\nname = \"Example Remitter\"\ntin = \"123456789\"\ncontrol_code = \"TBSATEST\"\nregulator = \"7\"\n\
        organization = \"4\"\ncontact = \"Compliance\"\nphone = \"5550100\"\n\
        address = { street = \"1 Example Street\", city = \"Example\", state = \"VA\", zip = \"22000\", country = \"US\" }\n\
        [goaml]\nentity_id = 17\nreport_code = \"STR\"\ncurrency = \"EUR\"\nindicators = [\"OCSE\"]\nfunds_code = \"K\"\n\
        transmodes = { default = \"MT\", wallet = \"WL\" }\n\
        reporting_person = { first_name = \"Ada\", last_name = \"Example\", email = \"ada@example.org\" }\n\
        location = { address_type = \"B\", address = \"1 Example Street\", city = \"Example\", country = \"GB\" }\n",
    );
    for party in parties {
        text += &format!("[[subject]]\nparty = \"{party}\"\nfirst_name = \"Made\"\nlast_name = \"Up\"\n");
        text += &format!("[[person]]\nparty = \"{party}\"\nfirst_name = \"Made\"\nlast_name = \"Up\"\n");
    }
    text
}

#[test]
fn an_alert_becomes_drafts_that_the_schemas_accept_and_a_referral() {
    let folder = simulated();
    streamward(folder.path(), &[&["score"], &READ[..], &["--out", "alerts.jsonl"]].concat());
    let alerts = std::fs::read_to_string(folder.path().join("alerts.jsonl")).unwrap();
    let alert: serde_json::Value = serde_json::from_str(alerts.lines().next().unwrap()).unwrap();
    let id = alert["id"].as_str().unwrap();
    let transfers = std::fs::read_to_string(folder.path().join("transfers.jsonl")).unwrap();
    let behind: std::collections::BTreeSet<&str> = alert["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|reason| reason["transfers"].as_array().unwrap())
        .map(|id| id.as_str().unwrap())
        .collect();
    let mut parties = std::collections::BTreeSet::new();
    for line in transfers.lines() {
        let transfer: serde_json::Value = serde_json::from_str(line).unwrap();
        if behind.contains(transfer["id"].as_str().unwrap()) {
            parties.extend(["sender", "beneficiary"].map(|side| transfer[side].as_str().unwrap().to_owned()));
        }
    }
    let parties: Vec<&str> = parties.iter().map(String::as_str).collect();
    std::fs::write(folder.path().join("filing.toml"), filing(&parties)).unwrap();

    let casework = Path::new(env!("CARGO_MANIFEST_DIR")).join("../casework/tests/goaml/small.xsd");
    let conformance = std::env::var_os("STREAMWARD_CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"),
        std::path::PathBuf::from,
    );
    let fincen = conformance.join("payments/fincen/EFL_SARXBatchSchema.xsd");
    for (to, schema, part) in [("goaml", &casework, "<rentity_id>17<"), ("fincen-sar", &fincen, "OCSE-FIN-2021-NTC3")] {
        if !schema.is_file() {
            eprintln!("not run: there is no schema at {}", schema.display());
            continue;
        }
        let schema = schema.to_str().unwrap();
        let filed = ["--to", to, "--filing", "filing.toml", "--schema", schema, "--out", "draft.xml"];
        let report = [&["report", id], &READ[..], &filed].concat();
        let output = streamward(folder.path(), &report);
        assert_eq!(output.status.code(), Some(0), "{to}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("nothing was sent"));
        let draft = std::fs::read_to_string(folder.path().join("draft.xml")).unwrap();
        assert!(draft.contains(part) && draft.contains(id), "{draft}");
        if to == "goaml" {
            let wrong = filing(&parties).replace("\"OCSE\"", "\"WRONG\"");
            std::fs::write(folder.path().join("filing.toml"), wrong).unwrap();
            assert_eq!(streamward(folder.path(), &report).status.code(), Some(4), "a code the unit does not have");
            std::fs::write(folder.path().join("filing.toml"), filing(&parties)).unwrap();
        }
    }
    let referred = streamward(folder.path(), &[&["refer", id], &READ[..]].concat());
    let referral: casework::Referral = serde_json::from_slice(&referred.stdout).unwrap();
    assert_eq!(referral.intake().source, casework::referral::Source::Payment);
    assert_eq!(referral.intake().channel, id);
}

#[test]
fn the_page_of_indicators_is_what_the_pack_says() {
    let folder = tempfile::tempdir().unwrap();
    let page = text(&streamward(folder.path(), &["pack", "check", "--markdown"]).stdout);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/payments/indicators.md");
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(page == kept, "write it anew: streamward payments pack check --markdown > docs/payments/indicators.md");
}
