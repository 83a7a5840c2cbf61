//! What can go, and how is it made to go?
//!
//! First in the record, then on the disk: an item that is erased in the record and still lies there is stray, and every
//! sweep that was allowed removes what is stray. The other way round a hold placed meanwhile would come too late.

use std::collections::BTreeSet;

use anyhow::Result;
use casework::vault::{self, Item, Vault};
use casework::{Deed, Dossier, Person};
use jiff::Timestamp;
use jiff::civil::Date;

use super::files::Files;
use crate::store::Store;

/// What a sweep did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Swept {
    /// What was erased.
    pub(crate) erased: Vec<Item>,
    /// What was not, because a hold was placed or the case moved since somebody asked.
    pub(crate) spared: Vec<Item>,
    /// How many files that no case named were removed.
    pub(crate) n_stray: usize,
    /// The day on which no backup holds what was erased; none where that is not known.
    pub(crate) complete_on: Option<Date>,
}

/// What could be erased at `at`.
pub(crate) async fn candidates(store: &Store, at: Timestamp) -> Result<Vec<Item>> {
    let vault = store.vault().await?;
    let mut items = Vec::new();
    for (case, dossier) in store.kept().await? {
        if is_due(&vault, &dossier, at) {
            items
                .extend(dossier.in_vault().map(|(_, sealing)| Item { case: case.clone(), item: sealing.item.clone() }));
        }
    }
    Ok(items)
}

/// Lets `who` allow what somebody else asked for, and erases it.
///
/// What was under way when a program ended is done by the next sweep.
pub(crate) async fn allow(store: &Store, files: &Files, who: &Person, at: Timestamp) -> Result<Swept> {
    let vault = store.vault_act(Some(who), &vault::Deed::SweepAllowed { by: who.clone() }, at).await?;
    let Some(sweep) = vault.sweep().cloned() else { return Ok(Swept::default()) };
    let complete_on = vault.plan().ok().and_then(|plan| plan.complete_on(at));
    let mut swept = Swept { complete_on, ..Swept::default() };
    for item in sweep.items {
        let deed = Deed::Erased {
            item: item.item.clone(),
            asked_by: sweep.asked_by.clone(),
            allowed_by: who.clone(),
            at,
            complete_on,
        };
        let is_due = is_due(&vault, &store.case(&item.case).await?, at);
        // The store asks the case itself once more: a hold that is placed this moment comes in time.
        match if is_due { store.act(&item.case, Some(who), &[deed], at).await } else { Err(refused()) } {
            Ok(_) => {
                files.erase(&item.item)?;
                swept.erased.push(item);
            }
            Err(crate::store::Error::Refused(_)) => swept.spared.push(item),
            Err(error) => return Err(error.into()),
        }
    }
    for item in files.stray(&named(store).await?)? {
        files.erase(&item)?;
        swept.n_stray += 1;
    }
    Ok(swept)
}

/// Every item that a case names.
pub(crate) async fn named(store: &Store) -> Result<BTreeSet<String>> {
    let kept = store.kept().await?;
    Ok(kept.iter().flat_map(|(_, dossier)| dossier.in_vault().map(|(_, sealing)| sealing.item.clone())).collect())
}

/// Whether a case's files can go: it is over, nothing holds it, and the time for an appeal is past.
fn is_due(vault: &Vault, dossier: &Dossier, at: Timestamp) -> bool {
    let decided_at = dossier.case().decision().map(|decision| decision.at);
    // While the vault is shut nobody said how long appeals take, and nothing may be kept: what is over can go.
    let appeal_until = vault.plan().ok().and_then(|plan| plan.appeal_until(decided_at?));
    dossier.is_erasable(at) && appeal_until.is_none_or(|until| until <= at)
}

fn refused() -> crate::store::Error {
    crate::store::Error::Refused(casework::Error::Held)
}
