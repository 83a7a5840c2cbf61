//! What does a report go through before it is sent?
//!
//! draft → validated → approved → filing. Nothing is filed that was not checked against the authority's schema and
//! approved by a named second person: [`Report::file`] is the only way to a [`Filing`].

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::filing::{FileToSend, Filing, Step};
use crate::{Decision, Error, Person, Verdict};

/// One report: its document, its files, and who stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    destination: Destination,
    document: Document,
    files: Vec<FileToSend>,
    decided_by: Person,
    state: State,
}

/// Where a report goes. Only a build with the feature `production` can name the authority's own server for production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// Nowhere: the document is written and checked.
    Dry,
    /// A server for tests; the authority discards what comes there.
    Test,
    /// The authority.
    #[cfg(feature = "production")]
    Production,
}

impl Destination {
    /// A few words for pages and messages.
    pub fn name(self) -> &'static str {
        match self {
            Destination::Dry => "nowhere (dry run)",
            Destination::Test => "the authority's test server",
            #[cfg(feature = "production")]
            Destination::Production => "the authority",
        }
    }
}

/// The text that is sent. It prints `[sealed]`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(String);

/// What a schema said about a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// SHA-256 of the document that was found valid.
    pub document_sha256: [u8; 32],
    /// SHA-256 of the schema.
    pub schema_sha256: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Draft,
    Validated { checked: Checked },
    Approved { checked: Checked, by: Person },
    Withdrawn { by: Person },
}

impl Document {
    /// What is sent.
    pub fn xml(&self) -> &str {
        &self.0
    }

    /// Its SHA-256.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[sealed]")
    }
}

impl Report {
    /// A draft that rests on a person's decision.
    ///
    /// # Errors
    /// [`Error::Transition`] when they decided that there was no violation.
    pub fn draft(
        destination: Destination,
        xml: String,
        files: Vec<FileToSend>,
        decision: &Decision,
    ) -> Result<Report, Error> {
        match decision.verdict {
            Verdict::Violation => {
                let decided_by = decision.who.clone();
                Ok(Report { destination, document: Document(xml), files, decided_by, state: State::Draft })
            }
            Verdict::NoViolation => {
                Err(Error::Transition { what: "the case", state: "decided as no violation", event: "reported" })
            }
        }
    }

    /// The text that is sent.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Where it goes.
    pub fn destination(&self) -> Destination {
        self.destination
    }

    /// The files that go with it.
    pub fn files(&self) -> &[FileToSend] {
        &self.files
    }

    /// Who decided what it rests on.
    pub fn decided_by(&self) -> &Person {
        &self.decided_by
    }

    /// Who approved it.
    pub fn approved_by(&self) -> Option<&Person> {
        match &self.state {
            State::Approved { by, .. } => Some(by),
            State::Draft | State::Validated { .. } | State::Withdrawn { .. } => None,
        }
    }

    /// Which schema found it valid.
    pub fn checked(&self) -> Option<&Checked> {
        match &self.state {
            State::Validated { checked } | State::Approved { checked, .. } => Some(checked),
            State::Draft | State::Withdrawn { .. } => None,
        }
    }

    /// One word for pages and messages.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            State::Draft => "a draft",
            State::Validated { .. } => "validated",
            State::Approved { .. } => "approved",
            State::Withdrawn { .. } => "withdrawn",
        }
    }

    /// Whether somebody has taken it back.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self.state, State::Withdrawn { .. })
    }

    /// Takes it back before anything of it was sent.
    ///
    /// # Errors
    /// [`Error::Transition`] when it is withdrawn already.
    pub(crate) fn withdrawn(&mut self, by: Person) -> Result<(), Error> {
        match self.state {
            State::Withdrawn { .. } => Err(self.refused("withdrawn")),
            State::Draft | State::Validated { .. } | State::Approved { .. } => {
                self.state = State::Withdrawn { by };
                Ok(())
            }
        }
    }

    /// Takes note that a schema found the document valid.
    ///
    /// # Errors
    /// [`Error::OtherDocument`] when it was another document; [`Error::Transition`] when the report is no draft.
    pub fn validated(&mut self, checked: Checked) -> Result<(), Error> {
        match self.state {
            State::Draft if checked.document_sha256 == self.document.sha256() => {
                self.state = State::Validated { checked };
                Ok(())
            }
            State::Draft => Err(Error::OtherDocument),
            State::Validated { .. } | State::Approved { .. } | State::Withdrawn { .. } => {
                Err(self.refused("validated"))
            }
        }
    }

    /// Takes note that a second person approves it.
    ///
    /// # Errors
    /// [`Error::SamePerson`] when it is who decided; [`Error::Transition`] when it is not validated or approved already.
    pub fn approved(&mut self, by: Person) -> Result<(), Error> {
        let State::Validated { checked } = &self.state else { return Err(self.refused("approved")) };
        if by == self.decided_by {
            return Err(Error::SamePerson);
        }
        self.state = State::Approved { checked: checked.clone(), by };
        Ok(())
    }

    /// Begins the filing, or takes it up where its journal ends.
    ///
    /// # Errors
    /// [`Error::Transition`] when nobody has approved it or it goes nowhere; [`Error::Journal`] when the journal is not its own;
    /// [`Error::OtherDocument`] when the document has changed since it was checked.
    pub fn file(&self, journal: &[Step]) -> Result<Filing, Error> {
        let State::Approved { checked, .. } = &self.state else { return Err(self.refused("filed")) };
        if checked.document_sha256 != self.document.sha256() {
            return Err(Error::OtherDocument);
        }
        match self.destination {
            Destination::Dry => Err(Error::Transition { what: "the report", state: "dry", event: "filed" }),
            Destination::Test => Filing::resume(self.files.clone(), journal),
            #[cfg(feature = "production")]
            Destination::Production => Filing::resume(self.files.clone(), journal),
        }
    }

    fn refused(&self, event: &'static str) -> Error {
        Error::Transition { what: "the report", state: self.state_name(), event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_checked_and_approved_by_a_second_person_is_filed() {
        let mut report = draft(Destination::Test);
        let checked = Checked { document_sha256: report.document().sha256(), schema_sha256: [1; 32] };
        assert!(report.file(&[]).is_err() && report.approved(person("bo")).is_err());
        let other = Checked { document_sha256: [0; 32], ..checked };
        assert_eq!(report.validated(other), Err(Error::OtherDocument));
        report.validated(checked).unwrap();
        assert!(report.file(&[]).is_err());
        assert_eq!(report.approved(person("ada")), Err(Error::SamePerson));
        report.approved(person("bo")).unwrap();
        assert!(report.file(&[]).is_ok());
    }

    #[test]
    fn a_document_changed_in_the_store_is_not_filed() {
        let mut report = draft(Destination::Test);
        let checked = Checked { document_sha256: report.document().sha256(), schema_sha256: [1; 32] };
        report.validated(checked).unwrap();
        report.approved(person("bo")).unwrap();
        let stored = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&stored).unwrap(), report);
        let altered: Report = serde_json::from_str(&stored.replace("<report/>", "<report />")).unwrap();
        assert_eq!(altered.file(&[]).unwrap_err(), Error::OtherDocument);
    }

    #[test]
    fn a_dry_report_goes_nowhere() {
        let mut report = draft(Destination::Dry);
        let checked = Checked { document_sha256: report.document().sha256(), schema_sha256: [1; 32] };
        report.validated(checked).unwrap();
        report.approved(person("bo")).unwrap();
        assert!(report.file(&[]).is_err());
    }

    fn draft(destination: Destination) -> Report {
        let decision = Decision {
            who: person("ada"),
            verdict: Verdict::Violation,
            reason: "entry 17 of list partner, distance 4".into(),
            policy_version: "1".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        assert!(
            Report::draft(
                destination,
                String::new(),
                vec![],
                &Decision { verdict: Verdict::NoViolation, ..decision.clone() }
            )
            .is_err()
        );
        Report::draft(destination, "<report/>".into(), vec![], &decision).unwrap()
    }

    fn person(name: &str) -> Person {
        Person::new(name).unwrap()
    }
}
