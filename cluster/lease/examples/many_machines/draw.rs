//! How is a plot drawn?
//!
//! Plain SVG on white, with its axes written out; coordinates have one decimal, so that equal figures have equal bytes.

use std::fmt::Write as _;

/// Ink, brick, leaf, sea.
pub(crate) const COLOURS: [&str; 4] = ["#14213d", "#9a3b26", "#2a6f4e", "#2f6690"];

/// An axis with its marks.
pub(crate) struct Axis<'a> {
    /// What it shows, with its unit.
    pub(crate) title: &'a str,
    /// Where it begins and ends.
    pub(crate) ends: (f64, f64),
    /// Whether each step is as many times as the last.
    pub(crate) is_logarithmic: bool,
    /// Where a line is drawn, and what stands there.
    pub(crate) marks: Vec<(f64, String)>,
}

/// One line.
pub(crate) struct Line<'a> {
    /// What stands above its end.
    pub(crate) name: &'a str,
    /// Which of [`COLOURS`].
    pub(crate) colour: usize,
    /// Whether it is broken: a limit, not a result.
    pub(crate) is_limit: bool,
    /// Its points.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A pair of bars: what half of them stay under, and what 99 of 100 do.
pub(crate) struct Bar {
    /// What stands before it.
    pub(crate) name: String,
    /// The middle.
    pub(crate) p50: f64,
    /// The ninety-ninth of a hundred.
    pub(crate) p99: f64,
}

const LEFT: f64 = 76.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = 350.0;

/// Lines over one another.
pub(crate) fn lines(title: &str, below: &str, x: &Axis, y: &Axis, lines: &[Line]) -> String {
    let mut svg = sheet(title, below, 400.0);
    let (at_x, at_y) = (|v: f64| LEFT + x.share(v) * (RIGHT - LEFT), |v: f64| BOTTOM - y.share(v) * (BOTTOM - TOP));
    for (value, text) in &x.marks {
        let at = at_x(*value);
        let _ = writeln!(
            svg,
            r##"<path d="M{at:.1} {TOP}V{BOTTOM}" stroke="#e4e4e4"/><text x="{at:.1}" y="{:.1}" text-anchor="middle" fill="#444444">{text}</text>"##,
            BOTTOM + 18.0
        );
    }
    for (value, text) in &y.marks {
        let at = at_y(*value);
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {at:.1}H{RIGHT}" stroke="#e4e4e4"/><text x="{:.1}" y="{:.1}" text-anchor="end" fill="#444444">{text}</text>"##,
            LEFT - 8.0,
            at + 4.5
        );
    }
    let _ = writeln!(
        svg,
        r##"<text x="{:.1}" y="{:.1}" text-anchor="middle" fill="#444444">{}</text><text x="16" y="66" fill="#444444">{}</text>"##,
        (LEFT + RIGHT) / 2.0,
        BOTTOM + 40.0,
        x.title,
        y.title
    );
    for line in lines {
        let points: Vec<String> =
            line.points.iter().map(|(vx, vy)| format!("{:.1},{:.1}", at_x(*vx), at_y(*vy))).collect();
        let colour = COLOURS[line.colour];
        let dashes = if line.is_limit { r#" stroke-dasharray="6 5""# } else { "" };
        let _ = writeln!(
            svg,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"{dashes}/>"#,
            points.join(" ")
        );
    }
    // Names stand at the ends of their lines, no two on one another.
    let mut names: Vec<(f64, f64, &Line)> =
        lines.iter().filter_map(|line| line.points.last().map(|(vx, vy)| (at_x(*vx) + 8.0, at_y(*vy), line))).collect();
    names.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut above = f64::MAX;
    for (x, y, line) in names {
        above = y.min(above - 16.0);
        let _ = writeln!(
            svg,
            r#"<text x="{x:.1}" y="{:.1}" fill="{}">{}</text>"#,
            above + 4.5,
            COLOURS[line.colour],
            line.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Bars below one another: dark to the middle, pale to the ninety-ninth of a hundred.
pub(crate) fn bars(title: &str, below: &str, x: &Axis, bars: &[Bar]) -> String {
    let height = 110.0 + bars.len() as f64 * 30.0;
    let mut svg = sheet(title, below, height);
    const FROM: f64 = 330.0;
    let at = |v: f64| FROM + x.share(v) * (800.0 - FROM);
    for (value, text) in &x.marks {
        let _ = writeln!(
            svg,
            r##"<path d="M{0:.1} 64V{1:.1}" stroke="#e4e4e4"/><text x="{0:.1}" y="{2:.1}" text-anchor="middle" fill="#444444">{text}</text>"##,
            at(*value),
            height - 36.0,
            height - 16.0
        );
    }
    for (place, Bar { name, p50, p99 }) in bars.iter().enumerate() {
        let y = 70.0 + place as f64 * 30.0;
        let colour = COLOURS[1];
        let _ = writeln!(
            svg,
            r##"<text x="16" y="{0:.1}">{name}</text><rect x="{FROM}" y="{y:.1}" width="{1:.1}" height="18" fill="{colour}" fill-opacity="0.35"/><rect x="{FROM}" y="{y:.1}" width="{2:.1}" height="18" fill="{colour}"/><text x="{3:.1}" y="{0:.1}" fill="#1a1a1a">{p50:.2} · {p99:.2}</text>"##,
            y + 14.0,
            at(*p99) - FROM,
            at(*p50) - FROM,
            at(*p99) + 6.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

impl Axis<'_> {
    /// From 0 to `to`, a mark at each step.
    pub(crate) fn plain<'a>(title: &'a str, to: f64, step: f64, unit: &str) -> Axis<'a> {
        let n = (to / step).round() as usize;
        let marks = (0..=n).map(|n| (n as f64 * step, format!("{}{unit}", n as f64 * step))).collect();
        Axis { title, ends: (0.0, to), is_logarithmic: false, marks }
    }

    /// Where a value lies between the ends, `0.0..=1.0`.
    fn share(&self, value: f64) -> f64 {
        let (from, to) = self.ends;
        let share = match self.is_logarithmic {
            true => (value.max(from) / from).log10() / (to / from).log10(),
            false => (value - from) / (to - from),
        };
        share.clamp(0.0, 1.0)
    }
}

fn sheet(title: &str, below: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 {height:.0}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\" aria-labelledby=\"t\">\n\
         <title id=\"t\">{title}</title>\n<rect width=\"860\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"16\">{title}</text>\n<text x=\"16\" y=\"46\" fill=\"#444444\">{below}</text>\n"
    )
}
