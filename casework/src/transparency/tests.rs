//! Are the forms filled with what the log knows, and empty where it knows nothing?

use super::*;
use crate::appeal::{Answer, Received};
use crate::case::Event;
use crate::quality::Second;
use crate::referral::tests::incident;
use crate::referral::{Intake, Source};
use crate::{Decision, Person, Referral, Sealed};

#[test]
fn what_is_known_is_counted_and_what_is_not_is_empty_and_says_so() {
    let tally = tally();
    for form in Form::ALL {
        let table = table(form, &tally, "an example service");
        assert!(table.rows.iter().all(|row| row.len() == table.heads.len()), "{form:?}");
        assert!(!table.rows.is_empty(), "{form:?}");
        assert_eq!(Form::named(form.file_name()), Some(form));
        let text = format!("{table:?}");
        assert!(!text.contains("SECRET"), "{form:?}: {text}");
    }
    let cell = |form, find: &[&str]| -> (String, String) {
        let table = table(form, &tally, "an example service");
        let row = table.rows.iter().find(|row| find.iter().all(|word| row.iter().any(|cell| cell == word)));
        let row = row.unwrap_or_else(|| panic!("{form:?} has no row {find:?}"));
        (row[row.len() - 2].clone(), row[row.len() - 1].clone())
    };
    let complaints = "Number of complaints submitted to the internal-complaints mechanism";
    let appeals = |scope: &str| cell(Form::Dsa(Part::Appeals), &[complaints, scope]);
    assert_eq!(appeals("Total number").0, "2");
    assert_eq!((appeals("Decisions upheld").0, appeals("Decisions reversed").0), ("1".into(), "1".into()));
    assert_eq!(appeals("Median time").0, "24");
    let omitted = appeals("Decision omitted");
    assert_eq!(omitted.0, "");
    assert!(omitted.1.contains("not 0"), "{omitted:?}");
    let on_notices =
        "Complaint regarding a decision not to take action on a notice submitted in accordance with Article 16";
    assert_eq!(cell(Form::Dsa(Part::Appeals), &[on_notices, "Decisions reversed"]).0, "1");
    let automated = |indicator: &str| cell(Form::Dsa(Part::Automated), &[indicator]).0;
    assert_eq!(automated("Accuracy of the automated means - Precision"), "1.0000", "one found by a match, and right");
    assert_eq!(automated("Accuracy of the automated means - Recall"), "");
    assert_eq!(automated("Error rate of decisions by a person"), "1.0000");
    let measures = table(Form::Dsa(Part::OwnIllegal), &tally, "an example service");
    assert_eq!(measures.rows[0][5], "", "measures are not in the store");
    assert!(measures.rows[0][21].ends_with("must be reported: 1"), "{:?}", measures.rows[0][21]);
    let notices = table(Form::Dsa(Part::Notices), &tally, "an example service");
    assert_eq!((notices.rows[0][5].as_str(), notices.rows[0][6].as_str()), ("1", ""));
    let ofcom = |figure: &str| {
        let table = table(Form::Ofcom, &tally, "");
        table.rows.iter().find(|row| row[2] == figure).unwrap()[3].clone()
    };
    assert_eq!((ofcom("incidents_from_the_guard"), ofcom("incidents_from_users")), ("1".into(), "1".into()));
    assert_eq!((ofcom("minutes_to_a_person_live_median"), ofcom("risk_assessment")), ("10".into(), String::new()));
}

#[test]
fn a_statement_has_no_word_of_a_person_and_only_decisions_that_count() {
    let table = table(Form::Statements, &tally(), "");
    assert_eq!(table.heads.len(), STATEMENT_COLUMNS.len());
    let of = |row: &[String], field: &str| -> String {
        row[table.heads.iter().position(|head| head == field).unwrap()].clone()
    };
    let puids: Vec<String> = table.rows.iter().map(|row| of(row, "puid")).collect();
    assert_eq!(puids, ["guard-1", "told-2"], "told was reversed into something to report");
    assert_eq!(of(&table.rows[0], "automated_detection"), "Yes");
    assert_eq!(of(&table.rows[1], "automated_detection"), "No");
    assert_eq!(
        (of(&table.rows[0], "source_type"), of(&table.rows[1], "source_type")),
        ("SOURCE_VOLUNTARY".into(), String::new())
    );
    assert_eq!(of(&table.rows[0], "content_date"), "2026-11-24");
    for field in ["decision_facts", "decision_visibility", "decision_ground", "territorial_scope"] {
        assert_eq!(of(&table.rows[0], field), "");
    }
}

#[test]
fn what_was_only_paid_and_what_was_outside_of_the_period_is_in_none() {
    let mut tally = Tally::new(period("2027-01-01", "2027-12-31"));
    story(&mut tally);
    for form in [Form::Ofcom, Form::Dsa(Part::Appeals)] {
        let counted = table(form, &tally, "").rows;
        let is_counted = |cell: &String| cell.parse::<u64>().is_ok_and(|n| n > 0);
        assert!(!counted.iter().flatten().any(is_counted), "{form:?}: {counted:?}");
    }
    let mut paid = Tally::new(period("2026-01-01", "2026-12-31"));
    let intake = Intake { source: Source::Payment, ..incident() };
    paid.take("paid", at(0), &Deed::Referred(Referral::new(intake).unwrap()));
    paid.take("paid", at(1), &decided(Verdict::Violation));
    assert!(table(Form::Statements, &paid, "").rows.is_empty());
    assert_eq!(median([]), None);
    assert_eq!(median([3, 1, 2, 9]), Some(2));
}

fn tally() -> Tally {
    let mut tally = Tally::new(period("2026-01-01", "2026-12-31"));
    story(&mut tally);
    tally
}

/// A case that the guard saw, upheld on appeal; one that a user told of, reversed into something to report.
fn story(tally: &mut Tally) {
    let told = Intake {
        source: Source::UserReport,
        seen: Seen::Told(Sealed::new("SECRET".into())),
        account: Some(Sealed::new("SECRET".into())),
        ended_at: Some("2026-11-24T10:00:00Z".parse().expect("a moment")),
        ..incident()
    };
    let referred = |intake| Deed::Referred(Referral::new(intake).expect("a referral"));
    for (id, intake, verdict) in [("guard", incident(), Verdict::Violation), ("told", told, Verdict::NoViolation)] {
        tally.take(id, at(0), &referred(intake.clone()));
        tally.take(id, at(600), &Deed::Moved(Event::Taken { by: person("ada") }));
        tally.take(id, at(700), &decided(verdict));
        let received = Received {
            reference: "A-1".into(),
            said: Sealed::new("SECRET".into()),
            received_at: at(800),
            due_at: None,
        };
        tally.take(id, at(900), &Deed::AppealReceived(received));
        let ruling = if id == "told" { Ruling::Reversed } else { Ruling::Upheld };
        let answer =
            Answer { who: person("bo"), ruling, reason: "SECRET".into(), policy_version: "1".into(), at: at(87_200) };
        tally.take(id, at(87_200), &Deed::AppealAnswered { appeal: 1, answer });
    }
    let day = "2026-11-30".parse().expect("a day");
    tally.take("guard", at(90_000), &Deed::Drawn { day, decision: 1, first: Verdict::Violation });
    let second = Second { who: person("cy"), verdict: Verdict::NoViolation, reason: "SECRET".into(), at: at(90_001) };
    tally.take("guard", at(90_001), &Deed::SecondFound(second));
}

fn decided(verdict: Verdict) -> Deed {
    let who = person("ada");
    Deed::Moved(Event::Decided(Decision {
        who,
        verdict,
        reason: "SECRET".into(),
        policy_version: "1".into(),
        at: at(700),
    }))
}

fn period(from: &str, to: &str) -> Period {
    Period { from: from.parse().expect("a day"), to: to.parse().expect("a day") }
}

/// Seconds after a moment.
fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-24T10:00:00Z".parse().expect("a moment");
    start.checked_add(jiff::SignedDuration::from_secs(seconds)).expect("not long after")
}

fn person(name: &str) -> Person {
    Person::new(name).expect("a name")
}
