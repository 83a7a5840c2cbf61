//! What did the last 90 days look like, at the moment of each transfer?
//!
//! Three views of every transfer: its sender's window on the same corridor, its beneficiary's window, and the pair's
//! window of a year, with what came back within it; and one comparison, with other senders on the same corridor and
//! channel. A window ends with the transfer itself and never looks ahead: of several at one second, each sees those
//! before it in the book's order.
//! A window is closed at both ends: exactly 90 days ago still counts.
//!
//! [`batch`] goes party by party, which is kind to the cache; [`Stream`] goes in order of arrival. Both drive the same
//! states in [`window`], and `tests/features.rs` holds them against a brute-force twin. [`parts`] says what can be
//! reckoned apart, on many machines.
//! Cost: each transfer enters and leaves three queues; about ten cache lines and some forty additions.

pub mod parts;
mod peers;
mod returned;
mod sorted;
mod table;
pub mod window;

use crate::book::Row;
use peers::Peers;
pub use window::{BeneficiaryFeatures, PairFeatures, SenderFeatures};
use window::{BeneficiaryWindows, Position, SenderWindows};

/// How long the windows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    /// The sender's and the beneficiary's window, in seconds.
    pub window_s: i64,
    /// Its recent part, against which the earlier part is compared, in seconds.
    pub recent_s: i64,
    /// The pair's window, in seconds.
    pub pair_s: i64,
    /// A burst at a beneficiary, in seconds.
    pub burst_s: i64,
}

/// Everything known about a transfer's surroundings at its moment. All zero for a transfer that does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Of the sender, on this corridor.
    pub sender: SenderFeatures,
    /// Of the two together.
    pub pair: PairFeatures,
    /// Of the beneficiary.
    pub beneficiary: BeneficiaryFeatures,
    /// Against other senders.
    pub peers: PeerFeatures,
}

/// How busy the sender is among those on the same corridor and channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerFeatures {
    /// Other senders seen so far on this corridor and channel.
    pub n_peers: u32,
    /// How many of them had fewer transfers in their window, at their own last transfer.
    pub n_below: u32,
}

/// Reckons the features of every row at once, party by party.
///
/// `rows` are in a [`crate::Book`]'s order; the result has one entry for each. One party's rows lie far apart, so they
/// are brought together block by block and the results taken back the same way: in those two loops many reads and
/// writes are under way at once, and between them everything is near.
pub fn batch(rows: &[Row], spans: Spans) -> Vec<Features> {
    let mut features = vec![Features::default(); rows.len()];
    let (senders, beneficiaries) = (Groups::new(rows, |row| row.sender), Groups::new(rows, |row| row.beneficiary));
    let mut n_senders = vec![0; rows.len()];
    each_beneficiary(rows, &beneficiaries, spans, |index, got| {
        features[index].beneficiary = got;
        n_senders[index] = got.n_senders;
    });
    each_sender(
        rows,
        &senders,
        |index| n_senders[index],
        spans,
        |index, (own, pair, previous)| {
            let out = &mut features[index];
            // Until the peers are reckoned, their place holds the sender's count at its last transfer.
            let peers = PeerFeatures { n_peers: previous, n_below: 0 };
            *out = Features { sender: own, pair, beneficiary: out.beneficiary, peers };
        },
    );
    returned::each(rows, &senders, &beneficiaries, spans, |index, n| features[index].sender.n_from_this = n);
    let mut peers = Peers::default();
    for (row, out) in rows.iter().zip(&mut features).filter(|(row, _)| row.counts()) {
        out.peers = peers.place((row.corridor, row.channel), out.peers.n_peers, out.sender.n_transfers);
    }
    features
}

/// Goes beneficiary by beneficiary.
fn each_beneficiary(rows: &[Row], groups: &Groups, spans: Spans, out: impl FnMut(usize, BeneficiaryFeatures)) {
    let mut windows = BeneficiaryWindows::default();
    let mut party = None;
    let reckon = |at: Position<'_>| {
        if party != Some(at.row.beneficiary) {
            windows.clear();
            party = Some(at.row.beneficiary);
        }
        windows.push(at, spans)
    };
    in_blocks(rows, groups, |_| 0, reckon, out);
}

/// Goes sender by sender; `n_senders` is the beneficiary's count at each row. Gives what [`SenderWindows::push`] does.
fn each_sender(
    rows: &[Row],
    groups: &Groups,
    n_senders: impl Fn(usize) -> u32,
    spans: Spans,
    out: impl FnMut(usize, (SenderFeatures, PairFeatures, u32)),
) {
    let mut windows = SenderWindows::default();
    let mut party = None;
    let reckon = |at: Position<'_>| {
        if party != Some(at.row.sender) {
            windows.clear();
            party = Some(at.row.sender);
        }
        windows.push(at, spans)
    };
    in_blocks(rows, groups, n_senders, reckon, out);
}

/// Rows brought together at a time: with their results they fit into the second-level cache.
const N_BLOCK: usize = 1024;

/// Reckons each row in the groups' order and hands the results out by place in `rows`.
fn in_blocks<T: Copy>(
    rows: &[Row],
    groups: &Groups,
    n_senders: impl Fn(usize) -> u32,
    mut reckon: impl FnMut(Position<'_>) -> T,
    mut hand_out: impl FnMut(usize, T),
) {
    let (mut near, mut results) = (Vec::with_capacity(N_BLOCK), Vec::with_capacity(N_BLOCK));
    for block in groups.members.chunks(N_BLOCK) {
        near.clear();
        near.extend(block.iter().map(|&index| (rows[index as usize], n_senders(index as usize))));
        results.clear();
        for (&index, (row, n_senders)) in block.iter().zip(&near) {
            results.push(reckon(Position { index, row, original: original(rows, row), n_senders: *n_senders }));
        }
        block.iter().zip(&results).for_each(|(&index, result)| hand_out(index as usize, *result));
    }
}

fn original<'a>(rows: &'a [Row], row: &Row) -> Option<&'a Row> {
    rows.get(row.reverses as usize)
}

/// Reckons the features of one row after the other, keeping every party's windows.
#[derive(Debug, Default)]
pub struct Stream {
    senders: Vec<SenderWindows>,
    beneficiaries: Vec<BeneficiaryWindows>,
    peers: Peers,
}

impl Stream {
    /// Takes the row `rows[index]`; all rows before it must have been taken.
    ///
    /// # Panics
    /// When `index` is outside `rows`.
    pub fn push(&mut self, rows: &[Row], index: u32, spans: Spans) -> Features {
        let row = &rows[index as usize];
        let at = Position { index, row, original: original(rows, row), n_senders: 0 };
        let beneficiary = party(&mut self.beneficiaries, row.beneficiary).push(at, spans);
        let at = Position { n_senders: beneficiary.n_senders, ..at };
        let (mut sender, pair, previous) = party(&mut self.senders, row.sender).push(at, spans);
        if let Some(other) = self.senders.get(row.beneficiary as usize).filter(|_| row.counts()) {
            sender.n_from_this = other.n_paid(row.sender, row.at_s - spans.pair_s);
        }
        let peers = if row.counts() {
            self.peers.place((row.corridor, row.channel), previous, sender.n_transfers)
        } else {
            PeerFeatures::default()
        };
        Features { sender, pair, beneficiary, peers }
    }
}

fn party<W: Default>(windows: &mut Vec<W>, number: u32) -> &mut W {
    let number = number as usize;
    if windows.len() <= number {
        windows.resize_with(number + 1, W::default);
    }
    &mut windows[number]
}

/// Rows gathered by party, in order within each: a counting sort.
#[derive(Clone, Debug)]
pub struct Groups {
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Groups {
    /// Gathers `rows` by the party that `key` names. Parties are numbered densely, as a [`crate::Book`] does.
    pub fn new(rows: &[Row], key: fn(&Row) -> u32) -> Groups {
        let n_parties = rows.iter().map(|row| key(row) as usize + 1).max().unwrap_or(0);
        let mut starts = vec![0_u32; n_parties + 1];
        for row in rows {
            starts[key(row) as usize + 1] += 1;
        }
        for party in 0..n_parties {
            starts[party + 1] += starts[party];
        }
        let mut next = starts.clone();
        let mut members = vec![0; rows.len()];
        for (index, row) in (0..).zip(rows) {
            let place = &mut next[key(row) as usize];
            members[*place as usize] = index;
            *place += 1;
        }
        Groups { starts, members }
    }

    /// One more than the highest party.
    pub fn n_parties(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    /// The rows of one party, in order; none for a party that does not occur.
    pub fn of(&self, party: u32) -> &[u32] {
        let party = party as usize;
        match (self.starts.get(party), self.starts.get(party + 1)) {
            (Some(&start), Some(&end)) => &self.members[start as usize..end as usize],
            _ => &[],
        }
    }
}
