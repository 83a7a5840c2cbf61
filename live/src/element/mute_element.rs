//! How does the sound fall silent under the cover?
//!
//! Each buffer of sound waits until the video beside it is decided, then its covered parts become silence. At live
//! pace it waits only as long as the video is held; what is not decided by then is silent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_audio::AudioInfo;

use crate::detectors::lock;
use crate::timeline::Timeline;

#[derive(Clone)]
struct Settings {
    channel: String,
    hold_ms: u32,
    lead_ms: u32,
    tail_ms: u32,
}

/// The element.
pub struct MuteElement {
    sink: gst::Pad,
    src: gst::Pad,
    settings: Mutex<Settings>,
    stream: Mutex<Option<Running>>,
    is_stopping: AtomicBool,
}

struct Running {
    timeline: Arc<Timeline>,
    info: Option<AudioInfo>,
    segment: gst::FormattedSegment<gst::ClockTime>,
}

/// At exact pace sound waits for the video; this long without a decision means that the video has gone wrong.
const PATIENCE: Duration = Duration::from_secs(60);

#[glib::object_subclass]
impl ObjectSubclass for MuteElement {
    const NAME: &'static str = "StreamwardMute";
    type Type = super::MuteElement;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let template = |name| class.pad_template(name).expect("pad templates are given below");
        let sink = gst::Pad::builder_from_template(&template("sink"))
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(parent, || Err(gst::FlowError::Error), |this| this.chain(buffer))
            })
            .event_function(|_, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_event(event))
            })
            .flags(gst::PadFlags::PROXY_CAPS)
            .build();
        let src = gst::Pad::builder_from_template(&template("src"))
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.src_query(pad, query))
            })
            .flags(gst::PadFlags::PROXY_CAPS)
            .build();
        let settings = Settings { channel: "default".into(), hold_ms: 0, lead_ms: 100, tail_ms: 250 };
        let settings = Mutex::new(settings);
        MuteElement { sink, src, settings, stream: Mutex::default(), is_stopping: AtomicBool::new(false) }
    }
}

impl ObjectImpl for MuteElement {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let number = |name, blurb, value| {
                glib::ParamSpecUInt::builder(name).blurb(blurb).maximum(10_000).default_value(value).build()
            };
            vec![
                glib::ParamSpecString::builder("channel")
                    .blurb("Falls silent with the streamwardguard of the same channel")
                    .default_value("default")
                    .build(),
                number("hold-ms", "The guard's hold_ms at live pace, 0 at exact pace, milliseconds", 0),
                number("lead-ms", "Silence from this long before the cover, milliseconds", 100),
                number("tail-ms", "Silence until this long after the cover, milliseconds", 250),
            ]
        });
        PROPERTIES.as_ref()
    }

    fn set_property(&self, _: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        let number = || value.get::<u32>().unwrap_or_default();
        match spec.name() {
            "channel" => settings.channel = value.get::<Option<String>>().ok().flatten().unwrap_or_default(),
            "hold-ms" => settings.hold_ms = number(),
            "lead-ms" => settings.lead_ms = number(),
            _ => settings.tail_ms = number(),
        }
    }

    fn property(&self, _: usize, spec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings);
        match spec.name() {
            "channel" => settings.channel.to_value(),
            "hold-ms" => settings.hold_ms.to_value(),
            "lead-ms" => settings.lead_ms.to_value(),
            _ => settings.tail_ms.to_value(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        for pad in [&self.sink, &self.src] {
            self.obj().add_pad(pad).expect("two pads of different names");
        }
    }
}

impl GstObjectImpl for MuteElement {}

impl ElementImpl for MuteElement {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Streamward mute",
                "Filter/Effect/Audio",
                "Silences the sound while the streamwardguard of the same channel covers the picture",
                "The streamward project",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst_audio::AudioCapsBuilder::new_interleaved().build();
            let template = |name, direction| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).expect("caps are well formed")
            };
            vec![template("sink", gst::PadDirection::Sink), template("src", gst::PadDirection::Src)]
        });
        TEMPLATES.as_ref()
    }

    fn change_state(&self, change: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if change == gst::StateChange::ReadyToPaused {
            let timeline = Timeline::of_channel(&lock(&self.settings).channel);
            let segment = gst::FormattedSegment::default();
            *lock(&self.stream) = Some(Running { timeline, info: None, segment });
            self.is_stopping.store(false, Ordering::SeqCst);
        }
        if change == gst::StateChange::PausedToReady {
            self.is_stopping.store(true, Ordering::SeqCst);
        }
        self.parent_change_state(change)
    }
}

impl MuteElement {
    fn chain(&self, mut buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let settings = lock(&self.settings).clone();
        let (timeline, info, from) = {
            let stream = lock(&self.stream);
            let stream = stream.as_ref().ok_or(gst::FlowError::Flushing)?;
            let info = stream.info.clone().ok_or(gst::FlowError::NotNegotiated)?;
            let from = buffer.pts().and_then(|pts| stream.segment.to_running_time(pts));
            (Arc::clone(&stream.timeline), info, from.map_or(Duration::ZERO, Into::into))
        };
        let n_frames = buffer.size() / info.bpf() as usize;
        let to = from + Duration::from_secs_f64(n_frames as f64 / f64::from(info.rate()));
        let lead = Duration::from_millis(settings.lead_ms.into());
        let patience = match settings.hold_ms {
            0 => PATIENCE,
            hold_ms => Duration::from_millis(hold_ms.into()) + lead,
        };
        timeline.wait(to + lead, patience, || self.is_stopping.load(Ordering::SeqCst));
        let silent = timeline.silent(from, to, lead, Duration::from_millis(settings.tail_ms.into()));
        if !silent.is_empty() {
            silence(buffer.make_mut(), &info, from, &silent)?;
        }
        self.src.push(buffer)
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        if let Some(stream) = lock(&self.stream).as_mut() {
            match event.view() {
                gst::EventView::Caps(caps) => stream.info = AudioInfo::from_caps(caps.caps()).ok(),
                gst::EventView::Segment(segment) => {
                    stream.segment = segment.segment().downcast_ref().cloned().unwrap_or_default();
                }
                gst::EventView::FlushStart(_) => self.is_stopping.store(true, Ordering::SeqCst),
                gst::EventView::FlushStop(_) => self.is_stopping.store(false, Ordering::SeqCst),
                _ => (),
            }
        }
        self.src.push_event(event)
    }

    fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let gst::QueryViewMut::Latency(latency) = query.view_mut() else {
            return gst::Pad::query_default(pad, Some(&*self.obj()), query);
        };
        let mut upstream = gst::query::Latency::new();
        if !self.sink.peer_query(&mut upstream) {
            return false;
        }
        let settings = lock(&self.settings).clone();
        let (is_live, min, max) = upstream.result();
        let held_ms = if settings.hold_ms == 0 { 0 } else { settings.hold_ms + settings.lead_ms };
        latency.set(is_live, min + gst::ClockTime::from_mseconds(held_ms.into()), max);
        true
    }
}

/// Puts silence over the given spans, to the sample.
fn silence(
    buffer: &mut gst::BufferRef,
    info: &AudioInfo,
    from: Duration,
    spans: &[(Duration, Duration)],
) -> Result<(), gst::FlowError> {
    let mut map = buffer.map_writable().map_err(|_| gst::FlowError::Error)?;
    let n_frames = map.size() / info.bpf() as usize;
    let frame_at = |at: Duration| {
        ((at.saturating_sub(from).as_secs_f64() * f64::from(info.rate())).round() as usize).min(n_frames)
    };
    for (start, end) in spans {
        let bytes = frame_at(*start) * info.bpf() as usize..frame_at(*end) * info.bpf() as usize;
        info.format_info().fill_silence(&mut map.as_mut_slice()[bytes]);
    }
    Ok(())
}
