//! How common is a group in each area, from its own answers and together with the others?

use super::super::scale::{Scale, mark};
use super::super::svg::{Anchor, Drawing};
use crate::bayes::municipal::AreaEstimate;

const LEFT: f64 = 46.0;
const PLOT: f64 = 300.0;

/// Draws areas by rising pooled rate: its interval as a bar, and the area's own rate as a ring.
pub(in super::super) fn caterpillar(areas: &[&AreaEstimate], width: f64, alt: &str) -> Drawing {
    let mut sorted: Vec<&&AreaEstimate> = areas.iter().filter(|area| area.rate_per_1000.is_some()).collect();
    let rate = |area: &AreaEstimate| area.rate_per_1000.unwrap_or(0.0);
    sorted.sort_by(|a, b| rate(a).total_cmp(&rate(b)).then_with(|| a.area.cmp(&b.area)));
    let mut drawing = Drawing::new(width, PLOT + 66.0, alt);
    let values = sorted.iter().flat_map(|area| [area.ci_high, area.direct_rate_per_1000]).flatten();
    let up = Scale::linear(values, 24.0 + PLOT, 24.0, 5);
    for &at in &up.marks {
        drawing.line("grid", (LEFT, up.place(at)), (width - 8.0, up.place(at)));
        drawing.text("faint", (LEFT - 8.0, up.place(at) + 4.0), Anchor::End, &mark(at));
    }
    drawing.text("faint", (2.0, 12.0), Anchor::Start, "in a thousand people");
    let step = (width - LEFT - 16.0) / sorted.len().max(1) as f64;
    let radius = (step * 0.42).clamp(1.2, 4.0);
    for (at, area) in sorted.iter().enumerate() {
        let x = LEFT + 4.0 + step * (at as f64 + 0.5);
        if let (Some(low), Some(high)) = (area.ci_low, area.ci_high) {
            drawing.line("pale", (x, up.place(low)), (x, up.place(high)));
        }
        if let Some(direct) = area.direct_rate_per_1000 {
            drawing.circle("open", (x, up.place(direct)), radius);
        }
        drawing.circle("mark", (x, up.place(rate(area))), radius);
    }
    let base = 24.0 + PLOT;
    drawing.line("axis", (LEFT, base), (width - 8.0, base));
    let n_withheld = areas.len() - sorted.len();
    let told = match n_withheld {
        0 => format!("{} areas, by rising pooled rate", sorted.len()),
        n => format!("{} areas by rising pooled rate, {n} withheld", sorted.len()),
    };
    drawing.text("faint", (LEFT, base + 20.0), Anchor::Start, &told);
    drawing.line("pale", (LEFT + 5.0, base + 27.0), (LEFT + 5.0, base + 41.0));
    drawing.circle("mark", (LEFT + 5.0, base + 34.0), 4.0);
    drawing.text("faint", (LEFT + 14.0, base + 38.0), Anchor::Start, "pooled, with interval");
    drawing.circle("open", (LEFT + 165.0, base + 34.0), 4.0);
    drawing.text("faint", (LEFT + 174.0, base + 38.0), Anchor::Start, "own answers alone");
    drawing
}
