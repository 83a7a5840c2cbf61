//! Does a claim's document hold what was recorded, in the form that it states, and nothing else?

use serde_json::Value;

use super::*;
use crate::paid::tests::paid;
use crate::referral::tests::incident;
use crate::{Decision, Referral};

#[test]
fn who_paid_who_was_paid_and_what_was_seen_stand_together_with_their_records() {
    let deeds = deeds();
    let document = document("case 1", &done(&deeds)).unwrap();
    let accounts: Vec<&str> = document.parties.iter().map(|party| party.account.as_str()).collect();
    assert_eq!(accounts, ["payer 7", "account 1", "payer 8"], "each account once");
    let seen = &document.parties[1];
    assert_eq!(
        (&seen.beneficiary_in[..], &seen.seen_in[..]),
        (&["transfer-1".into(), "transfer-2".into()][..], &["event-1".into()][..])
    );
    assert!(document.parties[0].seen_in.is_empty());
    assert_eq!(document.transfers[0].amount, "1500.00");
    assert_eq!((document.transfers[1].record, document.events[0].record, document.claim.allowed_record), (13, 14, 16));
    assert!(document.events[0].ended_at.is_some(), "what was told last counts");
    assert_eq!(document.time_line, ["transfer-1", "transfer-2", "event-1"]);
    assert_eq!(document.decisions.len(), 1);
    assert_eq!(document.to_json(), super::document("case 1", &done(&deeds)).unwrap().to_json());
}

#[test]
fn the_document_has_the_form_that_it_states() {
    let deeds = deeds();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let document: Value = serde_json::from_str(&document("case 1", &done(&deeds)).unwrap().to_json()).unwrap();
    check(&schema, &document).unwrap();
    for (field, wrong) in [("version", Value::from(2)), ("case", Value::from(7)), ("accused", Value::from("x"))] {
        let mut other = document.clone();
        other[field] = wrong;
        assert!(check(&schema, &other).is_err(), "{field}");
    }
    let mut cut = document;
    cut["transfers"][0].as_object_mut().unwrap().remove("source");
    assert!(check(&schema, &cut).is_err(), "a fact without its source");
}

#[test]
fn nothing_is_written_without_a_second_person_or_with_other_records() {
    let deeds = deeds();
    let without = |left_out: usize| -> Vec<Deed> {
        let others = deeds.iter().enumerate().filter(|(index, _)| *index != left_out);
        others.map(|(_, deed)| deed.clone()).collect()
    };
    let n = deeds.len();
    assert!(document("case 1", &done(&without(n - 1))).is_err(), "nobody allowed it");
    assert!(document("case 1", &done(&without(n - 2))).is_err(), "nobody asked");
    let mut own = without(n - 1);
    own.push(Deed::ClaimAllowed { claim: 1, by: person("ada") });
    assert!(document("case 1", &done(&own)).is_err(), "ada asked");
    let mut more = deeds.clone();
    more.push(Deed::Moved(Moved::GivenBack));
    assert!(document("case 1", &done(&more)).is_err());
    more.pop();
    more.push(Deed::ClaimAsked { claim: 2, by: person("ada"), name: "another".into() });
    assert!(document("case 1", &done(&more)).is_err(), "another claim");
}

#[test]
fn the_page_says_what_the_document_says_and_no_text_becomes_part_of_it() {
    let mut deeds = deeds();
    deeds[1] = Deed::Paid(paid("<script>x</script>", "payer \"7\"", "account 1"));
    let page = page(&document("case 1", &done(&deeds)).unwrap());
    for words in
        ["not an accusation", "1500.00 PHP", "&lt;script&gt;x", "payer &quot;7&quot;", "to be reported", "record 16"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "it loads nothing");
}

fn deeds() -> Vec<Deed> {
    let ended = Intake { ended_at: Some("2026-11-24T09:31:00Z".parse().expect("a moment")), ..incident() };
    let decision = Decision {
        who: person("ada"),
        verdict: Verdict::Violation,
        reason: "a reason".into(),
        policy_version: "1".into(),
        at: Timestamp::UNIX_EPOCH,
    };
    let mut later = paid("t-2", "payer 8", "account 1");
    later.at = "2026-11-24T09:20:00Z".parse().expect("a moment");
    let referred = |intake| Deed::Referred(Referral::new(intake).expect("a referral"));
    vec![
        referred(incident()),
        Deed::Paid(paid("t-1", "payer 7", "account 1")),
        Deed::Moved(Moved::Decided(decision)),
        Deed::Paid(later),
        referred(ended),
        Deed::ClaimAsked { claim: 1, by: person("ada"), name: "claim 17 before the court of <b>X".into() },
        Deed::ClaimAllowed { claim: 1, by: person("bo") },
    ]
}

fn done(deeds: &[Deed]) -> Vec<Done<'_>> {
    let at = Timestamp::UNIX_EPOCH;
    let numbered = deeds.iter().enumerate();
    numbered.map(|(index, deed)| Done { position: index as u64 + 10, at, who: None, deed }).collect()
}

fn person(name: &str) -> Person {
    Person::new(name).expect("a name")
}

/// What of JSON Schema the form uses: type, required, properties, additionalProperties, items, enum.
fn check(schema: &Value, value: &Value) -> Result<(), String> {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the form has a kind that is not checked: {other}"),
    };
    let is_kind = match &schema["type"] {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().any(|kind| is(kind.as_str().expect("a kind"))),
        other => panic!("no kind: {other}"),
    };
    let is_listed = schema.get("enum").is_none_or(|all| all.as_array().expect("a list").contains(value));
    if !is_kind || !is_listed {
        return Err(format!("{value} is not {schema}"));
    }
    for field in schema["required"].as_array().into_iter().flatten() {
        value.get(field.as_str().expect("a name")).ok_or(format!("{field} is missing"))?;
    }
    for (field, inner) in value.as_object().into_iter().flatten() {
        check(schema["properties"].get(field).ok_or(format!("{field} is not known"))?, inner)?;
    }
    value.as_array().into_iter().flatten().try_for_each(|item| check(&schema["items"], item))
}
