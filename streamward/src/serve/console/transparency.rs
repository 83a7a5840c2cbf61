//! What do the authorities' forms ask, and which of it do we know?
//!
//! Each form is a table for a spreadsheet, filled from the log for a period. What is not known stays empty and says so.

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use casework::role::Permission;
use casework::transparency::{Form, Period, STATEMENT_COLUMNS};
use jiff::civil::Date;
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, Refusal, may, page};
use crate::case::form_csv;
use crate::clock::now;
use crate::{html, say, term};

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
    let wrong = || Refusal::Filled(say!("forms.wrong_days"));
    let Query(Days { from, to }) = days.map_err(|_| wrong())?;
    let today = jiff::tz::TimeZone::UTC.to_datetime(now()).date();
    let period = Period { from: from.unwrap_or_else(|| today.first_of_year()), to: to.unwrap_or(today) };
    if period.from <= period.to { Ok(period) } else { Err(wrong()) }
}

async fn show(Extension(Reader(reader)): Extension<Reader>, days: Result<Query<Days>, QueryRejection>) -> Answer {
    let Period { from, to } = period(days)?;
    let link = |form: &Form| {
        html!(
            "<li><a href=\"/figures/forms/{}?from={}&amp;to={}\"><code>{}</code></a>: {}</li>",
            form.file_name(),
            from.to_string(),
            to.to_string(),
            form.file_name(),
            term!("form", form.file_name())
        )
    };
    let [ofcom, statements, parts @ ..] = &Form::ALL;
    let parts: Vec<Html> = parts.iter().map(link).collect();
    let field = |(name, _): &(&str, &str)| {
        html!("<tr><td><code class=\"whole\">{}</code></td><td>{}</td></tr>", *name, term!("statement", name))
    };
    let fields: Vec<Html> = STATEMENT_COLUMNS.iter().map(field).collect();
    let body = html!(
        "<p>{}</p><form method=\"get\" action=\"/figures/forms\" class=\"box\"><label for=\"from\">{}</label>\
         <input type=\"text\" id=\"from\" name=\"from\" value=\"{}\" required maxlength=\"10\">\
         <label for=\"to\">{}</label>\
         <input type=\"text\" id=\"to\" name=\"to\" value=\"{}\" required maxlength=\"10\"><button>{}</button></form>\
         <h2>{}</h2><ul>{}</ul><p>{}</p><h2>{}</h2><p>{}</p><ul>{}</ul><h2>{}</h2><ul>{}</ul><h3>{}</h3>\
         <div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\
         <tbody>{}</tbody></table></div>",
        say!("forms.about"),
        say!("forms.first_day"),
        from.to_string(),
        say!("forms.last_day"),
        to.to_string(),
        say!("forms.show"),
        say!("forms.uk"),
        link(ofcom),
        say!("forms.uk_about"),
        say!("forms.eu_report"),
        say!("forms.eu_report_about"),
        parts,
        say!("forms.eu_statements"),
        link(statements),
        say!("forms.each_field"),
        say!("forms.field"),
        say!("forms.stands_in"),
        fields
    );
    Ok(page(&reader, &say!("forms.title"), body).into_response())
}

async fn download(
    State(desk): State<Shared>,
    Path(name): Path<String>,
    days: Result<Query<Days>, QueryRejection>,
) -> Answer {
    let form = Form::named(&name).ok_or(Refusal::NotYours)?;
    let tally = desk.store.tally(period(days)?).await?;
    let csv = form_csv(form, &tally, desk.settings.transparency.service.as_deref());
    let bytes = csv.map_err(|_| Refusal::Filled(say!("forms.not_written")))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, bytes).into_response())
}
