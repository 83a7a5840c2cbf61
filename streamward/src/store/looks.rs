//! Who looks at what, and how much have they looked at today?
//!
//! A look is in the log before a byte of the file leaves: who it was cannot be lost, whatever ends the program.

use casework::exposure::{Budget, Exposure};
use casework::view::View;
use casework::{Deed, Person};
use jiff::Timestamp;
use sqlx::Row;

use super::cases::{change, read};
use super::log::Write;
use super::{Error, Store};

impl Store {
    /// Begins a look, if the case and the day's budget allow it; its number in the case, from 1.
    ///
    /// # Errors
    /// [`Error::Refused`] with [`casework::Error::BudgetSpent`], or with what the case says; then nothing may be shown.
    pub(crate) async fn begin_look(&self, case: &str, view: View, budget: &Budget) -> Result<usize, Error> {
        let (who, at) = (view.who.clone(), view.at);
        let mut write = self.write(at).await?;
        let used = exposure(&mut write, &who, &day(at)).await?;
        budget.check(used)?;
        let dossier = read(&mut write, case).await?.ok_or_else(|| Error::NoSuchCase { id: case.to_owned() })?;
        let dossier = change(&mut write, case, dossier, Some(&who), &[Deed::Viewed(view)], at).await?;
        set_exposure(&mut write, &who, &day(at), used.begun()).await?;
        write.commit().await?;
        Ok(dossier.views().n_looks())
    }

    /// Ends a look of this person's.
    ///
    /// # Errors
    /// [`Error::Refused`] when there is no such look of theirs, or it has ended.
    pub(crate) async fn end_look(
        &self,
        case: &str,
        look: usize,
        who: &Person,
        shown_ms: u64,
        at: Timestamp,
    ) -> Result<(), Error> {
        let mut write = self.write(at).await?;
        let dossier = read(&mut write, case).await?.ok_or_else(|| Error::NoSuchCase { id: case.to_owned() })?;
        let began = dossier.views().look(look).filter(|view| view.who == *who).map(|view| day(view.at));
        let absent = casework::Error::Transition { what: "the look", state: "not there", event: "ended" };
        let began = began.ok_or(absent)?;
        change(&mut write, case, dossier, Some(who), &[Deed::Covered { look, shown_ms }], at).await?;
        let used = exposure(&mut write, who, &began).await?;
        set_exposure(&mut write, who, &began, used.ended(shown_ms)).await?;
        write.commit().await
    }

    /// What this person has looked at on the day of `at`.
    pub(crate) async fn exposure(&self, who: &Person, at: Timestamp) -> Result<Exposure, Error> {
        let row = sqlx::query("SELECT n_looks, shown_ms FROM exposures WHERE name = $1 AND day = $2")
            .bind(who.name().to_owned())
            .bind(day(at))
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| of_row(&row)).unwrap_or_default())
    }
}

/// The day of a moment, UTC: budgets begin anew at midnight.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn of_row(row: &sqlx::any::AnyRow) -> Exposure {
    let number = |index| u64::try_from(row.get::<i64, _>(index)).unwrap_or(u64::MAX);
    Exposure { n_looks: number(0), shown_ms: number(1) }
}

async fn exposure(write: &mut Write<'_>, who: &Person, day: &str) -> Result<Exposure, Error> {
    let row = sqlx::query("SELECT n_looks, shown_ms FROM exposures WHERE name = $1 AND day = $2")
        .bind(who.name().to_owned())
        .bind(day.to_owned())
        .fetch_optional(&mut *write.tx)
        .await?;
    Ok(row.map(|row| of_row(&row)).unwrap_or_default())
}

async fn set_exposure(write: &mut Write<'_>, who: &Person, day: &str, used: Exposure) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO exposures (name, day, n_looks, shown_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (name, day) DO UPDATE SET n_looks = $3, shown_ms = $4",
    )
    .bind(who.name().to_owned())
    .bind(day.to_owned())
    .bind(used.n_looks as i64)
    .bind(used.shown_ms as i64)
    .execute(&mut *write.tx)
    .await?;
    Ok(())
}
