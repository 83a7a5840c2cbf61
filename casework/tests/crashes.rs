//! Is a report filed exactly once, with each file once, whatever crashes when?
//!
//! Every point of a filing is tried with every fault, up to three faults in one filing: we crash before or after a step
//! is written, before a request or after the authority acted; a request or its answer is lost; a request arrives only
//! after the next one; the authority errs before or after acting; it deletes what is not finished.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use casework::cybertip::{Answer, Code};
use casework::filing::{FileToSend, Output, Request, Status, Step};
use casework::report::{Checked, Destination};
use casework::{Decision, Filing, Person, Report, Verdict};
use jiff::Timestamp;

const FAULTS_ANYWHERE: [Fault; 3] = [Fault::CrashBefore, Fault::CrashAfter, Fault::Expiry];
const FAULTS_OF_REQUESTS: [Fault; 5] =
    [Fault::RequestLost, Fault::AnswerLost, Fault::RequestLate, Fault::ErrorBefore, Fault::ErrorAfter];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    CrashBefore,
    CrashAfter,
    Expiry,
    RequestLost,
    AnswerLost,
    RequestLate,
    ErrorBefore,
    ErrorAfter,
}

#[derive(Debug, Default, PartialEq)]
struct Tally {
    n_runs: u64,
    lost: u64,
    filed_twice: u64,
    files_twice_or_missing: u64,
}

#[test]
fn with_up_to_three_faults_nothing_is_lost_or_doubled() {
    let report = approved(2);
    let mut tally = Tally::default();
    enumerate(&mut Vec::new(), 0, 3, &mut tally, &|faults| file(&report, 2, faults));
    eprintln!("{tally:?}");
    assert!(tally.n_runs > 100_000, "{tally:?}");
    assert_eq!(Tally { n_runs: tally.n_runs, ..Tally::default() }, tally);
}

/// The order that this crate exists to avoid; it shows that the enumeration finds what it looks for.
#[test]
fn an_order_that_writes_only_at_the_end_is_caught() {
    let mut tally = Tally::default();
    enumerate(&mut Vec::new(), 0, 2, &mut tally, &|faults| file_and_write_at_the_end(2, faults));
    assert!(tally.filed_twice > 0, "{tally:?}");
}

/// Runs all schedules that begin with `faults` and add up to `n_more` faults from point `from` on.
fn enumerate(
    faults: &mut Vec<(usize, Fault)>,
    from: usize,
    n_more: usize,
    tally: &mut Tally,
    run: &impl Fn(&[(usize, Fault)]) -> (Authority, Vec<bool>, bool),
) {
    let (authority, is_request, is_filed) = run(faults);
    tally.n_runs += 1;
    let finished: Vec<&Opened> = authority.reports.values().filter(|report| report.is_finished).collect();
    tally.lost += u64::from(finished.is_empty() || !is_filed);
    tally.filed_twice += u64::from(finished.len() > 1);
    tally.files_twice_or_missing +=
        u64::from(finished.iter().any(|report| report.files != [0, 1] || report.n_described != 2));
    if n_more == 0 {
        return;
    }
    for (point, is_request) in is_request.iter().enumerate().skip(from) {
        let of_requests = FAULTS_OF_REQUESTS.iter().filter(|_| *is_request);
        for fault in FAULTS_ANYWHERE.iter().chain(of_requests) {
            faults.push((point, *fault));
            enumerate(faults, point + 1, n_more - 1, tally, run);
            faults.pop();
        }
    }
}

/// Files a report through the machine; returns the authority, which points were requests, and whether we know it is filed.
fn file(report: &Report, n_files: usize, faults: &[(usize, Fault)]) -> (Authority, Vec<bool>, bool) {
    let mut authority = Authority::default();
    let mut journal: Vec<Step> = Vec::new();
    let mut is_request = Vec::new();
    let mut at = Timestamp::UNIX_EPOCH;
    let mut filing = report.file(&journal).unwrap();
    assert_eq!(filing.files().len(), n_files);
    loop {
        let Some(output) = filing.poll(at) else {
            match filing.next_timeout() {
                Some(next) => at = next,
                None => break,
            }
            continue;
        };
        let point = is_request.len();
        is_request.push(matches!(output, Output::Send(_)));
        assert!(point < 200, "it does not end: {faults:?}");
        let fault = faults.iter().find(|(place, _)| *place == point).map(|(_, fault)| *fault);
        if fault == Some(Fault::Expiry) {
            authority.expire();
        }
        let mut is_crashed = fault == Some(Fault::CrashBefore);
        if !is_crashed {
            match output {
                Output::Journal(step) => journal.push(step),
                Output::Send(request) => {
                    let answer = authority.ask_with(request, fault);
                    if fault != Some(Fault::CrashAfter) {
                        filing.input(answer, at).unwrap();
                    }
                }
            }
            is_crashed = fault == Some(Fault::CrashAfter);
        }
        if is_crashed {
            filing = resumed(report, &journal);
        }
    }
    authority.deliver_late();
    let is_filed = matches!(filing.status(), Status::Filed { report_id, .. } if authority.is_finished(*report_id));
    (authority, is_request, is_filed)
}

/// The journal goes through the form in which it is stored.
fn resumed(report: &Report, journal: &[Step]) -> Filing {
    let lines: Vec<String> = journal.iter().map(|step| serde_json::to_string(step).unwrap()).collect();
    let steps: Vec<Step> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    report.file(&steps).unwrap()
}

fn file_and_write_at_the_end(n_files: usize, faults: &[(usize, Fault)]) -> (Authority, Vec<bool>, bool) {
    let mut authority = Authority::default();
    let mut n_points = 0;
    'life: loop {
        let mut report_id = 0;
        let mut file_ids = Vec::new();
        for number in 0..2 + 2 * n_files {
            let fault = faults.iter().find(|(place, _)| *place == n_points).map(|(_, fault)| *fault);
            n_points += 1;
            let request = match number {
                0 => Request::Submit,
                _ if number == 1 + 2 * n_files => Request::Finish { report_id },
                _ if number % 2 == 1 => Request::Upload { report_id, file: number / 2 },
                _ => Request::Describe {
                    report_id,
                    file: number / 2 - 1,
                    file_id: String::clone(&file_ids[number / 2 - 1]),
                },
            };
            if fault == Some(Fault::CrashBefore) {
                continue 'life;
            }
            let Some(Answer { code: Code(0), report_id: opened, file_id, .. }) = authority.ask_with(request, fault)
            else {
                continue 'life;
            };
            report_id = opened.unwrap_or(report_id);
            file_ids.extend(file_id);
            if fault == Some(Fault::CrashAfter) {
                continue 'life;
            }
        }
        return (authority, vec![true; n_points], true);
    }
}

/// A CyberTipline of our own: only `/finish` files.
#[derive(Default)]
struct Authority {
    reports: BTreeMap<i64, Opened>,
    n_opened: i64,
    late: Option<Request>,
}

#[derive(Default)]
struct Opened {
    files: Vec<usize>,
    n_described: usize,
    is_finished: bool,
    is_retracted: bool,
}

impl Authority {
    fn ask_with(&mut self, request: Request, fault: Option<Fault>) -> Option<Answer> {
        match fault {
            Some(Fault::RequestLost) => None,
            Some(Fault::RequestLate) => {
                self.deliver_late();
                self.late = Some(request);
                None
            }
            Some(Fault::ErrorBefore) => Some(code(1000)),
            Some(Fault::ErrorAfter) => {
                self.ask(request);
                Some(code(1000))
            }
            Some(Fault::AnswerLost) => {
                self.ask(request);
                None
            }
            Some(Fault::CrashBefore | Fault::CrashAfter | Fault::Expiry) | None => Some(self.ask(request)),
        }
    }

    fn ask(&mut self, request: Request) -> Answer {
        let answer = self.act(request);
        self.deliver_late();
        answer
    }

    fn deliver_late(&mut self) {
        if let Some(request) = self.late.take() {
            self.act(request);
        }
    }

    fn act(&mut self, request: Request) -> Answer {
        let report_id = match request {
            Request::Submit => {
                self.n_opened += 1;
                self.reports.insert(self.n_opened, Opened::default());
                return Answer { report_id: Some(self.n_opened), ..code(0) };
            }
            Request::Upload { report_id, .. }
            | Request::Describe { report_id, .. }
            | Request::Finish { report_id }
            | Request::Retract { report_id } => report_id,
        };
        let Some(report) = self.reports.get_mut(&report_id) else { return code(5001) };
        if report.is_finished {
            return code(5102);
        }
        if report.is_retracted {
            return code(5101);
        }
        match request {
            Request::Submit => {}
            Request::Upload { file, .. } => {
                report.files.push(file);
                let file_id = Some(format!("{report_id}-{file}"));
                return Answer { file_id, md5: Some(md5(file)), ..code(0) };
            }
            Request::Describe { .. } => report.n_described += 1,
            Request::Finish { .. } => report.is_finished = true,
            Request::Retract { .. } => report.is_retracted = true,
        }
        code(0)
    }

    fn expire(&mut self) {
        self.reports.retain(|_, report| report.is_finished);
    }

    fn is_finished(&self, report_id: i64) -> bool {
        self.reports.get(&report_id).is_some_and(|report| report.is_finished)
    }
}

fn code(code: i64) -> Answer {
    Answer { code: Code(code), report_id: None, file_id: None, md5: None, request_id: None }
}

fn md5(file: usize) -> String {
    format!("{file:032x}")
}

fn approved(n_files: usize) -> Report {
    let person = |name| Person::new(name).unwrap();
    let decision = Decision {
        who: person("ada"),
        verdict: Verdict::Violation,
        reason: "entry 17 of list partner, distance 4".into(),
        policy_version: "1".into(),
        at: Timestamp::UNIX_EPOCH,
    };
    let files = (0..n_files).map(|file| FileToSend { sha256: [file as u8; 32], md5: md5(file) }).collect();
    let mut report = Report::draft(Destination::Test, "<report/>".into(), files, &decision).unwrap();
    let document_sha256 = report.document().sha256();
    report.validated(Checked { document_sha256, schema_sha256: [0; 32] }).unwrap();
    report.approved(person("bo")).unwrap();
    report
}
