//! Which patterns count, how much, and who said so?
//!
//! A pack is data: indicators with bands of points, the sources they come from, and typologies that add them up.
//! Evidence comes in families, each capped; nothing is raised on fewer than three. An institution changes values in an
//! overlay, never the pack. An unknown key, feature or reference is an error that names it.
//! Windows hold for the whole pack, so that one pass over the transfers serves every indicator.

mod change;
mod document;
mod overlay;
mod reading;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::{Currency, Error, Scope, Spans};
pub use change::{Change, changes};
pub use document::{Source, SourceKind};
pub use reading::{Evidence, FEATURES, Reading, feature_named};

/// A pack, checked, with its overlay applied.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Its name.
    pub id: String,
    /// Its version.
    pub version: String,
    /// What it is about, in a line.
    pub title: String,
    /// The currency of its amounts.
    pub currency: Currency,
    /// Which transfers count.
    pub scope: Scope,
    /// How long windows are.
    pub spans: Spans,
    /// For how long nothing is raised again about the same party, in seconds.
    pub cooldown_s: i64,
    /// What counts against.
    pub indicators: Vec<Indicator>,
    /// What counts in favour.
    pub protections: Vec<Indicator>,
    /// How they are added up.
    pub typologies: Vec<Typology>,
    /// SHA-256 of the pack's text.
    pub sha256: [u8; 32],
    /// Name, version and SHA-256 of the overlay.
    pub overlay: Option<(String, String, [u8; 32])>,
}

/// One pattern and its points.
#[derive(Clone, Debug)]
pub struct Indicator {
    /// Its name, such as `size.small-share`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The kind of evidence; indicators of one family share a cap. Empty for protections.
    pub family: String,
    /// What it reads.
    pub reading: &'static Reading,
    /// Below this, there is too little to say anything.
    pub not_enough: Option<(&'static Reading, i64)>,
    /// From weak to strong; the last that holds counts.
    pub bands: Vec<Band>,
    /// The sentence for the investigator, with readings in braces.
    pub why: String,
    /// What it means, in plain words. Empty for protections.
    pub meaning: String,
    /// What innocent explanations it has. Empty for protections.
    pub innocent: String,
    /// Who described it; may be empty when it rests on our judgement.
    pub sources: Vec<Source>,
    /// Why we believe it, where no source says so.
    pub rationale: String,
}

/// A range of values with its points and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// What it is called.
    pub outcome: String,
    /// Smallest value, included.
    pub min: i64,
    /// Largest value, included.
    pub max: i64,
    /// Points, `0..=100`.
    pub points: i64,
}

/// Whom an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Entity {
    /// The party that paid.
    Sender,
    /// The party that was paid.
    Beneficiary,
}

/// How indicators add up.
#[derive(Clone, Debug)]
pub struct Typology {
    /// Its name.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Whom its alerts are about.
    pub entity: Entity,
    /// What an alert says it looks like.
    pub title: String,
    /// Families and their caps in points, in order of name.
    pub families: Vec<(String, i64)>,
    /// Families that must speak, 3 or more.
    pub n_families_min: usize,
    /// Places in [`Pack::indicators`], each with the place of its family; family by family, none without any.
    pub indicators: Vec<(usize, usize)>,
    /// Places in [`Pack::protections`].
    pub protections: Vec<usize>,
    /// Most points that protections can take away.
    pub protection_cap: i64,
    /// Score from which a person should look when there is time.
    pub review: i64,
    /// Score from which a person should look.
    pub alert: i64,
}

/// The public pack that comes with the program.
pub const LIVESTREAM_EXPLOITATION: &str = include_str!("../packs/livestream-exploitation.toml");

impl Pack {
    /// The longest pack or overlay taken, in bytes.
    pub const BYTES_MAX: usize = 1024 * 1024;

    /// Reads a pack, and an overlay when there is one.
    ///
    /// # Errors
    /// [`Error::Pack`], with the line for what TOML can tell and the indicator for the rest.
    pub fn parse(text: &str, overlay: Option<&str>) -> Result<Pack, Error> {
        if text.len().max(overlay.map_or(0, str::len)) > Self::BYTES_MAX {
            return Err(Error::Pack("longer than 1 MiB".to_owned()));
        }
        let mut document: document::Document = toml::from_str(text).map_err(|e| Error::Pack(e.to_string()))?;
        let overlay = match overlay {
            None => None,
            Some(overlay_text) => {
                let (id, version) = overlay::apply(overlay_text, &mut document)?;
                Some((id, version, Sha256::digest(overlay_text).into()))
            }
        };
        let mut pack = document.compile().map_err(Error::Pack)?;
        pack.sha256 = Sha256::digest(text).into();
        pack.overlay = overlay;
        Ok(pack)
    }

    /// SHA-256 of the pack's text, followed by that of the overlay's where there is one, in hexadecimal: 64 or 128 digits.
    pub fn digest(&self) -> String {
        let overlay = self.overlay.as_ref().map_or_else(String::new, |(_, _, sha256)| crate::score::hex(sha256));
        crate::score::hex(&self.sha256) + &overlay
    }

    /// Name and version, with those of the overlay where there is one.
    pub fn name(&self) -> String {
        let overlay =
            self.overlay.as_ref().map_or_else(String::new, |(id, version, _)| format!(" with {id} {version}"));
        format!("{} {}{overlay}", self.id, self.version)
    }

    /// Fills a sentence with what was read.
    pub fn sentence(&self, why: &str, features: &crate::Features) -> String {
        let mut sentence = String::with_capacity(why.len() + 16);
        let mut rest = why;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            sentence.push_str(before);
            sentence.push_str(&self.word(name, features));
            rest = behind;
        }
        sentence.push_str(rest);
        sentence
    }

    fn word(&self, name: &str, features: &crate::Features) -> String {
        if let Some(reading) = feature_named(name) {
            return match (reading.read)(features, &self.spans) {
                None => "unknown".to_owned(),
                Some(value) if name.ends_with("-minor") => self.money(value),
                Some(value) => value.to_string(),
            };
        }
        let days = |span_s: i64| (span_s / crate::time::DAY_S).to_string();
        match name {
            "window-days" => days(self.spans.window_s),
            "recent-days" => days(self.spans.recent_s),
            "burst-days" => days(self.spans.burst_s),
            "night-range" => format!("{}:00 to {}:00", self.scope.night_from_hour, self.scope.night_to_hour),
            "small-range" => {
                format!(
                    "{} to {}",
                    self.money(*self.scope.small_minor.start()),
                    self.money(*self.scope.small_minor.end())
                )
            }
            _ => String::new(),
        }
    }

    fn money(&self, minor: i64) -> String {
        crate::Amount::new(minor, self.currency).map_or_else(|_| minor.to_string(), |amount| amount.to_string())
    }
}

/// Words in braces that are no readings.
const WORDS: [&str; 5] = ["window-days", "recent-days", "burst-days", "night-range", "small-range"];

/// The names in braces that a sentence may not use.
fn unknown_words(why: &str) -> Vec<&str> {
    let names = why.split('{').skip(1).map(|part| part.split('}').next().unwrap_or(part));
    names.filter(|name| feature_named(name).is_none() && !WORDS.contains(name)).collect()
}

/// Points of each family by name, as a pack writes them.
type FamilyCaps = BTreeMap<String, i64>;

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(from: &str, to: &str) -> String {
        assert!(LIVESTREAM_EXPLOITATION.contains(from), "{from}");
        let outcome = Pack::parse(&LIVESTREAM_EXPLOITATION.replacen(from, to, 1), None);
        outcome.map(|pack| pack.id).expect_err(to).to_string()
    }

    #[test]
    fn the_public_pack_is_valid_and_claims_no_more_than_we_know() {
        let pack = Pack::parse(LIVESTREAM_EXPLOITATION, None).unwrap();
        assert!(pack.indicators.iter().all(|i| !i.sources.is_empty() || !i.rationale.is_empty()));
        assert!(pack.indicators.iter().flat_map(|i| &i.sources).all(|source| !source.verified));
        for typology in &pack.typologies {
            let mut caps: Vec<i64> = typology.families.iter().map(|(_, cap)| *cap).collect();
            caps.sort_unstable();
            let two_strongest: i64 = caps.iter().rev().take(2).sum();
            assert!(two_strongest < typology.review, "two families cannot raise {}", typology.id);
        }
    }

    #[test]
    fn a_pack_with_a_fault_names_it() {
        for (from, to, part) in [
            ("feature = \"gap-mean-hours\"", "feature = \"nationality\"", "nationality"),
            ("feature = \"gap-mean-hours\"", "featur = \"gap-mean-hours\"", "featur"),
            ("id = \"livestream-exploitation\"", "id = \"x\"\nextends = \"itself\"", "extends"),
            ("require_families = 3", "require_families = 2", "at least 3"),
            ("rationale = \"Help", "#", "rationale"),
            ("innocent = \"Shift", "#", "innocent"),
            ("{gap-mean-hours} hours", "{surname} hours", "surname"),
            ("\nverified = false\n", "\n", "verified"),
            ("id = \"size.round-share\"", "id = \"size.small-share\"", "twice"),
            ("family = \"timing\"", "family = \"moonlight\"", "\"timing\""),
            ("\"protect.pay-day-rhythm\",", "\"protect.nobody\",", "protect.nobody"),
            ("max = 480, points = 5", "max = 480, points = -5", "points"),
            ("min = 60, points = 6", "points = 6", "neither"),
            ("entity = \"sender\"", "entity = \"nation\"", "nation"),
            ("window_days = 90", "window_days = 0", "window"),
            ("alert = 54", "alert = 40", "review"),
        ] {
            let message = fault(from, to);
            assert!(message.contains(part), "{to}: {message}");
        }
    }

    #[test]
    fn an_unknown_key_is_told_with_its_line() {
        let line = LIVESTREAM_EXPLOITATION.lines().position(|line| line == "schema = 1").unwrap() + 2;
        let message = fault("schema = 1", "schema = 1\nsurprise = 2");
        assert!(message.contains(&format!("line {line},")), "{message}");
    }

    #[test]
    fn an_overlay_changes_values_and_is_named() {
        let overlay = r#"
            [overlay]
            id = "bank"
            version = "3"
            pack = "livestream-exploitation"
            pack_version = "0.3.0"
            [[indicator]]
            id = "timing.night"
            bands = [{ outcome = "own", min = 55, points = 9 }]
            [[indicator]]
            id = "travel.purchase"
            is_off = true
            [[typology]]
            id = "payer"
            alert = 70
        "#;
        let pack = Pack::parse(LIVESTREAM_EXPLOITATION, Some(overlay)).unwrap();
        let night = pack.indicators.iter().find(|i| i.id == "timing.night").unwrap();
        assert_eq!((night.bands.len(), night.bands[0].points), (1, 9));
        assert!(pack.indicators.iter().all(|i| i.id != "travel.purchase"));
        assert_eq!(pack.typologies[0].alert, 70);
        assert_eq!(pack.overlay.map(|(id, version, _)| (id, version)), Some(("bank".to_owned(), "3".to_owned())));
        for (from, to, part) in [
            ("pack_version = \"0.3.0\"", "pack_version = \"0.4.0\"", "0.4.0"),
            ("id = \"timing.night\"", "id = \"timing.day\"", "timing.day"),
            ("alert = 70", "require_families = 1", "require_families"),
        ] {
            let message =
                Pack::parse(LIVESTREAM_EXPLOITATION, Some(&overlay.replace(from, to))).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
