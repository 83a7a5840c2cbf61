//! How often is a score right, and how sure is that?
//!
//! Intervals of proportions are Wilson's (Wilson 1927, "Probable inference…", eq. in Brown, Cai & DasGupta 2001 §3.1.1);
//! that of the area under the curve is Newcombe's (2006, "Confidence intervals for an effect size measure based on the
//! Mann-Whitney statistic", part 2, method 5), which keeps its width where every pair is in order. All are at 95 %.

use std::fmt::Write;

use serde::Serialize;

/// One picture: its label, and for each label asked about how sure the model is.
pub(super) struct Judged {
    pub(super) label: String,
    pub(super) values: Vec<f32>,
}

/// How well one label is told from all others.
#[derive(Serialize)]
pub(super) struct Measures {
    label: String,
    /// Pictures with this label, and without.
    n_positive: usize,
    n_negative: usize,
    /// The chance that a picture with the label scores higher than one without; absent when one kind is absent.
    auc: Option<Estimate>,
    /// One row for each threshold.
    thresholds: Vec<Row>,
    /// The points of the ROC curve, from the strictest threshold to the laxest.
    roc: Vec<Point>,
}

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Estimate {
    value: f64,
    low: f64,
    high: f64,
}

/// What happens when pictures at `threshold` or above count as having the label.
#[derive(Serialize)]
struct Row {
    threshold: f32,
    true_positives: usize,
    false_positives: usize,
    false_negatives: usize,
    true_negatives: usize,
    /// Of those called so, how many are; absent when none is called so.
    precision: Option<Estimate>,
    /// Of those that are, how many are called so.
    recall: Option<Estimate>,
    /// Of those that are not, how many are called so.
    false_positive_rate: Option<Estimate>,
}

#[derive(Serialize)]
struct Point {
    threshold: f32,
    recall: f64,
    false_positive_rate: f64,
}

/// The thresholds of the table.
const THRESHOLDS: [f32; 13] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

/// The 97.5 % point of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Measures {
    /// Measures `label`, whose scores are at `index` of every picture's values.
    pub(super) fn of(label: &str, index: usize, judged: &[Judged]) -> Measures {
        let mut pairs: Vec<(f32, bool)> = judged.iter().map(|one| (one.values[index], one.label == label)).collect();
        pairs.sort_by(|left, right| right.0.total_cmp(&left.0));
        let n_positive = pairs.iter().filter(|(_, is_positive)| *is_positive).count();
        let n_negative = pairs.len() - n_positive;
        Measures {
            label: label.to_owned(),
            n_positive,
            n_negative,
            auc: auc(&pairs, n_positive, n_negative),
            thresholds: THRESHOLDS.iter().map(|&threshold| Row::at(threshold, &pairs)).collect(),
            roc: roc(&pairs, n_positive, n_negative),
        }
    }

    /// The measures for a person.
    pub(super) fn table(&self) -> String {
        let mut out = format!(
            "\n{}: {} pictures with it, {} without; area under the curve ",
            self.label, self.n_positive, self.n_negative
        );
        let _ = writeln!(out, "{}", shown(self.auc));
        let _ = writeln!(out, "{:>9}  {:^22}  {:^22}  {:^22}", "threshold", "precision", "recall", "false positives");
        for row in &self.thresholds {
            let (precision, recall) = (shown(row.precision), shown(row.recall));
            let _ = writeln!(
                out,
                "{:>9.2}  {precision:^22}  {recall:^22}  {:^22}",
                row.threshold,
                shown(row.false_positive_rate)
            );
        }
        out
    }
}

impl Row {
    fn at(threshold: f32, pairs: &[(f32, bool)]) -> Row {
        let count = |called: bool, is: bool| {
            pairs.iter().filter(|(value, is_positive)| (*value >= threshold) == called && *is_positive == is).count()
        };
        let (true_positives, false_positives) = (count(true, true), count(true, false));
        let (false_negatives, true_negatives) = (count(false, true), count(false, false));
        Row {
            threshold,
            true_positives,
            false_positives,
            false_negatives,
            true_negatives,
            precision: wilson(true_positives, true_positives + false_positives),
            recall: wilson(true_positives, true_positives + false_negatives),
            false_positive_rate: wilson(false_positives, false_positives + true_negatives),
        }
    }
}

/// `n_yes` of `n`, with Wilson's interval; `None` of nothing.
fn wilson(n_yes: usize, n: usize) -> Option<Estimate> {
    if n == 0 {
        return None;
    }
    let (share, n) = (n_yes as f64 / n as f64, n as f64);
    let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(Estimate { value: share, low: (middle - half).max(0.0), high: (middle + half).min(1.0) })
}

/// The share of pairs, one of each kind, in which the positive one scores higher; equals count half.
fn auc(pairs: &[(f32, bool)], n_positive: usize, n_negative: usize) -> Option<Estimate> {
    if n_positive == 0 || n_negative == 0 {
        return None;
    }
    let (mut higher, mut n_seen_positive) = (0.0, 0usize);
    for equal in pairs.chunk_by(|left, right| left.0 == right.0) {
        let n_equal_positive = equal.iter().filter(|(_, is_positive)| *is_positive).count();
        let n_equal_negative = equal.len() - n_equal_positive;
        higher += n_equal_negative as f64 * (n_seen_positive as f64 + n_equal_positive as f64 / 2.0);
        n_seen_positive += n_equal_positive;
    }
    let (p, n) = (n_positive as f64, n_negative as f64);
    let area = higher / (p * n);
    let (low, high) = (bound(area, 0.0, p, n), bound(area, 1.0, p, n));
    Some(Estimate { value: area, low, high })
}

/// The area between `area` and `end` that lies just as far from `area` as 95 % of the deviations it would have itself.
fn bound(area: f64, end: f64, n_positive: f64, n_negative: f64) -> f64 {
    let mean = (n_positive + n_negative) / 2.0 - 1.0;
    let variance = |true_area: f64| {
        let spread = 1.0 + mean * (1.0 - true_area) / (2.0 - true_area) + mean * true_area / (1.0 + true_area);
        true_area * (1.0 - true_area) * spread / (n_positive * n_negative)
    };
    let (mut near, mut far) = (area, end);
    for _ in 0..60 {
        let middle = f64::midpoint(near, far);
        if (middle - area).abs() < Z * variance(middle).sqrt() { near = middle } else { far = middle }
    }
    f64::midpoint(near, far)
}

fn roc(pairs: &[(f32, bool)], n_positive: usize, n_negative: usize) -> Vec<Point> {
    let (mut n_true, mut n_false) = (0, 0);
    let mut points = Vec::new();
    for equal in pairs.chunk_by(|left, right| left.0 == right.0) {
        n_true += equal.iter().filter(|(_, is_positive)| *is_positive).count();
        n_false += equal.iter().filter(|(_, is_positive)| !is_positive).count();
        points.push(Point {
            threshold: equal[0].0,
            recall: n_true as f64 / n_positive.max(1) as f64,
            false_positive_rate: n_false as f64 / n_negative.max(1) as f64,
        });
    }
    points
}

fn shown(estimate: Option<Estimate>) -> String {
    estimate.map_or_else(|| "–".to_owned(), |Estimate { value, low, high }| format!("{value:.3} [{low:.3}, {high:.3}]"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measured(pairs: &[(f32, bool)]) -> Measures {
        let judged: Vec<Judged> = pairs
            .iter()
            .map(|&(value, is)| Judged { label: if is { "a" } else { "b" }.to_owned(), values: vec![value] })
            .collect();
        Measures::of("a", 0, &judged)
    }

    #[test]
    fn wilson_gives_the_published_intervals() {
        // Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (n_yes, n, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let found = wilson(n_yes, n).unwrap();
            assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{n_yes} of {n}: {found:?}");
        }
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn a_perfect_order_has_the_area_one_and_chance_a_half() {
        let perfect = measured(&[(0.9, true), (0.8, true), (0.2, false)]);
        let auc = perfect.auc.unwrap();
        assert!(auc.value == 1.0 && auc.high == 1.0 && (0.2..0.9).contains(&auc.low), "{auc:?}");
        let all_equal = measured(&[(0.5, true), (0.5, false), (0.5, false)]);
        assert_eq!(all_equal.auc.unwrap().value, 0.5);
        assert_eq!(all_equal.roc.len(), 1);
        assert!(measured(&[(0.5, true)]).auc.is_none());
    }

    #[test]
    fn a_threshold_counts_what_lies_at_it() {
        let row = Row::at(0.5, &[(0.9, true), (0.5, true), (0.5, false), (0.4, true), (0.1, false)]);
        assert_eq!((row.true_positives, row.false_positives, row.false_negatives, row.true_negatives), (2, 1, 1, 1));
        assert!((row.precision.unwrap().value - 2.0 / 3.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_area_is_the_share_of_ordered_pairs(
            pairs in prop::collection::vec(((0u8..12).prop_map(|v| f32::from(v) / 11.0), any::<bool>()), 1..40),
        ) {
            let measures = measured(&pairs);
            let (mut higher, mut n) = (0.0, 0);
            for (high, _) in pairs.iter().filter(|pair| pair.1) {
                for (low, _) in pairs.iter().filter(|pair| !pair.1) {
                    higher += if high > low { 1.0 } else if high == low { 0.5 } else { 0.0 };
                    n += 1;
                }
            }
            prop_assert_eq!(measures.auc.is_some(), n > 0);
            if let Some(auc) = measures.auc {
                prop_assert!((auc.value - higher / f64::from(n)).abs() < 1e-9);
                prop_assert!(auc.low <= auc.value + 1e-9 && auc.value <= auc.high + 1e-9);
                prop_assert!(auc.low < auc.high);
            }
            let last = measures.roc.last().unwrap();
            prop_assert!(last.recall == 1.0 || measures.n_positive == 0);
        }
    }
}
