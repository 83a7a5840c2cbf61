//! What does a Suspicious Activity Report to FinCEN say?
//!
//! Structs in the order of `EFL_SARXBatchSchema.xsd` 1.2; element names and codes are the schema's. The batch holds one
//! activity: one report about one alert. Who the subject is comes from the institution's own files at the moment of
//! writing; an alert knows pseudonyms alone. A draft is no filing: a person reads it, completes it and decides.

use jiff::civil::Date;
use serde::Deserialize;

use crate::referral::text;
use crate::tree::Node;
use crate::{Error, Sealed};

/// The keyword that FinCEN asks for in field 2 when a report is about this crime (FIN-2021-NTC3).
pub const KEYWORD: &str = "OCSE-FIN-2021-NTC3";

/// What field 38(z), *Other*, is to say (FIN-2021-NTC3).
pub const OTHER_ACTIVITY: &str = "OCSE";

/// One report, as the only activity of a batch: `EFilingBatchXML`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `FilingDateText`.
    pub filed_on: Date,
    /// `EFilingPriorDocumentNumber` and what this report is to it.
    pub follows: Follows,
    /// `Party` 35, 37, 30, 8 and 34.
    pub filer: Filer,
    /// `Party` 33, one or more.
    pub subjects: Vec<Sealed<Subject>>,
    /// `SuspiciousActivity`.
    pub activity: SuspiciousActivity,
    /// `ActivityNarrativeInformation`, `1..=17000` characters, written in blocks of 4,000.
    pub narrative: Sealed<String>,
}

/// `ActivityAssociation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// `InitialReportIndicator`.
    Nothing,
    /// `ContinuingActivityReportIndicator`, with the earlier report's number.
    Continuing(u64),
    /// `CorrectsAmendsPriorReportIndicator`, with the earlier report's number.
    Corrects(u64),
}

/// Who files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filer {
    /// Legal name, at most 150 characters.
    pub name: String,
    /// `PartyIdentificationNumberText` of type 4 (TIN).
    pub tin: String,
    /// Transmitter control code, type 28.
    pub control_code: String,
    /// `PrimaryRegulatorTypeCode`: 1, 2, 3, 4, 6, 7, 9, 13 or 99.
    pub regulator: String,
    /// `OrganizationTypeID`: 1, 2, 3, 4, 5, 11, 12 or 999.
    pub organization: String,
    /// Name of the contact for assistance.
    pub contact: String,
    /// Telephone of the contact, digits alone.
    pub phone: String,
    /// Where it is.
    pub address: Address,
}

/// `Address`; what is absent is written as unknown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Address {
    /// `RawStreetAddress1Text`.
    pub street: String,
    /// `RawCityText`.
    pub city: String,
    /// `RawStateCodeText`.
    pub state: String,
    /// `RawZIPCode`.
    pub zip: String,
    /// `RawCountryCodeText`, ISO 3166 of two letters.
    pub country: String,
}

/// A subject, as far as the institution knows; what is absent is written as unknown.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Subject {
    /// Pseudonym in the alerts, to tell which of the transfers are this subject's.
    pub party: String,
    /// `RawIndividualFirstName`.
    pub first_name: String,
    /// `RawEntityIndividualLastName`.
    pub last_name: String,
    /// `IndividualBirthDateText`, as YYYYMMDD.
    pub birth_date: String,
    /// `AccountNumberText`.
    pub account: String,
    /// Whether the subject paid, was paid, or both.
    pub role: Role,
    /// Where the subject lives.
    pub address: Address,
}

/// `PurchaserSenderIndicator`, `PayeeReceiverIndicator` or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The subject paid.
    #[default]
    Sender,
    /// The subject was paid.
    Receiver,
    /// Both.
    Both,
}

/// `SuspiciousActivity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuspiciousActivity {
    /// `SuspiciousActivityFromDateText`.
    pub from: Date,
    /// `SuspiciousActivityToDateText`.
    pub to: Date,
    /// `TotalSuspiciousAmountText` in whole US dollars, rounded up; unknown where it cannot be told.
    pub usd: Option<u64>,
}

impl Batch {
    /// The longest narrative: five blocks, the last of 1,000 characters (the schema's own words).
    pub const NARRATIVE_CHARS_MAX: usize = 17_000;
    const BLOCK_CHARS: usize = 4_000;

    /// Writes the document.
    ///
    /// # Errors
    /// [`Error::Text`] names the first text that is empty where it may not be, too long, or holds a control character;
    /// [`Error::Number`] when there is no subject or the activity ends before it begins.
    pub fn to_xml(&self) -> Result<String, Error> {
        let Batch { filer, activity, .. } = self;
        text("the narrative", self.narrative.open(), Self::NARRATIVE_CHARS_MAX)?;
        if self.subjects.is_empty() || self.subjects.len() > 200 {
            let value = self.subjects.len().to_string();
            return Err(Error::Number { field: "the number of subjects", value, range: "1..=200" });
        }
        if activity.to < activity.from {
            let value = activity.to.to_string();
            return Err(Error::Number { field: "the last day", value, range: "the first day and later" });
        }
        let mut node = Node::new("Activity");
        if let Follows::Continuing(number) | Follows::Corrects(number) = self.follows {
            node = node.with(Node::text("EFilingPriorDocumentNumber", &format!("{number:014}")));
        }
        let follows = match self.follows {
            Follows::Nothing => "InitialReportIndicator",
            Follows::Continuing(_) => "ContinuingActivityReportIndicator",
            Follows::Corrects(_) => "CorrectsAmendsPriorReportIndicator",
        };
        node = node
            .with(Node::text("FilingDateText", &day(self.filed_on)))
            .with(Node::text("FilingInstitutionNotetoFinCEN", KEYWORD))
            .with(Node::new("ActivityAssociation").with(Node::text(follows, "Y")))
            .with_all(filer.parties()?);
        for subject in &self.subjects {
            node = node.with(subject.open().party(filer)?);
        }
        node = node.with(activity.node()).with_all(self.narrative_blocks());
        let n_parties = node.count("Party");
        let mut batch = Node::new("EFilingBatchXML")
            .attribute("xmlns", "www.fincen.gov/base")
            .attribute("TotalAmount", activity.usd.unwrap_or(0))
            .attribute("PartyCount", n_parties)
            .attribute("ActivityCount", 1)
            .attribute("ActivityAttachmentCount", 0)
            .attribute("AttachmentCount", 0)
            .with(Node::text("FormTypeCode", "SARX"))
            .with(node);
        batch.number("SeqNum", &mut 1);
        Ok(batch.to_xml())
    }

    fn narrative_blocks(&self) -> Vec<Node> {
        let characters: Vec<char> = self.narrative.open().chars().collect();
        let blocks = characters.chunks(Self::BLOCK_CHARS).enumerate();
        let block = |(place, block): (usize, &[char])| {
            Node::new("ActivityNarrativeInformation")
                .with(Node::text("ActivityNarrativeSequenceNumber", &(place + 1).to_string()))
                .with(Node::text("ActivityNarrativeText", &block.iter().collect::<String>()))
        };
        blocks.map(block).collect()
    }
}

/// `1..=n` characters without blanks at either end or doubled control characters, as the schema's patterns ask.
fn required<'a>(field: &'static str, value: &'a str, n_chars_max: usize) -> Result<&'a str, Error> {
    let n_chars = value.chars().count();
    match value.contains('\n') {
        true => Err(Error::Text { field, n_chars, n_chars_max }),
        false => text(field, value, n_chars_max).map(|()| value.trim()),
    }
}

fn optional<'a>(field: &'static str, value: &'a str, n_chars_max: usize) -> Result<Option<&'a str>, Error> {
    if value.trim().is_empty() { Ok(None) } else { required(field, value, n_chars_max).map(Some) }
}

fn day(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

impl Filer {
    /// The transmitter, its contact, the reporting institution, the contact for assistance, and where it happened.
    fn parties(&self) -> Result<[Node; 5], Error> {
        let name = Node::new("PartyName")
            .with(Node::text("PartyNameTypeCode", "L"))
            .with(Node::text("RawPartyFullName", required("the filer's name", &self.name, 150)?));
        let contact = Node::new("PartyName")
            .with(Node::text("PartyNameTypeCode", "L"))
            .with(Node::text("RawPartyFullName", required("the contact's name", &self.contact, 150)?));
        let phone = Node::new("PhoneNumber")
            .with(Node::text("PhoneNumberText", required("the contact's telephone", &self.phone, 16)?));
        let identified = |kind: &'static str, value: &str| {
            Ok(Node::new("PartyIdentification")
                .with(Node::text("PartyIdentificationNumberText", required("the filer's number", value, 25)?))
                .with(Node::text("PartyIdentificationTypeCode", kind)))
        };
        let organization = || {
            Node::new("OrganizationClassificationTypeSubtype")
                .with(Node::text("OrganizationTypeID", self.organization.trim()))
        };
        let party = |code: &'static str| Node::new("Party").with(Node::text("ActivityPartyTypeCode", code));
        let regulated =
            |code: &'static str| party(code).with(Node::text("PrimaryRegulatorTypeCode", self.regulator.trim()));
        let address = self.address.node()?;
        Ok([
            party("35")
                .with(name.clone())
                .with(address.clone())
                .with(phone.clone())
                .with(identified("4", &self.tin)?)
                .with(identified("28", &self.control_code)?),
            party("37").with(contact.clone()),
            regulated("30")
                .with(name.clone())
                .with(address.clone())
                .with(identified("4", &self.tin)?)
                .with(organization()),
            party("8").with(contact).with(phone),
            regulated("34").with(name).with(address).with(identified("4", &self.tin)?).with(organization()),
        ])
    }
}

impl Address {
    fn node(&self) -> Result<Node, Error> {
        let city = optional("the city", &self.city, 50)?;
        let country = optional("the country", &self.country, 2)?;
        let state = optional("the state", &self.state, 3)?;
        let street = optional("the street", &self.street, 100)?;
        let zip = optional("the postal code", &self.zip, 9)?;
        let unknown = |value: Option<&str>| value.is_none().then_some("Y");
        Ok(Node::new("Address")
            .optional("CityUnknownIndicator", unknown(city))
            .optional("CountryCodeUnknownIndicator", unknown(country))
            .optional("RawCityText", city)
            .optional("RawCountryCodeText", country)
            .optional("RawStateCodeText", state)
            .optional("RawStreetAddress1Text", street)
            .optional("RawZIPCode", zip)
            .optional("StateCodeUnknownIndicator", unknown(state))
            .optional("StreetAddressUnknownIndicator", unknown(street))
            .optional("ZIPCodeUnknownIndicator", unknown(zip)))
    }
}

impl Subject {
    fn party(&self, filer: &Filer) -> Result<Node, Error> {
        let first = optional("the subject's first name", &self.first_name, 35)?;
        let last = optional("the subject's last name", &self.last_name, 150)?;
        let birth_date = optional("the subject's date of birth", &self.birth_date, 8)?;
        let account = optional("the subject's account", &self.account, 40)?;
        let unknown = |value: Option<&str>| value.is_none().then_some("Y");
        let is = |roles: &[Role]| roles.contains(&self.role).then_some("Y");
        let name = Node::new("PartyName")
            .optional("EntityLastNameUnknownIndicator", unknown(last))
            .optional("FirstNameUnknownIndicator", unknown(first))
            .with(Node::text("PartyNameTypeCode", "L"))
            .optional("RawEntityIndividualLastName", last)
            .optional("RawIndividualFirstName", first);
        let mut node = Node::new("Party")
            .with(Node::text("ActivityPartyTypeCode", "33"))
            .optional("BirthDateUnknownIndicator", unknown(birth_date))
            .optional("BothPurchaserSenderPayeeReceiveIndicator", is(&[Role::Both]))
            .optional("IndividualBirthDateText", birth_date)
            .optional("NoKnownAccountInvolvedIndicator", unknown(account))
            .optional("PayeeReceiverIndicator", is(&[Role::Receiver]))
            .optional("PurchaserSenderIndicator", is(&[Role::Sender]))
            .optional("UnknownGenderIndicator", Some("Y"))
            .with(name)
            .with(self.address.node()?)
            .with(Node::new("PartyIdentification").with(Node::text("TINUnknownIndicator", "Y")));
        if let Some(account) = account {
            let tin = required("the filer's number", &filer.tin, 25)?;
            let held = Node::new("Party")
                .with(Node::text("ActivityPartyTypeCode", "41"))
                .with(
                    Node::new("PartyIdentification")
                        .with(Node::text("PartyIdentificationNumberText", tin))
                        .with(Node::text("PartyIdentificationTypeCode", "4")),
                )
                .with(Node::new("Account").with(Node::text("AccountNumberText", account)).with(
                    Node::new("PartyAccountAssociation").with(Node::text("PartyAccountAssociationTypeCode", "5")),
                ));
            let association = Node::new("PartyAccountAssociation")
                .with(Node::text("PartyAccountAssociationTypeCode", "7"))
                .with(held);
            node = node.with(association);
        }
        Ok(node)
    }
}

impl SuspiciousActivity {
    fn node(&self) -> Node {
        let amount = match self.usd {
            Some(usd) => ("TotalSuspiciousAmountText", usd.to_string()),
            None => ("AmountUnknownIndicator", "Y".to_owned()),
        };
        let node = Node::new("SuspiciousActivity");
        let node = if self.usd.is_none() { node.with(Node::text(amount.0, &amount.1)) } else { node };
        let node = node
            .with(Node::text("SuspiciousActivityFromDateText", &day(self.from)))
            .with(Node::text("SuspiciousActivityToDateText", &day(self.to)));
        let node = if self.usd.is_some() { node.with(Node::text(amount.0, &amount.1)) } else { node };
        // Field 38(z): other suspicious activities (9), other (9999).
        node.with(
            Node::new("SuspiciousActivityClassification")
                .with(Node::text("OtherSuspiciousActivityTypeText", OTHER_ACTIVITY))
                .with(Node::text("SuspiciousActivitySubtypeID", "9999"))
                .with(Node::text("SuspiciousActivityTypeID", "9")),
        )
    }
}
