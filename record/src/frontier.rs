//! What must be kept of a record to go on writing it?
//!
//! Only the roots of its complete subtrees, one for each bit of its size: at most 64 hashes, however long the record is.
//! Proofs need more: the [`Tree`](crate::Tree), or the [`subtree`](crate::subtree)s that each of them names.

use crate::subtree::join;
use crate::{Error, Hash};

/// The end of a record: what a writer keeps between two entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    n_entries: u64,
    /// Roots of the complete subtrees, the largest first.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The end of a record without entries.
    pub fn new() -> Frontier {
        Frontier::default()
    }

    /// The end of a record of `n_entries` entries, as [`Frontier::peaks`] gave it.
    ///
    /// # Errors
    /// [`Error::ProofLength`] when a record of this size has another number of peaks.
    pub fn from_peaks(n_entries: u64, peaks: Vec<Hash>) -> Result<Frontier, Error> {
        match peaks.len() == n_entries.count_ones() as usize {
            true => Ok(Frontier { n_entries, peaks }),
            false => Err(Error::ProofLength { n_hashes: peaks.len() }),
        }
    }

    /// How many entries the record has.
    pub fn n_entries(&self) -> u64 {
        self.n_entries
    }

    /// The roots of the complete subtrees, the largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends an entry of which only the hash is at hand, and returns its index, from 0.
    pub fn append_hash(&mut self, entry: Hash) -> u64 {
        let index = self.n_entries;
        let mut carried = entry;
        // As in binary counting: each trailing one of the old size is a subtree that the new entry completes.
        for _ in 0..index.trailing_ones() {
            let left = self.peaks.pop().expect("there is a peak for each bit of the size");
            carried = Hash::of_pair(left, carried);
        }
        self.peaks.push(carried);
        self.n_entries += 1;
        index
    }

    /// The root of all entries.
    pub fn root(&self) -> Hash {
        join(self.peaks.iter().rev().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tree;

    #[test]
    fn it_has_the_root_of_the_tree_at_every_size_also_when_it_was_put_away() {
        let (mut tree, mut frontier) = (Tree::new(), Frontier::new());
        assert_eq!(frontier.root(), tree.root());
        for entry in 0..300u32 {
            let entry = Hash::of_entry(&entry.to_le_bytes());
            assert_eq!(frontier.append_hash(entry), tree.append_hash(entry));
            assert_eq!(frontier.root(), tree.root());
            frontier = Frontier::from_peaks(frontier.n_entries(), frontier.peaks().to_vec()).unwrap();
        }
    }

    #[test]
    fn peaks_of_another_size_are_refused() {
        assert_eq!(Frontier::from_peaks(3, vec![Hash::of_nothing()]), Err(Error::ProofLength { n_hashes: 1 }));
    }
}
