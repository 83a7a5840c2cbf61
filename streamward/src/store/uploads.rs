//! How far is a file that a program is sending?
//!
//! What is said of it stands here; its bytes lie sealed in the vault's folder until all of them are there. Nothing of this is
//! in the log: only the file that is kept at the end is evidence.

use casework::Person;
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Error, Store};

/// How long after its last byte an unfinished file is waited for.
pub(crate) const UPLOAD_LASTS: SignedDuration = SignedDuration::from_hours(24);

/// A file that a program is sending.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// Its number.
    pub(crate) id: String,
    /// For which case.
    pub(crate) case: String,
    /// Who sends it.
    pub(crate) who: Person,
    /// How many bytes it will have.
    pub(crate) len: u64,
    /// The SHA-256 that was said of it, 64 hexadecimal digits.
    pub(crate) sha256: String,
    /// The name that was said of it.
    pub(crate) name: String,
    /// The month's key to which its parts are sealed.
    pub(crate) key: String,
    /// How many bytes are here.
    pub(crate) n_bytes: u64,
    /// In how many parts.
    pub(crate) n_parts: u32,
    /// What became of it.
    pub(crate) state: UploadState,
    /// Until when the rest is waited for.
    pub(crate) expires_at: Timestamp,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UploadState {
    /// Bytes are waited for.
    Open,
    /// It is evidence of its case.
    Kept,
    /// Its bytes were not those that were said, and are gone.
    Refused,
}

impl UploadState {
    const ALL: [UploadState; 3] = [UploadState::Open, UploadState::Kept, UploadState::Refused];

    /// One word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            UploadState::Open => "open",
            UploadState::Kept => "kept",
            UploadState::Refused => "refused",
        }
    }
}

impl Store {
    /// Takes note of a file that is about to be sent.
    pub(crate) async fn begin_upload(&self, upload: &Upload) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO uploads (id, case_id, who, len, sha256, name, month_key, n_bytes, n_parts, state, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(upload.id.clone())
        .bind(upload.case.clone())
        .bind(upload.who.name().to_owned())
        .bind(upload.len as i64)
        .bind(upload.sha256.clone())
        .bind(upload.name.clone())
        .bind(upload.key.clone())
        .bind(upload.n_bytes as i64)
        .bind(i64::from(upload.n_parts))
        .bind(upload.state.name())
        .bind(upload.expires_at.as_millisecond())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The file of this number that `who` is sending; nobody else's.
    pub(crate) async fn upload(&self, id: &str, who: &Person, at: Timestamp) -> Result<Option<Upload>, Error> {
        let row = sqlx::query("SELECT * FROM uploads WHERE id = $1 AND who = $2 AND expires_at >= $3")
            .bind(id.to_owned())
            .bind(who.name().to_owned())
            .bind(at.as_millisecond())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| upload(&row)).transpose()
    }

    /// How many files somebody is sending and has not finished.
    pub(crate) async fn n_open_uploads(&self, who: &Person) -> Result<u64, Error> {
        let row = sqlx::query("SELECT count(*) FROM uploads WHERE who = $1 AND state = 'open'")
            .bind(who.name().to_owned())
            .fetch_one(&self.pool)
            .await?;
        Ok(row.get::<i64, _>(0) as u64)
    }

    /// Takes note that one more part is on the disk; false when somebody else added one meanwhile.
    pub(crate) async fn add_part(&self, upload: &Upload, n_bytes: u64, at: Timestamp) -> Result<bool, Error> {
        let expires_at = at.checked_add(UPLOAD_LASTS).unwrap_or(Timestamp::MAX);
        let changed = sqlx::query(
            "UPDATE uploads SET n_bytes = n_bytes + $1, n_parts = n_parts + 1, expires_at = $2
             WHERE id = $3 AND n_parts = $4 AND state = 'open'",
        )
        .bind(n_bytes as i64)
        .bind(expires_at.as_millisecond())
        .bind(upload.id.clone())
        .bind(i64::from(upload.n_parts))
        .execute(&self.pool)
        .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Takes note of what became of it.
    pub(crate) async fn end_upload(&self, id: &str, state: UploadState) -> Result<(), Error> {
        sqlx::query("UPDATE uploads SET state = $1 WHERE id = $2")
            .bind(state.name())
            .bind(id.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets one.
    pub(crate) async fn forget_upload(&self, id: &str) -> Result<(), Error> {
        sqlx::query("DELETE FROM uploads WHERE id = $1").bind(id.to_owned()).execute(&self.pool).await?;
        Ok(())
    }

    /// Forgets those that are waited for no more; the numbers of those that are left and unfinished.
    pub(crate) async fn sweep_uploads(&self, at: Timestamp) -> Result<Vec<String>, Error> {
        sqlx::query("DELETE FROM uploads WHERE expires_at < $1").bind(at.as_millisecond()).execute(&self.pool).await?;
        let rows = sqlx::query("SELECT id FROM uploads WHERE state = 'open'").fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

fn upload(row: &AnyRow) -> Result<Upload, Error> {
    let damaged = || Error::Damaged { what: "an unfinished file".into() };
    let state: String = row.get("state");
    Ok(Upload {
        id: row.get("id"),
        case: row.get("case_id"),
        who: Person::new(&row.get::<String, _>("who")).map_err(|_| damaged())?,
        len: row.get::<i64, _>("len") as u64,
        sha256: row.get("sha256"),
        name: row.get("name"),
        key: row.get("month_key"),
        n_bytes: row.get::<i64, _>("n_bytes") as u64,
        n_parts: row.get::<i64, _>("n_parts") as u32,
        state: UploadState::ALL.into_iter().find(|known| known.name() == state).ok_or_else(damaged)?,
        expires_at: Timestamp::from_millisecond(row.get("expires_at")).map_err(|_| damaged())?,
    })
}
