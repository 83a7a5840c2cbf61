//! What would be told to the authority about this alert?
//!
//! A draft: the alert's transfers, reasons and worth, with the names and codes that the institution keeps in a file of
//! its own, since an alert knows pseudonyms alone. It is checked against the authority's schema before it is written,
//! and a person reads, completes and files it. Nothing is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use casework::{Sealed, fincen, goaml};
use clap::{Args, ValueEnum};
use payments::{Alert, Amount, Book, Currency, Rates};
use serde::Deserialize;

use super::desk::{moment, now_s};
use super::explain::Known;
use super::input::{Input, text_of, told, unwritable};

/// Arguments of `payments report`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The alert.
    alert: String,
    #[command(flatten)]
    input: Input,
    /// Whose form.
    #[arg(long, value_enum)]
    to: To,
    /// Who files, who the parties are, and the authority's codes (TOML); see docs/payments/reports.md.
    #[arg(long, value_name = "FILE")]
    filing: PathBuf,
    /// The authority's schema (XSD); a report that is not valid by it is not written.
    #[arg(long, value_name = "XSD")]
    schema: PathBuf,
    /// Where to write the draft.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum To {
    /// Suspicious Activity Report to FinCEN.
    FincenSar,
    /// The form of goAML, with the unit's own codes.
    Goaml,
}

/// What the institution adds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filing {
    /// Day of filing; today when not given.
    filed_on: Option<String>,
    /// The institution's own number for this report.
    #[serde(default)]
    reference: String,
    /// What the institution has done.
    #[serde(default)]
    action: String,
    /// What a person adds to the story.
    #[serde(default)]
    narrative: String,
    fincen: Option<fincen::Filer>,
    #[serde(default)]
    subject: Vec<fincen::Subject>,
    goaml: Option<goaml::Settings>,
    #[serde(default)]
    person: Vec<goaml::Party>,
}

/// Writes a draft.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let known = Known::load(&arguments.input)?;
    let (alert, _) = known.find(&arguments.alert)?;
    let text = text_of(&arguments.filing)?;
    let cure = "see docs/payments/reports.md for what stands in it";
    let filing: Filing = toml::from_str(&text).map_err(|why| told("cannot use", &arguments.filing, why, cure))?;
    let draft =
        Draft { alert, book: known.book(), rates: known.rates(), currency: known.pack_of(alert).currency, filing };
    let xml = match arguments.to {
        To::FincenSar => draft.fincen(),
        To::Goaml => draft.goaml(),
    }
    .with_context(|| {
        format!("cannot draft the report about {}\n  to do: complete {}", alert.id, arguments.filing.display())
    })?;
    let reasons = faults(&arguments.schema, &xml)?;
    if !reasons.is_empty() {
        reasons.iter().for_each(|reason| eprintln!("  {reason}"));
        eprintln!(
            "the draft is not valid by {}, and was not written\n  to do: mend what is named in {}",
            arguments.schema.display(),
            arguments.filing.display()
        );
        return Ok(ExitCode::from(4));
    }
    std::fs::write(&arguments.out, xml).map_err(|why| unwritable(&arguments.out, why))?;
    eprintln!(
        "a draft, valid by {}, is in {}\n  to do: read it, complete it, and let a second person approve it; nothing was sent",
        arguments.schema.display(),
        arguments.out.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn faults(schema: &std::path::Path, xml: &str) -> Result<Vec<String>> {
    let text = text_of(schema)?;
    let cure = "fetch the schema from the authority again";
    let read = uppsala::parse(&text).and_then(|document| uppsala::XsdValidator::from_schema(&document));
    let validator = read.map_err(|why| told("cannot use the schema", schema, why, cure))?;
    Ok(match uppsala::parse(xml) {
        Ok(document) => validator.validate(&document).iter().map(ToString::to_string).collect(),
        Err(error) => vec![format!("it is not well-formed XML: {error}")],
    })
}

struct Draft<'a> {
    alert: &'a Alert,
    book: &'a Book,
    rates: &'a Rates,
    currency: Currency,
    filing: Filing,
}

impl Draft<'_> {
    /// The rows behind any reason, in order; each once.
    fn rows(&self) -> Vec<u32> {
        let ids: BTreeSet<&str> =
            self.alert.reasons.iter().flat_map(|reason| reason.transfers.iter().map(String::as_str)).collect();
        let mut rows: Vec<u32> = ids.iter().filter_map(|id| self.book.find(id)).collect();
        rows.sort_unstable();
        rows
    }

    fn fincen(self) -> Result<String> {
        let rows = self.rows();
        let day = |row: u32| -> Result<jiff::civil::Date> {
            let at = moment(self.book.transfers()[row as usize].at.utc_s)?;
            Ok(at.to_zoned(jiff::tz::TimeZone::UTC).date())
        };
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { bail!("the alert has no transfers") };
        let filed_on = match &self.filing.filed_on {
            Some(text) => {
                text.parse().ok().with_context(|| format!("`filed_on` is {text:?} and no date YYYY-MM-DD"))?
            }
            None => moment(now_s())?.to_zoned(jiff::tz::TimeZone::UTC).date(),
        };
        let activity = fincen::SuspiciousActivity { from: day(*first)?, to: day(*last)?, usd: self.usd(&rows) };
        let narrative = self.narrative(&rows, fincen::Batch::NARRATIVE_CHARS_MAX);
        let batch = fincen::Batch {
            filed_on,
            follows: fincen::Follows::Nothing,
            filer: self.filing.fincen.context("it has no [fincen]")?,
            subjects: self.filing.subject.into_iter().map(Sealed::new).collect(),
            activity,
            narrative: Sealed::new(narrative),
        };
        Ok(batch.to_xml()?)
    }

    fn goaml(self) -> Result<String> {
        let rows = self.rows();
        let settings = self.filing.goaml.clone().context("it has no [goaml]")?;
        let local = Currency::parse(&settings.currency).context("`goaml.currency` is no currency of ISO 4217")?;
        let people: BTreeMap<&str, &goaml::Party> = self.filing.person.iter().map(|p| (p.party.as_str(), p)).collect();
        let person = |party: payments::PartyId| {
            let party = party.to_string();
            let known = people.get(party.as_str()).with_context(|| format!("no [[person]] has party = \"{party}\""))?;
            anyhow::Ok(Sealed::new((*known).clone()))
        };
        let mut transactions = Vec::with_capacity(rows.len());
        for &row in &rows {
            let transfer = &self.book.transfers()[row as usize];
            let value_minor = self.book.rows()[row as usize].value_minor;
            let local_minor = self
                .in_currency(value_minor, local, transfer.at.day())
                .with_context(|| format!("no exchange rate for {local}; add it to --rates"))?;
            transactions.push(goaml::Transaction {
                number: transfer.id.to_string(),
                at: moment(transfer.at.utc_s)?,
                channel: transfer.channel.as_str().to_owned(),
                local_minor,
                from: person(transfer.sender)?,
                from_country: transfer.corridor.from.to_string(),
                to: person(transfer.beneficiary)?,
                to_country: transfer.corridor.to.to_string(),
            });
        }
        let reference =
            if self.filing.reference.is_empty() { self.alert.id.clone() } else { self.filing.reference.clone() };
        let action = (!self.filing.action.is_empty()).then(|| Sealed::new(self.filing.action.clone()));
        let report = goaml::Report {
            settings,
            reference,
            at: moment(now_s())?,
            reason: Sealed::new(self.narrative(&rows, goaml::Report::TEXT_CHARS_MAX)),
            action,
            transactions,
        };
        Ok(report.to_xml()?)
    }

    /// Worth in whole US dollars, rounded up as FinCEN asks; none without a rate.
    fn usd(&self, rows: &[u32]) -> Option<u64> {
        let usd = Currency::parse("USD")?;
        let cents = rows.iter().map(|&row| {
            let day = self.book.transfers()[row as usize].at.day();
            self.in_currency(self.book.rows()[row as usize].value_minor, usd, day)
        });
        let cents = cents.sum::<Option<i64>>()?;
        u64::try_from(cents).ok().map(|cents| cents.div_ceil(100))
    }

    /// Minor units of the pack's currency, in those of another of two decimals.
    fn in_currency(&self, value_minor: i64, other: Currency, day: i64) -> Option<i64> {
        if other == self.currency {
            return Some(value_minor);
        }
        const PROBE_MINOR: i64 = 1_000_000;
        let probe = self.rates.value_minor(Amount::new(PROBE_MINOR, other).ok()?, day).ok()?;
        let converted = (i128::from(value_minor) * i128::from(PROBE_MINOR) + i128::from(probe / 2)) / i128::from(probe);
        i64::try_from(converted).ok()
    }

    /// Who, what, when, how, and what is not known: reasons in plain words, transfers, and what speaks against it.
    fn narrative(&self, rows: &[u32], n_chars_max: usize) -> String {
        let mut story = String::new();
        if !self.filing.narrative.trim().is_empty() {
            story.push_str(self.filing.narrative.trim());
            story.push_str("\n\n");
        }
        story.push_str(&format!(
            "An automatic comparison with published indicators raised alert {} on {} about party {}: {}. {} transfers stand behind it.\n",
            self.alert.id, self.alert.at, self.alert.party, self.alert.looks_like, rows.len()
        ));
        for reason in &self.alert.reasons {
            story.push_str(&format!("- {} ({})\n", reason.why, reason.indicator));
        }
        for protection in &self.alert.protections {
            story.push_str(&format!("- in favour: {}\n", protection.why));
        }
        story.push_str("The pattern alone is no finding about a person.\nTransfers:\n");
        let tail = "further transfers are in the institution's file\n";
        for &row in rows {
            let t = &self.book.transfers()[row as usize];
            let line = format!(
                "{} {} {} from {} to {} ({}, {})\n",
                t.at.to_rfc3339(),
                t.id,
                t.amount,
                t.sender,
                t.beneficiary,
                t.corridor,
                t.channel.as_str()
            );
            if story.chars().count() + line.chars().count() + tail.len() > n_chars_max {
                story.push_str(tail);
                break;
            }
            story.push_str(&line);
        }
        story.chars().filter(|c| *c == '\n' || !c.is_control()).take(n_chars_max).collect()
    }
}
