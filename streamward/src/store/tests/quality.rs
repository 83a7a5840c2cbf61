//! Does nobody choose what is drawn, and does whoever looks as the second not know what was decided?

use casework::quality::Second;
use jiff::civil::Date;

use super::*;

const DAY: i64 = 86_400_000;

#[tokio::test]
async fn a_days_sample_follows_from_the_log_and_is_drawn_once() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = &place;
        let cases = decided(store, 20).await;
        let paid = Intake { source: Source::Payment, ..intake("sender") };
        let paid = store.refer(None, Referral::new(paid).unwrap(), at(0)).await.unwrap().case;
        decide(store, &paid, Verdict::Violation).await;
        let waiting = store.refer(None, referral("waiting"), at(0)).await.unwrap().case;
        assert!(store.sample(day(1), 10, at(0)).await.unwrap().is_none(), "the day has not begun");
        let sample = store.sample(day(1), 10, at(DAY)).await.unwrap().unwrap();
        assert_eq!((sample.n_decided, sample.drawn.len()), (20, 2), "what was only paid is not drawn from");
        assert!(sample.drawn.iter().all(|drawn| cases.contains(&drawn.case)));
        assert!(store.sample(day(1), 10, at(DAY + 1)).await.unwrap().is_none(), "once");
        assert!(store.sample(day(2), 10, at(2 * DAY)).await.unwrap().is_none(), "nothing was decided since");
        let drawn = store.case(&sample.drawn[0].case).await.unwrap();
        assert_eq!((drawn.seconds()[0].decision, drawn.seconds()[0].first), (1, Verdict::Violation));
        decide_at(store, &store.refer(None, referral("later"), at(2 * DAY)).await.unwrap().case, 2 * DAY + 1).await;
        // It came in before the last sample and is decided after it.
        decide_at(store, &waiting, 2 * DAY + 2).await;
        let next = store.sample(day(3), 10, at(3 * DAY)).await.unwrap().unwrap();
        assert_eq!((next.n_decided, next.drawn.len()), (2, 1), "each decision is drawn from once");
        assert!(store.sample(day(4), 0, at(4 * DAY)).await.is_err());
        assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn an_edited_sample_is_found_and_so_is_one_that_somebody_chose() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = &place;
        let cases = decided(store, 10).await;
        let sample = store.sample(day(1), 10, at(DAY)).await.unwrap().unwrap();
        let drawn = &sample.drawn[0].case;
        for (what, statement) in [
            ("the case that waits", format!("UPDATE cases SET second = NULL WHERE id = '{drawn}'")),
            (
                "what was first decided",
                "UPDATE cases SET document = replace(document, '\"first\":\"violation\"', \
              '\"first\":\"no_violation\"')"
                    .to_owned(),
            ),
            (
                "the sample in the log",
                "UPDATE log SET body = replace(body, '\"percent\":10', '\"percent\":11')".to_owned(),
            ),
        ] {
            let saved = dump(&place).await;
            assert!(place.tamper(&statement).await > 0, "{what}: nothing was tampered with");
            assert!(!store.verify(None).await.unwrap().faults.is_empty(), "not found: {what}");
            restore(&place, saved).await;
            assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new(), "restored after: {what}");
        }
        // A program with the key that gives out another case than the one that was drawn is found out as well.
        let other = cases.iter().find(|case| *case != drawn).unwrap();
        let chosen = Deed::Drawn { day: day(1), decision: 1, first: Verdict::Violation };
        store.act(other, None, &[chosen], at(DAY)).await.unwrap();
        let faults = store.verify(None).await.unwrap().faults;
        assert!(faults.len() == 1 && faults[0].contains("not what was drawn"), "{faults:?}");
    })
    .await;
}

#[tokio::test]
async fn who_had_no_hand_in_it_looks_without_being_told_and_the_figures_say_how_far_they_agree() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = &place;
        decided(store, 4).await;
        store.sample(day(1), 100, at(DAY)).await.unwrap().unwrap();
        assert_eq!(store.n_waiting().await.unwrap(), 4);
        assert!(!store.take_second(&person("ada"), at(DAY)).await.unwrap(), "ada decided them all");
        let mut found = Vec::new();
        for verdict in [Verdict::Violation, Verdict::NoViolation, Verdict::Violation] {
            assert!(store.take_second(&person("bo"), at(DAY)).await.unwrap());
            assert!(!store.take_second(&person("bo"), at(DAY)).await.unwrap(), "one at a time");
            let (case, dossier) = store.blind(&person("bo")).await.unwrap().unwrap();
            assert!(dossier.is_blind(&person("bo")) && !found.contains(&case));
            let second = |who: &str| {
                let reason = "what the list says".into();
                Deed::SecondFound(Second { who: person(who), verdict, reason, at: at(DAY + 1) })
            };
            let others = store.act(&case, Some(&person("cy")), &[second("cy")], at(DAY)).await;
            assert!(others.is_err(), "bo has it");
            store.act(&case, Some(&person("bo")), &[second("bo")], at(DAY + 1)).await.unwrap();
            assert!(store.blind(&person("bo")).await.unwrap().is_none());
            found.push(case);
        }
        assert!(store.take_second(&person("bo"), at(DAY)).await.unwrap());
        let (case, _) = store.blind(&person("bo")).await.unwrap().unwrap();
        let back = Deed::SecondHandedBack { by: person("bo") };
        store.act(&case, Some(&person("bo")), &[back], at(DAY)).await.unwrap();
        assert!(!store.take_second(&person("bo"), at(DAY)).await.unwrap(), "not the same one again");
        let counts = store.figures().await.unwrap();
        assert_eq!((counts.agreement.n, counts.agreement.n_differ), (3, 1));
        assert_eq!(counts.differ, found[1..2]);
        let value = |name: &str| counts.figures.iter().find(|figure| figure.name == name).unwrap().value;
        assert_eq!((value("second_looks_drawn"), value("second_looks_made")), (4, 3));
        assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new());
    })
    .await;
}

/// Cases that ada has decided, on the day from which `at` counts.
async fn decided(store: &Store, n: usize) -> Vec<String> {
    let mut cases = Vec::new();
    for number in 0..n {
        let case = store.refer(None, referral(&format!("call {number}")), at(0)).await.unwrap().case;
        decide(store, &case, Verdict::Violation).await;
        cases.push(case);
    }
    cases
}

async fn decide_at(store: &Store, case: &str, ms: i64) {
    let who = person("ada");
    let (verdict, reason, policy_version) = (Verdict::Violation, "a reason".into(), "1".into());
    let decision = Decision { who: who.clone(), verdict, reason, policy_version, at: at(ms) };
    let deeds = [Deed::Moved(Event::Taken { by: who.clone() }), Deed::Moved(Event::Decided(decision))];
    store.act(case, Some(&who), &deeds, at(ms)).await.unwrap();
}

/// So many days after the one from which `at` counts.
fn day(n: i64) -> Date {
    jiff::tz::TimeZone::UTC.to_datetime(at(n * DAY)).date()
}
