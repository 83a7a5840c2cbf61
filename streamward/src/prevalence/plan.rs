//! How many respondents does an estimate need?

use clap::Args;
use prevalence::plan::{Expected, Plan};
use serde::Serialize;

use super::explain;
use super::print::{self, number};

/// Says how many respondents an estimate needs, or how sure it is with so many.
#[derive(Args)]
pub(super) struct PlanSurvey {
    /// Members of the hidden group in everybody, as a share.
    #[arg(long, value_name = "SHARE")]
    prevalence: f64,
    /// Share of ties to the group that respondents are expected to report.
    #[arg(long, default_value_t = 0.5, value_name = "SHARE")]
    visible: f64,
    /// Mean network of a respondent.
    #[arg(long, default_value_t = 300.0, value_name = "PEOPLE")]
    network: f64,
    /// Known groups together, as a share of the frame.
    #[arg(long, default_value_t = 0.05, value_name = "SHARE")]
    known_share: f64,
    /// Variance of reports over that of a Poisson count.
    #[arg(long, default_value_t = 1.5, value_name = "RATIO")]
    overdispersion: f64,
    /// Standard deviation between PSUs of the logarithm of the prevalence.
    #[arg(long, default_value_t = 0.4, value_name = "SD")]
    between_psus: f64,
    /// Respondents in a PSU.
    #[arg(long, default_value_t = 24.0, value_name = "N")]
    psu_size: f64,
    /// What unequal weights cost: n Σw² / (Σw)².
    #[arg(long, default_value_t = 1.1, value_name = "RATIO")]
    weighting: f64,
    /// Coefficient of variation that is wanted.
    #[arg(long, default_value_t = 0.1, value_name = "CV")]
    cv: f64,
    /// Instead, respondents that there will be.
    #[arg(long, value_name = "N", conflicts_with = "cv")]
    respondents: Option<f64>,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    expected: &'a Expected,
    plan: &'a Plan,
}

impl PlanSurvey {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let expected = Expected {
            prevalence: self.prevalence,
            visible: self.visible,
            network: self.network,
            known_share: self.known_share,
            overdispersion: self.overdispersion,
            between_psus: self.between_psus,
            psu_size: self.psu_size,
            weighting: self.weighting,
        };
        let plan = match self.respondents {
            Some(respondents) => expected.with_respondents(respondents),
            None => expected.with_cv(self.cv),
        };
        let plan = plan.map_err(explain)?;
        if self.json {
            return print::json(&Output { expected: &expected, plan: &plan });
        }
        let count = |n: usize| number(Some(n as f64), 0);
        let [reports, networks, places] = plan.from.map(|share| format!("{:.0} %", 100.0 * share));
        print::out(&format!(
            "{} respondents in {} PSUs: about {:.0} reports, coefficient of variation {:.1} %\n\
             the 95 % interval would reach from {:.2} to {:.2} times the estimate, before doubt about adjustments\n\
             of the squared coefficient, {reports} comes from the number of reports, {networks} from network sizes, {places} from differences between PSUs\n",
            count(plan.respondents),
            count(plan.psus),
            plan.reports,
            100.0 * plan.cv,
            plan.interval_factors.0,
            plan.interval_factors.1
        ))
    }
}
