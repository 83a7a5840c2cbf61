//! Is a dossier what its deeds make of it, and is nothing done that may not be?

use super::*;
use crate::cybertip::{Answer, Code};
use crate::filing::Output;
use crate::referral::Intake;
use crate::referral::tests::incident;
use crate::report::Checked;
use crate::{Decision, Verdict};

#[test]
fn the_same_deeds_give_the_same_dossier_and_it_survives_the_store() {
    let (dossier, deeds) = filed();
    let mut again = Dossier::default();
    for deed in &deeds {
        let stored: Deed = serde_json::from_str(&serde_json::to_string(deed).unwrap()).unwrap();
        again.apply(&stored).unwrap();
    }
    assert_eq!(again, dossier);
    let text = serde_json::to_string(&dossier).unwrap();
    let stored: Dossier = serde_json::from_str(&text).unwrap();
    assert_eq!(stored, dossier);
    assert_eq!(serde_json::to_string(&stored).unwrap(), text);
    assert_eq!(dossier.case().state(), &State::Reported);
    assert_eq!(dossier.report(1).unwrap().state_name(), "filed");
}

#[test]
fn a_step_after_another_journal_does_not_count() {
    let (mut dossier, deeds) = filed();
    let before = dossier.clone();
    assert_eq!(dossier.apply(deeds.last().unwrap()), Err(Error::JournaledMeanwhile));
    assert_eq!(dossier, before);
}

#[test]
fn a_report_is_withdrawn_before_anything_was_sent_and_drafted_again() {
    let (mut dossier, _) = decided(Referral::new(incident()).unwrap(), decision("ada"));
    let draft = Deed::Drafted { destination: Destination::Test, xml: "<report/>".into(), files: vec![] };
    dossier.apply(&draft).unwrap();
    assert!(dossier.apply(&draft).is_err(), "one report at a time");
    dossier.apply(&Deed::Withdrawn { report: 1, by: person("ada") }).unwrap();
    assert!(dossier.apply(&Deed::Withdrawn { report: 1, by: person("ada") }).is_err());
    dossier.apply(&draft).unwrap();
    let (mut filed, _) = filed();
    assert!(filed.apply(&Deed::Withdrawn { report: 1, by: person("ada") }).is_err());
}

#[test]
fn an_export_needs_a_second_person() {
    let (mut dossier, _) = decided(Referral::new(incident()).unwrap(), decision("ada"));
    dossier.apply(&Deed::ExportAsked { by: person("ada"), reason: "a court's order".into() }).unwrap();
    let allow = |by| Deed::ExportAllowed { export: 1, by: person(by) };
    assert_eq!(dossier.apply(&allow("ada")), Err(Error::SamePerson));
    dossier.apply(&allow("bo")).unwrap();
    assert!(dossier.apply(&allow("cy")).is_err());
}

#[test]
fn what_was_paid_is_seen_only_where_its_compartment_is_open() {
    let mut dossier = Dossier::default();
    dossier.apply(&Deed::Referred(Referral::new(incident()).unwrap())).unwrap();
    let paid = Intake { source: Source::Payment, ..incident() };
    dossier.apply(&Deed::Referred(Referral::new(paid).unwrap())).unwrap();
    assert_eq!(dossier.referrals_in(&[Compartment::Video]).count(), 1);
    assert_eq!(dossier.referrals_in(&[Compartment::Video, Compartment::Payments]).count(), 2);
    assert_eq!(dossier.compartments(), [Compartment::Video, Compartment::Payments]);
}

#[test]
fn nothing_under_a_hold_is_erased_and_one_person_does_not_erase() {
    let at = |days: i64| Timestamp::from_second(days * 86_400).unwrap();
    let innocent = Decision { verdict: Verdict::NoViolation, ..decision("ada") };
    let (mut dossier, _) = decided(Referral::new(incident()).unwrap(), innocent);
    dossier.apply(&Deed::Evidence(sealed())).unwrap();
    let facts = Evidence { kept: Kept::Facts, ..sealed() };
    dossier.apply(&Deed::Evidence(facts)).unwrap();
    assert_eq!(dossier.in_vault().count(), 1, "it does not leave the vault by being described again");
    let erased = |allowed_by: &str, days| Deed::Erased {
        item: "item".into(),
        asked_by: person("ada"),
        allowed_by: person(allowed_by),
        at: at(days),
        complete_on: None,
    };
    let hold = |until| Hold { by: person("ada"), basis: "an order".into(), until, released_by: Some(person("bo")) };
    dossier.apply(&Deed::HoldPlaced(hold(Some(at(9))))).unwrap();
    dossier.apply(&Deed::HoldPlaced(hold(None))).unwrap();
    for days in [1, 10, 10_000] {
        assert!(dossier.is_held(at(days)));
        assert_eq!(dossier.apply(&erased("bo", days)), Err(Error::Held), "a hold cannot be placed released");
    }
    assert_eq!(dossier.apply(&Deed::HoldReleased { hold: 2, by: person("ada") }), Err(Error::SamePerson));
    assert!(dossier.apply(&Deed::HoldReleased { hold: 3, by: person("bo") }).is_err());
    dossier.apply(&Deed::HoldReleased { hold: 2, by: person("bo") }).unwrap();
    assert_eq!(dossier.apply(&erased("bo", 8)), Err(Error::Held));
    assert_eq!(dossier.apply(&erased("ada", 9)), Err(Error::SamePerson));
    dossier.apply(&erased("bo", 9)).unwrap();
    assert!(dossier.apply(&erased("bo", 9)).is_err(), "once");
    assert_eq!(dossier.evidence()[0].kept, Kept::Erased { complete_on: None });
}

#[test]
fn a_case_that_is_not_over_keeps_its_files() {
    let far = Timestamp::from_second(253_000_000_000).unwrap();
    let (violation, _) = decided(Referral::new(incident()).unwrap(), decision("ada"));
    assert!(!violation.is_erasable(far));
    let (mut filed, _) = filed();
    assert!(!filed.is_erasable(far), "how long it must be kept is not known");
    filed.apply(&Deed::Moved(Event::Held { until: Timestamp::from_second(86_400).unwrap() })).unwrap();
    assert!(!filed.is_erasable(Timestamp::UNIX_EPOCH) && filed.is_erasable(far));
}

#[test]
fn only_who_has_the_case_looks_and_at_the_small_picture_first() {
    let mut dossier = Dossier::default();
    dossier.apply(&Deed::Referred(Referral::new(incident()).unwrap())).unwrap();
    dossier.apply(&Deed::Evidence(sealed())).unwrap();
    let view = |who: &str, evidence: u8, mode| {
        let (evidence, who) = ([evidence; 32], person(who));
        Deed::Viewed(View { evidence, who, mode, shown_ms: 0, at: Timestamp::UNIX_EPOCH })
    };
    assert_eq!(dossier.apply(&view("ada", 1, Mode::Tile)), Err(Error::NotTaken));
    dossier.apply(&Deed::Moved(Event::Taken { by: person("ada") })).unwrap();
    assert_eq!(dossier.apply(&view("bo", 1, Mode::Tile)), Err(Error::NotTaken));
    assert!(dossier.apply(&view("ada", 2, Mode::Tile)).is_err(), "not in the vault");
    assert_eq!(dossier.apply(&view("ada", 1, Mode::Full)), Err(Error::TileFirst));
    dossier.apply(&view("ada", 1, Mode::Tile)).unwrap();
    dossier.apply(&view("ada", 1, Mode::Full)).unwrap();
    assert!(!dossier.views().is_file_viewed(&[1; 32]), "nothing was shown yet");
    dossier.apply(&Deed::Covered { look: 2, shown_ms: 700 }).unwrap();
    assert!(dossier.views().is_file_viewed(&[1; 32]));
    assert!(dossier.apply(&Deed::Covered { look: 3, shown_ms: 1 }).is_err());
}

fn sealed() -> Evidence {
    let digits = crate::vault::Digits([7; 32]);
    Evidence {
        sha256: [1; 32],
        md5: "0".repeat(32),
        len: 9,
        media_type: "image/png".into(),
        name: crate::Sealed::new("card.png".into()),
        kept: Kept::InVault(Sealing { item: "item".into(), key: "key".into(), file: digits, wrapped: digits }),
    }
}

pub(super) fn decided(referral: Referral, decision: Decision) -> (Dossier, Vec<Deed>) {
    let by = decision.who.clone();
    let deeds = vec![Deed::Referred(referral), Deed::Moved(Event::Taken { by }), Deed::Moved(Event::Decided(decision))];
    let mut dossier = Dossier::default();
    deeds.iter().for_each(|deed| dossier.apply(deed).unwrap());
    (dossier, deeds)
}

pub(super) fn filed() -> (Dossier, Vec<Deed>) {
    let (mut dossier, mut deeds) = decided(Referral::new(incident()).unwrap(), decision("ada"));
    let mut apply = |dossier: &mut Dossier, deed: Deed| {
        dossier.apply(&deed).unwrap();
        deeds.push(deed);
    };
    apply(&mut dossier, Deed::Drafted { destination: Destination::Test, xml: "<report/>".into(), files: vec![] });
    let document_sha256 = dossier.report(1).unwrap().report().document().sha256();
    let checked = Checked { document_sha256, schema_sha256: [0; 32] };
    apply(&mut dossier, Deed::Validated { report: 1, checked });
    apply(&mut dossier, Deed::Approved { report: 1, by: person("bo") });
    let at = Timestamp::UNIX_EPOCH;
    let mut filing = dossier.report(1).unwrap().filing().unwrap();
    while let Some(output) = filing.poll(at) {
        match output {
            Output::Journal(step) => {
                let after = dossier.report(1).unwrap().journal().len();
                apply(&mut dossier, Deed::Filing { report: 1, after, step });
            }
            Output::Send(_) => {
                let answer = Answer { report_id: Some(7), code: Code(0), ..Answer::not_let_in() };
                filing.input(Some(answer), at).unwrap();
            }
        }
    }
    (dossier, deeds)
}

pub(super) fn decision(who: &str) -> Decision {
    Decision {
        who: person(who),
        verdict: Verdict::Violation,
        reason: "entry 17 of list partner, distance 4".into(),
        policy_version: "1".into(),
        at: Timestamp::UNIX_EPOCH,
    }
}

pub(super) fn person(name: &str) -> Person {
    Person::new(name).unwrap()
}
