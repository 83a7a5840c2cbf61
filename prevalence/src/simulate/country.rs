//! What would a whole survey look like, if the truth were known?
//!
//! A made-up country of 10 regions; in each, 15 places are drawn with probability proportional to size, and 24 people in
//! each place are asked how many they know in 12 groups of known size and in 2 of unknown size. The files are those that
//! a real survey would bring: answers, codebook, a table about the places; and, as no real survey, the truth.

use std::fmt::Write;

use crate::chance::{Chance, Purpose};
use crate::draw::{gamma, log_normal, negative_binomial, normal};

const REGIONS: usize = 10;
const PLACES_A_REGION: usize = 15;
const PEOPLE_A_PLACE: usize = 24;
/// Mean network, and the standard deviation of its logarithm.
const NETWORK: (f64, f64) = (300.0, 0.6);
/// Sizes of the known groups as shares of the frame.
const KNOWN: [f64; 12] = [0.0012, 0.003, 0.0045, 0.0008, 0.01, 0.006, 0.0021, 0.015, 0.0007, 0.004, 0.009, 0.0025];
/// Overdispersion of reports on the known groups, and on the hidden ones.
const OVERDISPERSION: (f64, f64) = (1.6, 1.8);
/// Prevalence, share of ties reported, spread between places, effect of one standard deviation of remoteness.
const HIDDEN: [Group; 2] = [
    Group { column: "hidden_a", prevalence: 0.004, reported: 0.5, spread: 0.35, effect: -0.35 },
    Group { column: "hidden_b", prevalence: 0.0015, reported: 0.7, spread: 0.5, effect: 0.0 },
];

struct Group {
    column: &'static str,
    prevalence: f64,
    reported: f64,
    spread: f64,
    effect: f64,
}

/// Files of a made-up survey, and what is true.
#[derive(Clone, Debug, PartialEq)]
pub struct Country {
    /// Answers (CSV).
    pub survey: String,
    /// Codebook (TOML).
    pub codebook: String,
    /// What is known about each place (CSV): its remoteness.
    pub places: String,
    /// The truth (CSV): for each place and hidden group, members in a thousand people, and reported ones.
    pub truth: String,
    /// `[hidden group][place]`: members in a thousand people that a survey can see, that is, prevalence times the share of
    /// ties that is reported; places in the order of their labels.
    pub visible_rates: Vec<Vec<f64>>,
}

/// Makes up a country and a survey of it.
pub fn country(seed: u64) -> Country {
    let mut country = Country {
        survey: String::from("id,region,place,setting,sex,weight"),
        codebook: String::new(),
        places: String::from("place,remoteness\n"),
        truth: String::from("place,hidden,rate_per_1000,visible_rate_per_1000\n"),
        visible_rates: vec![vec![]; HIDDEN.len()],
    };
    let known = (1..=KNOWN.len()).map(|at| format!("known_{at:02}"));
    for column in known.chain(HIDDEN.iter().map(|group| group.column.to_owned())) {
        let _ = write!(country.survey, ",{column}");
    }
    country.survey.push('\n');
    let mut frame_size = 0.0;
    for region in 0..REGIONS {
        // Regions have from 0.6 to 1.95 million people.
        let people = 600_000.0 + 150_000.0 * region as f64;
        frame_size += people;
        let weight = people / (PLACES_A_REGION * PEOPLE_A_PLACE) as f64;
        for place in 0..PLACES_A_REGION {
            country.add_place(seed, region, place, weight);
        }
    }
    country.codebook = codebook(frame_size);
    country
}

impl Country {
    fn add_place(&mut self, seed: u64, region: usize, place: usize, weight: f64) {
        let label = (region + 1) * 100 + place + 1;
        let mut chance = Chance::new(seed, Purpose::Simulate, u64::MAX, label as u64);
        let remoteness = normal(&mut chance);
        let _ = writeln!(self.places, "{label},{:.3}", 30.0 + 10.0 * remoteness);
        let rates: Vec<f64> = HIDDEN
            .iter()
            .map(|group| {
                let explained = (group.effect * remoteness - group.effect * group.effect / 2.0).exp();
                group.prevalence * explained * log_normal(&mut chance, group.spread)
            })
            .collect();
        for ((group, rate), visible) in HIDDEN.iter().zip(&rates).zip(&mut self.visible_rates) {
            let seen = rate * group.reported;
            visible.push(1000.0 * seen);
            let _ = writeln!(self.truth, "{label},{},{:.5},{:.5}", group.column, 1000.0 * rate, 1000.0 * seen);
        }
        let setting = if remoteness < 0.0 { "town" } else { "country" };
        for person in 0..PEOPLE_A_PLACE {
            let sex = if chance.unit() < 0.5 { "F" } else { "M" };
            let network = NETWORK.0 * log_normal(&mut chance, NETWORK.1);
            let id = (label - 101) * PEOPLE_A_PLACE + person;
            let _ = write!(self.survey, "{id},Region {:02},{label},{setting},{sex},{weight:.4}", region + 1);
            for share in KNOWN {
                let _ = write!(self.survey, ",{}", negative_binomial(&mut chance, network * share, OVERDISPERSION.0));
            }
            for (group, rate) in HIDDEN.iter().zip(&rates) {
                let mean = network * rate * group.reported;
                let _ = write!(self.survey, ",{}", negative_binomial(&mut chance, mean, OVERDISPERSION.1));
            }
            self.survey.push('\n');
        }
    }
}

fn codebook(frame_size: f64) -> String {
    let mut text = format!(
        "# A made-up survey of a made-up country, with known truth: see truth.csv.\n\
         title = \"Made-up national household survey\"\n\n\
         [frame]\nsize = {frame_size:.0}\npopulation = \"everybody who lives in the made-up country\"\n\n\
         [design]\nweight = \"weight\"\nstrata = \"region\"\npsu = \"place\"\nid = \"id\"\n\n\
         [answers]\ntop_code = 30\n# Nobody here refuses to answer; counts of 97 to 99 would be people.\n\
         true_counts = [97, 98, 99, 998, 999]\n\n\
         [[domain]]\ncolumn = \"region\"\n\n[[domain]]\ncolumn = \"setting\"\n"
    );
    let adjusts = [
        "{ true_positive_rate = { triangular = [0.35, 0.5, 0.65] }, degree_ratio = { lognormal = { median = 1.0, sd_log = 0.1 } } }",
        "{ true_positive_rate = { beta = { mean = 0.7, sd = 0.08 } }, measured = [\"true_positive_rate\"] }",
    ];
    for (group, adjust) in HIDDEN.iter().zip(adjusts) {
        let letter = group.column.trim_start_matches("hidden_").to_uppercase();
        let size = group.prevalence * frame_size;
        let _ = write!(
            text,
            "\n[[hidden]]\ncolumn = \"{}\"\nlabel = \"Made-up group {letter}\"\n# In truth about {size:.0} people.\nadjust = {adjust}\n",
            group.column
        );
    }
    for (at, share) in KNOWN.iter().enumerate() {
        let _ = write!(
            text,
            "\n[[known]]\ncolumn = \"known_{:02}\"\nlabel = \"Made-up known group {}\"\nsize = {:.0}\nsource = \"made up\"\nyear = 2026\n",
            at + 1,
            at + 1,
            share * frame_size
        );
    }
    text
}

/// The made-up survey again and again with ten million rows or more: bytes of a CSV file, for tests of readers.
///
/// Gamma numbers are drawn once for each block of a thousand rows, so that it is fast.
#[derive(Debug)]
pub struct LongSurvey {
    n_rows: u64,
    at: u64,
    rest: Vec<u8>,
}

impl LongSurvey {
    /// A survey of `n_rows` respondents in a hundred strata of a hundred PSUs: `s,p,w,a,b,h`, each row of weight 1.
    pub fn new(n_rows: u64) -> LongSurvey {
        LongSurvey { n_rows, at: 0, rest: b"s,p,w,a,b,h\n".to_vec() }
    }
}

impl std::io::Read for LongSurvey {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.rest.is_empty() && self.at < self.n_rows {
            let mut chance = Chance::new(1, Purpose::Simulate, self.at, 0);
            let network = gamma(&mut chance, 2.0);
            for row in self.at..(self.at + 1000).min(self.n_rows) {
                let (psu, bits) = (row % 10_000, chance.bits());
                let (a, b) = (bits % 4, (bits >> 8) % 3 + u64::from(network > 2.0));
                self.rest.extend_from_slice(
                    format!("{},{psu},1,{a},{b},{}\n", psu / 100, u64::from((bits >> 16) % 20 == 0)).as_bytes(),
                );
            }
            self.at = (self.at + 1000).min(self.n_rows);
        }
        let n = buffer.len().min(self.rest.len());
        buffer[..n].copy_from_slice(&self.rest[..n]);
        self.rest.drain(..n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::Weights;
    use crate::estimate::Request;
    use crate::estimator::Estimator;
    use crate::variance::Method;
    use crate::{Codebook, Survey, Table, estimates};

    #[test]
    fn a_made_up_survey_is_read_like_a_real_one_and_tells_the_truth() {
        let country = country(5);
        assert_eq!(country, super::country(5));
        let codebook = Codebook::parse(&country.codebook).unwrap();
        let table = Table::read_csv(country.survey.as_bytes(), b',', &Survey::wanted(&codebook, &[], &[])).unwrap();
        let survey = Survey::new(codebook, table).unwrap();
        assert_eq!((survey.design.n_rows(), survey.design.n_psus(), survey.design.df()), (3600, 150, 140));
        let weights = Weights::plain(&survey.weights);
        let request = Request {
            estimator: Estimator::ScaleUp,
            weights: &weights,
            methods: &[Method::Taylor],
            shape: None,
            confidence: 0.999,
            seed: 1,
        };
        for (row, group) in
            estimates(&survey, &request).unwrap().estimates.iter().filter(|row| row.domain.is_none()).zip(&HIDDEN)
        {
            let truth = group.prevalence * group.reported * 1000.0;
            assert!(row.rate_ci_low.unwrap() < truth && truth < row.rate_ci_high.unwrap(), "{row:?}");
        }
    }
}
