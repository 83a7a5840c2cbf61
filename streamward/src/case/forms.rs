//! How do the authorities' forms get filled without the console?
//!
//! From any copy of the cases that can be read, as a replica of the database: filling them reads the whole log, which
//! should not take the time of those who look at cases. With a replica the folder needs the log's key and `settings.toml`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use casework::transparency::{Form, Period, Tally, table};
use clap::Args;
use jiff::civil::Date;
use serde_json::json;

use crate::refer::Place;
use crate::settings::Settings;

/// Fills the forms that authorities ask for, as tables for a spreadsheet.
#[derive(Args)]
pub(super) struct Arguments {
    /// The first day, in UTC.
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Date,
    /// The last day, in UTC.
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Date,
    /// Where the tables go; made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    place: Place,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(Arguments { from, to, out, place, json }: &Arguments) -> Result<ExitCode> {
    let period = Period { from: *from, to: *to };
    if period.from > period.to {
        bail!("the period ends on {to}, before it begins on {from}\n  to do: swap --from and --to");
    }
    let settings = Settings::open(&place.data)?;
    let tally = place.open().await?.tally(period).await?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    for form in Form::ALL {
        let file = out.join(form.file_name());
        let csv = csv(form, &tally, settings.transparency.service.as_deref())?;
        std::fs::write(&file, csv).with_context(|| format!("cannot write {}", file.display()))?;
    }
    match json {
        true => println!("{}", json!({ "from": from, "to": to, "forms": Form::ALL.map(Form::file_name) })),
        false => println!("{} forms of {from} to {to} are in {}", Form::ALL.len(), out.display()),
    }
    Ok(ExitCode::SUCCESS)
}

fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "give a day as 2026-12-31".to_owned())
}

/// A form as a table for a spreadsheet. `service` is what the statements are about.
pub(crate) fn csv(form: Form, tally: &Tally, service: Option<&str>) -> Result<Vec<u8>> {
    let table = table(form, tally, service.unwrap_or_default());
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(&table.heads)?;
    for row in &table.rows {
        csv.write_record(row)?;
    }
    Ok(csv.into_inner()?)
}
