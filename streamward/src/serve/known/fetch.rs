//! May this address be fetched, and what lies there?
//!
//! Whoever can make a server fetch an address can make it ask its neighbours: a cloud's metadata, a database, itself.
//! So nothing is fetched unless hosts are allowed by name; then only by https, on the standard port, from a host of
//! exactly that name, at an address that is public by the time it is connected to, without following anywhere else, and
//! no more than so many bytes and seconds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, bail};
use axum::http::StatusCode;
use reqwest::Url;
use reqwest::redirect::Policy;

use super::answers::Refusal;

/// The largest file that is fetched, as in Hasher-Matcher-Actioner.
const BYTES_MAX: usize = 100 << 20;
const TIMEOUT: Duration = Duration::from_secs(20);

/// Fetches from allowed hosts.
pub(super) struct Fetcher {
    hosts: Vec<String>,
    /// What is asked of an address, and of a scheme; tests reach a server of their own.
    is_allowed: fn(IpAddr) -> bool,
    scheme: &'static str,
}

impl Fetcher {
    /// Hosts are whole names, such as `pictures.example.org`; without any, nothing is ever fetched.
    pub(super) fn new(hosts: &[String]) -> Result<Fetcher> {
        for host in hosts {
            let is_name = host.contains('.')
                && host.parse::<IpAddr>().is_err()
                && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
            if !is_name || host.starts_with('.') || host.ends_with('.') {
                bail!(
                    "cannot allow the host \"{host}\"\n  to do: give a whole name in small letters, such as pictures.example.org"
                );
            }
        }
        Ok(Fetcher { hosts: hosts.to_vec(), is_allowed: is_public, scheme: "https" })
    }

    /// What lies at an address.
    pub(super) async fn fetch(&self, url: &str) -> Result<Vec<u8>, Refusal> {
        let (url, host, port) = self.check(url)?;
        // Resolved once, here: the connection goes to the very address that was looked at.
        let found = tokio::net::lookup_host((host.as_str(), port)).await;
        let addresses: Vec<SocketAddr> = found.map_err(|_| Refusal::bad("this host has no address"))?.collect();
        if addresses.is_empty() || !addresses.iter().all(|address| (self.is_allowed)(address.ip())) {
            return Err(Refusal::bad("this host has an address that is not public"));
        }
        let gone = |_| Refusal(StatusCode::BAD_GATEWAY, "the address could not be fetched".into());
        // Another part of the program may have chosen one already; both choose the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .resolve_to_addrs(&host, &addresses)
            .build()
            .map_err(gone)?;
        let mut response = client.get(url).send().await.map_err(gone)?;
        if !response.status().is_success() {
            // Where a redirection leads is not told either: it says something of what is behind.
            return Err(Refusal(StatusCode::BAD_GATEWAY, "the address answers something else than a file".into()));
        }
        let too_large =
            || Refusal(StatusCode::PAYLOAD_TOO_LARGE, format!("more than {BYTES_MAX} bytes are not fetched"));
        if response.content_length().is_some_and(|n_bytes| n_bytes > BYTES_MAX as u64) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(gone)? {
            if bytes.len() + piece.len() > BYTES_MAX {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// What can be told before anything is asked.
    fn check(&self, url: &str) -> Result<(Url, String, u16), Refusal> {
        if self.hosts.is_empty() {
            return Err(Refusal(
                StatusCode::FORBIDDEN,
                "fetching is off; the service can be started with --allow-host".into(),
            ));
        }
        let url = Url::parse(url).map_err(|_| Refusal::bad("this is not an address"))?;
        if url.scheme() != self.scheme {
            return Err(Refusal::bad(format_args!("only {} is fetched", self.scheme)));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::bad("an address with a name or password is not fetched"));
        }
        let (Some(host), Some(port)) = (url.host_str().map(str::to_owned), url.port_or_known_default()) else {
            return Err(Refusal::bad("this address has no host"));
        };
        if !self.hosts.contains(&host) {
            return Err(Refusal(StatusCode::FORBIDDEN, "this host is not one of those that are allowed".into()));
        }
        if url.port().is_some() && self.scheme == "https" {
            return Err(Refusal::bad("only the standard port is fetched from"));
        }
        Ok((url, host, port))
    }
}

/// Whether an address belongs to the public internet.
///
/// Source: the special-purpose registries of IANA (RFC 6890 and its successors), and 168.63.129.16, which is public and
/// answers as the metadata of a cloud.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    !matches!(
        (a, b, c, d),
        (0 | 10 | 127, ..)
            | (100, 64..=127, ..)
            | (169, 254, ..)
            | (172, 16..=31, ..)
            | (192, 0, 0 | 2, _)
            | (192, 88, 99, _)
            | (192, 168, ..)
            | (198, 18..=19, ..)
            | (198, 51, 100, _)
            | (203, 0, 113, _)
            | (224..=255, ..)
            | (168, 63, 129, 16)
    )
}

/// Only 2000::/3 is given out, and within it some carry or stand for IPv4 addresses.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    match (first, second) {
        (0x2001, 0x0000..=0x01ff | 0x0db8) => false,
        (0x2002, _) => is_public_v4(Ipv4Addr::from(u32::from(second) << 16 | u32::from(third))),
        (0x3fff, 0x0000..=0x0fff) => false,
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::response::Redirect;
    use axum::routing::get;

    use super::*;

    fn message(refusal: Refusal) -> String {
        format!("{} {}", refusal.0.as_u16(), refusal.1)
    }

    /// Addresses that somebody would try. Each is refused before anything is connected to.
    const FORGED: [&str; 34] = [
        "http://pictures.example.org/a.jpg",
        "ftp://pictures.example.org/a.jpg",
        "file:///etc/passwd",
        "gopher://pictures.example.org:6379/_INFO",
        "data:image/png;base64,AAAA",
        "https://",
        "pictures.example.org/a.jpg",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0/",
        "https://localhost/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[fd00:ec2::254]/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://168.63.129.16/machine",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/admin",
        "https://100.64.0.1/",
        "https://pictures.example.org.evil.example/a.jpg",
        "https://evil.example/pictures.example.org",
        "https://evil-pictures.example.org/a.jpg",
        "https://sub.pictures.example.org/a.jpg",
        "https://pictures.example.org./a.jpg",
        "https://pictures.example.org@127.0.0.1/",
        "https://127.0.0.1#@pictures.example.org/",
        "https://pictures.example.org:8443/a.jpg",
        "https://user:secret@pictures.example.org/a.jpg",
    ];

    #[tokio::test]
    async fn every_forged_address_is_refused() {
        let fetcher = Fetcher::new(&["pictures.example.org".into()]).unwrap();
        let off = Fetcher::new(&[]).unwrap();
        for url in FORGED {
            assert!(fetcher.check(url).is_err(), "{url}");
            assert!(fetcher.fetch(url).await.is_err(), "{url}");
            assert!(message(off.check(url).err().unwrap()).starts_with("403 fetching is off"), "{url}");
        }
        assert!(fetcher.check("https://pictures.example.org/a.jpg?b=1").is_ok());
        assert!(fetcher.check("https://PICTURES.example.org/a.jpg").is_ok(), "the same host");
    }

    #[test]
    fn hosts_are_allowed_by_whole_names_only() {
        for host in
            ["127.0.0.1", "localhost", "*.example.org", ".example.org", "example.org.", "Example.org", "::1", ""]
        {
            assert!(Fetcher::new(&[host.into()]).is_err(), "{host}");
        }
    }

    #[test]
    fn only_public_addresses_are_public() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::a00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "2002:7f00:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "3fff::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in
            ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "192.1.0.1", "2606:4700::1111", "2002:808:808::1"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    /// A host on the list whose address has become private, and one that leads elsewhere.
    #[tokio::test]
    async fn a_private_address_and_a_redirection_are_refused() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = Router::new()
            .route("/file", get(async || "bytes"))
            .route("/away", get(async || Redirect::temporary("/file")))
            .route("/inside", get(async || Redirect::permanent("http://169.254.169.254/latest/meta-data/")));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let url = |path: &str| format!("http://localhost:{port}/{path}");
        let reach = |is_allowed| Fetcher { hosts: vec!["localhost".into()], is_allowed, scheme: "http" };
        assert_eq!(reach(|_| true).fetch(&url("file")).await.ok().unwrap(), b"bytes");
        let refused = reach(is_public).fetch(&url("file")).await.err().map(message).unwrap();
        assert!(refused.contains("not public"), "{refused}");
        for path in ["away", "inside", "missing"] {
            let refused = reach(|_| true).fetch(&url(path)).await.err().map(message).unwrap();
            assert!(refused.starts_with("502"), "{path}: {refused}");
        }
    }
}
