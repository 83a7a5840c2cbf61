//! Is this sender busier than others who send the same way?
//!
//! For each corridor and channel we keep how many transfers every sender had in the window at its own last transfer,
//! as a Fenwick tree over 0..=255. Living in a diaspora puts a person among many such senders, and gives no points.

use rustc_hash::FxHashMap;

use super::PeerFeatures;

/// The standings of all senders.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    /// By corridor and channel.
    groups: FxHashMap<(u16, u8), Group>,
}

/// Counts above this are alike.
const COUNT_MAX: u32 = 255;

#[derive(Debug)]
struct Group {
    /// Fenwick tree: sums over ranges of counts `1..=256`, shifted by one.
    sums: [u32; 257],
    n_senders: u32,
}

impl Peers {
    /// Moves a sender of the group from `previous` (0: not here yet) to `now` transfers, and tells where it stands
    /// among the others.
    pub(crate) fn place(&mut self, group: (u16, u8), previous: u32, now: u32) -> PeerFeatures {
        let group = self.groups.entry(group).or_insert(Group { sums: [0; 257], n_senders: 0 });
        if previous > 0 {
            group.add(previous, u32::MAX);
            group.n_senders -= 1;
        }
        let standing = PeerFeatures { n_peers: group.n_senders, n_below: group.below(now) };
        group.add(now, 1);
        group.n_senders += 1;
        standing
    }
}

impl Group {
    /// Adds `n` (−1 as `u32::MAX`) at `count`.
    fn add(&mut self, count: u32, n: u32) {
        let mut at = count.min(COUNT_MAX) as usize + 1;
        while at < self.sums.len() {
            self.sums[at] = self.sums[at].wrapping_add(n);
            at += at & at.wrapping_neg();
        }
    }

    fn below(&self, count: u32) -> u32 {
        let mut at = count.min(COUNT_MAX) as usize;
        let mut sum = 0_u32;
        while at > 0 {
            sum = sum.wrapping_add(self.sums[at]);
            at -= at & at.wrapping_neg();
        }
        sum
    }
}
