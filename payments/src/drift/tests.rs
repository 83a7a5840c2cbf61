//! Does a change show, and nothing else?

use super::*;
use crate::Pack;
use crate::pack::LIVESTREAM_EXPLOITATION;
use crate::testing::world;

fn pack() -> Pack {
    Pack::parse(LIVESTREAM_EXPLOITATION, None).unwrap()
}

fn bin(n_reference: usize, n_current: usize) -> Bin {
    Bin { label: Values::Any, n_reference, n_current }
}

/// Reckoned apart from this code; 11.070 and 3.841 are the tables' 95 % points for 5 and 1 degrees of freedom.
#[test]
fn index_and_chance_are_those_of_the_sources() {
    let bins = [bin(100, 50), bin(100, 150)];
    // Shares after half a party each: 100.5/201 and 100.5/201 against 50.5/201 and 150.5/201.
    assert!((index(&bins) - 0.271_639).abs() < 1e-5, "{}", index(&bins));
    assert_eq!(index(&[bin(40, 40), bin(7, 7)]), 0.0);
    assert!(index(&[bin(1000, 0), bin(0, 1000)]).is_finite());
    let six = vec![bin(100, 50); 6];
    let expected = (1.0 / 600.0 + 1.0 / 300.0) * 11.070;
    assert!((chance(&six) / expected - 1.0).abs() < 0.01, "{} {expected}", chance(&six));
    let expected = (1.0 / 200.0 + 1.0 / 200.0) * 3.841;
    assert!((chance(&bins) / expected - 1.0).abs() < 0.05, "{} {expected}", chance(&bins));
    assert_eq!(chance(&[bin(0, 5)]), f64::INFINITY);
    let few = Comparison::new("x".to_owned(), vec![bin(3, 2), bin(2, 3)]);
    assert!(few.index > Comparison::STEADY && few.word() == "steady", "what chance can do is no drift: {few:?}");
    assert_eq!(Comparison::new("x".to_owned(), bins.to_vec()).word(), "moved");
}

#[test]
fn every_value_falls_into_one_bin_and_bins_say_which() {
    let some = |values: &[i64]| values.iter().copied().map(Some).collect::<Vec<_>>();
    let edges = tenths((1..=100).collect());
    assert_eq!(edges, [11, 21, 31, 41, 51, 61, 71, 81, 91]);
    assert_eq!(tenths(vec![0; 50]), Vec::<i64>::new());
    assert_eq!(tenths(Vec::new()), Vec::<i64>::new());
    let counted = bins(&[0, 1, 5], &some(&[0, 0, 1, 3]), &[some(&[-4, 5, 6, 900]), vec![None]].concat());
    let told: Vec<(String, usize, usize)> =
        counted.iter().map(|b| (b.label.to_string(), b.n_reference, b.n_current)).collect();
    let told: Vec<(&str, usize, usize)> = told.iter().map(|(label, a, b)| (label.as_str(), *a, *b)).collect();
    assert_eq!(told, [("up to 0", 2, 1), ("1", 1, 0), ("2 to 5", 1, 1), ("6 and more", 0, 2), ("not known", 0, 1)]);
}

#[test]
fn a_population_that_stays_is_steady_and_one_that_changes_has_moved() {
    let (pack, book) = (pack(), world(1500, 20));
    // Until the 280th day made-up people begin and end; from then on they only go on.
    let row = book.rows().partition_point(|row| row.at_s < 20_280 * DAY_S) as u32;
    let periods = Periods::of(&book, pack.spans, row).unwrap();
    assert_eq!(periods.current.end, book.rows().last().unwrap().at_s + 1);
    let steady = drift(&Scored::new(&book, &pack), periods.clone());
    assert_eq!(steady.scores.len(), pack.typologies.len());
    assert!(steady.too_young.iter().all(|name| name.starts_with("pair-")), "{:?}", steady.too_young);
    assert!(steady.too_young.len() > 2, "a year has not passed: {:?}", steady.too_young);
    let moved = |drift: &Drift| {
        let all = drift.scores.iter().chain(&drift.readings).filter(|c| c.word() == "moved");
        all.map(|c| (c.name.clone(), c.index)).collect::<Vec<_>>()
    };
    let n_before = moved(&steady).len();
    assert!(n_before * 4 < steady.readings.len(), "{:?}", moved(&steady));

    // From the last span on every institution's clock is read twelve hours wrong, and amounts in the wrong unit.
    let rates = crate::Rates::parse(crate::simulate::RATES, pack.currency).unwrap();
    let mut transfers = book.transfers().to_vec();
    for transfer in transfers.iter_mut().filter(|t| t.at.utc_s >= periods.current.start) {
        transfer.amount = crate::Amount::new(transfer.amount.minor() * 10, transfer.amount.currency()).unwrap();
        transfer.at.offset_min =
            transfer.at.offset_min.map(|offset| if offset > 0 { offset - 720 } else { offset + 720 });
    }
    let (changed, _) = Book::new(transfers, &rates, &pack.scope).unwrap();
    let changed = drift(&Scored::new(&changed, &pack), periods);
    let index = |drift: &Drift, name: &str| {
        drift.readings.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("{name} is read")).index
    };
    for name in ["median-minor", "undeclared-night-share-percent"] {
        assert!(
            index(&changed, name) > 2.0 * index(&steady, name),
            "{name}: {} {}",
            index(&changed, name),
            index(&steady, name)
        );
    }
    assert!(moved(&changed).iter().any(|(name, _)| name == "recent-value-percent"), "{:?}", moved(&changed));
}

#[test]
fn there_is_no_answer_before_windows_are_full_and_days_add_up() {
    let (pack, book) = (pack(), world(300, 20_000));
    let until = |day: i64| {
        let rows = book.rows().partition_point(|row| row.at_s < day * DAY_S);
        let rates = crate::Rates::parse(crate::simulate::RATES, pack.currency).unwrap();
        Book::new(book.transfers()[..rows].to_vec(), &rates, &pack.scope).unwrap().0
    };
    assert_eq!(Periods::of(&Book::default(), pack.spans, 0), Err(None));
    let first = Periods::of(&book, pack.spans, 0).unwrap();
    assert_eq!(first.reference.start, book.rows()[0].at_s + pack.spans.window_s);
    let from = Periods::of(&until(20_100), pack.spans, 0).unwrap_err().unwrap();
    assert_eq!(from, book.rows()[0].at_s + pack.spans.window_s + 2 * SPAN_S);
    assert!(Periods::of(&until(from / DAY_S + 2), pack.spans, 0).is_ok());
    let row = book.rows().partition_point(|row| row.at_s < 20_250 * DAY_S) as u32;
    let periods = Periods::of(&book, pack.spans, row).unwrap();
    assert_eq!(periods.reference.end, book.rows()[row as usize - 1].at_s + 1);

    let features = crate::features::batch(book.rows(), pack.spans);
    let raised = crate::score::raised(&book, &features, &pack);
    let days = days(&book, raised.iter().map(|one| (one.index, one.level)), 60);
    let from_s = days[0].day * DAY_S;
    assert_eq!(days.len(), 60);
    assert_eq!(days.last().unwrap().day, book.rows().last().unwrap().at_s.div_euclid(DAY_S));
    let n_rows = book.rows().iter().filter(|row| row.counts() && row.at_s >= from_s).count();
    assert_eq!(days.iter().map(|day| day.n_transfers).sum::<usize>(), n_rows);
    let n_raised = raised.iter().filter(|one| book.rows()[one.index as usize].at_s >= from_s).count();
    assert_eq!(days.iter().map(|day| day.n_reviews + day.n_alerts).sum::<usize>(), n_raised);
}
