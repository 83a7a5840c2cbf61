//! Which elements does a file pass through?
//!
//! ```text
//! read → decode ─┬─ video → I420, one size → [clock] → streamwardguard → encode → queue ─┬→ container → write
//!                └─ audio → samples → [clock] → streamwardmute → queue → encode ─────────┘
//! ```
//!
//! What waits for long is encoded or is sound: a second of raw 1080p has 93 MB.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gst::glib;
use gst::prelude::*;
use gst_video::VideoInfo;

use super::output::{Container, Encoder};
use super::{Job, no_frames};
use crate::Error;
use crate::detectors::lock;
use crate::element::{GuardElement, MuteElement};
use crate::stream::Pace;

/// Name of the element that writes, to tell its errors from others.
pub(super) const WRITER: &str = "writer";

/// Largest picture for H.264 level 5.2: 36,864 macroblocks of 256 pixels. Source: ITU-T H.264 table A-1.
const H264_PIXELS_MAX: u64 = 36_864 * 256;

/// A pipeline, and what went wrong while it was completed.
pub(super) struct Built {
    pub(super) pipeline: gst::Pipeline,
    pub(super) trouble: Arc<Mutex<Option<Error>>>,
}

/// What the pads of the decoder are linked to when they appear.
#[derive(Clone)]
struct Plan {
    pipeline: glib::WeakRef<gst::Pipeline>,
    guard: GuardElement,
    tail: gst::Element,
    container: Container,
    encoder: Encoder,
    policy: guard::Policy,
    pace: Pace,
    has_video: Arc<AtomicBool>,
    has_audio: Arc<AtomicBool>,
}

pub(super) fn build(job: &Job, guard: &GuardElement, partial: &Path) -> Result<Built, Error> {
    let pipeline = gst::Pipeline::new();
    let container = Container::of(&job.output)?;
    let source = make("filesrc")?;
    source.set_property("location", location(&job.input)?);
    let decoder = make("decodebin")?;
    let writer = gst::ElementFactory::make("filesink").name(WRITER).build().map_err(|_| missing("filesink"))?;
    writer.set_property("location", location(partial)?);
    if job.pace == Pace::Live {
        // Waiting for a first frame before the clock runs would let a burst of frames in.
        writer.set_property("async", false);
    }
    let tail = match container {
        Container::Mp4 => make("mp4mux")?,
        Container::Matroska => make("matroskamux")?,
        Container::Webm => make("webmmux")?,
        Container::Y4m => make("y4menc")?,
    };
    let elements = [&source, &decoder, &tail, &writer];
    pipeline.add_many(elements).map_err(|_| missing("a pipeline"))?;
    source.link(&decoder).and_then(|()| tail.link(&writer)).map_err(|_| missing("links"))?;
    let plan = Plan {
        pipeline: pipeline.downgrade(),
        guard: guard.clone(),
        tail,
        container,
        encoder: job.encoder,
        policy: job.policy.clone(),
        pace: job.pace,
        has_video: Arc::default(),
        has_audio: Arc::default(),
    };
    let trouble = Arc::new(Mutex::new(None));
    connect(&decoder, plan, &trouble, &job.input);
    Ok(Built { pipeline, trouble })
}

fn connect(decoder: &gst::Element, plan: Plan, trouble: &Arc<Mutex<Option<Error>>>, input: &Path) {
    let (linking, told) = (plan.clone(), Arc::clone(trouble));
    decoder.connect_pad_added(move |_, pad| {
        if let Err(error) = linking.link(pad) {
            *lock(&told) = Some(error);
        }
    });
    let (told, input) = (Arc::clone(trouble), input.to_owned());
    decoder.connect_no_more_pads(move |_| {
        if !plan.has_video.load(Ordering::SeqCst) {
            lock(&told).get_or_insert(no_frames(&input));
        }
    });
}

impl Plan {
    fn link(&self, pad: &gst::Pad) -> Result<(), Error> {
        let Some(pipeline) = self.pipeline.upgrade() else { return Ok(()) };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let kind = caps.structure(0).map(|structure| structure.name().to_string()).unwrap_or_default();
        let elements = match kind.as_str() {
            "video/x-raw" if !self.has_video.swap(true, Ordering::SeqCst) => self.video(&caps)?,
            "audio/x-raw" if self.takes_audio() && !self.has_audio.swap(true, Ordering::SeqCst) => self.audio()?,
            _ => return discard(&pipeline, pad),
        };
        pipeline.add_many(&elements).map_err(|_| missing("a branch"))?;
        gst::Element::link_many(&elements).map_err(|_| missing("a branch"))?;
        let last = elements.last().expect("branches have elements");
        last.link(&self.tail).map_err(|_| missing("a place in the container"))?;
        for element in elements.iter().rev() {
            element.sync_state_with_parent().map_err(|_| missing("a branch"))?;
        }
        let sink = elements[0].static_pad("sink").expect("queues have a sink pad");
        pad.link(&sink).map(|_| ()).map_err(|_| missing("a branch"))
    }

    fn clock(&self) -> Result<Option<gst::Element>, Error> {
        match self.pace {
            Pace::Exact => Ok(None),
            Pace::Live => make("clocksync").map(Some),
        }
    }

    fn takes_audio(&self) -> bool {
        self.container != Container::Y4m
    }

    fn video(&self, caps: &gst::Caps) -> Result<Vec<gst::Element>, Error> {
        let info = VideoInfo::from_caps(caps).map_err(|_| missing("a raw video format"))?;
        let mut elements = vec![few_frames()?, make("videoconvert")?, make("videoscale")?, one_size(&info)?];
        elements.extend(self.clock()?);
        elements.push(self.guard.clone().upcast());
        elements.push(match self.pace {
            Pace::Exact => few_frames()?,
            Pace::Live => half_a_second()?,
        });
        elements.extend(self.video_encoder(&info)?);
        if self.takes_audio() {
            elements.push(long_queue()?);
        }
        Ok(elements)
    }

    fn video_encoder(&self, info: &VideoInfo) -> Result<Vec<gst::Element>, Error> {
        let n_pixels = u64::from(info.width()) * u64::from(info.height());
        let fits_h264 = n_pixels <= H264_PIXELS_MAX && info.width().min(info.height()) >= 16;
        let fps =
            if info.fps().numer() > 0 { f64::from(info.fps().numer()) / f64::from(info.fps().denom()) } else { 30.0 };
        // A tenth of a bit a pixel keeps film close to its source with these encoders.
        let bits_a_second = ((n_pixels as f64 * fps.clamp(1.0, 120.0) * 0.1) as u32).clamp(300_000, 60_000_000);
        match (self.container, self.encoder) {
            (Container::Y4m, _) => Ok(Vec::new()),
            (Container::Mp4, Encoder::Vp8) => Err(unfit("VP8 does not go into MP4")),
            (Container::Webm, Encoder::Openh264 | Encoder::X264) => Err(unfit("H.264 does not go into WebM")),
            (Container::Mp4, _) if !fits_h264 => Err(unfit("the picture is too large or too small for H.264")),
            (_, Encoder::X264) => x264(bits_a_second),
            (Container::Webm, _) | (_, Encoder::Vp8) => vp8(bits_a_second),
            (Container::Matroska, Encoder::Auto) if !fits_h264 || info.width() % 2 + info.height() % 2 > 0 => {
                vp8(bits_a_second)
            }
            (Container::Mp4 | Container::Matroska, _) => openh264(bits_a_second),
        }
    }

    fn audio(&self) -> Result<Vec<gst::Element>, Error> {
        let mut elements = vec![make("queue")?, make("audioconvert")?, make("audioresample")?];
        elements.extend(self.clock()?);
        if self.policy.audio.mute {
            let mute = MuteElement::default();
            let hold_ms = if self.pace == Pace::Live { self.policy.timing.hold_ms } else { 0 };
            mute.set_property("channel", self.guard.property::<String>("channel"));
            mute.set_property("hold-ms", hold_ms);
            mute.set_property("lead-ms", self.policy.audio.lead_ms);
            mute.set_property("tail-ms", self.policy.audio.tail_ms);
            elements.push(mute.upcast());
        }
        elements.extend([long_queue()?, make("audioconvert")?, make("audioresample")?]);
        match self.container {
            Container::Mp4 => elements.extend([make("avenc_aac")?, make("aacparse")?]),
            Container::Matroska | Container::Webm | Container::Y4m => elements.push(make("opusenc")?),
        }
        Ok(elements)
    }
}

fn openh264(bits_a_second: u32) -> Result<Vec<gst::Element>, Error> {
    let encoder = make("openh264enc")?;
    encoder.set_property("bitrate", bits_a_second);
    encoder.set_property_from_str("rate-control", "bitrate");
    encoder.set_property("gop-size", 60u32);
    spare_draining(&encoder);
    Ok(vec![encoder, make("h264parse")?])
}

/// Leads the end of the stream past openh264: it holds no frame back, and asked for one more it prints an error of its
/// own on standard error.
fn spare_draining(encoder: &gst::Element) {
    let [sink, src] = ["sink", "src"].map(|name| encoder.static_pad(name).expect("encoders have these pads"));
    let src = src.downgrade();
    sink.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let is_end = info.event().is_some_and(|event| event.type_() == gst::EventType::Eos);
        let Some(src) = src.upgrade().filter(|_| is_end) else { return gst::PadProbeReturn::Ok };
        if let Some(gst::PadProbeData::Event(end)) = info.data.take() {
            src.push_event(end);
        }
        gst::PadProbeReturn::Handled
    });
}

fn vp8(bits_a_second: u32) -> Result<Vec<gst::Element>, Error> {
    let encoder = make("vp8enc")?;
    encoder.set_property("target-bitrate", i32::try_from(bits_a_second).unwrap_or(i32::MAX));
    encoder.set_property("deadline", 1i64);
    encoder.set_property("cpu-used", 8i32);
    encoder.set_property("keyframe-max-dist", 60i32);
    Ok(vec![encoder])
}

fn x264(bits_a_second: u32) -> Result<Vec<gst::Element>, Error> {
    let encoder = make("x264enc")?;
    encoder.set_property("bitrate", bits_a_second / 1000);
    encoder.set_property_from_str("speed-preset", "veryfast");
    Ok(vec![encoder, make("h264parse")?])
}

/// Every frame leaves with the size of the first: containers do not take a change midway.
fn one_size(info: &VideoInfo) -> Result<gst::Element, Error> {
    let caps = gst_video::VideoCapsBuilder::new()
        .format(gst_video::VideoFormat::I420)
        .width(info.width() as i32)
        .height(info.height() as i32)
        .build();
    let filter = make("capsfilter")?;
    filter.set_property("caps", caps);
    Ok(filter)
}

/// A few frames: enough for two threads to meet.
pub(super) fn few_frames() -> Result<gst::Element, Error> {
    limited(3, 0)
}

/// By the clock the guard must not wait for an encoder that is slow now and then.
fn half_a_second() -> Result<gst::Element, Error> {
    limited(0, 500)
}

/// Longer than the sound's lead over the picture, so that neither waits for the other at the container.
fn long_queue() -> Result<gst::Element, Error> {
    limited(0, 1500)
}

/// A queue of so many buffers or milliseconds; 0 sets no limit.
fn limited(n_buffers: u32, length_ms: u64) -> Result<gst::Element, Error> {
    let queue = make("queue")?;
    queue.set_property("max-size-buffers", n_buffers);
    queue.set_property("max-size-bytes", 0u32);
    queue.set_property("max-size-time", length_ms * 1_000_000);
    Ok(queue)
}

pub(super) fn discard(pipeline: &gst::Pipeline, pad: &gst::Pad) -> Result<(), Error> {
    let sink = make("fakesink")?;
    sink.set_property("sync", false);
    sink.set_property("async", false);
    pipeline.add(&sink).and_then(|()| sink.sync_state_with_parent()).map_err(|_| missing("fakesink"))?;
    let to = sink.static_pad("sink").expect("sinks have a sink pad");
    pad.link(&to).map(|_| ()).map_err(|_| missing("fakesink"))
}

/// The framework takes names of files as text.
pub(super) fn location(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| Error::Media {
        what: format!("cannot use the name {}", path.display()),
        detail: "it is not UTF-8".into(),
        todo: "rename the file",
    })
}

pub(super) fn make(name: &'static str) -> Result<gst::Element, Error> {
    gst::ElementFactory::make(name).build().map_err(|_| missing(name))
}

pub(super) fn missing(name: &str) -> Error {
    Error::Media {
        what: format!("GStreamer cannot give {name}"),
        detail: "an element is missing or does not fit".into(),
        todo: "run `streamward doctor` to see which packages are missing",
    }
}

fn unfit(detail: &str) -> Error {
    Error::Media {
        what: "cannot encode this video".into(),
        detail: detail.into(),
        todo: "write to a name that ends in .mkv, or choose another --encoder",
    }
}
