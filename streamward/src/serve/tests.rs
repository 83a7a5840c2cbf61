//! Who sees what, and does an incident become a filed report? Asked over HTTP, of the routes that are served.

mod appeals;
mod claims;
mod matrix;
mod oidc;
mod paid;
mod quality;
mod transparency;
mod uploads;
mod words;

use std::net::SocketAddr;
use std::time::Duration;

use casework::referral::{Intake, Seen, Source};
use casework::role::{Compartment, Role};
use casework::{Person, Referral, Sealed};
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};

use super::access::{COOKIE, Need};
use super::*;
use crate::clock::now;
use crate::store::Account;

/// A service of a test's own.
struct House {
    desk: Shared,
    address: SocketAddr,
    http: reqwest::Client,
    folder: tempfile::TempDir,
}

/// What came back.
struct Came {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

#[tokio::test]
async fn what_was_paid_is_not_there_for_who_may_not_read_it() {
    let house = House::new("").await;
    let paid = house.refer(Intake { source: Source::Payment, channel: "SECRET-SENDER".into(), ..intake("x") }).await;
    let seen = house.refer(intake("call 1")).await;
    house.let_in("ada", &[Role::Reviewer, Role::Lead], &[Compartment::Video]).await;
    house.let_in("bo", &[Role::Reviewer, Role::Lead], &[Compartment::Payments]).await;
    for (name, open, shut) in [("ada", &seen, &paid), ("bo", &paid, &seen)] {
        let session = house.session(name).await;
        for route in console::routes().list() {
            if !route.path.starts_with("/cases/") {
                continue;
            }
            let path = |case: &str| {
                let path = route.path.replace("{case}", case).replace("{report}", "1").replace("{export}", "1");
                path.replace("{file}", &"0".repeat(64))
                    .replace("{hold}", "1")
                    .replace("{appeal}", "1")
                    .replace("{claim}", "1")
            };
            let body = "verdict=violation&reason=a&policy_version=1&incident=material&basis=a&until=&mode=tile\
                        &reference=a&said=a&ruling=upheld&payer=a&beneficiary=a&amount=1&currency=PHP\
                        &at=2026-11-24T09:10:00Z&source=a&name=a";
            let came = house.with(&session, route.method.clone(), &path(shut), body).await;
            let is_absent = matches!(came.status, StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY);
            assert!(is_absent, "{name} {} {}: {}", route.method, route.path, came.status);
            assert!(
                !came.text.contains("SECRET") && !came.text.contains("example call service"),
                "{name} {}",
                route.path
            );
        }
        let queue = house.with(&session, Method::GET, "/", "").await.text;
        assert!(queue.contains(open.as_str()) && !queue.contains(shut.as_str()), "{queue}");
    }
    assert_eq!(house.desk.store.deeds(&paid).await.unwrap().len(), 1, "nothing was done to it");
}

#[tokio::test]
async fn a_case_is_found_by_who_may_read_it() {
    let house = House::new("").await;
    let paid = house.refer(Intake { source: Source::Payment, channel: "sender 9".into(), ..intake("x") }).await;
    let seen = house.refer(intake("call 1")).await;
    house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    house.let_in("bo", &[Role::Reviewer], &[Compartment::Payments]).await;
    house.let_in("cy", &[Role::Auditor], &[]).await;
    let (ada, bo, cy) = (house.session("ada").await, house.session("bo").await, house.session("cy").await);
    for (who, text, case, is_found) in [
        (&ada, "text=call+1", &seen, true),
        (&bo, "text=call+1", &seen, false),
        (&ada, "text=sender+9", &paid, false),
        (&bo, "text=sender+9", &paid, true),
    ] {
        let came = house.with(who, Method::POST, "/find", text).await;
        assert_eq!((came.status, came.text.contains(case.as_str())), (StatusCode::OK, is_found), "{text}");
        assert_eq!(came.text.contains("Nothing that you may read"), !is_found);
    }
    assert_eq!(house.with(&cy, Method::POST, "/find", "text=call+1").await.status, StatusCode::FORBIDDEN);
    let empty = house.with(&ada, Method::GET, "/find", "").await;
    assert!(empty.text.contains("name=\"text\"") && !empty.text.contains("Nothing that"), "{}", empty.text);
}

#[tokio::test]
async fn no_text_of_a_stranger_becomes_part_of_a_page() {
    let attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let house = House::new("").await;
    let case = house
        .refer(Intake {
            seen: Seen::Told(Sealed::new(attack.into())),
            platform: attack.into(),
            account: Some(Sealed::new(attack.into())),
            ..intake(attack)
        })
        .await;
    let entry =
        Intake { seen: Seen::Known { list: attack.into(), entry: attack.into(), distance_bits: 1 }, ..intake(attack) };
    house.refer(Intake { platform: attack.into(), ..entry }).await;
    house.let_in(attack, &Role::ALL, &Compartment::ALL).await;
    let session = house.session(attack).await;
    house.with(&session, Method::POST, &format!("/cases/{case}/take"), "").await;
    let body = format!("verdict=violation&reason={attack}&policy_version=1").replace('\'', "%27").replace('"', "%22");
    house.with(&session, Method::POST, &format!("/cases/{case}/decide"), &body[..body.len().min(4000)]).await;
    house.with(&session, Method::POST, &format!("/cases/{case}/exports"), &format!("reason={attack}")).await;
    let said = format!("reference={attack}&said={attack}").replace('\'', "%27").replace('"', "%22");
    house.with(&session, Method::POST, &format!("/cases/{case}/appeals"), &said).await;
    let pages = [
        "/",
        "/done",
        "/appeals",
        "/quality",
        "/outbox",
        "/log",
        "/figures",
        "/figures/forms",
        "/lists",
        "/people",
        "/me",
        &format!("/cases/{case}"),
    ];
    for page in pages {
        let came = house.with(&session, Method::GET, page, "").await;
        assert_eq!(came.status, StatusCode::OK, "{page}");
        assert!(!came.text.contains("<script>alert") && !came.text.contains("<img"), "{page}: {}", came.text);
        assert!(came.text.contains("&lt;script&gt;alert") || !came.text.contains("alert"), "{page}");
    }
}

#[tokio::test]
async fn another_sites_page_cannot_do_anything() {
    let house = House::new("").await;
    let case = house.refer(intake("call 1")).await;
    house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    let session = house.session("ada").await;
    let path = format!("/cases/{case}/take");
    let cookie = ("Cookie", format!("{COOKIE}={session}"));
    for foreign in [
        ("Origin", "https://attacker.example".to_owned()),
        ("Origin", "null".to_owned()),
        ("Origin", format!("http://{}.attacker.example", house.address)),
        ("Sec-Fetch-Site", "cross-site".to_owned()),
        ("Sec-Fetch-Site", "same-site".to_owned()),
    ] {
        let came = house.ask(Method::POST, &path, &[cookie.clone(), foreign.clone()], "").await;
        assert_eq!(came.status, StatusCode::FORBIDDEN, "{foreign:?}");
    }
    let own = [cookie, ("Origin", format!("http://{}", house.address)), ("Sec-Fetch-Site", "same-origin".to_owned())];
    assert_eq!(house.ask(Method::POST, &path, &own, "").await.status, StatusCode::SEE_OTHER);
    // A browser that was told to send no referrer hides the origin of our own pages too.
    let hidden = [own[0].clone(), ("Origin", "null".to_owned()), ("Sec-Fetch-Site", "same-origin".to_owned())];
    let given_back = house.ask(Method::POST, &format!("/cases/{case}/give-back"), &hidden, "").await;
    assert_eq!(given_back.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn every_answer_tells_the_browser_what_not_to_do() {
    let house = House::new("").await;
    for path in [
        "/",
        "/sign-in",
        "/page.css",
        "/page.js",
        "/healthz",
        "/nowhere",
        "/..%2f..%2fetc/passwd",
        "/api/v1/log/checkpoint",
    ] {
        let came = house.ask(Method::GET, path, &[], "").await;
        let policy = came.headers.get("content-security-policy").unwrap().to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        for name in ["x-content-type-options", "referrer-policy", "x-frame-options", "cache-control"] {
            assert!(came.headers.contains_key(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn a_session_opens_with_a_code_and_ends_when_it_is_revoked() {
    let house = House::new("").await;
    house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    house.desk.store.keep_code("abcd-efgh-jkmn-pqrs", "ada", now()).await.unwrap();
    assert_eq!(house.ask(Method::POST, "/sign-in", &[], "code=wrong").await.status, StatusCode::FORBIDDEN);
    let came = house.ask(Method::POST, "/sign-in", &[], "code=ABCD+efgh+jkmn+pqrs").await;
    assert_eq!(came.status, StatusCode::SEE_OTHER);
    let cookie = came.headers.get("set-cookie").unwrap().to_str().unwrap().to_owned();
    for part in ["__Host-session=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let session = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    assert_eq!(house.with(&session, Method::GET, "/", "").await.status, StatusCode::OK);
    let again = house.ask(Method::POST, "/sign-in", &[], "code=abcd-efgh-jkmn-pqrs").await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "a code works once");
    let account = house.desk.store.account("ada").await.unwrap();
    house.desk.store.set_account(None, &Account { is_active: false, ..account }, now()).await.unwrap();
    assert_eq!(house.with(&session, Method::GET, "/", "").await.headers.get(LOCATION).unwrap(), "/sign-in");
}

#[tokio::test]
async fn the_interface_takes_an_incident_once_and_refuses_nonsense() {
    let house = House::new("").await;
    house.let_in("a guard", &[Role::Service], &[]).await;
    let token = crate::chance::token();
    house.desk.store.keep_token(&token, "a guard").await.unwrap();
    let bearer = [("Authorization", format!("Bearer {token}"))];
    let incident = serde_json::to_string(&intake("call 1")).unwrap();
    let first = house.ask(Method::POST, "/api/v1/incidents", &bearer, &incident).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    let again = house.ask(Method::POST, "/api/v1/incidents", &bearer, &incident).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(house.desk.store.n_cases().await.unwrap(), 1);
    for (body, status) in [
        ("", StatusCode::UNPROCESSABLE_ENTITY),
        ("{}", StatusCode::UNPROCESSABLE_ENTITY),
        (&incident.replace("call 1", ""), StatusCode::UNPROCESSABLE_ENTITY),
        (&"x".repeat(100_000), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let came = house.ask(Method::POST, "/api/v1/incidents", &bearer, body).await;
        assert_eq!(came.status, status, "{}", came.text);
    }
    let own = house.ask(Method::GET, "/api/v1/log/checkpoint", &bearer, "").await;
    assert_eq!(own.status, StatusCode::FORBIDDEN, "it refers and reads nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_becomes_a_filed_report_and_a_bundle_that_a_stranger_can_check() {
    let Some(house) = House::with_authority().await else { return };
    let case = house.refer(intake("call 1")).await;
    house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    house.let_in("bo", &[Role::ReportingOfficer], &[Compartment::Video]).await;
    house.let_in("cy", &[Role::Lead], &[Compartment::Video]).await;
    let (ada, bo, cy) = (house.session("ada").await, house.session("bo").await, house.session("cy").await);
    let post = async |who: &str, path: String, body: &str| house.with(who, Method::POST, &path, body).await.status;
    let at = format!("/cases/{case}");
    assert_eq!(post(&cy, format!("{at}/take"), "").await, StatusCode::SEE_OTHER);
    assert_eq!(post(&ada, format!("{at}/take"), "").await, StatusCode::CONFLICT, "cy has it");
    assert_eq!(post(&ada, format!("{at}/give-back"), "").await, StatusCode::CONFLICT);
    let decision = "verdict=violation&reason=entry+17+of+list+partner&policy_version=1";
    assert_eq!(post(&cy, format!("{at}/reports"), "incident=material").await, StatusCode::CONFLICT, "not decided");
    assert_eq!(post(&cy, format!("{at}/decide"), decision).await, StatusCode::SEE_OTHER);
    assert_eq!(
        post(&ada, format!("{at}/reports"), "incident=material&remark=a+%3Cremark%3E").await,
        StatusCode::SEE_OTHER
    );
    assert_eq!(post(&cy, format!("{at}/reports/1/approve"), "").await, StatusCode::CONFLICT, "cy decided");
    assert_eq!(post(&ada, format!("{at}/reports/1/approve"), "").await, StatusCode::FORBIDDEN);
    assert_eq!(post(&bo, format!("{at}/reports/1/approve"), "").await, StatusCode::SEE_OTHER);
    let mut page = String::new();
    for _ in 0..200 {
        page = house.with(&bo, Method::GET, &format!("{at}/reports/1"), "").await.text;
        if page.contains("Filed. The authority") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(page.contains("Filed. The authority"), "{page}");
    assert_eq!(post(&ada, format!("{at}/reports/1/withdraw"), "").await, StatusCode::CONFLICT, "it is filed");
    let figures = house.with(&bo, Method::GET, "/figures.csv", "").await.text;
    assert!(figures.contains("reports_filed,1,"), "{figures}");

    assert_eq!(post(&bo, format!("{at}/exports"), "reason=a+court").await, StatusCode::SEE_OTHER);
    assert_eq!(post(&bo, format!("{at}/exports/1/allow"), "").await, StatusCode::CONFLICT, "bo asked");
    let early = house.with(&bo, Method::GET, &format!("{at}/exports/1/bundle"), "").await.status;
    assert_eq!(early, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(post(&cy, format!("{at}/exports/1/allow"), "").await, StatusCode::SEE_OTHER);
    let bundle = crate::bundle::make(&house.desk.store, &case, &[Compartment::Video]).await.unwrap();
    let key = house.desk.store.key();
    let verified = crate::bundle::verify(&bundle, Some(&key)).unwrap();
    assert_eq!(verified.case, case);
    flipped_bundles_are_found(&bundle, &key);
    assert!(house.desk.store.verify(None).await.unwrap().faults.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_shown_once_for_a_grant_and_every_look_is_recorded_and_counted() {
    let house = House::new("[exposure]\nlooks_per_day = 3\nseconds_per_day = 300\n").await;
    let case = house.refer(intake("call 1")).await;
    let digits = house.keep_a_picture(&case).await;
    house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    house.let_in("bo", &[Role::Lead], &[Compartment::Video]).await;
    house.let_in("cy", &[Role::ReportingOfficer], &[Compartment::Video]).await;
    let (ada, bo, cy) = (house.session("ada").await, house.session("bo").await, house.session("cy").await);
    let ask = async |who: &str, mode: &str| {
        let path = format!("/cases/{case}/files/{digits}/reveal");
        house.with(who, Method::POST, &path, &format!("mode={mode}")).await
    };
    let grant = async |who: &str, mode: &str| {
        let came = ask(who, mode).await;
        assert_eq!(came.status, StatusCode::OK, "{}", came.text);
        serde_json::from_str::<serde_json::Value>(&came.text).unwrap()["grant"].as_str().unwrap().to_owned()
    };
    let show = async |who: &str, grant: &str| house.with(who, Method::GET, &format!("/reveal/{grant}"), "").await;
    let cover = async |who: &str, grant: &str, ms: u32| {
        house.with(who, Method::POST, &format!("/reveal/{grant}/cover"), &format!("shown_ms={ms}")).await.status
    };

    assert_eq!(ask(&ada, "tile").await.status, StatusCode::CONFLICT, "nobody has taken the case");
    house.with(&ada, Method::POST, &format!("/cases/{case}/take"), "").await;
    assert_eq!(ask(&bo, "tile").await.status, StatusCode::CONFLICT, "ada has it");
    assert_eq!(ask(&cy, "tile").await.status, StatusCode::FORBIDDEN, "not what cy is here for");
    assert_eq!(ask(&ada, "everything").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let full = ask(&ada, "full").await;
    assert_eq!(full.status, StatusCode::CONFLICT);
    assert!(full.text.contains("small, grey and blurred first"), "{}", full.text);
    let page = house.with(&ada, Method::GET, &format!("/cases/{case}"), "").await.text;
    assert!(page.contains("data-reveal") && !page.contains("<img") && !page.contains("base64"), "{page}");
    let page = house.with(&bo, Method::GET, &format!("/cases/{case}"), "").await.text;
    assert!(!page.contains("data-reveal"), "{page}");

    let first = grant(&ada, "tile").await;
    assert_eq!(show(&bo, &first).await.status, StatusCode::GONE, "another's grant");
    let came = show(&ada, &first).await;
    assert_eq!(came.status, StatusCode::OK, "{}", came.text);
    assert_eq!(
        (&came.headers["content-type"], &came.headers["cache-control"]),
        (&"image/jpeg".parse().unwrap(), &"no-store".parse().unwrap())
    );
    let views = async || house.desk.store.case(&case).await.unwrap().views().clone();
    assert_eq!(views().await.n_looks(), 1, "in the log before the bytes left");
    assert_eq!(show(&ada, &first).await.status, StatusCode::GONE, "a grant is used once");
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(cover(&bo, &first, 5).await, StatusCode::NOT_FOUND, "another's look");
    assert_eq!(cover(&ada, &first, 50).await, StatusCode::NO_CONTENT);
    assert_eq!(cover(&ada, &first, 50).await, StatusCode::NOT_FOUND, "it ended");
    assert_eq!(views().await.look(1).unwrap().shown_ms, 50);

    // The button was let go before the bytes came: nothing is shown, nothing is counted.
    let let_go = grant(&ada, "full").await;
    assert_eq!(cover(&ada, &let_go, 0).await, StatusCode::NO_CONTENT);
    assert_eq!(show(&ada, &let_go).await.status, StatusCode::GONE);
    assert_eq!(views().await.n_looks(), 1);

    // Nobody looks longer than the time that passed, whatever the page says.
    let second = grant(&ada, "full").await;
    assert_eq!(show(&ada, &second).await.status, StatusCode::OK);
    assert_eq!(cover(&ada, &second, 4_000_000_000).await, StatusCode::NO_CONTENT);
    assert!(views().await.look(2).unwrap().shown_ms < 10_000);
    // The last one never ends: it counts as the longest.
    assert_eq!(show(&ada, &grant(&ada, "tile").await).await.status, StatusCode::OK);
    let stopped = ask(&ada, "tile").await;
    assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(stopped.text.contains("looks are spent"), "{}", stopped.text);
    let used = house.desk.store.exposure(&Person::new("ada").unwrap(), now()).await.unwrap();
    assert!(used.n_looks == 3 && used.shown_ms > 10_000, "{used:?}");
    assert_eq!(house.desk.store.verify(None).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_altered_or_is_kept_no_more_is_not_shown() {
    let house = House::new("").await;
    let case = house.refer(intake("call 1")).await;
    let digits = house.keep_a_picture(&case).await;
    house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    let ada = house.session("ada").await;
    house.with(&ada, Method::POST, &format!("/cases/{case}/take"), "").await;
    let path = format!("/cases/{case}/files/{digits}/reveal");
    let granted = house.with(&ada, Method::POST, &path, "mode=tile").await.text;
    let grant = serde_json::from_str::<serde_json::Value>(&granted).unwrap()["grant"].as_str().unwrap().to_owned();
    let items = house.folder.path().join("vault/items");
    let file = std::fs::read_dir(&items).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let came = house.with(&ada, Method::GET, &format!("/reveal/{grant}"), "").await;
    assert_eq!(came.status, StatusCode::CONFLICT);
    assert!(came.text.contains("was altered"), "{}", came.text);
    assert_eq!(house.desk.store.case(&case).await.unwrap().views().n_looks(), 0, "nothing was shown");
    let shut = casework::vault::Deed::Shut { by: Person::new("bo").unwrap() };
    house.desk.store.vault_act(None, &shut, now()).await.unwrap();
    let came = house.with(&ada, Method::POST, &path, "mode=tile").await;
    assert_eq!(came.status, StatusCode::CONFLICT);
    assert!(came.text.contains("the vault is shut"), "{}", came.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vault_is_opened_swept_and_a_case_held_by_two_people_in_the_console() {
    let house = House::new("").await;
    let case = house.refer(intake("call 1")).await;
    house.keep_a_picture(&case).await;
    house.let_in("cy", &[Role::Lead], &[Compartment::Video]).await;
    house.let_in("di", &[Role::ReportingOfficer], &[Compartment::Video]).await;
    house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    let (cy, di, ada) = (house.session("cy").await, house.session("di").await, house.session("ada").await);
    let post = async |who: &str, path: &str, body: &str| house.with(who, Method::POST, path, body).await.status;
    assert_eq!(post(&ada, "/vault/shut", "").await, StatusCode::FORBIDDEN);
    let holds = format!("/cases/{case}/holds");
    assert_eq!(post(&cy, &holds, "basis=an+order&until=soon").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(post(&cy, &holds, "basis=an+order&until=2027-11-24").await, StatusCode::SEE_OTHER);
    let held = house.desk.store.case(&case).await.unwrap().holds()[0].until.unwrap();
    assert_eq!(held.to_string(), "2027-11-25T00:00:00Z", "to the end of the day");
    assert_eq!(post(&cy, &format!("{holds}/1/release"), "").await, StatusCode::CONFLICT, "cy placed it");
    assert_eq!(post(&di, &format!("{holds}/1/release"), "").await, StatusCode::SEE_OTHER);
    assert_eq!(post(&cy, "/vault/sweep/allow", "").await, StatusCode::CONFLICT, "nobody asked");
    assert_eq!(post(&cy, "/vault/sweep", "").await, StatusCode::SEE_OTHER);
    assert_eq!(post(&cy, "/vault/sweep/allow", "").await, StatusCode::CONFLICT, "cy asked");
    assert_eq!(post(&di, "/vault/sweep/allow", "").await, StatusCode::OK);
    assert_eq!(house.desk.store.kept().await.unwrap().len(), 1, "the case is not over");
    assert_eq!(post(&cy, "/vault/ask", "").await, StatusCode::UNPROCESSABLE_ENTITY, "no plan in the settings");
    let page = house.with(&cy, Method::GET, "/vault", "").await.text;
    assert!(page.contains("Open.") && page.contains("1 file, 0 of them under a hold"), "{page}");
    assert_eq!(post(&di, "/vault/shut", "").await, StatusCode::SEE_OTHER);
    assert!(house.with(&cy, Method::GET, "/vault", "").await.text.contains("no media is kept here"));
}

#[tokio::test]
async fn a_page_is_in_the_language_that_the_browser_asks_for_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("messages")).unwrap();
    // Made up, for what a file says must not be taken for markup either.
    let own = "[sign_in]\ntitle = \"Pasok <b>\"\n[links]\nyou = \"Ikaw\"\n";
    std::fs::write(folder.path().join("messages/fil.toml"), own).unwrap();
    let house = House::at(folder).await;
    house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    let cookie = ("Cookie", format!("{COOKIE}={}", house.session("ada").await));
    let asked = async |path: &str, language: &str| {
        let headers = [cookie.clone(), ("Accept-Language", language.to_owned())];
        house.ask(Method::GET, path, &headers, "").await.text
    };
    let page = asked("/sign-in", "fil-PH, en;q=0.5").await;
    assert!(page.contains("<html lang=\"fil\">") && page.contains("<h1>Pasok &lt;b&gt;</h1>"), "{page}");
    assert!(page.contains("Your one-time code"), "what it lacks is said in English: {page}");
    let page = asked("/me", "fil").await;
    assert!(page.contains("<html lang=\"fil\">") && page.contains("\">Ikaw</a>"), "{page}");
    let page = asked("/sign-in", "en, fil;q=0.5").await;
    assert!(page.contains("<html lang=\"en\">") && page.contains("<h1>Sign in</h1>"), "{page}");
}

#[tokio::test]
async fn the_page_of_lists_says_how_to_add_one_and_shows_those_that_are_there() {
    let house = House::new("").await;
    house.let_in("au", &[Role::Auditor], &[]).await;
    house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    let (au, ada) = (house.session("au").await, house.session("ada").await);
    let page = house.with(&au, Method::GET, "/lists", "").await.text;
    assert!(page.contains("No list is loaded") && page.contains("--list FILE"), "{page}");
    assert_eq!(house.with(&ada, Method::GET, "/lists", "").await.status, StatusCode::FORBIDDEN);
    let body = console::lists_table(&[known::Line {
        name: "<b>partner</b>".into(),
        source: "an exchange".into(),
        version: 7,
        created: "2026-11-24".into(),
        n_entries: 1200,
        n_set_aside: 2,
        is_harmless: false,
        loaded_at: now(),
        signed: known::Signed::By { names: vec!["partner.example".into()], n_needed: 1 },
        fault: Some(known::Fault { since: now(), what: "the list is older".into() }),
    }]);
    for part in [
        "&lt;b&gt;partner",
        "7, of 2026-11-24",
        "1200, 2 of them set aside",
        "partner.example (1 needed)",
        "the list is older",
    ] {
        assert!(body.0.contains(part), "{part}: {}", body.0);
    }
}

/// Each part of the bundle, with one bit flipped in many places.
fn flipped_bundles_are_found(bundle: &[u8], key: &record::Key) {
    use std::io::{Cursor, Read, Write};
    let mut archive = zip::ZipArchive::new(Cursor::new(bundle)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    for name in names {
        let mut bytes = Vec::new();
        archive.by_name(&name).unwrap().read_to_end(&mut bytes).unwrap();
        parts.push((name, bytes));
    }
    let zipped = |parts: &[(String, Vec<u8>)]| {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in parts {
            archive.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap().into_inner()
    };
    assert!(crate::bundle::verify(&zipped(&parts), Some(key)).is_ok());
    for index in (0..parts.len()).filter(|index| parts[*index].0 != "README.txt") {
        let len = parts[index].1.len();
        for place in (0..len).step_by((len / 40).max(1)) {
            let mut altered = parts.clone();
            altered[index].1[place] ^= 1;
            let is_found = crate::bundle::verify(&zipped(&altered), Some(key)).is_err();
            assert!(is_found, "{} byte {place}", parts[index].0);
        }
        let mut cut = parts.clone();
        cut.remove(index);
        assert!(crate::bundle::verify(&zipped(&cut), Some(key)).is_err(), "without {}", parts[index].0);
    }
}

impl House {
    async fn new(settings: &str) -> House {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("settings.toml"), settings).unwrap();
        House::at(folder).await
    }

    /// The house of a folder that is there.
    async fn at(folder: tempfile::TempDir) -> House {
        let desk = Arc::new(Desk::open(folder.path(), None).await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let paid = super::payments::open(folder.path()).unwrap();
        let served = with_desk(Arc::clone(&desk), Some(paid), known::Lists::none());
        tokio::spawn(async move { axum::serve(listener, served).await });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        House { desk, address, http, folder }
    }

    /// A house whose reports go to a fake CyberTipline, once the outbox runs; none without the authority's schema.
    async fn with_authority() -> Option<House> {
        let house = House::at(House::authority("").await?).await;
        tokio::spawn(Arc::clone(&house.desk).run_outbox());
        Some(house)
    }

    /// The folder of such a house, with more settings.
    async fn authority(more: &str) -> Option<tempfile::TempDir> {
        let root = std::env::var_os("STREAMWARD_CONFORMANCE").map_or_else(
            || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"),
            PathBuf::from,
        );
        let file = root.join("ncmec/cyber_tipline.xsd");
        if !file.exists() {
            eprintln!("not run: there is no schema of the authority at {}", file.display());
            return None;
        }
        let schema = crate::cybertip::schema::Schema::open(&file).unwrap();
        let fake = crate::fake::cybertip::Fake::new(Some(schema), "test", "test", vec![]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, crate::fake::cybertip::routes(fake)).await });
        let folder = tempfile::tempdir().unwrap();
        let login = folder.path().join("login");
        std::fs::write(&login, "test:test\n").unwrap();
        let settings = format!(
            "[reporter]\nfirst_name = \"Ada\"\nlast_name = \"Test\"\nemail = \"ada@example.org\"\n\
             [cybertipline]\nserver = \"http://{address}\"\nlogin_file = \"{}\"\nschema_file = \"{}\"\n",
            login.display(),
            std::path::absolute(&file).unwrap().display()
        );
        std::fs::write(folder.path().join("settings.toml"), settings + more).unwrap();
        Some(folder)
    }

    async fn refer(&self, intake: Intake) -> String {
        self.desk.store.refer(None, Referral::new(intake).unwrap(), now()).await.unwrap().case
    }

    /// A plan for the vault, in Greek: see `words`.
    fn plan() -> casework::vault::Plan {
        use casework::vault::{Holder, Plan};
        let holder = |name: &str| Holder {
            name: Person::new(name).unwrap(),
            recipient: age::x25519::Identity::generate().to_public().to_string(),
        };
        let basis = casework::jurisdiction::Fact {
            value: "δοκιμή".into(),
            source: "αυτό το αρχείο".into(),
            checked_on: "2026-11-22".parse().unwrap(),
            is_verified: false,
        };
        let holders = ["Χανά", "Ίβο", "Ζουν"].map(holder);
        Plan { country: "ZZ".into(), basis, holders, appeal_days: 30, backup_days: Some(90) }
    }

    /// Opens the vault.
    async fn open_vault(&self) {
        use casework::vault::Deed;
        let (person, plan) = (|name: &str| Person::new(name).unwrap(), House::plan());
        for deed in [Deed::Asked { by: person("Άδα"), plan }, Deed::Allowed { by: person("Βίων") }] {
            self.desk.store.vault_act(None, &deed, now()).await.unwrap();
        }
    }

    /// Opens the vault and keeps a picture in it, a gradient; its SHA-256.
    async fn keep_a_picture(&self, case: &str) -> String {
        self.open_vault().await;
        self.keep_in_open_vault(case).await
    }

    async fn keep_in_open_vault(&self, case: &str) -> String {
        let file = self.folder.path().join("gradient.png");
        image::RgbImage::from_fn(640, 360, |x, y| image::Rgb([x as u8, y as u8, 90])).save(&file).unwrap();
        let facts = crate::file::facts(&file, casework::evidence::Kept::Facts).unwrap();
        crate::vault::keep::keep(&self.desk.store, &self.desk.files, case, &file, &facts, now()).await.unwrap();
        facts.digits()
    }

    async fn let_in(&self, name: &str, roles: &[Role], compartments: &[Compartment]) {
        let account = Account {
            name: Person::new(name).unwrap(),
            roles: roles.to_vec(),
            compartments: compartments.to_vec(),
            is_active: true,
            passkeys: vec![],
            logins: vec![],
        };
        self.desk.store.set_account(None, &account, now()).await.unwrap();
    }

    async fn session(&self, name: &str) -> String {
        let token = crate::chance::token();
        self.desk.store.open_session(&token, name, now()).await.unwrap();
        token
    }

    async fn token(&self, name: &str) -> String {
        let token = crate::chance::token();
        self.desk.store.keep_token(&token, name).await.unwrap();
        token
    }

    async fn with(&self, session: &str, method: Method, path: &str, body: &str) -> Came {
        self.ask(method, path, &[("Cookie", format!("{COOKIE}={session}"))], body).await
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, String)], body: &str) -> Came {
        assert!(self.folder.path().exists());
        let mut request = self.http.request(method.clone(), format!("http://{}{path}", self.address));
        if method == Method::POST {
            request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body.to_owned());
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Came { status, headers, text: response.text().await.unwrap() }
    }
}

/// An incident: entry 17 of list `partner`, on this call.
fn intake(channel: &str) -> Intake {
    Intake {
        source: Source::Guard,
        seen: Seen::Known { list: "partner".into(), entry: "17".into(), distance_bits: 4 },
        platform: "example call service".into(),
        channel: channel.into(),
        began_at: "2026-11-24T09:30:00Z".parse().unwrap(),
        ended_at: None,
        account: Some(Sealed::new("account 1".into())),
    }
}
