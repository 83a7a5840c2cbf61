//! `streamward list build`: which hashes do these files have, as a list with provenance?

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use known::list::Header;
use known::pdq::QUALITY_MIN;
use known::vpdq::Video;
use known::{Entry, Fingerprint, Instant, List};

use super::trust::load;
use crate::hash::{decode, digests, read};
use crate::picture::Shrink;
use crate::video;

/// Writes a list, whole or not at all.
#[derive(Args)]
pub(super) struct Arguments {
    /// The files whose hashes go on the list.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where the list is written. If it is there already, its entries are kept and its version grows by one.
    #[arg(long)]
    out: PathBuf,
    /// What the list is called; needed for a new one.
    #[arg(long)]
    name: Option<String>,
    /// Who answers for the list; needed for a new one.
    #[arg(long)]
    source: Option<String>,
    /// Who adds these entries.
    #[arg(long, value_name = "WHO")]
    added_by: String,
    /// Which hashes are taken of each file.
    #[arg(long, value_delimiter = ',', default_value = "pdq")]
    kinds: Vec<Kind>,
    /// The files are not videos but the hashes of their frames, as `hash vpdq` and Meta's tools write them.
    #[arg(long)]
    features: bool,
    /// The moment that is noted, like 2026-11-24T09:30:00Z; now, when not given.
    #[arg(long, value_parser = parse_instant)]
    at: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Kind {
    Pdq,
    Vpdq,
    Md5,
    Sha1,
    Sha256,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let at = arguments.at.unwrap_or_else(now);
    let (header, mut entries) = base(arguments, at)?;
    let listed_before: BTreeSet<Box<str>> = entries.iter().map(|entry| entry.id.clone()).collect();
    let mut ids = listed_before.clone();
    let n_before = entries.len();
    for file in &arguments.files {
        for entry in of_file(file, arguments, at)? {
            // The id is made of the file's own bytes, so a file that is there already is not added again.
            let is_new = ids.insert(entry.id.clone());
            // Or a further frame of a video that was added just now.
            let is_frame = entry.fingerprint.kind() == known::Kind::Vpdq && !listed_before.contains(&entry.id);
            if is_new || is_frame {
                entries.push(entry);
            }
        }
    }
    let n_new = entries.len() - n_before;
    let (name, version) = (header.name.clone(), header.version);
    let list = List::new(header, entries).context("cannot make this list")?;
    write(&arguments.out, &list.to_string())?;
    eprintln!(
        "{name}, version {version}: {n_new} entries added, {} in all; sign it with `streamward list sign`",
        list.entries().len()
    );
    Ok(ExitCode::SUCCESS)
}

/// The header and the entries to begin with.
fn base(arguments: &Arguments, created: Instant) -> Result<(Header, Vec<Entry>)> {
    if arguments.out.exists() {
        let old = load(&arguments.out)?;
        let header = old.header();
        let header = Header {
            name: arguments.name.clone().unwrap_or(header.name),
            source: arguments.source.clone().unwrap_or(header.source),
            version: header.version + 1,
            created,
        };
        return Ok((header, old.entries().to_vec()));
    }
    let (Some(name), Some(source)) = (arguments.name.clone(), arguments.source.clone()) else {
        bail!(
            "cannot make the new list {}: it needs a name and a source\n  to do: add --name and --source",
            arguments.out.display()
        );
    };
    Ok((Header { name, source, version: 1, created }, Vec::new()))
}

fn of_file(file: &Path, arguments: &Arguments, added_at: Instant) -> Result<Vec<Entry>> {
    let kinds: BTreeSet<Kind> = match arguments.features {
        true => BTreeSet::from([Kind::Vpdq]),
        false => arguments.kinds.iter().copied().collect(),
    };
    let [md5, sha1, sha256] = digests(file)?.fingerprints();
    let stem = sha256.to_string()[..16].to_owned();
    let entry = |fingerprint: Fingerprint| Entry {
        id: format!("{}-{stem}", fingerprint.kind()).into(),
        fingerprint,
        added_by: arguments.added_by.as_str().into(),
        added_at,
        origin: None,
    };
    let mut entries = Vec::new();
    for kind in kinds {
        match kind {
            Kind::Pdq => entries.push(entry(pdq(file, &read(file)?)?)),
            Kind::Vpdq => entries.extend(vpdq(file, arguments.features)?.into_iter().map(&entry)),
            Kind::Md5 => entries.push(entry(md5.clone())),
            Kind::Sha1 => entries.push(entry(sha1.clone())),
            Kind::Sha256 => entries.push(entry(sha256.clone())),
        }
    }
    Ok(entries)
}

/// The frames of a video that are worth listing, each hash once.
fn vpdq(file: &Path, is_features: bool) -> Result<Vec<Fingerprint>> {
    let frames = if is_features { video::read_features(file)? } else { video::frames(file, 0.0)? };
    if let Some(why) = frames.in_part {
        bail!(
            "cannot put {} on a list: {why}\n  to do: list a whole copy, or list it by --kinds sha256",
            file.display()
        );
    }
    let video = Video::new(&frames.features, QUALITY_MIN);
    match video.hashes() {
        [] => bail!(
            "cannot put {} on a list: no frame of it has a quality of {QUALITY_MIN}\n  \
             to do: leave the file out, or list it by --kinds sha256",
            file.display()
        ),
        hashes => Ok(hashes.iter().map(|hash| Fingerprint::Vpdq(*hash)).collect()),
    }
}

fn pdq(file: &Path, bytes: &[u8]) -> Result<Fingerprint> {
    let pdq = decode(file, bytes)?.pdq(Shrink::AsMeta);
    match pdq.quality >= QUALITY_MIN {
        true => Ok(Fingerprint::Pdq(pdq.hash)),
        false => bail!(
            "cannot put {} on a list: its quality is {}, and under {QUALITY_MIN} it would match pictures that are not it\n  \
             to do: leave the file out, or list it by --kinds sha256",
            file.display(),
            pdq.quality
        ),
    }
}

/// How the names of files end that were never finished.
pub(super) const UNFINISHED: &str = ".unfinished";

/// How they begin.
pub(super) fn unfinished(out: &Path) -> String {
    format!(".{}.", out.file_name().unwrap_or_default().to_string_lossy())
}

/// Writes a file under another name first, so that the final name never holds half a list.
pub(crate) fn write(out: &Path, text: &str) -> Result<()> {
    let trouble = |error: std::io::Error| {
        anyhow!("cannot write {}: {error}\n  to do: choose a place you may write to", out.display())
    };
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file =
        tempfile::Builder::new().prefix(&unfinished(out)).suffix(UNFINISHED).tempfile_in(folder).map_err(trouble)?;
    file.write_all(text.as_bytes()).map_err(trouble)?;
    file.as_file().sync_all().map_err(trouble)?;
    file.persist(out).map_err(|error| trouble(error.error))?;
    Ok(())
}

pub(super) fn now() -> Instant {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant::from_unix_s(since.as_secs() as i64)
}

fn parse_instant(text: &str) -> Result<Instant, String> {
    text.parse().map_err(|error: known::Error| error.to_string())
}
