//! What do the judges say of a video file?
//!
//! Every frame is judged, in order, by the guard's own machine. A file without pictures is clear; one whose pictures
//! cannot be decoded, or not all of them, was not judged.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_app::{AppSink, AppSrc, AppSrcCallbacks, AppStreamType};
use gst_video::{VideoCapsBuilder, VideoFormat, VideoInfo};
use guard::Policy;

use super::{Verdict, link};
use crate::Error;
use crate::detectors::lock;
use crate::element::Mapped;
use crate::network::codecs::{self, Next};
use crate::network::{make, stop, unfit};
use crate::panel::PanelMaker;
use crate::stream::{Event, Pace, Stream};

/// A decoder that gives nothing for this long is stuck.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Judges every frame of the file.
pub(super) fn judge(file: &OwnedFd, demux: &'static str, policy: &Policy, maker: &PanelMaker) -> Verdict {
    let pipeline = gst::Pipeline::new();
    let verdict = begin(&pipeline, file, demux).and_then(|branches| look(&pipeline, &branches, policy, maker));
    stop(&pipeline);
    verdict.unwrap_or(Verdict::Unjudged)
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
        match link::read_at(&file, &mut bytes, *at) {
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
        is_unfit: Arc::default(),
    };
    branches.follow(&demux);
    // A failure to start is told on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    Ok(branches)
}

fn look(pipeline: &gst::Pipeline, branches: &Branches, policy: &Policy, maker: &PanelMaker) -> Result<Verdict, Error> {
    let bus = pipeline.bus().expect("a pipeline has a bus");
    let stream: Stream<Mapped, ()> = Stream::start(policy.clone(), maker, Pace::Exact, 1)?;
    let has_found = AtomicBool::new(false);
    let is_whole = std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                match stream.next() {
                    Event::Incident(_) => has_found.store(true, Ordering::SeqCst),
                    Event::Place { .. } | Event::State(_) => (),
                    Event::End => return,
                }
            }
        });
        let mut heard = Instant::now();
        let is_whole = loop {
            if has_found.load(Ordering::SeqCst)
                || branches.is_unfit.load(Ordering::SeqCst)
                || heard.elapsed() > SILENCE_MAX
            {
                break false;
            }
            if let Some(sample) = branches.pictures.try_pull_sample(gst::ClockTime::from_mseconds(20)) {
                heard = Instant::now();
                let Some(picture) = picture(&sample) else { break false };
                let at = sample.buffer().and_then(gst::BufferRef::pts).unwrap_or_default();
                stream.push(picture, (), at.into(), &[]);
                continue;
            }
            let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
            match bus.timed_pop_filtered(gst::ClockTime::from_mseconds(5), &kinds).map(|message| message.type_()) {
                Some(gst::MessageType::Error) => break false,
                // Without pictures nobody waits at the sink.
                Some(_) => break true,
                None if branches.pictures.is_eos() && branches.has_picture.load(Ordering::SeqCst) => break true,
                None => (),
            }
        };
        match is_whole {
            true => stream.end(),
            false => stream.abort(),
        }
        is_whole
    });
    let counts = stream.counts();
    Ok(match (has_found.load(Ordering::SeqCst), branches.has_picture.load(Ordering::SeqCst)) {
        (true, _) => Verdict::Flagged,
        (false, true) if is_whole && counts.frames > 0 && counts.released == counts.frames => Verdict::Clear,
        (false, false) if is_whole => Verdict::Clear,
        (false, _) => Verdict::Unjudged,
    })
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
        join(&pipeline, pad, &chain)
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
