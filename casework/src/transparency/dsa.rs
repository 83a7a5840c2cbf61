//! What do the parts of the template of Implementing Regulation (EU) 2024/2835, Annex I, ask, and what does the log know?
//!
//! Heads, indicators and scopes are the template's own words (<https://eur-lex.europa.eu/eli/reg_impl/2024/2835/oj>), as they
//! stand in reports that providers published with it. Median times are whole hours, as its Annex II asks. The rows for
//! kinds of content that this program has nothing to do with are not written; the house adds them from elsewhere.

use super::{Heard, Part, Source, Table, Tally, median, shown};
use crate::Verdict;
use crate::appeal::Ruling;

const SERVICES: &str = "All";
const HOSTS: &str = "Only for providers of hosting services, including online platforms";
const PLATFORMS: &str = "Only for providers of online platforms";
const LARGE: &str = "Only for VLOPs";
const CATEGORIES: [&str; 2] = ["TOTAL", "STATEMENT_CATEGORY_PROTECTION_OF_MINORS"];
const UNKNOWN: &str = "Not known from this store; left empty, not 0";

const LONG: [&str; 8] = [
    "Applicability",
    "Service",
    "Reporting period",
    "Section",
    "Indicator",
    "Scope",
    "Value",
    "Contextual Information",
];

pub(super) fn table(part: Part, tally: &Tally, service: &str) -> Table {
    let period = format!("{}/{}", tally.period.from, tally.period.to);
    let form = Filling { tally, service, period };
    match part {
        Part::Identification => form.identification(),
        Part::Orders => form.wide(SERVICES, &ORDERS, |_| None, &[("Scope", "TOTAL")]),
        Part::Notices => form.wide(HOSTS, &NOTICES, |figure| form.notice(figure), &[]),
        Part::OwnIllegal => form.wide(SERVICES, &MEASURES, |figure| form.own(figure), &[]),
        Part::OwnTerms => form.wide(SERVICES, &MEASURES, |_| None, &[]),
        Part::Appeals => form.appeals(),
        Part::Automated => form.automated(),
        Part::People => form.long(vec![
            Row::empty(LARGE, PEOPLE, "Number of internal moderators employed by the provider", "Total number"),
            Row::empty(LARGE, PEOPLE, "Number of external moderators contracted by the provider", "Total number"),
            Row::empty(
                LARGE,
                PEOPLE,
                "Number of total moderators with sufficient linguistic expertise",
                "Total number",
            ),
        ]),
        Part::Recipients => form.long(vec![Row::empty(
            "Only for VLOPs and VLOSEs",
            "AMAR",
            "Number of average monthly active recipients during the reporting period",
            "TOTAL",
        )]),
    }
}

const PEOPLE: &str = "Human resources dedicated to content moderation";

const ORDERS: [&str; 7] = [
    "Number of orders to act against illegal content received",
    "Number of specific items of information included in the total number of orders to act against illegal content",
    "Median time to inform the authority of the receipt of the order to act against illegal content",
    "Median time to give effect to the order to act against illegal content",
    "Number of orders to provide information",
    "Median time to inform the authority of the receipt of the order to provide information",
    "Median time to give effect to the order to provide information",
];

const NOTICES: [&str; 10] = [
    "Number of notices received",
    "Number of notices received from Trusted flaggers",
    "Number of specific items of information included in the total number of notices",
    "Number of specific items of information included in the total number of notices by Trusted Flaggers (Trusted Flagger notices)",
    "Median time to take action",
    "Median time to take action (Trusted Flagger notices)",
    "Number of actions taken on the basis of the law",
    "Number of actions taken on the basis of the law (Trusted Flagger notices)",
    "Number of actions taken on the basis of the terms and conditions of the service",
    "Number of actions taken on the basis of the terms and conditions of the service (Trusted Flagger notices)",
];

const MEASURES: [&str; 16] = [
    "Number of measures taken at the provider's own initiative",
    "Number of measures taken after detection with solely automated means",
    "Visibility restriction Removal",
    "Visibility restriction Disable",
    "Visibility restriction Demoted",
    "Visibility restriction Age restricted",
    "Visibility restriction Interaction restricted",
    "Visibility restriction Labelled",
    "Visibility restriction Other",
    "Monetary restriction Suspension",
    "Monetary restriction Termination",
    "Monetary restriction Other",
    "Provision of the service Suspension",
    "Provision of the service Termination",
    "Account restriction Suspension",
    "Account restriction Termination",
];

/// A figure, where it is known, and what is said of it.
type Told = Option<(Option<String>, String)>;

struct Filling<'t> {
    tally: &'t Tally,
    service: &'t str,
    period: String,
}

/// A row of a long table.
struct Row {
    who: &'static str,
    section: &'static str,
    indicator: &'static str,
    scope: &'static str,
    value: Option<String>,
    told: String,
}

impl Row {
    fn empty(who: &'static str, section: &'static str, indicator: &'static str, scope: &'static str) -> Row {
        Row { who, section, indicator, scope, value: None, told: UNKNOWN.to_owned() }
    }
}

impl Filling<'_> {
    fn identification(&self) -> Table {
        let row = |indicator: &str, value: String| vec![SERVICES.into(), self.service.into(), indicator.into(), value];
        let rows = vec![
            row("Name of the service provider", self.service.to_owned()),
            row("Date of the publication of the report", String::new()),
            row("Date of the publication of the latest previous report", String::new()),
            row("Starting date of reporting period", self.tally.period.from.to_string()),
            row("Ending date of reporting period", self.tally.period.to.to_string()),
        ];
        Table { heads: ["Applicability", "Service", "Indicator", "Value"].map(str::to_owned).to_vec(), rows }
    }

    /// A part with a row for each category and a column for each figure.
    fn wide(&self, who: &str, figures: &[&str], told: impl Fn(&str) -> Told, more: &[(&str, &str)]) -> Table {
        let first = ["Applicability", "Service", "Reporting period", "Category of illegal content"];
        let mut heads: Vec<String> = first.map(str::to_owned).to_vec();
        heads.push("Description of the sub-category \"Other\"".to_owned());
        heads.extend(more.iter().map(|(name, _)| (*name).to_owned()));
        heads.extend(figures.iter().map(|figure| (*figure).to_owned()));
        heads.extend(figures.iter().map(|figure| format!("Contextual information on {figure}")));
        let row = |category: &str| {
            let mut row: Vec<String> = [who, self.service, &self.period, category, ""].map(str::to_owned).to_vec();
            row.extend(more.iter().map(|(_, value)| (*value).to_owned()));
            let told: Vec<Told> = figures.iter().map(|figure| told(figure)).collect();
            row.extend(told.iter().map(|told| shown(told.as_ref().and_then(|(value, _)| value.clone()))));
            row.extend(told.into_iter().map(|told| told.map_or_else(|| UNKNOWN.to_owned(), |(_, words)| words)));
            row
        };
        Table { heads, rows: CATEGORIES.iter().map(|category| row(category)).collect() }
    }

    fn long(&self, rows: Vec<Row>) -> Table {
        let row = |row: Row| {
            let Row { who, section, indicator, scope, value, told } = row;
            let texts = [who, self.service, &self.period, section, indicator, scope].map(str::to_owned);
            texts.into_iter().chain([shown(value), told]).collect()
        };
        Table { heads: LONG.map(str::to_owned).to_vec(), rows: rows.into_iter().map(row).collect() }
    }

    fn notice(&self, figure: &str) -> Told {
        let tally = self.tally;
        let waits = || {
            let notices =
                tally.decided().filter(|(_, case, last)| case.is_notice() && last.verdict == Verdict::Violation);
            let hours = notices.filter_map(|(_, case, last)| {
                Some((last.at.as_second() - case.came_at?.as_second() + 1800).div_euclid(3600))
            });
            median(hours)
        };
        match figure {
            "Number of notices received" => Some((
                Some(tally.n_incidents(Source::UserReport).to_string()),
                "Things that a user told of, each once; whether each was a notice under Article 16 is not in this store".into(),
            )),
            "Median time to take action" => Some((
                waits().map(|hours| hours.to_string()),
                "Hours from when it was referred until a person decided that something must be reported; what the service \
                 did then is not in this store"
                    .into(),
            )),
            "Number of actions taken on the basis of the law" => Some((
                None,
                format!(
                    "What the service did is not in this store; left empty, not 0. Cases that a user told of and about which \
                     a person decided that something must be reported: {}",
                    tally.n_decided(|case, last| case.is_notice() && last.verdict == Verdict::Violation)
                ),
            )),
            _ => None,
        }
    }

    fn own(&self, figure: &str) -> Told {
        let is_it = |case: &super::Case, last: super::Decision| !case.is_notice() && last.verdict == Verdict::Violation;
        let told = |what: &str, n: usize| {
            let words = format!(
                "What the service did is not in this store; left empty, not 0. Cases {what} and about which a person decided \
                 that something must be reported: {n}"
            );
            Some((None, words))
        };
        match figure {
            "Number of measures taken at the provider's own initiative" => {
                told("that no user told of", self.tally.n_decided(is_it))
            }
            "Number of measures taken after detection with solely automated means" => told(
                "that only matches and scores found",
                self.tally.n_decided(|case, last| is_it(case, last) && case.is_automatic),
            ),
            _ => None,
        }
    }

    fn appeals(&self) -> Table {
        const COMPLAINTS: &str = "Internal complaints mechanism";
        const ALL: &str = "Number of complaints submitted to the internal-complaints mechanism";
        const ON_NOTICES: &str =
            "Complaint regarding a decision not to take action on a notice submitted in accordance with Article 16";
        const DISPUTES: &str = "Out-of-court dispute settlement bodies";
        const N_DISPUTES: &str = "Number of disputes submitted to out-of-court dispute settlement bodies";
        const REPEATED: &str = "Suspensions imposed on repeated offenders";
        let tally = self.tally;
        let known = |who, indicator, scope, value: Option<String>, told: &str| Row {
            who,
            section: COMPLAINTS,
            indicator,
            scope,
            value,
            told: told.to_owned(),
        };
        let ruled = |is_it: &dyn Fn(&Heard) -> bool, ruling| {
            tally.appeals.iter().filter(|heard| is_it(heard) && heard.ruling == ruling).count().to_string()
        };
        let hours = |is_it: &dyn Fn(&Heard) -> bool| {
            median(tally.appeals.iter().filter(|heard| is_it(heard)).map(|heard| heard.hours))
                .map(|hours| hours.to_string())
        };
        let all = |_: &Heard| true;
        let on_notices = |heard: &Heard| heard.is_notice && heard.against == Verdict::NoViolation;
        let no_part = "An appeal here is upheld or reversed; there is no third way";
        let notice = "Appeals that were answered against a decision that there is nothing to report, in a case that a user \
                      told of; whether that was a notice under Article 16 is not in this store";
        let mut rows = vec![
            known(
                SERVICES,
                ALL,
                "Total number",
                Some(tally.n_appeals.to_string()),
                "Appeals that were written down in the period",
            ),
            known(PLATFORMS, ALL, "Decisions upheld", Some(ruled(&all, Ruling::Upheld)), "Answered in the period"),
            known(PLATFORMS, ALL, "Decisions partially reversed", Some("0".into()), no_part),
            known(PLATFORMS, ALL, "Decisions reversed", Some(ruled(&all, Ruling::Reversed)), "Answered in the period"),
            known(
                PLATFORMS,
                ALL,
                "Median time",
                hours(&all),
                "Hours from when somebody appealed until they were answered",
            ),
            Row::empty(PLATFORMS, COMPLAINTS, ALL, "Decision omitted"),
            Row::empty(
                PLATFORMS,
                COMPLAINTS,
                "Number of restrictions newly imposed as a result of an internal complaint",
                "Total number",
            ),
        ];
        for indicator in [
            "Complaint regarding a decision to remove or disable access to or restrict visibility of information",
            "Complaint regarding a decision to suspend or terminate the provision of the service",
            "Complaint regarding a decision to suspend or terminate an account",
            "Complaint regarding a decision to restrict the ability to monetise information",
        ] {
            rows.extend(RULINGS.map(|scope| Row::empty(PLATFORMS, COMPLAINTS, indicator, scope)));
        }
        let n_on_notices = tally.appeals.iter().filter(|heard| on_notices(heard)).count().to_string();
        rows.extend([
            known(PLATFORMS, ON_NOTICES, "Total number", Some(n_on_notices), notice),
            known(PLATFORMS, ON_NOTICES, "Decisions upheld", Some(ruled(&on_notices, Ruling::Upheld)), notice),
            known(PLATFORMS, ON_NOTICES, "Decisions partially reversed", Some("0".into()), no_part),
            known(PLATFORMS, ON_NOTICES, "Decisions reversed", Some(ruled(&on_notices, Ruling::Reversed)), notice),
            known(PLATFORMS, ON_NOTICES, "Median time", hours(&on_notices), notice),
        ]);
        let flagger = "Complaint regarding a decision not to take action on a notice submitted by a Trusted Flagger in \
                       accordance with Article 16";
        rows.extend(RULINGS.map(|scope| Row::empty(PLATFORMS, COMPLAINTS, flagger, scope)));
        rows.extend(RULINGS.map(|scope| Row::empty(PLATFORMS, DISPUTES, N_DISPUTES, scope)));
        for scope in ["Decision omitted", "Percentage of outcomes implemented"] {
            rows.push(Row::empty(PLATFORMS, DISPUTES, N_DISPUTES, scope));
        }
        for indicator in [
            "Number of suspensions enacted for the provision of manifestly illegal content",
            "Number of suspensions enacted for the provision of manifestly unfounded notices",
            "Number of suspensions enacted for the provision of manifestly unfounded complaints",
        ] {
            rows.push(Row::empty(PLATFORMS, REPEATED, indicator, "Total number"));
        }
        self.long(rows)
    }

    fn automated(&self) -> Table {
        const SECTION: &str = "Use of automated means for content moderation";
        let is_found = |case: &super::Case| case.is_automatic;
        let n_found = self.tally.n_decided(|case, _| is_found(case));
        let n_right = self.tally.n_decided(|case, last| is_found(case) && last.verdict == Verdict::Violation);
        let precision = (n_found > 0).then(|| format!("{:.4}", n_right as f64 / n_found as f64));
        let row = |indicator, scope, value: Option<String>, told: String| Row {
            who: SERVICES,
            section: SECTION,
            indicator,
            scope,
            value,
            told,
        };
        let agreement = self.tally.agreement();
        let share = |value: Option<f64>| value.map(|value| format!("{value:.4}"));
        let rate = agreement.error_rate;
        let total = "Total number";
        let second = format!(
            "Of {} decisions by a person, drawn at random and looked at by a second one who was not told, {} would have been \
             decided otherwise; interval at 95 % by Wilson's method",
            agreement.n, agreement.n_differ
        );
        self.long(vec![
            row(
                "Number of measures solely taken by automated means",
                total,
                None,
                "A guard covers by itself, and how often is not in this store; left empty, not 0. Every case here is decided by a person".into(),
            ),
            row("Number of measures not taken by automated means", total, None, UNKNOWN.into()),
            row("Accuracy of the automated means - Accuracy", total, None, "What no machine found is not in this store; left empty, not 0".into()),
            row(
                "Accuracy of the automated means - Precision",
                total,
                precision,
                format!(
                    "Of {n_found} decided cases that only matches and scores found, {n_right} in which a person decided that \
                     something must be reported"
                ),
            ),
            row("Accuracy of the automated means - Recall", total, None, "What no machine found is not in this store; left empty, not 0".into()),
            row("Error rate of decisions by a person", total, share(rate.map(|rate| rate.value)), second.clone()),
            row("Error rate of decisions by a person - lower end", total, share(rate.map(|rate| rate.low)), second.clone()),
            row("Error rate of decisions by a person - upper end", total, share(rate.map(|rate| rate.high)), second),
            row(
                "Agreement of two people - Krippendorff's alpha",
                total,
                share(agreement.alpha),
                "Nominal, two values: 1 is full agreement, 0 what chance gives; not defined while all found the same".into(),
            ),
        ])
    }
}

/// What became of complaints, in the template's words.
const RULINGS: [&str; 5] =
    ["Total number", "Decisions upheld", "Decisions partially reversed", "Decisions reversed", "Median time"];
