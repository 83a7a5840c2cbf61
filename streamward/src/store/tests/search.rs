//! Is a case found by what others know of it, by nobody who may not read it, and is a false index found out?

use super::*;

#[tokio::test]
async fn a_case_is_found_by_its_call_account_file_and_number_by_who_may_read_it() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = &place;
        let both = [Compartment::Video, Compartment::Payments];
        let first = store.refer(None, referral("Call 1"), at(0)).await.unwrap().case;
        let other = Intake { account: Some(Sealed::new("account 2".into())), ..intake("call 2") };
        let other = store.refer(None, Referral::new(other).unwrap(), at(1)).await.unwrap().case;
        let paid = Intake { source: Source::Payment, account: None, ..intake("sender 9") };
        let paid = store.refer(None, Referral::new(paid).unwrap(), at(2)).await.unwrap().case;
        store.act(&other, None, &[Deed::Evidence(evidence())], at(3)).await.unwrap();
        let digest: String = evidence().sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        for (text, open, expected) in [
            (" call 1 ", &both[..], vec![&first]),
            ("ACCOUNT 2", &both[..1], vec![&other]),
            (&digest, &both[..], vec![&other]),
            (&digest.to_uppercase(), &both[..1], vec![&other]),
            (&first.to_lowercase(), &both[..1], vec![&first]),
            (&first, &both[1..], vec![]),
            ("sender 9", &both[..], vec![&paid]),
            ("sender 9", &both[..1], vec![]),
            (&paid, &both[..1], vec![]),
            ("call", &both[..], vec![]),
            ("", &both[..], vec![]),
        ] {
            let found = store.find(text, open).await.unwrap();
            let ids: Vec<&String> = found.iter().map(|listed| &listed.id).collect();
            assert_eq!(ids, expected, "{text:?} {open:?}");
        }
        let again = Referral::new(Intake { began_at: at(9), ..intake("later at call 2") }).unwrap();
        let latest = store.refer(None, again, at(4)).await.unwrap().case;
        let found = store.find("account 1", &both[..1]).await.unwrap();
        assert_eq!(found.iter().map(|listed| &listed.id).collect::<Vec<_>>(), [&latest, &first], "the latest first");
        assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn the_index_follows_the_log_and_an_edited_one_is_found() {
    on_both(|place| async move {
        let Place { store, folder: _folder, .. } = &place;
        let referrals: Vec<Referral> = (0..4500).map(|number| referral(&format!("call {number}"))).collect();
        store.refer_all(&referrals, at(0)).await.unwrap();
        let open = [Compartment::Video];
        assert_eq!(store.find("call 4400", &open).await.unwrap().len(), 0, "a step is less than what is new");
        assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new(), "in the middle");
        store.index().await.unwrap();
        assert_eq!(store.find("call 4400", &open).await.unwrap().len(), 1);
        assert_eq!(store.find("account 1", &open).await.unwrap().len(), 50, "no more are shown");
        assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new());
        let one = "(SELECT max(case_id) FROM terms)";
        for statement in [
            format!("DELETE FROM terms WHERE case_id = {one}"),
            format!("UPDATE terms SET term = 'other' WHERE case_id = {one} AND term = (SELECT max(term) FROM terms WHERE case_id = {one})"),
            format!("INSERT INTO terms (case_id, term) VALUES ({one}, 'more')"),
            "INSERT INTO terms (case_id, term) VALUES ('ZZ', 'no case of the log')".to_owned(),
        ] {
            assert!(place.tamper(&statement).await > 0, "{statement}");
            let faults = store.verify(None).await.unwrap().faults;
            assert!(faults.len() == 1 && faults[0].contains("found"), "{statement}: {faults:?}");
            place.tamper("DELETE FROM terms").await;
            place.tamper("UPDATE indexed SET n_records = 0").await;
            store.index().await.unwrap();
            assert_eq!(store.verify(None).await.unwrap().faults, Vec::<String>::new(), "made again");
        }
    })
    .await;
}

fn evidence() -> Evidence {
    let name = Sealed::new("card.png".into());
    Evidence {
        sha256: [0xAB; 32],
        md5: "0".repeat(32),
        len: 9,
        media_type: "image/png".into(),
        name,
        kept: Kept::Facts,
    }
}
