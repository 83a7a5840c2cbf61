//! How many respondents does an estimate need?

use serde::Serialize;

use crate::Error;

/// What is expected of a survey that is not made yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// Members of the hidden group in everybody, above 0.
    pub prevalence: f64,
    /// Share of ties to the group that respondents report, networks of members included, in 0..=1.
    pub visible: f64,
    /// Mean network of a respondent.
    pub network: f64,
    /// Known groups together as a share of the frame, in 0..=1.
    pub known_share: f64,
    /// Variance of reports over that of a Poisson count, at least 1.
    pub overdispersion: f64,
    /// Standard deviation, between PSUs, of the logarithm of the prevalence.
    pub between_psus: f64,
    /// Respondents in a PSU.
    pub psu_size: f64,
    /// What unequal weights cost: `n Σw² / (Σw)²`, at least 1.
    pub weighting: f64,
}

/// A survey and how sure its estimate would be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Respondents.
    pub respondents: usize,
    /// PSUs.
    pub psus: usize,
    /// Coefficient of variation of the basic estimate.
    pub cv: f64,
    /// Ends of the 95 % interval over the estimate, on the logarithmic scale.
    pub interval_factors: (f64, f64),
    /// Reports of the hidden group that are expected in all.
    pub reports: f64,
    /// Shares of the squared coefficient of variation: reports, network sizes, differences between PSUs.
    pub from: [f64; 3],
}

impl Expected {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Range`] for the first one outside its range.
    pub fn check(&self) -> Result<(), Error> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let checks = [
            (
                "the prevalence",
                self.prevalence,
                positive(self.prevalence) && self.prevalence < 1.0,
                "above 0 and below 1",
            ),
            ("the visible share", self.visible, positive(self.visible) && self.visible <= 1.0, "above 0 and at most 1"),
            ("the mean network", self.network, positive(self.network), "above 0"),
            (
                "the known share",
                self.known_share,
                positive(self.known_share) && self.known_share <= 1.0,
                "above 0 and at most 1",
            ),
            (
                "the overdispersion",
                self.overdispersion,
                self.overdispersion >= 1.0 && self.overdispersion.is_finite(),
                "at least 1",
            ),
            (
                "the spread between PSUs",
                self.between_psus,
                self.between_psus >= 0.0 && self.between_psus.is_finite(),
                "at least 0",
            ),
            ("the size of a PSU", self.psu_size, self.psu_size >= 1.0 && self.psu_size.is_finite(), "at least 1"),
            ("the weighting effect", self.weighting, self.weighting >= 1.0 && self.weighting.is_finite(), "at least 1"),
        ];
        match checks.into_iter().find(|check| !check.2) {
            Some((what, value, _, expected)) => Err(Error::Range { what, value, expected }),
            None => Ok(()),
        }
    }

    /// What one respondent adds to the inverse of the squared coefficient of variation, in its three parts.
    ///
    /// Reports and network sizes scatter as overdispersed counts, PSUs as a log-normal prevalence:
    /// `n cv² = k (ω / (d p v) + ω / (d κ) + m (e^σ² - 1))`, with `k` for unequal weights and `m` respondents a PSU.
    ///
    /// # Source
    /// The delta method on the ratio of sums; checked against simulated surveys in the tests.
    fn parts(&self) -> [f64; 3] {
        let ties = self.network * self.prevalence * self.visible;
        let between = (self.between_psus * self.between_psus).exp_m1();
        [self.overdispersion / ties, self.overdispersion / (self.network * self.known_share), self.psu_size * between]
            .map(|part| part * self.weighting)
    }

    /// The plan with so many respondents, brought up to whole PSUs.
    ///
    /// # Errors
    /// As [`Expected::check`]; [`Error::Range`] for no respondent.
    pub fn with_respondents(&self, respondents: f64) -> Result<Plan, Error> {
        self.check()?;
        if !(1.0..1e9).contains(&respondents) {
            return Err(Error::Range {
                what: "the number of respondents",
                value: respondents,
                expected: "1 to a billion",
            });
        }
        let psus = (respondents / self.psu_size).ceil();
        let n = (psus * self.psu_size).round();
        let parts = self.parts();
        let sum: f64 = parts.iter().sum();
        let cv = (sum / n).sqrt();
        let reach = (1.96 * cv).exp();
        let reports = n * self.network * self.prevalence * self.visible;
        Ok(Plan {
            respondents: n as usize,
            psus: psus as usize,
            cv,
            interval_factors: (1.0 / reach, reach),
            reports,
            from: parts.map(|part| part / sum),
        })
    }

    /// The smallest plan with this coefficient of variation.
    ///
    /// # Errors
    /// As [`Expected::check`]; [`Error::Range`] for a coefficient that is not above 0 or cannot be reached.
    pub fn with_cv(&self, cv: f64) -> Result<Plan, Error> {
        self.check()?;
        if !(cv > 0.0 && cv < 10.0) {
            return Err(Error::Range {
                what: "the coefficient of variation",
                value: cv,
                expected: "above 0 and below 10",
            });
        }
        self.with_respondents((self.parts().iter().sum::<f64>() / (cv * cv)).max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{coverage, scenarios};

    fn usual() -> Expected {
        Expected {
            prevalence: 0.004,
            visible: 0.4,
            network: 300.0,
            known_share: 0.06,
            overdispersion: 1.0,
            between_psus: 0.0,
            psu_size: 24.0,
            weighting: 1.0,
        }
    }

    #[test]
    fn a_coefficient_of_variation_is_met_and_not_outdone() {
        let plan = usual().with_cv(0.05).unwrap();
        assert!(plan.cv <= 0.05 && plan.respondents.is_multiple_of(24));
        let fewer = usual().with_respondents((plan.respondents - 48) as f64).unwrap();
        assert!(fewer.cv > 0.05);
        assert!(usual().with_cv(0.0).is_err() && Expected { visible: 1.2, ..usual() }.with_cv(0.1).is_err());
    }

    #[test]
    fn the_formula_agrees_with_simulated_surveys() {
        // Weights there run from 1 to 3: n Σw² / (Σw)² is 1.10. Networks of PSUs differ too, which the formula leaves out.
        for (scenario, between_psus) in scenarios().iter().zip([0.0, 0.4]) {
            let expected = Expected { between_psus, weighting: 1.10, ..usual() }.with_respondents(3600.0).unwrap();
            let simulated = coverage(scenario, 400, 3, &|| {}).unwrap();
            let ratio = expected.cv / simulated.spread;
            // A spread from 400 surveys has a standard error of 3.5 %.
            assert!((0.85..1.15).contains(&ratio), "{}: {} {}", scenario.name, expected.cv, simulated.spread);
        }
    }
}
