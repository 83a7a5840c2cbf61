//! Which place comes out now, and what stands in it?
//!
//! The guard's machine with what it needs in a browser: frames wait in this module's memory, the newest ones are
//! looked at first, and each decided place is kept until its time. Where sound goes along, every place waits
//! [`lead_ms`](guard::policy::Audio::lead_ms) longer, so that the sound before a cover can still be silenced and
//! neither runs ahead of the other.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use guard::finding::{Finding, FrameId, JudgeId, RegionId};
use guard::region::Region;
use guard::{
    Arrival, Cause, CoverArt, Guard, Held, Incident, Input, Output, Policy, Released, Shown, Signature, State,
};

use crate::judge::{failed, regions};
use crate::picture::{Picture, Shape};
use crate::silence::Silence;
use crate::word::{self, Findings, Job, Told};

/// Frames that may wait for the judge. Older ones give way: they would be late anyway.
const WAITING_MAX: usize = 4;

/// Covers of this many sizes are kept.
const COVERS_MAX: usize = 4;

/// The delay line of one stream.
pub struct Line {
    guard: Guard<Picture>,
    extra: Duration,
    silence: Silence,
    /// Timestamp and shape of each frame whose place is not decided.
    tags: VecDeque<Tag>,
    waiting: VecDeque<Look>,
    looked_at: BTreeMap<u64, Vec<(JudgeId, RegionId)>>,
    places: VecDeque<Place>,
    told: VecDeque<Told>,
    last_seen: Option<String>,
    covers: Vec<(Shape, Cause, CoverArt)>,
    cover: Vec<u8>,
}

struct Tag {
    timestamp_us: f64,
    shape: Shape,
}

struct Look {
    id: FrameId,
    frame: Held<Picture>,
    regions: Vec<Region>,
    looks: Vec<(JudgeId, RegionId)>,
}

struct Place {
    due: Duration,
    tag: Tag,
    shown: Shown<Picture>,
}

/// A place whose time has come.
pub struct Emission<'a> {
    /// What stands in it.
    pub kind: Kind,
    /// The timestamp of the frame whose place it is, microseconds.
    pub timestamp_us: f64,
    /// Format, colour, width and height as the C edge numbers them.
    pub shape: [usize; 4],
    /// Its bytes, plane after plane.
    pub data: &'a [u8],
}

/// What stands in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The frame itself.
    Frame = 1,
    /// The last released frame.
    Repeat = 2,
    /// The cover, for a finding.
    Covered = 3,
    /// The cover, because judging is late, has failed or has not begun.
    Stalled = 4,
}

/// The pixels of an emission.
enum Pixels {
    Of(Released<Picture>),
    Cover(Shape),
}

/// A place taken out of the line; what it refers to lives until the next one is taken.
pub struct Taken {
    kind: Kind,
    timestamp_us: f64,
    pixels: Pixels,
}

impl Line {
    /// A line at the start of a stream. Nothing is shown until a frame has been judged.
    pub fn new(policy: Policy, has_sound: bool) -> Line {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        let (lead, tail) = (ms(policy.audio.lead_ms), ms(policy.audio.tail_ms));
        let is_muted = has_sound && policy.audio.mute;
        Line {
            extra: if is_muted { lead } else { Duration::ZERO },
            silence: Silence::new(lead, tail),
            guard: Guard::new(policy),
            tags: VecDeque::new(),
            waiting: VecDeque::new(),
            looked_at: BTreeMap::new(),
            places: VecDeque::new(),
            told: VecDeque::new(),
            last_seen: None,
            covers: Vec::new(),
            cover: Vec::new(),
        }
    }

    /// How long after its arrival everything comes out.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.guard.policy().timing.hold_ms.into()) + self.extra
    }

    /// Takes the next frame, which came at `at`.
    pub fn frame(&mut self, picture: Picture, timestamp_us: f64, at: Duration) {
        let shape = picture.shape();
        let (signature, regions) = {
            let (frame, policy) = (picture.frame(), self.guard.policy());
            let signature = if policy.needs_tiles() { Signature::of(&frame) } else { Signature::without_tiles(&frame) };
            (signature, regions(&frame, policy))
        };
        self.tags.push_back(Tag { timestamp_us, shape });
        let arrival = Arrival { frame: Held::new(picture), signature, regions };
        self.guard.input(Input::Frame(arrival), at);
        self.drain(at);
    }

    /// The frame to be looked at next, the newest first, and its bytes.
    pub fn next_look(&mut self) -> Option<(Job, [usize; 4], Vec<u8>)> {
        let look = self.waiting.pop_back()?;
        let job = Job::new(look.id, &look.regions, &look.looks);
        self.looked_at.insert(look.id.0, look.looks);
        while self.looked_at.len() > WAITING_MAX {
            self.looked_at.pop_first();
        }
        let (mut shape, mut data) = ([0; 4], Vec::new());
        look.frame.look(|picture| {
            shape = picture.shape().numbers();
            data.extend_from_slice(picture.data());
        });
        Some((job, shape, data))
    }

    /// The judge has looked.
    pub fn hear(&mut self, findings: Findings, at: Duration) {
        let frame = FrameId(findings.id);
        self.looked_at.remove(&findings.id);
        let findings = findings.findings.into_iter().map(|looked| looked.into_finding(frame)).collect();
        self.hear_all(findings, at);
    }

    /// The judge could not look at this frame, or is gone.
    pub fn fail(&mut self, id: u64, at: Duration) {
        let looks = self.looked_at.remove(&id).unwrap_or_default();
        self.hear_all(failed(FrameId(id), &looks), at);
    }

    fn hear_all(&mut self, findings: Vec<Finding>, at: Duration) {
        for finding in findings {
            self.guard.input(Input::Finding(finding), at);
        }
        self.drain(at);
    }

    /// A person who may do so takes a latched cover away.
    pub fn reset(&mut self, at: Duration) {
        self.guard.input(Input::Reset, at);
        self.drain(at);
    }

    /// No frame will come.
    pub fn end(&mut self, at: Duration) {
        self.guard.input(Input::EndOfStream, at);
        self.drain(at);
    }

    /// The next place, if its time has come by `at`.
    pub fn take(&mut self, at: Duration) -> Option<Taken> {
        self.guard.input(Input::Tick, at);
        self.drain(at);
        let place = self.places.pop_front_if(|place| place.due <= at)?;
        let Place { tag, shown, .. } = place;
        let (kind, pixels) = match shown {
            Shown::Frame(released) => (Kind::Frame, Pixels::Of(released)),
            Shown::Repeat(released) => (Kind::Repeat, Pixels::Of(released)),
            Shown::Cover(cause, signature) => {
                self.paint(tag.shape, cause, &signature);
                (if cause == Cause::Found { Kind::Covered } else { Kind::Stalled }, Pixels::Cover(tag.shape))
            }
        };
        Some(Taken { kind, timestamp_us: tag.timestamp_us, pixels })
    }

    /// What was taken, with its bytes. A cover's bytes are those of the cover taken last.
    pub fn emission<'a>(&'a self, taken: &'a Taken) -> Emission<'a> {
        let (shape, data) = match &taken.pixels {
            Pixels::Of(released) => (released.frame().shape(), released.frame().data()),
            Pixels::Cover(shape) => (*shape, self.cover.as_slice()),
        };
        Emission { kind: taken.kind, timestamp_us: taken.timestamp_us, shape: shape.numbers(), data }
    }

    /// When something is due next.
    pub fn next_timeout(&self) -> Option<Duration> {
        let decided = self.places.front().map(|place| place.due);
        decided.into_iter().chain(self.guard.next_timeout()).min()
    }

    /// The next thing to tell the page.
    pub fn told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    /// Whether what was heard at `at` must be silent.
    pub fn is_silent(&self, at: Duration) -> bool {
        self.guard.policy().audio.mute && self.silence.holds(at)
    }

    /// What became of the frames so far.
    pub fn counts(&self) -> guard::Counts {
        self.guard.counts()
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        self.guard.policy()
    }

    fn drain(&mut self, now: Duration) {
        while let Some(output) = self.guard.poll() {
            match output {
                Output::Look { id, frame, regions, looks } => {
                    if self.waiting.len() == WAITING_MAX {
                        self.waiting.pop_front();
                    }
                    self.waiting.push_back(Look { id, frame, regions, looks });
                }
                Output::Show { id, at, shown } => {
                    self.waiting.retain(|look| look.id != id);
                    self.silence.decide(at, matches!(shown, Shown::Cover(..)));
                    let Some(tag) = self.tags.pop_front() else { continue };
                    // A place decided before its time, at the end of a stream, does not come out before it either.
                    let due = (at + self.delay()).min(now + self.extra);
                    self.places.push_back(Place { due, tag, shown });
                }
                Output::Incident(incident) => self.note(&incident),
                Output::State(state) => self.tell(state),
                Output::Mute | Output::Unmute => (),
            }
        }
    }

    fn note(&mut self, incident: &Incident) {
        if incident.to.is_none() {
            self.last_seen = Some(word::seen(&incident.seen));
        }
        self.told.push_back(Told::incident(incident));
    }

    fn tell(&mut self, state: State) {
        let reason = match state {
            State::Clear => "every frame is judged before it is shown".to_owned(),
            State::Covered => self.last_seen.clone().unwrap_or_else(|| "something was found".to_owned()),
            State::Stalled => "judging is late, has failed or has not begun".to_owned(),
        };
        self.told.push_back(Told::State { state: word::state(state), reason });
    }

    fn paint(&mut self, shape: Shape, cause: Cause, signature: &Signature) {
        let index = self.covers.iter().position(|(of, why, _)| (*of, *why) == (shape, cause)).unwrap_or_else(|| {
            let policy = &self.guard.policy().cover;
            if self.covers.len() == COVERS_MAX {
                self.covers.remove(0);
            }
            self.covers.push((shape, cause, CoverArt::new(shape.format, shape.colour, shape.size, policy, cause)));
            self.covers.len() - 1
        });
        let (_, _, art) = &self.covers[index];
        self.cover.resize(art.n_bytes(), 0);
        art.paint_packed(&mut self.cover, signature);
    }
}

#[cfg(test)]
mod tests {
    use guard::{Colour, Format, Size};

    use super::*;
    use crate::Judge;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const SIZE: Size = Size { width: 160, height: 120 };

    fn film(n: u64) -> Picture {
        let data = (0..SIZE.width * SIZE.height * 3 / 2).map(|i| (i as u64 * 7 + n * 13) as u8).collect();
        Picture::new(Format::I420, Colour::Bt601, SIZE, data).unwrap()
    }

    fn card() -> Picture {
        let data = guard::test_card::draw_in(Format::I420, Colour::Bt601, SIZE);
        Picture::new(Format::I420, Colour::Bt601, SIZE, data).unwrap()
    }

    /// Plays 120 frames of 33 ms; the judge looks at frame `n` if `looks(n)`. What came out, in order.
    fn play(looks: impl Fn(u64) -> bool, is_card: impl Fn(u64) -> bool, has_sound: bool) -> Vec<(Kind, Vec<u8>, u64)> {
        let policy = Policy::shipped("test").unwrap();
        let mut judge = Judge::new(policy.clone(), &BTreeMap::new()).unwrap();
        let mut line = Line::new(policy, has_sound);
        let mut out = Vec::new();
        for n in 0..120 {
            let at = MS(n * 33);
            line.frame(if is_card(n) { card() } else { film(n) }, n as f64, at);
            while let Some((job, shape, data)) = line.next_look() {
                if looks(job.id) {
                    let shape = Shape::of_numbers(shape).unwrap();
                    let picture = Picture::new(shape.format, shape.colour, shape.size, data).unwrap();
                    let findings = judge.look(&job, &picture);
                    let said = serde_json::to_string(&findings).unwrap();
                    line.hear(serde_json::from_str(&said).unwrap(), at + MS(5));
                } else {
                    line.fail(job.id, at + MS(5));
                }
            }
            while let Some(taken) = line.take(at + MS(10)) {
                let emission = line.emission(&taken);
                let late = (at + MS(10)).as_millis() as u64 - emission.timestamp_us as u64 * 33;
                out.push((emission.kind, emission.data.to_vec(), late));
            }
        }
        out
    }

    #[test]
    fn the_card_never_comes_out_and_the_film_does() {
        let out = play(|_| true, |n| (40..43).contains(&n), false);
        let card = card();
        assert!(out.iter().all(|(_, data, _)| data != card.data()));
        assert_eq!(out.iter().position(|(kind, ..)| *kind == Kind::Covered), Some(40));
        let shown = out.iter().enumerate().filter(|(_, (kind, ..))| *kind == Kind::Frame);
        assert!(shown.clone().all(|(n, (_, data, _))| data == film(n as u64).data()));
        assert!(shown.count() >= 60);
        assert!(out.iter().all(|(_, _, late)| (150..=193).contains(late)));
    }

    #[test]
    fn sound_makes_everything_wait_longer() {
        let out = play(|_| true, |_| false, true);
        assert!(out.iter().all(|(_, _, late)| (250..=293).contains(late)));
    }

    #[test]
    fn without_a_judge_nothing_comes_out_but_the_cover() {
        let out = play(|_| false, |_| false, false);
        assert!(out.len() > 100 && out.iter().all(|(kind, ..)| *kind == Kind::Stalled));
        let out = play(|n| n < 50, |n| n >= 50, false);
        assert!(out[..50].iter().all(|(kind, ..)| *kind == Kind::Frame));
        assert!(out[50..56].iter().all(|(kind, data, _)| *kind == Kind::Repeat && data == film(49).data()));
        assert!(out[57..].iter().all(|(kind, ..)| *kind == Kind::Stalled));
    }

    #[test]
    fn a_slow_judge_shows_every_second_frame_and_repeats_it() {
        let out = play(|n| n % 2 == 0, |n| n % 2 == 1, false);
        assert!(out.iter().all(|(_, data, _)| data != card().data()));
        assert!(out.iter().skip(1).step_by(2).all(|(kind, ..)| *kind == Kind::Repeat));
    }
}
