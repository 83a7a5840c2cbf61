//! What can be done about a folder without the privilege to hold an open?
//!
//! Only react: inotify says that a file was written or moved in, when others may have opened it already. It is judged,
//! and one that is flagged loses the permissions that let it be opened. Its owner can give them back.

use std::collections::{BTreeMap, HashMap};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::fs::{Mode, OFlags};

use super::keeper::{Plan, Tally, refused};
use super::looker::{Looker, Starter};
use super::{Verdict, link};
use crate::Error;

/// Files that wait to be judged; of more the oldest are looked at when they change again.
const WAITING_MAX: usize = 100_000;

/// Judges what is in the folders and whatever changes in them, until a person asks it to end.
///
/// # Errors
/// When a folder cannot be watched, or the first checker ends before it says a word.
pub(crate) fn run(plan: &Plan) -> Result<Tally, Error> {
    eprintln!(
        "this process may not have the kernel ask before an open (CAP_SYS_ADMIN): it can only react. A file can be \
         opened until it was judged; one that is flagged then loses its permissions"
    );
    let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(refused)?;
    let mut reactor = Reactor {
        watch,
        folders: HashMap::new(),
        waiting: Vec::new(),
        looked: BTreeMap::new(),
        looker: Looker::new(plan.checker.clone(), Starter::new(), false),
        tally: Tally::default(),
    };
    for folder in &plan.folders {
        reactor.enter(folder);
    }
    if reactor.folders.is_empty() {
        return Err(refused("no folder can be watched"));
    }
    while !plan.interrupt.load(Ordering::SeqCst) {
        match reactor.looker.socket() {
            Some(socket) => drop(link::wait([&reactor.watch, socket], Duration::from_millis(50))),
            None => drop(link::wait([&reactor.watch], Duration::from_millis(50))),
        }
        reactor.notice();
        for (number, verdict) in reactor.looker.hear().map_err(|code| Error::Part { code })? {
            reactor.hear(number, verdict.unwrap_or(Verdict::Unjudged));
        }
        reactor.ask();
    }
    reactor.tally.checkers_lost = reactor.looker.n_lost;
    Ok(reactor.tally)
}

struct Reactor {
    watch: OwnedFd,
    /// Folders by the number of their watch.
    folders: HashMap<i32, PathBuf>,
    waiting: Vec<PathBuf>,
    /// Files with the checker.
    looked: BTreeMap<u64, OwnedFd>,
    looker: Looker,
    tally: Tally,
}

impl Reactor {
    /// Watches a folder and those in it, and has everything in them judged.
    fn enter(&mut self, folder: &Path) {
        let flags = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::CREATE | WatchFlags::ONLYDIR;
        match inotify::add_watch(&self.watch, folder, flags | WatchFlags::DONT_FOLLOW) {
            Ok(number) => drop(self.folders.insert(number, folder.to_owned())),
            Err(error) => return eprintln!("a folder is not guarded, for it cannot be watched: {error}"),
        }
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            self.meet(&entry.path());
        }
    }

    fn meet(&mut self, path: &Path) {
        match std::fs::symlink_metadata(path) {
            Ok(facts) if facts.is_dir() => self.enter(path),
            Ok(facts) if facts.is_file() => {
                self.waiting.push(path.to_owned());
                let n_over = self.waiting.len().saturating_sub(WAITING_MAX);
                drop(self.waiting.drain(..n_over));
            }
            _ => (),
        }
    }

    fn notice(&mut self) {
        let mut bytes = [MaybeUninit::uninit(); 4096];
        let mut changed = Vec::new();
        let mut reader = Reader::new(&self.watch, &mut bytes);
        while let Ok(event) = reader.next() {
            let Some(folder) = self.folders.get(&event.wd()) else { continue };
            let name = event.file_name().map(|name| std::os::unix::ffi::OsStrExt::from_bytes(name.to_bytes()));
            let is_news = event.events().intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO | ReadFlags::ISDIR);
            changed.extend(name.filter(|_| is_news).map(|name: &std::ffi::OsStr| folder.join(name)));
        }
        changed.iter().for_each(|path| self.meet(path));
    }

    fn ask(&mut self) {
        while self.looker.is_well()
            && let Some(path) = self.waiting.pop()
        {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
            // One that is gone, or shut already, needs no judge.
            let Ok(file) = rustix::fs::open(&path, flags, Mode::empty()) else { continue };
            match self.looker.look(&file) {
                Some(number) => drop(self.looked.insert(number, file)),
                None => return self.waiting.push(path),
            }
        }
    }

    fn hear(&mut self, number: u64, verdict: Verdict) {
        let Some(file) = self.looked.remove(&number) else { return };
        self.tally.judged += 1;
        match verdict {
            Verdict::Clear => self.tally.passed += 1,
            Verdict::Unjudged => {
                self.tally.unjudged += 1;
                eprintln!("a file could not be judged, and nothing keeps it from being opened");
            }
            Verdict::Flagged => {
                self.tally.flagged += 1;
                match rustix::fs::fchmod(&file, Mode::empty()) {
                    Ok(()) => {
                        eprintln!("a file was flagged: it can no longer be opened until its owner permits it again")
                    }
                    Err(error) => eprintln!("a file was flagged, and it could not be shut: {error}"),
                }
            }
        }
    }
}
