//! Which long straight edges does a picture have?

use std::cmp::Reverse;

use super::edges::{BLOCK_PX, Edges};

/// An edge is long from this many blocks on.
const RUN_MIN: usize = 4;
/// Only the strongest lines are kept: pairs of pairs of them are looked at.
const LINES_MAX: usize = 48;
/// Lines this close to each other are one, pixels.
const SAME_PX: usize = 3;
/// Ends of runs are known to a block or so, pixels.
const SLACK_PX: usize = 12;

/// A straight edge, or a border of the frame.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Which column.
    pub(super) at: usize,
    /// First row.
    from: usize,
    /// Row after the last one.
    to: usize,
    strength: usize,
    /// A border of the frame: no edge is seen there, and none is needed.
    pub(super) is_border: bool,
}

/// The lines of a picture and its two borders, from left to right.
pub(super) fn lines(edges: &Edges) -> Vec<Line> {
    let mut runs: Vec<Line> = Vec::new();
    for (x, n_strong) in edges.n_strong().into_iter().enumerate() {
        if usize::from(n_strong) >= RUN_MIN {
            add_runs(edges, x, &mut runs);
        }
    }
    runs.sort_by_key(|line| Reverse(line.strength));
    let mut lines: Vec<Line> = Vec::with_capacity(LINES_MAX + 2);
    for run in runs {
        if lines.len() < LINES_MAX && !lines.iter().any(|line| line.holds(&run)) {
            lines.push(run);
        }
    }
    let border = |at| Line { at, from: 0, to: usize::MAX / 2, strength: 0, is_border: true };
    lines.extend([border(0), border(edges.width())]);
    lines.sort_by_key(|line| line.at);
    lines
}

/// Runs of strong blocks down one column; a gap may be half as long as what came before it.
fn add_runs(edges: &Edges, x: usize, runs: &mut Vec<Line>) {
    let (mut start, mut last, mut n) = (0, 0, 0);
    for block in 0..=edges.n_blocks() {
        if block < edges.n_blocks() && edges.is_strong(x, block) {
            start = if n == 0 { block } else { start };
            (last, n) = (block, n + 1);
            continue;
        }
        let is_over = block == edges.n_blocks() || block - last > (n / 2).clamp(2, 6);
        if is_over && n >= RUN_MIN {
            let strength = edges.strength(x, start..last + 1);
            runs.push(Line { at: x, from: start * BLOCK_PX, to: (last + 1) * BLOCK_PX, strength, is_border: false });
        }
        n = if is_over { 0 } else { n };
    }
}

impl Line {
    /// Whether `other` is a weaker sight of the same edge.
    fn holds(&self, other: &Line) -> bool {
        let common = self.to.min(other.to).saturating_sub(self.from.max(other.from));
        self.at.abs_diff(other.at) <= SAME_PX && 2 * common > other.to - other.from
    }

    /// Whether this line, which runs the other way, may close a rectangle between two lines: it runs over most of
    /// the way between them, and both come near it. Corners may be faint, so a quarter of a side may lack.
    pub(super) fn joins(&self, left: &Line, right: &Line) -> bool {
        let (from, to) = (left.from.max(right.from), left.to.min(right.to));
        let slack = SLACK_PX + to.saturating_sub(from).min(usize::from(u16::MAX)) / 4;
        let common = self.to.min(right.at).saturating_sub(self.from.max(left.at));
        self.at + slack >= from && self.at <= to.saturating_add(slack) && common * 10 >= (right.at - left.at) * 6
    }
}
