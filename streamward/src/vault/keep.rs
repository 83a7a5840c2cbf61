//! How does a file come into the vault?

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use casework::Person;
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
    let path = path.to_owned();
    let open = move || File::open(&path).with_context(|| format!("cannot read {}", path.display()));
    keep_from(store, files, case, None, facts, at, open).await
}

/// As [`keep`], for `who`, of whatever `open` reads from.
pub(crate) async fn keep_from<R: Read + Send + 'static>(
    store: &Store,
    files: &Files,
    case: &str,
    who: Option<&Person>,
    facts: &Evidence,
    at: Timestamp,
    open: impl FnOnce() -> Result<R> + Send + 'static,
) -> Result<()> {
    let known = store.case(case).await?;
    if known.in_vault().any(|(file, _)| file.sha256 == facts.sha256) {
        return Ok(());
    }
    let key = key(store, files, at).await?;
    let (item, own) = (new_id(at), files.clone());
    let name = item.clone();
    // Gigabytes take a while, and others wait for answers.
    let sealed = tokio::task::spawn_blocking(move || anyhow::Ok(own.seal(open()?, &key, &name)?)).await?;
    let (sealing, sha256) = sealed?;
    if sha256 != facts.sha256 {
        files.erase(&item)?;
        bail!("the file was changed while it was read\n  to do: try again when nobody writes to it");
    }
    let evidence = Evidence { kept: Kept::InVault(sealing), ..facts.clone() };
    let kept = store.keep(case, who, evidence, at).await;
    if kept.is_err() {
        files.erase(&item)?;
    }
    kept.map(|_| ()).context("the file was not kept")
}

/// The key of this month; made where there is none yet.
pub(crate) async fn key(store: &Store, files: &Files, at: Timestamp) -> Result<MonthKey> {
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
