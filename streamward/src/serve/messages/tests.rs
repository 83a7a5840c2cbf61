//! Is every sentence that is said written, every one written said, and does none say more than it should?

use std::collections::{BTreeMap, BTreeSet};

use axum::http::HeaderValue;
use casework::role::{Compartment, Role};
use casework::transparency::{Form, STATEMENT_COLUMNS};
use payments::gate::Outcome;

use super::*;
use crate::{html, say, tell};

fn messages(text: &str) -> Result<Messages> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("messages")).unwrap();
    std::fs::write(folder.path().join("messages/fil.toml"), text).unwrap();
    Messages::open(folder.path())
}

/// Runs something in the language of a file.
fn speaking<T>(text: &str, work: impl FnOnce() -> T) -> T {
    SPOKEN.sync_scope(messages(text).unwrap().0[0].clone(), work)
}

/// A language with every sentence, in which each piece that comes from a file is in ⟦ ⟧ and longer than in English: what
/// stands outside of them on a page came from elsewhere.
pub(in crate::serve) fn pseudo() -> String {
    let wrapped = |text: &str| {
        let piece = |piece: &str| match piece.contains(char::is_alphabetic) {
            true => format!("⟦{piece}{}⟧", "~".repeat(1 + piece.len() * 2 / 5)),
            false => piece.to_owned(),
        };
        let mut parts = text.split('{');
        let mut whole = piece(parts.next().unwrap_or_default());
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap();
            whole.push_str(&format!("{{{name}}}{}", piece(rest)));
        }
        toml::Value::String(whole)
    };
    let mut tables: BTreeMap<&str, toml::Table> = BTreeMap::new();
    for (key, sentence) in &ENGLISH.sentences {
        let (table, name) = key.split_once('.').unwrap();
        let forms: toml::Table = sentence.texts().map(|(form, text)| (form.to_owned(), wrapped(text))).collect();
        let value = if forms.len() == 1 { wrapped(&sentence.other) } else { toml::Value::Table(forms) };
        tables.entry(table).or_default().insert(name.to_owned(), value);
    }
    toml::to_string(&tables).unwrap()
}

/// What one place in the code says.
#[derive(Debug)]
struct Use {
    place: String,
    key: String,
    names: BTreeSet<String>,
}

/// Each use of `say!`, `tell!` or `term!` below `src/serve`, and the tables of words.
fn uses() -> (Vec<Use>, BTreeSet<String>) {
    let (mut uses, mut tables) = (Vec::new(), BTreeSet::new());
    // Neither the macros' own examples nor what is said here.
    let is_own = |path: &Path| path.ends_with("serve/messages.rs") || path.ends_with("messages/tests.rs");
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !is_own(&path) {
                let text = std::fs::read_to_string(&path).unwrap();
                let place = path.display().to_string();
                for word in ["say!(", "tell!("] {
                    let rests = text.match_indices(word).map(|(at, _)| &text[at + word.len()..]);
                    uses.extend(rests.filter_map(|rest| used(&place, rest)));
                }
                let tables_here = text.split("term!(\"").skip(1).filter_map(|rest| rest.split('"').next());
                tables.extend(tables_here.map(str::to_owned));
            }
        }
    }
    (uses, tables)
}

/// The key and the names of one use, from what stands after its bracket.
fn used(place: &str, rest: &str) -> Option<Use> {
    let (key, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    let (mut names, mut depth, mut chars) = (BTreeSet::new(), 0, rest.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                let name = rest[at + 1..].trim_start().split([' ', ')']).next().unwrap_or_default();
                names.extend(Some(name.to_owned()).filter(|name| !name.is_empty()));
            }
            '"' => {
                while let Some((_, c)) = chars.next().filter(|(_, c)| *c != '"') {
                    if c == '\\' {
                        chars.next();
                    }
                }
            }
            _ => {}
        }
    }
    Some(Use { place: place.to_owned(), key: key.to_owned(), names })
}

#[test]
fn every_sentence_that_is_said_is_written_with_its_names_and_every_one_written_is_said() {
    let (uses, tables) = uses();
    let mut said = BTreeSet::new();
    for Use { place, key, names } in &uses {
        let sentence = ENGLISH.sentences.get(key).unwrap_or_else(|| panic!("{place} says {key}, which is not written"));
        let written: BTreeSet<String> = file::names(&sentence.other).unwrap().into_iter().map(str::to_owned).collect();
        assert_eq!(*names, written, "{place}: {key}");
        assert!(sentence.forms.is_empty() || names.contains("n"), "{place}: {key} has forms and is given no n");
        said.insert(key.as_str());
    }
    let is_word = |key: &str| key.split_once('.').is_some_and(|(table, _)| tables.contains(table));
    let unsaid: Vec<&String> =
        ENGLISH.sentences.keys().filter(|key| !said.contains(key.as_str()) && !is_word(key)).collect();
    assert!(unsaid.is_empty(), "nobody says {unsaid:?}");
    assert!(uses.len() > 500 && tables.len() > 10, "{} {tables:?}", uses.len());
    eprintln!("{} sentences are said in {} places", ENGLISH.sentences.len(), uses.len());
}

#[test]
fn each_thing_that_has_a_name_has_a_word() {
    let words = |table: &str| -> BTreeSet<&str> {
        ENGLISH.sentences.keys().filter_map(|key| key.strip_prefix(table)?.strip_prefix('.')).collect()
    };
    assert_eq!(words("role"), Role::ALL.map(Role::name).into());
    assert_eq!(words("compartment"), Compartment::ALL.map(Compartment::name).into());
    assert_eq!(words("outcome"), Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect());
    // What is also written into a file for others reads the same here.
    for form in Form::ALL {
        assert_eq!(termed("form", form.file_name()), form.title());
    }
    for (name, what) in STATEMENT_COLUMNS {
        assert_eq!(termed("statement", name), what);
    }
    let measures = crate::serve::console::measures();
    for (name, definition) in crate::store::figure_definitions().into_iter().chain(measures) {
        assert_eq!(termed("figure", name), definition);
    }
    assert_eq!(words("figure").len(), 13 + 4);
    assert_eq!((words("form").len(), words("statement").len()), (Form::ALL.len(), STATEMENT_COLUMNS.len()));
}

/// The words that a refusal of `casework` puts together stand in its source.
#[test]
fn each_word_of_a_refusal_is_there() {
    // What stands before a word, and the tables that it may be in.
    let befores: [(&str, &[&str]); 7] = [
        ("what: \"", &["thing"]),
        ("state: \"", &["thing_is"]),
        ("event: \"", &["thing_be"]),
        ("refused(\"", &["thing", "thing_is", "thing_be"]),
        ("text(\"the ", &["field"]),
        ("name(\"the ", &["field"]),
        ("wrong(\"the ", &["field"]),
    ];
    let (mut folders, mut n_found) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../casework/src")], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("mod tests {").next().unwrap_or_default();
            for (before, tables) in befores {
                for rest in text.split(before).skip(1) {
                    let word = rest.split('"').next().unwrap_or_default();
                    let word = if before.ends_with("the ") { format!("the {word}") } else { word.to_owned() };
                    // Reports to financial authorities are no case's.
                    let is_here = !matches!(path.file_stem().and_then(|name| name.to_str()), Some("fincen" | "goaml"));
                    let is_known =
                        tables.iter().any(|table| ENGLISH.sentences.contains_key(&format!("{table}.{word}")));
                    assert!(!is_here || is_known, "{}: {before}{word}", path.display());
                    n_found += usize::from(is_here);
                }
            }
        }
    }
    assert!(n_found > 40, "{n_found}");
}

#[test]
fn what_a_translation_lacks_is_said_in_english() {
    speaking("[queue]\nmore = \"at {n} pa\"\n", || {
        assert_eq!(say!("queue.more", n = "{n}"), "at {n} pa");
        assert_eq!(say!("queue.look", when = "in 3 s"), "look in 3 s");
        assert_eq!(
            (language(), termed("role", "lead"), termed("role", "x")),
            ("fil".into(), "lead".into(), "x".into())
        );
    });
    assert_eq!((say!("queue.more", n = 3), language()), ("and 3 more".into(), "en".into()));
}

#[test]
fn a_number_chooses_the_form_by_the_rules_of_its_language() {
    assert_eq!([1, 2].map(|n| say!("log.cases", n = n)), ["1 case", "2 cases"]);
    // Filipino says the one form with all numbers but those that end in 4, 6 or 9.
    let own = "[log]\ncases = { one = \"{n} ang kaso\", other = \"{n} na kaso\" }\n";
    speaking(own, || {
        assert_eq!(
            [1, 2, 4, 10].map(|n| say!("log.cases", n = n)).map(|text| text.contains("ang")),
            [true, true, false, true]
        );
    });
    let polish = Language::new(
        "pl-PL",
        file::read("[x]\ny = { one = \"a\", few = \"b\", many = \"c\", other = \"d\" }").unwrap(),
    );
    assert_eq!(["1", "3", "12", "1.5"].map(|n| polish.sentence("x.y", Some(n)).unwrap()), ["a", "b", "c", "d"]);
}

#[test]
fn nothing_in_a_file_becomes_part_of_a_page() {
    let own = "[queue]\nmore = \"<script>{n}</script>\"\n[report]\nlisted = \"<b>{link}</b> {state}\"\n";
    speaking(own, || {
        let link = html!("<a href=\"{}\">{}</a>", "/\"", "<i>");
        assert_eq!(
            tell!("report.listed", link = link, state = "<u>").0,
            "&lt;b&gt;<a href=\"/&quot;\">&lt;i&gt;</a>&lt;/b&gt; &lt;u&gt;"
        );
        assert_eq!(html!("{}", say!("queue.more", n = "<i>")).0, "&lt;script&gt;&lt;i&gt;&lt;/script&gt;");
    });
}

#[test]
fn a_file_with_a_fault_is_named_and_not_used() {
    let long = format!("[queue]\nmore = \"{{n}}{}\"\n", "x".repeat(1 << 20));
    for (text, why) in [
        ("[queue]\nmoer = \"x\"\n", "there is no sentence queue.moer"),
        ("[queue]\nmore = \"x\"\n", "needs {\"n\"}"),
        ("[queue]\nmore = \"{n} {m}\"\n", "has the names"),
        ("[queue]\nmore = \"{n\"\n", "opens a brace"),
        ("[queue]\nmore = \"{n} }\"\n", "closes a brace"),
        ("[queue]\nmore = 3\n", "no text"),
        ("[queue]\nmore = { one = \"{n}\" }\n", "no form `other`"),
        ("[queue]\nmore = { one = 1, other = \"{n}\" }\n", "form one is no text"),
        ("[queue]\nmore = { some = \"{n}\", other = \"{n}\" }\n", "a form some"),
        ("more = \"x\"\n", "stands in no table"),
        ("queue", "not used"),
        (&long, "more than 1048576 bytes"),
    ] {
        let error = format!("{:#}", messages(text).err().unwrap());
        assert!(error.contains(why) && error.contains("fil.toml"), "{error}");
    }
}

#[test]
fn what_a_file_lacks_is_listed_and_the_english_one_lacks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fil.toml");
    std::fs::write(&path, "[queue]\nmore = \"at {n} pa\"\n").unwrap();
    let (n, lacking) = compared(&path).unwrap();
    assert_eq!((n, lacking.len()), (1, ENGLISH.sentences.len() - 1));
    assert!(lacking.contains(&"queue.title") && !lacking.contains(&"queue.more"));
    for whole in [ENGLISH_TEXT, &pseudo()] {
        std::fs::write(&path, whole).unwrap();
        assert_eq!(compared(&path).unwrap(), (ENGLISH.sentences.len(), Vec::new()));
    }
}

#[test]
fn a_browser_gets_what_it_asks_for_first_of_what_is_here() {
    let messages = messages("").unwrap();
    let asked = |text: &'static str| {
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(text))]);
        messages.asked(&headers).map(|language| language.tag.clone())
    };
    for (text, tag) in [
        ("fil-PH,fil;q=0.9,en;q=0.8", Some("fil")),
        ("en-GB,fil;q=0.9", None),
        ("fil;q=0.5,en;q=0.9", None),
        ("de,fil;q=0.3", Some("fil")),
        ("de, fr", None),
        ("fil;q=0", None),
        ("", None),
        (";;q=,,x;q=y", None),
    ] {
        assert_eq!(asked(text).as_deref(), tag, "{text}");
    }
}

/// Runs something in the language of [`pseudo`].
pub(in crate::serve) fn in_pseudo<T>(work: impl FnOnce() -> T) -> T {
    speaking(&pseudo(), work)
}
