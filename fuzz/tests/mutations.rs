//! Feeds every parser with changed copies of good inputs.
//!
//! Half a second each in every run, a minute each where `STREAMWARD_TEST_ALL` is set. What breaks a parser is printed
//! by proptest, as small as it could be made; the seed of each run is printed too.

use std::time::{Duration, Instant};

use fuzz::TARGETS;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestCaseError, TestRunner};

/// One thing that is done to an input.
#[derive(Clone, Debug)]
enum Change {
    Set { at: prop::sample::Index, byte: u8 },
    Flip { at: prop::sample::Index, bit: u8 },
    Cut { from: prop::sample::Index, n_bytes: usize },
    Double { from: prop::sample::Index, n_bytes: usize, n_times: usize },
    Put { at: prop::sample::Index, bytes: Vec<u8> },
    Number { at: prop::sample::Index, number: u32 },
}

/// What parsers stumble over.
const WORDS: &[&str] = &[
    "\0",
    "\n",
    "\t",
    "\"",
    "-1",
    "99999999999999999999",
    "1e308",
    "é",
    "\u{202e}",
    "&a;",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "]]>",
    "\\u0000",
    "0000000000000000000000000000000000000000",
];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set { at, byte }),
        (at(), 0u8..8).prop_map(|(at, bit)| Change::Flip { at, bit }),
        (at(), 1usize..200).prop_map(|(from, n_bytes)| Change::Cut { from, n_bytes }),
        (at(), 1usize..100, 1usize..60).prop_map(|(from, n_bytes, n_times)| Change::Double { from, n_bytes, n_times }),
        (at(), prop::sample::select(WORDS)).prop_map(|(at, word)| Change::Put { at, bytes: word.into() }),
        (at(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(at, bytes)| Change::Put { at, bytes }),
        (at(), any::<u32>()).prop_map(|(at, number)| Change::Number { at, number }),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let place = |at: &prop::sample::Index| at.index(bytes.len().max(1)).min(bytes.len());
        match change {
            Change::Set { at, byte } => {
                let at = place(at);
                bytes.get_mut(at).into_iter().for_each(|place| *place = *byte);
            }
            Change::Flip { at, bit } => {
                let at = place(at);
                bytes.get_mut(at).into_iter().for_each(|place| *place ^= 1 << bit);
            }
            Change::Cut { from, n_bytes } => {
                let from = place(from);
                bytes.drain(from..(from + n_bytes).min(bytes.len()));
            }
            Change::Double { from, n_bytes, n_times } => {
                let from = place(from);
                let piece = bytes[from..(from + n_bytes).min(bytes.len())].repeat(*n_times);
                bytes.splice(from..from, piece);
            }
            Change::Put { at, bytes: put } => {
                let at = place(at);
                bytes.splice(at..at, put.iter().copied());
            }
            Change::Number { at, number } => {
                let at = place(at);
                bytes.iter_mut().skip(at).zip(number.to_le_bytes()).for_each(|(place, byte)| *place = byte);
            }
        }
    }
    bytes
}

#[test]
fn no_input_breaks_a_parser() {
    let is_all = std::env::var_os("STREAMWARD_TEST_ALL").is_some();
    let time = if is_all { Duration::from_secs(60) } else { Duration::from_millis(500) };
    // Another seed each minute; printed, so that a run can be had again.
    let seed = std::env::var("STREAMWARD_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
            / 60
    });
    eprintln!("STREAMWARD_FUZZ_SEED={seed}");
    for target in &TARGETS {
        let seeds = (target.seeds)();
        seeds.iter().for_each(|seed| (target.feed)(seed));
        let (began, mut n_inputs) = (Instant::now(), 0_u64);
        while began.elapsed() < time {
            let config = Config {
                cases: 200,
                failure_persistence: None,
                rng_algorithm: RngAlgorithm::ChaCha,
                rng_seed: RngSeed::Fixed(seed.wrapping_add(n_inputs)),
                ..Config::default()
            };
            let inputs = (prop::sample::select(seeds.clone()), prop::collection::vec(change(), 1..6));
            let outcome = TestRunner::new(config).run(&inputs, |(bytes, changes)| {
                (target.feed)(&changed(bytes, &changes));
                Ok::<(), TestCaseError>(())
            });
            if let Err(error) = outcome {
                panic!("{}: {error}", target.name);
            }
            n_inputs += 200;
        }
        eprintln!("{:24} {n_inputs} inputs", target.name);
    }
}

#[test]
fn every_parser_has_a_program_for_nightly_compilers() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("nightly/fuzz_targets");
    for target in &TARGETS {
        let text = std::fs::read_to_string(folder.join(format!("{}.rs", target.name))).unwrap();
        assert!(text.contains(&format!("target(\"{}\")", target.name)), "{}", target.name);
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), TARGETS.len());
}
