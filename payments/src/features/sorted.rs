//! What is the median of a window that keeps moving?
//!
//! The values lie sorted in runs of at most 512: a small window is one run, and one of a million costs a search among
//! its runs and one short shift, never a shift of everything.

/// Numbers in order, with duplicates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sorted {
    runs: Vec<Vec<i64>>,
    len: usize,
}

const RUN_MAX: usize = 512;

impl Sorted {
    /// Puts `value` in.
    #[inline]
    pub(crate) fn insert(&mut self, value: i64) {
        self.len += 1;
        let at = self.run_of(value).min(self.runs.len().saturating_sub(1));
        match self.runs.get_mut(at) {
            None => self.runs.push(vec![value]),
            Some(run) => {
                run.insert(run.partition_point(|&v| v < value), value);
                if run.len() > RUN_MAX {
                    let upper = run.split_off(RUN_MAX / 2);
                    self.runs.insert(at + 1, upper);
                }
            }
        }
    }

    /// Takes one `value` out, which must be in.
    #[inline]
    pub(crate) fn remove(&mut self, value: i64) {
        let at = self.run_of(value);
        let Some(run) = self.runs.get_mut(at) else { return };
        let place = run.partition_point(|&v| v < value);
        if run.get(place) == Some(&value) {
            run.remove(place);
            self.len -= 1;
            if run.is_empty() && self.runs.len() > 1 {
                self.runs.remove(at);
            }
        }
    }

    /// The middle value, or the mean of the two middle ones rounded down; 0 when empty.
    #[inline]
    pub(crate) fn median(&self) -> i64 {
        match self.len {
            0 => 0,
            odd if odd % 2 == 1 => self.nth(odd / 2),
            even => {
                let (low, high) = (self.nth(even / 2 - 1), self.nth(even / 2));
                low + (high - low) / 2
            }
        }
    }

    /// Takes everything out.
    pub(crate) fn clear(&mut self) {
        self.runs.truncate(1);
        if let Some(run) = self.runs.first_mut() {
            run.clear();
        }
        self.len = 0;
    }

    /// The first run whose last value is not below `value`.
    #[inline]
    fn run_of(&self, value: i64) -> usize {
        if self.runs.len() <= 1 {
            return 0;
        }
        self.runs.partition_point(|run| run.last().is_some_and(|&last| last < value))
    }

    #[inline]
    fn nth(&self, mut place: usize) -> i64 {
        for run in &self.runs {
            if let Some(&value) = run.get(place) {
                return value;
            }
            place -= run.len();
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_median_follows_a_window_longer_than_many_runs() {
        let mut sorted = Sorted::default();
        let value = |i: i64| (i * 7919) % 1000;
        for i in 0..6000 {
            sorted.insert(value(i));
            if i >= 4000 {
                sorted.remove(value(i - 4000));
            }
            if i % 500 == 499 {
                let mut window: Vec<i64> = ((i - 3999).max(0)..=i).map(value).collect();
                window.sort_unstable();
                let n = window.len();
                assert_eq!(sorted.median(), window[n / 2 - 1] + (window[n / 2] - window[n / 2 - 1]) / 2);
            }
        }
    }

    proptest! {
        #[test]
        fn the_median_is_that_of_a_sorted_list(steps in prop::collection::vec((0..50_i64, any::<bool>()), 0..300)) {
            let (mut sorted, mut list) = (Sorted::default(), Vec::<i64>::new());
            for (value, is_insert) in steps {
                if is_insert {
                    sorted.insert(value);
                    list.push(value);
                    list.sort_unstable();
                } else if let Some(place) = list.iter().position(|&v| v == value) {
                    sorted.remove(value);
                    list.remove(place);
                }
                let n = list.len();
                let median = if n == 0 { 0 } else if n % 2 == 1 { list[n / 2] } else { list[n / 2 - 1] + (list[n / 2] - list[n / 2 - 1]) / 2 };
                prop_assert_eq!(sorted.median(), median);
            }
        }
    }
}
