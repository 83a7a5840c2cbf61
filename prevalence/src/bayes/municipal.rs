//! What does each area say on its own, and what together with the others?

use serde::Serialize;

use super::pooled::Areas;
use super::posterior::Summary;
use super::reports::Seen;
use crate::Error;
use crate::codebook::Suppress;
use crate::estimand::sum;
use crate::survey::Survey;
use crate::table::{Labels, Table};

/// One hidden group in one area. Figures are `None` when they are withheld.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AreaEstimate {
    /// Column of the hidden group.
    pub hidden: String,
    /// Label of the area.
    pub area: String,
    /// Respondents that the model sees there.
    pub n: Option<usize>,
    /// People who live there.
    pub people: f64,
    /// Rate in a thousand from this area's answers alone.
    pub direct_rate_per_1000: Option<f64>,
    /// Its standard error, between respondents.
    pub direct_se: Option<f64>,
    /// Posterior mean of the rate in a thousand.
    pub rate_per_1000: Option<f64>,
    /// Posterior standard deviation.
    pub sd: Option<f64>,
    /// Lower end of the central interval of the rate.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Posterior mean of the number of people.
    pub estimate: Option<f64>,
    /// How far the rate was drawn from the direct one towards the mean of all areas, 0 to 1; null where they agree.
    pub shrinkage: Option<f64>,
    /// Why the figures are withheld; `None` when they are not.
    pub suppressed: Option<String>,
}

/// What an area's answers say on their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direct {
    /// Respondents.
    pub n: usize,
    /// Of these, how many report anybody.
    pub n_reporting: usize,
    /// Rate in a thousand.
    pub rate: f64,
    /// Its standard error, between respondents.
    pub se: f64,
}

/// The areas of column `column` that hold a respondent.
///
/// People in an area are the codebook's `[[domain]] sizes`, or its share of the weights times the frame.
/// `covariates` is a table with the column of areas and further columns `names`.
///
/// # Errors
/// [`Error::ColumnAbsent`]; [`Error::Empty`] for a respondent without an area or a covariate without a value;
/// [`Error::NoPartner`] and [`Error::PartnerTwice`] for areas missing from, or twice in, the covariates.
pub fn areas(
    survey: &Survey,
    seen: &Seen,
    column: &str,
    covariates: Option<(&Table, &[String])>,
) -> Result<Areas, Error> {
    let labels = survey.labels(column)?;
    if let Some(row) = seen.rows.iter().position(|&row| labels.codes[row] == Labels::MISSING) {
        return Err(Error::Empty { column: column.to_owned(), row: seen.rows[row] + 1, role: "area" });
    }
    let mut weights = vec![0.0; labels.names.len()];
    for (&code, weight) in labels.codes.iter().zip(&survey.weights) {
        if code != Labels::MISSING {
            weights[code as usize] += weight;
        }
    }
    let is_seen: Vec<bool> = {
        let mut is_seen = vec![false; labels.names.len()];
        seen.rows.iter().for_each(|&row| is_seen[labels.codes[row] as usize] = true);
        is_seen
    };
    let codes: Vec<usize> = (0..labels.names.len()).filter(|&code| is_seen[code]).collect();
    let frame_size = survey.codebook.frame_size()?;
    let sizes = survey.codebook.domains.iter().find(|domain| domain.column == column).map(|domain| &domain.sizes);
    let all = sum(codes.iter().map(|&code| weights[code]));
    let people = |&code: &usize| {
        let known = sizes.and_then(|sizes| sizes.get(&labels.names[code]));
        known.copied().unwrap_or(frame_size * weights[code] / all)
    };
    let names: Vec<String> = codes.iter().map(|&code| labels.names[code].clone()).collect();
    let place = |row: &usize| codes.binary_search(&(labels.codes[*row] as usize)).unwrap_or(0) as u32;
    Ok(Areas {
        of_row: seen.rows.iter().map(place).collect(),
        people: codes.iter().map(people).collect(),
        covariates: covariates.map_or(Ok(vec![]), |(table, columns)| joined(&names, column, table, columns))?,
        names,
        frame_size,
    })
}

/// `[covariate][area]`.
fn joined(areas: &[String], key: &str, table: &Table, columns: &[String]) -> Result<Vec<Vec<f64>>, Error> {
    let labels = table.labels(key)?;
    let row_of = |area: &String| -> Result<usize, Error> {
        let code = labels.names.iter().position(|name| name == area).map(|code| code as u32);
        let mut rows = (0..table.n_rows()).filter(|&row| Some(labels.codes[row]) == code);
        let (key, value) = (key.to_owned(), area.clone());
        match (rows.next(), rows.next()) {
            (Some(row), None) => Ok(row),
            (Some(_), Some(_)) => Err(Error::PartnerTwice { key, value }),
            (None, _) => Err(Error::NoPartner { key, value }),
        }
    };
    let rows: Vec<usize> = areas.iter().map(row_of).collect::<Result<_, Error>>()?;
    let column = |name: &String| -> Result<Vec<f64>, Error> {
        let numbers = table.numbers(name)?;
        match rows.iter().find(|&&row| numbers[row].is_nan()) {
            Some(row) => Err(Error::Empty { column: name.clone(), row: row + 1, role: "area covariate" }),
            None => Ok(rows.iter().map(|&row| numbers[row]).collect()),
        }
    };
    columns.iter().map(column).collect()
}

/// What each area's answers say on their own, about hidden group `hidden`: a ratio of weighted sums.
///
/// The standard error is that of a ratio among respondents drawn independently within the area: with one primary unit
/// an area, as is usual, the design has nothing else to say about it.
pub fn direct(survey: &Survey, seen: &Seen, areas: &Areas, hidden: usize) -> Vec<Direct> {
    let n_areas = areas.names.len();
    let mut rows_of: Vec<Vec<usize>> = vec![vec![]; n_areas];
    for (&row, &area) in seen.rows.iter().zip(&areas.of_row) {
        rows_of[area as usize].push(row);
    }
    let one = |rows: &Vec<usize>| {
        let (weights, counts, degrees) = (&survey.weights, &survey.hidden[hidden], &survey.degrees);
        let over = sum(rows.iter().map(|&row| weights[row] * counts[row]));
        let under = sum(rows.iter().map(|&row| weights[row] * degrees[row]));
        let rate = over / under;
        let squares = sum(rows.iter().map(|&row| (weights[row] * (counts[row] - rate * degrees[row]) / under).powi(2)));
        let n = rows.len() as f64;
        Direct {
            n: rows.len(),
            n_reporting: rows.iter().filter(|&&row| counts[row] > 0.0).count(),
            rate: 1000.0 * rate,
            se: 1000.0 * (squares * n / (n - 1.0)).sqrt(),
        }
    };
    rows_of.iter().map(one).collect()
}

/// Puts both together and withholds what is too weak or too close to a person.
///
/// `rates` are the posterior summaries of the areas' rates, in their order.
pub fn area_estimates(
    hidden: &str,
    areas: &Areas,
    direct: &[Direct],
    rates: &[Summary],
    rules: &Suppress,
) -> Vec<AreaEstimate> {
    let middle = sum(rates.iter().zip(&areas.people).map(|(rate, people)| rate.mean * people))
        / sum(areas.people.iter().copied());
    let row = |((area, direct), rate): ((usize, &Direct), &Summary)| {
        let drawn = (direct.rate - rate.mean) / (direct.rate - middle);
        let finite = crate::estimate::finite;
        AreaEstimate {
            hidden: hidden.to_owned(),
            area: areas.names[area].clone(),
            n: Some(direct.n),
            people: areas.people[area],
            direct_rate_per_1000: finite(direct.rate),
            direct_se: finite(direct.se),
            rate_per_1000: finite(rate.mean),
            sd: finite(rate.sd),
            ci_low: finite(rate.low),
            ci_high: finite(rate.high),
            estimate: finite(rate.mean * areas.people[area] / 1000.0),
            shrinkage: finite(drawn).map(|drawn| drawn.clamp(0.0, 1.0)),
            suppressed: reason(direct, rate, rules),
        }
    };
    let mut rows: Vec<AreaEstimate> = direct.iter().enumerate().zip(rates).map(row).collect();
    withhold(&mut rows);
    rows
}

fn reason(direct: &Direct, rate: &Summary, rules: &Suppress) -> Option<String> {
    if direct.n < rules.min_area_respondents {
        return Some(format!("fewer than {} respondents", rules.min_area_respondents));
    }
    if direct.n_reporting < rules.min_reporting {
        return Some(format!("fewer than {} respondents report anybody", rules.min_reporting));
    }
    if rate.sd > rules.max_cv * rate.mean {
        return Some(format!("coefficient of variation above {}", rules.max_cv));
    }
    None
}

/// Takes the figures out; one area alone could be worked out from the whole, so the smallest of the others joins it.
fn withhold(rows: &mut [AreaEstimate]) {
    if rows.iter().filter(|row| row.suppressed.is_some()).count() == 1
        && let Some(smallest) = rows.iter_mut().filter(|row| row.suppressed.is_none()).min_by_key(|row| row.n)
    {
        smallest.suppressed = Some("withheld so that another area cannot be worked out from it".to_owned());
    }
    for row in rows.iter_mut().filter(|row| row.suppressed.is_some()) {
        row.n = None;
        let figures = [
            &mut row.direct_rate_per_1000,
            &mut row.direct_se,
            &mut row.rate_per_1000,
            &mut row.sd,
            &mut row.ci_low,
            &mut row.ci_high,
            &mut row.estimate,
            &mut row.shrinkage,
        ];
        figures.into_iter().for_each(|figure| *figure = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(mean: f64, sd: f64) -> Summary {
        let (low, high) = (mean - 2.0 * sd, mean + 2.0 * sd);
        let name = String::new();
        Summary { name, mean, sd, median: mean, low, high, r_hat: 1.0, ess_bulk: 1e3, ess_tail: 1e3 }
    }

    fn rows(n_reporting: [usize; 3]) -> Vec<AreaEstimate> {
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let areas = Areas { names, of_row: vec![], people: vec![100.0; 3], frame_size: 300.0, covariates: vec![] };
        let direct: Vec<Direct> = n_reporting
            .iter()
            .zip([1.0, 2.0, 6.0])
            .map(|(&n_reporting, rate)| Direct { n: 20 + n_reporting, n_reporting, rate, se: 0.5 })
            .collect();
        let rates = [summary(1.5, 0.2), summary(2.5, 0.2), summary(5.0, 0.4)];
        area_estimates("h", &areas, &direct, &rates, &Suppress::default())
    }

    #[test]
    fn shrinkage_is_the_way_from_the_direct_rate_to_the_middle() {
        // The middle of all areas is 3: from 1 to 1.5 is a quarter of the way.
        let rows = rows([9, 9, 9]);
        assert!((rows[0].shrinkage.unwrap() - 0.25).abs() < 1e-12);
        assert!((rows[2].estimate.unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn an_area_with_few_reports_is_withheld_and_never_alone() {
        let rows = rows([9, 2, 7]);
        assert!(rows[1].suppressed.as_ref().unwrap().contains("report anybody"));
        assert!(rows[2].suppressed.as_ref().unwrap().contains("worked out") && rows[2].rate_per_1000.is_none());
        assert!(rows[0].suppressed.is_none());
    }
}
