//! How does the document look as one web page?
//!
//! Nothing is loaded from anywhere and nothing runs: one file, for light and dark screens, telephones and paper.

use std::fmt::Write;

use super::Document;
use super::block::{Block, Figure, Table};

/// Rows up to which the table behind a plot is open at first.
const OPEN_ROWS_MAX: usize = 16;

/// Writes the page.
pub fn page(document: &Document) -> String {
    let title = escape(&document.title);
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        include_str!("page.css")
    );
    text.push_str(&contents(document));
    for (at, block) in document.blocks.iter().enumerate() {
        write_block(&mut text, block, at);
    }
    text.push_str("</main>\n</body>\n</html>\n");
    text
}

fn contents(document: &Document) -> String {
    let mut text = String::from("<nav aria-label=\"Contents\"><ul>\n");
    for (at, block) in document.blocks.iter().enumerate() {
        if let Block::Heading(heading) = block {
            let _ = writeln!(text, "<li><a href=\"#part-{at}\">{}</a></li>", escape(heading));
        }
    }
    text.push_str("</ul></nav>\n");
    text
}

fn write_block(text: &mut String, block: &Block, at: usize) {
    let _ = match block {
        Block::Heading(heading) => writeln!(text, "<h2 id=\"part-{at}\">{}</h2>", escape(heading)),
        Block::Subheading(heading) => writeln!(text, "<h3>{}</h3>", escape(heading)),
        Block::Paragraph(words) => writeln!(text, "<p>{}</p>", escape(words)),
        Block::Warning(words) => writeln!(text, "<p class=\"warning\"><strong>Note.</strong> {}</p>", escape(words)),
        Block::List(points) => {
            let points: String = points.iter().map(|point| format!("<li>{}</li>\n", escape(point))).collect();
            writeln!(text, "<ul>\n{points}</ul>")
        }
        Block::Table(table) => writeln!(text, "{}", table_html(table)),
        Block::Figure(figure) => writeln!(text, "{}", figure_html(figure)),
    };
}

fn figure_html(figure: &Figure) -> String {
    let open = if figure.table.rows.len() <= OPEN_ROWS_MAX { " open" } else { "" };
    format!(
        "<figure>\n{}\n{}\n<figcaption>{}</figcaption>\n<details{open}><summary>The figures as a table</summary>\n{}\n</details>\n</figure>",
        figure.wide.inline("wide"),
        figure.narrow.inline("narrow"),
        escape(&figure.caption),
        table_html(&figure.table)
    )
}

fn table_html(table: &Table) -> String {
    let class = |column: usize| if table.is_numeric(column) { " class=\"n\"" } else { "" };
    let head: String = table
        .head
        .iter()
        .enumerate()
        .map(|(column, name)| {
            if name.is_empty() {
                "<td></td>".to_owned()
            } else {
                format!("<th scope=\"col\"{}>{}</th>", class(column), escape(name))
            }
        })
        .collect();
    let row = |cells: &Vec<String>| {
        let cells: String = cells
            .iter()
            .enumerate()
            .map(|(column, cell)| match column {
                0 => format!("<th scope=\"row\">{}</th>", escape(cell)),
                _ => format!("<td{}>{}</td>", class(column), escape(cell)),
            })
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(row).collect();
    // A region that scrolls must be reachable by keyboard.
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table><caption>{0}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>",
        escape(&table.caption)
    )
}

/// Text between tags or in an attribute.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_a_survey_cannot_become_markup() {
        let table = Table::new("a < b", &["", "\"x\""], vec![vec!["<script>".to_owned(), "1".to_owned()]]);
        let blocks = vec![Block::Heading("<h>".to_owned()), Block::Table(table), Block::Paragraph("a & b".to_owned())];
        let page = page(&Document { title: "T<t".to_owned(), blocks });
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;") && page.contains("a &amp; b"));
        assert!(page.contains("<title>T&lt;t</title>") && page.contains("href=\"#part-0\""));
    }
}
