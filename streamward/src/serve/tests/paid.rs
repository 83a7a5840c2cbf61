//! Who may look at what was paid, and does no pack hold that only one person wanted? Asked over HTTP.

use ::payments::gate::HoldRule;
use ::payments::pack::LIVESTREAM_EXPLOITATION;
use ::payments::simulate::{RATES, Settings, world};
use ::payments::{Level, Pack, Rates};

use super::*;
use crate::payments::desk;

/// A house with a made-up year at its desk.
async fn house_with_a_year() -> (House, String, String) {
    with_a_year(House::new("").await).await
}

/// The house with a made-up year at its desk, put there by another program, as a stream would be; the last alert and hold.
pub(super) async fn with_a_year(house: House) -> (House, String, String) {
    let pack = Pack::parse(LIVESTREAM_EXPLOITATION, None).expect("the public pack is valid");
    let rates = Rates::parse(RATES, pack.currency).expect("the simulator's rates are valid");
    let rule = HoldRule { from: Some(Level::Review), for_s: 1 << 30 };
    let folder = house.folder.path().join("payments");
    std::fs::remove_file(folder.join("log.jsonl")).expect("the service has begun a log");
    let mut desk = desk::Desk::open(&folder, pack, rule).expect("the folder can be written");
    let settings =
        Settings { seed: 3, region: 0, n_remitters: 400, n_days: 365, first_day: 20_000, n_cases_per_100_000: 8000 };
    let mut transfers = world(settings).transfers;
    transfers.sort_by_key(|transfer| transfer.at.utc_s);
    desk.take(transfers, &rates, desk::now_s()).expect("the folder can be written");
    let alert = desk.gate().alerts().last().expect("something is raised").id.clone();
    let hold = desk.gate().holds().last().expect("something is held").id.clone();
    drop(desk);
    (House::at(house.folder).await, alert, hold)
}

/// The public pack with other thresholds and windows, as a form carries it.
pub(super) fn other_pack() -> String {
    let other = LIVESTREAM_EXPLOITATION
        .replace("version = \"0.3.0\"\nschema", "version = \"0.3.1\"\nschema")
        .replace("review = 47\nalert = 54", "review = 36\nalert = 60");
    assert_ne!(other, LIVESTREAM_EXPLOITATION);
    other
}

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        text.bytes().fold(String::new(), |out, byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out + &char::from(byte).to_string(),
            // As a browser ends the lines of a text.
            b'\n' => out + "%0D%0A",
            _ => out + &format!("%{byte:02X}"),
        })
    };
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn an_alert_about_payments_is_read_and_answered_by_its_own_readers_alone() {
    let (house, alert, hold) = house_with_a_year().await;
    house.let_in("ada", &[Role::Lead], &[Compartment::Video]).await;
    house.let_in("bo", &[Role::Reviewer], &[Compartment::Payments]).await;
    let (ada, bo) = (house.session("ada").await, house.session("bo").await);
    for path in ["/payments".to_owned(), format!("/payments/{alert}")] {
        assert_eq!(house.with(&ada, Method::GET, &path, "").await.status, StatusCode::NOT_FOUND, "{path}");
        let page = house.with(&bo, Method::GET, &path, "").await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        assert!(page.text.contains(&alert) && page.text.contains("not a finding"), "{}", page.text);
    }
    assert!(!house.with(&ada, Method::GET, "/", "").await.text.contains("/payments"), "no link either");

    let found = format!("/payments/{alert}/outcome");
    let body = "outcome=innocent&note=a+%3Cb%3Esister%3C%2Fb%3E";
    assert_eq!(house.with(&ada, Method::POST, &found, body).await.status, StatusCode::NOT_FOUND);
    assert!(house.with(&bo, Method::POST, &found, body).await.status.is_redirection());
    let page = house.with(&bo, Method::GET, &format!("/payments/{alert}"), "").await.text;
    assert!(page.contains("<strong>innocent</strong>, bo") && page.contains("a &lt;b&gt;sister"), "{page}");

    let decide = format!("/payments/holds/{hold}");
    assert_eq!(house.with(&bo, Method::POST, &decide, "answer=release&reason=+").await.status, 422);
    assert!(house.with(&bo, Method::POST, &decide, "answer=release&reason=a+letter").await.status.is_redirection());
    assert_eq!(house.with(&bo, Method::POST, &decide, "answer=refuse&reason=again").await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_pack_is_proposed_by_one_person_and_activated_by_another() {
    let (house, ..) = house_with_a_year().await;
    for (name, role) in [("ada", Role::Lead), ("bo", Role::Lead), ("cy", Role::Reviewer)] {
        house.let_in(name, &[role], &[Compartment::Payments]).await;
    }
    house.let_in("di", &[Role::Lead], &[Compartment::Video]).await;
    let [ada, bo, cy, di] =
        [house.session("ada").await, house.session("bo").await, house.session("cy").await, house.session("di").await];
    let get = async |who: &str, path: &str| house.with(who, Method::GET, path, "").await;
    let post = async |who: &str, path: &str, body: &str| house.with(who, Method::POST, path, body).await;
    let packs = "/payments/packs";
    let wanted = form(&[("pack", &other_pack()), ("overlay", ""), ("reason", "one <b>more</b> look")]);

    // What cannot be proposed, in words.
    for (pack, overlay, status, part) in [
        ("nonsense", "", 422, "nonsense"),
        (&*other_pack().replace("feature = \"gap-mean-hours\"", "feature = \"nationality\""), "", 422, "nationality"),
        (&*other_pack(), "[overlay]\nid = \"x\"", 422, "overlay"),
        ("", "", 409, "the one that holds now"),
        (&*other_pack().replace("currency = \"EUR\"", "currency = \"USD\""), "", 422, "USD"),
    ] {
        let came = post(&ada, packs, &form(&[("pack", pack), ("overlay", overlay), ("reason", "x")])).await;
        assert_eq!(came.status, status, "{part}: {}", came.text);
        assert!(came.text.contains(part), "{part}: {}", came.text);
    }
    assert_eq!(post(&ada, packs, &form(&[("pack", ""), ("overlay", ""), ("reason", " ")])).await.status, 422);
    assert_eq!(post(&di, packs, &wanted).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&di, packs).await.status, StatusCode::NOT_FOUND, "another compartment");

    assert_eq!(post(&ada, packs, &wanted).await.status, StatusCode::SEE_OTHER);
    assert_eq!(post(&bo, packs, &wanted).await.status, StatusCode::CONFLICT, "it waits already");
    let at = format!("{packs}/pack-1");
    let page = get(&bo, &at).await.text;
    let digest = Pack::parse(&other_pack(), None).expect("the other pack is valid").digest();
    for part in [
        &*digest,
        "payer</span>: alert from",
        ">54<",
        ">60<",
        "0.3.1",
        "one &lt;b&gt;more&lt;/b&gt; look",
        "only the proposed one",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let shadow = get(&bo, &format!("{at}/shadow")).await;
    assert_eq!(shadow.status, StatusCode::OK, "{}", shadow.text);
    assert!(shadow.text.contains("<svg") && shadow.text.contains("reasons</summary>"), "{}", shadow.text);

    // Who proposed it, and who may not approve, cannot let it hold.
    let why = "reason=looked+at+the+shadow";
    assert!(get(&ada, &at).await.text.contains("Somebody else must look at it"));
    let own = post(&ada, &format!("{at}/activate"), why).await;
    assert_eq!(own.status, StatusCode::CONFLICT);
    assert!(own.text.contains("a second person must let it hold"), "{}", own.text);
    assert_eq!(post(&cy, &format!("{at}/activate"), why).await.status, StatusCode::FORBIDDEN);
    assert_eq!(post(&di, &format!("{at}/activate"), why).await.status, StatusCode::NOT_FOUND);
    assert_eq!(post(&bo, &format!("{at}/activate"), "reason=+").await.status, 422, "a reason is needed");
    assert_eq!(post(&bo, &format!("{packs}/pack-7/activate"), why).await.status, StatusCode::NOT_FOUND);
    assert!(!get(&bo, packs).await.text.contains("activated by"), "what is refused changes nothing");

    // A second proposal is overtaken by the first.
    let second =
        form(&[("pack", &other_pack().replace("review = 36", "review = 37")), ("overlay", ""), ("reason", "x")]);
    assert_eq!(post(&cy, packs, &second).await.status, StatusCode::SEE_OTHER);
    assert_eq!(post(&bo, &format!("{at}/activate"), why).await.status, StatusCode::SEE_OTHER);
    let again = post(&bo, &format!("{at}/activate"), why).await;
    assert!(again.status == StatusCode::CONFLICT && again.text.contains("activated before"), "{}", again.text);
    let overtaken = post(&bo, &format!("{packs}/pack-2/activate"), why).await;
    assert!(
        overtaken.status == StatusCode::CONFLICT && overtaken.text.contains("propose it again"),
        "{}",
        overtaken.text
    );
    assert!(get(&bo, &format!("{packs}/pack-2")).await.text.contains("cannot be activated any more"));
    assert_eq!(post(&cy, &format!("{packs}/pack-2/decline"), "reason=old").await.status, StatusCode::SEE_OTHER);

    // The pack that holds is the other one, here, in the log, and after a new start.
    let log = std::fs::read_to_string(house.folder.path().join("payments/log.jsonl")).expect("the log is there");
    for part in
        ["\"event\":\"pack-proposed\"", "\"event\":\"pack-activated\"", "\"event\":\"pack-declined\"", "\"by\":\"bo\""]
    {
        assert!(log.contains(part), "{part}");
    }
    let house = House::at(house.folder).await;
    let page = house.with(&ada, Method::GET, packs, "").await.text;
    assert!(page.contains(&digest) && page.contains("activated by bo") && page.contains("declined"), "{page}");
    let service = super::super::payments::open(house.folder.path()).expect("the desk opens");
    let active = super::super::payments::with_desk(service, |_, desk| Ok(desk.gate().pack().digest())).await;
    assert_eq!(active, Ok(digest));
}

#[tokio::test]
async fn below_the_line_is_drawn_looked_at_and_counted() {
    let (house, ..) = house_with_a_year().await;
    house.let_in("ada", &[Role::Lead], &[Compartment::Video]).await;
    house.let_in("bo", &[Role::Reviewer], &[Compartment::Payments]).await;
    let (ada, bo) = (house.session("ada").await, house.session("bo").await);
    let list = house.with(&bo, Method::GET, "/payments/below", "").await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.text);
    // Day 20,000 is 4 October 2024: October was not whole, and the year ends in October 2025.
    assert!(
        list.text.contains("2025-09") && list.text.contains("2024-11") && !list.text.contains("2024-10<"),
        "{}",
        list.text
    );
    let item =
        list.text.split("/payments/below/").nth(1).and_then(|rest| rest.split('?').next()).expect("somebody is drawn");
    let at = format!("/payments/below/{item}");
    let page = house.with(&bo, Method::GET, &at, "").await;
    assert!(page.status == StatusCode::OK && page.text.contains("nothing was raised"), "{}", page.text);
    assert_eq!(house.with(&bo, Method::GET, "/payments/below/b-0", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.with(&bo, Method::GET, "/payments/below?month=1999-01", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.with(&ada, Method::GET, &at, "").await.status, StatusCode::NOT_FOUND);
    let found = "month=2025-09&outcome=useful&note=a+%3Ci%3Epattern%3C%2Fi%3E";
    assert_eq!(house.with(&ada, Method::POST, &at, found).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.with(&bo, Method::POST, &at, "month=2025-09&outcome=guilty&note=x").await.status, 422);
    assert_eq!(house.with(&bo, Method::POST, &at, found).await.status, StatusCode::SEE_OTHER);
    let list = house.with(&bo, Method::GET, "/payments/below", "").await.text;
    assert!(list.contains("1 of 1 looked at were worth a look"), "{list}");
    assert!(house.with(&bo, Method::GET, &at, "").await.text.contains("a &lt;i&gt;pattern"));
    let log = std::fs::read_to_string(house.folder.path().join("payments/log.jsonl")).expect("the log is there");
    assert!(log.contains("\"event\":\"below-the-line\"") && log.contains("\"by\":\"bo\""));
}

#[tokio::test]
async fn drift_has_a_table_for_every_picture_and_says_when_there_is_none_yet() {
    let empty = House::new("").await;
    empty.let_in("bo", &[Role::Reviewer], &[Compartment::Payments]).await;
    let bo = empty.session("bo").await;
    for (path, part) in [
        ("/payments/drift", "no transfer"),
        ("/payments/below", "first sample"),
        ("/payments/packs", "the desk was begun"),
    ] {
        let page = empty.with(&bo, Method::GET, path, "").await;
        assert!(page.status == StatusCode::OK && page.text.contains(part), "{path}: {}", page.text);
    }
    let (house, ..) = house_with_a_year().await;
    house.let_in("bo", &[Role::Reviewer], &[Compartment::Payments]).await;
    let page = house.with(&house.session("bo").await, Method::GET, "/payments/drift", "").await.text;
    let n_pictures = page.matches("<svg").count();
    assert!(n_pictures > 20, "{n_pictures}");
    assert_eq!(page.matches("<summary>The numbers</summary>").count(), n_pictures);
    for part in ["score of a payer", "median-minor", "not known", "Yurdakul"] {
        assert!(page.contains(part), "{part}");
    }
}
