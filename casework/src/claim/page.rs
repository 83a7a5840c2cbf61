//! How does somebody read a claim's document who has a browser and no program for JSON?

use std::fmt::Write;

use super::{Document, Party};
use crate::Verdict;

/// The document as one page that loads nothing: the same facts as the JSON, in tables.
pub fn page(document: &Document) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Records for a claim</title><style>body{font:1rem/1.5 sans-serif;max-width:60rem;margin:2rem auto;\
         padding:0 1rem}table{border-collapse:collapse;width:100%}th,td{border:1px solid #767676;padding:.3rem .5rem;\
         text-align:left;vertical-align:top;overflow-wrap:anywhere}</style></head><body><main>",
    );
    let claim = &document.claim;
    write(&mut page, format_args!("<h1>Records for the claim: {}</h1>", Text(&claim.name)));
    for words in document.words {
        write(&mut page, format_args!("<p>{}</p>", Text(words)));
    }
    write(
        &mut page,
        format_args!(
            "<p>Case {}. {} asked for this (record {}), {} allowed it (record {}).</p>",
            Text(&document.case),
            Text(&claim.asked_by),
            claim.asked_record,
            Text(&claim.allowed_by),
            claim.allowed_record
        ),
    );
    let account = |id: &str| {
        let party = document.parties.iter().find(|party| party.id == id);
        party.map_or_else(String::new, |party| format!("{} ({})", party.account, party.id))
    };
    let of_party = |party: &Party| {
        let all = |ids: &[String]| ids.join(", ");
        [party.id.clone(), party.account.clone(), all(&party.payer_in), all(&party.beneficiary_in), all(&party.seen_in)]
    };
    table(
        &mut page,
        "Accounts",
        ["Account", "Its name in the records", "Paid in", "Was paid in", "Seen in"],
        document.parties.iter().map(of_party),
    );
    table(
        &mut page,
        "What was paid",
        [
            "Transfer",
            "When (UTC)",
            "Who paid",
            "Who was paid",
            "Amount",
            "Reference",
            "Whose record",
            "By what right it stands here",
            "Record",
        ],
        document.transfers.iter().map(|transfer| {
            [
                transfer.id.clone(),
                transfer.at.to_string(),
                account(&transfer.payer),
                account(&transfer.beneficiary),
                format!("{} {}", transfer.amount, transfer.currency),
                transfer.reference.clone(),
                transfer.source.clone(),
                transfer.basis.clone(),
                transfer.record.to_string(),
            ]
        }),
    );
    table(
        &mut page,
        "What was seen or raised",
        [
            "Event",
            "From (UTC)",
            "Until (UTC)",
            "By",
            "What",
            "Service",
            "Stream, call, file or alert",
            "Account",
            "Record",
        ],
        document.events.iter().map(|event| {
            [
                event.id.clone(),
                event.began_at.to_string(),
                event.ended_at.map_or_else(|| "not known".to_owned(), |at| at.to_string()),
                event.source.to_owned(),
                event.seen.clone(),
                event.platform.clone(),
                event.channel.clone(),
                event.party.as_deref().map_or_else(|| "not known".to_owned(), account),
                event.record.to_string(),
            ]
        }),
    );
    table(
        &mut page,
        "What people decided",
        ["When (UTC)", "Found", "On an appeal", "Record"],
        document.decisions.iter().map(|decided| {
            let found = match decided.verdict {
                Verdict::Violation => "to be reported",
                Verdict::NoViolation => "nothing to report",
            };
            let on_appeal = if decided.is_on_appeal { "yes" } else { "no" };
            [decided.at.to_string(), found.to_owned(), on_appeal.to_owned(), decided.record.to_string()]
        }),
    );
    write(
        &mut page,
        format_args!(
            "<h2>In the order of time</h2><p>{}</p></main></body></html>\n",
            Text(&document.time_line.join(", "))
        ),
    );
    page
}

fn table<const N: usize>(page: &mut String, title: &str, heads: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    write(page, format_args!("<h2>{title}</h2><table><thead><tr>"));
    for head in heads {
        write(page, format_args!("<th scope=\"col\">{head}</th>"));
    }
    page.push_str("</tr></thead><tbody>");
    for row in rows {
        page.push_str("<tr>");
        for cell in &row {
            write(page, format_args!("<td>{}</td>", Text(cell)));
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table>");
}

fn write(page: &mut String, words: std::fmt::Arguments<'_>) {
    page.write_fmt(words).expect("a text grows without failing");
}

/// Text that is escaped as it is written.
struct Text<'t>(&'t str);

impl std::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            // Marks that turn the direction of the line around could make it read as something else.
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => f.write_char('\u{FFFD}'),
            _ => f.write_char(c),
        })
    }
}
