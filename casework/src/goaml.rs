//! What does a report in the form of goAML say?
//!
//! goAML is the form of some sixty financial intelligence units. Its schema and its lists of codes are each unit's own,
//! so codes come in as settings, and a document counts only when it is valid by the schema that the unit supplies.
//! Structs in the order of schema 5.0.2: `report`, `transaction`, `t_from_my_client`, `t_to`.
//! Facts about the form: `goAML` standard submission manual 5.0.1 (25 February 2022) and the public schema of 5.0.2.

use jiff::Timestamp;
use serde::Deserialize;

use crate::referral::text;
use crate::tree::Node;
use crate::{Error, Sealed};

/// `report`.
#[derive(Clone, Debug)]
pub struct Report {
    /// Who reports, and which codes its unit wants.
    pub settings: Settings,
    /// `entity_reference`: the institution's own number for this report.
    pub reference: String,
    /// `submission_date`.
    pub at: Timestamp,
    /// `reason`: why it is reported, `1..=4000` characters.
    pub reason: Sealed<String>,
    /// `action`: what the institution has done, `1..=4000` characters.
    pub action: Option<Sealed<String>>,
    /// `transaction`, one or more.
    pub transactions: Vec<Transaction>,
}

/// What stays the same from report to report.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `rentity_id`: the number that the unit gave the institution.
    pub entity_id: u32,
    /// `rentity_branch`.
    #[serde(default)]
    pub branch: String,
    /// `report_code`, such as STR or SAR.
    pub report_code: String,
    /// `currency_code_local`, ISO 4217.
    pub currency: String,
    /// `report_indicators`: the unit's codes for this crime, one or more.
    pub indicators: Vec<String>,
    /// `transmode_code` for each of our channels; `default` where none is named.
    pub transmodes: std::collections::BTreeMap<String, String>,
    /// `from_funds_code` and `to_funds_code`.
    pub funds_code: String,
    /// `reporting_person`.
    pub reporting_person: ReportingPerson,
    /// `location`: where the institution is.
    pub location: Location,
}

/// `reporting_person`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportingPerson {
    /// `first_name`.
    pub first_name: String,
    /// `last_name`.
    pub last_name: String,
    /// `email`.
    pub email: String,
}

/// `location`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// `address_type`, the unit's code.
    pub address_type: String,
    /// `address`.
    pub address: String,
    /// `city`.
    pub city: String,
    /// `country_code`, ISO 3166 of two letters.
    pub country: String,
}

/// `transaction`.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// `transactionnumber`.
    pub number: String,
    /// `date_transaction`.
    pub at: Timestamp,
    /// The channel, as our files call it; the settings translate it.
    pub channel: String,
    /// `amount_local`, in minor units of the local currency of two decimals.
    pub local_minor: i64,
    /// Who paid: `t_from_my_client`.
    pub from: Sealed<Party>,
    /// ISO 3166, the sender's side.
    pub from_country: String,
    /// Who was paid: `t_to`.
    pub to: Sealed<Party>,
    /// ISO 3166, the beneficiary's side.
    pub to_country: String,
}

/// A natural person, as far as the institution knows: `t_person`, `t_person_my_client`.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Party {
    /// Pseudonym in the alerts.
    pub party: String,
    /// `first_name`; the form does not let it be absent.
    pub first_name: String,
    /// `last_name`.
    pub last_name: String,
    /// `birthdate`, as YYYY-MM-DD.
    pub birth_date: String,
}

impl Report {
    /// The longest text of one element.
    pub const TEXT_CHARS_MAX: usize = 4000;

    /// Writes the document.
    ///
    /// # Errors
    /// [`Error::Text`] names the first text that is missing or too long; [`Error::Number`] when there is no transaction
    /// or no indicator.
    pub fn to_xml(&self) -> Result<String, Error> {
        let Settings { entity_id, branch, report_code, currency, indicators, reporting_person, location, .. } =
            &self.settings;
        for (field, n) in
            [("the number of transactions", self.transactions.len()), ("the number of indicators", indicators.len())]
        {
            if n == 0 {
                return Err(Error::Number { field, value: "0".to_owned(), range: "1 and more" });
            }
        }
        let mut node = Node::new("report")
            .with(Node::text("rentity_id", &entity_id.to_string()))
            .optional("rentity_branch", Some(branch))
            .with(Node::text("submission_code", "E"))
            .with(wanted("report_code", report_code, 10)?)
            .with(wanted("entity_reference", &self.reference, 255)?)
            .with(Node::text("submission_date", &moment(self.at)))
            .with(wanted("currency_code_local", currency, 3)?)
            .with(
                Node::new("reporting_person")
                    .with(wanted("first_name", &reporting_person.first_name, 100)?)
                    .with(wanted("last_name", &reporting_person.last_name, 100)?)
                    .with(wanted("email", &reporting_person.email, 255)?),
            )
            .with(
                Node::new("location")
                    .with(wanted("address_type", &location.address_type, 10)?)
                    .with(wanted("address", &location.address, 100)?)
                    .with(wanted("city", &location.city, 255)?)
                    .with(wanted("country_code", &location.country, 2)?),
            )
            .with(wanted("reason", self.reason.open(), Self::TEXT_CHARS_MAX)?);
        if let Some(action) = &self.action {
            node = node.with(wanted("action", action.open(), Self::TEXT_CHARS_MAX)?);
        }
        for transaction in &self.transactions {
            node = node.with(self.transaction(transaction)?);
        }
        let mut codes = Node::new("report_indicators");
        for code in indicators {
            codes = codes.with(wanted("indicator", code, 25)?);
        }
        Ok(node.with(codes).to_xml())
    }

    fn transaction(&self, transaction: &Transaction) -> Result<Node, Error> {
        let Settings { transmodes, funds_code, .. } = &self.settings;
        let mode = transmodes.get(&transaction.channel).or_else(|| transmodes.get("default"));
        let mode = mode.map_or("", String::as_str);
        let local = transaction.local_minor;
        if local <= 0 {
            return Err(Error::Number { field: "amount_local", value: local.to_string(), range: "1 and more" });
        }
        let from = transaction.from.open();
        let to = transaction.to.open();
        Ok(Node::new("transaction")
            .with(wanted("transactionnumber", &transaction.number, 50)?)
            .with(Node::text("date_transaction", &moment(transaction.at)))
            .with(wanted("transmode_code", mode, 10)?)
            .with(Node::text("amount_local", &format!("{}.{:02}", local / 100, local % 100)))
            .with(
                Node::new("t_from_my_client")
                    .with(wanted("from_funds_code", funds_code, 10)?)
                    .with(from.node("from_person")?)
                    .with(wanted("from_country", &transaction.from_country, 2)?),
            )
            .with(
                Node::new("t_to")
                    .with(wanted("to_funds_code", funds_code, 10)?)
                    .with(to.node("to_person")?)
                    .with(wanted("to_country", &transaction.to_country, 2)?),
            ))
    }
}

impl Party {
    fn node(&self, name: &'static str) -> Result<Node, Error> {
        let birth_date = match self.birth_date.trim() {
            "" => None,
            date => {
                let date: jiff::civil::Date = date.parse().map_err(|_| Error::Number {
                    field: "birthdate",
                    value: "no date".to_owned(),
                    range: "YYYY-MM-DD",
                })?;
                Some(format!("{date}T00:00:00"))
            }
        };
        Ok(Node::new(name)
            .with(wanted("first_name", &self.first_name, 100)?)
            .with(wanted("last_name", &self.last_name, 100)?)
            .optional("birthdate", birth_date.as_deref()))
    }
}

fn wanted(field: &'static str, value: &str, n_chars_max: usize) -> Result<Node, Error> {
    text(field, value, n_chars_max)?;
    Ok(Node::text(field, value.trim()))
}

/// `xs:dateTime` without a zone, in UTC, as the manual's own examples are written.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
