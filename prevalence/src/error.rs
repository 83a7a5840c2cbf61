//! What can go wrong, in words that a field researcher can act on?

/// Everything this crate refuses, with the facts.
///
/// `Display` gives what is wrong and where; [`Error::remedy`] says what to do about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The codebook is not valid TOML, or has a key nobody knows.
    #[error("cannot read the codebook: {message}")]
    CodebookSyntax {
        /// The parser's words, with line and column.
        message: String,
    },
    /// A value in the codebook lies outside what it may be.
    #[error("the codebook sets {key} to {value}, but it must be {expected}")]
    CodebookValue {
        /// Dotted path of the key.
        key: String,
        /// What was found.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// The codebook lacks something that the command needs.
    #[error("the codebook has no {key}, which {wanted_by} needs")]
    CodebookLacks {
        /// Dotted path of the key.
        key: &'static str,
        /// The command or method.
        wanted_by: &'static str,
    },
    /// The same column is given two roles that exclude each other.
    #[error("the codebook names column {column} twice among the groups")]
    CodebookTwice {
        /// The column.
        column: String,
    },
    /// The file has no header, or no row below it.
    #[error("the data have no rows")]
    NoRows,
    /// The data cannot be split into rows and columns.
    #[error("cannot read the data: {message}")]
    Csv {
        /// The reader's words, with the line.
        message: String,
    },
    /// A file of another program that cannot be read.
    #[error("the {format} file cannot be read: {what}")]
    Binary {
        /// `SPSS` or `Stata`.
        format: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// More rows, columns or bytes than we accept.
    #[error("the data hold more than {limit} {what}")]
    TooLarge {
        /// `rows`, `columns` or `bytes in one row`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A column that the codebook or the command line names is not there.
    #[error("the data have no column {column}")]
    ColumnAbsent {
        /// The column.
        column: String,
    },
    /// Two columns have one name.
    #[error("the data have two columns named {column}")]
    ColumnTwice {
        /// The column.
        column: String,
    },
    /// A cell that must hold a number holds something else.
    #[error("column {column}, row {row}: {text:?} is not a number")]
    NotANumber {
        /// The column.
        column: String,
        /// Row of data, 1 below the header.
        row: usize,
        /// What stands there, shortened.
        text: String,
    },
    /// An answer is not a count of people.
    #[error("column {column}, row {row}: {value} is not a count of people")]
    NotACount {
        /// The column.
        column: String,
        /// Row of data, 1 below the header.
        row: usize,
        /// The answer.
        value: f64,
    },
    /// 97, 98, 99, 998 or 999 among the answers, and the codebook does not say what it means.
    #[error(
        "column {column} holds {code} in {n_rows} rows, a number that surveys use for \"does not know\" or \"refused\""
    )]
    SuspectCode {
        /// The column.
        column: String,
        /// The number.
        code: u32,
        /// How often.
        n_rows: usize,
    },
    /// A cell that must not be empty is empty.
    #[error("column {column}, row {row} is empty, but every respondent needs a {role}")]
    Empty {
        /// The column.
        column: String,
        /// Row of data, 1 below the header.
        row: usize,
        /// Stratum, PSU, weight and so on.
        role: &'static str,
    },
    /// A weight is zero or negative.
    #[error("column {column}, row {row}: the weight {value} is not above 0")]
    Weight {
        /// The column.
        column: String,
        /// Row of data, 1 below the header.
        row: usize,
        /// The weight.
        value: f64,
    },
    /// The weights do not sum to the frame.
    #[error("the weights sum to {sum_weights}, but the frame holds {frame_size} people ({off_percent:+.1} %)")]
    FrameWeights {
        /// Sum of the weights.
        sum_weights: f64,
        /// `frame.size` of the codebook.
        frame_size: f64,
        /// How far off, in percent of the frame.
        off_percent: f64,
    },
    /// One PSU label stands in two strata.
    #[error("PSU {psu} stands in stratum {stratum_a} and in stratum {stratum_b}")]
    PsuInTwoStrata {
        /// The PSU's label.
        psu: String,
        /// One stratum.
        stratum_a: String,
        /// The other.
        stratum_b: String,
    },
    /// A stratum has one PSU, so nothing can be said about the spread in it.
    #[error("stratum {stratum} has only one PSU, so its variance cannot be estimated ({n_strata} such strata)")]
    LonelyPsu {
        /// The first such stratum.
        stratum: String,
        /// How many there are.
        n_strata: usize,
    },
    /// The rule for single PSUs does not exist for this variance method.
    #[error("the rule {rule} for strata with one PSU is not defined for {method}")]
    LonelyRule {
        /// The rule.
        rule: &'static str,
        /// The method.
        method: &'static str,
    },
    /// A population of units is smaller than the sample from it, or changes inside a stratum.
    #[error("column {column}: {unit} has {n_sampled} sampled units and a population of {population}")]
    Fpc {
        /// The fpc column.
        column: String,
        /// Which stratum or PSU.
        unit: String,
        /// Units in the sample.
        n_sampled: usize,
        /// What the column says.
        population: f64,
    },
    /// Nobody is left with a degree above zero.
    #[error("no respondent reports anybody in the known groups, so no network size can be estimated")]
    NoDegree,
    /// Every answer about this group is missing.
    #[error("column {column} has no usable answer")]
    NoAnswer {
        /// The column.
        column: String,
    },
    /// The replicate weights are absent or cannot be used.
    #[error("no replicate weights match {columns}")]
    NoReplicates {
        /// The pattern of columns.
        columns: String,
    },
    /// A row or PSU has no partner in the replicate file.
    #[error("{key} {value} has no row in the second file")]
    NoPartner {
        /// Column that joins.
        key: String,
        /// Label.
        value: String,
    },
    /// A label stands twice where it must be unique.
    #[error("{key} {value} stands in more than one row of the second file")]
    PartnerTwice {
        /// Column that joins.
        key: String,
        /// Label.
        value: String,
    },
    /// Too few, or too many, replicates.
    #[error("{n_replicates} replicates were asked for; {expected}")]
    Replicates {
        /// How many.
        n_replicates: usize,
        /// What is allowed.
        expected: &'static str,
    },
    /// An interval that needs replicates was asked of a method that has none.
    #[error("the {interval} interval needs bootstrap replicates, which {method} does not make")]
    IntervalNeedsReplicates {
        /// The interval.
        interval: &'static str,
        /// The method.
        method: &'static str,
    },
    /// Margins that the sample cannot meet.
    #[error("the margin {variable}, level {level}, cannot be met: {why}")]
    Margin {
        /// Variable.
        variable: String,
        /// Level; empty for a number.
        level: String,
        /// Why.
        why: &'static str,
    },
    /// Two margins sum to different populations.
    #[error("the margins of {variable_a} sum to {total_a} but those of {variable_b} to {total_b}")]
    MarginsDisagree {
        /// One variable.
        variable_a: String,
        /// Its sum.
        total_a: f64,
        /// The other.
        variable_b: String,
        /// Its sum.
        total_b: f64,
    },
    /// Calibration did not reach the margins.
    #[error("calibration stopped after {n_steps} steps, {misfit:e} away from the margins")]
    Calibration {
        /// Steps taken.
        n_steps: usize,
        /// Largest relative distance from a margin.
        misfit: f64,
    },
    /// A number on the command line or in a call is outside its range.
    #[error("{what} is {value}, but it must be {expected}")]
    Range {
        /// Which number.
        what: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
}

impl Error {
    /// What the reader can do about it: one sentence, no full stop.
    pub fn remedy(&self) -> &'static str {
        match self {
            Error::CodebookSyntax { .. } => "correct that line; prevalence/README.md lists every key",
            Error::CodebookValue { .. } => "correct the codebook; nothing has been estimated",
            Error::CodebookLacks { .. } => "add it to the codebook, or use another command",
            Error::CodebookTwice { .. } => "keep one of the two; a group is either known or hidden",
            Error::NoRows => "check that the file is the survey and not only its header",
            Error::Csv { .. } => {
                "save the data again as CSV in UTF-8, one header line, the same number of cells in each row"
            }
            Error::Binary { .. } => {
                "save it again from the program it came from: SPSS as .sav, Stata 13 or later as .dta, or as CSV"
            }
            Error::TooLarge { .. } => "leave out rows or columns that the codebook does not need",
            Error::ColumnAbsent { .. } => "correct the name in the codebook; names are compared letter by letter",
            Error::ColumnTwice { .. } => "rename one of them",
            Error::NotANumber { .. } => {
                "write numbers with a point and without separators, and missing answers as an empty cell, NA or a declared code"
            }
            Error::NotACount { .. } => "correct the cell, or list the number in answers.missing_codes",
            Error::SuspectCode { .. } => {
                "list it in answers.missing_codes, or in answers.true_counts if people were counted"
            }
            Error::Empty { .. } => "fill the cell or leave the row out, and say so in the report",
            Error::Weight { .. } => {
                "give every respondent a positive weight; rows outside the sample do not belong in the file"
            }
            Error::FrameWeights { .. } => {
                "correct frame.size or the weights; set frame.weights = \"relative\" if they were never meant to sum to it, or raise frame.weight_sum_tolerance and say why"
            }
            Error::PsuInTwoStrata { .. } => {
                "give PSUs unique labels, or set design.psu_nested = true if labels start again in each stratum"
            }
            Error::LonelyPsu { .. } => {
                "join it with a similar stratum, or choose design.lonely_psu = \"adjust\", \"average\", \"remove\" or \"certainty\""
            }
            Error::LonelyRule { .. } => "use --variance taylor, or the rule remove or certainty",
            Error::Fpc { .. } => {
                "give the number of units in the population, the same for all rows of the unit and not below the sample"
            }
            Error::NoDegree => "check the columns of the known groups and their missing codes",
            Error::NoAnswer { .. } => "check the column and its missing codes",
            Error::NoReplicates { .. } => "name the columns in replicates.columns; a trailing * matches any ending",
            Error::NoPartner { .. } => "add the row to that file; every respondent needs a value",
            Error::PartnerTwice { .. } => "leave one of the rows out",
            Error::Replicates { .. } => "choose another --replicates",
            Error::IntervalNeedsReplicates { .. } => "use --variance raowu or given, or the interval t or log",
            Error::Margin { .. } => "correct the margins file, or join levels",
            Error::MarginsDisagree { .. } => "take all margins from one source and year, or scale them to one total",
            Error::Calibration { .. } => "widen the bounds, join small levels, or use raking",
            Error::Range { .. } => "choose a value in that range",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_no_full_stop_and_a_remedy() {
        let error = Error::Weight { column: "wt".into(), row: 7, value: -1.0 };
        assert_eq!(error.to_string(), "column wt, row 7: the weight -1 is not above 0");
        assert!(!error.remedy().ends_with('.') && !error.remedy().is_empty());
    }
}
