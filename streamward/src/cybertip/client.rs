//! How is one thing asked of the CyberTipline?
//!
//! HTTP Basic authentication; XML documents as `text/xml`, files as one part of a form, numbers as a form. An answer
//! counts only when it is one of the schema's: a page, a gateway's error, silence or a broken connection say nothing
//! about whether the authority has acted.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use casework::Sealed;
use casework::cybertip::Answer;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode, Url};

/// How long the authority may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to take a file: 4 GiB at 10 Mbit/s.
const PATIENCE_FILE: Duration = Duration::from_secs(3600);
/// The longest schema that is read, in bytes; today's has 149 kB.
const SCHEMA_LEN_MAX: usize = 16 << 20;

/// The host whose reports the authority discards.
const TEST_HOST: &str = "exttest.cybertip.org";
#[cfg(feature = "production")]
const PRODUCTION_HOST: &str = "report.cybertip.org";

/// A server that reports may go to. In a build without the feature `production` there is no way to name any but the
/// authority's server for tests and those on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Server(Url);

/// The authority's own name and password for us.
#[derive(Clone)]
pub(crate) struct Login {
    user: Sealed<String>,
    password: Sealed<String>,
}

/// Asks one server.
pub(crate) struct Client {
    http: reqwest::Client,
    server: Server,
    login: Login,
    patience: Duration,
}

/// One thing to ask, with what goes along.
pub(crate) enum Question<'q> {
    /// `POST /submit`.
    Submit {
        /// The report.
        xml: &'q str,
    },
    /// `POST /upload`.
    Upload {
        /// To which report.
        report_id: i64,
        /// The file.
        bytes: Vec<u8>,
    },
    /// `POST /fileinfo`.
    Describe {
        /// The description.
        xml: &'q str,
    },
    /// `POST /finish`.
    Finish {
        /// Which report.
        report_id: i64,
    },
    /// `POST /retract`.
    Retract {
        /// Which report.
        report_id: i64,
    },
}

impl Server {
    /// The server at this address.
    ///
    /// # Errors
    /// When reports may not go there.
    pub(crate) fn new(address: &str) -> Result<Server> {
        let to_do = "to do: name https://exttest.cybertip.org/ispws, or a server on this machine";
        let url: Url =
            address.trim_end_matches('/').parse().with_context(|| format!("{address} is no address\n  {to_do}"))?;
        let host = url.host_str().unwrap_or_default();
        let is_here = match host.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => host == "localhost",
        };
        let is_http = matches!(url.scheme(), "http" | "https");
        let is_tests = url.scheme() == "https" && host == TEST_HOST;
        #[cfg(feature = "production")]
        let is_tests = is_tests || url.scheme() == "https" && host == PRODUCTION_HOST;
        match (is_http && is_here) || is_tests {
            true => Ok(Server(url)),
            false => bail!(
                "reports cannot go to {address}: this program knows the authority's server for tests only\n  {to_do}"
            ),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }
}

impl Login {
    /// Reads `user:password` from a file.
    pub(crate) fn open(file: &Path) -> Result<Login> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}\n  to do: write user:password into it", file.display()))?;
        match text.trim_end().split_once(':') {
            Some((user, password)) => Ok(Login::new(user, password)),
            None => bail!(
                "{} has no line user:password\n  to do: write the authority's name and password for you into it",
                file.display()
            ),
        }
    }

    /// This name and password.
    pub(crate) fn new(user: &str, password: &str) -> Login {
        Login { user: Sealed::new(user.to_owned()), password: Sealed::new(password.to_owned()) }
    }
}

impl Client {
    /// A client of the server at this address.
    pub(crate) fn new(address: &str, login: Login) -> Result<Client> {
        // Another part of this program may have named the provider already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .build()
            .context("cannot make a client for HTTP")?;
        Ok(Client { http, server: Server::new(address)?, login, patience: PATIENCE })
    }

    /// The same, with less patience.
    #[cfg(test)]
    pub(crate) fn with_patience(self, patience: Duration) -> Client {
        Client { patience, ..self }
    }

    /// Asks; none when no answer came that says anything.
    pub(crate) async fn ask(&self, question: Question<'_>) -> Option<Answer> {
        let form = |report_id: i64| format!("id={report_id}");
        let request = match question {
            Question::Submit { xml } => self.document("/submit", xml),
            Question::Describe { xml } => self.document("/fileinfo", xml),
            Question::Finish { report_id } => self.form("/finish", form(report_id)),
            Question::Retract { report_id } => self.form("/retract", form(report_id)),
            Question::Upload { report_id, bytes } => self.file(report_id, bytes),
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                tracing::warn!(is_timeout = error.is_timeout(), "the authority did not answer");
                return None;
            }
        };
        let status = response.status();
        let request_id = response.headers().get("Request-ID").and_then(text);
        tracing::info!(status = status.as_u16(), "the authority answered");
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Some(Answer { request_id, ..Answer::not_let_in() });
        }
        let body = read(response, Answer::LEN_MAX).await?;
        Answer::parse(&body).ok().map(|answer| Answer { request_id, ..answer })
    }

    /// The authority's schema.
    pub(crate) async fn schema(&self) -> Result<String> {
        let to_do = "to do: check the address and the login, and try again";
        let response = self.request(Method::GET, "/xsd").send().await;
        let response = response.map_err(|_| anyhow::anyhow!("the authority did not answer\n  {to_do}"))?;
        let status = response.status();
        if status != StatusCode::OK {
            bail!("the authority answered {status} and no schema\n  {to_do}");
        }
        let body = read(response, SCHEMA_LEN_MAX)
            .await
            .with_context(|| format!("the schema did not arrive whole\n  {to_do}"))?;
        String::from_utf8(body).with_context(|| format!("the authority's schema is not UTF-8\n  {to_do}"))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.server.at(path)).timeout(self.patience);
        request.basic_auth(self.login.user.open(), Some(self.login.password.open()))
    }

    fn document(&self, path: &str, xml: &str) -> RequestBuilder {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "text/xml; charset=utf-8");
        request.body(xml.to_owned())
    }

    fn form(&self, path: &str, body: String) -> RequestBuilder {
        self.request(Method::POST, path).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    }

    /// RFC 7578, with a boundary of chance that no file can hold by accident. The file's own name is not sent: it can
    /// name a person.
    fn file(&self, report_id: i64, bytes: Vec<u8>) -> RequestBuilder {
        let boundary = crate::chance::token();
        let mut body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n{report_id}\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(&bytes);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        let request = self.request(Method::POST, "/upload").header(CONTENT_TYPE, kind);
        request.timeout(self.patience.max(PATIENCE_FILE.min(self.patience * 60))).body(body)
    }
}

fn text(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    Some(text.chars().filter(|c| c.is_ascii_graphic()).take(100).collect())
}

/// The body, if it arrives whole and is no longer than `len_max`.
async fn read(mut response: reqwest::Response, len_max: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > len_max {
            return None;
        }
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(feature = "production"))]
    fn a_server_that_is_not_for_tests_cannot_be_named() {
        for right in [
            "http://127.0.0.1:8421",
            "http://localhost:8421/ispws",
            "http://[::1]:1",
            "https://exttest.cybertip.org/ispws/",
        ] {
            assert!(Server::new(right).is_ok(), "{right}");
        }
        for wrong in [
            concat!("https://", "report.", "cybertip.org/ispws"),
            "https://exttest.cybertip.org.example.org/ispws",
            "http://exttest.cybertip.org/ispws",
            "https://example.org",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
            "file:///etc/passwd",
            "",
        ] {
            assert!(Server::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_login_prints_nothing() {
        let login = Login::new("a name", "a password");
        assert_eq!(format!("{:?} {:?}", login.user, login.password), "[sealed] [sealed]");
    }
}
