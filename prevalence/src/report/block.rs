//! Of which parts does a document consist?

use super::svg::Drawing;

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Heading of a section.
    Heading(String),
    /// Heading within a section.
    Subheading(String),
    /// A paragraph.
    Paragraph(String),
    /// A sentence that must not be overlooked.
    Warning(String),
    /// Points.
    List(Vec<String>),
    /// A table that is always shown.
    Table(Table),
    /// A plot, with the table behind it.
    Figure(Figure),
}

/// Rows of text; the first column names the row.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// Cells, as many in each row as there are columns.
    pub rows: Vec<Vec<String>>,
}

/// A plot, with the table behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it shows, and how to read it.
    pub caption: String,
    /// For a sheet of paper or a wide screen.
    pub wide: Drawing,
    /// For a telephone.
    pub narrow: Drawing,
    /// The same figures as text.
    pub table: Table,
}

impl Table {
    /// A table from its parts; a last column in which nothing stands is left out.
    pub fn new(caption: &str, head: &[&str], mut rows: Vec<Vec<String>>) -> Table {
        let is_empty = rows.iter().all(|row| row.last().is_none_or(String::is_empty));
        let head = if is_empty && head.len() > 1 { &head[..head.len() - 1] } else { head };
        rows.iter_mut().for_each(|row| row.truncate(head.len()));
        Table { caption: caption.to_owned(), head: head.iter().map(|&name| name.to_owned()).collect(), rows }
    }

    /// Whether every cell of a column is a number, a dash or empty; such columns lean right.
    pub(super) fn is_numeric(&self, column: usize) -> bool {
        let is_number = |cell: &String| {
            cell.is_empty() || cell == "–" || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+')
        };
        column > 0 && self.rows.iter().all(|row| is_number(&row[column]))
    }
}
