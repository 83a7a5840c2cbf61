//! What does an investigator get to read?
//!
//! An [`Alert`] says what it looks like, how the points came about, which transfers stand behind each reason, what
//! speaks for an innocent explanation, and what could not be said. From the same transfers, pack and rates it comes out
//! with the same bytes, whatever was sent later.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Level, Outcome, Raised, score};
use crate::features::Groups;
use crate::pack::{Entity, Evidence, Indicator, Reading, Source, Typology};
use crate::{Book, Features, Pack, Rates, Row};

/// One alert, with everything needed to check it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Alert {
    /// `a-` and 16 digits of the SHA-256 of the rest.
    pub id: String,
    /// How soon a person should look.
    pub level: Level,
    /// What it looks like; never more than that.
    pub looks_like: String,
    /// The typology and its version.
    pub typology: String,
    /// Whom it is about.
    pub entity: Entity,
    /// That party's pseudonym.
    pub party: String,
    /// The transfer at which it was raised.
    pub raised_by: String,
    /// When that was sent, RFC 3339.
    pub at: String,
    /// The sum of the capped families less the protection.
    pub score: i64,
    /// Points by family.
    pub families: Vec<FamilyPoints>,
    /// What counted against, strongest first.
    pub reasons: Vec<Reason>,
    /// What counted in favour.
    pub protections: Vec<Protection>,
    /// Indicators that could say nothing, and why.
    pub silent: Vec<Silent>,
    /// What it was made from.
    pub inputs: Inputs,
}

/// Points of one family of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FamilyPoints {
    /// Its name.
    pub family: String,
    /// What its indicators gave.
    pub points: i64,
    /// What counted, after the cap.
    pub counted: i64,
}

/// One indicator that gave points.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Reason {
    /// The indicator and its version.
    pub indicator: String,
    /// Its family.
    pub family: String,
    /// The band that holds.
    pub outcome: String,
    /// What was read.
    pub value: i64,
    /// Its points, before the cap of the family.
    pub points: i64,
    /// In words.
    pub why: String,
    /// What innocent explanations it has.
    pub innocent: String,
    /// How many transfers stand behind it.
    pub n_transfers: usize,
    /// Their ids, oldest first; the latest [`Alert::N_TRANSFERS_MAX`] when there are more.
    pub transfers: Vec<String>,
    /// Who described the pattern.
    pub sources: Vec<Source>,
    /// Why the pack has it, where no source says so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rationale: String,
}

/// One circumstance that took points off.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Protection {
    /// The protection and its version.
    pub protection: String,
    /// Points taken off, before the cap.
    pub points: i64,
    /// In words.
    pub why: String,
}

/// One indicator that said nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Silent {
    /// The indicator.
    pub indicator: String,
    /// `below`, `too-little-history` or `not-known`.
    pub outcome: String,
}

/// What an alert was made from, by hash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Inputs {
    /// Chained SHA-256 of all transfers up to the one that raised it.
    pub transfers_sha256: String,
    /// Name and version of the pack.
    pub pack: String,
    /// SHA-256 of its text.
    pub pack_sha256: String,
    /// Name and version of the overlay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
    /// SHA-256 of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay_sha256: Option<String>,
    /// SHA-256 of the table of rates.
    pub rates_sha256: String,
}

impl Alert {
    /// The most transfers listed under one reason.
    pub const N_TRANSFERS_MAX: usize = 200;

    /// Writes out what was raised over `book`; `raised` in the book's order, `features` one for each row.
    pub fn all(raised: &[Raised], book: &Book, features: &[Features], pack: &Pack, rates: &Rates) -> Vec<Alert> {
        let each: Vec<(Raised, Features)> = raised.iter().map(|one| (*one, features[one.index as usize])).collect();
        Alert::of(&each, book, pack, rates)
    }

    /// The same where only the features of the rows at which something was raised are at hand.
    pub fn of(raised: &[(Raised, Features)], book: &Book, pack: &Pack, rates: &Rates) -> Vec<Alert> {
        let rows: Vec<u32> = raised.iter().map(|(one, _)| one.index).collect();
        let digests = book.digests_after(&rows);
        let senders = Groups::new(book.rows(), |row| row.sender);
        let beneficiaries = Groups::new(book.rows(), |row| row.beneficiary);
        let rates_sha256 = hex(&rates.sha256());
        let each = raised.iter().zip(digests);
        each.map(|((one, features), digest)| {
            let row = &book.rows()[one.index as usize];
            let members = Members::new(row, &senders, &beneficiaries);
            Alert::new(*one, features, book, members, &digest, pack, &rates_sha256)
        })
        .collect()
    }

    /// Writes out one of them; `digest` is the book's after the row, `rates_sha256` that of the table in hexadecimal.
    pub fn new(
        raised: Raised,
        features: &Features,
        book: &Book,
        members: Members<'_>,
        digest: &[u8; 32],
        pack: &Pack,
        rates_sha256: &str,
    ) -> Alert {
        Scene { book, pack, members }.alert(raised, features, Inputs::new(digest, pack, rates_sha256))
    }

    /// One line of JSON: the bytes that must come out again.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an alert is plain text and numbers")
    }

    /// The explanation in plain words.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let level = match self.level {
            Level::Review => "review when there is time",
            Level::Alert => "a person should look soon",
        };
        let _ = writeln!(text, "{} · {level} · score {}", self.id, self.score);
        let _ = writeln!(text, "{}: {}", self.party, self.looks_like);
        let _ = writeln!(text, "raised at {} by transfer {}", self.at, self.raised_by);
        let _ = writeln!(text, "\nWhat was seen");
        for reason in &self.reasons {
            let _ = writeln!(text, "  {:>3}  {} [{}]", reason.points, reason.why, reason.indicator);
            let _ = writeln!(text, "       may be innocent: {}", reason.innocent);
            for source in &reason.sources {
                let state = if source.verified {
                    "checked against the original"
                } else {
                    "not yet checked against the original"
                };
                let _ = writeln!(text, "       {} ({state})", source.doc);
            }
            if !reason.rationale.is_empty() {
                let _ = writeln!(text, "       our judgement: {}", reason.rationale);
            }
            let _ = writeln!(text, "       {} transfers: {}", reason.n_transfers, reason.transfers.join(" "));
        }
        let _ = writeln!(text, "\nWhat speaks for an innocent explanation");
        for protection in &self.protections {
            let _ = writeln!(text, "  {:>3}  {} [{}]", -protection.points, protection.why, protection.protection);
        }
        if self.protections.is_empty() {
            let _ = writeln!(text, "       nothing on record, which is no evidence against anybody");
        }
        let _ = writeln!(text, "\nHow it adds up");
        for family in &self.families {
            let _ = writeln!(text, "  {:>3}  {} ({} before its cap)", family.counted, family.family, family.points);
        }
        if !self.silent.is_empty() {
            let _ = writeln!(text, "\nNothing was said by");
        }
        for silent in &self.silent {
            let _ = writeln!(text, "       {}: {}", silent.indicator, silent.outcome);
        }
        let _ = writeln!(text, "\nMade from {} and transfers {}", self.inputs.pack, self.inputs.transfers_sha256);
        let _ = writeln!(
            text,
            "This is a pattern, not a finding about a person. Look before anything is done, and tell the customer nothing."
        );
        text
    }
}

/// The rows of the two parties of a transfer, in order.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    /// What its sender paid.
    pub of_sender: &'a [u32],
    /// What its sender was paid.
    pub to_sender: &'a [u32],
    /// What its beneficiary was paid.
    pub of_beneficiary: &'a [u32],
}

impl<'a> Members<'a> {
    /// Those of `row`, of rows gathered by sender and by beneficiary.
    pub(crate) fn new(row: &Row, senders: &'a Groups, beneficiaries: &'a Groups) -> Members<'a> {
        Members {
            of_sender: senders.of(row.sender),
            to_sender: beneficiaries.of(row.sender),
            of_beneficiary: beneficiaries.of(row.beneficiary),
        }
    }
}

impl Inputs {
    fn new(transfers: &[u8; 32], pack: &Pack, rates_sha256: &str) -> Inputs {
        let overlay = pack.overlay.as_ref();
        Inputs {
            transfers_sha256: hex(transfers),
            pack: format!("{} {}", pack.id, pack.version),
            pack_sha256: hex(&pack.sha256),
            overlay: overlay.map(|(id, version, _)| format!("{id} {version}")),
            overlay_sha256: overlay.map(|(_, _, sha256)| hex(sha256)),
            rates_sha256: rates_sha256.to_owned(),
        }
    }
}

struct Scene<'a> {
    book: &'a Book,
    pack: &'a Pack,
    members: Members<'a>,
}

impl Scene<'_> {
    fn alert(&self, raised: Raised, features: &Features, inputs: Inputs) -> Alert {
        let typology = &self.pack.typologies[raised.typology];
        let sum = score(features, typology, self.pack);
        let families = sum.families.iter().zip(&typology.families);
        let transfer = &self.book.transfers()[raised.index as usize];
        let party = match typology.entity {
            Entity::Sender => transfer.sender,
            Entity::Beneficiary => transfer.beneficiary,
        };
        let (reasons, silent) = self.reasons(raised.index, typology, features);
        let mut alert = Alert {
            id: String::new(),
            level: raised.level,
            looks_like: typology.title.clone(),
            typology: format!("{} {}", typology.id, typology.version),
            entity: typology.entity,
            party: party.to_string(),
            raised_by: transfer.id.to_string(),
            at: transfer.at.to_rfc3339(),
            score: sum.total,
            families: families
                .filter(|(points, _)| **points > 0)
                .map(|(&points, (family, cap))| FamilyPoints {
                    family: family.clone(),
                    points,
                    counted: points.min(*cap),
                })
                .collect(),
            reasons,
            protections: self.protections(typology, features),
            silent,
            inputs,
        };
        alert.id = format!("a-{}", &hex(&Sha256::digest(alert.to_json()))[..16]);
        alert
    }

    fn reasons(&self, index: u32, typology: &Typology, features: &Features) -> (Vec<Reason>, Vec<Silent>) {
        let (mut reasons, mut silent) = (Vec::new(), Vec::new());
        for &(place, _) in &typology.indicators {
            let indicator = &self.pack.indicators[place];
            let outcome = match indicator.outcome(features, self.pack) {
                Outcome::Band { name, value, points } if points > 0 => {
                    reasons.push(self.reason(index, indicator, features, (name, value, points)));
                    continue;
                }
                Outcome::Band { .. } | Outcome::Below => "below",
                Outcome::TooLittleHistory => "too-little-history",
                Outcome::NotKnown => "not-known",
            };
            silent.push(Silent { indicator: indicator.id.clone(), outcome: outcome.to_owned() });
        }
        reasons.sort_by(|a, b| b.points.cmp(&a.points).then_with(|| a.indicator.cmp(&b.indicator)));
        (reasons, silent)
    }

    fn reason(&self, index: u32, indicator: &Indicator, features: &Features, band: (&str, i64, i64)) -> Reason {
        let behind = self.behind(index, indicator.reading);
        let listed = behind.iter().skip(behind.len().saturating_sub(Alert::N_TRANSFERS_MAX));
        let (outcome, value, points) = band;
        Reason {
            indicator: format!("{} {}", indicator.id, indicator.version),
            family: indicator.family.clone(),
            outcome: outcome.to_owned(),
            value,
            points,
            why: self.pack.sentence(&indicator.why, features),
            innocent: indicator.innocent.clone(),
            n_transfers: behind.len(),
            transfers: listed.map(|&row| self.book.transfers()[row as usize].id.to_string()).collect(),
            sources: indicator.sources.clone(),
            rationale: indicator.rationale.clone(),
        }
    }

    /// The rows behind a reading, up to and including the one that raised the alert, without those taken back.
    fn behind(&self, index: u32, reading: &Reading) -> Vec<u32> {
        let rows = self.book.rows();
        let at = &rows[index as usize];
        let members = match reading.evidence {
            Evidence::Sender(_) | Evidence::Recent | Evidence::Travel | Evidence::Pair => self.members.of_sender,
            Evidence::Returned => self.members.to_sender,
            Evidence::Beneficiary(_) | Evidence::Burst => self.members.of_beneficiary,
        };
        let known = &members[..members.partition_point(|&row| row <= index)];
        let taken_back: Vec<u32> =
            known.iter().map(|&row| rows[row as usize].reverses).filter(|&r| r != Row::NO_ROW).collect();
        let stands =
            |row: &u32| reading.rests_on(&rows[*row as usize], at, &self.pack.spans) && !taken_back.contains(row);
        known.iter().copied().filter(stands).collect()
    }

    fn protections(&self, typology: &Typology, features: &Features) -> Vec<Protection> {
        let own = typology.protections.iter().map(|&place| &self.pack.protections[place]);
        own.filter_map(|protection| match protection.outcome(features, self.pack) {
            Outcome::Band { points, .. } => Some(Protection {
                protection: format!("{} {}", protection.id, protection.version),
                points,
                why: self.pack.sentence(&protection.why, features),
            }),
            Outcome::Below | Outcome::TooLittleHistory | Outcome::NotKnown => None,
        })
        .collect()
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
