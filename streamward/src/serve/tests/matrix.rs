//! Who gets what from which route? Every route that is served, asked by every role with every compartment about every kind
//! of case.
//!
//! The list of routes is what the router itself says it has. So a route that nobody wrote down, in the table of roles or
//! in [`OUTSIDE`], fails here by name.

use std::collections::BTreeSet;

use clap::Parser;

use super::*;

/// Who may pass where the table of roles does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Everybody: nothing of anybody's stands there.
    Anybody,
    /// A program with a key of this scope.
    Key(&'static str),
    /// A program with the token of payments.
    Payments,
}

/// Every route beside those of the console and of `/api/v1`.
const OUTSIDE: &[(&str, &str, Door)] = &[
    ("GET", "/healthz", Door::Anybody),
    ("GET", "/readyz", Door::Anybody),
    ("GET", "/status", Door::Anybody),
    ("GET", "/openapi.json", Door::Anybody),
    ("GET", "/page.css", Door::Anybody),
    ("GET", "/page.js", Door::Anybody),
    ("GET", "/demo", Door::Anybody),
    ("GET", "/demo/", Door::Anybody),
    ("GET", "/demo/{*path}", Door::Anybody),
    ("GET POST", "/v1/hash", Door::Key("hash")),
    ("GET POST", "/h/hash", Door::Key("hash")),
    ("POST", "/v1/match", Door::Key("match")),
    ("GET POST", "/m/lookup", Door::Key("match")),
    ("GET", "/m/raw_lookup", Door::Key("match")),
    ("GET", "/v1/banks", Door::Key("banks")),
    ("GET", "/metrics", Door::Key("banks")),
    ("POST", "/v1/banks/{bank}/entries/{entry}/release", Door::Key("curate")),
    ("POST", "/v1/banks/{bank}/entries/{entry}/disable", Door::Key("curate")),
    ("POST", "/v1/payments/score", Door::Payments),
    ("GET", "/v1/alerts", Door::Payments),
    ("GET", "/v1/alerts/{id}", Door::Payments),
    ("POST", "/v1/alerts/{id}/outcomes", Door::Payments),
    ("GET", "/v1/holds", Door::Payments),
    ("POST", "/v1/holds/{id}/release", Door::Payments),
    ("POST", "/v1/holds/{id}/refuse", Door::Payments),
];

/// The scopes of keys.
const SCOPES: [&str; 4] = ["hash", "match", "banks", "curate"];

/// Everything that any form asks for, so that nothing is refused for what is not filled in.
const FILLED: &str = "text=a&verdict=violation&reason=a&policy_version=1&incident=material&basis=a&until=&mode=tile&shown_ms=1&\
                      name=somebody&role=reviewer&reads=video&outcome=innocent&note=a&answer=release&code=x&remark=&reference=a&said=a&received_on=&ruling=upheld&\
                      payer=a&beneficiary=a&amount=1&currency=PHP&at=2026-11-24T09:10:00Z&source=a";

#[derive(Parser)]
struct Words {
    #[command(flatten)]
    arguments: Arguments,
}

/// The whole service, as `streamward serve` serves it.
struct Whole {
    house: House,
    /// The paths that its router has.
    paths: BTreeSet<String>,
    /// The token of payments.
    token: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_listed_and_answers_to_no_other_method() {
    let whole = Whole::new().await;
    let inside = console::routes().and(api::routes());
    let mut listed: Vec<(String, String)> =
        inside.list().iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    for (methods, path, _) in OUTSIDE {
        listed.extend(methods.split(' ').map(|method| (method.to_owned(), (*path).to_owned())));
    }
    let known: BTreeSet<String> = listed.iter().map(|(_, path)| path.clone()).collect();
    let unlisted: Vec<&String> = whole.paths.difference(&known).collect();
    assert!(unlisted.is_empty(), "nobody wrote down who may use {unlisted:?}");
    let gone: Vec<&String> = known.difference(&whole.paths).collect();
    assert!(gone.is_empty(), "these are written down and not served: {gone:?}");

    let mut n_checked = 0;
    for path in &known {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if listed.contains(&(method.to_owned(), path.clone())) {
                continue;
            }
            let came = whole.house.ask(method.parse().unwrap(), &filled(path, "x"), &[], "").await;
            assert!(came.status.is_client_error(), "{method} {path}: {}", came.status);
            n_checked += 1;
        }
    }
    eprintln!("{} paths are served, all listed; {n_checked} other methods are refused", known.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_with_each_compartment_gets_what_is_its_own() {
    let house = House::new("").await;
    let seen = house.refer(intake("SECRET-CALL")).await;
    let paid = Intake { source: Source::Payment, channel: "SECRET-SENDER".into(), ..intake("x") };
    let both = house.refer(intake("SECRET-BOTH")).await;
    let joined = [casework::Deed::Referred(Referral::new(paid.clone()).unwrap())];
    house.desk.store.act(&both, None, &joined, now()).await.unwrap();
    let paid = house.refer(paid).await;
    let cases = [
        (seen, vec![Compartment::Video]),
        (paid, vec![Compartment::Payments]),
        (both, vec![Compartment::Video, Compartment::Payments]),
    ];
    let routes = console::routes().and(api::routes());
    let (mut n_checked, mut n_open) = (0, 0);
    for role in Role::ALL {
        for compartments in [&[][..], &[Compartment::Video], &[Compartment::Payments], &Compartment::ALL] {
            let name = format!("{} {compartments:?}", role.name());
            house.let_in(&name, &[role], compartments).await;
            let token = crate::chance::token();
            house.desk.store.keep_token(&token, &name).await.unwrap();
            let session = house.session(&name).await;
            let of_session = [("Cookie", format!("{COOKIE}={session}"))];
            let of_token = [("Authorization", format!("Bearer {token}"))];
            for route in routes.list() {
                for (case, parts) in &cases[..if route.path.contains("{case}") { 3 } else { 1 }] {
                    let (permission, headers) = match route.need {
                        Need::Nothing => continue,
                        Need::May(permission) => (permission, &of_session),
                        Need::Token(permission) => (permission, &of_token),
                    };
                    let path = filled(route.path, case);
                    let came = house.ask(route.method.clone(), &path, headers, FILLED).await;
                    let what =
                        || format!("{name}: {} {path} of {parts:?}: {} {}", route.method, came.status, came.text);
                    let is_about_payments = route.path.starts_with("/payments");
                    let is_readable = match route.path {
                        path if path.contains("{case}") => parts.iter().any(|part| compartments.contains(part)),
                        _ if is_about_payments => compartments.contains(&Compartment::Payments),
                        _ => true,
                    };
                    assert!(!came.status.is_server_error(), "{}", what());
                    if !permission.is_given_to(&[role]) {
                        assert_eq!(came.status, StatusCode::FORBIDDEN, "{}", what());
                    } else if !is_readable {
                        assert_eq!(came.status, StatusCode::NOT_FOUND, "{}", what());
                    } else {
                        let is_out = matches!(came.status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED);
                        assert!(!is_out, "{}", what());
                        assert!(came.headers.get(LOCATION).is_none_or(|to| to != "/sign-in"), "{}", what());
                        n_open += 1;
                    }
                    let is_shut = !is_readable || !permission.is_given_to(&[role]);
                    assert!(!(is_shut && came.text.contains("SECRET")), "{}", what());
                    let is_paid_shut = !compartments.contains(&Compartment::Payments);
                    assert!(!(is_paid_shut && came.text.contains("SECRET-SENDER")), "{}", what());
                    n_checked += 1;
                }
            }
        }
    }
    eprintln!("{n_checked} answers to {} routes, {n_open} of them open, are as the table says", routes.list().len());
    assert!(n_checked > 1500 && n_open > 200, "{n_checked} {n_open}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_in_and_who_has_another_key_gets_nothing() {
    let whole = Whole::new().await;
    let mut n_checked = 0;
    for route in console::routes().and(api::routes()).list() {
        let path = filled(route.path, "x");
        for stale in
            [vec![], vec![("Cookie", format!("{COOKIE}=stale"))], vec![("Authorization", "Bearer stale".into())]]
        {
            let came = whole.house.ask(route.method.clone(), &path, &stale, FILLED).await;
            let is_out = came.status == StatusCode::UNAUTHORIZED
                || came.headers.get(LOCATION).is_some_and(|to| to == "/sign-in");
            assert!(is_out || route.need == Need::Nothing, "{} {path}: {}", route.method, came.status);
            assert!(!came.status.is_server_error(), "{} {path}: {}", route.method, came.status);
            n_checked += 1;
        }
    }
    for (methods, path, door) in OUTSIDE {
        for method in methods.split(' ') {
            let ask = async |bearer: Option<&str>| {
                let headers: Vec<_> = bearer.iter().map(|key| ("Authorization", format!("Bearer {key}"))).collect();
                whole.house.ask(method.parse().unwrap(), &filled(path, "x"), &headers, "").await.status
            };
            let (nobody, stale) = (ask(None).await, ask(Some("stale")).await);
            let is_out = |status| matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            assert_eq!(is_out(nobody), *door != Door::Anybody, "{method} {path}: {nobody}");
            assert_eq!(is_out(stale), *door != Door::Anybody, "{method} {path}: {stale}");
            let keys = SCOPES.iter().map(|scope| (format!("key-{scope}"), *door == Door::Key(scope)));
            for (key, is_key) in keys.chain([(whole.token.clone(), *door == Door::Payments)]) {
                let status = ask(Some(&key)).await;
                assert_eq!(is_out(status), !is_key && *door != Door::Anybody, "{method} {path} with {key}: {status}");
                n_checked += 1;
            }
        }
    }
    eprintln!("{n_checked} answers to who is not in, or has another's key, are as they should be");
}

impl Whole {
    async fn new() -> Whole {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys.toml");
        let key = |scope: &str| {
            let digest = <sha2::Sha256 as sha2::Digest>::digest(format!("key-{scope}"));
            let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("[[key]]\nname = \"{scope}\"\nsha256 = \"{digits}\"\nscopes = [\"{scope}\"]\n")
        };
        std::fs::write(&keys, SCOPES.map(key).concat()).unwrap();
        let words = ["serve", "--list", "test-card", "--data", folder.path().to_str().unwrap(), "--api-keys"];
        let words = words.into_iter().chain([keys.to_str().unwrap()]);
        let router = super::super::routes(&Words::parse_from(words).arguments).await.unwrap();
        let shown = format!("{router:?}");
        let paths = shown.split("): \"").skip(1).filter_map(|rest| rest.split('"').next());
        let paths: BTreeSet<String> =
            paths.filter(|path| path.starts_with('/') && !path.contains("__private")).map(str::to_owned).collect();
        assert!(paths.contains("/healthz") && paths.len() > 40, "the router no longer says what it has: {shown}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let token = std::fs::read(folder.path().join("payments/token")).unwrap();
        let token = token.iter().map(|byte| format!("{byte:02x}")).collect();
        let desk = Arc::new(Desk::open(folder.path(), None).await.unwrap());
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Whole { house: House { desk, address, http, folder }, paths, token }
    }
}

/// A path with something in the place of each name.
fn filled(path: &str, case: &str) -> String {
    let names = [
        ("{case}", case),
        ("{report}", "1"),
        ("{export}", "1"),
        ("{look}", "1"),
        ("{file}", "00"),
        ("{grant}", "x"),
        ("{name}", "x"),
        ("{alert}", "a-0"),
        ("{id}", "a-0"),
        ("{bank}", "x"),
        ("{entry}", "x"),
        ("{*path}", "x"),
        ("{hold}", "1"),
        ("{appeal}", "1"),
        ("{claim}", "1"),
        ("{form}", "ofcom_record.csv"),
        ("{upload}", "x"),
        ("{proposal}", "pack-0"),
        ("{item}", "b-0"),
    ];
    let path = names.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
    assert!(!path.contains('{'), "{path} has a name that stands for nothing here");
    path
}
