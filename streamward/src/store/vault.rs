//! What is in the vault?

use casework::entry::Action;
use casework::vault::{self, SUBJECT};
use casework::{Deed, Dossier, Entry, Evidence, Person, Vault};
use jiff::Timestamp;
use sqlx::Row;

use super::cases::{change, document, read};
use super::log::Write;
use super::{Error, Store};

impl Store {
    /// The vault, as the log makes it.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Damaged`].
    pub(crate) async fn vault(&self) -> Result<Vault, Error> {
        let row = sqlx::query("SELECT document FROM vault").fetch_optional(&self.pool).await?;
        vault_of(row.map(|row| row.get(0)))
    }

    /// Does something to the vault.
    ///
    /// # Errors
    /// [`Error::Refused`] when the vault does not allow it, as without a second person; then nothing was changed.
    pub(crate) async fn vault_act(
        &self,
        who: Option<&Person>,
        deed: &vault::Deed,
        at: Timestamp,
    ) -> Result<Vault, Error> {
        let mut write = self.write(at).await?;
        let mut vault = read_vault(&mut write).await?;
        vault.apply(deed)?;
        let body = serde_json::to_string(deed).expect("a deed can be written as JSON");
        write.append(&Entry::about(SUBJECT, who.cloned(), Action::Vault, &body, at), &body).await?;
        let document = serde_json::to_string(&vault).expect("a vault can be written as JSON");
        sqlx::query("INSERT INTO vault (id, document) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET document = $1")
            .bind(document)
            .execute(&mut *write.tx)
            .await?;
        write.commit().await?;
        Ok(vault)
    }

    /// Adds a file that lies in the vault to a case; only while the vault is open.
    ///
    /// # Errors
    /// [`casework::Error::VaultShut`] as [`Error::Refused`].
    pub(crate) async fn keep(
        &self,
        case: &str,
        who: Option<&Person>,
        evidence: Evidence,
        at: Timestamp,
    ) -> Result<Dossier, Error> {
        let mut write = self.write(at).await?;
        read_vault(&mut write).await?.plan()?;
        let dossier = read(&mut write, case).await?.ok_or_else(|| Error::NoSuchCase { id: case.to_owned() })?;
        let dossier = change(&mut write, case, dossier, who, &[Deed::Evidence(evidence)], at).await?;
        write.commit().await?;
        Ok(dossier)
    }

    /// Every case that has something in the vault.
    pub(crate) async fn kept(&self) -> Result<Vec<(String, Dossier)>, Error> {
        let rows = sqlx::query("SELECT id, document FROM cases WHERE n_in_vault > 0 ORDER BY id")
            .fetch_all(&self.pool)
            .await?;
        let read = rows.iter().map(|row| {
            let id: String = row.get(0);
            let dossier = document(&id, &row.get::<String, _>(1))?;
            Ok((id, dossier))
        });
        read.collect()
    }
}

pub(super) fn vault_of(document: Option<String>) -> Result<Vault, Error> {
    match document {
        None => Ok(Vault::default()),
        Some(text) => serde_json::from_str(&text).map_err(|_| Error::Damaged { what: "the vault".into() }),
    }
}

async fn read_vault(write: &mut Write<'_>) -> Result<Vault, Error> {
    let row = sqlx::query("SELECT document FROM vault").fetch_optional(&mut *write.tx).await?;
    vault_of(row.map(|row| row.get(0)))
}
