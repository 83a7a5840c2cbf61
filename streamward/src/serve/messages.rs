//! In which language does a page speak?
//!
//! English is in the program, one file for each page under `messages/en`. Another language is one file with the same keys
//! in the data folder, `messages/fil.toml`; the browser's `Accept-Language` chooses among them, and what a file lacks is
//! said in English. Sentences are text: whatever stands in a file is escaped like a stranger's, and so is what is put in
//! for a name in braces, unless a page has made it HTML itself.

mod file;

#[cfg(test)]
pub(in crate::serve) mod tests;

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use anyhow::Result;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use intl_pluralrules::{PluralCategory, PluralRuleType, PluralRules};

use super::page::{Html, Show, Shown};

pub(crate) use file::{ENGLISH_TEXT, compared};

/// A sentence as text: `say!("queue.more", n = 3)`. A test holds each key and each name against the English files.
///
/// Where the sentence has forms, the value that is called `n` says which one.
#[macro_export]
macro_rules! say {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::serve::messages::said($key, &[$((stringify!($name), $value.to_string())),*])
    };
}

/// A sentence as HTML, as [`say!`](crate::say): what is put in may be HTML, a link say; all else is escaped.
#[macro_export]
macro_rules! tell {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::serve::messages::told($key, &[$((stringify!($name), &$value)),*])
    };
}

/// A word for something that has a name in the program: `term!("role", role.name())` looks up `role.lead`. What no file
/// has a word for keeps its name.
#[macro_export]
macro_rules! term {
    ($table:literal, $name:expr) => {
        $crate::serve::messages::termed($table, $name)
    };
}

/// One sentence: its only form, or the one for each plural of its language.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sentence {
    /// The form where no other is meant.
    other: String,
    /// Further ones, by their names in CLDR: `zero`, `one`, `two`, `few`, `many`.
    forms: Vec<(String, String)>,
}

type Sentences = HashMap<String, Sentence>;

/// One language.
pub(crate) struct Language {
    /// Its name, as browsers have it: `fil`, `pt-BR`.
    tag: String,
    /// Which form goes with which number; none for a language that CLDR has no rules for.
    plurals: Option<PluralRules>,
    sentences: Sentences,
}

/// Every language beside English.
#[derive(Clone, Default)]
pub(crate) struct Messages(Arc<Vec<Arc<Language>>>);

static ENGLISH: LazyLock<Language> = LazyLock::new(|| {
    let sentences = file::read(ENGLISH_TEXT).expect("a test reads these very files");
    Language::new("en", sentences)
});

tokio::task_local! {
    /// The language of the request that is being answered, where it is not English.
    static SPOKEN: Arc<Language>;
}

impl Messages {
    /// Reads every file of `messages/` in the data folder.
    ///
    /// # Errors
    /// The first file with a fault, named: it is not used, for it would mislead.
    pub(crate) fn open(data: &Path) -> Result<Messages> {
        let languages = file::languages(&data.join("messages"))?;
        Ok(Messages(Arc::new(languages.into_iter().map(Arc::new).collect())))
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

impl Language {
    fn new(tag: &str, sentences: Sentences) -> Language {
        let rules = |tag: &str| {
            PluralRules::create(tag.parse::<unic_langid::LanguageIdentifier>().ok()?, PluralRuleType::CARDINAL).ok()
        };
        let plurals = rules(tag).or_else(|| rules(tag.split('-').next()?));
        Language { tag: tag.to_owned(), plurals, sentences }
    }

    /// The sentence of this key, in the form for this number.
    fn sentence(&self, key: &str, n: Option<&str>) -> Option<&str> {
        let sentence = self.sentences.get(key)?;
        let form = n.filter(|_| !sentence.forms.is_empty()).map(|n| self.plural(n));
        let own = form.and_then(|form| sentence.forms.iter().find(|(name, _)| name == form));
        Some(own.map_or(sentence.other.as_str(), |(_, text)| text))
    }

    /// What CLDR calls the form for a number.
    fn plural(&self, n: &str) -> &'static str {
        let by_rule = self.plurals.as_ref().and_then(|rules| rules.select(n).ok());
        match by_rule {
            Some(PluralCategory::ZERO) => "zero",
            Some(PluralCategory::ONE) => "one",
            Some(PluralCategory::TWO) => "two",
            Some(PluralCategory::FEW) => "few",
            Some(PluralCategory::MANY) => "many",
            Some(PluralCategory::OTHER) => "other",
            None if n == "1" => "one",
            None => "other",
        }
    }
}

/// Lets whatever answers a request speak the browser's language.
pub(super) async fn speak(State(messages): State<Messages>, request: Request, next: Next) -> Response {
    match messages.asked(request.headers()) {
        Some(language) => SPOKEN.scope(language, next.run(request)).await,
        None => next.run(request).await,
    }
}

/// Work for another thread that speaks the language of this one.
pub(super) fn kept<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let spoken = SPOKEN.try_with(Arc::clone).ok();
    move || match spoken {
        Some(language) => SPOKEN.sync_scope(language, work),
        None => work(),
    }
}

/// As [`kept`], for work that waits.
pub(super) fn kept_async<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let spoken = SPOKEN.try_with(Arc::clone).ok();
    async move {
        match spoken {
            Some(language) => SPOKEN.scope(language, work).await,
            None => work.await,
        }
    }
}

/// The language that is spoken now, as pages name it.
pub(crate) fn language() -> String {
    SPOKEN.try_with(|language| language.tag.clone()).unwrap_or_else(|_| "en".to_owned())
}

/// The sentence of this key, with what stands for the names in it.
pub(crate) fn said(key: &str, values: &[(&str, String)]) -> String {
    let n = values.iter().find(|(name, _)| *name == "n").map(|(_, n)| n.as_str());
    spoken(key, n, |sentence| filled(sentence, values))
}

/// As [`said`], as HTML: the sentence is escaped, and so is what is put in, unless it is HTML.
pub(crate) fn told(key: &str, values: &[(&str, &dyn Show)]) -> Html {
    let values: Vec<(&str, String)> = values.iter().map(|(name, value)| (*name, Shown(*value).to_string())).collect();
    let n = values.iter().find(|(name, _)| *name == "n").map(|(_, n)| n.as_str());
    Html(spoken(key, n, |sentence| filled(&Shown(sentence).to_string(), &values)))
}

/// The word for a thing of this name.
pub(crate) fn termed(table: &str, name: impl Display) -> String {
    let (name, key) = (name.to_string(), format!("{table}.{name}"));
    if ENGLISH.sentences.contains_key(&key) { said(&key, &[]) } else { name }
}

/// Makes something of the sentence in the language that is spoken, or in English where it has none.
fn spoken(key: &str, n: Option<&str>, make: impl Fn(&str) -> String) -> String {
    let own = SPOKEN.try_with(|language| language.sentence(key, n).map(&make)).ok().flatten();
    own.or_else(|| ENGLISH.sentence(key, n).map(&make)).unwrap_or_else(|| make(key))
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
