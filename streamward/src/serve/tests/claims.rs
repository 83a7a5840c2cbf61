//! Does what was paid leave the house only when two people who may read it say so, and can whoever gets it check it?

use super::*;

const PAID: &str = "reference=t-1&payer=payer+7&beneficiary=account+1&amount=1500.00&currency=php\
                    &at=2026-11-24T09:10:00Z&source=the+desk,+alert+a-0042&basis=one+legal+entity";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_paid_and_seen_leaves_for_a_claim_when_two_people_say_so_and_can_be_checked() {
    let house = House::new("").await;
    let case = house.refer(intake("call 1")).await;
    for (name, role) in [("ada", Role::Reviewer), ("bo", Role::Lead), ("cy", Role::ReportingOfficer)] {
        house.let_in(name, &[role], &Compartment::ALL).await;
    }
    house.let_in("di", &[Role::Lead], &[Compartment::Video]).await;
    let (ada, bo, cy, di) =
        (house.session("ada").await, house.session("bo").await, house.session("cy").await, house.session("di").await);
    let ask = async |who: &str, method: Method, path: &str, body: &str| {
        house.with(who, method, &format!("/cases/{case}{path}"), body).await
    };
    let post = async |who: &str, path: &str, body: &str| ask(who, Method::POST, path, body).await.status;
    assert_eq!(post(&di, "/paid", PAID).await, StatusCode::NOT_FOUND, "di reads what was seen alone");
    for wrong in ["amount=1.555", "amount=-1", "currency=dollars", "at=yesterday"] {
        let (field, _) = wrong.split_once('=').unwrap();
        let fields = PAID.split('&').map(|pair| if pair.starts_with(&format!("{field}=")) { wrong } else { pair });
        let body: Vec<&str> = fields.collect();
        assert_eq!(post(&ada, "/paid", &body.join("&")).await, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(post(&ada, "/paid", PAID).await, StatusCode::SEE_OTHER);
    assert_eq!(post(&ada, "/paid", PAID).await, StatusCode::CONFLICT, "one reference once");
    post(&ada, "/take", "").await;
    post(&ada, "/decide", "verdict=violation&reason=a+SECRET+reason&policy_version=1").await;

    assert_eq!(post(&ada, "/claims", "name=claim+17").await, StatusCode::FORBIDDEN, "a reviewer exports nothing");
    assert_eq!(post(&di, "/claims", "name=claim+17").await, StatusCode::NOT_FOUND);
    assert_eq!(post(&bo, "/claims", "name=").await, StatusCode::CONFLICT, "which claim?");
    assert_eq!(post(&bo, "/claims", "name=claim+17").await, StatusCode::SEE_OTHER);
    let early = ask(&bo, Method::GET, "/claims/1/bundle", "").await.status;
    assert_eq!(early, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(post(&bo, "/claims/1/allow", "").await, StatusCode::CONFLICT, "bo asked");
    assert_eq!(post(&di, "/claims/1/allow", "").await, StatusCode::NOT_FOUND, "di does not read what was paid");
    assert_eq!(post(&cy, "/claims/1/allow", "").await, StatusCode::SEE_OTHER);
    assert_eq!(ask(&di, Method::GET, "/claims/1/bundle", "").await.status, StatusCode::NOT_FOUND);
    let came = ask(&bo, Method::GET, "/claims/1/bundle", "").await;
    assert_eq!(came.headers["content-disposition"], "attachment; filename=\"claim-1.zip\"");

    let shown = ask(&bo, Method::GET, "", "").await.text;
    assert!(shown.contains("payer 7") && shown.contains("1500.00 PHP") && shown.contains("claim 17"), "{shown}");
    let shown = ask(&di, Method::GET, "", "").await.text;
    assert!(!shown.contains("payer 7") && !shown.contains("claim 17"), "{shown}");

    let bundle = crate::bundle::make_claim(&house.desk.store, &case, 1).await.unwrap();
    let key = house.desk.store.key();
    let verified = crate::bundle::verify(&bundle, Some(&key)).unwrap();
    assert_eq!((verified.case, verified.n_records), (case.clone(), 5));
    flipped_bundles_are_found(&bundle, &key);
    let page = part(&bundle, "claim.html");
    for words in ["not an accusation", "payer 7 (party-1)", "1500.00 PHP", "the desk, alert a-0042", "claim 17"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let again = crate::bundle::make_claim(&house.desk.store, &case, 1).await.unwrap();
    assert_eq!(part(&again, "claim.json"), part(&bundle, "claim.json"), "the same records, the same text");
    assert!(crate::bundle::make_claim(&house.desk.store, &case, 2).await.is_err(), "nobody asked");

    // The case as whoever reads what was seen takes it has nothing of the claim, and is whole without.
    let seen = crate::bundle::make(&house.desk.store, &case, &[Compartment::Video]).await.unwrap();
    crate::bundle::verify(&seen, Some(&key)).unwrap();
    let records = part(&seen, "records.jsonl");
    assert!(!records.contains("payer 7") && !records.contains("claim 17"), "{records}");
    assert_eq!(house.desk.store.verify(None).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_that_was_put_in_as_paid_is_said_in_an_appeal() {
    let house = House::new("").await;
    let case = house.refer(intake("call 1")).await;
    for name in ["ada", "bo"] {
        house.let_in(name, &[Role::Reviewer], &Compartment::ALL).await;
    }
    let (ada, bo) = (house.session("ada").await, house.session("bo").await);
    let post = async |who: &str, path: &str, body: &str| {
        house.with(who, Method::POST, &format!("/cases/{case}{path}"), body).await.status
    };
    for (path, body) in [
        ("/paid", PAID),
        ("/take", ""),
        ("/decide", "verdict=violation&reason=a&policy_version=1"),
        ("/appeals", "reference=A-1&said=a"),
    ] {
        assert_eq!(post(&ada, path, body).await, StatusCode::SEE_OTHER, "{path}");
    }
    let answer = |reason: &str| format!("ruling=upheld&policy_version=1&reason={reason}");
    assert_eq!(post(&bo, "/appeals/1/answer", &answer("Payer+7+sent+it")).await, StatusCode::CONFLICT);
    assert_eq!(post(&bo, "/appeals/1/answer", &answer("as+before")).await, StatusCode::SEE_OTHER);
}

/// One part of a bundle, as text.
fn part(bundle: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bundle)).expect("a zip file");
    let mut file = archive.by_name(name).expect("it has this part");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file, &mut text).expect("it is text");
    text
}
