//! Is this entry in the record, and does the record still begin as it did?
//!
//! The asker holds nothing but roots. Source: RFC 9162 §2.1.3.2 (inclusion) and §2.1.4.2 (consistency); subtrees as in
//! draft-ietf-plants-merkle-tree-certs, "Subtrees": a subtree starts at a multiple of its length rounded up to a power of two.

use std::ops::Range;

use crate::{Error, Hash};

/// Checks that `entry` is number `index`, from 0, of the first `n_entries` entries under `root`.
///
/// # Errors
/// [`Error::Range`] when `index` is not among them; [`Error::ProofLength`] when the proof does not fit these sizes;
/// [`Error::Root`] when it leads elsewhere.
pub fn verify_inclusion(index: u64, n_entries: u64, entry: Hash, proof: &[Hash], root: Hash) -> Result<(), Error> {
    if index >= n_entries {
        return Err(Error::Range { from: index, to: n_entries });
    }
    let mut way = Way { index, last: n_entries - 1 };
    let mut reached = entry;
    for hash in proof {
        reached = match way.step(proof)? {
            Side::Left => Hash::of_pair(*hash, reached),
            Side::Right => Hash::of_pair(reached, *hash),
        };
    }
    way.ends_at(&[(reached, root)], proof)
}

/// Checks that `entry` is number `index` of the record, by the root of the subtree of entries `subtree`.
///
/// # Errors
/// As [`verify_inclusion`]; [`Error::Range`] also when `subtree` is empty or does not start where a subtree can.
pub fn verify_subtree_inclusion(
    index: u64,
    subtree: Range<u64>,
    entry: Hash,
    proof: &[Hash],
    root: Hash,
) -> Result<(), Error> {
    let wrong = Error::Range { from: subtree.start, to: subtree.end };
    let n_entries = subtree.end.checked_sub(subtree.start).ok_or(wrong.clone())?;
    let is_subtree = n_entries.checked_next_power_of_two().is_some_and(|width| subtree.start.is_multiple_of(width));
    if !is_subtree || !subtree.contains(&index) {
        return Err(wrong);
    }
    verify_inclusion(index - subtree.start, n_entries, entry, proof, root)
}

/// Checks that the record of `after` entries under `root_after` begins with that of `before` entries under `root_before`.
///
/// # Errors
/// [`Error::Range`] when `before` is 0, about which there is nothing to show, or above `after`; [`Error::ProofLength`]
/// when the proof does not fit these sizes; [`Error::Root`] when it leads elsewhere.
pub fn verify_consistency(
    before: u64,
    after: u64,
    proof: &[Hash],
    root_before: Hash,
    root_after: Hash,
) -> Result<(), Error> {
    if before == 0 || before > after {
        return Err(Error::Range { from: before, to: after });
    }
    if before == after {
        return match (proof, root_before == root_after) {
            ([], true) => Ok(()),
            ([], false) => Err(Error::Root),
            ([_, ..], _) => Err(Error::ProofLength { n_hashes: proof.len() }),
        };
    }
    let mut way = Way { index: before - 1, last: after - 1 };
    way.climb(way.index.trailing_ones());
    // The earlier record is one complete subtree: it is where the way begins, and the proof need not repeat it.
    let (first, rest) = match (before.is_power_of_two(), proof) {
        (true, rest) => (root_before, rest),
        (false, [first, rest @ ..]) => (*first, rest),
        (false, []) => return Err(Error::ProofLength { n_hashes: 0 }),
    };
    let (mut reached_before, mut reached_after) = (first, first);
    for hash in rest {
        match way.step(proof)? {
            Side::Left => {
                reached_before = Hash::of_pair(*hash, reached_before);
                reached_after = Hash::of_pair(*hash, reached_after);
            }
            Side::Right => reached_after = Hash::of_pair(reached_after, *hash),
        }
    }
    way.ends_at(&[(reached_before, root_before), (reached_after, root_after)], proof)
}

/// Where we are on the way from an entry up to the root: its number on this level, and the number of the last one.
struct Way {
    index: u64,
    last: u64,
}

enum Side {
    Left,
    Right,
}

impl Way {
    fn climb(&mut self, n_levels: u32) {
        self.index = self.index.checked_shr(n_levels).unwrap_or(0);
        self.last = self.last.checked_shr(n_levels).unwrap_or(0);
    }

    /// Goes up past the next neighbour and says on which side it stands.
    fn step(&mut self, proof: &[Hash]) -> Result<Side, Error> {
        if self.last == 0 {
            return Err(Error::ProofLength { n_hashes: proof.len() });
        }
        if self.index.is_multiple_of(2) && self.index < self.last {
            self.climb(1);
            return Ok(Side::Right);
        }
        // The last one of a level has no neighbour on the right: it rises until it is a right one itself.
        if self.index.is_multiple_of(2) {
            self.climb(self.index.trailing_zeros().min(u64::BITS - 1));
        }
        self.climb(1);
        Ok(Side::Left)
    }

    fn ends_at(&self, pairs: &[(Hash, Hash)], proof: &[Hash]) -> Result<(), Error> {
        match self.last {
            0 if pairs.iter().all(|(reached, root)| reached == root) => Ok(()),
            0 => Err(Error::Root),
            _ => Err(Error::ProofLength { n_hashes: proof.len() }),
        }
    }
}
