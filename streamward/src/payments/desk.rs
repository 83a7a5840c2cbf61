//! What does a desk keep between one run and the next?
//!
//! A folder: `log.jsonl`, in which everything that happened stands in order, each line with a sum over all before it,
//! and `alerts.jsonl`, which follows from it. A line is on the disk before its answer is given; whoever is cut off
//! before the answer sends the transfer again and gets it. Several programs may share a desk (a stream, the service,
//! a person who releases a hold): each takes the lock, reads what the others wrote, and writes its own.
//! Now and then what is known is written to `snapshot`, from which the next run goes on without reading the whole log: the
//! line it stands for must still be the one in the log. A snapshot that does not fit is left aside and the log is read.
//! Only a run without it checks the older lines again; to have that done, take the snapshot away.
//! The last line may be half written when the machine stops; it was never answered, and it is taken away.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use payments::error::{Field, Problem};
use payments::gate::{Chain, Event, HoldRule, Line, Taken};
use payments::read::Door;
use payments::time::DAY_S;
use payments::{Alert, Gate, Pack, PartyKey, Rates, Transfer};

/// An open desk.
pub(crate) struct Desk {
    folder: PathBuf,
    gate: Gate,
    chain: Chain,
    log: File,
    lock: File,
    door: Door,
    /// What has been read of the log, or written to it.
    n_bytes: u64,
    n_lines: u64,
    n_alerts_written: usize,
    /// Lines of the log that the last snapshot stands for.
    n_lines_in_snapshot: u64,
    /// A write failed: what is held here is ahead of the disk, and nothing more is answered.
    is_broken: bool,
}

/// What became of one transfer.
pub(crate) type Outcome = Result<Taken, (Field, Problem)>;

/// The log of a desk that was begun with other rules, or does not add up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DeskFault(String);

impl Desk {
    /// Opens the desk in `folder`, or makes it. `pack` is the one the desk is begun with, or was; which one holds now stands
    /// in the log. `rule` is for a desk that is made; an open one keeps its own.
    pub(crate) fn open(folder: &Path, pack: Pack, rule: HoldRule) -> Result<Desk> {
        std::fs::create_dir_all(folder).with_context(|| unwritable(folder))?;
        let open = |name: &str| {
            let path = folder.join(name);
            let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
            file.with_context(|| unwritable(&path))
        };
        let (log, lock) = (open("log.jsonl")?, open("lock")?);
        lock.lock().with_context(|| unwritable(folder))?;
        let rule = begun_with(&folder.join("log.jsonl"), &pack)?.unwrap_or(rule);
        let mut desk = Desk {
            folder: folder.to_owned(),
            gate: Gate::new(pack, rule),
            chain: Chain::default(),
            log,
            lock,
            door: Door::plain(PartyKey::new(&[0; 16]).expect("sixteen bytes are enough")),
            n_bytes: 0,
            n_lines: 0,
            n_alerts_written: 0,
            n_lines_in_snapshot: 0,
            is_broken: false,
        };
        desk.recall(rule);
        desk.catch_up()?;
        if desk.n_lines == 0 {
            let begun = desk.gate.begun();
            desk.append(&[Line::Event(begun)])?;
        }
        desk.write_all_alerts()?;
        desk.write_snapshot_when_due()?;
        desk.lock.unlock()?;
        Ok(desk)
    }

    /// Takes over what the snapshot holds, when there is one that fits the log.
    fn recall(&mut self, rule: HoldRule) {
        let path = self.folder.join("snapshot");
        let Ok(file) = File::open(&path) else { return };
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let found = Gate::restore(self.gate.pack().clone(), rule, &mut reader).map_err(anyhow::Error::from);
        let fits = |(gate, mark): (Gate, String)| {
            let mut words = mark.split(' ');
            let mut number = || words.next()?.parse::<u64>().ok();
            let (n_bytes, n_lines) = (number()?, number()?);
            let chain = Chain::after(words.next()?)?;
            is_last_line(&self.folder.join("log.jsonl"), n_bytes, &chain).then_some((gate, n_bytes, n_lines, chain))
        };
        match found.map(fits) {
            Ok(Some((gate, n_bytes, n_lines, chain))) => {
                (self.gate, self.chain) = (gate, chain);
                (self.n_bytes, self.n_lines, self.n_lines_in_snapshot) = (n_bytes, n_lines, n_lines);
            }
            Ok(None) => eprintln!("{} does not fit the log beside it; the whole log is read", path.display()),
            Err(why) => eprintln!("{} is left aside: {why}; the whole log is read", path.display()),
        }
    }

    /// Writes a snapshot when the log has grown by half since the last, so that all of them together cost no more than
    /// three times the last one.
    fn write_snapshot_when_due(&mut self) -> Result<()> {
        let n_new = self.n_lines - self.n_lines_in_snapshot;
        if n_new < n_lines_between().max(self.n_lines_in_snapshot / 2) {
            return Ok(());
        }
        let path = self.folder.join("snapshot");
        let mark = format!("{} {} {}", self.n_bytes, self.n_lines, self.chain.sum());
        let mut new = tempfile::NamedTempFile::new_in(&self.folder).with_context(|| unwritable(&path))?;
        let mut out = BufWriter::with_capacity(1 << 20, new.as_file_mut());
        self.gate.write_snapshot(&mark, &mut out).and_then(|()| out.flush()).with_context(|| unwritable(&path))?;
        drop(out);
        new.as_file().sync_data().with_context(|| unwritable(&path))?;
        new.persist(&path).with_context(|| unwritable(&path))?;
        self.n_lines_in_snapshot = self.n_lines;
        Ok(())
    }

    /// Whether a folder is a desk.
    pub(crate) fn is_at(folder: &Path) -> bool {
        folder.join("log.jsonl").is_file()
    }

    /// What it knows.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Takes transfers in order of arrival; the answers are in the same order, and on the disk.
    pub(crate) fn take(&mut self, transfers: Vec<Transfer>, rates: &Rates, now_s: i64) -> Result<Vec<Outcome>> {
        self.locked(|desk| {
            let mut lines = desk.expire(now_s);
            let rates_sha256 = hex(&rates.sha256());
            let mut outcomes = Vec::with_capacity(transfers.len());
            for transfer in transfers {
                outcomes.push(desk.take_one(transfer, rates, &rates_sha256, now_s, &mut lines));
            }
            desk.append(&lines)?;
            desk.append_alerts()?;
            desk.write_snapshot_when_due()?;
            Ok(outcomes)
        })
    }

    fn take_one(
        &mut self,
        transfer: Transfer,
        rates: &Rates,
        rates_sha256: &str,
        now_s: i64,
        lines: &mut Vec<Line>,
    ) -> Outcome {
        let is_new = self.gate.book().find(&transfer.id).is_none();
        if is_new && transfer.at.utc_s > now_s + DAY_S {
            // One clock that runs years ahead would empty every window.
            return Err((Field("time"), Problem::TimeAhead));
        }
        let value_minor = match rates.value_minor(transfer.amount, transfer.at.day()) {
            Ok(value) => value,
            Err(_) if !is_new => 1,
            Err(problem) => return Err((Field("currency"), problem)),
        };
        if is_new && self.gate.rates_sha256() != rates_sha256 {
            let event = Event::Rates { sha256: rates_sha256.to_owned() };
            self.gate.happen(&event).expect("a table of rates may change at any time");
            lines.push(Line::Event(event));
        }
        let taken =
            self.gate.take(transfer.clone(), value_minor, now_s).map_err(|(field, problem)| (Field(field), problem))?;
        if !taken.is_again {
            lines.push(Line::Transfer { transfer: Box::new(transfer), value_minor, arrived_s: now_s });
        }
        Ok(taken)
    }

    /// Lets a person's word stand in the log.
    pub(crate) fn happen(&mut self, event: Event, now_s: i64) -> Result<()> {
        self.locked(|desk| {
            let mut lines = desk.expire(now_s);
            let outcome = desk.gate.happen(&event);
            if outcome.is_ok() {
                lines.push(Line::Event(event));
            }
            desk.append(&lines)?;
            Ok(outcome?)
        })
    }

    /// Reads what others wrote, and lets holds end that are over.
    pub(crate) fn refresh(&mut self, now_s: i64) -> Result<()> {
        self.locked(|desk| {
            let lines = desk.expire(now_s);
            desk.append(&lines)
        })
    }

    fn expire(&mut self, now_s: i64) -> Vec<Line> {
        let expired = self.gate.expired(now_s);
        for event in &expired {
            self.gate.happen(event).expect("the gate says itself which holds are over");
        }
        expired.into_iter().map(Line::Event).collect()
    }

    fn locked<T>(&mut self, work: impl FnOnce(&mut Desk) -> Result<T>) -> Result<T> {
        if self.is_broken {
            bail!("{}", unwritable(&self.folder));
        }
        self.lock.lock().with_context(|| unwritable(&self.folder))?;
        let outcome = self.catch_up().and_then(|()| work(self));
        self.lock.unlock()?;
        outcome
    }

    /// Reads on from where it stopped; takes away a last line that is half written.
    fn catch_up(&mut self) -> Result<()> {
        let path = self.folder.join("log.jsonl");
        let n_there = self.log.metadata()?.len();
        if n_there == self.n_bytes {
            return Ok(());
        }
        let mut file = File::open(&path).with_context(|| unreadable(&path))?;
        file.seek(SeekFrom::Start(self.n_bytes))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let n = reader.read_until(b'\n', &mut line).with_context(|| unreadable(&path))? as u64;
            if line.pop_if(|last| *last == b'\n').is_none() {
                break;
            }
            let told = |why: String| {
                DeskFault(format!(
                    "{}, line {}: {why}\n  to do: keep the file as it is, and begin a new folder; what stands before that line is sound",
                    path.display(),
                    self.n_lines + 1
                ))
            };
            let next = self.chain.read(&line, &self.door);
            let next = next.ok_or_else(|| told("it is not the line that was written here".to_owned()))?;
            self.gate.replay(next).map_err(|why| told(why.to_string()))?;
            self.n_bytes += n;
            self.n_lines += 1;
        }
        if !line.is_empty() {
            eprintln!(
                "the last line of {} was half written when the program stopped; it was never answered",
                path.display()
            );
            self.log.set_len(self.n_bytes)?;
        }
        Ok(())
    }

    fn append(&mut self, lines: &[Line]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let text: String = lines.iter().map(|line| self.chain.write(line)).collect();
        let path = self.folder.join("log.jsonl");
        self.is_broken = true;
        self.log.write_all(text.as_bytes()).and_then(|()| self.log.sync_data()).with_context(|| unwritable(&path))?;
        self.is_broken = false;
        self.n_bytes += text.len() as u64;
        self.n_lines += lines.len() as u64;
        Ok(())
    }

    /// Alerts follow from the log, so the file is made anew where it is not what it should be.
    fn write_all_alerts(&mut self) -> Result<()> {
        let path = self.folder.join("alerts.jsonl");
        let text: String = self.gate.alerts().iter().map(|alert| alert.to_json() + "\n").collect();
        if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            let mut new = tempfile::NamedTempFile::new_in(&self.folder).with_context(|| unwritable(&path))?;
            new.write_all(text.as_bytes())
                .and_then(|()| new.as_file().sync_data())
                .with_context(|| unwritable(&path))?;
            new.persist(&path).with_context(|| unwritable(&path))?;
        }
        self.n_alerts_written = self.gate.alerts().len();
        Ok(())
    }

    fn append_alerts(&mut self) -> Result<()> {
        let new = &self.gate.alerts()[self.n_alerts_written..];
        if new.is_empty() {
            return Ok(());
        }
        let path = self.folder.join("alerts.jsonl");
        let text: String = new.iter().map(|alert| alert.to_json() + "\n").collect();
        let mut file = OpenOptions::new().append(true).create(true).open(&path).with_context(|| unwritable(&path))?;
        file.write_all(text.as_bytes()).with_context(|| unwritable(&path))?;
        self.n_alerts_written = self.gate.alerts().len();
        Ok(())
    }

    /// The alert, with the row at which it was raised.
    pub(crate) fn find(&self, alert: &str) -> Option<(&Alert, u32)> {
        Some((self.gate.find(alert)?, self.gate.row_of(alert)?))
    }
}

/// Lines of the log between two snapshots, at least; a tenth of a second's reading. Tests set another number.
fn n_lines_between() -> u64 {
    let own = std::env::var("STREAMWARD_PAYMENTS_SNAPSHOT_LINES").ok();
    own.and_then(|text| text.parse().ok()).unwrap_or(20_000)
}

/// Whether the line that ends at byte `n_bytes` of the log is the one the chain was at.
fn is_last_line(log: &Path, n_bytes: u64, chain: &Chain) -> bool {
    // The longest line proposes a pack: two texts of a mebibyte, in which quotes and line feeds are written as two.
    const LINE_BYTES_MAX: u64 = 1 << 23;
    let first = n_bytes.saturating_sub(LINE_BYTES_MAX);
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(first))?;
        file.take(n_bytes - first).read_to_end(&mut text)
    });
    let is_whole = read.is_ok_and(|n| n as u64 == n_bytes - first) && text.pop() == Some(b'\n');
    let last = text.rsplit(|byte| *byte == b'\n').next();
    is_whole && last.is_some_and(|line| line.starts_with(chain.sum().as_bytes()))
}

/// The rule that the log was begun with, when there is one. The pack must be the one it was begun with too.
fn begun_with(path: &Path, pack: &Pack) -> Result<Option<HoldRule>> {
    let mut line = Vec::new();
    BufReader::new(File::open(path).with_context(|| unreadable(path))?).read_until(b'\n', &mut line)?;
    if line.pop_if(|last| *last == b'\n').is_none() {
        return Ok(None);
    }
    let door = Door::plain(PartyKey::new(&[0; 16])?);
    match Chain::default().read(&line, &door) {
        Some(Line::Event(Event::Begun { rule, pack_sha256 })) if pack_sha256 == pack.digest() => Ok(Some(rule)),
        Some(Line::Event(Event::Begun { pack_sha256, .. })) => bail!(DeskFault(format!(
            "{} was begun with another pack, whose SHA-256 is {pack_sha256}\n  to do: give the pack and overlay it was begun with; another one is proposed and activated in the console, under Payments, Packs",
            path.display()
        ))),
        Some(_) | None => bail!(DeskFault(format!(
            "{}, line 1: it is no log of a desk\n  to do: name another folder with --state",
            path.display()
        ))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seconds since 1970 on the clock of this machine.
pub(crate) fn now_s() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// The moment `at_s` seconds after 1970 began.
pub(super) fn moment(at_s: i64) -> Result<jiff::Timestamp> {
    jiff::Timestamp::from_second(at_s).map_err(|why| anyhow::anyhow!("{at_s} seconds since 1970 are no moment: {why}"))
}

fn unwritable(path: &Path) -> String {
    format!("cannot write {}\n  to do: check the folder, its permissions and the free space", path.display())
}

fn unreadable(path: &Path) -> String {
    format!("cannot read {}\n  to do: check the folder and its permissions", path.display())
}
