//! What may stand in a file of messages, and what is wrong with one?
//!
//! A sentence is text, or a table of its forms: `{ one = "{n} case", other = "{n} cases" }`, named as CLDR names them
//! (<https://cldr.unicode.org/index/cldr-spec/plural-rules>). What stands in braces is put in by the page.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::{ENGLISH, Language, Sentence, Sentences};

/// Every sentence in English, as one file: what a translation begins from.
pub(crate) const ENGLISH_TEXT: &str = concat!(
    include_str!("en/frame.toml"),
    include_str!("en/refused.toml"),
    include_str!("en/sign_in.toml"),
    include_str!("en/case.toml"),
    include_str!("en/report.toml"),
    include_str!("en/export.toml"),
    include_str!("en/appeal.toml"),
    include_str!("en/vault.toml"),
    include_str!("en/log.toml"),
    include_str!("en/figures.toml"),
    include_str!("en/payments.toml"),
);

/// The longest file, in bytes: twenty times the English one. And how many there can be.
const LEN_MAX: u64 = 1 << 20;
const N_MAX: usize = 100;

/// The languages whose files are in a folder; none where there is no folder.
pub(super) fn languages(folder: &Path) -> Result<Vec<Language>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
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
        let sentences = open(&file).with_context(|| format!("the messages in {} are not used", file.display()))?;
        languages.push(Language::new(tag, sentences));
        if languages.len() > N_MAX {
            bail!("{} has more than {N_MAX} languages\n  to do: take away those that nobody reads", folder.display());
        }
    }
    Ok(languages)
}

fn open(file: &Path) -> Result<Sentences> {
    let mut text = String::new();
    std::fs::File::open(file)?.take(LEN_MAX + 1).read_to_string(&mut text)?;
    ensure!(text.len() as u64 <= LEN_MAX, "it has more than {LEN_MAX} bytes\n  to do: keep one language in it");
    checked(read(&text)?)
}

/// What a file lacks of the English sentences, and how many it has.
///
/// # Errors
/// As when the service starts: the file is named, with what is wrong in it.
pub(crate) fn compared(file: &Path) -> Result<(usize, Vec<&'static str>)> {
    let sentences = open(file).with_context(|| format!("the messages in {} would not be used", file.display()))?;
    let mut lacking: Vec<&str> =
        ENGLISH.sentences.keys().filter(|key| !sentences.contains_key(*key)).map(String::as_str).collect();
    lacking.sort_unstable();
    Ok((sentences.len(), lacking))
}

/// Each key, `table.name`, with its sentence.
pub(super) fn read(text: &str) -> Result<Sentences> {
    let file: toml::Table = toml::from_str(text)?;
    let mut sentences = Sentences::new();
    for (table, value) in file {
        let toml::Value::Table(written) = value else {
            bail!("{table} stands in no table\n  to do: write it below a line such as [queue]");
        };
        for (name, value) in written {
            let key = format!("{table}.{name}");
            let sentence = sentence(value).with_context(|| format!("the sentence {key} cannot be used"))?;
            sentences.insert(key, sentence);
        }
    }
    Ok(sentences)
}

fn sentence(value: toml::Value) -> Result<Sentence> {
    let forms = match value {
        toml::Value::String(other) => return Ok(Sentence { other, forms: Vec::new() }),
        toml::Value::Table(forms) => forms,
        _ => bail!("it is no text\n  to do: put it in quotes"),
    };
    let mut sentence = Sentence { other: String::new(), forms: Vec::new() };
    ensure!(forms.contains_key("other"), "it has no form `other`\n  to do: write the form for most numbers as other");
    for (form, value) in forms {
        let toml::Value::String(text) = value else { bail!("its form {form} is no text\n  to do: put it in quotes") };
        match form.as_str() {
            "other" => sentence.other = text,
            "zero" | "one" | "two" | "few" | "many" => sentence.forms.push((form, text)),
            _ => bail!("it has a form {form}\n  to do: call forms zero, one, two, few, many or other"),
        }
    }
    Ok(sentence)
}

/// The sentences, if each stands for an English one and has the same names in it.
fn checked(sentences: Sentences) -> Result<Sentences> {
    for (key, sentence) in &sentences {
        let Some(english) = ENGLISH.sentences.get(key) else {
            bail!("there is no sentence {key}\n  to do: compare the keys with those that `streamward messages` prints");
        };
        let needed = names(&english.other)?;
        for (form, text) in sentence.texts() {
            let mut own = names(text).with_context(|| format!("the sentence {key} cannot be used"))?;
            // "One case" needs no number.
            if form != "other" && needed.contains("n") {
                own.insert("n");
            }
            if own != needed {
                bail!(
                    "the sentence {key} has the names {own:?} in it, and needs {needed:?}\n  to do: put them in braces"
                );
            }
        }
    }
    Ok(sentences)
}

impl Sentence {
    /// Each form, by its name.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let forms = self.forms.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        std::iter::once(("other", self.other.as_str())).chain(forms)
    }
}

/// The names in braces.
pub(super) fn names(sentence: &str) -> Result<BTreeSet<&str>> {
    let mut names = BTreeSet::new();
    let mut parts = sentence.split('{');
    let is_closed = parts.next().is_none_or(|before| !before.contains('}'));
    ensure!(is_closed, "it closes a brace that it does not open");
    for part in parts {
        let (name, rest) = part.split_once('}').context("it opens a brace and does not close it")?;
        ensure!(!rest.contains('}'), "it closes a brace that it does not open");
        names.insert(name);
    }
    Ok(names)
}
