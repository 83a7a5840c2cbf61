//! Is an appeal heard by somebody else, found in time, and noticed when it was edited?

use casework::appeal::{Answer, Received, Ruling};

use super::*;
use crate::store::cases::{Columns, text};

#[tokio::test]
async fn an_appeal_is_heard_by_somebody_who_had_no_hand_in_the_case() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = &place;
        let case = store.refer(Some(&person("eve")), referral("call 1"), at(0)).await.unwrap().case;
        let act = async |who: &str, deed: Deed| store.act(&case, Some(&person(who)), &[deed], at(1)).await;
        assert!(act("di", received("A-1", None)).await.is_err(), "nobody has decided");
        act("cy", Deed::Moved(Event::Taken { by: person("cy") })).await.unwrap();
        act("cy", Deed::Moved(Event::GivenBack)).await.unwrap();
        decide(store, &case, Verdict::Violation).await;
        act("di", received("A-1", Some(9))).await.unwrap();
        for who in ["ada", "cy", "eve"] {
            let came = act(who, heard(1, who, Ruling::Reversed)).await;
            assert!(matches!(came, Err(Error::Refused(casework::Error::TookPart))), "{who}: {came:?}");
        }
        let came = act("di", heard(1, "ada", Ruling::Reversed)).await;
        assert!(matches!(came, Err(Error::Refused(casework::Error::TookPart))), "whoever's entry it is");
        let dossier = act("di", heard(1, "di", Ruling::Reversed)).await.unwrap();
        assert_eq!(dossier.case().decisions().len(), 2, "superseded, not edited");
        assert_eq!(dossier.case().decision().unwrap().verdict, Verdict::NoViolation);
        assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new());
        let figures = store.figures().await.unwrap().figures;
        let value = |name: &str| figures.iter().find(|figure| figure.name == name).unwrap().value;
        assert_eq!((value("appeals_received"), value("appeals_upheld"), value("appeals_reversed")), (1, 0, 1));
        assert_eq!(value("cases_decided"), 1);
    })
    .await;
}

#[tokio::test]
async fn open_appeals_stand_by_their_day_and_leave_when_they_are_answered() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = &place;
        let mut cases = Vec::new();
        for (number, due) in [Some(9), None, Some(5)].into_iter().enumerate() {
            let case = store.refer(None, referral(&format!("call {number}")), at(0)).await.unwrap().case;
            decide(store, &case, Verdict::Violation).await;
            store.act(&case, None, &[received("A-1", due)], at(2)).await.unwrap();
            cases.push(case);
        }
        let open =
            async || -> Vec<String> { store.appealed(10).await.unwrap().into_iter().map(|(case, _)| case).collect() };
        assert_eq!(open().await, [cases[2].clone(), cases[0].clone(), cases[1].clone()]);
        store.act(&cases[0], None, &[received("A-2", Some(1))], at(2)).await.unwrap();
        assert_eq!(open().await[0], cases[0], "the earliest of its appeals counts");
        store.act(&cases[2], None, &[heard(1, "di", Ruling::Upheld)], at(3)).await.unwrap();
        assert_eq!(open().await, [cases[0].clone(), cases[1].clone()]);
        assert!(store.verify(None).await.unwrap().faults.is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_edited_appeal_is_found_and_so_is_one_that_the_wrong_person_heard() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = &place;
        let case = store.refer(None, referral("call 1"), at(0)).await.unwrap().case;
        appealed_and_heard(store, &case).await;
        store.act(&case, None, &[received("A-2", None)], at(4)).await.unwrap();
        for (what, statement) in [
            ("the ruling", "UPDATE cases SET document = replace(document, '\"upheld\"', '\"reversed\"')"),
            ("what they said", "UPDATE cases SET document = replace(document, 'test card', 'nothing')"),
            ("an appeal hidden from the list", "UPDATE cases SET appeal_at = NULL"),
            ("a day put off", "UPDATE cases SET appeal_at = 1"),
            ("the ruling in the log", "UPDATE log SET body = replace(body, '\"upheld\"', '\"reversed\"')"),
            ("who heard it, in the log", "UPDATE log SET body = replace(body, '\"di\"', '\"ed\"')"),
            ("the appeal cut out of the log", "DELETE FROM log WHERE body LIKE '%appeal_received%'"),
        ] {
            let saved = dump(&place).await;
            assert!(place.tamper(statement).await > 0, "{what}: nothing was tampered with");
            assert!(!store.verify(None).await.unwrap().faults.is_empty(), "not found: {what}");
            restore(&place, saved).await;
            assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new(), "restored after: {what}");
        }

        // A program with the key that lets the wrong person hear it is found out as well.
        let mut write = store.write(at(5)).await.unwrap();
        let mut dossier = store.case(&case).await.unwrap();
        let deed = heard(2, "gus", Ruling::Upheld);
        dossier.apply(&deed).unwrap();
        let body = serde_json::to_string(&deed).unwrap();
        let entry = casework::Entry::about(&case, Some(person("gus")), deed.action(), &body, at(5));
        write.append(&entry, &body).await.unwrap();
        sqlx::query("UPDATE cases SET document = $1, appeal_at = $2 WHERE id = $3")
            .bind(text(&dossier))
            .bind(Columns::of(&dossier).appeal_at)
            .bind(case.clone())
            .execute(&mut *write.tx)
            .await
            .unwrap();
        write.commit().await.unwrap();
        let faults = store.verify(None).await.unwrap().faults;
        assert!(faults.len() == 1 && faults[0].contains("do not make a case"), "{faults:?}");
    })
    .await;
}

/// A decided case, which gus had taken and given back, with an appeal that di has heard.
pub(super) async fn appealed_and_heard(store: &Store, case: &str) {
    let act = async |who: &str, deed: Deed| store.act(case, Some(&person(who)), &[deed], at(1)).await.unwrap();
    act("gus", Deed::Moved(Event::Taken { by: person("gus") })).await;
    act("gus", Deed::Moved(Event::GivenBack)).await;
    decide(store, case, Verdict::Violation).await;
    act("ada", received("A-1", Some(9))).await;
    act("di", heard(1, "di", Ruling::Upheld)).await;
}

fn received(reference: &str, due_ms: Option<i64>) -> Deed {
    let said = Sealed::new("it was the test card".into());
    Deed::AppealReceived(Received { reference: reference.into(), said, received_at: at(0), due_at: due_ms.map(at) })
}

fn heard(appeal: usize, who: &str, ruling: Ruling) -> Deed {
    let reason = "entry 17 is what was seen".into();
    let answer = Answer { who: person(who), ruling, reason, policy_version: "1".into(), at: at(3) };
    Deed::AppealAnswered { appeal, answer }
}
