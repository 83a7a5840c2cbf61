//! How often would a second person have decided otherwise?
//!
//! Each day some of the decisions are drawn and given to somebody who had no hand in them and is not told what was decided.
//! Nobody chooses which: the draw follows from the log as it was when the day began ([`Sample`]), so whoever has the log
//! can draw again. What comes of it is an error rate with its interval, and how far two people agree beyond chance
//! ([`Agreement`]).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use record::Hash;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Person, Verdict};

/// What the log calls the samples, beside cases.
pub const SUBJECT: &str = "quality";

/// One decision, by its case and the number of its record in the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Decided {
    /// The case.
    pub case: String,
    /// The record.
    pub position: u64,
}

/// What was drawn on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The day, UTC.
    pub day: Date,
    /// How many entries the log had when the day began: decisions from the last sample's number to this one are drawn from.
    pub n_entries: u64,
    /// The log's root at that size, as base64.
    pub root: String,
    /// How many of a hundred decisions are drawn, `1..=100`.
    pub percent: u8,
    /// How many decisions there were to draw from.
    pub n_decided: u64,
    /// Those that were drawn, in the order in which they are looked at.
    pub drawn: Vec<Decided>,
}

impl Sample {
    /// Draws from these decisions, at least one where there is one: each gets the SHA-256 of the seed and itself, and the
    /// smallest are drawn. The seed is the SHA-256 of the root and the day, so the order of `decided` does not matter.
    ///
    /// # Errors
    /// [`Error::Number`] when `percent` is not in `1..=100`.
    pub fn draw(day: Date, n_entries: u64, root: Hash, percent: u8, decided: &[Decided]) -> Result<Sample, Error> {
        if !(1..=100).contains(&percent) {
            return Err(Error::Number { field: "percent", value: percent.to_string(), range: "1..=100" });
        }
        let root = root.to_string();
        let seed = Sha256::digest(format!("streamward quality sample 1\n{root}\n{day}\n"));
        let rank = |one: &Decided| -> [u8; 32] {
            let named = format!("{}\n{}\n", one.case, one.position);
            Sha256::new().chain_update(seed).chain_update(named).finalize().into()
        };
        let mut drawn = decided.to_vec();
        drawn.sort_by_cached_key(rank);
        drawn.truncate((decided.len() * usize::from(percent)).div_ceil(100));
        Ok(Sample { day, n_entries, root, percent, n_decided: decided.len() as u64, drawn })
    }
}

/// What somebody found who was not told what was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Second {
    /// Who.
    pub who: Person,
    /// What.
    pub verdict: Verdict,
    /// Why, in their words, `1..=4000` characters.
    pub reason: String,
    /// When, UTC.
    pub at: Timestamp,
}

/// How far two people agree who decided the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// How many decisions were looked at by a second person.
    pub n: u64,
    /// How many of them they would have decided otherwise.
    pub n_differ: u64,
    /// That as a share, with its interval; none while nothing was looked at.
    pub error_rate: Option<Rate>,
    /// Krippendorff's alpha: 1 is full agreement, 0 what chance alone would give; none where it is not defined, as when
    /// everybody found the same.
    pub alpha: Option<f64>,
}

/// A share of some, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The share, `0.0..=1.0`.
    pub value: f64,
    /// The lower end of the interval at 95 %.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Agreement {
    /// The agreement of pairs: what was decided, and what the second person found.
    pub fn of(pairs: &[(Verdict, Verdict)]) -> Agreement {
        let n = pairs.len() as u64;
        let n_differ = pairs.iter().filter(|(first, second)| first != second).count() as u64;
        let units: Vec<Vec<bool>> = pairs
            .iter()
            .map(|(first, second)| [first, second].map(|verdict| *verdict == Verdict::Violation).to_vec())
            .collect();
        Agreement { n, n_differ, error_rate: wilson(n_differ, n), alpha: alpha(&units) }
    }
}

/// Krippendorff's alpha for nominal data: one minus the disagreement that was seen over the one that chance would give.
///
/// `units` holds, for each thing that was judged, every judgement of it; one with fewer than two says nothing and does not
/// count. None when nothing could be compared, or when there is but one kind of judgement in all.
///
/// # Source
/// K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011, <https://repository.upenn.edu/asc_papers/43>),
/// sections A to C: coincidences in a matrix, each unit's weighed by one less than its judgements.
pub fn alpha<T: Ord>(units: &[Vec<T>]) -> Option<f64> {
    let mut n_of: BTreeMap<&T, f64> = BTreeMap::new();
    let mut agreeing = 0.0;
    for unit in units.iter().filter(|unit| unit.len() > 1) {
        let mut here: BTreeMap<&T, f64> = BTreeMap::new();
        unit.iter().for_each(|judged| *here.entry(judged).or_default() += 1.0);
        let pairs: f64 = here.values().map(|count| count * (count - 1.0)).sum();
        agreeing += pairs / (unit.len() - 1) as f64;
        here.into_iter().for_each(|(judged, count)| *n_of.entry(judged).or_default() += count);
    }
    let n: f64 = n_of.values().sum();
    let by_chance: f64 = n_of.values().map(|count| count * (count - 1.0)).sum();
    let total = n * (n - 1.0);
    (total > by_chance).then(|| 1.0 - (n - agreeing) * (n - 1.0) / (total - by_chance))
}

/// `n_yes` of `n` with Wilson's interval at 95 %; none of nothing.
///
/// # Source
/// E. B. Wilson, Probable inference, the law of succession, and statistical inference, J. Am. Stat. Assoc. 22 (1927) 209–212.
pub fn wilson(n_yes: u64, n: u64) -> Option<Rate> {
    /// The normal distribution's point with 2.5 % above it.
    const Z: f64 = 1.959_963_984_540_054;
    if n == 0 {
        return None;
    }
    let (value, n) = (n_yes as f64 / n as f64, n as f64);
    let (center, spread) = (value + Z * Z / (2.0 * n), Z * (value * (1.0 - value) / n + Z * Z / (4.0 * n * n)).sqrt());
    let end = |x: f64| (x / (1.0 + Z * Z / n)).clamp(0.0, 1.0);
    Some(Rate { value, low: end(center - spread), high: end(center + spread) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data and results of Krippendorff (2011): A two observers and two values, B two observers and five values,
    /// C four observers with judgements that are missing.
    #[test]
    fn alpha_gives_the_published_results() {
        let columns = |rows: &[&str]| -> Vec<Vec<char>> {
            let n = rows[0].len();
            let column = |index: usize| rows.iter().map(move |row| row.as_bytes()[index] as char);
            (0..n).map(|index| column(index).filter(|judged| *judged != '.').collect()).collect()
        };
        for (rows, expected) in [
            (&["0100000010", "1110010000"][..], 0.095),
            (&["aabbdcccedda", "babbbccceddd"][..], 0.692),
            (&["123321412...", "1233224125.3", ".3332342251.", "12332441251."][..], 0.743),
        ] {
            let found = alpha(&columns(rows)).unwrap();
            assert!((found - expected).abs() < 0.0005, "{rows:?}: {found}");
        }
    }

    #[test]
    fn alpha_is_one_in_full_agreement_and_not_defined_where_nothing_differs() {
        assert_eq!(alpha(&[vec![1, 1], vec![2, 2], vec![1, 1]]), Some(1.0));
        assert_eq!(alpha(&[vec![1, 1], vec![1, 1]]), None);
        assert_eq!(alpha(&[vec![1], vec![2]]), None, "nothing to compare");
        assert_eq!(alpha::<u8>(&[]), None);
        assert!(alpha(&[vec![1, 2], vec![2, 1]]).unwrap() < 0.0, "worse than chance");
    }

    /// R. G. Newcombe, Statistics in Medicine 17 (1998) 857–872, table I, method 3.
    #[test]
    fn wilson_gives_the_published_intervals() {
        for (n_yes, n, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let found = wilson(n_yes, n).unwrap();
            assert!((found.low - low).abs() < 0.00005 && (found.high - high).abs() < 0.00005, "{n_yes}/{n}: {found:?}");
        }
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn agreement_counts_what_differs() {
        let (yes, no) = (Verdict::Violation, Verdict::NoViolation);
        let found = Agreement::of(&[(yes, yes), (no, no), (yes, no), (no, no)]);
        assert_eq!((found.n, found.n_differ), (4, 1));
        assert_eq!(found.error_rate.unwrap().value, 0.25);
        // By the formula of section A: 1 - (N - 1) o01 / (n0 n1), of N = 8 judgements, 5 and 3 of a kind, 1 apart.
        assert!((found.alpha.unwrap() - (1.0 - 7.0 / 15.0)).abs() < 1e-12, "{found:?}");
        let nothing = Agreement::of(&[]);
        assert_eq!((nothing.error_rate, nothing.alpha), (None, None));
    }

    #[test]
    fn the_same_log_and_day_draw_the_same_and_another_day_or_root_draws_otherwise() {
        let day = |text: &str| -> Date { text.parse().unwrap() };
        let mut decided: Vec<Decided> =
            (0..1000).map(|position| Decided { case: format!("case {}", position / 3), position }).collect();
        let root = Hash::of_entry(b"a log");
        let draw = |date: &str, root, percent, decided: &[Decided]| {
            Sample::draw(day(date), 1000, root, percent, decided).unwrap()
        };
        let first = draw("2026-11-30", root, 5, &decided);
        assert_eq!((first.drawn.len(), first.n_decided), (50, 1000));
        decided.reverse();
        assert_eq!(draw("2026-11-30", root, 5, &decided), first, "in whatever order they come");
        assert_ne!(draw("2026-12-01", root, 5, &decided).drawn, first.drawn);
        assert_ne!(draw("2026-11-30", Hash::of_entry(b"another"), 5, &decided).drawn, first.drawn);
        assert_eq!(
            draw("2026-11-30", root, 10, &decided).drawn[..50],
            first.drawn,
            "more of them are more of the same"
        );
        assert_eq!(draw("2026-11-30", root, 1, &decided[..1]).drawn.len(), 1, "at least one");
        assert!(draw("2026-11-30", root, 5, &[]).drawn.is_empty());
        for percent in [0, 101] {
            assert!(Sample::draw(day("2026-11-30"), 1000, root, percent, &decided).is_err());
        }
    }
}
