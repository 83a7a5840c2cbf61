//! Is every document that we build valid by the authority's own schema?
//!
//! The schema lies outside the project, at `../shared/conformance/ncmec` or where `$STREAMWARD_CONFORMANCE` says;
//! without it this prints what it lacks and checks nothing.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test reads its schema and asks another program"
)]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;

use casework::cybertip::document::{Account, AddressEvent, Chat, IncidentType, Reporter, Summary};
use casework::cybertip::{FileDetails, Report};
use casework::view::{Mode, View};
use casework::{Person, Sealed, ViewLog};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use uppsala::XsdValidator;

/// Documents of each kind.
const N_DOCUMENTS: u32 = 10_000;

#[test]
fn every_report_is_valid() {
    let Some(schema) = schema() else { return };
    let documents = RefCell::new(Vec::new());
    check(report(), |report| {
        let xml = report.to_xml().unwrap();
        assert_valid(&schema, &xml);
        documents.borrow_mut().push(xml);
    });
    assert_valid_for_libxml2(&documents.into_inner());
}

#[test]
fn every_file_description_is_valid_and_viewed_only_if_the_log_says_so() {
    let Some(schema) = schema() else { return };
    let documents = RefCell::new(Vec::new());
    let facts = (any::<i64>(), "[0-9a-f]{32}", of(address()), any::<[bool; 3]>());
    check(facts, |(report_id, file_id, from, [is_live, is_file_viewed, is_exif_viewed])| {
        let mut views = ViewLog::default();
        let looks = [(is_file_viewed, Mode::Full), (is_exif_viewed, Mode::Exif), (true, Mode::Tile)];
        looks.iter().filter(|(is_looked, _)| *is_looked).for_each(|(_, mode)| views.append(view(*mode)));
        let mut details = FileDetails::new(report_id, &file_id, [1; 32], &views);
        details = if is_live { details.live() } else { details };
        details = from.map_or(details.clone(), |from| details.from_address(from));
        let xml = details.to_xml().unwrap();
        assert_valid(&schema, &xml);
        assert_eq!(xml.contains("<fileViewedByEsp>true<"), is_file_viewed);
        assert_eq!(xml.contains("<exifViewedByEsp>true<"), is_file_viewed && is_exif_viewed);
        documents.borrow_mut().push(xml);
    });
    assert_valid_for_libxml2(&documents.into_inner());
}

#[test]
fn a_text_that_xml_cannot_hold_is_refused() {
    let mut runner = TestRunner::deterministic();
    let mut report = report().new_tree(&mut runner).unwrap().current();
    for wrong in ["\0".to_owned(), " ".to_owned(), "\u{FFFF}".to_owned(), "x".repeat(Report::TEXT_CHARS_MAX + 1)] {
        report.additional_info = Some(Sealed::new(wrong));
        assert!(report.to_xml().is_err());
    }
}

fn check<S: Strategy>(strategy: S, test: impl Fn(S::Value)) {
    let config = ProptestConfig { cases: N_DOCUMENTS, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&strategy, |value| {
        test(value);
        Ok(())
    });
    outcome.unwrap();
}

fn assert_valid(schema: &XsdValidator, xml: &str) {
    let document = uppsala::parse(xml).unwrap();
    let errors = schema.validate(&document);
    assert!(errors.is_empty(), "{errors:?}");
}

/// The second opinion: another implementation, in C, by other people.
fn assert_valid_for_libxml2(documents: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = documents
        .iter()
        .enumerate()
        .map(|(index, xml)| {
            let file = folder.path().join(format!("{index}.xml"));
            std::fs::write(&file, xml).unwrap();
            file
        })
        .collect();
    for some in files.chunks(500) {
        let asked =
            Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(schema_file()).args(some).output();
        let Ok(output) = asked else {
            eprintln!("not asked: there is no xmllint (Debian's libxml2-utils)");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        let refused: Vec<&str> = said.lines().filter(|line| !line.ends_with(" validates")).take(5).collect();
        assert!(output.status.success(), "{refused:?}");
    }
    eprintln!("{} documents are valid for libxml2 as well", documents.len());
}

fn text() -> impl Strategy<Value = String> {
    "[^\\p{C}]{0,20}[a-z&<>\"'\\]][^\\p{C}]{0,20}"
}

fn sealed() -> impl Strategy<Value = Sealed<String>> {
    text().prop_map(Sealed::new)
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0i64..4_000_000_000_000).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

fn address() -> impl Strategy<Value = AddressEvent> {
    (any::<std::net::IpAddr>(), moment(), of(any::<u16>())).prop_map(|(address, at, port)| AddressEvent {
        address: Sealed::new(address),
        at,
        port,
    })
}

fn report() -> impl Strategy<Value = Report> {
    let incident =
        prop::sample::select(vec![IncidentType::Material, IncidentType::Trafficking, IncidentType::Enticement]);
    let summary = (incident, of(text()), of(sealed()), moment())
        .prop_map(|(incident, platform, escalation, at)| Summary { incident, platform, escalation, at });
    let chat = (of(text()), of(sealed())).prop_map(|(client, room)| Chat { client, room });
    let reporter = (sealed(), sealed(), sealed()).prop_map(|(first_name, last_name, email)| Reporter {
        first_name,
        last_name,
        email,
    });
    let account = (of(sealed()), of(text()), of(sealed()), vec(address(), 0..3), vec(any::<i64>(), 0..3)).prop_map(
        |(identifier, service, screen_name, addresses, prior_reports)| Account {
            identifier,
            service,
            screen_name,
            addresses,
            prior_reports,
        },
    );
    (summary, of(chat), reporter, of(account), of(sealed())).prop_map(
        |(summary, chat, reporter, reported, additional_info)| Report {
            summary,
            chat,
            reporter,
            reported,
            additional_info,
        },
    )
}

fn view(mode: Mode) -> View {
    View { evidence: [1; 32], who: Person::new("ada").unwrap(), mode, shown_ms: 1000, at: Timestamp::UNIX_EPOCH }
}

fn schema_file() -> PathBuf {
    let folder = std::env::var_os("STREAMWARD_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), PathBuf::from);
    folder.join("ncmec/cyber_tipline.xsd")
}

fn schema() -> Option<XsdValidator> {
    let file = schema_file();
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("not run: there is no schema at {}", file.display());
        return None;
    };
    Some(XsdValidator::from_schema(&uppsala::parse(&text).unwrap()).unwrap())
}
