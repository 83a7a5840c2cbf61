//! How many transfers a CPU-second?
//!
//! usage: speed parquet FILE.parquet      from the file to all rolling features; columns sender, bene (integers),
//!                                        sctry, bctry (text), ts (timestamp in microseconds), amt (cents)
//!        speed stream FILE.jsonl RATES   one by one: read, scored with the public pack, answered, its log line written
//!        speed features FILE.csv [DAYS]  every feature as CSV, for other programs to learn from; windows of so many days
//! One thread. Prints one JSON object: seconds on a processor, and sums that other programs can be held against.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    missing_docs,
    reason = "an example is an edge"
)]

#[path = "../../streamward/src/parquet.rs"]
#[allow(dead_code, unreachable_pub)]
mod parquet;

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;
use std::time::Instant;

use payments::book::{Row, mark};
use payments::gate::{Answer, Chain, HoldRule, Line};
use payments::pack::{FEATURES, LIVESTREAM_EXPLOITATION};
use payments::read::csv::CsvReader;
use payments::read::jsonl::JsonReader;
use payments::read::mapping::Mapping;
use payments::read::{Door, Entry};
use payments::{Book, Features, Gate, Level, Pack, PartyKey, Rates, Spans};
use rustc_hash::FxHashMap;

const DAY_S: i64 = 86_400;
const SPANS: Spans = Spans { window_s: 90 * DAY_S, recent_s: 30 * DAY_S, pair_s: 365 * DAY_S, burst_s: 7 * DAY_S };

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["parquet", file] => parquet_speed(Path::new(file)),
        ["stream", file, rates] => stream_speed(Path::new(file), Path::new(rates)),
        ["features", file] => features(Path::new(file), pack().spans),
        ["features", file, days] => features(Path::new(file), spans_of(days.parse().unwrap())),
        _ => eprintln!("usage: speed parquet FILE | stream FILE RATES | features FILE [DAYS]"),
    }
}

/// Windows of `n_days`, the recent part and the burst in proportion.
fn spans_of(n_days: i64) -> Spans {
    let part = |of: i64| (n_days * DAY_S / of).max(DAY_S);
    Spans { window_s: n_days * DAY_S, recent_s: part(3), pair_s: SPANS.pair_s, burst_s: part(13) }
}

fn pack() -> Pack {
    Pack::parse(LIVESTREAM_EXPLOITATION, None).unwrap()
}

fn parquet_speed(path: &Path) {
    let started = cpu_s();
    let rows = rows(path);
    let read = cpu_s();
    let features = payments::features::batch(&rows, SPANS);
    let reckoned = cpu_s();
    let sum = |of: fn(&Features) -> i64| features.iter().map(|f| i128::from(of(f))).sum::<i128>().to_string();
    println!(
        "{}",
        serde_json::json!({
            "rows": rows.len(), "read_s": read - started, "features_s": reckoned - read,
            "sums": {
                "transfers": sum(|f| i64::from(f.sender.n_transfers)), "worth": sum(|f| f.sender.sum_minor),
                "median": sum(|f| f.sender.median_minor), "beneficiaries": sum(|f| i64::from(f.sender.n_beneficiaries)),
                "senders": sum(|f| i64::from(f.beneficiary.n_senders)), "countries": sum(|f| i64::from(f.beneficiary.n_countries)),
            }
        })
    );
}

/// The whole of what a desk does but for the disk: the wait of each transfer is by the wall, the rest on the processor.
fn stream_speed(path: &Path, rates: &Path) {
    let pack = pack();
    let rates = Rates::parse(&std::fs::read_to_string(rates).unwrap(), pack.currency).unwrap();
    let mut gate = Gate::new(pack, HoldRule { from: Some(Level::Alert), for_s: 86_400 });
    let (mut chain, mut n_held, mut n_log_bytes, mut waits_ns) = (Chain::default(), 0_u64, 0_usize, Vec::<u64>::new());
    let door = Door::plain(PartyKey::new(&[7; 32]).unwrap());
    let started = cpu_s();
    for entry in JsonReader::new(BufReader::new(File::open(path).unwrap()), door) {
        let Entry::Transfer { transfer, .. } = entry.unwrap() else { continue };
        let began = Instant::now();
        let value_minor = rates.value_minor(transfer.amount, transfer.at.day()).unwrap();
        let taken = gate.take((*transfer).clone(), value_minor, 0).unwrap();
        n_held += u64::from(taken.answer != Answer::Pass);
        n_log_bytes += chain.write(&Line::Transfer { transfer, value_minor, arrived_s: 0 }).len();
        waits_ns.push(began.elapsed().as_nanos() as u64);
    }
    let used_s = cpu_s() - started;
    waits_ns.sort_unstable();
    let at_us = |share: f64| waits_ns[((waits_ns.len() as f64 * share) as usize).min(waits_ns.len() - 1)] as f64 / 1e3;
    println!(
        "{}",
        serde_json::json!({
            "transfers": waits_ns.len(), "cpu_s": used_s, "per_cpu_s": (waits_ns.len() as f64 / used_s).round(), "held": n_held,
            "alerts": gate.alerts().len(), "log_bytes": n_log_bytes, "median_us": at_us(0.5), "p99_us": at_us(0.99), "most_us": at_us(1.0),
        })
    );
}

/// One line for each transfer, with every reading of the pack's table.
fn features(path: &Path, spans: Spans) {
    let pack = pack();
    let key = PartyKey::new(&[7; 32]).unwrap();
    let rows = CsvReader::new(BufReader::new(File::open(path).unwrap()), &Mapping::own(), key).unwrap();
    let transfers = rows.filter_map(|entry| match entry.unwrap() {
        Entry::Transfer { transfer, .. } => Some(*transfer),
        Entry::Reject(_) => None,
    });
    let (book, _) = Book::new(transfers.collect(), &Rates::none(pack.currency), &pack.scope).unwrap();
    let started = cpu_s();
    let features = payments::features::batch(book.rows(), spans);
    eprintln!("{}", cpu_s() - started);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let names: Vec<&str> = FEATURES.iter().map(|reading| reading.name).collect();
    writeln!(out, "id,{}", names.join(",")).unwrap();
    for (transfer, features) in book.transfers().iter().zip(&features) {
        let cell = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
        let cells: Vec<String> = FEATURES.iter().map(|reading| cell((reading.read)(features, &spans))).collect();
        writeln!(out, "{},{}", transfer.id, cells.join(",")).unwrap();
    }
}

/// Numbers in order of first occurrence.
struct Numbers(FxHashMap<i64, u32>);

impl Numbers {
    fn for_rows(n_rows: usize) -> Numbers {
        Numbers(FxHashMap::with_capacity_and_hasher(n_rows / 12, Default::default()))
    }

    fn of(&mut self, value: i64) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(value).or_insert(next)
    }
}

/// A country of two letters as a number below 1024, whatever the letters.
fn country(code: &[u8]) -> u16 {
    let [first, second] = code else { panic!("two letters") };
    u16::from(first & 31) << 5 | u16::from(second & 31)
}

fn rows(path: &Path) -> Vec<Row> {
    let file = parquet::ParquetFile::open(path).unwrap();
    let n_rows = file.n_rows() as usize;
    let mut rows = Vec::with_capacity(n_rows);
    let (mut senders, mut beneficiaries) = (Numbers::for_rows(n_rows), Numbers::for_rows(n_rows));
    let mut corridors = vec![0_u16; 1 << 20];
    let mut n_corridors = 0;
    for batch in file.batches(&["sender", "bene", "sctry", "bctry", "ts", "amt"]).unwrap() {
        let batch = batch.unwrap();
        let [sender, bene, sctry, bctry, ts, amt] = &batch.columns[..] else { unreachable!("six were asked for") };
        let [sender, bene, ts, amt] = [sender, bene, ts, amt].map(|column| column.integers().unwrap());
        for row in 0..batch.n_rows {
            let from = country(sctry.bytes(row).unwrap());
            let corridor = &mut corridors[usize::from(from) << 10 | usize::from(country(bctry.bytes(row).unwrap()))];
            if *corridor == 0 {
                n_corridors += 1;
                *corridor = n_corridors;
            }
            rows.push(Row {
                at_s: ts[row].div_euclid(1_000_000),
                value_minor: amt[row],
                sender: senders.of(sender[row]),
                beneficiary: beneficiaries.of(bene[row]),
                reverses: Row::NO_ROW,
                corridor: *corridor,
                country: from,
                marks: mark::IN_SCOPE,
                channel: 0,
            });
        }
    }
    if !rows.is_sorted_by_key(|row| row.at_s) {
        rows.sort_by_key(|row| row.at_s);
    }
    rows
}

/// Seconds this thread has been on a processor (Documentation/scheduler/sched-stats).
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
