//! What can an indicator read, and which transfers stand behind the number?
//!
//! The table is the whole list: what is not in it cannot be scored. There is no reading of a name, sex, nationality,
//! religion, age or postcode, none of the corridor, and none of the stated purpose.

use crate::book::{Row, mark};
use crate::{Features, Spans};

/// A number that a pack may name.
#[derive(Debug)]
pub struct Reading {
    /// Its name in packs, the unit last.
    pub name: &'static str,
    /// Its value, or `None` where there is nothing to reckon from.
    pub read: fn(&Features, &Spans) -> Option<i64>,
    /// Which transfers it rests on.
    pub evidence: Evidence,
}

/// Which transfers stand behind a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The sender's in the window on this corridor, with these marks.
    Sender(u16),
    /// The sender's in the recent part of the window on this corridor.
    Recent,
    /// The sender's travel purchases in the window.
    Travel,
    /// Those from the sender to the beneficiary in the pair's window.
    Pair,
    /// Those from the beneficiary to the sender in the pair's window.
    Returned,
    /// The beneficiary's in the window, with these marks.
    Beneficiary(u16),
    /// The beneficiary's within the burst.
    Burst,
}

impl Reading {
    /// Whether its value depends on other senders.
    pub fn reads_peers(&self) -> bool {
        self.name == OF_PEERS
    }

    /// Whether `row` stands behind this reading of the transfer `at`, which is not earlier. The caller gives rows of the
    /// right party only.
    pub fn rests_on(&self, row: &Row, at: &Row, spans: &Spans) -> bool {
        let within = |span_s: i64| row.at_s >= at.at_s - span_s;
        let same_corridor = row.counts() && row.corridor == at.corridor;
        match self.evidence {
            Evidence::Sender(marks) => same_corridor && within(spans.window_s) && row.has(marks),
            Evidence::Recent => same_corridor && within(spans.recent_s),
            Evidence::Travel => row.has(mark::TRAVEL) && row.reverses == Row::NO_ROW && within(spans.window_s),
            Evidence::Pair => row.counts() && row.beneficiary == at.beneficiary && within(spans.pair_s),
            Evidence::Returned => row.counts() && row.sender == at.beneficiary && within(spans.pair_s),
            Evidence::Beneficiary(marks) => row.counts() && within(spans.window_s) && row.has(marks),
            Evidence::Burst => row.counts() && within(spans.burst_s),
        }
    }

    /// Whether the rows behind it are the beneficiary's.
    pub fn is_of_beneficiary(&self) -> bool {
        matches!(self.evidence, Evidence::Beneficiary(_) | Evidence::Burst)
    }
}

/// The one reading of [`Features::peers`].
const OF_PEERS: &str = "peer-percentile";

/// Finds a reading by its name.
pub fn feature_named(name: &str) -> Option<&'static Reading> {
    FEATURES.iter().find(|reading| reading.name == name)
}

const fn reading(name: &'static str, evidence: Evidence, read: fn(&Features, &Spans) -> Option<i64>) -> Reading {
    Reading { name, read, evidence }
}

const OF_SENDER: Evidence = Evidence::Sender(0);
const OF_BENEFICIARY: Evidence = Evidence::Beneficiary(0);

/// Fewer peers than this say nothing about where a sender stands.
const N_PEERS_MIN: u32 = 30;

/// Every reading there is.
pub static FEATURES: [Reading; 48] = [
    reading("transfers", OF_SENDER, |f, _| count(f.sender.n_transfers)),
    reading("beneficiaries", OF_SENDER, |f, _| count(f.sender.n_beneficiaries)),
    reading("unrelated-beneficiaries", Evidence::Sender(mark::UNDECLARED), |f, _| count(f.sender.n_unrelated)),
    reading("unrelated-frequent", Evidence::Sender(mark::UNDECLARED), |f, _| count(f.sender.n_unrelated_frequent)),
    reading("unrelated-obscure", Evidence::Sender(mark::UNDECLARED), |f, _| count(f.sender.n_obscure)),
    reading("unrelated-exclusive", Evidence::Sender(mark::UNDECLARED), |f, _| count(f.sender.n_exclusive)),
    reading("undeclared-transfers", Evidence::Sender(mark::UNDECLARED), |f, _| count(f.sender.n_undeclared)),
    reading("undeclared-small", Evidence::Sender(mark::UNDECLARED | mark::SMALL), |f, _| {
        count(f.sender.n_undeclared_small)
    }),
    reading("undeclared-small-share-percent", Evidence::Sender(mark::UNDECLARED | mark::SMALL), |f, _| {
        percent(f.sender.n_undeclared_small, f.sender.n_undeclared)
    }),
    reading("undeclared-night", Evidence::Sender(mark::UNDECLARED | mark::NIGHT), |f, _| {
        count(f.sender.n_undeclared_night)
    }),
    reading("undeclared-night-share-percent", Evidence::Sender(mark::UNDECLARED | mark::NIGHT), |f, _| {
        percent(f.sender.n_undeclared_night, f.sender.n_undeclared_hour_known)
    }),
    reading("small-transfers", Evidence::Sender(mark::SMALL), |f, _| count(f.sender.n_small)),
    reading("small-share-percent", Evidence::Sender(mark::SMALL), |f, _| {
        percent(f.sender.n_small, f.sender.n_transfers)
    }),
    reading("round-transfers", Evidence::Sender(mark::ROUND), |f, _| count(f.sender.n_round)),
    reading("round-share-percent", Evidence::Sender(mark::ROUND), |f, _| {
        percent(f.sender.n_round, f.sender.n_transfers)
    }),
    reading("hour-known-transfers", Evidence::Sender(mark::HOUR_KNOWN), |f, _| count(f.sender.n_hour_known)),
    reading("night-transfers", Evidence::Sender(mark::NIGHT), |f, _| count(f.sender.n_night)),
    reading("night-share-percent", Evidence::Sender(mark::NIGHT), |f, _| {
        percent(f.sender.n_night, f.sender.n_hour_known)
    }),
    reading("recent-transfers", Evidence::Recent, |f, _| count(f.sender.n_recent)),
    reading("recent-rate-percent", Evidence::Recent, recent_rate_percent),
    reading("recent-value-percent", Evidence::Recent, recent_value_percent),
    reading("gap-mean-hours", OF_SENDER, |f, _| mean_hours(f.sender.spread_s, f.sender.n_transfers)),
    reading("median-minor", OF_SENDER, |f, _| Some(f.sender.median_minor)),
    reading("sum-minor", OF_SENDER, |f, _| Some(f.sender.sum_minor)),
    reading("share-to-this-percent", OF_SENDER, |f, _| percent(f.sender.n_to_this, f.sender.n_transfers)),
    reading("travel-purchases", Evidence::Travel, |f, _| count(f.sender.n_travel)),
    reading(OF_PEERS, OF_SENDER, |f, _| {
        (f.peers.n_peers >= N_PEERS_MIN).then(|| percent(f.peers.n_below, f.peers.n_peers)).flatten()
    }),
    reading("pair-transfers", Evidence::Pair, |f, _| count(f.pair.n_transfers)),
    reading("pair-returned", Evidence::Returned, |f, _| count(f.sender.n_from_this)),
    reading("pair-age-days", Evidence::Pair, |f, _| Some(f.pair.age_s / crate::time::DAY_S)),
    reading("pair-verified-share-percent", Evidence::Pair, |f, _| percent(f.pair.n_verified, f.pair.n_transfers)),
    reading("pair-service-share-percent", Evidence::Pair, |f, _| percent(f.pair.n_service, f.pair.n_transfers)),
    reading("pair-gap-mean-hours", Evidence::Pair, |f, _| mean_hours(f.pair.spread_s, f.pair.n_transfers)),
    reading("pair-gap-variation-percent", Evidence::Pair, |f, _| {
        (f.pair.n_transfers >= 3).then_some(i64::from(f.pair.gap_variation_percent))
    }),
    reading("pair-growth-percent", Evidence::Pair, |f, _| {
        let (first, latest) = (i128::from(f.pair.first_minor), i128::from(f.pair.latest_minor));
        (first > 0).then(|| clamped(latest * 100 / first))
    }),
    reading("received", OF_BENEFICIARY, |f, _| count(f.beneficiary.n_transfers)),
    reading("senders", OF_BENEFICIARY, |f, _| count(f.beneficiary.n_senders)),
    reading("unrelated-senders", Evidence::Beneficiary(mark::UNDECLARED), |f, _| count(f.beneficiary.n_unrelated)),
    reading("unrelated-senders-frequent", Evidence::Beneficiary(mark::UNDECLARED), |f, _| {
        count(f.beneficiary.n_unrelated_frequent)
    }),
    reading("senders-once", OF_BENEFICIARY, |f, _| count(f.beneficiary.n_once)),
    reading("senders-once-share-percent", OF_BENEFICIARY, |f, _| {
        percent(f.beneficiary.n_once, f.beneficiary.n_senders)
    }),
    reading("sender-countries", OF_BENEFICIARY, |f, _| count(f.beneficiary.n_countries)),
    reading("small-received", Evidence::Beneficiary(mark::SMALL), |f, _| count(f.beneficiary.n_small)),
    reading("small-received-share-percent", Evidence::Beneficiary(mark::SMALL), |f, _| {
        percent(f.beneficiary.n_small, f.beneficiary.n_transfers)
    }),
    reading("night-received", Evidence::Beneficiary(mark::NIGHT), |f, _| count(f.beneficiary.n_night)),
    reading("night-received-share-percent", Evidence::Beneficiary(mark::NIGHT), |f, _| {
        percent(f.beneficiary.n_night, f.beneficiary.n_hour_known)
    }),
    reading("burst-received", Evidence::Burst, |f, _| count(f.beneficiary.n_burst)),
    reading("received-minor", OF_BENEFICIARY, |f, _| Some(f.beneficiary.sum_minor)),
];

fn count(n: u32) -> Option<i64> {
    Some(i64::from(n))
}

fn percent(part: u32, whole: u32) -> Option<i64> {
    (whole > 0).then(|| i64::from(part) * 100 / i64::from(whole))
}

fn mean_hours(spread_s: i64, n_transfers: u32) -> Option<i64> {
    (n_transfers > 1).then(|| spread_s / 3600 / i64::from(n_transfers - 1))
}

/// Transfers a day in the recent part, in percent of those a day before; none without an earlier part.
fn recent_rate_percent(features: &Features, spans: &Spans) -> Option<i64> {
    let n_earlier = i128::from(features.sender.n_transfers - features.sender.n_recent);
    let earlier = n_earlier * i128::from(spans.recent_s);
    let recent = i128::from(features.sender.n_recent) * i128::from(spans.window_s - spans.recent_s) * 100;
    (earlier > 0).then(|| clamped(recent / earlier))
}

/// Average worth in the recent part, in percent of that before; none without an earlier part.
fn recent_value_percent(features: &Features, _: &Spans) -> Option<i64> {
    let sender = &features.sender;
    let n_earlier = i128::from(sender.n_transfers - sender.n_recent);
    let earlier = i128::from(sender.sum_minor - sender.recent_sum_minor) * i128::from(sender.n_recent);
    let recent = i128::from(sender.recent_sum_minor) * n_earlier * 100;
    (earlier > 0).then(|| clamped(recent / earlier))
}

fn clamped(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reading_has_a_name_of_its_own_and_none_reads_who_a_person_is() {
        let names: BTreeSet<&str> = FEATURES.iter().map(|reading| reading.name).collect();
        assert_eq!(names.len(), FEATURES.len());
        for forbidden in ["name", "sex", "gender", "age-", "nation", "religion", "postcode", "corridor", "purpose"] {
            assert!(names.iter().all(|name| !name.starts_with(forbidden)), "{forbidden}");
        }
    }

    #[test]
    fn only_one_reading_depends_on_peers() {
        let spans = Spans { window_s: 90, recent_s: 30, pair_s: 365, burst_s: 7 };
        let mut alone = Features::default();
        alone.sender.n_transfers = 3;
        let peers = crate::features::PeerFeatures { n_peers: 200, n_below: 50 };
        let among = Features { peers, ..alone };
        for reading in &FEATURES {
            let is_changed = (reading.read)(&alone, &spans) != (reading.read)(&among, &spans);
            assert_eq!(is_changed, reading.reads_peers(), "{}", reading.name);
        }
    }

    #[test]
    fn nothing_to_reckon_from_reads_as_none() {
        let spans = Spans { window_s: 90, recent_s: 30, pair_s: 365, burst_s: 7 };
        for name in
            ["small-share-percent", "gap-mean-hours", "recent-rate-percent", "recent-value-percent", "peer-percentile"]
        {
            let reading = feature_named(name).unwrap();
            assert_eq!((reading.read)(&Features::default(), &spans), None, "{name}");
        }
    }
}
