//! What does a report to the CyberTipline say?
//!
//! Structs in the order of the schema: what is written first stands first. There is no type of incident for a live
//! video in the schema; a live call is `chatImIncident`, with `liveStreaming` on a file where one is sent.
//! Flags are written `true` or not at all: the schema refuses `false`.

use jiff::Timestamp;
use quick_xml::Writer;

use crate::referral::text;
use crate::{Error, Sealed, ViewLog};

/// The document that opens a report: `report` in the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `incidentSummary`.
    pub summary: Summary,
    /// `internetDetails`, as `chatImIncident`: a live call or stream.
    pub chat: Option<Chat>,
    /// `reporter`.
    pub reporter: Reporter,
    /// `personOrUserReported`; the schema's text asks for at most one.
    pub reported: Option<Account>,
    /// `additionalInfo`: what was seen and by which program.
    pub additional_info: Option<Sealed<String>>,
}

/// `incidentSummary`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// `incidentType`.
    pub incident: IncidentType,
    /// `platform`.
    pub platform: Option<String>,
    /// `escalateToHighPriority`: why this cannot wait, at most 3000 characters.
    pub escalation: Option<Sealed<String>>,
    /// `incidentDateTime`; it must be in the past.
    pub at: Timestamp,
}

/// `incidentType`: which paragraph of the law, in the authority's own wording. A person chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentType {
    /// 18 U.S.C. §2252, §2252A: material.
    Material,
    /// 18 U.S.C. §1591.
    Trafficking,
    /// 18 U.S.C. §2422(b).
    Enticement,
}

impl IncidentType {
    /// The schema's wording.
    pub fn wording(self) -> &'static str {
        match self {
            IncidentType::Material => "Child Pornography (possession, manufacture, and distribution)",
            IncidentType::Trafficking => "Child Sex Trafficking",
            IncidentType::Enticement => "Online Enticement of Children for Sexual Acts",
        }
    }
}

/// `chatImIncident`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// `chatClient`: which program or service.
    pub client: Option<String>,
    /// `chatRoomName`: which call or stream.
    pub room: Option<Sealed<String>>,
}

/// `reporter`: who reports, for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reporter {
    /// `firstName` of the person who reports.
    pub first_name: Sealed<String>,
    /// `lastName`.
    pub last_name: Sealed<String>,
    /// `email`: the schema lets it be absent, the authority's documentation does not.
    pub email: Sealed<String>,
}

/// `personOrUserReported`, by what the service knows of the account.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Account {
    /// `espIdentifier`: the account's number or name at the service.
    pub identifier: Option<Sealed<String>>,
    /// `espService`: the name of the service.
    pub service: Option<String>,
    /// `screenName`.
    pub screen_name: Option<Sealed<String>>,
    /// `ipCaptureEvent`.
    pub addresses: Vec<AddressEvent>,
    /// `priorCTReports`: numbers of earlier reports about the same account.
    pub prior_reports: Vec<i64>,
}

/// `ipCaptureEvent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressEvent {
    /// `ipAddress`.
    pub address: Sealed<std::net::IpAddr>,
    /// `dateTime`.
    pub at: Timestamp,
    /// `port`.
    pub port: Option<u16>,
}

/// What is said about a file that was sent: `fileDetails` in the schema. *Viewed* comes from the view log alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDetails {
    report_id: i64,
    file_id: String,
    is_file_viewed: bool,
    is_exif_viewed: bool,
    is_live: bool,
    sha256: [u8; 32],
    address: Option<AddressEvent>,
}

impl Report {
    /// The longest text that is sent in one element; the authority documents it for `escalateToHighPriority`.
    pub const TEXT_CHARS_MAX: usize = 3000;

    /// Writes the document.
    ///
    /// # Errors
    /// [`Error::Text`] names the first text that is empty, too long, or holds a character that XML cannot.
    pub fn to_xml(&self) -> Result<String, Error> {
        written("report", |at| {
            at.inside("incidentSummary", |at| self.summary.write(at))?;
            if let Some(Chat { client, room }) = &self.chat {
                at.inside("internetDetails", |at| {
                    at.inside("chatImIncident", |at| {
                        at.optional("chatClient", client.as_deref())?;
                        at.optional("chatRoomName", opened(room))
                    })
                })?;
            }
            at.inside("reporter", |at| {
                at.inside("reportingPerson", |at| {
                    at.text("firstName", self.reporter.first_name.open())?;
                    at.text("lastName", self.reporter.last_name.open())?;
                    at.text("email", self.reporter.email.open())
                })
            })?;
            if let Some(account) = &self.reported {
                at.inside("personOrUserReported", |at| account.write(at))?;
            }
            at.optional("additionalInfo", opened(&self.additional_info))
        })
    }
}

impl Summary {
    fn write(&self, at: &mut Elements) -> Result<(), Error> {
        at.text("incidentType", self.incident.wording())?;
        at.optional("platform", self.platform.as_deref())?;
        at.optional("escalateToHighPriority", opened(&self.escalation))?;
        at.text("incidentDateTime", &self.at.to_string())
    }
}

impl Account {
    fn write(&self, at: &mut Elements) -> Result<(), Error> {
        at.optional("espIdentifier", opened(&self.identifier))?;
        at.optional("espService", self.service.as_deref())?;
        at.optional("screenName", opened(&self.screen_name))?;
        self.addresses.iter().try_for_each(|event| event.write(at))?;
        self.prior_reports.iter().try_for_each(|number| at.text("priorCTReports", &number.to_string()))
    }
}

impl AddressEvent {
    fn write(&self, at: &mut Elements) -> Result<(), Error> {
        at.inside("ipCaptureEvent", |at| {
            at.text("ipAddress", &self.address.open().to_string())?;
            at.text("dateTime", &self.at.to_string())?;
            at.optional("port", self.port.map(|port| port.to_string()).as_deref())
        })
    }
}

impl FileDetails {
    /// What is said about the file of this `sha256`, which the authority has as `file_id` of report `report_id`.
    pub fn new(report_id: i64, file_id: &str, sha256: [u8; 32], views: &ViewLog) -> FileDetails {
        FileDetails {
            report_id,
            file_id: file_id.to_owned(),
            is_file_viewed: views.is_file_viewed(&sha256),
            is_exif_viewed: views.is_exif_viewed(&sha256),
            is_live: false,
            sha256,
            address: None,
        }
    }

    /// The same, of a file from a live video.
    pub fn live(self) -> FileDetails {
        FileDetails { is_live: true, ..self }
    }

    /// The same, with where the file came from. The schema takes one; a second one replaces it.
    pub fn from_address(self, address: AddressEvent) -> FileDetails {
        FileDetails { address: Some(address), ..self }
    }

    /// Writes the document.
    ///
    /// # Errors
    /// As [`Report::to_xml`].
    pub fn to_xml(&self) -> Result<String, Error> {
        let flag = |is_set: bool| is_set.then_some("true");
        written("fileDetails", |at| {
            at.text("reportId", &self.report_id.to_string())?;
            at.text("fileId", &self.file_id)?;
            at.optional("fileViewedByEsp", flag(self.is_file_viewed))?;
            at.optional("exifViewedByEsp", flag(self.is_exif_viewed))?;
            if self.is_live {
                at.inside("fileAnnotations", |at| at.text("liveStreaming", "true"))?;
            }
            at.hash(&self.sha256)?;
            self.address.iter().try_for_each(|event| event.write(at))
        })
    }
}

fn opened(sealed: &Option<Sealed<String>>) -> Option<&str> {
    sealed.as_ref().map(|sealed| sealed.open().as_str())
}

/// Elements written one after the other.
struct Elements {
    writer: Writer<Vec<u8>>,
}

fn written(root: &'static str, content: impl FnOnce(&mut Elements) -> Result<(), Error>) -> Result<String, Error> {
    let mut at = Elements { writer: Writer::new(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec()) };
    at.inside(root, content)?;
    Ok(String::from_utf8(at.writer.into_inner()).expect("only texts were written"))
}

impl Elements {
    fn inside(
        &mut self,
        name: &'static str,
        content: impl FnOnce(&mut Elements) -> Result<(), Error>,
    ) -> Result<(), Error> {
        use quick_xml::events::{BytesEnd, BytesStart, Event};
        self.write(Event::Start(BytesStart::new(name)));
        content(self)?;
        self.write(Event::End(BytesEnd::new(name)));
        Ok(())
    }

    fn text(&mut self, name: &'static str, value: &str) -> Result<(), Error> {
        use quick_xml::events::{BytesText, Event};
        text(name, value, Report::TEXT_CHARS_MAX)?;
        self.inside(name, |at| {
            at.write(Event::Text(BytesText::new(value)));
            Ok(())
        })
    }

    fn optional(&mut self, name: &'static str, value: Option<&str>) -> Result<(), Error> {
        value.map_or(Ok(()), |value| self.text(name, value))
    }

    fn hash(&mut self, sha256: &[u8; 32]) -> Result<(), Error> {
        use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
        let digits: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = "originalFileHash";
        self.write(Event::Start(BytesStart::new(name).with_attributes([("hashType", "SHA256")])));
        self.write(Event::Text(BytesText::new(&digits)));
        self.write(Event::End(BytesEnd::new(name)));
        Ok(())
    }

    fn write(&mut self, event: quick_xml::events::Event<'_>) {
        self.writer.write_event(event).expect("a vector takes every byte");
    }
}
