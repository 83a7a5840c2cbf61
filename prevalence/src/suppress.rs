//! Which figures about small places are withheld?
//!
//! A figure that rests on a handful of respondents is noise to a ministry and a pointer to people in a village.

use crate::codebook::Suppress;
use crate::estimate::Estimate;

/// Withholds figures about domains that break the rules; `n_reporting` is the number of respondents behind each row
/// who report anybody.
///
/// When only one level of a domain is withheld, it could be worked out from the others and the whole: the level with
/// the fewest respondents among the rest is then withheld too. Estimates for everybody are never withheld.
pub fn withhold(rows: &mut [Estimate], n_reporting: &[usize], rules: &Suppress) {
    for (row, &n_reporting) in rows.iter_mut().zip(n_reporting) {
        if row.domain.is_some()
            && let Some(why) = reason(row, n_reporting, rules)
        {
            row.withhold(why);
        }
    }
    for group in groups(rows) {
        let (withheld, shown): (Vec<usize>, Vec<usize>) = group.iter().partition(|&&at| rows[at].suppressed.is_some());
        if withheld.len() == 1
            && let Some(&smallest) = shown.iter().min_by_key(|&&at| rows[at].n)
        {
            rows[smallest].withhold("withheld so that another level cannot be worked out from it".to_owned());
        }
    }
}

impl Estimate {
    /// Takes every figure out and says why.
    fn withhold(&mut self, why: String) {
        let figures = [
            &mut self.estimate,
            &mut self.se,
            &mut self.cv,
            &mut self.ci_low,
            &mut self.ci_high,
            &mut self.rate_per_1000,
            &mut self.rate_ci_low,
            &mut self.rate_ci_high,
            &mut self.deff,
            &mut self.zero_share,
        ];
        figures.into_iter().for_each(|figure| *figure = None);
        [&mut self.n, &mut self.psus, &mut self.df].into_iter().for_each(|count| *count = None);
        self.adjusted = None;
        self.suppressed = Some(why);
    }
}

fn reason(row: &Estimate, n_reporting: usize, rules: &Suppress) -> Option<String> {
    if row.n.is_none_or(|n| n < rules.min_respondents) {
        return Some(format!("fewer than {} respondents", rules.min_respondents));
    }
    if row.psus.is_none_or(|psus| psus < rules.min_psus) {
        return Some(format!("fewer than {} PSUs", rules.min_psus));
    }
    if n_reporting < rules.min_reporting {
        return Some(format!("fewer than {} respondents report anybody", rules.min_reporting));
    }
    if row.cv.is_none_or(|cv| cv > rules.max_cv) {
        return Some(format!("coefficient of variation above {}", rules.max_cv));
    }
    None
}

/// Rows of one hidden group that are levels of one domain column.
fn groups(rows: &[Estimate]) -> Vec<Vec<usize>> {
    let column = |row: &Estimate| row.domain.as_ref().map(|level| (row.hidden.clone(), level.column.clone()));
    let mut groups: Vec<((String, String), Vec<usize>)> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let Some(key) = column(row) else { continue };
        match groups.iter_mut().find(|(own, _)| *own == key) {
            Some((_, members)) => members.push(at),
            None => groups.push((key, vec![at])),
        }
    }
    groups.into_iter().map(|(_, members)| members).collect()
}
