//! What goes to the encoder, and with what time?
//!
//! The outgoing stream has one time line: the clock since it began. The pictures and the sound of one connection are
//! moved onto it by the same amount, so they stay in step. While the source brings nothing the cover fills the line, at
//! the source's pace, with silence beside it. What would have to be put before something already sent is dropped.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use guard::{Cause, Policy};

use super::encode::{Encoder, Geometry, OnTag, RATE, SAMPLE_BYTES};
use super::pulse::Standing;
use super::tag::Tag;
use crate::Error;
use crate::covers::Covers;
use crate::detectors::lock;

/// A connection whose time has run this far from the clock is placed anew.
const ASTRAY: Duration = Duration::from_secs(2);
/// Sound that is this little off its place is put where it says; more is filled or cut.
const TOLERANCE: Duration = Duration::from_millis(5);
/// Sound comes in larger parts than pictures and waits for their verdict.
const SOUND_SILENT: Duration = Duration::from_millis(600);
/// How much of the cover is encoded beforehand.
const SPARE: Duration = Duration::from_secs(1);

/// The outgoing time line.
pub(super) struct Playout {
    began: Instant,
    policy: Policy,
    line: Mutex<Option<Line>>,
    on_tag: Mutex<Option<TakesTags>>,
}

/// Takes a tag on its way; whether it wants more.
type TakesTags = Box<dyn FnMut(Tag) -> bool + Send>;

/// What was put on it; times since it began.
struct Line {
    geometry: Geometry,
    encoder: Encoder,
    covers: Covers,
    /// By how much later than its own time a connection's media are put, nanoseconds.
    later_ns: Option<i64>,
    /// The time of the last picture.
    picture: Duration,
    picture_heard: Duration,
    /// The end of the last sound.
    sound: Duration,
    sound_heard: Duration,
    /// The cover stays at least until then.
    covered_until: Option<Duration>,
    /// The source has brought a picture.
    has_come: bool,
}

impl Playout {
    /// Nothing goes out before the size of the picture is known.
    pub(super) fn new(policy: &Policy, on_tag: impl OnTag) -> Playout {
        let on_tag: TakesTags = Box::new(on_tag);
        Playout {
            began: Instant::now(),
            policy: policy.clone(),
            line: Mutex::default(),
            on_tag: Mutex::new(Some(on_tag)),
        }
    }

    /// The size and pace of all that goes out: what the first caller says.
    pub(super) fn open(&self, geometry: &Geometry) -> Result<Geometry, Error> {
        let mut line = lock(&self.line);
        if let Some(line) = line.as_ref() {
            return Ok(line.geometry.clone());
        }
        let Some(on_tag) = lock(&self.on_tag).take() else { return Ok(geometry.clone()) };
        let encoder = Encoder::start(geometry, on_tag)?;
        let now = self.began.elapsed();
        *line = Some(Line {
            geometry: geometry.clone(),
            encoder,
            covers: Covers::new(self.policy.cover.clone()),
            later_ns: None,
            picture: now,
            picture_heard: now,
            sound: now,
            sound_heard: now,
            covered_until: None,
            has_come: false,
        });
        Ok(geometry.clone())
    }

    /// What is known of the outgoing picture.
    pub(super) fn geometry(&self) -> Option<Geometry> {
        lock(&self.line).as_ref().map(|line| line.geometry.clone())
    }

    /// A new connection: its time begins anywhere.
    pub(super) fn connected(&self) {
        if let Some(line) = lock(&self.line).as_mut() {
            line.later_ns = None;
        }
    }

    /// Whether the cover stands in for a source that has fallen silent, or that has not come yet.
    pub(super) fn standing(&self) -> Option<Standing> {
        match lock(&self.line).as_ref() {
            Some(line) if line.has_come => line.covered_until.is_some().then_some(Standing::Silent),
            Some(_) | None => Some(Standing::Starting),
        }
    }

    /// A picture that the guard let through, or its cover, with its running time.
    pub(super) fn picture(&self, running: Duration, buffer: &gst::BufferRef) {
        let now = self.began.elapsed();
        let mut line = lock(&self.line);
        let Some(line) = line.as_mut() else { return };
        (line.picture_heard, line.has_come) = (now, true);
        let Some(at) = line.place(running, now) else { return };
        if at <= line.picture || line.covered_until.is_some() {
            return;
        }
        line.put_picture(at, buffer.copy());
    }

    /// Sound of the same connection.
    pub(super) fn sound(&self, running: Duration, samples: &[u8]) {
        let now = self.began.elapsed();
        let mut line = lock(&self.line);
        let Some(line) = line.as_mut() else { return };
        line.sound_heard = now;
        let Some(mut at) = line.place(running, now) else { return };
        let mut samples = samples;
        if at > line.sound + TOLERANCE {
            line.put_silence(at);
        }
        if at + TOLERANCE < line.sound {
            let cut = bytes_of(line.sound - at).min(samples.len());
            samples = &samples[cut..];
            at = line.sound;
        }
        if !samples.is_empty() {
            line.put_sound(at, samples.to_vec());
        }
    }

    /// Fills what nobody filled. To be called often.
    pub(super) fn tick(&self) {
        let now = self.began.elapsed();
        let mut line = lock(&self.line);
        let Some(line) = line.as_mut() else { return };
        let frame = line.geometry.frame();
        let timing = &self.policy.timing;
        let freeze = Duration::from_millis(timing.freeze_ms.min(timing.hold_ms).into()).max(frame * 3);
        if now.saturating_sub(line.picture_heard) > freeze {
            let until = now + Duration::from_millis(timing.cover_min_ms.into());
            // It was silent just now: from here on the cover stays for the least time.
            if line.covered_until.is_none() {
                line.picture = line.picture.max(now.saturating_sub(frame));
                line.covered_until = Some(until);
            }
        } else if line.covered_until.is_some_and(|until| until <= now) {
            line.covered_until = None;
        }
        if line.covered_until.is_some() {
            while line.picture + frame <= now {
                let at = line.picture + frame;
                let Some(cover) = line.covers.buffer(&line.geometry.info(), Cause::Stalled, None) else { return };
                line.put_picture(at, cover.copy());
            }
        }
        if now.saturating_sub(line.sound_heard) > SOUND_SILENT {
            line.put_silence(now);
        }
    }

    /// Why nothing goes out any more, if the encoder failed.
    pub(super) fn trouble(&self) -> Option<String> {
        let line = lock(&self.line);
        let bus = gst::prelude::ElementExt::bus(&line.as_ref()?.encoder.pipeline)?;
        let message = bus.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(error.error().message().to_owned()),
            _ => None,
        }
    }
}

impl Line {
    /// Where on the line something of this running time belongs; the first of a connection belongs to now.
    fn place(&mut self, running: Duration, now: Duration) -> Option<Duration> {
        let running_ns = i64::try_from(running.as_nanos()).ok()?;
        let now_ns = i64::try_from(now.as_nanos()).ok()?;
        let later_ns = *self.later_ns.get_or_insert(now_ns - running_ns);
        let at_ns = running_ns.checked_add(later_ns)?;
        if at_ns.abs_diff(now_ns) > ASTRAY.as_nanos() as u64 {
            self.later_ns = Some(now_ns - running_ns);
            return Some(now);
        }
        u64::try_from(at_ns).ok().map(Duration::from_nanos)
    }

    fn put_picture(&mut self, at: Duration, mut buffer: gst::Buffer) {
        let frame = self.geometry.frame();
        stamp(&mut buffer, at, frame);
        self.picture = at;
        // A failed encoder says so on its bus.
        let _ = self.encoder.picture.push_buffer(buffer);
    }

    fn put_sound(&mut self, at: Duration, samples: Vec<u8>) {
        let length = length_of(samples.len());
        let mut buffer = gst::Buffer::from_mut_slice(samples);
        stamp(&mut buffer, at, length);
        self.sound = at + length;
        let _ = self.encoder.sound.push_buffer(buffer);
    }

    /// Silence from the end of the last sound on.
    fn put_silence(&mut self, until: Duration) {
        let n_bytes = bytes_of(until.saturating_sub(self.sound).min(ASTRAY * 2));
        if n_bytes > 0 {
            let at = self.sound.max(until.saturating_sub(ASTRAY * 2));
            self.put_sound(at, vec![0; n_bytes]);
        }
    }
}

fn stamp(buffer: &mut gst::Buffer, at: Duration, length: Duration) {
    let buffer = buffer.make_mut();
    buffer.set_pts(gst::ClockTime::try_from(at).ok());
    buffer.set_dts(None);
    buffer.set_duration(gst::ClockTime::try_from(length).ok());
}

/// Bytes of so much sound.
fn bytes_of(length: Duration) -> usize {
    (length.as_nanos() as u64 * RATE / 1_000_000_000) as usize * SAMPLE_BYTES
}

/// How long so many bytes of sound last.
fn length_of(n_bytes: usize) -> Duration {
    Duration::from_nanos((n_bytes / SAMPLE_BYTES) as u64 * 1_000_000_000 / RATE)
}

/// The tags of a cover for when no checker lives, encoded like everything else.
///
/// # Errors
/// When the encoder cannot be had.
pub(super) fn spare(policy: &Policy, geometry: &Geometry) -> Result<Vec<Tag>, Error> {
    let tags = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&tags);
    let keep = move |tag| {
        lock(&kept).push(tag);
        true
    };
    let encoder = Encoder::start(geometry, keep)?;
    let mut covers = Covers::new(policy.cover.clone());
    let frame = geometry.frame();
    let mut at = Duration::ZERO;
    while at < SPARE {
        let Some(cover) = covers.buffer(&geometry.info(), Cause::Stalled, None) else { break };
        let mut picture = cover.copy();
        stamp(&mut picture, at, frame);
        let mut sound = gst::Buffer::from_mut_slice(vec![0; bytes_of(frame)]);
        stamp(&mut sound, at, frame);
        let _ = (encoder.picture.push_buffer(picture), encoder.sound.push_buffer(sound));
        at += frame;
    }
    let _ = (encoder.picture.end_of_stream(), encoder.sound.end_of_stream());
    if let Some(bus) = gst::prelude::ElementExt::bus(&encoder.pipeline) {
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(10), &ends);
    }
    super::stop(&encoder.pipeline);
    Ok(std::mem::take(&mut *lock(&tags)))
}
