//! What can be wrong with what is compared?

/// Why an input was refused. Nothing is loaded and nothing is matched because of an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A hash is not the right number of hexadecimal digits.
    #[error("\"{text}\" is not {n_digits} hexadecimal digits")]
    HashText {
        /// What stood there, shortened.
        text: String,
        /// How many digits there should be.
        n_digits: usize,
    },
    /// A moment is not written as `2026-11-24T09:30:00Z`.
    #[error("\"{text}\" is not a moment in UTC like 2026-11-24T09:30:00Z")]
    InstantText {
        /// What stood there, shortened.
        text: String,
    },
    /// A picture's buffer is shorter than its size asks for, or its rows overlap.
    #[error("a picture of {width}×{height} with {stride} samples a row needs {needed} samples and has {len}")]
    Pixels {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Samples from one row to the next.
        stride: usize,
        /// Samples that the size asks for.
        needed: usize,
        /// Samples that are there.
        len: usize,
    },
    /// A file with the hashes of a video's frames cannot be read.
    #[error("frame or line {place}: {wrong}")]
    Features {
        /// Which line of text or frame of an array, from 1.
        place: usize,
        /// What is wrong with it.
        #[source]
        wrong: FeatureError,
    },
    /// What an exchange sent cannot be read.
    #[error("line or entry {place}: {wrong}")]
    Exchange {
        /// Which line of XML, of a table, or of broken JSON, or which entry of whole JSON, from 1.
        place: usize,
        /// What is wrong with it.
        #[source]
        wrong: ExchangeError,
    },
    /// There are more hashes than an index can number.
    #[error("an index holds at most {n_max} hashes, not {n}")]
    TooManyHashes {
        /// How many there were to be.
        n: usize,
        /// How many are accepted.
        n_max: usize,
    },
    /// The bytes of an index cannot be searched.
    #[error("these bytes are not an index that can be searched: {0}")]
    Snapshot(#[source] SnapshotError),
    /// A list is not one that its publishers signed, or is older than what was seen.
    #[error("{0}")]
    Trust(#[source] TrustError),
    /// A delta between two versions of a list cannot be applied.
    #[error("line {line} of the delta: {wrong}")]
    Delta {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        wrong: DeltaError,
    },
    /// A line of a list cannot be read.
    #[error("line {line}: {wrong}")]
    List {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        wrong: ListError,
    },
}

/// What is wrong with one line of a delta.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// The first line does not announce a delta of a version that is understood.
    #[error("it does not begin with the line \"streamward list delta 1\"")]
    Format,
    /// A line says none of the three things that it may.
    #[error("it is neither \"=\" nor \"-\" with a number, nor \"+\" with a line")]
    Instruction,
    /// It was made for a text with more or fewer lines.
    #[error("it was made for another text than this")]
    OtherText,
    /// A line is longer than any of a list.
    #[error("a line is longer than any of a list")]
    LongLine,
    /// A text cannot be read, or what comes out cannot be written.
    #[error("it cannot be read or what it makes cannot be written: {0}")]
    Io(#[source] std::io::Error),
}

/// What is wrong with one line of a list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The first line does not announce a list of a version that is understood.
    #[error("a list begins with the line \"{expected}\", not with \"{found}\"")]
    Format {
        /// The line that should stand there.
        expected: &'static str,
        /// What stood there, shortened.
        found: String,
    },
    /// A header line is missing, twice there, or not one of those that exist.
    #[error("the header needs one line \"{expected}: …\" here, not \"{found}\"")]
    Header {
        /// Which header line belongs here.
        expected: &'static str,
        /// What stood there, shortened.
        found: String,
    },
    /// The list's version is not a number from 1.
    #[error("\"{found}\" is not a version: a whole number from 1")]
    Version {
        /// What stood there, shortened.
        found: String,
    },
    /// An entry does not have its seven fields.
    #[error("an entry has {expected} fields separated by tabs, and this line has {found}")]
    Fields {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The kind of hash is not one that exists.
    #[error("\"{found}\" is not a kind of hash; known are pdq, vpdq, md5, sha1, sha256, photodna")]
    Kind {
        /// What stood there, shortened.
        found: String,
    },
    /// A field is empty, too long, or holds control characters.
    #[error("the field {field} must have 1 to {len_max} bytes without control characters, not \"{found}\"")]
    Field {
        /// Which field.
        field: &'static str,
        /// The longest that is accepted.
        len_max: usize,
        /// What stood there, shortened.
        found: String,
    },
    /// Only one of exchange and exchange id is given.
    #[error("an exchange and the id it gave must both be there, or both be \"-\"")]
    HalfSource,
    /// Two entries carry one id.
    #[error("the id \"{id}\" was already used in line {first}")]
    DuplicateId {
        /// The id.
        id: String,
        /// The line that used it first.
        first: usize,
    },
    /// The line is longer than any entry can be.
    #[error("the line has more than {len_max} bytes")]
    LongLine {
        /// The longest that is accepted.
        len_max: usize,
    },
    /// There are more entries than can be numbered.
    #[error("a list holds at most {n_max} entries")]
    TooMany {
        /// How many are accepted.
        n_max: usize,
    },
    /// The bytes are not UTF-8.
    #[error("the line is not UTF-8 text")]
    Encoding,
    /// The bytes could not be had from where they come.
    #[error("the bytes could not be read: {0}")]
    Read(#[source] std::io::Error),
    /// A hash is wrong.
    #[error("{0}")]
    Hash(#[source] Box<Error>),
}

/// Which rule about signatures a list breaks. It must then not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
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
    Record(#[source] record::Error),
    /// The signatures are of another list.
    #[error("its signatures are of the list \"{found}\", not of \"{list}\"")]
    Name {
        /// The list that was signed.
        found: String,
        /// This list.
        list: String,
    },
    /// The signatures are of another version.
    #[error("its signatures are of version {found}, and the list says it is version {list}")]
    Version {
        /// The version that was signed.
        found: u64,
        /// What the list says.
        list: u64,
    },
    /// The text is not the one that was signed.
    #[error("it was altered after it was signed")]
    Altered,
    /// The signed log does not hold this version.
    #[error("the log of its versions that was signed does not hold it")]
    NotInLog,
    /// A later version was seen before.
    #[error("it is older than what was seen before: version {version} after version {seen}")]
    Older {
        /// Which version it is.
        version: u64,
        /// Which was seen.
        seen: u64,
    },
    /// The log does not continue the one that was seen.
    #[error("the log of its versions was rewritten since it was last seen")]
    Rewritten,
}

/// What is wrong with the bytes of an index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// They do not begin as an index does.
    #[error("they do not begin as an index does")]
    NotAnIndex,
    /// They were written by a later program.
    #[error("they are of version {found}, and this program knows version {known}")]
    Version {
        /// Which version they are.
        found: u32,
        /// Which version is known.
        known: u32,
    },
    /// There are fewer or more bytes than the header says.
    #[error("the header asks for {expected} bytes, and there are {found}")]
    Length {
        /// How many there should be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// They were changed after they were written.
    #[error("their checksum does not agree: they were changed or damaged")]
    Checksum,
    /// The checksum agrees and the content cannot be.
    #[error("the numbers in it contradict each other")]
    Content,
    /// Hashes would lie across words.
    #[error("they must begin in memory at a multiple of 64")]
    Alignment,
    /// This processor stores numbers the other way round.
    #[error("an index is made for processors that store the lowest byte first")]
    Endianness,
}

/// What is wrong with the hashes of a video's frames.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// A frame is not a number, a quality from 0 to 100, a hash and a time.
    #[error("\"{found}\" is not part of a frame's number, quality (0 to 100), hash and time in seconds")]
    Frame {
        /// What stood there, shortened.
        found: String,
    },
    /// The text is not JSON of a known form.
    #[error("{0}")]
    Json(#[source] serde_json::Error),
    /// There are too many frames.
    #[error("at most {n_max} frames are read")]
    TooMany {
        /// How many are accepted.
        n_max: usize,
    },
}

/// What is wrong with what an exchange sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// It is not JSON, or lacks a field.
    #[error("{0}")]
    Json(#[source] serde_json::Error),
    /// It is not XML.
    #[error("{0}")]
    Xml(#[source] quick_xml::Error),
    /// It brings words of its own, which could grow without end.
    #[error("it defines or uses \"{found}\" of its own, which is refused")]
    Entity {
        /// Which.
        found: String,
    },
    /// Elements lie too deep in each other.
    #[error("elements lie more than {n_max} deep")]
    Depth {
        /// How deep is accepted.
        n_max: usize,
    },
    /// A field is not there.
    #[error("there is no {field}")]
    Missing {
        /// Which.
        field: &'static str,
    },
    /// A field is empty, too long, or not what it should be.
    #[error("\"{found}\" cannot be {field}")]
    Text {
        /// Which.
        field: &'static str,
        /// What stood there, shortened.
        found: String,
    },
    /// A hash is not as long as its kind.
    #[error("\"{found}\" is not a hash of the kind {kind}")]
    Hash {
        /// Which kind.
        kind: String,
        /// What stood there, shortened.
        found: String,
    },
    /// A line of a table has other fields than the heading.
    #[error("the heading names {expected} columns, and this line has {found}")]
    Columns {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The bytes are not UTF-8.
    #[error("the text is not UTF-8")]
    Encoding,
    /// It is larger than any page.
    #[error("more than {n_bytes_max} bytes are not read")]
    TooLarge {
        /// How many are accepted.
        n_bytes_max: usize,
    },
    /// There are too many entries.
    #[error("at most {n_max} entries are read from one page")]
    TooMany {
        /// How many are accepted.
        n_max: usize,
    },
}
