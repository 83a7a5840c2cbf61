//! Which decisions need a statement of reasons, and what of it does the log know?
//!
//! Fields as the DSA Transparency Database names them (`resources/markdown/en/api-documentation.md` of
//! github.com/digital-services-act/transparency-database, read on 30 November 2026). What was done to content or account is
//! the service's to know and not in this store, and a person's words may name somebody: such fields stay empty.

use super::{Source, Table, Tally};
use crate::Verdict;

/// Each field, and what stands in it or why nothing does.
pub const COLUMNS: [(&str, &str); 28] = [
    ("puid", "the case and the number of the decision"),
    ("decision_visibility", EMPTY_RESTRICTION),
    ("decision_visibility_other", EMPTY_RESTRICTION),
    ("end_date_visibility_restriction", EMPTY_RESTRICTION),
    ("decision_monetary", EMPTY_RESTRICTION),
    ("decision_monetary_other", EMPTY_RESTRICTION),
    ("end_date_monetary_restriction", EMPTY_RESTRICTION),
    ("decision_provision", EMPTY_RESTRICTION),
    ("end_date_service_restriction", EMPTY_RESTRICTION),
    ("decision_account", EMPTY_RESTRICTION),
    ("end_date_account_restriction", EMPTY_RESTRICTION),
    ("account_type", "empty: not in this store"),
    ("decision_ground", EMPTY_GROUND),
    ("decision_ground_reference_url", EMPTY_GROUND),
    ("illegal_content_legal_ground", EMPTY_GROUND),
    ("illegal_content_explanation", EMPTY_GROUND),
    ("incompatible_content_ground", EMPTY_GROUND),
    ("incompatible_content_explanation", EMPTY_GROUND),
    ("incompatible_content_illegal", EMPTY_GROUND),
    (
        "content_type",
        "CONTENT_TYPE_VIDEO where the guard of a live video saw it; else empty, for it is not in this store",
    ),
    ("category", "STATEMENT_CATEGORY_PROTECTION_OF_MINORS: this program is for nothing else"),
    ("territorial_scope", "empty: where the service restricted it is not in this store"),
    ("content_date", "the day on which what was seen began, UTC"),
    ("application_date", "the day of the decision, UTC; when the service acted on it is not in this store"),
    ("decision_facts", "empty: the reason in the case is a person's words and may name somebody; write it without"),
    (
        "source_type",
        "SOURCE_VOLUNTARY where only a guard or a match of the service found it; else empty, for whether a report was a notice under Article 16 is not in this store",
    ),
    ("automated_detection", "Yes where only matches and scores found it, No where somebody told of it"),
    ("automated_decision", "AUTOMATED_DECISION_NOT_AUTOMATED: a person decides every case"),
];

const EMPTY_RESTRICTION: &str =
    "empty: what the service did to content, account, payments or service is not in this store";
const EMPTY_GROUND: &str = "empty: on which law or terms the service rests it is not in this store";

pub(super) fn table(tally: &Tally) -> Table {
    let to_report = tally.decided().filter(|(_, _, last)| last.verdict == Verdict::Violation);
    let row = |(id, case, last): (&str, &super::Case, super::Decision)| -> Vec<String> {
        let is_ours = case.sources.iter().all(|source| matches!(source, Source::Guard | Source::Match));
        let day = |at| jiff::tz::TimeZone::UTC.to_datetime(at).date().to_string();
        let value = |name: &str| match name {
            "puid" => format!("{id}-{}", case.decisions.len()),
            "content_type" if case.sources.contains(&Source::Guard) => "CONTENT_TYPE_VIDEO".to_owned(),
            "category" => "STATEMENT_CATEGORY_PROTECTION_OF_MINORS".to_owned(),
            "content_date" => case.began_on.map(|day| day.to_string()).unwrap_or_default(),
            "application_date" => day(last.at),
            "source_type" if is_ours => "SOURCE_VOLUNTARY".to_owned(),
            "automated_detection" => if case.is_automatic { "Yes" } else { "No" }.to_owned(),
            "automated_decision" => "AUTOMATED_DECISION_NOT_AUTOMATED".to_owned(),
            _ => String::new(),
        };
        COLUMNS.iter().map(|(name, _)| value(name)).collect()
    };
    Table { heads: COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect(), rows: to_report.map(row).collect() }
}
