//! Who opens the camera?
//!
//! Takes raw pictures only, fits them to one size and pace, and says them to the checker. A camera that goes away is
//! opened again, with growing pauses.

use std::io::Write;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::AppSink;

use super::Mode;
use crate::Error;
use crate::network::{Backoff, Record, make, stop, unfit};

/// A camera that brings nothing for this long is opened again.
const SILENT: Duration = Duration::from_secs(3);

/// Which camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// A V4L2 device: its path.
    V4l2(String),
    /// A PipeWire node: its name or serial number; `None` for the one that the session prefers.
    PipeWire(Option<String>),
}

impl Device {
    /// `/dev/video0` is a V4L2 device, anything else a PipeWire node.
    pub(crate) fn of(name: Option<&str>) -> Device {
        match name {
            Some(path) if path.starts_with('/') => Device::V4l2(path.into()),
            node => Device::PipeWire(node.map(str::to_owned)),
        }
    }
}

/// Takes pictures until nobody hears them.
///
/// # Errors
/// When an element is missing.
pub(crate) fn run(device: &Device, mode: Mode) -> Result<(), Error> {
    crate::start_media()?;
    let mut backoff = Backoff::default();
    let mut out = std::io::stdout();
    loop {
        let (pipeline, pictures) = pipeline(device, mode)?;
        if Record::Connected.write(&mut out).is_err() {
            return Ok(());
        }
        // A failure to start is told on the bus.
        let _ = pipeline.set_state(gst::State::Playing);
        let bus = pipeline.bus().expect("a pipeline has a bus");
        let (mut heard, mut has_come) = (Instant::now(), false);
        let why = loop {
            if let Some(sample) = pictures.try_pull_sample(gst::ClockTime::from_mseconds(50)) {
                let bytes = sample.buffer().and_then(|buffer| Some(buffer.map_readable().ok()?.to_vec()));
                let record = Record::Bytes { stream: 0, at_ns: None, bytes: bytes.unwrap_or_default() };
                if record.write(&mut out).and_then(|()| out.flush()).is_err() {
                    stop(&pipeline);
                    return Ok(());
                }
                (heard, has_come) = (Instant::now(), true);
            }
            match bus.pop_filtered(&[gst::MessageType::Error, gst::MessageType::Eos]).as_ref().map(|m| m.view()) {
                Some(gst::MessageView::Error(error)) => break error.error().message().to_owned(),
                Some(_) => break "it ended".into(),
                None if heard.elapsed() > SILENT => break "nothing comes".into(),
                None => (),
            }
        };
        stop(&pipeline);
        if has_come {
            backoff = Backoff::default();
        }
        if Record::Lost.write(&mut out).is_err() {
            return Ok(());
        }
        let pause = backoff.next();
        eprintln!("the camera gives no raw pictures ({why}); trying again in {:.2} s", pause.as_secs_f64());
        std::thread::sleep(pause);
    }
}

fn pipeline(device: &Device, mode: Mode) -> Result<(gst::Pipeline, AppSink), Error> {
    let pipeline = gst::Pipeline::new();
    let source = match device {
        Device::V4l2(path) => {
            let source = make("v4l2src")?;
            source.set_property("device", path);
            source
        }
        Device::PipeWire(node) => {
            let source = make("pipewiresrc")?;
            if let Some(node) = node {
                source.set_property("target-object", node);
            }
            source
        }
    };
    // Compressed pictures would have to be decoded here, outside the sandbox.
    let raw = make("capsfilter")?;
    raw.set_property("caps", gst::Caps::builder("video/x-raw").build());
    let pictures = AppSink::builder().caps(&mode.caps()).sync(false).max_buffers(2).drop(true).build();
    // First to the pace, so that no picture is converted only to be left out.
    let chain =
        [source, raw, make("videorate")?, make("videoconvert")?, make("videoscale")?, pictures.clone().upcast()];
    pipeline.add_many(&chain).map_err(unfit)?;
    gst::Element::link_many(&chain).map_err(unfit)?;
    Ok((pipeline, pictures))
}
