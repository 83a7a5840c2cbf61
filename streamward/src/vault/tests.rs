//! Can two holders open what is kept, can one not, and does nothing go that must stay?

use std::path::{Path, PathBuf};
use std::process::Command;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use casework::case::Event;
use casework::evidence::{Kept, Sealing};
use casework::jurisdiction::Fact;
use casework::referral::{Intake, Seen, Source};
use casework::vault::{Holder, MonthKey};
use casework::{Decision, Evidence, Hold, Person, Referral, Verdict};
use jiff::{SignedDuration, Timestamp};

use super::*;

/// A folder with an open vault, a case, and three holders with keys of their own.
struct House {
    folder: tempfile::TempDir,
    store: Store,
    files: Files,
    holders: [Identity; 3],
    case: String,
}

const WORDS: &[u8] = b"a benign file, long enough to be more than a block of anything";

#[tokio::test]
async fn any_two_holders_open_a_month_and_one_does_not() {
    let house = House::new().await;
    let (key, evidence, sealing) = house.kept().await;
    let [one, two, three] = &house.holders;
    for pair in [[one, two], [two, one], [one, three], [three, two]] {
        let given = pair.map(Clone::clone);
        let month = escrow::recover(&house.files, &key, &given).unwrap().expect("two holders open it");
        assert_eq!(month.to_public().to_string(), key.recipient);
    }
    for alone in [vec![one.clone()], vec![one.clone(), one.clone()], vec![three.clone(), Identity::generate()], vec![]]
    {
        assert!(escrow::recover(&house.files, &key, &alone).unwrap().is_none());
    }

    // A machine that has a backup, without the months' keys: nothing opens until two holders are there.
    let months = house.at("months");
    std::fs::remove_dir_all(&months).unwrap();
    assert!(matches!(house.files.open(&evidence, &sealing, u64::MAX), Err(files::Error::NoKey { .. })));
    let month = escrow::recover(&house.files, &key, &[three.clone(), one.clone()]).unwrap().unwrap();
    house.files.put_month_key(&key.name, &month).unwrap();
    assert_eq!(house.files.open(&evidence, &sealing, u64::MAX).unwrap(), WORDS);
    assert!(house.files.open(&evidence, &sealing, 5).is_err(), "longer than was asked for");
}

#[tokio::test]
async fn the_plain_age_program_opens_it_with_any_two_holders() {
    if Command::new("age").arg("--version").output().is_err() {
        eprintln!("lacking: there is no program `age` here (Debian: age); recovery with it was not tried");
        return;
    }
    let house = House::new().await;
    let (key, _, sealing) = house.kept().await;
    let mut names: Vec<PathBuf> = Vec::new();
    for (index, holder) in house.holders.iter().enumerate() {
        names.push(house.folder.path().join(format!("holder-{}.txt", index + 1)));
        std::fs::write(&names[index], format!("{}\n", holder.to_string().expose_secret())).unwrap();
    }
    let decrypted = |with: &Path, file: &Path, to: &Path| {
        Command::new("age").args(["-d", "-i"]).arg(with).arg("-o").arg(to).arg(file).output().unwrap().status.success()
    };
    let out = |name: &str| house.folder.path().join(name);
    for (first, second) in files::PAIRS {
        let escrow = house.at("escrow").join(format!("{}.{}-{}.age", key.name, first + 1, second + 1));
        let third = 3 - first - second;
        assert!(!decrypted(&names[third], &escrow, &out("none")), "the third is not of this pair");
        assert!(!decrypted(&names[second], &escrow, &out("none")), "one alone, even of the pair");
        assert!(decrypted(&names[first], &escrow, &out("inner")));
        assert!(!decrypted(&names[first], &out("inner"), &out("none")), "and not twice the same one");
        assert!(decrypted(&names[second], &out("inner"), &out("month")));
        assert!(decrypted(&out("month"), &house.at("wrapped").join(format!("{}.age", sealing.item)), &out("item")));
        assert!(decrypted(&out("item"), &house.at("items").join(format!("{}.age", sealing.item)), &out("file")));
        assert_eq!(std::fs::read(out("file")).unwrap(), WORDS);
    }
}

#[tokio::test]
async fn a_file_that_was_altered_on_the_disk_is_found_and_said() {
    let house = House::new().await;
    let (key, evidence, sealing) = house.kept().await;
    assert_eq!(report(&house.store, &house.files, true).await.unwrap()["faults"], json!([]));
    let item = format!("{}.age", sealing.item);
    let escrow = format!("{}.1-3.age", key.name);
    for (folder, name) in [("items", &item), ("wrapped", &item), ("escrow", &escrow)] {
        let file = house.at(folder).join(name);
        let whole = std::fs::read(&file).unwrap();
        for place in (0..whole.len()).step_by((whole.len() / 20).max(1)) {
            let mut altered = whole.clone();
            altered[place] ^= 1;
            std::fs::write(&file, altered).unwrap();
            let report = report(&house.store, &house.files, true).await.unwrap();
            let fault = report["faults"][0].as_str().unwrap_or_default();
            assert!(fault.contains(folder) && fault.contains("was altered"), "{report}");
            let opened = house.files.open(&evidence, &sealing, u64::MAX);
            assert_eq!(opened.is_err(), folder != "escrow", "{folder} byte {place}");
        }
        std::fs::remove_file(&file).unwrap();
        assert_eq!(report(&house.store, &house.files, true).await.unwrap()["faults"].as_array().unwrap().len(), 1);
        std::fs::write(&file, whole).unwrap();
    }
    // Two files exchanged with their keys are each an age file that opens, and not what the log says.
    let other = house.folder.path().join("other");
    std::fs::write(&other, "another file").unwrap();
    let (others, _) = house.files.seal(std::fs::File::open(&other).unwrap(), &key, "other").unwrap();
    for folder in ["items", "wrapped"] {
        std::fs::copy(house.at(folder).join("other.age"), house.at(folder).join(&item)).unwrap();
    }
    let exchanged = Sealing { item: sealing.item.clone(), ..others };
    assert!(matches!(house.files.open(&evidence, &sealing, u64::MAX), Err(files::Error::Altered { .. })));
    assert!(matches!(house.files.open(&evidence, &exchanged, u64::MAX), Err(files::Error::Altered { .. })));
}

#[tokio::test]
async fn nothing_is_kept_before_two_people_open_the_vault() {
    let house = House::shut().await;
    let file = house.file();
    let facts = crate::file::facts(&file, Kept::Facts).unwrap();
    let refused = keep::keep(&house.store, &house.files, &house.case, &file, &facts, now()).await;
    assert!(refused.unwrap_err().to_string().contains("two people"));
    assert!(!house.at("items").exists());
    house.store.vault_act(None, &Deed::Asked { by: person("ada"), plan: house.plan() }, now()).await.unwrap();
    assert!(keep::keep(&house.store, &house.files, &house.case, &file, &facts, now()).await.is_err());
    assert!(house.store.vault_act(None, &Deed::Allowed { by: person("ada") }, now()).await.is_err());
    house.store.vault_act(None, &Deed::Allowed { by: person("bo") }, now()).await.unwrap();
    house.kept().await;
    house.store.vault_act(None, &Deed::Shut { by: person("cy") }, now()).await.unwrap();
    let other = house.folder.path().join("other");
    std::fs::write(&other, "another").unwrap();
    let facts = crate::file::facts(&other, Kept::Facts).unwrap();
    assert!(keep::keep(&house.store, &house.files, &house.case, &other, &facts, now()).await.is_err());
    assert!(house.store.verify(None).await.unwrap().faults.is_empty());
}

#[tokio::test]
async fn what_is_held_stays_and_what_two_people_let_go_is_gone_with_a_date() {
    let house = House::new().await;
    let (_, evidence, sealing) = house.kept().await;
    let later = |days: i64| now().checked_add(SignedDuration::from_hours(days * 24)).unwrap();
    let can_go = async |days: i64| sweep::candidates(&house.store, later(days)).await.unwrap().len();
    assert_eq!(can_go(10_000).await, 0, "nobody has decided");
    house.decided(Verdict::NoViolation).await;
    assert_eq!((can_go(29).await, can_go(31).await), (0, 1), "after the time for an appeal");
    let ask = async |by: &str, days: i64| {
        let items = sweep::candidates(&house.store, later(days)).await.unwrap();
        house.store.vault_act(None, &Deed::SweepAsked { by: person(by), items }, later(days)).await.unwrap();
    };
    ask("ada", 31).await;
    assert!(
        sweep::allow(&house.store, &house.files, &person("ada"), later(31)).await.is_err(),
        "one person is not two"
    );

    // A hold that is placed between asking and allowing counts.
    let hold = Hold { by: person("cy"), basis: "a court's order".into(), until: None, released_by: None };
    house.store.act(&house.case, None, &[casework::Deed::HoldPlaced(hold)], now()).await.unwrap();
    let swept = sweep::allow(&house.store, &house.files, &person("bo"), later(31)).await.unwrap();
    assert_eq!((swept.erased.len(), swept.spared.len()), (0, 1));
    assert_eq!(house.files.open(&evidence, &sealing, u64::MAX).unwrap(), WORDS);
    assert_eq!(can_go(10_000).await, 0);

    let released = casework::Deed::HoldReleased { hold: 1, by: person("bo") };
    house.store.act(&house.case, None, &[released], now()).await.unwrap();
    std::fs::copy(house.at("items").join(format!("{}.age", sealing.item)), house.at("items").join("STRAY.age"))
        .unwrap();
    ask("ada", 40).await;
    let swept = sweep::allow(&house.store, &house.files, &person("bo"), later(40)).await.unwrap();
    assert_eq!((swept.erased.len(), swept.spared.len(), swept.n_stray), (1, 0, 1));
    let date = jiff::tz::TimeZone::UTC.to_datetime(later(130)).date();
    assert_eq!(swept.complete_on, Some(date), "90 days of backups");
    let dossier = house.store.case(&house.case).await.unwrap();
    assert_eq!(dossier.evidence()[0].kept, Kept::Erased { complete_on: Some(date) });
    for folder in ["items", "wrapped"] {
        assert_eq!(std::fs::read_dir(house.at(folder)).unwrap().count(), 0, "{folder}");
    }
    assert!(house.files.open(&evidence, &sealing, u64::MAX).is_err());
    assert!(house.store.verify(None).await.unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_case_that_was_reported_keeps_its_files() {
    let house = House::new().await;
    house.kept().await;
    house.decided(Verdict::Violation).await;
    let far = now().checked_add(SignedDuration::from_hours(24 * 40_000)).unwrap();
    assert!(sweep::candidates(&house.store, far).await.unwrap().is_empty());
}

impl House {
    /// With the vault open.
    async fn new() -> House {
        let house = House::shut().await;
        for deed in [Deed::Asked { by: person("ada"), plan: house.plan() }, Deed::Allowed { by: person("bo") }] {
            house.store.vault_act(None, &deed, now()).await.unwrap();
        }
        house
    }

    async fn shut() -> House {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).await.unwrap();
        let intake = Intake {
            source: Source::Guard,
            seen: Seen::Known { list: "testcard".into(), entry: "0".into(), distance_bits: 2 },
            platform: "example call service".into(),
            channel: "call 1".into(),
            began_at: "2026-11-24T09:30:00Z".parse().unwrap(),
            ended_at: None,
            account: None,
        };
        let case = store.refer(None, Referral::new(intake).unwrap(), now()).await.unwrap().case;
        let holders = std::array::from_fn(|_| Identity::generate());
        House { files: Files::of(folder.path()), folder, store, holders, case }
    }

    fn plan(&self) -> Plan {
        let holder = |name: &str, key: &Identity| Holder { name: person(name), recipient: key.to_public().to_string() };
        let [one, two, three] = &self.holders;
        Plan {
            country: "ZZ".into(),
            basis: Fact {
                value: "a test".into(),
                source: "this file".into(),
                checked_on: "2026-11-22".parse().unwrap(),
                is_verified: false,
            },
            holders: [holder("hana", one), holder("ivo", two), holder("jun", three)],
            appeal_days: 30,
            backup_days: Some(90),
        }
    }

    fn file(&self) -> PathBuf {
        let file = self.folder.path().join("file.txt");
        std::fs::write(&file, WORDS).unwrap();
        file
    }

    fn at(&self, folder: &str) -> PathBuf {
        self.folder.path().join("vault").join(folder)
    }

    /// A file in the vault: its month's key, what it is, and how it lies there.
    async fn kept(&self) -> (MonthKey, Evidence, Sealing) {
        let file = self.file();
        let facts = crate::file::facts(&file, Kept::Facts).unwrap();
        keep::keep(&self.store, &self.files, &self.case, &file, &facts, now()).await.unwrap();
        keep::keep(&self.store, &self.files, &self.case, &file, &facts, now()).await.unwrap();
        let dossier = self.store.case(&self.case).await.unwrap();
        assert_eq!(dossier.in_vault().count(), 1, "the same file is kept once");
        let (evidence, sealing) = dossier.in_vault().next().unwrap();
        let key = self.store.vault().await.unwrap().key(&sealing.key).cloned().unwrap();
        assert_eq!(self.files.open(evidence, sealing, u64::MAX).unwrap(), WORDS);
        let on_disk = std::fs::read(self.at("items").join(format!("{}.age", sealing.item))).unwrap();
        assert!(on_disk.starts_with(b"age-encryption.org/v1\n"));
        (key, evidence.clone(), sealing.clone())
    }

    async fn decided(&self, verdict: Verdict) {
        let decision =
            Decision { who: person("ada"), verdict, reason: "a test".into(), policy_version: "1".into(), at: now() };
        let deeds = [Event::Taken { by: person("ada") }, Event::Decided(decision)].map(casework::Deed::Moved);
        self.store.act(&self.case, None, &deeds, now()).await.unwrap();
    }
}

fn person(name: &str) -> Person {
    Person::new(name).unwrap()
}

fn now() -> Timestamp {
    crate::clock::now()
}
