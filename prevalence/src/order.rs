//! In which order do the rows count?
//!
//! Floating-point sums depend on their order. Rows are therefore sorted once, by stratum, PSU, SSU and then by all
//! that is known about them: two files with the same rows become the same table, and rows that still tie are alike
//! in every column, so it does not matter which comes first.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::codebook::DesignColumns;
use crate::table::{Column, Table};

/// Brings the rows into the one order in which everything is reckoned.
pub(crate) fn canonical(table: Table, design: &DesignColumns) -> Table {
    let first = [&design.strata, &design.psu, &design.ssu].map(Option::as_deref);
    let mut columns: Vec<&(String, Column)> = table.columns().collect();
    let place = |name: &str| first.iter().position(|own| *own == Some(name)).unwrap_or(first.len());
    columns.sort_by(|a, b| place(&a.0).cmp(&place(&b.0)).then_with(|| a.0.cmp(&b.0)));
    let mut order: Vec<u32> = (0..table.n_rows() as u32).collect();
    order.par_sort_unstable_by(|&a, &b| compare(&columns, a as usize, b as usize));
    table.reordered(&order)
}

fn compare(columns: &[&(String, Column)], a: usize, b: usize) -> Ordering {
    columns
        .iter()
        .map(|(_, column)| match column {
            Column::Text(labels) => labels.codes[a].cmp(&labels.codes[b]),
            Column::Number(numbers) => numbers[a].total_cmp(&numbers[b]),
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codebook::Codebook;
    use crate::table::{Kind, Wanted};

    #[test]
    fn any_order_of_rows_becomes_one_order() {
        let codebook = Codebook::parse("[design]\nstrata = \"s\"\n").unwrap();
        let wanted = [Wanted { name: "s".into(), kind: Kind::Text }, Wanted { name: "x".into(), kind: Kind::Number }];
        let read = |text: &str| canonical(Table::read_csv(text.as_bytes(), b',', &wanted).unwrap(), &codebook.design);
        assert_eq!(read("s,x\nb,1\na,3\na,2\n"), read("s,x\na,2\na,3\nb,1\n"));
    }
}
