//! How does somebody come in with the organisation's own sign-in, and show once more that it is them?
//!
//! Nobody gets an account by coming: somebody who lets people in links what the provider calls a person with an account.
//! The session's cookie goes with no request that another site began, so what comes back from the provider is known by a
//! cookie of its own, and the browser goes on from a page of ours.

use axum::Extension;
use axum::extract::{Form, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use casework::role::Permission;
use jiff::Timestamp;
use serde::Deserialize;

use super::super::access::{Need, Reader, Routes, cookie, named, session};
use super::super::desk::Shared;
use super::super::oidc::{Came, LASTS, Oidc, Purpose, Refused};
use super::super::page::{Page, sorry};
use super::{Answer, Refusal, back, may};
use crate::clock::now;
use crate::store::{Account, Login};
use crate::{html, say, tell};

/// The cookie by which a browser is known when it comes back; it goes with a link from the provider, and opens nothing.
const COOKIE: &str = "__Host-sign-in";
/// The longest name that a provider gives somebody (OpenID Connect Core 1.0 §2), and how many somebody can have.
const SUBJECT_MAX: usize = 255;
const LOGINS_MAX: usize = 10;

pub(super) fn routes() -> Routes {
    let people = may(Permission::People);
    Routes::new()
        .get("/sign-in/oidc", Need::Nothing, go)
        .get(super::super::oidc::BACK, Need::Nothing, come_back)
        .get("/prove/oidc", may(Permission::SignedIn), go_and_prove)
        .post("/people/{name}/logins", people, link)
        .post("/people/{name}/logins/end", people, unlink)
}

async fn go(State(desk): State<Shared>) -> Response {
    sent(&desk, Purpose::SignIn).await
}

async fn go_and_prove(State(desk): State<Shared>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let fields = crate::serve::form::fields(query.as_deref().unwrap_or_default());
    let to = fields.into_iter().find(|(name, to)| name == "to" && is_own(to)).map_or("/".to_owned(), |(_, to)| to);
    match session(&headers) {
        Some(token) => sent(&desk, Purpose::Prove { session: casework::Sealed::new(token), to }).await,
        None => Redirect::to("/sign-in").into_response(),
    }
}

async fn sent(desk: &Shared, purpose: Purpose) -> Response {
    let Some(oidc) = &desk.oidc else { return none_here() };
    match oidc.begin(purpose).await {
        Ok((to, browser)) => {
            ([(header::SET_COOKIE, browser_cookie(Some(&browser)))], Redirect::to(to.as_str())).into_response()
        }
        Err(refused) => not_let_in(refused),
    }
}

async fn come_back(State(desk): State<Shared>, headers: HeaderMap, RawQuery(query): RawQuery) -> Answer {
    let Some(oidc) = &desk.oidc else { return Ok(none_here()) };
    let browser = named(&headers, COOKIE);
    let answer = match oidc.finish(query.as_deref().unwrap_or_default(), browser.as_deref()).await {
        Err(refused) => not_let_in(refused),
        Ok(came) => {
            let account = desk.store.login(&came.login).await?;
            match (account, came) {
                (None, came) => unknown(oidc, &came.login),
                (Some(account), Came { purpose: Purpose::SignIn, proven_at, .. }) => {
                    let token = crate::chance::token();
                    // Who signed in there this morning has not shown now that it is them.
                    let proven_at = proven_at.unwrap_or(Timestamp::UNIX_EPOCH).min(now());
                    desk.store.open_proven_session(&token, account.name.name(), now(), proven_at).await?;
                    tracing::info!("somebody signed in");
                    let to = if account.may(Permission::ReadCases) { "/" } else { "/me" };
                    ([(header::SET_COOKIE, cookie(Some(&token)))], on(&say!("oidc.in"), to)).into_response()
                }
                (Some(account), Came { purpose: Purpose::Prove { session, to }, .. }) => {
                    prove(&desk, &account, session.open(), &to).await?
                }
            }
        }
    };
    // The cookie has done what it was for.
    let mut answer = answer;
    answer.headers_mut().append(header::SET_COOKIE, browser_cookie(None));
    Ok(answer)
}

/// Counts as proven for the session of the one who was asked, and for nobody else's.
async fn prove(desk: &Shared, account: &Account, token: &str, to: &str) -> Result<Response, Refusal> {
    let open = desk.store.session(token, now()).await?;
    if open.is_none_or(|open| open.account.name != account.name) {
        return Ok(sorry(StatusCode::FORBIDDEN, say!("oidc.others"), say!("oidc.others_to_do")));
    }
    desk.store.prove_session(token, now()).await?;
    Ok(on(&say!("oidc.is_you"), to))
}

/// A page of ours from which the browser goes on: only then does the session's cookie go along.
fn on(title: &str, to: &str) -> Response {
    let refresh = HeaderValue::from_str(&format!("0; url={to}")).unwrap_or(HeaderValue::from_static("0; url=/"));
    let link = html!("<a href=\"{}\">{}</a>", to, say!("oidc.go_on_link"));
    let body = html!("<p>{}</p>", tell!("oidc.go_on", link = link));
    ([(HeaderName::from_static("refresh"), refresh)], Page::new(title, body)).into_response()
}

fn not_let_in(refused: Refused) -> Response {
    tracing::warn!(why = ?refused, "somebody was not let in by the organisation's sign-in");
    let (what, to_do) = refused.words();
    let status = if refused == Refused::NoAnswer { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::FORBIDDEN };
    let body = html!(
        "<p class=\"alarm\" role=\"alert\">{}</p><p>{}</p><p><a href=\"/sign-in\">{}</a></p>",
        what,
        to_do,
        say!("oidc.to_sign_in")
    );
    (status, Page::new(&say!("oidc.not_in"), body)).into_response()
}

fn none_here() -> Response {
    sorry(StatusCode::NOT_FOUND, say!("oidc.none_here"), say!("oidc.none_here_to_do"))
}

fn unknown(oidc: &Oidc, login: &Login) -> Response {
    tracing::warn!("somebody came by the organisation's sign-in whom nobody has let in");
    let body = html!(
        "<p class=\"alarm\" role=\"alert\">{}</p><p>{}</p><pre>{}</pre><p>{}</p><p><a href=\"/sign-in\">{}</a></p>",
        say!("oidc.unknown", name = oidc.name),
        say!("oidc.give_this"),
        login.subject,
        tell!("oidc.they_enter", people = html!("<em>{}</em>", say!("links.people"))),
        say!("oidc.to_sign_in")
    );
    (StatusCode::FORBIDDEN, Page::new(&say!("oidc.not_let_in"), body)).into_response()
}

#[derive(Deserialize)]
struct Linked {
    subject: String,
}

async fn link(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(name): Path<String>,
    linked: Result<Form<Linked>, axum::extract::rejection::FormRejection>,
) -> Answer {
    let wrong = || Refusal::Filled(say!("oidc.wrong_subject"));
    let oidc = desk.oidc.as_ref().ok_or_else(|| Refusal::Filled(say!("oidc.none_here")))?;
    let Form(Linked { subject }) = linked.map_err(|_| wrong())?;
    let subject = subject.trim();
    if !(1..=SUBJECT_MAX).contains(&subject.len()) || !subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(wrong());
    }
    let mut account = desk.store.account(&name).await?;
    let login = oidc.login(subject);
    let is_others = desk.store.accounts().await?.iter().any(|account| account.logins.contains(&login));
    if is_others || account.logins.len() >= LOGINS_MAX {
        return Err(Refusal::Filled(say!("oidc.linked_already")));
    }
    account.logins.push(login);
    desk.store.set_account(Some(&reader.name), &account, now()).await?;
    back("/people")
}

async fn unlink(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(name): Path<String>,
) -> Answer {
    let account = desk.store.account(&name).await?;
    desk.store.set_account(Some(&reader.name), &Account { logins: Vec::new(), ..account }, now()).await?;
    back("/people")
}

/// A page of this service, by its path: no address that leads elsewhere.
fn is_own(to: &str) -> bool {
    let is_path = to.starts_with('/') && !to.starts_with("//") && !to.contains('\\');
    is_path && to.len() <= 300 && to.bytes().all(|byte| byte.is_ascii_graphic())
}

fn browser_cookie(secret: Option<&str>) -> HeaderValue {
    let age = if secret.is_some() { LASTS.as_secs() } else { 0 };
    let secret = secret.unwrap_or_default();
    let text = format!("{COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={age}");
    HeaderValue::from_str(&text).expect("a secret is hexadecimal")
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn the_way_on_leads_to_a_page_of_ours() {
        for to in ["/", "/cases/01ABC/reports/1", "/cases/x?y=z"] {
            assert!(is_own(to), "{to}");
        }
        for to in ["", "https://attacker.example", "//attacker.example", "/\\attacker.example", "/a\r\nb", "/a b"] {
            assert!(!is_own(to), "{to}");
        }
    }
}
