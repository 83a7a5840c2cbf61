//! How does an approved report get filed, whatever happens meanwhile?
//!
//! The filing machine says what is next; this does it. A step is in the store before the next one is asked for. When
//! anything fails here the machine is dropped, and made again from the journal: by us, or by whoever comes after a crash.

use std::ops::ControlFlow;
use std::time::Duration;

use casework::cybertip::FileDetails;
use casework::evidence::Kept;
use casework::filing::{Output, Request, Status};
use casework::{Deed, Dossier, Evidence};
use jiff::Timestamp;

use super::client::{Client, Question};
use super::schema::Schema;
use crate::store::{self, Store};
use crate::vault::files::Files;

/// How long a report is one process's to file; longer than the longest step.
const LEASE: Duration = Duration::from_secs(2 * 3600);
/// The longest file that is sent, in bytes. What the authority takes at most is not known to us.
const FILE_LEN_MAX: u64 = 4 << 30;

/// What filing needs.
pub(crate) struct Outbox<'o> {
    /// Where the cases are.
    pub(crate) store: &'o Store,
    /// The authority's schema.
    pub(crate) schema: &'o Schema,
    /// The authority.
    pub(crate) client: &'o Client,
    /// Files that are kept here.
    pub(crate) files: &'o Files,
}

/// A moment at which a crash is tried in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Before a step is stored.
    BeforeStep,
    /// After it is stored.
    AfterStep,
    /// Before a question is sent.
    BeforeQuestion,
    /// After it was answered, before we look at the answer.
    AfterAnswer,
}

/// Why a report was not filed further now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Another process is filing it.
    #[error("another process is filing this report\n  to do: nothing; it goes on by itself")]
    Leased,
    /// A document is not valid by the schema at hand.
    #[error(
        "the document is not valid by the authority's schema, and was not sent: {reason}\n  to do: withdraw the report and draft it again"
    )]
    Invalid {
        /// The first reason.
        reason: String,
    },
    /// A file is not what it was when it was added.
    #[error(
        "file {sha256} {wrong}; nothing was sent\n  to do: restore the file where it was, or withdraw the report and draft it without it"
    )]
    File {
        /// Its SHA-256.
        sha256: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// A test says that it crashed here.
    #[cfg(test)]
    #[error("crashed")]
    Crashed,
}

impl Error {
    /// One word for logs.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Error::Store(error) => error.kind(),
            Error::Leased => "leased",
            Error::Invalid { .. } => "invalid",
            Error::File { .. } => "file",
            #[cfg(test)]
            Error::Crashed => "crashed",
        }
    }
}

impl Outbox<'_> {
    /// Files one report as far as it goes now; what is left to do waits for its time.
    ///
    /// # Errors
    /// [`Error`]; whatever was not stored is found out by the next one who tries.
    pub(crate) async fn file(
        &self,
        case: &str,
        report: usize,
        clock: &(impl Fn() -> Timestamp + Sync),
        at_point: &mut (impl FnMut(Point) -> ControlFlow<()> + Send),
    ) -> Result<Status, Error> {
        let (name, holder) = (format!("filing {case} {report}"), crate::chance::token());
        let now = clock();
        if !self.store.lease(&name, &holder, now, now.checked_add(LEASE).unwrap_or(Timestamp::MAX)).await? {
            return Err(Error::Leased);
        }
        let outcome = self.file_alone(case, report, clock, at_point).await;
        self.store.release(&name, &holder).await?;
        outcome
    }

    async fn file_alone(
        &self,
        case: &str,
        number: usize,
        clock: &(impl Fn() -> Timestamp + Sync),
        at_point: &mut (impl FnMut(Point) -> ControlFlow<()> + Send),
    ) -> Result<Status, Error> {
        let mut dossier = self.store.case(case).await?;
        let filed = dossier.report(number).map_err(store::Error::from)?;
        let mut filing = filed.filing().map_err(store::Error::from)?;
        // Nothing is begun that could not be ended: the document is valid today, and every file is there, unaltered.
        self.check(filed.report().document().xml())?;
        for file in filed.report().files() {
            read(self.files, &dossier, &file.sha256)?;
        }
        while let Some(output) = filing.poll(clock()) {
            match output {
                Output::Journal(step) => {
                    pass(at_point, Point::BeforeStep)?;
                    let after = dossier.report(number).map_err(store::Error::from)?.journal().len();
                    let deed = Deed::Filing { report: number, after, step };
                    dossier = self.store.act(case, None, &[deed], clock()).await?;
                    pass(at_point, Point::AfterStep)?;
                }
                Output::Send(request) => {
                    pass(at_point, Point::BeforeQuestion)?;
                    let answer = self.ask(&dossier, number, &request).await?;
                    pass(at_point, Point::AfterAnswer)?;
                    filing.input(answer, clock()).map_err(store::Error::from)?;
                }
            }
        }
        Ok(filing.status().clone())
    }

    async fn ask(
        &self,
        dossier: &Dossier,
        number: usize,
        request: &Request,
    ) -> Result<Option<casework::cybertip::Answer>, Error> {
        let report = dossier.report(number).map_err(store::Error::from)?.report();
        let answer = match request {
            Request::Submit => self.client.ask(Question::Submit { xml: report.document().xml() }).await,
            Request::Upload { report_id, file } => {
                let bytes = read(self.files, dossier, &report.files()[*file].sha256)?;
                self.client.ask(Question::Upload { report_id: *report_id, bytes }).await
            }
            Request::Describe { report_id, file, file_id } => {
                let sha256 = report.files()[*file].sha256;
                let details = FileDetails::new(*report_id, file_id, sha256, dossier.views());
                let is_live =
                    dossier.referrals().iter().any(|r| r.intake().source == casework::referral::Source::Guard);
                let details = if is_live { details.live() } else { details };
                let xml = details.to_xml().map_err(store::Error::from)?;
                self.check(&xml)?;
                self.client.ask(Question::Describe { xml: &xml }).await
            }
            Request::Finish { report_id } => self.client.ask(Question::Finish { report_id: *report_id }).await,
            Request::Retract { report_id } => self.client.ask(Question::Retract { report_id: *report_id }).await,
        };
        Ok(answer)
    }

    fn check(&self, xml: &str) -> Result<(), Error> {
        match self.schema.check(xml) {
            Ok(_) => Ok(()),
            Err(reasons) => Err(Error::Invalid { reason: reasons.into_iter().next().unwrap_or_default() }),
        }
    }
}

fn pass(at_point: &mut impl FnMut(Point) -> ControlFlow<()>, point: Point) -> Result<(), Error> {
    match at_point(point) {
        ControlFlow::Continue(()) => Ok(()),
        #[cfg(test)]
        ControlFlow::Break(()) => Err(Error::Crashed),
        #[cfg(not(test))]
        ControlFlow::Break(()) => Ok(()),
    }
}

/// The file's bytes, if they are those that were added.
fn read(files: &Files, dossier: &Dossier, sha256: &[u8; 32]) -> Result<Vec<u8>, Error> {
    let digits = || sha256.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let wrong = |wrong| Error::File { sha256: digits(), wrong };
    let evidence =
        dossier.evidence().iter().find(|evidence| evidence.sha256 == *sha256).ok_or(wrong("is not known"))?;
    let bytes = match &evidence.kept {
        Kept::Facts | Kept::Erased { .. } => return Err(wrong("is not kept")),
        Kept::InVault(sealing) => files.open(evidence, sealing, FILE_LEN_MAX).map_err(|_| ()),
        Kept::ByTheService { path } => {
            crate::file::read(std::path::Path::new(path.open()), FILE_LEN_MAX).map_err(|_| ())
        }
    };
    let bytes = bytes.map_err(|_| wrong("cannot be read where it was"))?;
    match is_same(evidence, &bytes) {
        true => Ok(bytes),
        false => Err(wrong("was altered since it was added")),
    }
}

fn is_same(evidence: &Evidence, bytes: &[u8]) -> bool {
    use sha2::{Digest, Sha256};
    bytes.len() as u64 == evidence.len && <[u8; 32]>::from(Sha256::digest(bytes)) == evidence.sha256
}
