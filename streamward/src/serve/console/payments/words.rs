//! How do facts about payments read on a page?

use payments::draw::words::Words;
use payments::gate::{Event, Outcome};
use payments::score::Protection;
use payments::{Alert, Level, Moment};

use super::super::words::english;
use crate::serve::page::Html;
use crate::{html, say, tell, term};

/// A moment in seconds since 1970, to the second, UTC.
pub(super) fn moment(at_s: i64) -> Html {
    jiff::Timestamp::from_second(at_s).map_or_else(|_| html!("{}", say!("word.not_known")), super::super::words::moment)
}

/// A day in seconds since 1970.
pub(super) fn day(at_s: i64) -> String {
    Moment { utc_s: at_s, offset_min: None }.to_rfc3339()[..10].to_owned()
}

pub(super) fn level(level: Level) -> String {
    match level {
        Level::Review => say!("alerts.level_review"),
        Level::Alert => say!("alerts.level_alert"),
    }
}

/// What a pack says of somebody: reasons with their innocent explanations, and what speaks for one.
pub(super) fn reasons(alert: &Alert) -> Html {
    let seen = alert.reasons.iter().map(|reason| {
        html!(
            "<tr><td data-label=\"{}\">{}</td><td>{}<br><span class=\"quiet-text\">{}</span></td>\
             <td data-label=\"{}\">{}</td></tr>",
            say!("reasons.points"),
            reason.points,
            english(&reason.why),
            tell!("reasons.innocent", why = english(&reason.innocent)),
            say!("reasons.transfers"),
            reason.n_transfers
        )
    });
    let rows: Vec<Html> = seen.collect();
    let off = |p: &Protection| html!("<li>{}</li>", tell!("reasons.off", why = english(&p.why), n = p.points));
    let innocent: Vec<Html> = alert.protections.iter().map(off).collect();
    let none = innocent.is_empty().then(|| html!("<li>{}</li>", say!("reasons.nothing")));
    html!(
        "<h2>{}</h2><div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table></div><h2>{}</h2><ul>{}{}</ul>",
        say!("case.seen"),
        say!("reasons.points"),
        say!("reasons.reason"),
        say!("reasons.transfers"),
        rows,
        say!("reasons.for_innocent"),
        innocent,
        none
    )
}

/// What somebody found, and when.
pub(super) fn found(event: &Event) -> Html {
    match event {
        Event::Outcome { outcome, by, note, at_s, .. } | Event::BelowTheLine { outcome, by, note, at_s, .. } => {
            let outcome = html!("<strong>{}</strong>", term!("outcome", outcome.as_str()));
            html!(
                "<li>{}</li>",
                tell!("reasons.found", outcome = outcome, name = by, when = moment(*at_s), note = note)
            )
        }
        _ => html!(""),
    }
}

/// The form for what somebody found; `more` are further fields.
pub(super) fn outcome_form(to: &str, more: &Html) -> Html {
    let button = |outcome: &Outcome| {
        let (value, word) = (outcome.as_str(), term!("outcome", outcome.as_str()));
        html!("<button name=\"outcome\" value=\"{}\">{}</button> ", value, word)
    };
    let buttons: Vec<Html> = Outcome::ALL.iter().map(button).collect();
    html!(
        "<form method=\"post\" action=\"{}\">{}<label for=\"note\">{}</label>\
         <textarea id=\"note\" name=\"note\" required maxlength=\"4000\" rows=\"3\"></textarea><p>{}</p></form>",
        to,
        more,
        say!("reasons.you_found"),
        buttons
    )
}

/// A picture with the table of its numbers behind it.
pub(super) fn figure(svg: String, table: &Html) -> Html {
    let numbers = say!("picture.numbers");
    html!("<figure>{}</figure><details><summary>{}</summary>{}</details>", Html(svg), numbers, table)
}

/// What a picture says.
pub(super) fn of_picture(words: &Words<'_>) -> String {
    match *words {
        Words::TimeLine { alert } => say!("picture.time_line", alert = alert),
        // What it looks like stands on the page, in the pack's words.
        Words::TimeLineTold { n_transfers, n_parties, .. } => {
            let parties = say!("picture.parties", n = n_parties);
            say!("picture.time_line_told", n = n_transfers, parties = parties)
        }
        Words::Score { alert, score } => say!("picture.score", alert = alert, score = score),
        Words::Legend { party } => say!("picture.legend", party = party),
        Words::Others { n } => say!("picture.others", n = n),
        Words::Transfer { id, at, amount } => say!("picture.transfer", id = id, at = at, amount = amount),
        Words::Travel { id, at, amount } => say!("picture.travel", id = id, at = at, amount = amount),
        Words::Network { alert } => say!("picture.network", alert = alert),
        Words::NetworkTold { n_ties, n_parties } => {
            say!("picture.network_told", n = n_ties, parties = say!("picture.parties", n = n_parties))
        }
        Words::NetworkHead { alert } => say!("picture.network_head", alert = alert),
        Words::NetworkLegend => say!("picture.network_legend"),
        Words::Own => say!("picture.own"),
        Words::ItPaid => say!("picture.it_paid"),
        Words::OthersPaid => say!("picture.others_paid"),
        Words::PaidIt => say!("picture.paid_it"),
        Words::OthersTheyPaid => say!("picture.others_they_paid"),
        Words::AndMore { column, n } => say!("picture.and_more", column = column, n = n),
        Words::Paid { sender, beneficiary, n, worth } => {
            say!("picture.paid", sender = sender, beneficiary = beneficiary, n = n, worth = worth)
        }
        Words::Columns { n } => say!("picture.columns", n = n),
        Words::Column { label, series, value, unit } => {
            say!("picture.column", label = label, series = series, value = value, unit = unit)
        }
    }
}
