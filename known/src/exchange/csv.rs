//! What is in a table of hashes?

use super::{Page, Update, check_size, text};
use crate::Error;
use crate::error::ExchangeError;
use crate::hash256::shortened;

const COLUMNS: [&str; 5] = ["id", "pdq", "md5", "sha1", "sha256"];

/// Reads comma-separated lines under a heading that names any of `id`, `pdq`, `md5`, `sha1`, `sha256`, in any order.
///
/// Other columns are refused, so that a misspelt heading does not silently lose hashes. An empty field is no hash.
/// Without an `id` column the line's number is the id. Quotes are not needed for these fields and are refused.
///
/// # Errors
/// [`Error::Exchange`] with the line; nothing is read from such a table.
pub fn parse_csv(bytes: &[u8]) -> Result<Page, Error> {
    check_size(bytes)?;
    let at = |place| move |wrong| Error::Exchange { place, wrong };
    let table = str::from_utf8(bytes).map_err(|_| at(1)(ExchangeError::Encoding))?;
    let table = table.strip_prefix('\u{feff}').unwrap_or(table);
    let mut lines = (1..).zip(table.lines());
    let columns =
        lines.next().map_or_else(|| Err(ExchangeError::Missing { field: "heading" }), |(_, line)| columns(line));
    let columns = columns.map_err(at(1))?;
    let mut page = Page::default();
    for (n, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let update = row(&mut page, &columns, line, n).map_err(at(n))?;
        page.push(update).map_err(at(n))?;
    }
    Ok(page)
}

fn columns(line: &str) -> Result<Vec<&'static str>, ExchangeError> {
    let mut columns: Vec<&'static str> = Vec::new();
    for name in line.split(',') {
        let name = name.trim().to_ascii_lowercase();
        match COLUMNS.into_iter().find(|column| *column == name && !columns.contains(column)) {
            Some(column) => columns.push(column),
            None => return Err(ExchangeError::Text { field: "heading", found: shortened(&name) }),
        }
    }
    match columns == ["id"] {
        true => Err(ExchangeError::Missing { field: "column of hashes" }),
        false => Ok(columns),
    }
}

fn row(page: &mut Page, columns: &[&'static str], line: &str, n: usize) -> Result<Update, ExchangeError> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    if fields.len() != columns.len() {
        return Err(ExchangeError::Columns { expected: columns.len(), found: fields.len() });
    }
    let mut update = Update { id: n.to_string(), ..Update::default() };
    for (&column, field) in columns.iter().zip(fields) {
        match (column, field) {
            ("id", id) => update.id = text("id", id)?,
            (_, "") => {}
            (kind, value) => page.add(&mut update, kind, value)?,
        }
    }
    Ok(update)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_are_read_in_any_order() {
        let md5 = "d8f0".repeat(8);
        let page = parse_csv(format!("MD5,id,sha1\r\n{md5},a,\r\n\r\n{md5},b,{md5}d8f0d8f0\r\n").as_bytes()).unwrap();
        let read: Vec<(&str, usize)> = page.updates.iter().map(|u| (u.id.as_str(), u.fingerprints.len())).collect();
        assert_eq!(read, [("a", 1), ("b", 2)]);
    }

    #[test]
    fn the_wrong_line_is_named() {
        for (table, line) in [
            ("", 1),
            ("id\n", 1),
            ("md4\n", 1),
            ("md5,md5\n", 1),
            ("md5\nd8f0\n", 2),
            ("id,md5\n\na\n", 3),
            ("\u{0}", 1),
        ] {
            let error = parse_csv(table.as_bytes()).unwrap_err();
            assert!(matches!(error, Error::Exchange { place, .. } if place == line), "{table:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_table_is_read_or_refused(table in "(id|md5|pdq)?(,(sha1|md5|id))?\n[0-9a-f,\"\n]{0,80}", bytes: Vec<u8>) {
            let _ = (parse_csv(table.as_bytes()), parse_csv(&bytes));
        }
    }
}
