//! How is one case of many found?
//!
//! By the terms of `casework::search`, which an index has. The index follows the log: the service reads what is new every
//! few seconds, so nobody who writes waits for it, and a store of an older version is gone through once, beside the work.

use std::collections::{BTreeSet, HashMap};

use casework::role::Compartment;
use casework::search::{Term, terms};
use casework::{Deed, Dossier};
use sqlx::{AssertSqlSafe, Row};

use super::bulk::places;
use super::cases::listed;
use super::{Error, Findings, Listed, Store};

/// Records that are read at once: few, so that whoever writes waits for a few milliseconds at most.
const AT_ONCE: i64 = 250;
/// Rows that are written at once.
const N_ROWS: usize = 1000;
/// Cases that are found at most.
const N_FOUND: i64 = 50;

impl Store {
    /// Cases of which a term is this text, or whose number it is, the latest first, as far as somebody may read them who
    /// has these compartments open.
    pub(crate) async fn find(&self, text: &str, open: &[Compartment]) -> Result<Vec<Listed>, Error> {
        self.index_some().await?;
        let mut ids: Vec<String> = vec![text.trim().to_uppercase()];
        for term in open.iter().filter_map(|compartment| Term::of(*compartment, text)) {
            let rows = sqlx::query("SELECT case_id FROM terms WHERE term = $1 ORDER BY case_id DESC LIMIT $2")
                .bind(term.as_str().to_owned())
                .bind(N_FOUND)
                .fetch_all(&self.pool)
                .await?;
            ids.extend(rows.iter().map(|row| row.get::<String, _>(0)));
        }
        let statement = format!(
            "SELECT id, due_at, document FROM cases WHERE id IN {} ORDER BY id DESC LIMIT {N_FOUND}",
            places(1, ids.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for id in ids {
            query = query.bind(id);
        }
        let found = query.fetch_all(&self.pool).await?.iter().map(listed).collect::<Result<Vec<Listed>, Error>>()?;
        let is_open = |dossier: &Dossier| dossier.compartments().iter().any(|compartment| open.contains(compartment));
        Ok(found.into_iter().filter(|listed| is_open(&listed.dossier)).collect())
    }

    /// Brings the index to the end of the log.
    pub(crate) async fn index(&self) -> Result<(), Error> {
        while self.index_some().await? {}
        Ok(())
    }

    /// Brings the index a step on; false when there was nothing new.
    async fn index_some(&self) -> Result<bool, Error> {
        let from = self.n_indexed().await?;
        let rows =
            sqlx::query("SELECT position, subject, body FROM log WHERE position >= $1 ORDER BY position LIMIT $2")
                .bind(from)
                .bind(AT_ONCE)
                .fetch_all(&self.pool)
                .await?;
        let Some(last) = rows.last() else { return Ok(false) };
        let mut found: BTreeSet<(String, Term)> = BTreeSet::new();
        for row in &rows {
            // What is said of people is no deed.
            let deed = serde_json::from_str::<Deed>(&row.get::<String, _>(2)).ok();
            found.extend(deed.iter().flat_map(terms).map(|term| (row.get(1), term)));
        }
        // In turn with whoever writes cases: SQLite lets those who meet wait much longer than the other takes.
        let _turn = self.turn.lock().await;
        let mut tx = self.pool.begin().await?;
        let moved = sqlx::query("UPDATE indexed SET n_records = $1 WHERE n_records = $2")
            .bind(last.get::<i64, _>(0) + 1)
            .bind(from)
            .execute(&mut *tx)
            .await?;
        // Another service has just done it.
        if moved.rows_affected() == 0 {
            return Ok(true);
        }
        let found: Vec<(String, Term)> = found.into_iter().collect();
        for some in found.chunks(N_ROWS) {
            let statement =
                format!("INSERT INTO terms (case_id, term) VALUES {} ON CONFLICT DO NOTHING", places(some.len(), 2));
            let mut query = sqlx::query(AssertSqlSafe(statement));
            for (case, term) in some {
                query = query.bind(case.clone()).bind(term.as_str().to_owned());
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// How many records of the log the index has.
    pub(super) async fn n_indexed(&self) -> Result<i64, Error> {
        Ok(sqlx::query("SELECT n_records FROM indexed").fetch_one(&self.pool).await?.get(0))
    }

    /// Whether the cases after `after` up to `last`, or all that come after where there is no last one, are found by what
    /// their `deeds` say, of which the index had the first `n_indexed` records.
    pub(super) async fn verify_terms(
        &self,
        (after, last): (&str, Option<&str>),
        n_indexed: i64,
        deeds: &HashMap<String, Vec<(String, String, i64)>>,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let rows = match last {
            Some(last) => sqlx::query("SELECT case_id, term FROM terms WHERE case_id > $1 AND case_id <= $2")
                .bind(after.to_owned())
                .bind(last.to_owned()),
            None => sqlx::query("SELECT case_id, term FROM terms WHERE case_id > $1").bind(after.to_owned()),
        };
        let rows = rows.fetch_all(&self.pool).await?;
        let mut kept: HashMap<String, BTreeSet<String>> = HashMap::new();
        for row in &rows {
            kept.entry(row.get(0)).or_default().insert(row.get(1));
        }
        for (case, deeds) in deeds {
            let of = |is_asked: &dyn Fn(i64) -> bool| -> BTreeSet<String> {
                let asked = deeds.iter().filter(|(_, _, position)| is_asked(*position));
                let deeds = asked.filter_map(|(body, _, _)| serde_json::from_str::<Deed>(body).ok());
                deeds.flat_map(|deed| terms(&deed)).map(|term| term.as_str().to_owned()).collect()
            };
            let kept = kept.remove(case).unwrap_or_default();
            let (must, may) = (of(&|position| position < n_indexed), of(&|_| true));
            if !must.is_subset(&kept) || !kept.is_subset(&may) {
                findings.faults.push(format!("case {case} is not found by what the log says of it"));
            }
        }
        findings.faults.extend(kept.keys().map(|case| format!("case {case} is found and not there")));
        Ok(())
    }
}
