//! What did the last 90 days look like, at the moment of each transfer?
//!
//! Three views of every transfer: its sender's window on the same corridor, its beneficiary's window, and the pair's
//! window of a year; and one comparison, with other senders on the same corridor and channel. A window ends with the
//! transfer itself and never looks ahead: of several at one second, each sees those before it in the book's order.
//! A window is closed at both ends: exactly 90 days ago still counts.
//!
//! [`batch`] and [`each`] go party by party, which is kind to the cache; [`Stream`] goes in order of arrival. Both drive the same
//! states in [`window`], and `tests/features.rs` holds them against a brute-force twin.
//! Cost: each transfer enters and leaves three queues; about ten cache lines and some forty additions.

mod peers;
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

/// Reckons the features of every row at once; the result has one entry for each row of a [`crate::Book`].
pub fn batch(rows: &[Row], spans: Spans) -> Vec<Features> {
    let mut all = Vec::with_capacity(rows.len());
    each(rows, spans, |_, features| all.push(*features));
    all
}

/// Reckons the features of every row, party by party, and hands them out in the book's order.
///
/// One party's rows lie far apart, so they are brought together block by block: many reads are under way at once, and
/// what follows is near. Results are written in the order in which they come about and gathered at the end the same
/// way, since scattered reads overlap and scattered writes do not.
pub fn each(rows: &[Row], spans: Spans, mut take: impl FnMut(&Row, &Features)) {
    let mut received = Vec::with_capacity(rows.len());
    let mut crowds = vec![Crowd::default(); rows.len()];
    let mut beneficiary = BeneficiaryWindows::default();
    let mut party = None;
    in_blocks(
        rows,
        &Groups::new(rows, |row| row.beneficiary),
        |_| 0,
        |at| {
            if party != Some(at.row.beneficiary) {
                beneficiary.clear();
                party = Some(at.row.beneficiary);
            }
            let got = beneficiary.push(at, spans);
            crowds[at.index as usize] = Crowd { place: received.len() as u32, n_senders: got.n_senders };
            received.push(got);
        },
    );
    let mut sent = Vec::with_capacity(rows.len());
    let mut places = vec![0; rows.len()];
    let mut sender = SenderWindows::default();
    let mut party = None;
    in_blocks(
        rows,
        &Groups::new(rows, |row| row.sender),
        |index| crowds[index].n_senders,
        |at| {
            if party != Some(at.row.sender) {
                sender.clear();
                party = Some(at.row.sender);
            }
            places[at.index as usize] = sent.len() as u32;
            sent.push(sender.push(at, spans));
        },
    );
    let mut peers = Peers::default();
    let mut near = Vec::with_capacity(N_BLOCK);
    for block in (0..rows.len()).step_by(N_BLOCK) {
        near.clear();
        let block = block..rows.len().min(block + N_BLOCK);
        near.extend(block.clone().map(|i| (sent[places[i] as usize], received[crowds[i].place as usize])));
        for (row, &((sender, pair, previous), beneficiary)) in rows[block].iter().zip(&near) {
            let peers =
                if row.counts() { peers.place(row, previous, sender.n_transfers) } else { PeerFeatures::default() };
            take(row, &Features { sender, pair, beneficiary, peers });
        }
    }
}

/// Rows brought together at a time: with their results they fit into the second-level cache.
const N_BLOCK: usize = 1024;

/// Gives each row to `reckon` in the groups' order.
fn in_blocks(rows: &[Row], groups: &Groups, n_senders: impl Fn(usize) -> u32, mut reckon: impl FnMut(Position<'_>)) {
    let mut near = Vec::with_capacity(N_BLOCK);
    for block in groups.members.chunks(N_BLOCK) {
        near.clear();
        near.extend(block.iter().map(|&index| (rows[index as usize], n_senders(index as usize))));
        for (&index, (row, n_senders)) in block.iter().zip(&near) {
            reckon(Position { index, row, original: original(rows, row), n_senders: *n_senders });
        }
    }
}

/// Of a row's beneficiary: where its features lie, and how many pay it.
#[derive(Clone, Copy, Debug, Default)]
struct Crowd {
    place: u32,
    n_senders: u32,
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
        let (sender, pair, previous) = party(&mut self.senders, row.sender).push(at, spans);
        let peers =
            if row.counts() { self.peers.place(row, previous, sender.n_transfers) } else { PeerFeatures::default() };
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

    /// The rows of one party, in order; none for a party that does not occur.
    pub fn of(&self, party: u32) -> &[u32] {
        let party = party as usize;
        match (self.starts.get(party), self.starts.get(party + 1)) {
            (Some(&start), Some(&end)) => &self.members[start as usize..end as usize],
            _ => &[],
        }
    }
}
