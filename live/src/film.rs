//! How is a video file taken apart that is held open, without its name?
//!
//! Its pictures come one after the other, or from a place that is asked for; sound is let go. Nothing is opened here, so
//! that it works behind the last door of the sandbox.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_app::{AppSink, AppSrc, AppSrcCallbacks, AppStreamType};
use gst_video::{VideoCapsBuilder, VideoFormat, VideoInfo};

use crate::Error;
use crate::detectors::lock;
use crate::element::Mapped;
use crate::network::codecs::{self, Next};
use crate::network::{make, stop, unfit};

/// A decoder that gives nothing for this long is stuck.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// A video file that is being decoded.
pub(crate) struct Film {
    pipeline: gst::Pipeline,
    branches: Branches,
    heard: Instant,
}

/// What came next.
pub(crate) enum Came {
    /// A picture, and where it stands in the film.
    Picture(Box<Mapped>, Duration),
    /// Nothing yet.
    Nothing,
    /// The end: all of it was decoded.
    End,
    /// It cannot be decoded, or not further.
    Broken,
}

impl Film {
    /// Begins to decode a file whose container `demux` takes apart. What is wrong with it is told by [`Film::next`].
    ///
    /// # Errors
    /// When an element is not installed.
    pub(crate) fn open(file: &OwnedFd, demux: &str) -> Result<Film, Error> {
        let pipeline = gst::Pipeline::new();
        let branches = begin(&pipeline, file, demux).inspect_err(|_| stop(&pipeline))?;
        Ok(Film { pipeline, branches, heard: Instant::now() })
    }

    /// Waits a moment for the next picture.
    pub(crate) fn next(&mut self) -> Came {
        if self.branches.is_unfit.load(Ordering::SeqCst) || self.heard.elapsed() > SILENCE_MAX {
            return Came::Broken;
        }
        if let Some(sample) = self.branches.pictures.try_pull_sample(gst::ClockTime::from_mseconds(20)) {
            self.heard = Instant::now();
            let at = sample.buffer().and_then(gst::BufferRef::pts).unwrap_or_default();
            return picture(&sample).map_or(Came::Broken, |picture| Came::Picture(Box::new(picture), at.into()));
        }
        let bus = self.pipeline.bus().expect("a pipeline has a bus");
        let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
        match bus.timed_pop_filtered(gst::ClockTime::from_mseconds(5), &kinds).map(|message| message.type_()) {
            Some(gst::MessageType::Error) => Came::Broken,
            // Without pictures nobody waits at the sink.
            Some(_) => Came::End,
            // A sink that has not begun says that it has ended.
            None if self.branches.has_begun.load(Ordering::SeqCst) && self.branches.pictures.is_eos() => Came::End,
            None => Came::Nothing,
        }
    }

    /// Whether there is a video in it.
    pub(crate) fn has_pictures(&self) -> bool {
        self.branches.has_picture.load(Ordering::SeqCst)
    }

    /// How long it says that it is.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.pipeline.query_duration::<gst::ClockTime>().map(Into::into)
    }

    /// Goes to a place; the next picture is the one there. False where it cannot.
    pub(crate) fn seek(&mut self, to: Duration) -> bool {
        self.heard = Instant::now();
        let to = gst::ClockTime::from_nseconds(u64::try_from(to.as_nanos()).unwrap_or(u64::MAX - 1));
        self.pipeline.seek_simple(gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE, to).is_ok()
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        stop(&self.pipeline);
    }
}

fn begin(pipeline: &gst::Pipeline, file: &OwnedFd, demux: &str) -> Result<Branches, Error> {
    let size = rustix::fs::fstat(file).map_err(unfit)?.st_size;
    let file = file.try_clone().map_err(unfit)?;
    let source = AppSrc::builder().format(gst::Format::Bytes).stream_type(AppStreamType::RandomAccess).build();
    source.set_size(size);
    let at = Arc::new(Mutex::new(0u64));
    let sought = Arc::clone(&at);
    let give = move |source: &AppSrc, n_bytes: u32| {
        let mut at = lock(&at);
        // How much is wanted is unknown where it says the largest number.
        let mut bytes = vec![0; n_bytes.min(1 << 20) as usize];
        match crate::read::at(&file, &mut bytes, *at) {
            Ok(n_read @ 1..) => {
                bytes.truncate(n_read);
                let mut buffer = gst::Buffer::from_mut_slice(bytes);
                if let Some(buffer) = buffer.get_mut() {
                    buffer.set_offset(*at);
                }
                *at += n_read as u64;
                // A pipeline that has failed says so on its bus.
                let _ = source.push_buffer(buffer);
            }
            _ => drop(source.end_of_stream()),
        }
    };
    let seek = move |_: &AppSrc, to: u64| {
        *lock(&sought) = to;
        true
    };
    source.set_callbacks(AppSrcCallbacks::builder().need_data(give).seek_data(seek).build());
    let demux = make(demux)?;
    pipeline.add_many([source.upcast_ref(), &demux]).map_err(unfit)?;
    source.link(&demux).map_err(unfit)?;
    let branches = Branches {
        pipeline: pipeline.downgrade(),
        pictures: AppSink::builder()
            .caps(&VideoCapsBuilder::new().format(VideoFormat::I420).build())
            .max_buffers(2)
            .sync(false)
            .build(),
        has_picture: Arc::default(),
        has_begun: Arc::default(),
        is_unfit: Arc::default(),
    };
    branches.follow(&demux);
    // A failure to start is told on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    Ok(branches)
}

fn picture(sample: &gst::Sample) -> Option<Mapped> {
    let info = VideoInfo::from_caps(sample.caps()?).ok()?;
    Mapped::new(sample.buffer_owned()?, &info)
}

/// What grows where pads appear.
#[derive(Clone)]
struct Branches {
    pipeline: glib::WeakRef<gst::Pipeline>,
    pictures: AppSink,
    has_picture: Arc<AtomicBool>,
    /// The sink of the pictures is at work.
    has_begun: Arc<AtomicBool>,
    /// Something cannot be judged.
    is_unfit: Arc<AtomicBool>,
}

impl Branches {
    fn follow(&self, element: &gst::Element) {
        let branches = self.clone();
        element.connect_pad_added(move |_, pad| {
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            if branches.grow(pad, &caps).is_err() {
                branches.is_unfit.store(true, Ordering::SeqCst);
            }
        });
    }

    /// Goes on from `pad` until there are raw pictures; everything that is no picture is let go.
    fn grow(&self, pad: &gst::Pad, caps: &gst::CapsRef) -> Result<(), Error> {
        let Some(pipeline) = self.pipeline.upgrade() else { return Ok(()) };
        let name = caps.structure(0).map(|facts| facts.name().to_string()).unwrap_or_default();
        let is_picture = name.starts_with("video/") || name.starts_with("image/");
        if !is_picture {
            let sink = gst::ElementFactory::make("fakesink").property("sync", false).property("async", false).build();
            return join(&pipeline, pad, &[sink.map_err(unfit)?]);
        }
        if self.has_picture.swap(true, Ordering::SeqCst) {
            return Err(unfit("it has more than one video"));
        }
        let mut chain = match codecs::next(caps)? {
            Next::Raw => Vec::new(),
            Next::Chain(chain) => chain,
            Next::Demux(_) | Next::Unknown => return Err(unfit(format!("{name} is not decoded"))),
        };
        chain.extend([make("videoconvert")?, self.pictures.clone().upcast()]);
        join(&pipeline, pad, &chain)?;
        self.has_begun.store(true, Ordering::SeqCst);
        Ok(())
    }
}

fn join(pipeline: &gst::Pipeline, pad: &gst::Pad, chain: &[gst::Element]) -> Result<(), Error> {
    pipeline.add_many(chain).map_err(unfit)?;
    gst::Element::link_many(chain).map_err(unfit)?;
    for element in chain.iter().rev() {
        element.sync_state_with_parent().map_err(unfit)?;
    }
    let first = chain[0].static_pad("sink").ok_or_else(|| unfit("it takes nothing"))?;
    pad.link(&first).map(|_| ()).map_err(unfit)
}
