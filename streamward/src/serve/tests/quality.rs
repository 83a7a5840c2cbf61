//! Is whoever looks as the second told nothing of what was decided, on any page, till they have said what they find?

use casework::case::Event;
use casework::{Decision, Deed, Verdict};
use jiff::{SignedDuration, Timestamp};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_is_told_nothing_on_any_page_till_they_have_said_what_they_find() {
    let house = House::new("[quality]\npercent = 100\n").await;
    let yesterday = now().checked_sub(SignedDuration::from_hours(24)).unwrap();
    let case = decided(&house, "call 1", yesterday).await;
    for name in ["ada", "bo"] {
        house.let_in(name, &[Role::Lead], &[Compartment::Video]).await;
    }
    let (ada, bo) = (house.session("ada").await, house.session("bo").await);
    let today = jiff::tz::TimeZone::UTC.to_datetime(now()).date();
    let sample = house.desk.store.sample(today, 100, now()).await.unwrap().unwrap();
    assert_eq!(sample.drawn.len(), 1);
    let get = async |who: &str, path: &str| house.with(who, Method::GET, path, "").await;
    let post = async |who: &str, path: &str, body: &str| house.with(who, Method::POST, path, body).await;

    // Before somebody has it, no page tells that it was drawn.
    let page = get(&ada, &format!("/cases/{case}")).await.text;
    assert!(page.contains("SECRET-REASON") && !page.contains("second look."), "{page}");
    assert!(post(&ada, "/quality/take", "").await.text.contains("none for you"), "ada decided it");
    let came = post(&bo, "/quality/take", "").await;
    assert_eq!(came.headers.get(LOCATION).unwrap(), "/quality/look");
    let look = get(&bo, "/quality/look").await.text;
    assert!(look.contains("entry 17") && look.contains("What you find"), "{look}");
    for path in ["/", "/done", "/appeals", "/outbox", "/log", "/figures", "/quality", "/quality/look", "/me"] {
        let page = get(&bo, path).await.text;
        assert!(!page.contains("SECRET-REASON") && !page.contains(&case), "{path}: {page}");
    }
    for route in console::routes().list().iter().filter(|route| route.path.starts_with("/cases/{case}")) {
        let path = route.path.replace("{case}", &case).replace("{file}", &"0".repeat(64));
        let names = ["{report}", "{export}", "{hold}", "{appeal}", "{claim}"];
        let path = names.iter().fold(path, |path, name| path.replace(name, "1"));
        let body = "verdict=violation&reason=a&policy_version=1&incident=material&basis=a&until=&mode=tile\
                    &reference=a&said=a&ruling=upheld&name=a";
        let came = house.with(&bo, route.method.clone(), &path, body).await;
        assert!(came.status.is_client_error(), "{} {path}: {}", route.method, came.status);
        assert!(!came.text.contains("SECRET-REASON"), "{path}");
    }
    assert!(get(&ada, "/").await.text.contains(&case), "others see it as before");

    assert_eq!(
        post(&ada, "/quality/look", "verdict=violation&reason=a").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(post(&bo, "/quality/look", "verdict=violation&reason=").await.status, StatusCode::CONFLICT, "no reason");
    let figures = get(&bo, "/figures.csv").await.text;
    assert!(
        figures.contains("\nerror_rate,,") && figures.contains("\nkrippendorff_alpha,,"),
        "not known, not 0: {figures}"
    );
    assert_eq!(post(&bo, "/quality/look", "verdict=no_violation&reason=a").await.status, StatusCode::SEE_OTHER);
    let page = get(&bo, &format!("/cases/{case}")).await.text;
    assert!(page.contains("SECRET-REASON") && page.contains("not told what was decided: nothing to report"), "{page}");
    let figures = get(&bo, "/figures.csv").await.text;
    assert!(figures.contains("\nsecond_looks_made,1,") && figures.contains("\nerror_rate,1.0000,"), "{figures}");
    assert!(get(&ada, "/quality").await.text.contains(&format!("Case {case}")), "where they differ");
    assert_eq!(house.desk.store.verify(None).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn each_days_sample_is_drawn_by_itself_and_a_case_can_be_handed_back() {
    let house = House::new("[quality]\npercent = 1\n").await;
    let yesterday = now().checked_sub(SignedDuration::from_hours(24)).unwrap();
    decided(&house, "call 1", yesterday).await;
    tokio::spawn(Arc::clone(&house.desk).run_samples());
    for _ in 0..100 {
        if house.desk.store.n_waiting().await.unwrap() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    house.let_in("bo", &[Role::Reviewer], &[Compartment::Video]).await;
    house.let_in("cy", &[Role::Reviewer], &[Compartment::Payments]).await;
    let (bo, cy) = (house.session("bo").await, house.session("cy").await);
    let post = async |who: &str, path: &str| house.with(who, Method::POST, path, "").await;
    assert!(post(&cy, "/quality/take").await.text.contains("none for you"), "cy does not read what was seen");
    assert_eq!(post(&bo, "/quality/hand-back").await.status, StatusCode::UNPROCESSABLE_ENTITY, "bo has none");
    assert_eq!(post(&bo, "/quality/take").await.status, StatusCode::SEE_OTHER);
    assert_eq!(post(&bo, "/quality/hand-back").await.status, StatusCode::SEE_OTHER);
    assert!(post(&bo, "/quality/take").await.text.contains("none for you"), "not the same one again");
}

/// A case that ada decided at that moment.
async fn decided(house: &House, channel: &str, at: Timestamp) -> String {
    let store = &house.desk.store;
    let case = store.refer(None, Referral::new(intake(channel)).unwrap(), at).await.unwrap().case;
    let who = Person::new("ada").unwrap();
    let decision = Decision {
        who: who.clone(),
        verdict: Verdict::Violation,
        reason: "SECRET-REASON".into(),
        policy_version: "1".into(),
        at,
    };
    let deeds = [Deed::Moved(Event::Taken { by: who.clone() }), Deed::Moved(Event::Decided(decision))];
    store.act(&case, Some(&who), &deeds, at).await.unwrap();
    case
}
