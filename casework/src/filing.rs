//! How is a report filed exactly once, whatever crashes when?
//!
//! Only `/finish` files; a report that was opened and not finished is deleted by the authority. So every step is written
//! down before and after, and after a crash the journal decides: a doubtful `/submit` is left to expire, a doubtful
//! `/upload` or `/fileinfo` is retracted and the report opened anew, a doubtful `/finish` is asked again, where
//! 5102 (*finished already*) is success. `tests/crashes.rs` tries every point.
//!
//! The edge does what [`Filing::poll`] says: a step to journal is **durable** before it polls on; when writing fails it
//! drops the filing and resumes it from what is written.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::cybertip::{Answer, Class, Code};

/// The filing of one report. Only [`Report::file`](crate::Report::file) makes one.
#[derive(Clone, Debug)]
pub struct Filing {
    files: Vec<FileToSend>,
    progress: Progress,
    asked: Asked,
    outbox: VecDeque<Output>,
}

/// A file that goes with a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileToSend {
    /// SHA-256, by which the store finds it.
    pub sha256: [u8; 32],
    /// MD5 in lower-case hexadecimal digits, which the authority answers with.
    pub md5: String,
}

/// What the edge is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write this step down, durably, before polling on.
    Journal(Step),
    /// Ask the authority this and give its answer to [`Filing::input`].
    Send(Request),
}

/// One thing to ask of the authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// `POST /submit` with the report's document.
    Submit,
    /// `POST /upload` of a file to a report.
    Upload {
        /// Which report.
        report_id: i64,
        /// Which of the files, from 0.
        file: usize,
    },
    /// `POST /fileinfo` about a file that was sent.
    Describe {
        /// Which report.
        report_id: i64,
        /// Which of the files, from 0.
        file: usize,
        /// The authority's name for it.
        file_id: String,
    },
    /// `POST /finish`, which files the report.
    Finish {
        /// Which report.
        report_id: i64,
    },
    /// `POST /retract`.
    Retract {
        /// Which report.
        report_id: i64,
    },
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// About to be asked.
    Intended {
        /// What.
        request: Request,
        /// When.
        at: Timestamp,
    },
    /// The authority has answered what was intended last.
    Answered {
        /// What it said; none when it did not answer, or when we stopped before writing the answer down.
        answer: Option<Answer>,
        /// When.
        at: Timestamp,
    },
    /// A person has looked into what stopped the filing, and lets it go on.
    Resumed {
        /// When.
        at: Timestamp,
    },
}

/// How far a filing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Something is still to be done, at once or later.
    Underway,
    /// The authority has it under this number.
    Filed {
        /// `reportId`.
        report_id: i64,
        /// When we learned so.
        at: Timestamp,
    },
    /// The authority refuses the document: it never goes again unchanged.
    Refused {
        /// With which code.
        code: Code,
    },
    /// A person must look before anything else is sent.
    Stopped {
        /// At which code.
        code: Code,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Nothing is being asked.
    Nothing,
    /// The intention is written, the question comes next or is under way.
    Now,
    /// The intention was written in an earlier life; whether it was asked is not known.
    InAnEarlierLife,
}

/// What the journal says, and nothing else.
#[derive(Clone, Debug)]
struct Progress {
    status: Status,
    open: Option<Open>,
    pending: Option<Request>,
    n_failures: u32,
    not_before: Timestamp,
}

/// A report that is open at the authority.
#[derive(Clone, Debug)]
struct Open {
    report_id: i64,
    /// The authority's name for each file that has arrived.
    file_ids: Vec<String>,
    n_described: usize,
    /// What it holds is not known for certain: it must be retracted.
    is_doubtful: bool,
}

impl Filing {
    /// The first wait after something failed.
    pub const WAIT_FIRST: Duration = Duration::from_secs(60);
    /// The longest wait. Below the 24 hours after which the authority deletes what is not finished.
    pub const WAIT_MAX: Duration = Duration::from_secs(6 * 3600);

    /// Takes up a filing where its journal ends; an empty journal begins it.
    ///
    /// # Errors
    /// [`Error::Journal`] when the steps are not such as this machine writes.
    pub(crate) fn resume(files: Vec<FileToSend>, journal: &[Step]) -> Result<Filing, Error> {
        let mut progress =
            Progress { status: Status::Underway, open: None, pending: None, n_failures: 0, not_before: Timestamp::MIN };
        for (index, step) in journal.iter().enumerate() {
            let is_next = match step {
                Step::Intended { request, .. } => progress.next_request(&files).as_ref() == Some(request),
                Step::Answered { .. } => progress.pending.is_some(),
                Step::Resumed { .. } => matches!(progress.status, Status::Stopped { .. }),
            };
            if !is_next {
                return Err(Error::Journal { index });
            }
            progress.apply(step, &files);
        }
        let asked = if progress.pending.is_some() { Asked::InAnEarlierLife } else { Asked::Nothing };
        Ok(Filing { files, progress, asked, outbox: VecDeque::new() })
    }

    /// How far it is.
    pub fn status(&self) -> &Status {
        &self.progress.status
    }

    /// The files that go with the report, in the order in which requests count them.
    pub fn files(&self) -> &[FileToSend] {
        &self.files
    }

    /// What is to be done now; none while an answer is awaited, while it must wait, and at the end.
    pub fn poll(&mut self, at: Timestamp) -> Option<Output> {
        if self.outbox.is_empty() {
            self.advance(at);
        }
        let output = self.outbox.pop_front()?;
        if let Output::Journal(step) = &output {
            self.progress.apply(step, &self.files);
        }
        Some(output)
    }

    /// When there is something to do again, where that is only a matter of time.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let is_waiting = self.progress.status == Status::Underway && self.asked == Asked::Nothing;
        is_waiting.then_some(self.progress.not_before)
    }

    /// Gives the answer to what was sent last; none when no answer came that can be read.
    ///
    /// # Errors
    /// [`Error::NotAsked`] when nothing was sent.
    pub fn input(&mut self, answer: Option<Answer>, at: Timestamp) -> Result<(), Error> {
        if self.asked != Asked::Now || !self.outbox.is_empty() {
            return Err(Error::NotAsked);
        }
        self.asked = Asked::Nothing;
        self.outbox.push_back(Output::Journal(Step::Answered { answer, at }));
        Ok(())
    }

    /// Lets a filing go on that had stopped for a person to look.
    ///
    /// # Errors
    /// [`Error::Transition`] when it had not stopped.
    pub fn let_go_on(&mut self, at: Timestamp) -> Result<(), Error> {
        let state = match self.status() {
            Status::Stopped { .. } => {
                self.outbox.push_back(Output::Journal(Step::Resumed { at }));
                return Ok(());
            }
            Status::Underway => "under way",
            Status::Filed { .. } => "filed",
            Status::Refused { .. } => "refused",
        };
        Err(Error::Transition { what: "the filing", state, event: "let go on" })
    }

    fn advance(&mut self, at: Timestamp) {
        match self.asked {
            Asked::Now => {}
            Asked::InAnEarlierLife => {
                self.asked = Asked::Nothing;
                self.outbox.push_back(Output::Journal(Step::Answered { answer: None, at }));
            }
            Asked::Nothing if at < self.progress.not_before => {}
            Asked::Nothing => {
                let Some(request) = self.progress.next_request(&self.files) else { return };
                self.asked = Asked::Now;
                self.outbox.push_back(Output::Journal(Step::Intended { request: request.clone(), at }));
                self.outbox.push_back(Output::Send(request));
            }
        }
    }
}

impl Progress {
    fn next_request(&self, files: &[FileToSend]) -> Option<Request> {
        if self.status != Status::Underway || self.pending.is_some() {
            return None;
        }
        let Some(Open { report_id, file_ids, n_described, is_doubtful }) = &self.open else {
            return Some(Request::Submit);
        };
        let report_id = *report_id;
        if *is_doubtful {
            return Some(Request::Retract { report_id });
        }
        Some(match file_ids.get(*n_described) {
            Some(file_id) => Request::Describe { report_id, file: *n_described, file_id: file_id.clone() },
            None if file_ids.len() < files.len() => Request::Upload { report_id, file: file_ids.len() },
            None => Request::Finish { report_id },
        })
    }

    fn apply(&mut self, step: &Step, files: &[FileToSend]) {
        match step {
            Step::Intended { request, .. } => self.pending = Some(request.clone()),
            Step::Resumed { at } => {
                self.status = Status::Underway;
                self.not_before = *at;
            }
            Step::Answered { answer, at } => {
                if let Some(request) = self.pending.take() {
                    self.answered(&request, answer.as_ref(), *at, files);
                }
            }
        }
    }

    fn answered(&mut self, request: &Request, answer: Option<&Answer>, at: Timestamp, files: &[FileToSend]) {
        let Some(answer) = answer else { return self.doubt(request, at) };
        match (answer.code.class(), request) {
            (Class::Success, _) => self.done(request, answer, at, files),
            (Class::Retry, _) => self.doubt(request, at),
            (Class::Finished, Request::Finish { report_id }) => {
                self.status = Status::Filed { report_id: *report_id, at };
            }
            (Class::NoSuchReport | Class::Retracted, Request::Retract { .. }) => self.open = None,
            // It has expired, or our own retraction arrived late: it was never finished, so it is opened anew.
            (Class::NoSuchReport, Request::Upload { .. } | Request::Describe { .. } | Request::Finish { .. })
            | (Class::Retracted, Request::Upload { .. } | Request::Describe { .. }) => {
                self.open = None;
                self.wait(at);
            }
            (Class::NoSuchFile, Request::Describe { .. }) => self.doubt(request, at),
            (Class::Invalid, _) => self.status = Status::Refused { code: answer.code },
            (
                Class::Credentials
                | Class::NoSuchReport
                | Class::NoSuchFile
                | Class::Retracted
                | Class::Finished
                | Class::Unknown,
                _,
            ) => self.status = Status::Stopped { code: answer.code },
        }
    }

    fn done(&mut self, request: &Request, answer: &Answer, at: Timestamp, files: &[FileToSend]) {
        match (request, &mut self.open) {
            (Request::Submit, open) => match answer.report_id {
                Some(report_id) => {
                    *open = Some(Open { report_id, file_ids: Vec::new(), n_described: 0, is_doubtful: false });
                }
                None => return self.doubt(request, at),
            },
            (Request::Upload { file, .. }, Some(open)) => {
                let is_whole = files.get(*file).is_some_and(|sent| answer.md5.as_ref() == Some(&sent.md5));
                match &answer.file_id {
                    Some(file_id) if is_whole => open.file_ids.push(file_id.clone()),
                    _ => return self.doubt(request, at),
                }
            }
            (Request::Describe { .. }, Some(open)) => open.n_described += 1,
            (Request::Finish { report_id }, _) => self.status = Status::Filed { report_id: *report_id, at },
            (Request::Retract { .. }, open) => *open = None,
            (Request::Upload { .. } | Request::Describe { .. }, None) => {}
        }
        // A retraction is no progress: it keeps the wait that led to it.
        if !matches!(request, Request::Retract { .. }) {
            self.n_failures = 0;
        }
    }

    /// Whether the authority has done it is not known.
    fn doubt(&mut self, request: &Request, at: Timestamp) {
        match (request, &mut self.open) {
            (Request::Upload { .. } | Request::Describe { .. }, Some(open)) => open.is_doubtful = true,
            (Request::Upload { .. } | Request::Describe { .. }, None) => {}
            // Left to expire, or asked again.
            (Request::Submit | Request::Finish { .. } | Request::Retract { .. }, _) => {}
        }
        self.wait(at);
    }

    fn wait(&mut self, at: Timestamp) {
        let wait = Filing::WAIT_FIRST.saturating_mul(1 << self.n_failures.min(16)).min(Filing::WAIT_MAX);
        self.n_failures = self.n_failures.saturating_add(1);
        self.not_before = at.checked_add(wait).unwrap_or(Timestamp::MAX);
    }
}
