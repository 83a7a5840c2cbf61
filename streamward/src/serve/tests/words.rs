//! Does every page say all that it says in the reader's language? Asked in a language that is none.
//!
//! Its file puts ⟦ ⟧ around each piece that comes from it and leaves outside what is put in, so a word of English outside
//! of them came from the code. All that people and programs fill in here is Greek: then a Latin letter is a fault.

use std::collections::BTreeSet;

use ::payments::Pack;
use ::payments::pack::LIVESTREAM_EXPLOITATION;
use casework::case::Event;
use casework::hold::Hold;
use casework::quality::Second;
use casework::vault;
use casework::{Decision, Deed, Verdict};
use jiff::SignedDuration;

use super::super::messages::tests::{in_pseudo, pseudo};
use super::paid::{form, other_pack, with_a_year};
use super::*;

/// Latin words outside ⟦ ⟧ that are no words of ours, and why.
const ALLOWED: [&str; 3] = [
    "streamward", // the program's name
    "ZZ",         // a country of nobody
    "image/png",  // kinds of files are as their registry names them
];

/// What is said to nobody: names of settings, commands and figures, digests, and what somebody typed.
const UNREAD: [&str; 5] = ["code", "pre", "textarea", "script", "style"];

const GREEK: &str = "λόγος";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_says_all_in_the_language_that_is_asked_for() {
    let (house, has_authority) = house().await;
    let mut pages = Vec::new();
    for name in ["Άδα", "Βίων", "Γη"] {
        house.let_in(name, &Role::ALL, &Compartment::ALL).await;
    }
    let (ada, bion) = (house.session("Άδα").await, house.session("Βίων").await);
    let cases = cases(&house, &ada, &bion).await;
    let (house, alert, _) = with_a_year(house).await;
    let paid = payments_pages(&house, &ada, &bion, &alert).await;

    let get: BTreeSet<&str> = routes(Method::GET);
    for path in &get {
        let paths: Vec<String> = match *path {
            "/cases/{case}" => cases.iter().map(|case| format!("/cases/{case}")).collect(),
            "/cases/{case}/reports/{report}" => vec![format!("/cases/{}/reports/1", cases[0])],
            "/cases/{case}/exports/{export}/bundle" => {
                (1..=2).map(|n| format!("/cases/{}/exports/{n}/bundle", cases[1])).collect()
            }
            "/cases/{case}/claims/{claim}/bundle" => {
                (1..=2).map(|n| format!("/cases/{}/claims/{n}/bundle", cases[1])).collect()
            }
            path if path.starts_with("/payments/") && path.contains('{') => continue,
            path => vec![path.replace("{form}", "4_notices.csv").replace("{grant}", "x")],
        };
        assert!(paths.iter().all(|path| !path.contains('{')), "nobody says how to ask for {path}");
        pages.extend(paths);
    }
    pages.extend(paid);
    pages.push("/nowhere".to_owned());
    let mut n_pages = 0;
    for page in &pages {
        for who in [&ada, &bion] {
            n_pages += usize::from(read(&house, who, Method::GET, page, "").await);
        }
    }
    // A person who may do little, and who has to show that it is them.
    house.let_in("Δέλτα", &[Role::Auditor], &[]).await;
    let delta = house.session("Δέλτα").await;
    for page in ["/", "/me", "/log", "/vault"] {
        n_pages += usize::from(read(&house, &delta, Method::GET, page, "").await);
    }
    // What is refused, and what is not filled in rightly.
    let mut found = Vec::new();
    for path in routes(Method::POST) {
        let path = path.replace("{case}", &cases[0]).replace("{file}", &"0".repeat(64));
        let names = ["report", "export", "claim", "appeal", "hold", "alert", "item", "proposal", "grant", "name"];
        let path = names.iter().fold(path, |path, name| path.replace(&format!("{{{name}}}"), "1"));
        let nothing = "verdict=violation&reason=&policy_version=&incident=x&basis=&until=x&mode=x&reference=&said=&\
                       ruling=upheld&payer=&beneficiary=&amount=x&currency=x&at=x&source=&name=&received_on=x&code=x&\
                       subject=&pack=x&overlay=&note=&outcome=useful&month=x&answer=refuse&role=x";
        if !matches!(path.as_str(), "/sign-out" | "/vault/shut") {
            let came = house.ask(Method::POST, &path, &asked(&ada), nothing).await;
            n_pages += usize::from(is_page(&came));
            let said = if is_page(&came) { english(&came.text) } else { Vec::new() };
            found.extend((!said.is_empty()).then_some((path, said)));
        }
    }
    assert!(found.is_empty(), "these say something by themselves: {found:#?}");
    eprintln!("{n_pages} pages were read");
    assert!(n_pages > 90, "{n_pages}");
    if !has_authority {
        eprintln!("the pages of a report were not read: there is no schema of the authority");
    }
}

#[tokio::test]
async fn before_there_is_anything_every_page_is_spoken_too() {
    let folder = folder_with_words(tempfile::tempdir().unwrap());
    let house = House::at(folder).await;
    house.let_in("Άδα", &Role::ALL, &Compartment::ALL).await;
    let ada = house.session("Άδα").await;
    let mut n_pages = 0;
    for path in routes(Method::GET).iter().filter(|path| !path.contains('{')) {
        n_pages += usize::from(read(&house, &ada, Method::GET, path, "").await);
    }
    assert!(n_pages > 15, "{n_pages}");
    let line = |is_faulty: bool| known::Line {
        name: "λίστα".into(),
        source: "πηγή".into(),
        version: 7,
        created: "2026-11-24".into(),
        n_entries: 1200,
        n_set_aside: 2,
        is_harmless: true,
        loaded_at: now(),
        signed: match is_faulty {
            true => known::Signed::By { names: vec!["όνομα".into()], n_needed: 1 },
            false => known::Signed::NotAsked,
        },
        fault: is_faulty.then(|| known::Fault { since: now(), what: "the list is older".into() }),
    };
    let table = in_pseudo(|| console::lists_table(&[line(true), line(false)]));
    assert_eq!(english(&table.0), Vec::<String>::new());
}

#[test]
fn english_in_a_page_is_found() {
    let page = "<p title=\"Title\">⟦Sa&lt;id~⟧: <b>Ada &amp; λ</b> ⟦x⟧y <code>code</code> a-3f</p><i lang=\"en\">Own <b>x</b></i><br>2026 UTC";
    assert_eq!(english(page), ["Ada", "Title", "y"]);
}

/// What a browser sends that wants the language of ours.
fn asked(session: &str) -> [(&'static str, String); 2] {
    [("Cookie", format!("{COOKIE}={session}")), ("Accept-Language", "qps-ploc".to_owned())]
}

fn is_page(came: &Came) -> bool {
    came.headers.get("content-type").is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"))
}

/// Asks for a page; whether it was one. Fails when it says something in English.
async fn read(house: &House, who: &str, method: Method, path: &str, body: &str) -> bool {
    let came = house.ask(method.clone(), path, &asked(who), body).await;
    let is_page = is_page(&came);
    let found = if is_page { english(&came.text) } else { Vec::new() };
    assert!(found.is_empty(), "{method} {path} says {found:?} by itself:\n{}", came.text);
    assert!(!is_page || came.text.contains("<html lang=\"qps-ploc\">") && came.text.contains('⟦'), "{path}");
    is_page
}

fn routes(method: Method) -> BTreeSet<&'static str> {
    let routes = console::routes();
    routes.list().iter().filter(|route| route.method == method).map(|route| route.path).collect()
}

/// Latin words that are seen or heard on a page and are neither in ⟦ ⟧ nor marked as English.
fn english(page: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    // Elements that are open, and whether somebody reads them in the page's language.
    let mut open: Vec<(&str, bool)> = Vec::new();
    let is_read = |open: &[(&str, bool)]| open.last().is_none_or(|(_, is_read)| *is_read);
    for part in page.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        if let Some(name) = tag.strip_prefix('/') {
            while open.pop().is_some_and(|(known, _)| known != name) {}
        } else if !tag.starts_with('!') {
            let name = tag.split([' ', '\n']).next().unwrap();
            let is_own = is_read(&open) && !tag.contains("lang=\"en\"") && !UNREAD.contains(&name);
            if is_own {
                for attribute in ["aria-label", "title", "data-label", "placeholder", "alt"] {
                    let value =
                        tag.split_once(&format!(" {attribute}=\"")).and_then(|(_, rest)| rest.split('"').next());
                    latin(value.unwrap_or_default(), &mut found);
                }
            }
            if !matches!(name, "meta" | "link" | "input" | "br") && !tag.ends_with('/') {
                open.push((name, is_own));
            }
        }
        if is_read(&open) {
            latin(text, &mut found);
        }
    }
    found.into_iter().collect()
}

/// Words with Latin letters, outside ⟦ ⟧, of which none has a digit: what has one is a name that a program made.
fn latin(text: &str, found: &mut BTreeSet<String>) {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    let text = entities.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter));
    let pack = Pack::parse(LIVESTREAM_EXPLOITATION, None).unwrap();
    let of_the_pack = |word: &str| {
        pack.name().contains(word)
            || pack.typologies.iter().any(|typology| typology.id == word)
            || pack.indicators.iter().any(|indicator| indicator.reading.name == word)
    };
    let outside: String = text
        .split('⟦')
        .enumerate()
        .map(|(place, part)| match place {
            0 => part,
            _ => part.split_once('⟧').map_or("", |(_, rest)| rest),
        })
        .collect::<Vec<_>>()
        .join(" ");
    // Currencies are codes of three capitals; so is UTC.
    let is_code = |word: &str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    for word in outside.split_whitespace() {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_word = word.contains(|c: char| c.is_ascii_alphabetic()) && !word.contains(|c: char| c.is_ascii_digit());
        if is_word && !is_code(word) && !ALLOWED.contains(&word) && !of_the_pack(word) {
            found.insert(word.to_owned());
        }
    }
}

fn folder_with_words(folder: tempfile::TempDir) -> tempfile::TempDir {
    std::fs::create_dir(folder.path().join("messages")).unwrap();
    std::fs::write(folder.path().join("messages/qps-ploc.toml"), pseudo()).unwrap();
    folder
}

/// A house with an authority, where there is its schema; whether there is.
async fn house() -> (House, bool) {
    let more =
        "[appeals]\nanswer_days = 14\n[quality]\npercent = 100\n[exposure]\nlooks_per_day = 3\nseconds_per_day = 300\n";
    let (folder, has_authority) = match House::authority(more).await {
        Some(folder) => (folder, true),
        None => (tempfile::tempdir().unwrap(), false),
    };
    (House::at(folder_with_words(folder)).await, has_authority)
}

fn greek(channel: &str) -> Intake {
    Intake {
        seen: Seen::Known { list: "λίστα".into(), entry: "17".into(), distance_bits: 4 },
        platform: "κλήσεις".into(),
        channel: channel.into(),
        account: Some(Sealed::new("λογαριασμός".into())),
        ..intake("x")
    }
}

/// Cases at every point of their way; the first has a report, the second all else.
async fn cases(house: &House, ada: &str, bion: &str) -> Vec<String> {
    let store = &house.desk.store;
    let person = |name: &str| Person::new(name).unwrap();
    let yesterday = now().checked_sub(SignedDuration::from_hours(24)).unwrap();
    let decision = |who: &str, verdict| Decision {
        who: person(who),
        verdict,
        reason: GREEK.into(),
        policy_version: "1".into(),
        at: yesterday,
    };
    let decided = async |channel: &str, verdict| {
        let case = store.refer(None, Referral::new(greek(channel)).unwrap(), yesterday).await.unwrap().case;
        let ada = person("Άδα");
        let deeds =
            [Deed::Moved(Event::Taken { by: ada.clone() }), Deed::Moved(Event::Decided(decision("Άδα", verdict)))];
        store.act(&case, Some(&ada), &deeds, yesterday).await.unwrap();
        case
    };
    let post = async |who: &str, path: String, fields: &[(&str, &str)]| {
        let came = house.with(who, Method::POST, &path, &form(fields)).await;
        assert_eq!(came.status, StatusCode::SEE_OTHER, "{path}: {}", came.text);
    };
    let reported = decided("πρώτη", Verdict::Violation).await;
    let full = decided("δεύτερη", Verdict::NoViolation).await;
    // One decision that a second person found otherwise, and one that somebody is looking at now.
    let seconds = [decided("τρίτη", Verdict::Violation).await, decided("τέταρτη", Verdict::Violation).await];
    let day = jiff::tz::TimeZone::UTC.to_datetime(now()).date();
    for case in &seconds {
        let drawn = Deed::Drawn { day, decision: 1, first: Verdict::Violation };
        let (taken, back) = (Deed::SecondTaken { by: person("Γη") }, Deed::SecondHandedBack { by: person("Γη") });
        store.act(case, None, &[drawn, taken, back], now()).await.unwrap();
        store.act(case, Some(&person("Βίων")), &[Deed::SecondTaken { by: person("Βίων") }], now()).await.unwrap();
        if *case == seconds[0] {
            let second =
                Second { who: person("Βίων"), verdict: Verdict::NoViolation, reason: GREEK.into(), at: now() };
            store.act(case, Some(&person("Βίων")), &[Deed::SecondFound(second)], now()).await.unwrap();
        }
    }
    if house.desk.schema.is_some() {
        post(ada, format!("/cases/{reported}/reports"), &[("incident", "material"), ("remark", GREEK)]).await;
        post(bion, format!("/cases/{reported}/reports/1/approve"), &[]).await;
        tokio::spawn(Arc::clone(&house.desk).run_outbox());
        for _ in 0..100 {
            if store.case(&reported).await.unwrap().reports()[0].state_name() == "filed" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    house.keep_a_picture(&full).await;
    let at = format!("/cases/{full}");
    for (reference, said) in [("Α17", "πρώτα"), ("Α18", "δεύτερα")] {
        post(ada, format!("{at}/appeals"), &[("reference", reference), ("said", said)]).await;
    }
    post(bion, format!("{at}/appeals/1/answer"), &[("ruling", "upheld"), ("reason", GREEK), ("policy_version", "1")])
        .await;
    for number in ["1", "2"] {
        post(ada, format!("{at}/exports"), &[("reason", GREEK)]).await;
        post(ada, format!("{at}/claims"), &[("name", GREEK)]).await;
        let hold = Hold { by: person("Άδα"), basis: GREEK.into(), until: Some(now()), released_by: None };
        store.act(&full, Some(&person("Άδα")), &[Deed::HoldPlaced(hold)], now()).await.unwrap();
        if number == "1" {
            post(bion, format!("{at}/exports/1/allow"), &[]).await;
            post(bion, format!("{at}/claims/1/allow"), &[]).await;
            post(bion, format!("{at}/holds/1/release"), &[]).await;
        }
    }
    let paid = [("payer", "πληρωτής"), ("beneficiary", "δικαιούχος"), ("amount", "1500.00"), ("currency", "PHP")];
    let more = [("reference", "Π1"), ("at", "2026-11-24T09:10:00Z"), ("source", GREEK), ("basis", GREEK)];
    post(ada, format!("{at}/paid"), &[paid, more].concat()).await;
    let open = house.refer(greek("πέμπτη")).await;
    let running = house.refer(greek("έκτη")).await;
    post(ada, format!("/cases/{running}/take"), &[]).await;
    house.keep_in_open_vault(&running).await;
    let told = house
        .refer(Intake {
            seen: Seen::Told(Sealed::new(GREEK.into())), source: Source::UserReport, ..greek("έβδομη")
        })
        .await;
    let scored = Intake {
        seen: Seen::Score { rule: "κανόνας".into(), value: 0.9 },
        ended_at: None,
        source: Source::Api,
        ..greek("όγδοη")
    };
    let scored = house.refer(scored).await;
    // Somebody asks to erase, and somebody to open the vault anew.
    let items = vec![vault::Item { case: full.clone(), item: "1".into() }];
    store.vault_act(None, &vault::Deed::SweepAsked { by: person("Άδα"), items }, now()).await.unwrap();
    store.vault_act(None, &vault::Deed::Asked { by: person("Άδα"), plan: House::plan() }, now()).await.unwrap();
    vec![reported, full, open, running, told, scored, seconds[0].clone()]
}

/// What is proposed, looked at and answered at the desk of payments, and the pages that show it.
async fn payments_pages(house: &House, ada: &str, bion: &str, alert: &str) -> Vec<String> {
    let post = async |who: &str, path: &str, fields: &[(&str, &str)]| {
        let came = house.with(who, Method::POST, path, &form(fields)).await;
        assert_eq!(came.status, StatusCode::SEE_OTHER, "{path}: {}", came.text);
    };
    post(ada, &format!("/payments/{alert}/outcome"), &[("outcome", "innocent"), ("note", GREEK)]).await;
    let pack = |review: &str| other_pack().replace("review = 36", review);
    for review in ["review = 36", "review = 37", "review = 38"] {
        post(ada, "/payments/packs", &[("pack", &pack(review)), ("overlay", ""), ("reason", GREEK)]).await;
    }
    let mut pages = vec![format!("/payments/{alert}")];
    pages.extend(["pack-1", "pack-1/shadow", "pack-2", "pack-3"].map(|name| format!("/payments/packs/{name}")));
    let list = house.with(ada, Method::GET, "/payments/below", "").await.text;
    let item = list.split("/payments/below/").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let (item, month) = item.split_once("?month=").unwrap();
    let below = format!("/payments/below/{item}");
    pages.push(format!("{below}?month={month}"));
    for page in &pages {
        read(house, bion, Method::GET, page, "").await;
    }
    post(ada, &below, &[("month", month), ("outcome", "useful"), ("note", GREEK)]).await;
    post(bion, "/payments/packs/pack-2/activate", &[("reason", GREEK)]).await;
    post(bion, "/payments/packs/pack-3/decline", &[("reason", GREEK)]).await;
    pages
}
