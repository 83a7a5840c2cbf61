//! In which language does a page speak?
//!
//! English is in the program, as `messages/en.toml`. Another language is a file with the same keys in the data folder,
//! `messages/fil.toml`; the browser's `Accept-Language` chooses among them, and what a file lacks is said in English.
//! Sentences are text: whatever stands in a file is escaped like a stranger's.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result, bail};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

/// A sentence of a page: `say!("queue.more", n = 3)`. A test holds each key against `messages/en.toml`.
#[macro_export]
macro_rules! say {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::serve::messages::said($key, &[$((stringify!($name), $value.to_string())),*])
    };
}

type Sentences = HashMap<String, String>;

/// One language beside English.
pub(crate) struct Language {
    /// Its name, as browsers have it: `fil`, `pt-BR`.
    tag: String,
    sentences: Sentences,
}

/// Every language beside English.
#[derive(Clone, Default)]
pub(crate) struct Messages(Arc<Vec<Arc<Language>>>);

static ENGLISH: LazyLock<Sentences> =
    LazyLock::new(|| read(include_str!("messages/en.toml")).expect("a test reads this very file"));

tokio::task_local! {
    /// The language of the request that is being answered, where it is not English.
    static SPOKEN: Arc<Language>;
}

impl Messages {
    /// Reads every file of `messages/` in the data folder; one with a fault is an error, for it would mislead.
    pub(crate) fn open(data: &Path) -> Result<Messages> {
        let folder = data.join("messages");
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Messages::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
        };
        let mut languages = Vec::new();
        for entry in entries {
            let file = entry?.path();
            let Some(tag) = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".toml")) else { continue };
            let is_tag = tag.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
            if !is_tag || tag.len() > 35 {
                bail!("{} has no name of a language\n  to do: call it fil.toml, or pt-BR.toml", file.display());
            }
            let sentences = std::fs::read_to_string(&file)
                .map_err(anyhow::Error::from)
                .and_then(|text| checked(read(&text)?))
                .with_context(|| format!("the messages in {} are not used", file.display()))?;
            languages.push(Arc::new(Language { tag: tag.to_owned(), sentences }));
        }
        Ok(Messages(Arc::new(languages)))
    }

    /// The language that a browser asks for first, of those that are here; none for English.
    fn asked(&self, headers: &HeaderMap) -> Option<Arc<Language>> {
        let text = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        let weighed = text.split(',').take(20).filter_map(|part| {
            let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
            let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
            (weight > 0.0).then_some((tag.trim(), weight))
        });
        let mut weighed: Vec<(&str, f32)> = weighed.collect();
        weighed.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        for (tag, _) in weighed {
            let first = tag.split('-').next().unwrap_or_default();
            if first.eq_ignore_ascii_case("en") {
                return None;
            }
            let is = |name: &str| self.0.iter().find(|language| language.tag.eq_ignore_ascii_case(name)).cloned();
            if let Some(language) = is(tag).or_else(|| is(first)) {
                return Some(language);
            }
        }
        None
    }
}

/// Lets whatever answers a request speak the browser's language.
pub(super) async fn speak(State(messages): State<Messages>, request: Request, next: Next) -> Response {
    match messages.asked(request.headers()) {
        Some(language) => SPOKEN.scope(language, next.run(request)).await,
        None => next.run(request).await,
    }
}

/// The language that is spoken now, as pages name it.
pub(crate) fn language() -> String {
    SPOKEN.try_with(|language| language.tag.clone()).unwrap_or_else(|_| "en".to_owned())
}

/// The sentence of this key, with what stands for the names in it.
pub(crate) fn said(key: &str, values: &[(&str, String)]) -> String {
    let own = SPOKEN.try_with(|language| language.sentences.get(key).cloned()).ok().flatten();
    let sentence = own.or_else(|| ENGLISH.get(key).cloned()).unwrap_or_else(|| key.to_owned());
    filled(&sentence, values)
}

/// What a page is called in the links above each page; its English name where no file knows it.
pub(crate) fn link(name: &str) -> String {
    let key = format!("links.{}", name.to_lowercase());
    if ENGLISH.contains_key(&key) { said(&key, &[]) } else { name.to_owned() }
}

/// Puts values in the place of names, once: braces in a value stay what they are.
fn filled(sentence: &str, values: &[(&str, String)]) -> String {
    let mut parts = sentence.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or(("", part));
        text.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        text.push_str(rest);
    }
    text
}

/// Each key, `table.name`, with its sentence.
fn read(text: &str) -> Result<Sentences> {
    let tables: HashMap<String, HashMap<String, String>> = toml::from_str(text)?;
    let pairs = |(table, sentences): (String, HashMap<String, String>)| {
        sentences.into_iter().map(move |(name, sentence)| (format!("{table}.{name}"), sentence)).collect::<Vec<_>>()
    };
    Ok(tables.into_iter().flat_map(pairs).collect())
}

/// The sentences, if each stands for an English one and has the same names in it.
fn checked(sentences: Sentences) -> Result<Sentences> {
    for (key, sentence) in &sentences {
        let Some(english) = ENGLISH.get(key) else {
            bail!("there is no sentence {key}\n  to do: compare the keys with those of messages/en.toml");
        };
        let (own, needed) = (names(sentence), names(english));
        if own != needed {
            bail!("the sentence {key} has the names {own:?} in it, and needs {needed:?}\n  to do: put them in braces");
        }
    }
    Ok(sentences)
}

fn names(sentence: &str) -> BTreeSet<&str> {
    sentence.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn messages(text: &str) -> Result<Messages> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("messages")).unwrap();
        std::fs::write(folder.path().join("messages/fil.toml"), text).unwrap();
        Messages::open(folder.path())
    }

    #[test]
    fn every_sentence_that_is_said_is_written_and_every_one_written_is_said() {
        let mut said = BTreeSet::new();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("messages.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    said.extend(text.split("say!(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
                }
            }
        }
        let written: BTreeSet<String> = ENGLISH.keys().filter(|key| !key.starts_with("links.")).cloned().collect();
        assert_eq!(said, written);
        assert!(said.len() > 20 && ENGLISH.contains_key("links.queue"));
    }

    #[tokio::test]
    async fn what_a_translation_lacks_is_said_in_english() {
        let messages = messages("[queue]\nmore = \"at {n} pa\"\n").unwrap();
        let language = messages.0[0].clone();
        SPOKEN
            .scope(language, async {
                assert_eq!(said("queue.more", &[("n", "{n}".into())]), "at {n} pa");
                assert_eq!(said("queue.look", &[("when", "in 3 s".into())]), "look in 3 s");
                assert_eq!(
                    (language_now(), link("Queue"), link("Other")),
                    ("fil".into(), "Queue".into(), "Other".into())
                );
            })
            .await;
        assert_eq!((said("queue.more", &[("n", "3".into())]), language_now()), ("and 3 more".into(), "en".into()));
    }

    fn language_now() -> String {
        super::language()
    }

    #[test]
    fn a_file_with_a_fault_is_named_and_not_used() {
        for (text, why) in [
            ("[queue]\nmoer = \"x\"\n", "there is no sentence queue.moer"),
            ("[queue]\nmore = \"x\"\n", "needs {\"n\"}"),
            ("[queue]\nmore = \"{n} {m}\"\n", "has the names"),
            ("queue", "not used"),
        ] {
            let error = format!("{:#}", messages(text).err().unwrap());
            assert!(error.contains(why) && error.contains("fil.toml"), "{error}");
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
}
