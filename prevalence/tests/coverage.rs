//! Do the intervals hold the truth as often as they say?
//!
//! 1,000 surveys of 150 places and 3,600 respondents in each of six scenarios. `--nocapture` prints the table.

use prevalence::simulate::{coverage, scenarios};

#[test]
fn intervals_cover_where_assumptions_hold_and_fail_where_they_do_not() {
    let mut failures = Vec::new();
    for (at, scenario) in scenarios().iter().enumerate() {
        let result = coverage(scenario, 1000, 2026, &|| {}).expect("the scenario is well formed");
        println!("{}: estimate/truth {:.3}, covered {:?}", scenario.name, result.bias, result.covered);
        for (interval, share) in &result.covered {
            let is_right = match at {
                // A coverage of 95 % over 1,000 surveys has a standard error of 0.7 %.
                0 | 1 => (0.93..=0.97).contains(share),
                // Few places hold most of the group: the variance is worth fewer degrees of freedom than the design has.
                2 if interval.ends_with("effective") => (0.93..=0.97).contains(share),
                2 | 3 => (0.88..=0.97).contains(share),
                // A wrong assumption moves the estimate by a sixth or a fifth; no sampling interval can know.
                _ => *share < 0.5,
            };
            if !is_right {
                failures.push(format!("{}, {interval}: {share}", scenario.name));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
