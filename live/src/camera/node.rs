//! Who offers the guarded camera to programs?
//!
//! A PipeWire node that shows what the keeper passes on. Where that is not fresh, or the keeper says so, it shows the
//! cover; it never has a picture that was not judged.

use std::io::Write;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::AppSrc;
use guard::{Cause, Colour, CoverArt, Format, Frame, Signature, Size};

use super::Mode;
use crate::Error;
use crate::network::{BEAT, Record, make, now_ms, push, stop, unfit};
use crate::policies::Source;

/// A picture that was made longer ago is not shown any more, milliseconds.
const FRESH_MS: u64 = 500;

/// What programs call it.
pub(crate) const NAME: &str = "streamward-guarded-camera";

/// Offers the camera until the keeper is gone.
///
/// # Errors
/// When the policy or an element cannot be had, or PipeWire does not take the node.
pub(crate) fn run(policy: &Source, mode: Mode) -> Result<(), Error> {
    crate::start_media()?;
    let cover = cover(&policy.load_again()?, mode);
    let heard = push::listen(std::io::stdin());
    let (pipeline, source) = pipeline(mode)?;
    pipeline.set_state(gst::State::Playing).map_err(|_| refused(&pipeline))?;
    let step = Duration::from_secs(1) / mode.fps;
    let (mut shown, mut made_ms) = (cover.clone(), 0);
    let (mut next, mut beaten) = (Instant::now(), Instant::now() - BEAT);
    loop {
        match heard.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Record::Tag { made_ms: at_ms, bytes }) if bytes.len() == mode.n_bytes() => {
                (shown, made_ms) = (gst::Buffer::from_slice(bytes), at_ms);
            }
            Ok(Record::Cover | Record::Restart) => made_ms = 0,
            Ok(_) | Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if next <= Instant::now() {
            next = (next + step).max(Instant::now());
            let is_fresh = now_ms().saturating_sub(made_ms) <= FRESH_MS;
            let buffer = if is_fresh { shown.copy_deep() } else { cover.copy_deep() };
            let pushed = buffer.ok().and_then(|buffer| source.push_buffer(buffer).ok());
            let bus = pipeline.bus().expect("a pipeline has a bus");
            if pushed.is_none() || bus.pop_filtered(&[gst::MessageType::Error]).is_some() {
                return Err(refused(&pipeline));
            }
        }
        if beaten.elapsed() >= BEAT {
            beaten = Instant::now();
            let mut out = std::io::stdout();
            if Record::Beat("{}".into()).write(&mut out).and_then(|()| out.flush()).is_err() {
                break;
            }
        }
    }
    stop(&pipeline);
    Ok(())
}

fn pipeline(mode: Mode) -> Result<(gst::Pipeline, AppSrc), Error> {
    let pipeline = gst::Pipeline::new();
    let source =
        AppSrc::builder().caps(&mode.caps()).format(gst::Format::Time).is_live(true).do_timestamp(true).build();
    // Programs that do not read must not make it wait.
    source.set_max_buffers(4);
    source.set_leaky_type(gst_app::AppLeakyType::Downstream);
    let sink = make("pipewiresink")?;
    sink.set_property_from_str("mode", "provide");
    let facts = gst::Structure::builder("props")
        .field("media.class", "Video/Source")
        .field("media.role", "Camera")
        .field("node.name", NAME)
        .field("node.description", "Guarded camera")
        .build();
    sink.set_property("stream-properties", facts);
    sink.set_property("sync", false);
    // Asked by appsrc, PipeWire's element lends buffers that it has not mapped yet (0.3.65); left alone, it copies.
    let own = make("identity")?;
    own.set_property("drop-allocation", true);
    let chain = [source.clone().upcast(), own, sink];
    pipeline.add_many(&chain).map_err(unfit)?;
    gst::Element::link_many(&chain).map_err(unfit)?;
    Ok((pipeline, source))
}

fn cover(policy: &guard::Policy, mode: Mode) -> gst::Buffer {
    let art = CoverArt::new(Format::I420, Colour::Bt601, mode.size(), &policy.cover, Cause::Stalled);
    let nothing = Frame::packed(Format::Gray8, Colour::Bt601, Size { width: 1, height: 1 }, &[0]);
    let mut data = vec![0; art.n_bytes()];
    art.paint_packed(&mut data, &Signature::of(&nothing.expect("one byte is one pixel")));
    gst::Buffer::from_slice(data)
}

fn refused(pipeline: &gst::Pipeline) -> Error {
    let bus = pipeline.bus().expect("a pipeline has a bus");
    let detail = bus.pop_filtered(&[gst::MessageType::Error]).map(|message| match message.view() {
        gst::MessageView::Error(error) => error.error().message().to_owned(),
        _ => String::new(),
    });
    Error::Media {
        what: "PipeWire does not take the guarded camera".into(),
        detail: detail.unwrap_or_else(|| "it does not say why".into()),
        todo: "check that pipewire and wireplumber run for this user, and that gstreamer1.0-pipewire is installed",
    }
}
