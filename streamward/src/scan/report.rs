//! Which files were compared already, and what came of it?

use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Result, anyhow};
use serde_json::Value;

use crate::r#match::{Verdict, verdict_json};

/// What a file looked like from outside when it was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    bytes: u64,
    modified_ns: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Stamp {
        let modified = metadata.modified().ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        Stamp { bytes: metadata.len(), modified_ns: modified.unwrap_or_default().as_nanos() as u64 }
    }
}

/// How every line begins: the keys of an object are written in alphabetical order.
const LINE_START: &[u8] = b"{\"bytes\":";

/// A file of JSON lines that only grows.
pub(super) struct Report {
    file: File,
    path: String,
    done: HashMap<String, (Stamp, bool)>,
}

impl Report {
    /// Reads what is there; a last line that was cut short is dropped.
    pub(super) fn open(path: &Path) -> Result<Report> {
        let trouble = |what: String| {
            anyhow!("cannot use the report {}: {what}\n  to do: give another file with --out", path.display())
        };
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = open.map_err(|error| trouble(error.to_string()))?;
        let mut done = HashMap::new();
        let mut n_whole = 0;
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let n_read = reader.read_until(b'\n', &mut line).map_err(|error| trouble(error.to_string()))?;
            if n_read == 0 {
                break;
            }
            if line.last() != Some(&b'\n') {
                // A line cut short, or somebody's file without a line end, which must not be cut.
                match line.starts_with(LINE_START) || LINE_START.starts_with(&line) {
                    true => break,
                    false => return Err(trouble("it is not a report of a scan".into())),
                }
            }
            let (name, stamp, is_match) = parse(&line).ok_or_else(|| trouble("it is not a report of a scan".into()))?;
            done.insert(name, (stamp, is_match));
            n_whole += n_read as u64;
        }
        file.set_len(n_whole).map_err(|error| trouble(error.to_string()))?;
        file.seek(SeekFrom::End(0)).map_err(|error| trouble(error.to_string()))?;
        Ok(Report { file, path: path.display().to_string(), done })
    }

    /// Whether this file, as it is now, was compared.
    pub(super) fn has(&self, file: &Path, stamp: &Stamp) -> bool {
        self.done.get(&name(file)).is_some_and(|(known, _)| known == stamp)
    }

    /// Notes one file.
    pub(super) fn add(&mut self, file: &Path, stamp: &Stamp, verdict: &Verdict) -> Result<()> {
        let mut line = verdict_json(file, verdict);
        line["bytes"] = stamp.bytes.into();
        line["modified_ns"] = stamp.modified_ns.into();
        line["file"] = name(file).into();
        // One write a line: whatever ends the program, at most one line is cut short.
        self.file.write_all(format!("{line}\n").as_bytes()).map_err(|error| {
            anyhow!("cannot write the report {}: {error}\n  to do: make room and start the scan again", self.path)
        })?;
        self.done.insert(name(file), (*stamp, verdict.is_match()));
        Ok(())
    }

    pub(super) fn n_files(&self) -> usize {
        self.done.len()
    }

    pub(super) fn n_matched(&self) -> usize {
        self.done.values().filter(|(_, is_match)| *is_match).count()
    }
}

/// As text; bytes that are no text are written so that two names never become one.
fn name(file: &Path) -> String {
    match file.to_str() {
        Some(name) => name.to_owned(),
        None => format!("{file:?}"),
    }
}

fn parse(line: &[u8]) -> Option<(String, Stamp, bool)> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let stamp = Stamp { bytes: value["bytes"].as_u64()?, modified_ns: value["modified_ns"].as_u64()? };
    Some((value["file"].as_str()?.to_owned(), stamp, value["matched"].as_bool()?))
}
