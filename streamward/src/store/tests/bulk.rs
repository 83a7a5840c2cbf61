//! Is what comes together taken in as if each had come alone?

use std::collections::BTreeMap;

use super::super::cases::Referred;
use super::*;

#[tokio::test]
async fn many_at_once_become_the_same_cases_and_records_as_one_by_one() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = &place;
        let alone = Place::new(None).await;
        let all: Vec<Referral> = (0..1500).map(mixed).collect();
        let mut one_by_one = Vec::new();
        for referral in &all {
            one_by_one.push(alone.store.refer(None, referral.clone(), at(0)).await.unwrap());
        }
        let together = store.refer_all(&all, at(0)).await.unwrap();
        assert_eq!(numbered(&together), numbered(&one_by_one));
        assert_eq!(records(store, &together).await, records(&alone.store, &one_by_one).await);
        let (n_new, n_known) = (count(&together, |r| r.is_new), count(&together, |r| r.is_known));
        assert!(n_new > 300 && n_known > 100 && n_new + n_known < 1500, "{n_new} {n_known}: all kinds are there");
        let again = store.refer_all(&all[..600], at(1)).await.unwrap();
        assert!(again.iter().zip(&together).all(|(again, first)| again.is_known && again.case == first.case));
        assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new());
    })
    .await;
}

/// Things of 600 places, some of them twice, some later at the same place, some over by then.
fn mixed(number: i64) -> Referral {
    let began_at = at((number / 700) % 2 * 1000);
    let ended_at = (number % 5 == 0 && number > 700).then(|| at(9000));
    Referral::new(Intake { began_at, ended_at, ..intake(&format!("call {}", number * 7919 % 600)) }).unwrap()
}

/// Cases by the order in which they came.
fn numbered(all: &[Referred]) -> Vec<(usize, bool, bool)> {
    let numbers = numbers(all);
    all.iter().map(|referred| (numbers[&referred.case], referred.is_new, referred.is_known)).collect()
}

fn numbers(all: &[Referred]) -> BTreeMap<String, usize> {
    let mut numbers = BTreeMap::new();
    for referred in all {
        let next = numbers.len();
        numbers.entry(referred.case.clone()).or_insert(next);
    }
    numbers
}

/// The log, with cases by their order.
async fn records(store: &Store, all: &[Referred]) -> Vec<(usize, String)> {
    let numbers = numbers(all);
    let rows = sqlx::query("SELECT subject, body FROM log ORDER BY position").fetch_all(&store.pool).await;
    rows.expect("the log is read").iter().map(|row| (numbers[&row.get::<String, _>(0)], row.get(1))).collect()
}

fn count(all: &[Referred], is_so: impl Fn(&Referred) -> bool) -> usize {
    all.iter().filter(|referred| is_so(referred)).count()
}
