//! What can be wrong with a record, a proof or a signature?

/// Why a record, a proof or a signed text was refused. Nothing of what was refused is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is not the base64 of 32 bytes.
    #[error("\"{text}\" is not a hash: 32 bytes in base64")]
    HashText {
        /// What stood there, shortened.
        text: String,
    },
    /// The tree has fewer entries than were asked about.
    #[error("the record has {n_entries} entries, not {asked}")]
    TooShort {
        /// How many entries there are.
        n_entries: u64,
        /// How many the question needs.
        asked: u64,
    },
    /// A tree size or an index that no proof can be about.
    #[error("no proof leads from {from} to {to}")]
    Range {
        /// The entry's index, the earlier size or the subtree's start.
        from: u64,
        /// The size, the later size or the subtree's end.
        to: u64,
    },
    /// A proof has too many or too few hashes for the sizes it is about.
    #[error("the proof has {n_hashes} hashes, which does not fit the sizes it is about")]
    ProofLength {
        /// How many hashes it has.
        n_hashes: usize,
    },
    /// A proof leads to another root: the entry, the proof or the record was changed.
    #[error("the proof leads to another root: the record, the entry or the proof has been changed")]
    Root,
    /// A signed text is longer than is read.
    #[error("the signed text has {len} bytes; at most {len_max} are read")]
    NoteTooLong {
        /// Its bytes.
        len: usize,
        /// How many are read.
        len_max: usize,
    },
    /// A signed text is not written as C2SP signed-note asks.
    #[error("this is not a signed text: {wrong}")]
    NoteShape {
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// What should be an authority's time stamp is none, or not the one that was asked for.
    #[error("this is not the time stamp that was asked for: {wrong}")]
    Stamp {
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// A key is not written as C2SP signed-note asks.
    #[error("this is not a key: {wrong}")]
    KeyShape {
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// A text carries a signature of a key we trust, and it is not that key's signature of this text.
    #[error("the signature of {name} is not a signature of this text: the text or the signature has been changed")]
    Signature {
        /// The key's name.
        name: String,
    },
    /// A signed text is not a checkpoint.
    #[error("this is not a checkpoint: {wrong}")]
    CheckpointShape {
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// Fewer people have signed than the rule asks for.
    #[error("{n_valid} of the {n_needed} signatures that are needed are there")]
    TooFewSignatures {
        /// How many of the named keys have signed.
        n_valid: usize,
        /// How many have to.
        n_needed: usize,
    },
    /// A rule about signatures that nobody can fulfil, or that nobody needs to.
    #[error("{n_needed} signatures of {n_keys} different keys are not a rule")]
    QuorumShape {
        /// How many would have to sign.
        n_needed: usize,
        /// How many different keys there are.
        n_keys: usize,
    },
}

/// The first 40 characters, for messages.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
