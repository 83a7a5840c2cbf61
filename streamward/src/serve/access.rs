//! Who may ask what of which page?
//!
//! A route cannot be added without saying who may use it, and what nobody said anything of is refused.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, on};
use casework::role::Permission;

use super::desk::Shared;
use super::page::{nothing_here, sorry};
use super::why;
use crate::clock::now;
use crate::say;
use crate::store::{Account, Session};

/// The cookie of a session: only for this host, only over a safe way, for no script, and never with another site's request.
pub(super) const COOKIE: &str = "__Host-session";

/// How long it counts that somebody showed who they are, before they let something leave the house.
const PROVEN_LASTS: jiff::SignedDuration = jiff::SignedDuration::from_secs(15 * 60);

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Everybody, also who is not in.
    Nothing,
    /// Whoever is in and may do this.
    May(Permission),
    /// A program with a token, or a person who is in, that may do this.
    Token(Permission),
}

/// A route and who may use it.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// How it is asked.
    pub(crate) method: Method,
    /// Its path, with names in braces.
    pub(crate) path: &'static str,
    /// Who may.
    pub(crate) need: Need,
}

/// Routes that are being put together.
pub(crate) struct Routes {
    router: Router<Shared>,
    routes: Vec<Route>,
}

/// Who is asking.
#[derive(Clone, Debug)]
pub(crate) struct Reader(pub(crate) Account);

impl Routes {
    /// No routes.
    pub(crate) fn new() -> Routes {
        Routes { router: Router::new(), routes: Vec::new() }
    }

    /// A page.
    pub(crate) fn get<H: Handler<T, Shared>, T: 'static>(self, path: &'static str, need: Need, handler: H) -> Routes {
        self.on(Method::GET, path, need, on(axum::routing::MethodFilter::GET, handler))
    }

    /// Something that is done.
    pub(crate) fn post<H: Handler<T, Shared>, T: 'static>(self, path: &'static str, need: Need, handler: H) -> Routes {
        self.on(Method::POST, path, need, on(axum::routing::MethodFilter::POST, handler))
    }

    /// Something that is added to.
    pub(crate) fn patch<H: Handler<T, Shared>, T: 'static>(self, path: &'static str, need: Need, handler: H) -> Routes {
        self.on(Method::PATCH, path, need, on(axum::routing::MethodFilter::PATCH, handler))
    }

    /// Something that is taken away.
    pub(crate) fn delete<H: Handler<T, Shared>, T: 'static>(
        self,
        path: &'static str,
        need: Need,
        handler: H,
    ) -> Routes {
        self.on(Method::DELETE, path, need, on(axum::routing::MethodFilter::DELETE, handler))
    }

    /// What can be asked of a path.
    pub(crate) fn options<H: Handler<T, Shared>, T: 'static>(
        self,
        path: &'static str,
        need: Need,
        handler: H,
    ) -> Routes {
        self.on(Method::OPTIONS, path, need, on(axum::routing::MethodFilter::OPTIONS, handler))
    }

    fn on(mut self, method: Method, path: &'static str, need: Need, to: MethodRouter<Shared>) -> Routes {
        self.router = self.router.route(path, to);
        self.routes.push(Route { method, path, need });
        self
    }

    /// Something that stands before all of these.
    pub(crate) fn layer(mut self, limit: axum::extract::DefaultBodyLimit) -> Routes {
        self.router = self.router.layer(limit);
        self
    }

    /// Those of another part as well.
    pub(crate) fn and(mut self, other: Routes) -> Routes {
        self.router = self.router.merge(other.router);
        self.routes.extend(other.routes);
        self
    }

    /// Each route and who may use it.
    #[cfg(test)]
    pub(crate) fn list(&self) -> &[Route] {
        &self.routes
    }

    /// The router, with its guard before it.
    pub(crate) fn guarded(self, desk: Shared) -> Router {
        let needs = self.routes.iter().map(|route| ((route.method.clone(), route.path), route.need)).collect();
        let guard = Arc::new(Guard { needs, desk: desk.clone() });
        self.router.route_layer(middleware::from_fn_with_state(guard, admit)).with_state(desk)
    }
}

struct Guard {
    needs: HashMap<(Method, &'static str), Need>,
    desk: Shared,
}

async fn admit(State(guard): State<Arc<Guard>>, path: MatchedPath, mut request: Request, next: Next) -> Response {
    // What answers HEAD is what answers GET.
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let found = guard.needs.iter().find(|((known, at), _)| *known == method && *at == path.as_str());
    let (permission, is_program) = match found.map(|(_, need)| *need) {
        None => return sorry(StatusCode::FORBIDDEN, say!("sorry.nobody"), say!("sorry.go_back")),
        Some(Need::Nothing) => return next.run(request).await,
        Some(Need::May(permission)) => (permission, false),
        Some(Need::Token(permission)) => (permission, true),
    };
    let session = match who(&guard.desk, request.headers(), is_program).await {
        Ok(session) => session,
        Err(error) => return failed(&error),
    };
    if !is_program
        && method == Method::POST
        && session.as_ref().is_some_and(|session| must_prove(&guard.desk, session, permission))
    {
        return prove(&guard.desk, session.as_ref().map(|session| &session.account), request.headers());
    }
    match session.map(|session| session.account) {
        None if is_program => {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer"), (header::CONTENT_TYPE, "application/json")];
            (StatusCode::UNAUTHORIZED, challenge, "{\"error\":\"a token is needed\"}\n").into_response()
        }
        None => Redirect::to("/sign-in").into_response(),
        Some(account) if account.may(permission) => {
            request.extensions_mut().insert(Reader(account));
            next.run(request).await
        }
        Some(_) if is_program => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (StatusCode::FORBIDDEN, kind, "{\"error\":\"this token may not do that\"}\n").into_response()
        }
        Some(_) => sorry(StatusCode::FORBIDDEN, say!("sorry.not_included"), say!("sorry.ask_who_lets_in")),
    }
}

async fn who(desk: &Shared, headers: &HeaderMap, is_program: bool) -> Result<Option<Session>, crate::store::Error> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if let Some(token) = bearer.filter(|_| is_program) {
        let account = desk.store.token(token).await?;
        return Ok(account.map(|account| Session { account, proven_at: now() }));
    }
    match session(headers) {
        Some(token) => desk.store.session(&token, now()).await,
        None => Ok(None),
    }
}

/// Whether somebody who can must show again that it is them, with a passkey or the organisation's sign-in: nothing leaves
/// the house, is shown or erased at a desk that somebody walked away from.
fn must_prove(desk: &Shared, session: &Session, permission: Permission) -> bool {
    let is_grave =
        matches!(permission, Permission::Approve | Permission::Export | Permission::Reveal | Permission::Vault);
    let since = now().duration_since(session.proven_at);
    let can_prove = !session.account.passkeys.is_empty() || is_linked(desk, &session.account);
    is_grave && can_prove && since > PROVEN_LASTS
}

fn is_linked(desk: &Shared, account: &Account) -> bool {
    desk.oidc.is_some() && !account.logins.is_empty()
}

fn prove(desk: &Shared, account: Option<&Account>, headers: &HeaderMap) -> Response {
    let passkey = account.filter(|account| !account.passkeys.is_empty()).map(|_| {
        crate::html!(
            "<p><button type=\"button\" data-passkey=\"/prove\" data-then=\"back\">{}</button></p>\
             <p id=\"said\" role=\"status\"></p>",
            say!("prove.with_passkey")
        )
    });
    let own = desk.oidc.as_ref().filter(|_| account.is_some_and(|account| is_linked(desk, account))).map(|oidc| {
        let to = format!("/prove/oidc?to={}", super::form::encoded(&came_from(headers)));
        crate::html!("<p><a class=\"button\" href=\"{}\">{}</a></p>", to, say!("prove.with_provider", name = oidc.name))
    });
    let body = crate::html!("<p>{}</p>{}{}<p>{}</p>", say!("prove.why"), passkey, own, say!("prove.then"));
    (StatusCode::FORBIDDEN, super::page::Page::new(&say!("prove.title"), body)).into_response()
}

/// The path of the page on which somebody pressed a button, where the browser says it.
fn came_from(headers: &HeaderMap) -> String {
    let text = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let url = text.and_then(|text| reqwest::Url::parse(text).ok());
    url.map_or("/".to_owned(), |url| url.path().to_owned())
}

/// The session that the browser's cookie names.
pub(super) fn session(headers: &HeaderMap) -> Option<String> {
    named(headers, COOKIE)
}

/// What the browser's cookie of this name says.
pub(super) fn named(headers: &HeaderMap, cookie: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == cookie).map(|(_, value)| value.to_owned())
}

/// The cookie that opens a session, or ends it where there is no token.
pub(super) fn cookie(token: Option<&str>) -> HeaderValue {
    let age = if token.is_some() { 12 * 3600 } else { 0 };
    let text =
        format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={age}", token.unwrap_or_default());
    HeaderValue::from_str(&text).expect("a token is hexadecimal")
}

/// The page for an error of the store.
pub(crate) fn failed(error: &crate::store::Error) -> Response {
    use crate::store::Error;
    match error {
        Error::Refused(refused) => {
            sorry(StatusCode::CONFLICT, why::sentence(&why::refused(refused)), say!("sorry.load_again"))
        }
        Error::NoSuchCase { .. } | Error::NoSuchPerson => nothing_here(),
        Error::Database(_) | Error::Damaged { .. } | Error::Key(_) => {
            tracing::error!(kind = error.kind(), "the store failed");
            sorry(StatusCode::SERVICE_UNAVAILABLE, say!("sorry.store_failed"), say!("sorry.store_failed_to_do"))
        }
    }
}
