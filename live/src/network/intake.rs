//! How does one connection's media become judged pictures and sound?
//!
//! ```text
//! bytes → demultiplex ─┬─ picture → decode → one size → streamwardguard → playout
//!                      └─ sound → decode → samples → streamwardmute → playout
//! ```
//!
//! Everything here comes from strangers. What no codec of the list takes is left undecoded and so is not shown.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gst::glib;
use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks, AppSrc};
use gst_video::VideoInfo;
use guard::Policy;

use super::codecs::{self, Next};
use super::encode::{Geometry, sound_caps};
use super::playout::Playout;
use super::{make, stop, unfit};
use crate::Error;
use crate::detectors::lock;
use crate::element::{GuardElement, MuteElement};
use crate::held::{self, HoldTimes};
use crate::panel::PanelMaker;
use crate::stream::Pace;

/// What waits for the decoder, bytes; a source that sends faster waits.
const WAITING_MAX: u64 = 1 << 20;
/// Sound may come so much later than the picture beside it before it falls silent, milliseconds.
const SLACK_MS: u32 = 300;

/// Who decides, and where the decided goes: the same for every connection.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) policy: Policy,
    pub(super) maker: PanelMaker,
    pub(super) n_threads: usize,
    pub(super) playout: Arc<Playout>,
}

/// One connection.
pub(super) struct Intake {
    pub(super) pipeline: gst::Pipeline,
    pub(super) guard: GuardElement,
    pub(super) hold_times: Arc<Mutex<HoldTimes>>,
    sources: BTreeMap<u8, AppSrc>,
    branches: Branches,
}

impl Intake {
    pub(super) fn new(way: &Way, number: u64) -> Intake {
        let guard = GuardElement::with(way.policy.clone(), Pace::Live, way.n_threads, Some(Arc::clone(&way.maker)));
        guard.set_property("channel", format!("connection {number}"));
        let pipeline = gst::Pipeline::new();
        let branches = Branches {
            pipeline: pipeline.downgrade(),
            guard: guard.clone(),
            way: way.clone(),
            has_picture: Arc::default(),
            has_sound: Arc::default(),
            trouble: Arc::default(),
        };
        let hold_times: Arc<Mutex<HoldTimes>> = Arc::default();
        let noted = Arc::clone(&hold_times);
        held::watch(&guard, move |held_ms| lock(&noted).note(held_ms));
        Intake { pipeline, guard, hold_times, sources: BTreeMap::new(), branches }
    }

    /// A stream of the connection brings this.
    ///
    /// # Errors
    /// When it is nothing that we take, or an element is missing.
    pub(super) fn stream(&mut self, stream: u8, caps: &str) -> Result<(), Error> {
        let caps: gst::Caps = caps.parse().map_err(unfit)?;
        let name = caps.structure(0).map(|facts| facts.name().to_string()).unwrap_or_default();
        if !matches!(name.as_str(), "video/x-flv" | "video/mpegts" | "application/x-rtp") {
            return Err(unfit(format!("a source cannot bring {name}")));
        }
        if let Some(source) = self.sources.get(&stream) {
            source.set_caps(Some(&caps));
            return Ok(());
        }
        let has_time = name == "application/x-rtp";
        let format = if has_time { gst::Format::Time } else { gst::Format::Bytes };
        let source = AppSrc::builder().caps(&caps).format(format).max_bytes(WAITING_MAX).block(true).build();
        self.pipeline.add(&source).map_err(unfit)?;
        let pad = source.static_pad("src").expect("sources have a source pad");
        self.branches.grow(&pad, &caps)?;
        // A failure to start is told on the bus.
        let _ = self.pipeline.set_state(gst::State::Playing);
        source.sync_state_with_parent().map_err(unfit)?;
        self.sources.insert(stream, source);
        Ok(())
    }

    /// Encoded bytes of a stream.
    pub(super) fn bytes(&self, stream: u8, at_ns: Option<u64>, bytes: Vec<u8>) {
        let Some(source) = self.sources.get(&stream) else { return };
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(at_ns.map(gst::ClockTime::from_nseconds));
        }
        // A pipeline that has failed says so on its bus.
        let _ = source.push_buffer(buffer);
    }

    /// What could not be joined, since the last question.
    pub(super) fn trouble(&self) -> Option<String> {
        lock(&self.branches.trouble).take()
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        stop(&self.pipeline);
    }
}

/// What grows where pads appear.
#[derive(Clone)]
struct Branches {
    pipeline: glib::WeakRef<gst::Pipeline>,
    guard: GuardElement,
    way: Way,
    has_picture: Arc<AtomicBool>,
    has_sound: Arc<AtomicBool>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Branches {
    /// Goes on from `pad` until there are raw pictures or sound.
    fn grow(&self, pad: &gst::Pad, caps: &gst::Caps) -> Result<(), Error> {
        let Some(pipeline) = self.pipeline.upgrade() else { return Ok(()) };
        match codecs::next(caps)? {
            Next::Raw => self.end(pad, caps),
            Next::Unknown => {
                let name = caps.structure(0).map(|facts| facts.name().to_string()).unwrap_or_default();
                eprintln!("the source brings {name}, which the guard does not decode: it is not shown");
                join(&pipeline, pad, &[discard()?])
            }
            Next::Demux(demux) => {
                let branches = self.clone();
                demux.connect_pad_added(move |_, pad| {
                    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
                    branches.tell(branches.grow(pad, &caps));
                });
                join(&pipeline, pad, &[demux])
            }
            Next::Chain(chain) => {
                let last = chain.last().and_then(|last| last.static_pad("src"));
                join(&pipeline, pad, &chain)?;
                let Some(last) = last else { return Ok(()) };
                let branches = self.clone();
                // What comes out is known with the first buffer.
                last.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
                    if let Some(caps) = pad.current_caps() {
                        branches.tell(branches.grow(pad, &caps));
                    }
                    gst::PadProbeReturn::Remove
                });
                Ok(())
            }
        }
    }

    fn tell(&self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            *lock(&self.trouble) = Some(error.to_string());
        }
    }

    /// The last part of a branch. A second picture or sound of a connection is left out: nothing passes unjudged.
    fn end(&self, pad: &gst::Pad, caps: &gst::Caps) -> Result<(), Error> {
        let Some(pipeline) = self.pipeline.upgrade() else { return Ok(()) };
        let is_picture = caps.structure(0).is_some_and(|facts| facts.name() == "video/x-raw");
        let chain = match is_picture {
            true if !self.has_picture.swap(true, Ordering::SeqCst) => self.picture(caps)?,
            false if !self.has_sound.swap(true, Ordering::SeqCst) => self.sound()?,
            _ => vec![discard()?],
        };
        join(&pipeline, pad, &chain)
    }

    fn picture(&self, caps: &gst::Caps) -> Result<Vec<gst::Element>, Error> {
        let info = VideoInfo::from_caps(caps).map_err(unfit)?;
        let fps = (info.fps().numer().max(0) as u32, info.fps().denom().max(1) as u32);
        let par = f64::from(info.par().numer()) / f64::from(info.par().denom().max(1));
        let width = (f64::from(info.width()) * par.clamp(0.25, 4.0)).round() as u32;
        let geometry = self.way.playout.open(&Geometry::fitting(width, info.height(), fps))?;
        let one_size = make("capsfilter")?;
        let size = gst_video::VideoCapsBuilder::new().format(gst_video::VideoFormat::I420);
        let size = size.width(geometry.width as i32).height(geometry.height as i32);
        one_size.set_property("caps", size.pixel_aspect_ratio(gst::Fraction::new(1, 1)).build());
        let playout = Arc::clone(&self.way.playout);
        let sink = sink(move |running, sample| {
            if let Some(buffer) = sample.buffer() {
                playout.picture(running, buffer);
            }
        });
        Ok(vec![
            make("queue")?,
            make("videoconvert")?,
            make("videoscale")?,
            one_size,
            self.guard.clone().upcast(),
            sink.upcast(),
        ])
    }

    fn sound(&self) -> Result<Vec<gst::Element>, Error> {
        let samples = make("capsfilter")?;
        samples.set_property("caps", sound_caps());
        let playout = Arc::clone(&self.way.playout);
        let sink = sink(move |running, sample| {
            if let Some(Ok(map)) = sample.buffer().map(gst::BufferRef::map_readable) {
                playout.sound(running, &map);
            }
        });
        // Sound waits here as long as the picture beside it is held.
        let held = make("queue")?;
        held.set_property("max-size-buffers", 0u32);
        held.set_property("max-size-bytes", 0u32);
        held.set_property("max-size-time", 15_000_000_000u64);
        let mut chain = vec![held, make("audioconvert")?, make("audioresample")?, samples];
        let audio = &self.way.policy.audio;
        let mute = MuteElement::default();
        mute.set_property("channel", self.guard.property::<String>("channel"));
        mute.set_property("hold-ms", self.way.policy.timing.hold_ms + SLACK_MS);
        let (lead_ms, tail_ms) = if audio.mute { (audio.lead_ms, audio.tail_ms) } else { (0, 0) };
        mute.set_property("lead-ms", lead_ms);
        mute.set_property("tail-ms", tail_ms);
        if audio.mute {
            chain.push(mute.upcast());
        }
        chain.push(sink.upcast());
        Ok(chain)
    }
}

/// The end of a branch: each sample with its running time.
fn sink(mut on_sample: impl FnMut(std::time::Duration, &gst::Sample) + Send + 'static) -> AppSink {
    let sink = AppSink::builder().sync(false).max_buffers(8).build();
    sink.set_property("async", false);
    let take = move |sink: &AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let pts = sample.buffer().and_then(gst::BufferRef::pts);
        let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
        if let Some(running) = segment.zip(pts).and_then(|(segment, pts)| segment.to_running_time(pts)) {
            on_sample(running.into(), &sample);
        }
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(AppSinkCallbacks::builder().new_sample(take).build());
    sink
}

/// Adds a chain and links it to `pad`.
fn join(pipeline: &gst::Pipeline, pad: &gst::Pad, chain: &[gst::Element]) -> Result<(), Error> {
    pipeline.add_many(chain).map_err(unfit)?;
    gst::Element::link_many(chain).map_err(unfit)?;
    for element in chain.iter().rev() {
        element.sync_state_with_parent().map_err(unfit)?;
    }
    let first = chain.first().and_then(|first| first.static_pad("sink"));
    let first = first.ok_or_else(|| unfit("an element takes nothing"))?;
    pad.link(&first).map(|_| ()).map_err(unfit)
}

fn discard() -> Result<gst::Element, Error> {
    let sink = make("fakesink")?;
    sink.set_property("sync", false);
    sink.set_property("async", false);
    Ok(sink)
}
