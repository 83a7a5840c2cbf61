//! How does a file come into the vault?

use std::path::Path;

use anyhow::{Context, Result, bail};
use casework::evidence::{Evidence, Kept};
use casework::vault::{self, MonthKey, month};
use jiff::Timestamp;

use super::escrow;
use super::files::Files;
use crate::store::{Store, new_id};

/// Keeps a file for a case; `facts` says what it is. What is there already stays.
///
/// Encrypted to the disk first and recorded then: if this ends between, what lies there is stray, and the next sweep
/// removes it.
pub(crate) async fn keep(
    store: &Store,
    files: &Files,
    case: &str,
    path: &Path,
    facts: &Evidence,
    at: Timestamp,
) -> Result<()> {
    let known = store.case(case).await?;
    if known.in_vault().any(|(file, _)| file.sha256 == facts.sha256) {
        return Ok(());
    }
    let key = key(store, files, at).await?;
    let item = new_id(at);
    let (sealing, sha256) = files.seal(path, &key, &item)?;
    if sha256 != facts.sha256 {
        files.erase(&item)?;
        bail!("{} was changed while it was read\n  to do: try again when nobody writes to it", path.display());
    }
    let evidence = Evidence { kept: Kept::InVault(sealing), ..facts.clone() };
    let kept = store.keep(case, None, evidence, at).await;
    if kept.is_err() {
        files.erase(&item)?;
    }
    kept.map(|_| ()).context("the file was not kept")
}

/// The key of this month; made where there is none yet.
async fn key(store: &Store, files: &Files, at: Timestamp) -> Result<MonthKey> {
    let vault = store.vault().await?;
    let plan = vault.plan().map_err(|error| {
        anyhow::anyhow!(
            "{error}\n  to do: `streamward vault init` asks for it; without a vault, facts of files are kept"
        )
    })?;
    if let Some(key) = vault.key_for(&month(at)) {
        return Ok(key.clone());
    }
    let key = escrow::make(files, &month(at), &plan.holders)?;
    store.vault_act(None, &vault::Deed::KeyMade(key.clone()), at).await?;
    Ok(key)
}
