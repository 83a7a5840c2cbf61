//! Who has signed this text?
//!
//! Source: C2SP signed-note (<https://c2sp.org/signed-note>): a text, an empty line, then a line
//! `— name base64(4 bytes of key id, signature)` for each signature. Ed25519 only.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::Error;

/// A text and its signature lines, none of them believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    lines: Vec<Line>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: String,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

impl Note {
    /// The longest signed text that is read, in bytes; the reference implementation in Go stops there too.
    pub const LEN_MAX: usize = 1_000_000;
    /// The most signatures that are read; signed-note asks for at least 16.
    pub const N_SIGNATURES_MAX: usize = 100;

    /// A text that nobody has signed yet; it must end with a line feed.
    ///
    /// # Errors
    /// [`Error::NoteShape`] when it does not, or when it holds a control character other than a line feed;
    /// [`Error::NoteTooLong`] above [`Note::LEN_MAX`].
    pub fn new(text: String) -> Result<Note, Error> {
        if text.len() > Self::LEN_MAX {
            return Err(Error::NoteTooLong { len: text.len(), len_max: Self::LEN_MAX });
        }
        if !text.ends_with('\n') {
            return Err(Error::NoteShape { wrong: "the text does not end with a line feed" });
        }
        if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(Error::NoteShape { wrong: "there is a control character" });
        }
        Ok(Note { text, lines: Vec::new() })
    }

    /// Reads a text with its signatures.
    ///
    /// # Errors
    /// [`Error::NoteTooLong`] above [`Note::LEN_MAX`]; [`Error::NoteShape`] when the bytes are not a signed note.
    pub fn parse(bytes: &[u8]) -> Result<Note, Error> {
        let shape = |wrong| Error::NoteShape { wrong };
        if bytes.len() > Self::LEN_MAX {
            return Err(Error::NoteTooLong { len: bytes.len(), len_max: Self::LEN_MAX });
        }
        let all = str::from_utf8(bytes).map_err(|_| shape("it is not UTF-8"))?;
        let (text, signatures) = all.rsplit_once("\n\n").ok_or(shape("there is no empty line before signatures"))?;
        let mut note = Note::new(format!("{text}\n"))?;
        let signatures = signatures.strip_suffix('\n').ok_or(shape("the last line does not end with a line feed"))?;
        for line in signatures.split('\n') {
            if note.lines.len() == Self::N_SIGNATURES_MAX {
                return Err(shape("there are more than 100 signatures"));
            }
            note.lines.push(Line::parse(line)?);
        }
        Ok(note)
    }

    /// What is signed, with its last line feed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds the signature of `signer`.
    pub fn sign(&mut self, signer: &Signer) {
        let line = Line {
            name: signer.name.clone(),
            key_id: signer.key().id,
            signature: signer.secret.sign(self.text.as_bytes()).to_bytes().to_vec(),
        };
        self.lines.push(line);
    }

    /// The names of those of `keys` that have signed, each once.
    ///
    /// Signatures of other keys are passed over, as signed-note asks.
    ///
    /// # Errors
    /// [`Error::Signature`] when a line claims to be from one of `keys` and is not: then nothing of the note counts.
    pub fn signed_by<'k>(&self, keys: &'k [Key]) -> Result<BTreeSet<&'k str>, Error> {
        let mut names = BTreeSet::new();
        for line in &self.lines {
            let Some(key) = keys.iter().find(|key| key.name == line.name && key.id == line.key_id) else { continue };
            key.verify(&self.text, &line.signature)?;
            names.insert(key.name.as_str());
        }
        Ok(names)
    }
}

impl std::fmt::Display for Note {
    /// Writes the note as [`Note::parse`] reads it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Line { name, key_id, signature } in &self.lines {
            writeln!(f, "— {name} {}", STANDARD.encode([key_id, signature.as_slice()].concat()))?;
        }
        Ok(())
    }
}

impl Line {
    fn parse(line: &str) -> Result<Line, Error> {
        let wrong = Error::NoteShape { wrong: "a signature line is not \"— name base64\"" };
        let parts = line.strip_prefix("— ").and_then(|rest| rest.split_once(' '));
        let (name, encoded) = parts.filter(|(name, _)| is_name(name)).ok_or(wrong.clone())?;
        let bytes = STANDARD.decode(encoded).map_err(|_| wrong.clone())?;
        match bytes.split_first_chunk() {
            Some((key_id, signature)) if !signature.is_empty() => {
                Ok(Line { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
            }
            _ => Err(wrong),
        }
    }
}

/// The public key of somebody whose signature counts.
///
/// Written `name+8 hexadecimal digits+base64(1, 32 bytes)`, as in signed-note's `vkey`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    name: String,
    id: [u8; 4],
    public: VerifyingKey,
}

impl Key {
    /// The byte that stands for Ed25519 before a public key.
    const ED25519: u8 = 1;

    /// Reads a key from its text.
    ///
    /// # Errors
    /// [`Error::KeyShape`] when the text is not a key, is of another kind than Ed25519, or names another key's id.
    pub fn parse(text: &str) -> Result<Key, Error> {
        let shape = |wrong| Error::KeyShape { wrong };
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(shape("it is not \"name+id+key\""));
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| shape("its last part is not base64"))?;
        let [Self::ED25519, public @ ..] = bytes.as_slice() else { return Err(shape("it is not an Ed25519 key")) };
        let public: [u8; 32] = public.try_into().map_err(|_| shape("it does not have 32 bytes"))?;
        let public = VerifyingKey::from_bytes(&public).map_err(|_| shape("it is not a point of the curve"))?;
        let key = Key::new(name, public)?;
        match hex(key.id) == id {
            true => Ok(key),
            false => Err(shape("its id belongs to another name or key")),
        }
    }

    /// The name that signature lines carry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The 32 bytes of the public key.
    pub fn public_bytes(&self) -> [u8; 32] {
        self.public.to_bytes()
    }

    fn new(name: &str, public: VerifyingKey) -> Result<Key, Error> {
        if !is_name(name) {
            return Err(Error::KeyShape { wrong: "its name is empty or holds a space or a plus" });
        }
        let hashed = Sha256::new().chain_update(name).chain_update(b"\n").chain_update([Self::ED25519]);
        let digest: [u8; 32] = hashed.chain_update(public.as_bytes()).finalize().into();
        let [a, b, c, d, ..] = digest;
        Ok(Key { name: name.to_owned(), id: [a, b, c, d], public })
    }

    fn verify(&self, text: &str, signature: &[u8]) -> Result<(), Error> {
        let signature = Signature::from_slice(signature);
        let verified = signature.and_then(|signature| self.public.verify_strict(text.as_bytes(), &signature));
        verified.map_err(|_| Error::Signature { name: self.name.clone() })
    }
}

impl std::fmt::Display for Key {
    /// Writes the key as [`Key::parse`] reads it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let encoded = STANDARD.encode([&[Self::ED25519], self.public.as_bytes().as_slice()].concat());
        write!(f, "{}+{}+{encoded}", self.name, hex(self.id))
    }
}

/// Somebody who can sign. The secret is never printed and is wiped from memory when dropped.
pub struct Signer {
    name: String,
    secret: SigningKey,
}

impl Signer {
    /// A signer of this `name` from the 32 secret bytes of an Ed25519 key (RFC 8032 §5.1.5), which must come from a
    /// source of chance fit for keys.
    ///
    /// # Errors
    /// [`Error::KeyShape`] when the name is empty or holds a space or a plus.
    pub fn new(name: &str, secret: &[u8; 32]) -> Result<Signer, Error> {
        let secret = SigningKey::from_bytes(secret);
        Key::new(name, secret.verifying_key())?;
        Ok(Signer { name: name.to_owned(), secret })
    }

    /// Reads what [`Signer::to_secret_text`] writes.
    ///
    /// # Errors
    /// [`Error::KeyShape`] when the text is not a secret key, or names another key's id.
    pub fn parse(text: &str) -> Result<Signer, Error> {
        let shape = |wrong| Error::KeyShape { wrong };
        let rest = text.strip_prefix(Self::PREFIX).ok_or(shape("it does not begin with \"PRIVATE+KEY+\""))?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(shape("it is not \"PRIVATE+KEY+name+id+key\""));
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| shape("its last part is not base64"))?;
        let [Key::ED25519, secret @ ..] = bytes.as_slice() else { return Err(shape("it is not an Ed25519 key")) };
        let signer = Signer::new(name, secret.try_into().map_err(|_| shape("it does not have 32 bytes"))?)?;
        match hex(signer.key().id) == id {
            true => Ok(signer),
            false => Err(shape("its id belongs to another name or key")),
        }
    }

    const PREFIX: &str = "PRIVATE+KEY+";

    /// The secret as text, for a file that only its owner may read: `PRIVATE+KEY+name+id+base64(1, 32 bytes)`, as
    /// signed-note's implementation in Go writes it.
    pub fn to_secret_text(&self) -> String {
        let encoded = STANDARD.encode([&[Key::ED25519], self.secret.as_bytes().as_slice()].concat());
        format!("{}{}+{}+{encoded}", Self::PREFIX, self.name, hex(self.key().id))
    }

    /// The public key that others check the signatures with.
    pub fn key(&self) -> Key {
        Key::new(&self.name, self.secret.verifying_key()).expect("the name was checked when the signer was made")
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({}, [sealed])", self.name)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_survives_the_way_there_and_back() {
        let signer = Signer::new("ada", &[7; 32]).unwrap();
        let text = signer.to_secret_text();
        assert_eq!(Signer::parse(&text).unwrap().key(), signer.key());
        for wrong in [&text[1..], &text.replace("ada", "bo"), &text[..text.len() - 4], "PRIVATE+KEY+", ""] {
            assert!(matches!(Signer::parse(wrong), Err(Error::KeyShape { .. })), "{wrong}");
        }
    }

    /// The example in Go's `golang.org/x/mod/sumdb/note` documentation, an independent implementation.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
         then you don't know what your problem is.\n\
         \n\
         — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_note_of_another_implementation_is_verified_and_written_back() {
        let note = Note::parse(NOTE.as_bytes()).unwrap();
        let key = Key::parse(KEY).unwrap();
        assert_eq!(key.to_string(), KEY);
        assert_eq!(note.signed_by(&[key]).unwrap(), BTreeSet::from(["PeterNeumann"]));
        assert_eq!(note.to_string(), NOTE);
    }

    #[test]
    fn one_changed_byte_anywhere_is_found() {
        let key = [Key::parse(KEY).unwrap()];
        for index in 0..NOTE.len() {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[index] ^= 1;
            let names = Note::parse(&bytes).and_then(|note| Ok(note.signed_by(&key)?.len()));
            assert_ne!(names, Ok(1), "byte {index}");
        }
    }

    #[test]
    fn signatures_of_strangers_are_passed_over_and_a_false_one_spoils_the_note() {
        let [ada, bo] = [("ada", 1), ("bo", 2)].map(|(name, byte)| Signer::new(name, &[byte; 32]).unwrap());
        let mut note = Note::new("a text\n".into()).unwrap();
        [&ada, &bo, &ada].into_iter().for_each(|signer| note.sign(signer));
        assert_eq!(note.signed_by(&[ada.key()]).unwrap(), BTreeSet::from(["ada"]));
        let forged = Note { text: "another text\n".into(), ..note };
        assert_eq!(forged.signed_by(&[bo.key()]), Err(Error::Signature { name: "bo".into() }));
        assert_eq!(forged.signed_by(&[]).unwrap(), BTreeSet::new());
    }

    #[test]
    fn what_is_not_a_note_or_a_key_is_refused() {
        let many = format!("a\n\n{}", "— n AAAAAAA=\n".repeat(Note::N_SIGNATURES_MAX + 1));
        let long = "a".repeat(Note::LEN_MAX + 1);
        for wrong in ["", "a\n", "a\n\n", "a\n\n— n\n", "a\n\n— n AAAA\n", "a\n\n— n AAAAAAA=", "a\r\n\n— n AAAAAAA=\n"]
        {
            assert!(matches!(Note::parse(wrong.as_bytes()), Err(Error::NoteShape { .. })), "{wrong:?}");
        }
        assert!(matches!(Note::parse(many.as_bytes()), Err(Error::NoteShape { .. })));
        assert!(matches!(Note::parse(long.as_bytes()), Err(Error::NoteTooLong { .. })));
        for wrong in ["", "a+b", "a+00000000+AQ==", &KEY.replace('P', "Q"), &KEY.replace("+AR", "+AB")] {
            assert!(matches!(Key::parse(wrong), Err(Error::KeyShape { .. })), "{wrong:?}");
        }
        assert!(matches!(Signer::new("two words", &[0; 32]), Err(Error::KeyShape { .. })));
    }

    #[test]
    fn a_signer_prints_no_secret() {
        assert_eq!(format!("{:?}", Signer::new("ada", &[7; 32]).unwrap()), "Signer(ada, [sealed])");
    }
}
