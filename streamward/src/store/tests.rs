//! Does the store keep what it is given, and notice what it was not? Every question is asked of SQLite and of PostgreSQL.

mod appeals;
mod bulk;
mod intake;
mod proof;
mod quality;
mod search;
mod tls;

use std::future::Future;

use casework::case::Event;
use casework::evidence::{Evidence, Kept, Sealing};
use casework::exposure::Budget;
use casework::jurisdiction::Fact;
use casework::referral::{Intake, Seen, Source};
use casework::role::{Compartment, Role};
use casework::vault::{self, Holder, Plan};
use casework::view::{Mode, View};
use casework::{Decision, Deed, Person, Referral, Sealed, Verdict};
use jiff::Timestamp;
use record::Note;
use tempfile::TempDir;

use super::*;

/// A store and what it lies in.
struct Place {
    store: Store,
    folder: TempDir,
    url: Option<String>,
}

impl Place {
    async fn new(url: Option<String>) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), url.as_deref()).await.unwrap();
        Place { store, folder, url }
    }

    /// The same, as after a restart.
    async fn again(self) -> Place {
        self.store.pool.close().await;
        let store = Store::open(self.folder.path(), self.url.as_deref()).await.unwrap();
        Place { store, ..self }
    }

    /// What somebody does who has the database and not the key.
    async fn tamper(&self, statement: &str) -> u64 {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        sqlx::query(statement).execute(&self.store.pool).await.unwrap().rows_affected()
    }
}

async fn on_both<F: Future<Output = ()>>(question: impl Fn(Place) -> F) {
    question(Place::new(None).await).await;
    if let Some(url) = postgres::database().await {
        question(Place::new(Some(url)).await).await;
    }
}

#[tokio::test]
async fn what_is_referred_twice_is_one_case_also_after_a_restart() {
    on_both(|place| async move {
        let first = place.store.refer(None, referral("call 1"), at(0)).await.unwrap();
        assert!(first.is_new && !first.is_known);
        let place = place.again().await;
        let again = place.store.refer(None, referral("call 1"), at(1)).await.unwrap();
        assert_eq!((again.case.as_str(), again.is_new, again.is_known), (first.case.as_str(), false, true));
        let other = place.store.refer(None, referral("call 2"), at(2)).await.unwrap();
        assert_ne!(other.case, first.case);
        assert_eq!(place.store.n_cases().await.unwrap(), 2);
        assert_eq!(place.store.head().await.unwrap().n_entries, 2);
    })
    .await;
}

#[tokio::test]
async fn what_comes_from_the_same_place_joins_the_case_until_somebody_decides() {
    on_both(|place| async move {
        let Place { store, .. } = &place;
        let first = store.refer(None, referral("call 1"), at(0)).await.unwrap();
        let later = |ms| Referral::new(Intake { began_at: at(ms), ..intake("call 1") }).unwrap();
        let second = store.refer(None, later(5000), at(1)).await.unwrap();
        assert_eq!((&second.case, second.is_new, second.is_known), (&first.case, false, false));
        decide(store, &first.case, Verdict::NoViolation).await;
        let third = store.refer(None, later(9000), at(2)).await.unwrap();
        assert!(third.is_new && third.case != first.case);
        assert_eq!(store.case(&first.case).await.unwrap().referrals().len(), 2);
        // Its end becomes known: the same case, no longer running.
        assert!(store.case(&third.case).await.unwrap().is_live());
        let ended = Intake { began_at: at(9000), ended_at: Some(at(9500)), ..intake("call 1") };
        store.refer(None, Referral::new(ended).unwrap(), at(3)).await.unwrap();
        assert!(!store.case(&third.case).await.unwrap().is_live());
    })
    .await;
}

#[tokio::test]
async fn of_two_who_take_a_case_at_once_one_has_it() {
    on_both(|place| async move {
        // The whole place, for its folder goes with it.
        let Place { store, folder: _folder, .. } = &place;
        let case = store.refer(None, referral("call 1"), at(0)).await.unwrap().case;
        let take = |name: &'static str| {
            let (store, case) = (&place.store, case.clone());
            let who = person(name);
            async move { store.act(&case, Some(&who), &[Deed::Moved(Event::Taken { by: who.clone() })], at(1)).await }
        };
        let (ada, bo) = tokio::join!(take("ada"), take("bo"));
        assert!(ada.is_ok() != bo.is_ok(), "{ada:?} {bo:?}");
        assert!(matches!(ada.and(bo), Err(Error::Refused(casework::Error::Transition { .. }))));
        assert!(place.store.verify(None).await.unwrap().faults.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_refused_deed_leaves_nothing_behind() {
    on_both(|place| async move {
        // The whole place, for its folder goes with it.
        let Place { store, folder: _folder, .. } = &place;
        let case = store.refer(None, referral("call 1"), at(0)).await.unwrap().case;
        let before = place.store.head().await.unwrap();
        let deeds = [Deed::Moved(Event::Taken { by: person("ada") }), Deed::Moved(Event::ReportBegun)];
        assert!(place.store.act(&case, None, &deeds, at(1)).await.is_err());
        assert_eq!(place.store.head().await.unwrap().note, before.note);
        assert_eq!(place.store.logged(&case).await.unwrap().len(), 1);
        assert!(matches!(place.store.act("no case", None, &deeds, at(1)).await, Err(Error::NoSuchCase { .. })));
    })
    .await;
}

#[tokio::test]
async fn queues_show_running_streams_first_and_only_open_compartments() {
    on_both(|place| async move {
        let Place { store, .. } = &place;
        let ended = Intake { ended_at: Some(at(10)), ..intake("call 1") };
        let ended = store.refer(None, Referral::new(ended).unwrap(), at(0)).await.unwrap().case;
        let paid = Intake { source: Source::Payment, ended_at: Some(at(10)), ..intake("sender 1") };
        let paid = store.refer(None, Referral::new(paid).unwrap(), at(1)).await.unwrap().case;
        let live = store.refer(None, referral("call 2"), at(2)).await.unwrap().case;
        let ids = |open: &'static [Compartment]| async move {
            let listed = store.cases(Line::ToDo, open, 10).await.unwrap();
            listed.into_iter().map(|listed| listed.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&[Compartment::Video]).await, [live.clone(), ended.clone()]);
        assert_eq!(ids(&[Compartment::Payments]).await, std::slice::from_ref(&paid));
        assert_eq!(ids(&Compartment::ALL).await, [live, ended, paid]);
        assert!(ids(&[]).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn whatever_is_altered_doubled_moved_or_cut_is_found() {
    on_both(|place| async move {
        let mut cases = Vec::new();
        for number in 0..5 {
            cases.push(place.store.refer(None, referral(&format!("call {number}")), at(number)).await.unwrap().case);
        }
        decide(&place.store, &cases[0], Verdict::Violation).await;
        place.store.set_account(None, &account("ada"), at(9)).await.unwrap();
        let note = place.store.head().await.unwrap().note;
        let note = Note::parse(note.as_bytes()).unwrap();
        assert_eq!(place.store.verify(Some(&note)).await.unwrap().faults, Vec::<String>::new());

        let swap = "UPDATE log SET entry = (SELECT entry FROM log AS other WHERE other.position = 3 - log.position),
            body = (SELECT body FROM log AS other WHERE other.position = 3 - log.position),
            subject = (SELECT subject FROM log AS other WHERE other.position = 3 - log.position)
            WHERE position IN (1, 2)";
        for (what, statement) in [
            ("a letter of a body", "UPDATE log SET body = replace(body, 'call 1', 'call 9') WHERE position = 1"),
            ("a letter of an entry", "UPDATE log SET entry = replace(entry, 'referred', 'viewed') WHERE position = 1"),
            ("who did it", "UPDATE log SET entry = replace(entry, 'ada', 'eve')"),
            ("two records changed places", swap),
            ("a record put under another case", "UPDATE log SET subject = 'x' WHERE position = 2"),
            ("a record doubled", "INSERT INTO log SELECT 100, subject, entry, body FROM log WHERE position = 1"),
            ("the last record cut", "DELETE FROM log WHERE position = 7"),
            ("a record cut out", "DELETE FROM log WHERE position = 3"),
            ("every record cut", "DELETE FROM log"),
            ("the head's size", "UPDATE head SET note = replace(note, '8', '7')"),
            ("a decision", "UPDATE cases SET document = replace(document, '\"violation\"', '\"no_violation\"')"),
            ("a case hidden from the queue", "UPDATE cases SET is_done = 1"),
            ("a case put in another compartment", "UPDATE cases SET is_video = 0, is_payments = 1"),
            ("a case thrown away", "DELETE FROM cases WHERE is_done = 0"),
            ("somebody given a role", "UPDATE people SET document = replace(document, 'reviewer', 'admin')"),
            ("somebody let in", "INSERT INTO people SELECT 'eve', document FROM people"),
        ] {
            let saved = dump(&place).await;
            assert!(place.tamper(statement).await > 0, "{what}: nothing was tampered with");
            let findings = place.store.verify(Some(&note)).await.unwrap();
            assert!(!findings.faults.is_empty(), "not found: {what}");
            restore(&place, saved).await;
            assert!(place.store.verify(Some(&note)).await.unwrap().faults.is_empty(), "restored after: {what}");
        }
    })
    .await;
}

/// A plan for a vault whose holders' keys are nobody's.
fn plan() -> Plan {
    Plan {
        country: "ZZ".into(),
        basis: Fact {
            value: "a test".into(),
            source: "this file".into(),
            checked_on: "2026-11-22".parse().expect("a date"),
            is_verified: false,
        },
        holders: ["hana", "ivo", "jun"].map(|name| Holder { name: person(name), recipient: format!("age1{name}") }),
        appeal_days: 30,
        backup_days: None,
    }
}

#[tokio::test]
async fn an_edited_vault_is_found_and_one_person_does_not_open_it() {
    on_both(|place| async move {
        let plan = plan();
        let act = async |deed| place.store.vault_act(Some(&person("ada")), &deed, at(1)).await;
        act(vault::Deed::Asked { by: person("ada"), plan }).await.unwrap();
        assert!(matches!(
            act(vault::Deed::Allowed { by: person("ada") }).await,
            Err(Error::Refused(casework::Error::SamePerson))
        ));
        act(vault::Deed::Allowed { by: person("bo") }).await.unwrap();
        assert!(place.store.verify(None).await.unwrap().faults.is_empty());
        let before = place.store.vault().await.unwrap();
        for (edit, back) in [
            ("replace(document, '\"bo\"', '\"eve\"')", "replace(document, '\"eve\"', '\"bo\"')"),
            ("replace(document, 'age1hana', 'age1evil')", "replace(document, 'age1evil', 'age1hana')"),
        ] {
            assert_eq!(place.tamper(&format!("UPDATE vault SET document = {edit}")).await, 1);
            assert_eq!(place.store.verify(None).await.unwrap().faults.len(), 1, "{edit}");
            place.tamper(&format!("UPDATE vault SET document = {back}")).await;
            assert_eq!(place.store.vault().await.unwrap(), before);
        }
        assert_eq!(place.tamper("DELETE FROM vault").await, 1);
        assert_eq!(place.store.verify(None).await.unwrap().faults.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn looks_are_counted_by_person_and_day_and_edited_figures_are_found() {
    on_both(|place| async move {
        const DAY: i64 = 86_400_000;
        let case = place.store.refer(None, referral("call 1"), at(0)).await.unwrap().case;
        let plan = plan();
        for deed in [vault::Deed::Asked { by: person("ada"), plan }, vault::Deed::Allowed { by: person("bo") }] {
            place.store.vault_act(None, &deed, at(1)).await.unwrap();
        }
        let digits = vault::Digits([7; 32]);
        let sealing = Sealing { item: "item".into(), key: "key".into(), file: digits, wrapped: digits };
        let evidence = Evidence {
            sha256: [1; 32],
            md5: "0".repeat(32),
            len: 9,
            media_type: "image/png".into(),
            name: Sealed::new("card.png".into()),
            kept: Kept::InVault(sealing),
        };
        place.store.keep(&case, None, evidence, at(2)).await.unwrap();
        place.store.act(&case, None, &[Deed::Moved(Event::Taken { by: person("ada") })], at(3)).await.unwrap();
        let budget = Budget { looks_per_day: 2, seconds_per_day: 300 };
        let look = async |who: &str, ms: i64| {
            let view = View { evidence: [1; 32], who: person(who), mode: Mode::Tile, shown_ms: 0, at: at(ms) };
            place.store.begin_look(&case, view, &budget).await
        };
        assert!(look("bo", 4).await.is_err(), "ada has the case");
        assert_eq!(look("ada", 4).await.unwrap(), 1);
        place.store.end_look(&case, 1, &person("ada"), 700, at(900)).await.unwrap();
        assert!(place.store.end_look(&case, 1, &person("ada"), 700, at(900)).await.is_err(), "it ended");
        assert_eq!(look("ada", 5).await.unwrap(), 2);
        assert!(place.store.end_look(&case, 2, &person("bo"), 700, at(900)).await.is_err(), "another's look");
        assert!(matches!(look("ada", 6).await, Err(Error::Refused(casework::Error::BudgetSpent))));
        let used = place.store.exposure(&person("ada"), at(7)).await.unwrap();
        assert_eq!((used.n_looks, used.shown_ms), (2, 10_700), "one of 700 ms, and one whose end nobody told of");
        assert_eq!(look("ada", DAY).await.unwrap(), 3, "another day");
        assert_eq!(place.store.exposure(&person("ada"), at(DAY)).await.unwrap().n_looks, 1);
        assert!(place.store.verify(None).await.unwrap().faults.is_empty());
        for edit in ["UPDATE exposures SET n_looks = 0", "DELETE FROM exposures"] {
            assert!(place.tamper(edit).await > 0);
            assert_eq!(place.store.verify(None).await.unwrap().faults.len(), 1, "{edit}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_flipped_bit_of_any_record_is_found() {
    let place = Place::new(None).await;
    for number in 0..3 {
        place.store.refer(None, referral(&format!("call {number}")), at(number)).await.unwrap();
    }
    let case = place.store.refer(None, referral("call 3"), at(3)).await.unwrap().case;
    appeals::appealed_and_heard(&place.store, &case).await;
    let all: Vec<(i64, String, String)> = sqlx::query("SELECT position, entry, body FROM log ORDER BY position")
        .fetch_all(&place.store.pool)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let step = if std::env::var_os("STREAMWARD_TEST_ALL").is_some() { 1 } else { 23 };
    let mut n_flipped = 0;
    for (position, entry, body) in &all {
        for (column, text) in [("entry", entry), ("body", body)] {
            for bit in (0..text.len() * 8).step_by(step) {
                let mut bytes = text.clone().into_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                // What is no text cannot be stored in these columns.
                let Ok(flipped) = String::from_utf8(bytes) else { continue };
                let set = |text: &str| {
                    format!("UPDATE log SET {column} = '{}' WHERE position = {position}", text.replace('\'', "''"))
                };
                if flipped.contains('\0') {
                    continue;
                }
                place.tamper(&set(&flipped)).await;
                assert!(!place.store.verify(None).await.unwrap().faults.is_empty(), "{column} {position} bit {bit}");
                place.tamper(&set(text)).await;
                n_flipped += 1;
            }
        }
    }
    assert!(n_flipped > 100 && place.store.verify(None).await.unwrap().faults.is_empty());
    eprintln!("{n_flipped} flipped bits found");
}

#[tokio::test]
async fn a_store_put_back_to_an_earlier_state_is_found_by_a_checkpoint_kept_elsewhere() {
    let place = Place::new(None).await;
    place.store.refer(None, referral("call 1"), at(0)).await.unwrap();
    let earlier = dump(&place).await;
    place.store.refer(None, referral("call 2"), at(1)).await.unwrap();
    let note = Note::parse(place.store.head().await.unwrap().note.as_bytes()).unwrap();
    restore(&place, earlier).await;
    assert!(place.store.verify(None).await.unwrap().faults.is_empty());
    assert!(!place.store.verify(Some(&note)).await.unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_store_without_its_key_is_not_opened() {
    let place = Place::new(None).await;
    place.store.refer(None, referral("call 1"), at(0)).await.unwrap();
    place.store.pool.close().await;
    let file = place.folder.path().join("log.key");
    let key = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(Store::open(place.folder.path(), None).await, Err(Error::Key(_))));
    std::fs::write(&file, format!("other {}\n", "1".repeat(64))).unwrap();
    assert!(matches!(Store::open(place.folder.path(), None).await, Err(Error::Key(_))));
    std::fs::write(&file, key).unwrap();
    assert!(Store::open(place.folder.path(), None).await.is_ok());
}

#[tokio::test]
async fn a_locked_database_is_an_error_and_nothing_is_lost() {
    let place = Place::new(None).await;
    place.store.refer(None, referral("call 1"), at(0)).await.unwrap();
    let other = Store::open(place.folder.path(), None).await.unwrap();
    let held = other.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("PRAGMA busy_timeout = 50").fetch_optional(&place.store.pool).await.unwrap();
    let store = &place.store;
    let waiting =
        tokio::time::timeout(std::time::Duration::from_millis(500), store.refer(None, referral("call 2"), at(1)));
    assert!(!matches!(waiting.await, Ok(Ok(_))), "it cannot have been written");
    held.rollback().await.unwrap();
    store.refer(None, referral("call 2"), at(1)).await.unwrap();
    assert_eq!(store.n_cases().await.unwrap(), 2);
    assert!(store.verify(None).await.unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_what_was_there_stays() {
    let place = Place::new(None).await;
    place.store.refer(None, referral("call 1"), at(0)).await.unwrap();
    // As if the disk were full: the database may not grow. It holds for one connection, so only one is used.
    let pool = &place.store.pool;
    let mut connections = Vec::new();
    for _ in 0..8 {
        let mut connection = pool.acquire().await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1").fetch_optional(&mut *connection).await.unwrap();
        connections.push(connection);
    }
    drop(connections);
    let mut outcomes = Vec::new();
    for number in 2..40 {
        outcomes.push(place.store.refer(None, referral(&format!("call {number} {}", "x".repeat(150))), at(1)).await);
    }
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(Error::Database(_)))));
    let n_taken = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    let place = place.again().await;
    assert_eq!(place.store.n_cases().await.unwrap(), 1 + n_taken);
    assert!(place.store.verify(None).await.unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_code_works_once_and_in_time_and_whoever_is_ended_is_out() {
    on_both(|place| async move {
        let Place { store, .. } = &place;
        store.set_account(None, &account("ada"), at(0)).await.unwrap();
        assert!(matches!(store.keep_code("aaaa", "eve", at(0)).await, Err(Error::NoSuchPerson)));
        store.keep_code("abcd-efgh", "ada", at(0)).await.unwrap();
        assert_eq!(store.use_code("ABCD efgh", at(1)).await.unwrap().unwrap().name, person("ada"));
        assert!(store.use_code("abcd-efgh", at(1)).await.unwrap().is_none(), "used up");
        store.keep_code("late", "ada", at(0)).await.unwrap();
        assert!(store.use_code("late", at(31 * 60 * 1000)).await.unwrap().is_none());
        store.open_session("session", "ada", at(0)).await.unwrap();
        store.keep_token("token", "ada").await.unwrap();
        assert!(store.session("session", at(1)).await.unwrap().is_some());
        assert!(store.session("session", at(13 * 3600 * 1000)).await.unwrap().is_none());
        assert!(store.session("other", at(1)).await.unwrap().is_none());
        store.set_account(None, &Account { is_active: false, ..account("ada") }, at(2)).await.unwrap();
        assert!(store.session("session", at(3)).await.unwrap().is_none(), "revoked at once");
        assert!(store.token("token").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn only_one_holder_has_a_lease_until_it_ends() {
    on_both(|place| async move {
        let Place { store, .. } = &place;
        assert!(store.lease("filing", "a", at(0), at(10)).await.unwrap());
        assert!(!store.lease("filing", "b", at(5), at(15)).await.unwrap());
        assert!(store.lease("filing", "b", at(11), at(20)).await.unwrap());
        store.release("filing", "a").await.unwrap();
        assert!(!store.lease("filing", "c", at(12), at(20)).await.unwrap());
        store.release("filing", "b").await.unwrap();
        assert!(store.lease("filing", "c", at(12), at(20)).await.unwrap());
    })
    .await;
}

#[test]
fn identifiers_sort_by_age_and_differ() {
    let ids: Vec<String> = (0..1000).map(|ms| new_id(at(ms / 10 * 100))).collect();
    assert!(ids.iter().all(|id| id.len() == 26));
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 1000);
    assert!(new_id(at(0)) < new_id(at(1_000_000)));
}

async fn decide(store: &Store, case: &str, verdict: Verdict) {
    let who = person("ada");
    let decision =
        Decision { who: who.clone(), verdict, reason: "a reason".into(), policy_version: "1".into(), at: at(1) };
    let deeds = [Deed::Moved(Event::Taken { by: who.clone() }), Deed::Moved(Event::Decided(decision))];
    store.act(case, Some(&who), &deeds, at(1)).await.unwrap();
}

/// Each table that tampering touches, row by row.
type Saved = Vec<(&'static str, &'static str, Vec<Vec<Option<String>>>)>;

const TABLES: [(&str, &str); 5] = [
    ("log", "position, subject, entry, body"),
    ("head", "id, n_entries, peaks, note"),
    (
        "cases",
        "id, is_done, lane, due_at, is_video, is_payments, place, filing_at, document, n_in_vault, \
         appeal_at, second",
    ),
    ("people", "name, document"),
    ("referrals", "key, case_id"),
];

async fn dump(place: &Place) -> Saved {
    let mut saved = Vec::new();
    for (table, columns) in TABLES {
        let casts: Vec<String> = columns.split(", ").map(|column| format!("CAST({column} AS TEXT)")).collect();
        let statement = sqlx::AssertSqlSafe(format!("SELECT {} FROM {table}", casts.join(", ")));
        let rows = sqlx::query(statement).fetch_all(&place.store.pool).await.unwrap();
        let n_columns = casts.len();
        let rows = rows.iter().map(|row| (0..n_columns).map(|index| row.get(index)).collect()).collect();
        saved.push((table, columns, rows));
    }
    saved
}

async fn restore(place: &Place, saved: Saved) {
    for (table, columns, rows) in saved {
        place.tamper(&format!("DELETE FROM {table}")).await;
        for row in rows {
            let values: Vec<String> = row
                .iter()
                .zip(columns.split(", "))
                .map(|(value, column)| match value {
                    None => "NULL".to_owned(),
                    Some(number) if is_number(table, column) => number.clone(),
                    Some(text) => format!("'{}'", text.replace('\'', "''")),
                })
                .collect();
            place.tamper(&format!("INSERT INTO {table} ({columns}) VALUES ({})", values.join(", "))).await;
        }
    }
}

fn is_number(table: &str, column: &str) -> bool {
    const NUMBERS: &str = "position n_entries is_done lane due_at is_video is_payments filing_at n_in_vault appeal_at";
    NUMBERS.split(' ').any(|number| number == column) || (table, column) == ("head", "id")
}

#[tokio::test]
async fn a_file_in_parts_is_its_senders_and_is_waited_for_one_day() {
    on_both(|place| async move {
        // The whole place, for its folder goes with it.
        let Place { store, folder: _folder, .. } = &place;
        let (case, name) = ("01CASE".to_owned(), "card.png".to_owned());
        let upload = Upload {
            id: "01UPLOAD".into(),
            case,
            who: person("a guard"),
            len: 1 << 32,
            sha256: "0".repeat(64),
            name,
            key: "2026-11-k7q2".into(),
            n_bytes: 0,
            n_parts: 0,
            state: UploadState::Open,
            expires_at: at(0).checked_add(UPLOAD_LASTS).unwrap(),
        };
        store.begin_upload(&upload).await.unwrap();
        assert!(store.upload("01UPLOAD", &person("another"), at(1)).await.unwrap().is_none());
        assert_eq!(store.n_open_uploads(&upload.who).await.unwrap(), 1);
        let (one, other) =
            tokio::join!(store.add_part(&upload, 3 << 30, at(1)), store.add_part(&upload, 3 << 30, at(1)));
        assert!(one.unwrap() != other.unwrap(), "of two who add the same part one does");
        let read = store.upload("01UPLOAD", &upload.who, at(2)).await.unwrap().unwrap();
        assert_eq!((read.n_bytes, read.n_parts, read.len, read.state), (3 << 30, 1, 1 << 32, UploadState::Open));
        store.end_upload("01UPLOAD", UploadState::Kept).await.unwrap();
        assert!(!store.add_part(&read, 1, at(3)).await.unwrap(), "it is over");
        assert_eq!(store.n_open_uploads(&upload.who).await.unwrap(), 0);
        let later = read.expires_at.checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
        assert!(store.upload("01UPLOAD", &upload.who, later).await.unwrap().is_none());
        assert!(store.sweep_uploads(later).await.unwrap().is_empty());
        assert!(store.upload("01UPLOAD", &upload.who, at(3)).await.unwrap().is_none());
    })
    .await;
}

fn account(name: &str) -> Account {
    Account {
        name: person(name),
        roles: vec![Role::Reviewer],
        compartments: vec![Compartment::Video],
        is_active: true,
        passkeys: vec![],
        logins: vec![],
    }
}

fn intake(channel: &str) -> Intake {
    Intake {
        source: Source::Guard,
        seen: Seen::Known { list: "partner".into(), entry: "17".into(), distance_bits: 4 },
        platform: "example call service".into(),
        channel: channel.into(),
        began_at: at(0),
        ended_at: None,
        account: Some(Sealed::new("account 1".into())),
    }
}

fn referral(channel: &str) -> Referral {
    Referral::new(intake(channel)).unwrap()
}

fn person(name: &str) -> Person {
    Person::new(name).unwrap()
}

/// Milliseconds after a moment.
fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_795_000_000_000 + ms).unwrap()
}
