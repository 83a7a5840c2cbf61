//! Does `report validate` judge documents as an independent validator does?
//!
//! Documents with libxml2's verdicts, and the schema, lie outside the project at `../shared/conformance/ncmec` or where
//! `$STREAMWARD_CONFORMANCE` says; without them this prints what it lacks and checks nothing.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn every_document_has_the_verdict_of_libxml2() {
    let Some(folder) = vectors() else { return };
    let table = std::fs::read_to_string(folder.join("cases.tsv")).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("document.xml");
    for row in table.lines() {
        let [verdict, name, xml] = row.splitn(3, '\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        std::fs::write(&file, xml).unwrap();
        let output = validate(&folder, &file);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.starts_with(&format!("{verdict} ")), "{name}: {printed}");
        assert_eq!(output.status.code(), Some(if verdict == "VALID" { 0 } else { 4 }), "{name}");
        assert_eq!(printed.lines().count() > 1, verdict == "INVALID", "{name}: a reason for each refusal: {printed}");
    }
    assert!(table.lines().count() >= 16);
}

/// Documents of our own with other ways to write the same and other faults, each judged by xmllint in the same run.
#[test]
fn altered_documents_have_the_verdict_of_libxml2() {
    let Some(folder) = vectors() else { return };
    let table = std::fs::read_to_string(folder.join("cases.tsv")).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for row in table.lines() {
        let xml = row.splitn(3, '\t').nth(2).unwrap();
        for (from, to) in ALTERED.iter().filter(|(from, _)| xml.contains(from)) {
            let file = temporary.path().join(format!("{}.xml", files.len()));
            std::fs::write(&file, xml.replacen(from, to, 1)).unwrap();
            files.push(file);
        }
    }
    let schema = folder.join("cyber_tipline.xsd");
    let Ok(theirs) =
        Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(&schema).args(&files).output()
    else {
        eprintln!("not run: there is no xmllint (Debian's libxml2-utils)");
        return;
    };
    let theirs = String::from_utf8(theirs.stderr).unwrap();
    let ours = streamward().args(["report", "validate", "--schema"]).arg(&schema).args(&files).output().unwrap();
    let ours = String::from_utf8(ours.stdout).unwrap();
    let mut n_valid = 0;
    for file in &files {
        let name = file.display().to_string();
        let is_valid = theirs.contains(&format!("{name} validates\n"));
        let verdict = if is_valid { "VALID" } else { "INVALID" };
        n_valid += usize::from(is_valid);
        let xml = std::fs::read_to_string(file).unwrap();
        assert!(ours.lines().any(|line| line == format!("{verdict}  {name}")), "libxml2 says {verdict}: {xml}");
    }
    eprintln!("{} altered documents, {n_valid} of them valid, judged alike", files.len());
    assert!(files.len() > 60 && n_valid > 10 && n_valid < files.len());
}

/// A part of a document, and what stands there instead.
const ALTERED: [(&str, &str); 40] = [
    ("<sextortion/>", "<sextortion><![CDATA[]]></sextortion>"),
    ("<sextortion/>", "<sextortion><?a b?></sextortion>"),
    ("<sextortion/>", "<sextortion> true </sextortion>"),
    ("2026-01-01T00:00:00Z", " 2026-01-01T00:00:00Z "),
    ("2026-01-01T00:00:00Z", "2026-01-01T24:00:00Z"),
    ("<fileId>a</fileId>", "<fileId>a</fileId><fileRelevance> Reported</fileRelevance>"),
    ("<fileId>a</fileId>", "<fileId> a </fileId>"),
    ("<fileId>a</fileId>", "<fileId x=\"1\">a</fileId>"),
    ("<sextortion/>", "<sextortion></sextortion>"),
    ("<sextortion/>", "<sextortion> </sextortion>"),
    ("<sextortion/>", "<sextortion><!-- nothing --></sextortion>"),
    ("<sextortion/>", "<sextortion>false</sextortion>"),
    ("<sextortion/>", "<sextortion>1</sextortion>"),
    ("<sextortion/>", "<sextortion x=\"1\"/>"),
    ("<sextortion/>", "<sextortion/><spam/>"),
    ("<sextortion/>", "<spam/><sextortion/>"),
    ("<sextortion/>", "<sextortion/><sextortion/>"),
    ("<sextortion/>", "<sextortion><x/></sextortion>"),
    ("<liveStreaming/>", "<liveStreaming>true</liveStreaming>"),
    ("<liveStreaming/>", "<liveStreaming>false</liveStreaming>"),
    ("<liveStreaming/>", "<infant/>"),
    ("<liveStreaming/>", "<infant/><liveStreaming/>"),
    ("<liveStreaming/>", "<viral/><liveStreaming/><generativeAi/>"),
    ("<liveStreaming/>", "<livestreaming/>"),
    ("<fileAnnotations><liveStreaming/></fileAnnotations>", "<fileAnnotations/>"),
    ("<fileAnnotations><liveStreaming/></fileAnnotations>", "<potentialMeme/>"),
    ("<reportId>1</reportId>", "<reportId/>"),
    ("<reportId>1</reportId>", "<reportId> 1 </reportId>"),
    ("<reportId>1</reportId>", "<reportId>one</reportId>"),
    ("<fileId>a</fileId>", "<fileId/>"),
    ("<fileId>a</fileId>", ""),
    ("<fileId>a</fileId>", "<fileId>a</fileId><fileViewedByEsp>true</fileViewedByEsp>"),
    ("<fileId>a</fileId>", "<fileId>a</fileId><fileViewedByEsp/>"),
    ("<incidentDateTime>2026-01-01T00:00:00Z</incidentDateTime>", "<incidentDateTime/>"),
    ("2026-01-01T00:00:00Z", "2026-13-01T00:00:00Z"),
    ("2026-01-01T00:00:00Z", "2026-01-01"),
    ("<firstName>A</firstName>", "<firstName/>"),
    ("<email>r@example.com</email>", "<email/>"),
    ("Child Pornography (possession, manufacture, and distribution)", "Something else"),
    ("<reporter>", "<internetDetails><livestreamIncident/></internetDetails><reporter>"),
];

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
