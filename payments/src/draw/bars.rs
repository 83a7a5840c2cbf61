//! How do two or three rows of numbers look beside each other?
//!
//! Columns in groups, one group for each label. The picture is small and says nothing that the table beside it does not;
//! each column has a title with its number. Colours are classes with a fallback, so a page can draw it light or dark.

use std::fmt::Write as _;

use super::escaped;
use super::words::{Say, Words};

const WIDTH: usize = 640;
const HEIGHT: usize = 190;
const LEFT: usize = 44;
const TOP: usize = 30;
const BOTTOM: usize = 160;
/// Labels that find room under the columns, at most.
const N_LABELS_MAX: usize = 12;

/// One kind of column: what it counts, its class on the page, and its colour elsewhere.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// What it counts.
    pub name: &'a str,
    /// One value for each label, 0 or more.
    pub values: Vec<f64>,
}

/// A picture of columns.
#[derive(Clone, Debug)]
pub struct Bars<'a> {
    /// Name within its page, for the titles; letters and digits.
    pub id: &'a str,
    /// What the picture shows.
    pub title: &'a str,
    /// What a value is, such as `percent` or `raised`.
    pub unit: &'a str,
    /// What stands under each group.
    pub labels: Vec<String>,
    /// The kinds, three at most.
    pub series: Vec<Series<'a>>,
}

/// Class and colour of each kind.
const KINDS: [(&str, &str); 3] = [("one", "#8a8f98"), ("two", "#9a3b26"), ("three", "#14213d")];

impl Bars<'_> {
    /// The picture as SVG; `say` says in some language what is not given in the fields.
    pub fn svg(&self, say: Say<'_>) -> String {
        let most = self.series.iter().flat_map(|series| &series.values).fold(0.0, |most: f64, value| most.max(*value));
        let top = ceiling(most);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-labelledby=\"{id}-t {id}-d\" font-family=\"sans-serif\" font-size=\"12\">\n<title id=\"{id}-t\">{title}</title>\n\
             <desc id=\"{id}-d\">{told}</desc>\n\
             <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n",
            id = self.id,
            title = escaped(self.title),
            told = escaped(&say(&Words::Columns { n: self.labels.len() })),
        );
        self.draw_scale(&mut svg, top);
        for (place, series) in self.series.iter().enumerate().take(KINDS.len()) {
            self.draw_series(&mut svg, place, series, top, say);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn draw_scale(&self, svg: &mut String, top: f64) {
        // Half of what is counted in ones says nothing.
        let ticks = [(0.0, BOTTOM), (0.5, (TOP + BOTTOM) / 2), (1.0, TOP)];
        for (share, y) in ticks.into_iter().filter(|(share, _)| (top * share).fract() == 0.0) {
            let _ = writeln!(
                svg,
                "<path class=\"rule\" d=\"M{LEFT} {y}H{WIDTH}\" stroke=\"#dddddd\"/>\
                 <text class=\"soft\" x=\"{x}\" y=\"{base}\" text-anchor=\"end\" fill=\"#444444\">{value}</text>",
                x = LEFT - 6,
                base = y + 4,
                value = number(top * share),
            );
        }
        let step = self.labels.len().div_ceil(N_LABELS_MAX).max(1);
        for (place, label) in self.labels.iter().enumerate().step_by(step) {
            let _ = writeln!(
                svg,
                "<text class=\"soft\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" font-size=\"10\" fill=\"#444444\">{}</text>",
                LEFT as f64 + (place as f64 + 0.5) * self.group(),
                BOTTOM + 16,
                escaped(label)
            );
        }
    }

    fn draw_series(&self, svg: &mut String, place: usize, series: &Series<'_>, top: f64, say: Say<'_>) {
        let (class, colour) = KINDS[place];
        let x = LEFT + place * 200;
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{x}\" y=\"8\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text class=\"ink\" x=\"{text}\" y=\"19\" fill=\"#1a1a1a\">{name}</text>",
            text = x + 18,
            name = escaped(series.name),
        );
        let width = self.group() * 0.8 / self.series.len() as f64;
        for (group, (value, label)) in series.values.iter().zip(&self.labels).enumerate() {
            let height = (BOTTOM - TOP) as f64 * value / top;
            let _ = writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\">\
                 <title>{column}</title></rect>",
                x = LEFT as f64 + (group as f64 + 0.1) * self.group() + width * place as f64,
                y = BOTTOM as f64 - height,
                column = escaped(&say(&Words::Column {
                    label,
                    series: series.name,
                    value: &number(*value),
                    unit: self.unit
                })),
            );
        }
    }

    /// The width of a group.
    fn group(&self) -> f64 {
        (WIDTH - LEFT) as f64 / self.labels.len().max(1) as f64
    }
}

/// The next of 1, 2, 5, 10, 20, … from `value` on.
fn ceiling(value: f64) -> f64 {
    let mut step = 1.0;
    while step < value {
        step *= if number(step).starts_with('2') { 2.5 } else { 2.0 };
    }
    step
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::super::words::english;
    use super::*;

    #[test]
    fn the_highest_column_fits_and_no_label_is_markup() {
        assert_eq!(
            [0.0, 1.0, 1.5, 3.0, 7.0, 11.0, 60.0, 1e6].map(ceiling),
            [1.0, 1.0, 2.0, 5.0, 10.0, 20.0, 100.0, 1e6]
        );
        let bars = Bars {
            id: "x",
            title: "a <b>",
            unit: "percent",
            labels: vec!["up to 3".to_owned(), "<4>".to_owned()],
            series: vec![
                Series { name: "then", values: vec![60.0, 40.0] },
                Series { name: "now", values: vec![12.5, 87.5] },
            ],
        };
        let svg = bars.svg(&english);
        assert_eq!(svg.matches("<rect").count(), 1 + 2 * 3);
        assert!(svg.contains("&lt;4&gt;, now: 87.5 percent") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("y=\"46.2\"") && svg.contains("height=\"113.8\""), "87.5 of 100: {svg}");
        let empty = Bars { labels: Vec::new(), series: Vec::new(), ..bars }.svg(&english);
        assert!(!empty.contains("NaN") && !empty.contains("inf"));
    }
}
