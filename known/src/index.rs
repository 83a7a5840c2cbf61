//! Which known hashes are near this one?
//!
//! The answer is exact: every hash within the radius is found, none is guessed, whatever the radius.
//! Few hashes are compared one by one, many at a time in wide registers (`scan.rs`).
//! Many hashes are looked up by their parts (`tables.rs`): two hashes that differ in few bits
//! have at least one part in which they differ in hardly any.
//! Which of the two is cheaper is decided for each question, so codes that crowd together cost no more than a scan.
//!
//! Entries are numbered in the order they come, and a number stays with its entry for ever.
//! The bulk is immutable and shared; what was inserted or removed since lies beside it.
//! A clone shares everything, so that a writer changes its own copy and publishes it while readers go on.

mod plan;
mod scan;
mod segment;
mod snapshot;
mod tables;

use std::sync::Arc;

use crate::{Error, Hash256};
use segment::Segment;
pub use snapshot::Snapshot;

/// Hashes that can be searched by distance.
#[derive(Clone)]
pub struct Index {
    bulk: Arc<Segment>,
    /// Hashes inserted since, in blocks that clones share.
    recent: Vec<Arc<Vec<[u64; 4]>>>,
    removed: Removed,
    n_removed: usize,
    /// Removed entries that the bulk already leaves out.
    n_removed_in_bulk: usize,
}

/// A known hash within the radius.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Found {
    /// How far away, `0..=256`.
    pub distance_bits: u32,
    /// Which entry: its place in the order of insertion, from 0.
    pub number: u32,
}

/// Inserted hashes in one block.
const RECENT_BLOCK: usize = 1024;

/// Looking into one bucket or at one hash in a random place takes as long as scanning so many hashes in a row.
const SCANNED_PER_PROBE: usize = 4;

impl Index {
    /// The most entries, removed ones included: what a snapshot can number.
    pub const ENTRIES_MAX: usize = 250_000_000;

    /// Indexes `hashes`, which get the numbers 0, 1, 2 and so on.
    ///
    /// Takes 32 bytes for each hash, and from 4,096 hashes on also tables:
    /// near 1 million 100 bytes for each, near 10 million 91.
    ///
    /// # Errors
    /// [`Error::TooManyHashes`] above [`Index::ENTRIES_MAX`].
    pub fn build(hashes: impl ExactSizeIterator<Item = Hash256>) -> Result<Index, Error> {
        let n_tables = plan::n_tables(hashes.len());
        Index::build_with(hashes, n_tables)
    }

    fn build_with(hashes: impl ExactSizeIterator<Item = Hash256>, n_tables: usize) -> Result<Index, Error> {
        if hashes.len() > Self::ENTRIES_MAX {
            return Err(Error::TooManyHashes { n: hashes.len(), n_max: Self::ENTRIES_MAX });
        }
        let codes = hashes.map(|hash| hash.words());
        let removed = Removed::default();
        Ok(Index::of_bulk(Segment::build(codes, &removed, n_tables), removed))
    }

    fn of_bulk(bulk: Segment, removed: Removed) -> Index {
        let n_removed = removed.count();
        Index { bulk: Arc::new(bulk), recent: Vec::new(), removed, n_removed, n_removed_in_bulk: n_removed }
    }

    /// How many hashes can be found.
    pub fn len(&self) -> usize {
        self.n_numbered() - self.n_removed
    }

    /// Whether nothing can be found.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries were inserted or removed since the bulk was built; each inserted one makes a search slower,
    /// by about 5 ns. [`Index::compacted`] brings this to 0.
    pub fn n_pending(&self) -> usize {
        self.n_recent() + self.n_removed - self.n_removed_in_bulk
    }

    /// Every hash at most `radius` bits away, the nearest first, equally near ones by number.
    pub fn query(&self, hash: &Hash256, radius: u32) -> Vec<Found> {
        self.query_batch(std::slice::from_ref(hash), radius).pop().unwrap_or_default()
    }

    /// As [`Index::query`] for each of `hashes`, in their order; cheaper than asking one by one.
    pub fn query_batch(&self, hashes: &[Hash256], radius: u32) -> Vec<Vec<Found>> {
        self.query_with(hashes, radius, self.bulk.codes().len() / SCANNED_PER_PROBE)
    }

    /// `n_affordable` is how many random places may be looked at before a scan is cheaper.
    fn query_with(&self, hashes: &[Hash256], radius: u32, n_affordable: usize) -> Vec<Vec<Found>> {
        let needles: Vec<[u64; 4]> = hashes.iter().map(Hash256::words).collect();
        let mut found: Vec<Vec<Found>> = vec![Vec::new(); needles.len()];
        let unanswered = match self.bulk.tables() {
            Some(tables) => tables.search(self.bulk.codes(), &needles, radius, n_affordable, &mut found),
            None => (0..needles.len()).collect(),
        };
        scan_some(self.bulk.codes(), 0, &needles, &unanswered, radius, &mut found);
        let all: Vec<usize> = (0..needles.len()).collect();
        let mut first = self.bulk.codes().len();
        for block in &self.recent {
            scan_some(block, first, &needles, &all, radius, &mut found);
            first += block.len();
        }
        for found in &mut found {
            found.retain(|found| !self.removed.contains(found.number));
            found.sort_unstable();
            found.dedup();
        }
        found
    }

    /// Adds a hash, which the next search finds, and returns its number.
    ///
    /// # Errors
    /// [`Error::TooManyHashes`] above [`Index::ENTRIES_MAX`].
    pub fn insert(&mut self, hash: Hash256) -> Result<u32, Error> {
        let number = self.n_numbered();
        if number >= Self::ENTRIES_MAX {
            return Err(Error::TooManyHashes { n: number + 1, n_max: Self::ENTRIES_MAX });
        }
        match self.recent.last_mut() {
            Some(block) if block.len() < RECENT_BLOCK => Arc::make_mut(block).push(hash.words()),
            _ => self.recent.push(Arc::new(vec![hash.words()])),
        }
        Ok(number as u32)
    }

    /// Takes the entry with this number out, so that no search finds it; false when it was not there.
    pub fn remove(&mut self, number: u32) -> bool {
        let is_there = (number as usize) < self.n_numbered() && self.removed.insert(number);
        self.n_removed += usize::from(is_there);
        is_there
    }

    /// The hash with this number; `None` when it was removed or never there.
    pub fn hash(&self, number: u32) -> Option<Hash256> {
        let n_bulk = self.bulk.codes().len();
        let code = match (number as usize).checked_sub(n_bulk) {
            None => self.bulk.codes().get(number as usize),
            Some(recent) => self.recent.get(recent / RECENT_BLOCK).and_then(|block| block.get(recent % RECENT_BLOCK)),
        };
        code.filter(|_| !self.removed.contains(number)).map(|&code| Hash256::from_words(code))
    }

    /// The same entries under the same numbers, with nothing pending; takes as long as building.
    pub fn compacted(&self) -> Index {
        let codes = self.bulk.codes().iter().chain(self.recent.iter().flat_map(|block| block.iter())).copied();
        let n_tables = plan::n_tables(self.n_numbered());
        let removed = self.removed.clone();
        Index::of_bulk(Segment::build_n(self.n_numbered(), codes, &removed, n_tables), removed)
    }

    /// The bytes that [`Index::open`] reads, to be written one part after the other; `None` while changes are pending.
    pub fn snapshot(&self) -> Option<Snapshot<'_>> {
        (self.n_pending() == 0).then(|| Snapshot::of(&self.bulk))
    }

    /// Searches in a snapshot where it lies, as in a memory map; `bytes` must begin at a multiple of 64.
    ///
    /// Reads everything once to check it.
    ///
    /// # Errors
    /// [`Error::Snapshot`] when it is cut short, was changed, is of a version this program does not know,
    /// or does not begin at a multiple of 64.
    pub fn open(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Index, Error> {
        let bulk = snapshot::open(Arc::new(bytes)).map_err(Error::Snapshot)?;
        let removed = Removed::from_words(bulk.removed());
        Ok(Index::of_bulk(bulk, removed))
    }

    fn n_recent(&self) -> usize {
        self.recent.iter().map(|block| block.len()).sum()
    }

    fn n_numbered(&self) -> usize {
        self.bulk.codes().len() + self.n_recent()
    }
}

fn scan_some(
    codes: &[[u64; 4]],
    first: usize,
    needles: &[[u64; 4]],
    asked: &[usize],
    radius: u32,
    found: &mut [Vec<Found>],
) {
    let chosen: Vec<[u64; 4]> = asked.iter().map(|&i| needles[i]).collect();
    for hit in scan::scan(codes, &chosen, radius) {
        let number = (first + hit.code) as u32;
        found[asked[hit.needle]].push(Found { distance_bits: hit.distance_bits, number });
    }
}

/// Which numbers were removed: one bit each, in pages that clones share.
#[derive(Clone, Default)]
struct Removed {
    pages: Vec<Option<Arc<[u64; PAGE_WORDS]>>>,
}

const PAGE_WORDS: usize = 512;

impl Removed {
    fn from_words(words: &[u64]) -> Removed {
        let page = |words: &[u64]| {
            let mut page = [0; PAGE_WORDS];
            page[..words.len()].copy_from_slice(words);
            words.iter().any(|word| *word != 0).then(|| Arc::new(page))
        };
        Removed { pages: words.chunks(PAGE_WORDS).map(page).collect() }
    }

    fn contains(&self, number: u32) -> bool {
        let (page, word, bit) = Self::place(number);
        matches!(self.pages.get(page), Some(Some(words)) if words[word] >> bit & 1 == 1)
    }

    fn insert(&mut self, number: u32) -> bool {
        let (page, word, bit) = Self::place(number);
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        let words = self.pages[page].get_or_insert_with(|| Arc::new([0; PAGE_WORDS]));
        let is_new = words[word] >> bit & 1 == 0;
        Arc::make_mut(words)[word] |= 1 << bit;
        is_new
    }

    fn count(&self) -> usize {
        let words = self.pages.iter().flatten().flat_map(|words| words.iter());
        words.map(|word| word.count_ones() as usize).sum()
    }

    /// Bits 64 `word` to 64 `word` + 63.
    fn word(&self, word: usize) -> u64 {
        match self.pages.get(word / PAGE_WORDS) {
            Some(Some(words)) => words[word % PAGE_WORDS],
            _ => 0,
        }
    }

    fn place(number: u32) -> (usize, usize, u32) {
        (number as usize / (PAGE_WORDS * 64), number as usize / 64 % PAGE_WORDS, number % 64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hashes that crowd together as those of flat and near-identical pictures do: few of the bits ever vary.
    fn crowd() -> impl Strategy<Value = Vec<Hash256>> {
        let random = prop::collection::vec(any::<[u8; 32]>().prop_map(Hash256), 0..200);
        let near = (any::<[u8; 32]>(), prop::collection::vec(prop::collection::vec(0usize..256, 0..60), 0..200));
        let near = near.prop_map(|(centre, flips)| flips.iter().map(|flips| flipped(Hash256(centre), flips)).collect());
        let sparse = prop::collection::vec(prop::collection::vec(0usize..256, 0..4), 0..200);
        let sparse = sparse.prop_map(|flips| flips.iter().map(|flips| flipped(Hash256::default(), flips)).collect());
        prop_oneof![random, near, sparse]
    }

    fn flipped(mut hash: Hash256, bits: &[usize]) -> Hash256 {
        bits.iter().for_each(|bit| hash.0[bit / 8] ^= 1 << (bit % 8));
        hash
    }

    fn brute_force(hashes: &[Option<Hash256>], needle: &Hash256, radius: u32) -> Vec<Found> {
        let numbered = hashes.iter().enumerate().filter_map(|(i, hash)| hash.map(|hash| (i as u32, hash)));
        let found = numbered.map(|(number, hash)| Found { distance_bits: hash.distance_bits(needle), number });
        let mut found: Vec<Found> = found.filter(|found| found.distance_bits <= radius).collect();
        found.sort();
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn every_hash_within_the_radius_is_found_and_no_other(
            hashes in crowd(),
            later in crowd(),
            gone in prop::collection::vec(0usize..400, 0..20),
            flips in prop::collection::vec(0usize..256, 0..40),
            pick: prop::sample::Index,
            radius in prop_oneof![0u32..=64, Just(31), 0u32..=256],
            n_tables in prop_oneof![Just(0), Just(16), Just(23), Just(32), Just(40)],
        ) {
            let mut index = Index::build_with(hashes.iter().copied(), n_tables).unwrap();
            let mut expected: Vec<Option<Hash256>> = hashes.iter().copied().map(Some).collect();
            for hash in later {
                prop_assert_eq!(index.insert(hash).unwrap() as usize, expected.len());
                expected.push(Some(hash));
            }
            for number in gone {
                let was_there = expected.get_mut(number).is_some_and(|hash| hash.take().is_some());
                prop_assert_eq!(index.remove(number as u32), was_there);
            }
            let near = if expected.is_empty() { None } else { expected[pick.index(expected.len())] };
            let needles = [flipped(near.unwrap_or_default(), &flips), Hash256::default(), Hash256([0xff; 32])];
            let compacted = index.compacted();
            for index in [&index, &compacted] {
                prop_assert_eq!(index.len(), expected.iter().flatten().count());
                for n_affordable in [0, 700, usize::MAX] {
                    for (needle, found) in needles.iter().zip(index.query_with(&needles, radius, n_affordable)) {
                        prop_assert_eq!(&found, &brute_force(&expected, needle, radius));
                    }
                }
            }
            prop_assert_eq!(compacted.n_pending(), 0);
            for (number, hash) in expected.iter().enumerate() {
                prop_assert_eq!(compacted.hash(number as u32), *hash);
            }
        }
    }

    #[test]
    fn a_clone_does_not_see_what_is_inserted_or_removed_later() {
        let hashes: Vec<Hash256> = (0..100).map(|i| Hash256([i; 32])).collect();
        let mut writer = Index::build(hashes.into_iter()).unwrap();
        let number = writer.insert(Hash256([200; 32])).unwrap();
        let reader = writer.clone();
        writer.insert(Hash256([201; 32])).unwrap();
        writer.remove(number);
        assert_eq!(reader.query(&Hash256([200; 32]), 0), [Found { distance_bits: 0, number }]);
        assert_eq!(reader.query(&Hash256([201; 32]), 0), []);
        assert_eq!(writer.query(&Hash256([200; 32]), 0), []);
        assert_eq!((reader.len(), writer.len()), (101, 101));
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        let index = Index::build(std::iter::empty::<Hash256>()).unwrap();
        assert!(index.is_empty());
        assert_eq!(index.query(&Hash256::default(), 256), []);
        assert_eq!(index.query_batch(&[], 256), Vec::<Vec<Found>>::new());
    }
}
