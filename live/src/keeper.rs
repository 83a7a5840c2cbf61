//! Who keeps watch over the one who judges?
//!
//! The keeper starts the parts of a guarded stream, hears whether they live, and starts them again. It has no decoder
//! and no model, and opens nothing from outside: it reads records of the checker and passes on what may go out. When the
//! checker is dead, stopped or late it says so in words, and push shows the cover. When the keeper itself dies its parts
//! die with it, and nothing goes out. All of its code is in this file and in `keeper/`.

mod part;
pub(crate) mod screen;
mod tally;
mod veil;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use crate::network::pulse::{Pulse, Standing};
use crate::network::{Backoff, Record};
use crate::status::{self, Board, Facts};
use crate::{Error, metrics};
use part::{Heard, Part};

pub(crate) use part::repeat;
pub(crate) use tally::Tally;

/// A checker that says nothing for this long is late: the cover goes out.
const LATE: Duration = Duration::from_millis(600);
/// Silent for this long it is ended and another one started.
const LOST: Duration = Duration::from_secs(3);
/// Loading a model takes its time; until the first word this much is allowed.
const LOADING: Duration = Duration::from_secs(60);
/// Well for this long, a part's next failure is its first again.
const WELL: Duration = Duration::from_secs(30);

/// What to start.
pub(crate) struct Plan {
    /// This program.
    pub(crate) program: PathBuf,
    /// Its arguments as pull, checker and push.
    pub(crate) pull: Vec<OsString>,
    pub(crate) checker: Vec<OsString>,
    pub(crate) push: Vec<OsString>,
    /// Set from outside to end.
    pub(crate) interrupt: Arc<AtomicBool>,
}

/// Keeps the parts running until it is interrupted; returns what became of the frames.
///
/// # Errors
/// When a part cannot be started at all, or the first checker ends before it says a word: what it lacks it has said.
pub(crate) fn run(plan: &Plan, board: Board) -> Result<Tally, Error> {
    let (sender, heard) = mpsc::channel();
    let mut keeper = Keeper {
        plan,
        push: Part::start("push", &plan.program, &plan.push, None, &sender, 0)?,
        pair: None,
        sender,
        backoff: Backoff::default(),
        push_backoff: Backoff::default(),
        start_at: Some(Instant::now()),
        push_at: None,
        generation: 0,
        spare: Vec::new(),
        is_told_to_cover: true,
        tally: Tally::named(board.prefix()),
        board,
    };
    keeper.until_interrupted(&heard)?;
    Ok(keeper.tally)
}

struct Keeper<'a> {
    plan: &'a Plan,
    push: Part,
    /// They live and die together: half a record of a dead pull means nothing to another checker.
    pair: Option<Pair>,
    sender: Sender<Heard>,
    backoff: Backoff,
    push_backoff: Backoff,
    start_at: Option<Instant>,
    push_at: Option<Instant>,
    /// Counts checkers, so that the words of a dead one are known from those of the next.
    generation: u64,
    /// The cover that the last checker encoded, for a push that is started again.
    spare: Vec<Record>,
    is_told_to_cover: bool,
    tally: Tally,
    board: Board,
}

struct Pair {
    pull: Part,
    checker: Part,
    began: Instant,
    /// When the checker last said that it is well.
    beat: Option<Instant>,
}

impl Keeper<'_> {
    fn until_interrupted(&mut self, heard: &Receiver<Heard>) -> Result<(), Error> {
        while !self.plan.interrupt.load(Ordering::SeqCst) {
            if let Ok(Heard { from, generation, record }) = heard.recv_timeout(Duration::from_millis(50)) {
                match (from, record) {
                    ("checker", Some(record)) if generation == self.generation => self.pass_on(record),
                    ("push", Some(Record::Beat(_))) => self.push.beat = Instant::now(),
                    // The end of a pipe is seen at the process, below.
                    _ => (),
                }
            }
            self.watch_checker()?;
            self.watch_push()?;
            let (standing, tally) = (self.tally.standing(), &self.tally);
            let text = |facts: &Facts| metrics::text(facts, tally, status::now_s());
            self.board.tell(standing.words(), standing != Standing::Stalled, tally, text);
        }
        Ok(())
    }

    /// Only what a checker says goes to push, and only while it is well.
    fn pass_on(&mut self, record: Record) {
        match record {
            Record::Beat(text) => {
                if let (Ok(pulse), Some(pair)) = (serde_json::from_str::<Pulse>(&text), &mut self.pair) {
                    pair.beat = Some(Instant::now());
                    self.is_told_to_cover = false;
                    self.tally.hear(pulse);
                }
            }
            Record::Spare(bytes) => {
                let is_new = self.spare.last().is_none_or(|last| *last == Record::Spare(Vec::new()));
                if is_new && !bytes.is_empty() {
                    self.spare.clear();
                }
                self.spare.push(Record::Spare(bytes.clone()));
                self.push.say(Record::Spare(bytes));
            }
            Record::Tag { .. } | Record::Restart => self.push.say(record),
            _ => (),
        }
    }

    fn watch_checker(&mut self) -> Result<(), Error> {
        let Some(pair) = &mut self.pair else {
            if self.start_at.is_some_and(|at| at <= Instant::now()) {
                self.start_pair()?;
            }
            return Ok(());
        };
        let silent = pair.beat.map(|beat| beat.elapsed());
        let is_dead = pair.checker.is_dead() || pair.pull.is_dead();
        if silent.is_some_and(|silent| silent > LATE) && !self.is_told_to_cover {
            self.cover();
        }
        let Some(pair) = &mut self.pair else { return Ok(()) };
        let is_lost = silent.map_or(pair.began.elapsed() > LOADING, |silent| silent > LOST);
        if !is_dead && !is_lost {
            return Ok(());
        }
        if is_dead && pair.beat.is_none() && self.generation == 1 {
            // What it lacks it has said itself, and another try would lack it too.
            let code = pair.checker.exit_code().or(pair.pull.exit_code());
            return Err(Error::Part { code: code.unwrap_or(2) });
        }
        if pair.began.elapsed() > WELL {
            self.backoff = Backoff::default();
        }
        self.tally.checker_is_gone();
        self.pair = None;
        self.cover();
        self.start_at = Some(Instant::now() + self.backoff.next());
        Ok(())
    }

    fn cover(&mut self) {
        self.push.say(Record::Cover);
        self.is_told_to_cover = true;
        self.tally.stand(Standing::Stalled);
    }

    fn start_pair(&mut self) -> Result<(), Error> {
        self.generation += 1;
        self.start_at = None;
        let (plan, sender) = (self.plan, &self.sender);
        let mut pull = Part::start("pull", &plan.program, &plan.pull, None, sender, self.generation)?;
        let mut arguments = plan.checker.clone();
        if let Some(geometry) = &self.tally.geometry {
            arguments.extend(["--geometry".into(), geometry.into()]);
        }
        let from = pull.take_output();
        let checker = Part::start("checker", &plan.program, &arguments, from, sender, self.generation)?;
        self.pair = Some(Pair { pull, checker, began: Instant::now(), beat: None });
        Ok(())
    }

    fn watch_push(&mut self) -> Result<(), Error> {
        let is_lost = self.push.is_dead() || self.push.beat.elapsed() > LOST;
        if is_lost && self.push_at.is_none() {
            self.push.end();
            self.push_at = Some(Instant::now() + self.push_backoff.next());
            eprintln!("sending has stopped: nothing goes out; it is started again");
        }
        if self.push_at.is_some_and(|at| at <= Instant::now()) {
            self.push_at = None;
            self.push = Part::start("push", &self.plan.program, &self.plan.push, None, &self.sender, 0)?;
            self.spare.iter().for_each(|record| self.push.say(record.clone()));
        }
        Ok(())
    }
}
