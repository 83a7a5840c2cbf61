//! Where are cases kept, and how is nothing of them lost or altered unseen?
//!
//! SQLite unless a PostgreSQL URL is given; the same statements run on both. Every change is one transaction with its
//! entry in the log and the log's newly signed head: either all of it is there after a crash, or nothing.

mod schema;
mod key;
mod log;
mod proof;
mod intake;
mod bulk;
mod cases;
mod search;
mod people;
mod vault;
mod looks;
mod uploads;
mod figures;
mod quality;
mod verify;
#[cfg(test)]
pub(crate) mod postgres;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use record::Signer;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyPool, Row};
use tokio::sync::Mutex;

pub(crate) use cases::{Due, Line, Listed};
pub(crate) use figures::Counts;
#[cfg(test)]
pub(crate) use figures::figure_definitions;
pub(crate) use log::Logged;
pub(crate) use people::{Account, Login, Passkey, Session};
pub(crate) use uploads::{UPLOAD_LASTS, Upload, UploadState};
pub(crate) use verify::Findings;

/// The store.
pub(crate) struct Store {
    pool: AnyPool,
    kind: Kind,
    signer: Signer,
    /// One writer at a time in this process; between processes the database sees to it.
    turn: Mutex<()>,
    intake: intake::Intake,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The database.
    #[error(
        "the database did not do it: {0}\n  to do: check that it runs, that its disk has room, and that no other program holds it; nothing was changed"
    )]
    Database(#[from] sqlx::Error),
    /// The case or the report does not allow it.
    #[error(transparent)]
    Refused(#[from] casework::Error),
    /// There is no such case.
    #[error("there is no case {id}\n  to do: `streamward case list` names them all")]
    NoSuchCase {
        /// Its number.
        id: String,
    },
    /// There is no such person.
    #[error("there is nobody of that name\n  to do: `streamward person list` names them all")]
    NoSuchPerson,
    /// What is stored cannot be read.
    #[error("{what} cannot be read\n  to do: run `streamward case verify`, and restore a backup")]
    Damaged {
        /// What.
        what: String,
    },
    /// The key of the log is not there, or is another one's.
    #[error("{0}")]
    Key(String),
}

impl Error {
    /// One word for logs, which say nothing of what is in a store.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Error::Database(_) => "database",
            Error::Refused(_) => "refused",
            Error::NoSuchCase { .. } => "no such case",
            Error::NoSuchPerson => "no such person",
            Error::Damaged { .. } => "damaged",
            Error::Key(_) => "key",
        }
    }
}

impl Store {
    /// Opens the store of the folder `data`; of `database` where that is given, with the key of the log in `data`.
    ///
    /// # Errors
    /// [`Error::Database`] when it cannot be opened, [`Error::Key`] when its key is missing or another's.
    pub(crate) async fn open(data: &Path, database: Option<&str>) -> Result<Store, Error> {
        sqlx::any::install_default_drivers();
        std::fs::create_dir_all(data).map_err(sqlx::Error::Io)?;
        let file = data.join("streamward.db");
        let url = database.map_or_else(|| sqlite_url(&file), str::to_owned);
        let kind = if url.starts_with("postgres") { Kind::Postgres } else { Kind::Sqlite };
        let options = AnyPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(20));
        let options = match kind {
            Kind::Postgres => options,
            Kind::Sqlite => options.after_connect(|connection, _| {
                Box::pin(async move {
                    // FULL: a commit is on the disk before anybody is told of it.
                    for pragma in ["journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000"] {
                        let statement = sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"));
                        sqlx::query(statement).fetch_optional(&mut *connection).await?;
                    }
                    Ok(())
                })
            }),
        };
        let pool = options.connect(&url).await?;
        schema::migrate(&pool, kind).await?;
        let n_entries: i64 = sqlx::query("SELECT n_entries FROM head").fetch_one(&pool).await?.get(0);
        let signer = key::of(data, n_entries)?;
        let store = Store { pool, kind, signer, turn: Mutex::new(()), intake: intake::Intake::default() };
        store.check_key().await?;
        Ok(store)
    }

    /// The key that signs heads of the log.
    pub(crate) fn key(&self) -> record::Key {
        self.signer.key()
    }
}

fn sqlite_url(file: &Path) -> String {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let escaped: String = absolute
        .to_string_lossy()
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("sqlite://{escaped}?mode=rwc")
}

/// A new identifier: milliseconds since 1970 and 80 bits of chance, 26 characters of Crockford's base 32 (a ULID), so
/// that identifiers sort by age.
pub(crate) fn new_id(at: jiff::Timestamp) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut bits = u128::from(at.as_millisecond().max(0) as u64) << 80;
    let chance: [u8; 10] = crate::chance::bytes();
    bits |= chance.iter().fold(0u128, |bits, byte| (bits << 8) | u128::from(*byte));
    (0..26).rev().map(|place| char::from(DIGITS[(bits >> (place * 5)) as usize & 31])).collect()
}
