//! Is every report to a financial intelligence unit valid by its schema?
//!
//! FinCEN's schema lies outside the project, at `../shared/conformance/payments/fincen` or where
//! `$STREAMWARD_CONFORMANCE` says; without it this prints what it lacks and checks nothing. For goAML there is no free
//! schema: `goaml/small.xsd` is ours, in its shape, and shows order and kinds, not that any unit would accept it.
//! Where xmllint is installed, libxml2 gives a second opinion on some of the documents.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types, reason = "a test is an edge")]

use std::path::{Path, PathBuf};
use std::process::Command;

use casework::fincen::{self, Batch, Filer, Follows, Subject, SuspiciousActivity};
use casework::goaml::{self, Party, Transaction};
use casework::{Error, Sealed};
use jiff::Timestamp;
use jiff::civil::Date;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use uppsala::XsdValidator;

/// Documents of each kind.
const N_DOCUMENTS: u32 = 1_000;

#[test]
fn every_report_to_fincen_is_valid() {
    let Some(path) = fincen_schema() else { return };
    let schema = schema(&path);
    let mut some = Vec::new();
    check(batch(), |batch| {
        let xml = batch.to_xml().unwrap();
        assert_valid(&schema, &xml);
        if some.len() < 20 {
            some.push(xml);
        }
    });
    second_opinion(&path, &some);
}

#[test]
fn every_report_in_the_form_of_goaml_is_valid_by_a_small_schema_of_ours() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goaml/small.xsd");
    let schema = schema(&path);
    let mut some = Vec::new();
    check(report(), |report| {
        let xml = report.to_xml().unwrap();
        assert_valid(&schema, &xml);
        if some.len() < 20 {
            some.push(xml);
        }
    });
    second_opinion(&path, &some);
}

#[test]
fn what_cannot_stand_in_a_report_is_refused_by_name() {
    let mut runner = TestRunner::deterministic();
    let good = batch().new_tree(&mut runner).unwrap().current();
    let long = || Sealed::new("x".repeat(Batch::NARRATIVE_CHARS_MAX + 1));
    for (bad, part) in [
        (Batch { narrative: Sealed::new(" ".to_owned()), ..good.clone() }, "narrative"),
        (Batch { narrative: long(), ..good.clone() }, "narrative"),
        (Batch { subjects: Vec::new(), ..good.clone() }, "subjects"),
        (Batch { filer: Filer { tin: String::new(), ..good.filer.clone() }, ..good.clone() }, "filer's number"),
        (Batch { activity: SuspiciousActivity { to: Date::MIN, ..good.activity.clone() }, ..good }, "last day"),
    ] {
        let error = bad.to_xml().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let good = report().new_tree(&mut runner).unwrap().current();
    assert!(matches!(goaml::Report { transactions: Vec::new(), ..good }.to_xml(), Err(Error::Number { .. })));
}

#[test]
fn a_long_narrative_is_cut_into_numbered_blocks_and_none_of_it_is_lost() {
    let mut runner = TestRunner::deterministic();
    let mut batch = batch().new_tree(&mut runner).unwrap().current();
    let story: String = (0..Batch::NARRATIVE_CHARS_MAX).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
    batch.narrative = Sealed::new(story.clone());
    let xml = batch.to_xml().unwrap();
    let blocks = xml.split("<ActivityNarrativeText>").skip(1).map(|part| part.split('<').next().unwrap());
    assert_eq!(blocks.clone().count(), 5);
    assert_eq!(blocks.collect::<String>(), story);
    assert!(
        format!("{batch:?}").len() < 2000 && !format!("{batch:?}").contains(&story[..40]),
        "nothing sealed is printed"
    );
}

fn check<S: Strategy>(strategy: S, mut test: impl FnMut(S::Value)) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..N_DOCUMENTS {
        test(strategy.new_tree(&mut runner).unwrap().current());
    }
}

fn assert_valid(schema: &XsdValidator, xml: &str) {
    let document = uppsala::parse(xml).unwrap();
    let errors = schema.validate(&document);
    assert!(errors.is_empty(), "{errors:?}\n{xml}");
}

fn second_opinion(schema: &Path, documents: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (0..documents.len()).map(|i| folder.path().join(format!("{i}.xml"))).collect();
    for (file, document) in files.iter().zip(documents) {
        std::fs::write(file, document).unwrap();
    }
    match Command::new("xmllint").args(["--noout", "--schema"]).arg(schema).args(&files).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("not asked: xmllint is not installed (Debian: libxml2-utils)"),
    }
}

fn schema(path: &Path) -> XsdValidator {
    XsdValidator::from_schema(&uppsala::parse(&std::fs::read_to_string(path).unwrap()).unwrap()).unwrap()
}

fn fincen_schema() -> Option<PathBuf> {
    let folder = std::env::var_os("STREAMWARD_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), PathBuf::from);
    let file = folder.join("payments/fincen/EFL_SARXBatchSchema.xsd");
    if !file.is_file() {
        eprintln!("not run: there is no schema at {}", file.display());
        return None;
    }
    Some(file)
}

fn words(n_max: usize) -> impl Strategy<Value = String> {
    vec("[a-zA-Z&<>\"'éñ]{1,8}", 1..3).prop_map(move |words| words.join(" ").chars().take(n_max).collect())
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0i64..2_500_000_000).prop_map(|s| Timestamp::from_second(s).unwrap())
}

fn date() -> impl Strategy<Value = Date> {
    (1990i16..2090, 1i8..13, 1i8..29).prop_map(|(y, m, d)| Date::new(y, m, d).unwrap())
}

fn address() -> impl Strategy<Value = fincen::Address> {
    (of(words(100)), of(words(50)), of("[A-Z]{2}"), of("[0-9]{5}"), of("[A-Z]{2}")).prop_map(
        |(street, city, state, zip, country)| fincen::Address {
            street: street.unwrap_or_default(),
            city: city.unwrap_or_default(),
            state: state.unwrap_or_default(),
            zip: zip.unwrap_or_default(),
            country: country.unwrap_or_default(),
        },
    )
}

fn batch() -> impl Strategy<Value = Batch> {
    let filer = (words(150), "[0-9]{9}", "[A-Z0-9]{8}", words(150), "[0-9]{10}", address()).prop_map(
        |(name, tin, control_code, contact, phone, address)| Filer {
            name,
            tin,
            control_code,
            regulator: "7".to_owned(),
            organization: "4".to_owned(),
            contact,
            phone,
            address,
        },
    );
    let role = prop::sample::select(vec![fincen::Role::Sender, fincen::Role::Receiver, fincen::Role::Both]);
    let subject = (of(words(35)), of(words(150)), of(date()), of("[A-Z0-9]{6,40}"), role, address()).prop_map(
        |(first_name, last_name, birth, account, role, address)| {
            let birth_date = birth.map(|d| format!("{:04}{:02}{:02}", d.year(), d.month(), d.day()));
            Sealed::new(Subject {
                party: String::new(),
                first_name: first_name.unwrap_or_default(),
                last_name: last_name.unwrap_or_default(),
                birth_date: birth_date.unwrap_or_default(),
                account: account.unwrap_or_default(),
                role,
                address,
            })
        },
    );
    let follows = prop_oneof![
        Just(Follows::Nothing),
        (0u64..99_999_999_999_999).prop_map(Follows::Continuing),
        (0u64..99_999_999_999_999).prop_map(Follows::Corrects)
    ];
    let activity = (date(), 0i64..300, of(0u64..1_000_000)).prop_map(|(from, days, usd)| SuspiciousActivity {
        from,
        to: from.checked_add(jiff::Span::new().days(days)).unwrap(),
        usd,
    });
    (date(), follows, filer, vec(subject, 1..4), activity, "[^\\p{C}]{1,200}x").prop_map(
        |(filed_on, follows, filer, subjects, activity, narrative)| Batch {
            filed_on,
            follows,
            filer,
            subjects,
            activity,
            narrative: Sealed::new(narrative),
        },
    )
}

fn report() -> impl Strategy<Value = goaml::Report> {
    let party = || {
        (words(100), words(100), of(date())).prop_map(|(first_name, last_name, birth)| {
            let birth_date = birth.map_or_else(String::new, |date| date.to_string());
            Sealed::new(Party { party: String::new(), first_name, last_name, birth_date })
        })
    };
    let channel = prop::sample::select(vec!["online", "wallet", "cash", "bank"]);
    let transaction = (words(50), moment(), channel, 1i64..10_000_000, party(), party()).prop_map(
        |(number, at, channel, local_minor, from, to)| Transaction {
            number,
            at,
            channel: channel.to_owned(),
            local_minor,
            from,
            from_country: "GB".to_owned(),
            to,
            to_country: "PH".to_owned(),
        },
    );
    let modes = [("default", "MT"), ("wallet", "WL"), ("bank", "BT")];
    let settings = goaml::Settings {
        entity_id: 17,
        branch: String::new(),
        report_code: "STR".to_owned(),
        currency: "EUR".to_owned(),
        indicators: vec!["OCSE".to_owned()],
        transmodes: modes.map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned())).into(),
        funds_code: "K".to_owned(),
        reporting_person: goaml::ReportingPerson {
            first_name: "Ada".to_owned(),
            last_name: "Example".to_owned(),
            email: "ada@example.org".to_owned(),
        },
        location: goaml::Location {
            address_type: "B".to_owned(),
            address: "1 Example Street".to_owned(),
            city: "Example".to_owned(),
            country: "GB".to_owned(),
        },
    };
    (words(255), moment(), "[^\\p{C}]{1,200}x", of("[^\\p{C}]{1,50}x"), vec(transaction, 1..6)).prop_map(
        move |(reference, at, reason, action, transactions)| goaml::Report {
            settings: settings.clone(),
            reference,
            at,
            reason: Sealed::new(reason),
            action: action.map(Sealed::new),
            transactions,
        },
    )
}
