//! What do the authorities' forms ask, and which of it does the log know?
//!
//! A [`Tally`] goes through the log once and counts what happened in a period; [`table`] fills the forms from it. What the
//! log does not know stays empty and the form says so: it is never 0. What was only paid is in none of them.

mod dsa;
mod ofcom;
mod statements;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::appeal::Ruling;
use crate::case::Event;
use crate::quality::Agreement;
use crate::referral::{Seen, Source};
use crate::role::Compartment;
use crate::{Deed, Verdict};

pub use statements::COLUMNS as STATEMENT_COLUMNS;

/// From the first day to the last, both whole, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

/// Which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Measures and figures for the record under section 23 of the Online Safety Act 2023.
    Ofcom,
    /// Statements of reasons, Article 17 and 24(5) of Regulation (EU) 2022/2065.
    Statements,
    /// A part of the template of Annex I to Implementing Regulation (EU) 2024/2835.
    Dsa(Part),
}

/// A part of the template, by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// 1: who reports on which period.
    Identification,
    /// 3: orders from Member States.
    Orders,
    /// 4: notices.
    Notices,
    /// 5: measures at the provider's own initiative against illegal content.
    OwnIllegal,
    /// 6: measures at the provider's own initiative under its terms.
    OwnTerms,
    /// 7: complaints, disputes and suspensions.
    Appeals,
    /// 8: automated means.
    Automated,
    /// 9: people.
    People,
    /// 10: recipients.
    Recipients,
}

/// A form that was filled in: heads and rows of text, empty where nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The heads of its columns.
    pub heads: Vec<String>,
    /// Its rows, each as long as the heads.
    pub rows: Vec<Vec<String>>,
}

/// What happened in a period.
#[derive(Clone, Debug)]
pub struct Tally {
    period: Period,
    cases: BTreeMap<String, Case>,
    incidents: BTreeMap<Source, u64>,
    known: BTreeSet<String>,
    appeals: Vec<Heard>,
    n_appeals: u64,
    pairs: Vec<(Verdict, Verdict)>,
    n_filed: u64,
    waits_live_s: Vec<i64>,
    waits_s: Vec<i64>,
}

/// What is known of one case, over all time.
#[derive(Clone, Debug, Default)]
struct Case {
    sources: BTreeSet<Source>,
    is_live: bool,
    is_automatic: bool,
    began_on: Option<Date>,
    came_at: Option<Timestamp>,
    is_taken: bool,
    decisions: Vec<Decision>,
    against: Vec<(Verdict, Timestamp)>,
    drawn: VecDeque<Verdict>,
    is_finishing: bool,
}

/// A decision about a case.
#[derive(Clone, Copy, Debug)]
struct Decision {
    verdict: Verdict,
    at: Timestamp,
}

/// An appeal that was answered.
#[derive(Clone, Copy, Debug)]
struct Heard {
    against: Verdict,
    ruling: Ruling,
    hours: i64,
    is_notice: bool,
}

impl Period {
    /// Whether it holds this moment.
    pub fn has(&self, at: Timestamp) -> bool {
        let day = TimeZone::UTC.to_datetime(at).date();
        self.from <= day && day <= self.to
    }
}

impl Form {
    /// Every form.
    pub const ALL: [Form; 11] = [
        Form::Ofcom,
        Form::Statements,
        Form::Dsa(Part::Identification),
        Form::Dsa(Part::Orders),
        Form::Dsa(Part::Notices),
        Form::Dsa(Part::OwnIllegal),
        Form::Dsa(Part::OwnTerms),
        Form::Dsa(Part::Appeals),
        Form::Dsa(Part::Automated),
        Form::Dsa(Part::People),
        Form::Dsa(Part::Recipients),
    ];

    /// The name of its file; those of the template's parts are as the Commission numbers and names them.
    pub fn file_name(self) -> &'static str {
        match self {
            Form::Ofcom => "ofcom_record.csv",
            Form::Statements => "dsa_statements_of_reasons.csv",
            Form::Dsa(Part::Identification) => "1_report_identification.csv",
            Form::Dsa(Part::Orders) => "3_member_states_orders.csv",
            Form::Dsa(Part::Notices) => "4_notices.csv",
            Form::Dsa(Part::OwnIllegal) => "5_own_initiative_illegal.csv",
            Form::Dsa(Part::OwnTerms) => "6_own_initiative_TC.csv",
            Form::Dsa(Part::Appeals) => "7_appeals_and_recidivism.csv",
            Form::Dsa(Part::Automated) => "8_automated_means.csv",
            Form::Dsa(Part::People) => "9_human_resources.csv",
            Form::Dsa(Part::Recipients) => "10_AMAR.csv",
        }
    }

    /// What it is, in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Form::Ofcom => {
                "Measures in use and their figures, for the written record under section 23 of the Online Safety Act 2023"
            }
            Form::Statements => {
                "Statements of reasons, one a decision, with the fields of the DSA Transparency Database"
            }
            Form::Dsa(Part::Identification) => "Who reports on which period",
            Form::Dsa(Part::Orders) => "Orders of Member States: nothing of them is in this store",
            Form::Dsa(Part::Notices) => "Notices",
            Form::Dsa(Part::OwnIllegal) => "Measures at the provider's own initiative, illegal content",
            Form::Dsa(Part::OwnTerms) => {
                "Measures at the provider's own initiative, terms and conditions: nothing of them is in this store"
            }
            Form::Dsa(Part::Appeals) => "Complaints, disputes and suspensions",
            Form::Dsa(Part::Automated) => "Automated means and their accuracy",
            Form::Dsa(Part::People) => "People who moderate: nothing of them is in this store",
            Form::Dsa(Part::Recipients) => "Monthly recipients: nothing of them is in this store",
        }
    }

    /// The form with this file name.
    pub fn named(name: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.file_name() == name)
    }
}

/// Fills a form in.
///
/// `service` is the provider's name; empty where the house has not set it.
pub fn table(form: Form, tally: &Tally, service: &str) -> Table {
    match form {
        Form::Ofcom => ofcom::table(tally),
        Form::Statements => statements::table(tally),
        Form::Dsa(part) => dsa::table(part, tally, service),
    }
}

impl Tally {
    /// Nothing yet, of this period.
    pub fn new(period: Period) -> Tally {
        Tally {
            period,
            cases: BTreeMap::new(),
            incidents: BTreeMap::new(),
            known: BTreeSet::new(),
            appeals: Vec::new(),
            n_appeals: 0,
            pairs: Vec::new(),
            n_filed: 0,
            waits_live_s: Vec::new(),
            waits_s: Vec::new(),
        }
    }

    /// Takes the next entry of the log, also one from outside of the period: what came before is part of what is counted.
    pub fn take(&mut self, id: &str, at: Timestamp, deed: &Deed) {
        let is_in = self.period.has(at);
        if let Deed::Referred(referral) = deed {
            if deed.compartment() == Compartment::Video {
                let intake = referral.intake();
                let case = self.cases.entry(id.to_owned()).or_default();
                case.sources.insert(intake.source);
                case.is_live |= intake.source == Source::Guard && intake.ended_at.is_none();
                let day = TimeZone::UTC.to_datetime(intake.began_at).date();
                // Told by somebody is not found by a machine.
                let is_automatic = !matches!(intake.seen, Seen::Told(_));
                case.is_automatic =
                    if case.came_at.is_none() { is_automatic } else { case.is_automatic && is_automatic };
                case.began_on = Some(case.began_on.map_or(day, |before| before.min(day)));
                case.came_at.get_or_insert(at);
                let is_new = self.known.insert(referral.key());
                *self.incidents.entry(intake.source).or_default() += u64::from(is_in && is_new);
            }
            return;
        }
        // A case in which nothing was seen is in no figure.
        let Some(case) = self.cases.get_mut(id) else { return };
        match deed {
            Deed::Moved(Event::Taken { .. }) if !case.is_taken => {
                case.is_taken = true;
                let waited = case.came_at.map(|came| at.as_second() - came.as_second());
                let waits = if case.is_live { &mut self.waits_live_s } else { &mut self.waits_s };
                waits.extend(waited.filter(|_| is_in));
            }
            Deed::Moved(Event::Decided(decision)) => case.decisions.push(Decision { verdict: decision.verdict, at }),
            Deed::AppealReceived(received) => {
                let against = case.decisions.last().map_or(Verdict::Violation, |last| last.verdict);
                case.against.push((against, received.received_at));
                self.n_appeals += u64::from(is_in);
            }
            Deed::AppealAnswered { appeal, answer } => {
                let told = appeal.checked_sub(1).and_then(|index| case.against.get(index)).copied();
                let Some((against, received_at)) = told else { return };
                let stands = case.decisions.last().is_some_and(|last| last.verdict == against);
                if answer.ruling == Ruling::Reversed && stands {
                    case.decisions.push(Decision { verdict: against.opposite(), at });
                }
                if is_in {
                    let hours = (at.as_second() - received_at.as_second() + 1800).div_euclid(3600);
                    let is_notice = case.sources.contains(&Source::UserReport);
                    self.appeals.push(Heard { against, ruling: answer.ruling, hours, is_notice });
                }
            }
            Deed::Drawn { first, .. } => case.drawn.push_back(*first),
            Deed::SecondFound(second) => {
                let first = case.drawn.pop_front();
                self.pairs.extend(first.filter(|_| is_in).map(|first| (first, second.verdict)));
            }
            Deed::Filing { step, .. } => {
                use crate::cybertip::Class;
                use crate::filing::{Request, Step};
                match step {
                    Step::Intended { request, .. } => case.is_finishing = matches!(request, Request::Finish { .. }),
                    Step::Answered { answer: Some(answer), .. } if case.is_finishing => {
                        let is_filed = matches!(answer.code.class(), Class::Success | Class::Finished);
                        self.n_filed += u64::from(is_filed && is_in);
                        case.is_finishing = false;
                    }
                    Step::Answered { .. } | Step::Resumed { .. } => {}
                }
            }
            _ => {}
        }
    }

    /// The agreement of second looks in the period.
    pub fn agreement(&self) -> Agreement {
        Agreement::of(&self.pairs)
    }

    /// Each case decided in the period with the decision that counts.
    fn decided(&self) -> impl Iterator<Item = (&str, &Case, Decision)> {
        self.cases.iter().filter_map(|(id, case)| {
            let last = case.decisions.last().copied().filter(|last| self.period.has(last.at))?;
            Some((id.as_str(), case, last))
        })
    }

    fn n_decided(&self, is_it: impl Fn(&Case, Decision) -> bool) -> usize {
        self.decided().filter(|(_, case, last)| is_it(case, *last)).count()
    }

    fn n_incidents(&self, source: Source) -> u64 {
        self.incidents.get(&source).copied().unwrap_or_default()
    }
}

impl Case {
    /// Whether somebody told of it, and nothing of ours saw it before.
    fn is_notice(&self) -> bool {
        self.sources.contains(&Source::UserReport)
    }
}

/// The middle of some numbers, the lower one of two; none of none.
fn median(numbers: impl IntoIterator<Item = i64>) -> Option<i64> {
    let mut sorted: Vec<i64> = numbers.into_iter().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// A number that is known, or nothing.
fn shown<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
