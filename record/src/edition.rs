//! Is this text the version that its publishers signed, no older than what was seen before, and still in force?
//!
//! Beside a text that is published in versions lies a file of signatures:
//!
//! ```text
//! streamward policy signatures 1
//! name: school
//! version: 2 5d41…1dd3 2027-01-31
//! log: 1 9c56…cc51 2026-06-30
//!
//! streamward policy school
//! 2
//! mZkQ…bXs=
//!
//! — ada Sx1k…
//! — bo 9fQw…
//! ```
//!
//! Every version that was ever signed is one entry of a log, and the log's checkpoint is what is signed: nobody can be
//! given another version 2 than everybody else, none can be taken back, and none lives longer than was signed.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::hash::Hash;
use crate::{Checkpoint, Day, Error, Key, Note, Quorum, Signer, Tree};

/// The largest file of signatures that is read, in bytes.
pub const BYTES_MAX: usize = 3_000_000;
/// The most versions in a log.
pub const VERSIONS_MAX: usize = 20_000;

/// One version of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Only grows.
    pub version: u64,
    /// SHA-256 of the text.
    pub sha256: [u8; 32],
    /// The last day on which it may be used; `None` for ever.
    pub expires: Option<Day>,
}

/// All versions of a text that were ever signed, the last one with its signatures, none of them believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editions {
    kind: &'static str,
    name: String,
    /// In their order; never empty.
    log: Vec<Edition>,
    note: Note,
}

/// What a reader remembers between two readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The version.
    pub version: u64,
    /// How many versions were in the log.
    pub n_versions: u64,
    /// The log's root.
    pub root: Hash,
}

/// Why a version must not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Signatures are needed and there are none.
    #[error("it is not signed, and signatures are needed")]
    Unsigned,
    /// What should be a file of signatures is not one.
    #[error("its file of signatures cannot be read: {wrong}")]
    Shape {
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// A signature, a proof or a rule about them does not hold.
    #[error("its signatures do not hold: {0}")]
    Record(#[from] Error),
    /// The signatures are of another text.
    #[error("its signatures are of \"{found}\", version {version}, not of this one")]
    Other {
        /// Whose they are.
        found: String,
        /// Of which version.
        version: u64,
    },
    /// The text is not what was signed.
    #[error("it is not the text that was signed: it has been changed since")]
    Altered,
    /// The log's versions do not grow.
    #[error("its log does not lead to what was signed, or its versions do not grow")]
    NotInLog,
    /// A later version was seen before.
    #[error("it is version {version}, and version {seen} was seen before: it is an older one")]
    Older {
        /// Its version.
        version: u64,
        /// What was seen.
        seen: u64,
    },
    /// What was seen before is not in the log.
    #[error("its log is not the one that was seen before: a version has been exchanged or taken out")]
    Rewritten,
    /// Its time is over.
    #[error("it expired after {expires}")]
    Expired {
        /// The last day on which it was in force.
        expires: Day,
    },
}

impl Editions {
    /// Appends `edition` to the versions of `earlier`, signed by nobody yet.
    ///
    /// # Errors
    /// [`Refusal::Older`] when the version does not grow, [`Refusal::Other`] when `earlier` is of another name,
    /// [`Refusal::Shape`] when the name holds control characters.
    pub fn begin(
        kind: &'static str,
        name: &str,
        edition: Edition,
        earlier: Option<&Editions>,
    ) -> Result<Editions, Refusal> {
        if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
            return Err(Refusal::Shape { wrong: "a name has 1 to 200 bytes without control characters" });
        }
        let mut log = Vec::new();
        if let Some(earlier) = earlier {
            earlier.checked()?;
            let last = earlier.edition();
            if earlier.name != name {
                return Err(Refusal::Other { found: crate::error::shortened(&earlier.name), version: last.version });
            }
            if last.version >= edition.version {
                return Err(Refusal::Older { version: edition.version, seen: last.version });
            }
            log.clone_from(&earlier.log);
        }
        log.push(edition);
        if log.len() > VERSIONS_MAX {
            return Err(Refusal::Shape { wrong: "there are more than 20,000 versions" });
        }
        let (n_entries, root) = (log.len() as u64, tree(kind, name, &log).root());
        let checkpoint = Checkpoint { origin: origin(kind, name), n_entries, root, extensions: Vec::new() };
        Ok(Editions { kind, name: name.to_owned(), log, note: checkpoint.to_note()? })
    }

    /// Adds a signature.
    pub fn sign(&mut self, signer: &Signer) {
        self.note.sign(signer);
    }

    /// The version that the signatures are for.
    pub fn edition(&self) -> &Edition {
        self.log.last().expect("there is always one")
    }

    /// Every version that was ever signed.
    pub fn log(&self) -> &[Edition] {
        &self.log
    }

    /// What was signed, with the signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The log as a tree, for proofs.
    pub fn tree(&self) -> Tree {
        tree(self.kind, &self.name, &self.log)
    }

    /// Which of these keys have signed: their names.
    ///
    /// # Errors
    /// [`Error::Signature`] when a line claims to be from one of `keys` and is not.
    pub fn signed_by<'k>(&self, keys: &'k [Key]) -> Result<Vec<&'k str>, Error> {
        Ok(self.note.signed_by(keys)?.into_iter().collect())
    }

    /// Checks that the text of this name, version and digest is what enough people have signed, that it continues what
    /// was seen before, and that it may be used `today`. Returns what to remember.
    ///
    /// # Errors
    /// [`Refusal`] with the rule that is broken; the text must then not be used.
    pub fn verify(
        &self,
        (name, version, sha256): (&str, u64, &[u8; 32]),
        quorum: &Quorum,
        seen: Option<&Seen>,
        today: Day,
    ) -> Result<Seen, Refusal> {
        quorum.verify(&self.note)?;
        let checkpoint = self.checked()?;
        let edition = self.edition();
        if (self.name.as_str(), edition.version) != (name, version) {
            return Err(Refusal::Other { found: crate::error::shortened(&self.name), version: edition.version });
        }
        if edition.sha256 != *sha256 {
            return Err(Refusal::Altered);
        }
        if let Some(seen) = seen {
            if version < seen.version || checkpoint.n_entries < seen.n_versions {
                return Err(Refusal::Older { version, seen: seen.version });
            }
            let is_same = version == seen.version;
            if self.tree().root_at(seen.n_versions)? != seen.root
                || is_same != (checkpoint.n_entries == seen.n_versions)
            {
                return Err(Refusal::Rewritten);
            }
        }
        match edition.expires {
            Some(expires) if expires < today => Err(Refusal::Expired { expires }),
            _ => Ok(Seen { version, n_versions: checkpoint.n_entries, root: checkpoint.root }),
        }
    }

    /// The signed checkpoint, if the log leads to it and its versions grow.
    fn checked(&self) -> Result<Checkpoint, Refusal> {
        let checkpoint = Checkpoint::parse(self.note.text())?;
        let grows = self.log.windows(2).all(|pair| pair[0].version < pair[1].version);
        let is_of_log = checkpoint.n_entries == self.log.len() as u64 && checkpoint.root == self.tree().root();
        match grows && is_of_log && checkpoint.origin == origin(self.kind, &self.name) {
            true => Ok(checkpoint),
            false => Err(Refusal::NotInLog),
        }
    }

    /// Reads a file of signatures of texts of this kind. It says nothing about whether to believe them.
    ///
    /// # Errors
    /// [`Refusal::Shape`] when it is not one.
    pub fn parse(kind: &'static str, bytes: &[u8]) -> Result<Editions, Refusal> {
        let shape = |wrong| Refusal::Shape { wrong };
        if bytes.len() > BYTES_MAX {
            return Err(shape("it has more than 3,000,000 bytes"));
        }
        let text = str::from_utf8(bytes).map_err(|_| shape("it is not UTF-8 text"))?;
        let (head, note) = text.split_once("\n\n").ok_or(shape("there is no empty line before what is signed"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(&format!("streamward {kind} signatures 1")) {
            return Err(shape("its first line is not that of such a file"));
        }
        let name =
            lines.next().and_then(|line| line.strip_prefix("name: ")).ok_or(shape("its second line is no name"))?;
        let last = lines.next().and_then(|line| Edition::parse(line.strip_prefix("version: ")?));
        let last = last.ok_or(shape("its third line is not a version with its digest and last day"))?;
        let mut log = Vec::new();
        for line in lines {
            if log.len() == VERSIONS_MAX {
                return Err(shape("there are more than 20,000 versions"));
            }
            let edition = line.strip_prefix("log: ").and_then(Edition::parse);
            log.push(edition.ok_or(shape("a line is not a version of the log"))?);
        }
        log.push(last);
        Ok(Editions { kind, name: name.to_owned(), log, note: Note::parse(note.as_bytes())? })
    }
}

impl fmt::Display for Editions {
    /// Writes what [`Editions::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "streamward {} signatures 1\nname: {}\nversion: {}", self.kind, self.name, self.edition())?;
        self.log[..self.log.len() - 1].iter().try_for_each(|edition| writeln!(f, "log: {edition}"))?;
        write!(f, "\n{}", self.note)
    }
}

/// The digest of a text, as it stands in its edition.
pub fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl Edition {
    fn parse(text: &str) -> Option<Edition> {
        let mut fields = text.split(' ');
        let (version, hex, expires) = (fields.next()?, fields.next()?, fields.next()?);
        let sha256 = parse_hex(hex)?;
        let expires = if expires == "-" { None } else { Some(Day::parse(expires)?) };
        let edition = Edition { version: version.parse().ok()?, sha256, expires };
        (fields.next().is_none() && edition.to_string() == text).then_some(edition)
    }
}

impl fmt::Display for Edition {
    /// `version sha256 last-day`, with `-` for one that never expires.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.version)?;
        self.sha256.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        match self.expires {
            Some(day) => write!(f, " {day}"),
            None => f.write_str(" -"),
        }
    }
}

impl fmt::Display for Seen {
    /// `version versions root`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.version, self.n_versions, self.root)
    }
}

impl Seen {
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Seen> {
        let mut fields = text.split(' ');
        let seen = Seen {
            version: fields.next()?.parse().ok()?,
            n_versions: fields.next()?.parse().ok()?,
            root: Hash::parse(fields.next()?).ok()?,
        };
        fields.next().is_none().then_some(seen)
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

fn origin(kind: &str, name: &str) -> String {
    format!("streamward {kind} {name}")
}

fn tree(kind: &str, name: &str, log: &[Edition]) -> Tree {
    let mut tree = Tree::new();
    for edition in log {
        tree.append(format!("streamward {kind}\n{name}\n{edition}\n").as_bytes());
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = "2026-11-25";

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn edition(version: u64, expires: Option<&str>) -> Edition {
        Edition { version, sha256: [version as u8; 32], expires: expires.map(day) }
    }

    fn signers() -> [Signer; 3] {
        [("ada", 1), ("bo", 2), ("cy", 3)].map(|(name, secret)| Signer::new(name, &[secret; 32]).unwrap())
    }

    fn quorum() -> Quorum {
        Quorum::new(2, signers().iter().map(Signer::key).collect()).unwrap()
    }

    fn signed(edition: Edition, earlier: Option<&Editions>) -> Editions {
        let mut editions = Editions::begin("policy", "school", edition, earlier).unwrap();
        signers()[..2].iter().for_each(|signer| editions.sign(signer));
        editions
    }

    fn verdict(editions: &Editions, version: u64, seen: Option<&Seen>) -> Result<Seen, Refusal> {
        editions.verify(("school", version, &[version as u8; 32]), &quorum(), seen, day(TODAY))
    }

    #[test]
    fn each_broken_rule_is_named() {
        let first = signed(edition(1, None), None);
        let second = signed(edition(2, Some(TODAY)), Some(&first));
        let seen = verdict(&first, 1, None).unwrap();
        let later = verdict(&second, 2, Some(&seen)).unwrap();
        assert_eq!(verdict(&first, 1, Some(&later)), Err(Refusal::Older { version: 1, seen: 2 }));
        let other = signed(edition(2, None), None);
        assert_eq!(verdict(&other, 2, Some(&later)), Err(Refusal::Older { version: 2, seen: 2 }));
        let rewritten = signed(edition(3, None), Some(&signed(edition(2, None), Some(&first))));
        assert_eq!(verdict(&rewritten, 3, Some(&later)), Err(Refusal::Rewritten));
        let again = signed(edition(2, None), Some(&first));
        assert_eq!(verdict(&again, 2, Some(&later)), Err(Refusal::Rewritten), "another text under the same number");
        let altered = second.verify(("school", 2, &[9; 32]), &quorum(), None, day(TODAY));
        assert_eq!(altered, Err(Refusal::Altered));
        let expired = second.verify(("school", 2, &[2; 32]), &quorum(), None, day("2026-11-26"));
        assert_eq!(expired, Err(Refusal::Expired { expires: day(TODAY) }));
        let mut lonely = Editions::begin("policy", "school", edition(1, None), None).unwrap();
        lonely.sign(&signers()[2]);
        assert!(matches!(verdict(&lonely, 1, None), Err(Refusal::Record(Error::TooFewSignatures { n_valid: 1, .. }))));
        assert!(matches!(
            Editions::begin("policy", "school", edition(2, None), Some(&second)),
            Err(Refusal::Older { .. })
        ));
    }

    #[test]
    fn no_changed_byte_is_believed() {
        let first = signed(edition(1, None), None);
        let text = signed(edition(2, Some("2027-01-31")), Some(&first)).to_string();
        assert_eq!(verdict(&Editions::parse("policy", text.as_bytes()).unwrap(), 2, None).map(|_| ()), Ok(()));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let believed = Editions::parse("policy", &bytes).and_then(|editions| verdict(&editions, 2, None));
            assert!(believed.is_err(), "byte {at}: {:?}", char::from(bytes[at]));
        }
    }

    #[test]
    fn a_log_proves_its_versions_and_that_it_only_grew() {
        let first = signed(edition(1, None), None);
        let third = signed(edition(7, None), Some(&signed(edition(2, None), Some(&first))));
        let tree = third.tree();
        let proof = tree.inclusion_proof(1, 3).unwrap();
        crate::proof::verify_inclusion(1, 3, tree.entry(1).unwrap(), &proof, tree.root()).unwrap();
        let grown = tree.consistency_proof(1, 3).unwrap();
        crate::proof::verify_consistency(1, 3, &grown, first.tree().root(), tree.root()).unwrap();
    }
}
