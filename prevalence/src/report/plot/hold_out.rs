//! Does the method find the groups whose size we know?

use super::super::scale::{Scale, mark};
use super::super::svg::{Anchor, Drawing};
use crate::holdout::HoldOut;

/// Draws the estimate of each known group over its known size, both in powers of ten, with the line where they agree.
pub(in super::super) fn hold_out(groups: &[HoldOut], width: f64, alt: &str) -> Drawing {
    let (left, bottom) = (66.0, 48.0);
    let side = (width - left - 20.0).min(420.0);
    let mut drawing = Drawing::new(width, side + bottom + 16.0, alt);
    let ends =
        |group: &HoldOut| [Some(group.size), group.estimate, group.ci_low.filter(|low| *low > 0.0), group.ci_high];
    let values: Vec<f64> = groups.iter().flat_map(ends).flatten().collect();
    let across = Scale::log(values.iter().copied(), left, left + side);
    let up = Scale::log(values.iter().copied(), 16.0 + side, 16.0);
    for &at in &across.marks {
        drawing.line("grid", (across.place(at), 16.0), (across.place(at), 16.0 + side));
        drawing.line("grid", (left, up.place(at)), (left + side, up.place(at)));
        drawing.text("faint", (across.place(at), side + 32.0), Anchor::Middle, &mark(at));
        drawing.text("faint", (left - 8.0, up.place(at) + 4.0), Anchor::End, &mark(at));
    }
    let (low, high) = across.ends();
    drawing.line("ideal", (across.place(low), up.place(low)), (across.place(high), up.place(high)));
    drawing.text("faint", (left + side / 2.0, side + 54.0), Anchor::Middle, "known size");
    drawing.text("faint", (left - 58.0, 11.0), Anchor::Start, "estimate");
    for group in groups {
        let Some(estimate) = group.estimate else { continue };
        let x = across.place(group.size);
        if let (Some(ci_low), Some(ci_high)) = (group.ci_low, group.ci_high) {
            drawing.line("line", (x, up.place(ci_low)), (x, up.place(ci_high)));
        }
        drawing.circle("mark", (x, up.place(estimate)), 4.5);
    }
    drawing
}
