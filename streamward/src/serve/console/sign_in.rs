//! How does a person come in, and go?

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::{Extension, Json};
use casework::role::Permission;
use serde::Deserialize;
use serde_json::json;

use super::super::access::{Need, Reader, Routes, cookie, session};
use super::super::desk::Shared;
use super::super::page::Page;
use super::super::passkey::{Made, Shown};
use super::{Answer, may, page, words};
use crate::clock::now;
use crate::html;
use crate::say;
use crate::store::{Account, Error, Passkey};

/// How many passkeys a person can have.
const PASSKEYS_MAX: usize = 20;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/sign-in", Need::Nothing, show)
        .post("/sign-in", Need::Nothing, enter)
        .get("/passkeys/challenge", Need::Nothing, challenge)
        .post("/sign-in/passkey", Need::Nothing, enter_with_passkey)
        .post("/passkeys", may(Permission::SignedIn), keep_passkey)
        .post("/prove", may(Permission::SignedIn), prove)
        .post("/sign-out", Need::Nothing, leave)
        .get("/me", may(Permission::SignedIn), me)
}

#[derive(Deserialize)]
struct Entered {
    code: String,
}

async fn show(State(desk): State<Shared>) -> Page {
    form(&desk, None)
}

fn form(desk: &Shared, wrong: Option<&str>) -> Page {
    let wrong = wrong.map(|wrong| html!("<p class=\"alarm\" role=\"alert\">{}</p>", wrong));
    let own = desk.oidc.as_ref().map(|oidc| {
        html!(
            "<h2>{}</h2><p><a class=\"button\" href=\"/sign-in/oidc\">{}</a></p>",
            say!("sign_in.with_provider", name = oidc.name),
            say!("sign_in.go_to_provider", name = oidc.name)
        )
    });
    let body = html!(
        "{}{}<h2>{}</h2><p>{}</p>\
         <form method=\"post\" action=\"/sign-in\"><label for=\"code\">{}</label>\
         <input type=\"text\" id=\"code\" name=\"code\" autocomplete=\"one-time-code\" autocapitalize=\"none\" \
         spellcheck=\"false\" required maxlength=\"100\"><button>{}</button></form><h2>{}</h2><p>{}</p>\
         <p><button type=\"button\" class=\"quiet\" data-passkey=\"/sign-in/passkey\" data-then=\"/\">{}</button></p>\
         <p id=\"said\" role=\"status\"></p>",
        wrong,
        own,
        say!("sign_in.with_code"),
        say!("sign_in.no_passwords"),
        say!("sign_in.your_code"),
        say!("sign_in.enter"),
        say!("sign_in.with_passkey"),
        say!("sign_in.no_code_needed"),
        say!("sign_in.use_passkey")
    );
    Page::new(&say!("sign_in.title"), body)
}

async fn enter(State(desk): State<Shared>, Form(entered): Form<Entered>) -> Answer {
    // A guess has one chance in 2^80; this makes each one slow as well.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let Some(account) = desk.store.use_code(&entered.code, now()).await? else {
        let page = form(&desk, Some(&say!("sign_in.wrong_code")));
        return Ok((StatusCode::FORBIDDEN, page).into_response());
    };
    let token = crate::chance::token();
    desk.store.open_session(&token, account.name.name(), now()).await?;
    tracing::info!("somebody signed in");
    let to = if account.may(Permission::ReadCases) { "/" } else { "/me" };
    Ok(([(header::SET_COOKIE, cookie(Some(&token)))], Redirect::to(to)).into_response())
}

async fn challenge(State(desk): State<Shared>) -> Json<serde_json::Value> {
    Json(json!({ "challenge": desk.challenge() }))
}

/// Whose passkey answered a challenge of ours.
async fn holder(desk: &Shared, headers: &HeaderMap, shown: &Shown) -> Result<Option<Account>, Error> {
    let Some(id) = shown.id() else { return Ok(None) };
    let found = desk.store.passkey(&id).await?;
    let is_by = |passkey: &Passkey| shown.is_by(passkey, host(headers), |challenge| desk.is_ours(challenge));
    Ok(found.filter(|(_, passkey)| is_by(passkey)).map(|(account, _)| account))
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

async fn enter_with_passkey(State(desk): State<Shared>, headers: HeaderMap, Json(shown): Json<Shown>) -> Answer {
    let Some(account) = holder(&desk, &headers, &shown).await? else {
        return Ok(StatusCode::FORBIDDEN.into_response());
    };
    let token = crate::chance::token();
    desk.store.open_session(&token, account.name.name(), now()).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(Some(&token)))]).into_response())
}

async fn prove(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    headers: HeaderMap,
    Json(shown): Json<Shown>,
) -> Answer {
    let is_reader = holder(&desk, &headers, &shown).await?.is_some_and(|account| account.name == reader.name);
    match (is_reader, session(&headers)) {
        (true, Some(token)) => {
            desk.store.prove_session(&token, now()).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        (true, None) | (false, _) => Ok(StatusCode::FORBIDDEN.into_response()),
    }
}

async fn keep_passkey(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    headers: HeaderMap,
    Json(made): Json<Made>,
) -> Answer {
    let Some(passkey) = made.passkey(host(&headers), |challenge| desk.is_ours(challenge)) else {
        return Ok(StatusCode::FORBIDDEN.into_response());
    };
    // An identifier leads to one person only, and one has no more passkeys than devices.
    if desk.store.passkey(&passkey.id).await?.is_some() || reader.passkeys.len() >= PASSKEYS_MAX {
        return Ok(StatusCode::CONFLICT.into_response());
    }
    let mut account = reader.clone();
    account.passkeys.push(passkey);
    desk.store.set_account(Some(&reader.name), &account, now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn leave(State(desk): State<Shared>, headers: HeaderMap) -> Answer {
    if let Some(token) = session(&headers) {
        desk.store.close_session(&token).await?;
    }
    Ok(([(header::SET_COOKIE, cookie(None))], Redirect::to("/sign-in")).into_response())
}

async fn me(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Page {
    let state = if reader.logins.is_empty() { say!("people.not_linked") } else { say!("people.linked") };
    let own = desk.oidc.as_ref().map(|oidc| html!("<dt>{}</dt><dd>{}</dd>", oidc.name, state));
    let body = html!(
        "<dl><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd>{}</dl>\
         <p class=\"quiet-text\">{}</p><h2>{}</h2><p>{}</p>\
         <p><button type=\"button\" data-passkey=\"/passkeys\" data-name=\"{}\" data-then=\"/me\">{}</button></p>\
         <p id=\"said\" role=\"status\"></p>",
        say!("me.name"),
        reader.name.name(),
        say!("me.here_as"),
        words::roles(&reader.roles),
        say!("me.reads"),
        if reader.compartments.is_empty() { say!("me.no_part") } else { words::parts(&reader.compartments) },
        say!("me.passkeys"),
        reader.passkeys.len(),
        own,
        say!("me.logged"),
        say!("me.passkey"),
        say!("me.why_passkey"),
        reader.name.name(),
        say!("me.make_passkey")
    );
    page(&reader, &say!("me.title"), body)
}
