//! Which multipliers solve the normal equations, when some margins say the same?

use rayon::prelude::*;

use crate::estimand::sum;

/// A pivot below this share of its column's own length says that the column follows from earlier ones.
const DEPENDENT: f64 = 1e-12;

/// `X' W X`, factored as `L D L'` with dependent columns left out.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    n: usize,
    /// Row by row, unit lower triangle.
    lower: Vec<f64>,
    /// Pivots; 0 for a column that was left out.
    pivots: Vec<f64>,
    /// Scale of each column, so that pivots compare.
    scales: Vec<f64>,
    matrix: Vec<f64>,
}

impl Normal {
    /// Factors `X' W X`; `columns` is `[column][row]`.
    pub(super) fn new(columns: &[Vec<f64>], weights: &[f64]) -> Normal {
        let n = columns.len();
        let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))).collect();
        let product = |&(i, j): &(usize, usize)| {
            sum(weights.iter().zip(&columns[i]).zip(&columns[j]).map(|((w, x), y)| w * x * y))
        };
        let products: Vec<f64> = pairs.par_iter().map(product).collect();
        let mut raw = vec![0.0; n * n];
        for (&(i, j), value) in pairs.iter().zip(products) {
            raw[i * n + j] = value;
            raw[j * n + i] = value;
        }
        Normal::factor(n, raw)
    }

    fn factor(n: usize, raw: Vec<f64>) -> Normal {
        // Powers of two: scaling by them rounds nothing.
        let root = |i: usize| if raw[i * n + i] > 0.0 { (raw[i * n + i].log2() / 2.0).round().exp2() } else { 1.0 };
        let scales: Vec<f64> = (0..n).map(root).collect();
        let matrix: Vec<f64> = (0..n * n).map(|at| raw[at] / (scales[at / n] * scales[at % n])).collect();
        let (mut lower, mut pivots) = (vec![0.0; n * n], vec![0.0; n]);
        for i in 0..n {
            for j in 0..i {
                let done = sum((0..j).map(|k| lower[i * n + k] * lower[j * n + k] * pivots[k]));
                lower[i * n + j] = if pivots[j] == 0.0 { 0.0 } else { (matrix[i * n + j] - done) / pivots[j] };
            }
            let rest = matrix[i * n + i] - sum((0..i).map(|k| lower[i * n + k] * lower[i * n + k] * pivots[k]));
            pivots[i] = if rest > DEPENDENT { rest } else { 0.0 };
        }
        Normal { n, lower, pivots, scales, matrix }
    }

    /// Solves for `right`, once more for what rounding left over.
    pub(super) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let n = self.n;
        let scaled: Vec<f64> = right.iter().zip(&self.scales).map(|(value, scale)| value / scale).collect();
        let mut solution = self.substitute(&scaled);
        let left: Vec<f64> =
            (0..n).map(|i| scaled[i] - sum((0..n).map(|j| self.matrix[i * n + j] * solution[j]))).collect();
        solution.iter_mut().zip(self.substitute(&left)).for_each(|(own, more)| *own += more);
        solution.iter().zip(&self.scales).map(|(value, scale)| value / scale).collect()
    }

    fn substitute(&self, right: &[f64]) -> Vec<f64> {
        let n = self.n;
        let mut values = vec![0.0; n];
        for i in 0..n {
            values[i] = right[i] - sum((0..i).map(|k| self.lower[i * n + k] * values[k]));
        }
        for (value, &pivot) in values.iter_mut().zip(&self.pivots) {
            *value = if pivot == 0.0 { 0.0 } else { *value / pivot };
        }
        for i in (0..n).rev() {
            let done = sum((i + 1..n).map(|k| self.lower[k * n + i] * values[k]));
            values[i] = if self.pivots[i] == 0.0 { 0.0 } else { values[i] - done };
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_says_nothing_new_gets_no_multiplier() {
        let columns = vec![vec![1.0, 1.0, 0.0], vec![0.0, 0.0, 1.0], vec![1.0, 1.0, 1.0]];
        let normal = Normal::new(&columns, &[1.0, 2.0, 4.0]);
        let solution = normal.solve(&[6.0, 8.0, 14.0]);
        assert_eq!(solution, [2.0, 2.0, 0.0]);
    }
}
