//! How does the kernel ask before a file is opened?
//!
//! Source: fanotify(7), fanotify_init(2), fanotify_mark(2). A mark on the file system, not on the folder: a mark on a
//! folder sees neither other names of its files, nor subfolders, nor opens by handle. The queue has no limit, since the
//! kernel lets everything through that a full one has no room for.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::Errno;

/// Bytes of one event: length, version, mask, file, process. Source: `struct fanotify_event_metadata`.
const EVENT_BYTES: usize = 24;
/// Events that are read at once: each brings an open file.
const EVENTS_MAX: usize = 128;

/// Everybody who holds it holds the opens that wait for an answer; when nobody does the kernel lets them through.
pub(crate) struct Group(OwnedFd);

/// Somebody wants to open a file, or has closed one that was written.
pub(super) struct Event {
    /// The file, open for reading; using it asks nobody.
    pub(super) file: OwnedFd,
    pub(super) pid: i32,
    pub(super) kind: Kind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The opener waits for an answer about the file of this number.
    Opens(RawFd),
    /// Somebody who could write has closed it.
    Written,
}

impl Group {
    /// Asks the kernel for a group. Without the privilege (`CAP_SYS_ADMIN`) it refuses with `EPERM`.
    pub(crate) fn new() -> Result<Group, Errno> {
        let flags = libc::FAN_CLASS_CONTENT | libc::FAN_CLOEXEC | libc::FAN_NONBLOCK | libc::FAN_UNLIMITED_QUEUE;
        let files = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_LARGEFILE | libc::O_NOATIME;
        // SAFETY: both arguments are flags, and what comes back is a new file of ours or an error.
        match unsafe { libc::fanotify_init(flags, files as u32) } {
            file @ 0.. => Ok(Group::from(unsafe_owned(file))),
            _ => Err(last_error()),
        }
    }

    /// From now on every open on the file system that holds `path` asks this group.
    pub(crate) fn mark(&self, path: &Path) -> Result<(), Errno> {
        let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::INVAL)?;
        let flags = libc::FAN_MARK_ADD | libc::FAN_MARK_FILESYSTEM;
        let mask = libc::FAN_OPEN_PERM | libc::FAN_CLOSE_WRITE;
        // SAFETY: `path` ends with a zero byte and lives until the call returns.
        match unsafe { libc::fanotify_mark(self.0.as_raw_fd(), flags, mask, libc::AT_FDCWD, path.as_ptr()) } {
            0 => Ok(()),
            _ => Err(last_error()),
        }
    }

    /// What happened since the last time; empty when nothing did.
    pub(super) fn read(&self) -> Result<Vec<Event>, Errno> {
        let mut bytes = [0; EVENT_BYTES * EVENTS_MAX];
        let n_bytes = match rustix::io::read(&self.0, &mut bytes) {
            Ok(n_bytes) => n_bytes,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut events = Vec::new();
        let mut rest = &bytes[..n_bytes];
        while rest.len() >= EVENT_BYTES {
            let number = |at: usize| i32::from_ne_bytes(rest[at..at + 4].try_into().expect("four bytes are four"));
            let mask = u64::from_ne_bytes(rest[8..16].try_into().expect("eight bytes are eight"));
            let (len, file, pid) = (number(0) as usize, number(16), number(20));
            if file >= 0 {
                let kind = if mask & libc::FAN_OPEN_PERM != 0 { Kind::Opens(file) } else { Kind::Written };
                events.push(Event { file: unsafe_owned(file), pid, kind });
            }
            rest = rest.get(len.max(EVENT_BYTES)..).unwrap_or_default();
        }
        Ok(events)
    }

    /// Answers whoever waits at the file of this number, also when another process has read the question.
    pub(super) fn answer(&self, number: RawFd, is_allowed: bool) -> Result<(), Errno> {
        let word = if is_allowed { libc::FAN_ALLOW } else { libc::FAN_DENY };
        let bytes = [number.to_ne_bytes(), word.to_ne_bytes()].concat();
        rustix::io::write(&self.0, &bytes).map(|_| ())
    }

    /// Refuses everybody who waits for a process that is gone. Its questions are known by their numbers alone, and of
    /// those there are no more than files a process may hold.
    pub(super) fn refuse_all(&self) -> usize {
        let n_files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum.unwrap_or(1 << 20);
        let n_files = i32::try_from(n_files).unwrap_or(i32::MAX).min(1 << 20);
        (0..n_files).filter(|number| self.answer(*number, false).is_ok()).count()
    }
}

impl From<OwnedFd> for Group {
    fn from(file: OwnedFd) -> Group {
        Group(file)
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Is the file open for writing anywhere? Source: fcntl(2), a lease for reading is not given then.
pub(super) fn is_being_written(file: &OwnedFd) -> bool {
    let lease = |kind: i32| {
        // SAFETY: both arguments are numbers; a lease changes nothing of our memory.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) }
    };
    let is_given = lease(libc::F_RDLCK) == 0;
    if is_given {
        lease(libc::F_UNLCK);
    }
    !is_given
}

fn unsafe_owned(file: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just opened this file for us, and nobody else in this process knows its number.
    unsafe { OwnedFd::from_raw_fd(file) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
