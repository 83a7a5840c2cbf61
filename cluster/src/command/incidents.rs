//! `streamward-cluster incidents`: every incident on the bus, once, for casework.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use super::BusChoices;
use crate::Error;
use crate::bus::Bus;
use crate::incident::Record;

/// Adds every incident on the bus to a file, once each, one JSON object a line; goes on where it stopped.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bus: BusChoices,
    /// The reader's name, which its certificate bears; each reader gets every incident.
    #[arg(long, value_name = "NAME", default_value = "casework")]
    name: String,
    /// The file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) async fn run(arguments: Arguments) -> Result<u8, Error> {
    let Bus::JetStream(bus) = arguments.bus.connect(&arguments.name).await? else {
        return Ok(0);
    };
    let mut kept = Kept::open(&arguments.out)?;
    let mut incidents = bus.incidents(&arguments.name);
    let reading = async {
        while let Some(delivered) = incidents.recv().await {
            kept.keep(&delivered.record)?;
            delivered.keep().await;
        }
        Ok(0)
    };
    tokio::select! { outcome = reading => outcome, () = super::asked_to_stop() => Ok(0) }
}

/// What the file holds.
struct Kept {
    path: PathBuf,
    file: File,
    ids: HashSet<String>,
}

impl Kept {
    /// Reads which incidents the file holds. A last line that is cut off is taken away: it was never acknowledged.
    fn open(path: &PathBuf) -> Result<Kept, Error> {
        let failed = |source| Error::File { what: "read", path: path.clone(), source };
        let file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
        let (mut ids, mut n_whole) = (HashSet::new(), 0);
        let mut lines = BufReader::new(&file);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            let record = line.strip_suffix(b"\n").and_then(|line| Record::parse(line).ok());
            let Some(record) = record else { break };
            n_whole += line.len() as u64;
            ids.insert(record.id);
            line.clear();
        }
        file.set_len(n_whole).map_err(failed)?;
        Ok(Kept { path: path.clone(), file, ids })
    }

    /// Adds a record, on disk before this returns, if it is not there.
    fn keep(&mut self, record: &Record) -> Result<(), Error> {
        if !self.ids.insert(record.id.clone()) {
            return Ok(());
        }
        let mut line = record.to_bytes();
        line.push(b'\n');
        let failed = |source| Error::File { what: "write", path: self.path.clone(), source };
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::Origin;
    use guard::finding::Match;

    fn record(number: u64) -> Record {
        let seen = guard::incident::Seen::Known(Match { list: "l".into(), entry: "e".into(), distance_bits: 1 });
        let incident = guard::Incident { number, from: std::time::Duration::from_secs(number), to: None, seen };
        let origin = Origin { platform: "example".into(), began_at: "2026-11-24T09:30:00Z".parse().unwrap() };
        origin.record(&lease::Name::new("s").unwrap(), &incident)
    }

    #[test]
    fn a_record_that_comes_again_is_kept_once_and_a_torn_line_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("incidents.jsonl");
        let mut kept = Kept::open(&path).unwrap();
        [1, 2, 1].into_iter().for_each(|number| kept.keep(&record(number)).unwrap());
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"id\":\"s.1"].concat()).unwrap();
        let mut kept = Kept::open(&path).unwrap();
        [2, 3].into_iter().for_each(|number| kept.keep(&record(number)).unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        let ids: Vec<String> = text.lines().map(|line| Record::parse(line.as_bytes()).unwrap().id).collect();
        assert_eq!(ids, [record(1).id, record(2).id, record(3).id]);
    }
}
