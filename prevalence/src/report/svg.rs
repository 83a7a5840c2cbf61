//! How is a drawing written as SVG?
//!
//! Colours are classes: the page gives them, light or dark; on paper [`PAPER`] does. Coordinates have one decimal, so
//! that the same drawing has the same bytes everywhere.

use std::fmt::Write;

use super::html::escape;

/// Classes and colours for paper, as a style sheet inside the drawing.
pub(super) const PAPER: &str = "<style>\
    text{font-family:'Libertinus Serif',serif;font-size:12px;fill:#1a1a1a}\
    .faint{fill:#555}.strong{font-weight:bold}.grid{stroke:#ddd;stroke-width:1}.axis{stroke:#777;stroke-width:1}\
    .line{stroke:#1f5fa8;stroke-width:2;fill:none}.mark{fill:#1f5fa8}.thin{stroke:#1f5fa8;stroke-width:1.2}.pale{stroke:#9dbfe3;stroke-width:2}\
    .line2{stroke:#b04a12;stroke-width:2;fill:none}.mark2{fill:#b04a12}.open{fill:none;stroke:#b04a12;stroke-width:1}\
    .ideal{stroke:#555;stroke-width:1.5;stroke-dasharray:5 4;fill:none}.bar{fill:#9dbfe3}.chosen{fill:none;stroke:#1a1a1a;stroke-width:2}\
    .shade{fill:#1f5fa8}.onshade{fill:#fff}.onmid{fill:#1a1a1a}</style>";

/// A drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Width in units of a CSS pixel.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// What is seen, in one sentence.
    pub alt: String,
    body: String,
}

/// Where a text stands beside its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Drawing {
    pub(super) fn new(width: f64, height: f64, alt: &str) -> Drawing {
        Drawing { width, height, alt: alt.to_owned(), body: String::new() }
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ = write!(self.body, r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#);
    }

    pub(super) fn circle(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        let _ = write!(self.body, r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{radius:.1}"/>"#);
    }

    pub(super) fn rectangle(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64), opacity: f64) {
        let _ = write!(
            self.body,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" opacity="{opacity:.2}"/>"#
        );
    }

    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        let _ =
            write!(self.body, r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#);
    }

    /// The drawing inside a page, whose style sheet has the classes.
    pub fn inline(&self, class: &str) -> String {
        let (width, height, alt) = (self.width, self.height, escape(&self.alt));
        format!(
            r#"<svg class="{class}" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-label="{alt}">{}</svg>"#,
            self.body
        )
    }

    /// The drawing as a file of its own, in the colours for paper.
    pub fn file(&self) -> String {
        let (width, height) = (self.width, self.height);
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}">{PAPER}{}</svg>"#,
            self.body
        )
    }
}
