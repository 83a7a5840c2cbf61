//! How is an exchange of hashes asked over the network?
//!
//! One client for both that there are clients of: NCMEC's hash sharing, version 2, and StopNCII. What they answer is
//! read by `known::exchange`; how often and how long to wait is in `retry.rs`.
//! Addresses and headers: `clients/ncmec/hash_api.py` and `clients/stopncii/api.py` in facebook/ThreatExchange.

mod retry;

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use known::exchange::sync::Ask;
use known::exchange::{PAGE_BYTES_MAX, Page, parse_ncmec, parse_stopncii};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};

pub(crate) use retry::Patience;

/// An exchange and how one is known to it.
pub(crate) enum Account {
    /// NCMEC's hash sharing: a name and a password.
    Ncmec { user: String, password: String },
    /// StopNCII: the subscription's key and the one of the function that is called.
    StopNcii { subscription_key: String, function_key: String },
}

/// Asks one exchange.
pub(crate) struct Client {
    http: reqwest::Client,
    /// Without a slash at its end.
    base: String,
    account: Account,
    patience: Patience,
}

/// Why one try failed.
pub(super) enum Failure {
    /// Another try may go better, after so long if the exchange said so.
    Passing { why: String, after: Option<Duration> },
    /// No further try will.
    Lasting(anyhow::Error),
}

/// A page of hashes takes seconds; one that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Client {
    /// A client of the exchange at `base`.
    ///
    /// Passwords go out in every request, so the address must be https, or of this machine.
    pub(crate) fn new(base: &str, account: Account, patience: Patience) -> Result<Client> {
        let wrong =
            |what: &str| anyhow!("cannot use the address {base}: {what}\n  to do: give the exchange's https address");
        let url = Url::parse(base).map_err(|error| wrong(&error.to_string()))?;
        let is_here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        match url.scheme() {
            "https" => {}
            "http" if is_here => {}
            _ => return Err(wrong("passwords would go over the network in the clear")),
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(wrong("it must be a host and a path, nothing more"));
        }
        // Another part of the program may have chosen one already; both choose the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("streamward/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Client { http, base: base.trim_end_matches('/').to_owned(), account, patience })
    }

    /// One page, tried again where that can help.
    pub(crate) async fn page(&self, ask: &Ask) -> Result<Page> {
        let (from, to) = (ask.from.to_string(), ask.to.to_string());
        self.patience
            .persist(|| async {
                let request = match (&self.account, &ask.next) {
                    (Account::Ncmec { .. }, None) => {
                        self.request(Method::GET, "/v2/entries", &[("from", from.as_str()), ("to", to.as_str())])?
                    }
                    // The exchange's own words for what follows; they may name a path on this host and nothing else.
                    (Account::Ncmec { .. }, Some(next)) if next.starts_with("/v2/") => {
                        self.request(Method::GET, next, &[])?
                    }
                    (Account::Ncmec { .. }, Some(next)) => {
                        return Err(Failure::Lasting(anyhow!(
                            "the exchange names \"{next}\" as what follows, which is no path of its own"
                        )));
                    }
                    (Account::StopNcii { .. }, next) => {
                        let start = ask.from.unix_s().max(STOPNCII_START_MIN).to_string();
                        let mut query = vec![("startTimestamp", start.as_str()), ("pageSize", "800")];
                        query.extend(next.as_deref().map(|token| ("nextPageToken", token)));
                        self.request(Method::GET, "/FetchHashes", &query)?
                    }
                };
                let bytes = body(send(request).await?).await?;
                let page = match &self.account {
                    Account::Ncmec { .. } => parse_ncmec(&bytes),
                    Account::StopNcii { .. } => parse_stopncii(&bytes),
                };
                // A page that was cut short on its way reads well the next time; one that is wrong never does.
                page.map_err(|error| Failure::Passing { why: format!("the page cannot be read: {error}"), after: None })
            })
            .await
    }

    /// Tells the exchange something; tried again only where it surely did not arrive.
    pub(crate) async fn tell(&self, method: Method, path: &str, content_type: &str, text: &str) -> Result<()> {
        self.patience
            .persist(|| async {
                let request = self.request(method.clone(), path, &[])?;
                let request = request.header("content-type", content_type).body(text.to_owned());
                send(request).await.map(|_| ())
            })
            .await
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<RequestBuilder, Failure> {
        let lasting = |error: anyhow::Error| Failure::Lasting(error);
        let mut url = Url::parse(&format!("{}{path}", self.base)).map_err(|error| lasting(error.into()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url);
        Ok(match &self.account {
            Account::Ncmec { user, password } => request.basic_auth(user, Some(password)),
            Account::StopNcii { subscription_key, function_key } => {
                request.header("x-functions-key", function_key).header("Ocp-Apim-Subscription-Key", subscription_key)
            }
        })
    }
}

/// What StopNCII's public client begins with.
const STOPNCII_START_MIN: i64 = 10;

async fn send(request: RequestBuilder) -> Result<Response, Failure> {
    let response = match request.send().await {
        Ok(response) => response,
        // The address is left out: it can hold words that the exchange gave for one page.
        Err(error) => return Err(Failure::Passing { why: error.without_url().to_string(), after: None }),
    };
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let why = format!("the exchange answers {status}");
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Err(Failure::Passing { why, after: wait.map(Duration::from_secs) })
        }
        _ if status.is_server_error() => Err(Failure::Passing { why, after: wait.map(Duration::from_secs) }),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::Lasting(anyhow!(
            "{why}\n  to do: check the name and the secrets, and that the account is for this address"
        ))),
        _ => Err(Failure::Lasting(anyhow!("{why}\n  to do: check the address"))),
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) if bytes.len() + piece.len() <= PAGE_BYTES_MAX => bytes.extend_from_slice(&piece),
            Ok(Some(_)) => return Err(Failure::Lasting(anyhow!("the page has more than {PAGE_BYTES_MAX} bytes"))),
            Ok(None) => return Ok(bytes),
            Err(error) => {
                return Err(Failure::Passing { why: error.without_url().to_string(), after: None });
            }
        }
    }
}

/// A secret from the environment, so that it stands in no list of processes and no history of a shell.
pub(crate) fn secret(variable: &str) -> Result<String> {
    match std::env::var(variable) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => bail!("the secret {variable} is not set\n  to do: set it in the environment of this command"),
    }
}
