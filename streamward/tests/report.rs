//! Does `report validate` judge documents as an independent validator does?
//!
//! Documents with libxml2's verdicts, and the schema, lie outside the project at `../shared/conformance/ncmec` or where
//! `$STREAMWARD_CONFORMANCE` says; without them this prints what it lacks and checks nothing.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// uppsala 0.12 refuses an *empty* element of a boolean type with a fixed value, which libxml2 accepts. Our own documents
/// write `true` in full. These two verdicts are known to be wrong, on the safe side: nothing invalid passes.
const KNOWN_WRONG: [&str; 2] = ["escalate + annotations", "file liveStreaming empty"];

#[test]
fn every_document_has_the_verdict_of_libxml2_but_for_a_known_strictness() {
    let Some(folder) = vectors() else { return };
    let table = std::fs::read_to_string(folder.join("cases.tsv")).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("document.xml");
    for row in table.lines() {
        let [verdict, name, xml] = row.splitn(3, '\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        std::fs::write(&file, xml).unwrap();
        let output = validate(&folder, &file);
        let expected = if KNOWN_WRONG.contains(&name) { "INVALID" } else { verdict };
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.starts_with(&format!("{expected} ")), "{name}: {printed}");
        assert_eq!(output.status.code(), Some(if expected == "VALID" { 0 } else { 4 }), "{name}");
        assert_eq!(printed.lines().count() > 1, expected == "INVALID", "{name}: a reason for each refusal: {printed}");
    }
    assert!(table.lines().count() >= 16);
}

#[test]
fn a_file_that_is_no_schema_is_an_error_with_a_way_out() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("schema.xsd");
    std::fs::write(&file, "not a schema").unwrap();
    let output = streamward().arg("report").arg("validate").arg("--schema").arg(&file).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("to do: "));
}

#[test]
fn an_entity_bomb_and_broken_xml_are_invalid() {
    let Some(folder) = vectors() else { return };
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("document.xml");
    for text in ["<!DOCTYPE a [<!ENTITY b \"cc\"><!ENTITY d \"&b;&b;\">]><report>&d;</report>", "<report>", "", "\u{1}"]
    {
        std::fs::write(&file, text).unwrap();
        assert_eq!(validate(&folder, &file).status.code(), Some(4), "{text}");
    }
}

fn validate(folder: &Path, file: &Path) -> Output {
    let schema = folder.join("cyber_tipline.xsd");
    streamward().args(["report", "validate", "--schema"]).arg(schema).arg(file).output().unwrap()
}

fn streamward() -> Command {
    Command::new(env!("CARGO_BIN_EXE_streamward"))
}

fn vectors() -> Option<PathBuf> {
    let root = std::env::var_os("STREAMWARD_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), PathBuf::from);
    let folder = root.join("ncmec");
    if !folder.exists() {
        eprintln!("not run: there are no documents at {}", folder.display());
        return None;
    }
    Some(folder)
}
