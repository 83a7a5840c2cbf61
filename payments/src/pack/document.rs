//! How is a pack written, and what must hold before it is used?

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Band, Entity, FamilyCaps, Indicator, Pack, Reading, Typology, feature_named, unknown_words};
use crate::time::DAY_S;
use crate::{Currency, Scope, Spans};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) pack: Head,
    scope: ScopeEntry,
    windows: Windows,
    #[serde(default)]
    pub(super) indicator: Vec<IndicatorEntry>,
    #[serde(default)]
    pub(super) protection: Vec<ProtectionEntry>,
    #[serde(default)]
    pub(super) typology: Vec<TypologyEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) version: String,
    schema: u32,
    title: String,
    currency: String,
    cooldown_days: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeEntry {
    cross_border_only: bool,
    small_min_minor: i64,
    small_max_minor: i64,
    night_from_hour: u8,
    night_to_hour: u8,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Windows {
    window_days: i64,
    recent_days: i64,
    pair_days: i64,
    burst_days: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndicatorEntry {
    pub(super) id: String,
    version: String,
    /// For the reader; the feature decides whose window is read.
    #[serde(rename = "entity")]
    _entity: Entity,
    family: String,
    feature: String,
    pub(super) not_enough: Option<NotEnough>,
    basis: Basis,
    #[serde(default)]
    rationale: String,
    why: String,
    meaning: String,
    innocent: String,
    pub(super) bands: Vec<BandEntry>,
    #[serde(default)]
    sources: Vec<Source>,
}

/// Whether figures stand in the source or are our own judgement.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Basis {
    Published,
    Judgement,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProtectionEntry {
    pub(super) id: String,
    version: String,
    feature: String,
    pub(super) not_enough: Option<NotEnough>,
    why: String,
    pub(super) bands: Vec<BandEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotEnough {
    feature: String,
    below: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BandEntry {
    outcome: String,
    min: Option<i64>,
    max: Option<i64>,
    points: i64,
}

/// Who described a pattern, and where we read it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The document.
    pub doc: String,
    /// Where the words were read, when not in the document itself.
    pub quoted_from: String,
    /// Exact words or ours.
    pub kind: SourceKind,
    /// What it says.
    pub quote: String,
    /// Whether a person has compared this with the original.
    pub verified: bool,
}

/// Whether a source is given in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// Its exact words, as they stood where they were read.
    Quote,
    /// Our wording.
    Paraphrase,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TypologyEntry {
    pub(super) id: String,
    version: String,
    entity: Entity,
    title: String,
    families: FamilyCaps,
    require_families: usize,
    protections: Vec<String>,
    protection_cap: i64,
    pub(super) review: i64,
    pub(super) alert: i64,
}

/// Families that must agree before anything is raised.
const N_FAMILIES_MIN: usize = 3;

/// Points of one band or one family, at most.
const POINTS_MAX: i64 = 100;

/// The longest window, in days.
const DAYS_MAX: i64 = 3660;

impl Document {
    /// Takes families out of typologies whose last indicator an overlay has switched off.
    pub(super) fn drop_empty_families(&mut self) {
        let families: BTreeSet<&str> = self.indicator.iter().map(|entry| entry.family.as_str()).collect();
        for typology in &mut self.typology {
            typology.families.retain(|name, _| families.contains(name.as_str()));
        }
    }

    pub(super) fn compile(self) -> Result<Pack, String> {
        if self.pack.schema != 1 {
            return Err(format!("it is written in schema {}, and this program reads schema 1", self.pack.schema));
        }
        let mut ids = BTreeSet::new();
        let all = self.indicator.iter().map(|i| &i.id).chain(self.protection.iter().map(|p| &p.id));
        if let Some(id) = all.into_iter().find(|id| !ids.insert((*id).clone())) {
            return Err(format!("{id} occurs twice"));
        }
        let indicators: Vec<Indicator> =
            self.indicator.into_iter().map(IndicatorEntry::compile).collect::<Result<_, _>>()?;
        let protections: Vec<Indicator> =
            self.protection.into_iter().map(ProtectionEntry::compile).collect::<Result<_, _>>()?;
        let entries = self.typology.into_iter();
        let typologies: Vec<Typology> =
            entries.map(|entry| entry.compile(&indicators, &protections)).collect::<Result<_, _>>()?;
        if typologies.is_empty() {
            return Err("it has no typology, so it can raise nothing".to_owned());
        }
        let in_use = |family: &str| typologies.iter().any(|t| t.families.iter().any(|(name, _)| name == family));
        if let Some(idle) = indicators.iter().find(|i| !in_use(&i.family)) {
            return Err(format!("{}: no typology has the family {:?}", idle.id, idle.family));
        }
        Ok(Pack {
            currency: Currency::parse(&self.pack.currency).ok_or("its currency is not in ISO 4217")?,
            id: self.pack.id,
            version: self.pack.version,
            title: self.pack.title,
            scope: self.scope.compile()?,
            spans: self.windows.compile()?,
            cooldown_s: days("cooldown_days", self.pack.cooldown_days)?,
            indicators,
            protections,
            typologies,
            sha256: [0; 32],
            overlay: None,
        })
    }
}

fn days(name: &str, n_days: i64) -> Result<i64, String> {
    let is_sane = (1..=DAYS_MAX).contains(&n_days);
    is_sane.then_some(n_days * DAY_S).ok_or(format!("{name} must be 1 to {DAYS_MAX} days, to bound the window"))
}

impl ScopeEntry {
    fn compile(self) -> Result<Scope, String> {
        if self.night_from_hour > 23 || self.night_to_hour > 23 {
            return Err("hours of night must be 0 to 23".to_owned());
        }
        if self.small_min_minor < 1 || self.small_max_minor < self.small_min_minor {
            return Err("small amounts must begin at 1 or more and end above".to_owned());
        }
        Ok(Scope {
            cross_border_only: self.cross_border_only,
            small_minor: self.small_min_minor..=self.small_max_minor,
            night_from_hour: self.night_from_hour,
            night_to_hour: self.night_to_hour,
        })
    }
}

impl Windows {
    fn compile(self) -> Result<Spans, String> {
        if self.recent_days >= self.window_days {
            return Err("recent_days must be shorter than window_days".to_owned());
        }
        Ok(Spans {
            window_s: days("window_days", self.window_days)?,
            recent_s: days("recent_days", self.recent_days)?,
            pair_s: days("pair_days", self.pair_days)?,
            burst_s: days("burst_days", self.burst_days)?,
        })
    }
}

impl IndicatorEntry {
    fn compile(self) -> Result<Indicator, String> {
        match self.basis {
            Basis::Published if self.sources.is_empty() => return Err(format!("{}: it has no source", self.id)),
            Basis::Judgement if self.rationale.is_empty() => {
                return Err(format!("{}: it rests on judgement and has no rationale", self.id));
            }
            Basis::Published | Basis::Judgement => {}
        }
        if self.meaning.trim().is_empty() || self.innocent.trim().is_empty() {
            return Err(format!("{}: `meaning` and `innocent` must say something to the investigator", self.id));
        }
        let body = ProtectionEntry {
            id: self.id,
            version: self.version,
            feature: self.feature,
            not_enough: self.not_enough,
            why: self.why,
            bands: self.bands,
        };
        Ok(Indicator {
            family: self.family,
            sources: self.sources,
            rationale: self.rationale,
            meaning: self.meaning,
            innocent: self.innocent,
            ..body.compile()?
        })
    }
}

impl ProtectionEntry {
    fn compile(self) -> Result<Indicator, String> {
        let id = self.id;
        if let Some(word) = unknown_words(&self.why).first() {
            return Err(format!("{id}: the sentence uses {{{word}}}, which nothing reads"));
        }
        let not_enough = match self.not_enough {
            None => None,
            Some(gate) => Some((reading(&id, &gate.feature)?, gate.below)),
        };
        if self.bands.is_empty() {
            return Err(format!("{id}: it has no bands"));
        }
        Ok(Indicator {
            reading: reading(&id, &self.feature)?,
            not_enough,
            bands: self.bands.into_iter().map(|band| band.compile(&id)).collect::<Result<_, _>>()?,
            version: self.version,
            family: String::new(),
            why: self.why,
            meaning: String::new(),
            innocent: String::new(),
            sources: Vec::new(),
            rationale: String::new(),
            id,
        })
    }
}

fn reading(id: &str, name: &str) -> Result<&'static Reading, String> {
    feature_named(name).ok_or_else(|| {
        let known: Vec<&str> = super::FEATURES.iter().map(|reading| reading.name).collect();
        format!("{id}: there is no feature {name:?}; the features are {}", known.join(", "))
    })
}

impl BandEntry {
    fn compile(self, id: &str) -> Result<Band, String> {
        if !(0..=POINTS_MAX).contains(&self.points) {
            return Err(format!("{id}: points must be 0 to {POINTS_MAX}"));
        }
        if self.min.is_none() && self.max.is_none() {
            return Err(format!("{id}: the band {:?} has neither `min` nor `max`", self.outcome));
        }
        let (min, max) = (self.min.unwrap_or(i64::MIN), self.max.unwrap_or(i64::MAX));
        if min > max {
            return Err(format!("{id}: the band {:?} ends before it begins", self.outcome));
        }
        Ok(Band { outcome: self.outcome, min, max, points: self.points })
    }
}

impl TypologyEntry {
    fn compile(self, indicators: &[Indicator], protections: &[Indicator]) -> Result<Typology, String> {
        let id = self.id;
        if self.require_families < N_FAMILIES_MIN {
            return Err(format!("{id}: require_families must be at least {N_FAMILIES_MIN}"));
        }
        if self.alert < self.review || self.review < 1 {
            return Err(format!("{id}: `review` must be at least 1 and `alert` not below it"));
        }
        let families: Vec<(String, i64)> = self.families.into_iter().collect();
        let mut members = Vec::new();
        for (family, (name, cap)) in families.iter().enumerate() {
            if !(1..=POINTS_MAX).contains(cap) {
                return Err(format!("{id}: the cap of {name} must be 1 to {POINTS_MAX} points"));
            }
            let own = indicators.iter().enumerate().filter(|(_, indicator)| indicator.family == *name);
            let before = members.len();
            members.extend(own.map(|(place, _)| (place, family)));
            if members.len() == before {
                return Err(format!("{id}: no indicator is of the family {name:?}"));
            }
        }
        let place = |name: &String| {
            protections.iter().position(|p| p.id == *name).ok_or(format!("{id}: there is no protection {name:?}"))
        };
        Ok(Typology {
            protections: self.protections.iter().map(place).collect::<Result<_, _>>()?,
            indicators: members,
            families,
            version: self.version,
            entity: self.entity,
            title: self.title,
            n_families_min: self.require_families,
            protection_cap: self.protection_cap.clamp(0, 1000),
            review: self.review,
            alert: self.alert,
            id,
        })
    }
}
