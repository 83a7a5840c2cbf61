//! What does a reader's file hold already?
//!
//! One JSON object a line, each once: the bus may bring one again, after any time and however it was sent.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// What the file holds.
pub(super) struct Kept {
    path: PathBuf,
    file: File,
    ids: HashSet<String>,
}

impl Kept {
    /// Reads what the file holds, each line with its `id`. A last line that is cut off is taken away: it was never
    /// acknowledged.
    pub(super) fn open(path: &Path, id: impl Fn(&[u8]) -> Option<String>) -> Result<Kept, Error> {
        let failed = |source| Error::File { what: "read", path: path.to_owned(), source };
        let file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
        let (mut ids, mut n_whole) = (HashSet::new(), 0);
        let mut lines = BufReader::new(&file);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            let Some(id) = line.strip_suffix(b"\n").and_then(&id) else { break };
            n_whole += line.len() as u64;
            ids.insert(id);
            line.clear();
        }
        file.set_len(n_whole).map_err(failed)?;
        Ok(Kept { path: path.to_owned(), file, ids })
    }

    /// Adds a record, on disk before this returns, if it is not there.
    pub(super) fn keep(&mut self, id: &str, bytes: &[u8]) -> Result<(), Error> {
        if !self.ids.insert(id.to_owned()) {
            return Ok(());
        }
        let failed = |source| Error::File { what: "write", path: self.path.clone(), source };
        let line = [bytes, b"\n"].concat();
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{Origin, Record};
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
        let open = || Kept::open(&path, |line| Some(Record::parse(line).ok()?.id)).unwrap();
        let keep = |kept: &mut Kept, number| kept.keep(&record(number).id, &record(number).to_bytes()).unwrap();
        let mut kept = open();
        [1, 2, 1].into_iter().for_each(|number| keep(&mut kept, number));
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"id\":\"s.1"].concat()).unwrap();
        let mut kept = open();
        [2, 3].into_iter().for_each(|number| keep(&mut kept, number));
        let text = std::fs::read_to_string(&path).unwrap();
        let ids: Vec<String> = text.lines().map(|line| Record::parse(line.as_bytes()).unwrap().id).collect();
        assert_eq!(ids, [record(1).id, record(2).id, record(3).id]);
    }
}
