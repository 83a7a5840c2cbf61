//! What would an organisation's own sign-in answer?
//!
//! An OpenID provider for tests and practice: discovery, keys, the code flow with PKCE, and signed id tokens. It knows one
//! client and checks it as hard as the standards ask (RFC 6749, RFC 7636, OpenID Connect Core 1.0), and it lets in whomever
//! it was told to, without asking. Its key is made when it starts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::Args;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::clock::now;
use crate::serve::form::{encoded, fields};

/// How long a code and a token can be used, seconds.
const LASTS_S: i64 = 60;
/// How long ago somebody signed in who is not asked again, seconds.
const SIGNED_IN_S: i64 = 3600;

/// An OpenID provider that lets in whomever it was told to.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Where to listen; only addresses of this machine.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8423")]
    listen: SocketAddr,
    /// What the service is called here.
    #[arg(long, value_name = "ID", default_value = "streamward")]
    client: String,
    /// The service's secret.
    #[arg(long, value_name = "SECRET", default_value = "practice")]
    secret: String,
    /// Where people are sent back to: the service's own address with /sign-in/oidc/back.
    #[arg(long, value_name = "ADDRESS", default_value = "http://localhost:8420/sign-in/oidc/back")]
    back: String,
    /// Who comes, as the provider calls them.
    #[arg(long, value_name = "SUBJECT", default_value = "practice-person-1")]
    person: String,
}

/// What goes wrong with the next tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code, reason = "tests ask for them"))]
pub(crate) enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The nonce is another one's.
    Nonce,
    /// It is for another client.
    Audience,
    /// It is another provider's.
    Issuer,
    /// It is of yesterday.
    Expired,
    /// Its algorithm is `none`, and it has no signature.
    Unsigned,
    /// It is signed with the client's secret.
    Secret,
    /// It is signed with a key that is nowhere published.
    OtherKey,
    /// Nobody was asked again, though the client asked for it.
    NotAsked,
    /// There is no id token at all.
    NoToken,
}

/// Signs bytes.
pub(crate) type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A key that signs tokens.
pub(crate) struct Key {
    /// Its algorithm, as a token names it.
    pub(crate) alg: &'static str,
    /// Its public part.
    pub(crate) jwk: Value,
    /// Signs.
    pub(crate) sign: Sign,
}

/// The state of the provider, shared by its requests.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Mutex<Inside>>);

/// What it knows.
pub(crate) struct Inside {
    issuer: String,
    client: String,
    secret: String,
    back: String,
    /// Who is at the browser, as it calls them.
    pub(crate) person: String,
    /// What goes wrong.
    pub(crate) fault: Fault,
    /// With what it signs.
    pub(crate) key: Key,
    codes: HashMap<String, Code>,
    /// Every code and token that it gave out.
    pub(crate) secrets: Vec<String>,
}

/// Somebody who was sent back with a code.
struct Code {
    challenge: String,
    nonce: Option<String>,
    person: String,
    auth_time: i64,
    expires_at: i64,
}

pub(super) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    if !arguments.listen.ip().is_loopback() {
        bail!(
            "{} can be reached from elsewhere, and this lets in anybody\n  to do: listen on an address of this machine",
            arguments.listen
        );
    }
    let listener = tokio::net::TcpListener::bind(arguments.listen).await.with_context(|| {
        format!("cannot listen on {}\n  to do: name a free address with --listen", arguments.listen)
    })?;
    let issuer = format!("http://{}", listener.local_addr()?);
    eprintln!("a fake sign-in, which lets in whoever comes, on {issuer}");
    let fake = Fake::new(&issuer, &arguments.client, &arguments.secret, &arguments.back, &arguments.person);
    axum::serve(listener, routes(fake)).await?;
    Ok(ExitCode::SUCCESS)
}

/// The routes of the provider.
pub(crate) fn routes(fake: Fake) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/keys", get(keys))
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .with_state(fake)
}

impl Fake {
    /// A provider of this address, for one client, which lets `person` in.
    pub(crate) fn new(issuer: &str, client: &str, secret: &str, back: &str, person: &str) -> Fake {
        Fake(Arc::new(Mutex::new(Inside {
            issuer: issuer.to_owned(),
            client: client.to_owned(),
            secret: secret.to_owned(),
            back: back.to_owned(),
            person: person.to_owned(),
            fault: Fault::None,
            key: Key::new(),
            codes: HashMap::new(),
            secrets: Vec::new(),
        })))
    }

    /// What it knows, to be read or changed.
    pub(crate) fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    /// A new key on P-256.
    pub(crate) fn new() -> Key {
        let chance = SystemRandom::new();
        let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::generate_pkcs8(signing, &chance)
            .and_then(|document| Ok(EcdsaKeyPair::from_pkcs8(signing, document.as_ref(), &chance)?))
            .expect("the operating system gives chance once it runs");
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": crate::chance::code(2),
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        });
        let sign = move |bytes: &[u8]| {
            let signed = pair.sign(&chance, bytes).expect("the operating system gives chance once it runs");
            signed.as_ref().to_vec()
        };
        Key { alg: "ES256", jwk, sign: Box::new(sign) }
    }

    /// A JSON Web Token of these claims (RFC 7519).
    fn token(&self, claims: &Value) -> String {
        let head = json!({ "alg": self.alg, "typ": "JWT", "kid": self.jwk["kid"] });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&head), part(claims));
        let signature = URL_SAFE_NO_PAD.encode((self.sign)(text.as_bytes()));
        format!("{text}.{signature}")
    }
}

async fn discovery(State(fake): State<Fake>) -> Json<Value> {
    let inside = fake.inside();
    let at = |path: &str| format!("{}{path}", inside.issuer);
    Json(json!({
        "issuer": inside.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        // That it says it could leave tokens unsigned must lead nobody to believe one.
        "id_token_signing_alg_values_supported": [inside.key.alg, "none", "HS256"],
        "code_challenge_methods_supported": ["S256"], "scopes_supported": ["openid"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    }))
}

async fn keys(State(fake): State<Fake>) -> Json<Value> {
    Json(json!({ "keys": [fake.inside().key.jwk] }))
}

/// Sends the browser back with a code; who cannot be sent back safely is told here.
async fn authorize(State(fake): State<Fake>, RawQuery(query): RawQuery) -> Response {
    let asked: HashMap<String, String> = fields(&query.unwrap_or_default()).into_iter().collect();
    let is = |name: &str, value: &str| asked.get(name).is_some_and(|given| given == value);
    let mut inside = fake.inside();
    if !is("client_id", &inside.client) || !is("redirect_uri", &inside.back) {
        return (StatusCode::BAD_REQUEST, "another client, or another place to go back to\n").into_response();
    }
    let state = asked.get("state").cloned().unwrap_or_default();
    let challenge = asked.get("code_challenge").filter(|challenge| challenge.len() == 43).cloned();
    let scopes = asked.get("scope").map(String::as_str).unwrap_or_default();
    let is_right = is("response_type", "code")
        && is("code_challenge_method", "S256")
        && scopes.split(' ').any(|scope| scope == "openid")
        && state.len() >= 16;
    let Some(challenge) = challenge.filter(|_| is_right) else {
        return Redirect::to(&format!("{}?error=invalid_request&state={}", inside.back, encoded(&state)))
            .into_response();
    };
    let is_asked_again = is("prompt", "login") || is("max_age", "0");
    let at = now().as_second();
    let auth_time = if is_asked_again && inside.fault != Fault::NotAsked { at } else { at - SIGNED_IN_S };
    let (code, person) = (crate::chance::token(), inside.person.clone());
    let given = Code { challenge, nonce: asked.get("nonce").cloned(), person, auth_time, expires_at: at + LASTS_S };
    inside.codes.insert(code.clone(), given);
    inside.secrets.push(code.clone());
    let to = format!("{}?code={code}&state={}&iss={}", inside.back, encoded(&state), encoded(&inside.issuer));
    Redirect::to(&to).into_response()
}

/// Gives a token for a code, once, to the client that asked for it.
async fn token(State(fake): State<Fake>, headers: HeaderMap, body: String) -> Response {
    let asked: HashMap<String, String> = fields(&body).into_iter().collect();
    let is = |name: &str, value: &str| asked.get(name).is_some_and(|given| given == value);
    let refused = |status: StatusCode, error: &str| (status, Json(json!({ "error": error }))).into_response();
    let mut inside = fake.inside();
    if login(&headers) != Some((inside.client.clone(), inside.secret.clone())) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if !is("grant_type", "authorization_code") {
        return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let at = now().as_second();
    let code = asked.get("code").and_then(|code| inside.codes.remove(code));
    let verifier = asked.get("code_verifier").map(String::as_str).unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let code = code.filter(|code| code.challenge == challenge && code.expires_at > at);
    let Some(code) = code.filter(|_| is("redirect_uri", &inside.back)) else {
        return refused(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let id_token = inside.id_token(&code, at);
    let access = crate::chance::token();
    inside.secrets.extend([access.clone(), id_token.clone(), verifier.to_owned()]);
    inside.secrets.extend(code.nonce);
    let mut answer = json!({ "access_token": access, "token_type": "Bearer", "expires_in": LASTS_S });
    if inside.fault != Fault::NoToken {
        answer["id_token"] = json!(id_token);
    }
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

/// The client's name and secret; each was form-encoded before they were joined (RFC 6749 §2.3.1).
fn login(headers: &HeaderMap) -> Option<(String, String)> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let joined = String::from_utf8(STANDARD.decode(given).ok()?).ok()?;
    let (name, secret) = joined.split_once(':')?;
    fields(&format!("{name}={secret}")).into_iter().next()
}

impl Inside {
    fn id_token(&self, code: &Code, at: i64) -> String {
        let fault = self.fault;
        let or = |wrong: Fault, instead: &str, right: &str| {
            if fault == wrong { instead.to_owned() } else { right.to_owned() }
        };
        let at = if fault == Fault::Expired { at - 86_400 } else { at };
        let claims = json!({
            "iss": or(Fault::Issuer, "https://other.example", &self.issuer), "sub": code.person,
            "aud": or(Fault::Audience, "another-client", &self.client),
            "nonce": or(Fault::Nonce, "another", code.nonce.as_deref().unwrap_or_default()),
            "iat": at, "exp": at + LASTS_S, "auth_time": code.auth_time,
        });
        let unsigned = Key { alg: "none", jwk: Value::Null, sign: Box::new(|_| Vec::new()) };
        match fault {
            Fault::Unsigned => unsigned.token(&claims),
            Fault::Secret => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.secret.as_bytes());
                let sign = move |bytes: &[u8]| ring::hmac::sign(&key, bytes).as_ref().to_vec();
                Key { alg: "HS256", jwk: Value::Null, sign: Box::new(sign) }.token(&claims)
            }
            // The same name for another key.
            Fault::OtherKey => Key { jwk: self.key.jwk.clone(), ..Key::new() }.token(&claims),
            _ => self.key.token(&claims),
        }
    }
}
