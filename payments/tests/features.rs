//! Is every feature what a plain recount gives, in a batch and in a stream?
//!
//! The twin below keeps no state: for each transfer it walks over all earlier ones. It shares only the row's facts
//! with the kernel. Tables are random and adversarial: many equal seconds, gaps of exactly a window, reversals of
//! old, recent, foreign and reversed rows, one party on every side.

use std::collections::{BTreeMap, BTreeSet};

use payments::book::{Row, mark};
use payments::features::window::{N_FEW, N_FREQUENT, N_REPEATED, STEADY_PERCENT_MAX};
use payments::features::{
    BeneficiaryFeatures, Features, PairFeatures, PeerFeatures, SenderFeatures, Spans, Stream, batch, parts,
};
use proptest::prelude::*;

const SPANS: Spans = Spans { window_s: 90, recent_s: 30, pair_s: 365, burst_s: 7 };

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batch_and_stream_and_a_plain_recount_agree(rows in table()) {
        let expected = recount(&rows);
        prop_assert_eq!(&batch(&rows, SPANS), &expected);
        let mut stream = Stream::default();
        let streamed: Vec<Features> = (0..rows.len() as u32).map(|i| stream.push(&rows, i, SPANS)).collect();
        prop_assert_eq!(&streamed, &expected);
    }

    #[test]
    fn reckoned_apart_it_is_the_same(rows in table(), n_parts in 1..5_u32) {
        prop_assert_eq!(&apart(&rows, n_parts), &batch(&rows, SPANS));
    }

    #[test]
    fn what_comes_later_changes_nothing(rows in table(), n_kept in 0..200_usize) {
        let n_kept = n_kept.min(rows.len());
        prop_assert_eq!(&batch(&rows[..n_kept], SPANS), &batch(&rows, SPANS)[..n_kept]);
    }
}

#[test]
fn a_window_is_closed_at_both_ends_and_blind_to_its_own_second() {
    let at = |at_s| Row { at_s, ..row(0) };
    let n = |rows: &[Row]| batch(rows, SPANS).iter().map(|f| f.sender.n_transfers).collect::<Vec<_>>();
    assert_eq!(n(&[at(0), at(90), at(90), at(91)]), [1, 2, 3, 3]);
}

#[test]
fn a_busy_party_of_many_thousands_stays_exact() {
    let rows: Vec<Row> = (0..6000_i64)
        .map(|i| Row {
            at_s: i / 50,
            value_minor: (i * 7919) % 5000 + 1,
            beneficiary: (i * 31 % 700) as u32 + 1,
            ..row(0)
        })
        .collect();
    let features = batch(&rows, SPANS);
    // Of the earlier moments only the senders and rhythm are taken over; a recount of each would be 6000 times 6000.
    let twin = recount_one(&rows, 5999, &mut BTreeMap::new(), &features[..5999]);
    assert_eq!((features[5999].sender, features[5999].pair), (twin.sender, twin.pair));
    assert!(features[5999].sender.n_transfers > 4500);
}

/// Part by part, as on `n_parts` machines.
fn apart(rows: &[Row], n_parts: u32) -> Vec<Features> {
    let mut features = vec![Features::default(); rows.len()];
    let two_way = parts::two_way(rows);
    for part in 0..n_parts {
        let (places, own) = select(rows, |_, row| row.beneficiary % n_parts == part);
        for (place, got) in places.iter().zip(parts::of_beneficiaries(&own, SPANS)) {
            features[*place].beneficiary = got;
        }
    }
    let mut standings = vec![None; rows.len()];
    for part in 0..n_parts {
        let is_own = |row: &Row| row.sender % n_parts == part;
        let received = |place: usize, row: &Row| two_way[place] && row.beneficiary % n_parts == part;
        let (places, own) = select(rows, |place, row| is_own(row) || received(place, row));
        let n_senders = |index: usize| features[places[index]].beneficiary.n_senders;
        let of_senders = parts::of_senders(&own, n_senders, SPANS);
        for ((place, row), got) in places.iter().zip(&own).zip(of_senders).filter(|((_, row), _)| is_own(row)) {
            (features[*place].sender, features[*place].pair) = (got.sender, got.pair);
            let Row { corridor, channel, .. } = *row;
            let now = got.sender.n_transfers;
            standings[*place] =
                row.counts().then_some(parts::Standing { corridor, channel, previous: got.previous, now });
        }
    }
    for part in 0..n_parts {
        let is_own = |row: &Row| u32::from(row.corridor) % n_parts == part;
        let (places, _) = select(rows, |place, row| is_own(row) && standings[place].is_some());
        let own = places.iter().filter_map(|place| standings[*place]);
        for (place, peers) in places.iter().zip(parts::of_peers(own)) {
            features[*place].peers = peers;
        }
    }
    features
}

/// Some rows and their places; what takes one back finds it among them.
fn select(rows: &[Row], keep: impl Fn(usize, &Row) -> bool) -> (Vec<usize>, Vec<Row>) {
    let places: Vec<usize> = (0..rows.len()).filter(|&place| keep(place, &rows[place])).collect();
    let own = places.iter().map(|&place| {
        let reverses = places.binary_search(&(rows[place].reverses as usize)).map_or(Row::NO_ROW, |at| at as u32);
        Row { reverses, ..rows[place] }
    });
    (places.clone(), own.collect())
}

fn row(sender: u32) -> Row {
    Row {
        at_s: 0,
        value_minor: 1500,
        sender,
        beneficiary: 1,
        reverses: Row::NO_ROW,
        corridor: 0,
        country: 0,
        marks: mark::IN_SCOPE,
        channel: 0,
    }
}

fn table() -> impl Strategy<Value = Vec<Row>> {
    let gap = prop_oneof![4 => Just(0_i64), 4 => 1..10_i64, 1 => Just(30_i64), 1 => Just(90_i64), 1 => 80..100_i64, 1 => 360..370_i64];
    let step =
        (gap, 0..4_u32, 0..5_u32, 0..3_u16, 0..3_u8, any::<u16>(), 1..6_i64, any::<prop::sample::Index>(), 0..8_u8);
    prop::collection::vec(step, 0..120).prop_map(|steps| {
        let mut rows: Vec<Row> = Vec::new();
        let mut at_s = 1_000_000;
        for (gap, sender, beneficiary, corridor, channel, marks, value, target, kind) in steps {
            at_s += gap;
            let reverses = if kind == 0 && !rows.is_empty() { target.index(rows.len()) as u32 } else { Row::NO_ROW };
            let reverses = match rows.get(reverses as usize) {
                Some(original) if original.reverses == Row::NO_ROW => reverses,
                _ => Row::NO_ROW,
            };
            // The parties of a reversal are those of its original, whatever the file says.
            let (sender, beneficiary) = match rows.get(reverses as usize) {
                Some(original) => (original.sender, original.beneficiary),
                None => (sender, beneficiary),
            };
            let marks = if kind == 1 { marks } else { (marks | mark::IN_SCOPE) & !mark::TRAVEL };
            let marks = if marks & mark::TRAVEL != 0 { marks & !mark::IN_SCOPE } else { marks };
            rows.push(Row {
                at_s,
                value_minor: value * 700,
                sender,
                beneficiary,
                reverses,
                corridor,
                country: corridor % 2,
                marks,
                channel,
            });
        }
        rows
    })
}

fn recount(rows: &[Row]) -> Vec<Features> {
    let mut standings = BTreeMap::new();
    let mut earlier = Vec::new();
    for index in 0..rows.len() {
        earlier.push(recount_one(rows, index, &mut standings, &earlier));
    }
    earlier
}

type Standings = BTreeMap<(u16, u8), BTreeMap<u32, u32>>;

fn recount_one(rows: &[Row], index: usize, standings: &mut Standings, earlier: &[Features]) -> Features {
    let me = rows[index];
    if !me.counts() {
        return Features::default();
    }
    let reversed: BTreeSet<u32> = rows[..index].iter().map(|row| row.reverses).collect();
    let live: Vec<Row> = (0..=index).filter(|i| !reversed.contains(&(*i as u32))).map(|i| rows[i]).collect();
    let within = |row: &Row, span_s: i64| row.at_s >= me.at_s - span_s;
    let select = |keep: &dyn Fn(&Row) -> bool| live.iter().copied().filter(|row| keep(row)).collect::<Vec<Row>>();

    let own =
        select(&|r| r.counts() && r.sender == me.sender && r.corridor == me.corridor && within(r, SPANS.window_s));
    let recent: Vec<&Row> = own.iter().filter(|r| within(r, SPANS.recent_s)).collect();
    let has = |rows: &[Row], bit: u16| rows.iter().filter(|r| r.has(bit)).count() as u32;
    let is_pair = |r: &Row| r.counts() && r.sender == me.sender && r.beneficiary == me.beneficiary;
    let pair = select(&|r| is_pair(r) && within(r, SPANS.pair_s));
    let first = rows[..=index].iter().find(|r| is_pair(r)).map_or(me.at_s, |r| r.at_s);
    let gaps: Vec<f64> = pair.windows(2).map(|two| (two[1].at_s - two[0].at_s) as f64).collect();
    let pair_features = PairFeatures {
        n_transfers: pair.len() as u32,
        n_verified: has(&pair, mark::VERIFIED),
        n_service: has(&pair, mark::SERVICE),
        age_s: me.at_s - first,
        spread_s: pair[pair.len() - 1].at_s - pair[0].at_s,
        gap_variation_percent: variation(&gaps),
        first_minor: if pair.len() < 6 { 0 } else { pair[..3].iter().map(|r| r.value_minor).sum() },
        latest_minor: if pair.len() < 6 { 0 } else { pair[pair.len() - 3..].iter().map(|r| r.value_minor).sum() },
    };

    let got = select(&|r| r.counts() && r.beneficiary == me.beneficiary && within(r, SPANS.window_s));
    let beneficiary = BeneficiaryFeatures {
        n_transfers: got.len() as u32,
        n_senders: distinct(&got, |r| r.sender),
        n_unrelated: unrelated(&got, |r| r.sender, 1),
        n_unrelated_frequent: unrelated(&got, |r| r.sender, N_FREQUENT),
        n_once: got.iter().filter(|r| got.iter().filter(|other| other.sender == r.sender).count() == 1).count() as u32,
        n_countries: distinct(&got, |r| u32::from(r.country)),
        n_small: has(&got, mark::SMALL),
        n_hour_known: has(&got, mark::HOUR_KNOWN),
        n_night: has(&got, mark::NIGHT),
        n_burst: got.iter().filter(|r| within(r, SPANS.burst_s)).count() as u32,
        sum_minor: got.iter().map(|r| r.value_minor).sum(),
    };

    let moment = |i: usize| match earlier.get(i) {
        Some(then) => (then.beneficiary.n_senders, then.pair),
        None => (beneficiary.n_senders, pair_features),
    };
    let own_places: Vec<usize> = (0..=index)
        .filter(|i| {
            let r = &rows[*i];
            let is_own = r.counts() && r.sender == me.sender && r.corridor == me.corridor;
            is_own && within(r, SPANS.window_s) && !reversed.contains(&(*i as u32))
        })
        .collect();
    let obscure = |n_few: u32| obscure(rows, &own_places, &moment, n_few);
    let sender = SenderFeatures {
        n_transfers: own.len() as u32,
        n_beneficiaries: distinct(&own, |r| r.beneficiary),
        n_unrelated: unrelated(&own, |r| r.beneficiary, 1),
        n_unrelated_frequent: unrelated(&own, |r| r.beneficiary, N_FREQUENT),
        n_obscure: obscure(N_FEW),
        n_exclusive: obscure(1),
        n_undeclared: has(&own, mark::UNDECLARED),
        n_undeclared_small: has(&own, mark::UNDECLARED | mark::SMALL),
        n_undeclared_hour_known: has(&own, mark::UNDECLARED | mark::HOUR_KNOWN),
        n_undeclared_night: has(&own, mark::UNDECLARED | mark::NIGHT),
        n_small: has(&own, mark::SMALL),
        n_round: has(&own, mark::ROUND),
        n_hour_known: has(&own, mark::HOUR_KNOWN),
        n_night: has(&own, mark::NIGHT),
        n_recent: recent.len() as u32,
        n_from_this: select(&|r| {
            let is_back = r.sender == me.beneficiary && r.beneficiary == me.sender;
            r.counts() && is_back && within(r, SPANS.pair_s)
        })
        .len() as u32,
        n_to_this: own.iter().filter(|r| r.beneficiary == me.beneficiary).count() as u32,
        n_travel: select(&|r| {
            r.has(mark::TRAVEL) && r.reverses == Row::NO_ROW && r.sender == me.sender && within(r, SPANS.window_s)
        })
        .len() as u32,
        sum_minor: own.iter().map(|r| r.value_minor).sum(),
        recent_sum_minor: recent.iter().map(|r| r.value_minor).sum(),
        median_minor: median(own.iter().map(|r| r.value_minor).collect()),
        spread_s: own[own.len() - 1].at_s - own[0].at_s,
    };

    let group = standings.entry((me.corridor, me.channel)).or_default();
    group.remove(&me.sender);
    let peers = PeerFeatures {
        n_peers: group.len() as u32,
        n_below: group.values().filter(|&&n| n < sender.n_transfers).count() as u32,
    };
    group.insert(me.sender, sender.n_transfers);
    Features { sender, pair: pair_features, beneficiary, peers }
}

fn distinct(rows: &[Row], key: impl Fn(&Row) -> u32) -> u32 {
    rows.iter().map(key).collect::<BTreeSet<_>>().len() as u32
}

/// Parties that occur `n_min` times or more and never with a declared relation, although it was asked.
fn unrelated(rows: &[Row], key: impl Fn(&Row) -> u32, n_min: u32) -> u32 {
    let parties: BTreeSet<u32> = rows.iter().map(&key).collect();
    let is_unrelated = |party: &u32| {
        let mut theirs = rows.iter().filter(|r| key(r) == *party);
        let is_frequent = theirs.clone().count() >= n_min as usize;
        is_frequent && theirs.clone().any(|r| r.has(mark::UNDECLARED)) && !theirs.any(|r| r.has(mark::DECLARED))
    };
    parties.iter().filter(|party| is_unrelated(party)).count() as u32
}

/// Unrelated parties paid repeatedly, mostly in no steady rhythm, and never by more than `n_few` or as a service.
fn obscure(rows: &[Row], own: &[usize], moment: &dyn Fn(usize) -> (u32, PairFeatures), n_few: u32) -> u32 {
    let parties: BTreeSet<u32> = own.iter().map(|&i| rows[i].beneficiary).collect();
    let is_obscure = |party: &&u32| {
        let theirs: Vec<usize> = own.iter().copied().filter(|&i| rows[i].beneficiary == **party).collect();
        let is_steady = |&&i: &&usize| {
            let (_, pair) = moment(i);
            pair.n_transfers >= N_REPEATED && pair.gap_variation_percent <= STEADY_PERCENT_MAX
        };
        let n_steady = theirs.iter().filter(is_steady).count();
        theirs.len() >= N_REPEATED as usize
            && 2 * n_steady + 1 < theirs.len()
            && theirs.iter().any(|&i| rows[i].has(mark::UNDECLARED))
            && !theirs.iter().any(|&i| rows[i].has(mark::DECLARED) || rows[i].has(mark::SERVICE))
            && theirs.iter().all(|&i| moment(i).0 <= n_few)
    };
    parties.iter().filter(is_obscure).count() as u32
}

fn median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    let n = values.len();
    if n % 2 == 1 { values[n / 2] } else { (values[n / 2 - 1] + values[n / 2]).div_euclid(2) }
}

/// In floating point, by the textbook; both are rounded down, so a hair is forgiven by rounding at the ninth decimal.
fn variation(gaps: &[f64]) -> u32 {
    let n = gaps.len() as f64;
    let sum: f64 = gaps.iter().sum();
    if gaps.len() < 2 || sum <= 0.0 {
        return 0;
    }
    let mean = sum / n;
    let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / n;
    (variance.sqrt() / mean * 100.0 + 1e-9).floor() as u32
}
