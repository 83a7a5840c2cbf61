//! Did the organisation's own sign-in just say who this is?
//!
//! OpenID Connect Core 1.0, the code flow with PKCE (RFC 7636, S256), `state` and `nonce`. Tokens are checked by the crate
//! `openidconnect`; what it does not know is here: which algorithms count, that the browser which comes back is the one that
//! went, and how fresh a proof must be. Nothing but the subject is asked for or kept: no name, no address, no token.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use casework::Sealed;
use jiff::{SignedDuration, Timestamp};
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType,
    CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, TokenResponse,
};
use reqwest::Url;
use serde::Deserialize;

use crate::clock::now;
use crate::say;
use crate::store::Login;

/// Where the provider sends the browser back to.
pub(crate) const BACK: &str = "/sign-in/oidc/back";
/// How long somebody may take at the provider, and how many may be on their way at once.
pub(crate) const LASTS: SignedDuration = SignedDuration::from_secs(600);
const BEGUN_MAX: usize = 10_000;
/// How long what the provider says of itself is believed without asking again.
const KNOWN_LASTS: Duration = Duration::from_secs(300);
/// How far the provider's clock may be from ours.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(60);
/// The longest answer that is read, in bytes; a token has a few thousand.
const LEN_MAX: usize = 1 << 20;

/// What counts as signed: with a key of the provider's alone. Not the client's secret, which is ours too, and not `none`,
/// whatever the provider says it can do.
const SIGNED: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
];

/// What `settings.toml` says under `[sign_in]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// What people call it; it stands on the sign-in page.
    pub(crate) name: String,
    /// The provider's address, exactly as it names itself.
    issuer: String,
    /// What the provider calls this service.
    client_id: String,
    /// A file with the secret that the provider gave this service; relative to the data folder.
    secret_file: PathBuf,
    /// The address of this service as browsers know it, without a path.
    address: String,
}

/// The provider, and who is on the way to it.
pub(crate) struct Oidc {
    /// What people call it.
    pub(crate) name: String,
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: ClientSecret,
    back: RedirectUrl,
    http: Http,
    provider: tokio::sync::Mutex<Option<(Instant, CoreProviderMetadata)>>,
    begun: Mutex<HashMap<String, Begun>>,
}

/// Somebody who was sent to the provider.
struct Begun {
    at: Timestamp,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    browser: String,
    purpose: Purpose,
}

/// What somebody was sent for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// To come in.
    SignIn,
    /// To show once more that it is them.
    Prove {
        /// Whose session it is to count for.
        session: Sealed<String>,
        /// The page on which they were.
        to: String,
    },
}

/// Somebody of whom the provider said who it is.
#[derive(Debug)]
pub(crate) struct Came {
    /// Who, as the provider calls them.
    pub(crate) login: Login,
    /// When they last showed it to the provider, where it says so.
    pub(crate) proven_at: Option<Timestamp>,
    /// What they had been sent for.
    pub(crate) purpose: Purpose,
}

/// Why nobody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The provider does not answer, or not as one does.
    NoAnswer,
    /// Nobody was sent with this state, or it was used, or that is too long ago.
    NotBegun,
    /// Another browser was sent.
    OtherBrowser,
    /// The provider, or the person there, said no.
    Declined,
    /// The provider does not know this service by its name and secret.
    NotKnownThere,
    /// The code was used, is too old, or belongs to another sign-in.
    Code,
    /// The token is not signed by the provider.
    Unsigned,
    /// The token is of another sign-in.
    Nonce,
    /// The token is for another service.
    Audience,
    /// The token is another provider's.
    Issuer,
    /// The token is too old.
    Expired,
    /// The token is no such token.
    Token,
    /// It was asked who is there now, and the provider says who was there before.
    Stale,
}

/// A client for which both of the provider's addresses are known.
type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Why the provider's answer could not be read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("the provider does not answer")]
    Asked(#[from] reqwest::Error),
    #[error("the answer is too long")]
    TooLong,
    #[error("the answer is none")]
    Answer(#[from] openidconnect::http::Error),
}

impl Oidc {
    /// Reads the secret and checks the addresses; the provider itself is asked when somebody wants in.
    pub(crate) fn open(settings: &Settings, data: &Path) -> Result<Oidc> {
        // Another part of this program may have named the provider of TLS already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let file = data.join(&settings.secret_file);
        let secret = std::fs::read_to_string(&file).with_context(|| {
            format!("cannot read {}\n  to do: write the secret that the provider gave you into it", file.display())
        })?;
        if secret.trim().is_empty() {
            bail!("{} is empty\n  to do: write the secret that the provider gave you into it", file.display());
        }
        safe(&settings.issuer).context("[sign_in] issuer")?;
        let back = safe(&settings.address).context("[sign_in] address")?.join(BACK)?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            .build()
            .context("cannot make a client for HTTP")?;
        Ok(Oidc {
            name: settings.name.clone(),
            issuer: IssuerUrl::new(settings.issuer.clone())?,
            client_id: ClientId::new(settings.client_id.clone()),
            secret: ClientSecret::new(secret.trim().to_owned()),
            back: RedirectUrl::from_url(back),
            http: Http(http),
            provider: tokio::sync::Mutex::default(),
            begun: Mutex::default(),
        })
    }

    /// Somebody of the provider, by the provider's own name for them.
    pub(crate) fn login(&self, subject: &str) -> Login {
        Login { issuer: self.issuer.to_string(), subject: subject.to_owned() }
    }

    /// Where to send the browser, and the secret by which it is known when it comes back.
    pub(crate) async fn begin(&self, purpose: Purpose) -> Result<(Url, String), Refused> {
        let client = self.client().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (state, nonce) = (CsrfToken::new(crate::chance::token()), Nonce::new(crate::chance::token()));
        let own = (state.clone(), nonce.clone());
        let mut asked = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || own.0, move || own.1);
        if matches!(purpose, Purpose::Prove { .. }) {
            asked = asked.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        }
        let (url, _, _) = asked.set_pkce_challenge(challenge).url();
        let (at, browser) = (now(), crate::chance::token());
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.retain(|_, begun| at.duration_since(begun.at) < LASTS);
        // Whoever asks without end makes others begin again, and fills no memory.
        if begun.len() >= BEGUN_MAX {
            begun.clear();
        }
        begun.insert(state.into_secret(), Begun { at, nonce, verifier, browser: browser.clone(), purpose });
        Ok((url, browser))
    }

    /// Who came back with this query, if the provider says so now, to this browser, for what it was sent for.
    pub(crate) async fn finish(&self, query: &str, browser: Option<&str>) -> Result<Came, Refused> {
        let fields: HashMap<String, String> = super::form::fields(query).into_iter().collect();
        let field = |name: &str| fields.get(name).map(String::as_str);
        let begun = {
            let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            field("state").and_then(|state| begun.remove(state)).ok_or(Refused::NotBegun)?
        };
        if now().duration_since(begun.at) >= LASTS {
            return Err(Refused::NotBegun);
        }
        if browser != Some(begun.browser.as_str()) {
            return Err(Refused::OtherBrowser);
        }
        // RFC 9207: a provider that names itself here must be the one that was asked.
        if field("iss").is_some_and(|issuer| issuer != self.issuer.as_str()) {
            return Err(Refused::Issuer);
        }
        let code = field("code").filter(|_| field("error").is_none()).ok_or(Refused::Declined)?;
        self.told(code, begun).await
    }

    /// Exchanges the code and checks the token.
    async fn told(&self, code: &str, begun: Begun) -> Result<Came, Refused> {
        let client = self.client().await?;
        let exchange = client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|_| Refused::NoAnswer)?;
        let told = exchange.set_pkce_verifier(begun.verifier).request_async(&self.http).await;
        let told = told.map_err(|error| match error {
            RequestTokenError::ServerResponse(answer) => match answer.error() {
                CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => {
                    Refused::NotKnownThere
                }
                _ => Refused::Code,
            },
            RequestTokenError::Request(_) | RequestTokenError::Other(_) => Refused::NoAnswer,
            RequestTokenError::Parse(..) => Refused::Token,
        })?;
        let verifier = client.id_token_verifier().set_allowed_algs(SIGNED);
        let token = told.id_token().ok_or(Refused::Token)?;
        let claims = match token.claims(&verifier, &begun.nonce) {
            Ok(claims) => claims,
            Err(error) => {
                // Its keys may be new ones: they are asked for before the next one comes.
                *self.provider.lock().await = None;
                return Err(Refused::from(error));
            }
        };
        let proven_at = claims.auth_time().and_then(|at| Timestamp::from_second(at.timestamp()).ok());
        let came = Came { login: self.login(claims.subject()), proven_at, purpose: begun.purpose };
        let is_fresh =
            |at: Timestamp| at.duration_since(begun.at) > -CLOCKS_APART && at.duration_since(now()) < CLOCKS_APART;
        match came.purpose {
            Purpose::Prove { .. } if !proven_at.is_some_and(is_fresh) => Err(Refused::Stale),
            Purpose::Prove { .. } | Purpose::SignIn => Ok(came),
        }
    }

    async fn client(&self) -> Result<Client, Refused> {
        let provider = self.provider().await?;
        let methods = provider.token_endpoint_auth_methods_supported();
        let is_basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let client = CoreClient::from_provider_metadata(provider, self.client_id.clone(), Some(self.secret.clone()));
        let auth_type = if is_basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        Ok(client.set_auth_type(auth_type).set_redirect_uri(self.back.clone()))
    }

    /// What the provider says of itself, with its keys.
    async fn provider(&self) -> Result<CoreProviderMetadata, Refused> {
        let mut known = self.provider.lock().await;
        match &*known {
            Some((at, provider)) if at.elapsed() < KNOWN_LASTS => Ok(provider.clone()),
            Some(_) | None => {
                let asked = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await;
                let provider = asked.map_err(|_| Refused::NoAnswer)?;
                *known = Some((Instant::now(), provider.clone()));
                Ok(provider)
            }
        }
    }
}

impl From<ClaimsVerificationError> for Refused {
    fn from(error: ClaimsVerificationError) -> Refused {
        match error {
            ClaimsVerificationError::Expired(_) => Refused::Expired,
            ClaimsVerificationError::InvalidAudience(_) => Refused::Audience,
            ClaimsVerificationError::InvalidIssuer(_) => Refused::Issuer,
            ClaimsVerificationError::InvalidNonce(_) => Refused::Nonce,
            ClaimsVerificationError::SignatureVerification(_) => Refused::Unsigned,
            _ => Refused::Token,
        }
    }
}

impl Refused {
    /// What went wrong, and what to do.
    pub(crate) fn words(self) -> (String, String) {
        let (again, tell) = (|| say!("oidc.again"), || say!("oidc.tell"));
        match self {
            Refused::NoAnswer => (say!("oidc.no_answer"), tell()),
            Refused::NotBegun => (say!("oidc.not_begun"), again()),
            Refused::OtherBrowser => (say!("oidc.other_browser"), again()),
            Refused::Declined => (say!("oidc.declined"), again()),
            Refused::NotKnownThere => (say!("oidc.not_known_there"), tell()),
            Refused::Code => (say!("oidc.code"), again()),
            Refused::Unsigned => (say!("oidc.unsigned"), tell()),
            Refused::Nonce => (say!("oidc.nonce"), again()),
            Refused::Audience => (say!("oidc.audience"), tell()),
            Refused::Issuer => (say!("oidc.issuer"), tell()),
            Refused::Expired => (say!("oidc.expired"), tell()),
            Refused::Token => (say!("oidc.token"), tell()),
            Refused::Stale => (say!("oidc.stale"), say!("oidc.stale_to_do")),
        }
    }
}

/// The client for HTTP that the rest of this program has, as `openidconnect` asks for one.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Unread;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unread>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(ask(&self.0, request))
    }
}

async fn ask(http: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Unread> {
    let mut answer = http.execute(request.try_into()?).await?;
    let mut built = openidconnect::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        built = built.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > LEN_MAX {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(built.body(body)?)
}

/// An address over which secrets may go: HTTPS, or this machine's own.
fn safe(address: &str) -> Result<Url> {
    let to_do = "to do: give an address that begins with https://";
    let url = Url::parse(address).with_context(|| format!("\"{address}\" is no address\n  {to_do}"))?;
    let is_own = match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_own => Ok(url),
        _ => bail!("anybody on the way could read what goes to {address}\n  {to_do}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_safe_ways_only() {
        for address in ["https://login.example.org/realms/a", "http://127.0.0.1:8423", "http://localhost:8420"] {
            assert!(safe(address).is_ok(), "{address}");
        }
        for address in ["http://login.example.org", "http://127.0.0.1.example.org", "ftp://x", "login.example.org", ""]
        {
            assert!(safe(address).unwrap_err().to_string().contains("to do"), "{address}");
        }
    }
}
