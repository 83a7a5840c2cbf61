//! How many lookups a second, in processor time of one thread?
//!
//! `cargo run --release -p streamward-known --example lookup_speed -- codes.bin needles.bin RADIUS`
//! Both files hold 32 bytes a hash; needle i was made from some hash and lies within the radius of it.
//! Prints one JSON object: building, searching, memory, and how many hashes were found in all.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock and files")]

use std::time::Instant;

use known::{Hash256, Index};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, codes, needles, radius] = &arguments[..] else { panic!("codes.bin needles.bin RADIUS") };
    let (codes, needles) = (hashes(codes), hashes(needles));
    let radius: u32 = radius.parse().expect("a radius in bits");
    let start = Instant::now();
    let mut index = Index::build(codes.iter().copied()).expect("not too many");
    let build_s = start.elapsed().as_secs_f64();
    let n_bytes = index.snapshot().expect("nothing is pending").body.len();
    let (single_s, n_found) = best(5, || needles.iter().map(|needle| index.query(needle, radius).len()).sum());
    let (batch_s, _) = best(5, || index.query_batch(&needles, radius).iter().map(Vec::len).sum());
    // Radius 256 bits is never looked up by parts: this is the scan, for one needle and for many.
    let few = &needles[..needles.len().min(16)];
    let (scan_s, _) = best(3, || few.iter().map(|needle| index.query(needle, 70).len()).sum());
    let (scan_batch_s, _) = best(3, || index.query_batch(few, 70).iter().map(Vec::len).sum());
    let start = Instant::now();
    let mut copy = index.clone();
    let number = copy.insert(needles[0]).expect("room for one more");
    let is_visible = copy.query(&needles[0], 0).iter().any(|found| found.number == number);
    std::mem::swap(&mut index, &mut copy);
    let insert_ms = start.elapsed().as_secs_f64() * 1e3;
    assert!(is_visible, "an inserted hash is found");
    let n = needles.len() as f64;
    println!(
        "{{\"entries\":{},\"radius\":{radius},\"build_s\":{build_s:.2},\"bytes\":{n_bytes},\"queries_s\":{:.1},\
         \"batch_queries_s\":{:.1},\"scan_queries_s\":{:.1},\"scan_batch_queries_s\":{:.1},\"found\":{n_found},\
         \"insert_and_find_ms\":{insert_ms:.3}}}",
        codes.len(),
        n / single_s,
        n / batch_s,
        few.len() as f64 / scan_s,
        few.len() as f64 / scan_batch_s,
    );
}

fn hashes(file: &str) -> Vec<Hash256> {
    let bytes = std::fs::read(file).expect("a readable file of hashes");
    bytes.as_chunks().0.iter().map(|hash| Hash256(*hash)).collect()
}

fn best(n_rounds: usize, mut work: impl FnMut() -> usize) -> (f64, usize) {
    let mut best_s = f64::INFINITY;
    let mut n_found = 0;
    for _ in 0..n_rounds {
        let start = Instant::now();
        n_found = work();
        best_s = best_s.min(start.elapsed().as_secs_f64());
    }
    (best_s, n_found)
}
