//! How does an alert become a case?
//!
//! As a referral in casework's own form. It names the alert and the pack's typology and score, never an account in the
//! clear: what stands in it is the pseudonym. Casework keeps what comes from payments in a compartment of its own, which a
//! platform's reviewers do not see; telling a customer is an offence in many countries.
//! One line of JSON, which `streamward refer` takes.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use casework::referral::{Intake, Seen, Source};
use casework::{Referral, Sealed};
use clap::Args;
use payments::Alert;

use super::desk::moment;
use super::explain::Known;
use super::input::{Input, unwritable};

/// Arguments of `payments refer`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The alert.
    alert: String,
    #[command(flatten)]
    input: Input,
    /// Where to write the referral, as JSON; standard output when not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What stands for the service in the referral.
const PLATFORM: &str = "payments";

/// Writes the referral.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let known = Known::load(&arguments.input)?;
    let (alert, index) = known.find(&arguments.alert)?;
    let rows = known.book().rows();
    let began_s = rows[index as usize].at_s - known.pack_of(alert).spans.window_s;
    let json = serde_json::to_string(&referral(alert, began_s, rows[index as usize].at_s)?)?;
    match &arguments.out {
        Some(path) => std::fs::write(path, json + "\n").map_err(|why| unwritable(path, why))?,
        None => println!("{json}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// The alert in casework's form; the same alert gives the same key.
fn referral(alert: &Alert, began_s: i64, ended_s: i64) -> anyhow::Result<Referral> {
    let reasons: Vec<&str> = alert.reasons.iter().map(|reason| reason.why.as_str()).collect();
    let told = format!(
        "{}. Score {} by {} of {}. {}. This is a pattern and no finding about a person.",
        alert.looks_like,
        alert.score,
        alert.typology,
        alert.inputs.pack,
        reasons.join("; ")
    );
    let intake = Intake {
        source: Source::Payment,
        seen: Seen::Told(Sealed::new(told.chars().take(Referral::TOLD_CHARS_MAX).collect())),
        platform: PLATFORM.to_owned(),
        channel: alert.id.clone(),
        began_at: moment(began_s)?,
        ended_at: Some(moment(ended_s)?),
        account: Some(Sealed::new(alert.party.clone())),
    };
    Referral::new(intake).context("casework refuses the alert")
}
