//! How do guarded pictures and sound become tags?
//!
//! H.264 by openh264 (BSD) and AAC in FLV, each tag as soon as it is ready; a picture that needs no other comes every
//! second, so that a player can be switched over soon.

use std::time::Duration;

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks, AppSrc};
use gst_video::{VideoFormat, VideoInfo};

use super::codecs::load_one;
use super::tag::Tag;
use super::{make, unfit};
use crate::Error;

/// Sound leaves with this many samples a second, in two channels of 16 bits.
pub(super) const RATE: u64 = 48_000;
/// Bytes of one sample of both channels.
pub(super) const SAMPLE_BYTES: usize = 4;
/// What waits before the encoders; older pictures give way.
const WAITING_MAX: Duration = Duration::from_secs(2);

/// Size and pace of the outgoing picture: those of the source's first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Pictures a second, as a fraction.
    pub(crate) fps: (u32, u32),
}

impl Geometry {
    /// Even sides of 64 to 1920 pixels, 1 to 60 pictures a second: what any player takes.
    pub(crate) fn fitting(width: u32, height: u32, fps: (u32, u32)) -> Geometry {
        let larger = f64::from(width.max(height).max(1));
        let factor = (1920.0 / larger).min(1.0);
        let side = |pixels: u32| ((f64::from(pixels) * factor / 2.0).round() as u32 * 2).max(64);
        let pace = f64::from(fps.0) / f64::from(fps.1.max(1));
        let fps = if (1.0..=60.0).contains(&pace) { fps } else { (25, 1) };
        Geometry { width: side(width), height: side(height), fps }
    }

    /// From one picture to the next.
    pub(super) fn frame(&self) -> Duration {
        Duration::from_secs_f64(f64::from(self.fps.1) / f64::from(self.fps.0))
    }

    /// The raw picture that is guarded and encoded.
    pub(super) fn info(&self) -> VideoInfo {
        let fps = gst::Fraction::new(self.fps.0 as i32, self.fps.1 as i32);
        let info = VideoInfo::builder(VideoFormat::I420, self.width, self.height).fps(fps);
        info.par(gst::Fraction::new(1, 1)).build().expect("sides and pace are within bounds")
    }
}

impl std::str::FromStr for Geometry {
    type Err = String;

    /// `640x360@25/1`.
    fn from_str(text: &str) -> Result<Geometry, String> {
        let parse = || {
            let (size, pace) = text.split_once('@')?;
            let (width, height) = size.split_once('x')?;
            let (n, d) = pace.split_once('/')?;
            let fps = (n.parse().ok()?, d.parse().ok()?);
            Some(Geometry::fitting(width.parse().ok()?, height.parse().ok()?, fps))
        };
        parse().ok_or_else(|| format!("{text:?} is no size and pace like 640x360@25/1"))
    }
}

impl std::fmt::Display for Geometry {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}x{}@{}/{}", self.width, self.height, self.fps.0, self.fps.1)
    }
}

/// Encoders and muxer.
pub(super) struct Encoder {
    pub(super) pipeline: gst::Pipeline,
    pub(super) picture: AppSrc,
    pub(super) sound: AppSrc,
}

/// Told each tag; says whether anyone still wants them.
pub(super) trait OnTag: FnMut(Tag) -> bool + Send + 'static {}
impl<F: FnMut(Tag) -> bool + Send + 'static> OnTag for F {}

impl Encoder {
    /// An encoder that is running.
    pub(super) fn start(geometry: &Geometry, mut on_tag: impl OnTag) -> Result<Encoder, Error> {
        let pipeline = gst::Pipeline::new();
        let picture = source(&geometry.info().to_caps().map_err(unfit)?);
        let sound = source(&sound_caps());
        let encoder = make("openh264enc")?;
        let pace = f64::from(geometry.fps.0) / f64::from(geometry.fps.1);
        let n_pixels = f64::from(geometry.width) * f64::from(geometry.height);
        // A tenth of a bit a pixel keeps film close to its source with this encoder.
        encoder.set_property("bitrate", ((n_pixels * pace * 0.1) as u32).clamp(300_000, 12_000_000));
        encoder.set_property_from_str("rate-control", "bitrate");
        encoder.set_property_from_str("complexity", "low");
        encoder.set_property("gop-size", (pace.ceil() as u32).max(1));
        let mux = make("flvmux")?;
        mux.set_property("streamable", true);
        let sink = AppSink::builder().sync(false).build();
        sink.set_property("async", false);
        let on_sample = move |sink: &AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let bytes = sample.buffer().and_then(|buffer| Some(buffer.map_readable().ok()?.to_vec()));
            match bytes.and_then(Tag::parse).is_none_or(&mut on_tag) {
                true => Ok(gst::FlowSuccess::Ok),
                false => Err(gst::FlowError::Eos),
            }
        };
        sink.set_callbacks(AppSinkCallbacks::builder().new_sample(on_sample).build());
        pipeline.add_many([&mux, sink.upcast_ref()]).map_err(unfit)?;
        let pictures = vec![picture.clone().upcast(), encoder, make("h264parse")?];
        let sounds = vec![sound.clone().upcast(), make("audioconvert")?, make("avenc_aac")?, make("aacparse")?];
        for (chain, pad) in [(pictures, "video"), (sounds, "audio")] {
            pipeline.add_many(&chain).map_err(unfit)?;
            gst::Element::link_many(&chain).map_err(unfit)?;
            let last = chain.last().expect("chains have elements");
            last.link_pads(None, &mux, Some(pad)).map_err(unfit)?;
        }
        mux.link(&sink).map_err(unfit)?;
        pipeline.set_state(gst::State::Playing).map_err(unfit)?;
        Ok(Encoder { pipeline, picture, sound })
    }

    /// Loads all code that an encoder needs.
    pub(super) fn load() {
        for name in ["openh264enc", "h264parse", "avenc_aac", "aacparse", "flvmux"] {
            load_one(name);
        }
    }
}

/// The raw sound that is encoded.
pub(super) fn sound_caps() -> gst::Caps {
    let caps = gst::Caps::builder("audio/x-raw").field("format", "S16LE").field("layout", "interleaved");
    caps.field("rate", RATE as i32).field("channels", 2i32).build()
}

fn source(caps: &gst::Caps) -> AppSrc {
    let source = AppSrc::builder().caps(caps).format(gst::Format::Time).build();
    source.set_max_bytes(0);
    source.set_max_time(gst::ClockTime::try_from(WAITING_MAX).expect("two seconds"));
    source.set_leaky_type(gst_app::AppLeakyType::Downstream);
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geometry_fits_any_player_and_is_read_as_written() {
        let text = |width, height, fps| Geometry::fitting(width, height, fps).to_string();
        assert_eq!(text(640, 360, (30000, 1001)), "640x360@30000/1001");
        assert_eq!(text(3840, 2160, (0, 1)), "1920x1080@25/1");
        assert_eq!(text(33, 0, (1000, 1)), "64x64@25/1");
        assert_eq!("641x359@25/1".parse::<Geometry>().unwrap().to_string(), "642x360@25/1");
        assert!("640x360".parse::<Geometry>().is_err());
    }
}
