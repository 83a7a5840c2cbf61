//! How does the document look as a printed one?
//!
//! It is written in the language of the typesetter Typst: headings, tables, and drawings as files of their own. All text
//! of the survey is given as string literals, never as markup.

use std::fmt::Write;

use super::Document;
use super::block::{Block, Figure, Table};

/// A document for Typst, and the drawings it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The main file.
    pub main: String,
    /// Name and bytes of each drawing.
    pub drawings: Vec<(String, String)>,
}

/// Page, fonts and spacing. Fonts are those that come with Typst.
const STYLE: &str = r##"
#set page(paper: "a4", margin: (x: 22mm, y: 24mm), numbering: "1 / 1")
#set text(font: "Libertinus Serif", size: 10.5pt, lang: "en")
#set par(justify: true, leading: 0.62em)
#show heading.where(level: 1): it => block(above: 1.6em, below: 0.7em, text(size: 14pt, it.body))
#show heading.where(level: 2): it => block(above: 1.2em, below: 0.5em, text(size: 11.5pt, it.body))
#show figure.caption: it => text(size: 9pt, fill: rgb("#444444"), align(left, it.body))
#show table.cell.where(y: 0): strong
#set table(stroke: (x, y) => (bottom: 0.4pt + rgb("#bbbbbb")), inset: (x: 4pt, y: 2.6pt))
#let warning(body) = block(width: 100%, inset: 7pt, stroke: (left: 2.5pt + rgb("#b86e00")), fill: rgb("#fff4e0"), body)
#let small(body) = { set par(justify: false); text(size: 8pt, body) }
"##;

/// Writes the document.
pub fn source(document: &Document) -> Source {
    let mut main = format!(
        "#set document(title: {0}, date: none)\n{STYLE}\n#text(size: 20pt, weight: \"bold\", {0})\n\n",
        literal(&document.title)
    );
    let mut drawings = Vec::new();
    for block in &document.blocks {
        let _ = match block {
            Block::Heading(text) => writeln!(main, "#heading(level: 1, {})", literal(text)),
            Block::Subheading(text) => writeln!(main, "#heading(level: 2, {})", literal(text)),
            Block::Paragraph(text) => writeln!(main, "#par({})", literal(text)),
            Block::Warning(text) => writeln!(main, "#warning[*Note.* #{}]", literal(text)),
            Block::List(points) => {
                let points: String = points.iter().map(|point| format!("{}, ", literal(point))).collect();
                writeln!(main, "#list({points})")
            }
            Block::Table(table) => writeln!(main, "{}", table_source(table)),
            Block::Figure(figure) => {
                let name = format!("drawing-{}.svg", drawings.len() + 1);
                let text = figure_source(figure, &name);
                drawings.push((name, figure.wide.file()));
                writeln!(main, "{text}")
            }
        };
        main.push('\n');
    }
    Source { main, drawings }
}

fn figure_source(figure: &Figure, name: &str) -> String {
    format!(
        "#figure(image({}, width: 100%, alt: {}), caption: {}, supplement: none)\n{}",
        literal(name),
        literal(&figure.wide.alt),
        literal(&figure.caption),
        table_source(&figure.table)
    )
}

fn table_source(table: &Table) -> String {
    let columns: Vec<&str> = table.head.iter().map(|_| "auto").collect();
    let align: Vec<&str> =
        (0..table.head.len()).map(|at| if table.is_numeric(at) { "right" } else { "left" }).collect();
    let cells = |row: &[String]| row.iter().map(|cell| format!("{}, ", literal(cell))).collect::<String>();
    let mut text = format!(
        "#block(sticky: true, small({}))\n#small(table(columns: ({},), align: ({},), table.header({}),\n",
        literal(&table.caption),
        columns.join(", "),
        align.join(", "),
        cells(&table.head)
    );
    for row in &table.rows {
        let _ = writeln!(text, "  {}", cells(row));
    }
    text.push_str("))");
    text
}

/// A string literal of Typst.
fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            letter if letter.is_control() => literal.push(' '),
            letter => literal.push(letter),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_a_survey_cannot_become_markup() {
        assert_eq!(literal("a\"#let x\\\n"), "\"a\\\"#let x\\\\ \"");
        let blocks = vec![Block::Paragraph("#panic(\"x\")".to_owned())];
        let source = source(&Document { title: "t".to_owned(), blocks });
        assert!(source.main.contains("#par(\"#panic(\\\"x\\\")\")"));
    }
}
