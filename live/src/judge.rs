//! What do the judges see in frames that another process holds?
//!
//! Looks come in, answers go out, nothing is decided here: whoever holds the frames has the guard, and a frame
//! without an answer is not shown. The frame that is due first is looked at first, unless there is no time left to
//! judge it before it is due: an answer that comes too late would only delay the next one.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use guard::finding::Finding;

use crate::Error;
use crate::detectors::{failed, lock};
use crate::panel::{Panel, PanelMaker};
use crate::wire::{self, Answer, Look};

/// At most this many frames wait, as in the guard's machine; of more, the one due first gives way.
const WAITING_MAX: usize = 600;

/// What became of the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Came in.
    pub looks: u64,
    /// Were answered.
    pub answers: u64,
}

/// Answers every look on `input` until it ends, with `n_threads` panels.
///
/// # Errors
/// When a panel cannot be made; [`Error::Wire`] when what comes in is no look: what came before it was answered.
pub fn run(
    input: &mut (impl Read + Send),
    output: &mut (impl Write + Send),
    maker: &PanelMaker,
    n_threads: usize,
) -> Result<Judged, Error> {
    let panels = (0..n_threads.max(1)).map(|_| maker()).collect::<Result<Vec<_>, _>>()?;
    let line = Line::default();
    let output = Mutex::new(output);
    answer(&output, wire::READY)?;
    let (looks, outcomes) = std::thread::scope(|scope| {
        let threads: Vec<_> =
            panels.into_iter().map(|panel| scope.spawn(|| line.work(panel, maker, &output))).collect();
        let looks = line.read(input);
        line.end();
        let outcomes: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap_or(Ok(0))).collect();
        (looks, outcomes)
    });
    let answers = outcomes.into_iter().sum::<Result<u64, Error>>()?;
    Ok(Judged { looks: looks?, answers })
}

/// Frames that wait to be looked at.
#[derive(Default)]
struct Line {
    waiting: Mutex<Waiting>,
    has_work: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// By the moment each is due, and its place in the order of arrival.
    looks: BTreeMap<(Instant, u64), Look>,
    n_looks: u64,
    has_ended: bool,
}

impl Line {
    fn read(&self, input: &mut impl Read) -> Result<u64, Error> {
        let broken = |_| Error::Wire("it is cut off or too long");
        while let Some(body) = wire::read(input).map_err(broken)? {
            let look = Look::parse(&body)?;
            let mut waiting = lock(&self.waiting);
            let key = (Instant::now() + look.left, waiting.n_looks);
            waiting.n_looks += 1;
            waiting.looks.insert(key, look);
            if waiting.looks.len() > WAITING_MAX {
                waiting.looks.pop_first();
            }
            self.has_work.notify_one();
        }
        Ok(lock(&self.waiting).n_looks)
    }

    fn end(&self) {
        lock(&self.waiting).has_ended = true;
        self.has_work.notify_all();
    }

    /// The frame due first that can still be judged in `needed`; frames that cannot are dropped.
    fn next(&self, needed: Duration) -> Option<Look> {
        let mut waiting = lock(&self.waiting);
        loop {
            let in_time = Instant::now() + needed;
            // The last one is kept: what a judge sees too late still covers what follows.
            while waiting.looks.len() > 1 && waiting.looks.first_key_value().is_some_and(|((due, _), _)| *due < in_time)
            {
                waiting.looks.pop_first();
            }
            if let Some((_, look)) = waiting.looks.pop_first() {
                return Some(look);
            }
            if waiting.has_ended {
                return None;
            }
            waiting = self.has_work.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    fn work(
        &self,
        mut panel: Box<dyn Panel>,
        maker: &PanelMaker,
        output: &Mutex<&mut (impl Write + Send)>,
    ) -> Result<u64, Error> {
        let (mut needed, mut n_answers) = (Duration::ZERO, 0);
        while let Some(look) = self.next(needed) {
            let began = Instant::now();
            let looked =
                catch_unwind(AssertUnwindSafe(|| panel.look(look.frame, &look.view(), &look.regions, &look.looks)));
            let findings: Vec<Finding> = match looked {
                Ok(findings) => findings,
                Err(_) => {
                    panel = maker()?;
                    failed(look.frame, &look.looks)
                }
            };
            needed = (needed * 3 + began.elapsed()) / 4;
            answer(output, &Answer { frame: look.frame, findings }.body())?;
            n_answers += 1;
        }
        Ok(n_answers)
    }
}

fn answer(output: &Mutex<&mut (impl Write + Send)>, body: &[u8]) -> Result<(), Error> {
    let mut output = lock(output);
    let written = output.write_all(&wire::framed(body)).and_then(|()| output.flush());
    written.map_err(|source| Error::Write { path: "the standard output".into(), source })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::panel::Hired;
    use crate::picture::{Glance, Packed, Picture};
    use guard::finding::{Found, FrameId, JudgeId, RegionId};
    use guard::region::Region;
    use guard::{Colour, Format, Frame, Policy, Size, test_card};

    const SIZE: Size = Size { width: 320, height: 180 };

    fn looks(policy: &Policy, frames: &[(Vec<u8>, u64)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, (data, left_ms)) in frames.iter().enumerate() {
            let picture = Packed::new(Format::I420, Colour::Bt601, SIZE, data.clone()).unwrap();
            let glance = Glance::at(&picture.frame(), policy, &[]);
            let looks = guard::region::looks(policy, &glance.regions);
            let id = FrameId(number as u64);
            bytes.extend(wire::framed(&wire::look(
                id,
                Duration::from_millis(*left_ms),
                &glance.regions,
                &looks,
                &picture,
            )));
        }
        bytes
    }

    fn answers(mut output: &[u8]) -> Vec<Answer> {
        assert_eq!(wire::read(&mut output).unwrap().unwrap(), wire::READY);
        let mut answers = Vec::new();
        while let Some(body) = wire::read(&mut output).unwrap() {
            answers.push(Answer::parse(&body).unwrap());
        }
        answers
    }

    fn plain() -> Vec<u8> {
        (0..320 * 270).map(|i| (i / 7 + i / 320 * 3) as u8).collect()
    }

    #[test]
    fn the_card_is_found_and_a_plain_frame_is_clear() {
        let policy = Policy::shipped("test").unwrap();
        let card = test_card::draw_in(Format::I420, Colour::Bt601, SIZE);
        let input = looks(&policy, &[(plain(), 60_000), (card, 60_000)]);
        let mut output = Vec::new();
        let maker = Hired::new(&policy).unwrap().into_maker();
        let judged = run(&mut &input[..], &mut output, &maker, 1).unwrap();
        assert_eq!(judged, Judged { looks: 2, answers: 2 });
        let answers = answers(&output);
        assert!(answers[0].findings.iter().all(|finding| finding.found == Found::Clear));
        assert!(answers[1].findings.iter().any(|finding| matches!(finding.found, Found::Match(_))));
    }

    /// Takes 50 ms for a frame; panics at frame 3.
    struct Slow;

    impl Panel for Slow {
        fn look(&mut self, id: FrameId, _: &Frame, _: &[Region], looks: &[(JudgeId, RegionId)]) -> Vec<Finding> {
            assert_ne!(id, FrameId(3), "this panel breaks here");
            std::thread::sleep(Duration::from_millis(50));
            looks.iter().map(|&(judge, region)| Finding { frame: id, judge, region, found: Found::Clear }).collect()
        }
    }

    #[test]
    fn frames_are_answered_in_the_order_they_are_due_and_hopeless_ones_are_left() {
        let policy = Policy::shipped("test").unwrap();
        let maker: PanelMaker = Arc::new(|| Ok(Box::new(Slow)));
        let left_ms = [60_000, 0, 50_000, 55_000, 1];
        let input = looks(&policy, &left_ms.map(|left_ms| (plain(), left_ms)));
        // Every frame is there before the judge has done with the first.
        let mut output = Vec::new();
        run(&mut &input[..], &mut output, &maker, 1).unwrap();
        let answered: Vec<(u64, bool)> =
            answers(&output).iter().map(|a| (a.frame.0, a.findings.iter().any(|f| f.found == Found::Failed))).collect();
        let patient: Vec<_> = answered.iter().filter(|(frame, _)| [0, 2, 3].contains(frame)).copied().collect();
        assert!(patient.contains(&(3, true)), "a panel that breaks has failed: {answered:?}");
        assert_eq!(patient.len(), 3, "{answered:?}");
        let place = |frame| answered.iter().position(|(f, _)| *f == frame);
        assert!(place(2) < place(3), "{answered:?}");
    }

    #[test]
    fn a_broken_message_ends_the_run_and_says_so() {
        let policy = Policy::shipped("test").unwrap();
        let mut input = looks(&policy, &[(plain(), 60_000)]);
        input.extend(wire::framed(b"no look"));
        let mut output = Vec::new();
        let maker = Hired::new(&policy).unwrap().into_maker();
        assert!(matches!(run(&mut &input[..], &mut output, &maker, 1), Err(Error::Wire(_))));
        assert_eq!(answers(&output).len(), 1);
    }
}
