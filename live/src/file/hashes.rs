//! Which hashes do the frames of a video have?
//!
//! As vPDQ asks: each frame is hashed at its own size, without shrinking, and numbered as it is shown.
//! The luma is the Y plane stretched to `0..=255`, which is what a conversion to RGB by BT.601 and back gives:
//! the reference converts that way whatever the video says of its colours.
//! Source: `filehasher.cpp` and `pdqbufferhasher.cpp` in facebook/ThreatExchange.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoCapsBuilder, VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo};
use known::pdq::{Hasher, Luma};
use known::vpdq::{FEATURES_MAX, Feature};

use super::branches::{discard, few_frames, location, make, missing};
use super::{check_input, no_frames};
use crate::Error;
use crate::detectors::lock;

/// A decoder that gives no frame for this long is taken for stuck.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Frames that wait to be taken by the caller.
const N_WAITING: usize = 64;
/// Sound often runs on a little after the picture; a file that is cut off lacks more.
const UNREAD_MIN: Duration = Duration::from_secs(1);

/// How the reading of a video ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Frames that were hashed.
    pub n_hashed: u64,
    /// By how much the video ended before the file's own length, 0 where it did not.
    pub unread_ms: u64,
    /// What stopped the reading before the end.
    pub stopped_by: Option<String>,
}

/// Hashes one frame in each `every_s` seconds, or all frames with 0, and gives them in the order they are shown.
///
/// # Errors
/// [`Error::Read`] or [`Error::Media`] when not a single frame can be had.
pub fn run(input: &Path, every_s: f64, mut on_frame: impl FnMut(Feature)) -> Result<Ended, Error> {
    crate::start_media()?;
    check_input(input)?;
    let (sender, frames) = sync_channel(N_WAITING);
    let pipeline = build(input, every_s, sender)?;
    let mut ended = Ended { n_hashed: 0, unread_ms: 0, stopped_by: None };
    // A failure to start is told on the bus, with its reason.
    let _ = pipeline.set_state(gst::State::Playing);
    let outcome = take(&pipeline, &frames, &mut ended, &mut on_frame);
    drop(frames);
    let _ = pipeline.set_state(gst::State::Null);
    match (outcome, ended.n_hashed) {
        (Ok(()), 1..) => Ok(ended),
        (Ok(()), 0) => Err(no_frames(input)),
        (Err(detail), 1..) => Ok(Ended { stopped_by: Some(detail), ..ended }),
        (Err(detail), 0) => Err(Error::Media {
            what: format!("cannot read the video {}", input.display()),
            detail,
            todo: "check that the file is a video that other players can play",
        }),
    }
}

fn build(input: &Path, every_s: f64, sender: SyncSender<Feature>) -> Result<gst::Pipeline, Error> {
    let pipeline = gst::Pipeline::new();
    let (source, decoder) = (make("filesrc")?, make("decodebin")?);
    source.set_property("location", location(input)?);
    pipeline.add_many([&source, &decoder]).map_err(|_| missing("a pipeline"))?;
    source.link(&decoder).map_err(|_| missing("links"))?;
    let (weak, sender) = (pipeline.downgrade(), Mutex::new(Some(sender)));
    decoder.connect_pad_added(move |decoder, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let is_video = caps.structure(0).is_some_and(|structure| structure.name() == "video/x-raw");
        // The first picture stream is the video; a second one, sound and subtitles are let go.
        let linked = match is_video.then(|| lock(&sender).take()).flatten() {
            Some(sender) => branch(&pipeline, pad, every_s, sender),
            None => discard(&pipeline, pad),
        };
        if let Err(error) = linked {
            gst::element_error!(decoder, gst::CoreError::Pad, ("{error}"));
        }
    });
    Ok(pipeline)
}

fn branch(pipeline: &gst::Pipeline, pad: &gst::Pad, every_s: f64, sender: SyncSender<Feature>) -> Result<(), Error> {
    let (queue, convert, filter, sink) = (few_frames()?, make("videoconvert")?, make("capsfilter")?, make("fakesink")?);
    filter.set_property("caps", VideoCapsBuilder::new().format(VideoFormat::I420).build());
    sink.set_property("sync", false);
    let elements = [&queue, &convert, &filter, &sink];
    pipeline.add_many(elements).map_err(|_| missing("a branch"))?;
    gst::Element::link_many(elements).map_err(|_| missing("a branch"))?;
    let last = sink.static_pad("sink").expect("sinks have a sink pad");
    let frames = Arc::new(Mutex::new(Frames {
        every_s,
        sender,
        n_seen: 0,
        first: None,
        hasher: Hasher::default(),
        luma: Vec::new(),
    }));
    last.add_probe(gst::PadProbeType::BUFFER, move |pad, info| match (info.buffer(), pad.current_caps()) {
        (Some(buffer), Some(caps)) if lock(&frames).take(buffer, &caps).is_some() => gst::PadProbeReturn::Ok,
        _ => gst::PadProbeReturn::Remove,
    });
    for element in elements.iter().rev() {
        element.sync_state_with_parent().map_err(|_| missing("a branch"))?;
    }
    let first = queue.static_pad("sink").expect("queues have a sink pad");
    pad.link(&first).map(|_| ()).map_err(|_| missing("a branch"))
}

/// Hashes the frames that come by.
struct Frames {
    every_s: f64,
    sender: SyncSender<Feature>,
    n_seen: u32,
    first: Option<gst::ClockTime>,
    hasher: Hasher,
    luma: Vec<f32>,
}

impl Frames {
    /// `None` when nobody wants further frames.
    fn take(&mut self, buffer: &gst::BufferRef, caps: &gst::CapsRef) -> Option<()> {
        let info = VideoInfo::from_caps(caps).ok()?;
        let frame = self.n_seen;
        self.n_seen += 1;
        let fps = f64::from(info.fps().numer()) / f64::from(info.fps().denom().max(1));
        let first = *self.first.get_or_insert(buffer.pts().unwrap_or_default());
        let timestamp_ms = match buffer.pts() {
            Some(pts) => (pts.saturating_sub(first).nseconds() + 500_000) / 1_000_000,
            None if fps > 0.0 => (f64::from(frame) * 1000.0 / fps).round() as u64,
            None => 0,
        };
        // Without a rate of its own, a video counts as one of 30 frames a second.
        let step = (self.every_s * if fps > 0.0 { fps } else { 30.0 }) as u32;
        if !frame.is_multiple_of(step.max(1)) {
            return Some(());
        }
        let pdq = self.pdq(buffer, &info)?;
        self.sender.send(Feature { frame, quality: pdq.quality, hash: pdq.hash, timestamp_ms }).ok()
    }

    fn pdq(&mut self, buffer: &gst::BufferRef, info: &VideoInfo) -> Option<known::pdq::Pdq> {
        let mapped = VideoFrameRef::from_buffer_ref_readable(buffer, info).ok()?;
        let (width, height) = (info.width() as usize, info.height() as usize);
        let (plane, stride) = (mapped.plane_data(0).ok()?, usize::try_from(mapped.plane_stride()[0]).ok()?);
        let is_full = info.colorimetry().range() == VideoColorRange::Range0_255;
        let (black, scale) = if is_full { (0.0, 1.0) } else { (16.0, 255.0 / 219.0) };
        let stretched: [f32; 256] = std::array::from_fn(|y| ((y as f32 - black) * scale).round().clamp(0.0, 255.0));
        self.luma.clear();
        for row in plane.chunks(stride).take(height) {
            self.luma.extend(row.get(..width)?.iter().map(|y| stretched[usize::from(*y)]));
        }
        let luma = Luma::new(&self.luma, width, height, width).ok()?;
        Some(self.hasher.hash_luma_f32(luma))
    }
}

/// Gives frames to the caller until the video ends, or says what stopped it.
fn take(
    pipeline: &gst::Pipeline,
    frames: &Receiver<Feature>,
    ended: &mut Ended,
    on_frame: &mut impl FnMut(Feature),
) -> Result<(), String> {
    let bus = pipeline.bus().expect("a pipeline has a bus");
    let (mut heard, mut reached, mut length) = (Instant::now(), Duration::ZERO, Duration::ZERO);
    loop {
        match frames.recv_timeout(Duration::from_millis(20)) {
            Ok(_) if ended.n_hashed >= FEATURES_MAX as u64 => {
                return Err(format!("it has more than {FEATURES_MAX} frames"));
            }
            Ok(feature) => {
                on_frame(feature);
                ended.n_hashed += 1;
                heard = Instant::now();
                reached = Duration::from_millis(feature.timestamp_ms);
                continue;
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        length = length.max(pipeline.query_duration::<gst::ClockTime>().map(Duration::from).unwrap_or_default());
        let message = bus.timed_pop(gst::ClockTime::from_mseconds(20));
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Eos(_)) => break,
            Some(gst::MessageView::Error(error)) => {
                return Err(error.error().message().lines().next().unwrap_or_default().to_owned());
            }
            _ if heard.elapsed() > SILENCE_MAX => return Err("the decoder gives no further frame".into()),
            _ => {}
        }
    }
    // What was hashed before the end came has been sent; the sink lets the end pass only after it.
    for feature in frames.try_iter() {
        on_frame(feature);
        ended.n_hashed += 1;
        reached = Duration::from_millis(feature.timestamp_ms);
    }
    let unread = length.saturating_sub(reached);
    ended.unread_ms = if unread < UNREAD_MIN { 0 } else { unread.as_millis() as u64 };
    Ok(())
}
