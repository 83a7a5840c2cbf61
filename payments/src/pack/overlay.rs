//! Which values does an institution keep for itself?
//!
//! An overlay names the pack and its exact version, and replaces bands and thresholds or switches indicators off. It
//! can add no feature, and it cannot lower the number of families that must agree.

use serde::Deserialize;

use super::document::{BandEntry, Document, NotEnough};
use crate::Error;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Overlay {
    overlay: Head,
    #[serde(default)]
    indicator: Vec<Change>,
    #[serde(default)]
    protection: Vec<Change>,
    #[serde(default)]
    typology: Vec<Thresholds>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    id: String,
    version: String,
    pack: String,
    pack_version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    id: String,
    #[serde(default)]
    is_off: bool,
    bands: Option<Vec<BandEntry>>,
    not_enough: Option<NotEnough>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    id: String,
    review: Option<i64>,
    alert: Option<i64>,
}

/// Changes `document` as `text` says; gives the overlay's name and version.
pub(super) fn apply(text: &str, document: &mut Document) -> Result<(String, String), Error> {
    let overlay: Overlay = toml::from_str(text).map_err(|e| Error::Pack(format!("the overlay: {e}")))?;
    let Head { id, version, pack, pack_version } = overlay.overlay;
    if pack != document.pack.id || pack_version != document.pack.version {
        let (own, own_version) = (&document.pack.id, &document.pack.version);
        return Err(Error::Pack(format!("the overlay is for {pack} {pack_version}, and this is {own} {own_version}")));
    }
    let nothing = |id: &str| Error::Pack(format!("the overlay changes {id:?}, which the pack does not have"));
    for change in overlay.indicator {
        let entry = document.indicator.iter_mut().find(|e| e.id == change.id).ok_or_else(|| nothing(&change.id))?;
        entry.bands = change.bands.unwrap_or_else(|| entry.bands.clone());
        entry.not_enough = change.not_enough.or_else(|| entry.not_enough.clone());
        if change.is_off {
            document.indicator.retain(|e| e.id != change.id);
        }
    }
    for change in overlay.protection {
        let entry = document.protection.iter_mut().find(|e| e.id == change.id).ok_or_else(|| nothing(&change.id))?;
        if change.is_off {
            return Err(Error::Pack(format!("the overlay switches {} off; what protects people stays on", change.id)));
        }
        entry.bands = change.bands.unwrap_or_else(|| entry.bands.clone());
        entry.not_enough = change.not_enough.or_else(|| entry.not_enough.clone());
    }
    for change in overlay.typology {
        let entry = document.typology.iter_mut().find(|e| e.id == change.id).ok_or_else(|| nothing(&change.id))?;
        entry.review = change.review.unwrap_or(entry.review);
        entry.alert = change.alert.unwrap_or(entry.alert);
    }
    document.drop_empty_families();
    Ok((id, version))
}
