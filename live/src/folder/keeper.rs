//! Who answers the kernel, and who when that one is killed?
//!
//! The keeper answers; the stand-in, another process of this program, only holds the same group. When the keeper dies
//! the stand-in refuses whoever waits, becomes the keeper and starts a checker and a stand-in of its own. A group that
//! nobody holds would let everything through.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::gate::{self, Answer, Gate, Key};
use super::group::{Event, Kind};
use super::looker::{Looker, Starter};
use super::{Group, Verdict, link};
use crate::Error;
use crate::status::Board;

/// Whoever opens a file waits no longer than this; judging goes on, and the next one finds the verdict.
const PATIENCE: Duration = Duration::from_secs(10);
/// Files over which checkers died that are remembered; of more all are forgotten.
const LOSSES_MAX: usize = 10_000;
/// A file that changes while it is looked at is looked at again so often.
const TRIES_MAX: u8 = 3;
/// The word of a keeper that ends because a person asked it to.
const DONE: &[u8] = b"done";

/// What to guard, and with whom.
pub(crate) struct Plan {
    pub(crate) folders: Vec<PathBuf>,
    /// Arguments of the checker, and of the stand-in, after the program's name.
    pub(crate) checker: Vec<OsString>,
    pub(crate) stand_in: Vec<OsString>,
    pub(crate) interrupt: Arc<AtomicBool>,
    /// Another keeper was here before: nothing ends this one but a person.
    pub(crate) has_begun: bool,
}

/// What became of the opens.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tally {
    /// Opens on the file systems of the folders.
    pub(crate) opens: u64,
    /// Of those, let through.
    pub(crate) passed: u64,
    /// Refused, for a judge saw something.
    pub(crate) flagged: u64,
    /// Refused, for the file was not judged.
    pub(crate) unjudged: u64,
    /// Verdicts of the checker.
    pub(crate) judged: u64,
    /// How often a checker had to be replaced.
    pub(crate) checkers_lost: u64,
}

impl Tally {
    /// 3 when something was refused unjudged, 1 when something was flagged, else 0.
    pub(crate) fn exit_code(&self) -> u8 {
        match (self.unjudged, self.flagged) {
            (1.., _) => 3,
            (0, 1..) => 1,
            (0, 0) => 0,
        }
    }
}

/// Answers until a person asks it to end.
///
/// # Errors
/// When the group cannot be read, or the first checker ends before it says a word.
pub(crate) fn run(plan: &Plan, group: Group, board: Board) -> Result<Tally, Error> {
    let starter = Starter::new();
    let mut keeper = Keeper {
        gate: Gate::new(&plan.folders),
        looker: Looker::new(plan.checker.clone(), starter.clone(), plan.has_begun),
        stand_in: StandIn::order(plan, &group, &starter).map_err(refused)?,
        waiting: BTreeMap::new(),
        losses: BTreeMap::new(),
        standing: None,
        board,
        tally: Tally::default(),
        plan,
        group,
        starter,
    };
    let outcome = keeper.until_interrupted();
    keeper.stand_in.dismiss();
    keeper.tally.checkers_lost = keeper.looker.n_lost;
    outcome.map(|()| keeper.tally)
}

/// Holds the group until the keeper is done (`Ok(None)`) or dead: then its group is ours.
pub(crate) fn stand_in(group: OwnedFd, keeper: OwnedFd) -> Result<Option<Group>, Error> {
    let group = Group::from(group);
    let mut said = Vec::new();
    let heard = UnixStream::from(keeper).read_to_end(&mut said);
    if heard.is_ok() && said == DONE {
        return Ok(None);
    }
    let n_refused = group.refuse_all();
    eprintln!("the keeper is dead: {n_refused} opens that waited for it are refused; another keeps watch");
    Ok(Some(group))
}

struct Keeper<'a> {
    plan: &'a Plan,
    group: Group,
    gate: Gate,
    looker: Looker,
    starter: Starter,
    stand_in: StandIn,
    /// Files with the checker, by its numbers.
    waiting: BTreeMap<u64, Waiting>,
    /// How many checkers died while they had a file.
    losses: BTreeMap<Key, u8>,
    standing: Option<bool>,
    board: Board,
    tally: Tally,
}

struct Waiting {
    key: Key,
    file: OwnedFd,
    n_tries: u8,
    /// Who waits at it, since when. Their files stay open, so that the numbers stay theirs.
    openers: Vec<(RawFd, OwnedFd, Instant)>,
}

impl Keeper<'_> {
    fn until_interrupted(&mut self) -> Result<(), Error> {
        while !self.plan.interrupt.load(Ordering::SeqCst) {
            let nap = Duration::from_millis(20);
            match self.looker.socket() {
                Some(socket) => drop(link::wait([&self.group, socket], nap)),
                None => drop(link::wait([&self.group], nap)),
            }
            // An event that could not be handed over has been refused by the kernel.
            self.group.read().unwrap_or_default().into_iter().for_each(|event| self.take(event));
            let said = self.looker.hear().map_err(|code| Error::Part { code })?;
            said.into_iter().for_each(|(number, verdict)| self.hear(number, verdict));
            self.hurry();
            self.stand_in.tend(self.plan, &self.group, &self.starter);
            self.tell();
        }
        Ok(())
    }

    fn take(&mut self, Event { file, pid, kind }: Event) {
        let Kind::Opens(number) = kind else { return self.gate.forget(&file) };
        self.tally.opens += 1;
        let is_own = pid == rustix::process::getpid().as_raw_nonzero().get() || self.looker.is(pid);
        match if is_own { Answer::Pass } else { self.gate.ask(&file) } {
            Answer::Pass => self.answer(number, Verdict::Clear),
            Answer::Refuse(verdict) => self.answer(number, verdict),
            Answer::Judge(key) => {
                let opener = |file| (number, file, Instant::now());
                if let Some(waiting) = self.waiting.values_mut().find(|waiting| waiting.key == key) {
                    return waiting.openers.push(opener(file));
                }
                match (self.looker.look(&file), file.try_clone()) {
                    (Some(look), Ok(copy)) => {
                        let openers = vec![opener(copy)];
                        drop(self.waiting.insert(look, Waiting { key, file, n_tries: 1, openers }));
                    }
                    _ => self.answer(number, Verdict::Unjudged),
                }
            }
        }
    }

    fn hear(&mut self, number: u64, verdict: Option<Verdict>) {
        let Some(mut waiting) = self.waiting.remove(&number) else { return };
        let Some(verdict) = verdict else { return self.lost(waiting) };
        self.tally.judged += 1;
        let is_same = self.gate.keep(&waiting.file, waiting.key, verdict);
        if !is_same && verdict == Verdict::Clear {
            // What was judged is not what would be opened.
            let now = gate::state(&waiting.file).filter(|_| waiting.n_tries < TRIES_MAX);
            if let (Some(key), Some(look)) = (now, now.and_then(|_| self.looker.look(&waiting.file))) {
                (waiting.key, waiting.n_tries) = (key, waiting.n_tries + 1);
                return drop(self.waiting.insert(look, waiting));
            }
            return self.answer_all(waiting, Verdict::Unjudged);
        }
        self.answer_all(waiting, verdict);
    }

    /// The checker died over it, or over another. It is judged when it is opened again, unless checkers keep dying.
    fn lost(&mut self, waiting: Waiting) {
        if self.losses.len() >= LOSSES_MAX {
            self.losses.clear();
        }
        let n_losses = self.losses.entry(waiting.key).or_default();
        *n_losses += 1;
        if *n_losses >= TRIES_MAX {
            self.gate.keep(&waiting.file, waiting.key, Verdict::Unjudged);
        }
        self.answer_all(waiting, Verdict::Unjudged);
    }

    /// Nobody waits for a checker that does not answer, nor for ever for one that does.
    fn hurry(&mut self) {
        let is_well = self.looker.is_well();
        let mut late = Vec::new();
        for waiting in self.waiting.values_mut() {
            let is_late = |opener: &mut (RawFd, OwnedFd, Instant)| !is_well || opener.2.elapsed() > PATIENCE;
            late.extend(waiting.openers.extract_if(.., is_late));
        }
        late.into_iter().for_each(|(number, ..)| self.answer(number, Verdict::Unjudged));
    }

    fn answer_all(&mut self, waiting: Waiting, verdict: Verdict) {
        waiting.openers.into_iter().for_each(|(number, ..)| self.answer(number, verdict));
    }

    fn answer(&mut self, number: RawFd, verdict: Verdict) {
        match verdict {
            Verdict::Clear => self.tally.passed += 1,
            Verdict::Flagged => self.tally.flagged += 1,
            Verdict::Unjudged => self.tally.unjudged += 1,
        }
        // Whoever asked may have been killed.
        let _ = self.group.answer(number, verdict == Verdict::Clear);
    }

    fn tell(&mut self) {
        let is_well = self.looker.is_well();
        self.board.tell(words(is_well), is_well, &self.tally, |_| String::new());
        if self.standing.replace(is_well) != Some(is_well) {
            eprintln!("{}", words(is_well));
        }
    }
}

fn words(is_well: bool) -> &'static str {
    match is_well {
        true => "the folder is guarded: what is flagged or was not judged cannot be opened",
        false => "checking is stalled: what was not judged before cannot be opened",
    }
}

/// The other process that holds the group.
struct StandIn {
    ordered: Option<Receiver<std::io::Result<Child>>>,
    child: Option<Child>,
    to: UnixStream,
}

impl StandIn {
    fn order(plan: &Plan, group: &Group, starter: &Starter) -> std::io::Result<StandIn> {
        let (ours, theirs) = UnixStream::pair()?;
        let group = group.as_fd().try_clone_to_owned()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(&plan.stand_in).stdin(Stdio::from(group)).stdout(Stdio::from(OwnedFd::from(theirs)));
        Ok(StandIn { ordered: Some(starter.start(command)), child: None, to: ours })
    }

    /// Has another one started when it is gone; what fails now is tried again.
    fn tend(&mut self, plan: &Plan, group: &Group, starter: &Starter) {
        if let Some(Ok(outcome)) = self.ordered.as_ref().map(Receiver::try_recv) {
            self.child = outcome.ok();
            self.ordered = None;
        }
        let is_there = self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        if !is_there
            && self.ordered.is_none()
            && let Ok(another) = StandIn::order(plan, group, starter)
        {
            *self = another;
        }
    }

    /// A person has asked the keeper to end.
    fn dismiss(&mut self) {
        use std::io::Write;
        // One that is gone needs no word.
        let _ = self.to.write_all(DONE);
    }
}

/// An error of the system, in words.
pub(crate) fn refused(detail: impl std::fmt::Display) -> Error {
    Error::Media {
        what: "the folder cannot be guarded".into(),
        detail: detail.to_string(),
        todo: "check that the folder is there; only root, with CAP_SYS_ADMIN, can have the kernel ask before an open",
    }
}
