//! How are many things taken in at once?
//!
//! What is new, of a place that has no open case, needs no look at any case: hundreds of them are three statements.
//! Whatever else comes between them goes its own way, in its turn: the log is as if each had come alone.

use std::collections::HashSet;

use casework::{Deed, Dossier, Entry, Person, Referral};
use jiff::Timestamp;
use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Row};

use super::cases::{COLUMNS, N_COLUMNS, Referred, Stored, place, take_in};
use super::log::Write;
use super::{Error, new_id};

/// So many are looked up and written together: 6,000 values, of which SQLite takes 32,766 and PostgreSQL 65,535.
const AT_ONCE: usize = 500;

/// A statement that values are bound to.
pub(super) type Statement<'q> = Query<'q, Any, AnyArguments>;

/// What comes in.
pub(super) struct Coming<'c> {
    pub(super) who: Option<&'c Person>,
    pub(super) referral: &'c Referral,
    pub(super) at: Timestamp,
}

/// Takes them in, in this order, as [`take_in`] does with each.
pub(super) async fn take_in_all(write: &mut Write<'_>, all: &[Coming<'_>]) -> Result<Vec<Referred>, Error> {
    let mut referred = Vec::with_capacity(all.len());
    for coming in all.chunks(AT_ONCE) {
        let keyed: Vec<(String, String)> = coming.iter().map(|c| (c.referral.key(), place(c.referral))).collect();
        let keys = keyed.iter().map(|(key, _)| key.clone());
        let mut known = present(write, "SELECT key FROM referrals WHERE key IN ", keys).await?;
        let places = keyed.iter().map(|(_, place)| place.clone());
        let mut open = present(write, "SELECT place FROM cases WHERE place IN ", places).await?;
        let mut fresh = Fresh::default();
        for (Coming { who, referral, at }, (key, place)) in coming.iter().zip(keyed) {
            if known.contains(&key) || open.contains(&place) {
                fresh.write(write).await?;
                referred.push(take_in(write, *who, (*referral).clone(), *at).await?);
            } else {
                let case = fresh.add(key.clone(), *who, referral, *at)?;
                referred.push(Referred { case, is_new: true, is_known: false });
            }
            known.insert(key);
            open.insert(place);
        }
        fresh.write(write).await?;
    }
    Ok(referred)
}

/// New cases that wait to be written together.
#[derive(Default)]
struct Fresh {
    /// Keys of what was referred, with its case.
    referrals: Vec<(String, String)>,
    entries: Vec<(Entry, String)>,
    cases: Vec<Stored>,
}

impl Fresh {
    fn add(&mut self, key: String, who: Option<&Person>, referral: &Referral, at: Timestamp) -> Result<String, Error> {
        let case = new_id(at);
        let deed = Deed::Referred(referral.clone());
        let mut dossier = Dossier::default();
        dossier.apply(&deed)?;
        let body = serde_json::to_string(&deed).expect("a deed can be written as JSON");
        self.entries.push((Entry::about(&case, who.cloned(), deed.action(), &body, at), body));
        self.cases.push(Stored::of(&case, &dossier, at));
        self.referrals.push((key, case.clone()));
        Ok(case)
    }

    async fn write(&mut self, write: &mut Write<'_>) -> Result<(), Error> {
        let Fresh { referrals, entries, cases } = std::mem::take(self);
        if cases.is_empty() {
            return Ok(());
        }
        write.append_all(&entries).await?;
        let statement = format!("INSERT INTO referrals (key, case_id) VALUES {}", places(referrals.len(), 2));
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (key, case) in referrals {
            query = query.bind(key).bind(case);
        }
        query.execute(&mut *write.tx).await?;
        let statement = format!("INSERT INTO cases ({COLUMNS}) VALUES {}", places(cases.len(), N_COLUMNS));
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for case in cases {
            query = case.bind(query);
        }
        query.execute(&mut *write.tx).await?;
        Ok(())
    }
}

/// Which of `texts` a statement finds, which ends before its list.
async fn present(
    write: &mut Write<'_>,
    statement: &str,
    texts: impl ExactSizeIterator<Item = String>,
) -> Result<HashSet<String>, Error> {
    let statement = format!("{statement}{}", places(1, texts.len()));
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for text in texts {
        query = query.bind(text);
    }
    let rows = query.fetch_all(&mut *write.tx).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// `($1, $2), ($3, $4)`: the places of so many rows of values.
pub(super) fn places(n_rows: usize, n_columns: usize) -> String {
    let row = |row: usize| {
        let values: Vec<String> = (1..=n_columns).map(|column| format!("${}", row * n_columns + column)).collect();
        format!("({})", values.join(", "))
    };
    (0..n_rows).map(row).collect::<Vec<_>>().join(", ")
}
