//! How does the log grow with each change?
//!
//! The head is read and written in the transaction of the change itself, so no memory of this process can be out of step
//! with the store, and several processes can write in turn.

use casework::Entry;
use jiff::Timestamp;
use record::{Checkpoint, Frontier, Hash, Note, Quorum};
use sqlx::{Any, Row, Transaction};
use tokio::sync::MutexGuard;

use super::bulk::places;
use super::{Error, Kind, Store};

/// A change that is being made; dropped without [`Write::commit`] it has not happened.
pub(super) struct Write<'s> {
    pub(super) tx: Transaction<'static, Any>,
    store: &'s Store,
    frontier: Frontier,
    pub(super) n_before: u64,
    at: Timestamp,
    _turn: MutexGuard<'s, ()>,
}

/// The log's size and signed checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// How many entries it has.
    pub(crate) n_entries: u64,
    /// The checkpoint, signed; empty while there are no entries.
    pub(crate) note: String,
}

/// One entry as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    /// Its place in the log, from 0.
    pub(crate) position: u64,
    /// The leaf.
    pub(crate) entry: Entry,
    /// What its digest is of.
    pub(crate) body: String,
}

impl Store {
    /// Begins a change.
    pub(super) async fn write(&self, at: Timestamp) -> Result<Write<'_>, Error> {
        let turn = self.turn.lock().await;
        let (tx, row) = match self.kind {
            Kind::Sqlite => {
                let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
                let row = sqlx::query("SELECT n_entries, peaks FROM head").fetch_one(&mut *tx).await?;
                (tx, row)
            }
            Kind::Postgres => {
                let mut tx = self.pool.begin().await?;
                let row = sqlx::query("SELECT n_entries, peaks FROM head FOR UPDATE").fetch_one(&mut *tx).await?;
                (tx, row)
            }
        };
        let frontier = frontier(row.get(0), &row.get::<String, _>(1));
        let Some(frontier) = frontier else {
            tx.rollback().await?;
            return Err(Error::Damaged { what: "the log's head".into() });
        };
        Ok(Write { tx, store: self, n_before: frontier.n_entries(), frontier, at, _turn: turn })
    }

    /// The log's size and signed checkpoint.
    pub(crate) async fn head(&self) -> Result<Head, Error> {
        let row = sqlx::query("SELECT n_entries, note FROM head").fetch_one(&self.pool).await?;
        Ok(Head { n_entries: row.get::<i64, _>(0) as u64, note: row.get(1) })
    }

    /// The entries of one case, or of `people`, the earliest first.
    pub(crate) async fn logged(&self, subject: &str) -> Result<Vec<Logged>, Error> {
        let rows = sqlx::query("SELECT position, entry, body FROM log WHERE subject = $1 ORDER BY position")
            .bind(subject.to_owned())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(logged).collect()
    }

    /// The last entries, the latest first.
    pub(crate) async fn last_logged(&self, n_max: u32) -> Result<Vec<Logged>, Error> {
        let rows = sqlx::query("SELECT position, entry, body FROM log ORDER BY position DESC LIMIT $1")
            .bind(i64::from(n_max))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(logged).collect()
    }

    /// Whether the key beside the store is the one that signed its head.
    pub(super) async fn check_key(&self) -> Result<(), Error> {
        let head = self.head().await?;
        if head.n_entries == 0 {
            return Ok(());
        }
        let signed = Note::parse(head.note.as_bytes()).and_then(|note| {
            Quorum::new(1, vec![self.key()])?.verify(&note)?;
            Ok(())
        });
        signed.map_err(|error| {
            Error::Key(format!(
                "the log's head was not signed with the key in this folder: {error}\n  to do: use the folder that \
                 belongs to this database, or restore both from one backup"
            ))
        })
    }
}

impl Write<'_> {
    /// Appends an entry with what its digest is of.
    pub(super) async fn append(&mut self, entry: &Entry, body: &str) -> Result<u64, Error> {
        let position = self.frontier.n_entries();
        self.append_all(&[(entry.clone(), body.to_owned())]).await?;
        Ok(position)
    }

    /// Appends entries, each with what its digest is of; so many that their values fit into one statement.
    pub(super) async fn append_all(&mut self, entries: &[(Entry, String)]) -> Result<(), Error> {
        let statement = format!("INSERT INTO log (position, subject, entry, body) VALUES {}", places(entries.len(), 4));
        let mut query = sqlx::query(sqlx::AssertSqlSafe(statement));
        for (entry, body) in entries {
            let position = self.frontier.append_hash(entry.hash());
            let leaf = String::from_utf8(entry.to_bytes()).expect("JSON is UTF-8");
            query = query.bind(position as i64).bind(entry.case.clone()).bind(leaf).bind(body.clone());
        }
        query.execute(&mut *self.tx).await?;
        Ok(())
    }

    /// Signs the new head and makes the change durable.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        if self.frontier.n_entries() > self.n_before {
            let checkpoint = Checkpoint {
                origin: self.store.signer.key().name().to_owned(),
                n_entries: self.frontier.n_entries(),
                root: self.frontier.root(),
                extensions: vec![self.at.to_string()],
            };
            let damaged = |_| Error::Damaged { what: "the log's name".into() };
            let mut note = checkpoint.to_note().map_err(damaged)?;
            note.sign(&self.store.signer);
            let peaks: Vec<String> = self.frontier.peaks().iter().map(ToString::to_string).collect();
            sqlx::query("UPDATE head SET n_entries = $1, peaks = $2, note = $3")
                .bind(self.frontier.n_entries() as i64)
                .bind(peaks.join(" "))
                .bind(note.to_string())
                .execute(&mut *self.tx)
                .await?;
        }
        self.tx.commit().await?;
        Ok(())
    }
}

pub(super) fn frontier(n_entries: i64, peaks: &str) -> Option<Frontier> {
    let peaks: Result<Vec<Hash>, _> = peaks.split_whitespace().map(Hash::parse).collect();
    Frontier::from_peaks(u64::try_from(n_entries).ok()?, peaks.ok()?).ok()
}

pub(super) fn logged(row: &sqlx::any::AnyRow) -> Result<Logged, Error> {
    let position = row.get::<i64, _>(0) as u64;
    let entry = serde_json::from_str(&row.get::<String, _>(1));
    let entry = entry.map_err(|_| Error::Damaged { what: format!("record {position} of the log") })?;
    Ok(Logged { position, entry, body: row.get(2) })
}
