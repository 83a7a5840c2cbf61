//! What do pages show of the lists that are served?

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use known::bank::Meaning;

use super::Shared;
use super::catalogue::Taken;
use super::shelf::Shelf;
use crate::clock::now;

/// The lists that are served.
#[derive(Clone)]
pub(crate) struct Lists(Option<Shared>);

/// One list.
pub(crate) struct Line {
    /// Its name.
    pub(crate) name: String,
    /// Who it is from.
    pub(crate) source: String,
    /// Its edition.
    pub(crate) version: u64,
    /// The day that edition is of.
    pub(crate) created: String,
    /// How many entries it has.
    pub(crate) n_entries: usize,
    /// How many of them match nothing until a person looks: each matched a flood.
    pub(crate) n_set_aside: usize,
    /// Whether it names what is harmless.
    pub(crate) is_harmless: bool,
    /// When this edition was loaded.
    pub(crate) loaded_at: Timestamp,
    /// Who signed it.
    pub(crate) signed: Signed,
    /// A change of it that could not be used.
    pub(crate) fault: Option<Fault>,
}

/// Who signed a list.
pub(crate) enum Signed {
    /// It is part of the program.
    BuiltIn,
    /// Nobody's signature is asked for.
    NotAsked,
    /// These, and so many were needed.
    By {
        /// The names of their keys.
        names: Vec<String>,
        /// How many had to.
        n_needed: usize,
    },
}

/// A change that could not be used.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// Since when.
    pub(crate) since: Timestamp,
    /// What is wrong, and what to do.
    pub(crate) what: String,
}

impl Lists {
    /// Those of this service.
    pub(super) fn of(service: Shared) -> Lists {
        Lists(Some(service))
    }

    /// None at all.
    #[cfg(test)]
    pub(crate) fn none() -> Lists {
        Lists(None)
    }

    /// Each of them, in the order in which they are served.
    pub(crate) fn all(&self) -> Vec<Line> {
        let Some(service) = &self.0 else { return Vec::new() };
        let catalogue = service.catalogue();
        let fault = service.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let line = |(bank, (shelf, taken)): (usize, (&Arc<Shelf>, &Taken))| {
            // Each lock is given back before the next is taken: it is the same one.
            let n_set_aside = shelf.bank().quarantined().count();
            let is_harmless = shelf.rules().meaning == Meaning::Harmless;
            Line {
                name: shelf.header.name.clone(),
                source: shelf.header.source.clone(),
                version: shelf.header.version,
                created: shelf.header.created.to_string().chars().take_while(|c| *c != 'T').collect(),
                n_entries: shelf.n_entries,
                n_set_aside,
                is_harmless,
                loaded_at: taken.at,
                signed: match (
                    service.sources.is_built_in(bank),
                    service.sources.n_signatures_needed(),
                    &taken.signed_by,
                ) {
                    (true, ..) => Signed::BuiltIn,
                    (false, Some(n_needed), Some(names)) => Signed::By { names: names.clone(), n_needed },
                    (false, ..) => Signed::NotAsked,
                },
                fault: fault.clone().filter(|(of, _)| *of == bank).map(|(_, fault)| fault),
            }
        };
        catalogue.shelves.iter().zip(&catalogue.taken).enumerate().map(line).collect()
    }
}

/// Takes note that a change of this list could not be used.
pub(super) fn failed(service: &Shared, bank: usize, error: &anyhow::Error) {
    let what = format!("{error:#}");
    let mut place = service.fault.lock().unwrap_or_else(PoisonError::into_inner);
    // What is tried again and again stays one fault, from when it was first seen.
    if place.as_ref().is_none_or(|(of, fault)| *of != bank || fault.what != what) {
        *place = Some((bank, Fault { since: now(), what }));
    }
}

/// Takes note that what is served is what is there.
pub(super) fn mended(service: &Shared) {
    *service.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
}
