//! How is the bus, where there is one process only?

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lease::{Lease, Name, Revision};
use tokio::sync::mpsc;

use super::Change;
use crate::incident::Record;

/// A bus inside this process: the same rules, no network.
#[derive(Clone, Debug, Default)]
pub struct InProcess(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<Name, (Revision, Option<Lease>)>,
    newest: u64,
    watchers: Vec<(Option<Name>, mpsc::Sender<Change>)>,
    incidents: Vec<Record>,
}

/// A watcher that leaves this many changes unread is dropped, as a slow consumer is from NATS.
const UNREAD_MAX: usize = 4096;

impl InProcess {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self, stream: &Name, lease: Option<&Lease>, after: Revision) -> Option<Revision> {
        let mut state = self.state();
        let standing = state.entries.get(stream).map_or(Revision(0), |(revision, _)| *revision);
        if standing != after {
            return None;
        }
        state.newest += 1;
        let change = Change { stream: stream.clone(), revision: Revision(state.newest), lease: lease.cloned() };
        state.entries.insert(stream.clone(), (change.revision, change.lease.clone()));
        state.watchers.retain(|(only, watcher)| {
            only.as_ref().is_some_and(|only| only != stream) || watcher.try_send(change.clone()).is_ok()
        });
        Some(change.revision)
    }

    pub(super) fn watch(&self, stream: Option<Name>) -> mpsc::Receiver<Change> {
        let (sender, receiver) = mpsc::channel(UNREAD_MAX);
        let mut state = self.state();
        if let Some(stream) = stream.clone().filter(|stream| !state.entries.contains_key(stream)) {
            let _ = sender.try_send(Change { stream, revision: Revision(0), lease: None });
        }
        for (name, (revision, lease)) in &state.entries {
            if stream.as_ref().is_none_or(|only| only == name) {
                let _ = sender.try_send(Change { stream: name.clone(), revision: *revision, lease: lease.clone() });
            }
        }
        state.watchers.push((stream, sender));
        receiver
    }

    pub(super) fn report(&self, record: &Record) {
        let mut state = self.state();
        if state.incidents.iter().all(|known| known.id != record.id) {
            state.incidents.push(record.clone());
        }
    }

    /// Every incident so far, each once, in the order of arrival.
    pub fn incidents(&self) -> Vec<Record> {
        self.state().incidents.clone()
    }
}
