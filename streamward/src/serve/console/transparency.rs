//! What do the authorities' forms ask, and which of it do we know?
//!
//! Each form is a table for a spreadsheet, filled from the log for a period. What is not known stays empty and says so.

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use casework::role::Permission;
use casework::transparency::{Form, Period, STATEMENT_COLUMNS, table};
use jiff::civil::Date;
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, Refusal, may, page};
use crate::clock::now;
use crate::html;

pub(super) fn routes() -> Routes {
    Routes::new().get("/figures/forms", may(Permission::ReadFigures), show).get(
        "/figures/forms/{form}",
        may(Permission::ReadFigures),
        download,
    )
}

#[derive(Deserialize)]
struct Days {
    from: Option<Date>,
    to: Option<Date>,
}

/// The period that is asked for; this year up to now where none is.
fn period(days: Result<Query<Days>, QueryRejection>) -> Result<Period, Refusal> {
    let wrong = || Refusal::Filled("A day is written as 2026-12-31, and the first is not after the last.".into());
    let Query(Days { from, to }) = days.map_err(|_| wrong())?;
    let today = jiff::tz::TimeZone::UTC.to_datetime(now()).date();
    let period = Period { from: from.unwrap_or_else(|| today.first_of_year()), to: to.unwrap_or(today) };
    if period.from <= period.to { Ok(period) } else { Err(wrong()) }
}

async fn show(Extension(Reader(reader)): Extension<Reader>, days: Result<Query<Days>, QueryRejection>) -> Answer {
    let Period { from, to } = period(days)?;
    let link = |form: &Form| {
        html!(
            "<li><a href=\"/figures/forms/{}?from={}&amp;to={}\">{}</a>: {}</li>",
            form.file_name(),
            from.to_string(),
            to.to_string(),
            form.file_name(),
            form.title()
        )
    };
    let [ofcom, statements, parts @ ..] = &Form::ALL;
    let parts: Vec<Html> = parts.iter().map(link).collect();
    let field = |(name, what): &(&str, &str)| html!("<tr><td><code>{}</code></td><td>{}</td></tr>", *name, *what);
    let fields: Vec<Html> = STATEMENT_COLUMNS.iter().map(field).collect();
    let body = html!(
        "<p>Filled from the log for the days below. What this store does not know stays empty, and the form says so beside it; \
         an empty cell is not 0. What was paid is in none of them. Read each before you publish it: the house adds what it \
         knows from elsewhere.</p><form method=\"get\" action=\"/figures/forms\" class=\"box\">\
         <label for=\"from\">First day, such as 2026-01-01</label>\
         <input type=\"text\" id=\"from\" name=\"from\" value=\"{}\" required maxlength=\"10\">\
         <label for=\"to\">Last day</label>\
         <input type=\"text\" id=\"to\" name=\"to\" value=\"{}\" required maxlength=\"10\"><button>Show these days</button></form>\
         <h2>United Kingdom</h2><ul>{}</ul><p>The law asks for a written record and sets no form. Which measure of a code of \
         practice each line is, the house writes in: we have not read the final codes.</p>\
         <h2>European Union: transparency report</h2><p>The parts of the template of Implementing Regulation (EU) 2024/2835, \
         Annex I, with its own heads and words. Part 2 is a list of names and part 11 is text; both are the house's to write. \
         Each figure is explained in the column beside it.</p><ul>{}</ul>\
         <h2>European Union: statements of reasons</h2><ul>{}</ul><h3>What stands in each field</h3><div class=\"table\">\
         <table class=\"cards\"><thead><tr><th scope=\"col\">Field</th><th scope=\"col\">What stands in it</th></tr></thead>\
         <tbody>{}</tbody></table></div>",
        from.to_string(),
        to.to_string(),
        link(ofcom),
        parts,
        link(statements),
        fields
    );
    Ok(page(&reader, "Forms for authorities", body).into_response())
}

async fn download(
    State(desk): State<Shared>,
    Path(name): Path<String>,
    days: Result<Query<Days>, QueryRejection>,
) -> Answer {
    let form = Form::named(&name).ok_or(Refusal::NotYours)?;
    let tally = desk.store.tally(period(days)?).await?;
    let table = table(form, &tally, desk.settings.transparency.service.as_deref().unwrap_or_default());
    let mut csv = csv::Writer::from_writer(Vec::new());
    let written =
        csv.write_record(&table.heads).and_then(|()| table.rows.iter().try_for_each(|row| csv.write_record(row)));
    let bytes = written.ok().and_then(|()| csv.into_inner().ok());
    let bytes = bytes.ok_or_else(|| Refusal::Filled("The table could not be written.".into()))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, bytes).into_response())
}
