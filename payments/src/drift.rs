//! Is the population still the one that the pack was tried on?
//!
//! Two spans of thirty days are set side by side: one when the pack began to hold, and the last one. For each reading
//! that the pack uses, and for the score, the parties of both spans are counted into the same bins, and one number says
//! how far the two lie apart. A pack can drift because customers changed, because a channel was opened, or because a
//! column is read wrongly since the last update; the number does not say which.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::pack::{Entity, Evidence, Indicator, Reading};
use crate::score::score;
use crate::time::DAY_S;
use crate::{Book, Features, Level, Row, Scored, Spans};

/// How long either span is, in seconds. Both are equally long, so that a party has the same time to stand out.
pub const SPAN_S: i64 = 30 * DAY_S;

/// The two spans, seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Periods {
    /// When the pack began to hold.
    pub reference: Range<i64>,
    /// The last thirty days.
    pub current: Range<i64>,
}

impl Periods {
    /// The spans of a book in which the pack that holds came to hold at row `active_from`, 0 for the first pack.
    ///
    /// The reference ends where the pack began to hold. Windows that are not full yet look like drift, so it does not
    /// begin before the first window was full.
    ///
    /// # Errors
    /// The moment from which on there can be an answer, in seconds since 1970; none for an empty book.
    pub fn of(book: &Book, spans: Spans, active_from: u32) -> Result<Periods, Option<i64>> {
        let (Some(first), Some(last)) = (book.rows().first(), book.rows().last()) else { return Err(None) };
        let full_s = first.at_s + spans.window_s;
        let before = active_from.checked_sub(1).and_then(|row| book.rows().get(row as usize));
        let end_s = before.map_or(0, |row| row.at_s + 1).max(full_s + SPAN_S);
        let current = last.at_s + 1 - SPAN_S..last.at_s + 1;
        if end_s > current.start {
            return Err(Some(end_s + SPAN_S));
        }
        Ok(Periods { reference: end_s - SPAN_S..end_s, current })
    }
}

/// How the two spans compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// The spans.
    pub periods: Periods,
    /// The highest score of each party, by typology.
    pub scores: Vec<Comparison>,
    /// What the pack reads, at each party's last transfer of the span.
    pub readings: Vec<Comparison>,
    /// What it reads over windows that were not full yet in the reference, so that they cannot be compared.
    pub too_young: Vec<&'static str>,
}

/// One quantity in both spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is counted: the typology whose score it is, or what the pack reads, by its name.
    pub name: String,
    /// From low to high; the last may be those of whom it is not known.
    pub bins: Vec<Bin>,
    /// The population stability index: 0 when the shares are equal.
    pub index: f64,
    /// What chance alone stays under, 95 times in 100.
    pub chance: f64,
}

/// Parties within a range of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bin {
    /// The range.
    pub label: Values,
    /// Parties of the reference.
    pub n_reference: usize,
    /// Parties of the current span.
    pub n_current: usize,
}

/// A range of values; its `Display` is English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// The value is not known.
    NotKnown,
    /// Any that is known.
    Any,
    /// This one or less.
    UpTo(i64),
    /// This one alone.
    Exactly(i64),
    /// From the first to the second, both included.
    Between(i64, i64),
    /// This one or more.
    From(i64),
}

impl std::fmt::Display for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Values::NotKnown => f.write_str("not known"),
            Values::Any => f.write_str("any"),
            Values::UpTo(to) => write!(f, "up to {to}"),
            Values::Exactly(one) => write!(f, "{one}"),
            Values::Between(from, to) => write!(f, "{from} to {to}"),
            Values::From(from) => write!(f, "{from} and more"),
        }
    }
}

impl Comparison {
    /// Above this an index says that the population has moved; below a tenth nothing has. The two limits are a custom of
    /// credit scoring and no law: the R packages `scorecard` (`perf_psi`) and `PDtoolkit` (`psi`) give them.
    pub const MOVED: f64 = 0.25;
    /// See [`Comparison::MOVED`].
    pub const STEADY: f64 = 0.1;

    /// In a word: `steady`, `look` or `moved`. Whatever chance alone can do is steady.
    pub fn word(&self) -> &'static str {
        match self.index {
            index if index < Self::STEADY || index <= self.chance => "steady",
            index if index < Self::MOVED => "look",
            _ => "moved",
        }
    }

    fn new(name: String, bins: Vec<Bin>) -> Comparison {
        let index = index(&bins);
        let chance = chance(&bins);
        Comparison { name, bins, index, chance }
    }
}

/// Compares the two spans under the pack.
pub fn drift(scored: &Scored<'_>, periods: Periods) -> Drift {
    let pack = scored.pack;
    let spans = [periods.reference.clone(), periods.current.clone()];
    let scores = (0..pack.typologies.len()).map(|place| of_score(scored, place, &spans)).collect();
    let mut used: Vec<&'static Reading> = Vec::new();
    for Indicator { reading, .. } in pack.indicators.iter().chain(&pack.protections) {
        if used.iter().all(|other| other.name != reading.name) {
            used.push(reading);
        }
    }
    let full_s = |reading: &Reading| match reading.evidence {
        Evidence::Pair | Evidence::Returned => pack.spans.pair_s,
        Evidence::Sender(_) | Evidence::Recent | Evidence::Travel => pack.spans.window_s,
        Evidence::Beneficiary(_) | Evidence::Burst => pack.spans.window_s,
    };
    let first_s = scored.book.rows().first().map_or(0, |row| row.at_s);
    let is_full = |reading: &&Reading| first_s + full_s(reading) <= periods.reference.start;
    let (full, young): (Vec<_>, Vec<_>) = used.into_iter().partition(is_full);
    let readings = full.into_iter().map(|reading| of_reading(scored, reading, &spans)).collect();
    Drift { periods, scores, readings, too_young: young.into_iter().map(|reading| reading.name).collect() }
}

fn of_score(scored: &Scored<'_>, place: usize, spans: &[Range<i64>; 2]) -> Comparison {
    let typology = &scored.pack.typologies[place];
    let highest = |span: &Range<i64>| {
        let mut highest: BTreeMap<u32, i64> = BTreeMap::new();
        for (row, features) in counted(scored, span) {
            let party = match typology.entity {
                Entity::Sender => row.sender,
                Entity::Beneficiary => row.beneficiary,
            };
            let total = score(features, typology, scored.pack).total;
            highest.entry(party).and_modify(|known| *known = (*known).max(total)).or_insert(total);
        }
        highest.into_values().map(Some).collect::<Vec<_>>()
    };
    // Tens up to the review score, then what a person would see.
    let mut edges: Vec<i64> = (0..typology.review - 1).step_by(10).collect();
    edges.extend([typology.review - 1, typology.alert - 1]);
    Comparison::new(typology.id.clone(), bins(&edges, &highest(&spans[0]), &highest(&spans[1])))
}

fn of_reading(scored: &Scored<'_>, reading: &'static Reading, spans: &[Range<i64>; 2]) -> Comparison {
    let latest = |span: &Range<i64>| {
        let mut latest: BTreeMap<u32, Option<i64>> = BTreeMap::new();
        for (row, features) in counted(scored, span) {
            let party = if reading.is_of_beneficiary() { row.beneficiary } else { row.sender };
            latest.insert(party, (reading.read)(features, &scored.pack.spans));
        }
        latest.into_values().collect::<Vec<_>>()
    };
    let (reference, current) = (latest(&spans[0]), latest(&spans[1]));
    let edges = tenths(reference.iter().copied().flatten().collect());
    Comparison::new(reading.name.to_owned(), bins(&edges, &reference, &current))
}

/// The rows of a span that count, with their features.
fn counted<'a>(scored: &'a Scored<'_>, span: &Range<i64>) -> impl Iterator<Item = (&'a Row, &'a Features)> {
    let rows = scored.book.rows();
    let start = rows.partition_point(|row| row.at_s < span.start);
    let end = rows.partition_point(|row| row.at_s < span.end);
    rows[start..end].iter().zip(&scored.features[start..end]).filter(|(row, _)| row.counts())
}

/// Upper ends of bins that hold about a tenth each; fewer where many values are alike.
fn tenths(mut values: Vec<i64>) -> Vec<i64> {
    values.sort_unstable();
    let mut edges: Vec<i64> = (1..10).filter_map(|tenth| values.get(values.len() * tenth / 10)).copied().collect();
    edges.dedup();
    // The last bin must be able to hold something.
    edges.pop_if(|last| values.last() == Some(last));
    edges
}

/// Counts values into bins with these upper ends, and one more above them; unknown ones stand apart when there are any.
fn bins(edges: &[i64], reference: &[Option<i64>], current: &[Option<i64>]) -> Vec<Bin> {
    let place =
        |value: &Option<i64>| value.map_or(edges.len() + 1, |value| edges.partition_point(|edge| *edge < value));
    let count = |values: &[Option<i64>]| {
        let mut counts = vec![0_usize; edges.len() + 2];
        values.iter().for_each(|value| counts[place(value)] += 1);
        counts
    };
    let label = |place: usize| match (place.checked_sub(1).and_then(|below| edges.get(below)), edges.get(place)) {
        _ if place > edges.len() => Values::NotKnown,
        (None, None) => Values::Any,
        (None, Some(to)) => Values::UpTo(*to),
        (Some(below), Some(to)) if below + 1 == *to => Values::Exactly(*to),
        (Some(below), Some(to)) => Values::Between(below + 1, *to),
        (Some(below), None) => Values::From(below + 1),
    };
    let (reference, current) = (count(reference), count(current));
    let all = reference.into_iter().zip(current).enumerate();
    let shown = all.filter(|(place, (before, now))| *place <= edges.len() || before + now > 0);
    shown.map(|(place, (n_reference, n_current))| Bin { label: label(place), n_reference, n_current }).collect()
}

/// The population stability index, Σ (c − r) ln(c / r) over the shares r of the reference and c of the current span.
///
/// Half a party is added to each bin, so that an empty one does not make it endless.
///
/// # Source
/// The symmetric divergence of H. Jeffreys (Proc. R. Soc. A 186, 1946), under the name that credit scoring gives it; the
/// formula as `perf_psi` in the R package `scorecard` documents it.
fn index(bins: &[Bin]) -> f64 {
    let total = |of: fn(&Bin) -> usize| bins.iter().map(of).sum::<usize>() as f64 + bins.len() as f64 / 2.0;
    let (n, m) = (total(|bin| bin.n_reference), total(|bin| bin.n_current));
    let term = |bin: &Bin| {
        let (r, c) = ((bin.n_reference as f64 + 0.5) / n, (bin.n_current as f64 + 0.5) / m);
        (c - r) * (c / r).ln()
    };
    bins.iter().map(term).sum()
}

/// What the index of two samples of one population stays under, 95 times in 100: (1/n + 1/m) times the 95 % point of the
/// chi-squared distribution with one degree fewer than there are bins.
///
/// Many parties stand in both spans, so the true limit is lower; a little drift is called chance rather than the reverse.
///
/// # Source
/// B. Yurdakul, Statistical Properties of Population Stability Index, dissertation 3208, Western Michigan University 2018.
/// The chi-squared point by E. B. Wilson and M. M. Hilferty, Proc. Natl. Acad. Sci. 17 (1931) 684–688.
fn chance(bins: &[Bin]) -> f64 {
    let (n, m) = bins.iter().fold((0, 0), |(n, m), bin| (n + bin.n_reference, m + bin.n_current));
    if n == 0 || m == 0 {
        return f64::INFINITY;
    }
    let freedom = bins.len().saturating_sub(1).max(1) as f64;
    let root = 1.0 - 2.0 / (9.0 * freedom) + 1.644_854 * (2.0 / (9.0 * freedom)).sqrt();
    (1.0 / n as f64 + 1.0 / m as f64) * freedom * root.powi(3)
}

/// What was raised on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Transfers that count.
    pub n_transfers: usize,
    /// Raised for review.
    pub n_reviews: usize,
    /// Raised as alerts.
    pub n_alerts: usize,
}

/// What was raised on each of the last `n_days` days, oldest first; `raised` are the rows and levels of what was raised.
pub fn days(book: &Book, raised: impl Iterator<Item = (u32, Level)>, n_days: usize) -> Vec<Day> {
    let Some(last) = book.rows().last() else { return Vec::new() };
    let first = last.at_s.div_euclid(DAY_S) - n_days as i64 + 1;
    let mut days: Vec<Day> = (0..n_days as i64).map(|i| Day { day: first + i, ..Day::default() }).collect();
    let place = |at_s: i64| usize::try_from(at_s.div_euclid(DAY_S) - first).ok();
    for row in book.rows().iter().rev().take_while(|row| place(row.at_s).is_some()).filter(|row| row.counts()) {
        if let Some(day) = place(row.at_s).and_then(|place| days.get_mut(place)) {
            day.n_transfers += 1;
        }
    }
    for (index, level) in raised {
        let at_s = book.rows()[index as usize].at_s;
        match (place(at_s).and_then(|place| days.get_mut(place)), level) {
            (Some(day), Level::Review) => day.n_reviews += 1,
            (Some(day), Level::Alert) => day.n_alerts += 1,
            (None, _) => {}
        }
    }
    days
}

#[cfg(test)]
mod tests;
