//! Which entry of which list is a file nearest to?

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use known::list::TEST_CARD;
use known::{Digester, Fingerprint, Index, List};

use super::Rule;
use crate::hash::{self, PICTURE_BYTES_MAX};
use crate::picture::{Picture, Refused, hashes_to_look_up};

/// Lists, ready to be asked.
pub(crate) struct Lists {
    lists: Vec<List>,
    /// The pictures and video frames of all lists.
    index: Index,
    /// For each number of the index: which list, which entry.
    owners: Vec<(u32, u32)>,
    digests: HashMap<Fingerprint, (u32, u32)>,
}

/// What the lists say about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Match {
        list: String,
        id: String,
        kind: String,
        distance_bits: u32,
    },
    Nothing,
    /// Its digests are on no list, and it could not be compared as a picture.
    NotCompared {
        why: String,
    },
}

impl Lists {
    /// Reads every list, or none.
    pub(crate) fn load(files: &[PathBuf]) -> Result<Lists> {
        let lists = files.iter().map(|file| load(file)).collect::<Result<Vec<List>>>()?;
        let (mut hashes, mut owners, mut digests) = (Vec::new(), Vec::new(), HashMap::new());
        for (i, list) in (0..).zip(&lists) {
            for (k, entry) in (0..).zip(list.entries()) {
                match &entry.fingerprint {
                    Fingerprint::Pdq(hash) | Fingerprint::Vpdq(hash) => {
                        hashes.push(*hash);
                        owners.push((i, k));
                    }
                    Fingerprint::Md5(_) | Fingerprint::Sha1(_) | Fingerprint::Sha256(_) => {
                        digests.entry(entry.fingerprint.clone()).or_insert((i, k));
                    }
                    // Compared only with values that a list brings; we make none from files.
                    Fingerprint::PhotoDna(_) => {}
                }
            }
        }
        Ok(Lists { lists, index: Index::build(hashes.into_iter())?, owners, digests })
    }

    /// Compares one file: by its digests, and by PDQ when it is a picture.
    pub(crate) fn verdict(&self, file: &Path, rule: &Rule) -> Result<Verdict> {
        if std::fs::metadata(file).is_ok_and(|metadata| metadata.len() > PICTURE_BYTES_MAX) {
            let of_file = self.of_digests(&hash::digests(file)?.fingerprints());
            return Ok(of_file.unwrap_or(Verdict::NotCompared { why: "it is larger than 512 MiB".into() }));
        }
        let bytes = hash::read(file)?;
        let mut digester = Digester::default();
        digester.update(&bytes);
        if let Some(verdict) = self.of_digests(&digester.finish().fingerprints()) {
            return Ok(verdict);
        }
        match Picture::decode(&bytes) {
            Ok(picture) => Ok(self.of_picture(&picture, rule)),
            Err(Refused::NotAPicture) => Ok(Verdict::Nothing),
            Err(refused) => bail!(
                "cannot compare the picture {}: {refused}\n  to do: check that the file is whole and opens in a viewer",
                file.display()
            ),
        }
    }

    fn of_digests(&self, fingerprints: &[Fingerprint]) -> Option<Verdict> {
        let owner = fingerprints.iter().find_map(|fingerprint| self.digests.get(fingerprint))?;
        Some(self.matched(*owner, 0))
    }

    fn of_picture(&self, picture: &Picture, rule: &Rule) -> Verdict {
        let hashes = hashes_to_look_up(picture, rule.quality);
        if hashes.is_empty() {
            return Verdict::NotCompared { why: format!("its quality is below {}", rule.quality) };
        }
        let found = self.index.query_batch(&hashes, rule.radius);
        match found.iter().filter_map(|found| found.first()).min() {
            Some(found) => self.matched(self.owners[found.number as usize], found.distance_bits),
            None => Verdict::Nothing,
        }
    }

    fn matched(&self, (list, entry): (u32, u32), distance_bits: u32) -> Verdict {
        let list = &self.lists[list as usize];
        let entry = &list.entries()[entry as usize];
        let kind = entry.fingerprint.kind().to_string();
        Verdict::Match { list: list.name().into(), id: entry.id.to_string(), kind, distance_bits }
    }
}

/// Reads one list, whole or not at all; `test-card` is the built-in one, and `./test-card` a file of that name.
pub(crate) fn load(file: &Path) -> Result<List> {
    if file.as_os_str() == TEST_CARD {
        return Ok(List::test_card());
    }
    let trouble = |what: String| {
        anyhow!(
            "cannot read the hash list {}, {what}\n  \
             to do: ask the sender for the file again; nothing from it has been loaded",
            file.display()
        )
    };
    let open = File::open(file).map_err(|error| trouble(error.to_string()))?;
    // A directory opens on some systems and fails only when it is read.
    let mut reader = BufReader::with_capacity(1 << 20, open);
    List::read(reader.by_ref()).map_err(|error| trouble(error.to_string()))
}
