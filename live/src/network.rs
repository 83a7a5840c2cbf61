//! How does a stream on a network pass through the guard?
//!
//! ```text
//! source ──▶ pull ──▶ checker ──▶ keeper ──▶ push ──▶ server
//!            sockets   decodes     neither    sockets
//!            bytes     and judges             tags
//! ```
//!
//! Four processes and the pipes between them. [`mod@pull`] and [`mod@push`] own the sockets and move encoded bytes; neither has
//! a decoder, nor a pipe to the other. The [`mod@checker`] demultiplexes, decodes, judges and encodes, and its sandbox
//! leaves it nothing but its pipes. The keeper ([`crate::keeper`]) starts them, hears whether they live, and passes on
//! what the checker lets through. When the checker is dead, stopped or late, push sends a cover that was encoded
//! beforehand; there is no way from pull to push that the source could take.

mod record;
pub(crate) mod pulse;
mod tag;
mod outgoing;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod checker;
pub(crate) mod codecs;
mod intake;
mod playout;
mod encode;

pub(crate) use record::Record;

use std::time::Duration;

use crate::Error;

/// How often a part says that it lives.
pub(crate) const BEAT: Duration = Duration::from_millis(100);
/// The first pause before another try, and the longest.
pub(crate) const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

/// Which protocol a URL speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `rtmp://` and `rtmps://`.
    Rtmp,
    /// `rtsp://` and `rtsps://`.
    Rtsp,
    /// `srt://`.
    Srt,
}

impl Protocol {
    /// By the URL's scheme.
    ///
    /// # Errors
    /// [`Error::Media`] for any other.
    pub(crate) fn of(url: &str) -> Result<Protocol, Error> {
        match url.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest)) {
            Some((scheme, rest)) if !rest.is_empty() => match scheme.as_str() {
                "rtmp" | "rtmps" => Ok(Protocol::Rtmp),
                "rtsp" | "rtsps" | "rtspt" | "rtspu" => Ok(Protocol::Rtsp),
                "srt" => Ok(Protocol::Srt),
                _ => Err(no_protocol(url)),
            },
            _ => Err(no_protocol(url)),
        }
    }
}

fn no_protocol(url: &str) -> Error {
    Error::Media {
        what: format!("cannot use the address {}", without_secrets(url)),
        detail: "it names no protocol of live video".into(),
        todo: "give an address that begins with rtmp://, rtsp:// or srt://",
    }
}

/// A URL as people may see it: without user, password, stream key and query.
pub(crate) fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "that is no URL".into() };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}/…")
}

/// Milliseconds of the machine's monotonic clock, the same in every process.
pub(crate) fn now_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// Doubles from the first pause to the longest.
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff(BACKOFF.0)
    }
}

impl Backoff {
    /// How long to wait this time.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (self.0 * 2).min(BACKOFF.1);
        pause
    }
}

/// A pipeline element, or the package it is missing from.
pub(crate) fn make(name: &str) -> Result<gst::Element, Error> {
    gst::ElementFactory::make(name).build().map_err(|_| Error::Media {
        what: format!("GStreamer cannot give {name}"),
        detail: "an element is missing".into(),
        todo: "run `streamward doctor` to see which packages are missing",
    })
}

/// Elements that do not fit together, which a test would have shown.
pub(crate) fn unfit(error: impl std::fmt::Display) -> Error {
    Error::Media {
        what: "GStreamer cannot join the parts of the stream".into(),
        detail: error.to_string(),
        todo: "run `streamward doctor` to see which packages are missing",
    }
}

/// Ends a pipeline. Nothing could be done if that failed.
pub(crate) fn stop(pipeline: &gst::Pipeline) {
    use gst::prelude::*;
    let _ = pipeline.set_state(gst::State::Null);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_secrets() {
        assert_eq!(without_secrets("rtmp://me:word@host:1935/live/key?a=b"), "rtmp://host:1935/…");
        assert_eq!(without_secrets("srt://host:9?passphrase=word"), "srt://host:9/…");
        assert_eq!(without_secrets("a word"), "that is no URL");
    }

    #[test]
    fn other_protocols_are_refused() {
        assert_eq!(Protocol::of("RTMP://a/b").unwrap(), Protocol::Rtmp);
        assert_eq!(Protocol::of("rtsp://a/b").unwrap(), Protocol::Rtsp);
        for url in ["http://a/b", "a", "", "rtmp://", "file:///etc/passwd"] {
            assert!(Protocol::of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..8).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    }
}
