//! Is everyone answered who comes at once with others, and is each incident there once, whoever hangs up?

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_are_each_taken_in_once() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = place;
        let store = Arc::new(store);
        // Each of a hundred comes twice.
        let ask = |number: i64| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let channel = format!("call {}", number % 100);
                (number % 100, store.refer(None, referral(&channel), at(number)).await.unwrap())
            })
        };
        let asked: Vec<_> = (0..200).map(ask).collect();
        let mut cases = BTreeSet::new();
        let (mut n_new, mut n_known) = (0, 0);
        for asked in asked {
            let (number, referred) = asked.await.unwrap();
            cases.insert((number, referred.case));
            n_new += u32::from(referred.is_new);
            n_known += u32::from(referred.is_known);
        }
        assert_eq!((cases.len(), n_new, n_known), (100, 100, 100), "one case a call");
        assert_eq!(store.head().await.unwrap().n_entries, 100);
        assert!(store.verify(None).await.unwrap().faults.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_takes_nobody_along() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = place;
        let store = Arc::new(store);
        let ask = |number: i64| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.refer(None, referral(&format!("call {number}")), at(number)).await })
        };
        let asked: Vec<_> = (0..200).map(|number| (number, ask(number))).collect();
        let mut n_answered = 0;
        for (number, asked) in asked {
            if number % 3 == 0 {
                // Among them whoever does it for all just now.
                tokio::time::sleep(Duration::from_micros(300)).await;
                asked.abort();
                continue;
            }
            asked.await.unwrap().unwrap();
            n_answered += 1;
        }
        assert_eq!(n_answered, 133);
        let n_cases = store.n_cases().await.unwrap();
        assert!((133..=200).contains(&n_cases), "{n_cases}");
        let again = store.refer(None, referral("call 1"), at(1000)).await.unwrap();
        assert!(again.is_known);
        assert!(store.verify(None).await.unwrap().faults.is_empty());
    })
    .await;
}

#[tokio::test]
async fn nobody_bears_anothers_fault() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = place;
        let store = Arc::new(store);
        let damaged = store.refer(None, referral("call 1"), at(0)).await.unwrap().case;
        let statement = format!("UPDATE cases SET document = 'no case' WHERE id = '{damaged}'");
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&store.pool).await.unwrap();
        // The first of all joins the damaged case; the others wait with it for one transaction.
        let held = store.turn.lock().await;
        let ask = |number: i64| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.refer(None, referral(&format!("call {number}")), at(number)).await })
        };
        let asked: Vec<_> = (1..=20).map(ask).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(held);
        let mut outcomes = Vec::new();
        for asked in asked {
            outcomes.push(asked.await.unwrap().is_ok());
        }
        assert_eq!(outcomes, [vec![false], vec![true; 19]].concat());
    })
    .await;
}
