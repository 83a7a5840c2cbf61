//! How does a case come in, change, and get found?

use std::time::Duration;

use casework::case::State;
use casework::hands::Hands;
use casework::role::Compartment;
use casework::{Deed, Dossier, Entry, Person, Referral};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::bulk::{Coming, Statement, places, take_in_all};
use super::log::Write;
use super::{Error, Logged, Store, new_id};

/// How soon a person should have looked: a house target, not a law's. While the stream runs a child may be in danger now.
const TARGET_LIVE: Duration = Duration::from_secs(15 * 60);
const TARGET: Duration = Duration::from_secs(24 * 3600);

/// What became of something that was referred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Referred {
    /// Its case.
    pub(crate) case: String,
    /// Whether the case is new.
    pub(crate) is_new: bool,
    /// Whether it was known before and nothing was added.
    pub(crate) is_known: bool,
}

/// A case in a list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// Its number.
    pub(crate) id: String,
    /// When a person should have looked.
    pub(crate) due_at: Timestamp,
    /// The case.
    pub(crate) dossier: Dossier,
}

/// Which cases a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Those that somebody must still do something about.
    ToDo,
    /// Those in which nothing is left to do, or which only wait.
    Done,
}

/// A report that is to be filed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Its case.
    pub(crate) case: String,
    /// Its number in the case, from 1.
    pub(crate) report: usize,
}

impl Store {
    /// Takes many things in at once: all of them, or none.
    ///
    /// # Errors
    /// [`Error::Database`]; then none was taken in.
    pub(crate) async fn refer_all(&self, referrals: &[Referral], at: Timestamp) -> Result<Vec<Referred>, Error> {
        let mut write = self.write(at).await?;
        let coming: Vec<Coming<'_>> = referrals.iter().map(|referral| Coming { who: None, referral, at }).collect();
        let all = take_in_all(&mut write, &coming).await?;
        write.commit().await?;
        Ok(all)
    }

    /// Does something to a case, all of it or nothing.
    ///
    /// # Errors
    /// [`Error::NoSuchCase`]; [`Error::Refused`] when the case does not allow it, as when somebody else was faster.
    pub(crate) async fn act(
        &self,
        case: &str,
        who: Option<&Person>,
        deeds: &[Deed],
        at: Timestamp,
    ) -> Result<Dossier, Error> {
        let mut write = self.write(at).await?;
        let dossier = read(&mut write, case).await?.ok_or_else(|| Error::NoSuchCase { id: case.to_owned() })?;
        let dossier = change(&mut write, case, dossier, who, deeds, at).await?;
        write.commit().await?;
        Ok(dossier)
    }

    /// A case.
    ///
    /// # Errors
    /// [`Error::NoSuchCase`].
    pub(crate) async fn case(&self, id: &str) -> Result<Dossier, Error> {
        let row = sqlx::query("SELECT document FROM cases WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        let row = row.ok_or_else(|| Error::NoSuchCase { id: id.to_owned() })?;
        document(id, &row.get::<String, _>(0))
    }

    /// The first `n_max` cases of a line that have something in one of these compartments: running streams first, then
    /// by when a person should have looked.
    pub(crate) async fn cases(&self, line: Line, open: &[Compartment], n_max: u32) -> Result<Vec<Listed>, Error> {
        let flag = |compartment| i64::from(open.contains(&compartment));
        let rows = sqlx::query(
            "SELECT id, due_at, document FROM cases
             WHERE is_done = $1 AND ((is_video = 1 AND $2 = 1) OR (is_payments = 1 AND $3 = 1))
             ORDER BY lane, due_at, id LIMIT $4",
        )
        .bind(i64::from(line == Line::Done))
        .bind(flag(Compartment::Video))
        .bind(flag(Compartment::Payments))
        .bind(i64::from(n_max))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(listed).collect()
    }

    /// The first `n_max` cases with an appeal that nobody has answered, by when it must be.
    pub(crate) async fn appealed(&self, n_max: u32) -> Result<Vec<(String, Dossier)>, Error> {
        let rows = sqlx::query(
            "SELECT id, document FROM cases WHERE appeal_at IS NOT NULL AND is_video = 1
             ORDER BY appeal_at, id LIMIT $1",
        )
        .bind(i64::from(n_max))
        .fetch_all(&self.pool)
        .await?;
        let read = rows.iter().map(|row| {
            let id: String = row.get(0);
            let dossier = document(&id, &row.get::<String, _>(1))?;
            Ok::<_, Error>((id, dossier))
        });
        read.collect()
    }

    /// Cases with a report that is being filed, was filed, or waits for its turn, the latest first.
    pub(crate) async fn outbox(&self, n_max: u32) -> Result<Vec<(String, Dossier)>, Error> {
        let rows = sqlx::query(
            "SELECT id, document FROM cases WHERE filing_at IS NOT NULL ORDER BY filing_at DESC, id DESC LIMIT $1",
        )
        .bind(i64::from(n_max))
        .fetch_all(&self.pool)
        .await?;
        let read = rows.iter().map(|row| {
            let id: String = row.get(0);
            let dossier = document(&id, &row.get::<String, _>(1))?;
            Ok::<_, Error>((id, dossier))
        });
        read.collect()
    }

    /// The reports that are to be filed at `at`.
    pub(crate) async fn due(&self, at: Timestamp) -> Result<Vec<Due>, Error> {
        let rows = sqlx::query(
            "SELECT id, document FROM cases WHERE filing_at IS NOT NULL AND filing_at <= $1 ORDER BY filing_at LIMIT 100",
        )
        .bind(at.as_millisecond())
        .fetch_all(&self.pool)
        .await?;
        let mut due = Vec::new();
        for row in rows {
            let case: String = row.get(0);
            let dossier = document(&case, &row.get::<String, _>(1))?;
            for (index, filed) in dossier.reports().iter().enumerate() {
                if filed.filing().ok().and_then(|filing| filing.next_timeout()).is_some_and(|next| next <= at) {
                    due.push(Due { case: case.clone(), report: index + 1 });
                }
            }
        }
        Ok(due)
    }

    /// What was done to a case, with each deed.
    pub(crate) async fn deeds(&self, case: &str) -> Result<Vec<(Logged, Deed)>, Error> {
        self.logged(case).await?.into_iter().map(with_deed).collect()
    }

    /// How many cases there are.
    #[cfg(test)]
    pub(crate) async fn n_cases(&self) -> Result<u64, Error> {
        let row = sqlx::query("SELECT count(*) FROM cases").fetch_one(&self.pool).await?;
        Ok(row.get::<i64, _>(0) as u64)
    }

    /// Takes the sole right to work on something until `until`; false while another holder has it.
    pub(crate) async fn lease(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Error> {
        let taken = sqlx::query(
            "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET holder = $2, until = $3 WHERE leases.holder = $2 OR leases.until < $4",
        )
        .bind(name.to_owned())
        .bind(holder.to_owned())
        .bind(until.as_millisecond())
        .bind(now.as_millisecond())
        .execute(&self.pool)
        .await?;
        Ok(taken.rows_affected() == 1)
    }

    /// Gives the right back.
    pub(crate) async fn release(&self, name: &str, holder: &str) -> Result<(), Error> {
        sqlx::query("DELETE FROM leases WHERE name = $1 AND holder = $2")
            .bind(name.to_owned())
            .bind(holder.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// What a case is looked for by; `verify` makes the same from the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) is_done: i64,
    pub(super) lane: i64,
    pub(super) is_video: i64,
    pub(super) is_payments: i64,
    pub(super) place: Option<String>,
    pub(super) filing_at: Option<i64>,
    pub(super) n_in_vault: i64,
    pub(super) appeal_at: Option<i64>,
    pub(super) second: Option<String>,
}

impl Columns {
    pub(super) fn of(dossier: &Dossier) -> Columns {
        let has = |compartment| i64::from(dossier.compartments().contains(&compartment));
        let is_done = match dossier.case().state() {
            State::Reported | State::OnHold { .. } | State::Closed => true,
            State::New | State::Triaged | State::InReview { .. } | State::Decided | State::Reporting => false,
        };
        let filings = dossier.reports().iter().filter_map(|filed| filed.filing().ok());
        let filing_at = filings.filter_map(|filing| filing.next_timeout()).min();
        // What is filed, refused or stopped stays in the outbox and is never due.
        let was_begun = dossier.reports().iter().any(|filed| !filed.journal().is_empty());
        let filing_at = match filing_at {
            Some(at) => Some(at.as_millisecond()),
            None if was_begun => Some(i64::MAX),
            None => None,
        };
        Columns {
            is_done: i64::from(is_done),
            lane: i64::from(!dossier.is_live()),
            is_video: has(Compartment::Video),
            is_payments: has(Compartment::Payments),
            place: dossier.referrals().first().filter(|_| dossier.is_open()).map(place),
            filing_at,
            n_in_vault: dossier.in_vault().count() as i64,
            appeal_at: dossier.appeals().open().map(due_ms).min(),
            second: dossier.second().map(|look| look.by.as_ref().map_or_else(String::new, |by| by.name().to_owned())),
        }
    }
}

/// A case as it is stored.
pub(super) struct Stored {
    id: String,
    due_at: i64,
    document: String,
    columns: Columns,
}

/// The columns of [`Stored`], in the order in which they are bound.
pub(super) const COLUMNS: &str =
    "id, is_done, lane, due_at, is_video, is_payments, place, filing_at, document, n_in_vault, appeal_at, second";
/// How many they are.
pub(super) const N_COLUMNS: usize = 12;

impl Stored {
    /// The case as it is, which came in or changed at `at`.
    pub(super) fn of(case: &str, dossier: &Dossier, at: Timestamp) -> Stored {
        let columns = Columns::of(dossier);
        let target = if columns.lane == 0 { TARGET_LIVE } else { TARGET };
        let due_at = at.checked_add(target).unwrap_or(Timestamp::MAX).as_millisecond();
        Stored { id: case.to_owned(), due_at, document: text(dossier), columns }
    }

    pub(super) fn bind(self, query: Statement<'_>) -> Statement<'_> {
        let Columns { is_done, lane, is_video, is_payments, place, filing_at, n_in_vault, appeal_at, second } =
            self.columns;
        let query = query.bind(self.id).bind(is_done).bind(lane).bind(self.due_at).bind(is_video).bind(is_payments);
        let query = query.bind(place).bind(filing_at).bind(self.document).bind(n_in_vault);
        query.bind(appeal_at).bind(second)
    }
}

/// A row of number, day and document.
pub(super) fn listed(row: &AnyRow) -> Result<Listed, Error> {
    let id: String = row.get(0);
    let dossier = document(&id, &row.get::<String, _>(2))?;
    let due_at = Timestamp::from_millisecond(row.get(1)).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(Listed { id, due_at, dossier })
}

/// The case as its document says.
pub(super) fn document(id: &str, text: &str) -> Result<Dossier, Error> {
    serde_json::from_str(text).map_err(|_| Error::Damaged { what: format!("case {id}") })
}

/// The document as it is stored.
pub(super) fn text(dossier: &Dossier) -> String {
    serde_json::to_string(dossier).expect("a dossier can be written as JSON")
}

pub(super) async fn take_in(
    write: &mut Write<'_>,
    who: Option<&Person>,
    referral: Referral,
    at: Timestamp,
) -> Result<Referred, Error> {
    let key = referral.key();
    let known = sqlx::query("SELECT case_id FROM referrals WHERE key = $1")
        .bind(key.clone())
        .fetch_optional(&mut *write.tx)
        .await?;
    if let Some(row) = known {
        let case: String = row.get(0);
        let dossier = read(write, &case).await?.ok_or_else(|| Error::NoSuchCase { id: case.clone() })?;
        let is_ended_now = referral.intake().ended_at.is_some()
            && dossier.referrals().iter().any(|known| known.key() == key && known.intake().ended_at.is_none());
        if is_ended_now {
            change(write, &case, dossier, who, &[Deed::Referred(referral)], at).await?;
        }
        return Ok(Referred { case, is_new: false, is_known: true });
    }
    let open = sqlx::query("SELECT id, document FROM cases WHERE place = $1")
        .bind(place(&referral))
        .fetch_optional(&mut *write.tx)
        .await?;
    let (case, dossier) = match open {
        Some(row) => (row.get(0), document(&row.get::<String, _>(0), &row.get::<String, _>(1))?),
        None => (new_id(at), Dossier::default()),
    };
    let is_new = dossier.referrals().is_empty();
    sqlx::query("INSERT INTO referrals (key, case_id) VALUES ($1, $2)")
        .bind(key)
        .bind(case.clone())
        .execute(&mut *write.tx)
        .await?;
    change(write, &case, dossier, who, &[Deed::Referred(referral)], at).await?;
    Ok(Referred { case, is_new, is_known: false })
}

pub(super) async fn read(write: &mut Write<'_>, case: &str) -> Result<Option<Dossier>, Error> {
    let row = sqlx::query("SELECT document FROM cases WHERE id = $1")
        .bind(case.to_owned())
        .fetch_optional(&mut *write.tx)
        .await?;
    row.map(|row| document(case, &row.get::<String, _>(0))).transpose()
}

pub(super) async fn change(
    write: &mut Write<'_>,
    case: &str,
    mut dossier: Dossier,
    who: Option<&Person>,
    deeds: &[Deed],
    at: Timestamp,
) -> Result<Dossier, Error> {
    let mut hands = match deeds.iter().any(Hands::are_asked_by) {
        true => Some(hands(write, case).await?),
        false => None,
    };
    for deed in deeds {
        if let Some(hands) = &mut hands {
            hands.take(who, deed)?;
        }
        dossier.apply(deed)?;
        let body = serde_json::to_string(deed).expect("a deed can be written as JSON");
        write.append(&Entry::about(case, who.cloned(), deed.action(), &body, at), &body).await?;
    }
    // When a person should have looked is set as the case comes in, and stays.
    let statement = format!(
        "INSERT INTO cases ({COLUMNS}) VALUES {}
         ON CONFLICT (id) DO UPDATE SET is_done = $2, lane = $3, is_video = $5, is_payments = $6, place = $7,
            filing_at = $8, document = $9, n_in_vault = $10, appeal_at = $11, second = $12",
        places(1, N_COLUMNS),
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(statement));
    Stored::of(case, &dossier, at).bind(query).execute(&mut *write.tx).await?;
    Ok(dossier)
}

/// Who has had a hand in a case, by its entries in the log.
async fn hands(write: &mut Write<'_>, case: &str) -> Result<Hands, Error> {
    let rows = sqlx::query("SELECT position, entry, body FROM log WHERE subject = $1 ORDER BY position")
        .bind(case.to_owned())
        .fetch_all(&mut *write.tx)
        .await?;
    let done = rows.iter().map(|row| with_deed(super::log::logged(row)?)).collect::<Result<Vec<_>, Error>>()?;
    Ok(Hands::of(done.iter().map(|(logged, deed)| (logged.entry.who.as_ref(), deed))))
}

/// A record of a case with its deed.
fn with_deed(logged: Logged) -> Result<(Logged, Deed), Error> {
    match serde_json::from_str(&logged.body) {
        Ok(deed) => Ok((logged, deed)),
        Err(_) => Err(Error::Damaged { what: format!("record {} of the log", logged.position) }),
    }
}

/// When an appeal must be answered; what has no such day comes last.
fn due_ms(appeal: &casework::appeal::Appeal) -> i64 {
    appeal.received().due_at.map_or(i64::MAX, |due_at| due_at.as_millisecond())
}

/// Where it was seen, as a digest: what is referred of the same place joins a case that is still open.
pub(super) fn place(referral: &Referral) -> String {
    let intake = referral.intake();
    let is_paid = intake.source == casework::referral::Source::Payment;
    let compartment = if is_paid { Compartment::Payments } else { Compartment::Video };
    let digest = Sha256::digest(serde_json::to_vec(&(compartment, &intake.platform, &intake.channel)).expect("names"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
