//! How does video pass through the guard in a pipeline?
//!
//! The chain function reads a buffer in place and hands it to the stream; a task of our own on the source pad emits
//! what the stream decides, and waits for nobody but the stream. Serialised events keep their places between frames.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_video::{VideoCapsBuilder, VideoInfo};
use guard::{Counts, Policy, Rect, Shown, Size, State};

use super::buffer::{FORMATS, Mapped};
use crate::covers::Covers;
use crate::detectors::lock;
use crate::panel::{Hired, PanelMaker};
use crate::stream::{Event, Pace, Stream};
use crate::timeline::Timeline;
use crate::{Error, policies};

/// Name of the element message about an incident.
pub const INCIDENT_MESSAGE: &str = "streamward-incident";
/// Name of the element message about a change of state.
pub const STATE_MESSAGE: &str = "streamward-state";

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("streamwardguard", gst::DebugColorFlags::empty(), Some("streamward guard"))
});

#[derive(Clone)]
struct Settings {
    policy: String,
    parsed: Option<Policy>,
    pace: Option<Pace>,
    n_threads: usize,
    channel: String,
    maker: Option<PanelMaker>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            policy: "livestream".into(),
            parsed: None,
            pace: None,
            n_threads: default_threads(),
            channel: "default".into(),
            maker: None,
        }
    }
}

/// One thread a core, as judging is all arithmetic.
pub(crate) fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}

/// A frame's place: where it goes in time and which caps hold there.
struct Slot {
    pts: Option<gst::ClockTime>,
    duration: Option<gst::ClockTime>,
    offset: u64,
    running: Duration,
    info: Arc<VideoInfo>,
}

/// What stands in the line that keeps events between the frames they came between.
enum Place {
    Frame,
    Event(gst::Event),
}

/// Everything between READY and PAUSED.
struct Running {
    stream: Arc<Stream<Mapped, Slot>>,
    places: Arc<Mutex<VecDeque<Place>>>,
    policy: Policy,
    pace: Pace,
    timeline: Arc<Timeline>,
}

/// The element.
pub struct GuardElement {
    sink: gst::Pad,
    src: gst::Pad,
    settings: Mutex<Settings>,
    running: Mutex<Option<Running>>,
    input: Mutex<Input>,
    last_counts: Mutex<Counts>,
    flow: Mutex<Result<gst::FlowSuccess, gst::FlowError>>,
}

#[derive(Default)]
struct Input {
    info: Option<Arc<VideoInfo>>,
    /// Where the last frame ends.
    reached: Duration,
    segment: gst::FormattedSegment<gst::ClockTime>,
}

pub(super) fn configure(
    element: &super::GuardElement,
    policy: Policy,
    pace: Pace,
    n_threads: usize,
    maker: Option<PanelMaker>,
) {
    let mut settings = lock(&element.imp().settings);
    settings.policy = policy.name.clone();
    settings.parsed = Some(policy);
    settings.pace = Some(pace);
    settings.n_threads = n_threads.max(1);
    settings.maker = maker;
}

pub(super) fn counts(element: &super::GuardElement) -> Counts {
    element.imp().counts()
}

pub(super) fn reached(element: &super::GuardElement) -> Duration {
    lock(&element.imp().input).reached
}

#[glib::object_subclass]
impl ObjectSubclass for GuardElement {
    const NAME: &'static str = "StreamwardGuard";
    type Type = super::GuardElement;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let template = |name| class.pad_template(name).expect("pad templates are given below");
        let sink = gst::Pad::builder_from_template(&template("sink"))
            .chain_function(|pad, parent, buffer| {
                Self::catch_panic_pad_function(parent, || Err(gst::FlowError::Error), |this| this.chain(pad, buffer))
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_query(pad, query))
            })
            .build();
        let src = gst::Pad::builder_from_template(&template("src"))
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.src_query(pad, query))
            })
            .activatemode_function(|pad, parent, mode, active| {
                let failed = || Err(gst::loggable_error!(CAT, "panic while activating"));
                Self::catch_panic_pad_function(parent, failed, |this| this.activate_src(pad, mode, active))
            })
            .build();
        GuardElement {
            sink,
            src,
            settings: Mutex::default(),
            running: Mutex::default(),
            input: Mutex::default(),
            last_counts: Mutex::default(),
            flow: Mutex::new(Ok(gst::FlowSuccess::Ok)),
        }
    }
}

impl ObjectImpl for GuardElement {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            vec![
                glib::ParamSpecString::builder("policy")
                    .nick("Policy")
                    .blurb("A shipped policy (child-device, messenger, livestream, test) or the path of one")
                    .default_value("livestream")
                    .build(),
                glib::ParamSpecString::builder("pace")
                    .nick("Pace")
                    .blurb("live: hold hold_ms and never wait; exact: judge every frame; auto: live for live sources")
                    .default_value("auto")
                    .build(),
                glib::ParamSpecUInt::builder("threads")
                    .nick("Threads")
                    .blurb("How many detector threads judge frames side by side")
                    .minimum(1)
                    .maximum(64)
                    .default_value(default_threads() as u32)
                    .build(),
                glib::ParamSpecString::builder("channel")
                    .nick("Channel")
                    .blurb("streamwardmute elements of the same channel fall silent with this cover")
                    .default_value("default")
                    .build(),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("What became of the frames so far")
                    .read_only()
                    .build(),
            ]
        });
        PROPERTIES.as_ref()
    }

    fn set_property(&self, _: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        let text = || value.get::<Option<String>>().ok().flatten().unwrap_or_default();
        match spec.name() {
            "policy" => (settings.policy, settings.parsed) = (text(), None),
            "pace" => {
                settings.pace = match text().as_str() {
                    "live" => Some(Pace::Live),
                    "exact" => Some(Pace::Exact),
                    _ => None,
                }
            }
            "threads" => settings.n_threads = value.get::<u32>().map_or(1, |n| n as usize),
            "channel" => settings.channel = text(),
            other => gst::error!(CAT, imp = self, "no property {other} to set"),
        }
    }

    fn property(&self, _: usize, spec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings).clone();
        match spec.name() {
            "policy" => settings.policy.to_value(),
            "pace" => match settings.pace {
                None => "auto".to_value(),
                Some(Pace::Live) => "live".to_value(),
                Some(Pace::Exact) => "exact".to_value(),
            },
            "threads" => (settings.n_threads as u32).to_value(),
            "channel" => settings.channel.to_value(),
            _ => stats(&self.counts()).to_value(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        for pad in [&self.sink, &self.src] {
            element.add_pad(pad).expect("two pads of different names");
        }
    }
}

/// Windows and participants that the source knows of: GStreamer's own word for them.
fn regions_of_interest(buffer: &gst::Buffer) -> Vec<Rect> {
    let metas = buffer.iter_meta::<gst_video::VideoRegionOfInterestMeta>().map(|meta| meta.rect());
    metas
        .map(|(x, y, width, height)| Rect {
            x: x as usize,
            y: y as usize,
            size: Size { width: width as usize, height: height as usize },
        })
        .collect()
}

fn stats(counts: &Counts) -> gst::Structure {
    gst::Structure::builder("streamward-stats")
        .field("frames", counts.frames)
        .field("judged", counts.judged)
        .field("reused", counts.reused)
        .field("released", counts.released)
        .field("repeated", counts.repeated)
        .field("covered", counts.covered)
        .field("stalled", counts.stalled)
        .field("released-unjudged", counts.released_unjudged)
        .build()
}

impl GstObjectImpl for GuardElement {}

impl ElementImpl for GuardElement {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Streamward guard",
                "Filter/Effect/Video",
                "Holds every frame until it has been judged and covers the harmful ones",
                "The streamward project",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = VideoCapsBuilder::new().format_list(FORMATS.map(|(theirs, _)| theirs)).build();
            let template = |name, direction| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).expect("caps are well formed")
            };
            vec![template("sink", gst::PadDirection::Sink), template("src", gst::PadDirection::Src)]
        });
        TEMPLATES.as_ref()
    }

    fn change_state(&self, change: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if change == gst::StateChange::PausedToReady {
            self.halt();
        }
        let success = self.parent_change_state(change)?;
        if change == gst::StateChange::PausedToReady {
            *lock(&self.input) = Input::default();
        }
        Ok(success)
    }
}

impl GuardElement {
    fn counts(&self) -> Counts {
        lock(&self.running).as_ref().map_or_else(|| *lock(&self.last_counts), |running| running.stream.counts())
    }

    /// Loads the judges and starts their threads, at the first frame: only then is it known whether time presses.
    fn start(&self) -> Result<(), Error> {
        let settings = lock(&self.settings).clone();
        let policy = match settings.parsed {
            Some(policy) => policy,
            None => policies::load(&settings.policy)?,
        };
        let maker = match settings.maker {
            Some(maker) => maker,
            None => Hired::new(&policy)?.into_maker(),
        };
        let pace = settings.pace.unwrap_or_else(|| if self.is_upstream_live() { Pace::Live } else { Pace::Exact });
        let stream = Arc::new(Stream::start(policy.clone(), &maker, pace, settings.n_threads)?);
        let timeline = Timeline::of_channel(&settings.channel);
        timeline.restart();
        let running = Running { stream, places: Arc::default(), policy, pace, timeline };
        let mut place = lock(&self.running);
        // Halted meanwhile: what went in would wait for nobody.
        if lock(&self.flow).is_err() {
            running.stream.abort();
            return Ok(());
        }
        self.start_task(&running);
        *place = Some(running);
        drop(place);
        if pace == Pace::Live {
            let _ = self.obj().post_message(gst::message::Latency::builder().src(&*self.obj()).build());
        }
        Ok(())
    }

    fn is_upstream_live(&self) -> bool {
        let mut query = gst::query::Latency::new();
        self.sink.peer_query(&mut query) && query.result().0
    }

    /// Stops, and lets no late frame start it again until the pads are active once more or a flush is over.
    fn halt(&self) {
        let place = lock(&self.running);
        *lock(&self.flow) = Err(gst::FlowError::Flushing);
        drop(place);
        self.stop();
    }

    fn stop(&self) {
        let Some(running) = lock(&self.running).take() else { return };
        running.stream.abort();
        running.timeline.finish();
        *lock(&self.last_counts) = running.stream.counts();
    }

    fn chain(&self, _: &gst::Pad, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        (*lock(&self.flow))?;
        if lock(&self.running).is_none() {
            self.start().map_err(|error| self.fail(&error))?;
        }
        let (info, running_time) = {
            let mut input = lock(&self.input);
            let info = input.info.clone().ok_or(gst::FlowError::NotNegotiated)?;
            let running_time = buffer.pts().and_then(|pts| input.segment.to_running_time(pts));
            let end = running_time.and_then(|start| start.checked_add(buffer.duration().unwrap_or_default()));
            input.reached = input.reached.max(end.map_or(Duration::ZERO, Into::into));
            (info, running_time)
        };
        let at = running_time.map_or(Duration::ZERO, Into::into);
        let given = regions_of_interest(&buffer);
        let slot = Slot {
            pts: buffer.pts(),
            duration: buffer.duration(),
            offset: buffer.offset(),
            running: at,
            info: Arc::clone(&info),
        };
        let Some(frame) = Mapped::new(buffer, &info) else {
            let detail = "a frame does not hold what its caps promise";
            gst::element_imp_error!(self, gst::StreamError::Decode, ["{detail}"]);
            return Err(gst::FlowError::Error);
        };
        let (stream, places) = {
            let running = lock(&self.running);
            let running = running.as_ref().ok_or(gst::FlowError::Flushing)?;
            (Arc::clone(&running.stream), Arc::clone(&running.places))
        };
        lock(&places).push_back(Place::Frame);
        stream.push(frame, slot, at, &given);
        Ok(gst::FlowSuccess::Ok)
    }

    /// Says on the bus why nothing will come out.
    fn fail(&self, error: &Error) -> gst::FlowError {
        gst::element_imp_error!(self, gst::LibraryError::Init, ["{error}"]);
        gst::FlowError::Error
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Caps(caps) => match VideoInfo::from_caps(caps.caps()) {
                Ok(info) => lock(&self.input).info = Some(Arc::new(info)),
                Err(_) => return false,
            },
            gst::EventView::Segment(segment) => match segment.segment().downcast_ref::<gst::ClockTime>() {
                Some(segment) => lock(&self.input).segment = segment.clone(),
                None => return false,
            },
            gst::EventView::FlushStart(_) => {
                // What waits is dropped with its judges; the next frame after the flush starts anew.
                self.halt();
                return gst::Pad::event_default(pad, Some(&*self.obj()), event);
            }
            gst::EventView::FlushStop(_) => {
                *lock(&self.flow) = Ok(gst::FlowSuccess::Ok);
                lock(&self.input).segment = gst::FormattedSegment::default();
                return gst::Pad::event_default(pad, Some(&*self.obj()), event);
            }
            _ => (),
        }
        let is_end = event.type_() == gst::EventType::Eos;
        if event.is_serialized() {
            let running = lock(&self.running);
            if let Some(running) = running.as_ref() {
                lock(&running.places).push_back(Place::Event(event));
                if is_end {
                    running.stream.end();
                }
                return true;
            }
        }
        self.src.push_event(event)
    }

    /// Decoders may hand over frames as they lie in their memory where whoever follows can read them so; without this
    /// they copy each one. A pool of somebody else's is not passed on: it may have fewer buffers than are held here.
    fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let gst::QueryViewMut::Allocation(allocation) = query.view_mut() else {
            return gst::Pad::query_default(pad, Some(&*self.obj()), query);
        };
        let (caps, _) = allocation.get_owned();
        let mut further = gst::query::Allocation::new(caps.as_ref(), false);
        let reads_any_layout =
            self.src.peer_query(&mut further) && further.find_allocation_meta::<gst_video::VideoMeta>().is_some();
        if reads_any_layout {
            allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
        }
        reads_any_layout
    }

    fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let gst::QueryViewMut::Latency(latency) = query.view_mut() else {
            return gst::Pad::query_default(pad, Some(&*self.obj()), query);
        };
        let mut upstream = gst::query::Latency::new();
        if !self.sink.peer_query(&mut upstream) {
            return false;
        }
        let (is_live, mut min, max) = upstream.result();
        if let Some(hold_ms) = self.hold_ms(is_live) {
            min += gst::ClockTime::from_mseconds(hold_ms);
        }
        let has_hold = self.hold_ms(is_live).is_some();
        latency.set(is_live || has_hold, min, if has_hold { None } else { max });
        true
    }

    /// By how much frames are held, where a clock sets the pace.
    fn hold_ms(&self, is_live: bool) -> Option<u64> {
        if let Some(running) = lock(&self.running).as_ref() {
            return (running.pace == Pace::Live).then(|| running.policy.timing.hold_ms.into());
        }
        let settings = lock(&self.settings).clone();
        let is_live = settings.pace.map_or(is_live, |pace| pace == Pace::Live);
        let policy = settings.parsed.or_else(|| policies::load(&settings.policy).ok())?;
        is_live.then(|| policy.timing.hold_ms.into())
    }

    fn activate_src(&self, pad: &gst::Pad, mode: gst::PadMode, active: bool) -> Result<(), gst::LoggableError> {
        if mode == gst::PadMode::Push && active {
            *lock(&self.flow) = Ok(gst::FlowSuccess::Ok);
        } else if mode == gst::PadMode::Push {
            self.halt();
            pad.stop_task()?;
        }
        Ok(())
    }

    fn start_task(&self, running: &Running) {
        let mut emitter = Emitter {
            element: self.obj().downgrade(),
            src: self.src.clone(),
            stream: Arc::clone(&running.stream),
            places: Arc::clone(&running.places),
            timeline: Arc::clone(&running.timeline),
            covers: Covers::new(running.policy.cover.clone()),
            sent_info: None,
        };
        let task = self.src.start_task(move || emitter.step());
        if let Err(error) = task {
            gst::error!(CAT, imp = self, "cannot start the emitter: {error}");
        }
    }
}

/// Owns the source pad while a stream runs.
struct Emitter {
    element: glib::WeakRef<super::GuardElement>,
    src: gst::Pad,
    stream: Arc<Stream<Mapped, Slot>>,
    places: Arc<Mutex<VecDeque<Place>>>,
    timeline: Arc<Timeline>,
    covers: Covers,
    sent_info: Option<Arc<VideoInfo>>,
}

impl Emitter {
    fn step(&mut self) {
        match self.stream.next() {
            Event::Place { slot, shown, .. } => self.place(&slot, shown),
            Event::State(state) => self.tell(state_structure(state)),
            Event::Incident(incident) => self.tell(incident_structure(&incident)),
            Event::End => {
                self.timeline.finish();
                self.events();
                let _ = self.src.pause_task();
            }
        }
    }

    /// Sends the events that came before the next frame.
    fn events(&mut self) {
        loop {
            let place = lock(&self.places).pop_front();
            match place {
                Some(Place::Event(event)) => {
                    self.src.push_event(event);
                }
                Some(Place::Frame) | None => return,
            }
        }
    }

    fn place(&mut self, slot: &Slot, shown: Shown<Mapped>) {
        self.events();
        let length = slot.duration.map_or(Duration::from_millis(40), Into::into);
        self.timeline.decide(slot.running, slot.running + length, matches!(shown, Shown::Cover(..)));
        let Some(mut buffer) = self.buffer(slot, shown) else { return self.stopped(gst::FlowError::Error) };
        let sent = buffer.make_mut();
        sent.set_pts(slot.pts);
        sent.set_duration(slot.duration);
        sent.set_offset(slot.offset);
        self.sent_info = Some(Arc::clone(&slot.info));
        if let Err(error) = self.src.push(buffer) {
            self.stopped(error);
        }
    }

    fn buffer(&mut self, slot: &Slot, shown: Shown<Mapped>) -> Option<gst::Buffer> {
        match shown {
            Shown::Frame(released) => Some(released.frame().buffer()),
            // A frame of another size cannot stand in this one's place.
            Shown::Repeat(released) if self.sent_info.as_deref() == Some(&slot.info) => Some(released.frame().buffer()),
            Shown::Repeat(_) => self.covers.buffer(&slot.info, guard::Cause::Stalled, None),
            Shown::Cover(cause, signature) => self.covers.buffer(&slot.info, cause, Some(&signature)),
        }
    }

    /// Downstream wants no more: say so upstream at the next frame.
    fn stopped(&self, error: gst::FlowError) {
        if let Some(element) = self.element.upgrade() {
            *lock(&element.imp().flow) = Err(error);
            if error == gst::FlowError::Error || error == gst::FlowError::NotNegotiated {
                gst::element_error!(element, gst::StreamError::Failed, ["what follows the guard stopped: {error}"]);
            }
        }
        self.stream.abort();
        let _ = self.src.pause_task();
    }

    fn tell(&self, structure: gst::Structure) {
        if let Some(element) = self.element.upgrade() {
            let message = gst::message::Element::builder(structure).src(&element).build();
            let _ = element.post_message(message);
        }
    }
}

fn state_structure(state: State) -> gst::Structure {
    let name = match state {
        State::Clear => "clear",
        State::Covered => "covered",
        State::Stalled => "stalled",
    };
    gst::Structure::builder(STATE_MESSAGE).field("state", name).build()
}

fn incident_structure(incident: &guard::Incident) -> gst::Structure {
    let json = serde_json::to_string(&crate::report::Incident::from(incident)).unwrap_or_default();
    let is_over = incident.to.is_some();
    gst::Structure::builder(INCIDENT_MESSAGE).field("over", is_over).field("incident", json).build()
}
