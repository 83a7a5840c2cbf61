//! How large is each group, with its interval?

use super::super::scale::{Scale, mark};
use super::super::svg::{Anchor, Drawing};
use super::fitting;

/// One line of the plot; what is withheld has no figures and says so.
pub(in super::super) struct Row {
    /// Name on the left.
    pub name: String,
    /// Estimate and the ends of its interval.
    pub figures: Option<(f64, f64, f64)>,
    /// Whether it is drawn in the second colour.
    pub is_second: bool,
}

const ROW: f64 = 30.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 44.0;

/// Draws estimates as points and intervals as bars, from 0.
pub(in super::super) fn intervals(rows: &[Row], width: f64, axis: &str, alt: &str) -> Drawing {
    let is_narrow = width < 500.0;
    // On a telephone the name stands above its bar.
    let (left, row) = if is_narrow { (12.0, ROW + 14.0) } else { (230.0, ROW) };
    let height = TOP + row * rows.len() as f64 + BOTTOM;
    let mut drawing = Drawing::new(width, height, alt);
    let values = rows.iter().filter_map(|row| row.figures).flat_map(|(value, low, high)| [value, low, high]);
    let scale = Scale::linear(values, left, width - 24.0, if is_narrow { 3 } else { 5 });
    let base = height - BOTTOM + 6.0;
    for &at in &scale.marks {
        let x = scale.place(at);
        drawing.line("grid", (x, TOP - 6.0), (x, base));
        drawing.text("faint", (x, base + 16.0), Anchor::Middle, &mark(at));
    }
    drawing.text("faint", ((left + width - 24.0) / 2.0, base + 34.0), Anchor::Middle, axis);
    for (at, own) in rows.iter().enumerate() {
        let top = TOP + row * at as f64;
        let y = top + if is_narrow { 30.0 } else { ROW / 2.0 };
        if is_narrow {
            drawing.text("", (left, top + 14.0), Anchor::Start, &fitting(&own.name, width - 30.0));
        } else {
            drawing.text("", (left - 14.0, y + 4.0), Anchor::End, &fitting(&own.name, left - 20.0));
        }
        let Some((value, low, high)) = own.figures else {
            drawing.text("faint", (left + 6.0, y + 4.0), Anchor::Start, "withheld");
            continue;
        };
        let (line, dot) = if own.is_second { ("line2", "mark2") } else { ("line", "mark") };
        drawing.line(line, (scale.place(low), y), (scale.place(high), y));
        for end in [low, high] {
            drawing.line(line, (scale.place(end), y - 5.0), (scale.place(end), y + 5.0));
        }
        drawing.circle(dot, (scale.place(value), y), 5.0);
    }
    drawing
}
