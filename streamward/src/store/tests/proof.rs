//! Does a proof from the subtrees that are kept lead to the root of the whole log, and is a false one found?

use record::{Hash, Tree, proof};

use super::*;

/// Enough for two levels of subtrees, and some over.
const N_MANY: i64 = 66_000;
/// Enough for one level.
const N_FEW: i64 = 1_000;

#[tokio::test]
async fn each_record_is_proved_as_by_the_whole_tree_whatever_is_kept() {
    on_both(|place| async move {
        let n = if place.url.is_some() { N_FEW } else { N_MANY };
        let (n, store) = filled(&place, n).await;
        let tree = whole(store).await;
        assert_eq!(tree.n_entries(), n);
        let positions = [0, 1, 255, 256, 511, 65_535, 65_536, n / 3, n - 257, n - 1];
        for kept in ["nothing", "what was asked for", "all", "a part"] {
            match kept {
                "nothing" => assert_eq!(n_kept(store).await, 0),
                "all" => {
                    store.keep_subtrees().await.unwrap();
                    assert_eq!(n_kept(store).await, (n >> 8) + (n >> 16));
                }
                "a part" => assert!(place.tamper("DELETE FROM subtrees WHERE number IN (0, 2)").await > 0),
                _ => assert!(n_kept(store).await > 0),
            }
            for n_entries in [n, n - 1, n / 2, 256, 257] {
                let mut proofs = store.proofs(n_entries);
                let root = proofs.root(0..n_entries).await.unwrap();
                assert_eq!(root, tree.root_at(n_entries).unwrap(), "{kept} {n_entries}");
                for position in positions.into_iter().filter(|position| *position < n_entries) {
                    let way = proofs.inclusion(position).await.unwrap().unwrap();
                    let leaf = proofs.record(position).await.unwrap();
                    assert_eq!(
                        way,
                        tree.inclusion_proof(position, n_entries).unwrap(),
                        "{kept} {position} {n_entries}"
                    );
                    assert_eq!(proof::verify_inclusion(position, n_entries, leaf, &way, root), Ok(()));
                }
                assert_eq!(proofs.inclusion(n_entries).await.unwrap(), None);
            }
        }
        assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn an_edited_subtree_is_found_and_a_missing_record_is_not_proved() {
    on_both(|place| async move {
        let (n, store) = filled(&place, N_FEW).await;
        store.keep_subtrees().await.unwrap();
        let other = Hash::of_nothing();
        for statement in [
            format!("UPDATE subtrees SET hash = '{other}' WHERE level = 8 AND number = 2"),
            "UPDATE subtrees SET hash = 'no hash' WHERE level = 8 AND number = 0".to_owned(),
            "UPDATE subtrees SET number = 1000000 WHERE level = 8 AND number = 1".to_owned(),
            format!("INSERT INTO subtrees (level, number, hash) VALUES (9, 0, '{other}')"),
            format!("INSERT INTO subtrees (level, number, hash) VALUES (-8, 0, '{other}')"),
        ] {
            assert_eq!(place.tamper(&statement).await, 1, "{statement}");
            let faults = store.verify(None).await.unwrap().faults;
            assert!(faults.len() == 1 && faults[0].contains("subtree"), "{statement}: {faults:?}");
            place.tamper("DELETE FROM subtrees").await;
            store.keep_subtrees().await.unwrap();
            assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new());
        }
        place.tamper("DELETE FROM subtrees").await;
        place.tamper("DELETE FROM log WHERE position = 300").await;
        assert!(matches!(store.keep_subtrees().await, Err(Error::Damaged { .. })));
        assert!(matches!(store.proofs(n).inclusion(0).await, Err(Error::Damaged { .. })));
    })
    .await;
}

/// A store with so many records.
async fn filled(place: &Place, n: i64) -> (u64, &Store) {
    let referrals: Vec<Referral> = (0..n).map(|number| referral(&format!("call {number}"))).collect();
    place.store.refer_all(&referrals, at(0)).await.expect("they are taken in");
    (n as u64, &place.store)
}

async fn whole(store: &Store) -> Tree {
    let mut tree = Tree::new();
    let rows = sqlx::query("SELECT entry FROM log ORDER BY position").fetch_all(&store.pool).await;
    for row in rows.expect("the log is read") {
        tree.append(row.get::<String, _>(0).as_bytes());
    }
    tree
}

async fn n_kept(store: &Store) -> u64 {
    let row = sqlx::query("SELECT count(*) FROM subtrees").fetch_one(&store.pool).await.expect("they are counted");
    row.get::<i64, _>(0) as u64
}
