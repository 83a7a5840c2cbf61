//! How is one part of a guarded stream started, heard and ended?

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Sender, SyncSender};
use std::time::Instant;

use crate::Error;
use crate::network::Record;

/// Records that wait for a part; what is over is dropped, for a part that does not read is stopped.
const WAITING_MAX: usize = 1024;
/// A line that a part says to people is cut off here, bytes.
const LINE_MAX: u64 = 1000;

/// A word of a part; none when its pipe has ended.
pub(super) struct Heard {
    pub(super) from: &'static str,
    pub(super) generation: u64,
    pub(super) record: Option<Record>,
}

/// One process. Dropped, it is ended.
pub(super) struct Part {
    child: Child,
    to: Option<SyncSender<Record>>,
    pub(super) beat: Instant,
}

impl Part {
    /// Starts this program as one of its parts. With `from` it hears that pipe, else the keeper. Pull's output is left
    /// for the checker; what the others say comes through `sender`.
    pub(super) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[OsString],
        from: Option<ChildStdout>,
        sender: &Sender<Heard>,
        generation: u64,
    ) -> Result<Part, Error> {
        let hears_keeper = from.is_none() && name == "push";
        let input = match from {
            Some(pipe) => Stdio::from(pipe),
            None if hears_keeper => Stdio::piped(),
            None => Stdio::null(),
        };
        let mut command = Command::new(program);
        // Without it Orc would write code at run time, and the checker's memory is never executable.
        command.env("ORC_CODE", "backup");
        // A desktop's settings are none of a part's business.
        command.env("GSETTINGS_BACKEND", "memory");
        command.args(arguments).stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|source| Error::Read { path: program.to_owned(), source })?;
        if let Some(words) = child.stderr.take() {
            std::thread::spawn(move || repeat(words));
        }
        if let Some(said) = (name != "pull").then(|| child.stdout.take()).flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || listen(name, generation, said, &sender));
        }
        let to = child.stdin.take().map(|mut pipe| {
            let (to, records) = mpsc::sync_channel::<Record>(WAITING_MAX);
            std::thread::spawn(move || while records.recv().is_ok_and(|record| record.write(&mut pipe).is_ok()) {});
            to
        });
        Ok(Part { child, to, beat: Instant::now() })
    }

    /// The pipe it writes to, for another part to read.
    pub(super) fn take_output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Says a record to it, and waits for nobody.
    pub(super) fn say(&self, record: Record) {
        if let Some(to) = &self.to {
            let _ = to.try_send(record);
        }
    }

    pub(super) fn is_dead(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub(super) fn exit_code(&mut self) -> Option<u8> {
        let status = self.child.try_wait().ok().flatten()?;
        status.code().and_then(|code| u8::try_from(code).ok())
    }

    /// Ends it, stopped or not.
    pub(super) fn end(&mut self) {
        self.to = None;
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.end();
    }
}

fn listen(from: &'static str, generation: u64, mut pipe: impl Read, sender: &Sender<Heard>) {
    loop {
        // Nonsense ends it like the end of the pipe does.
        let record = Record::read(&mut pipe).ok().flatten();
        let is_over = record.is_none();
        if sender.send(Heard { from, generation, record }).is_err() || is_over {
            return;
        }
    }
}

/// Passes on what a part says to people, without anything that could steer a terminal.
pub(crate) fn repeat(words: impl Read) {
    let mut words = BufReader::new(words);
    let mut line = Vec::new();
    while let Ok(1..) = words.by_ref().take(LINE_MAX).read_until(b'\n', &mut line) {
        let text: String = String::from_utf8_lossy(&line).chars().filter(|c| !c.is_control()).collect();
        eprintln!("{text}");
        line.clear();
    }
}
