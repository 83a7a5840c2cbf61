//! How often did the beneficiary pay the sender, before the sender paid it?
//!
//! Only a party that both pays and is paid can be one of such two. Where money goes one way, as in most remittance, there
//! are none, and all this costs is a look at each party's counts.

use std::collections::VecDeque;

use super::table::{Anew, Table};
use super::{Groups, Spans};
use crate::book::Row;

/// What one other party paid this one: second and row, in order.
#[derive(Clone, Debug, Default)]
struct Paid(VecDeque<(i64, u32)>);

impl Anew for Paid {
    fn begin_anew(&mut self) {
        self.0.clear();
    }
}

/// Calls `out` with a row and the transfers the other way within the pair's window before it, for each row that has some.
pub(super) fn each(
    rows: &[Row],
    senders: &Groups,
    beneficiaries: &Groups,
    spans: Spans,
    mut out: impl FnMut(usize, u32),
) {
    let mut from = Table::<Paid>::default();
    for party in 0..senders.n_parties().min(beneficiaries.n_parties()) {
        let (mut sent, mut received) = (senders.of(party), beneficiaries.of(party));
        if sent.is_empty() || received.is_empty() {
            continue;
        }
        from.clear();
        while let Some((&index, rest)) = sent.split_first() {
            // What it received comes first, its payments to itself too.
            if let Some((&earlier, rest)) = received.split_first().filter(|(earlier, _)| **earlier <= index) {
                receive(&mut from, rows, earlier);
                received = rest;
                continue;
            }
            sent = rest;
            let row = &rows[index as usize];
            if let Some(paid) = from.get(row.beneficiary).filter(|_| row.counts()) {
                let since_s = row.at_s - spans.pair_s;
                let n_old = paid.0.partition_point(|&(at_s, _)| at_s < since_s);
                out(index as usize, (paid.0.len() - n_old) as u32);
            }
        }
    }
}

fn receive(from: &mut Table<Paid>, rows: &[Row], index: u32) {
    let row = &rows[index as usize];
    match rows.get(row.reverses as usize) {
        Some(original) if original.counts() => {
            let paid = &mut from.entry(original.sender).0;
            if let Ok(place) = paid.binary_search_by_key(&row.reverses, |&(_, index)| index) {
                paid.remove(place);
            }
        }
        None if row.counts() => from.entry(row.sender).0.push_back((row.at_s, index)),
        _ => {}
    }
}
