//! Is a report filed exactly once by the real client, whatever crashes or goes wrong when?
//!
//! The real client talks HTTP to the fake CyberTipline and writes into a real store. A crash drops everything that is in
//! memory; then the filing begins again from what is stored. Every point is tried: before and after each step is
//! stored, before each question, after each answer; and for each question everything the fake can do wrong, with the
//! authority's clock put forward so far that what is unfinished is deleted.
//!
//! After a crash, what comes next depends on what is stored and on what the authority has, and on nothing else. So of
//! two schedules that leave the same behind only the first is made longer: what would follow the second was tried there.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use casework::case::Event;
use casework::evidence::Kept;
use casework::filing::{FileToSend, Status, Step};
use casework::referral::{Intake, Seen, Source};
use casework::report::Destination;
use casework::{Decision, Deed, Person, Referral, Sealed, Verdict};
use jiff::Timestamp;

use super::client::{Client, Login};
use super::outbox::{Error, Outbox, Point};
use super::schema::Schema;
use crate::fake::cybertip::{Fake, routes};
use crate::fake::faults::{Fault, Kind};
use crate::store::Store;
use crate::vault::files::Files;

/// Everything that the fake does wrong and a filing must survive by itself. `hang` costs the client's patience each time
/// and is what `close-after` is, seen later; `401` stops for a person; both have tests of their own.
const FAULTS: [Kind; 7] =
    [Kind::Html, Kind::Unavailable, Kind::Close, Kind::CloseAfter, Kind::Error, Kind::ErrorAfter, Kind::LostHash];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Crash,
    Expiry,
    Fault(Kind),
}

#[derive(Debug, Default, PartialEq)]
struct Tally {
    n_runs: u64,
    lost: u64,
    filed_twice: u64,
    files_wrong: u64,
}

/// A schedule that was run.
struct Ran {
    /// The points that it passed.
    points: Vec<Point>,
    /// What it left behind at its last trouble, in words that say nothing of which report it was.
    left: String,
}

/// A filing under way in a test.
struct Bench {
    store: Store,
    schema: Schema,
    client: Client,
    fake: Fake,
    folder: tempfile::TempDir,
    now: Mutex<Timestamp>,
    n_cases: Mutex<u32>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_anywhere_neither_lose_nor_double() {
    let Some(bench) = Bench::new().await else { return };
    let n_crashes_max = if is_all() { 3 } else { 1 };
    let tally = bench.enumerate(n_crashes_max, &[Trouble::Crash], &|_| true).await;
    eprintln!("up to {n_crashes_max} crashes, every point: {tally:?}");
    assert!(tally.n_runs > 30, "{tally:?}");
    assert_eq!(tally, Tally { n_runs: tally.n_runs, ..Tally::default() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_authority_does_wrong_neither_loses_nor_doubles() {
    let Some(bench) = Bench::new().await else { return };
    let n_max = if is_all() { 2 } else { 1 };
    let mut troubles = vec![Trouble::Crash, Trouble::Expiry];
    troubles.extend(FAULTS.map(Trouble::Fault));
    let tally = bench.enumerate(n_max, &troubles, &|point| point == Point::BeforeQuestion).await;
    eprintln!("up to {n_max} troubles, every question: {tally:?}");
    assert!(tally.n_runs > 50, "{tally:?}");
    assert_eq!(tally, Tally { n_runs: tally.n_runs, ..Tally::default() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_name_stops_until_a_person_has_looked() {
    let Some(bench) = Bench::new().await else { return };
    bench.fake.set_faults(vec![Fault { kind: Kind::NotLetIn, at: Some(2) }]);
    let case = bench.approved(2).await;
    assert!(matches!(bench.go(&case).await, Ok(Status::Stopped { .. })));
    bench.forward(Duration::from_secs(7200));
    assert!(matches!(bench.go(&case).await, Ok(Status::Stopped { .. })), "time alone does not mend it");
    let after = bench.store.case(&case).await.unwrap().report(1).unwrap().journal().len();
    let step = casework::filing::Step::Resumed { at: bench.now() };
    bench.store.act(&case, None, &[Deed::Filing { report: 1, after, step }], bench.now()).await.unwrap();
    bench.until_filed(&case).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_no_answer() {
    let Some(bench) = Bench::new().await else { return };
    for at in [1, 6] {
        bench.fake.set_faults(vec![Fault { kind: Kind::Hang, at: Some(at) }]);
        let case = bench.approved(2).await;
        assert!(matches!(bench.go(&case).await, Ok(Status::Underway)));
        bench.until_filed(&case).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_altered_on_disk_is_not_sent() {
    let Some(bench) = Bench::new().await else { return };
    let case = bench.approved(2).await;
    let n_before = bench.fake.reports().len();
    let kept = bench.store.case(&case).await.unwrap().evidence()[0].kept.clone();
    let Kept::ByTheService { path } = kept else { panic!("{kept:?}") };
    let right = std::fs::read(path.open()).unwrap();
    std::fs::write(path.open(), "another").unwrap();
    assert!(matches!(bench.go(&case).await, Err(Error::File { .. })));
    assert_eq!(bench.fake.reports().len(), n_before, "nothing was opened");
    std::fs::write(path.open(), right).unwrap();
    bench.until_filed(&case).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_at_once_file_once() {
    let Some(bench) = Bench::new().await else { return };
    let case = bench.approved(2).await;
    let n_before = bench.n_finished();
    let (a, b) = tokio::join!(bench.go(&case), bench.go(&case));
    // The second one either finds the first at work, or comes when all is done.
    let is_well = |outcome: &Result<Status, Error>| matches!(outcome, Err(Error::Leased) | Ok(Status::Filed { .. }));
    assert!(is_well(&a) && is_well(&b), "{a:?} {b:?}");
    bench.until_filed(&case).await;
    assert_eq!(bench.n_finished(), n_before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_the_schema_refuses_never_leaves() {
    let Some(bench) = Bench::new().await else { return };
    let case = bench.approved(0).await;
    let other = Schema::parse(bench.schema.text().replace("name=\"chatClient\"", "name=\"chatProgram\"")).unwrap();
    let outbox =
        Outbox { store: &bench.store, schema: &other, client: &bench.client, files: &Files::of(bench.folder.path()) };
    let n_before = bench.fake.reports().len();
    let outcome = outbox.file(&case, 1, &|| bench.now(), &mut |_| ControlFlow::Continue(())).await;
    assert!(matches!(outcome, Err(Error::Invalid { .. })));
    assert_eq!(bench.fake.reports().len(), n_before);
    bench.until_filed(&case).await;
}

impl Bench {
    async fn new() -> Option<Bench> {
        let schema = || Some(Schema::open(&conformance()?.join("ncmec/cyber_tipline.xsd")).unwrap());
        let folder = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" }).unwrap();
        let fake = Fake::new(Some(schema()?), "a name", "a:password", vec![]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = routes(fake.clone());
        tokio::spawn(async move { axum::serve(listener, served).await });
        let client = Client::new(&address, Login::new("a name", "a:password")).unwrap();
        let client = client.with_patience(Duration::from_secs(2));
        let store = Store::open(folder.path(), None).await.unwrap();
        let now = Mutex::new("2026-11-24T10:00:00Z".parse().unwrap());
        Some(Bench { store, schema: schema()?, client, fake, folder, now, n_cases: Mutex::new(0) })
    }

    /// Every schedule of up to `n_max` troubles at the points that are asked for. The shorter ones come first: of two that
    /// leave the same behind, the one with more troubles to come is made longer.
    async fn enumerate(&self, n_max: usize, troubles: &[Trouble], is_tried: &(dyn Fn(Point) -> bool + Sync)) -> Tally {
        let mut tally = Tally::default();
        let mut schedules = VecDeque::from([Vec::new()]);
        let mut seen = HashSet::new();
        while let Some(schedule) = schedules.pop_front() {
            let Ran { points, left } = self.run(&schedule, &mut tally).await;
            let has_only_crashes = !schedule.is_empty() && schedule.iter().all(|(_, it)| *it == Trouble::Crash);
            if schedule.len() == n_max || has_only_crashes && !seen.insert(left) {
                continue;
            }
            let from = schedule.last().map_or(0, |(place, _): &(usize, Trouble)| place + 1);
            for (place, point) in points.iter().enumerate().skip(from) {
                if !is_tried(*point) {
                    continue;
                }
                for trouble in troubles {
                    let mut longer: Vec<(usize, Trouble)> = schedule.clone();
                    longer.push((place, *trouble));
                    schedules.push_back(longer);
                }
            }
        }
        tally
    }

    /// Files one report through this schedule.
    async fn run(&self, schedule: &[(usize, Trouble)], tally: &mut Tally) -> Ran {
        self.fake.forget();
        let case = self.approved(2).await;
        let start = self.now();
        let mut points = Vec::new();
        let mut left = String::new();
        let mut status = None;
        for _ in 0..100 {
            let outbox = Outbox {
                store: &self.store,
                schema: &self.schema,
                client: &self.client,
                files: &Files::of(self.folder.path()),
            };
            let outcome = outbox
                .file(&case, 1, &|| self.now(), &mut |point| {
                    let place = points.len();
                    points.push(point);
                    let trouble = schedule.iter().find(|(at, _)| *at == place).map(|(_, trouble)| *trouble);
                    match trouble {
                        Some(Trouble::Crash) => return ControlFlow::Break(()),
                        Some(Trouble::Expiry) => self.fake.forward(Duration::from_secs(25 * 3600)),
                        Some(Trouble::Fault(kind)) => self.fake.set_faults(vec![Fault { kind, at: Some(1) }]),
                        None => {}
                    }
                    ControlFlow::Continue(())
                })
                .await;
            match outcome {
                Ok(Status::Underway) => self.forward(Duration::from_secs(6 * 3600 + 1)),
                Ok(done) => {
                    status = Some(done);
                    break;
                }
                Err(Error::Crashed) => left = self.left(&case, start).await,
                Err(error) => panic!("{error} in {schedule:?}"),
            }
        }
        let finished: Vec<_> = self.fake.reports().into_iter().filter(|(_, report)| report.is_finished).collect();
        let is_known =
            matches!(&status, Some(Status::Filed { report_id, .. }) if finished.iter().any(|(id, _)| id == report_id));
        tally.n_runs += 1;
        if tally.n_runs.is_multiple_of(1000) {
            eprintln!("{tally:?}");
        }
        tally.lost += u64::from(finished.is_empty() || !is_known);
        tally.filed_twice += u64::from(finished.len() > 1);
        let is_whole = |report: &crate::fake::cybertip::Opened| {
            let mut digests: Vec<_> = report.files.iter().map(|file| &file.md5).collect();
            digests.dedup();
            digests.len() == 2 && report.files.len() == 2 && report.files.iter().all(|file| file.details.is_some())
        };
        tally.files_wrong += u64::from(finished.iter().any(|(_, report)| !is_whole(report)));
        if tally.lost + tally.filed_twice + tally.files_wrong > 0 {
            eprintln!("{schedule:?}: {status:?}");
        }
        Ran { points, left }
    }

    /// What is stored of this filing and what the authority has of it: times from `start`, names in order.
    async fn left(&self, case: &str, start: Timestamp) -> String {
        let since = |at: Timestamp| at.duration_since(start).as_secs();
        let mut left = format!("{} s:", since(self.now()));
        for step in self.store.case(case).await.unwrap().report(1).unwrap().journal() {
            left += &match step {
                Step::Intended { request, at } => format!(" {request:?} {}", since(*at)),
                Step::Answered { answer, at } => format!(" {answer:?} {}", since(*at)),
                Step::Resumed { at } => format!(" resumed {}", since(*at)),
            };
        }
        let mut names = Vec::new();
        for (id, report) in self.fake.reports() {
            left += &format!(" / {id}, finished {}, retracted {}", report.is_finished, report.is_retracted);
            names.push(id.to_string());
            for file in report.files {
                left += &format!(", {} {} {}", file.file_id, file.md5, file.details.is_some());
                names.extend([file.file_id, file.md5]);
            }
        }
        let mut names: Vec<_> = names.iter().enumerate().collect();
        names.sort_by_key(|(_, name)| std::cmp::Reverse(name.len())); // no name within a longer one
        for (place, name) in names {
            left = left.replace(name, &format!("name {place}"));
        }
        left
    }

    async fn go(&self, case: &str) -> Result<Status, Error> {
        let outbox = Outbox {
            store: &self.store,
            schema: &self.schema,
            client: &self.client,
            files: &Files::of(self.folder.path()),
        };
        outbox.file(case, 1, &|| self.now(), &mut |_| ControlFlow::Continue(())).await
    }

    async fn until_filed(&self, case: &str) {
        for _ in 0..20 {
            if let Ok(Status::Filed { .. }) = self.go(case).await {
                assert_eq!(self.store.case(case).await.unwrap().case().state().name(), "reported");
                return;
            }
            self.forward(Duration::from_secs(6 * 3600 + 1));
        }
        panic!("not filed: {:?}", self.store.case(case).await.unwrap().report(1).unwrap().journal());
    }

    fn n_finished(&self) -> usize {
        self.fake.reports().values().filter(|report| report.is_finished).count()
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn forward(&self, by: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }

    /// A case whose report, with so many files, is approved.
    async fn approved(&self, n_files: usize) -> String {
        let number = {
            let mut n_cases = self.n_cases.lock().unwrap();
            *n_cases += 1;
            *n_cases
        };
        let at = self.now();
        let intake = Intake {
            source: Source::Guard,
            seen: Seen::Known { list: "partner".into(), entry: "17".into(), distance_bits: 4 },
            platform: "example call service".into(),
            channel: format!("call {number}"),
            began_at: "2026-11-24T09:30:00Z".parse().unwrap(),
            ended_at: Some("2026-11-24T09:31:00Z".parse().unwrap()),
            account: Some(Sealed::new("account 1".into())),
        };
        let case = self.store.refer(None, Referral::new(intake).unwrap(), at).await.unwrap().case;
        let (ada, bo) = (person("ada"), person("bo"));
        let decision = Decision {
            who: ada.clone(),
            verdict: Verdict::Violation,
            reason: "entry 17 of list partner, distance 4".into(),
            policy_version: "1".into(),
            at,
        };
        let mut deeds = Vec::new();
        for index in 0..n_files {
            let path = self.folder.path().join(format!("{number}-{index}.png"));
            std::fs::write(&path, format!("\u{89}PNG a test card, number {number}-{index}")).unwrap();
            let kept = Kept::ByTheService { path: Sealed::new(path.to_string_lossy().into_owned()) };
            deeds.push(Deed::Evidence(crate::file::facts(&path, kept).unwrap()));
        }
        deeds.push(Deed::Moved(Event::Taken { by: ada }));
        deeds.push(Deed::Moved(Event::Decided(decision)));
        let dossier = self.store.act(&case, None, &deeds, at).await.unwrap();
        let sealed = |text: &str| Sealed::new(text.to_owned());
        let reporter = casework::cybertip::document::Reporter {
            first_name: sealed("Ada"),
            last_name: sealed("Test"),
            email: sealed("ada@example.org"),
        };
        let choices = casework::draft::Choices {
            incident: casework::cybertip::document::IncidentType::Material,
            escalation: None,
            remark: None,
            prior_reports: vec![],
        };
        let (xml, files): (String, Vec<FileToSend>) = casework::draft::draft(&dossier, &reporter, choices, at).unwrap();
        assert_eq!(files.len(), n_files);
        let checked = self.schema.check(&xml).unwrap();
        let deeds = [
            Deed::Drafted { destination: Destination::Test, xml, files },
            Deed::Validated { report: 1, checked },
            Deed::Approved { report: 1, by: bo },
        ];
        self.store.act(&case, None, &deeds, at).await.unwrap();
        case
    }
}

fn person(name: &str) -> Person {
    Person::new(name).unwrap()
}

fn is_all() -> bool {
    std::env::var_os("STREAMWARD_TEST_ALL").is_some()
}

/// Where vectors of others lie; none, with a word about it, where they do not.
fn conformance() -> Option<PathBuf> {
    let root = std::env::var_os("STREAMWARD_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), PathBuf::from);
    if !root.join("ncmec/cyber_tipline.xsd").exists() {
        eprintln!("not run: there is no schema of the authority at {}", root.display());
        return None;
    }
    Some(root)
}
