//! Is every incident on the bus, whatever happens to the bus or to us?
//!
//! A record is a file first, and goes when the bus has said that it stands there. What a process leaves behind when it
//! is killed, the next one sends; the bus knows what it has already.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::Error;
use crate::bus::Bus;
use crate::incident::Record;

/// How long after a failure a record is tried again.
const AGAIN: Duration = Duration::from_millis(300);

/// Records on their way to the bus.
#[derive(Debug)]
pub struct Outbox {
    folder: PathBuf,
    records: mpsc::UnboundedSender<Record>,
    n_waiting: Arc<AtomicUsize>,
}

impl Outbox {
    /// Sends what lies in `folder`, then what is put in.
    ///
    /// # Errors
    /// [`Error::File`] when the folder cannot be made or read.
    pub fn open(folder: &Path, bus: Bus) -> Result<Outbox, Error> {
        let failed = |what| move |source| Error::File { what, path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed("make"))?;
        let (records, waiting) = mpsc::unbounded_channel();
        let outbox = Outbox { folder: folder.to_owned(), records, n_waiting: Arc::default() };
        let mut left: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed("read"))? {
            let path = entry.map_err(failed("read"))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                left.push(path);
            }
        }
        left.sort();
        for path in left {
            match fs::read(&path).ok().and_then(|bytes| Record::parse(&bytes).ok()) {
                Some(record) => outbox.send(record),
                None => eprintln!("{}: not a whole record; it is left where it is", path.display()),
            }
        }
        tokio::spawn(send(folder.to_owned(), bus, waiting, Arc::clone(&outbox.n_waiting)));
        Ok(outbox)
    }

    /// Keeps a record until the bus has it.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be kept.
    pub fn put(&self, record: Record) -> Result<(), Error> {
        let path = path(&self.folder, &record);
        let written = || -> std::io::Result<()> {
            // Under another name first: a file of the right name is a whole record.
            let part = path.with_extension("part");
            let mut file = File::create(&part)?;
            file.write_all(&record.to_bytes())?;
            file.sync_all()?;
            fs::rename(&part, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        written().map_err(|source| Error::File { what: "write", path: path.clone(), source })?;
        self.send(record);
        Ok(())
    }

    fn send(&self, record: Record) {
        self.n_waiting.fetch_add(1, Ordering::SeqCst);
        let _ = self.records.send(record);
    }

    /// Waits until the bus has everything, at most for `patience`. What it has not then stays in the folder.
    pub async fn flush(&self, patience: Duration) {
        let all = async {
            while self.n_waiting.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = tokio::time::timeout(patience, all).await;
    }
}

async fn send(folder: PathBuf, bus: Bus, mut waiting: mpsc::UnboundedReceiver<Record>, n_waiting: Arc<AtomicUsize>) {
    while let Some(record) = waiting.recv().await {
        while bus.report(&record).await.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
        // A file that cannot be taken away is sent once more next time, and stands on the bus once.
        let _ = fs::remove_file(path(&folder, &record));
        n_waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

fn path(folder: &Path, record: &Record) -> PathBuf {
    folder.join(format!("{}.json", record.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::Origin;
    use guard::finding::Match;

    fn record(number: u64) -> Record {
        let seen = guard::incident::Seen::Known(Match { list: "l".into(), entry: "e".into(), distance_bits: 1 });
        let incident = guard::Incident { number, from: Duration::from_secs(number), to: None, seen };
        let origin = Origin { platform: "example".into(), began_at: "2026-11-24T09:30:00Z".parse().unwrap() };
        origin.record(&lease::Name::new("s").unwrap(), &incident)
    }

    #[tokio::test]
    async fn what_was_left_behind_is_sent_and_nothing_is_sent_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (record(1), record(2));
        fs::write(path(folder.path(), &one), one.to_bytes()).unwrap();
        fs::write(folder.path().join("torn.json"), b"{").unwrap();
        let bus = Bus::in_process();
        let outbox = Outbox::open(folder.path(), bus.clone()).unwrap();
        outbox.put(two.clone()).unwrap();
        outbox.put(one.clone()).unwrap();
        outbox.flush(Duration::from_secs(20)).await;
        let Bus::InProcess(inside) = bus else { panic!("it is inside") };
        assert_eq!(inside.incidents(), [one, two]);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["torn.json"]);
    }
}
