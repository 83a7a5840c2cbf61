//! Which banks are served now, and what do all of them together say about a hash?

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use known::bank::{FloodRule, Meaning, Rules};
use known::list::TEST_CARD;
use known::{Fingerprint, Found, Hash256, Instant};
use serde::Deserialize;

use super::shelf::Shelf;
use crate::clock::now;
use crate::list::trust::Trust;

/// Where the banks come from.
pub(super) struct Sources {
    banks: Vec<(PathBuf, Rules)>,
    trust: Trust,
    folder: PathBuf,
}

/// The file of banks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    bank: Vec<BankOfFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BankOfFile {
    list: PathBuf,
    radius_bits: Option<u32>,
    #[serde(default)]
    harmless: bool,
    enabled_permille: Option<u16>,
    flood: Option<FloodOfFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FloodOfFile {
    matches_max: u32,
    window_s: u32,
}

/// All banks, as they are asked.
pub(super) struct Catalogue {
    pub(super) shelves: Vec<Arc<Shelf>>,
    stamps: Vec<Stamp>,
    /// How each list came in.
    pub(super) taken: Vec<Taken>,
}

/// How a list came in.
#[derive(Clone)]
pub(super) struct Taken {
    /// When it was loaded.
    pub(super) at: Timestamp,
    /// Who signed it, where that was asked.
    pub(super) signed_by: Option<Vec<String>>,
}

/// A list that could not be loaded.
#[derive(Debug)]
pub(super) struct NotLoaded {
    /// Which, by its place.
    pub(super) bank: usize,
    /// Why.
    pub(super) error: anyhow::Error,
}

/// What a list and its signatures look like from outside: bytes, time, and which file it is on its disk.
///
/// Clocks of file systems tick in milliseconds: a list that is replaced twice in one tick by one of the same length is
/// told by its being another file.
type Stamp = [Option<(u64, SystemTime, u64)>; 2];

/// What was found, and where.
#[derive(Clone, Copy)]
pub(super) struct Hit {
    pub(super) bank: usize,
    pub(super) found: Found,
}

/// What all banks say about one hash.
#[derive(Default)]
pub(super) struct Said {
    /// Entries that match, by bank; none when a harmless bank is as near.
    pub(super) hits: Vec<Hit>,
    /// The harmless entry that is as near as the nearest match.
    pub(super) suppressed_by: Option<Hit>,
}

impl Sources {
    pub(super) fn read(arguments: &super::Served, data: &Path) -> Result<Sources> {
        let plain =
            Rules { radius_bits: arguments.radius, meaning: Meaning::Known, enabled_permille: 1000, flood: None };
        let mut banks: Vec<(PathBuf, Rules)> = arguments.lists.iter().map(|list| (list.clone(), plain)).collect();
        if let Some(path) = &arguments.banks {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the banks in {}", path.display()))?;
            let file: File =
                toml::from_str(&text).with_context(|| format!("cannot use the banks in {}", path.display()))?;
            banks.extend(file.bank.into_iter().map(|bank| {
                let rules = Rules {
                    radius_bits: bank.radius_bits.unwrap_or(plain.radius_bits),
                    meaning: if bank.harmless { Meaning::Harmless } else { Meaning::Known },
                    enabled_permille: bank.enabled_permille.unwrap_or(1000),
                    flood: bank
                        .flood
                        .map(|flood| FloodRule { n_matches_max: flood.matches_max, window_s: flood.window_s }),
                };
                (bank.list, rules)
            }));
        }
        Ok(Sources { banks, trust: arguments.trust.clone(), folder: data.join("index") })
    }

    /// How many signatures a list needs; none where nobody's is asked for.
    pub(super) fn n_signatures_needed(&self) -> Option<usize> {
        self.trust.keys.as_ref().map(|_| self.trust.need)
    }

    /// Whether the list at this place is the one that is built in.
    pub(super) fn is_built_in(&self, bank: usize) -> bool {
        self.banks[bank].0.as_os_str() == TEST_CARD
    }
}

impl Catalogue {
    /// Loads every list that is new or changed, and takes the others from `old`; all of them or an error.
    pub(super) fn load(sources: &Sources, old: Option<&Catalogue>) -> Result<Catalogue, NotLoaded> {
        let mut catalogue = Catalogue { shelves: Vec::new(), stamps: Vec::new(), taken: Vec::new() };
        for bank in 0..sources.banks.len() {
            catalogue.add(sources, bank, old).map_err(|error| NotLoaded { bank, error })?;
        }
        Ok(catalogue)
    }

    fn add(&mut self, sources: &Sources, bank: usize, old: Option<&Catalogue>) -> Result<()> {
        let (path, rules) = &sources.banks[bank];
        // Taken before the list is read: a change meanwhile is seen the next time.
        let stamp = stamp(path);
        let (shelf, taken) = match old.map(|old| (&old.shelves[bank], &old.stamps[bank], &old.taken[bank])) {
            Some((shelf, known, taken)) if *known == stamp => (Arc::clone(shelf), taken.clone()),
            Some((shelf, ..)) => {
                let trusted = sources.trust.read(path)?;
                let list = &trusted.list;
                let shelf = match (list.name() == shelf.header.name, list.version() < shelf.header.version) {
                    (true, true) => bail!(
                        "{} is older than what is served: version {} after version {}\n  to do: put the later one back",
                        path.display(),
                        list.version(),
                        shelf.header.version
                    ),
                    (true, false) => Arc::new(shelf.next(list, *rules)?),
                    (false, _) => bail!(
                        "{} is another list: \"{}\" where \"{}\" was\n  to do: start the service again to serve it",
                        path.display(),
                        list.name(),
                        shelf.header.name
                    ),
                };
                (shelf, Taken { at: now(), signed_by: trusted.signed_by })
            }
            None => {
                let trusted = sources.trust.read(path)?;
                let shelf = Shelf::new(&trusted.list, &trusted.sha256, *rules, &sources.folder)?;
                (Arc::new(shelf), Taken { at: now(), signed_by: trusted.signed_by })
            }
        };
        if let Some(other) = self.shelves.iter().find(|other| other.header.name == shelf.header.name) {
            bail!("two lists are called \"{}\"\n  to do: serve each list once", other.header.name);
        }
        self.shelves.push(shelf);
        self.stamps.push(stamp);
        self.taken.push(taken);
        Ok(())
    }

    /// Whether a list looks other than when it was loaded.
    pub(super) fn is_outdated(&self, sources: &Sources) -> bool {
        sources.banks.iter().zip(&self.stamps).any(|((path, _), known)| stamp(path) != *known)
    }

    /// For each hash, what matches; a bank that suppresses leaves nothing.
    pub(super) fn ask(&self, hashes: &[Hash256], now: Instant) -> Vec<Said> {
        let mut said: Vec<Said> = hashes.iter().map(|_| Said::default()).collect();
        let mut harmless: Vec<Option<Hit>> = vec![None; hashes.len()];
        for (bank, shelf) in self.shelves.iter().enumerate() {
            let rules = shelf.rules();
            for (i, found) in shelf.near(hashes, rules.radius_bits, now).into_iter().enumerate() {
                match rules.meaning {
                    Meaning::Known => said[i].hits.extend(found.into_iter().map(|found| Hit { bank, found })),
                    Meaning::Harmless => {
                        let nearest = found.first().map(|&found| Hit { bank, found });
                        harmless[i] = harmless[i].into_iter().chain(nearest).min_by_key(|hit| hit.found.distance_bits);
                    }
                }
            }
        }
        for (said, harmless) in said.iter_mut().zip(harmless) {
            let nearest = said.hits.iter().map(|hit| hit.found.distance_bits).min();
            if let (Some(nearest), Some(by)) = (nearest, harmless)
                && by.found.distance_bits <= nearest
            {
                said.hits.clear();
                said.suppressed_by = Some(by);
            }
            self.count(&said.hits, now);
        }
        said
    }

    /// What matches a file's digest.
    pub(super) fn ask_digest(&self, fingerprint: &Fingerprint, now: Instant) -> Said {
        let all = self.shelves.iter().enumerate();
        let hits = all.filter_map(|(bank, shelf)| {
            Some((shelf.rules().meaning, Hit { bank, found: shelf.digest(fingerprint, now)? }))
        });
        let (known, harmless): (Vec<_>, Vec<_>) = hits.partition(|(meaning, _)| *meaning == Meaning::Known);
        let mut said = Said { hits: known.into_iter().map(|(_, hit)| hit).collect(), suppressed_by: None };
        if let (false, Some((_, by))) = (said.hits.is_empty(), harmless.first()) {
            said = Said { hits: Vec::new(), suppressed_by: Some(*by) };
        }
        self.count(&said.hits, now);
        said
    }

    /// Takes note of matches, so that an entry that matches a flood is set aside.
    fn count(&self, hits: &[Hit], now: Instant) {
        for hit in hits {
            let shelf = &self.shelves[hit.bank];
            let mut bank = shelf.bank();
            if bank.rules().flood.is_some() && bank.record_match(hit.found.number, now) {
                eprintln!(
                    "an entry of the list {} matches a flood and is set aside until a person releases it",
                    shelf.header.name
                );
            }
        }
    }

    pub(super) fn bank(&self, name: &str) -> Option<&Arc<Shelf>> {
        self.shelves.iter().find(|shelf| shelf.header.name == name)
    }

    pub(super) fn n_hashes(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.index.len()).sum()
    }
}

fn stamp(list: &Path) -> Stamp {
    if list.as_os_str() == TEST_CARD {
        return [None; 2];
    }
    let of = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.len(), metadata.modified().ok()?, file_number(&metadata)))
    };
    let mut signatures = list.as_os_str().to_owned();
    signatures.push(".sig");
    [of(list), of(Path::new(&signatures))]
}

#[cfg(unix)]
fn file_number(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn file_number(_: &std::fs::Metadata) -> u64 {
    0
}
