//! Where does a value lie on an axis, and where do the marks stand?

/// An axis from values to places in a drawing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    is_log: bool,
    /// Values that get a mark.
    pub marks: Vec<f64>,
}

impl Scale {
    /// From 0, or from the lowest value if it is below, to a round number above the highest.
    pub(super) fn linear(values: impl IntoIterator<Item = f64>, from: f64, to: f64, n_marks: usize) -> Scale {
        let (low, high) = range(values, 0.0);
        let step = round_step((high - low).max(1e-12) / n_marks as f64);
        let (first, last) = ((low / step).floor() as i64, (high / step).ceil().max(1.0) as i64);
        let marks: Vec<f64> = (first..=last).map(|at| at as f64 * step).collect();
        Scale { low: marks[0], high: marks[marks.len() - 1], from, to, is_log: false, marks }
    }

    /// Over powers of ten and their halves; all values above 0.
    pub(super) fn log(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Scale {
        let (low, high) = range(values.into_iter().filter(|value| *value > 0.0), f64::NAN);
        let (low, high) = (low / 1.15, high * 1.15);
        let steps = |factors: &[f64]| -> Vec<f64> {
            let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
            let all = decades.flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
            all.filter(|mark| (low..=high).contains(mark)).collect()
        };
        let fine = steps(&[1.0, 2.0, 5.0]);
        let marks = if fine.len() > 6 { steps(&[1.0]) } else { fine };
        Scale { low, high, from, to, is_log: true, marks }
    }

    /// Place of a value; values beyond the ends lie on them.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = if self.is_log {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// The ends.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

/// A mark in few letters: 1,500,000 is `1.5 m`, 20,000 is `20,000`, a quarter is `0.25`.
pub(super) fn mark(value: f64) -> String {
    let is_whole = |n: usize, value: f64| (value * 10f64.powi(n as i32)).fract().abs() < 1e-6;
    let written = |value: f64| {
        let decimals = (0..8).find(|&n| is_whole(n, value) || is_whole(n, value + 1e-9)).unwrap_or(2);
        crate::figure::number(Some(value), decimals)
    };
    if value.abs() >= 1e6 { format!("{} m", written(value / 1e6)) } else { written(value) }
}

fn range(values: impl IntoIterator<Item = f64>, at_least: f64) -> (f64, f64) {
    let values = values.into_iter().filter(|value| value.is_finite());
    let (low, high) = values.fold((at_least, at_least), |(low, high), value| (value.min(low), value.max(high)));
    if low.is_nan() { (1.0, 10.0) } else { (low, high) }
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let unit = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * unit).find(|own| *own >= step * 0.999).unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_hold_every_value() {
        let scale = Scale::linear([3.0, 48_211.0], 0.0, 100.0, 5);
        assert_eq!(scale.marks, [0.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0, 50_000.0]);
        assert_eq!(scale.place(25_000.0), 50.0);
        let scale = Scale::log([900.0, 160_000.0], 0.0, 100.0);
        assert_eq!(scale.marks, [1_000.0, 10_000.0, 100_000.0]);
        assert!(scale.place(900.0) > 0.0 && scale.place(160_000.0) < 100.0);
    }

    #[test]
    fn marks_are_short() {
        assert_eq!(
            [0.0, 0.05, 0.3, 1.25, 2.5, 20_000.0, 1.5e6].map(mark),
            ["0", "0.05", "0.3", "1.25", "2.5", "20,000", "1.5 m"]
        );
    }
}
