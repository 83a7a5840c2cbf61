//! Who may come in, and how do they show that it is them?
//!
//! There are no passwords. A person comes in with a one-time code that somebody who is in, or who runs this machine, made
//! for them, with a passkey, or with the organisation's own sign-in. Codes, tokens and sessions are stored as digests.

use std::time::Duration;

use casework::entry::Action;
use casework::role::{Compartment, Permission, Role};
use casework::{Entry, Person};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::{Error, Store};

/// How long a one-time code can be used.
pub(crate) const CODE_LASTS: Duration = Duration::from_secs(30 * 60);
/// How long a session lasts.
pub(crate) const SESSION_LASTS: Duration = Duration::from_secs(12 * 3600);

/// What somebody may do here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Who.
    pub(crate) name: Person,
    /// What they are here for.
    pub(crate) roles: Vec<Role>,
    /// Which parts of cases they read.
    pub(crate) compartments: Vec<Compartment>,
    /// Whether they are let in.
    pub(crate) is_active: bool,
    /// Their passkeys.
    #[serde(default)]
    pub(crate) passkeys: Vec<Passkey>,
    /// Who they are at the organisation's own sign-in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) logins: Vec<Login>,
}

/// A passkey: what the person's device showed when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Passkey {
    /// Its identifier in hexadecimal.
    pub(crate) id: String,
    /// The point of its P-256 key, uncompressed, in hexadecimal.
    pub(crate) public: String,
}

/// Somebody as a provider of sign-ins knows them (OpenID Connect Core 1.0 §5.7: only both together say who it is).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    /// The provider's address.
    pub(crate) issuer: String,
    /// What it calls them.
    pub(crate) subject: String,
}

/// Somebody who is in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Who, and what they may do.
    pub(crate) account: Account,
    /// When they last showed that it is them.
    pub(crate) proven_at: Timestamp,
}

impl Account {
    /// Whether they may do it.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.is_active && permission.is_given_to(&self.roles)
    }
}

impl Store {
    /// Lets somebody in, or changes what they may do.
    pub(crate) async fn set_account(
        &self,
        who: Option<&Person>,
        account: &Account,
        at: Timestamp,
    ) -> Result<(), Error> {
        let document = serde_json::to_string(account).expect("an account can be written as JSON");
        let mut write = self.write(at).await?;
        let entry = Entry::about("people", who.cloned(), Action::People, &document, at);
        write.append(&entry, &document).await?;
        sqlx::query(
            "INSERT INTO people (name, document) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET document = $2",
        )
        .bind(account.name.name().to_owned())
        .bind(document)
        .execute(&mut *write.tx)
        .await?;
        if !account.is_active {
            for statement in ["DELETE FROM sessions WHERE name = $1", "DELETE FROM codes WHERE name = $1"] {
                sqlx::query(statement).bind(account.name.name().to_owned()).execute(&mut *write.tx).await?;
            }
            sqlx::query("DELETE FROM tokens WHERE name = $1")
                .bind(account.name.name().to_owned())
                .execute(&mut *write.tx)
                .await?;
        }
        write.commit().await
    }

    /// What this person may do.
    pub(crate) async fn account(&self, name: &str) -> Result<Account, Error> {
        let row = sqlx::query("SELECT document FROM people WHERE name = $1")
            .bind(name.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        account(&row.ok_or(Error::NoSuchPerson)?.get::<String, _>(0))
    }

    /// Everybody.
    pub(crate) async fn accounts(&self) -> Result<Vec<Account>, Error> {
        let rows = sqlx::query("SELECT document FROM people ORDER BY name").fetch_all(&self.pool).await?;
        rows.iter().map(|row| account(&row.get::<String, _>(0))).collect()
    }

    /// Keeps a one-time code for somebody.
    pub(crate) async fn keep_code(&self, code: &str, name: &str, at: Timestamp) -> Result<(), Error> {
        self.account(name).await?;
        sqlx::query("INSERT INTO codes (digest, name, expires_at) VALUES ($1, $2, $3)")
            .bind(digest(&plain(code)))
            .bind(name.to_owned())
            .bind(later(at, CODE_LASTS))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Uses a one-time code up; whose it was.
    pub(crate) async fn use_code(&self, code: &str, at: Timestamp) -> Result<Option<Account>, Error> {
        let row = sqlx::query("DELETE FROM codes WHERE digest = $1 RETURNING name, expires_at")
            .bind(digest(&plain(code)))
            .fetch_optional(&self.pool)
            .await?;
        match row {
            Some(row) if row.get::<i64, _>(1) >= at.as_millisecond() => {
                let account = self.account(&row.get::<String, _>(0)).await?;
                Ok(Some(account).filter(|account| account.is_active))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Opens a session for somebody who has just shown that it is them.
    pub(crate) async fn open_session(&self, token: &str, name: &str, at: Timestamp) -> Result<(), Error> {
        self.open_proven_session(token, name, at, at).await
    }

    /// Opens a session for somebody who showed at `proven_at` that it is them, which may be long ago.
    pub(crate) async fn open_proven_session(
        &self,
        token: &str,
        name: &str,
        at: Timestamp,
        proven_at: Timestamp,
    ) -> Result<(), Error> {
        sqlx::query("DELETE FROM sessions WHERE expires_at < $1").bind(at.as_millisecond()).execute(&self.pool).await?;
        sqlx::query("INSERT INTO sessions (digest, name, expires_at, proven_at) VALUES ($1, $2, $3, $4)")
            .bind(digest(token))
            .bind(name.to_owned())
            .bind(later(at, SESSION_LASTS))
            .bind(proven_at.as_millisecond())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Who is in with this session.
    pub(crate) async fn session(&self, token: &str, at: Timestamp) -> Result<Option<Session>, Error> {
        let row = sqlx::query(
            "SELECT people.document, sessions.proven_at FROM sessions JOIN people ON people.name = sessions.name
             WHERE sessions.digest = $1 AND sessions.expires_at >= $2",
        )
        .bind(digest(token))
        .bind(at.as_millisecond())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let account = account(&row.get::<String, _>(0))?;
        let proven_at = Timestamp::from_millisecond(row.get(1)).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Some(Session { account, proven_at }).filter(|session| session.account.is_active))
    }

    /// Takes note that whoever has this session has shown again that it is them.
    pub(crate) async fn prove_session(&self, token: &str, at: Timestamp) -> Result<(), Error> {
        sqlx::query("UPDATE sessions SET proven_at = $2 WHERE digest = $1")
            .bind(digest(token))
            .bind(at.as_millisecond())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whose passkey has this identifier, in hexadecimal.
    pub(crate) async fn passkey(&self, id: &str) -> Result<Option<(Account, Passkey)>, Error> {
        for account in self.accounts().await?.into_iter().filter(|account| account.is_active) {
            if let Some(passkey) = account.passkeys.iter().find(|passkey| passkey.id == id).cloned() {
                return Ok(Some((account, passkey)));
            }
        }
        Ok(None)
    }

    /// Who is let in as this somebody of a provider; nobody where two accounts say they are.
    pub(crate) async fn login(&self, login: &Login) -> Result<Option<Account>, Error> {
        let accounts = self.accounts().await?.into_iter();
        let mut found = accounts.filter(|account| account.is_active && account.logins.contains(login));
        let first = found.next();
        Ok(first.filter(|_| found.next().is_none()))
    }

    /// Ends a session.
    pub(crate) async fn close_session(&self, token: &str) -> Result<(), Error> {
        sqlx::query("DELETE FROM sessions WHERE digest = $1").bind(digest(token)).execute(&self.pool).await?;
        Ok(())
    }

    /// Keeps a token for a program.
    pub(crate) async fn keep_token(&self, token: &str, name: &str) -> Result<(), Error> {
        self.account(name).await?;
        sqlx::query("INSERT INTO tokens (digest, name) VALUES ($1, $2)")
            .bind(digest(token))
            .bind(name.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Which program has this token.
    pub(crate) async fn token(&self, token: &str) -> Result<Option<Account>, Error> {
        let row = sqlx::query(
            "SELECT people.document FROM tokens JOIN people ON people.name = tokens.name WHERE tokens.digest = $1",
        )
        .bind(digest(token))
        .fetch_optional(&self.pool)
        .await?;
        let account = row.map(|row| account(&row.get::<String, _>(0))).transpose()?;
        Ok(account.filter(|account| account.is_active))
    }
}

pub(super) fn account(document: &str) -> Result<Account, Error> {
    serde_json::from_str(document).map_err(|_| Error::Damaged { what: "somebody's account".into() })
}

/// A code as it was typed, without what people add to it.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn digest(secret: &str) -> String {
    Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn later(at: Timestamp, by: Duration) -> i64 {
    at.as_millisecond().saturating_add(by.as_millis() as i64)
}
