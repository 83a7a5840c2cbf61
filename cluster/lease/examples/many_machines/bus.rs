//! What stands on the bus, and how long does it take?
//!
//! One entry for each stream, compare-and-set. Every change goes to the stream's gate and to every worker twice, by the
//! bucket's watch and by a plain message; the machines here see it once, both are counted, and both take their place
//! in the one line that the bus works off at its rate.

use lease::{Lease, Name, Revision};

use super::costs::{Costs, Dice};

/// The bus.
pub(crate) struct Bus {
    entries: Vec<(Revision, Option<Lease>)>,
    newest: u64,
    n_workers: f64,
    costs: Costs,
    /// When what was given to it so far is delivered.
    free_us: f64,
    silent_until: u64,
    /// How many times as long everything takes.
    pub(crate) slow: u64,
}

/// A write that went through.
pub(crate) struct Written {
    /// Which change it is.
    pub(crate) revision: Revision,
    /// What stands there now.
    pub(crate) lease: Option<Lease>,
    /// When the bus has it, replicated.
    pub(crate) at_us: u64,
    /// How long it waited for what was before it.
    pub(crate) waited_us: u64,
    /// Messages that it cost.
    pub(crate) n_messages: f64,
}

/// A gate reads its entry each two seconds: a request and an answer. Source: `READ_EVERY` in
/// `cluster/src/bus/jetstream.rs`.
const READS_PER_S: f64 = 1.0;

impl Bus {
    /// A bus on which nothing stands.
    pub(crate) fn new(n_streams: usize, n_workers: usize, costs: Costs) -> Bus {
        let entries = vec![(Revision(0), None); n_streams];
        Bus { entries, newest: 0, n_workers: n_workers as f64, costs, free_us: 0.0, silent_until: 0, slow: 1 }
    }

    /// Messages for one change: the write and its answer, and the watch and the plain message for each receiver.
    pub(crate) fn n_messages(&self) -> f64 {
        2.0 + 2.0 * (self.n_workers + 1.0)
    }

    /// What is left for changes, messages a second, beside the gates' reads.
    fn rate(&self) -> f64 {
        (self.costs.messages_per_s - self.entries.len() as f64 * READS_PER_S).max(1.0)
    }

    /// Replaces an entry if `after` is its newest revision and the bus is there.
    pub(crate) fn write(
        &mut self,
        stream: usize,
        lease: Option<Lease>,
        after: Revision,
        now: u64,
        dice: &mut Dice,
    ) -> Option<Written> {
        if self.is_down(now) || self.entries[stream].0 != after {
            return None;
        }
        self.newest += 1;
        let revision = Revision(self.newest);
        self.entries[stream] = (revision, lease.clone());
        let waited = (self.free_us - now as f64).max(0.0);
        let n_messages = self.n_messages();
        self.free_us = now as f64 + waited + n_messages / self.rate() * 1e6;
        let at_us = self.free_us as u64 + dice.draw_us(self.costs.write) * self.slow;
        Some(Written { revision, lease, at_us, waited_us: waited as u64, n_messages })
    }

    /// Nothing is written until then.
    pub(crate) fn silence(&mut self, until: u64) {
        self.silent_until = until;
    }

    /// Whether it is silent.
    pub(crate) fn is_down(&self, now: u64) -> bool {
        now < self.silent_until
    }

    /// The epoch that stands there.
    pub(crate) fn epoch(&self, stream: usize) -> u64 {
        self.entries[stream].1.as_ref().map_or(0, |lease| lease.epoch)
    }

    /// Who holds the lease.
    pub(crate) fn holder(&self, stream: usize) -> Option<Name> {
        Some(self.entries[stream].1.as_ref()?.holder.as_ref()?.worker.clone())
    }

    /// Every entry.
    pub(crate) fn standing(&self) -> Vec<(usize, Revision, Lease)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(n, (revision, lease))| Some((n, *revision, lease.clone()?))).collect()
    }
}
