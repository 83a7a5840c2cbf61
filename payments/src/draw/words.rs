//! What do the pictures say?
//!
//! Each thing that is written on one, with what it is about. Its `Display` is English; whoever draws for readers of another
//! language gives a function that says it in theirs. What comes back is escaped where it is drawn.

use std::fmt::{Display, Formatter, Result};

/// Something that a picture says.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "fields are named for what they hold; the sentences below are their use")]
pub enum Words<'a> {
    /// The title of the time line.
    TimeLine { alert: &'a str },
    /// What is on it, for who cannot see it.
    TimeLineTold { n_transfers: usize, n_parties: usize, looks_like: &'a str },
    /// The line above it.
    Score { alert: &'a str, score: i64 },
    /// Whom it is about, and what filled dots and rings are.
    Legend { party: &'a str },
    /// A lane that many share.
    Others { n: usize },
    /// One transfer.
    Transfer { id: &'a str, at: &'a str, amount: &'a str },
    /// A purchase of travel.
    Travel { id: &'a str, at: &'a str, amount: &'a str },
    /// The title of the picture of who pays whom.
    Network { alert: &'a str },
    /// What is on it, for who cannot see it.
    NetworkTold { n_ties: usize, n_parties: usize },
    /// The line above it.
    NetworkHead { alert: &'a str },
    /// What a line is.
    NetworkLegend,
    /// The column of the alert's own party.
    Own,
    /// The column of those whom a sender paid.
    ItPaid,
    /// Others who paid these.
    OthersPaid,
    /// The column of those who paid a beneficiary.
    PaidIt,
    /// Others whom these paid.
    OthersTheyPaid,
    /// A column of which not all are drawn.
    AndMore { column: &'a str, n: usize },
    /// One tie.
    Paid { sender: &'a str, beneficiary: &'a str, n: usize, worth: &'a str },
    /// What columns are, for who cannot see them.
    Columns { n: usize },
    /// One column.
    Column { label: &'a str, series: &'a str, value: &'a str, unit: &'a str },
}

/// Says it in some language.
pub type Say<'a> = &'a dyn Fn(&Words<'_>) -> String;

/// Says it in English.
pub fn english(words: &Words<'_>) -> String {
    words.to_string()
}

impl Display for Words<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match *self {
            Words::TimeLine { alert } => write!(f, "{alert}: transfers before the alert"),
            Words::TimeLineTold { n_transfers, n_parties, looks_like } => {
                write!(f, "{n_transfers} transfers with {n_parties} parties. {looks_like}.")
            }
            Words::Score { alert, score } => write!(f, "{alert} · score {score}"),
            Words::Legend { party } => {
                write!(f, "{party} · filled: behind a reason · ring: night on the sender's clock")
            }
            Words::Others { n } => write!(f, "{n} others"),
            Words::Transfer { id, at, amount } => write!(f, "transfer {id}, {at}, {amount}"),
            Words::Travel { id, at, amount } => write!(f, "travel purchase {id}, {at}, {amount}"),
            Words::Network { alert } => write!(f, "{alert}: who pays whom"),
            Words::NetworkTold { n_ties, n_parties } => {
                write!(f, "{n_ties} ties between {n_parties} parties; the table beside this picture names each.")
            }
            Words::NetworkHead { alert } => write!(f, "{alert} · who pays whom in the window before"),
            Words::NetworkLegend => {
                f.write_str("a line is as thick as transfers are many; its title says how many and how much")
            }
            Words::Own => f.write_str("the alert is about"),
            Words::ItPaid => f.write_str("whom it paid"),
            Words::OthersPaid => f.write_str("others who paid them"),
            Words::PaidIt => f.write_str("who paid it"),
            Words::OthersTheyPaid => f.write_str("others whom they paid"),
            Words::AndMore { column, n } => write!(f, "{column} (and {n} more)"),
            Words::Paid { sender, beneficiary, n, worth } => {
                write!(f, "{sender} paid {beneficiary} {n} times, {worth}")
            }
            Words::Columns { n } => {
                write!(f, "{n} groups of columns; the table beside this picture has every number.")
            }
            Words::Column { label, series, value, unit } => write!(f, "{label}, {series}: {value} {unit}"),
        }
    }
}
