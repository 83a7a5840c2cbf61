//! Is this list the one that its publishers signed, and no older than what was seen before?
//!
//! Beside the text of a list lies a file of signatures:
//!
//! ```text
//! streamward list signatures 1
//! name: Example hotline
//! version: 7
//! sha256: 5d41…1dd3
//! log: 47DE…uFU=
//! log: IN0m…FCo=
//!
//! streamward list Example hotline
//! 2
//! mZkQ…bXs=
//!
//! — ada Sx1k…
//! — bo 9fQw…
//! ```
//!
//! Every version that was ever signed is one entry of a log (`record/`), and the log's checkpoint is what is signed:
//! nobody can be given another version 7 than everybody else, and none can be taken back, without the log showing it.
//! The log is carried whole, 50 bytes a version, so that a reader who has seen any earlier version checks, without
//! asking anybody, that the log only grew since.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

use record::{Checkpoint, Note, Quorum, Signer, Tree};
use sha2::{Digest, Sha256};

use super::{Header, List};
use crate::Error;
use crate::error::TrustError;
use crate::hash256::{parse_hex, shortened};

/// The largest file of signatures that is read, in bytes.
pub const SIGNATURES_BYTES_MAX: usize = 3_000_000;
/// The most versions in a log; one a day for half a century.
pub const VERSIONS_MAX: usize = 20_000;

const FORMAT: &str = "streamward list signatures 1";

/// The signatures of one version of a list, none of them believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    name: String,
    version: u64,
    sha256: [u8; 32],
    log: Vec<record::Hash>,
    note: Note,
}

/// What a reader remembers of a list between two readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The version.
    pub version: u64,
    /// How many versions were in the log.
    pub n_versions: u64,
    /// The log's root.
    pub root: record::Hash,
}

/// What a reader remembers of all lists, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    lists: BTreeMap<String, Seen>,
}

impl List {
    /// As [`List::read`], with the SHA-256 of everything that was read.
    ///
    /// # Errors
    /// As [`List::read`].
    pub fn read_with_digest(input: impl BufRead) -> Result<(List, [u8; 32]), Error> {
        let mut hashing = Hashing { input, digest: Sha256::new() };
        let list = List::read(&mut hashing)?;
        Ok((list, hashing.digest.finalize().into()))
    }
}

impl Signatures {
    /// The entry of this version in the log, after those of `earlier`, signed by nobody yet.
    ///
    /// # Errors
    /// [`Error::Trust`] when `earlier` is of another list, of this version or a later one, or its log is not whole.
    pub fn begin(header: &Header, sha256: [u8; 32], earlier: Option<&Signatures>) -> Result<Signatures, Error> {
        let mut log = Vec::new();
        if let Some(earlier) = earlier {
            earlier.checkpoint()?;
            if earlier.name != header.name {
                return Err(Error::Trust(TrustError::Name {
                    found: shortened(&earlier.name),
                    list: shortened(&header.name),
                }));
            }
            if earlier.version >= header.version {
                return Err(Error::Trust(TrustError::Older { version: header.version, seen: earlier.version }));
            }
            log.clone_from(&earlier.log);
        }
        log.push(entry(&header.name, header.version, &sha256));
        if log.len() > VERSIONS_MAX {
            return Err(Error::Trust(TrustError::Shape { wrong: "there are more than 20,000 versions" }));
        }
        let checkpoint = Checkpoint {
            origin: origin(&header.name),
            n_entries: log.len() as u64,
            root: tree(&log).root(),
            extensions: Vec::new(),
        };
        let note = checkpoint.to_note().map_err(TrustError::Record).map_err(Error::Trust)?;
        Ok(Signatures { name: header.name.clone(), version: header.version, sha256, log, note })
    }

    /// Adds a signature.
    pub fn sign(&mut self, signer: &Signer) {
        self.note.sign(signer);
    }

    /// Which list they are for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest of the text that they are for.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Which version they are for.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many versions of the list were ever signed.
    pub fn n_versions(&self) -> usize {
        self.log.len()
    }

    /// Whether they are for a text of this digest.
    pub fn is_for(&self, sha256: &[u8; 32]) -> bool {
        self.sha256 == *sha256
    }

    /// Whether each of these keys has signed: their names.
    ///
    /// # Errors
    /// [`Error::Trust`] when a line claims to be from one of `keys` and is not.
    pub fn signed_by<'k>(&self, keys: &'k [record::Key]) -> Result<Vec<&'k str>, Error> {
        let names = self.note.signed_by(keys).map_err(TrustError::Record).map_err(Error::Trust)?;
        Ok(names.into_iter().collect())
    }

    /// Reads a file of signatures. It says nothing about whether to believe them.
    ///
    /// # Errors
    /// [`Error::Trust`] when it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Signatures, Error> {
        parse(bytes).map_err(Error::Trust)
    }

    /// Checks that a list with this header and digest is what enough people have signed, and that it continues what
    /// was seen before. Returns what to remember.
    ///
    /// # Errors
    /// [`Error::Trust`] with the rule that is broken; the list must then not be used.
    pub fn verify(
        &self,
        header: &Header,
        sha256: &[u8; 32],
        quorum: &Quorum,
        seen: Option<&Seen>,
    ) -> Result<Seen, Error> {
        self.broken_rule(&header.name, header.version, sha256, quorum, seen).map_err(Error::Trust)
    }

    /// As [`Signatures::verify`] before there is a text: whether one would be believed that is called and numbered so
    /// and has the digest [`Signatures::sha256`]. Whoever fetches a list asks this first, and `verify` when he has it.
    ///
    /// # Errors
    /// As [`Signatures::verify`].
    pub fn verify_unread(&self, quorum: &Quorum, seen: Option<&Seen>) -> Result<Seen, Error> {
        self.broken_rule(&self.name, self.version, &self.sha256, quorum, seen).map_err(Error::Trust)
    }

    fn broken_rule(
        &self,
        name: &str,
        version: u64,
        sha256: &[u8; 32],
        quorum: &Quorum,
        seen: Option<&Seen>,
    ) -> Result<Seen, TrustError> {
        quorum.verify(&self.note).map_err(TrustError::Record)?;
        let checkpoint = self.checked()?;
        if self.name != name {
            return Err(TrustError::Name { found: shortened(&self.name), list: shortened(name) });
        }
        if self.version != version {
            return Err(TrustError::Version { found: self.version, list: version });
        }
        if self.sha256 != *sha256 {
            return Err(TrustError::Altered);
        }
        if self.log.last() != Some(&entry(&self.name, self.version, sha256)) {
            return Err(TrustError::NotInLog);
        }
        if let Some(seen) = seen {
            let tree = tree(&self.log);
            if version < seen.version || checkpoint.n_entries < seen.n_versions {
                return Err(TrustError::Older { version, seen: seen.version });
            }
            if tree.root_at(seen.n_versions).map_err(TrustError::Record)? != seen.root {
                return Err(TrustError::Rewritten);
            }
            // Then a version that was seen is in the log once, so the same number cannot come with another text.
            if version == seen.version && checkpoint.n_entries != seen.n_versions {
                return Err(TrustError::Rewritten);
            }
        }
        Ok(Seen { version, n_versions: checkpoint.n_entries, root: checkpoint.root })
    }

    fn checkpoint(&self) -> Result<Checkpoint, Error> {
        self.checked().map_err(Error::Trust)
    }

    /// The signed checkpoint, if it is of this list and the log leads to its root.
    fn checked(&self) -> Result<Checkpoint, TrustError> {
        let checkpoint = Checkpoint::parse(self.note.text()).map_err(TrustError::Record)?;
        let is_of_log = checkpoint.n_entries == self.log.len() as u64 && checkpoint.root == tree(&self.log).root();
        match is_of_log && checkpoint.origin == origin(&self.name) {
            true => Ok(checkpoint),
            false => Err(TrustError::NotInLog),
        }
    }
}

impl fmt::Display for Signatures {
    /// Writes what [`Signatures::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORMAT}\nname: {}\nversion: {}", self.name, self.version)?;
        writeln!(f, "sha256: {}", crate::Hash256(self.sha256))?;
        self.log.iter().try_for_each(|entry| writeln!(f, "log: {entry}"))?;
        write!(f, "\n{}", self.note)
    }
}

fn parse(bytes: &[u8]) -> Result<Signatures, TrustError> {
    let shape = |wrong| TrustError::Shape { wrong };
    if bytes.len() > SIGNATURES_BYTES_MAX {
        return Err(shape("it has more than 3,000,000 bytes"));
    }
    let text = str::from_utf8(bytes).map_err(|_| shape("it is not UTF-8 text"))?;
    let (head, note) = text.split_once("\n\n").ok_or(shape("there is no empty line before what is signed"))?;
    let mut lines = head.split('\n');
    if lines.next() != Some(FORMAT) {
        return Err(shape("it does not begin with \"streamward list signatures 1\""));
    }
    let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)).map(str::to_owned);
    let name = field("name: ").ok_or(shape("its second line is not a name"))?;
    let version =
        field("version: ").and_then(|version| version.parse().ok()).ok_or(shape("its third line is not a version"))?;
    let mut sha256 = [0; 32];
    let is_digest = |hex: String| !hex.bytes().any(|b| b.is_ascii_uppercase()) && parse_hex(&hex, &mut sha256);
    if !field("sha256: ").is_some_and(is_digest) {
        return Err(shape("its fourth line is not a SHA-256"));
    }
    let mut log = Vec::new();
    for line in lines {
        if log.len() == VERSIONS_MAX {
            return Err(shape("there are more than 20,000 versions"));
        }
        let entry = line.strip_prefix("log: ").ok_or(shape("a line is not an entry of the log"))?;
        log.push(record::Hash::parse(entry).map_err(TrustError::Record)?);
    }
    let note = Note::parse(note.as_bytes()).map_err(TrustError::Record)?;
    Ok(Signatures { name, version, sha256, log, note })
}

/// What stands in the log for one version.
fn entry(name: &str, version: u64, sha256: &[u8; 32]) -> record::Hash {
    record::Hash::of_entry(format!("streamward list\n{name}\n{version}\n{}\n", crate::Hash256(*sha256)).as_bytes())
}

fn origin(name: &str) -> String {
    format!("streamward list {name}")
}

fn tree(log: &[record::Hash]) -> Tree {
    let mut tree = Tree::new();
    log.iter().for_each(|entry| {
        tree.append_hash(*entry);
    });
    tree
}

impl Memory {
    /// What was seen of the list of this name.
    pub fn seen(&self, name: &str) -> Option<&Seen> {
        self.lists.get(name)
    }

    /// Remembers it; true when that is something new.
    pub fn remember(&mut self, name: &str, seen: Seen) -> bool {
        let is_new = self.lists.get(name) != Some(&seen);
        self.lists.insert(name.to_owned(), seen);
        is_new
    }

    /// Reads what [`Display`](fmt::Display) writes: `version versions root name`, a line a list.
    ///
    /// # Errors
    /// [`Error::Trust`]: a memory that cannot be read must not be taken for an empty one.
    pub fn parse(text: &str) -> Result<Memory, Error> {
        let line = |line: &str| {
            let mut fields = line.splitn(4, ' ');
            let seen = Seen {
                version: fields.next()?.parse().ok()?,
                n_versions: fields.next()?.parse().ok()?,
                root: record::Hash::parse(fields.next()?).ok()?,
            };
            let name = fields.next().filter(|name| !name.chars().any(char::is_control))?;
            Some((name.to_owned(), seen))
        };
        let lists: Option<BTreeMap<String, Seen>> = text.lines().map(line).collect();
        let wrong = TrustError::Shape { wrong: "what was seen before cannot be read" };
        lists.map(|lists| Memory { lists }).ok_or(Error::Trust(wrong))
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lists
            .iter()
            .try_for_each(|(name, seen)| writeln!(f, "{} {} {} {name}", seen.version, seen.n_versions, seen.root))
    }
}

/// Passes bytes on and takes their digest.
struct Hashing<R> {
    input: R,
    digest: Sha256,
}

impl<R: BufRead> std::io::Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n_read = self.input.read(buffer)?;
        self.digest.update(&buffer[..n_read]);
        Ok(n_read)
    }
}

impl<R: BufRead> BufRead for Hashing<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, n_bytes: usize) {
        // The bytes that are about to go are still there: filling a buffer that is not empty gives it again.
        if let Ok(bytes) = self.input.fill_buf() {
            self.digest.update(&bytes[..n_bytes.min(bytes.len())]);
        }
        self.input.consume(n_bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use record::Key;

    use super::*;

    fn list(version: u64, n_entries: usize) -> String {
        let entries: String = (0..n_entries).map(|i| format!("{i:064x}\tpdq\te{i}\tus\t2026-11-24\t-\t-\n")).collect();
        format!("streamward list 1\nname: Test list\nversion: {version}\nsource: us\ncreated: 2026-11-24\n{entries}")
    }

    fn signers() -> [Signer; 3] {
        [("ada", 1), ("bo", 2), ("cy", 3)].map(|(name, byte)| Signer::new(name, &[byte; 32]).unwrap())
    }

    fn quorum() -> Quorum {
        Quorum::new(2, signers().iter().map(Signer::key).collect::<Vec<Key>>()).unwrap()
    }

    /// Signed by ada and cy.
    fn signed(text: &str, earlier: Option<&Signatures>) -> Signatures {
        let (list, sha256) = List::read_with_digest(text.as_bytes()).unwrap();
        let mut signatures = Signatures::begin(&list.header(), sha256, earlier).unwrap();
        let [ada, _, cy] = signers();
        [ada, cy].iter().for_each(|signer| signatures.sign(signer));
        signatures
    }

    fn verify(text: &str, signatures: &str, seen: Option<&Seen>) -> Result<Seen, Error> {
        let (list, sha256) = List::read_with_digest(text.as_bytes())?;
        Signatures::parse(signatures.as_bytes())?.verify(&list.header(), &sha256, &quorum(), seen)
    }

    #[test]
    fn versions_that_follow_each_other_are_believed() {
        let mut earlier: Option<Signatures> = None;
        let mut seen = None;
        for version in [1, 2, 5, 6] {
            let text = list(version, version as usize);
            let signatures = signed(&text, earlier.as_ref());
            let now = verify(&text, &signatures.to_string(), seen.as_ref()).unwrap();
            assert_eq!(signatures.verify_unread(&quorum(), seen.as_ref()).unwrap(), now);
            assert_eq!(verify(&text, &signatures.to_string(), Some(&now)).unwrap(), now, "read twice");
            (earlier, seen) = (Some(signatures), Some(now));
        }
        assert_eq!(seen.map(|seen| (seen.version, seen.n_versions)), Some((6, 4)));
    }

    #[test]
    fn each_broken_rule_is_named() {
        use TrustError::{Altered, Name, NotInLog, Older, Record, Rewritten, Version};
        let (one, two) = (list(1, 3), list(2, 4));
        let (first, second) = (signed(&one, None), signed(&two, Some(&signed(&one, None))));
        let seen_second = verify(&two, &second.to_string(), None).unwrap();
        let rule = |text: &str, signatures: &Signatures, seen: Option<&Seen>| match verify(
            text,
            &signatures.to_string(),
            seen,
        ) {
            Err(Error::Trust(rule)) => rule,
            other => panic!("{other:?}"),
        };
        assert!(matches!(rule(&one, &first, Some(&seen_second)), Older { version: 1, seen: 2 }));
        assert!(matches!(rule(&two, &first, None), Version { found: 1, list: 2 }));
        assert!(matches!(rule(&list(1, 2), &first, None), Altered));
        assert!(matches!(rule(&one.replace("Test list", "Test"), &first, None), Name { .. }));
        // Another history that leads to the same version.
        let other = signed(&two, Some(&signed(&list(1, 2), None)));
        assert!(matches!(rule(&two, &other, Some(&seen_second)), Rewritten));
        let longer = signed(&list(3, 1), Some(&other));
        assert!(matches!(rule(&list(3, 1), &longer, Some(&seen_second)), Rewritten));
        let mut forged = first.clone();
        forged.sha256 = List::read_with_digest(list(1, 2).as_bytes()).unwrap().1;
        assert!(matches!(rule(&list(1, 2), &forged, None), NotInLog));
        let mut alone = Signatures::begin(&List::parse(&one).unwrap().header(), first.sha256, None).unwrap();
        alone.sign(&signers()[0]);
        alone.sign(&signers()[0]);
        assert!(matches!(
            rule(&one, &alone, None),
            Record(record::Error::TooFewSignatures { n_valid: 1, n_needed: 2 })
        ));
        let older = Signatures::begin(&List::parse(&one).unwrap().header(), first.sha256, Some(&second));
        assert!(matches!(older, Err(Error::Trust(Older { version: 1, seen: 2 }))));
    }

    #[test]
    fn memory_round_trips_and_a_broken_one_is_refused() {
        let text = list(1, 1);
        let seen = verify(&text, &signed(&text, None).to_string(), None).unwrap();
        let mut memory = Memory::default();
        assert!(memory.remember("Test list", seen.clone()));
        assert!(!memory.remember("Test list", seen));
        assert_eq!(Memory::parse(&memory.to_string()).unwrap(), memory);
        for broken in ["1 1 x Test list\n".to_owned(), memory.to_string().replace("Test", "Te\rst")] {
            assert!(Memory::parse(&broken).is_err(), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn no_changed_byte_is_believed(at: prop::sample::Index, in_list: bool, byte: u8) {
            let text = list(1, 3);
            let signatures = signed(&text, None).to_string();
            let seen = verify(&text, &signatures, None).unwrap();
            let (mut text_bytes, mut signature_bytes) = (text.into_bytes(), signatures.into_bytes());
            let changed = if in_list { &mut text_bytes } else { &mut signature_bytes };
            let at = at.index(changed.len());
            let is_changed = changed[at] != byte;
            changed[at] = byte;
            let (Ok(text), Ok(signatures)) = (String::from_utf8(text_bytes), String::from_utf8(signature_bytes)) else {
                return Ok(());
            };
            let outcome = verify(&text, &signatures, None);
            // Two of three must have signed and only two have: no line can be lost or changed.
            prop_assert_eq!(outcome.is_ok_and(|now| now == seen), !is_changed);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Signatures::parse(&bytes);
        }
    }
}
