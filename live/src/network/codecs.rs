//! What can the checker decode?
//!
//! A short list, each with a decoder that is made once before the sandbox closes. Anything else is not decoded, and what
//! is not decoded is not shown.

use gst::prelude::*;

use super::make;
use crate::Error;

/// Containers, by the name of their caps.
const CONTAINERS: [(&str, &str); 2] = [("video/x-flv", "flvdemux"), ("video/mpegts", "tsdemux")];

/// Containers of files, besides. They are known by their first bytes.
const FILES: [&str; 5] = ["qtdemux", "matroskademux", "avidemux", "oggdemux", "mpegpsdemux"];

/// Payloads of RTP, by their name. Source: the registrations in IANA's "RTP Payload Format Media Types".
const PAYLOADS: [(&str, &str); 12] = [
    ("H264", "rtph264depay"),
    ("H265", "rtph265depay"),
    ("VP8", "rtpvp8depay"),
    ("VP9", "rtpvp9depay"),
    ("JPEG", "rtpjpegdepay"),
    ("MP4V-ES", "rtpmp4vdepay"),
    ("MPEG4-GENERIC", "rtpmp4gdepay"),
    ("MP4A-LATM", "rtpmp4adepay"),
    ("OPUS", "rtpopusdepay"),
    ("PCMU", "rtppcmudepay"),
    ("PCMA", "rtppcmadepay"),
    ("MPA", "rtpmpadepay"),
];

/// A codec: the caps that name it, a field that tells it from its relatives, and its parser and decoder.
struct Codec {
    caps: &'static str,
    version: Option<&'static [i32]>,
    elements: &'static [&'static str],
}

const CODECS: [Codec; 16] = [
    Codec { caps: "video/x-h264", version: None, elements: &["h264parse", "avdec_h264"] },
    Codec { caps: "video/x-h265", version: None, elements: &["h265parse", "avdec_h265"] },
    Codec { caps: "video/x-vp8", version: None, elements: &["vp8dec"] },
    Codec { caps: "video/x-vp9", version: None, elements: &["vp9dec"] },
    Codec { caps: "image/jpeg", version: None, elements: &["jpegdec"] },
    Codec { caps: "video/mpeg", version: Some(&[1, 2]), elements: &["mpegvideoparse", "avdec_mpeg2video"] },
    Codec { caps: "video/mpeg", version: Some(&[4]), elements: &["mpeg4videoparse", "avdec_mpeg4"] },
    Codec { caps: "video/x-theora", version: None, elements: &["theoradec"] },
    Codec { caps: "video/x-av1", version: None, elements: &["av1parse", "av1dec"] },
    Codec { caps: "audio/mpeg", version: Some(&[1]), elements: &["mpegaudioparse", "avdec_mp3"] },
    Codec { caps: "audio/mpeg", version: Some(&[2, 4]), elements: &["aacparse", "avdec_aac"] },
    Codec { caps: "audio/x-ac3", version: None, elements: &["ac3parse", "avdec_ac3"] },
    Codec { caps: "audio/x-opus", version: None, elements: &["opusparse", "opusdec"] },
    Codec { caps: "audio/x-mulaw", version: None, elements: &["mulawdec"] },
    Codec { caps: "audio/x-alaw", version: None, elements: &["alawdec"] },
    Codec { caps: "audio/x-raw", version: None, elements: &[] },
];

/// The next element towards raw pictures or sound.
pub(crate) enum Next {
    /// One with pads of its own making.
    Demux(gst::Element),
    /// A chain of these, in order.
    Chain(Vec<gst::Element>),
    /// Nothing more: these are pictures or sound already.
    Raw,
    /// Nothing here takes it.
    Unknown,
}

/// What takes media of this kind?
///
/// # Errors
/// When an element of the list is not installed.
pub(crate) fn next(caps: &gst::CapsRef) -> Result<Next, Error> {
    let Some(facts) = caps.structure(0) else { return Ok(Next::Unknown) };
    let name = facts.name().as_str();
    if matches!(name, "video/x-raw" | "audio/x-raw") {
        return Ok(Next::Raw);
    }
    if let Some((_, demux)) = CONTAINERS.iter().find(|(caps, _)| *caps == name) {
        return make(demux).map(Next::Demux);
    }
    if name == "application/x-rtp" {
        let payload = facts.get::<&str>("encoding-name").unwrap_or_default();
        let found = PAYLOADS.iter().find(|(name, _)| name.eq_ignore_ascii_case(payload));
        return found.map_or(Ok(Next::Unknown), |(_, depay)| Ok(Next::Chain(vec![make(depay)?])));
    }
    let version = facts.get::<i32>("mpegversion").ok();
    let is_it = |codec: &&Codec| {
        codec.caps == name && codec.version.is_none_or(|wanted| version.is_some_and(|is| wanted.contains(&is)))
    };
    match CODECS.iter().find(is_it) {
        Some(codec) => codec.elements.iter().map(|name| decoder(name)).collect::<Result<_, _>>().map(Next::Chain),
        None => Ok(Next::Unknown),
    }
}

/// Makes every element once, so that its code is loaded before the sandbox closes. Codecs that are not installed are
/// left out; without them their sources are covered.
pub(crate) fn load() {
    let names = CONTAINERS.iter().chain(&PAYLOADS).map(|(_, element)| *element);
    let names = names.chain(FILES).chain(CODECS.iter().flat_map(|codec| codec.elements.iter().copied()));
    for name in
        names.chain(["videoconvert", "videoscale", "audioconvert", "audioresample", "capsfilter", "queue", "fakesink"])
    {
        load_one(name);
    }
}

/// Loading is more than making: libraries of a decoder come with its first state.
pub(super) fn load_one(name: &str) {
    if let Ok(element) = gst::ElementFactory::make(name).build() {
        let _ = element.set_state(gst::State::Ready);
        let _ = element.set_state(gst::State::Null);
    }
}

/// A decoder that gives each picture as soon as it can: threads by frames would add a frame of delay each.
fn decoder(name: &str) -> Result<gst::Element, Error> {
    let element = make(name)?;
    if element.has_property("max-threads") {
        element.set_property("max-threads", 1i32);
    }
    Ok(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(caps: &str) -> &'static str {
        let caps: gst::Caps = caps.parse().unwrap();
        match next(&caps).unwrap() {
            Next::Demux(_) => "demux",
            Next::Chain(_) => "chain",
            Next::Raw => "raw",
            Next::Unknown => "unknown",
        }
    }

    #[test]
    fn listed_media_are_decoded_and_no_other() {
        crate::start_media().unwrap();
        assert_eq!(kind("video/x-flv"), "demux");
        assert_eq!(kind("application/x-rtp, media=video, encoding-name=H264"), "chain");
        assert_eq!(kind("audio/mpeg, mpegversion=4"), "chain");
        assert_eq!(kind("video/x-raw, format=I420"), "raw");
        for caps in
            ["application/x-rtp, encoding-name=X-OTHER", "video/x-cinepak", "audio/mpeg", "text/x-raw", "image/svg+xml"]
        {
            assert_eq!(kind(caps), "unknown", "{caps}");
        }
    }
}
