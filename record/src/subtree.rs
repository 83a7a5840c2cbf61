//! Which complete subtrees make a root or a proof?
//!
//! Whoever keeps hashes of complete subtrees, in memory or in a table, needs only these few of them: at most two for
//! each level. Source: RFC 6962 §2.1 and RFC 9162 §2.1.

use std::ops::Range;

use crate::{Error, Hash};

/// A complete subtree: entries `number << level .. (number + 1) << level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subtree {
    /// 0 for a single entry.
    pub level: u32,
    /// Its number on its level, from 0.
    pub number: u64,
}

/// The complete subtrees of entries `range`, the last and smallest first; for [`join`].
///
/// `range` is one that [`inclusion`] or [`consistency`] gave, or starts at 0.
pub fn subtrees(range: Range<u64>) -> impl Iterator<Item = Subtree> {
    let mut end = range.end;
    std::iter::from_fn(move || {
        let left = end.checked_sub(range.start).filter(|left| *left > 0)?;
        let level = left.trailing_zeros();
        end -= 1 << level;
        Some(Subtree { level, number: end >> level })
    })
}

/// The root of entries whose complete subtrees have these hashes, the last first; of nothing when there are none.
pub fn join(hashes: impl IntoIterator<Item = Hash>) -> Hash {
    let from_the_right = hashes.into_iter();
    from_the_right.reduce(|right, left| Hash::of_pair(left, right)).unwrap_or_else(Hash::of_nothing)
}

/// The entries under each hash that leads from entry `index` to the root of the first `n_entries`, from the bottom up.
///
/// # Errors
/// [`Error::Range`] when `index` is not among them.
///
/// # Source
/// RFC 9162 §2.1.3.1.
pub fn inclusion(index: u64, n_entries: u64) -> Result<Vec<Range<u64>>, Error> {
    if index >= n_entries {
        return Err(Error::Range { from: index, to: n_entries });
    }
    let (mut from, mut to, mut proof) = (0, n_entries, Vec::new());
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            proof.push(middle..to);
            to = middle;
        } else {
            proof.push(from..middle);
            from = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The entries under each hash that shows that the record of `after` entries begins with that of `before` entries.
///
/// # Errors
/// [`Error::Range`] when `before` is 0, about which there is nothing to show, or above `after`.
///
/// # Source
/// RFC 9162 §2.1.4.1.
pub fn consistency(before: u64, after: u64) -> Result<Vec<Range<u64>>, Error> {
    if before == 0 || before > after {
        return Err(Error::Range { from: before, to: after });
    }
    let (mut from, mut to, mut proof) = (0, after, Vec::new());
    while to > before {
        let middle = from + split(to - from);
        if before <= middle {
            proof.push(middle..to);
            to = middle;
        } else {
            proof.push(from..middle);
            from = middle;
        }
    }
    // A subtree that starts at 0 is the earlier record itself, whose root the asker has.
    if from > 0 {
        proof.push(from..to);
    }
    proof.reverse();
    Ok(proof)
}

/// The largest power of two below `n`, which is at least 2.
pub(crate) fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}
