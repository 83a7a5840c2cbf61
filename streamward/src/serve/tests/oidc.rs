//! Who comes in by the organisation's own sign-in? Asked of a provider that answers rightly, and of one that does not.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use jiff::SignedDuration;

use super::*;
use crate::fake::oidc::{Fake, Fault, Key, routes as provider_routes};

/// A service, its provider, and the provider's address.
struct Going {
    house: House,
    fake: Fake,
}

/// What the provider sends the browser back with, and the cookie that the browser has for it.
#[derive(Clone)]
struct OnTheWay {
    back: String,
    browser: String,
}

const SECRET: &str = "SECRET-of-the-client+&=";
const PERSON: &str = "SUBJECT-0815";

impl Going {
    async fn new() -> Going {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let back = "http://localhost:8420/sign-in/oidc/back";
        let fake = Fake::new(&issuer, "client 1", SECRET, back, PERSON);
        let served = provider_routes(fake.clone());
        tokio::spawn(async move { axum::serve(listener, served).await });
        Going { house: Going::house(&issuer).await, fake }
    }

    async fn house(issuer: &str) -> House {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), format!("{SECRET}\n")).unwrap();
        let settings = format!(
            "[sign_in]\nname = \"our staff login\"\nissuer = \"{issuer}\"\nclient_id = \"client 1\"\nsecret_file = \"secret\"\n\
             address = \"http://localhost:8420\"\n"
        );
        std::fs::write(folder.path().join("settings.toml"), settings).unwrap();
        House::at(folder).await
    }

    /// Begins at this page, and goes as far as the provider lets one.
    async fn begin(&self, at: &str, session: Option<&str>) -> OnTheWay {
        let headers: Vec<_> = session.iter().map(|token| ("Cookie", format!("{COOKIE}={token}"))).collect();
        let came = self.house.ask(Method::GET, at, &headers, "").await;
        assert_eq!(came.status, StatusCode::SEE_OTHER, "{}", came.text);
        let cookie = came.headers["set-cookie"].to_str().unwrap().to_owned();
        for part in ["__Host-sign-in=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        let to = came.headers[LOCATION].to_str().unwrap().to_owned();
        let sent = self.house.http.get(&to).send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::SEE_OTHER, "{to}");
        let back = sent.headers()[LOCATION].to_str().unwrap();
        let back = back.strip_prefix("http://localhost:8420").unwrap().to_owned();
        OnTheWay { back, browser: cookie.split(';').next().unwrap().to_owned() }
    }

    async fn come_back(&self, way: &OnTheWay) -> Came {
        self.house.ask(Method::GET, &way.back, &[("Cookie", way.browser.clone())], "").await
    }

    async fn link(&self, name: &str, subject: &str) {
        self.house.let_in("an admin", &[Role::Admin], &[]).await;
        let admin = self.house.session("an admin").await;
        let path = format!("/people/{name}/logins");
        let came = self.house.with(&admin, Method::POST, &path, &format!("subject={subject}")).await;
        assert_eq!(came.status, StatusCode::SEE_OTHER, "{}", came.text);
    }
}

/// The session that an answer opens, if it opens one.
fn opened(came: &Came) -> Option<String> {
    let cookies = came.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let prefix = format!("{COOKIE}=");
    cookies.filter_map(|cookie| cookie.strip_prefix(&prefix)?.split(';').next()).next().map(str::to_owned)
}

#[tokio::test]
async fn a_person_who_was_linked_comes_in_and_nobody_else_does() {
    let going = Going::new().await;
    going.house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    let page = going.house.ask(Method::GET, "/sign-in", &[], "").await.text;
    assert!(page.contains("our staff login"), "{page}");
    let n_accounts = going.house.desk.store.accounts().await.unwrap().len();
    let unknown = going.come_back(&going.begin("/sign-in/oidc", None).await).await;
    assert_eq!((unknown.status, opened(&unknown)), (StatusCode::FORBIDDEN, None), "{}", unknown.text);
    assert!(unknown.text.contains(PERSON) && unknown.text.contains("lets people in"), "{}", unknown.text);
    assert_eq!(going.house.desk.store.accounts().await.unwrap().len(), n_accounts, "nobody gets an account by coming");

    going.link("ada", PERSON).await;
    let came = going.come_back(&going.begin("/sign-in/oidc", None).await).await;
    assert_eq!(came.status, StatusCode::OK, "{}", came.text);
    assert_eq!(came.headers["refresh"], "0; url=/");
    let session = opened(&came).unwrap();
    assert_eq!(going.house.with(&session, Method::GET, "/", "").await.status, StatusCode::OK);

    going.house.let_in("bo", &[Role::Reviewer], &[]).await;
    let admin = going.house.session("an admin").await;
    let twice = going.house.with(&admin, Method::POST, "/people/bo/logins", &format!("subject={PERSON}")).await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY, "it is ada's");
    let account = going.house.desk.store.account("ada").await.unwrap();
    going.house.desk.store.set_account(None, &Account { is_active: false, ..account.clone() }, now()).await.unwrap();
    let ended = going.come_back(&going.begin("/sign-in/oidc", None).await).await;
    assert_eq!((ended.status, opened(&ended)), (StatusCode::FORBIDDEN, None));
    going.house.desk.store.set_account(None, &account, now()).await.unwrap();
    going.house.with(&admin, Method::POST, "/people/ada/logins/end", "").await;
    let unlinked = going.come_back(&going.begin("/sign-in/oidc", None).await).await;
    assert_eq!((unlinked.status, opened(&unlinked)), (StatusCode::FORBIDDEN, None));
    assert!(going.house.desk.store.verify(None).await.unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_token_with_any_fault_opens_nothing_and_the_page_says_why() {
    let going = Going::new().await;
    going.house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    going.link("ada", PERSON).await;
    for (fault, why) in [
        (Fault::Nonce, "belongs to another sign-in"),
        (Fault::Audience, "meant for another service"),
        (Fault::Issuer, "from another sign-in"),
        (Fault::Expired, "out of date"),
        (Fault::Unsigned, "not signed"),
        (Fault::Secret, "not signed"),
        (Fault::OtherKey, "not signed"),
        (Fault::NoToken, "does not say who you are"),
    ] {
        going.fake.inside().fault = fault;
        let came = going.come_back(&going.begin("/sign-in/oidc", None).await).await;
        assert_eq!((came.status, opened(&came)), (StatusCode::FORBIDDEN, None), "{fault:?}: {}", came.text);
        assert!(came.text.contains(why), "{fault:?}: {}", came.text);
    }
    going.fake.inside().fault = Fault::None;
    // Its keys are new ones now, of another kind: they are asked for again.
    going.fake.inside().key = rsa_key();
    let first = going.come_back(&going.begin("/sign-in/oidc", None).await).await;
    let second = going.come_back(&going.begin("/sign-in/oidc", None).await).await;
    assert!(opened(&first).or(opened(&second)).is_some(), "{}", second.text);
}

#[tokio::test]
async fn what_comes_back_counts_once_in_the_browser_that_was_sent() {
    let going = Going::new().await;
    going.house.let_in("ada", &[Role::Reviewer], &[Compartment::Video]).await;
    going.link("ada", PERSON).await;
    let refused = async |way: OnTheWay, why: &str| {
        let came = going.come_back(&way).await;
        assert_eq!((came.status, opened(&came)), (StatusCode::FORBIDDEN, None), "{why}: {}", came.text);
        assert!(came.text.contains(why), "{why}: {}", came.text);
    };
    let begin = async || going.begin("/sign-in/oidc", None).await;
    let part = |way: &OnTheWay, name: &str| {
        let query = way.back.split_once('?').unwrap().1.to_owned();
        form::fields(&query).into_iter().find(|(key, _)| key == name).unwrap().1
    };
    let used = begin().await;
    assert!(opened(&going.come_back(&used).await).is_some());
    refused(used.clone(), "was used already").await;

    let (one, other) = (begin().await, begin().await);
    refused(OnTheWay { browser: other.browser.clone(), ..one }, "in another browser").await;
    refused(OnTheWay { browser: String::new(), ..other }, "in another browser").await;
    let foreign = begin().await;
    let state = part(&foreign, "state");
    refused(OnTheWay { back: foreign.back.replace(&state, "0"), ..foreign.clone() }, "not begun here").await;
    refused(OnTheWay { back: "/sign-in/oidc/back".into(), ..foreign.clone() }, "not begun here").await;

    // A code of before, and one of somebody else's sign-in, which PKCE binds to that browser.
    let fresh = begin().await;
    let replayed = fresh.back.replace(&part(&fresh, "code"), &part(&used, "code"));
    refused(OnTheWay { back: replayed, ..fresh }, "does not accept this code").await;
    let (mine, stolen) = (begin().await, begin().await);
    let injected = mine.back.replace(&part(&mine, "code"), &part(&stolen, "code"));
    refused(OnTheWay { back: injected, ..mine }, "does not accept this code").await;

    let declined = begin().await;
    let back = declined.back.replace("code=", "error=access_denied&error_description=%3Cb%3E&x=");
    refused(OnTheWay { back, ..declined }, "did not let you through").await;
    let mixed = begin().await;
    let back = mixed.back.split("&iss=").next().unwrap().to_owned() + "&iss=https%3A%2F%2Fother.example";
    refused(OnTheWay { back, ..mixed }, "from another sign-in").await;
}

#[tokio::test]
async fn who_must_show_that_it_is_them_can_do_so_at_the_provider() {
    let going = Going::new().await;
    going.house.let_in("ada", &[Role::Lead], &[Compartment::Video]).await;
    going.link("ada", PERSON).await;
    let came = going.come_back(&going.begin("/sign-in/oidc", None).await).await;
    let session = opened(&came).unwrap();
    let shut = async || going.house.with(&session, Method::POST, "/vault/shut", "").await;
    let early = shut().await;
    assert_eq!(early.status, StatusCode::FORBIDDEN, "she signed in at the provider an hour ago");
    assert!(early.text.contains("/prove/oidc?to=%2F"), "{}", early.text);

    going.fake.inside().fault = Fault::NotAsked;
    let stale = going.come_back(&going.begin("/prove/oidc?to=%2Fvault", Some(&session)).await).await;
    assert!(stale.text.contains("did not ask you again"), "{}", stale.text);
    assert_eq!(shut().await.status, StatusCode::FORBIDDEN);

    going.fake.inside().fault = Fault::None;
    going.house.let_in("bo", &[Role::Lead], &[Compartment::Video]).await;
    going.link("bo", "another").await;
    going.fake.inside().person = "another".into();
    let others = going.come_back(&going.begin("/prove/oidc?to=%2Fvault", Some(&session)).await).await;
    assert!(others.text.contains("belongs to somebody else"), "{}", others.text);
    assert_eq!(shut().await.status, StatusCode::FORBIDDEN);

    going.fake.inside().person = PERSON.into();
    let proven = going.come_back(&going.begin("/prove/oidc?to=%2Fvault", Some(&session)).await).await;
    assert_eq!((proven.status, opened(&proven)), (StatusCode::OK, None), "{}", proven.text);
    assert_eq!(proven.headers["refresh"], "0; url=/vault");
    assert_eq!(shut().await.status, StatusCode::SEE_OTHER);
    let old = now().checked_sub(SignedDuration::from_mins(16)).unwrap();
    going.house.desk.store.prove_session(&session, old).await.unwrap();
    assert_eq!(shut().await.status, StatusCode::FORBIDDEN, "it counts for a quarter of an hour");
    let away = going.begin("/prove/oidc?to=%2F%2Fattacker.example", Some(&session)).await;
    assert_eq!(going.come_back(&away).await.headers["refresh"], "0; url=/");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_said_so_and_codes_work_meanwhile() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let house = Going::house(&nobody).await;
    let came = house.ask(Method::GET, "/sign-in/oidc", &[], "").await;
    assert_eq!(came.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(came.text.contains("does not answer") && came.text.contains("one-time code"), "{}", came.text);
    let without = House::new("").await;
    assert_eq!(without.ask(Method::GET, "/sign-in/oidc", &[], "").await.status, StatusCode::NOT_FOUND);
    assert!(!without.ask(Method::GET, "/sign-in", &[], "").await.text.contains("/sign-in/oidc"));
}

/// One thread, so that the subscriber hears the service and the provider alike.
#[tokio::test(flavor = "current_thread")]
async fn the_finest_log_of_a_sign_in_holds_no_secret_and_nobodys_name() {
    let heard = Heard::default();
    let listening = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer({
            let heard = heard.clone();
            move || heard.clone()
        })
        .finish();
    // With one subscriber alone, a place first passed on another test's thread is never heard again:
    // `tracing` asks that thread, which has none. With two it asks both.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let _until_the_end = tracing::subscriber::set_default(listening);
    let going = Going::new().await;
    going.house.let_in("ada lovelace", &[Role::Lead], &[Compartment::Video]).await;
    let unknown = going.come_back(&going.begin("/sign-in/oidc", None).await).await;
    assert_eq!(unknown.status, StatusCode::FORBIDDEN);
    going.link("ada%20lovelace", PERSON).await;
    let way = going.begin("/sign-in/oidc", None).await;
    let session = opened(&going.come_back(&way).await).unwrap();
    let proof = going.begin("/prove/oidc", Some(&session)).await;
    going.come_back(&proof).await;
    going.fake.inside().fault = Fault::Nonce;
    let refused = going.begin("/sign-in/oidc", None).await;
    going.come_back(&refused).await;

    let mut secrets = going.fake.inside().secrets.clone();
    assert!(secrets.len() > 10);
    for way in [way, proof, refused] {
        secrets.extend(
            form::fields(way.back.split_once('?').unwrap().1)
                .into_iter()
                .filter(|(name, _)| name != "iss")
                .map(|(_, value)| value),
        );
        secrets.push(way.browser.split_once('=').unwrap().1.to_owned());
    }
    secrets.extend([SECRET, PERSON, "ada lovelace", "ada", &session].map(str::to_owned));
    let text = String::from_utf8_lossy(&heard.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    assert!(text.contains("somebody signed in") && text.contains("TRACE"), "{text}");
    let named: Vec<&String> = secrets.iter().filter(|secret| text.contains(secret.as_str())).collect();
    assert!(named.is_empty(), "{named:?} in {text}");
}

/// What was logged.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A key as most providers have one: RSA, 2048 bits.
fn rsa_key() -> Key {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use rsa::pkcs1v15::SigningKey;
    use rsa::signature::{SignatureEncoding, Signer};
    use rsa::traits::PublicKeyParts;
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
    let number = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    let jwk = serde_json::json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa 1", "n": number(key.n()), "e": number(key.e()) });
    let signing = SigningKey::<sha2::Sha256>::new(key);
    Key { alg: "RS256", jwk, sign: Box::new(move |bytes| signing.sign(bytes).to_vec()) }
}
