//! Are files of SPSS and Stata read as other programs read them, and refused when they are damaged?
//!
//! The files were written by pyreadstat 1.3.7 (`tests/files/write.py`), which shares no code with us.
#![cfg(all(feature = "spss", feature = "stata"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use prevalence::table::{Kind, Labels, Wanted};
use prevalence::{Error, Table};

const PLAIN: &[u8] = include_bytes!("files/plain.sav");
const PACKED: &[u8] = include_bytes!("files/packed.sav");
const STATA_13: &[u8] = include_bytes!("files/stata13.dta");
const STATA_14: &[u8] = include_bytes!("files/stata14.dta");
const STATA_15: &[u8] = include_bytes!("files/stata15.dta");

const NAMES: [&str; 7] = ["respondent", "region", "place_of_interview", "weight", "known_a", "shift", "comment"];

type Read = fn(&[u8], &[Wanted]) -> Result<Table, Error>;

fn spss(bytes: &[u8], wanted: &[Wanted]) -> Result<Table, Error> {
    Table::read_spss(bytes, wanted)
}

fn stata(bytes: &[u8], wanted: &[Wanted]) -> Result<Table, Error> {
    Table::read_stata(bytes, wanted)
}

fn wanted() -> Vec<Wanted> {
    let want = |name: &&str| Wanted { name: (*name).to_owned(), kind: Kind::Number };
    let labels = ["region", "place_of_interview", "comment"];
    let numbers = ["respondent", "weight", "known_a", "shift"].iter().map(want);
    numbers.chain(labels.iter().map(|name| Wanted { kind: Kind::Text, ..want(name) })).collect()
}

/// Equal, with missing cells equal to missing cells.
fn same(own: &[f64], wanted: &[f64]) -> bool {
    own.len() == wanted.len() && own.iter().zip(wanted).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

#[test]
fn every_cell_is_what_was_written() {
    let files: [(&str, Read, &[u8]); 5] = [
        ("plain.sav", spss, PLAIN),
        ("packed.sav", spss, PACKED),
        ("stata13.dta", stata, STATA_13),
        ("stata14.dta", stata, STATA_14),
        ("stata15.dta", stata, STATA_15),
    ];
    for (file, read, bytes) in files {
        let table = read(bytes, &wanted()).unwrap();
        let numbers = |name: &str| table.numbers(name).unwrap();
        assert!(same(numbers("respondent"), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), "{file}");
        assert!(same(numbers("weight"), &[25.5, 0.125, 1e6, 3.0, 7.75, 151.0]), "{file}");
        // The packed file itself declares 99 missing, as SPSS users do.
        let ninety_nine = if file == "packed.sav" { f64::NAN } else { 99.0 };
        assert!(same(numbers("known_a"), &[0.0, 3.0, f64::NAN, ninety_nine, 250.0, 1000.0]), "{file}");
        assert!(same(numbers("shift"), &[-1.0, -300.0, 40000.0, f64::NAN, 0.0, 101.0]), "{file}");
        let places = table.labels("place_of_interview").unwrap();
        assert_eq!(places.names, ["11", "12", "21", "22"], "{file}");
        assert_eq!(places.codes, [0, 0, 1, 2, 3, 3], "{file}");
        let regions = table.labels("region").unwrap();
        assert_eq!(regions.names, ["Süd-West", "north"], "{file}");
        assert_eq!(regions.codes, [1, 1, 1, 0, 0, Labels::MISSING], "{file}");
        assert_eq!(table.labels("comment").unwrap().names[1].len(), 200, "{file}");
    }
}

#[test]
fn names_are_those_of_the_survey() {
    assert_eq!(Table::spss_names(PLAIN).unwrap(), NAMES);
    assert_eq!(Table::spss_names(PACKED).unwrap(), NAMES);
    assert_eq!(Table::stata_names(STATA_15).unwrap(), NAMES);
}

#[test]
fn stored_integers_and_single_floats_are_numbers() {
    let table = Table::read_stata(&include_bytes!("files/integers.dta")[..], &wanted()).unwrap();
    assert_eq!(table.numbers("shift").unwrap(), [-1.0, -300.0, 40000.0, 7.0, 0.0, 101.0]);
    assert_eq!(table.numbers("weight").unwrap()[4], 7.75);
    assert_eq!(table.labels("place_of_interview").unwrap().names, ["11", "12", "21", "22"]);
}

#[test]
fn what_is_not_read_is_named() {
    let refusal = |read: Read, bytes: &[u8]| read(bytes, &wanted()).unwrap_err().to_string();
    assert!(refusal(spss, include_bytes!("files/long.zsav")).contains(".zsav"));
    assert!(refusal(stata, include_bytes!("files/old.dta")).contains("Stata 13 or later"));
    assert!(refusal(stata, PLAIN).contains("Stata") && refusal(spss, STATA_13).contains("SPSS"));
    let absent = [Wanted { name: "age".into(), kind: Kind::Number }];
    assert_eq!(spss(PLAIN, &absent).unwrap_err(), Error::ColumnAbsent { column: "age".into() });
}

#[test]
fn a_file_that_was_cut_short_is_refused_wherever_it_was_cut() {
    for (read, bytes) in [(spss as Read, PLAIN), (spss, PACKED), (stata, STATA_13), (stata, STATA_15)] {
        let whole = read(bytes, &wanted()).unwrap();
        for n_kept in 0..bytes.len() {
            match read(&bytes[..n_kept], &wanted()) {
                Err(Error::Binary { .. }) => {}
                // Stata's long texts and value labels stand behind the rows, which are whole here.
                Ok(table) => assert_eq!(table.n_rows(), whole.n_rows(), "{n_kept}"),
                Err(error) => panic!("{n_kept}: {error}"),
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

    /// Damaged files give an error or a table, in little memory, and never a panic.
    #[test]
    fn no_damage_makes_a_reader_panic(which in 0..4usize, at in 0..4000usize, bytes: [u8; 4], n_kept in 0..8000usize) {
        let (read, file) = [(spss as Read, PLAIN), (spss, PACKED), (stata, STATA_13), (stata, STATA_14)][which];
        let mut damaged = file.to_vec();
        let at = at % file.len();
        for (own, new) in damaged[at..].iter_mut().zip(bytes) {
            *own = new;
        }
        damaged.truncate(n_kept.max(100));
        let all = [Wanted { name: "*".into(), kind: Kind::Text }];
        let _ = read(&damaged, &wanted());
        let _ = read(&damaged, &all);
    }
}
