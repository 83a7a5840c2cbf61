//! Is there somebody who judges files now?
//!
//! Starts the checker, hands files to it, hears its verdicts and its beat, and starts another when it is dead, stopped
//! or late. Programs are started on a thread of their own: whoever answers the kernel may never wait for an open.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::{Verdict, link};
use crate::network::Backoff;

/// A checker that says nothing for this long is late: nothing new is judged.
const LATE: Duration = Duration::from_millis(600);
/// Silent for this long it is ended and another one started.
const LOST: Duration = Duration::from_secs(3);
/// Loading a model takes its time.
const LOADING: Duration = Duration::from_secs(60);
/// Files that are with the checker at a time.
const FILES_MAX: usize = 128;
/// One file may take no longer: an hour of video at a hundred frames a second is judged in a quarter of it.
const FILE_TIME_MAX: Duration = Duration::from_secs(900);
/// A checker that lived so long has not failed at its start.
const WELL: Duration = Duration::from_secs(30);

/// Starts programs on one thread that lives as long as the process: a child ends with the thread that started it.
#[derive(Clone)]
pub(super) struct Starter(Sender<(Command, Sender<std::io::Result<Child>>)>);

impl Starter {
    pub(super) fn new() -> Starter {
        let (sender, orders) = mpsc::channel::<(Command, Sender<std::io::Result<Child>>)>();
        std::thread::spawn(move || {
            for (mut command, to) in orders {
                // Who ordered may be gone.
                let _ = to.send(command.spawn());
            }
        });
        Starter(sender)
    }

    pub(super) fn start(&self, command: Command) -> Receiver<std::io::Result<Child>> {
        let (sender, child) = mpsc::channel();
        // The thread lives as long as this process.
        let _ = self.0.send((command, sender));
        child
    }
}

/// One who judges, or the lack of one.
pub(super) struct Looker {
    arguments: Vec<std::ffi::OsString>,
    starter: Starter,
    now: Now,
    number: u64,
    /// Files that are being judged, and since when.
    files: BTreeMap<u64, Instant>,
    backoff: Backoff,
    pub(super) n_lost: u64,
    has_spoken: bool,
}

enum Now {
    Nobody { start_at: Instant },
    Starting { child: Receiver<std::io::Result<Child>>, socket: OwnedFd },
    There { child: Child, socket: OwnedFd, began: Instant, beat: Option<Instant> },
}

impl Looker {
    /// With these arguments after the program's name. `has_spoken`: a checker was there before, so that one that ends
    /// at its start is tried again for ever.
    pub(super) fn new(arguments: Vec<std::ffi::OsString>, starter: Starter, has_spoken: bool) -> Looker {
        Looker {
            arguments,
            starter,
            now: Now::Nobody { start_at: Instant::now() },
            number: 0,
            files: BTreeMap::new(),
            backoff: Backoff::default(),
            n_lost: 0,
            has_spoken,
        }
    }

    /// What to wait for, beside time.
    pub(super) fn socket(&self) -> Option<&OwnedFd> {
        match &self.now {
            Now::Nobody { .. } | Now::Starting { .. } => None,
            Now::There { socket, .. } => Some(socket),
        }
    }

    /// Is it this process?
    pub(super) fn is(&self, pid: i32) -> bool {
        matches!(&self.now, Now::There { child, .. } if i32::try_from(child.id()) == Ok(pid))
    }

    /// Does it answer?
    pub(super) fn is_well(&self) -> bool {
        matches!(&self.now, Now::There { beat: Some(beat), .. } if beat.elapsed() < LATE)
    }

    /// Hands a file over; `None` when nobody can take it now.
    pub(super) fn look(&mut self, file: &OwnedFd) -> Option<u64> {
        let Now::There { socket, .. } = &self.now else { return None };
        if !self.is_well() || self.files.len() >= FILES_MAX {
            return None;
        }
        self.number += 1;
        link::send(socket.as_fd(), self.number, file).ok()?;
        self.files.insert(self.number, Instant::now());
        Some(self.number)
    }

    /// What was said since the last time; no verdict for files that a checker had when it died.
    ///
    /// # Errors
    /// The exit code of the first checker, if it ended before it said a word: what it lacks it has said.
    pub(super) fn hear(&mut self) -> Result<Vec<(u64, Option<Verdict>)>, u8> {
        let mut said = Vec::new();
        let mut is_gone = false;
        match &mut self.now {
            Now::Nobody { start_at } if *start_at <= Instant::now() => self.begin(),
            Now::Nobody { .. } => (),
            Now::Starting { child, .. } => match child.try_recv() {
                Ok(Ok(child)) => self.greet(child),
                Ok(Err(_)) | Err(mpsc::TryRecvError::Disconnected) => is_gone = true,
                Err(mpsc::TryRecvError::Empty) => (),
            },
            Now::There { child, socket, began, beat } => {
                loop {
                    match link::hear(socket.as_fd()) {
                        Ok(Some((0, _))) => (*beat, self.has_spoken) = (Some(Instant::now()), true),
                        Ok(Some((number, verdict))) => {
                            *beat = Some(Instant::now());
                            if self.files.remove(&number).is_some() {
                                said.push((number, Some(verdict)));
                            }
                        }
                        Ok(None) => break,
                        Err(_) => {
                            is_gone = true;
                            break;
                        }
                    }
                }
                let is_lost = beat.map_or(began.elapsed() > LOADING, |beat| beat.elapsed() > LOST);
                let is_stuck = self.files.values().any(|since| since.elapsed() > FILE_TIME_MAX);
                is_gone |= is_lost || is_stuck || !matches!(child.try_wait(), Ok(None));
                if is_gone {
                    // It may have ended by itself.
                    let _ = child.kill();
                    let status = child.wait().ok();
                    if !self.has_spoken {
                        return Err(status.and_then(|status| u8::try_from(status.code()?).ok()).unwrap_or(2));
                    }
                    if began.elapsed() > WELL {
                        self.backoff = Backoff::default();
                    }
                }
            }
        }
        if is_gone {
            said.extend(std::mem::take(&mut self.files).into_keys().map(|number| (number, None)));
            self.n_lost += 1;
            self.now = Now::Nobody { start_at: Instant::now() + self.backoff.next() };
        }
        Ok(said)
    }

    fn begin(&mut self) {
        let (Ok((ours, theirs)), Ok(program)) = (link::pair(), std::env::current_exe()) else { return };
        let mut command = Command::new(program);
        command.env("ORC_CODE", "backup").env("GSETTINGS_BACKEND", "memory").args(&self.arguments);
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped());
        self.now = Now::Starting { child: self.starter.start(command), socket: ours };
    }

    fn greet(&mut self, mut child: Child) {
        let nobody = Now::Nobody { start_at: Instant::now() };
        let Now::Starting { socket, .. } = std::mem::replace(&mut self.now, nobody) else { return };
        if let Some(words) = child.stderr.take() {
            std::thread::spawn(move || crate::keeper::repeat(words));
        }
        self.now = Now::There { child, socket, began: Instant::now(), beat: None };
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        if let Now::There { child, .. } = &mut self.now {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
