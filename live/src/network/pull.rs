//! How do the source's bytes get from its socket to the checker?
//!
//! As they are: FLV from RTMP, a transport stream from SRT, RTP packets from RTSP. Nothing is decoded here, and the one
//! pipe out leads to the checker. A source that goes away is called again, with growing pauses.

use std::io::Stdout;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};

use super::record::STREAMS_MAX;
use super::tag::Tag;
use super::{Backoff, Protocol, Record, make, now_ms, stop, unfit, without_secrets};
use crate::Error;
use crate::detectors::lock;
use crate::sandbox::{self, Room};

/// A source that says nothing for this long is called again.
const SILENT: Duration = Duration::from_secs(3);
/// A stream whose time runs back by more was begun anew by its sender, milliseconds.
const RUN_BACK_MS: u32 = 1000;

/// Pulls until the checker is gone.
///
/// # Errors
/// When the elements for the protocol are missing or the sandbox cannot be closed.
pub(crate) fn run(url: &str) -> Result<(), Error> {
    let protocol = Protocol::of(url)?;
    crate::start_media()?;
    let pipe = Arc::new(Pipe { out: Mutex::new(std::io::stdout()), is_broken: AtomicBool::new(false) });
    // Made once before the sandbox closes, so that the code is loaded.
    let _ = pipeline(protocol, url, &pipe)?;
    sandbox::close(Room::Ingress)?;
    let mut backoff = Backoff::default();
    while !pipe.is_broken.load(Ordering::SeqCst) {
        let (why, is_there) = pipeline(protocol, url, &pipe)?.watch(&pipe);
        if is_there {
            backoff = Backoff::default();
        }
        pipe.say(&Record::Lost);
        let pause = backoff.next();
        eprintln!("{} is silent ({why}); trying again in {:.2} s", without_secrets(url), pause.as_secs_f64());
        std::thread::sleep(pause);
    }
    Ok(())
}

/// The way to the checker.
struct Pipe {
    out: Mutex<Stdout>,
    is_broken: AtomicBool,
}

impl Pipe {
    /// Waits until the checker has room: what it cannot take yet waits at the source.
    fn say(&self, record: &Record) -> bool {
        let is_said = record.write(&mut *lock(&self.out)).is_ok();
        if !is_said {
            self.is_broken.store(true, Ordering::SeqCst);
        }
        is_said
    }
}

/// One connection.
struct Connection {
    pipeline: gst::Pipeline,
    /// When the last bytes came, by the monotonic clock; 0 before the first.
    heard_ms: Arc<AtomicU64>,
    /// The sender has begun anew on this connection.
    has_begun_anew: Arc<AtomicBool>,
}

fn pipeline(protocol: Protocol, url: &str, pipe: &Arc<Pipe>) -> Result<Connection, Error> {
    let connection =
        Connection { pipeline: gst::Pipeline::new(), heard_ms: Arc::default(), has_begun_anew: Arc::default() };
    let pipeline = &connection.pipeline;
    let source = match protocol {
        Protocol::Rtmp => make("rtmp2src")?,
        Protocol::Srt => make("srtsrc")?,
        Protocol::Rtsp => make("rtspsrc")?,
    };
    let place = if protocol == Protocol::Srt { "uri" } else { "location" };
    source.set_property(place, url);
    pipeline.add(&source).map_err(unfit)?;
    let heard = Arc::clone(&connection.heard_ms);
    match protocol {
        Protocol::Rtmp | Protocol::Srt => {
            let caps = if protocol == Protocol::Rtmp { "video/x-flv" } else { "video/mpegts, systemstream=true" };
            let sink = sink(0, Some(caps), pipe, &heard);
            if protocol == Protocol::Rtmp {
                notice(&source, &connection.has_begun_anew);
            }
            pipeline.add(&sink).map_err(unfit)?;
            source.link(&sink).map_err(unfit)?;
        }
        Protocol::Rtsp => {
            source.set_property("latency", 200u32);
            let (pipeline, pipe, n_streams) = (pipeline.downgrade(), Arc::clone(pipe), AtomicU8::new(0));
            source.connect_pad_added(move |_, pad| {
                let stream = n_streams.fetch_add(1, Ordering::SeqCst);
                let Some(pipeline) = pipeline.upgrade().filter(|_| stream < STREAMS_MAX) else { return };
                let sink = sink(stream, None, &pipe, &heard);
                let is_joined = pipeline.add(&sink).is_ok()
                    && sink.sync_state_with_parent().is_ok()
                    && sink.static_pad("sink").is_some_and(|to| pad.link(&to).is_ok());
                if !is_joined {
                    eprintln!("a stream of the source could not be joined");
                }
            });
        }
    }
    Ok(connection)
}

/// Where the buffers of one stream leave for the pipe. Without `caps` the stream says what it brings.
fn sink(stream: u8, caps: Option<&str>, pipe: &Arc<Pipe>, heard_ms: &Arc<AtomicU64>) -> AppSink {
    let (pipe, heard_ms) = (Arc::clone(pipe), Arc::clone(heard_ms));
    let (mut told, given) = (None::<String>, caps.map(str::to_owned));
    let has_time = caps.is_none();
    let on_sample = move |sink: &AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let caps = given.clone().or_else(|| sample.caps().map(ToString::to_string)).ok_or(gst::FlowError::Error)?;
        let is_said = told.as_ref() == Some(&caps) || pipe.say(&Record::Stream { stream, caps: caps.clone() });
        told = Some(caps);
        let buffer = sample.buffer().ok_or(gst::FlowError::Error)?;
        let bytes = buffer.map_readable().map_err(|_| gst::FlowError::Error)?.to_vec();
        let at = buffer.pts().filter(|_| has_time);
        let at = at.and_then(|pts| sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(pts));
        heard_ms.store(now_ms(), Ordering::SeqCst);
        match is_said && pipe.say(&Record::Bytes { stream, at_ns: at.map(gst::ClockTime::nseconds), bytes }) {
            true => Ok(gst::FlowSuccess::Ok),
            false => Err(gst::FlowError::Eos),
        }
    };
    let sink = AppSink::builder().sync(false).max_buffers(64).build();
    // A live stream has no first frame to wait for.
    sink.set_property("async", false);
    sink.set_callbacks(AppSinkCallbacks::builder().new_sample(on_sample).build());
    sink
}

/// Looks at the time of each tag. What comes once a sender has begun anew is another stream, for another decoder.
fn notice(source: &gst::Element, has_begun_anew: &Arc<AtomicBool>) {
    let (has_begun_anew, last_ms) = (Arc::clone(has_begun_anew), AtomicU32::new(0));
    let pad = source.static_pad("src").expect("sources have a source pad");
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &info.data else { return gst::PadProbeReturn::Ok };
        let tag = buffer.map_readable().ok().and_then(|bytes| Tag::parse(bytes.to_vec()));
        let Some(tag) = tag.filter(|tag| !tag.is_header()) else { return gst::PadProbeReturn::Ok };
        if tag.at_ms.saturating_add(RUN_BACK_MS) < last_ms.swap(tag.at_ms, Ordering::SeqCst) {
            has_begun_anew.store(true, Ordering::SeqCst);
        }
        match has_begun_anew.load(Ordering::SeqCst) {
            true => gst::PadProbeReturn::Drop,
            false => gst::PadProbeReturn::Ok,
        }
    });
}

impl Connection {
    /// Runs until the source is gone; says why, and whether anything came.
    fn watch(self, pipe: &Pipe) -> (String, bool) {
        pipe.say(&Record::Connected);
        let bus = self.pipeline.bus().expect("a pipeline has a bus");
        let began_ms = now_ms();
        // A failure to start is told on the bus.
        let _ = self.pipeline.set_state(gst::State::Playing);
        let why = loop {
            let message = bus.timed_pop(gst::ClockTime::from_mseconds(100));
            match message.as_ref().map(|message| message.view()) {
                Some(gst::MessageView::Error(error)) => break error.error().message().to_owned(),
                Some(gst::MessageView::Eos(_)) => break "it ended".into(),
                _ => (),
            }
            if self.has_begun_anew.load(Ordering::SeqCst) {
                break "it began anew".into();
            }
            let heard_ms = self.heard_ms.load(Ordering::SeqCst).max(began_ms);
            if now_ms().saturating_sub(heard_ms) > SILENT.as_millis() as u64 {
                // It answers; it only has nothing to say.
                self.heard_ms.store(heard_ms, Ordering::SeqCst);
                break "nothing comes".into();
            }
            if pipe.is_broken.load(Ordering::SeqCst) {
                break "the checker is gone".into();
            }
        };
        stop(&self.pipeline);
        (why, self.heard_ms.load(Ordering::SeqCst) > 0)
    }
}
