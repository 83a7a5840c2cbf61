//! How does a video file become its guarded copy?
//!
//! One pipeline of our own: read, decode, guard, encode, write. The copy is written beside its final name and takes
//! that name only when it is whole; a copy that was interrupted is ended properly first, and then is whole up to
//! there. A second picture stream or a subtitle of the source is left out: nothing passes unjudged.

mod branches;
pub mod hashes;
mod output;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use guard::Policy;

use crate::Error;
use crate::detectors::lock;
use crate::element::{GuardElement, INCIDENT_MESSAGE};
use crate::held;
use crate::panel::PanelMaker;
use crate::report::{Held, Incident, Report};
use crate::stream::Pace;
use output::Partial;

pub use output::Encoder;

/// What to guard, and how.
pub struct Job {
    /// The video to read.
    pub input: PathBuf,
    /// The guarded copy; its ending chooses the container: mp4, m4v, mov, mkv, webm, y4m.
    pub output: PathBuf,
    /// What is covered.
    pub policy: Policy,
    /// Who judges.
    pub maker: PanelMaker,
    /// [`Pace::Live`] plays the file at its own speed, as if it were a live stream.
    pub pace: Pace,
    /// How many detector threads.
    pub n_threads: usize,
    /// Which encoder.
    pub encoder: Encoder,
    /// Set from outside to end early.
    pub interrupt: Arc<AtomicBool>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Time reached in the video.
    pub position: Duration,
    /// Length of the video, where it is known.
    pub length: Option<Duration>,
    /// Frames so far.
    pub counts: guard::Counts,
}

/// Guards one file.
///
/// # Errors
/// [`Error::Read`], [`Error::Write`] or [`Error::Media`] with the file and what to do; then nothing stands under the
/// output's name.
pub fn run(job: &Job, mut on_progress: impl FnMut(Progress)) -> Result<Report, Error> {
    let began = Instant::now();
    crate::start_media()?;
    check_input(&job.input)?;
    let partial = Partial::beside(&job.output)?;
    let guard = GuardElement::with(job.policy.clone(), job.pace, job.n_threads, Some(Arc::clone(&job.maker)));
    guard.set_property("channel", own_channel());
    let held: Arc<Mutex<Vec<u64>>> = Arc::default();
    if job.pace == Pace::Live {
        let noted = Arc::clone(&held);
        held::watch(&guard, move |held_ms| lock(&noted).push(held_ms));
    }
    let pipeline = branches::build(job, &guard, partial.path())?;
    let mut watch = Watch {
        job,
        guard: &guard,
        pipeline: &pipeline.pipeline,
        incidents: Vec::new(),
        interrupted: false,
        length: Duration::ZERO,
    };
    let outcome = watch.until_end(&pipeline.trouble, &mut on_progress);
    let counts = guard.counts();
    let unread_ms = watch.unread_ms();
    let (incidents, interrupted) = (watch.incidents, watch.interrupted);
    // Stopping never fails in a way that could be acted on.
    let _ = pipeline.pipeline.set_state(gst::State::Null);
    outcome?;
    if counts.frames == 0 {
        return Err(no_frames(&job.input));
    }
    partial.publish()?;
    let elapsed_s = began.elapsed().as_secs_f64();
    let held_ms = Held::of(std::mem::take(&mut *lock(&held)));
    Ok(Report { incidents, interrupted, elapsed_s, unread_ms, held_ms, ..Report::new(counts, &job.policy) })
}

/// Files guarded side by side in one program must not fall silent, nor sound, with each other's covers.
fn own_channel() -> String {
    static N_RUNS: AtomicU64 = AtomicU64::new(0);
    format!("file {}", N_RUNS.fetch_add(1, Ordering::Relaxed))
}

fn check_input(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let facts = std::fs::File::open(path).and_then(|file| file.metadata()).map_err(failed)?;
    match (facts.is_file(), facts.len()) {
        (false, _) => Err(failed(std::io::Error::other("it is not a file"))),
        (true, 0) => Err(failed(std::io::Error::other("it is empty"))),
        (true, _) => Ok(()),
    }
}

fn no_frames(path: &Path) -> Error {
    Error::Media {
        what: format!("no video was found in {}", path.display()),
        detail: "it holds no frame that could be decoded".into(),
        todo: "check that the file is a video and is not cut off; nothing was written",
    }
}

/// Watches a pipeline until it ends.
struct Watch<'a> {
    job: &'a Job,
    guard: &'a GuardElement,
    pipeline: &'a gst::Pipeline,
    incidents: Vec<Incident>,
    interrupted: bool,
    length: Duration,
}

/// A file without a frame after this long has none. Under load the framework was seen to lose its own word that a
/// damaged file holds no streams, and to wait for ever.
const FIRST_FRAME_MAX: Duration = Duration::from_secs(60);

/// Sound often runs on a little after the picture; a file that is cut off lacks more.
const UNREAD_MIN: Duration = Duration::from_secs(1);

impl Watch<'_> {
    fn until_end(
        &mut self,
        trouble: &Mutex<Option<Error>>,
        on_progress: &mut impl FnMut(Progress),
    ) -> Result<(), Error> {
        let bus = self.pipeline.bus().expect("a pipeline has a bus");
        let began = Instant::now();
        // A failure to start is told on the bus, with its reason.
        let _ = self.pipeline.set_state(gst::State::Playing);
        loop {
            let message = bus.timed_pop(gst::ClockTime::from_mseconds(100));
            if let Some(error) = lock(trouble).take() {
                return Err(error);
            }
            if self.job.interrupt.load(Ordering::SeqCst) && !self.interrupted {
                self.interrupted = true;
                self.pipeline.send_event(gst::event::Eos::new());
            }
            let progress = self.progress();
            if progress.counts.frames == 0 && message.is_none() && began.elapsed() > FIRST_FRAME_MAX {
                return Err(no_frames(&self.job.input));
            }
            self.length = self.length.max(progress.length.unwrap_or_default());
            on_progress(progress);
            let Some(message) = message else { continue };
            match message.view() {
                gst::MessageView::Eos(_) => return Ok(()),
                gst::MessageView::Error(error) => return Err(self.explain(error)),
                gst::MessageView::Element(element) => self.note(element.structure()),
                _ => (),
            }
        }
    }

    /// By how much the video ended before the file's own length.
    fn unread_ms(&self) -> u64 {
        let unread = self.length.saturating_sub(self.guard.reached());
        if self.interrupted || unread < UNREAD_MIN { 0 } else { unread.as_millis() as u64 }
    }

    fn progress(&self) -> Progress {
        let duration = |time: Option<gst::ClockTime>| time.map(Duration::from);
        Progress {
            position: duration(self.pipeline.query_position()).unwrap_or_default(),
            length: duration(self.pipeline.query_duration()),
            counts: self.guard.counts(),
        }
    }

    /// Keeps an incident when its cover has ended: then it is complete.
    fn note(&mut self, structure: Option<&gst::StructureRef>) {
        let Some(structure) = structure.filter(|s| s.name() == INCIDENT_MESSAGE) else { return };
        let is_over = structure.get::<bool>("over").unwrap_or_default();
        let text = structure.get::<String>("incident").unwrap_or_default();
        if is_over {
            self.incidents.extend(serde_json::from_str::<Incident>(&text).ok());
        }
    }

    fn explain(&self, error: &gst::message::Error) -> Error {
        let cause = error.error();
        let (input, output) = (self.job.input.display(), self.job.output.display());
        if cause.matches(gst::ResourceError::NoSpaceLeft) {
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Error::Write { path: self.job.output.clone(), source };
        }
        let detail = cause.message().split("\n").next().unwrap_or_default().to_owned();
        if cause.matches(gst::LibraryError::Init) {
            return Error::Judges(cause.message().to_owned());
        }
        let is_writing = error.src().is_some_and(|src| src.name() == branches::WRITER);
        if is_writing {
            return Error::Write { path: self.job.output.clone(), source: std::io::Error::other(detail) };
        }
        if cause.matches(gst::CoreError::MissingPlugin) || cause.matches(gst::StreamError::CodecNotFound) {
            let what = format!("no decoder for {input} is installed");
            return Error::Media { what, detail, todo: "run `streamward doctor` to see which packages are missing" };
        }
        let what = format!("cannot turn {input} into {output}");
        Error::Media {
            what,
            detail,
            todo: "check that the file is a video that other players can play; nothing was written",
        }
    }
}
