//! Which measures are in use, and what do they come to? Section 23(3) of the Online Safety Act 2023 asks for a written
//! record of measures (<https://www.legislation.gov.uk/ukpga/2023/50/section/23>); it sets no form. Which measure of a code
//! of practice each one is, the house writes in: we have not read the final codes.

use super::{Source, Table, Tally, median, shown};
use crate::Verdict;
use crate::appeal::Ruling;

const HEADS: [&str; 6] = ["measure", "code_of_practice_measure", "figure", "value", "definition", "note"];
const NO_CODE: &str = "which measure of a code this is, the house writes in";

pub(super) fn table(tally: &Tally) -> Table {
    let agreement = tally.agreement();
    let rate = agreement.error_rate;
    let n_ruled = |ruling| tally.appeals.iter().filter(|heard| heard.ruling == ruling).count();
    let minutes = |waits: &[i64]| median(waits.iter().map(|seconds| (seconds + 30).div_euclid(60)));
    let figures: [(&str, &str, Option<String>, &str); 20] = [
        (
            "matching against lists of known material",
            "incidents_from_matches",
            Some(tally.n_incidents(Source::Match).to_string()),
            "things referred by a match against a list, each once",
        ),
        (
            "guard of live video",
            "incidents_from_the_guard",
            Some(tally.n_incidents(Source::Guard).to_string()),
            "things referred by the guard of a live video, each once",
        ),
        (
            "reports of users",
            "incidents_from_users",
            Some(tally.n_incidents(Source::UserReport).to_string()),
            "things that a user told of, each once",
        ),
        (
            "reports of users",
            "incidents_from_other_programs",
            Some(tally.n_incidents(Source::Api).to_string()),
            "things referred by other programs, each once",
        ),
        (
            "people who look while a stream runs",
            "minutes_to_a_person_live_median",
            minutes(&tally.waits_live_s).map(|m| m.to_string()),
            "from when a running stream was referred until a person took the case, median, minutes",
        ),
        (
            "people who look",
            "minutes_to_a_person_median",
            minutes(&tally.waits_s).map(|m| m.to_string()),
            "the same where nothing was running",
        ),
        (
            "decisions by people",
            "cases_decided",
            Some(tally.n_decided(|_, _| true).to_string()),
            "cases whose decision that counts was made in the period",
        ),
        (
            "decisions by people",
            "cases_to_report",
            Some(tally.n_decided(|_, last| last.verdict == Verdict::Violation).to_string()),
            "those of them about which something must be reported",
        ),
        (
            "reports to an authority",
            "reports_filed",
            Some(tally.n_filed.to_string()),
            "reports that the authority has, by its own receipt",
        ),
        ("appeals", "appeals_received", Some(tally.n_appeals.to_string()), "appeals that were written down"),
        (
            "appeals",
            "appeals_upheld",
            Some(n_ruled(Ruling::Upheld).to_string()),
            "appeals after which the decision stands",
        ),
        (
            "appeals",
            "appeals_reversed",
            Some(n_ruled(Ruling::Reversed).to_string()),
            "appeals after which it does not stand",
        ),
        (
            "appeals",
            "hours_to_an_answer_median",
            median(tally.appeals.iter().map(|heard| heard.hours)).map(|h| h.to_string()),
            "from when somebody appealed until they were answered, median, hours",
        ),
        (
            "quality",
            "second_looks",
            Some(agreement.n.to_string()),
            "decisions looked at by a second person who was not told what was decided",
        ),
        (
            "quality",
            "error_rate",
            rate.map(|rate| format!("{:.4}", rate.value)),
            "share of them that the second person would have decided otherwise",
        ),
        (
            "quality",
            "error_rate_low",
            rate.map(|rate| format!("{:.4}", rate.low)),
            "lower end of its interval at 95 % (Wilson)",
        ),
        ("quality", "error_rate_high", rate.map(|rate| format!("{:.4}", rate.high)), "upper end of it"),
        (
            "quality",
            "krippendorff_alpha",
            agreement.alpha.map(|alpha| format!("{alpha:.4}")),
            "agreement of the two beyond chance, nominal",
        ),
        ("risk assessment", "risk_assessment", None, "the record of the risk assessment (section 23(2))"),
        (
            "alternative measures",
            "alternative_measures",
            None,
            "measures taken instead of those of a code, and why (section 23(4))",
        ),
    ];
    let row = |(measure, figure, value, definition): (&str, &str, Option<String>, &str)| {
        let note = if value.is_none() { "not known from this store; left empty, not 0" } else { NO_CODE };
        vec![measure.to_owned(), String::new(), figure.to_owned(), shown(value), definition.to_owned(), note.to_owned()]
    };
    Table { heads: HEADS.map(str::to_owned).to_vec(), rows: figures.into_iter().map(row).collect() }
}
