//! What can be wrong with a case or a report?

use jiff::Timestamp;

/// Why a step was refused. The case or report stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is empty, longer than is kept, or holds a control character.
    #[error("{field} has {n_chars} characters; it must have 1 to {n_chars_max}, none of them a control character")]
    Text {
        /// Which field.
        field: &'static str,
        /// How many characters it has.
        n_chars: usize,
        /// How many are kept.
        n_chars_max: usize,
    },
    /// A number lies outside of what it can be.
    #[error("{field} is {value}; it must lie in {range}")]
    Number {
        /// Which field.
        field: &'static str,
        /// What stood there.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// An incident ends before it begins.
    #[error("the incident ends at {ended_at}, before it begins at {began_at}")]
    Span {
        /// Its beginning.
        began_at: Timestamp,
        /// Its end.
        ended_at: Timestamp,
    },
    /// A case or a report cannot go this way from where it is.
    #[error("{what} is {state} and cannot be {event}")]
    Transition {
        /// `the case` or `the report`.
        what: &'static str,
        /// Where it is.
        state: &'static str,
        /// Where it was to go.
        event: &'static str,
    },
    /// Somebody else has taken the case.
    #[error("the case is taken by somebody else")]
    TakenByAnother,
    /// A second person is needed, and this is the first one.
    #[error("one person cannot be both who asks or decides and who allows it: a second person must")]
    SamePerson,
    /// Somebody would judge what they had a hand in.
    #[error(
        "whoever decided this case or took part in it neither hears an appeal about it nor looks at it as the second: \
         somebody else must"
    )]
    TookPart,
    /// An appeal about payments alone.
    #[error("an appeal is about what was seen, and this case has nothing that may be spoken of to a customer")]
    NothingToAppeal,
    /// An answer to an appeal names what was paid.
    #[error(
        "the reason names an account or an alert of payments; whoever appeals must not learn of them, so write it without"
    )]
    SaysWhatWasPaid,
    /// No media is kept here.
    #[error("the vault is shut: media is kept only when two people have opened it under a named basis in law")]
    VaultShut,
    /// A plan for the vault names no basis in law.
    #[error("the plan for {country:?} names no country of two letters, or no basis in law with its source")]
    Basis {
        /// What stood there.
        country: String,
    },
    /// Escrow needs three people with three keys.
    #[error("the three holders must be three people with three different keys")]
    Holders,
    /// Somebody would look who has not taken the case.
    #[error("a file is shown only to the person who has taken its case")]
    NotTaken,
    /// A file would be shown as it is first.
    #[error("a file is shown small, grey and blurred first, and as it is only after that")]
    TileFirst,
    /// Somebody has looked as much as one day allows.
    #[error(
        "today's looks are spent: it begins anew at midnight UTC, and till then cases are decided without looking, or handed on"
    )]
    BudgetSpent,
    /// Something is under a hold, or its case is not over.
    #[error("a hold or the state of the case forbids that its files are erased")]
    Held,
    /// A report was named that the case does not have.
    #[error("the case has no report {number}")]
    NoSuchReport {
        /// Its number, from 1.
        number: usize,
    },
    /// A step was to be journaled after others than were known when it was made.
    #[error("another step was journaled meanwhile")]
    JournaledMeanwhile,
    /// What was checked against the schema is not what is to be sent.
    #[error("the document that was checked is not the document of this report")]
    OtherDocument,
    /// An answer came to a request that was not made.
    #[error("an answer came and nothing was asked")]
    NotAsked,
    /// A journal that this program cannot have written.
    #[error("step {index} of the journal does not follow from those before it")]
    Journal {
        /// Which step, from 0.
        index: usize,
    },
    /// An answer of the authority cannot be read.
    #[error("the authority's answer cannot be read: {wrong}")]
    Answer {
        /// What is wrong with it.
        wrong: &'static str,
    },
}
