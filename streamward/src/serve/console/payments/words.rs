//! How do facts about payments read on a page?

use payments::gate::{Event, Outcome};
use payments::{Alert, Level, Moment};

use crate::html;
use crate::serve::page::Html;

/// A moment in seconds since 1970, to the second, UTC.
pub(super) fn moment(at_s: i64) -> Html {
    jiff::Timestamp::from_second(at_s).map_or_else(|_| html!("unknown"), super::super::words::moment)
}

/// A day in seconds since 1970.
pub(super) fn day(at_s: i64) -> String {
    Moment { utc_s: at_s, offset_min: None }.to_rfc3339()[..10].to_owned()
}

pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Review => "review",
        Level::Alert => "alert",
    }
}

/// What a pack says of somebody: reasons with their innocent explanations, and what speaks for one.
pub(super) fn reasons(alert: &Alert) -> Html {
    let seen = alert.reasons.iter().map(|reason| {
        html!(
            "<tr><td data-label=\"Points\">{}</td><td>{}<br><span class=\"quiet-text\">May be innocent: {}</span></td>\
             <td data-label=\"Transfers behind it\">{}</td></tr>",
            reason.points,
            reason.why,
            reason.innocent,
            reason.n_transfers
        )
    });
    let rows: Vec<Html> = seen.collect();
    let innocent = alert.protections.iter().map(|p| html!("<li>{} ({} points off)</li>", p.why, p.points));
    let innocent: Vec<Html> = innocent.collect();
    let none = innocent.is_empty().then(|| html!("<li>Nothing on record, which is no evidence against anybody.</li>"));
    html!(
        "<h2>What was seen</h2><table class=\"cards\"><thead><tr><th scope=\"col\">Points</th><th scope=\"col\">Reason</th>\
         <th scope=\"col\">Transfers behind it</th></tr></thead><tbody>{}</tbody></table>\
         <h2>What speaks for an innocent explanation</h2><ul>{}{}</ul>",
        rows,
        innocent,
        none
    )
}

/// What somebody found, and when.
pub(super) fn found(event: &Event) -> Html {
    match event {
        Event::Outcome { outcome, by, note, at_s, .. } | Event::BelowTheLine { outcome, by, note, at_s, .. } => {
            html!("<li><strong>{}</strong>, {}, {}: {}</li>", outcome.as_str(), by, moment(*at_s), note)
        }
        _ => html!(""),
    }
}

/// The form for what somebody found; `more` are further fields.
pub(super) fn outcome_form(to: &str, more: &Html) -> Html {
    let button = |outcome: &Outcome| {
        html!("<button name=\"outcome\" value=\"{}\">{}</button> ", outcome.as_str(), outcome.as_str())
    };
    let buttons: Vec<Html> = Outcome::ALL.iter().map(button).collect();
    html!(
        "<form method=\"post\" action=\"{}\">{}<label for=\"note\">What you found</label>\
         <textarea id=\"note\" name=\"note\" required maxlength=\"4000\" rows=\"3\"></textarea><p>{}</p></form>",
        to,
        more,
        buttons
    )
}

/// A picture with the table of its numbers behind it.
pub(super) fn figure(svg: String, table: &Html) -> Html {
    html!("<figure>{}</figure><details><summary>The numbers</summary>{}</details>", Html(svg), table)
}
