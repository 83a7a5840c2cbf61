//! Whose file is this, and what is known of it?
//!
//! A file is known by its identity, never by its name: device and number. It belongs to a folder when its path leads
//! there, when it was ever seen there, when it has more than one name, or when its path does not lead back to it. A
//! verdict holds for one state of the file (its change time) and falls when somebody who could write closes it.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, Stat};

use super::Verdict;
use super::group::is_being_written;
use super::media::{self, Media};

/// Verdicts that are kept; of more all are forgotten, and files are judged again.
const VERDICTS_MAX: usize = 1_000_000;
/// A file that changed so shortly ago can change again under the same change time.
const SETTLED: Duration = Duration::from_millis(50);

/// One file, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Identity {
    device: u64,
    number: u64,
}

/// One state of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) identity: Identity,
    /// When it last changed, seconds and nanoseconds.
    changed: (i64, u64),
}

/// May it be opened?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// No business of ours, or judged and clear.
    Pass,
    /// Judged, and not clear.
    Refuse(Verdict),
    /// It has to be judged first.
    Judge(Key),
}

/// Decides what needs no judge.
#[derive(Default)]
pub(super) struct Gate {
    folders: Vec<PathBuf>,
    members: HashSet<Identity>,
    verdicts: HashMap<Identity, (Key, Verdict)>,
}

impl Gate {
    /// For these folders, given without links in their paths. Every file in them is noted, unopened.
    pub(super) fn new(folders: &[PathBuf]) -> Gate {
        let mut gate = Gate { folders: folders.to_vec(), ..Gate::default() };
        folders.iter().for_each(|folder| gate.note(folder));
        gate
    }

    fn note(&mut self, folder: &Path) {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            // What cannot be listed is still known by its path when it is opened.
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match rustix::fs::lstat(entry.path()) {
                    Ok(stat) if kind(&stat) == FileType::Directory => folders.push(entry.path()),
                    Ok(stat) if kind(&stat) == FileType::RegularFile => drop(self.members.insert(identity(&stat))),
                    _ => (),
                }
            }
        }
    }

    /// What is known of the file.
    pub(super) fn ask(&mut self, file: &OwnedFd) -> Answer {
        // What cannot be asked about is judged by nobody.
        let Ok(stat) = rustix::fs::fstat(file) else { return Answer::Refuse(Verdict::Unjudged) };
        if kind(&stat) != FileType::RegularFile {
            return Answer::Pass;
        }
        let key = key(&stat);
        if let Some((_, verdict)) = self.verdicts.get(&key.identity).filter(|(known, _)| *known == key) {
            return match verdict {
                Verdict::Clear => Answer::Pass,
                shut => Answer::Refuse(*shut),
            };
        }
        if !self.is_ours(file, &stat) {
            return Answer::Pass;
        }
        self.members.insert(key.identity);
        let mut bytes = [0; media::N_BYTES];
        match crate::read::at(file, &mut bytes, 0).map(|n_bytes| media::of(&bytes[..n_bytes])) {
            Ok(Some(Media::Still | Media::Film(_))) => Answer::Judge(key),
            Ok(Some(Media::Unknown)) | Err(_) => Answer::Refuse(Verdict::Unjudged),
            Ok(None) => {
                self.keep(file, key, Verdict::Clear);
                Answer::Pass
            }
        }
    }

    fn is_ours(&self, file: &OwnedFd, stat: &Stat) -> bool {
        if stat.st_nlink != 1 || self.members.contains(&identity(stat)) {
            return true;
        }
        let Ok(path) = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) else { return true };
        let leads_back = || rustix::fs::lstat(&path).is_ok_and(|there| identity(&there) == identity(stat));
        self.folders.iter().any(|folder| path.starts_with(folder)) || !leads_back()
    }

    /// Remembers what a judge said of this state of the file, if nobody can change it unseen. Says whether it is still
    /// in that state.
    pub(super) fn keep(&mut self, file: &OwnedFd, judged: Key, verdict: Verdict) -> bool {
        let is_being_written = is_being_written(file);
        let is_same = rustix::fs::fstat(file).is_ok_and(|stat| key(&stat) == judged);
        let (seconds, nanoseconds) = judged.changed;
        let changed = UNIX_EPOCH + Duration::new(seconds.try_into().unwrap_or(0), nanoseconds as u32);
        let is_settled = SystemTime::now().duration_since(changed).is_ok_and(|age| age >= SETTLED);
        if is_same && is_settled && !is_being_written {
            if self.verdicts.len() >= VERDICTS_MAX {
                self.verdicts.clear();
            }
            self.verdicts.insert(judged.identity, (judged, verdict));
        }
        is_same
    }

    /// It was written: nothing is known of it any more, except whose it is.
    pub(super) fn forget(&mut self, file: &OwnedFd) {
        if let Ok(stat) = rustix::fs::fstat(file)
            && kind(&stat) == FileType::RegularFile
        {
            self.verdicts.remove(&identity(&stat));
            if self.is_ours(file, &stat) {
                self.members.insert(identity(&stat));
            }
        }
    }
}

/// The state that the file is in.
pub(super) fn state(file: &OwnedFd) -> Option<Key> {
    rustix::fs::fstat(file).ok().map(|stat| key(&stat))
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn identity(stat: &Stat) -> Identity {
    Identity { device: stat.st_dev, number: stat.st_ino }
}

fn key(stat: &Stat) -> Key {
    Key { identity: identity(stat), changed: (stat.st_ctime, stat.st_ctime_nsec) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n and more";

    fn open(path: &Path) -> OwnedFd {
        std::fs::File::open(path).unwrap().into()
    }

    fn settle() {
        std::thread::sleep(SETTLED * 2);
    }

    #[test]
    fn a_file_is_ours_under_every_name() {
        let place = tempfile::tempdir().unwrap();
        let (inside, outside) = (place.path().join("in"), place.path().join("out"));
        [&inside, &outside].iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
        std::fs::write(inside.join("a"), PICTURE).unwrap();
        std::fs::write(inside.join("b"), PICTURE).unwrap();
        std::fs::write(outside.join("c"), PICTURE).unwrap();
        std::fs::write(inside.join("text"), "words").unwrap();
        let mut gate = Gate::new(std::slice::from_ref(&inside));
        std::fs::hard_link(inside.join("a"), outside.join("another name")).unwrap();
        std::fs::rename(inside.join("b"), outside.join("moved")).unwrap();
        let mut is_judged = |path: PathBuf| matches!(gate.ask(&open(&path)), Answer::Judge(_));
        assert!(is_judged(inside.join("a")) && is_judged(outside.join("another name")));
        assert!(is_judged(outside.join("moved")), "it was in the folder");
        assert!(!is_judged(outside.join("c")) && !is_judged(inside.join("text")));
    }

    #[test]
    fn a_verdict_holds_for_one_state_of_the_file() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        std::fs::write(&path, PICTURE).unwrap();
        let mut gate = Gate::new(&[place.path().to_owned()]);
        let Answer::Judge(key) = gate.ask(&open(&path)) else { panic!("it was never judged") };
        settle();
        assert!(gate.keep(&open(&path), key, Verdict::Clear));
        assert_eq!(gate.ask(&open(&path)), Answer::Pass);
        let writer = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        std::fs::write(&path, [PICTURE, b"!"].concat()).unwrap();
        let Answer::Judge(key) = gate.ask(&open(&path)) else { panic!("it was changed") };
        settle();
        gate.keep(&open(&path), key, Verdict::Clear);
        assert_eq!(gate.ask(&open(&path)), Answer::Judge(key), "somebody can still write it");
        drop(writer);
        gate.keep(&open(&path), key, Verdict::Flagged);
        assert_eq!(gate.ask(&open(&path)), Answer::Refuse(Verdict::Flagged));
    }
}
