//! Which ratio of sums answers the question?
//!
//! Every estimate here is `scale · Π numerators / Π denominators`, and each factor is a weighted sum over respondents.
//! Such an estimate is known from one sum for each PSU: a bootstrap replicate costs as much as there are PSUs, not as
//! there are respondents. That is the trick which makes ten thousand replicates take milliseconds.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::design::Design;

/// A value for each row, counted within a part of the rows only.
#[derive(Clone, Debug)]
pub struct Term<'a> {
    /// The value, finite.
    pub value: Cow<'a, [f64]>,
    /// Rows that count; all when `None`.
    pub within: Option<Within<'a>>,
}

/// The rows with one label.
#[derive(Clone, Copy, Debug)]
pub struct Within<'a> {
    /// Code of the label of each row.
    pub codes: &'a [u32],
    /// The code that is in.
    pub code: u32,
}

impl Within<'_> {
    /// Whether the row is in.
    #[inline]
    pub fn holds(&self, row: usize) -> bool {
        self.codes[row] == self.code
    }
}

impl Term<'_> {
    /// The row's value, 0 outside.
    #[inline]
    pub fn at(&self, row: usize) -> f64 {
        match &self.within {
            Some(within) if !within.holds(row) => 0.0,
            _ => self.value[row],
        }
    }
}

/// One estimate: `scale · Π over / Π under`, each an index into a list of terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimand {
    /// Constant factor, for example the frame's size.
    pub scale: f64,
    /// Sums in the numerator.
    pub over: Vec<usize>,
    /// Sums in the denominator.
    pub under: Vec<usize>,
}

impl Estimand {
    /// The estimate from the sums; NaN or infinite when a denominator is 0.
    #[inline]
    pub fn value(&self, sums: &[f64]) -> f64 {
        let over: f64 = self.over.iter().map(|&term| sums[term]).product();
        let under: f64 = self.under.iter().map(|&term| sums[term]).product();
        self.scale * over / under
    }

    /// How much the estimate moves when each sum moves by one: (term, derivative).
    pub fn gradient(&self, sums: &[f64]) -> Vec<(usize, f64)> {
        let under: f64 = self.under.iter().map(|&term| sums[term]).product();
        let others = |skip: usize| -> f64 {
            self.over.iter().enumerate().filter(|(place, _)| *place != skip).map(|(_, &term)| sums[term]).product()
        };
        let value = self.value(sums);
        let over = self.over.iter().enumerate().map(|(place, &term)| (term, self.scale * others(place) / under));
        over.chain(self.under.iter().map(|&term| (term, -value / sums[term]))).collect()
    }
}

/// Weighted sums of each term over each PSU and over everybody.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// Number of terms.
    pub n_terms: usize,
    /// `[psu][term]`.
    pub by_psu: Vec<f64>,
    /// `[term]`.
    pub total: Vec<f64>,
}

impl Sums {
    /// Adds up the terms with these weights, PSU by PSU, each in the order of its rows.
    pub fn new(design: &Design, weights: &[f64], terms: &[Term<'_>]) -> Sums {
        let n_terms = terms.len();
        let mut by_psu = vec![0.0; design.psus.len() * n_terms];
        if n_terms > 0 {
            by_psu.par_chunks_mut(n_terms).zip(&design.psus).for_each(|(sums, psu)| {
                for (own, term) in sums.iter_mut().zip(terms) {
                    *own = sum(psu.rows.clone().map(|row| weights[row] * term.at(row)));
                }
            });
        }
        Sums::from_psus(n_terms, by_psu)
    }

    /// Sums that were added up elsewhere, `[psu][term]`.
    pub fn from_psus(n_terms: usize, by_psu: Vec<f64>) -> Sums {
        let total = (0..n_terms).map(|term| sum(by_psu.iter().skip(term).step_by(n_terms).copied())).collect();
        Sums { n_terms, by_psu, total }
    }

    /// The sums of one PSU.
    #[inline]
    pub fn psu(&self, psu: usize) -> &[f64] {
        &self.by_psu[psu * self.n_terms..][..self.n_terms]
    }
}

/// Influence of each row on an estimate, not yet weighted: `Σ_j ∂θ/∂T_j · t_ij`.
pub fn influence(estimand: &Estimand, sums: &[f64], terms: &[Term<'_>]) -> Vec<f64> {
    let gradient = estimand.gradient(sums);
    let n_rows = terms.first().map_or(0, |term| term.value.len());
    (0..n_rows)
        .into_par_iter()
        .with_min_len(4096)
        .map(|row| gradient.iter().map(|&(term, slope)| slope * terms[term].at(row)).sum())
        .collect()
}

/// A sum in which the rounding errors are carried along, so that ten million rows cost no digits.
///
/// # Source
/// Neumaier 1974, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", method IV.
pub fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0f64, 0.0f64);
    for value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() { (total - next) + value } else { (value - next) + total };
        total = next;
    }
    total + lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codebook::LonelyPsu;

    #[test]
    fn small_numbers_are_not_lost_beside_large_ones() {
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100]), 2.0);
    }

    #[test]
    fn the_gradient_is_the_difference_quotient() {
        let estimand = Estimand { scale: 7.0, over: vec![0, 1], under: vec![2, 3] };
        let sums = [2.0, 3.0, 5.0, 11.0];
        for (term, slope) in estimand.gradient(&sums) {
            let moved = |by: f64| {
                let mut sums = sums;
                sums[term] += by;
                estimand.value(&sums)
            };
            assert!(((moved(1e-6) - moved(-1e-6)) / 2e-6 - slope).abs() < 1e-8);
        }
    }

    #[test]
    fn sums_by_psu_add_up_to_the_total() {
        let design = Design::from_sizes(&[vec![2, 1], vec![2]], LonelyPsu::Remove).unwrap();
        let codes = [0, 1, 0, 1, 0];
        let value: Cow<'_, [f64]> = vec![1.0, 2.0, 3.0, 4.0, 5.0].into();
        let all = Term { value: value.clone(), within: None };
        let part = Term { value, within: Some(Within { codes: &codes, code: 0 }) };
        let sums = Sums::new(&design, &[2.0; 5], &[all, part]);
        assert_eq!(sums.by_psu, [6.0, 2.0, 6.0, 6.0, 18.0, 10.0]);
        assert_eq!(sums.total, [30.0, 18.0]);
    }
}
