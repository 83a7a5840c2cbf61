//! What do the columns of a survey mean?
//!
//! A codebook is one TOML file, read once. Every key is documented here with its unit and default; an unknown key is
//! an error, so that a misspelt one never passes in silence.

mod check;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::prior::Prior;

/// Meaning of a survey's columns, and what is known beside the survey.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Codebook {
    /// Name of the survey, for the head of reports.
    #[serde(default)]
    pub title: String,
    /// The population that the sample stands for.
    #[serde(default)]
    pub frame: Frame,
    /// How the sample was drawn.
    pub design: DesignColumns,
    /// How answers are written.
    #[serde(default)]
    pub answers: Answers,
    /// How the size of a respondent's network is found.
    #[serde(default)]
    pub degree: Degree,
    /// Groups whose size is known from registers or a census.
    #[serde(default)]
    pub known: Vec<Known>,
    /// Groups whose size is the question.
    #[serde(default)]
    pub hidden: Vec<Hidden>,
    /// Columns by which estimates are broken down.
    #[serde(default, rename = "domain")]
    pub domains: Vec<Domain>,
    /// Replicate weights that came with the survey.
    pub replicates: Option<ReplicateColumns>,
    /// When a figure is too weak, or too close to a person, to be printed.
    #[serde(default)]
    pub suppress: Suppress,
}

/// The population that the sample stands for.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Frame {
    /// Number of people in it; needed by every scale-up estimate.
    pub size: Option<f64>,
    /// Who they are, in words.
    pub population: String,
    /// Whether the weights are meant to sum to `size`; default `expansion`, they are.
    pub weights: WeightKind,
    /// How far the sum of expansion weights may lie from `size`, as a share; default 0.1.
    pub weight_sum_tolerance: f64,
}

impl Default for Frame {
    fn default() -> Self {
        Frame { size: None, population: String::new(), weights: WeightKind::default(), weight_sum_tolerance: 0.1 }
    }
}

/// What a weight means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightKind {
    /// How many people of the frame a respondent stands for.
    #[default]
    Expansion,
    /// Only the proportions between weights mean something.
    Relative,
}

/// How the sample was drawn: names of columns.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DesignColumns {
    /// Weight of a respondent, above 0; without it everyone counts 1.
    pub weight: Option<String>,
    /// Stratum of the first stage; without it there is one.
    pub strata: Option<String>,
    /// Primary sampling unit; without it every respondent is one.
    pub psu: Option<String>,
    /// Secondary sampling unit, within the PSU.
    pub ssu: Option<String>,
    /// Population of units at each stage: PSUs in the stratum, then SSUs (or people) in the PSU.
    #[serde(default)]
    pub fpc: Vec<String>,
    /// Respondent's identifier: only compared for equality, never printed.
    pub id: Option<String>,
    /// Whether PSU labels start again in each stratum; default no, and then a repeated label is an error.
    #[serde(default)]
    pub psu_nested: bool,
    /// What to do with a stratum that has one PSU; default `fail`.
    #[serde(default)]
    pub lonely_psu: LonelyPsu,
}

/// What to do with a stratum that has one PSU and is not a census.
///
/// Source: option `survey.lonely.psu` of the R package survey, whose results these reproduce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LonelyPsu {
    /// Refuse: the analyst must choose.
    #[default]
    Fail,
    /// The stratum adds nothing to the variance.
    Remove,
    /// The PSU was certain to be drawn: it adds nothing to the variance of the first stage.
    Certainty,
    /// The PSU is compared with zero influence instead of with its own mean: cautious.
    Adjust,
    /// The stratum gets the average variance of the others.
    Average,
}

impl LonelyPsu {
    /// The word used in codebooks.
    pub fn word(self) -> &'static str {
        match self {
            LonelyPsu::Fail => "fail",
            LonelyPsu::Remove => "remove",
            LonelyPsu::Certainty => "certainty",
            LonelyPsu::Adjust => "adjust",
            LonelyPsu::Average => "average",
        }
    }
}

/// How answers are written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answers {
    /// Numbers that stand for "does not know", "refused" and so on.
    pub missing_codes: Vec<f64>,
    /// Numbers among 97, 98, 99, 998, 999 that are counts after all.
    pub true_counts: Vec<f64>,
    /// What a missing answer about a known group does to the respondent's network size; default `drop`.
    pub missing: Missing,
    /// Largest answer about a *known* group that is believed; larger ones count as this. Default: no limit.
    pub top_code: Option<f64>,
}

/// What a missing answer about a known group does to the respondent's network size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// The respondent has no network size and is left out of every scale-up estimate.
    #[default]
    Drop,
    /// Missing counts as nobody. Understates networks; never the default.
    Zero,
    /// The network size is scaled up from the groups that were answered.
    Observed,
}

/// How the size of a respondent's network is found.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Degree {
    /// `known` (default) or `summation`.
    pub method: DegreeMethod,
    /// Columns that are added up in the summation method.
    pub columns: Vec<String>,
}

/// How the size of a respondent's network is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DegreeMethod {
    /// From the answers about groups of known size.
    #[default]
    Known,
    /// The sum of answers about kinds of acquaintance (family, neighbours, …).
    Summation,
}

/// A group whose size is known.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Column with the number of people the respondent knows in it.
    pub column: String,
    /// How many people are in it, above 0 and at most the frame.
    pub size: f64,
    /// In words, for reports.
    #[serde(default)]
    pub label: String,
    /// Who counted them.
    #[serde(default)]
    pub source: String,
    /// Year of the count.
    pub year: Option<i32>,
}

/// A group whose size is the question.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hidden {
    /// Column with the number of people the respondent knows in it.
    pub column: String,
    /// In words, for reports.
    #[serde(default)]
    pub label: String,
    /// Largest answer that is believed; default: no limit.
    pub top_code: Option<f64>,
    /// What is assumed about visibility.
    #[serde(default)]
    pub adjust: Adjust,
}

/// What is assumed, or was measured, about the visibility of a hidden group.
///
/// Adjusted size = basic size × precision / (frame ratio × degree ratio × true-positive rate).
/// Source: Feehan and Salganik 2016, "Generalizing the network scale-up method", §3, table 1.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adjust {
    /// Average network of the hidden group over that of the frame, above 0.
    pub degree_ratio: Option<Prior>,
    /// Share of ties to the hidden group that are reported, in 0..=1.
    pub true_positive_rate: Option<Prior>,
    /// Average network, within the frame, of the frame's members over that of everyone, in 0..=1.
    pub frame_ratio: Option<Prior>,
    /// Share of reports that are true, in 0..=1.
    pub precision: Option<Prior>,
    /// Names of those that were measured in this population; all others are printed as assumed.
    pub measured: Vec<String>,
}

/// A column by which estimates are broken down.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// The column.
    pub column: String,
    /// Number of people in each level, where known; without it the weights estimate the share.
    #[serde(default)]
    pub sizes: BTreeMap<String, f64>,
}

/// Replicate weights that came with the survey.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicateColumns {
    /// Names of the columns; a trailing `*` matches any ending.
    pub columns: Vec<String>,
    /// Whether a column holds whole weights or factors on the weight; default `weights`.
    #[serde(default)]
    pub kind: ReplicateKind,
    /// Factor on the sum of squared deviations; default 1 / (replicates - 1), as for a bootstrap.
    pub scale: Option<f64>,
    /// Factor for each replicate; default 1.
    #[serde(default)]
    pub rscales: Vec<f64>,
}

/// What a replicate column holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplicateKind {
    /// The whole weight of the respondent in that replicate.
    #[default]
    Weights,
    /// A factor on the respondent's weight.
    Factors,
}

/// When a figure about a small area is too weak, or too close to a person, to be printed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Suppress {
    /// Fewest respondents in a domain; default 30.
    pub min_respondents: usize,
    /// Fewest respondents in a domain who report anybody in the hidden group; default 5.
    pub min_reporting: usize,
    /// Fewest PSUs in a domain; default 2.
    pub min_psus: usize,
    /// Largest coefficient of variation in a domain; default 0.5.
    pub max_cv: f64,
    /// Fewest respondents in an area for an estimate that borrows from other areas; default 10.
    pub min_area_respondents: usize,
}

impl Default for Suppress {
    fn default() -> Self {
        Suppress { min_respondents: 30, min_reporting: 5, min_psus: 2, max_cv: 0.5, min_area_respondents: 10 }
    }
}

impl Codebook {
    /// Reads and checks a codebook.
    ///
    /// # Errors
    /// [`Error::CodebookSyntax`] for broken TOML and unknown keys; [`Error::CodebookValue`] for a value outside its
    /// range; [`Error::CodebookTwice`] for a column with two roles.
    pub fn parse(text: &str) -> Result<Codebook, Error> {
        let codebook: Codebook =
            toml::from_str(text).map_err(|error| Error::CodebookSyntax { message: error.to_string() })?;
        check::check(&codebook)?;
        Ok(codebook)
    }

    /// The frame's size.
    ///
    /// # Errors
    /// [`Error::CodebookLacks`] when the codebook does not give it.
    pub fn frame_size(&self) -> Result<f64, Error> {
        self.frame.size.ok_or(Error::CodebookLacks { key: "frame.size", wanted_by: "a scale-up estimate" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error() {
        let error = Codebook::parse("[design]\nwieght = \"wt\"\n").unwrap_err();
        assert!(error.to_string().contains("wieght"), "{error}");
    }

    #[test]
    fn a_codebook_survives_a_round_trip() {
        let text = "[frame]\nsize = 1000\n[design]\nweight = \"w\"\n[[known]]\ncolumn = \"k\"\nsize = 10\n\
                    [[hidden]]\ncolumn = \"h\"\nadjust = { true_positive_rate = 0.5 }\n";
        let codebook = Codebook::parse(text).unwrap();
        assert_eq!(Codebook::parse(&toml::to_string(&codebook).unwrap()).unwrap(), codebook);
    }
}
