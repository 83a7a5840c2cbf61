//! Which population totals must the weights meet?
//!
//! A margins file has three columns, `variable,level,total`. A variable with levels is a category (`sex*age` crosses
//! two columns, levels are then written `F*15-24`); without a level it is a number whose population total is given, and
//! the variable `(all)` is everybody.

use std::collections::BTreeMap;
use std::io::Read;

use crate::Error;
use crate::estimand::sum;
use crate::survey::Survey;
use crate::table::{Kind, Labels, Table, Wanted};

/// Name of the variable that counts everybody.
const ALL: &str = "(all)";

/// Population totals, as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Margins {
    /// (variable, level or empty, total), in the file's order.
    pub rows: Vec<(String, String, f64)>,
}

/// Population totals as equations on the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraints {
    /// `variable` or `variable=level`.
    pub names: Vec<String>,
    /// `[constraint][row]`.
    pub columns: Vec<Vec<f64>>,
    /// What each weighted sum must be.
    pub totals: Vec<f64>,
}

impl Margins {
    /// Reads a margins file.
    ///
    /// # Errors
    /// As [`Table::read_csv`]; [`Error::Margin`] for an empty or negative total or a level given twice.
    pub fn read_csv(input: impl Read) -> Result<Margins, Error> {
        let want = |name: &str, kind| Wanted { name: name.to_owned(), kind };
        let wanted = [want("variable", Kind::Text), want("level", Kind::Text), want("total", Kind::Number)];
        let table = Table::read_csv(input, b',', &wanted)?;
        let (variable, level) = (table.labels("variable")?, table.labels("level")?);
        let name = |labels: &Labels, row: usize| match labels.codes[row] {
            Labels::MISSING => String::new(),
            code => labels.names[code as usize].clone(),
        };
        let mut rows: Vec<(String, String, f64)> = Vec::new();
        for (row, &total) in table.numbers("total")?.iter().enumerate() {
            let (variable, level) = (name(variable, row), name(level, row));
            let why = match () {
                () if variable.is_empty() => "the variable is empty",
                () if total.is_nan() => "its total is empty",
                () if !level.is_empty() && total < 0.0 => "its total is negative",
                () if rows.iter().any(|own| own.0 == variable && own.1 == level) => "it is given twice",
                () if rows.iter().any(|own| own.0 == variable && own.1.is_empty() != level.is_empty()) => {
                    "a variable is either a number or has levels"
                }
                () => {
                    rows.push((variable, level, total));
                    continue;
                }
            };
            return Err(Error::Margin { variable, level, why });
        }
        Ok(Margins { rows })
    }

    /// Columns that the survey must have been read with: (numbers, labels).
    pub fn wanted(&self) -> (Vec<String>, Vec<String>) {
        let numbers = self.rows.iter().filter(|row| row.1.is_empty() && row.0 != ALL).map(|row| row.0.clone());
        let labels = self.rows.iter().filter(|row| !row.1.is_empty());
        let labels = labels.flat_map(|row| row.0.split('*').map(|part| part.trim().to_owned()));
        (numbers.collect(), labels.collect())
    }

    /// Whether the margins are those of one variable with levels, as post-stratification needs.
    ///
    /// # Errors
    /// [`Error::Margin`] when they are not.
    pub fn check_one_variable(&self) -> Result<(), Error> {
        let first = &self.rows[0].0;
        match self.rows.iter().find(|row| row.0 != *first || row.1.is_empty()) {
            Some(row) => Err(Error::Margin {
                variable: row.0.clone(),
                level: row.1.clone(),
                why: "post-stratification takes the levels of one variable; cross several as a*b, or use raking",
            }),
            None => Ok(()),
        }
    }

    /// Turns the totals into equations on the survey's weights.
    ///
    /// # Errors
    /// [`Error::Margin`] for a level that is in the sample but not in the file, or the other way round;
    /// [`Error::MarginsDisagree`]; [`Error::Empty`] for a respondent without the variable.
    pub fn constraints(&self, survey: &Survey) -> Result<Constraints, Error> {
        refuse_disagreement(&self.rows)?;
        let mut constraints = Constraints { names: vec![], columns: vec![], totals: vec![] };
        let mut done: Vec<&str> = Vec::new();
        for (variable, level, total) in &self.rows {
            if variable == ALL && level.is_empty() {
                constraints.push(ALL.to_owned(), vec![1.0; survey.design.n_rows()], *total);
            } else if level.is_empty() {
                let numbers = survey.numbers(variable)?.to_vec();
                refuse_missing(variable, numbers.iter().position(|number| number.is_nan()))?;
                constraints.push(variable.clone(), numbers, *total);
            } else if !done.contains(&variable.as_str()) {
                done.push(variable);
                let totals: BTreeMap<&str, f64> =
                    self.rows.iter().filter(|row| row.0 == *variable).map(|row| (row.1.as_str(), row.2)).collect();
                constraints.push_levels(variable, &totals, &levels(survey, variable)?)?;
            }
        }
        Ok(constraints)
    }
}

impl Constraints {
    fn push(&mut self, name: String, column: Vec<f64>, total: f64) {
        self.names.push(name);
        self.columns.push(column);
        self.totals.push(total);
    }

    fn push_levels(&mut self, variable: &str, totals: &BTreeMap<&str, f64>, levels: &[String]) -> Result<(), Error> {
        let error = |level: &str, why| Error::Margin { variable: variable.to_owned(), level: level.to_owned(), why };
        if let Some(level) = levels.iter().find(|level| !totals.contains_key(level.as_str())) {
            return Err(error(level, "respondents have this level, but the file has no total for it"));
        }
        for (&level, &total) in totals {
            let column: Vec<f64> = levels.iter().map(|own| f64::from(u8::from(own == level))).collect();
            match (total > 0.0, column.contains(&1.0)) {
                (true, false) => return Err(error(level, "no respondent has this level")),
                (false, true) => return Err(error(level, "its total is 0, but respondents have this level")),
                (false, false) => continue,
                (true, true) => self.push(format!("{variable}={level}"), column, total),
            }
        }
        Ok(())
    }
}

/// Level of each row; crossed columns joined by `*`.
fn levels(survey: &Survey, variable: &str) -> Result<Vec<String>, Error> {
    let parts: Vec<&Labels> =
        variable.split('*').map(|part| survey.labels(part.trim())).collect::<Result<_, Error>>()?;
    let missing = |row: &usize| parts.iter().any(|labels| labels.codes[*row] == Labels::MISSING);
    refuse_missing(variable, (0..survey.design.n_rows()).find(missing))?;
    let level = |row: usize| {
        parts.iter().map(|labels| labels.names[labels.codes[row] as usize].as_str()).collect::<Vec<_>>().join("*")
    };
    Ok((0..survey.design.n_rows()).map(level).collect())
}

fn refuse_missing(variable: &str, row: Option<usize>) -> Result<(), Error> {
    match row {
        Some(_) => Err(Error::Margin {
            variable: variable.to_owned(),
            level: String::new(),
            why: "some respondents have no value for it",
        }),
        None => Ok(()),
    }
}

/// Categories must all sum to one population, to a millionth.
fn refuse_disagreement(rows: &[(String, String, f64)]) -> Result<(), Error> {
    let mut first: Option<(&str, f64)> = None;
    for (variable, level, _) in rows {
        if level.is_empty() && variable != ALL {
            continue;
        }
        let total = sum(rows.iter().filter(|row| row.0 == *variable).map(|row| row.2));
        let (name, expected) = *first.get_or_insert((variable, total));
        if (total / expected - 1.0).abs() > 1e-6 {
            let (variable_a, variable_b) = (name.to_owned(), variable.clone());
            return Err(Error::MarginsDisagree { variable_a, total_a: expected, variable_b, total_b: total });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_that_disagree_are_refused() {
        let text = "variable,level,total\nsex,F,60\nsex,M,40\nage,old,30\nage,young,60\n";
        let margins = Margins::read_csv(text.as_bytes()).unwrap();
        assert_eq!(margins.wanted(), (vec![], ["sex", "sex", "age", "age"].map(String::from).to_vec()));
        assert!(matches!(refuse_disagreement(&margins.rows), Err(Error::MarginsDisagree { total_b: 90.0, .. })));
        assert!(margins.check_one_variable().is_err());
    }

    #[test]
    fn a_level_given_twice_is_refused() {
        let text = "variable,level,total\nsex,F,60\nsex,F,40\n";
        assert!(matches!(Margins::read_csv(text.as_bytes()), Err(Error::Margin { why: "it is given twice", .. })));
    }
}
