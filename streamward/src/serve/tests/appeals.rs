//! Is an appeal written down by a person or a program, heard by somebody else, and silent about what was paid?

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appeal_comes_is_heard_by_a_third_person_and_says_nothing_of_what_was_paid() {
    let house = House::new("[appeals]\nanswer_days = 14\n").await;
    let case = house.refer(intake("call 1")).await;
    let paid = Intake {
        source: Source::Payment,
        channel: "SECRET-ALERT".into(),
        account: Some(Sealed::new("SECRET-PAYER".into())),
        ..intake("x")
    };
    let joined = [casework::Deed::Referred(Referral::new(paid).unwrap())];
    house.desk.store.act(&case, None, &joined, now()).await.unwrap();
    for (name, role) in [("ada", Role::Reviewer), ("bo", Role::Reviewer), ("cy", Role::ReportingOfficer)] {
        house.let_in(name, &[role], &Compartment::ALL).await;
    }
    house.let_in("di", &[Role::Reviewer], &[Compartment::Payments]).await;
    let (ada, bo, cy, di) =
        (house.session("ada").await, house.session("bo").await, house.session("cy").await, house.session("di").await);
    let post = async |who: &str, path: String, body: &str| house.with(who, Method::POST, &path, body).await.status;
    let at = format!("/cases/{case}");
    let written = "reference=A-17&said=It+was+mine&received_on=2026-11-24";
    assert_eq!(post(&cy, format!("{at}/appeals"), written).await, StatusCode::CONFLICT, "nobody has decided");
    post(&ada, format!("{at}/take"), "").await;
    post(&ada, format!("{at}/decide"), "verdict=violation&reason=a+look&policy_version=1").await;
    for wrong in ["reference=A&said=a&received_on=soon", "reference=A&said=a&received_on=2999-01-01"] {
        assert_eq!(post(&cy, format!("{at}/appeals"), wrong).await, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(post(&di, format!("{at}/appeals"), written).await, StatusCode::NOT_FOUND, "di reads what was paid");
    assert_eq!(post(&cy, format!("{at}/appeals"), written).await, StatusCode::SEE_OTHER);
    assert_eq!(post(&cy, format!("{at}/appeals"), written).await, StatusCode::UNPROCESSABLE_ENTITY, "once");

    let list = house.with(&bo, Method::GET, "/appeals", "").await.text;
    assert!(list.contains("A-17") && list.contains("2026-12-08") && !list.contains("SECRET"), "{list}");
    assert!(!house.with(&di, Method::GET, "/appeals", "").await.text.contains("A-17"));
    let page = async |who: &str| house.with(who, Method::GET, &at, "").await.text;
    assert!(page(&ada).await.contains("You had a hand in this case"));
    assert!(page(&bo).await.contains("Your answer to appeal 1"));
    assert!(!page(&di).await.contains("A-17"), "an appeal is about what was seen");

    let answer = "ruling=reversed&policy_version=1&reason=";
    let path = format!("{at}/appeals/1/answer");
    assert_eq!(post(&ada, path.clone(), &format!("{answer}a")).await, StatusCode::CONFLICT, "ada decided");
    assert_eq!(post(&cy, path.clone(), &format!("{answer}a")).await, StatusCode::FORBIDDEN, "cy decides nothing");
    for said in ["see+secret-alert", "secret-payer+sent+it"] {
        let came = house.with(&bo, Method::POST, &path, &format!("{answer}{said}")).await;
        assert_eq!(came.status, StatusCode::CONFLICT, "{said}");
        assert!(came.text.contains("must not learn"), "{}", came.text);
    }
    assert_eq!(post(&bo, path.clone(), &format!("{answer}It+is+the+test+card")).await, StatusCode::SEE_OTHER);
    let shown = page(&bo).await;
    assert!(shown.contains("the decision is reversed") && shown.contains("Your appeal A-17"), "{shown}");
    assert!(shown.contains("decided: nothing to report"), "{shown}");
    assert!(!house.with(&bo, Method::GET, "/appeals", "").await.text.contains("A-17"));
    let figures = house.with(&cy, Method::GET, "/figures.csv", "").await.text;
    assert!(figures.contains("appeals_received,1,") && figures.contains("appeals_reversed,1,"), "{figures}");
    let bundle = crate::bundle::make(&house.desk.store, &case, &[Compartment::Video]).await.unwrap();
    let key = house.desk.store.key();
    crate::bundle::verify(&bundle, Some(&key)).unwrap();
    flipped_bundles_are_found(&bundle, &key);
    assert_eq!(house.desk.store.verify(None).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn a_program_writes_an_appeal_down_once() {
    let house = House::new("").await;
    let case = house.refer(intake("call 1")).await;
    let paid = house.refer(Intake { source: Source::Payment, ..intake("x") }).await;
    house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    house.let_in("a platform", &[Role::Service], &Compartment::ALL).await;
    let token = crate::chance::token();
    house.desk.store.keep_token(&token, "a platform").await.unwrap();
    let bearer = [("Authorization", format!("Bearer {token}"))];
    let post = async |case: &str, body: &str| {
        house.ask(Method::POST, &format!("/api/v1/cases/{case}/appeals"), &bearer, body).await
    };
    let appeal = r#"{"reference":"A-17","said":"It was mine","received_at":"2026-11-24T09:30:00Z"}"#;
    assert_eq!(post(&case, appeal).await.status, StatusCode::CONFLICT, "nobody has decided");
    let ada = house.session("ada").await;
    house.with(&ada, Method::POST, &format!("/cases/{case}/take"), "").await;
    let decision = "verdict=no_violation&reason=a&policy_version=1";
    house.with(&ada, Method::POST, &format!("/cases/{case}/decide"), decision).await;
    let first = post(&case, appeal).await;
    assert_eq!((first.status, first.text.as_str()), (StatusCode::CREATED, r#"{"appeal":1,"is_known":false}"#));
    let again = post(&case, appeal).await;
    assert_eq!((again.status, again.text.as_str()), (StatusCode::OK, r#"{"appeal":1,"is_known":true}"#));
    let other = appeal.replace("A-17", "A-18");
    for wrong in ["", "{}", &other.replace("2026", "2999"), &other.replace("A-18", ""), &other.replace("It", "\\u0007")]
    {
        assert_eq!(post(&case, wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    for absent in ["nothing", paid.as_str()] {
        assert_eq!(post(absent, appeal).await.status, StatusCode::NOT_FOUND, "{absent}");
    }
    assert_eq!(house.desk.store.case(&case).await.unwrap().appeals().all().len(), 1);
}
