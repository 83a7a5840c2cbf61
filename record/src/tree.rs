//! How do entries make a record in which one changed bit is found?
//!
//! Source: RFC 6962 §2.1 and RFC 9162 §2.1. The hash of every complete subtree is kept, 64 bytes an entry in all, so that
//! appending costs two hashes on average and a root or a proof at any earlier size costs at most two for each level.

use std::ops::Range;

use crate::{Error, Hash, subtree};

/// A record that only grows. It holds hashes; the entries themselves stay with whoever stores them.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// `levels[l][i]` is the hash of entries `i << l .. (i + 1) << l`.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// A record without entries.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// How many entries it has.
    pub fn n_entries(&self) -> u64 {
        self.levels.first().map_or(0, |entries| entries.len() as u64)
    }

    /// Appends an entry and returns its index, from 0.
    pub fn append(&mut self, entry: &[u8]) -> u64 {
        self.append_hash(Hash::of_entry(entry))
    }

    /// Appends an entry of which only the hash is at hand, and returns its index, from 0.
    pub fn append_hash(&mut self, entry: Hash) -> u64 {
        let index = self.n_entries();
        let mut carried = entry;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(carried);
            match row.as_slice() {
                [.., left, right] if row.len().is_multiple_of(2) => carried = Hash::of_pair(*left, *right),
                _ => break,
            }
        }
        index
    }

    /// The hash of entry `index`, if there is one.
    pub fn entry(&self, index: u64) -> Option<Hash> {
        self.levels.first()?.get(usize::try_from(index).ok()?).copied()
    }

    /// The root of all entries.
    pub fn root(&self) -> Hash {
        self.root_of(0..self.n_entries())
    }

    /// The root as it was when there were `n_entries` entries.
    ///
    /// # Errors
    /// [`Error::TooShort`] when there have never been that many.
    pub fn root_at(&self, n_entries: u64) -> Result<Hash, Error> {
        self.reaches(n_entries)?;
        Ok(self.root_of(0..n_entries))
    }

    /// The hashes that lead from entry `index` to the root of the first `n_entries`, from the bottom up.
    ///
    /// # Errors
    /// [`Error::TooShort`] when there have never been that many entries; [`Error::Range`] when `index` is not among them.
    ///
    /// # Source
    /// RFC 9162 §2.1.3.1.
    pub fn inclusion_proof(&self, index: u64, n_entries: u64) -> Result<Vec<Hash>, Error> {
        self.reaches(n_entries)?;
        Ok(subtree::inclusion(index, n_entries)?.into_iter().map(|range| self.root_of(range)).collect())
    }

    /// The hashes that show that the record of `after` entries begins with the record of `before` entries.
    ///
    /// # Errors
    /// [`Error::TooShort`] when there have never been `after` entries; [`Error::Range`] when `before` is 0, about which
    /// there is nothing to show, or above `after`.
    ///
    /// # Source
    /// RFC 9162 §2.1.4.1.
    pub fn consistency_proof(&self, before: u64, after: u64) -> Result<Vec<Hash>, Error> {
        self.reaches(after)?;
        Ok(subtree::consistency(before, after)?.into_iter().map(|range| self.root_of(range)).collect())
    }

    fn reaches(&self, asked: u64) -> Result<(), Error> {
        match self.n_entries() {
            n_entries if asked > n_entries => Err(Error::TooShort { n_entries, asked }),
            _ => Ok(()),
        }
    }

    /// The root of entries `range`, which starts where a subtree of its length can.
    fn root_of(&self, range: Range<u64>) -> Hash {
        subtree::join(subtree::subtrees(range).map(|of| self.levels[of.level as usize][of.number as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subtree::split;

    /// The definition in RFC 6962 §2.1, word for word.
    fn root_by_definition(entries: &[Vec<u8>]) -> Hash {
        match entries {
            [] => Hash::of_nothing(),
            [entry] => Hash::of_entry(entry),
            _ => {
                let (left, right) = entries.split_at(split(entries.len() as u64) as usize);
                Hash::of_pair(root_by_definition(left), root_by_definition(right))
            }
        }
    }

    #[test]
    fn roots_at_every_size_are_those_of_the_definition() {
        let entries: Vec<Vec<u8>> = (0..70u8).map(|i| vec![i; usize::from(i) % 5]).collect();
        let mut tree = Tree::new();
        assert_eq!(tree.root(), Hash::of_nothing());
        for (index, entry) in entries.iter().enumerate() {
            assert_eq!(tree.append(entry), index as u64);
            assert_eq!(tree.root(), root_by_definition(&entries[..=index]));
        }
        for n in 0..=entries.len() {
            assert_eq!(tree.root_at(n as u64), Ok(root_by_definition(&entries[..n])), "{n}");
        }
    }

    #[test]
    fn a_size_that_was_never_reached_is_refused() {
        let mut tree = Tree::new();
        tree.append(b"one");
        assert_eq!(tree.root_at(2), Err(Error::TooShort { n_entries: 1, asked: 2 }));
        assert_eq!(tree.inclusion_proof(0, u64::MAX), Err(Error::TooShort { n_entries: 1, asked: u64::MAX }));
        assert_eq!(tree.inclusion_proof(1, 1), Err(Error::Range { from: 1, to: 1 }));
        assert_eq!(tree.consistency_proof(0, 1), Err(Error::Range { from: 0, to: 1 }));
        assert_eq!(tree.entry(1), None);
    }
}
