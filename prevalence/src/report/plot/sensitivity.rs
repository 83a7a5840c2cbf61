//! How much does the answer hang on what was assumed?

use super::super::scale::mark;
use super::super::svg::{Anchor, Drawing};
use crate::figure::{people, round_to_figures};
use crate::sensitivity::Grid;

const CELL: f64 = 44.0;

/// Draws adjusted sizes as a grid of cells, the darker the larger.
pub(in super::super) fn sensitivity(grid: &Grid, width: f64, alt: &str) -> Drawing {
    let (left, top) = (58.0, 40.0);
    let (n_rows, n_columns) = (grid.degree_ratios.len(), grid.true_positive_rates.len());
    let cell = (width - left - 8.0) / n_columns as f64;
    let mut drawing = Drawing::new(width, top + CELL * n_rows as f64 + 8.0, alt);
    let is_narrow = width < 500.0;
    let across =
        if is_narrow { "share of ties reported" } else { "share of ties to the group that respondents report" };
    let down = if is_narrow { "ratio" } else { "network ratio" };
    drawing.text("faint", ((left + width - 8.0) / 2.0 + 14.0, 14.0), Anchor::Middle, across);
    drawing.text("faint", (if is_narrow { left - 10.0 } else { left + 22.0 }, 32.0), Anchor::End, down);
    for (column, tau) in grid.true_positive_rates.iter().enumerate() {
        let x = left + cell * (column as f64 + 0.5);
        // The corner of the grid has the name of the rows.
        let is_free = is_narrow || column > 0 || cell > 90.0;
        if is_free {
            drawing.text("strong", (x, 32.0), Anchor::Middle, &mark(*tau));
        }
    }
    let all = grid.sizes.iter().flatten().map(|size| size.estimate);
    let (low, high) = all.fold((f64::INFINITY, 0.0f64), |(low, high), size| (low.min(size), high.max(size)));
    for (row, (delta, sizes)) in grid.degree_ratios.iter().zip(&grid.sizes).enumerate() {
        let y = top + CELL * row as f64;
        drawing.text("strong", (left - 10.0, y + CELL / 2.0 + 4.0), Anchor::End, &mark(*delta));
        for (column, size) in sizes.iter().enumerate() {
            let x = left + cell * column as f64;
            let share = if high > low { (size.estimate / low).ln() / (high / low).ln() } else { 0.0 };
            drawing.rectangle("shade", (x + 1.0, y + 1.0), (cell - 2.0, CELL - 2.0), 0.1 + 0.9 * share);
            // Dark letters up to where white ones are easier to read.
            let class = match share {
                share if share > 0.78 => "onshade",
                share if share > 0.4 => "onmid",
                _ => "",
            };
            let text = if is_narrow { short(size.estimate) } else { people(Some(size.estimate)) };
            drawing.text(class, (x + cell / 2.0, y + CELL / 2.0 + 4.0), Anchor::Middle, &text);
        }
    }
    drawing
}

/// 44,400 people as `44k`.
fn short(size: f64) -> String {
    match size {
        size if size >= 1e6 => format!("{:.1}m", size / 1e6),
        size if size >= 1e4 => format!("{:.0}k", size / 1e3),
        size if size >= 1e3 => format!("{:.1}k", size / 1e3),
        size => mark(round_to_figures(size, 2).round()),
    }
}
