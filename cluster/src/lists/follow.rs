//! How does a node come to hold the newest of each list, and nothing else?
//!
//! For each list it looks at the signatures on the bus. What too few have signed, what is older than it has seen, and
//! what does not continue the log that it has seen is refused, said so, and changes nothing. What is newer it fetches,
//! as a delta where there is one for what it has; only when all of that is a list with the digest that was signed does
//! it take the place of the old one.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use known::list::{Memory, Signatures, apply_delta};
use record::Quorum;

use super::status::{OfList, Status};
use super::{believed, beside, signatures_in};
use crate::Error;
use crate::bus::jetstream::Lists;

/// A list that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name, as it stands in the list.
    pub name: String,
    /// Where it is to lie; its signatures lie beside it.
    pub file: PathBuf,
}

/// Follows lists.
pub struct Follower {
    lists: Lists,
    quorum: Quorum,
    /// What was seen of each list, kept in this file.
    seen: PathBuf,
    memory: Memory,
    copies: Vec<Copied>,
    status: PathBuf,
    heard_s: u64,
}

/// What lies here of one list.
struct Copied {
    file: PathBuf,
    sha256: Option<[u8; 32]>,
    says: OfList,
}

/// Where what is seen and how far behind it is are kept.
#[derive(Clone, Debug)]
pub struct Files {
    /// What was seen.
    pub seen: PathBuf,
    /// How far behind.
    pub status: PathBuf,
}

impl Follower {
    /// Begins with what lies here already, as far as it can be believed.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::List`] when it cannot be told what was seen before.
    pub fn open(lists: Lists, quorum: Quorum, files: Files, wanted: Vec<Wanted>) -> Result<Follower, Error> {
        let text = match fs::read_to_string(&files.seen) {
            Ok(text) => text,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Error::File { what: "read", path: files.seen, source }),
        };
        let unusable = |why: known::Error| Error::List {
            what: format!("what was seen of lists, in {},", files.seen.display()),
            why: why.to_string(),
        };
        let memory = Memory::parse(&text).map_err(unusable)?;
        let copies = wanted.into_iter().map(|wanted| Copied::open(wanted, &quorum, &memory)).collect();
        let Files { seen, status } = files;
        Ok(Follower { lists, quorum, seen, memory, copies, status, heard_s: 0 })
    }

    /// Looks once at every list, takes what is newer, and says how it stands.
    ///
    /// # Errors
    /// [`Error::File`] when what was learnt cannot be kept. What the bus does is no error: it stands in the status.
    pub async fn look(&mut self) -> Result<Status, Error> {
        for number in 0..self.copies.len() {
            match self.look_at(number).await {
                Ok(()) => self.heard_s = now_s(),
                Err(why @ Error::File { .. }) => return Err(why),
                Err(why) => eprintln!("{why}"),
            }
        }
        let status =
            Status { heard_s: self.heard_s, lists: self.copies.iter().map(|copy| copy.says.clone()).collect() };
        status.write(&self.status)?;
        Ok(status)
    }

    /// Looks every so often, for ever.
    ///
    /// # Errors
    /// As [`Follower::look`].
    pub async fn run(mut self, every: Duration) -> Result<(), Error> {
        loop {
            self.look().await?;
            tokio::time::sleep(every).await;
        }
    }

    async fn look_at(&mut self, number: usize) -> Result<(), Error> {
        let name = self.copies[number].says.name.clone();
        let Some(bytes) = self.lists.signatures(&name).await? else { return Ok(()) };
        let told = Signatures::parse(&bytes).and_then(|told| {
            told.verify_unread(&self.quorum, self.memory.seen(&name))?;
            Ok(told)
        });
        let copy = &mut self.copies[number];
        let told = match told {
            Ok(told) if told.name() == name => told,
            Ok(told) => {
                copy.refuse(format!("its signatures are of the list \"{}\"", told.name()));
                return Ok(());
            }
            Err(why) => {
                copy.refuse(why.to_string());
                return Ok(());
            }
        };
        copy.says.newest = Some(told.version());
        if copy.sha256 == Some(*told.sha256()) {
            (copy.says.refused, copy.says.behind_since_s) = (None, None);
            return Ok(());
        }
        copy.says.behind_since_s.get_or_insert(now_s());
        match self.fetch(number, &told).await {
            Ok(()) => self.take(number, &told, &bytes),
            Err(why @ Error::List { .. }) => {
                self.copies[number].refuse(why.to_string());
                Ok(())
            }
            Err(why) => Err(why),
        }
    }

    /// Fetches the text that the signatures are for, next to where it is to lie.
    async fn fetch(&self, number: usize, told: &Signatures) -> Result<(), Error> {
        let Copied { file, sha256, says } = &self.copies[number];
        let (part, changes) = (part(file), with(file, ".delta"));
        if let Some(held) = sha256
            && self.lists.fetch_delta(&says.name, held, told.sha256(), &changes).await?
        {
            let made = applied(file, &changes, &part);
            let _ = fs::remove_file(&changes);
            if made.is_ok_and(|sha256| sha256 == *told.sha256()) {
                return Ok(());
            }
            eprintln!(
                "{}: what changed on the bus does not make the version that was signed; fetching all of it",
                says.name
            );
        }
        match self.lists.fetch_text(&says.name, told.sha256(), &part).await? {
            true => Ok(()),
            false => Err(Error::List {
                what: format!("the list {}", says.name),
                why: format!("version {} is signed, and its text is not on the bus", told.version()),
            }),
        }
    }

    /// Lets what was fetched take the old one's place, if it is what was signed.
    fn take(&mut self, number: usize, told: &Signatures, bytes: &[u8]) -> Result<(), Error> {
        let copy = &mut self.copies[number];
        let part = part(&copy.file);
        let (list, seen) = match believed(&part, told, &self.quorum, self.memory.seen(&copy.says.name)) {
            Ok(believed) => believed,
            Err(why) => {
                let _ = fs::remove_file(&part);
                copy.refuse(why.to_string());
                return Ok(());
            }
        };
        // Whoever reads between the two finds signatures of another version, uses neither, and reads again.
        fs::rename(&part, &copy.file).map_err(|source| Error::File {
            what: "write",
            path: copy.file.clone(),
            source,
        })?;
        replace(&beside(&copy.file), bytes)?;
        copy.sha256 = Some(*told.sha256());
        copy.says = OfList {
            name: copy.says.name.clone(),
            version: Some(list.version()),
            newest: Some(list.version()),
            ..OfList::default()
        };
        eprintln!("{}: version {} lies here, {} entries", list.name(), list.version(), list.entries().len());
        if self.memory.remember(list.name(), seen) {
            replace(&self.seen, self.memory.to_string().as_bytes())?;
        }
        Ok(())
    }
}

impl Copied {
    fn open(wanted: Wanted, quorum: &Quorum, memory: &Memory) -> Copied {
        let held = signatures_in(&beside(&wanted.file)).and_then(|signatures| {
            believed(&wanted.file, &signatures, quorum, memory.seen(&wanted.name))?;
            Ok(signatures)
        });
        let held = held.ok().filter(|held| held.name() == wanted.name);
        let version = held.as_ref().map(Signatures::version);
        let says = OfList { name: wanted.name, version, ..OfList::default() };
        Copied { file: wanted.file, sha256: held.map(|held| *held.sha256()), says }
    }

    /// Says once why what is on the bus is not taken.
    fn refuse(&mut self, why: String) {
        if self.says.refused.as_ref() != Some(&why) {
            eprintln!(
                "{}: what is on the bus is refused: {why}\n  to do: ask its publishers; the version that lies here stays",
                self.says.name
            );
        }
        self.says.refused = Some(why);
    }
}

fn applied(old: &Path, delta: &Path, new: &Path) -> Result<[u8; 32], known::Error> {
    let io = |why| known::Error::Delta { line: 0, wrong: known::DeltaError::Io(why) };
    let open = |path: &Path| File::open(path).map(|file| BufReader::with_capacity(1 << 20, file)).map_err(io);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(new).map_err(io)?);
    let sha256 = apply_delta(open(old)?, open(delta)?, &mut out)?;
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(io)?;
    Ok(sha256)
}

/// Replaces a file, whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let part = part(path);
    let written = || -> std::io::Result<()> {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    written().map_err(|source| Error::File { what: "write", path: path.to_owned(), source })
}

fn part(path: &Path) -> PathBuf {
    with(path, ".part")
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
