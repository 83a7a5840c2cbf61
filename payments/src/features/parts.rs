//! Which features can be reckoned apart, and on which rows?
//!
//! Three parts, one after the other, each on rows that can lie on a machine of their own:
//!
//! 1. [`of_beneficiaries`]: all rows of a beneficiary together.
//! 2. [`of_senders`]: all rows of a sender together, each with its beneficiary's count from part 1; and, to see what came
//!    back, what those senders received from parties they may have paid ([`two_way`]).
//! 3. [`of_peers`]: all rows of a corridor and channel together, each with the sender's counts from part 2.
//!
//! In each, rows stand in the book's order and [`Row::reverses`] is a place among the rows given. A reversal has the
//! parties of what it takes back, so the two are always together. The kernel is that of [`super::batch`], and so are
//! the bits (`tests/features.rs`).

use super::peers::Peers;
use super::{
    BeneficiaryFeatures, Groups, PairFeatures, PeerFeatures, SenderFeatures, Spans, each_beneficiary, each_sender,
    returned,
};
use crate::book::Row;

/// The features of each row's beneficiary; `rows` hold all rows of each beneficiary that occurs.
pub fn of_beneficiaries(rows: &[Row], spans: Spans) -> Vec<BeneficiaryFeatures> {
    let mut features = vec![BeneficiaryFeatures::default(); rows.len()];
    each_beneficiary(rows, &Groups::new(rows, |row| row.beneficiary), spans, |index, got| features[index] = got);
    features
}

/// What is known of a row once its sender's rows are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfSender {
    /// Of the sender, on this corridor.
    pub sender: SenderFeatures,
    /// Of the two together.
    pub pair: PairFeatures,
    /// The sender's transfers in its window at its last one on this corridor and channel; 0 if there was none.
    pub previous: u32,
}

/// The features of each row's sender; `rows` hold all rows of each sender that is asked about, and all [`two_way`] rows
/// that such a sender received. What comes out for the rows of other senders means nothing.
///
/// `n_senders` gives [`BeneficiaryFeatures::n_senders`] at each row.
pub fn of_senders(rows: &[Row], n_senders: impl Fn(usize) -> u32, spans: Spans) -> Vec<OfSender> {
    let mut features = vec![OfSender::default(); rows.len()];
    let senders = Groups::new(rows, |row| row.sender);
    each_sender(rows, &senders, n_senders, spans, |index, (sender, pair, previous)| {
        features[index] = OfSender { sender, pair, previous };
    });
    let beneficiaries = Groups::new(rows, |row| row.beneficiary);
    returned::each(rows, &senders, &beneficiaries, spans, |index, n| features[index].sender.n_from_this = n);
    features
}

/// Whether each row can be one of two that go opposite ways: its sender is paid somewhere, and its beneficiary pays.
pub fn two_way(rows: &[Row]) -> Vec<bool> {
    let n_parties = rows.iter().map(|row| row.sender.max(row.beneficiary) as usize + 1).max().unwrap_or(0);
    let (mut pays, mut is_paid) = (vec![false; n_parties], vec![false; n_parties]);
    for row in rows {
        pays[row.sender as usize] = true;
        is_paid[row.beneficiary as usize] = true;
    }
    rows.iter().map(|row| is_paid[row.sender as usize] && pays[row.beneficiary as usize]).collect()
}

/// Where a sender stood, and stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// As in [`Row`].
    pub corridor: u16,
    /// As in [`Row`].
    pub channel: u8,
    /// As in [`OfSender`].
    pub previous: u32,
    /// [`SenderFeatures::n_transfers`].
    pub now: u32,
}

/// Each sender against the others; `standings` hold all rows that count of each corridor and channel that occurs.
pub fn of_peers(standings: impl IntoIterator<Item = Standing>) -> impl Iterator<Item = PeerFeatures> {
    let mut peers = Peers::default();
    standings.into_iter().map(move |at| peers.place((at.corridor, at.channel), at.previous, at.now))
}
