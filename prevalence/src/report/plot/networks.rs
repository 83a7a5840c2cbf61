//! How many people do respondents know?

use super::super::scale::{Scale, mark};
use super::super::svg::{Anchor, Drawing};

/// One bar of the plot.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Bin {
    /// Smallest network in it.
    pub from: f64,
    /// One past the largest.
    pub to: f64,
    /// Share of respondents.
    pub share: f64,
}

/// Shares of respondents by network size, in about twelve bins; the last is open.
pub(in super::super) fn bins(degrees: &[f64]) -> Vec<Bin> {
    let sorted = crate::interval::sorted(degrees);
    let high = crate::interval::quantile(&sorted, 0.99);
    if high.is_nan() || high <= 0.0 {
        return Vec::new();
    }
    let step = Scale::linear([high], 0.0, 1.0, 12).marks[1];
    let n_bins = (high / step).ceil() as usize;
    (0..n_bins)
        .map(|at| {
            let (from, to) = (at as f64 * step, if at + 1 == n_bins { f64::INFINITY } else { (at + 1) as f64 * step });
            let n = sorted.iter().filter(|degree| (from..to).contains(degree)).count();
            Bin { from, to, share: n as f64 / sorted.len() as f64 }
        })
        .collect()
}

/// Draws the shares as columns.
pub(in super::super) fn networks(degrees: &[f64], width: f64, alt: &str) -> Drawing {
    let bins = bins(degrees);
    let (left, plot) = (46.0, 170.0);
    let mut drawing = Drawing::new(width, plot + 74.0, alt);
    let up = Scale::linear(bins.iter().map(|bin| 100.0 * bin.share), 20.0 + plot, 20.0, 4);
    for &at in &up.marks {
        drawing.line("grid", (left, up.place(at)), (width - 8.0, up.place(at)));
        drawing.text("faint", (left - 8.0, up.place(at) + 4.0), Anchor::End, &mark(at));
    }
    drawing.text("faint", (2.0, 10.0), Anchor::Start, "% of respondents");
    let step = (width - left - 16.0) / bins.len().max(1) as f64;
    let every = if step < 40.0 { 2 } else { 1 };
    for (at, bin) in bins.iter().enumerate() {
        let (x, y) = (left + 4.0 + step * at as f64, up.place(100.0 * bin.share));
        drawing.rectangle("bar", (x + 1.0, y), (step - 2.0, 20.0 + plot - y), 1.0);
        if at % every == 0 {
            drawing.text("faint", (x, plot + 38.0), Anchor::Middle, &mark(bin.from));
        }
    }
    drawing.line("axis", (left, 20.0 + plot), (width - 8.0, 20.0 + plot));
    drawing.text(
        "faint",
        ((left + width - 8.0) / 2.0, plot + 60.0),
        Anchor::Middle,
        "people in the network; the last column is open",
    );
    drawing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_every_respondent() {
        let degrees: Vec<f64> = (0..1000).map(|at| f64::from(at) * 1.3).collect();
        let bins = bins(&degrees);
        assert!((bins.iter().map(|bin| bin.share).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(bins.len() > 5 && bins.last().unwrap().to.is_infinite());
        assert!(super::bins(&[0.0, f64::NAN]).is_empty());
    }
}
