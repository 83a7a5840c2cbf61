//! What does the cover say?
//!
//! Words come from message files, one a language. A language that no speaker has reviewed is not used. A phone
//! number, link or legal phrase is shown only with its source and the day it was checked.

use serde::Deserialize;

use crate::lettering::{Paragraph, Weight};
use crate::policy::Reader;
use crate::{Cause, Error};

/// All messages of one language.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// BCP 47 tag.
    pub language: String,
    /// Whether a speaker has signed these words.
    pub reviewed: bool,
    /// What stands where no checked help line is known.
    pub generic_help: String,
    /// Help lines, links and legal phrases, the first checked one is shown.
    #[serde(default)]
    pub help: Vec<Help>,
    adult: Words,
    child: Words,
}

/// A help line, a link or a legal phrase.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Help {
    /// What is shown.
    pub text: String,
    /// Where it was read.
    #[serde(default)]
    pub source: String,
    /// When it was checked there, as `YYYY-MM-DD`.
    #[serde(default)]
    pub checked_on: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    found: Message,
    stalled: Message,
}

/// The words on one cover.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// What is the case.
    pub title: String,
    /// Why, and what it means.
    pub text: String,
    /// How to object.
    pub object: String,
}

const SHIPPED: [(&str, &str); 2] =
    [("en", include_str!("../messages/en.toml")), ("fil", include_str!("../messages/fil.toml"))];

impl Messages {
    /// Reads a message file.
    ///
    /// # Errors
    /// [`Error::Messages`] for bad TOML, a missing message or an unknown key.
    pub fn parse(language: &str, text: &str) -> Result<Messages, Error> {
        toml::from_str(text)
            .map_err(|source| Error::Messages { language: language.to_owned(), source: Box::new(source) })
    }

    /// The reviewed messages in `language`, else the English ones.
    pub fn in_language(language: &str) -> Messages {
        let parse = |(language, text): &(&str, &str)| {
            Messages::parse(language, text).expect("shipped messages are parsed in a test")
        };
        let all = || SHIPPED.iter().map(parse);
        let named = all().find(|messages| messages.reviewed && messages.language == language);
        named.or_else(|| all().next()).expect("English is shipped")
    }

    /// The words for this reader and cause.
    pub fn message(&self, reader: Reader, cause: Cause) -> &Message {
        let words = match reader {
            Reader::Adult => &self.adult,
            Reader::Child => &self.child,
        };
        match cause {
            Cause::Found => &words.found,
            Cause::Stalled => &words.stalled,
        }
    }

    /// The first help line that was checked, else the generic sentence.
    pub fn help_line(&self) -> &str {
        let is_checked = |help: &&Help| !help.source.is_empty() && !help.checked_on.is_empty();
        self.help.iter().find(is_checked).map_or(&self.generic_help, |help| &help.text)
    }

    /// The words in the order they stand on the cover. Help is for what was found, not for a stall.
    pub(crate) fn paragraphs(&self, reader: Reader, cause: Cause) -> Vec<Paragraph> {
        let message = self.message(reader, cause);
        let plain = |text: &str| Paragraph { text: text.to_owned(), weight: Weight::Plain };
        let mut paragraphs =
            vec![Paragraph { text: message.title.clone(), weight: Weight::Strong }, plain(&message.text)];
        if cause == Cause::Found {
            paragraphs.push(plain(self.help_line()));
        }
        paragraphs.push(plain(&message.object));
        paragraphs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_language_is_complete() {
        for (language, text) in SHIPPED {
            assert_eq!(Messages::parse(language, text).unwrap().language, language);
        }
    }

    #[test]
    fn a_language_that_nobody_reviewed_falls_back_to_english() {
        assert_eq!(Messages::in_language("fil").language, "en");
        assert_eq!(Messages::in_language("xx").language, "en");
    }

    #[test]
    fn help_without_source_and_date_is_not_shown() {
        let mut messages = Messages::in_language("en");
        let help = |source: &str, checked_on: &str| Help {
            text: "A help line".into(),
            source: source.into(),
            checked_on: checked_on.into(),
        };
        messages.help = vec![help("", "2026-11-01"), help("a page", "")];
        assert_eq!(messages.help_line(), messages.generic_help);
        messages.help.push(help("a page", "2026-11-01"));
        assert_eq!(messages.help_line(), "A help line");
    }
}
