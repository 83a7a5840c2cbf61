//! What does the process do that decodes and judges?
//!
//! It hears the source's bytes on standard input and says tags on standard output. It has no socket, and before it reads
//! the first byte it closes the sandbox. A decoder that fails ends it: the keeper starts another.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::time::Duration;

use gst::prelude::*;
use guard::{Counts, Policy};

use super::encode::{Encoder, Geometry};
use super::intake::{Intake, Way};
use super::playout::{Playout, spare};
use super::pulse::{Pulse, Standing, Sums};
use super::push::listen;
use super::tag::{Kind, Tag};
use super::{BEAT, Record, codecs, now_ms};
use crate::Error;
use crate::detectors::lock;
use crate::element::{INCIDENT_MESSAGE, STATE_MESSAGE};
use crate::held::HoldTimes;
use crate::panel::Hired;
use crate::policies::Source;
use crate::sandbox::{self, Room};

/// Records that wait for the keeper; more than this and pictures are dropped until one that needs no other.
const WAITING_MAX: usize = 256;
/// The checker is well while its last tag is no older, milliseconds.
const FRESH_MS: u64 = 500;

/// What a checker is told when it is started.
pub(crate) struct Orders {
    pub(crate) policy: Source,
    pub(crate) lists: Vec<String>,
    pub(crate) n_threads: usize,
    /// Of the checker before it: the stream that goes out goes on.
    pub(crate) geometry: Option<Geometry>,
}

/// Loads the judges in the sandbox's first room, and closes its last door behind them.
///
/// # Errors
/// When the policy cannot be used, a judge cannot be had, or the sandbox cannot be closed.
pub(crate) fn shut_in(policy: &Source, lists: &[String], room: Room) -> Result<(Policy, Hired), Error> {
    // Code that Orc would write at run time could not be made executable any more; its C versions are there already.
    crate::start_media()?;
    codecs::load();
    Encoder::load();
    sandbox::read_only(&readable(policy, lists))?;
    let mut policy = policy.load_again()?;
    policy.judges.lists.extend(lists.iter().cloned());
    let judges = Hired::new(&policy)?;
    sandbox::close(room)?;
    Ok((policy, judges))
}

/// Where onnxruntime finds the libraries it links and the kind of processor it runs on.
const SYSTEM: [&str; 7] =
    ["/usr/lib", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/proc/cpuinfo", "/sys/devices/system/cpu"];

/// The policy, the lists with their signatures, the models and the system's libraries: nothing else is read, and nothing
/// at all once the last door is closed.
fn readable(policy: &Source, lists: &[String]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let named = policy.load_again().map(|policy| policy.judges.lists).unwrap_or_default();
    for name in named.iter().chain(lists).filter(|name| name.as_str() != crate::lists::TEST_CARD) {
        paths.extend([PathBuf::from(name), PathBuf::from(format!("{name}.sig"))]);
    }
    paths.extend(crate::lists::memory_file());
    paths.extend(policy.files());
    paths.extend(classifier::Store::of_user().map(|store| store.folder().to_owned()));
    paths.extend(SYSTEM.map(PathBuf::from));
    paths.retain(|path| path.exists());
    paths
}

/// Checks until the pipes end.
///
/// # Errors
/// When the sandbox cannot be closed, a judge cannot be had, or a decoder or encoder fails.
pub(crate) fn run(orders: Orders) -> Result<(), Error> {
    let (policy, judges) = shut_in(&orders.policy, &orders.lists, Room::Checker)?;
    let mouth = Mouth::open();
    let said = Arc::clone(&mouth);
    let playout = Arc::new(Playout::new(&policy, move |tag| said.tag(tag)));
    let way = Way { policy, maker: judges.into_maker(), n_threads: orders.n_threads, playout: Arc::clone(&playout) };
    mouth.say(Record::Restart);
    let mut checker = Checker {
        way,
        mouth,
        intake: None,
        n_connections: 0,
        past: Sums::new(),
        past_hold_times: HoldTimes::default(),
        pulse: Pulse { standing: Standing::Shown, ..Pulse::default() },
        spare_for: None,
    };
    if let Some(geometry) = &orders.geometry {
        checker.way.playout.open(geometry)?;
    }
    let heard = listen(std::io::stdin());
    let mut beat_ms = 0;
    loop {
        match heard.recv_timeout(Duration::from_millis(5)) {
            Ok(record) => checker.hear(record)?,
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        playout.tick();
        checker.watch()?;
        if now_ms() - beat_ms >= BEAT.as_millis() as u64 {
            beat_ms = now_ms();
            checker.beat()?;
        }
        if checker.mouth.is_shut.load(Ordering::SeqCst) {
            return Ok(());
        }
    }
}

struct Checker {
    way: Way,
    mouth: Arc<Mouth>,
    intake: Option<Intake>,
    n_connections: u64,
    /// Of connections that are gone.
    past: Sums,
    past_hold_times: HoldTimes,
    pulse: Pulse,
    /// For which size the cover was sent to push.
    spare_for: Option<Geometry>,
}

impl Checker {
    fn hear(&mut self, record: Record) -> Result<(), Error> {
        match record {
            Record::Connected => {
                self.leave();
                self.n_connections += 1;
                self.way.playout.connected();
                self.intake = Some(Intake::new(&self.way, self.n_connections));
            }
            Record::Stream { stream, caps } => {
                if let Some(intake) = &mut self.intake {
                    intake.stream(stream, &caps)?;
                }
            }
            Record::Bytes { stream, at_ns, bytes } => {
                if let Some(intake) = &self.intake {
                    intake.bytes(stream, at_ns, bytes);
                }
            }
            Record::Lost => self.leave(),
            _ => (),
        }
        Ok(())
    }

    fn leave(&mut self) {
        if let Some(intake) = self.intake.take() {
            let (counts, held) = (intake.guard.counts(), lock(&intake.hold_times).clone());
            drop(intake);
            add(&mut self.past, &counts);
            self.past_hold_times.add(&held);
            // What the next connection brings is judged anew.
            self.pulse.standing = Standing::Shown;
        }
    }

    /// What the pipelines say.
    fn watch(&mut self) -> Result<(), Error> {
        if let Some(detail) = self.way.playout.trouble() {
            return Err(failed("the guarded video cannot be encoded", detail));
        }
        let Some(intake) = &self.intake else { return Ok(()) };
        if let Some(detail) = intake.trouble() {
            return Err(failed("the source cannot be decoded", detail));
        }
        let bus = intake.pipeline.bus().expect("a pipeline has a bus");
        while let Some(message) = bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => {
                    return Err(failed("the source cannot be decoded", error.error().message().to_owned()));
                }
                gst::MessageView::Element(element) => {
                    if let Some(facts) = element.structure() {
                        self.note(facts);
                    }
                }
                _ => (),
            }
        }
        Ok(())
    }

    fn note(&mut self, facts: &gst::StructureRef) {
        if facts.name() == STATE_MESSAGE {
            self.pulse.standing = match facts.get::<&str>("state").unwrap_or_default() {
                "clear" => Standing::Shown,
                "covered" => Standing::Covered,
                _ => Standing::Stalled,
            };
        }
        if facts.name() == INCIDENT_MESSAGE && facts.get("over").is_ok_and(|is_over: bool| is_over) {
            self.pulse.n_incidents += 1;
            self.pulse.last_incident = facts.get("incident").ok();
        }
    }

    fn beat(&mut self) -> Result<(), Error> {
        let geometry = self.way.playout.geometry();
        if let Some(geometry) = geometry.clone().filter(|now| self.spare_for.as_ref() != Some(now)) {
            for tag in spare(&self.way.policy, &geometry)? {
                self.mouth.say(Record::Spare(tag.at(tag.at_ms)));
            }
            self.mouth.say(Record::Spare(Vec::new()));
            self.spare_for = Some(geometry);
        }
        self.pulse.counts = self.past.clone();
        self.pulse.hold_times = self.past_hold_times.clone();
        if let Some(intake) = &self.intake {
            add(&mut self.pulse.counts, &intake.guard.counts());
            self.pulse.hold_times.add(&lock(&intake.hold_times));
        }
        self.pulse.geometry = geometry.map(|geometry| geometry.to_string());
        let standing = self.way.playout.standing().unwrap_or(self.pulse.standing);
        let pulse = Pulse { standing, ..self.pulse.clone() };
        // No word is better than a good word while nothing goes out.
        let age_ms = now_ms().saturating_sub(self.mouth.tag_ms.load(Ordering::SeqCst));
        if self.pulse.geometry.is_none() || age_ms < FRESH_MS {
            self.mouth.beat(serde_json::to_string(&pulse).unwrap_or_default());
        }
        Ok(())
    }
}

/// By the names that a report gives them.
pub(crate) fn add(sums: &mut Sums, counts: &Counts) {
    let named = [
        ("frames", counts.frames),
        ("judged", counts.judged),
        ("reused", counts.reused),
        ("released", counts.released),
        ("repeated", counts.repeated),
        ("covered", counts.covered),
        ("stalled", counts.stalled),
        ("released_unjudged", counts.released_unjudged),
    ];
    for (name, n) in named {
        *sums.entry(name.into()).or_default() += n;
    }
}

fn failed(what: &str, detail: String) -> Error {
    Error::Media {
        what: what.into(),
        detail,
        todo: "nothing to do: checking starts again, and the video is covered until then",
    }
}

/// The way to the keeper. Tags never wait for him: what he does not take in time is dropped, up to a picture that needs
/// no other.
struct Mouth {
    records: SyncSender<Record>,
    is_broken: AtomicBool,
    is_shut: AtomicBool,
    /// When the last tag went out, by the monotonic clock.
    tag_ms: AtomicU64,
}

impl Mouth {
    fn open() -> Arc<Mouth> {
        let (records, said) = mpsc::sync_channel::<Record>(WAITING_MAX);
        let (is_broken, is_shut) = (AtomicBool::new(false), AtomicBool::new(false));
        let mouth = Arc::new(Mouth { records, is_broken, is_shut, tag_ms: AtomicU64::new(0) });
        let speaker = Arc::clone(&mouth);
        std::thread::spawn(move || {
            let mut out = std::io::stdout();
            while let Ok(record) = said.recv() {
                if let Record::Tag { made_ms, .. } = &record {
                    speaker.tag_ms.store(*made_ms, Ordering::SeqCst);
                }
                if record.write(&mut out).is_err() {
                    speaker.is_shut.store(true, Ordering::SeqCst);
                    return;
                }
            }
        });
        mouth
    }

    /// What must not be lost; it waits for the keeper.
    fn say(&self, record: Record) {
        if self.records.send(record).is_err() {
            self.is_shut.store(true, Ordering::SeqCst);
        }
    }

    /// What is of this moment only.
    fn beat(&self, text: String) {
        let _ = self.records.try_send(Record::Beat(text));
    }

    /// Whether anyone still wants tags.
    fn tag(&self, tag: Tag) -> bool {
        let is_key = tag.kind == Kind::Key;
        let record = Record::Tag { made_ms: now_ms(), bytes: tag.at(tag.at_ms) };
        if tag.is_header() {
            self.say(record);
        } else if is_key || !self.is_broken.load(Ordering::SeqCst) {
            let is_said = self.records.try_send(record).is_ok();
            self.is_broken.store(!is_said, Ordering::SeqCst);
        }
        !self.is_shut.load(Ordering::SeqCst)
    }
}
