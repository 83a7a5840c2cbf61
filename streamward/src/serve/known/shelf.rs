//! What does one list hold that is served, and what changes when a later version of it comes?
//!
//! Entries keep their numbers from version to version, so that what was found, disabled or set aside stays the same
//! entry; a later version inserts and removes, and the index is not built again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use known::bank::{Bank, Rules};
use known::list::Header;
use known::{Fingerprint, Found, Hash256, Index, Instant, List};

use super::snapshot;

/// Changes after which the index is built anew.
const N_PENDING_MAX: usize = 20_000;
/// From so many hashes on, the index is kept in a file.
const N_SNAPSHOT: usize = 100_000;

/// One list as a bank.
pub(super) struct Shelf {
    pub(super) header: Header,
    pub(super) index: Index,
    /// The entry's id, for each number of the index.
    ids: Vec<Box<str>>,
    /// The entry's id, for each file that is known by a digest.
    digests: HashMap<Fingerprint, u32>,
    digest_ids: HashMap<u32, Box<str>>,
    pub(super) n_entries: usize,
    bank: Mutex<Bank>,
}

/// Digests are numbered from here, so that no number means two entries.
const DIGESTS_FROM: u32 = 1 << 31;

impl Shelf {
    /// A list that is served for the first time. `folder` keeps the index of a large one.
    pub(super) fn new(list: &List, sha256: &[u8; 32], rules: Rules, folder: &Path) -> Result<Shelf> {
        let (hashes, ids): (Vec<Hash256>, Vec<Box<str>>) =
            pictures(list).map(|(id, hash)| (hash, Box::from(id))).unzip();
        let index = match hashes.len() >= N_SNAPSHOT {
            true => snapshot::open_or_build(folder, sha256, &hashes)?,
            false => Index::build(hashes.into_iter())?,
        };
        let mut shelf = Shelf {
            header: list.header(),
            index,
            ids,
            digests: HashMap::new(),
            digest_ids: HashMap::new(),
            n_entries: list.entries().len(),
            bank: Mutex::new(Bank::new(list.name(), rules)),
        };
        shelf.take_digests(list, None);
        Ok(shelf)
    }

    /// A later version of what is served already.
    pub(super) fn next(&self, list: &List, rules: Rules) -> Result<Shelf> {
        let mut gone: HashMap<(&str, Hash256), u32> = HashMap::with_capacity(self.ids.len());
        for (number, id) in (0..).zip(&self.ids) {
            gone.extend(self.index.hash(number).map(|hash| ((&**id, hash), number)));
        }
        let (mut index, mut ids) = (self.index.clone(), self.ids.clone());
        for (id, hash) in pictures(list) {
            if gone.remove(&(id, hash)).is_none() {
                index.insert(hash)?;
                ids.push(id.into());
            }
        }
        for number in gone.into_values() {
            index.remove(number);
        }
        if index.n_pending() > N_PENDING_MAX {
            index = index.compacted();
        }
        // The rules may have changed; what a person decided about entries stays.
        let bank = self.bank().with_rules(rules);
        let mut shelf = Shelf {
            header: list.header(),
            index,
            ids,
            digests: HashMap::new(),
            digest_ids: HashMap::new(),
            n_entries: list.entries().len(),
            bank: Mutex::new(bank),
        };
        shelf.take_digests(list, Some(self));
        Ok(shelf)
    }

    fn take_digests(&mut self, list: &List, before: Option<&Shelf>) {
        let mut next = before.and_then(|before| before.digest_ids.keys().max()).map_or(DIGESTS_FROM, |last| last + 1);
        for entry in list.entries() {
            let is_digest =
                matches!(entry.fingerprint, Fingerprint::Md5(_) | Fingerprint::Sha1(_) | Fingerprint::Sha256(_));
            if !is_digest || self.digests.contains_key(&entry.fingerprint) {
                continue;
            }
            let known =
                before.and_then(|before| before.digests.get(&entry.fingerprint).map(|number| (before, *number)));
            let number = match known {
                Some((before, number)) if before.id(number) == &*entry.id => number,
                _ => {
                    next += 1;
                    next - 1
                }
            };
            self.digests.insert(entry.fingerprint.clone(), number);
            self.digest_ids.insert(number, entry.id.clone());
        }
    }

    /// How near is near enough here.
    pub(super) fn rules(&self) -> Rules {
        *self.bank().rules()
    }

    pub(super) fn bank(&self) -> MutexGuard<'_, Bank> {
        self.bank.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For each hash, what is near and counts, nearest first.
    pub(super) fn near(&self, hashes: &[Hash256], radius: u32, now: Instant) -> Vec<Vec<Found>> {
        let mut found = self.index.query_batch(hashes, radius);
        if found.iter().any(|found| !found.is_empty()) {
            let bank = self.bank();
            for found in &mut found {
                found.retain(|found| {
                    self.index.hash(found.number).is_some_and(|hash| bank.counts(*found, &hash, now).is_ok())
                });
            }
        }
        found
    }

    /// What is near, whatever the bank's rules say of it.
    pub(super) fn near_raw(&self, hash: &Hash256, radius: u32) -> Vec<Found> {
        self.index.query(hash, radius)
    }

    /// The entry with this digest, if it counts.
    pub(super) fn digest(&self, fingerprint: &Fingerprint, now: Instant) -> Option<Found> {
        let found = Found { distance_bits: 0, number: *self.digests.get(fingerprint)? };
        // The share in use is told by a hash of 256 bits; a digest's own bytes begin one.
        let mut hash = Hash256::default();
        hash.0.iter_mut().zip(fingerprint.bytes()).for_each(|(to, from)| *to = *from);
        self.bank().counts(found, &hash, now).is_ok().then_some(found)
    }

    /// The list's name for what was found.
    pub(super) fn id(&self, number: u32) -> &str {
        let id = match number >= DIGESTS_FROM {
            true => self.digest_ids.get(&number),
            false => self.ids.get(number as usize),
        };
        id.map_or("", |id| id)
    }

    /// Every number of the entry with this id; the frames of a video have several.
    pub(super) fn numbers(&self, id: &str) -> Vec<u32> {
        let pictures = (0..).zip(&self.ids).filter(|(_, known)| ***known == *id).map(|(number, _)| number);
        let pictures = pictures.filter(|number| self.index.hash(*number).is_some());
        pictures.chain(self.digest_ids.iter().filter(|(_, known)| ***known == *id).map(|(number, _)| *number)).collect()
    }
}

/// The pictures and frames of a list.
fn pictures(list: &List) -> impl Iterator<Item = (&str, Hash256)> {
    list.entries().iter().filter_map(|entry| match entry.fingerprint {
        Fingerprint::Pdq(hash) | Fingerprint::Vpdq(hash) => Some((&*entry.id, hash)),
        Fingerprint::Md5(_) | Fingerprint::Sha1(_) | Fingerprint::Sha256(_) | Fingerprint::PhotoDna(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use known::bank::Meaning;

    use super::*;

    fn list(version: u64, entries: &[(&str, u8)]) -> List {
        let lines: String = entries
            .iter()
            .map(|(id, byte)| format!("{}\tpdq\t{id}\tus\t2026-11-24\t-\t-\n", Hash256([*byte; 32])))
            .collect();
        let md5 = format!("{}\tmd5\tm{version}\tus\t2026-11-24\t-\t-\n", "0a".repeat(16));
        List::parse(&format!(
            "streamward list 1\nname: L\nversion: {version}\nsource: us\ncreated: 2026-11-24\n{lines}{md5}"
        ))
        .unwrap()
    }

    #[test]
    fn a_later_version_keeps_numbers_and_what_was_decided() {
        let rules = Rules { radius_bits: 31, meaning: Meaning::Known, enabled_permille: 1000, flood: None };
        let folder = tempfile::tempdir().unwrap();
        let now = Instant::from_unix_s(1_795_000_000);
        let first =
            Shelf::new(&list(1, &[("a", 0x00), ("b", 0x0f), ("c", 0xff)]), &[0; 32], rules, folder.path()).unwrap();
        let of = |shelf: &Shelf, byte: u8| shelf.near(&[Hash256([byte; 32])], 31, now).pop().unwrap();
        let c = of(&first, 0xff)[0].number;
        first.bank().disable(first.numbers("b")[0], Instant::from_unix_s(1_799_000_000));
        let second = first.next(&list(2, &[("d", 0x33), ("c", 0xff), ("b", 0x0f)]), rules).unwrap();
        assert_eq!((of(&second, 0x00), of(&second, 0x0f), second.header.version), (vec![], vec![], 2));
        assert_eq!((of(&second, 0xff)[0].number, second.id(c)), (c, "c"));
        let d = of(&second, 0x33)[0].number;
        assert_eq!(second.id(d), "d");
        assert_eq!((of(&first, 0x33), of(&first, 0x00).len()), (vec![], 1), "whoever still asks the old one");
        let digest = Fingerprint::Md5([10; 16]);
        let (before, after) = (first.digest(&digest, now).unwrap(), second.digest(&digest, now).unwrap());
        assert_ne!(before.number, after.number, "another entry has that digest now");
        assert_eq!((first.id(before.number), second.id(after.number)), ("m1", "m2"));
    }
}
