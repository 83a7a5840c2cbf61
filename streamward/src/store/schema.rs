//! Which tables are there, and how does an older store get them?
//!
//! Written for SQLite; PostgreSQL gets the same with its own word for a 64-bit number. A version is never edited once
//! it is out: a change is a new one.

use sqlx::{AnyPool, Row};

use super::{Error, Kind};

/// Each version, the first first.
const VERSIONS: [&[&str]; 7] = [
    &[
        // What was done, in order: entry is the leaf of the tree, body is what its digest is of.
        "CREATE TABLE log (
        position INTEGER PRIMARY KEY, subject TEXT NOT NULL, entry TEXT NOT NULL, body TEXT NOT NULL) STRICT",
        "CREATE INDEX log_subject ON log (subject, position)",
        // The log's size, the roots of its complete subtrees, and its signed checkpoint: one row.
        "CREATE TABLE head (
        id INTEGER PRIMARY KEY, n_entries INTEGER NOT NULL, peaks TEXT NOT NULL, note TEXT NOT NULL) STRICT",
        "INSERT INTO head (id, n_entries, peaks, note) VALUES (1, 0, '', '')",
        // Each case as its deeds in the log make it, and by what it is looked for.
        "CREATE TABLE cases (
        id TEXT PRIMARY KEY, is_done INTEGER NOT NULL, lane INTEGER NOT NULL, due_at INTEGER NOT NULL,
        is_video INTEGER NOT NULL, is_payments INTEGER NOT NULL, place TEXT, filing_at INTEGER,
        document TEXT NOT NULL) STRICT",
        "CREATE INDEX cases_queue ON cases (is_done, lane, due_at, id)",
        "CREATE INDEX cases_filing ON cases (filing_at)",
        "CREATE INDEX cases_place ON cases (place)",
        // Which case something was referred to, so that it is referred once.
        "CREATE TABLE referrals (key TEXT PRIMARY KEY, case_id TEXT NOT NULL) STRICT",
        // Who may come in; as the log makes it.
        "CREATE TABLE people (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT",
        // Digests of one-time codes, tokens and sessions: none of them can be used from a copy of the store.
        "CREATE TABLE codes (digest TEXT PRIMARY KEY, name TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT",
        "CREATE TABLE tokens (digest TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT",
        "CREATE TABLE sessions (
        digest TEXT PRIMARY KEY, name TEXT NOT NULL, expires_at INTEGER NOT NULL, proven_at INTEGER NOT NULL) STRICT",
        // Who is working on what until when.
        "CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT",
    ],
    &[
        // The vault as its deeds in the log make it: one row, or none.
        "CREATE TABLE vault (id INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT",
        // How many files of a case lie in the vault.
        "ALTER TABLE cases ADD COLUMN n_in_vault INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX cases_in_vault ON cases (id) WHERE n_in_vault > 0",
    ],
    &[
        // How much each person has looked at on each day; as the log makes it.
        "CREATE TABLE exposures (
        name TEXT NOT NULL, day TEXT NOT NULL, n_looks INTEGER NOT NULL, shown_ms INTEGER NOT NULL,
        PRIMARY KEY (name, day)) STRICT",
    ],
    &[
        // When the earliest open appeal about a case must be answered, the largest number where that is not set.
        "ALTER TABLE cases ADD COLUMN appeal_at INTEGER",
        "CREATE INDEX cases_appeal ON cases (appeal_at, id) WHERE appeal_at IS NOT NULL",
        // A case drawn for a second look: empty while it waits, else who is looking.
        "ALTER TABLE cases ADD COLUMN second TEXT",
        "CREATE INDEX cases_second ON cases (second, id) WHERE second IS NOT NULL",
    ],
    &[
        // How far files are that programs are sending; their bytes lie sealed in the vault's folder.
        "CREATE TABLE uploads (
        id TEXT PRIMARY KEY, case_id TEXT NOT NULL, who TEXT NOT NULL, len INTEGER NOT NULL, sha256 TEXT NOT NULL,
        name TEXT NOT NULL, month_key TEXT NOT NULL, n_bytes INTEGER NOT NULL, n_parts INTEGER NOT NULL,
        state TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT",
        "CREATE INDEX uploads_who ON uploads (who, state)",
    ],
    &[
        // Hashes of complete subtrees of the log, for proofs; each can be made again from the log.
        "CREATE TABLE subtrees (
        level INTEGER NOT NULL, number INTEGER NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (level, number)) STRICT",
    ],
    &[
        // What each case is found by, and how many records of the log that is of; as the log makes it.
        "CREATE TABLE terms (case_id TEXT NOT NULL, term TEXT NOT NULL, PRIMARY KEY (case_id, term)) STRICT",
        "CREATE INDEX terms_term ON terms (term, case_id)",
        "CREATE TABLE indexed (id INTEGER PRIMARY KEY, n_records INTEGER NOT NULL) STRICT",
        "INSERT INTO indexed (id, n_records) VALUES (1, 0)",
    ],
];

pub(super) async fn migrate(pool: &AnyPool, kind: Kind) -> Result<(), Error> {
    const VERSION: &str = "SELECT coalesce(max(version), 0) FROM schema_version";
    // What has the version of this program is not written to, so that a replica can be read.
    if let Ok(row) = sqlx::query(VERSION).fetch_one(pool).await
        && row.get::<i64, _>(0) == VERSIONS.len() as i64
    {
        return Ok(());
    }
    let mut tx = match kind {
        Kind::Sqlite => pool.begin_with("BEGIN IMMEDIATE").await?,
        Kind::Postgres => pool.begin().await?,
    };
    if kind == Kind::Postgres {
        // Two programs that start at once must not both create the tables.
        sqlx::query("SELECT pg_advisory_xact_lock(8420)").execute(&mut *tx).await?;
    }
    let own = |statement: &str| match kind {
        Kind::Sqlite => sqlx::AssertSqlSafe(statement.to_owned()),
        Kind::Postgres => sqlx::AssertSqlSafe(statement.replace("INTEGER", "BIGINT").replace(" STRICT", "")),
    };
    sqlx::query(own("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT"))
        .execute(&mut *tx)
        .await?;
    let row = sqlx::query(VERSION).fetch_one(&mut *tx).await?;
    let version: i64 = row.get(0);
    if version as usize > VERSIONS.len() {
        return Err(Error::Key(format!(
            "the store has version {version} and this program knows {}\n  to do: use the program that wrote it, or a newer one",
            VERSIONS.len()
        )));
    }
    for (index, statements) in VERSIONS.iter().enumerate().skip(version as usize) {
        for statement in *statements {
            sqlx::query(own(statement)).execute(&mut *tx).await?;
        }
        sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
            .bind(index as i64 + 1)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}
