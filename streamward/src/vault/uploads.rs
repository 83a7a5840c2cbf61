//! When is a file that a program sent in parts evidence?
//!
//! When all of it is here and its digest is the one that was said before. It is then sealed as one item and recorded, and the
//! parts go. Whatever ends the program between, the same question asked again comes to the same end.

use anyhow::{Context, Result};
use casework::Evidence;
use casework::evidence::Kept;
use jiff::Timestamp;

use super::files::Files;
use super::keep;
use crate::store::{Store, Upload, UploadState};

/// Keeps a file of which every byte is here, or refuses it.
pub(crate) async fn settle(store: &Store, files: &Files, upload: &Upload, at: Timestamp) -> Result<UploadState> {
    let facts = facts(files, upload).await?;
    let is_said = facts.digits() == upload.sha256 && facts.len == upload.len;
    let state = if is_said { UploadState::Kept } else { UploadState::Refused };
    if is_said {
        let (from, parts) = (files.clone(), upload.clone());
        let open = move || Ok(from.parts(&parts.id, parts.n_parts, &parts.key)?);
        keep::keep_from(store, files, &upload.case, Some(&upload.who), &facts, at, open).await?;
    }
    store.end_upload(&upload.id, state).await?;
    files.erase_parts(&upload.id)?;
    Ok(state)
}

async fn facts(files: &Files, upload: &Upload) -> Result<Evidence> {
    let (files, upload) = (files.clone(), upload.clone());
    let read = move || {
        let parts = files.parts(&upload.id, upload.n_parts, &upload.key)?;
        anyhow::Ok(crate::file::facts_of(parts, &upload.name, Kept::Facts)?)
    };
    tokio::task::spawn_blocking(read).await?.context("the parts of a file cannot be read")
}

/// Removes what is waited for no more, and what nobody took note of.
pub(crate) async fn sweep(store: &Store, files: &Files, at: Timestamp) -> Result<usize> {
    let here = files.with_parts()?;
    let open = store.sweep_uploads(at).await?;
    let stray: Vec<&String> = here.iter().filter(|id| !open.contains(id)).collect();
    for id in &stray {
        files.erase_parts(id)?;
    }
    Ok(stray.len())
}
