//! What becomes of one stream's frames?
//!
//! Its gate: the real `Egress`, and around it what the program around it does: links, and a journal in the same words,
//! so that the auditor of real journals can read it. A gate can be made careless, to see that the auditor sees it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use guard::finding::{Finding, Found, FrameId, JudgeId, RegionId};
use guard::policy::RegionKind;
use guard::region::Region;
use guard::{Arrival, Cause, Colour, Format, Held, Rect, Shown, Signature, Size};
use lease::Egress;
use lease::egress::{Input, Output};

use super::world::{Settings, egress};

/// How a gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// As it should be.
    Sound,
    /// It counts an answer whatever epoch it bears, and leaves the links of lost leases open.
    IgnoresEpochs,
    /// It believes in a lease for forty times as long as it lasts.
    BelievesTooLong,
}

/// A frame on its way to be judged, or its answer on the way back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Whose it is.
    pub(crate) stream: usize,
    /// Over which link.
    pub(crate) epoch: u64,
    /// Which one.
    pub(crate) number: u64,
    /// When its place is decided.
    pub(crate) due_us: u64,
    /// For how many frames it stands.
    pub(crate) weight: u64,
}

/// From one lease to the next, microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Handover {
    /// The last answer under the old one.
    pub(crate) answered_us: u64,
    /// The old one was found lost.
    pub(crate) lost_us: u64,
    /// Another worker was seen to hold it.
    pub(crate) taken_us: u64,
    /// Its first answer.
    pub(crate) judged_us: u64,
}

/// A place that did not show its frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    /// When the frame came.
    pub(crate) came_us: u64,
    /// How long its place lasts.
    pub(crate) long_us: u64,
}

/// A link of a gate, open once its worker is known.
struct Link {
    epoch: u64,
    open: Option<(usize, u32)>,
    waiting: Vec<Frame>,
}

/// One stream.
pub(crate) struct Stream {
    number: usize,
    egress: Egress<u64>,
    gate: Gate,
    step_us: u64,
    /// When in each step its frames come.
    pub(crate) phase_us: u64,
    /// How long each frame is held.
    pub(crate) hold_us: u64,
    /// When its next timer runs out.
    pub(crate) wake_at: u64,
    links: Vec<Link>,
    undecided: VecDeque<(u64, u64)>,
    /// Frames that came.
    pub(crate) n_frames: u64,
    /// Places covered because nobody judged.
    pub(crate) covered: Vec<Gap>,
    /// Frames that left.
    pub(crate) n_released: u64,
    /// From each lease to the next.
    pub(crate) handovers: Vec<Handover>,
    handover: Option<Handover>,
    answered_us: u64,
    /// What it heard and decided, where it writes that down.
    pub(crate) journal: Option<String>,
}

impl Stream {
    /// Stream `number` at its beginning.
    pub(crate) fn new(number: usize, hold_ms: u32, settings: &Settings, phase_us: u64) -> Stream {
        let mut patience = settings.patience;
        if settings.gate == Gate::BelievesTooLong {
            patience.ttl *= 40;
        }
        Stream {
            number,
            egress: egress(number, hold_ms, settings, patience),
            gate: settings.gate,
            step_us: settings.step_us,
            phase_us,
            hold_us: u64::from(hold_ms) * 1000,
            wake_at: 0,
            links: Vec::new(),
            undecided: VecDeque::new(),
            n_frames: 0,
            covered: Vec::new(),
            n_released: 0,
            handovers: Vec::new(),
            handover: None,
            answered_us: 0,
            journal: settings.has_journal.then(String::new),
        }
    }

    /// The next frame, which stands for `weight`.
    pub(crate) fn arrival(&mut self, weight: u64, now: u64) -> Arrival<u64> {
        static SIGNATURE: std::sync::LazyLock<Signature> = std::sync::LazyLock::new(|| {
            let data: Vec<u8> = (0..32 * 32).map(|i| if i % 32 < 16 { 60 } else { 255 }).collect();
            let size = Size { width: 32, height: 32 };
            let frame = guard::Frame::packed(Format::Gray8, Colour::Bt601, size, &data).expect("it has its size");
            Signature::without_tiles(&frame)
        });
        self.undecided.push_back((now, weight));
        self.n_frames += 1;
        let whole = Rect { x: 0, y: 0, size: Size { width: 32, height: 32 } };
        let regions = vec![Region { kind: RegionKind::Whole, rect: whole }];
        Arrival { frame: Held::new(self.n_frames - 1), signature: SIGNATURE.clone(), regions }
    }

    /// What an answer is to the machine.
    pub(crate) fn answer(&self, frame: Frame) -> Input<u64> {
        let Frame { epoch, number, .. } = frame;
        let epoch = match self.gate {
            Gate::Sound | Gate::BelievesTooLong => epoch,
            Gate::IgnoresEpochs => self.egress.epoch().unwrap_or(epoch),
        };
        let frame = FrameId(number);
        let findings = vec![Finding { frame, judge: JudgeId(0), region: RegionId(0), found: Found::Clear }];
        Input::Answer { epoch, frame, findings }
    }

    /// Tells the machine, and keeps what is the gate's own; the rest of what it asks for. `heard` is the journal's line.
    pub(crate) fn tell(&mut self, input: Input<u64>, heard: impl FnOnce() -> String, now: u64) -> Vec<Output<u64>> {
        match &input {
            Input::Frame(_) | Input::Tick | Input::Reset | Input::EndOfStream => self.take(input, now),
            Input::Bus { .. } | Input::Answer { .. } | Input::LinkLost { .. } => {
                // What fell due before this was heard stands in the journal before it.
                let mut outputs = self.take(Input::Tick, now);
                self.note(now, heard);
                outputs.extend(self.take(input, now));
                outputs
            }
        }
    }

    fn take(&mut self, input: Input<u64>, now: u64) -> Vec<Output<u64>> {
        let n_answers = self.egress.lease_counts().answers;
        self.egress.input(input, Duration::from_micros(now));
        if self.egress.lease_counts().answers > n_answers {
            self.answered_us = now;
            self.handovers.extend(self.handover.take().map(|one| Handover { judged_us: now, ..one }));
        }
        let mut outputs = Vec::new();
        while let Some(output) = self.egress.poll() {
            match &output {
                Output::Show { id, shown, epoch, .. } => self.show(id.0, shown, *epoch, now),
                Output::Link { epoch, .. } => {
                    self.links.push(Link { epoch: *epoch, open: None, waiting: Vec::new() });
                    if let Some(handover) = &mut self.handover {
                        handover.taken_us = now;
                    }
                    outputs.push(output);
                }
                Output::Unlink { epoch } => {
                    self.note(now, || format!(r#""unlink":{epoch}"#));
                    let lost = Handover { answered_us: self.answered_us, lost_us: now, ..Handover::default() };
                    self.handover = self.handover.or((self.answered_us > 0).then_some(lost));
                    outputs.push(output);
                }
                Output::Send { epoch, id, .. } => {
                    self.note(now, || format!(r#""sent":{{"epoch":{epoch},"frame":{}}}"#, id.0));
                    outputs.push(output);
                }
                Output::Write { .. } => outputs.push(output),
                Output::Mute | Output::Unmute | Output::Incident(_) | Output::State(_) | Output::Ended => (),
            }
        }
        outputs
    }

    fn show(&mut self, number: u64, shown: &Shown<u64>, epoch: Option<u64>, now: u64) {
        let (came_us, weight) = self.undecided.pop_front().expect("each frame is decided once, in order");
        let (what, cause) = match shown {
            Shown::Frame(_) => ("frame", None),
            Shown::Repeat(_) => ("repeat", None),
            Shown::Cover(cause, _) => ("cover", Some(*cause)),
        };
        self.n_released += u64::from(what == "frame");
        if cause == Some(Cause::Stalled) {
            self.covered.push(Gap { came_us, long_us: weight * self.step_us });
        }
        self.note(now, || {
            let cause = cause.map_or("null".into(), |cause| format!("\"{cause:?}\""));
            let epoch = epoch.map_or("null".into(), |epoch| epoch.to_string());
            format!(r#""place":{{"frame":{number},"shown":"{what}","cause":{cause},"epoch":{epoch}}}"#)
        });
    }

    /// When the machine's next timer runs out, microseconds.
    pub(crate) fn next_timeout(&self) -> Option<u64> {
        // Never early: a machine that is told a moment before its time does nothing.
        self.egress.next_timeout().filter(|due| *due < Duration::MAX).map(|due| due.as_nanos().div_ceil(1000) as u64)
    }

    /// A frame that goes over the link of `epoch`; where that is open, to whom.
    pub(crate) fn sent(&mut self, epoch: u64, number: u64, due: Duration) -> (Frame, Option<(usize, u32)>) {
        let first = self.n_frames - self.undecided.len() as u64;
        let weight = self.undecided.get((number - first) as usize).map_or(1, |(_, weight)| *weight);
        let frame = Frame { stream: self.number, epoch, number, due_us: due.as_micros() as u64, weight };
        let link = self.links.iter_mut().find(|link| link.epoch == epoch);
        let open = link.and_then(|link| {
            if link.open.is_none() {
                link.waiting.push(frame);
            }
            link.open
        });
        (frame, open)
    }

    /// The link of `epoch` is open, if it is still wanted; the frames that waited for it.
    pub(crate) fn opened(&mut self, epoch: u64, worker: usize, life: u32) -> Option<Vec<Frame>> {
        let link = self.links.iter_mut().find(|link| link.epoch == epoch)?;
        link.open = Some((worker, life));
        Some(std::mem::take(&mut link.waiting))
    }

    /// The link of `epoch` is closed; to whom it was open.
    pub(crate) fn unlinked(&mut self, epoch: u64) -> Option<(usize, u32)> {
        let place = self.links.iter().position(|link| link.epoch == epoch)?;
        self.links.swap_remove(place).open
    }

    /// The epoch of the link that is open to this life of a worker.
    pub(crate) fn linked_to(&self, worker: usize, life: u32) -> Option<u64> {
        self.links.iter().find(|link| link.open == Some((worker, life))).map(|link| link.epoch)
    }

    /// Writes a line into the journal.
    pub(crate) fn note(&mut self, now: u64, what: impl FnOnce() -> String) {
        if let Some(journal) = &mut self.journal {
            let _ = writeln!(journal, "{{\"at_us\":{now},{}}}", what());
        }
    }

    /// Whether a lease was lost and nobody has judged since.
    pub(crate) fn is_without_judge(&self) -> bool {
        self.handover.is_some()
    }

    /// Whether a lease was lost in the last seconds, or is lost now.
    pub(crate) fn has_lost_of_late(&self, now: u64) -> bool {
        self.handover.is_some() || self.handovers.last().is_some_and(|one| now < one.judged_us + 5_000_000)
    }

    /// How long it was covered for want of a judge, of frames that came from `from_us` until `to_us`.
    pub(crate) fn covered_us(&self, from_us: u64, to_us: u64) -> u64 {
        self.covered.iter().filter(|gap| (from_us..to_us).contains(&gap.came_us)).map(|gap| gap.long_us).sum()
    }
}
